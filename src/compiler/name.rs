//! Compiler names: `[TRIPLE-]TOOL[-VERSION]`, with a distribution's suffix where it has one.
//!
//! The tool is found as a known *suffix* first, as clang does; what is left of it is the triple.
//! Splitting on `-` from the left gets `x86_64-linux-gnu-g++-12` wrong.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use thiserror::Error;

use crate::abi::is_processor;
use crate::abi::triple::is_name_byte;
use crate::options::Family;

/// A tool that a compiler name can end in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tool {
    Gcc,
    Gxx,
    Cc,
    Cxx,
    Cpp,
    C89,
    C99,
    /// Debian's `c89-gcc`, a script around gcc.
    C89Gcc,
    /// Debian's `c99-gcc`, a script around gcc.
    C99Gcc,
    Clang,
    Clangxx,
    ClangCpp,
    Gfortran,
}

/// Every tool with its spelling. Longer spellings stand before those that they end in.
const SPELLINGS: &[(&str, Tool)] = &[
    ("clang-cpp", Tool::ClangCpp),
    ("clang++", Tool::Clangxx),
    ("gfortran", Tool::Gfortran),
    ("c89-gcc", Tool::C89Gcc),
    ("c99-gcc", Tool::C99Gcc),
    ("clang", Tool::Clang),
    ("gcc", Tool::Gcc),
    ("g++", Tool::Gxx),
    ("c++", Tool::Cxx),
    ("cpp", Tool::Cpp),
    ("c89", Tool::C89),
    ("c99", Tool::C99),
    ("cc", Tool::Cc),
];

/// Longest compiler name that is looked at, in bytes: a file name's limit on Linux.
pub const NAME_MAX: usize = 255;

impl Tool {
    /// All tools, in the order in which `list` and `install` name them.
    pub const ALL: [Tool; 13] = [
        Tool::Gcc,
        Tool::Gxx,
        Tool::Cc,
        Tool::Cxx,
        Tool::Cpp,
        Tool::C89,
        Tool::C99,
        Tool::C89Gcc,
        Tool::C99Gcc,
        Tool::Clang,
        Tool::Clangxx,
        Tool::ClangCpp,
        Tool::Gfortran,
    ];

    /// The tool spelled exactly so.
    pub fn parse(text: &str) -> Option<Tool> {
        SPELLINGS.iter().find(|(s, _)| *s == text).map(|&(_, t)| t)
    }

    /// How the tool is spelled in a compiler name.
    pub fn as_str(self) -> &'static str {
        SPELLINGS
            .iter()
            .find(|(_, t)| *t == self)
            .map_or("", |&(s, _)| s)
    }

    /// Which compilers' options its arguments may be: `cc` is one thing here and another there.
    pub fn families(self) -> &'static [Family] {
        match self {
            Tool::Cc | Tool::Cxx | Tool::Cpp => &[Family::Gcc, Family::Clang],
            _ if self.is_clang() => &[Family::Clang],
            _ => &[Family::Gcc],
        }
    }

    /// Whether this is one of clang's drivers, which take their target from `--target`.
    pub fn is_clang(self) -> bool {
        matches!(self, Tool::Clang | Tool::Clangxx | Tool::ClangCpp)
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a program was called by, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CompilerName {
    /// The triple's text, `None` for a native name.
    pub triple: Option<String>,
    /// What stands before the tool in a native name: the `musl` of `musl-gcc`, the `afl` of `afl-gcc`.
    /// Such a program is a wrapper around this machine's compiler.
    pub wrapper: Option<String>,
    pub tool: Tool,
    /// The version after the tool: `12`, `4.7.3`.
    pub version: Option<String>,
    /// Everything after the tool as it is written: `-12`, `12`, `-posix`, `.br_real`.
    tail: String,
}

/// What distributions add to a compiler's name: Debian's mingw-w64 by thread model, Buildroot's and
/// others' for the program behind a wrapper.
const SUFFIXES: &[&str] = &["-posix", "-win32", ".br_real", ".real"];

/// Why a name is not a compiler name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    #[error("the name is empty")]
    Empty,
    #[error("the name is longer than {NAME_MAX} bytes")]
    TooLong,
    #[error("the name has a byte that no compiler name has (letters, digits and _ . + - only)")]
    BadByte,
    #[error("the name does not end in a tool ({})", tools())]
    NoTool,
    #[error("the name has an empty triple")]
    EmptyTriple,
}

fn tools() -> String {
    let names: Vec<_> = Tool::ALL.iter().map(|t| t.as_str()).collect();
    names.join(", ")
}

