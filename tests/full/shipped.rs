//! The shipped rules: every section has a row in `tests/shipped/table.tsv`, which has the words of
//! the distribution's build file and what an object must then say of itself. The stand-ins that
//! Debian packages compile through the shim; all others are played by programs of their names.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::call::{unfolded, Call, Trace, SYSTEM_PATH};
use crate::common::shipped::{says, sections, sections_of, shipped_texts, INSTALLED};
use crate::common::{farm, shipped_rules, toolbox, Scratch, CCROUTE};
use ccroute::proof::object::Facts;
use ccroute::proof::sources;

/// A row of the table.
struct Row {
    section: &'static str,
    configure: Vec<&'static str>,
    besides: Vec<&'static str>,
    object: Vec<&'static str>,
}

fn table() -> Vec<Row> {
    let lines = include_str!("../shipped/table.tsv").lines();
    let rows = lines.filter(|l| !l.starts_with('#')).skip(1);
    rows.map(|line| {
        let [section, configure, besides, object, source] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_else(|_| panic!("{line}"));
        assert!(!source.is_empty(), "{section}: no source");
        let words = |text: &'static str| text.split(' ').filter(|w| !w.is_empty()).collect();
        Row {
            section,
            configure: words(configure),
            besides: words(besides),
            object: words(object),
        }
    })
    .collect()
}

/// What a word of gcc's configure makes it assume, by `gcc/config.gcc`.
fn flag(word: &str, mips: bool) -> String {
    let Some((option, value)) = word.split_once('=') else {
        let flag = match word {
            "--enable-default-pie" => "-fPIE",
            "--enable-default-ssp" => "-fstack-protector-strong",
            "--enable-fix-cortex-a53-835769" => "-mfix-cortex-a53-835769",
            "--with-mips-plt" => "-mplt",
            "--with-zarch" => "-mzarch",
            "--with-long-double-128" => "-mlong-double-128",
            _ => panic!("{word}: what does it mean?"),
        };
        return flag.to_string();
    };
    match (option, value) {
        ("--with-arch" | "--with-arch-32", _) => format!("-march={value}"),
        ("--with-tune", _) => format!("-mtune={value}"),
        ("--with-cpu", _) => format!("-mcpu={value}"),
        ("--with-fpu", _) => format!("-mfpu={value}"),
        ("--with-abi", _) => format!("-mabi={value}"),
        ("--with-float", _) if mips => format!("-m{value}-float"),
        ("--with-float", _) => format!("-mfloat-abi={value}"),
        ("--with-mode", "thumb") => "-mthumb".to_string(),
        _ => panic!("{word}: what does it mean?"),
    }
}

#[test]
fn every_section_has_a_row_and_every_row_a_section() {
    let mut found = BTreeSet::new();
    for section in sections() {
        let pattern = section.pattern;
        // The others are the kernels': tests/shipped_kernels.rs.
        match section.defaults.is_some() {
            true => assert!(found.insert(pattern.clone()), "{pattern} stands twice"),
            false => assert!(section.kernel.is_some(), "{pattern}: nothing tests it"),
        }
    }
    let rows: BTreeSet<String> = table().iter().map(|r| r.section.to_string()).collect();
    assert_eq!(rows.len(), table().len(), "a row stands twice");
    assert_eq!(rows, found);
}

#[test]
fn the_defaults_say_what_the_build_files_say() {
    for row in table() {
        let sections = sections();
        let section = sections.iter().find(|s| s.pattern == row.section).unwrap();
        let mips = row.section.starts_with("mips");
        let mut wanted: Vec<String> = row.configure.iter().map(|w| flag(w, mips)).collect();
        wanted.extend(
            row.besides
                .iter()
                .map(|w| w.trim_start_matches('<').to_string()),
        );
        let mut stated = section.defaults.clone().unwrap();
        wanted.sort();
        stated.sort();
        assert_eq!(stated, wanted, "{}", row.section);
    }
}

