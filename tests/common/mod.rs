//! What the tests that run real programs share: scratch directories, distccd and distcc on
//! loopback, the shim under any name, and what an object file says of itself.
//!
//! Nothing here skips: where a program is missing the test fails and names its Debian package.

// Each test binary uses its own part of this.
#![allow(dead_code)]

pub mod raw;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, MetadataExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{killpg, Signal};
use nix::unistd::Pid;

/// The program under test.
pub const CCROUTE: &str = env!("CARGO_BIN_EXE_ccroute");

/// Where the system keeps its programs.
pub const SYSTEM_PATH: &str = "/usr/bin:/bin";

// ---------------------------------------------------------------------------------------------
// Programs that have to be there

/// The Debian package of a program that tests run.
fn package(program: &str) -> String {
    if let Some((triple, tool)) = program.rsplit_once('-') {
        match tool {
            "gcc" | "g++" => return format!("{tool}-{}", triple.replace('_', "-")),
            "objcopy" | "readelf" => return format!("binutils-{}", triple.replace('_', "-")),
            _ => {}
        }
    }
    match program {
        "distccd" => "distcc",
        "cc" => "gcc",
        "readelf" | "objcopy" => "binutils",
        "qemu-arm" => "qemu-user",
        "ps" => "procps",
        other => other,
    }
    .to_owned()
}

/// The path of a program of the system; fails the test, naming the package, where it is missing.
pub fn tool(program: &str) -> PathBuf {
    // Debian 12 has qemu-arm in one package and qemu-arm-static in another.
    let names: &[&str] = match program {
        "qemu-arm" => &["qemu-arm", "qemu-arm-static"],
        _ => &[program],
    };
    for dir in ["/usr/bin", "/bin", "/usr/sbin", "/sbin"] {
        for name in names {
            let path = Path::new(dir).join(name);
            if path.exists() {
                return path;
            }
        }
    }
    panic!(
        "{program} is not installed: apt-get install {}",
        package(program)
    );
}

// ---------------------------------------------------------------------------------------------
// Scratch directories

/// A directory of one test's own; it goes with the test, unless the test failed.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = base().join(format!("{name}-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let scratch = Scratch { path };
        make_dir(&scratch.path);
        scratch
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A path below.
    pub fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// A directory below, made with all its parents.
    pub fn dir(&self, name: impl AsRef<Path>) -> PathBuf {
        let path = self.at(name);
        make_dir(&path);
        path
    }

    /// A file below.
    pub fn file(&self, name: impl AsRef<Path>, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        write(&path, text.as_ref(), 0o644);
        path
    }

    /// A shell script below.
    pub fn script(&self, name: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.at(name);
        write(&path, format!("#!/bin/sh\n{text}\n").as_bytes(), 0o755);
        path
    }

    /// A rules directory with one file.
    pub fn rules(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let dir = self.dir(name);
        write(&dir.join("50-test.rules"), text.as_ref(), 0o644);
        dir
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("left for you to look at: {}", self.path.display());
        } else {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Where scratch directories go: below target/, if distccd's user can get there and nobody else
/// can write there (else every rules file in it would be unsafe); below /tmp otherwise.
fn base() -> PathBuf {
    let own = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let good = own.ancestors().all(|dir| {
        let meta = fs::metadata(dir).expect("target/tmp exists");
        let mode = meta.mode();
        let safe = mode & 0o022 == 0 || mode & 0o1000 != 0;
        let owner = [0, nix::unistd::geteuid().as_raw()].contains(&meta.uid());
        safe && owner && mode & 0o001 != 0
    });
    if good {
        own.to_path_buf()
    } else {
        std::env::temp_dir()
    }
}

/// Makes a directory and its parents, whatever the umask, so that distccd's user can enter.
pub fn make_dir(path: &Path) {
    if path.is_dir() {
        return;
    }
    make_dir(path.parent().expect("below the root"));
    fs::create_dir(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    chmod(path, 0o755);
}

/// Writes a file of this mode, and its directory. Never in place: a running program stays whole.
pub fn write(path: &Path, bytes: &[u8], mode: u32) {
    make_dir(path.parent().expect("a file's path"));
    let _ = fs::remove_file(path);
    fs::write(path, bytes).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    chmod(path, mode);
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()));
}

// ---------------------------------------------------------------------------------------------
// What a program did

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
    let mut command = Command::new(tool(program));
    command.args(args).current_dir(dir).env("LC_ALL", "C");
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(0), "{command:?}: {ran:#?}");
    ran.stdout
}

// ---------------------------------------------------------------------------------------------
// The shim under its names

/// A directory of links to a copy of the program: what a helper's distccd finds compilers by.
pub struct Farm {
    pub dir: PathBuf,
    pub program: PathBuf,
}

