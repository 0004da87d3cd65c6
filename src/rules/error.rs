//! What can be wrong with rules: one line each, that names the place and what to do.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use thiserror::Error;

/// A fault in a rules file or directory. The shim refuses with exit code 78 on the first.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RulesError {
    /// A fault in a file's text. Line and column (in bytes) count from 1.
    #[error("{}:{line}:{column}: {fault}", .file.display())]
    Text {
        file: Rc<Path>,
        line: u32,
        column: u32,
        fault: Fault,
    },
    #[error("{}: {what}; {fix}", .path.display())]
    Unsafe {
        path: PathBuf,
        what: String,
        fix: String,
    },
    #[error("{}: {error}", .path.display())]
    Unreadable { path: PathBuf, error: String },
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("not UTF-8 text: save the file as plain text")]
    NotText,
    #[error("a control character: save the file as plain text")]
    Control,
    #[error(
        "the line is longer than {} bytes: split it with +=",
        super::parse::LINE_MAX
    )]
    LongLine,
    #[error("this line is not a [section], a KEY = VALUE or a comment")]
    Unknown,
    #[error("the section is not closed: end it with ]")]
    OpenSection,
    #[error("the section is empty: write a triple's pattern or native")]
    EmptySection,
    #[error("'{0}' is not a pattern for triples (letters, digits, _ . + - and * ? [])")]
    BadPattern(String),
    #[error("bad glob '{0}': {1}")]
    BadGlob(String, &'static str),
    #[error("unknown condition '{0}': one of {list}", list = super::reference::condition_words())]
    UnknownCondition(String),
    #[error("condition '{0}' appears twice: remove one")]
    ConditionTwice(&'static str),
    #[error("condition '{0}' needs a value")]
    ConditionValue(&'static str),
    #[error(
        "'{0}' is not an address or a network, such as 192.168.1.20, 192.168.1.0/24, fd00::/8"
    )]
    BadAddress(String),
    #[error("[ccroute] is about the program itself and takes no conditions")]
    NoConditions,
    #[error("key '{0}' {1}")]
    WrongSection(String, &'static str),
    #[error("a key before the first [section]")]
    NoSection,
    #[error("unknown key '{0}'{1}")]
    UnknownKey(String, String),
    #[error("key '{0}' appears twice in this section: remove one, or write += in another section")]
    KeyTwice(String),
    #[error("'{0}' is not a list: write = instead of +=")]
    NotAList(String),
    #[error("'{0}' has no value")]
    EmptyValue(String),
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("'{0}' takes one word")]
    OneWord(String),
    #[error("'{value}' is not one of {allowed}")]
    NotOneOf {
        value: String,
        allowed: &'static str,
    },
    #[error("'{0}' is not a tool, such as gcc, g++, clang")]
    UnknownTool(String),
    #[error("'{0}' is not a triple (letters, digits and _ . + - only)")]
    BadTriple(String),
    #[error("'{0}' is not absolute: begin it with /")]
    RelativePath(String),
    #[error("'{0}' is not the name of a variable (letters, digits and _)")]
    BadVariable(String),
    #[error("'{0}' is not a {1}")]
    BadNumber(String, &'static str),
}
