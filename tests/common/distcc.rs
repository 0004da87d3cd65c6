//! Real distcc and distccd on loopback.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{killpg, Signal};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, User};

use super::raw::connect_from;
use super::{is_root, need, set_mode, Ran, Scratch, SYSTEM_PATH};

/// Who runs distccd's jobs where the tests run as root.
const HELPER_USER: &str = "nobody";

/// How a distccd is to be started; the default serves every name, found on the system's PATH.
#[derive(Default)]
pub struct Helper {
    path: Option<OsString>,
    env: Vec<(OsString, OsString)>,
    whitelist: Option<PathBuf>,
    commands: Option<PathBuf>,
}

impl Helper {
    pub fn new() -> Helper {
        Helper::default()
    }

    /// DISTCCD_PATH, where its jobs look for compilers.
    pub fn path(mut self, path: impl AsRef<OsStr>) -> Helper {
        self.path = Some(path.as_ref().to_owned());
        self
    }

    /// A variable for distccd, which its jobs inherit.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Helper {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    pub fn rules_dir(self, dir: impl AsRef<OsStr>) -> Helper {
        self.env("CCROUTE_RULES_DIR", dir)
    }

    /// Only names in this directory are served: it stands where /usr/lib/distcc is, in a mount
    /// namespace of distccd's own, so that the machine's whitelist is not touched. Needs root or
    /// user namespaces.
    pub fn whitelist(mut self, dir: impl AsRef<Path>) -> Helper {
        self.whitelist = Some(dir.as_ref().to_owned());
        self
    }

    /// DISTCC_CMDLIST: the programs that may run, and by which path.
    pub fn commands(mut self, list: impl AsRef<Path>) -> Helper {
        self.commands = Some(list.as_ref().to_owned());
        self
    }

    /// Starts it on a free port and waits until it listens.
    pub fn start(&self, scratch: &Scratch) -> Distccd {
        for _ in 0..5 {
            if let Some(distccd) = self.try_start(scratch) {
                return distccd;
            }
        }
        panic!("distccd found no free port in five attempts");
    }

    /// `None` where somebody else took the port in between.
    fn try_start(&self, scratch: &Scratch) -> Option<Distccd> {
        let port = free_port();
        let dir = scratch.dir(&format!("distccd.{port}"));
        let (tmp, log) = (dir.join("tmp"), dir.join("log"));
        fs::create_dir(&tmp).unwrap();
        File::create(&log).unwrap();
        // distccd gives its rights up before it opens the log; by the umask nobody else could
        // write either.
        if is_root() {
            let user = User::from_name(HELPER_USER).unwrap().unwrap();
            for path in [&tmp, &log] {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw())).unwrap();
            }
        }
        set_mode(&tmp, 0o700);

        let mut command = self.command();
        command.args(["--no-detach", "--daemon", "--listen", "127.0.0.1"]);
        command.args(["--port", &port.to_string(), "--allow", "127.0.0.0/8"]);
        command.args(["--jobs", "4", "--log-level", "debug", "--log-file"]);
        command.arg(&log);
        if is_root() {
            command.args(["--user", HELPER_USER]);
        }
        if self.whitelist.is_none() && self.commands.is_none() {
            command.arg("--enable-tcp-insecure");
        }
        command.env_clear().env("PATH", SYSTEM_PATH);
        command.env("TMPDIR", &tmp).current_dir("/");
        command.env(
            "DISTCCD_PATH",
            self.path.as_deref().unwrap_or(SYSTEM_PATH.as_ref()),
        );
        command.envs(self.env.iter().cloned());
        if let Some(list) = &self.commands {
            command.env("DISTCC_CMDLIST", list);
        }
        let err = File::create(dir.join("stderr")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(err).process_group(0);
        // Workers whose parent has ended become our children, not init's.
        set_child_subreaper(true).unwrap();
        let mut distccd = Distccd {
            child: command.spawn().unwrap(),
            port,
            log,
            tmp,
        };
        distccd.listens().then_some(distccd)
    }

    fn command(&self) -> Command {
        let distccd = need("distccd", "distcc");
        let Some(whitelist) = &self.whitelist else {
            return Command::new(distccd);
        };
        // The shell becomes distccd, so the process that is started is the one to be stopped.
        let mut command = Command::new(need("unshare", "util-linux"));
        if !is_root() {
            // Root of a user namespace of our own may mount; distccd must not run as root, so it
            // gets a namespace below in which it is again who we are.
            command.arg("--map-root-user");
        }
        let user = nix::unistd::geteuid();
        let become_user = match is_root() {
            true => String::new(),
            false => format!("unshare --user --map-user={user} "),
        };
        command.args(["--mount", "sh", "-c"]);
        command.arg(format!(
            r#"mount --bind "$0" /usr/lib/distcc && exec {become_user}"$@""#
        ));
        command.arg(whitelist).arg(distccd);
        command
    }
}

