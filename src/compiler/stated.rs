//! A client compiler's defaults, stated for a stand-in.
//!
//! gcc drops what it was configured to assume when the user says something else (its
//! OPTION_DEFAULT_SPECS): a configured `-march` goes when the user gives `-march` or `-mcpu`, and
//! leaving it beside the user's `-mcpu` would win over that. Stating a compiler's own defaults by
//! the same rules therefore changes not one byte.

use std::ffi::OsStr;

use crate::abi::{Arch, Target};
use crate::options::{scan, Arg, Kind};

/// Defaults that go when the user gives certain flags. A final `*` stands for any text.
struct Rule {
    defaults: &'static [&'static str],
    unless: &'static [&'static str],
}

/// A rule whose flags override each other.
const fn group(flags: &'static [&'static str]) -> Rule {
    Rule {
        defaults: flags,
        unless: flags,
    }
}

const fn rule(defaults: &'static [&'static str], unless: &'static [&'static str]) -> Rule {
    Rule { defaults, unless }
}

/// All architectures. What no rule names falls to its own name: `-mplt` to `-mno-plt`.
const COMMON: &[Rule] = &[
    // One state with eight flags, of which the last counts. -static, -shared, -static-pie, -pie,
    // -no-pie, -nostdlib, -r and -ffreestanding do not touch it when gcc compiles (they choose
    // start files and the linker's mode); `tests/defaults.rs` asks the compilers.
    group(&[
        "-fpie", "-fPIE", "-fno-pie", "-fno-PIE", "-fpic", "-fPIC", "-fno-pic", "-fno-PIC",
    ]),
    // Distributions that default to it (Ubuntu, Alpine, Gentoo) switch it off by their specs where
    // there is no C library to call __stack_chk_fail in.
    rule(
        &[
            "-fstack-protector",
            "-fstack-protector-strong",
            "-fstack-protector-all",
            "-fstack-protector-explicit",
        ],
        &[
            "-fstack-protector*",
            "-fno-stack-protector*",
            "-ffreestanding",
            "-fno-hosted",
            "-nostdlib",
            "-nodefaultlibs",
        ],
    ),
    rule(
        &["-fno-stack-protector"],
        &["-fstack-protector*", "-fno-stack-protector*"],
    ),
    group(&[
        "-mlittle-endian",
        "-mbig-endian",
        "-mlittle",
        "-mbig",
        "-EL",
        "-EB",
        "-mel",
        "-meb",
    ]),
    group(&["-mlong-double-64", "-mlong-double-80", "-mlong-double-128"]),
];

const FLOAT: Rule = group(&["-msoft-float", "-mhard-float", "-mfloat-abi=*"]);

const ARM: &[Rule] = &[
    rule(&["-march=*", "-mcpu=*"], &["-march=*", "-mcpu=*"]),
    rule(&["-mtune=*"], &["-mtune=*", "-mcpu=*"]),
    FLOAT,
    group(&["-marm", "-mthumb"]),
];

const AARCH64: &[Rule] = &[
    rule(&["-march=*", "-mcpu=*"], &["-march=*", "-mcpu=*"]),
    rule(&["-mtune=*"], &["-mtune=*", "-mcpu=*"]),
];

const X86: &[Rule] = &[
    rule(&["-march=*"], &["-march=*"]),
    // -mcpu is an old spelling of -mtune here.
    rule(
        &["-mtune=*", "-mcpu=*"],
        &["-mtune=*", "-mcpu=*", "-march=*"],
    ),
    group(&["-m32", "-m64", "-mx32", "-m16", "-miamcu"]),
];

const RISCV: &[Rule] = &[
    rule(&["-march=*", "-mcpu=*"], &["-march=*", "-mcpu=*"]),
    rule(&["-mtune=*"], &["-mtune=*", "-mcpu=*"]),
];

const MIPS: &[Rule] = &[
    // -mips4, -mips32r2 … are -march by another name; -mips16 is a mode, -mips3d an extension.
    rule(
        &[
            "-march=*", "-mips1", "-mips2", "-mips3", "-mips4", "-mips32*", "-mips64*",
        ],
        &[
            "-march=*", "-mips1", "-mips2", "-mips3", "-mips4", "-mips32*", "-mips64*",
        ],
    ),
    FLOAT,
    group(&["-msingle-float", "-mdouble-float"]),
    group(&["-mdivide-traps", "-mdivide-breaks"]),
    rule(
        &["-mfpxx", "-mfp32", "-mfp64"],
        &["-mfp*", "-msoft-float", "-msingle-float", "-mmsa"],
    ),
    rule(
        &["-modd-spreg", "-mno-odd-spreg"],
        &[
            "-modd-spreg",
            "-mno-odd-spreg",
            "-msoft-float",
            "-msingle-float",
        ],
    ),
];