/// `NAME-gcc` on a helper where `bin` has the only compilers.
fn on_helper(scratch: &Scratch, rules: &Path, bin: &Path, name: &str, dir: &Path) -> Call {
    let farm = farm(scratch, &[name]);
    Call::new(&farm.join(name))
        .env("PATH", format!("{}:{}", farm.display(), bin.display()))
        .env("_DISTCC_SAFEGUARD", "1")
        .env("TMPDIR", dir)
        .rules(rules)
        .dir(dir)
}

/// What the probe's object says, preprocessed and compiled by the shim as `name`.
fn facts(scratch: &Scratch, rules: &Path, bin: &Path, name: &str) -> Facts {
    let dir = scratch.dir("job");
    let (_, text) = sources().next().unwrap();
    let source = scratch.file("probe.c", text);
    let [source, text] = [source.to_str().unwrap(), "distccd_1.i"];
    // The compiler calls an assembler of the system.
    let path = format!("{}:{SYSTEM_PATH}", bin.display());
    let call = |words: &[&str]| {
        let mut call = on_helper(scratch, rules, bin, name, &dir).args(words);
        call.command.env("PATH", &path);
        if words[0] == "-E" {
            call.command.env_remove("_DISTCC_SAFEGUARD");
        }
        let ran = call.run();
        assert_eq!(ran.code, Some(0), "{name} by {}: {ran:?}", bin.display());
    };
    call(&["-E", source, "-o", text]);
    call(&["-O2", "-w", "-c", text, "-o", "distccd_1.o"]);
    let object = dir.join("distccd_1.o");
    let facts = Facts::read(&fs::read(&object).unwrap()).unwrap();
    fs::remove_file(object).unwrap();
    facts
}

/// Each name of each section, compiled by each of its stand-ins that Debian has.
#[test]
fn the_stand_ins_make_objects_for_the_client() {
    let scratch = Scratch::new("shipped");
    let rules = shipped_rules();
    let mut runs = 0;
    for row in table() {
        let sections = sections();
        let section = sections.iter().find(|s| s.pattern == row.section).unwrap();
        let here = section
            .use_
            .iter()
            .filter(|u| INSTALLED.contains(&u.as_str()));
        let defaults = section.defaults.as_ref().unwrap();
        let mut served = 0;
        for stand_in in here {
            let gcc = format!("{stand_in}-gcc");
            let bin = toolbox(&scratch, &format!("only-{stand_in}"), &[&gcc]);
            for name in section.names() {
                let who = format!("{name} by {stand_in}");
                let found = facts(&scratch, &rules, &bin, &format!("{name}-gcc"));
                says(&found, &row.object, &who);
                let pie = defaults.iter().any(|f| f == "-fPIE");
                let relative = found.get("addresses") == Some("relative");
                // The others' code hardly ever has absolute addresses.
                let shows = ["arm/", "i386/"]
                    .iter()
                    .any(|m| row.object[0].starts_with(m));
                let right = relative == pie || (relative && !shows) || who.starts_with("mips");
                assert!(right, "{who}: {}", found.to_words());
                served += 1;
            }
        }
        assert!(served > 0, "{}: nothing tests it", row.section);
        runs += served;
    }
    println!("{runs} objects");
}

