//! What containing a job costs on a helper: `cargo bench --bench sandbox`.
//!
//! The shim compiles `int x;` with this machine's gcc, in turn with `sandbox = no` and with the sandbox. The figures
//! are of whole processes, the compiler's included.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use ccroute::helper::sandbox::Kernel;
use nix::sys::resource::{getrusage, UsageWho};

const ROUNDS: usize = 400;

/// A full name: without a client's address a native one is refused.
const NAME: &str = "x86_64-linux-gnu-gcc";

/// Microseconds of processor time that all children took so far.
fn processor() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage");
    let total = usage.user_time() + usage.system_time();
    total.tv_sec() * 1_000_000 + total.tv_usec()
}

/// One job: microseconds of processor time and by the clock.
fn job(directory: &Path, rules: &str) -> (i64, i64) {
    let object = directory.join("distccd_1.o");
    std::fs::write(&object, "").expect("the file that distccd makes");
    let (before, start) = (processor(), Instant::now());
    let status = Command::new(directory.join("farm").join(NAME))
        .args(["-O2", "-c"])
        .arg(directory.join("distccd_1.i"))
        .arg("-o")
        .arg(&object)
        .current_dir(directory)
        .env("_DISTCC_SAFEGUARD", "1")
        .env("TMPDIR", directory)
        .env("CCROUTE_RULES_DIR", directory.join(rules))
        .stdin(Stdio::null())
        .status()
        .expect("the shim");
    assert!(status.success());
    let took = i64::try_from(start.elapsed().as_micros()).expect("short");
    (processor() - before, took)
}

fn main() {
    let directory = std::env::temp_dir().join(format!("sandbox-bench-{}", std::process::id()));
    let make = |name: &str| std::fs::create_dir_all(directory.join(name)).expect("a directory");
    for name in ["farm", "yes", "no"] {
        make(name);
    }
    std::fs::write(directory.join("distccd_1.i"), "int x;\n").expect("a source");
    for word in ["yes", "no"] {
        let text = format!("[*]\nsandbox = {word}\n");
        std::fs::write(directory.join(word).join("1.rules"), text).expect("rules");
    }
    let link = directory.join("farm").join(NAME);
    symlink(env!("CARGO_BIN_EXE_ccroute"), link).expect("a link");
    let mut figures = [Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (place, word) in figures.iter_mut().zip(["no", "yes"]) {
            place.push(job(&directory, word));
        }
    }
    let median = |list: &mut Vec<i64>| {
        list.sort_unstable();
        list[list.len() / 2]
    };
    let mut shown = Vec::new();
    for (list, word) in figures.iter().zip(["no", "yes"]) {
        let processor = median(&mut list.iter().map(|f| f.0).collect());
        let clock = median(&mut list.iter().map(|f| f.1).collect());
        println!(
            "sandbox = {word}: {processor} us of processor time, {clock} us by the clock (median)"
        );
        shown.push((processor, clock));
    }
    println!(
        "the sandbox adds {} us of processor time, {} us by the clock; {:?}",
        shown[1].0 - shown[0].0,
        shown[1].1 - shown[0].1,
        Kernel::running()
    );
    let _ = std::fs::remove_dir_all(directory);
}
