//! What goes wrong while jobs run: rules that change, a toolchain that vanishes, a helper that is
//! killed, clients that hang up, many jobs at once. No wrong object, no empty object with exit 0,
//! no process left behind.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{farm, raw, rules, told, toolbox, Client, Distccd, Scratch};

const AARCH64: u16 = 183;
const ASK: [&[u8]; 6] = [b"gcc", b"-O1", b"-c", b"x.c", b"-o", b"x.o"];
const SOURCE: &[u8] = b"long f(long n) { return n * 3; }\n";
const RULE: &str = "[native from 127.0.0.0/8]\nas = aarch64-linux-gnu\n";

fn helper(scratch: &Scratch, path: &[&Path]) -> Distccd {
    let farm = farm(scratch, &["gcc"]);
    let dir = rules(scratch, RULE);
    let path: Vec<&Path> = std::iter::once(farm.as_path())
        .chain(path.iter().copied())
        .collect();
    Distccd::start(
        scratch,
        &path,
        &[("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr)],
    )
}

/// A reply is an object for the client's machine, or a refusal with nothing in it.
fn check(reply: &raw::Reply) -> bool {
    match reply.exit() {
        Some(0) => {
            assert!(reply.object.len() > 64, "an empty object with exit 0");
            let machine = u16::from_le_bytes([reply.object[18], reply.object[19]]);
            assert_eq!(machine, AARCH64, "an object for the wrong machine");
            true
        }
        code => {
            assert!(reply.object.is_empty(), "exit {code:?} and an object");
            false
        }
    }
}

/// Sends `jobs` jobs from `clients` threads; gives how many were served and how many refused.
fn load(helper: &Distccd, clients: usize, jobs: usize) -> (usize, usize) {
    let (next, served, refused) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (next, served, refused) = (&next, &served, &refused);
            let from = Ipv4Addr::new(127, 0, 1, u8::try_from(client + 1).unwrap());
            scope.spawn(move || {
                while next.fetch_add(1, Ordering::Relaxed) < jobs {
                    let Some(reply) = raw::send(helper.socket(), from, &ASK, SOURCE) else {
                        refused.fetch_add(1, Ordering::Relaxed);
                        continue;
                    };
                    let count = if check(&reply) { served } else { refused };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    (served.into_inner(), refused.into_inner())
}

#[test]
fn rules_that_change_while_jobs_run_never_give_a_wrong_object() {
    let scratch = Scratch::new("changing");
    let helper = helper(&scratch, &[Path::new("/usr/bin")]);
    let rules = scratch.path("rules");
    let done = AtomicBool::new(false);
    let (served, refused) = std::thread::scope(|scope| {
        let done = &done;
        scope.spawn(move || {
            let texts = [
                RULE,
                "[native helper]\nrefuse = not now\n",
                "[native from 127",
                "",
                RULE,
            ];
            for text in texts.iter().cycle() {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                // Replaced as a whole, and written over in place as careless editors do.
                fs::write(rules.join("new"), text).unwrap();
                fs::rename(rules.join("new"), rules.join("50-test.rules")).unwrap();
                std::thread::sleep(Duration::from_millis(3));
                fs::write(rules.join("50-test.rules"), &text[..text.len() / 2]).unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let counts = load(&helper, 50, 200);
        done.store(true, Ordering::Relaxed);
        counts
    });
    println!("{served} served, {refused} refused");
    assert_eq!(served + refused, 200);
    assert!(refused > 0, "the rules never changed under a job");
}

#[test]
fn a_toolchain_that_vanishes_is_a_refusal() {
    let scratch = Scratch::new("vanishing");
    let tools = toolbox(&scratch, "tools", &["aarch64-linux-gnu-gcc"]);
    let helper = helper(&scratch, &[&tools]);
    assert!(check(
        &raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &ASK, SOURCE).unwrap()
    ));
    fs::remove_file(tools.join("aarch64-linux-gnu-gcc")).unwrap();
    let reply = raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &ASK, SOURCE).unwrap();
    assert!(!check(&reply));
    assert_eq!(reply.exit(), Some(110));
    let line = reply.stdout_text();
    assert!(line.contains("no compiler serves it"), "{line}");
}

#[test]
fn a_killed_helper_costs_a_local_compile_and_serves_again() {
    let scratch = Scratch::new("killed");
    let mut first = helper(&scratch, &[Path::new("/usr/bin")]);
    let client = Client::new(&scratch, "aarch64-linux-gnu", &[], &[&first]);
    client.file("a.c", SOURCE);
    let compile = || {
        let _ = fs::remove_file(client.dir.join("a.o"));
        let output = client.distcc(&["gcc", "-c", "a.c", "-o", "a.o"]);
        assert!(output.status.success(), "{}", told(&output));
        assert!(fs::metadata(client.dir.join("a.o")).unwrap().len() > 64);
    };
    compile();
    assert!(client.log().contains("completed ok"), "{}", client.log());
    first.kill();
    compile();
    assert!(
        client.log().contains("running locally instead")
            || client.log().contains("exec on localhost")
    );
    let second = helper(&scratch, &[Path::new("/usr/bin")]);
    assert!(check(
        &raw::send(second.socket(), Ipv4Addr::LOCALHOST, &ASK, SOURCE).unwrap()
    ));
}

#[test]
fn clients_that_hang_up_leave_nothing_behind() {
    let scratch = Scratch::new("gone");
    let helper = helper(&scratch, &[Path::new("/usr/bin")]);
    for cut in [5, 40, 100] {
        let mut job = b"DIST00000001ARGC00000006".to_vec();
        for word in ASK {
            job.extend(format!("ARGV{:08x}", word.len()).bytes());
            job.extend_from_slice(word);
        }
        job.extend(format!("DOTI{:08x}", SOURCE.len()).bytes());
        job.extend_from_slice(SOURCE);
        let mut stream = TcpStream::connect(helper.socket()).unwrap();
        stream.write_all(&job[..job.len().min(cut)]).unwrap();
    }
    // The helper serves on, and no compiler of ours is left after a while.
    assert!(check(
        &raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &ASK, SOURCE).unwrap()
    ));
    let marker = scratch.0.display().to_string();
    let left = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        processes
            .filter(|p| {
                let read = |name: &str| fs::read(p.path().join(name)).unwrap_or_default();
                let environ = String::from_utf8_lossy(&read("environ")).into_owned();
                let program = fs::read_link(p.path().join("exe")).unwrap_or_default();
                environ.contains(&marker) && !program.ends_with("distccd")
            })
            .count()
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    while left() > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(left(), 0);
}

/// CCROUTE_LOAD=5000 for the long run; the short one is for every day.
#[test]
fn sixty_four_clients_at_a_time_all_get_their_objects() {
    let jobs = std::env::var("CCROUTE_LOAD")
        .ok()
        .and_then(|n| n.parse().ok());
    let jobs = jobs.unwrap_or(256);
    let scratch = Scratch::new("load");
    let helper = helper(&scratch, &[Path::new("/usr/bin")]);
    let (served, refused) = load(&helper, 64, jobs);
    println!("{served} of {jobs} served, {refused} refused");
    assert_eq!((served, refused), (jobs, 0), "{}", helper.log());
    // Nothing grows: distccd's directory is empty again, up to the jobs that it is cleaning up.
    std::thread::sleep(Duration::from_millis(500));
    let left = fs::read_dir(scratch.path(&format!("tmp-{}", helper.port)))
        .unwrap()
        .count();
    assert!(left <= 4, "{left} temporary files are left");
}
