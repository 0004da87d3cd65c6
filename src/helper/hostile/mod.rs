//! Arguments that a client may not send: those with which gcc or clang run a program, load code,
//! or read and write files outside the job. The sandbox is the first line of defence; this is the
//! second, and the one that can say what was wrong. The client asks it too, before it sends a job.
//!
//! Which option is harmful is in the [table of options](crate::options::table). A word is looked at
//! as an option *wherever it stands*, also where it would be another option's value, and as gcc and
//! as clang read it: the option tables of gcc and clang
//! differ, between each other and from version to version, and a word that one takes for a value
//! is an option to the other (`-include-pch` takes a value in clang; gcc reads it as `-include`
//! with the file `-pch`, and then acts on the word that follows).
//!
//! No filter of arguments can see what the source itself does: `.incbin` in inline assembly and
//! `#include` of an absolute path are the sandbox's business.

mod files;
mod inner;
mod precompiled;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::compiler::name::Tool;
use crate::options::table::{rows, Dropped};
pub use crate::options::Harm;
use crate::options::{find, named, scan, scan_as, Family, Kind, Shape, When};
pub use files::JobFiles;
use inner::Inner;
pub use precompiled::precompiled;

/// Ends of input names that are no C family source, and are read by something else.
const OTHER_SOURCES: &[&str] = &[
    "s", "S", "sx", "asm", "bc", "ll", "ast", "pcm", "pch", "gch", "cu", "hip", "go", "d", "adb",
];

/// An argument that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostile {
    /// The option, as the client spelled it, without its value.
    pub option: String,
    pub harm: Harm,
    /// The reviewed reason.
    pub why: &'static str,
}

impl fmt::Display for Hostile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.option, self.harm, self.why)
    }
}

/// Looks at the arguments of a job on a helper (without `argv[0]`); the first that is harmful is
/// returned.
#[inline(never)] // Rare variables of a caller are pages of the stack that every call touches.
pub fn hostile<S: AsRef<OsStr>>(tool: Tool, args: &[S], job: &JobFiles) -> Option<Hostile> {
    let words: Vec<&[u8]> = args.iter().map(|a| a.as_ref().as_bytes()).collect();
    Check {
        tool,
        job,
        finds_as: words.iter().any(|w| NO_OWN_AS.contains(w)),
    }
    .driver(&words)
}

/// Options that make clang look for an assembler.
const NO_OWN_AS: &[&[u8]] = &[
    b"-fno-integrated-as",
    b"-no-integrated-as",
    b"--no-integrated-as",
];

struct Check<'a> {
    tool: Tool,
    job: &'a JobFiles,
    finds_as: bool,
}