const POWERPC: &[Rule] = &[
    rule(&["-mcpu=*"], &["-mcpu=*"]),
    rule(&["-mtune=*"], &["-mtune=*", "-mcpu=*"]),
    FLOAT,
    // Three choices share -mabi=.
    group(&["-mabi=elfv1", "-mabi=elfv2"]),
    group(&["-mabi=ieeelongdouble", "-mabi=ibmlongdouble"]),
    group(&["-mabi=altivec", "-mabi=no-altivec"]),
    group(&["-m32", "-m64"]),
];

const S390: &[Rule] = &[
    rule(&["-mtune=*"], &["-mtune=*", "-march=*"]),
    group(&["-mesa", "-mzarch"]),
    group(&["-m31", "-m64"]),
];

const SPARC: &[Rule] = &[
    rule(&["-mcpu=*"], &["-mcpu=*"]),
    rule(
        &["-msoft-float", "-mhard-float", "-mfpu", "-mno-fpu"],
        &["-msoft-float", "-mhard-float", "-mfpu", "-mno-fpu"],
    ),
    group(&["-m32", "-m64"]),
];

fn rules(arch: Option<Arch>) -> &'static [Rule] {
    match arch {
        Some(Arch::Arm) => ARM,
        Some(Arch::Aarch64) => AARCH64,
        Some(Arch::I386 | Arch::X86_64) => X86,
        Some(Arch::Riscv32 | Arch::Riscv64) => RISCV,
        Some(Arch::Mips | Arch::Mips64) => MIPS,
        Some(Arch::Powerpc | Arch::Powerpc64) => POWERPC,
        Some(Arch::S390 | Arch::S390x) => S390,
        Some(Arch::Sparc | Arch::Sparc64) => SPARC,
        _ => &[],
    }
}

/// Defaults of the configured width, which `-m32` or `-mabi=` leaves: gcc has others for that
/// (`--with-arch-32`), of which these say nothing.
const OF_WIDTH: &[(&[Arch], &[&str])] = &[
    (&[Arch::I386, Arch::X86_64], &["-march=*"]),
    (
        &[Arch::Mips, Arch::Mips64],
        &[
            "-march=*",
            "-mips*",
            "-mtune=*",
            "-mfpxx",
            "-mfp32",
            "-mfp64",
            "-modd-spreg",
            "-mno-odd-spreg",
        ],
    ),
    (&[Arch::Powerpc, Arch::Powerpc64], &["-mcpu=*", "-mtune=*"]),
    (&[Arch::S390, Arch::S390x], &["-mesa", "-mzarch"]),
    (&[Arch::Sparc, Arch::Sparc64], &["-mcpu=*"]),
];

/// The defaults to put before a request's arguments: the client's, less those that the request
/// overrides as the client's own gcc would drop them. `arch_of` is the target that the defaults are
/// of, before the request's flags. Arguments in `@FILE`s are not seen.
pub fn stated(arch_of: &Target, defaults: &[String], args: &[impl AsRef<OsStr>]) -> Vec<String> {
    let arch = arch_of.architecture();
    let rules = rules(arch);
    let gone: &[&str] = if defaults.is_empty() || arch_of.refined(args).architecture() == arch {
        &[]
    } else {
        let row = OF_WIDTH
            .iter()
            .find(|(of, _)| arch.is_some_and(|a| of.contains(&a)));
        row.map_or(&[], |(_, flags)| flags)
    };
    let mut kept = Vec::with_capacity(defaults.len());
    for default in scan(defaults) {
        let words = &defaults[default.index..default.index + default.words];
        let text = words[0].as_str();
        let overridden = match rules
            .iter()
            .chain(COMMON)
            .find(|r| matches(r.defaults, text))
        {
            Some(rule) => flags(args).any(|flag| matches_bytes(rule.unless, flag)),
            None => scan(args).any(|arg| same_name(&default, &arg)),
        };
        if !overridden && !matches(gone, text) {
            kept.extend_from_slice(words);
        }
    }
    kept
}

