//! Compiles a sample twice, with the native compiler and through a launcher, and compares: the
//! part of `ccroute verify` that works.
//!
//! A job that distcc ends up compiling locally proves nothing and looks perfect. So the launcher
//! runs with distcc's fallback forbidden and its log in a file of ours, which names the helper; a
//! job that no helper compiled is a fault.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::compiler::ask::{answer, Failure, COMPILE};
use crate::proof::object::{
    compare, names_difference, Comparison, Difference, Facts, FirstDifference, Severity,
};
use crate::proof::{sources, Scratch};

/// What sends a job.
#[derive(Clone, Debug)]
pub enum Launcher {
    /// This program, as `ccroute-run`.
    Itself,
    /// Another, which is given the compiler's path and arguments.
    Command(PathBuf),
    /// A compiler name in the masquerade directory, as a build calls it; distcc's hosts.
    Name { link: PathBuf, hosts: String },
}

/// A job that a helper compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The helper, as distcc's log names it.
    pub host: String,
    /// The compiler name that it was asked for.
    pub name: String,
    /// From the call to the object.
    pub time: Duration,
}

/// A source to compile.
#[derive(Clone, Debug)]
pub struct Sample {
    /// For the report.
    pub name: String,
    source: Source,
    flags: Vec<OsString>,
}

#[derive(Clone, Debug)]
enum Source {
    /// Written into the scratch directory under this name.
    Text(&'static str, &'static str),
    File(PathBuf),
}

impl Sample {
    /// The samples that come with this program: the probe, at several levels, as PIC and with
    /// debug information.
    pub fn own() -> Vec<Sample> {
        let mut list = Vec::new();
        for (file, text) in sources() {
            for flags in [
                ["-O0"].as_slice(),
                &["-O2"],
                &["-Os", "-fPIC"],
                &["-O2", "-g"],
            ] {
                list.push(Sample {
                    name: format!("{file} {}", flags.join(" ")),
                    source: Source::Text(file, text),
                    flags: flags.iter().map(OsString::from).collect(),
                });
            }
        }
        list
    }

    /// One small job whose object shows the float ABI.
    pub fn small() -> Sample {
        Sample {
            name: "test.c".into(),
            source: Source::Text("test.c", "double half(int n) { return n / 2.0; }\n"),
            flags: vec!["-O1".into()],
        }
    }

    /// A file of the user's.
    ///
    /// # Errors
    /// It does not exist.
    pub fn file(path: &Path, flags: &[OsString]) -> io::Result<Sample> {
        let absolute = fs::canonicalize(path)
            .map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
        Ok(Sample {
            name: path.display().to_string(),
            source: Source::File(absolute),
            flags: flags.to_vec(),
        })
    }
}

/// What came out for a sample.
#[derive(Clone, Debug)]
pub enum Status {
    /// Byte for byte, or but for the compiler's name and the like.
    Same(Comparison),
    /// The code differs, or the directory or a name in debug information.
    Different {
        first: FirstDifference,
        /// What the objects say of their targets; empty if only the code differs.
        differences: Vec<Difference>,
    },
    /// No helper compiled it: the launcher ran the native compiler.
    NotSent,
    /// One of the two did not compile it, or its object cannot be read.
    Failed(String),
}

impl Status {
    /// One word for a table.
    pub fn word(&self) -> &'static str {
        match self {
            Status::Same(Comparison::Identical) => "identical",
            Status::Same(_) => "equivalent",
            Status::Different { .. } => "different",
            Status::NotSent => "not-sent",
            Status::Failed(_) => "failed",
        }
    }
}

/// The details, several lines for a difference.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Same(Comparison::Equivalent(sections)) if !sections.is_empty() => {
                write!(f, "only {} differ", sections.join(", "))
            }
            Status::Same(comparison) => write!(f, "{comparison}"),
            Status::Different { first, differences } => {
                write!(f, "first difference: {first}")?;
                for difference in differences {
                    write!(f, "\n{difference}")?;
                }
                Ok(())
            }
            Status::NotSent => f.write_str("no helper compiled it; distcc's log names none"),
            Status::Failed(words) => f.write_str(words),
        }
    }
}

/// A sample's result.
#[derive(Clone, Debug)]
pub struct SampleResult {
    pub name: String,
    pub status: Status,
    /// Who compiled it, and how.
    pub sent: Option<Sent>,
}

impl SampleResult {
    /// Whether nothing about it matters: the same, or other code for the same target.
    pub fn is_ok(&self) -> bool {
        match &self.status {
            Status::Same(_) => true,
            Status::Different { differences, .. } => {
                differences.iter().all(|d| d.severity == Severity::Benign)
            }
            Status::NotSent | Status::Failed(_) => false,
        }
    }
}

/// Compiles samples both ways.
#[derive(Debug)]
pub struct Verifier {
    compiler: PathBuf,
    launcher: Launcher,
    scratch: Scratch,
}

impl Verifier {
    /// For a native compiler, by its absolute path, and a launcher.
    ///
    /// # Errors
    /// There is no place for temporary files.
    pub fn new(compiler: PathBuf, launcher: Launcher) -> io::Result<Verifier> {
        Ok(Verifier {
            compiler,
            launcher,
            scratch: Scratch::new()?,
        })
    }

    /// The native compiler.
    pub fn compiler(&self) -> &Path {
        &self.compiler
    }

