//! What each fuzz target does with its input. Shared by the libFuzzer targets and by
//! `tests/fuzz_brief.rs`, which runs the same bodies on every machine.
//!
//! A body must hold for every input: it asserts laws, and otherwise only must not panic.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ccroute::args::{scan, Kind};
use ccroute::hostile::{hostile, Job};
use ccroute::name::{CompilerName, Tool};
use ccroute::object::{compare, digest, Comparison, Facts};

/// A target's name and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// The targets that are wired.
#[allow(dead_code)] // Each libFuzzer target uses one of them.
pub const TARGETS: &[Target] = &[("names", names), ("args", args), ("elf", elf)];

/// Compiler names: what parses prints as what was parsed, and parses again to the same.
#[allow(dead_code)]
pub fn names(data: &[u8]) {
    let Ok(name) = CompilerName::parse(data) else {
        return;
    };
    let base = data.rsplit(|&b| b == b'/').next().unwrap_or_default();
    let printed = name.to_string();
    assert_eq!(printed.as_bytes(), base, "prints as it was written");
    assert_eq!(CompilerName::parse(printed.as_bytes()), Ok(name.clone()));
    let native = name.with_triple(None).to_string();
    let again = CompilerName::parse(native.as_bytes()).expect("the native name parses");
    assert_eq!((again.tool, again.version), (name.tool, name.version));
}

/// Arguments, one per line: the scanner accounts for every word once and in order, and the check
/// of a client's arguments refuses what it must whatever stands around it.
#[allow(dead_code)]
pub fn args(data: &[u8]) {
    let words: Vec<OsString> = data
        .split(|&b| b == b'\n')
        .map(|w| OsStr::from_bytes(w).to_owned())
        .collect();
    let mut next = 0;
    for arg in scan(&words) {
        assert_eq!(arg.index, next, "no word is skipped or read twice");
        assert!(matches!(arg.words, 1 | 2));
        if arg.words == 2 {
            assert!(matches!(arg.kind, Kind::Valued(_, Some(_))));
        }
        next += arg.words;
    }
    assert_eq!(next, words.len(), "every word is read");
    let cwd = Path::new("/nonexistent/tmp");
    for tool in [Tool::Gcc, Tool::Clang] {
        let found = hostile(tool, &words, &Job::find(&words, cwd));
        if let Some(found) = &found {
            assert!(found.option.len() <= 300, "a short name");
            assert!(!found.to_string().chars().any(char::is_control));
        }
        // Nothing that stands before or behind hides these.
        for bad in ["-fplugin=x.so", "-wrapper", "--plugin=x", "@x", "-specs=x"] {
            for at in [0, words.len() / 2, words.len()] {
                let mut more = words.clone();
                more.insert(at, bad.into());
                let job = Job::find(&more, cwd);
                assert!(hostile(tool, &more, &job).is_some(), "{bad} at {at}");
            }
        }
    }
}

/// Objects: an input that is split in two is read, reduced and compared both ways. What can be
/// read agrees with itself, and its words fit into a rules file and are read back.
#[allow(dead_code)]
pub fn elf(data: &[u8]) {
    assert_eq!(compare(data, data), Ok(Comparison::Identical));
    let (left, right) = data.split_at(data.len() / 2);
    for part in [data, left, right] {
        let facts = Facts::read(part);
        assert_eq!(facts.is_ok(), digest(part).is_ok(), "one reader");
        let Ok(facts) = facts else { continue };
        assert!(facts.differences(&facts).is_empty(), "agrees with itself");
        let words = facts.to_words();
        assert!(!words.contains(['\n', '#', '"']), "{words}");
        let back = Facts::from_words(words.split(' ')).expect("its own words");
        assert_eq!(back.to_words(), words);
    }
    // Another object with the same beginning: what compares as equivalent hashes the same.
    let mut other = data.to_vec();
    other.push(0);
    if let (Ok(a), Ok(b)) = (digest(data), digest(&other)) {
        let same = !matches!(compare(data, &other), Ok(Comparison::Different(_)));
        assert_eq!(same, a == b);
    }
}
