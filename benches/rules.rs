//! What rules cost: reading, checking and merging 0 to 10,000 sections, in one file and in many,
//! with the index that `check` and `install` make of them and without, each time in a new process, as the
//! shim does it. `cargo bench --bench rules` prints a table;
//! `cargo bench --bench rules -- --plot FILE` writes it as an SVG plot too. Nothing is asserted.

#[path = "common/plot.rs"]
mod plot;

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use std::{env, fs};

use ccroute::request::Place;
use ccroute::rules::index;
use ccroute::rules::matching::RuleSet;
use ccroute::rules::sieve::load_for;
use ccroute::rules::Subject;

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// How often each layout is measured; all layouts take turns.
const ROUNDS: usize = 101;

/// How many files so many sections are spread over.
type Layout = fn(usize) -> usize;

/// How sections are spread over files, whether there is an index, and who reads them.
const LAYOUTS: [(&str, Layout, bool, &str); 8] = [
    ("one file", |_| 1, true, TRIPLE),
    ("ten files", |_| 10, true, TRIPLE),
    ("ten a file", TENS, true, TRIPLE),
    // What nobody can be below who notices a file that was changed.
    ("ten a file, only asked", TENS, false, ASKING),
    ("one file, no index", |_| 1, false, TRIPLE),
    ("ten files, no index", |_| 10, false, TRIPLE),
    ("ten a file, no index", TENS, false, TRIPLE),
    // A native name on a helper comes to mean the triple that its source names.
    ("one file, native name", |_| 1, true, NATIVE),
];

const TENS: Layout = |sections| sections.div_ceil(10);

const TRIPLE: &str = "--child";
const NATIVE: &str = "--native-child";
const ASKING: &str = "--asking-child";

/// A request for a name that the last section serves.
struct Asked;

impl Subject for Asked {
    fn triple(&self) -> Option<&str> {
        Some("armv6j-hardfloat-linux-gnueabi")
    }
    fn tool(&self) -> &str {
        "gcc"
    }
    fn place(&self) -> Place {
        Place::Helper
    }
    fn from(&self) -> Option<IpAddr> {
        None
    }
    fn kernel(&self) -> Option<&str> {
        None
    }
    fn source(&self) -> Option<&str> {
        None
    }
}

/// The nth section, of three keys; one in ten has a condition, one in ten a glob.
fn section(n: usize) -> String {
    let header = match n % 10 {
        3 => format!("armv7a-board{n}-linux-gnueabihf from 10.0.{}.0/24", n % 250),
        7 => format!("armv7a-board{n}-*-gnueabi*"),
        _ => format!("armv7a-board{n}-linux-gnueabihf"),
    };
    format!(
        "[{header}]\n\
         use      = armv7a-unknown-linux-gnueabihf arm-linux-gnueabihf\n\
         path     = /opt/x-tools/board{n}/bin\n\
         defaults = -march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard -marm -fPIE\n\n"
    )
}

/// Writes a directory of rules.
fn write(dir: &Path, sections: usize, files: usize) {
    fs::create_dir_all(dir).expect("the temporary directory can be written");
    let each = sections.div_ceil(files.max(1)).max(1);
    for file in 0..files {
        let from = file * each;
        let body: String = (from..sections.min(from + each)).map(section).collect();
        fs::write(dir.join(format!("{file:05}.rules")), body).expect("a file can be written");
    }
}

/// In the child: one reading of `dir`, timed.
fn child(dir: &str, triple: Option<&str>) {
    let dirs = [PathBuf::from(dir)];
    let start = Instant::now();
    let texts =
        load_for(&dirs, triple, &|| Asked.triple().map(str::to_owned)).expect("the rules load");
    let rules = RuleSet::parse(&texts).expect("the rules parse");
    black_box(rules.settings(&Asked));
    println!("{}", start.elapsed().as_nanos());
}

/// In the child: `dir` listed, and of each file asked whether it is the same as ever, timed.
fn asking_child(dir: &str) {
    let start = Instant::now();
    for file in fs::read_dir(dir).expect("the directory can be read") {
        black_box(file.and_then(|f| f.metadata()).expect("it is there"));
    }
    println!("{}", start.elapsed().as_nanos());
}

fn measure(child: &str, dir: &Path) -> f64 {
    let program = env::current_exe().expect("the benchmark knows its own path");
    let output = Command::new(program).arg(child).arg(dir).output();
    let text = String::from_utf8(output.expect("the child runs").stdout).unwrap_or_default();
    text.trim().parse().expect("the child prints a number")
}

/// Median and tenth percentile.
fn quantiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() / 10])
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.windows(2).next().map(|w| [&*w[0], &*w[1]]) {
        Some([TRIPLE, dir]) => return child(dir, Asked.triple()),
        Some([NATIVE, dir]) => return child(dir, None),
        Some([ASKING, dir]) => return asking_child(dir),
        _ => {}
    }
    let root = env::temp_dir().join(format!("rules-bench-{}", std::process::id()));
    let empty = root.join("none");
    write(&empty, 0, 1);
    let mut cases = Vec::new();
    for (layout, (_, files, ..)) in LAYOUTS.iter().enumerate() {
        for sections in SIZES {
            let dir = root.join(format!("{layout}-{sections}"));
            write(&dir, sections, files(sections));
            cases.push((layout, sections, dir, Vec::new()));
        }
    }
    // Files are indexed when they have been left alone for so long.
    std::thread::sleep(index::QUIET);
    for (layout, _, dir, _) in &cases {
        if LAYOUTS[*layout].2 {
            index::write(dir).expect("an index can be written");
        }
    }
    for _ in 0..ROUNDS {
        for (layout, _, dir, added) in &mut cases {
            let (.., child) = LAYOUTS[*layout];
            added.push(measure(child, dir) - measure(child, &empty));
        }
    }
    let _ = fs::remove_dir_all(&root);
    let mut table = String::from(
        "layout                  sections  files  added ms (median, p10)  ns per section (median)\n",
    );
    let mut lines: Vec<plot::Line> = Vec::new();
    for (layout, sections, _, added) in cases {
        let (title, files, ..) = LAYOUTS[layout];
        let (median, low) = quantiles(added);
        let _ = writeln!(
            table,
            "{title:<22} {sections:>9} {:>6} {:>13.3} {:>9.3} {:>16.0}",
            files(sections),
            median / 1e6,
            low / 1e6,
            median / sections as f64,
        );
        if lines.len() <= layout {
            lines.push(plot::Line::new(title));
        }
        lines[layout].points.push((sections as f64, median / 1e6));
    }
    print!("{table}");
    if let Some(["--plot", file]) = arguments.windows(2).next().map(|w| [&*w[0], &*w[1]]) {
        let svg = plot::svg("Rules: time added to a start", "sections", "ms", &lines);
        fs::write(file, svg).expect("the plot can be written");
    }
}
