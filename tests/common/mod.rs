//! What the tests share: temporary directories, the shim called by any name, objects as readelf
//! sees them, and (in the modules) real distcc and distccd.
//!
//! A tool that is missing is a failure that names the package. Nothing is skipped.

// Every test program takes its own part of this.
#![allow(dead_code)]

pub mod distcc;
pub mod elf;
pub mod raw;

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The program under test.
pub const CCROUTE: &str = env!("CARGO_BIN_EXE_ccroute");

/// Where installed compilers are.
pub const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The path of a program that a test cannot do without.
pub fn need(program: &str, package: &str) -> PathBuf {
    for dir in SYSTEM_PATH.split(':').chain(["/usr/sbin", "/sbin"]) {
        let path = Path::new(dir).join(program);
        if path.exists() {
            return path;
        }
    }
    panic!("{program} is not installed: apt-get install {package} (or: make test, which does it)");
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// A temporary directory, removed with all that is in it when it goes out of scope.
///
/// It lies in /tmp and not below target/: distccd's jobs run as another user, who need not be
/// able to reach a checkout in somebody's home directory, and rules below a directory that a group
/// can write (umask 002) are refused.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub fn new() -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ccroute-test.{}.{number}", std::process::id());
        let path = fs::canonicalize(std::env::temp_dir()).unwrap().join(name);
        let _ = fs::remove_dir_all(&path);
        make_dir(&path);
        Scratch { path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// A directory in here.
    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.join(name);
        make_dir(&path);
        path
    }

    /// A file in here, readable by all; directories above it are made.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        make_dir(path.parent().unwrap());
        fs::write(&path, text).unwrap();
        set_mode(&path, 0o644);
        path
    }

    /// A program in here: a shell script without its first line.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.file(name, format!("#!/bin/sh\n{text}\n"));
        set_mode(&path, 0o755);
        path
    }

    /// A rules directory with one file.
    pub fn rules(&self, text: &str) -> PathBuf {
        self.file("rules.d/50-test.rules", text);
        self.join("rules.d")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What a test made unreadable would stay otherwise, where we are not root.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// A directory that everyone can read and its owner alone can write, whatever the umask.
pub fn make_dir(path: &Path) {
    if !path.exists() {
        make_dir(path.parent().unwrap());
        fs::create_dir(path).unwrap();
        set_mode(path, 0o755);
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A directory of links NAME -> ccroute. The program itself is a copy beside it, because distccd's
/// user need not be able to reach target/.
pub struct Farm {
    dir: PathBuf,
    program: PathBuf,
}

impl Farm {
    pub fn new(scratch: &Scratch, names: &[&str]) -> Farm {
        let program = scratch.dir("program").join("ccroute");
        fs::copy(CCROUTE, &program).unwrap();
        set_mode(&program, 0o755);
        let farm = Farm {
            dir: scratch.dir("farm"),
            program,
        };
        for name in names {
            farm.link(name);
        }
        farm
    }

    pub fn link(&self, name: impl AsRef<Path>) -> PathBuf {
        let link = self.dir.join(name);
        std::os::unix::fs::symlink(&self.program, &link).unwrap();
        link
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn program(&self) -> &Path {
        &self.program
    }

    /// A PATH (or DISTCCD_PATH) on which the links come first.
    pub fn path(&self) -> OsString {
        self.path_before(SYSTEM_PATH)
    }

    /// The links first, then these directories.
    pub fn path_before(&self, rest: &str) -> OsString {
        let mut path = self.dir.clone().into_os_string();
        path.push(":");
        path.push(rest);
        path
    }
}

/// One call of the shim: name, arguments, environment, rules. The environment is empty but for
/// PATH and what is set here.
pub struct Shim {
    program: PathBuf,
    argv0: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    dir: Option<PathBuf>,
}

impl Shim {
    /// The shim called by `name`, without rules.
    pub fn new(name: impl AsRef<OsStr>) -> Shim {
        Shim {
            program: CCROUTE.into(),
            argv0: name.as_ref().to_owned(),
            args: Vec::new(),
            env: vec![("PATH".into(), SYSTEM_PATH.into())],
            dir: None,
        }
        .rules_dir("/nonexistent")
    }

    /// What is executed, where it is not target/…/ccroute: a link or copy.
    pub fn program(mut self, path: impl AsRef<Path>) -> Shim {
        self.program = path.as_ref().to_owned();
        self
    }

    pub fn rules_dir(self, dir: impl AsRef<OsStr>) -> Shim {
        self.env("CCROUTE_RULES_DIR", dir)
    }

    pub fn path(self, path: impl AsRef<OsStr>) -> Shim {
        self.env("PATH", path)
    }

    /// Sets a variable; a later value replaces an earlier one.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Shim {
        self = self.without_env(name);
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub fn without_env(mut self, name: &str) -> Shim {
        self.env.retain(|(n, _)| n != name);
        self
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Shim {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Shim {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    pub fn current_dir(mut self, dir: impl AsRef<Path>) -> Shim {
        self.dir = Some(dir.as_ref().to_owned());
        self
    }

    /// As distccd would call it: the safeguard set and a file of distccd's among the arguments.
    /// There is no connection, so what a client's address decides needs a real [`distcc::Distccd`].
    pub fn on_helper(self) -> Shim {
        self.env("_DISTCC_SAFEGUARD", "1")
            .args(["-c", "/nonexistent/distccd_1.i"])
            .args(["-o", "/nonexistent/distccd_1.o"])
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.arg0(&self.argv0).args(&self.args);
        command.env_clear().envs(self.env.iter().cloned());
        command.stdin(Stdio::null());
        if let Some(dir) = &self.dir {
            command.current_dir(dir);
        }
        command
    }

    pub fn run(&self) -> Ran {
        Ran::of(&mut self.command())
    }
}

/// What a program did.
#[derive(Debug)]
pub struct Ran {
    /// As a shell shows it: 128 + n for signal n.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(command: &mut Command) -> Ran {
        let shown = shortened(&format!("{command:?}"));
        let output = command.output();
        output.unwrap_or_else(|e| panic!("{shown}: {e}")).into()
    }

    /// Panics unless the program succeeded.
    #[track_caller]
    pub fn succeeded(self) -> Ran {
        assert_eq!(self.code, 0, "{self:#?}");
        self
    }

    /// Panics unless the program failed with this code and one line on standard error that holds
    /// all of `words`.
    #[track_caller]
    pub fn refused(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert_eq!(self.stderr.lines().count(), 1, "one line: {self:#?}");
        assert!(self.stderr.ends_with('\n'), "a whole line: {self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:#?}");
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        let signalled = || 128 + output.status.signal().unwrap_or(0);
        Ran {
            code: output.status.code().unwrap_or_else(signalled),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(400).collect()
}

/// Runs a program on this machine and wants it to succeed; returns its standard output.
#[track_caller]
pub fn run<S: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    args: impl IntoIterator<Item = S>,
) -> String {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null());
    Ran::of(&mut command).succeeded().stdout
}

/// Whether two objects are the same but for .comment, which names the compiler's package. Both are
/// stripped of it with the `objcopy` given.
pub fn same_but_comment(objcopy: &str, left: &Path, right: &Path) -> bool {
    let stripped = |object: &Path| {
        let to = object.with_extension("stripped");
        let path = |p: &Path| OsStr::from_bytes(p.as_os_str().as_bytes()).to_owned();
        run(
            objcopy,
            ["-R".into(), ".comment".into(), path(object), path(&to)],
        );
        fs::read(to).unwrap()
    };
    stripped(left) == stripped(right)
}