impl Farm {
    /// The program in `scratch/opt`, links to it in `scratch/farm`.
    pub fn new(scratch: &Scratch, names: &[&str]) -> Farm {
        let farm = Farm {
            dir: scratch.dir("farm"),
            program: copy_of_ccroute(&scratch.at("opt/ccroute")),
        };
        for name in names {
            farm.link(name);
        }
        farm
    }

    pub fn link(&self, name: impl AsRef<Path>) -> PathBuf {
        let at = self.dir.join(name);
        symlink(&self.program, &at).unwrap_or_else(|e| panic!("{}: {e}", at.display()));
        at
    }

    /// A PATH that begins with the links.
    pub fn path(&self) -> String {
        format!("{}:{SYSTEM_PATH}", self.dir.display())
    }
}

/// A copy of the program under test.
pub fn copy_of_ccroute(at: &Path) -> PathBuf {
    make_dir(at.parent().expect("a file's path"));
    fs::copy(CCROUTE, at).expect("the program was built");
    chmod(at, 0o755);
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

    /// As distccd's child.
    pub fn on_helper(self) -> Call {
        self.env("_DISTCC_SAFEGUARD", "1")
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

// ---------------------------------------------------------------------------------------------
// A helper

/// A distccd of the test's own. It ends with the value.
pub struct Distccd {
    child: Child,
    pub address: String,
    pub port: u16,
    pub log: PathBuf,
    pub tmp: PathBuf,
}

/// How a [`Distccd`] is to be started.
pub struct DistccdSetup {
    scratch: PathBuf,
    address: String,
    env: BTreeMap<String, OsString>,
    insecure: bool,
}

impl DistccdSetup {
    pub fn new(scratch: &Scratch) -> DistccdSetup {
        DistccdSetup {
            scratch: scratch.path().to_path_buf(),
            address: "127.0.0.1".into(),
            env: BTreeMap::from([("PATH".into(), SYSTEM_PATH.into())]),
            insecure: true,
        }
    }

    /// Which of the machine's own addresses to listen on.
    pub fn address(mut self, address: &str) -> DistccdSetup {
        self.address = address.into();
        self
    }

    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> DistccdSetup {
        self.env.insert(name.into(), value.as_ref().into());
        self
    }

    /// As a helper with the shim: its links come first.
    pub fn with(self, farm: &Farm, rules: &Path) -> DistccdSetup {
        self.env("DISTCCD_PATH", farm.path())
            .env("CCROUTE_RULES_DIR", rules)
    }

    /// With distccd's own whitelist, or with DISTCC_CMDLIST.
    pub fn secure(mut self) -> DistccdSetup {
        self.insecure = false;
        self
    }

    pub fn start(self) -> Distccd {
        let tmp = self.scratch.join("distccd-tmp");
        make_dir(&tmp);
        chmod(&tmp, 0o1777);
        // Between finding a free port and listening on it somebody else may take it.
        for _ in 0..5 {
            if let Some(distccd) = self.try_start(&tmp) {
                return distccd;
            }
        }
        panic!("distccd does not start; see the log in {}", tmp.display());
    }

    fn try_start(&self, tmp: &Path) -> Option<Distccd> {
        let port = free_port(&self.address);
        let log = self.scratch.join(format!("distccd-{port}.log"));
        let port_text = port.to_string();
        let mut command = Command::new(tool("distccd"));
        command
            .args(["--daemon", "--no-detach", "--listen", &self.address])
            .args(["--port", &port_text, "--allow", "127.0.0.0/8"])
            .args(["--jobs", "4", "--log-stderr", "--log-level", "debug"])
            .args(["--user", "nobody"])
            .env_clear()
            .envs(&self.env)
            .env("TMPDIR", tmp)
            .current_dir("/")
            // distccd ends its whole process group.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).expect("a log file"));
        if self.insecure {
            command.arg("--enable-tcp-insecure");
        }
        let mut distccd = Distccd {
            child: command.spawn().expect("distccd starts"),
            address: self.address.clone(),
            port,
            log,
            tmp: tmp.to_path_buf(),
        };
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if distccd.child.try_wait().expect("our child").is_some() {
                eprintln!("{}", distccd.log());
                return None;
            }
            if TcpStream::connect((self.address.as_str(), port)).is_ok() {
                return Some(distccd);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Distccd {
    /// In the form of DISTCC_HOSTS.
    pub fn host(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Distccd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4000);
            eprintln!(
                "--- distccd's log ends:\n{}",
                log.get(from..).unwrap_or(&log)
            );
        }
        let group = Pid::from_raw(self.child.id() as i32);
        let _ = killpg(group, Signal::SIGTERM);
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = killpg(group, Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn free_port(address: &str) -> u16 {
    let listener = TcpListener::bind((address, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    assert!(port > 4000, "the system hands out low ports");
    port
}

// ---------------------------------------------------------------------------------------------
// A client

/// A machine that builds: wrappers under the names of its compilers, and distcc.
pub struct Client {
    pub dir: PathBuf,
    pub bin: PathBuf,
    env: BTreeMap<String, OsString>,
}

impl Client {
    /// A client in `scratch/client` that sends to `hosts` and never compiles by itself.
    pub fn new(scratch: &Scratch, hosts: &str) -> Client {
        let dir = scratch.dir("client");
        let client = Client {
            bin: scratch.dir("client/bin"),
            env: BTreeMap::from([
                ("DISTCC_HOSTS".into(), hosts.into()),
                ("DISTCC_DIR".into(), scratch.dir("client/state").into()),
                ("DISTCC_NO_REWRITE_CROSS".into(), "1".into()),
                ("DISTCC_FALLBACK".into(), "0".into()),
                ("DISTCC_IO_TIMEOUT".into(), "60".into()),
                ("HOME".into(), dir.clone().into()),
                ("LC_ALL".into(), "C".into()),
            ]),
            dir,
        };
        client.env_path()
    }

    fn env_path(mut self) -> Client {
        let path = format!("{}:{SYSTEM_PATH}", self.bin.display());
        self.env.insert("PATH".into(), path.into());
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Client {
        self.env.insert(name.into(), value.into());
        self
    }

    pub fn without(mut self, name: &str) -> Client {
        self.env.remove(name);
        self
    }

    /// A compiler of the client: `name` runs `command`, a compiler of this machine with its flags.
    pub fn compiler(&self, name: &str, command: &str) -> &Client {
        let (program, flags) = command.split_once(' ').unwrap_or((command, ""));
        let program = tool(program);
        let text = format!("#!/bin/sh\nexec {} {flags} \"$@\"\n", program.display());
        write(&self.bin.join(name), text.as_bytes(), 0o755);
        self
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.join(name);
        write(&path, text.as_bytes(), 0o644);
        path
    }

    /// A program in the client's directory, with the client's environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(&self.env)
            .current_dir(&self.dir)
            .stdin(Stdio::null());
        command
    }

    /// `distcc ARGS`, in the client's directory.
    #[track_caller]
    pub fn distcc(&self, args: &[&str]) -> Ran {
        run(self.command(&tool("distcc")).args(args))
    }

    /// Forgets that a helper failed: distcc would not ask it again for a minute.
    pub fn forget_failures(&self) {
        let lock = self.dir.join("state/lock");
        for entry in fs::read_dir(lock).into_iter().flatten().flatten() {
            if entry.file_name().as_bytes().starts_with(b"backoff") {
                fs::remove_file(entry.path()).expect("a lock file of ours");
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------
// Objects

/// What readelf says of an object: its header's fields and its ARM attributes.
#[derive(Debug, Default)]
pub struct Object {
    fields: BTreeMap<String, String>,
}

impl Object {
    pub fn read(path: &Path) -> Object {
        assert!(
            fs::metadata(path).is_ok_and(|m| m.len() > 0),
            "{}: no object came back",
            path.display()
        );
        let text = tool_output(
            "readelf",
            [OsStr::new("-hA"), path.as_os_str()],
            Path::new("/"),
        );
        let fields = text.lines().filter_map(|line| {
            let (key, value) = line.trim().split_once(": ")?;
            Some((key.to_owned(), value.trim().trim_matches('"').to_owned()))
        });
        Object {
            fields: fields.collect(),
        }
    }

    /// A field of the header (`Machine`) or an attribute (`Tag_CPU_arch`); empty if there is none.
    pub fn get(&self, key: &str) -> &str {
        self.fields.get(key).map_or("", String::as_str)
    }

    pub fn machine(&self) -> &str {
        self.get("Machine")
    }
}

/// An object without the section that holds the name of the compiler's package.
pub fn without_comment(object: &Path, triple: &str) -> Vec<u8> {
    let mut plain = object.as_os_str().to_owned();
    plain.push(".plain");
    tool_output(
        &format!("{triple}-objcopy"),
        [
            OsStr::new("-R"),
            OsStr::new(".comment"),
            object.as_os_str(),
            &plain,
        ],
        Path::new("/"),
    );
    fs::read(plain).expect("objcopy wrote it")
}

// ---------------------------------------------------------------------------------------------
// A compiler that only leaves traces

/// A file that a fake compiler makes when it is run, and what it was run with.
pub struct Trace {
    file: PathBuf,
}

impl Trace {
    /// Puts a fake compiler at `at`.
    pub fn compiler(at: &Path, trace: &Path) -> Trace {
        let text = format!("#!/bin/sh\necho \"$0 $*\" >>'{}'\n", trace.display());
        write(at, text.as_bytes(), 0o755);
        Trace {
            file: trace.to_path_buf(),
        }
    }

    pub fn ran(&self) -> bool {
        self.file.exists()
    }
}

/// Writes to a pipe or file all at once; for tests that feed a program.
pub fn feed(mut to: impl Write, bytes: &[u8]) {
    to.write_all(bytes).expect("the program reads it");
}