    /// Compiles a sample both ways and compares.
    pub fn check(&self, sample: &Sample) -> SampleResult {
        let (status, sent) = match self.compile_both(sample) {
            Ok(both) => both,
            Err(words) => (Status::Failed(words), None),
        };
        SampleResult {
            name: sample.name.clone(),
            status,
            sent,
        }
    }

    fn compile_both(&self, sample: &Sample) -> Result<(Status, Option<Sent>), String> {
        let directory = self.scratch.path();
        let source = match &sample.source {
            Source::File(path) => path.clone().into_os_string(),
            Source::Text(name, text) => {
                fs::write(directory.join(name), text).map_err(|e| e.to_string())?;
                OsString::from(name)
            }
        };
        // One name for both: it may be recorded in the object.
        let object = directory.join("sample.o");
        let mut args = sample.flags.clone();
        args.extend(["-c".into(), source, "-o".into(), "sample.o".into()]);
        let compile = |command: Command, program: &Path| -> Result<Vec<u8>, String> {
            // Whatever happens, what is read below must be this compiler's.
            match fs::remove_file(&object) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e.to_string()),
                _ => {}
            }
            answer(command, program, COMPILE).map_err(|e: Failure| e.to_string())?;
            fs::read(&object).map_err(|e| format!("{} made no object: {e}", program.display()))
        };

        let mut native = Command::new(&self.compiler);
        native.args(&args).current_dir(directory).env("LC_ALL", "C");
        let wanted = compile(native, &self.compiler)?;

        let log = directory.join("log");
        fs::write(&log, b"").map_err(|e| e.to_string())?;
        let (command, program) = self.launch(&args, &log);
        let start = Instant::now();
        let offered = compile(command, &program);
        let time = start.elapsed();
        let text = fs::read(&log).map_err(|e| e.to_string())?;
        let found = helper(&String::from_utf8_lossy(&text));
        let offered = offered.map_err(|words| match &found {
            Some((host, _)) => format!("{host}: {words}"),
            None => words,
        })?;
        let sent = match found {
            Some((host, name)) => Some(Sent { host, name, time }),
            // A launcher that is not distcc keeps no such log.
            None if self.must_log() => return Ok((Status::NotSent, None)),
            None => None,
        };

        let status = match compare(&wanted, &offered).map_err(|e| e.to_string())? {
            Comparison::Different(first) => {
                let read = |bytes: &[u8]| Facts::read(bytes).map_err(|e| e.to_string());
                let mut differences = read(&wanted)?.differences(&read(&offered)?);
                // What only concerns the code says nothing beside the first difference.
                differences.retain(|d| d.severity == Severity::Fatal);
                Status::Different { first, differences }
            }
            same => match names_difference(&wanted, &offered).map_err(|e| e.to_string())? {
                Some(first) => Status::Different {
                    first,
                    differences: Vec::new(),
                },
                None => Status::Same(same),
            },
        };
        Ok((status, sent))
    }

    /// Whether a job that was sent must show in distcc's log.
    fn must_log(&self) -> bool {
        match &self.launcher {
            Launcher::Itself | Launcher::Name { .. } => true,
            Launcher::Command(path) => path.file_name() == Some(OsStr::new("distcc")),
        }
    }

    /// The command, and what to call it in messages.
    fn launch(&self, args: &[OsString], log: &Path) -> (Command, PathBuf) {
        let (mut command, program) = match &self.launcher {
            Launcher::Itself => {
                let mut command = Command::new("/proc/self/exe");
                command.arg0(LAUNCHER).arg(&self.compiler);
                (command, PathBuf::from(LAUNCHER))
            }
            Launcher::Command(path) => {
                let mut command = Command::new(path);
                command.arg(&self.compiler);
                (command, path.clone())
            }
            Launcher::Name { link, hosts } => {
                let mut command = Command::new(link);
                let mut path = link.parent().unwrap_or(link).as_os_str().to_owned();
                path.push(":");
                path.push(std::env::var_os("PATH").unwrap_or_default());
                command
                    .env("PATH", path)
                    .env("DISTCC_HOSTS", hosts)
                    // Whatever comes of it, distcc leaves no host alone because of this job.
                    .env("DISTCC_DIR", self.scratch.path());
                (command, link.clone())
            }
        };
        command
            .args(args)
            .current_dir(self.scratch.path())
            .env("LC_ALL", "C")
            .env("DISTCC_FALLBACK", "0")
            .env("DISTCC_SKIP_LOCAL_RETRY", "1")
            .env("DISTCC_VERBOSE", "1")
            .env("DISTCC_LOG", log);
        (command, program)
    }
}

/// What this program is called as a launcher.
const LAUNCHER: &str = "ccroute-run";

/// The helper that distcc's log names last, and the compiler name that it was asked for:
/// `… exec on HOST: gcc -c …`. `None` where that is this machine's own local slot.
fn helper(log: &str) -> Option<(String, String)> {
    let (host, command) = log.lines().rev().find_map(|line| {
        let (_, rest) = line.split_once("exec on ")?;
        rest.split_once(": ")
    })?;
    let name = command.split(' ').next().unwrap_or_default();
    (host != "localhost").then(|| (host.to_string(), name.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_helper_is_read_from_the_log() {
        let log = "distcc[1] (dcc_x) a\ndistcc[1] exec on 10.0.0.7:3632/4: gcc -c a.c\nb";
        let found = ("10.0.0.7:3632/4".to_string(), "gcc".to_string());
        assert_eq!(helper(log), Some(found));
        assert_eq!(helper("distcc[1] exec on localhost: gcc -c a.c"), None);
        assert_eq!(helper(""), None);
    }
}
