//! What goes wrong around a helper: a full disk, limits on what may be written, clocks that were
//! set back, helpers that disagree, a toolchain that comes and goes, shims that find each other.
//! No wrong object, no empty object with exit 0, no process that stays or multiplies.

use std::ffi::OsStr;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::common::{executable, farm, raw, rules, told, toolbox, Client, Distccd, Scratch};

const AARCH64: u16 = 183;
const ARM: u16 = 40;
const ASK: [&[u8]; 6] = [b"gcc", b"-O1", b"-c", b"x.c", b"-o", b"x.o"];
const SOURCE: &[u8] = b"long f(long n) { return n * 3; }\n";
const RULE: &str = "[native from 127.0.0.0/8]\nas = aarch64-linux-gnu\n";

/// The ELF machine of an object.
fn machine(object: &[u8]) -> u16 {
    assert!(object.len() > 64, "{} bytes", object.len());
    u16::from_le_bytes([object[18], object[19]])
}

/// Whether a job was served; a refusal has nothing in it, an object is for the client's machine.
fn served(helper: &Distccd, source: &[u8]) -> bool {
    let Some(reply) = raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &ASK, source) else {
        return false;
    };
    if reply.exit() == Some(0) {
        assert_eq!(machine(&reply.object), AARCH64);
        return true;
    }
    assert!(reply.object.is_empty(), "{:?} and an object", reply.exit());
    false
}

fn helper(scratch: &Scratch, rule: &str, path: &[&Path], env: &[(&str, &OsStr)]) -> Distccd {
    let farm = farm(scratch, &["gcc"]);
    let dir = rules(scratch, rule);
    let path: Vec<&Path> = [&[farm.as_path()], path].concat();
    let env = [&[("CCROUTE_RULES_DIR", dir.as_os_str())], env].concat();
    Distccd::start(scratch, &path, &env)
}

/// A client whose job ends well whatever the helper does, by compiling locally where it must.
fn builds(client: &Client, source: &[u8]) {
    client.file("a.c", source);
    let _ = fs::remove_file(client.dir.join("a.o"));
    let output = client.distcc(&["gcc", "-c", "a.c", "-o", "a.o"]);
    assert!(output.status.success(), "{}", told(&output));
    let object = fs::read(client.dir.join("a.o")).unwrap();
    assert_eq!(machine(&object), AARCH64);
}

/// A source whose object does not fit into what the tests leave free.
fn large() -> Vec<u8> {
    let numbers: Vec<String> = (0..60_000).map(|n| n.to_string()).collect();
    format!("const int a[] = {{ {} }};\n", numbers.join(", ")).into_bytes()
}

/// A disk of 256 KiB below this thread's own mounts, which its children see and nobody else.
struct SmallDisk(std::ffi::CString);

impl SmallDisk {
    fn mount(at: &Path) -> SmallDisk {
        let path = std::ffi::CString::new(at.to_str().unwrap()).unwrap();
        let last = || std::io::Error::last_os_error();
        // SAFETY: calls with valid strings; the new namespace is this thread's alone.
        unsafe {
            let done = libc::unshare(libc::CLONE_NEWNS);
            assert_eq!(done, 0, "own mounts: {}: run this test as root", last());
            // In a chroot there is no mount at / to be made private; the end unmounts.
            let private = libc::MS_PRIVATE | libc::MS_REC;
            libc::mount(
                std::ptr::null(),
                c"/".as_ptr(),
                std::ptr::null(),
                private,
                std::ptr::null(),
            );
            let size = c"size=256k,mode=1777".as_ptr().cast();
            let tmpfs = c"tmpfs".as_ptr();
            let done = libc::mount(tmpfs, path.as_ptr(), tmpfs, 0, size);
            assert_eq!(done, 0, "tmpfs: {}: run this test as root", last());
        }
        SmallDisk(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { libc::umount2(self.0.as_ptr(), libc::MNT_DETACH) };
    }
}

#[test]
fn a_full_disk_on_the_helper_gives_no_object() {
    let scratch = Scratch::new("full");
    std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            let small = scratch.dir("small");
            let _disk = SmallDisk::mount(&small);
            let tools = [Path::new("/usr/bin")];
            let helper = helper(&scratch, RULE, &tools, &[("TMPDIR", small.as_os_str())]);
            assert!(served(&helper, SOURCE), "{}", helper.log());
            // The source alone fills it; then the source fits and the object does not.
            assert!(!served(&helper, &large()));
            let nearly = b"char a[200000] = { 1 };\n";
            let filler = small.join("filler");
            fs::write(&filler, vec![0; 150_000]).unwrap();
            assert!(!served(&helper, nearly));
            fs::remove_file(&filler).unwrap();
            let client = Client::new(&scratch, "aarch64-linux-gnu", &[], &[&helper]);
            builds(&client, &large());
            // Not a byte free.
            let mut length = 256 << 10;
            while length > 0 && fs::write(&filler, vec![0; length]).is_err() {
                length -= 4096;
            }
            assert!(!served(&helper, SOURCE));
            // And it serves again once there is room.
            fs::remove_file(&filler).unwrap();
            assert!(served(&helper, SOURCE), "{}", helper.log());
        });
        run.join().unwrap();
    });
}

