//! Running programs and looking at what they did: the shim under any name and environment, and
//! compilers that only leave a trace.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{executable, need, CCROUTE};

/// Where the system keeps its programs.
pub const SYSTEM_PATH: &str = "/usr/bin:/bin";

/// `unshare` with mounts of its own, as root or as root of a user namespace.
pub fn unshare(options: &[&str]) -> Command {
    let mut command = Command::new(need("unshare"));
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    // What is called in there has no home to leave a record in.
    command.arg("--mount").args(options).env_remove("HOME");
    command
}

/// Whether mounts can be kept from others: in a chroot there is no mount at / to be made private.
pub fn is_private() -> bool {
    unshare(&[]).arg("true").status().unwrap().success()
}

/// Runs a script with mounts of its own; it takes them away itself, for where they are not.
pub fn in_namespace(script: &Path) -> Output {
    let options: &[&str] = match is_private() {
        true => &[],
        false => &["--propagation", "unchanged"],
    };
    unshare(options).arg(script).output().unwrap()
}

/// A program that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code(),
            signal: output.status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the program ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Fails the test unless the program succeeded and said nothing.
    #[track_caller]
    pub fn silent(self) -> Ran {
        let ran = self.expect(0);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
        ran
    }
}

/// Runs a command to its end.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    match command.output() {
        Ok(output) => Ran::of(output),
        Err(error) => panic!("{command:?}: {error}"),
    }
}

/// Runs a program of the system that has to succeed, and gives its standard output.
#[track_caller]
pub fn tool_output<S: AsRef<OsStr>>(
    program: &str,
    args: impl IntoIterator<Item = S>,
    dir: &Path,
) -> String {
    let mut command = Command::new(need(program));
    command.args(args).current_dir(dir).env("LC_ALL", "C");
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(0), "{command:?}: {ran:#?}");
    ran.stdout
}

/// A copy of the program under test at `at`, made by another process as [`executable`] files are.
pub fn copy_of_ccroute(at: &Path) -> PathBuf {
    fs::create_dir_all(at.parent().expect("a file's path")).unwrap();
    tool_output("cp", [OsStr::new(CCROUTE), at.as_os_str()], Path::new("/"));
    at.to_path_buf()
}

/// A call of the program with an environment of its own.
pub struct Call {
    pub command: Command,
}

impl Call {
    /// Runs `program`, called by its own path.
    pub fn new(program: &Path) -> Call {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", SYSTEM_PATH)
            // What this machine has recorded of its compilers is none of the test's.
            .env("CCROUTE_COMPILERS", "/nonexistent/compilers")
            .stdin(Stdio::null());
        Call { command }
    }

    /// `argv[0]`.
    pub fn called(mut self, name: impl AsRef<OsStr>) -> Call {
        self.command.arg0(name);
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Call {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Call {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Call {
        self.command.env_remove(name);
        self
    }

    pub fn rules(self, dir: &Path) -> Call {
        self.env("CCROUTE_RULES_DIR", dir)
    }

    pub fn dir(mut self, dir: &Path) -> Call {
        self.command.current_dir(dir);
        self
    }

    #[track_caller]
    pub fn run(mut self) -> Ran {
        run(&mut self.command)
    }
}

/// The trace of a compiler that does nothing but leave one.
pub struct Trace {
    file: PathBuf,
}

impl Trace {
    /// Puts the compiler at `at`.
    pub fn compiler(at: &Path) -> Trace {
        let mut file = at.as_os_str().to_owned();
        file.push(".ran");
        let file = PathBuf::from(file);
        let text = format!("#!/bin/sh\necho \"$*\" >>'{}'\n", file.display());
        executable(at, text.as_bytes());
        Trace { file }
    }

    pub fn ran(&self) -> bool {
        self.file.exists()
    }

    /// The arguments of each run, a line each.
    pub fn arguments(&self) -> String {
        fs::read_to_string(&self.file).unwrap_or_default()
    }
}

/// What was printed for people, without the breaks of lines that did not fit 80 columns.
pub fn unfolded(text: &str) -> String {
    let mut whole = String::new();
    for line in text.lines() {
        match line.strip_prefix("    ") {
            Some(rest) => {
                whole.truncate(whole.trim_end().len());
                whole.push(' ');
                whole.push_str(rest.trim_start());
            }
            None => whole.push_str(line),
        }
        whole.push('\n');
    }
    whole
}
