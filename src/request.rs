//! One invocation as data: what was called, with what, where, and which shims it came through.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use thiserror::Error;

use crate::compiler::name::{CompilerName, NameError};
use crate::helper::evidence::kernel::ArgWatch;
use crate::helper::evidence::KernelSeen;
use crate::options::{scan, Kind};
use crate::os::{shown, FileId};

/// The variable that distcc sets around everything that it starts, on client and helper.
pub const SAFEGUARD: &str = "_DISTCC_SAFEGUARD";

/// The variable that carries [`Passed`] from shim to shim.
pub const PASSED: &str = "_CCROUTE_PASSED";

/// Variables by which gcc and clang choose other programs or options. They do not travel with a job.
pub const STEERING: [&str; 3] = ["COMPILER_PATH", "GCC_EXEC_PREFIX", "CCC_OVERRIDE_OPTIONS"];

/// How many shims one invocation may come through. Honest nesting reaches more than five
/// (cargo-make #447), nothing honest reaches twenty.
pub const MAX_DEPTH: usize = 20;

/// The prefix of the temporary files that distccd hands to a compiler.
const DISTCCD_FILE: &[u8] = b"distccd_";

/// Where ccroute was called: see the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Direct,
    UnderDistcc,
    Helper,
}

/// One invocation.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    pub name: CompilerName,
    pub args: &'a [&'a OsStr],
    pub place: Place,
    pub job: Job<'a>,
    pub passed: Passed,
    /// A preprocessor's job under distcc whose macros are left to the helper.
    pub examined: bool,
    /// The first variable of [`STEERING`] that is set.
    pub steered_by: Option<&'static str>,
}

/// What the arguments say of the job, read once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Job<'a> {
    /// `-c` or `-S`: something is compiled into one output per input.
    pub compiles: bool,
    /// `-E`.
    pub preprocesses: bool,
    /// Input files, in order.
    pub inputs: Vec<&'a [u8]>,
    pub output: Option<&'a [u8]>,
    /// The target that `--target` or `-target` states.
    pub target: Option<&'a [u8]>,
    /// `-flto` in any form but `-fno-lto`: objects only the very same compiler can read.
    pub lto: bool,
    /// A kernel compile, where the arguments show it.
    pub kernel: Option<KernelSeen>,
}

impl<'a> Job<'a> {
    /// Reads a list of arguments.
    pub fn of_args(args: &'a [&'a OsStr]) -> Job<'a> {
        let mut job = Job::default();
        let mut kernel = ArgWatch::default();
        for arg in scan(args) {
            kernel.see(&arg);
            job.compiles |= arg.compiles();
            job.target = arg.target().or(job.target);
            match arg.kind {
                Kind::Plain(b"-E" | b"--preprocess") => job.preprocesses = true,
                Kind::Valued(b"-o" | b"--output", value) => job.output = value,
                Kind::Input(path) => job.inputs.push(path),
                Kind::Plain(b"-fno-lto") => job.lto = false,
                Kind::Plain(word) if word.starts_with(b"-flto") => job.lto = true,
                _ => {}
            }
        }
        job.kernel = kernel.finish();
        job
    }

    /// The input that distccd wrote, if this is one of its plain-mode jobs.
    pub fn distccd_input(&self) -> Option<&'a [u8]> {
        let mut inputs = self.inputs.iter().copied();
        inputs.find(|p| is_distccd_file(p) && is_preprocessed(p))
    }

    fn is_distccds(&self) -> bool {
        self.inputs.iter().copied().any(is_distccd_file) || self.output.is_some_and(is_distccd_file)
    }
}

/// The endings that distccd gives to preprocessed sources: C, C++, Objective-C, Objective-C++.
fn is_preprocessed(path: &[u8]) -> bool {
    let endings: [&[u8]; 4] = [b".i", b".ii", b".mi", b".mii"];
    endings.iter().any(|ending| path.ends_with(ending))
}

fn is_distccd_file(path: &[u8]) -> bool {
    let base = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
    base.starts_with(DISTCCD_FILE)
}

/// The shims that this invocation has come through, so that two copies on one PATH do not chase
/// each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed(pub Vec<FileId>);

impl Passed {
    /// Reads the variable's text. Whatever is not of its form counts as one shim passed.
    pub fn parse(text: &OsStr) -> Passed {
        let entries = text.as_bytes().split(|&b| b == b',');
        Passed(
            entries
                .filter(|e| !e.is_empty())
                .take(MAX_DEPTH + 1)
                .map(|entry| {
                    let parse = |t: &str| u64::from_str_radix(t, 16).ok();
                    let text = std::str::from_utf8(entry).unwrap_or_default();
                    let (dev, ino) = text.split_once(':').unwrap_or_default();
                    parse(dev).zip(parse(ino)).unwrap_or((0, 0))
                })
                .collect(),
        )
    }

    /// The variable's text with `this` appended.
    pub fn with(&self, this: FileId) -> String {
        let mut text = String::with_capacity(20 * (self.0.len() + 1));
        for (dev, ino) in self.0.iter().chain([&this]) {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(&format!("{dev:x}:{ino:x}"));
        }
        text
    }
}