#[test]
fn a_limit_on_file_sizes_gives_no_object() {
    let scratch = Scratch::new("fsize");
    let rule = format!("{RULE}[aarch64-linux-gnu]\nlimit-file-size = 100K\n");
    let tools = [Path::new("/usr/bin")];
    let limited = helper(&scratch, &rule, &tools, &[]);
    assert!(served(&limited, SOURCE), "{}", limited.log());
    assert!(!served(&limited, b"char a[200000] = { 1 };\n"));
    let client = Client::new(&scratch, "aarch64-linux-gnu", &[], &[&limited]);
    builds(&client, &large());
}

/// The processes of a helper: its group.
fn group(helper: &Distccd) -> Vec<u32> {
    let stat = |pid: u32| fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let of = |pid: u32| -> Option<u32> {
        let text = stat(pid);
        let (_, rest) = text.rsplit_once(')')?;
        rest.split(' ').nth(3)?.parse().ok()
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|e| e.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| of(pid) == Some(helper.pid())).collect()
}

/// Files from the future, as after a clock that was set back, and from before 1980.
#[test]
fn clocks_that_were_set_back_change_nothing() {
    let scratch = Scratch::new("clock");
    let tools = toolbox(&scratch, "tools", &["aarch64-linux-gnu-gcc"]);
    let facts = scratch.dir("facts");
    let env = [("CCROUTE_COMPILERS", facts.as_os_str())];
    let helper = helper(&scratch, RULE, &[&tools], &env);
    let day = Duration::from_secs(86_400);
    let times = [
        SystemTime::now() + day * 365 * 10,
        SystemTime::now() + day,
        SystemTime::UNIX_EPOCH + day,
    ];
    for time in times {
        for path in [
            "rules/50-test.rules",
            "rules",
            "ccroute",
            "farm",
            "tools",
            "facts",
        ] {
            let file = fs::File::open(scratch.path(path)).unwrap();
            file.set_modified(time).unwrap();
        }
        assert!(served(&helper, SOURCE), "{}", helper.log());
        // Rules that change without their time changing are read again: nothing is kept by time.
        fs::write(
            scratch.path("rules/50-test.rules"),
            "[native helper]\nrefuse = no\n",
        )
        .unwrap();
        let file = fs::File::open(scratch.path("rules/50-test.rules")).unwrap();
        file.set_modified(time).unwrap();
        assert!(!served(&helper, SOURCE));
        fs::write(scratch.path("rules/50-test.rules"), RULE).unwrap();
    }
}

#[test]
fn helpers_that_disagree_never_mix_objects() {
    let scratch = [
        Scratch::new("one"),
        Scratch::new("two"),
        Scratch::new("three"),
    ];
    let tools = [Path::new("/usr/bin")];
    let wrong = "[native from 127.0.0.0/8]\nas = arm-linux-gnueabihf\n";
    let refuses = "[native helper]\nrefuse = another day\non-refuse = elsewhere\n";
    let helpers = [
        helper(&scratch[0], RULE, &tools, &[]),
        helper(&scratch[1], wrong, &tools, &[]),
        helper(&scratch[2], refuses, &tools, &[]),
    ];
    let all: Vec<&Distccd> = helpers.iter().collect();
    let mut client = Client::new(&scratch[0], "aarch64-linux-gnu", &[], &all);
    client.set("DISTCC_BACKOFF_PERIOD", "1");
    let compile = |n: usize| {
        let (source, object) = (format!("{n}.c"), format!("{n}.o"));
        // A header of the client's own compiler contradicts the helper that has the wrong rule.
        let text = format!("#include <stddef.h>\nsize_t f{n}(void) {{ return {n}; }}\n");
        client.file(&source, text);
        let output = client.distcc(&["gcc", "-O1", "-c", &source, "-o", &object]);
        assert!(output.status.success(), "{}", told(&output));
        let object = fs::read(client.dir.join(object)).unwrap();
        assert_eq!(machine(&object), AARCH64, "{}", client.log());
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let compile = &compile;
            scope.spawn(move || (0..10).for_each(|n| compile(thread * 10 + n)));
        }
    });
    let log = client.log();
    for helper in &helpers {
        assert!(log.contains(&format!("{}", helper.port)), "{}", helper.port);
    }
    // The one with the wrong rule refused, each time; without evidence it does as it is told.
    let head = b"# 1 \"/usr/lib/gcc-cross/aarch64-linux-gnu/12/include/stddef.h\" 1 3 4\n";
    assert!(!served(&helpers[1], &[head, SOURCE].concat()));
    let from = Ipv4Addr::LOCALHOST;
    let reply = raw::send(helpers[1].socket(), from, &ASK, SOURCE).unwrap();
    assert_eq!((reply.exit(), machine(&reply.object)), (Some(0), ARM));
}

