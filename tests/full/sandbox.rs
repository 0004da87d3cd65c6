//! The sandbox on a real distccd: a stand-in for a compiler that runs what a client sends (`common/standin.c`) tries
//! everything that a hostile job could. In the sandbox each attempt fails; with `sandbox = no` each succeeds, which
//! shows that the test can tell.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ccroute::helper::sandbox::Kernel;

use crate::common::raw::{self, Reply, Sent};
use crate::common::{call, farm, need, rules, Distccd, Scratch};

/// The name that the stand-in is installed under. No rule speaks of it.
const NAME: &str = "aarch64-linux-gnu-gcc";

/// A helper with the stand-in, and what lies around it.
struct Scene {
    scratch: Scratch,
    helper: Distccd,
    stand_in: PathBuf,
    /// Where jobs have their files.
    temporary: PathBuf,
    tcp: TcpListener,
    udp: UdpSocket,
    unix: PathBuf,
    _unix: UnixListener,
}

impl Scene {
    fn new(name: &str, text: &str) -> Scene {
        Scene::built(name, text, "cc", &[])
    }

    /// The same with a stand-in that this compiler makes.
    fn built(name: &str, text: &str, compiler: &str, flags: &[&str]) -> Scene {
        let missing = Kernel::running().missing();
        assert!(
            missing.is_empty(),
            "this kernel cannot be tested: {missing:?}"
        );
        let scratch = Scratch::new(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/common/standin.c");
        let stand_in = scratch.dir("evil/bin").join(NAME);
        let mut words: Vec<&OsStr> = flags.iter().map(OsStr::new).collect();
        words.extend([
            source.as_os_str(),
            "-w".as_ref(),
            "-o".as_ref(),
            stand_in.as_os_str(),
        ]);
        call::tool_output(compiler, words, &scratch.0);
        let farm = farm(&scratch, &[NAME, "arm-linux-gnueabihf-gcc"]);
        let rules = rules(&scratch, text);
        let evil = scratch.path("evil/bin");
        let helper = Distccd::start(
            &scratch,
            &[&farm, &evil, Path::new("/usr/bin"), Path::new("/bin")],
            &[("CCROUTE_RULES_DIR", rules.as_os_str() as &OsStr)],
        );
        let temporary = scratch.path(&format!("tmp-{}", helper.port));
        let open = scratch.dir("open");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let unix = scratch.path("socket");
        let _unix = UnixListener::bind(&unix).unwrap();
        fs::set_permissions(&unix, fs::Permissions::from_mode(0o777)).unwrap();
        Scene {
            tcp: TcpListener::bind("127.0.0.1:0").unwrap(),
            udp: UdpSocket::bind("127.0.0.1:0").unwrap(),
            scratch,
            helper,
            stand_in,
            temporary,
            unix,
            _unix,
        }
    }

    /// Files of another job of the same user.
    fn other_jobs_files(&self) -> [PathBuf; 2] {
        ["distccd_0a.i", "distccd_0b.i"].map(|name| {
            let file = self.temporary.join(name);
            fs::write(&file, "int honest;\n").unwrap();
            nobody_owns(&file);
            file
        })
    }

    /// Everything that a job tries, one a line.
    fn attempts(&self) -> Vec<String> {
        let [one, other] = self.other_jobs_files();
        let show = |path: &Path| path.display().to_string();
        let (one, other, temporary) = (show(&one), show(&other), show(&self.temporary));
        let tcp = self.tcp.local_addr().unwrap().port().to_string();
        let udp = self.udp.local_addr().unwrap().port().to_string();
        let outside = show(&self.scratch.path("open/outside"));
        let unix = show(&self.unix);
        let words: &[(&str, &str)] = &[
            ("read", &one),
            ("read", "/etc/passwd"),
            ("read", "/usr/share/common-licenses/GPL-2"),
            ("read", "/proc/self/environ"),
            ("list", &temporary),
            ("list", "/usr/bin"),
            ("list", "/etc"),
            ("write", &one),
            ("write", &outside),
            // A plain job's directory is shared; a pump job's tree is read-only.
            ("write", "x.c"),
            ("truncate", &one),
            ("mode", &one),
            ("times", &temporary),
            ("unlink", &other),
            ("tcp", &tcp),
            ("mptcp", &tcp),
            ("udp", &udp),
            ("unix", &unix),
            ("inotify", &temporary),
            ("ptrace", "-"),
            ("namespace", "-"),
            ("io_uring", "-"),
            ("keys", "-"),
            ("memfd", "-"),
            ("shm", "-"),
            ("nice", "-"),
            ("signal", "-"),
            ("session", "-"),
            ("directory", "-"),
            ("link", "-"),
            ("fifo", "-"),
            ("run", "/bin/true"),
            ("loader", "/bin/true"),
            ("variable", "DISTCCD_PATH"),
        ];
        words
            .iter()
            .map(|(what, arg)| format!("try {what} {arg}"))
            .collect()
    }

    fn plain(&self, lines: &[String]) -> Reply {
        let words: [&[u8]; 5] = [NAME.as_bytes(), b"-c", b"x.c", b"-o", b"x.o"];
        let source = lines.join("\n") + "\n";
        let reply = raw::send(
            self.helper.socket(),
            Ipv4Addr::LOCALHOST,
            &words,
            source.as_bytes(),
        );
        reply.unwrap_or_else(|| panic!("no answer: {}", self.helper.log()))
    }

    fn pump(&self, lines: &[String]) -> Reply {
        let words: [&[u8]; 5] = [NAME.as_bytes(), b"-c", b"x.c", b"-o", b"x.o"];
        let source = lines.join("\n") + "\n";
        let files = [("/home/me/x.c", Sent::File(source.as_bytes()))];
        let reply = raw::send_pump(self.helper.socket(), &words, "/home/me", &files);
        reply.unwrap_or_else(|| panic!("no answer: {}", self.helper.log()))
    }

    /// Waits until no process of the stand-in is left and the temporary directory is empty but for `kept` entries.
    fn settles(&self, kept: usize) -> (Vec<u32>, Vec<String>) {
        let deadline = Instant::now() + Duration::from_secs(8);
        loop {
            let state = (self.processes(), self.entries());
            let quiet = state.0.is_empty() && state.1.len() <= kept;
            if quiet || Instant::now() > deadline {
                return state;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn entries(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.temporary).unwrap().flatten();
        entries
            .map(|e| e.file_name().into_string().unwrap())
            .collect()
    }

    /// Processes that run the stand-in.
    fn processes(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
        pids.filter(|pid| {
            fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == self.stand_in)
        })
        .collect()
    }
}

fn nobody_owns(file: &Path) {
    let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
    nix::unistd::chown(file, Some(nobody.uid), None).expect("run as root");
}

fn lines(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| format!("try {w}")).collect()
}

/// What the stand-in said to each attempt.
fn answers(reply: &Reply, lines: &[String]) -> Vec<(String, bool)> {
    let told = reply.stdout_text();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(
        told.len(),
        lines.len(),
        "{told:?} {:?}",
        String::from_utf8_lossy(&reply.stderr)
    );
    lines
        .iter()
        .zip(told)
        .map(|(line, told)| (line.clone(), told.ends_with(" yes")))
        .collect()
}

#[test]
fn whatever_a_hostile_job_tries_fails_in_the_sandbox() {
    let scene = Scene::new("contained", "");
    let attempts = scene.attempts();
    for pump in [false, true] {
        let reply = match pump {
            true => scene.pump(&attempts),
            false => scene.plain(&attempts),
        };
        assert_eq!(reply.exit(), Some(0), "{}", reply.stdout_text());
        assert_eq!(reply.object, b"object");
        for (line, could) in answers(&reply, &attempts) {
            assert!(!could, "{line} (pump: {pump})");
        }
        if pump {
            assert_eq!(reply.dependencies, b"x.o: x.c\n");
        }
    }
    let (processes, entries) = scene.settles(2);
    assert_eq!((processes, entries.len()), (Vec::new(), 2), "{entries:?}");
    assert_eq!(
        fs::read_to_string(scene.temporary.join("distccd_0a.i")).unwrap(),
        "int honest;\n"
    );
}

#[test]
fn without_the_sandbox_each_of_these_attempts_succeeds() {
    let scene = Scene::new("free", "[aarch64-linux-gnu]\nsandbox = no\n");
    for pump in [false, true] {
        let attempts = scene.attempts();
        let reply = match pump {
            true => scene.pump(&attempts),
            false => scene.plain(&attempts),
        };
        for (line, could) in answers(&reply, &attempts) {
            assert!(could, "{line} (pump: {pump})");
        }
        for made in ["directory", "link", "fifo"] {
            let made = scene.temporary.join(format!("made-{made}"));
            let _ = fs::remove_dir(&made).or_else(|_| fs::remove_file(&made));
        }
    }
}

#[test]
fn nothing_outlives_its_job() {
    let contained = Scene::new("stays", "");
    let marker = contained.scratch.path("open/marker");
    let stay = [format!("try stay {}", marker.display())];
    for reply in [contained.plain(&stay), contained.pump(&stay)] {
        assert_eq!(reply.exit(), Some(0));
    }
    let (processes, entries) = contained.settles(0);
    assert_eq!((processes, entries), (Vec::new(), Vec::new()));
    assert!(!marker.exists());

    let free = Scene::new("stays-free", "[aarch64-linux-gnu]\nsandbox = no\n");
    let marker = free.scratch.path("open/marker");
    free.plain(&[format!("try stay {}", marker.display())]);
    std::thread::sleep(Duration::from_millis(500));
    assert!(marker.exists(), "the attempt does not even work");
    for pid in free.processes() {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
}

#[test]
fn a_limit_ends_a_job_and_is_named() {
    let text = "[aarch64-linux-gnu]\nlimit-cpu = 1s\nlimit-file-size = 1M\nlimit-memory = 512M\n";
    let scene = Scene::new("limits", text);
    for (attempt, limit) in [("burn -", "limit-cpu"), ("huge 2", "limit-file-size")] {
        let reply = scene.plain(&lines(&[attempt]));
        assert_eq!(
            reply.exit(),
            Some(110),
            "{attempt}: {}",
            reply.stdout_text()
        );
        assert!(
            reply.stdout_text().contains(limit),
            "{}",
            reply.stdout_text()
        );
        assert!(reply.object.is_empty());
    }
    let attempts = lines(&["memory 1024", "memory 100"]);
    let could: Vec<bool> = answers(&scene.plain(&attempts), &attempts)
        .iter()
        .map(|a| a.1)
        .collect();
    assert_eq!(could, [false, true]);
    assert_eq!(scene.settles(0), (Vec::new(), Vec::new()));
    // Without a rule there are limits as well.
    let usual = Scene::new("usual-limits", "");
    let attempts = lines(&["memory 16384", "huge 500", "bomb 3000"]);
    let could: Vec<bool> = answers(&usual.plain(&attempts), &attempts)
        .iter()
        .map(|a| a.1)
        .collect();
    assert_eq!(could, [false, true, false]);
    assert_eq!(usual.settles(0), (Vec::new(), Vec::new()));
}

/// The words of a job that sleeps, without waiting for an answer.
fn begin(scene: &Scene) -> TcpStream {
    let mut stream = TcpStream::connect(scene.helper.socket()).unwrap();
    let mut job = b"DIST00000001ARGC00000005".to_vec();
    for word in [NAME, "-c", "x.c", "-o", "x.o"] {
        job.extend(format!("ARGV{:08x}{word}", word.len()).bytes());
    }
    let source = "try sleep 60\n";
    job.extend(format!("DOTI{:08x}{source}", source.len()).bytes());
    stream.write_all(&job).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while scene.processes().is_empty() {
        assert!(
            Instant::now() < deadline,
            "the job does not start: {}",
            scene.helper.log()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    stream
}

#[test]
fn a_client_that_hangs_up_leaves_nothing() {
    let scene = Scene::new("hang-up", "");
    for _ in 0..3 {
        drop(begin(&scene));
        assert_eq!(scene.settles(0), (Vec::new(), Vec::new()));
    }
}

#[test]
fn a_killed_distccd_leaves_nothing() {
    let mut scene = Scene::new("killed", "");
    let stream = begin(&scene);
    scene.helper.kill();
    assert_eq!(scene.settles(0), (Vec::new(), Vec::new()));
    drop(stream);
}

/// A directory whose supervisor was killed is removed by the next job, and what runs there is ended.
#[test]
fn what_a_killed_supervisor_leaves_is_swept() {
    let scene = Scene::new("swept", "");
    let stream = begin(&scene);
    let driver = scene.processes()[0];
    let stat = fs::read_to_string(format!("/proc/{driver}/stat")).unwrap();
    let parent: i32 = stat
        .rsplit_once(')')
        .unwrap()
        .1
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let supervisor = nix::unistd::Pid::from_raw(parent);
    nix::sys::signal::kill(supervisor, nix::sys::signal::Signal::SIGKILL).unwrap();
    drop(stream);
    std::thread::sleep(Duration::from_millis(300));
    let left = scene.entries().iter().any(|e| e.starts_with("ccroute_"));
    assert!(left, "{:?}", scene.entries());
    scene.plain(&lines(&["list /"]));
    assert_eq!(scene.settles(0), (Vec::new(), Vec::new()));
}

/// Two clients at once: the honest one's objects are always its own.
#[test]
fn a_hostile_neighbour_changes_no_object() {
    const HONEST: &str = "arm-linux-gnueabihf-gcc";
    let scene = Scene::new("neighbour", "");
    let source = scene
        .scratch
        .file("h.i", "# 1 \"h.c\"\nint f(int x) { return x + 1; }\n");
    let want = scene.scratch.path("want.o");
    let words = [
        "-O2".as_ref(),
        "-c".as_ref(),
        source.as_os_str(),
        "-o".as_ref(),
        want.as_os_str(),
    ];
    call::tool_output(need(HONEST).to_str().unwrap(), words, &scene.scratch.0);
    let want = fs::read(want).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                scene.plain(&scene.attempts());
            }
        });
        let text = fs::read(&source).unwrap();
        let words: [&[u8]; 6] = [HONEST.as_bytes(), b"-O2", b"-c", b"h.c", b"-o", b"h.o"];
        let from = Ipv4Addr::LOCALHOST;
        let replies = (0..20).map(|_| raw::send(scene.helper.socket(), from, &words, &text));
        let objects: Vec<Option<Vec<u8>>> = replies.map(|r| r.map(|r| r.object)).collect();
        done.store(true, Ordering::Relaxed);
        let right = objects.iter().filter(|o| o.as_ref() == Some(&want)).count();
        assert_eq!(right, 20);
    });
}