/// How many words at the beginning of `args` only say what the compiler assumes anyway. They are in
/// `assumed`, its own defaults, and in that order; they do not come again. gcc lists what it is told
/// in debug information (DW_AT_producer), and nothing else depends on these words.
pub fn assumed_words(args: &[impl AsRef<OsStr>], assumed: &[String]) -> usize {
    let words = |arg: &Arg<'_>| args[arg.index..].iter().take(arg.words).map(AsRef::as_ref);
    let mut rest = scan(assumed);
    let mut end = 0;
    for arg in scan(args) {
        let same = |default: &Arg<'_>| {
            let default = &assumed[default.index..];
            default
                .iter()
                .take(arg.words)
                .map(OsStr::new)
                .eq(words(&arg))
        };
        if !rest.any(|default| default.words == arg.words && same(&default)) {
            break;
        }
        end = arg.index + arg.words;
    }
    let again = |arg: &Arg<'_>| scan(&args[..end]).any(|first| words(&first).eq(words(arg)));
    match scan(args)
        .skip_while(|arg| arg.index < end)
        .any(|arg| again(&arg))
    {
        true => 0,
        false => end,
    }
}

/// The arguments that are flags without a separate value.
fn flags(args: &[impl AsRef<OsStr>]) -> impl Iterator<Item = &[u8]> {
    scan(args).filter_map(|arg| match arg.kind {
        Kind::Plain(word) => Some(word),
        _ => None,
    })
}

fn matches(patterns: &[&str], text: &str) -> bool {
    matches_bytes(patterns, text.as_bytes())
}

fn matches_bytes(patterns: &[&str], text: &[u8]) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => text.starts_with(prefix.as_bytes()),
            None => text == pattern.as_bytes(),
        })
}

/// Whether a user's argument sets what a default without a rule sets: the same option with another
/// value, or its negation. `-D` and `-U` of one macro name are the same.
fn same_name(default: &Arg<'_>, user: &Arg<'_>) -> bool {
    match (default.kind, user.kind) {
        (Kind::Plain(a), Kind::Plain(b)) => stem(a) == stem(b),
        (Kind::Valued(a, Some(x)), Kind::Valued(b, Some(y))) => {
            let macros: [&[u8]; 2] = [b"-D", b"-U"];
            let both_macros = macros.contains(&a) && macros.contains(&b);
            (a == b || both_macros) && before_equals(x) == before_equals(y)
        }
        _ => false,
    }
}

/// An option without `no-` and value: `-mno-plt` and `-mplt` are `(m, plt)`.
fn stem(word: &[u8]) -> (u8, &[u8]) {
    let (Some(&letter), Some(rest)) = (word.get(1), word.get(2..)) else {
        return (0, word);
    };
    if !matches!(letter, b'f' | b'm' | b'W') {
        return (0, word);
    }
    let rest = rest.strip_prefix(b"no-".as_slice()).unwrap_or(rest);
    (letter, before_equals(rest))
}

fn before_equals(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|&c| c == b'=');
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_defaults_that_begin_a_job_in_their_order_are_left_out() {
        let assumed = "-march=armv7-a -mfloat-abi=hard --param a=1 --param b=2 -fPIE";
        let assumed: Vec<String> = assumed.split(' ').map(String::from).collect();
        for (line, want) in [
            ("-march=armv7-a -mfloat-abi=hard -fPIE -O2 -c a.i", 3),
            ("-mfloat-abi=hard -fPIE -mcpu=x -c a.i", 2),
            ("-fPIE -c a.i", 1),
            ("-O2 -fPIE -c a.i", 0),
            // Not in that order: the user's own.
            ("-fPIE -march=armv7-a -c a.i", 1),
            ("-march=armv6 -fPIE -c a.i", 0),
            // A value stays with its option.
            ("--param b=2 -fPIE -c a.i", 3),
            ("--param c=3 -c a.i", 0),
            ("--param a=1", 2),
            // They come again, so the user typed one of them.
            ("-march=armv7-a -fPIE -c a.i -fPIE", 0),
            ("-fPIE -c a.i -fno-pie", 1),
            ("", 0),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(assumed_words(&words, &assumed), want, "{line}");
        }
        assert_eq!(assumed_words(&["-fPIE", "-c"], &[]), 0);
    }
}
