//! The table of options against the compilers that are installed: their drivers, asked with `-###`,
//! say which words an option takes and whether a linker would run.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::lab::{need, Scratch};
use ccroute::client::local::{local_reason, Call};
use ccroute::compiler::name::Tool;
use ccroute::helper::hostile::{hostile, without, JobFiles};
use ccroute::options::table::{rows, Dropped, Row};
use ccroute::options::{scan_as, Family, Shape, When};

/// g++ has gcc's options.
const COMPILERS: [(&str, Family, Tool); 3] = [
    ("gcc", Family::Gcc, Tool::Gcc),
    ("arm-linux-gnueabihf-gcc", Family::Gcc, Tool::Gcc),
    ("clang", Family::Clang, Tool::Clang),
];

/// Options that take fewer words in some versions: (compiler, first, last, names). The table has the larger
/// number, because a `-c` that may be a value does not count. At the end those that only the compiler proper
/// or gcc has, of which clang's driver says nothing, and `-target`: a linker for no target is none.
const VERSIONS: &[(&str, u32, u32, &[&str])] = &[
    ("clang", 0, 15, &["-Xoffload-linker"]),
    ("clang", 0, 16, &["-dumpdir", "-reexport_library"]),
    (
        "clang",
        0,
        18,
        &[
            "-Xmicrosoft-visualc-tools-root",
            "-Xmicrosoft-visualc-tools-version",
            "-Xmicrosoft-windows-sdk-root",
            "-Xmicrosoft-windows-sdk-version",
            "-Xmicrosoft-windows-sys-root",
            "-alias_list",
            "-darwin-target-variant",
            "-darwin-target-variant-triple",
        ],
    ),
    (
        "clang",
        0,
        u32::MAX,
        &[
            "-add-plugin",
            "-ast-merge",
            "-aux-info",
            "-auxbase",
            "-diagnostic-log-file",
            "-include-pth",
            "-load",
            "-objc-isystem",
            "-objcxx-isystem",
            "-opt-record-file",
            "-target",
        ],
    ),
    (
        "clang",
        17,
        u32::MAX,
        &[
            "-Tbss",
            "-Tdata",
            "-Ttext",
            "-fxray-always-instrument=",
            "-fxray-attr-list=",
            "-fxray-instruction-threshold",
            "-fxray-instruction-threshold=",
            "-fxray-instrumentation-bundle=",
            "-fxray-modes=",
            "-fxray-never-instrument=",
        ],
    ),
];

/// A driver in a directory with a source.
struct Driver {
    name: &'static str,
    path: PathBuf,
    dir: PathBuf,
    major: u32,
}

impl Driver {
    fn new(name: &'static str, scratch: &Scratch) -> Driver {
        let path = need(name, name);
        scratch.file("f.c", "int f;\n");
        let version = Command::new(&path).arg("-dumpversion").output().unwrap();
        let version = String::from_utf8(version.stdout).unwrap();
        let major = version.trim().split('.').next().unwrap();
        Driver {
            name,
            path,
            dir: scratch.at(""),
            major: major.parse().unwrap(),
        }
    }

    /// Whether it would run a linker, and whether it objects to the words: then it runs nothing.
    fn links(&self, words: &[&str]) -> (bool, bool) {
        let output = Command::new(&self.path)
            .arg("-###")
            .args(words)
            .current_dir(&self.dir)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        // gcc's -wrapper puts a word in front.
        let linker = |line: &str| {
            let words = line
                .strip_prefix(' ')
                .unwrap_or_default()
                .split(' ')
                .take(2);
            let mut bases = words.filter_map(|p| p.trim_matches('"').rsplit('/').next());
            bases.any(|b| b == "collect2" || b == "ld" || b.starts_with("ld."))
        };
        let complains = !output.status.success() || text.contains("error:");
        (text.lines().any(linker), complains)
    }

    /// The options that it knows, as far as it says, and all of the table.
    fn options(&self) -> BTreeSet<String> {
        let listed = if self.name == "clang" {
            let list = Command::new(&self.path).arg("--autocomplete=-").output();
            list.unwrap().stdout
        } else {
            strings(&fs::read(&self.path).unwrap())
        };
        let text = String::from_utf8_lossy(&listed).into_owned();
        let words = text.lines().filter_map(|l| l.split(['\t', ' ']).next());
        // Thousands of warnings and parameters are flags, each with its value.
        let words = words.filter(|w| !w.starts_with("-W") && !w.starts_with("--param="));
        let names = words.chain(rows().map(|row| row.name));
        let plain = |w: &&str| w.starts_with('-') && w.bytes().all(|b| b.is_ascii_graphic());
        names.filter(plain).map(str::to_owned).collect()
    }

    fn differs(&self, option: &str) -> bool {
        VERSIONS.iter().any(|(compiler, first, last, names)| {
            let version = (first..=last).contains(&&self.major);
            *compiler == self.name && version && names.contains(&option)
        })
    }
}

/// The texts in a program that may be options, one a line.
fn strings(program: &[u8]) -> Vec<u8> {
    let option = |text: &&[u8]| text.len() > 1 && text[0] == b'-';
    let texts = program.split(|&b| b == 0).filter(option);
    texts.collect::<Vec<_>>().join(&b'\n')
}

