//! What is known of compiler options, one row an option, in files by topic.
//!
//! A row says which compilers know the option, how it takes its value, why a job with it stays on the
//! client, why a helper refuses it, and what else sets it apart. An option without a row takes no
//! further word, may be sent, and passes on a helper (unless its value is a path).
//!
//! How options take their values was learnt from the drivers of gcc 11 and 12 and clang 13 to 19;
//! `tests/full/options.rs` compares the table with the drivers that are installed.

mod asks;
mod codegen;
mod link;
mod outputs;
mod programs;
mod source;
mod target;

use std::fmt;

/// The two compilers whose options are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Gcc,
    Clang,
    /// Not known which: an option takes the next word if it does so in either.
    Any,
}

/// How a row's name is met in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The word is the name, or the name with `=VALUE`.
    Word,
    /// The word begins with the name, and the rest is the value.
    Joined,
    /// Any word that begins so; what follows a `=` is the value.
    Start,
    /// The same, and the next word belongs to it even so: `-Xarch_arm64 -O2`.
    StartAndNext,
}

/// Why a job with the option stays on the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stays {
    /// It asks the compiler something, or ends the work before there is an object.
    Asks,
    /// It makes files besides the object, which distcc does not bring back.
    Writes,
    /// It makes the compiler proper read files, or run programs.
    Reads,
    /// distcc's two steps make another object of it than the compiler's one.
    TwoSteps,
    /// distcc does not understand this spelling.
    Spelling,
    /// distcc does not tell the helper that the source is preprocessed.
    Language,
    /// It makes objects that only the very same compiler can read.
    Intermediate,
    /// It means this machine's processor.
    Native,
}

/// What an argument would have a helper's compiler do.
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
    /// Hides the words behind it: compilers differ in how they read them.
    Hides,
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Harm::Runs => "runs a program",
            Harm::Loads => "loads code",
            Harm::Reads => "reads outside the job",
            Harm::Writes => "writes outside the job",
            Harm::NoObject => "makes no object",
            Harm::Hides => "hides an argument",
        })
    }
}

/// With which values what a row says holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    Always,
    /// With these values.
    Only(&'static [&'static str]),
    /// With other values than these; letter case does not matter.
    Except(&'static [&'static str]),
    /// With a value that holds a slash.
    Path,
    /// With a value that names a file outside the job.
    Outside,
    /// With a directory outside a pump job's tree. A plain job's source needs no directory: its
    /// includes are already in it, and the client leaves some of these options in.
    OutsideTree,
    /// In clang without its own assembler, which is then looked for there.
    ClangFindsAs,
    /// With a letter that asks for a dump.
    DumpLetters,
}

impl When {
    /// Whether it holds with a value, as far as the value alone tells.
    pub fn holds(self, value: &[u8]) -> bool {
        match self {
            When::Only(values) => values.iter().any(|v| v.as_bytes() == value),
            When::Except(values) => !values
                .iter()
                .any(|v| v.as_bytes().eq_ignore_ascii_case(value)),
            When::Path => value.contains(&b'/'),
            _ => true,
        }
    }
}

/// Which spellings distcc leaves out of a plain job's arguments (`strip.c`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The word with its value in the next one.
    Spaced,
    /// Any word that begins so, too.
    Joined,
}

/// Where the option is taken out of a job's arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    OnHelper,
    /// Before a job is sent, too: it changes no object.
    Everywhere,
}

/// Why a helper refuses an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    pub when: When,
    pub harm: Harm,
    pub why: &'static str,
}

/// One option, or all that begin alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub name: &'static str,
    pub shape: Shape,
    /// How many of the next words gcc takes for its value where none is joined; `None`: gcc does not
    /// know the option.
    pub gcc: Option<u8>,
    /// The same for clang.
    pub clang: Option<u8>,
    pub stays: Option<(When, Stays)>,
    pub refused: Option<Refused>,
    /// The short option that this long one stands for.
    pub long_for: Option<&'static str>,
    /// A slash in its value names no file that is opened.
    pub label: bool,
    /// It names the target.
    pub target: bool,
    /// With it macros are expanded on the client: gcc rejects it beside `-fdirectives-only`, or text that
    /// is compiled with that gives another object.
    pub macros_here: bool,
    pub left_out: Option<LeftOut>,
    pub dropped: Option<Dropped>,
}