/// Why an invocation is not a request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The name is printed with what is not plain text escaped, and cut.
    #[error("{shown}: not a compiler name: {error}; call ccroute by [TRIPLE-]TOOL[-VERSION]")]
    Name { shown: String, error: NameError },
}

impl<'a> Request<'a> {
    /// Puts an invocation together. `safeguard`: whether [`SAFEGUARD`] is set; `parent` is asked
    /// for the parent process's name only if the place depends on it.
    ///
    /// # Errors
    /// `argv0` is not a compiler name.
    pub fn new(
        argv0: &OsStr,
        args: &'a [&'a OsStr],
        safeguard: bool,
        passed: Passed,
        parent: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Result<Request<'a>, RequestError> {
        let name = CompilerName::parse(argv0.as_bytes()).map_err(|error| RequestError::Name {
            shown: shown(argv0.as_bytes()),
            error,
        })?;
        let job = Job::of_args(args);
        let place = if !safeguard {
            Place::Direct
        } else if job.is_distccds() || parent().as_deref() == Some(b"distccd") {
            Place::Helper
        } else {
            Place::UnderDistcc
        };
        Ok(Request {
            name,
            args,
            place,
            job,
            passed,
            examined: false,
            steered_by: None,
        })
    }

    /// Under distcc, the same request told that it begins with so many words that ccroute added to
    /// leave its macros to the helper. Only the preprocessor obeys them: what is compiled here after
    /// all (no helper, a failed one, a local slot) has its macros expanded here.
    #[must_use]
    pub fn with_added(mut self, words: usize) -> Request<'a> {
        let added = self.args.first().is_some_and(|w| *w == "-fdirectives-only");
        if self.place != Place::UnderDistcc || !added {
            return self;
        }
        if self.job.preprocesses {
            self.examined = self.job.kernel.is_none();
        } else {
            self.args = self.args.get(words..).unwrap_or_default();
            self.job = Job::of_args(self.args);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(args: &[&str], safeguard: bool, parent: Option<&str>) -> Place {
        let args: Vec<&OsStr> = args.iter().map(|a| OsStr::new(*a)).collect();
        let parent = parent.map(|p| p.as_bytes().to_vec());
        Request::new(
            OsStr::new("gcc"),
            &args,
            safeguard,
            Passed::default(),
            || parent,
        )
        .unwrap()
        .place
    }

    #[test]
    fn the_place_follows_the_safeguard_the_parent_and_the_files() {
        assert_eq!(place(&["-c", "a.c"], false, Some("distccd")), Place::Direct);
        assert_eq!(
            place(&["-c", "a.c"], true, Some("distcc")),
            Place::UnderDistcc
        );
        assert_eq!(place(&["-c", "a.c"], true, None), Place::UnderDistcc);
        assert_eq!(place(&["-c", "a.c"], true, Some("distccd")), Place::Helper);
        assert_eq!(
            place(&["-c", "/tmp/distccd_1.i"], true, None),
            Place::Helper
        );
        assert_eq!(
            place(&["-o", "distccd_1.o"], true, Some("sh")),
            Place::Helper
        );
    }

    #[test]
    fn distccd_s_input_is_preprocessed() {
        let input = |path: &str| {
            let words = ["-c", path].map(OsStr::new);
            Job::of_args(&words).distccd_input().is_some()
        };
        for ending in ["i", "ii", "mi", "mii"] {
            assert!(input(&format!("/tmp/distccd_1.{ending}")), "{ending}");
        }
        // Pump mode's sources keep their names.
        assert!(!input("distccd_1/work/a.c") && !input("/tmp/distccd_1.m"));
    }

    #[test]
    fn passed_shims_survive_the_environment() {
        let passed = Passed(vec![(1, 2), (0xfe01, 77)]);
        let text = passed.with((3, 4));
        assert_eq!(
            Passed::parse(OsStr::new(&text)).0,
            [(1, 2), (0xfe01, 77), (3, 4)]
        );
        assert_eq!(Passed::parse(OsStr::new("")).0, []);
        assert_eq!(Passed::parse(OsStr::new("junk,,1:zz")).0, [(0, 0), (0, 0)]);
        let long = "1:1,".repeat(1000);
        assert_eq!(Passed::parse(OsStr::new(&long)).0.len(), MAX_DEPTH + 1);
    }

    #[test]
    fn a_job_is_read_from_its_arguments() {
        let words = [
            "-c",
            "-O2",
            "-flto=auto",
            "x.c",
            "-o",
            "x.o",
            "--target=arm",
        ];
        let args: Vec<&OsStr> = words.iter().map(|a| OsStr::new(*a)).collect();
        let job = Job::of_args(&args);
        assert!(job.compiles && job.lto && !job.preprocesses);
        assert_eq!(job.inputs, [b"x.c"]);
        assert_eq!(job.output, Some(&b"x.o"[..]));
        assert_eq!(job.target, Some(&b"arm"[..]));
    }
}