impl Check<'_> {
    /// The words of the command line itself.
    fn driver(&self, words: &[&[u8]]) -> Option<Hostile> {
        let mut inner = Inner::default();
        for (i, &word) in words.iter().enumerate() {
            if let Some(found) = self.response(word) {
                return Some(found);
            }
            if word == b"--" {
                return refuse(
                    word,
                    Harm::Hides,
                    "the words after it are files, whatever they look like",
                );
            }
            if word.len() < 2 || word[0] != b'-' {
                continue;
            }
            let next = words.get(i + 1).copied();
            for spelling in spellings(word) {
                if let Some(found) = self.option(word, &spelling, next) {
                    return Some(found);
                }
                inner.collect(&spelling, next);
            }
            if let Some(found) = self.slash(word) {
                return Some(found);
            }
        }
        self.read_alike(words)
            .or_else(|| self.compiler_proper(&inner.cc1))
            .or_else(|| self.assembler(&inner.assembler))
            .or_else(|| self.llvm(&inner.llvm))
            .or_else(|| self.linker(&inner.linker))
    }

    /// That gcc and clang agree on which words are options, and both see `-c` or `-S`: the job's
    /// target and files are read off these words, whatever compiler then runs.
    fn read_alike(&self, words: &[&[u8]]) -> Option<Hostile> {
        let list: Vec<&OsStr> = words.iter().map(|w| OsStr::from_bytes(w)).collect();
        let [gcc, clang] = [Family::Gcc, Family::Clang].map(|family| scan_as(family, &list));
        let mut compiles = false;
        for (as_gcc, as_clang) in gcc.zip(clang) {
            if as_gcc.words != as_clang.words {
                let why = "gcc and clang differ in which words belong to it";
                return refuse(option_name(words[as_gcc.index]), Harm::Hides, why);
            }
            if let Kind::Input(word) = as_gcc.kind {
                if let Some(found) = self.input(word) {
                    return Some(found);
                }
            }
            compiles |= as_gcc.compiles() && as_clang.compiles();
        }
        if !compiles {
            let why = "without -c or -S the linker runs, with the client's arguments";
            return refuse(b"no -c", Harm::Runs, why);
        }
        None
    }

    /// `@FILE`: gcc and clang put the file's words in its place before they look at anything.
    fn response(&self, word: &[u8]) -> Option<Hostile> {
        if word.len() > 1 && word[0] == b'@' {
            return refuse(b"@FILE", Harm::Reads, "a file of further arguments");
        }
        None
    }

    /// An input file of the driver.
    fn input(&self, word: &[u8]) -> Option<Hostile> {
        let end = word.rsplit(|&b| b == b'.').next().unwrap_or_default();
        if word.contains(&b'.') && OTHER_SOURCES.iter().any(|e| e.as_bytes() == end) {
            let why = "a source of this kind can read files, or runs another compiler";
            return refuse(b"the input", Harm::Reads, why);
        }
        // A bare word is a file of the job's directory at most, or a value that the scanner does
        // not know; only another job's file there is worth reading.
        let bare = !word.contains(&b'/') && !word.starts_with(b"distcc");
        if bare || self.job.owns(word) {
            return None;
        }
        refuse(b"an input", Harm::Reads, "is not a file of this job")
    }

    /// One option in one spelling, as gcc and as clang read it.
    fn option(&self, word: &[u8], spelling: &[u8], next: Option<&[u8]>) -> Option<Hostile> {
        let mut families = [Family::Gcc, Family::Clang];
        if self.tool.is_clang() {
            families.reverse();
        }
        let rows = families.map(|family| find(family, spelling));
        rows.into_iter().flatten().find_map(|row| {
            let refused = row.refused.as_ref()?;
            let next = next.filter(|_| row.takes(Family::Any) > 0);
            let value = row.value(spelling).or(next).unwrap_or_default();
            // Two dashes for one are another spelling of long options: `--debug` is no `-d`.
            let stripped = spelling != word && word.ends_with(spelling);
            if stripped && row.name.len() == 2 || !self.refuses(refused.when, value, spelling) {
                return None;
            }
            refuse(option_name(word), refused.harm, refused.why)
        })
    }

    /// Whether an option is refused with this value.
    fn refuses(&self, when: When, value: &[u8], spelling: &[u8]) -> bool {
        match when {
            When::Outside => !value.is_empty() && !self.job.owns(value),
            When::OutsideTree => !value.is_empty() && !self.job.owns_dir(value),
            When::ClangFindsAs => self.tool.is_clang() && self.finds_as,
            When::DumpLetters => self.dumps(spelling, value),
            _ => when.holds(value),
        }
    }

    /// Whether gcc's `-dLETTERS` asks for a dump. Many words of clang's begin with a `d`.
    fn dumps(&self, spelling: &[u8], value: &[u8]) -> bool {
        let letters = spelling.strip_prefix(b"-d").unwrap_or(value);
        let words = |b: &u8| !b.is_ascii_alphanumeric();
        let clangs = self.tool.is_clang() && letters.iter().any(words);
        !clangs && letters.iter().any(|b| !b"ADIMNPUp".contains(b))
    }

    /// The pattern behind the table: of options that begin with `-f`, `-m` and the like, a value
    /// with a slash is a path, unless it is known not to be one. Catches what other versions and
    /// targets add (`-mmcu=../../x` makes avr-gcc read a specs file).
    fn slash(&self, word: &[u8]) -> Option<Hostile> {
        if !matches!(word.get(1), Some(b'f' | b'm' | b'g' | b's' | b'-')) {
            return None;
        }
        let (name, value) = split_value(word);
        let file = value?.rsplit(|&b| b == b'=').next().unwrap_or_default();
        // What a target does with such a value is not relative to the job's directory.
        let target = word.starts_with(b"-m") || word.starts_with(b"--machine");
        if !file.contains(&b'/') || slash_is_harmless(name) || (!target && self.job.owns(file)) {
            return None;
        }
        refuse(option_name(word), Harm::Reads, "its value is a path")
    }
}