/// A running distccd; it is stopped when this goes out of scope.
pub struct Distccd {
    child: Child,
    pub port: u16,
    log: PathBuf,
    /// Its TMPDIR, where jobs run.
    pub tmp: PathBuf,
}

impl Distccd {
    /// What DISTCC_HOSTS is set to.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}/4", self.port)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until it listens; `false` if the port was taken.
    fn listens(&mut self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if self.log().contains("listening on 127.0.0.1") {
                return true;
            }
            if self.child.try_wait().unwrap().is_some() {
                if self.log().contains("Address already in use") {
                    return false;
                }
                break;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let stderr = self.log.with_file_name("stderr");
        panic!(
            "distccd did not start: {}{}",
            fs::read_to_string(stderr).unwrap_or_default(),
            self.log()
        );
    }
}

impl Drop for Distccd {
    fn drop(&mut self) {
        // Its workers are in the process group that was made for it, its jobs in groups of their
        // own, which end with their compile.
        let group = Pid::from_raw(self.child.id() as i32);
        let _ = killpg(group, Signal::SIGTERM);
        let _ = self.child.wait();
        // As their reaper we are told when the last worker is gone.
        while waitpid(Pid::from_raw(-group.as_raw()), None).is_ok() {}
        if thread::panicking() {
            eprintln!("distccd's log:\n{}", self.log());
        }
    }
}

/// A port that nobody listens on. The kernel chooses from its ephemeral ports, which begin far
/// above distcc's own.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A machine that has work distributed: distcc with a home of its own.
pub struct Client {
    home: PathBuf,
    env: Vec<(OsString, OsString)>,
}

impl Client {
    /// A client of `helper` whose compilers are found on the system's PATH.
    pub fn new(scratch: &Scratch, helper: &Distccd) -> Client {
        Client::at(scratch, &helper.host())
    }

    /// A client with these DISTCC_HOSTS.
    pub fn at(scratch: &Scratch, hosts: &str) -> Client {
        // distcc makes what is in its directory, but not the directory.
        scratch.dir("client/.distcc");
        Client {
            home: scratch.join("client"),
            env: Vec::new(),
        }
        .env("PATH", SYSTEM_PATH)
        .env("DISTCC_HOSTS", hosts)
    }

    /// Sets a variable; a later value replaces an earlier one.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Client {
        self.env.retain(|(n, _)| n != name);
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }

    /// Where the client's own compilers are, before the system's.
    pub fn compilers(self, dir: &Path) -> Client {
        let mut path = dir.to_owned().into_os_string();
        path.push(":");
        path.push(SYSTEM_PATH);
        self.env("PATH", path)
    }

    /// Nothing is ever compiled on the client: what comes back comes from the helper. Both
    /// variables are needed (distcc 3.4: each alone lets some failures through).
    pub fn never_local(self) -> Client {
        self.env("DISTCC_FALLBACK", "0")
            .env("DISTCC_SKIP_LOCAL_RETRY", "1")
    }

    /// The directory that commands run in, with the client's files.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Writes a file in [`Self::home`].
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// `distcc NAME ARGS…`.
    pub fn distcc<S: AsRef<OsStr>>(&self, name: &str, args: impl IntoIterator<Item = S>) -> Ran {
        let mut command = Command::new(need("distcc", "distcc"));
        command.arg(name).args(args);
        self.run(&mut command)
    }

    /// Any command with this client's environment, in its home.
    pub fn run(&self, command: &mut Command) -> Ran {
        command.env_clear().envs(self.env.iter().cloned());
        command.env("HOME", &self.home);
        command.env("DISTCC_DIR", self.home.join(".distcc"));
        command.current_dir(&self.home).stdin(Stdio::null());
        Ran::of(command)
    }

    /// Whether distcc has turned away from a helper for a while.
    pub fn in_backoff(&self) -> bool {
        let locks = fs::read_dir(self.home.join(".distcc/lock"));
        locks
            .into_iter()
            .flatten()
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with("backoff_"))
    }
}

/// Makes real distcc jobs come from a chosen address: distcc cannot be told which source address
/// to use, so it connects here, and this connects on from that address.
pub struct Relay {
    port: u16,
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Relay {
    pub fn new(from: Ipv4Addr, helper: &Distccd) -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = helper.port;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            for near in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    break;
                }
                let (Ok(near), Ok(far)) = (near, connect_from(from, to)) else {
                    continue;
                };
                copy(near.try_clone().unwrap(), far.try_clone().unwrap());
                copy(far, near);
            }
        });
        Relay {
            port,
            stop,
            thread: Some(thread),
        }
    }

    /// What DISTCC_HOSTS is set to.
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}/4", self.port)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Copies one direction of a connection in a thread of its own, until it ends.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || -> io::Result<()> {
        let mut buffer = [0; 1 << 16];
        loop {
            let length = from.read(&mut buffer).unwrap_or(0);
            if length == 0 {
                return to.shutdown(Shutdown::Write);
            }
            to.write_all(&buffer[..length])?;
        }
    });
}
