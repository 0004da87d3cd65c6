//! Arguments that a client may not send: those with which gcc or clang run a program, load code,
//! or read and write files outside the job. The sandbox is the first line of defence; this is the
//! second, and the one that can say what was wrong.
//!
//! What is harmful stands in one table ([`table`]). A word is looked at as an option *wherever it
//! stands*, also where it would be another option's value: the option tables of gcc and clang
//! differ, between each other and from version to version, and a word that one takes for a value
//! is an option to the other (`-include-pch` takes a value in clang; gcc reads it as `-include`
//! with the file `-pch`, and then acts on the word that follows).
//!
//! No filter of arguments can see what the source itself does: `.incbin` in inline assembly and
//! `#include` of an absolute path are the sandbox's business.

mod files;
mod table;

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::compiler::name::Tool;
use crate::options::{self, Kind};
pub use files::JobFiles;
use table::{Row, Shape, When};

/// What an argument would have the compiler do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Harm {
    /// Runs a program of the client's choice.
    Runs,
    /// Loads code or compiled data into the compiler, or links it into the object.
    Loads,
    /// Reads a file that is not the job's.
    Reads,
    /// Writes a file that is not the job's.
    Writes,
    /// Compiles nothing, and may say so with exit status 0.
    NoObject,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Harm::Runs => "runs a program",
            Harm::Loads => "loads code",
            Harm::Reads => "reads outside the job",
            Harm::Writes => "writes outside the job",
            Harm::NoObject => "makes no object",
        })
    }
}

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

/// Longest list that is taken apart out of one word, in items; nobody sends as many.
const ITEMS_MAX: usize = 4096;

struct Check<'a> {
    tool: Tool,
    job: &'a JobFiles,
    finds_as: bool,
}