/// The word, and what else gcc and clang read it as: a long option with one dash or two, gcc's
/// `--X` for `-fX`, `--warn-X` for `-WX`, `--machine-X` for `-mX`, and its long names for short
/// options, also abbreviated.
fn spellings(word: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let mut more = Vec::new();
    if let Some(name) = word.strip_prefix(b"--").filter(|n| !n.is_empty()) {
        more.push(Cow::Borrowed(&word[1..]));
        more.push(Cow::Owned([b"-f", name].concat()));
        if let Some(rest) = name.strip_prefix(b"warn-") {
            more.push(Cow::Owned([b"-W", rest].concat()));
        }
        if let Some(rest) = name.strip_prefix(b"machine-") {
            more.push(Cow::Owned([b"-m", rest].concat()));
        }
        let (long, value) = split_value(word);
        for row in rows() {
            let Some(short) = row.long_for else { continue };
            // gcc before 4.6 took any unambiguous beginning.
            let begins = long.len() > 3 && row.name.as_bytes().starts_with(long);
            if begins || row.name.as_bytes() == long {
                let joins = named(short.as_bytes()).is_some_and(|r| r.shape == Shape::Joined);
                let equals = if joins || value.is_none() { "" } else { "=" };
                let parts = [
                    short.as_bytes(),
                    equals.as_bytes(),
                    value.unwrap_or_default(),
                ];
                more.push(Cow::Owned(parts.concat()));
            }
        }
    }
    std::iter::once(Cow::Borrowed(word)).chain(more)
}

/// `NAME=VALUE` at the first `=`.
fn split_value(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    match word.iter().position(|&b| b == b'=') {
        Some(at) => (&word[..at], Some(&word[at + 1..])),
        None => (word, None),
    }
}

/// The option's name as it was spelled, for the message: never its value.
fn option_name(word: &[u8]) -> &[u8] {
    let name = split_value(word).0;
    let end = name.iter().position(|b| matches!(b, b',' | b'/'));
    &name[..end.unwrap_or(name.len())]
}

/// Whether a slash in this option's value names no file that is opened.
fn slash_is_harmless(name: &[u8]) -> bool {
    let label = |name: &[u8]| named(name).is_some_and(|row| row.label || row.long_for.is_some());
    // gcc's `--X` is `-fX`.
    let short = name.strip_prefix(b"--").map(|rest| [b"-f", rest].concat());
    label(name) || short.is_some_and(|short| label(&short))
}

/// Arguments without the options that the table drops in these places.
pub fn without<'a>(args: &[&'a OsStr], places: &[Dropped]) -> Vec<&'a OsStr> {
    let mut kept = Vec::with_capacity(args.len());
    for arg in scan(args) {
        let dropped = arg.row.and_then(|row| row.dropped);
        if !dropped.is_some_and(|place| places.contains(&place)) {
            kept.extend_from_slice(&args[arg.index..arg.index + arg.words]);
        }
    }
    kept
}

/// A refusal.
fn refuse(option: &[u8], harm: Harm, why: &'static str) -> Option<Hostile> {
    let option: String = String::from_utf8_lossy(option)
        .chars()
        .filter(|c| !c.is_control())
        .take(60)
        .collect();
    Some(Hostile { option, harm, why })
}
