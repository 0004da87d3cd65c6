//! Many jobs at once the whole way: ccroute as the client's compiler, distcc, distccd, ccroute on the
//! helper, the cross compiler. All objects are right, nearly all come from the helper, and
//! nothing grows.
//!
//! Clients that hang up and a distccd that is killed leave nothing either.
//!
//! `CCROUTE_LOAD=5000 cargo test --test load -- --nocapture` for the long run.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::common::{farm, need, rules, told, Client, Distccd, Scratch};

const TRIPLE: &str = "aarch64-linux-gnu";
const NAME: &str = "aarch64-linux-gnu-gcc";
const AT_A_TIME: usize = 64;
/// Different sources, each compiled many times.
const SOURCES: usize = 16;

fn source(n: usize) -> String {
    format!("#include <stddef.h>\nsize_t f{n}(size_t x) {{ return x * {n} + sizeof x; }}\n")
}

/// What must not grow, of a helper's processes and of the places that jobs write to.
#[derive(Debug)]
struct Use {
    /// Of distccd's own process, which lives on; its workers are replaced by and by.
    resident_kib: u64,
    descriptors: usize,
    processes: usize,
    zombies: usize,
    temporary: usize,
}

impl Use {
    fn of(helper: &Distccd, scratch: &Scratch) -> Use {
        let read = |pid: u32, name: &str| {
            fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default()
        };
        let status = read(helper.pid(), "status");
        let resident = status.lines().find_map(|l| l.strip_prefix("VmRSS:"));
        let resident = resident.and_then(|l| l.split_whitespace().next());
        let all = fs::read_dir("/proc").unwrap().flatten();
        let pids = all.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
        // State and group of every process in distccd's group.
        let states: Vec<char> = pids
            .filter_map(|pid| {
                let stat = read(pid, "stat");
                let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
                let state = fields.next()?.chars().next()?;
                let group: u32 = fields.nth(1)?.parse().ok()?;
                (group == helper.pid()).then_some(state)
            })
            .collect();
        let entries = |path: &Path| fs::read_dir(path).unwrap().count();
        Use {
            resident_kib: resident.expect("VmRSS").parse().unwrap(),
            descriptors: entries(Path::new(&format!("/proc/{}/fd", helper.pid()))),
            processes: states.len(),
            zombies: states.iter().filter(|s| **s == 'Z').count(),
            temporary: entries(&scratch.path(&format!("tmp-{}", helper.port))),
        }
    }