impl Row {
    const fn new(name: &'static str, shape: Shape, words: u8) -> Row {
        Row {
            name,
            shape,
            gcc: Some(words),
            clang: Some(words),
            stays: None,
            refused: None,
            long_for: None,
            label: false,
            target: false,
            macros_here: false,
            left_out: None,
            dropped: None,
        }
    }

    /// Known to gcc alone.
    const fn gcc(mut self) -> Row {
        self.clang = None;
        self
    }

    /// Known to clang alone.
    const fn clang(mut self) -> Row {
        self.gcc = None;
        self
    }

    /// Known to neither: for words that no other row meets.
    const fn nobody(self) -> Row {
        self.gcc().clang()
    }

    /// How many next words gcc and clang take, where that is not one each.
    const fn words(mut self, gcc: u8, clang: u8) -> Row {
        if self.gcc.is_some() {
            self.gcc = Some(gcc);
        }
        if self.clang.is_some() {
            self.clang = Some(clang);
        }
        self
    }

    const fn stays(self, why: Stays) -> Row {
        self.stays_if(When::Always, why)
    }

    const fn stays_if(mut self, when: When, why: Stays) -> Row {
        self.stays = Some((when, why));
        self
    }

    const fn refused(mut self, when: When, harm: Harm, why: &'static str) -> Row {
        self.refused = Some(Refused { when, harm, why });
        self
    }

    const fn long_for(mut self, short: &'static str) -> Row {
        self.long_for = Some(short);
        self
    }

    const fn label(mut self) -> Row {
        self.label = true;
        self
    }

    const fn target(mut self) -> Row {
        self.target = true;
        self
    }

    const fn macros_here(mut self) -> Row {
        self.macros_here = true;
        self
    }

    const fn left_out(mut self, how: LeftOut) -> Row {
        self.left_out = Some(how);
        self
    }

    const fn dropped(mut self, place: Dropped) -> Row {
        self.dropped = Some(place);
        self
    }

    /// Whether a word is this option.
    pub fn meets(&self, word: &[u8]) -> bool {
        match (word.strip_prefix(self.name.as_bytes()), self.shape) {
            (None, _) => false,
            (Some(rest), Shape::Word) => matches!(rest.first(), None | Some(b'=')),
            (Some(_), _) => true,
        }
    }

    /// The value in a word that is this option.
    pub fn value<'a>(&self, word: &'a [u8]) -> Option<&'a [u8]> {
        let rest = &word[self.name.len()..];
        match self.shape {
            Shape::Joined => Some(rest).filter(|r| !r.is_empty()),
            _ => {
                let at = rest.iter().position(|&b| b == b'=')?;
                Some(&rest[at + 1..])
            }
        }
    }

    /// How many next words it takes in a compiler that may be of this family.
    pub fn takes(&self, family: Family) -> usize {
        let words = match family {
            Family::Gcc => self.gcc.or(self.clang),
            Family::Clang => self.clang.or(self.gcc),
            Family::Any => self.gcc.max(self.clang),
        };
        usize::from(words.unwrap_or(0))
    }

    fn is_known_to(&self, family: Family) -> bool {
        match family {
            Family::Gcc => self.gcc.is_some(),
            Family::Clang => self.clang.is_some(),
            Family::Any => self.gcc.is_some() || self.clang.is_some(),
        }
    }

    /// Why a job with this option and value stays on the client.
    pub fn stays_with(&self, value: &[u8]) -> Option<Stays> {
        let (when, why) = self.stays?;
        when.holds(value).then_some(why)
    }
}