#[test]
fn a_pump_job_with_a_precompiled_header_is_refused() {
    let scene = Scene::new("precompiled", "");
    let words: [&[u8]; 5] = [NAME.as_bytes(), b"-c", b"x.c", b"-o", b"x.o"];
    let send = |header: &str| {
        let files = [
            ("/home/me/x.c", Sent::File(b"try read x.c\n")),
            (header, Sent::File(b"gpch.012")),
        ];
        raw::send_pump(scene.helper.socket(), &words, "/home/me", &files).unwrap()
    };
    for header in ["/home/me/x.h.gch", "/home/me/x.h.gch/one", "/usr/x.h.pch"] {
        let reply = send(header);
        assert_eq!(reply.exit(), Some(110), "{header}: {}", reply.stdout_text());
        assert!(
            reply.stdout_text().contains("a precompiled header"),
            "{}",
            reply.stdout_text()
        );
    }
    let reply = send("/home/me/x.h");
    assert_eq!(reply.stdout_text(), "read yes\n");
    assert_eq!(scene.settles(0), (Vec::new(), Vec::new()));
}

/// Deep directories and many words that name them: reading the job takes time in proportion to its size.
#[test]
fn a_deep_tree_costs_no_more_than_its_size() {
    let scene = Scene::new("deep", "[aarch64-linux-gnu]\nlimit-cpu = 2s\n");
    let deep = "d/".repeat(1900);
    let includes: Vec<Vec<u8>> = (0..60)
        .map(|_| format!("-Ilink/{deep}").into_bytes())
        .collect();
    let mut words: Vec<&[u8]> = vec![NAME.as_bytes()];
    words.extend(includes.iter().map(Vec::as_slice));
    words.extend([&b"-c"[..], b"x.c", b"-o", b"x.o"]);
    let inner = format!("/r/{deep}y.h");
    let files = [
        ("/r/x.c", Sent::File(b"try read x.c\n")),
        (inner.as_str(), Sent::File(b"int y;\n")),
        ("/r/link", Sent::Link("/r")),
    ];
    let start = Instant::now();
    raw::send_pump(scene.helper.socket(), &words, "/r", &files);
    // On a machine with sixty other things to do.
    assert!(
        start.elapsed() < Duration::from_secs(30),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(scene.settles(0).0, Vec::<u32>::new());
}

/// Old vendors' compilers are such: their system calls have other numbers.
#[test]
fn a_32_bit_compiler_works_and_is_contained_as_well() {
    let scene = Scene::built("narrow", "", "i686-linux-gnu-gcc", &["-static"]);
    let attempts = scene.attempts();
    let reply = scene.plain(&attempts);
    assert_eq!(reply.exit(), Some(0), "{}", reply.stdout_text());
    for (line, could) in answers(&reply, &attempts) {
        assert!(!could, "{line}");
    }
}

/// Real compilers, with the system's headers and those of a pump job's tree.
#[test]
fn real_compilers_find_their_headers_in_the_sandbox() {
    const NAMES: [&str; 6] = [
        "x86_64-linux-gnu-gcc",
        "x86_64-linux-gnu-g++",
        "x86_64-linux-gnu-clang++",
        "arm-linux-gnueabihf-g++",
        "aarch64-linux-gnu-g++",
        "aarch64-linux-gnu-clang",
    ];
    let scratch = Scratch::new("headers");
    let farm = farm(&scratch, &NAMES);
    let rules = rules(&scratch, "");
    let helper = Distccd::start(
        &scratch,
        &[&farm, Path::new("/usr/bin"), Path::new("/bin")],
        &[("CCROUTE_RULES_DIR", rules.as_os_str() as &OsStr)],
    );
    for name in NAMES {
        let (file, text) = match name.ends_with("++") {
            true => (
                "x.cc",
                "#include <vector>\n#include \"y.h\"\nstd::vector<int> x(Y);\n",
            ),
            false => (
                "x.c",
                "#include <limits.h>\n#include \"y.h\"\nint x = Y + INT_MIN;\n",
            ),
        };
        let words = [
            name.as_bytes(),
            b"-O2",
            b"-c",
            file.as_bytes(),
            b"-o",
            b"x.o",
        ];
        let path = format!("/home/me/{file}");
        let files = [
            (path.as_str(), Sent::File(text.as_bytes())),
            ("/home/me/y.h", Sent::File(b"#define Y 1\n")),
        ];
        let reply = raw::send_pump(helper.socket(), &words, "/home/me", &files).unwrap();
        let told = String::from_utf8_lossy(&reply.stderr);
        assert_eq!(
            reply.exit(),
            Some(0),
            "{name}: {told} {}",
            reply.stdout_text()
        );
        let list = String::from_utf8_lossy(&reply.dependencies).into_owned();
        assert!(
            list.starts_with("x.o:") && list.contains("y.h"),
            "{name}: {list}"
        );
    }
}