fn compiles(family: Family, words: &[&str]) -> bool {
    scan_as(family, words).any(|arg| arg.compiles())
}

/// Holds the table against one driver, option by option.
fn the_scan_takes_what_it_takes(name: &'static str, family: Family) {
    let scratch = Scratch::new(&format!("options-{name}"));
    let driver = Driver::new(name, &scratch);
    let options = driver.options();
    assert!(options.len() > 600, "{name}: {} options", options.len());
    let mut wrong = Vec::new();
    for option in &options {
        let words = ["f.c", option, "-c", "-DX", "-DY"];
        let (links, complains) = driver.links(&words);
        // After an error the words behind the option say nothing.
        let takes = !compiles(family, &words);
        if links && !takes || !links && takes && !complains && !driver.differs(option) {
            wrong.push(format!("{name} {option}: links {links}, the table {takes}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_scan_takes_the_words_that_gcc_takes() {
    the_scan_takes_what_it_takes("gcc", Family::Gcc);
}

#[test]
fn the_scan_takes_the_words_that_a_cross_gcc_takes() {
    the_scan_takes_what_it_takes("arm-linux-gnueabihf-gcc", Family::Gcc);
}

#[test]
fn the_scan_takes_the_words_that_clang_takes() {
    the_scan_takes_what_it_takes("clang", Family::Clang);
}

/// Numbers that are the same on every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

/// A list of a few options around `-c` and a source.
fn list(dice: &mut Dice, options: &[&'static str]) -> Vec<&'static str> {
    let mut words = vec!["-c", "f.c"];
    for _ in 0..=dice.below(3) {
        let option = match dice.below(8) {
            0 => "--",
            1 => "-c",
            2 => "-S",
            3 => "-Wl,-x",
            _ => options[dice.below(options.len())],
        };
        words.insert(dice.below(words.len() + 1), option);
    }
    words
}

#[test]
fn nothing_that_only_compiles_runs_a_linker() {
    let scratch = Scratch::new("links");
    let options: Vec<&str> = rows().map(|row| row.name).collect();
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let (mut wrong, mut passed) = (Vec::new(), 0);
    for (name, family, tool) in COMPILERS {
        let driver = Driver::new(name, &scratch);
        for _ in 0..500 {
            let words = list(&mut dice, &options);
            if compiles(family, &words) && driver.links(&words) == (true, false) {
                wrong.push(format!("{name} {words:?}"));
            }
            let job = JobFiles::default();
            if hostile(tool, &words, &job).is_none() {
                let own = [&["-c"], &words[..]].concat();
                passed += 1;
                if driver.links(&own) == (true, false) {
                    wrong.push(format!("on a helper: {name} {own:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 100, "{passed} lists pass on a helper");
}

/// Words with which a helper refuses a row's option; nothing where that depends on a pump job's tree.
fn refused_words(row: &Row) -> Option<Vec<String>> {
    let value = match row.refused?.when {
        When::OutsideTree => return None,
        When::Only(values) => values[0],
        When::Except(_) => "other",
        When::DumpLetters => "a",
        When::Always | When::ClangFindsAs => "x",
        When::Path | When::Outside => "/etc/x",
    };
    let name = row.name;
    Some(match row.shape {
        Shape::Joined => vec![format!("{name}{value}")],
        Shape::StartAndNext => vec![name.to_owned(), value.to_owned()],
        _ if row.takes(Family::Any) > 0 => vec![name.to_owned(), value.to_owned()],
        _ => vec![format!("{name}={value}")],
    })
}

#[test]
fn a_client_sends_nothing_that_a_helper_refuses() {
    let mut seen = 0;
    for tool in [Tool::Gcc, Tool::Cc, Tool::Clang] {
        for row in rows() {
            let Some(mut words) = refused_words(row) else {
                continue;
            };
            // What distcc leaves out no helper sees.
            if row.left_out.is_some() {
                continue;
            }
            words.extend(["-fno-integrated-as", "-c", "a.c", "-o", "a.o"].map(String::from));
            let args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
            let args = without(&args, &[Dropped::Everywhere]);
            let job: Vec<&OsStr> = args
                .iter()
                .map(|word| match word.to_str() {
                    Some("a.c") => OsStr::new("/tmp/distccd_1.i"),
                    Some("a.o") => OsStr::new("/tmp/distccd_1.o"),
                    _ => word,
                })
                .collect();
            let files = JobFiles::find(&job, Path::new("/tmp"));
            let refused = hostile(tool, &job, &files);
            let call = Call {
                tool,
                args: &args,
                kernel: false,
                directory: Path::new("/home/me/src"),
                steered_by: None,
            };
            if refused.is_some() {
                seen += 1;
                assert!(local_reason(&call).is_some(), "{tool:?} {words:?}");
            } else {
                let depends = row.dropped.is_some()
                    || row
                        .refused
                        .is_some_and(|r| matches!(r.when, When::ClangFindsAs | When::DumpLetters));
                assert!(depends, "{tool:?} {words:?} passes");
            }
        }
    }
    assert!(seen > 400, "{seen}");
}
