//! A helper on loopback for the tests: a real distccd on a free port, and a scratch directory.
//! Needs Debian's packages; a test that lacks one fails and names it.

pub mod client;

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Fails with the package's name unless the program is installed.
pub fn need(program: &str, package: &str) -> PathBuf {
    let dirs = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin"];
    let found = dirs.iter().map(|d| Path::new(d).join(program));
    found
        .into_iter()
        .find(|p| p.exists())
        .unwrap_or_else(|| panic!("{program} is missing: apt-get install {package}"))
}

/// What this machine's gcc calls its target.
pub fn native_triple() -> String {
    let output = Command::new("/usr/bin/gcc").arg("-dumpmachine").output();
    String::from_utf8(output.unwrap().stdout)
        .unwrap()
        .trim()
        .into()
}

/// A directory of its own, removed at the end.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("lab-{name}-{}-{count}", std::process::id());
        let dir = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Scratch(dir)
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    /// Writes a file, with its directories.
    pub fn file(&self, path: &str, text: &str) -> PathBuf {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        write(&at, text);
        at
    }

    pub fn link(&self, path: &str, target: impl AsRef<Path>) {
        let at = self.at(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, at).unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::env::var_os("KEEP_LAB").is_none() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A distccd that finds its compilers on the PATH given.
pub struct Helper {
    daemon: Child,
    pub port: u16,
    log: PathBuf,
}

impl Helper {
    pub fn start(scratch: &Scratch, path: &str) -> Helper {
        let distccd = need("distccd", "distcc");
        let port = free_port();
        let log = scratch.at(&format!("distccd-{port}.log"));
        let daemon = Command::new(distccd)
            .args(["--daemon", "--no-detach", "--listen", "127.0.0.1"])
            .args(["--allow", "127.0.0.1", "--jobs", "4", "--user", "nobody"])
            .args([
                "--enable-tcp-insecure",
                "--log-stderr",
                "--log-level",
                "info",
            ])
            .args(["--port", &port.to_string()])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DISTCCD_PATH", path)
            .env("TMPDIR", "/tmp")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .expect("distccd starts");
        let helper = Helper { daemon, port, log };
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(
                Instant::now() < until,
                "distccd does not listen: {}",
                helper.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        helper
    }

    /// What distccd has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The log once it counts so many compiled jobs. distccd writes a job's line after it has answered,
    /// so a client may be ahead of it for a moment.
    pub fn log_of(&self, jobs: usize) -> String {
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        loop {
            let log = self.log();
            if log.matches("COMPILE_OK").count() >= jobs || std::time::Instant::now() > deadline {
                return log;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// The value for DISTCC_HOSTS.
    pub fn hosts(&self) -> String {
        format!("127.0.0.1:{}/50", self.port)
    }

    pub fn stop(&mut self) {
        // The daemon's workers are in its process group.
        let id = i32::try_from(self.daemon.id()).unwrap();
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(id),
            nix::sys::signal::Signal::SIGTERM,
        );
        let _ = self.daemon.wait();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A port above 4000 that nothing listens on.
/// Writes a file from another process. Tests run in threads: while this one had a file open for
/// writing, a program that another thread starts would hold it open too, and nobody could execute
/// it until then ("Text file busy").
pub fn write(at: &Path, text: &str) {
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\""])
        .arg(at)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = writer.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, text.as_bytes()).unwrap();
    drop(pipe);
    assert!(writer.wait().unwrap().success(), "{}", at.display());
}

pub fn free_port() -> u16 {
    loop {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if port > 4000 {
            return port;
        }
    }
}