impl Check<'_> {
    /// The words of the command line itself.
    fn driver(&self, words: &[&[u8]]) -> Option<Hostile> {
        let mut inner = Inner::default();
        let mut compiles = false;
        for (i, &word) in words.iter().enumerate() {
            if let Some(found) = self.response(word) {
                return Some(found);
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
        let list: Vec<&OsStr> = words.iter().map(|w| OsStr::from_bytes(w)).collect();
        for arg in options::scan(&list) {
            match arg.kind {
                Kind::Input(word) => {
                    if let Some(found) = self.input(word) {
                        return Some(found);
                    }
                }
                Kind::Plain(b"-c" | b"-S" | b"--compile" | b"--assemble") => compiles = true,
                _ => {}
            }
        }
        if !compiles {
            let why = "without -c or -S the linker runs, with the client's arguments";
            return refuse(b"no -c", Harm::Runs, why);
        }
        self.compiler_proper(&inner.cc1)
            .or_else(|| self.assembler(&inner.assembler))
            .or_else(|| self.llvm(&inner.llvm))
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
        if word.contains(&b'.') && table::OTHER_SOURCES.iter().any(|e| e.as_bytes() == end) {
            let why = "a source of this kind can read files, or runs another compiler";
            return refuse(b"the input", Harm::Reads, why);
        }
        // A bare word is a file of the job's directory at most, or a value that the scanner does
        // not know; only another job's file there is worth reading.
        let bare = !word.contains(&b'/') && !word.starts_with(b"distcc");
        if bare || self.job.owns(word) {
            return None;
        }
        refuse(b"an input", Harm::Reads, "is no file of this job")
    }

    /// One option in one spelling, against the table.
    fn option(&self, word: &[u8], spelling: &[u8], next: Option<&[u8]>) -> Option<Hostile> {
        let rows = table::SECOND.iter().zip(table::ROWS);
        for (_, row) in rows.filter(|(second, _)| spelling.get(1) == Some(second)) {
            let name = row.name.as_bytes();
            if !spelling.starts_with(name) {
                continue;
            }
            if let Some(value) = value_of(row, &spelling[name.len()..], next) {
                if self.refused(row, value) {
                    return refuse(option_name(word), row.harm, row.why);
                }
            }
        }
        None
    }

    /// Whether a row that meets the option refuses it with this value.
    fn refused(&self, row: &Row, value: &[u8]) -> bool {
        match row.when {
            When::Always => true,
            When::Outside => !value.is_empty() && !self.job.owns(value),
            When::OutsideTree => !value.is_empty() && !self.job.owns_dir(value),
            When::ClangFindsAs => self.tool.is_clang() && self.finds_as,
            When::OtherLanguage => !table::LANGUAGES.iter().any(|l| l.as_bytes() == value),
            When::DumpLetter => {
                // `-dumpdir` and the like have rows of their own; clang's and Darwin's linker's
                // words with a `d` are longer than anyone's letters.
                (1..=4).contains(&value.len())
                    && value.iter().all(u8::is_ascii_alphabetic)
                    && value.iter().any(|b| !b"ADIMNPUp".contains(b))
            }
            When::HoldsOptions => !matches!(value, b"" | b"-gtoggle"),
            When::AsksForList => matches!(value, b"?" | b"help"),
            When::OtherDriver => !matches!(value, b"gcc" | b"g++" | b"cpp"),
        }
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

    /// What `-Xclang`, `-Xpreprocessor` and `-Wp,` hand to the compiler proper.
    fn compiler_proper(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        for (i, item) in items.iter().enumerate() {
            let next = items.get(i + 1).map(Vec::as_slice);
            if let Some(found) = self.response(item) {
                return Some(found);
            }
            let before = item_before(items, i);
            if item.len() > 1 && item[0] == b'-' {
                for spelling in spellings(item) {
                    if let Some(found) = self.option(item, &spelling, next) {
                        return Some(found);
                    }
                }
                if let Some(found) = self.slash(item) {
                    return Some(found);
                }
                if item == b"-mllvm" {
                    let value = items.get(i + 1).map(std::slice::from_ref);
                    if let Some(found) = self.llvm(value.unwrap_or_default()) {
                        return Some(found);
                    }
                }
            } else if matches!(before, b"-MD" | b"-MMD") && !self.job.owns(item) {
                // Unlike the driver's, these take the file's name.
                return refuse(before, Harm::Writes, "writes dependencies to a file");
            } else if item.contains(&b'/')
                && !self.job.owns(item)
                && !matches!(before, b"-D" | b"-U" | b"-MT" | b"-MQ")
                && !slash_is_harmless(before)
            {
                return refuse(before, Harm::Reads, "hands a path to the compiler proper");
            }
        }
        None
    }

    /// What `-Wa,` and `-Xassembler` hand to the assembler, which takes any unambiguous beginning
    /// of its long options, with one dash or two.
    fn assembler(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        for (i, item) in items.iter().enumerate() {
            if let Some(found) = self.response(item) {
                return Some(found);
            }
            let before = item_before(items, i);
            let option = item.strip_prefix(b"-").unwrap_or_default();
            let option = option.strip_prefix(b"-").unwrap_or(option);
            if item.first() != Some(&b'-') {
                let is_value = [&b"--def"[..], b"-def", b"--debug-prefix-map"]
                    .iter()
                    .any(|option| before.starts_with(option));
                if !item.is_empty() && !is_value {
                    return refuse(b"-Wa,FILE", Harm::Reads, "assembles another file");
                }
            } else if item == b"--" {
                return refuse(b"-Wa,--", Harm::Reads, "makes files of what follows");
            } else if option.starts_with(b"a") && item.contains(&b'=') {
                return refuse(b"-Wa,-a=FILE", Harm::Writes, "writes a listing to a file");
            } else if option.starts_with(b"MD") || item.starts_with(b"--M") {
                return refuse(b"-Wa,--MD", Harm::Writes, "writes dependencies to a file");
            } else if option.starts_with(b"I") {
                return refuse(b"-Wa,-I", Harm::Reads, "searches a directory for includes");
            } else if option.starts_with(b"it") {
                let why = "reads a table of instructions";
                return refuse(b"-Wa,--itbl", Harm::Loads, why);
            } else if asks_assembler(option) {
                return refuse(b"-Wa,--help", Harm::NoObject, "only prints");
            } else if item.starts_with(b"-o") {
                return refuse(b"-Wa,-o", Harm::Writes, "names another object");
            } else if item.contains(&b'/') && !option.starts_with(b"debug-prefix-map") {
                return refuse(b"-Wa", Harm::Reads, "hands a path to the assembler");
            }
        }
        None
    }

    /// What `-mllvm` hands to LLVM, which has thousands of options: one that speaks of files or
    /// holds a path is refused.
    fn llvm(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        const FILES: &[&[u8]] = &[
            b"load",
            b"plugin",
            b"plugins",
            b"output",
            b"outfile",
            b"file",
            b"filename",
            b"path",
            b"dir",
            b"view",
            b"dump",
            b"dot",
            b"write",
            b"save",
        ];
        for item in items {
            let name = item.split(|&b| b == b'=').next().unwrap_or_default();
            let bare = name.trim_ascii_start();
            let bare = bare.strip_prefix(b"-").unwrap_or(bare);
            let bare = bare.strip_prefix(b"-").unwrap_or(bare);
            if bare == b"h" || bare == b"version" || bare.starts_with(b"help") {
                return refuse(b"-mllvm -help", Harm::NoObject, "only prints");
            }
            let mut parts = name.split(|&b| b == b'-' || b == b'_');
            if item.contains(&b'/') || parts.any(|p| FILES.contains(&p)) {
                return refuse(b"-mllvm", Harm::Writes, "speaks of files to LLVM");
            }
        }
        None
    }
}

/// Whether an assembler's option (without its dashes), or what is the beginning of only that one,
/// has it print and do nothing else.
fn asks_assembler(option: &[u8]) -> bool {
    const ONLY_PRINT: &[&[u8]] = &[b"version", b"help", b"target-help", b"dump-config"];
    option.len() > 1 && ONLY_PRINT.iter().any(|o| o.starts_with(option))
}

/// Words for the command lines of other programs.
#[derive(Default)]
struct Inner {
    cc1: Vec<Vec<u8>>,
    assembler: Vec<Vec<u8>>,
    llvm: Vec<Vec<u8>>,
}

impl Inner {
    /// Takes what an option in one spelling hands on.
    fn collect(&mut self, spelling: &[u8], next: Option<&[u8]>) {
        let items = |list: &[u8]| -> Vec<Vec<u8>> {
            let items = list.split(|&b| b == b',').take(ITEMS_MAX);
            items.map(<[u8]>::to_vec).collect()
        };
        // The value, joined (with or without `=`) or the next word.
        let value = |rest: &[u8]| {
            let rest = rest.strip_prefix(b"=").unwrap_or(rest);
            let next = || next.unwrap_or_default();
            if rest.is_empty() { next() } else { rest }.to_vec()
        };
        if let Some(list) = spelling.strip_prefix(b"-Wp,") {
            self.cc1.extend(items(list));
        } else if let Some(list) = spelling.strip_prefix(b"-Wa,") {
            self.assembler.extend(items(list));
        } else if let Some(rest) = spelling.strip_prefix(b"-Xassembler") {
            self.assembler.push(value(rest));
        } else if let Some(rest) = spelling.strip_prefix(b"-mllvm") {
            self.llvm.push(value(rest));
        } else if let Some(rest) = spelling
            .strip_prefix(b"-Xclang")
            .or_else(|| spelling.strip_prefix(b"-Xpreprocessor"))
        {
            self.cc1.push(value(rest));
        } else if [&b"-Xarch_"[..], b"-Xanalyzer", b"-Xopenmp-target"]
            .iter()
            .any(|p| spelling.starts_with(p))
        {
            self.cc1.push(value(b""));
        }
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
        for (full, short) in table::LONG {
            let exact = full.as_bytes() == long;
            if exact || (long.len() > 3 && full.as_bytes().starts_with(long)) {
                let short = match value {
                    Some(_) => short.as_bytes(),
                    None => short.trim_end_matches('=').as_bytes(),
                };
                more.push(Cow::Owned([short, value.unwrap_or_default()].concat()));
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

/// The value of the option that `row` meets in a word, given what follows the row's name there;
/// `None` if the word is another option.
fn value_of<'a>(row: &Row, rest: &'a [u8], next: Option<&'a [u8]>) -> Option<&'a [u8]> {
    let next = next.unwrap_or_default();
    match (row.shape, rest.first()) {
        // No option of the `-f` family takes the next word.
        (Shape::Exact, None) if row.name.starts_with("-f") => Some(b""),
        (Shape::Exact | Shape::Joined, None) => Some(next),
        (Shape::Exact, Some(b'=')) => Some(&rest[1..]),
        (Shape::Exact, Some(_)) => None,
        (Shape::Joined, Some(_)) => Some(rest),
        (Shape::Start, _) => Some(split_value(rest).1.unwrap_or_default()),
    }
}

/// Whether a slash in this option's value names no file that is opened.
fn slash_is_harmless(name: &[u8]) -> bool {
    let listed = |list: &[&str], name: &[u8]| list.iter().any(|n| n.as_bytes() == name);
    match name.strip_prefix(b"--") {
        // gcc's `--X` is `-fX`.
        Some(rest) => {
            let short = [b"-f", rest].concat();
            listed(table::LONG_HARMLESS, name)
                || listed(table::SLASH_IS_HARMLESS, &short)
                || table::LONG.iter().any(|(long, _)| long.as_bytes() == name)
        }
        None => listed(table::SLASH_IS_HARMLESS, name),
    }
}

/// The item before the one at `at`; empty for the first.
fn item_before(items: &[Vec<u8>], at: usize) -> &[u8] {
    let before = at.checked_sub(1).and_then(|before| items.get(before));
    before.map(Vec::as_slice).unwrap_or_default()
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
