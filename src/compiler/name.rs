//! Compiler names: `[TRIPLE-]TOOL[-VERSION]`.
//!
//! The tool is found as a known *suffix* first, as clang does; what is left of it is the triple.
//! Splitting on `-` from the left gets `x86_64-linux-gnu-g++-12` wrong.

use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use thiserror::Error;

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
    pub tool: Tool,
    /// The version as written after the tool: `12`, `4.7.3`.
    pub version: Option<String>,
}

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
        let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"_.+-".contains(b);
        let Some(text) = std::str::from_utf8(base)
            .ok()
            .filter(|t| t.bytes().all(|b| allowed(&b)))
        else {
            return Err(NameError::BadByte);
        };
        match split_tool(text) {
            Some((triple, tool)) => Self::assemble(triple, tool, None),
            None => {
                let (stem, version) = text.rsplit_once('-').ok_or(NameError::NoTool)?;
                if !is_version(version) {
                    return Err(NameError::NoTool);
                }
                let (triple, tool) = split_tool(stem).ok_or(NameError::NoTool)?;
                Self::assemble(triple, tool, Some(version))
            }
        }
    }

    /// As [`CompilerName::parse`], for a path.
    ///
    /// # Errors
    /// See there.
    pub fn of_path(path: &Path) -> Result<CompilerName, NameError> {
        Self::parse(path.as_os_str().as_bytes())
    }

    fn assemble(
        triple: Option<&str>,
        tool: Tool,
        version: Option<&str>,
    ) -> Result<CompilerName, NameError> {
        if triple.is_some_and(|t| t.is_empty() || t.starts_with('-') || t.ends_with('-')) {
            return Err(NameError::EmptyTriple);
        }
        Ok(CompilerName {
            triple: triple.map(str::to_owned),
            tool,
            version: version.map(str::to_owned),
        })
    }

    /// The same tool and version under another triple (`None`: the native name).
    pub fn with_triple(&self, triple: Option<&str>) -> CompilerName {
        CompilerName {
            triple: triple.map(str::to_owned),
            ..self.clone()
        }
    }
}

impl fmt::Display for CompilerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(triple) = &self.triple {
            write!(f, "{triple}-")?;
        }
        f.write_str(self.tool.as_str())?;
        match &self.version {
            Some(version) => write!(f, "-{version}"),
            None => Ok(()),
        }
    }
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
    fn display_is_what_was_parsed() {
        for text in ["gcc", "a-b-clang++-14", "x86_64-linux-gnu-g++-12"] {
            assert_eq!(
                CompilerName::parse(text.as_bytes()).unwrap().to_string(),
                text
            );
        }
    }
}
