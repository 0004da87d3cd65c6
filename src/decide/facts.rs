//! The questions that a decision may ask of the world.

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::abi::Target;
use crate::client::macros::Built;
use crate::compiler::search::{Found, Installed, Reach};
use crate::helper::evidence::Evidence;
use crate::helper::hostile::Hostile;

/// What `check` and `install` recorded of a compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What it compiles for by its own defaults.
    pub target: Target,
    /// In full: `12.2.0`.
    pub version: String,
    /// The flags that it assumes, as `install --client` writes them.
    pub defaults: Vec<String>,
}

/// The world as a decision sees it. Answers are found at most once.
pub trait Facts {
    /// The client's address: that of the connection which the compiler inherits from distccd.
    fn client(&self) -> Option<IpAddr>;
    /// What the head of the job's preprocessed source shows; nothing where there is no such file.
    fn evidence(&self) -> &Evidence;
    /// A program by its file name, in the directories given first, then on PATH.
    fn find(&self, name: &str, first: &[String]) -> Found;
    /// All programs of that name there, in the same order: one may be of another version.
    fn find_all(&self, name: &str, first: &[String]) -> Vec<Installed>;
    /// The versions for which a program `NAME-VERSION` is installed, the newest first.
    fn versions_of(&self, name: &str, first: &[String]) -> Vec<String>;
    /// The triples for which a program `TRIPLE-suffix` is installed.
    fn triples_with(&self, suffix: &str, first: &[String]) -> Vec<String>;
    /// What is recorded of an installed compiler.
    fn recorded(&self, compiler: &Installed) -> Option<Recorded>;
    /// The triple of this machine's native compiler.
    fn native_triple(&self) -> &str;
    /// How many seconds the guard still lasts, if it is on.
    fn guard(&self) -> Option<u64>;
    /// The directory that the compiler is to run in.
    fn working_directory(&self) -> &Path;
    /// A precompiled header in a pump job's tree, or another reason not to compile from it.
    fn precompiled(&self, _tree: &Path) -> Option<Hostile> {
        None
    }
    /// The same as compilers name it in debug information: by PWD, where that leads to it.
    fn named_directory(&self) -> &Path;
    /// Where a launcher is.
    fn launcher(&self, name: &str) -> Option<PathBuf>;
    /// These arguments with `-march=native` and its like expanded to what the compiler there means
    /// by them, if that can be found out.
    fn expanded(&self, compiler: &Path, args: &[&OsStr]) -> Option<Vec<OsString>>;
    /// A source's content, unless it cannot be read or is too large to be looked through.
    fn source(&self, path: &OsStr) -> Option<Vec<u8>>;
    /// Whether a launcher's children that look for this program name find ccroute.
    fn leads_here(&self, full: &str) -> bool;
    /// Whether distcc leaves preprocessing to its helpers (pump mode).
    fn pumps(&self) -> bool;
    /// What `__DATE__` and `__TIME__` are here and now, if that can be said.
    fn built(&self) -> Option<Built>;
    /// Where a launcher's children find `full`, if it is to be `local`, an installed compiler.
    fn reach(&self, full: &str, local: &Path) -> Reach;
}

/// No evidence at all.
pub(super) fn nothing_seen() -> &'static Evidence {
    static NOTHING: Evidence = Evidence {
        compiler: None,
        multiarch: None,
        conflict: None,
        kernel: None,
        macros: None,
    };
    &NOTHING
}
