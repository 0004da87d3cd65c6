//! What each fuzz target does with its input. Shared by the libFuzzer targets and by
//! `tests/fuzz_brief.rs`, which runs the same bodies on every machine.
//!
//! A body must hold for every input: it asserts laws, and otherwise only must not panic.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use ccroute::abi::triple::{Triple, TripleError};
use ccroute::abi::{verdict, Level, Property, Target};
use ccroute::compiler::name::{CompilerName, Tool};
use ccroute::helper::evidence::Evidence;
use ccroute::helper::hostile::{hostile, JobFiles};
use ccroute::options::{scan, Kind};
use ccroute::proof::object::{compare, digest, Comparison, Facts};
use ccroute::rules::load::Text;
use ccroute::rules::matching::RuleSet;
use ccroute::rules::parse::{parse, words};
use rules_common::{shown, text, Asked};

#[path = "../tests/common/rules/mod.rs"]
mod rules_common;

/// A target's name and what it does with an input.
pub type Body = (&'static str, fn(&[u8]));

/// Every target.
#[allow(dead_code)] // Each libFuzzer target uses one of them.
pub const TARGETS: &[Body] = &[
    ("names", names),
    ("args", args),
    ("elf", elf),
    ("triples", triples),
    ("rules", rules),
    ("source", source),
];

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
        assert!((1..=4).contains(&arg.words));
        if arg.words > 1 {
            assert!(matches!(arg.kind, Kind::Valued(_, Some(_))));
        }
        next += arg.words;
    }
    assert_eq!(next, words.len(), "every word is read");
    let cwd = Path::new("/nonexistent/tmp");
    for tool in [Tool::Gcc, Tool::Clang] {
        let found = hostile(tool, &words, &JobFiles::find(&words, cwd));
        if let Some(found) = &found {
            assert!(found.option.len() <= 300, "a short name");
            assert!(!found.to_string().chars().any(char::is_control));
        }
        // Nothing that stands before or behind hides these, wherever they are put.
        let at = data.len() % (words.len() + 1);
        for bad in ["-fplugin=x.so", "-wrapper", "--plugin=x", "@x", "-specs=x"] {
            let mut more = words.clone();
            more.insert(at, bad.into());
            let job = JobFiles::find(&more, cwd);
            assert!(hostile(tool, &more, &job).is_some(), "{bad} at {at}");
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

/// Triples: two names and flags, one per line. A name prints as it was written and its canonical
/// form is a fixed point; names that say the same never contradict each other; what is known of a
/// target prints and parses back, and is served by itself.
#[allow(dead_code)]
pub fn triples(data: &[u8]) {
    let Ok(all) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = all.split('\n');
    let names = [lines.next(), lines.next()].map(|n| Triple::parse(n.unwrap_or_default()));
    let flags: Vec<&str> = lines.collect();
    for (name, line) in names.iter().zip(all.split('\n')) {
        let Ok(name) = name else { continue };
        assert_eq!(name.to_string(), line.to_ascii_lowercase());
        assert_eq!(Triple::parse(&name.to_string()).as_ref(), Ok(name));
        let canonical = name.canonical();
        match Triple::parse(&canonical) {
            Ok(again) => {
                assert_eq!(again.canonical(), canonical, "a fixed point");
                assert!(name.equivalent(&again) && again.equivalent(name));
                agree(name, &again);
            }
            // What is implied, written out, may not fit any more.
            Err(error) => assert_eq!(error, TripleError::TooLong, "{line}"),
        }
        for spelling in name.spellings() {
            let other = Triple::parse(&spelling).expect("a spelling is a name");
            assert!(name.equivalent(&other), "{line} {spelling}");
            assert_ne!(other.as_str(), name.as_str(), "another spelling");
            agree(name, &other);
        }
        let target = Target::of_triple(name).refined(&flags);
        assert_eq!(target.to_string().parse(), Ok(target.clone()), "{line}");
        assert_eq!(target.refined(&[] as &[&str]), target, "nothing stated");
        assert_eq!(target.strengthened(&target), target, "surer of nothing");
        let own = verdict(&target, &target, &[] as &[&str]);
        assert!(
            own.level >= Level::Compatible || impossible(&own.differences),
            "{own:?}"
        );
    }
    if let [Ok(a), Ok(b)] = &names {
        assert_eq!(a.equivalent(b), b.equivalent(a), "{a} {b}");
        if a.equivalent(b) {
            agree(a, b);
        }
    }
}

/// Two names that say the same do not contradict each other.
fn agree(a: &Triple, b: &Triple) {
    let [x, y] = [a, b].map(Target::of_triple);
    let found = verdict(&x, &y, &[] as &[&str]);
    assert!(
        found.level >= Level::Compatible || impossible(&found.differences),
        "{a} {b}: {found:?}"
    );
}

/// What no compiler compiles (hard float without an FPU) is refused even to itself.
fn impossible(differences: &[ccroute::abi::Difference]) -> bool {
    let fatal: Vec<Property> = differences.iter().map(|d| d.property).collect();
    matches!(fatal.as_slice(), [Property::Fpu] | [Property::Mode])
}

/// Rules files: a fault says in one line where it stands; what has none comes to the same settings
/// however it is cut into files, ended, commented or followed by sections that do not hold.
#[allow(dead_code)]
pub fn rules(data: &[u8]) {
    let texts = [text("f", data)];
    let (set, errors) = RuleSet::parse_all(&texts);
    let first = RuleSet::parse(&texts).err().map(|e| e.to_string());
    assert_eq!(first, errors.first().map(ToString::to_string), "one parser");
    let lines: Vec<&[u8]> = data.split(|&b| b == b'\n').collect();
    for error in &errors {
        let message = error.to_string();
        let control = |c: char| c.is_control() && c != '\t';
        assert!(!message.contains(control), "{message:?}");
        let mut fields = message.split(':').skip(1).map(str::parse::<usize>);
        let mut number = || fields.next().and_then(Result::ok).expect("a number");
        let (line, column) = (number(), number());
        assert!((1..=lines.len()).contains(&line), "{message:?}");
        assert!(
            (1..=lines[line - 1].len() + 1).contains(&column),
            "{message:?}"
        );
    }
    for section in set.sections() {
        let _ = (section.names(), section.header(), section.origin());
    }
    if !errors.is_empty() {
        return;
    }
    let parsed = parse(data, &mut |_| true);
    for entry in parsed.iter().flat_map(|s| &s.entries) {
        let list = words(entry.value);
        let printed: Vec<String> = list.iter().map(|w| quoted(w)).collect();
        assert_eq!(words(&printed.join(" ")), list, "{printed:?}");
    }
    let whole = settings(&texts);
    let mut ended = data.to_vec();
    ended.extend_from_slice(
        b"\n# x = [\n[no-such-triple-4]\nrefuse = x\n[native from 0.0.0.1]\nas = x-y\n",
    );
    assert_eq!(
        settings(&[text("f", ended)]),
        whole,
        "what is behind does not hold"
    );
    for section in parsed.iter().take(8) {
        // Cut before this section.
        let before = lines.iter().take(section.line as usize - 1);
        let at = before.map(|line| line.len() + 1).sum::<usize>();
        let (a, b) = data.split_at(at);
        assert_eq!(
            settings(&[text("f", a), text("g", b)]),
            whole,
            "cut at {at}"
        );
    }
    if !data.windows(2).any(|w| w == b"+=") {
        let twice = [text("f", data), text("g", data)];
        assert_eq!(settings(&twice), whole, "said twice");
    }
}

/// A word as a rules file can always spell it.
fn quoted(word: &str) -> String {
    format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What texts say for some requests, without the lines that say it.
fn settings(texts: &[Text]) -> Vec<String> {
    let rules = RuleSet::parse(texts).unwrap_or_else(|e| panic!("{texts:?}: {e}"));
    let asked = [
        "native",
        "native helper from=192.168.1.20 kernel=arm source=arm-linux-gnueabihf",
        "armv6j-hardfloat-linux-gnueabi helper tool=g++ from=::1",
        "x tool=clang",
    ];
    let mut all = Vec::new();
    for words in asked {
        let shown = shown(&rules.settings(&Asked::new(words)));
        let values = shown
            .lines()
            .map(|l| l.rsplit_once(" @").map_or(l, |(v, _)| v));
        let mut values: Vec<String> = values.map(str::to_string).collect();
        // tool.NAME stand in the order in which they were last set, which means nothing.
        values.sort_unstable();
        all.extend(values);
    }
    all
}

/// Source heads: whatever they name stands in the text, in line markers; what the first lines
/// settle, later ones do not change; what the macros tell prints and parses back.
#[allow(dead_code)]
pub fn source(data: &[u8]) {
    let seen = Evidence::of_text(data);
    let holds = |part: &str| {
        data.windows(part.len().max(1))
            .any(|w| w == part.as_bytes())
    };
    if let Some(compiler) = &seen.compiler {
        assert!(holds(&compiler.version));
        assert!(compiler.triple.as_deref().is_none_or(holds));
        assert_eq!(compiler.clang, compiler.triple.is_none());
    }
    assert!(seen.multiarch.as_deref().is_none_or(holds));
    if let Some((a, b)) = &seen.conflict {
        assert!(a != b && holds(a) && holds(b));
        assert_eq!(seen.triple(), Some(a.as_str()));
    }
    if let Some(kernel) = &seen.kernel {
        assert!(holds(&format!("arch/{}/", kernel.arch)), "{}", kernel.arch);
        assert!(holds("include/linux/kconfig.h"));
    }
    if let Some(target) = seen.target() {
        assert_eq!(target.to_string().parse(), Ok(target.clone()));
    }
    // The same without the lines that are markers: only macros can be left.
    let lines = data.split_inclusive(|&b| b == b'\n');
    let code: Vec<u8> = lines
        .clone()
        .filter(|l| !l.starts_with(b"# "))
        .flatten()
        .copied()
        .collect();
    let plain = Evidence::of_text(&code);
    assert_eq!(
        (plain.triple(), &plain.compiler, &plain.kernel),
        (None, &None, &None)
    );
    // And of a beginning.
    let count = lines.clone().count();
    let head: Vec<u8> = lines.take(count / 2).flatten().copied().collect();
    let first = Evidence::of_text(&head);
    assert!(first.compiler.is_none() || first.compiler == seen.compiler);
    assert!(
        first.multiarch.is_none() || first.multiarch == seen.multiarch || seen.compiler.is_some()
    );
    assert!(first.conflict.is_none() || first.conflict == seen.conflict);
    if let (Some(a), Some(b)) = (&first.kernel, &seen.kernel) {
        assert!(a.arch == b.arch || b.arch == "um", "{} {}", a.arch, b.arch);
    }
    assert!(first.kernel.is_none() || seen.kernel.is_some());
}
