//! Rules: `*.rules` files in drop-in directories, above those that are [`shipped`] in the program.
//! [`load`] finds and reads them; [`parse`] is their grammar; [`matching`] merges the sections that hold for a
//! request. Each call reads all of them: a cache could name a compiler that is no longer right.

pub mod error;
pub mod keys;
pub mod load;
pub mod matching;
pub mod parse;
pub mod reference;
pub mod shipped;

pub use keys::Key;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::request::Place;
pub use error::RulesError;

/// Where a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// ccroute's own behaviour, below every file.
    BuiltIn,
    /// A line (from 1) of a rules file.
    File { file: Rc<Path>, line: u32 },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::BuiltIn => f.write_str("built in"),
            Origin::File { file, line } => write!(f, "{}:{line}", file.display()),
        }
    }
}

/// A value and the line that gave it (for a list with `+=`: the line that last touched it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
}

/// `version = any, major or exact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionMatch {
    Any,
    Major,
    Exact,
}

/// `expand-macros = client or helper`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpandMacros {
    Client,
    Helper,
}

/// `fallback = allow or refuse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    Allow,
    Refuse,
}

/// `on-refuse = local, quiet or elsewhere`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRefuse {
    Local,
    Quiet,
    Elsewhere,
}

/// `sandbox = yes, no or require`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    Yes,
    No,
    /// As `Yes`, and refuse where the kernel lacks a part of it.
    Require,
}

/// `log = off, syslog or FILE`: where calls are recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LogTo {
    /// No rule says: where [`crate::log`] does by itself.
    #[default]
    Usual,
    Off,
    Syslog,
    /// An absolute path.
    File(PathBuf),
}

/// `log-level = refused, distributed or all`; each includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Refused,
    /// What was sent, and what was served to clients.
    Distributed,
    #[default]
    All,
}

/// What `[ccroute]` sections say of the program itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub log: LogTo,
    pub level: LogLevel,
}

/// What the sections that hold for a request say together. `None`: no section says anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `use`: installed triples to try, in order; the word `native` stands for the unprefixed one.
    pub use_: Option<Sourced<Vec<String>>>,
    /// `path`: directories to look in before PATH, globs not expanded.
    pub path: Option<Sourced<Vec<String>>>,
    /// `names`: literal triples to make links for.
    pub names: Option<Sourced<Vec<String>>>,
    /// `defaults`: the client compiler's default flags.
    pub defaults: Option<Sourced<Vec<String>>>,
    pub proof: Option<Sourced<String>>,
    pub flags: Option<Sourced<Vec<String>>>,
    pub force_flags: Option<Sourced<Vec<String>>>,
    /// `drop-flags`: globs.
    pub drop_flags: Option<Sourced<Vec<String>>>,
    /// `tool.NAME`: (NAME, tool that serves it), at most one entry per NAME.
    pub tools: Vec<(String, Sourced<String>)>,
    pub version: Option<Sourced<VersionMatch>>,
    pub as_: Option<Sourced<String>>,
    /// `send`: the launcher's name or path; the word `none` stands for not sending.
    pub send: Option<Sourced<String>>,
    pub expand_macros: Option<Sourced<ExpandMacros>>,
    pub fallback: Option<Sourced<Fallback>>,
    /// `refuse`: the reason. A later `use` takes it back, so it is `Some` only if it stands.
    pub refuse: Option<Sourced<String>>,
    pub on_refuse: Option<Sourced<OnRefuse>>,
    pub sandbox: Option<Sourced<Sandbox>>,
    /// `limit-memory`: bytes of address space of a client's compile.
    pub limit_memory: Option<Sourced<u64>>,
    /// `limit-cpu`: seconds of processor time of a client's compile.
    pub limit_cpu: Option<Sourced<u64>>,
    /// `limit-file-size`: bytes of the largest file that a client's compile may write.
    pub limit_file_size: Option<Sourced<u64>>,
    /// `environment`: variables that a client's compile keeps besides the usual few.
    pub environment: Option<Sourced<Vec<String>>>,
}

/// What a section's conditions are held against. The three questions are asked only when
/// everything else in a section holds, because their answers cost system calls.
pub trait Subject {
    /// The triple asked for, `None` for a native name.
    fn triple(&self) -> Option<&str>;
    /// The tool's name without version: `gcc`, `clang++`.
    fn tool(&self) -> &str;
    fn place(&self) -> Place;
    /// The client's address, on the helper, where it can be known.
    fn from(&self) -> Option<IpAddr>;
    /// The architecture (in the kernel's spelling) of a kernel compile; `None` for other jobs.
    fn kernel(&self) -> Option<&str>;
    /// The triple that the source's evidence names.
    fn source(&self) -> Option<&str>;
}
