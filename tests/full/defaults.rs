//! Stating a compiler's own defaults changes nothing: asked of Debian's gcc and its cross compilers.
//!
//! Every compiler here must be installed; a missing one is a failure that names its package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ccroute::abi::triple::Triple;
use ccroute::abi::{verdict, Float, Known, Level, Target};
use ccroute::compiler::stated::stated;

mod compilers;

use compilers::{Compiler, COMMON, COMPILERS, HARDENING, SOURCE};

impl Compiler {
    fn target(&self) -> Target {
        let triple = Triple::parse(self.triple);
        let triple = triple.unwrap_or_else(|e| panic!("{}: {e}", self.triple));
        Target::of_triple(&triple)
    }

    fn defaults(&self) -> Vec<String> {
        let all = self.defaults.iter().chain(&HARDENING);
        all.map(|d| d.to_string()).collect()
    }

    /// Compiles the source; the object's bytes, or nothing where the compiler refuses.
    fn object(&self, directory: &Path, flags: &[String]) -> Option<Vec<u8>> {
        let (source, object) = (directory.join("source.c"), directory.join("source.o"));
        let _ = fs::remove_file(&object);
        let output = Command::new(format!("{}-gcc", self.triple))
            // The debug information's own record of flags is the one place where a stated default
            // shows.
            .args(["-w", "-gno-record-gcc-switches", "-c", "-o"])
            .arg(&object)
            .args(flags)
            .arg(&source)
            .output();
        let output = output.unwrap_or_else(|e| {
            panic!(
                "{}-gcc: {e}: install the package {}",
                self.triple, self.package
            )
        });
        output
            .status
            .success()
            .then(|| fs::read(&object).unwrap_or_else(|e| panic!("{}: {e}", object.display())))
    }

    /// What the compiler predefines when it is given these flags.
    fn macros(&self, flags: &[&str]) -> Target {
        let output = Command::new(format!("{}-gcc", self.triple))
            .args(flags)
            .args(["-dM", "-E", "-x", "c", "/dev/null"])
            .output();
        let output = output.unwrap_or_else(|e| {
            panic!(
                "{}-gcc: {e}: install the package {}",
                self.triple, self.package
            )
        });
        let lines = output.stdout.split(|&b| b == b'\n');
        Target::of_macros(lines.filter_map(|line| {
            let definition = line.strip_prefix(b"#define ".as_slice())?;
            let at = definition.iter().position(|&b| b == b' ')?;
            Some((&definition[..at], &definition[at + 1..]))
        }))
    }
}

/// A directory of its own per compiler, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = base.join(format!("defaults-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let source = path.join("source.c");
        fs::write(&source, SOURCE).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| w.to_string()).collect()
}

#[test]
fn a_compilers_own_defaults_stated_change_not_one_byte() {
    for compiler in COMPILERS {
        let scratch = Scratch::new(compiler.triple);
        let defaults = compiler.defaults();
        for (user, dropped) in COMMON.iter().chain(compiler.cases) {
            let what = format!("{} {user:?}", compiler.triple);
            let kept = stated(&compiler.target(), &defaults, user);
            let gone: Vec<&str> = defaults
                .iter()
                .map(String::as_str)
                .filter(|d| !kept.iter().any(|k| k == d))
                .collect();
            let mut want = dropped.to_vec();
            want.sort_by_key(|w| defaults.iter().position(|d| d == w));
            assert_eq!(gone, want, "{what}");
            let user = strings(user);
            let alone = compiler.object(&scratch.0, &user);
            let with = compiler.object(&scratch.0, &[kept, user].concat());
            assert!(alone == with, "{what}: the objects differ");
        }
    }
}

#[test]
fn what_is_not_dropped_would_change_the_object() {
    // The case that gave the rule its weight: a -march left beside the user's -mcpu wins.
    let Some(arm) = COMPILERS.first() else {
        panic!("no compilers");
    };
    let scratch = Scratch::new("wrong");
    let user = strings(&["-O2", "-marm", "-mcpu=cortex-a15"]);
    let wrong = [strings(&["-march=armv7-a+fp"]), user.clone()].concat();
    assert!(arm.object(&scratch.0, &user) != arm.object(&scratch.0, &wrong));
}

#[test]
fn stack_protector_goes_where_there_is_no_library_to_fail_in() {
    let target = Target::default();
    let defaults = strings(&["-fstack-protector-strong"]);
    for flag in [
        "-ffreestanding",
        "-nostdlib",
        "-nodefaultlibs",
        "-fno-stack-protector",
    ] {
        assert!(stated(&target, &defaults, &[flag]).is_empty(), "{flag}");
    }
    for flag in [
        "-static",
        "-nostartfiles",
        "-fno-builtin",
        "-fstack-clash-protection",
    ] {
        assert_eq!(stated(&target, &defaults, &[flag]), defaults, "{flag}");
    }
}

