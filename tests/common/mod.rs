//! What the tests of real distcc share: a helper (`Distccd`), a client (`Client`), directories of
//! links (`Farm`), and what an object says of itself (`Elf`).
//!
//! Every process that is started here is stopped by its id. A tool that is missing fails the test
//! with the package to install: nothing is skipped.

pub mod call;
pub mod cross;
pub mod lab;
pub mod raw;
pub mod rules;
pub mod sandbox;
pub mod shipped;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ccroute::rules::load::SHIPPED;

/// The program under test.
pub const CCROUTE: &str = env!("CARGO_BIN_EXE_ccroute");
/// Debian's package for each command that the tests need.
const PACKAGES: &[(&str, &str)] = &[
    ("distcc", "distcc"),
    ("distccd", "distcc"),
    ("readelf", "binutils"),
    ("gcc", "gcc"),
    ("g++", "g++"),
    ("clang", "clang"),
    ("ccache", "ccache"),
    ("unshare", "util-linux"),
    ("cc", "gcc"),
    ("update-distcc-symlinks", "distcc"),
    ("xz", "xz-utils"),
    ("xmllint", "libxml2-utils"),
    ("qemu-arm", "qemu-user"),
    (
        "arm-linux-gnueabihf-objcopy",
        "binutils-arm-linux-gnueabihf",
    ),
    ("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf"),
    ("arm-linux-gnueabihf-g++", "g++-arm-linux-gnueabihf"),
    ("arm-linux-gnueabi-gcc", "gcc-arm-linux-gnueabi"),
    ("arm-linux-gnueabi-g++", "g++-arm-linux-gnueabi"),
    ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
    ("aarch64-linux-gnu-g++", "g++-aarch64-linux-gnu"),
    ("riscv64-linux-gnu-gcc", "gcc-riscv64-linux-gnu"),
    ("riscv64-linux-gnu-g++", "g++-riscv64-linux-gnu"),
    ("i686-linux-gnu-gcc", "gcc-i686-linux-gnu"),
    ("i686-linux-gnu-g++", "g++-i686-linux-gnu"),
];