impl CompilerName {
    /// Parses a name as it stands in `argv[0]`: only what follows the last slash counts.
    ///
    /// # Errors
    /// A name that does not end in a known tool, or that has bytes no compiler name has.
    pub fn parse(argv0: &[u8]) -> Result<CompilerName, NameError> {
        let base = argv0.rsplit(|&b| b == b'/').next().unwrap_or_default();
        if base.is_empty() {
            return Err(NameError::Empty);
        }
        if base.len() > NAME_MAX {
            return Err(NameError::TooLong);
        }
        let text = std::str::from_utf8(base).map_err(|_| NameError::BadByte)?;
        if !text.bytes().all(is_name_byte) {
            return Err(NameError::BadByte);
        }
        let suffix = SUFFIXES.iter().find(|s| text.ends_with(**s));
        let stem = suffix.map_or(text, |s| &text[..text.len() - s.len()]);
        let (before, tool, version) = split(stem).ok_or(NameError::NoTool)?;
        let before = match before {
            Some(b) if b.is_empty() || b.starts_with('-') || b.ends_with('-') => {
                return Err(NameError::EmptyTriple)
            }
            other => other.map(str::to_owned),
        };
        let start = before.as_ref().map_or(0, |b| b.len() + 1) + tool.as_str().len();
        let is_triple = |b: &String| b.split('-').next().is_some_and(is_processor);
        let (triple, wrapper) = match before {
            Some(b) if is_triple(&b) => (Some(b), None),
            other => (None, other),
        };
        Ok(CompilerName {
            triple,
            wrapper,
            tool,
            version: version.map(str::to_owned),
            tail: text[start..].to_owned(),
        })
    }

    /// The plain form, `[TRIPLE-]TOOL[-VERSION]`.
    pub fn new(triple: Option<&str>, tool: Tool, version: Option<&str>) -> CompilerName {
        CompilerName {
            triple: triple.map(str::to_owned),
            wrapper: None,
            tool,
            version: version.map(str::to_owned),
            tail: version.map_or(String::new(), |v| format!("-{v}")),
        }
    }

    /// As [`CompilerName::parse`], for a path.
    ///
    /// # Errors
    /// See there.
    pub fn of_path(path: &Path) -> Result<CompilerName, NameError> {
        Self::parse(path.as_os_str().as_bytes())
    }

    /// The same tool and version under another triple (`None`: the native name).
    pub fn with_triple(&self, triple: Option<&str>) -> CompilerName {
        CompilerName {
            triple: triple.map(str::to_owned),
            wrapper: self.wrapper.clone().filter(|_| triple.is_none()),
            ..self.clone()
        }
    }

    /// The same with another tool, in the plain form unless it is this tool.
    pub fn with_tool(&self, tool: Tool) -> CompilerName {
        match tool == self.tool {
            true => self.clone(),
            false => CompilerName::new(self.triple.as_deref(), tool, self.version.as_deref()),
        }
    }

    /// The same in the plain form with this version.
    pub fn with_version(&self, version: Option<&str>) -> CompilerName {
        CompilerName::new(self.triple.as_deref(), self.tool, version)
    }

    /// Whether the name is more than `[TRIPLE-]TOOL[-VERSION]`: it has a distribution's suffix, or its
    /// version follows without a dash.
    pub fn is_special(&self) -> bool {
        self.tail
            != self
                .version
                .as_ref()
                .map_or(String::new(), |v| format!("-{v}"))
    }
}

impl fmt::Display for CompilerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for prefix in [&self.triple, &self.wrapper].into_iter().flatten() {
            write!(f, "{prefix}-")?;
        }
        write!(f, "{}{}", self.tool, self.tail)
    }
}

/// `[BEFORE-]TOOL[[-]VERSION]`, the tool as a known suffix first.
fn split(text: &str) -> Option<(Option<&str>, Tool, Option<&str>)> {
    if let Some((before, tool)) = split_tool(text) {
        return Some((before, tool, None));
    }
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    let version = &text[stem.len()..];
    if !is_version(version) {
        return None;
    }
    let dashed = stem.strip_suffix('-');
    let (before, tool) = split_tool(dashed.unwrap_or(stem))?;
    // FreeBSD's gcc12 and clang14. cc1 is a part of gcc.
    let joint = !matches!(
        tool,
        Tool::Cc | Tool::C89 | Tool::C99 | Tool::C89Gcc | Tool::C99Gcc | Tool::Cxx
    );
    (dashed.is_some() || joint).then_some((before, tool, Some(version)))
}

/// Splits `TRIPLE-TOOL` or `TOOL`; the tool must be the whole name or follow a dash.
fn split_tool(text: &str) -> Option<(Option<&str>, Tool)> {
    SPELLINGS.iter().find_map(|&(spelling, tool)| {
        let rest = text.strip_suffix(spelling)?;
        match rest.strip_suffix('-') {
            _ if rest.is_empty() => Some((None, tool)),
            Some(triple) => Some((Some(triple), tool)),
            None => None,
        }
    })
}