    /// Waits until nothing is going on, and gives what is left.
    fn settled(helper: &Distccd, scratch: &Scratch) -> Use {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let now = Use::of(helper, scratch);
            if now.temporary == 0 && now.zombies == 0 || Instant::now() > deadline {
                return now;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

#[test]
fn sixty_four_at_a_time_through_client_and_helper() {
    let jobs = std::env::var("CCROUTE_LOAD").ok();
    let jobs: usize = jobs.and_then(|n| n.parse().ok()).unwrap_or(128);
    let scratch = Scratch::new("through");
    let dir = rules(
        &scratch,
        "[native from 127.0.0.0/8]\nas = aarch64-linux-gnu\n",
    );
    let farm = farm(&scratch, &["gcc", "aarch64-linux-gnu-gcc"]);
    let helper = Distccd::start(
        &scratch,
        &[&farm, Path::new("/usr/bin")],
        &[("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr)],
    );
    scratch.file(
        "client-rules/50-send.rules",
        "[aarch64-linux-gnu direct]\nsend = distcc\n",
    );
    let mut client = Client::new(&scratch, TRIPLE, &[TRIPLE], &[&helper]);
    let temporary = scratch.dir("client-tmp");
    let log = client.dir.join("distcc.log");
    let path = format!(
        "{}:{}:/usr/bin:/bin",
        farm.display(),
        client.dir.join("bin").display()
    );
    for (name, value) in [
        ("PATH", path),
        (
            "CCROUTE_RULES_DIR",
            scratch.path("client-rules").display().to_string(),
        ),
        (
            "CCROUTE_COMPILERS",
            scratch.path("no-compilers").display().to_string(),
        ),
        ("TMPDIR", temporary.display().to_string()),
        ("DISTCC_LOG", log.display().to_string()),
        ("DISTCC_VERBOSE", "1".into()),
        // 64 at a time, without waiting for a place.
        ("DISTCC_HOSTS", format!("{}/80", helper.host())),
    ] {
        client.set(name, &value);
    }
    let mut want: HashMap<usize, Vec<u8>> = HashMap::new();
    for n in 0..SOURCES {
        client.file(&format!("{n}.c"), source(n));
        let done = Command::new(need("aarch64-linux-gnu-gcc"))
            .current_dir(&client.dir)
            .args(["-O1", "-c", &format!("{n}.c"), "-o", "want.o"])
            .status();
        assert!(done.unwrap().success());
        want.insert(n, fs::read(client.dir.join("want.o")).unwrap());
    }
    let compile = |job: usize| {
        let (n, object) = (job % SOURCES, format!("{job}.o"));
        let output = client
            .command(&farm.join(NAME))
            .args(["-O1", "-c", &format!("{n}.c"), "-o", &object])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", told(&output));
        let quiet = output.stdout.is_empty() && output.stderr.is_empty();
        assert!(quiet, "{}", told(&output));
        let object = client.dir.join(object);
        assert!(
            fs::read(&object).unwrap() == want[&n],
            "job {job}: another object"
        );
        fs::remove_file(object).unwrap();
    };
    let run = |jobs: usize| {
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME {
                scope.spawn(|| loop {
                    match next.fetch_add(1, Ordering::Relaxed) {
                        job if job < jobs => compile(job),
                        _ => return,
                    }
                });
            }
        });
    };
    // The first jobs bring distccd's workers up to their number.
    run(64.min(jobs));
    let before = Use::settled(&helper, &scratch);
    let (log_before, start) = (helper.log().len(), Instant::now());
    run(jobs);
    let took = start.elapsed();
    let after = Use::settled(&helper, &scratch);
    let log_grown = helper.log().len() - log_before;
    let log = client.log();
    let done = |l: &&str| l.contains(" on 127.0.0.1") && l.ends_with("completed ok");
    let remote = log.lines().filter(done).count();
    let sent = log.matches("exec on 127.0.0.1").count();
    println!("{jobs} jobs in {took:.1?}; {sent} sent, {remote} completed by distcc");
    println!(
        "before {before:?}\nafter  {after:?}\nlog {} bytes a job",
        log_grown / jobs
    );
    assert_eq!(after.zombies, 0);
    assert_eq!(after.temporary, 0);
    assert!(after.processes <= before.processes + 2, "processes grow");
    assert!(after.descriptors <= before.descriptors, "descriptors grow");
    assert!(
        after.resident_kib <= before.resident_kib + 256,
        "memory grows"
    );
    assert!(
        log_grown / jobs < 1500,
        "the log grows by more than a job's lines"
    );
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "the client's");
    // None was compiled here.
    assert_eq!((sent, remote), (jobs + 64.min(jobs), jobs + 64.min(jobs)));
}

/// Starts a job and hangs up after a while, before or after the answer. Returns whether there was an answer.
fn job_cut_short(to: std::net::SocketAddr, after: Duration) -> bool {
    use std::io::{Read, Write};
    let Ok(mut stream) = std::net::TcpStream::connect(to) else {
        return false;
    };
    let mut job = b"DIST00000001ARGC00000006".to_vec();
    for word in [NAME, "-O2", "-c", "x.c", "-o", "x.o"] {
        job.extend(format!("ARGV{:08x}{word}", word.len()).bytes());
    }
    let source = source(7).replace("#include <stddef.h>", "typedef unsigned long size_t;");
    job.extend(format!("DOTI{:08x}{source}", source.len()).bytes());
    let _ = stream.write_all(&job);
    let _ = stream.set_read_timeout(Some(after));
    stream.read(&mut [0; 12]).is_ok_and(|n| n > 0)
}

#[test]
fn clients_that_hang_up_and_a_killed_distccd_leave_nothing() {
    let jobs = std::env::var("CCROUTE_LOAD").ok();
    let jobs: usize = jobs.and_then(|n| n.parse().ok()).unwrap_or(128);
    let scratch = Scratch::new("hang-ups");
    let dir = rules(&scratch, "");
    let farm = farm(&scratch, &[NAME]);
    let mut helper = Distccd::start(
        &scratch,
        &[&farm, Path::new("/usr/bin")],
        &[("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr)],
    );
    let to = helper.socket();
    let (next, answered) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let run = |from: usize, jobs: usize| {
        next.store(from, Ordering::Relaxed);
        std::thread::scope(|scope| {
            for _ in 0..AT_A_TIME {
                scope.spawn(|| loop {
                    let job = next.fetch_add(1, Ordering::Relaxed);
                    if job >= from + jobs {
                        return;
                    }
                    // From at once to far longer than the job takes.
                    let after = [1, 5, 20, 60, 150, 10_000][job % 6];
                    let done = job_cut_short(to, Duration::from_millis(after));
                    answered.fetch_add(usize::from(done), Ordering::Relaxed);
                });
            }
        });
    };
    run(0, jobs);
    let left = Use::settled(&helper, &scratch);
    let answered = answered.load(Ordering::Relaxed);
    println!("{jobs} jobs, {answered} answered; {left:?}");
    assert!(answered > 0 && answered < jobs, "{answered} of {jobs}");
    // distccd does not wait for a job that it ends, so the dead stay in its table of processes until a worker goes.
    assert_eq!(left.temporary, 0);
    assert!(left.processes - left.zombies <= 12, "{left:?}");

    // distccd's own files are its own: those of jobs that it was receiving stay.
    std::thread::scope(|scope| {
        scope.spawn(|| run(0, 64));
        std::thread::sleep(Duration::from_millis(200));
        helper.kill();
    });
    let temporary = scratch.path(&format!("tmp-{}", helper.port));
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let entries = fs::read_dir(&temporary).unwrap().flatten();
        let names = entries.map(|e| e.file_name().to_string_lossy().into_owned());
        let ours: Vec<String> = names.filter(|n| n.starts_with("ccroute_")).collect();
        if ours.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "{ours:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