/// The word itself.
const fn word(name: &'static str) -> Row {
    Row::new(name, Shape::Word, 0)
}

/// The value is the next word.
const fn next(name: &'static str) -> Row {
    Row::new(name, Shape::Word, 1)
}

/// The value is the rest of the word, or the next word where nothing is left.
const fn joined(name: &'static str) -> Row {
    Row::new(name, Shape::Joined, 1)
}

/// The value is the rest of the word.
const fn joined0(name: &'static str) -> Row {
    Row::new(name, Shape::Joined, 0)
}

/// All that begin so.
const fn start(name: &'static str) -> Row {
    Row::new(name, Shape::Start, 0)
}

/// All that begin so, with the next word.
const fn startnext(name: &'static str) -> Row {
    Row::new(name, Shape::StartAndNext, 1)
}

/// The topics, each sorted by name.
const TOPICS: [&[Row]; 7] = [
    source::ROWS,
    programs::ROWS,
    outputs::ROWS,
    asks::ROWS,
    target::ROWS,
    link::ROWS,
    codegen::ROWS,
];

/// Every row.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TOPICS.iter().flat_map(|topic| topic.iter())
}

/// What a compiler of this family reads a word as: the longest row that it knows. A word that it
/// does not know is an error there, and read as the other family reads it.
pub fn find(family: Family, word: &[u8]) -> Option<&'static Row> {
    let length = |row: &&Row| (row.is_known_to(family), row.name.len());
    rows_like(word)
        .filter(|row| row.meets(word))
        .max_by_key(length)
}

/// The row of exactly this name.
pub fn named(name: &[u8]) -> Option<&'static Row> {
    rows_like(name).find(|row| row.name.as_bytes() == name)
}

/// The rows whose names begin with the same two bytes.
fn rows_like(word: &[u8]) -> impl Iterator<Item = &'static Row> {
    let begin = <[u8; 2]>::try_from(word.get(..2).unwrap_or_default()).unwrap_or_default();
    TOPICS.iter().flat_map(move |topic| {
        let from = topic.partition_point(|row| row.name.as_bytes()[..2] < begin[..]);
        let to = topic.partition_point(|row| row.name.as_bytes()[..2] <= begin[..]);
        topic[from..to].iter()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_sorted_and_every_name_is_there_once() {
        for topic in TOPICS {
            let sorted = topic.windows(2).all(|two| two[0].name < two[1].name);
            let names: Vec<&str> = topic.iter().map(|row| row.name).collect();
            assert!(sorted, "{names:?}");
        }
        let mut names: Vec<&str> = rows().map(|row| row.name).collect();
        names.sort_unstable();
        for two in names.windows(2) {
            assert_ne!(two[0], two[1]);
        }
        for short in rows().filter_map(|row| row.long_for) {
            assert!(named(short.as_bytes()).is_some(), "{short}");
        }
    }

    #[test]
    fn the_longest_option_that_the_compiler_knows_counts() {
        let name = |family, word: &str| find(family, word.as_bytes()).map(|row| row.name);
        use Family::{Any, Clang, Gcc};
        for (family, word, want) in [
            (Gcc, "-include-pch", Some("-include")),
            (Clang, "-include-pch", Some("-include-pch")),
            (Any, "-include-pch", Some("-include-pch")),
            (Gcc, "-undefined", Some("-u")),
            (Clang, "-undefined", Some("-undefined")),
            (Gcc, "-undef", Some("-undef")),
            (Gcc, "-Xclang", Some("-Xclang")),
            (Gcc, "--sysroot=/x", Some("--sysroot")),
            (Gcc, "--sysroots", Some("--")),
            (Gcc, "-MD", None),
            (Gcc, "-MDx", None),
            (Gcc, "-emit-llvm", Some("-e")),
            (Clang, "-emit-llvm", Some("-emit-llvm")),
        ] {
            assert_eq!(name(family, word), want, "{family:?} {word}");
        }
    }
}