/// Every stand-in of every section, alone on the helper: it is run, with the client's defaults.
#[test]
fn every_stand_in_that_is_named_serves() {
    let scratch = Scratch::new("named");
    // What the stand-ins write of their call lies outside the job's directory.
    let mut rules = shipped_rules().into_os_string();
    let open = scratch.dir("open");
    scratch.file("open/90-open.rules", "[*]\nsandbox = no\n");
    rules.push(":");
    rules.push(open);
    let rules = PathBuf::from(rules);
    let dir = scratch.dir("job");
    scratch.file("job/x.i", "int x;\n");
    for section in sections() {
        let Some(defaults) = &section.defaults else {
            continue;
        };
        for stand_in in &section.use_ {
            // The native compiler serves where it is for the same machine: the tests run on x86-64.
            let (bin, program) = match stand_in.as_str() {
                "native" => ("native".to_string(), "gcc".to_string()),
                triple => (format!("one-{triple}"), format!("{triple}-gcc")),
            };
            for name in section.names() {
                let at = scratch.path(&format!("{bin}/{program}"));
                let _ = fs::remove_dir_all(scratch.path(&bin));
                let compiler = match stand_in.as_str() {
                    // Its link is what says that it is the machine's own.
                    "native" => {
                        let own = Trace::compiler(&at.with_file_name("x86_64-linux-gnu-gcc-12"));
                        std::os::unix::fs::symlink("x86_64-linux-gnu-gcc-12", &at).unwrap();
                        own
                    }
                    _ => Trace::compiler(&at),
                };
                let bin = scratch.path(&bin);
                let job = ["-O2", "-c", "x.i", "-o", "distccd_1.o"];
                on_helper(&scratch, &rules, &bin, &format!("{name}-gcc"), &dir)
                    .args(job)
                    .run()
                    .silent();
                let wanted = format!("-c {} {}\n", defaults.join(" "), job.join(" "));
                assert_eq!(compiler.arguments(), wanted, "{name} by {stand_in}");
            }
        }
    }
}

/// The sections that stand in comments as examples, as a user would write them.
#[test]
fn the_examples_in_comments_work() {
    let scratch = Scratch::new("examples");
    let shipped = shipped_rules();
    let expected: &[(&str, &[&str])] = &[
        (
            "arm-linux-gnueabihf",
            &[
                "arm/32/little",
                "CPU_arch:v6",
                "FP_arch:VFPv2",
                "ABI_VFP_args:VFP-registers",
            ],
        ),
        (
            "armv7l-unknown-linux-gnueabihf",
            &[
                "arm/32/little",
                "CPU_arch:v7",
                "FP_arch:VFPv3",
                "Advanced_SIMD_arch:NEONv1",
                "ABI_VFP_args:VFP-registers",
            ],
        ),
    ];
    let texts = shipped_texts();
    let examples: Vec<String> = texts
        .iter()
        .map(|text| {
            let text = std::str::from_utf8(text).unwrap();
            let lines = text.lines().filter_map(|l| l.strip_prefix("#   "));
            // Tables of names are set in as well.
            let lines = lines.filter(|l| l.starts_with('[') || l.contains(" = "));
            lines.map(|l| format!("{l}\n")).collect()
        })
        .collect();
    let own = scratch.file("own/50-client.rules", examples.concat());
    let found = sections_of(&fs::read(&own).unwrap());
    let found: Vec<&str> = found.iter().map(|s| s.pattern.as_str()).collect();
    let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, names);

    let dirs = std::env::join_paths([own.parent().unwrap(), &shipped]).unwrap();
    let (file, text) = sources().next().unwrap();
    scratch.file(file, text);
    for (name, words) in expected {
        let job = ["-O2", "-w", "-c", file, "-o", "x.o"];
        let ran = Call::new(Path::new(CCROUTE))
            .env("CCROUTE_RULES_DIR", &dirs)
            .args(["explain", "--place", "helper", "--from", "192.168.1.20"])
            .args([format!("{name}-gcc")])
            .args(job)
            .run()
            .expect(0);
        let stdout = unfolded(&ran.stdout);
        let after = |mark: &str| {
            let line = stdout.lines().find_map(|l| l.split_once(mark));
            line.unwrap_or_else(|| panic!("{}", ran.stdout))
                .1
                .to_string()
        };
        let mut compiler = Call::new(Path::new(&after(": run ")));
        // explain shows the job under the names that distccd gives it.
        let args = after("arguments: ").replace("/tmp/distccd_0.i", file);
        let args = shlex::split(&args.replace("/tmp/distccd_0.o", "x.o")).unwrap();
        compiler = compiler.args(args);
        compiler.dir(&scratch.0).run().silent();
        let found = Facts::read(&fs::read(scratch.path("x.o")).unwrap()).unwrap();
        says(&found, words, name);
    }
}
