//! What the sandbox adds to a job: `cargo bench --bench sandbox`.

use std::path::Path;
use std::time::Instant;

use ccroute::helper::hostile::JobFiles;
use ccroute::helper::sandbox::{abi, apply, Policy};

const RUNS: usize = 2000;

fn main() {
    let directory = std::env::temp_dir().join(format!("sandbox-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a temporary directory");
    let object = directory.join("distccd_b.o").display().to_string();
    let job = JobFiles::find(&["-c", "-o", &object], &directory);
    let mut times: Vec<u128> = (0..RUNS)
        .map(|_| {
            // Landlock confines a thread for good, so each run has one of its own.
            let (job, directory) = (job.clone(), directory.clone());
            let run = std::thread::spawn(move || {
                let start = Instant::now();
                let policy = Policy::for_job(&job, Path::new("/usr/bin/gcc"), &[], &directory);
                apply(&policy).expect("the sandbox");
                start.elapsed().as_nanos()
            });
            run.join().expect("the thread")
        })
        .collect();
    times.sort_unstable();
    println!(
        "sandbox: median {} us, p90 {} us, Landlock version {}",
        times[RUNS / 2] / 1000,
        times[RUNS * 9 / 10] / 1000,
        abi()
    );
    let _ = std::fs::remove_dir_all(directory);
}
