//! Compilers asked, and sections applied to other compilers.

use std::path::PathBuf;

use crate::common::cross::program;
use ccroute::abi::triple::Triple;
use ccroute::abi::Target;
use ccroute::compiler::ask::{ask, Compiler, Family};
use ccroute::compiler::record::{self, Entry};
use ccroute::proof::object::Severity;
use ccroute::proof::verify::{Launcher, Sample, Status, Verifier};
use ccroute::proof::{check_stand_in, measure, probe_objects, section, Outcome, Proof, Report};
use ccroute::rules::parse::{parse, words};

/// `PROGRAM ARGUMENT…` as a compiler.
fn compiler(words: &str) -> Compiler {
    let mut words = words.split(' ');
    Compiler {
        path: program(words.next().unwrap()),
        args: words.map(Into::into).collect(),
    }
}

/// A section, read by the rules' own parser.
struct Section {
    triple: String,
    defaults: Vec<String>,
    proof: Proof,
}

impl Section {
    fn of(name: &str) -> Section {
        let text = section(&compiler(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        Section::parse(&text)
    }

    fn parse(text: &str) -> Section {
        let mut faults = Vec::new();
        let parsed = parse(text.as_bytes(), &mut |at| {
            faults.push(format!("{at:?}"));
            true
        });
        assert!(faults.is_empty(), "{faults:?}\n{text}");
        let [only] = &*parsed else {
            panic!("not one section:\n{text}");
        };
        let value = |key: &str| {
            text.lines()
                .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
                .unwrap_or_else(|| panic!("no {key}:\n{text}"))
        };
        assert_eq!(value("version"), "major");
        assert_eq!(only.entries.len(), 3, "{text}");
        Section {
            triple: only.pattern.to_string(),
            defaults: words(value("defaults")),
            proof: Proof::parse(value("proof")),
        }
    }

    /// What the triple and the defaults promise.
    fn promised(&self) -> Target {
        let triple = Triple::parse(&self.triple).unwrap();
        Target::of_triple(&triple).refined(&self.defaults)
    }

    fn check(&self, stand_in: &str) -> Report {
        check_stand_in(
            &compiler(stand_in),
            &self.defaults,
            Some(&self.proof),
            Some(&self.promised()),
        )
    }
}

/// All of Debian's compilers here, with their families and triples.
const COMPILERS: &[(&str, Family, &str)] = &[
    (
        "arm-linux-gnueabihf-gcc",
        Family::Gcc,
        "arm-linux-gnueabihf",
    ),
    ("arm-linux-gnueabi-gcc", Family::Gcc, "arm-linux-gnueabi"),
    ("aarch64-linux-gnu-gcc", Family::Gcc, "aarch64-linux-gnu"),
    ("riscv64-linux-gnu-gcc", Family::Gcc, "riscv64-linux-gnu"),
    ("i686-linux-gnu-gcc", Family::Gcc, "i686-linux-gnu"),
    ("x86_64-linux-gnu-gcc", Family::Gcc, "x86_64-linux-gnu"),
    (
        "mips64el-linux-gnuabi64-gcc",
        Family::Gcc,
        "mips64el-linux-gnuabi64",
    ),
    ("mipsel-linux-gnu-gcc", Family::Gcc, "mipsel-linux-gnu"),
    (
        "powerpc64-linux-gnu-gcc",
        Family::Gcc,
        "powerpc64-linux-gnu",
    ),
    (
        "powerpc64le-linux-gnu-gcc",
        Family::Gcc,
        "powerpc64le-linux-gnu",
    ),
    ("s390x-linux-gnu-gcc", Family::Gcc, "s390x-linux-gnu"),
    ("clang", Family::Clang, "x86_64-pc-linux-gnu"),
    (
        "clang --target=arm-linux-gnueabihf",
        Family::Clang,
        "arm-unknown-linux-gnueabihf",
    ),
    (
        "clang --target=aarch64-linux-gnu",
        Family::Clang,
        "aarch64-unknown-linux-gnu",
    ),
    (
        "clang --target=riscv64-linux-gnu",
        Family::Clang,
        "riscv64-unknown-linux-gnu",
    ),
];

#[test]
fn every_default_is_neutral_and_the_section_proves_itself() {
    for (name, family, triple) in COMPILERS {
        let measured = measure(&compiler(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(measured.answers.family, *family, "{name}");
        assert_eq!(measured.answers.triple, *triple, "{name}");
        assert_eq!(measured.answers.version.split('.').count(), 3, "{name}");
        assert_eq!(measured.left_out, [""; 0], "{name}");
        for expected in ["-fPIE", "-fno-stack-protector"] {
            assert!(
                measured.defaults.iter().any(|f| f == expected),
                "{name}: {measured:?}"
            );
        }
        let section = Section::of(name);
        assert_eq!(section.defaults, measured.defaults, "{name}");
        let report = section.check(name);
        assert_eq!(report.outcome, Outcome::Identical, "{name}: {report}");
        assert!(report.differences.is_empty(), "{name}: {report}");
    }
}

/// Not at -O2 alone: the flags must say nothing new at any level.
#[test]
fn defaults_are_neutral_at_every_level() {
    let source = include_str!("../../src/proof/probe.c");
    for (name, ..) in COMPILERS {
        let measured = measure(&compiler(name)).unwrap();
        for level in [
            ["-O0"].as_slice(),
            &["-Os", "-fPIC"],
            &["-O3", "-funroll-loops"],
            &["-O1", "-fno-PIE", "-fstack-protector-strong"],
        ] {
            let stated: Vec<&str> = measured
                .defaults
                .iter()
                .map(String::as_str)
                .chain(level.iter().copied())
                .collect();
            let native = crate::common::cross::compile(name, level, "probe.c", source);
            let stated = crate::common::cross::compile(name, &stated, "probe.c", source);
            assert!(native == stated, "{name} {level:?}");
        }
    }
}

#[test]
fn a_soft_float_compiler_stands_in_for_a_hard_float_one_with_the_defaults_only() {
    let section = Section::of("arm-linux-gnueabihf-gcc");
    let report = section.check("arm-linux-gnueabi-gcc");
    assert_eq!(report.outcome, Outcome::Identical, "{report}");

    let without = Section {
        defaults: Vec::new(),
        ..section
    };
    let report = without.check("arm-linux-gnueabi-gcc");
    assert_eq!(report.outcome, Outcome::Wrong, "{report}");
    assert!(!report.outcome.is_ok());
    let first = report.differences.first().unwrap();
    assert_eq!(first.severity, Severity::Fatal);
    let text = report.to_string();
    let words = ".ARM.attributes: ABI_VFP_args VFP-registers against core-registers";
    assert!(text.contains(words), "{text}");
    assert!(
        report.flags.contains(&"-mfloat-abi=hard".to_string()),
        "{text}"
    );
}

/// A client's ARMv6 compiler, played by Debian's ARMv7 one with other defaults.
#[test]
fn armv6_is_identical_with_the_defaults_and_named_without() {
    let flags = "-march=armv6j -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm -fPIE \
                 -fstack-protector-strong";
    let client = compiler(&format!("arm-linux-gnueabi-gcc {flags}"));
    let measured = measure(&client).unwrap();
    assert!(measured.left_out.is_empty(), "{measured:?}");
    let section = Section {
        triple: "armv6j-hardfloat-linux-gnueabi".to_string(),
        defaults: measured.defaults.clone(),
        proof: Proof::parse(&measured.proof().to_string()),
    };
    // The driver writes the FPU into the architecture.
    for expected in flags.replace("armv6j", "armv6j+fp").split(' ') {
        assert!(
            section.defaults.contains(&expected.to_string()),
            "{:?}",
            section.defaults
        );
    }
    let report = section.check("arm-linux-gnueabihf-gcc");
    assert_eq!(report.outcome, Outcome::Identical, "{report}");

    let mut without = section;
    without.defaults.clear();
    let report = without.check("arm-linux-gnueabihf-gcc");
    assert_eq!(report.outcome, Outcome::Wrong, "{report}");
    let text = report.to_string();
    assert!(
        text.contains(".ARM.attributes: CPU_arch v6 against v7"),
        "{text}"
    );
    assert!(report.flags.contains(&"-march=armv6".to_string()), "{text}");
}

#[test]
fn clang_is_an_honest_difference_for_a_gcc() {
    let gcc = Section::of("arm-linux-gnueabihf-gcc");
    let (_, version) = gcc.proof.compiler.clone().unwrap();
    let major = version.split('.').next().unwrap();
    let named = format!("compiler: gcc {major}");
    // It does not know all of gcc's flags; with those that it knows it makes other code.
    let report = gcc.check("clang --target=arm-linux-gnueabihf");
    assert_eq!(report.outcome, Outcome::Failed, "{report}");
    let text = report.to_string();
    assert!(text.contains("error: "), "{text}");
    assert!(text.contains(&named), "{text}");
    let section = Section {
        defaults: [
            "-march=armv7-a",
            "-mfpu=vfpv3-d16",
            "-mfloat-abi=hard",
            "-mthumb",
            "-fPIE",
        ]
        .map(String::from)
        .to_vec(),
        ..gcc
    };
    let report = section.check("clang --target=arm-linux-gnueabihf");
    assert_eq!(report.outcome, Outcome::Harmless, "{report}");
    let text = report.to_string();
    assert!(text.contains(&named), "{text}");
    assert!(text.contains("against clang"), "{text}");
}

/// x86 objects do not tell which processor they need; macros do.
#[test]
fn an_isa_that_objects_do_not_show_is_seen() {
    let section = Section::of("x86_64-linux-gnu-gcc");
    let report = check_stand_in(
        &compiler("x86_64-linux-gnu-gcc -march=x86-64-v3"),
        &[],
        Some(&section.proof),
        None,
    );
    assert_eq!(report.outcome, Outcome::Wrong, "{report}");
    assert!(
        report
            .to_string()
            .contains("target: ISA x86-64 against x86-64-v3"),
        "{report}"
    );
    // The stated -march mends it.
    let report = section.check("x86_64-linux-gnu-gcc");
    assert_eq!(report.outcome, Outcome::Identical, "{report}");
}

/// A section that promises hard float, a soft compiler, no flags and no proof.
#[test]
fn a_lie_without_proof_is_caught() {
    let triple = Triple::parse("armv6j-hardfloat-linux-gnueabi").unwrap();
    let promised = Target::of_triple(&triple);
    let report = check_stand_in(
        &compiler("arm-linux-gnueabi-gcc"),
        &[],
        None,
        Some(&promised),
    );
    assert_eq!(report.outcome, Outcome::Wrong, "{report}");
    assert!(
        report
            .to_string()
            .contains("target: float ABI hard against soft"),
        "{report}"
    );
}

#[test]
fn a_lost_pie_is_wrong_and_lost_hardening_is_not() {
    let section = Section::of("x86_64-linux-gnu-gcc");
    let check = |flag: &str| {
        let mut defaults = section.defaults.clone();
        defaults.push(flag.to_string());
        check_stand_in(
            &compiler("x86_64-linux-gnu-gcc"),
            &defaults,
            Some(&section.proof),
            None,
        )
    };
    let report = check("-fno-PIE");
    assert_eq!(report.outcome, Outcome::Wrong, "{report}");
    assert!(
        report.flags.contains(&"-fPIE".to_string())
            || section.defaults.contains(&"-fPIE".to_string())
    );
    let report = check("-fstack-protector-strong");
    assert_eq!(report.outcome, Outcome::Harmless, "{report}");
    let report = check("-mtune=haswell");
    assert_eq!(report.outcome, Outcome::Harmless, "{report}");
    assert!(
        report.to_string().contains("other code for the c probe"),
        "{report}"
    );
}

#[test]
fn failures_say_why() {
    let section = Section::of("x86_64-linux-gnu-gcc");
    let report = check_stand_in(
        &compiler("aarch64-linux-gnu-gcc"),
        &["-m32".to_string()],
        Some(&section.proof),
        None,
    );
    assert_eq!(report.outcome, Outcome::Failed);
    assert!(report.notes[0].contains("-m32"), "{report}");
    let missing = Compiler::new("/no/such/gcc");
    assert!(section_error(&missing).contains("/no/such/gcc"));
    assert!(section_error(&Compiler::new("/bin/true")).contains("neither gcc nor clang"));
    let old = Proof {
        probe: Some("00000000".to_string()),
        ..section.proof
    };
    let report = check_stand_in(
        &compiler("x86_64-linux-gnu-gcc"),
        &section.defaults,
        Some(&old),
        None,
    );
    assert_eq!(report.outcome, Outcome::Unproved, "{report}");
    assert!(
        report.to_string().contains("another version of ccroute"),
        "{report}"
    );
}

fn section_error(compiler: &Compiler) -> String {
    section(compiler).unwrap_err().to_string()
}

/// The same compiler and flags give the same objects wherever the scratch directory is.
#[test]
fn digests_do_not_depend_on_the_place() {
    let gcc = compiler("riscv64-linux-gnu-gcc");
    let none: [&str; 0] = [];
    let digests = |_| -> Vec<String> {
        let objects = probe_objects(&gcc, &none).unwrap();
        objects.into_iter().map(|o| o.digest).collect()
    };
    assert_eq!(digests(1), digests(2));
    assert_eq!(digests(3).len(), 2);
}

#[test]
fn facts_are_recorded_of_real_compilers() {
    let path: PathBuf = program("arm-linux-gnueabihf-gcc");
    let entry = Entry::ask(&path).unwrap();
    let file = record::format(&[entry]).unwrap();
    let stat = record::Stat::of(&path).unwrap();
    let record = record::lookup(&file, &path, &stat).unwrap();
    assert_eq!(record.triple, "arm-linux-gnueabihf");
    let asked = std::process::Command::new(&path)
        .arg("-dumpversion")
        .output()
        .unwrap();
    let major = String::from_utf8(asked.stdout).unwrap();
    assert!(record.version.starts_with(major.trim()), "{record:?}");
    let target = record.target().unwrap();
    let wanted: Target = "arch=arm model=ilp32 order=little float=hard isa=armv7-a"
        .parse()
        .unwrap();
    assert_eq!(
        (target.arch, target.float, target.isa),
        (wanted.arch, wanted.float, wanted.isa)
    );
    assert!(record.flags().any(|flag| flag == "-mthumb"), "{record:?}");
    let answers = ask(&Compiler::new(&path)).unwrap();
    assert_eq!(answers.target(), target);
}

/// A launcher that hands jobs to another compiler.
fn verify_through(script: &str) -> Vec<(String, Status, bool)> {
    let scratch = ccroute::proof::Scratch::new().unwrap();
    let launcher = scratch.path().join("launch");
    std::fs::write(&launcher, format!("#!/bin/sh\nshift\n{script}\n")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&launcher, mode).unwrap();
    let verifier = Verifier::new(
        program("arm-linux-gnueabihf-gcc"),
        Launcher::Command(launcher),
    )
    .unwrap();
    Sample::own()
        .iter()
        .map(|sample| {
            let result = verifier.check(sample);
            let ok = result.is_ok();
            (result.name, result.status, ok)
        })
        .collect()
}

#[test]
fn verify_compares_what_comes_back() {
    let defaults = Section::of("arm-linux-gnueabihf-gcc").defaults.join(" ");
    program("arm-linux-gnueabi-gcc");
    for (name, status, ok) in
        verify_through(&format!("exec arm-linux-gnueabi-gcc {defaults} \"$@\""))
    {
        assert!(ok, "{name}: {status}");
        // Debug information names the flags.
        let word = if name.contains("-g") {
            "equivalent"
        } else {
            "identical"
        };
        assert_eq!(status.word(), word, "{name}: {status}");
    }
    for (name, status, ok) in verify_through("exec arm-linux-gnueabi-gcc \"$@\"") {
        assert!(!ok, "{name}: {status}");
        assert!(
            status.to_string().contains("first difference: .text+0x0"),
            "{status}"
        );
        assert!(status.to_string().contains("ABI_VFP_args"), "{status}");
    }
    for (name, status, ok) in verify_through("exit 3") {
        assert!(!ok && status.word() == "failed", "{name}: {status}");
    }
    // Success without an object is no success.
    for (name, status, ok) in verify_through("exit 0") {
        assert!(!ok && status.word() == "failed", "{name}: {status}");
    }
}

#[test]
fn a_job_that_stays_here_is_not_verified() {
    let verifier = Verifier::new(
        program("x86_64-linux-gnu-gcc"),
        Launcher::Command(program("distcc")),
    )
    .unwrap();
    // Without helpers distcc compiles by itself, or fails where that is forbidden.
    let result = verifier.check(&Sample::own()[0]);
    assert!(!result.is_ok(), "{}", result.status);
}
