//! What the record of a call costs: `cargo bench --bench calls`. Each round opens the file and
//! appends one line, as the shim does, in a process that has done it before; a first call in a
//! process pays for its memory as well. Nothing is asserted: times are for reading.

use std::ffi::OsStr;
use std::time::Instant;

use ccroute::decide::{Decision, Outcome, Reason, Run};
use ccroute::log::record;
use ccroute::request::{Passed, Request};
use ccroute::rules::{LogLevel, LogTo, Origin, Program};

const ROUNDS: usize = 2000;

fn main() {
    let dir = std::env::temp_dir().join(format!("ccroute-calls-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory for the record");
    let args = ["-O2", "-c", "a.c", "-o", "a.o"].map(OsStr::new);
    let name = OsStr::new("armv6j-hardfloat-linux-gnueabi-gcc");
    let request = Request::new(name, &args, false, Passed::default(), || None).expect("a name");
    let file = std::path::Path::new("/etc/ccroute/rules.d/50-pi.rules");
    let decision = Decision {
        outcome: Outcome::Run(Run {
            compiler: "/opt/x-tools/armv6-rpi/bin/armv6-rpi-linux-gnueabi-gcc".into(),
            args: Vec::new(),
            close_leaked: false,
            confine: None,
            version: None,
            examine: false,
        }),
        reasons: vec![Reason {
            text: "use armv6-rpi-linux-gnueabi".into(),
            origin: Some(Origin::File {
                file: file.into(),
                line: 12,
            }),
        }],
        why: ccroute::why::Why::ByName,
    };
    let settings = |log| Program {
        log,
        level: LogLevel::All,
    };
    for (what, settings) in [
        ("log = off", settings(LogTo::Off)),
        ("log = FILE", settings(LogTo::File(dir.join("calls")))),
        (
            "log = FILE that cannot be made",
            settings(LogTo::File(dir.join("no/calls"))),
        ),
    ] {
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                record(&settings, &request, &decision, || None);
                start.elapsed().as_secs_f64() * 1e6
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "{what:<32} first quartile {:6.2} us, median {:6.2}, 99 of 100 below {:6.2}",
            times[ROUNDS / 4],
            times[ROUNDS / 2],
            times[ROUNDS * 99 / 100],
        );
    }
    let _ = std::fs::remove_dir_all(dir);
}