#[test]
fn a_toolchain_that_comes_and_goes_gives_objects_or_refusals() {
    let scratch = Scratch::new("comes");
    let tools = toolbox(&scratch, "tools", &["aarch64-linux-gnu-gcc"]);
    let helper = helper(&scratch, RULE, &[&tools], &[]);
    let (here, away) = (tools.join("aarch64-linux-gnu-gcc"), scratch.path("away"));
    let done = AtomicBool::new(false);
    let (yes, no) = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                fs::rename(&here, &away).unwrap();
                std::thread::sleep(Duration::from_millis(20));
                fs::rename(&away, &here).unwrap();
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let clients: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..15).filter(|_| served(&helper, SOURCE)).count()))
            .collect();
        let yes: usize = clients.into_iter().map(|c| c.join().unwrap()).sum();
        done.store(true, Ordering::Relaxed);
        (yes, 120 - yes)
    });
    println!("{yes} served, {no} refused");
    assert!(yes > 0 && no > 0, "{yes} served, {no} refused");
}

/// Links, copies and rules that lead from one shim to the next and back, and no compiler at all:
/// each job ends soon, in a refusal, and never has more than a few processes.
#[test]
fn shims_in_a_circle_do_not_multiply() {
    let scratch = Scratch::new("circle");
    let program = fs::read(crate::common::CCROUTE).unwrap();
    let names = ["gcc", "aarch64-linux-gnu-gcc", "cc"];
    let mut path = Vec::new();
    for n in 0..4 {
        let dir = scratch.dir(&format!("copies-{n}"));
        executable(&dir.join("gcc"), &program);
        symlink(dir.join("gcc"), dir.join(names[1])).unwrap();
        symlink(
            scratch.path(&format!("copies-{}/cc", (n + 1) % 4)),
            dir.join("g++"),
        )
        .unwrap();
        fs::hard_link(dir.join("gcc"), dir.join(names[2])).unwrap();
        path.push(dir);
    }
    // A script that calls the next by name: what the shim cannot see as itself.
    let script = scratch.script("copies-4/aarch64-linux-gnu-gcc", "exec gcc \"$@\"");
    path.push(script.parent().unwrap().to_owned());
    let path: Vec<&Path> = path.iter().map(|p| p.as_path()).collect();
    let circles = [
        RULE.to_string(),
        format!("{RULE}[aarch64-linux-gnu]\nuse = native\n"),
        format!("{RULE}[aarch64-linux-gnu]\nas = aarch64-unknown-linux-gnu\n[aarch64-unknown-linux-gnu]\nas = aarch64-linux-gnu\n"),
    ];
    let helper = helper(&scratch, RULE, &path, &[]);
    for circle in &circles {
        fs::write(scratch.path("rules/50-test.rules"), circle).unwrap();
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let start = Instant::now();
                let code = raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &ASK, SOURCE);
                let code = code.map(|r| (r.exit(), r.object.len()));
                ended.store(true, Ordering::Relaxed);
                let refused = matches!(code, Some((Some(110 | 111 | 78), 0)));
                assert!(refused, "{circle}: {code:?}");
                assert!(start.elapsed() < Duration::from_secs(20), "{circle}");
            });
            let mut most = 0;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(group(&helper).len());
                std::thread::sleep(Duration::from_millis(5));
            }
            // distccd, its workers (two more than its jobs), and one chain of one process.
            assert!(most <= 12, "{most} processes: {circle}");
        });
    }
}