/// Where a command is. Panics with the package that brings it.
pub fn need(command: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let extra = ["/usr/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let mut dirs = std::env::split_paths(&path).chain(extra);
    let found = dirs.find_map(|dir| {
        let file = dir.join(command);
        // Where only Debian 12's statically linked ones are installed.
        let alias = dir.join(format!("{command}-static"));
        [file, alias].into_iter().find(|f| f.is_file())
    });
    found.unwrap_or_else(|| {
        let package = PACKAGES.iter().find(|(c, _)| *c == command);
        let package = package.map_or(command, |(_, p)| p);
        panic!("{command} is missing: apt-get install {package}")
    })
}

/// A directory of the test's own, removed at the end unless KEEP is set. Others may read it: distccd's user does.
#[derive(Debug)]
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Not below the build directory: distccd's user need not be able to get there.
        let dir = std::env::temp_dir().join(format!("cc-{name}-{}-{count}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
        Scratch(dir)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn dir(&self, name: &str) -> PathBuf {
        let dir = self.path(name);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// An executable shell script.
    pub fn script(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        executable(&path, format!("#!/bin/sh\n{body}\n").as_bytes());
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if std::env::var_os("KEEP").is_none() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// Makes an executable file. Another process writes it: tests run in threads, and while this one
/// has a file open for writing, a thread that starts a program hands the descriptor down, and
/// nobody can execute the file until that program has closed it ("Text file busy").
pub fn executable(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = Command::new("/bin/sh")
        .args(["-c", "rm -f \"$0\" && cat >\"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    writer.stdin.take().unwrap().write_all(bytes).unwrap();
    assert!(writer.wait().unwrap().success(), "{}", path.display());
}

/// What a tool of the system tells of a file.
pub fn tool_facts(tool: &str, options: &[&str], file: &Path) -> String {
    let words = options.iter().map(OsStr::new).chain([file.as_os_str()]);
    call::tool_output(tool, words, Path::new("/"))
}

/// A directory of links to a copy of ccroute, as `install --helper` would make it.
pub fn farm(scratch: &Scratch, names: &[&str]) -> PathBuf {
    let program = scratch.path("ccroute");
    if !program.exists() {
        call::copy_of_ccroute(&program);
    }
    let dir = scratch.dir("farm");
    for name in names {
        let _ = fs::remove_file(dir.join(name));
        symlink(&program, dir.join(name)).unwrap();
    }
    dir
}

/// A directory of links to some of this machine's compilers and nothing else.
pub fn toolbox(scratch: &Scratch, name: &str, commands: &[&str]) -> PathBuf {
    let dir = scratch.dir(name);
    for command in commands {
        let _ = fs::remove_file(dir.join(command));
        symlink(need(command), dir.join(command)).unwrap();
    }
    dir
}

/// A rules directory with one file.
pub fn rules(scratch: &Scratch, text: &str) -> PathBuf {
    scratch.file("rules/50-test.rules", text);
    scratch.path("rules")
}

/// What stands for the shipped rules in CCROUTE_RULES_DIR, and nothing else.
pub fn shipped_rules() -> PathBuf {
    PathBuf::from(SHIPPED)
}

/// A real distccd on loopback.
#[derive(Debug)]
pub struct Distccd {
    process: Child,
    pub port: u16,
    pub address: &'static str,
    log: PathBuf,
}

impl Distccd {
    /// Starts a helper whose compilers are found along `path`, with more variables and options.
    pub fn start(scratch: &Scratch, path: &[&Path], env: &[(&str, &OsStr)]) -> Distccd {
        Distccd::start_at("127.0.0.1", scratch, path, env, &["--enable-tcp-insecure"])
    }

    pub fn start_at(
        address: &'static str,
        scratch: &Scratch,
        path: &[&Path],
        env: &[(&str, &OsStr)],
        options: &[&str],
    ) -> Distccd {
        // Another process may take the port between the question and its use.
        for _ in 0..5 {
            let port = free_port(address);
            if let Some(distccd) = Self::try_start(address, port, scratch, path, env, options) {
                return distccd;
            }
        }
        panic!(
            "distccd does not start; its logs are in {}",
            scratch.0.display()
        );
    }

    fn try_start(
        address: &'static str,
        port: u16,
        scratch: &Scratch,
        path: &[&Path],
        env: &[(&str, &OsStr)],
        options: &[&str],
    ) -> Option<Distccd> {
        let log = scratch.path(&format!("distccd-{port}.log"));
        let temporary = scratch.dir(&format!("tmp-{port}"));
        fs::set_permissions(&temporary, fs::Permissions::from_mode(0o1777)).unwrap();
        let path = std::env::join_paths(path).unwrap();
        let mut command = Command::new(need("distccd"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("DISTCCD_PATH", path)
            .env("TMPDIR", temporary)
            // What this machine has recorded of its compilers is none of the test's.
            .env("CCROUTE_COMPILERS", scratch.path("no-compilers"))
            .envs(env.iter().copied())
            .args([
                "--daemon",
                "--no-detach",
                "--log-stderr",
                "--log-level",
                "info",
            ])
            .args(["--listen", address, "--allow", "127.0.0.0/8", "--jobs", "4"])
            .args(["--port", &port.to_string(), "--user", "nobody"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap())
            .process_group(0);
        let mut process = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let socket: SocketAddr = format!("{address}:{port}").parse().unwrap();
        while Instant::now() < deadline {
            if process.try_wait().unwrap().is_some() {
                return None;
            }
            if TcpStream::connect_timeout(&socket, Duration::from_secs(1)).is_ok() {
                return Some(Distccd {
                    process,
                    port,
                    address,
                    log,
                });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        let _ = process.wait();
        None
    }

    /// The host as distcc's list names it.
    pub fn host(&self) -> String {
        format!("{}:{}", self.address, self.port)
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn socket(&self) -> SocketAddr {
        self.host().parse().unwrap()
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Kills the daemon and its workers, as a crash would.
    pub fn kill(&mut self) {
        let group = nix::unistd::Pid::from_raw(i32::try_from(self.process.id()).unwrap());
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
        let _ = self.process.wait();
    }
}

impl Drop for Distccd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A free port above 4000.
fn free_port(address: &str) -> u16 {
    loop {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        if port > 4000 {
            return port;
        }
    }
}

/// A client: a directory of its own, compilers of its own, distcc.
#[derive(Debug)]
pub struct Client {
    pub dir: PathBuf,
    bin: PathBuf,
    hosts: String,
    pub env: Vec<(String, String)>,
}

impl Client {
    /// A client whose native compiler is this machine's cross compiler for `triple`, called `gcc`,
    /// `g++`, and so on, and by its full names under `names`.
    pub fn new(scratch: &Scratch, triple: &str, names: &[&str], hosts: &[&Distccd]) -> Client {
        let dir = scratch.dir(&format!("client-{triple}"));
        let bin = scratch.dir(&format!("client-{triple}/bin"));
        // distcc makes the directories in it, but not itself.
        scratch.dir(&format!("client-{triple}/.distcc"));
        for (tool, real) in [
            ("gcc", "gcc"),
            ("cc", "gcc"),
            ("g++", "g++"),
            ("c++", "g++"),
        ] {
            let compiler = need(&format!("{triple}-{real}"));
            let line = format!("exec {} \"$@\"", compiler.display());
            for prefix in [""].iter().chain(names) {
                let name = match prefix.is_empty() {
                    true => tool.to_owned(),
                    false => format!("{prefix}-{tool}"),
                };
                scratch.script(&format!("client-{triple}/bin/{name}"), &line);
            }
        }
        let hosts: Vec<String> = hosts.iter().map(|h| h.host()).collect();
        Client {
            dir,
            bin,
            hosts: hosts.join(" "),
            env: Vec::new(),
        }
    }

    pub fn set(&mut self, name: &str, value: &str) -> &mut Client {
        self.env.push((name.into(), value.into()));
        self
    }

    /// A client without compilers, whose jobs fail where the helper fails.
    pub fn bare(scratch: &Scratch, helper: &Distccd) -> Client {
        scratch.dir("client/.distcc");
        Client {
            dir: scratch.dir("client"),
            bin: scratch.dir("client/bin"),
            hosts: helper.host(),
            env: vec![("DISTCC_FALLBACK".into(), "0".into())],
        }
    }

    /// A compiler of the client: `name` runs `command`, a compiler of this machine and its flags.
    pub fn compiler(&self, name: &str, command: &str) -> &Client {
        let (program, flags) = command.split_once(' ').unwrap_or((command, ""));
        let line = format!(
            "#!/bin/sh\nexec {} {flags} \"$@\"\n",
            need(program).display()
        );
        executable(&self.bin.join(name), line.as_bytes());
        self
    }

    /// The path of one of the client's compilers.
    pub fn compiler_path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// A program in the client's directory and environment.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()))
            .env("LC_ALL", "C")
            .env("DISTCC_DIR", self.dir.join(".distcc"))
            .env("DISTCC_HOSTS", &self.hosts)
            .env("DISTCC_NO_REWRITE_CROSS", "1")
            .envs(self.env.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null());
        command
    }

    /// `distcc WORDS`, with what it has to say on standard error.
    #[track_caller]
    pub fn send(&self, words: &[&str]) -> call::Ran {
        call::run(self.command(&need("distcc")).args(words))
    }

    /// A file in the client's directory.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs `distcc WORDS`.
    pub fn distcc(&self, words: &[&str]) -> Output {
        Command::new(need("distcc"))
            .args(words)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", format!("{}:/usr/bin:/bin", self.bin.display()))
            .env("DISTCC_DIR", self.dir.join(".distcc"))
            .env("DISTCC_HOSTS", &self.hosts)
            .env("DISTCC_LOG", self.dir.join("distcc.log"))
            .env("DISTCC_VERBOSE", "1")
            .env("DISTCC_NO_REWRITE_CROSS", "1")
            .envs(self.env.iter().map(|(n, v)| (n, v)))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// distcc's own log, all jobs so far.
    pub fn log(&self) -> String {
        let text = fs::read(self.dir.join("distcc.log")).unwrap_or_default();
        String::from_utf8_lossy(&text).into_owned()
    }

    /// The hosts that distcc holds to be out of order.
    pub fn backoff(&self) -> Vec<String> {
        let lock = self.dir.join(".distcc/lock");
        let entries = fs::read_dir(lock).into_iter().flatten().flatten();
        entries
            .filter_map(|e| e.file_name().into_string().ok())
            .filter(|n| n.starts_with("backoff"))
            .collect()
    }
}

/// What an object's header and attributes say, as readelf prints them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    pub machine: String,
    pub class: String,
    pub data: String,
    pub flags: String,
    pub attributes: String,
}

impl Elf {
    pub fn of(object: &Path) -> Elf {
        let output = Command::new(need("readelf"))
            .args(["-h", "-A", "-W"])
            .arg(object)
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}: no object", object.display());
        let field = |name: &str| {
            let line = text.lines().find(|l| l.trim_start().starts_with(name));
            line.and_then(|l| l.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
                .unwrap_or_default()
        };
        Elf {
            machine: field("Machine"),
            class: field("Class"),
            data: field("Data"),
            flags: field("Flags"),
            attributes: text
                .lines()
                .filter(|l| l.trim_start().starts_with("Tag_"))
                .map(str::trim)
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    /// An ARM attribute's value; empty where it is not there.
    pub fn tag(&self, name: &str) -> &str {
        self.attributes
            .lines()
            .filter_map(|l| l.split_once(": "))
            .find(|(key, _)| *key == name)
            .map_or("", |(_, value)| value.trim_matches('"'))
    }

    /// Whether an ARM object passes floating point values in VFP registers.
    pub fn is_hard_float(&self) -> bool {
        self.attributes.contains("Tag_ABI_VFP_args: VFP registers")
    }
}

/// An object without the section that holds the name of the compiler's package.
pub fn without_comment(object: &Path, triple: &str) -> Vec<u8> {
    let mut plain = object.as_os_str().to_owned();
    plain.push(".plain");
    let args = [
        "-R".as_ref(),
        ".comment".as_ref(),
        object.as_os_str(),
        &plain,
    ];
    call::tool_output(&format!("{triple}-objcopy"), args, Path::new("/"));
    fs::read(plain).unwrap()
}

/// Both streams and the code of a finished process, for messages.
pub fn told(output: &Output) -> String {
    format!(
        "exit {:?}\nstdout: {}\nstderr: {}",
        output.status.code(),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
