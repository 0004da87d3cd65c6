//! What rules cost: reading, parsing and merging 10 to 1,000 sections, in one file and in many, and the
//! shipped ones, each time in a new process, as the shim does it. `cargo bench --bench rules` prints a table;
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
use ccroute::rules::load::{load, SHIPPED};
use ccroute::rules::matching::RuleSet;
use ccroute::rules::Subject;

const SIZES: [usize; 3] = [10, 100, 1_000];

/// How often each layout is measured; all layouts take turns.
const ROUNDS: usize = 101;

/// How many files so many sections are spread over.
type Layout = fn(usize) -> usize;

/// How sections are spread over files.
const LAYOUTS: [(&str, Layout); 3] = [
    ("one file", |_| 1),
    ("five files", |_| 5),
    ("ten a file", |sections| sections.div_ceil(10)),
];

const CHILD: &str = "--child";

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

/// In the child: one reading of `dir` (empty: of the shipped rules), timed.
fn child(dir: &str) {
    let dirs = [PathBuf::from(dir)];
    let start = Instant::now();
    let texts = load(&dirs).expect("the rules load");
    let rules = RuleSet::parse(&texts).expect("the rules parse");
    black_box(rules.settings(&Asked));
    println!("{}", start.elapsed().as_nanos());
}

fn measure(dir: &Path) -> f64 {
    let program = env::current_exe().expect("the benchmark knows its own path");
    let output = Command::new(program).arg(CHILD).arg(dir).output();
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
    if let [flag, dir] = &*arguments {
        if flag == CHILD {
            return child(dir);
        }
    }
    let root = env::temp_dir().join(format!("rules-bench-{}", std::process::id()));
    let empty = root.join("none");
    write(&empty, 0, 1);
    let mut cases = Vec::new();
    for (layout, (_, files)) in LAYOUTS.iter().enumerate() {
        for sections in SIZES {
            let dir = root.join(format!("{layout}-{sections}"));
            write(&dir, sections, files(sections));
            cases.push((layout, sections, dir, Vec::new()));
        }
    }
    let mut shipped = Vec::new();
    for _ in 0..ROUNDS {
        for (_, _, dir, added) in &mut cases {
            added.push(measure(dir) - measure(&empty));
        }
        shipped.push(measure(Path::new(SHIPPED)));
    }
    let _ = fs::remove_dir_all(&root);
    let mut table = String::from(
        "layout                  sections  files  added ms (median, p10)  ns per section (median)\n",
    );
    let mut lines: Vec<plot::Line> = Vec::new();
    for (layout, sections, _, added) in cases {
        let (title, files) = LAYOUTS[layout];
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
    let (median, low) = quantiles(shipped);
    let _ = writeln!(
        table,
        "the shipped rules alone: {:.3} ms, {:.3}",
        median / 1e6,
        low / 1e6
    );
    print!("{table}");
    if let Some(["--plot", file]) = arguments.windows(2).next().map(|w| [&*w[0], &*w[1]]) {
        let svg = plot::svg("Rules: time added to a start", "sections", "ms", &lines);
        fs::write(file, svg).expect("the plot can be written");
    }
}