/// `12`, `4.7`, `4.7.3`: digits in one to three dotted groups.
fn is_version(text: &str) -> bool {
    let mut groups = 0;
    text.split('.').all(|g| {
        groups += 1;
        groups <= 3 && !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (Option<String>, Tool, Option<String>) {
        let n = CompilerName::parse(text.as_bytes()).expect(text);
        (n.triple, n.tool, n.version)
    }

    #[test]
    fn names_parse_tool_suffix_first() {
        let table = [
            ("gcc", None, Tool::Gcc, None),
            ("c++", None, Tool::Cxx, None),
            ("cc", None, Tool::Cc, None),
            ("cpp", None, Tool::Cpp, None),
            ("gfortran-12", None, Tool::Gfortran, Some("12")),
            ("gcc-4.7.3", None, Tool::Gcc, Some("4.7.3")),
            ("clang-14", None, Tool::Clang, Some("14")),
            ("clang-cpp-14", None, Tool::ClangCpp, Some("14")),
            ("clang++-14", None, Tool::Clangxx, Some("14")),
            ("c89-gcc", None, Tool::C89Gcc, None),
            ("c99", None, Tool::C99, None),
            (
                "x86_64-linux-gnu-g++-12",
                Some("x86_64-linux-gnu"),
                Tool::Gxx,
                Some("12"),
            ),
            (
                "armv6j-hardfloat-linux-gnueabi-c++",
                Some("armv6j-hardfloat-linux-gnueabi"),
                Tool::Cxx,
                None,
            ),
            (
                "x86_64-ubuntu22.04-linux-gnu-gcc",
                Some("x86_64-ubuntu22.04-linux-gnu"),
                Tool::Gcc,
                None,
            ),
            ("gcc12", None, Tool::Gcc, Some("12")),
            ("clang++14", None, Tool::Clangxx, Some("14")),
            (
                "x86_64-w64-mingw32-gcc-posix",
                Some("x86_64-w64-mingw32"),
                Tool::Gcc,
                None,
            ),
            (
                "i686-w64-mingw32-g++-12-win32",
                Some("i686-w64-mingw32"),
                Tool::Gxx,
                Some("12"),
            ),
            (
                "arm-buildroot-linux-gnueabihf-gcc.br_real",
                Some("arm-buildroot-linux-gnueabihf"),
                Tool::Gcc,
                None,
            ),
            ("gcc-12.real", None, Tool::Gcc, Some("12")),
            (
                "sparc--netbsdelf-gcc",
                Some("sparc--netbsdelf"),
                Tool::Gcc,
                None,
            ),
            ("musl-gcc", None, Tool::Gcc, None),
            ("afl-clang++", None, Tool::Clangxx, None),
            ("/opt/x/bin/arm-eabi-gcc", Some("arm-eabi"), Tool::Gcc, None),
            ("./gcc", None, Tool::Gcc, None),
        ];
        for (text, triple, tool, version) in table {
            let want = (triple.map(String::from), tool, version.map(String::from));
            assert_eq!(parts(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_compiler_name() {
        let long = vec![b'a'; 4096];
        let table: &[(&[u8], NameError)] = &[
            (b"", NameError::Empty),
            (b"/usr/bin/", NameError::Empty),
            (b"ld", NameError::NoTool),
            (b"gccx", NameError::NoTool),
            (b"xgcc", NameError::NoTool),
            (b"cc1", NameError::NoTool),
            (b"gcc-", NameError::NoTool),
            (b"gcc-12.2.0.1", NameError::NoTool),
            (b"gcc-a", NameError::NoTool),
            (b"-gcc", NameError::EmptyTriple),
            (b"arm--gcc", NameError::EmptyTriple),
            (b"arm-\n-gcc", NameError::BadByte),
            (b"arm-\xff-gcc", NameError::BadByte),
            (b"$(id)-gcc", NameError::BadByte),
            (&long, NameError::TooLong),
        ];
        for (text, want) in table {
            assert_eq!(CompilerName::parse(text).unwrap_err(), *want, "{text:?}");
        }
    }

    #[test]
    fn a_word_that_is_no_processor_is_a_wrappers() {
        for (text, wrapper) in [
            ("musl-gcc", Some("musl")),
            ("afl-gcc-fast-gcc", Some("afl-gcc-fast")),
            (
                "gcc6-aarch64-alpine-linux-musl-gcc",
                Some("gcc6-aarch64-alpine-linux-musl"),
            ),
            ("gcc", None),
            ("pru-elf-gcc", None),
            ("armv8l-linux-gnueabihf-gcc", None),
        ] {
            let name = CompilerName::parse(text.as_bytes()).unwrap();
            assert_eq!(name.wrapper.as_deref(), wrapper, "{text}");
            assert_eq!(
                name.with_triple(Some("arm-eabi")).to_string(),
                "arm-eabi-gcc"
            );
        }
    }

    #[test]
    fn display_is_what_was_parsed() {
        for text in [
            "gcc",
            "a-b-clang++-14",
            "x86_64-linux-gnu-g++-12",
            "gcc12",
            "gcc-12.real",
            "x86_64-w64-mingw32-gcc-posix",
            "arm-buildroot-linux-gnueabihf-gcc.br_real",
            "musl-gcc",
        ] {
            assert_eq!(
                CompilerName::parse(text.as_bytes()).unwrap().to_string(),
                text
            );
        }
    }
}
