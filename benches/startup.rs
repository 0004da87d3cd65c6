//! What a start of ccroute costs, against every other way to put something before a compiler.
//! `cargo bench --bench startup` builds the peers, lets all take turns, each turn in another order, prints one table and
//! writes it to target/bench/startup.txt. `--plot FILE` draws the medians. `CCROUTE_STATIC` names a static build
//! to be measured too. Nothing is asserted: times are for reading.

#[path = "startup/peers.rs"]
mod peers;
#[path = "common/plot.rs"]
mod plot;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use peers::{Case, Farm};

/// How often each is run.
const ROUNDS: usize = 300;

/// One timed run: nanoseconds, page faults, KiB at the peak.
struct Sample {
    time: f64,
    faults: f64,
    memory: f64,
}

/// What was measured of a case.
struct Measured<'a> {
    case: &'a Case,
    samples: Vec<Sample>,
    calls: String,
    instructions: String,
}

/// Counts a program's system calls or instructions.
fn counted(runner: &Path, mode: &str, case: &Case, directory: &Path) -> String {
    let output = Command::new(runner)
        .arg(mode)
        .arg(&case.program)
        .args(&case.args)
        .current_dir(directory)
        .env_clear()
        .envs(case.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()
        .expect("the runner runs");
    // A refusal's own line comes first.
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    text.lines().last().unwrap_or("-").to_owned()
}

/// Runs all programs in turns, one process for all.
fn timed(runner: &Path, all: &mut [Measured<'_>], directory: &Path) {
    let list = directory.join("cases");
    let mut text = OsString::new();
    for measured in &*all {
        let case = measured.case;
        text.push("a");
        text.push(&case.program);
        for word in &case.args {
            text.push("\ta");
            text.push(word);
        }
        for (name, value) in &case.env {
            text.push(format!("\te{name}="));
            text.push(value);
        }
        text.push("\n");
    }
    fs::write(&list, text.as_encoded_bytes()).expect("the temporary directory is writable");
    let output = Command::new(runner)
        .args(["t".as_ref(), ROUNDS.to_string().as_ref(), list.as_os_str()])
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .expect("the runner runs");
    assert!(output.status.success(), "the runner could not start one");
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let numbers: Vec<f64> = line.split(' ').filter_map(|w| w.parse().ok()).collect();
        let [which, time, faults, memory, exit] = numbers[..] else {
            panic!("{line}");
        };
        let measured = &mut all[which as usize];
        let case = measured.case;
        assert!(exit == f64::from(case.exit), "{}: exit {exit}", case.title);
        measured.samples.push(Sample {
            time,
            faults,
            memory,
        });
    }
}

fn quantile(values: impl Iterator<Item = f64>, share: f64) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

/// The static build to measure: named by the user, or where `make static` leaves it.
fn static_build(target: &Path) -> Option<PathBuf> {
    let named = std::env::var_os("CCROUTE_STATIC").map(PathBuf::from);
    let usual = target.join("static/ccroute");
    named.into_iter().chain([usual]).find(|p| p.exists())
}

fn main() {
    let program = Path::new(env!("CARGO_BIN_EXE_ccroute"));
    let target = program.ancestors().nth(2).unwrap_or(Path::new("target"));
    let farm = Farm::new();
    let runner = farm.runner();
    let mut cases = farm.peers();
    cases.extend(farm.roles(program, "shims"));
    match static_build(target) {
        Some(program) => cases.extend(farm.roles(&program, "static")),
        None => eprintln!("no static build: `make static` makes one"),
    }
    let mut all: Vec<Measured> = cases
        .iter()
        .map(|case| Measured {
            case,
            samples: Vec::with_capacity(ROUNDS),
            calls: counted(&runner, "s", case, &farm.root),
            instructions: counted(&runner, "i", case, &farm.root),
        })
        .collect();
    timed(&runner, &mut all, &farm.root);
    let table = table(&all);
    print!("{table}");
    let to = target.join("bench");
    let written = fs::create_dir_all(&to).and_then(|()| fs::write(to.join("startup.txt"), &table));
    written.expect("target/bench can be written");
    let arguments: Vec<String> = std::env::args().collect();
    if let Some([_, file]) = arguments.windows(2).find(|w| w[0] == "--plot") {
        fs::write(file, drawn(&all)).expect("the plot can be written");
    }
}

/// The medians as bars, the quickest first: all but the empty program, the static build and refusals.
fn drawn(all: &[Measured]) -> String {
    let shown = |m: &&Measured| {
        let title = &m.case.title;
        !title.starts_with("static") && !title.ends_with("refuses")
    };
    let mut bars: Vec<plot::Bar> = all[1..]
        .iter()
        .filter(shown)
        .map(|m| plot::Bar {
            title: m.case.title.replace("shims: ", "ccroute, "),
            value: added(m, &all[0], 0.5) / 1e6,
            ours: m.case.title.starts_with("shims"),
        })
        .collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    plot::bars("Time added to a compile", "milliseconds, median", &bars)
}

/// What a program adds to the empty one, at a quantile, in nanoseconds. Each run is held against the
/// empty program's in the same turn.
fn added(m: &Measured, empty: &Measured, share: f64) -> f64 {
    let pairs = m.samples.iter().zip(&empty.samples);
    match share {
        s if s == 0.5 => quantile(pairs.map(|(a, b)| a.time - b.time), s),
        s => {
            quantile(m.samples.iter().map(|a| a.time), s)
                - quantile(empty.samples.iter().map(|b| b.time), s)
        }
    }
}

fn table(all: &[Measured]) -> String {
    let mut text = format!(
        "Added to running an empty dynamic C program; {ROUNDS} runs each, in turns. The ratio is of\n\
         the medians, to the dynamic C wrapper's. Faults, memory (KiB): of the whole run. Calls and\n\
         instructions (a million at most): until the compiler is executed.\n\n{:<28}{:>10}{:>10}{:>8}{:>8}{:>8}{:>8}{:>14}\n",
        "", "median us", "p10 us", "ratio", "calls", "faults", "peak", "instructions"
    );
    let added = |m: &Measured, share: f64| added(m, &all[0], share);
    let reference = all.get(1).map_or(f64::NAN, |m| added(m, 0.5));
    for measured in all {
        let median = added(measured, 0.5);
        let of = |f: fn(&Sample) -> f64| quantile(measured.samples.iter().map(f), 0.5);
        let _ = writeln!(
            text,
            "{:<28}{:>10.0}{:>10.0}{:>8.2}{:>8}{:>8.0}{:>8.0}{:>14}",
            measured.case.title,
            median / 1e3,
            added(measured, 0.1) / 1e3,
            median / reference,
            measured.calls,
            of(|s| s.faults),
            of(|s| s.memory),
            measured.instructions,
        );
    }
    text
}