#[test]
fn other_architectures_drop_by_their_own_tables() {
    type Row = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );
    let table: &[Row] = &[
        (
            "mipsel-linux-gnu",
            &["-march=mips32r2", "-mfpxx"],
            &["-mips4"],
            &["-mfpxx"],
        ),
        (
            "mipsel-linux-gnu",
            &["-march=mips32r2", "-mfpxx"],
            &["-msoft-float"],
            &["-march=mips32r2"],
        ),
        (
            "mipsel-linux-gnu",
            &["-march=mips32r2"],
            &["-mips16"],
            &["-march=mips32r2"],
        ),
        (
            "mips64el-linux-gnuabi64",
            &["-march=mips64r2", "-mabi=64"],
            &["-mabi=32"],
            &[],
        ),
        (
            "mips64el-linux-gnuabi64",
            &["-march=mips64r2", "-mabi=64"],
            &["-mabi=n32"],
            &["-march=mips64r2"],
        ),
        (
            "powerpc64le-linux-gnu",
            &["-mcpu=power8", "-mtune=power9"],
            &["-mcpu=power9"],
            &[],
        ),
        (
            "powerpc64-linux-gnu",
            &["-mabi=elfv1", "-mabi=ibmlongdouble"],
            &["-mabi=elfv2"],
            &["-mabi=ibmlongdouble"],
        ),
        (
            "powerpc64-linux-gnu",
            &["-mlong-double-128"],
            &["-mlong-double-64"],
            &[],
        ),
        (
            "s390x-linux-gnu",
            &["-march=z196", "-mtune=z13"],
            &["-march=z14"],
            &[],
        ),
        // Asked of Debian's s390x compiler: 31 bits come with -mesa.
        (
            "s390x-linux-gnu",
            &["-march=z196", "-m64", "-mzarch"],
            &["-m31"],
            &["-march=z196"],
        ),
        ("sparc64-linux-gnu", &["-mcpu=ultrasparc"], &["-m32"], &[]),
        (
            "loongarch64-linux-gnu",
            &["-march=la464", "-mabi=lp64d"],
            &["-march=loongarch64"],
            &["-mabi=lp64d"],
        ),
        (
            "x86_64-linux-gnu",
            &["-D_FORTIFY_SOURCE=2", "-DX"],
            &["-U_FORTIFY_SOURCE"],
            &["-DX"],
        ),
        (
            "x86_64-linux-gnu",
            &["--param", "ssp-buffer-size=4"],
            &["-O2"],
            &["--param", "ssp-buffer-size=4"],
        ),
        (
            "x86_64-linux-gnu",
            &["-mcld", "-mfpmath=sse"],
            &["-mno-cld", "-mfpmath=387"],
            &[],
        ),
    ];
    for (name, defaults, user, kept) in table {
        let triple = Triple::parse(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = stated(&Target::of_triple(&triple), &strings(defaults), user);
        assert_eq!(found, *kept, "{name} {defaults:?} {user:?}");
    }
}

#[test]
fn macros_and_flags_tell_the_same_of_a_compiler() {
    for compiler in COMPILERS {
        let all: Vec<&str> = compiler
            .defaults
            .iter()
            .chain(&HARDENING)
            .copied()
            .collect();
        let mut facts = compiler.macros(&[]);
        // No macro tells that; `-###` does: no -mfpu among these defaults.
        facts.fpu_of_isa = facts.fpu.is_known();
        let flags = compiler.target().refined(&all);
        for (user, _) in COMMON.iter().chain(compiler.cases) {
            let macros = compiler.macros(user);
            if macros == Target::default() {
                // The compiler refused the flags.
                continue;
            }
            let what = format!(
                "{} {user:?}\n macros {macros}\n flags  {}",
                compiler.triple,
                flags.refined(user)
            );
            let found = verdict(&flags.refined(user), &macros, &[] as &[&str]);
            assert!(
                found.level >= Level::Compatible,
                "{what}\n {:?}",
                found.refusal()
            );
            let found = verdict(&facts.refined(user), &macros, &[] as &[&str]);
            assert!(
                found.level >= Level::Compatible,
                "{what}\n {:?}",
                found.refusal()
            );
        }
    }
}

#[test]
fn float_abi_by_macros() {
    let [hard, soft, ..] = COMPILERS else {
        panic!("two ARM compilers");
    };
    assert_eq!(hard.macros(&[]).float, Known::Known(Float::Hard));
    assert_eq!(
        hard.macros(&["-mfloat-abi=softfp"]).float,
        Known::Known(Float::Softfp)
    );
    assert_eq!(soft.macros(&[]).float, Known::Known(Float::Soft));
}
