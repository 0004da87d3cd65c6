//! What a compiler schedules for, and when that is a default of its own.

use crate::common::cross::program;
use ccroute::compiler::ask::Compiler;
use ccroute::compiler::stated::stated;
use ccroute::proof::measure;

/// A tune that follows from -march is no default: stated, it stays beside another -march, and an
/// ARM kernel's objects would be scheduled for another processor.
#[test]
fn a_tune_that_follows_from_the_architecture_is_not_stated() {
    let source = include_str!("../../src/proof/probe.c");
    for (name, march) in [
        (
            "arm-linux-gnueabihf-gcc",
            "-march=armv5te -marm -mfloat-abi=soft",
        ),
        ("arm-linux-gnueabi-gcc", "-march=armv7-a"),
        ("aarch64-linux-gnu-gcc", "-march=armv8.2-a"),
        ("mipsel-linux-gnu-gcc", "-march=mips32"),
    ] {
        let measured = measure(&Compiler::new(program(name))).unwrap();
        let tuned = measured.defaults.iter().any(|f| f.starts_with("-mtune="));
        assert!(!tuned, "{name}: {:?}", measured.defaults);
        // For AArch64, gcc 14 names none at all.
        let named = name != "aarch64-linux-gnu-gcc";
        assert!(measured.implied_tune.is_some() || !named, "{name}");
        let job: Vec<&str> = march.split(' ').chain(["-O2"]).collect();
        let kept = stated(&measured.answers.target(), &measured.defaults, &job);
        let words: Vec<&str> = kept
            .iter()
            .map(String::as_str)
            .chain(job.iter().copied())
            .collect();
        let native = crate::common::cross::compile(name, &job, "probe.c", source);
        let same = native == crate::common::cross::compile(name, &words, "probe.c", source);
        assert!(same, "{name} {words:?}");
    }
}

/// As a compiler with `--with-tune` has it: its driver states it.
#[test]
fn a_tune_that_was_configured_is_a_default() {
    let compiler = Compiler {
        path: program("arm-linux-gnueabihf-gcc"),
        args: vec!["-mtune=cortex-a7".into()],
    };
    let measured = measure(&compiler).unwrap();
    let tune = "-mtune=cortex-a7".to_string();
    assert!(measured.defaults.contains(&tune), "{measured:?}");
    assert_eq!(measured.implied_tune, None);
    // A processor brings its own.
    let compiler = Compiler {
        path: program("arm-linux-gnueabihf-gcc"),
        args: vec!["-mcpu=cortex-a7".into()],
    };
    let measured = measure(&compiler).unwrap();
    let has = |option: &str| measured.defaults.iter().any(|f| f.starts_with(option));
    assert!(has("-mcpu=cortex-a7") && !has("-mtune="), "{measured:?}");
}
