//! Real triples, under gcc's names and clang's: which compiler serves each and with which words, or that the
//! job is refused. tests/triples/matrix.tsv says what must happen; tests/full/names.rs holds the objects
//! against the same table.

use std::ffi::{OsStr, OsString};

use ccroute::decide::{decide, Outcome, Recorded, Refusal};
use ccroute::request::{Passed, Place, Request};
use ccroute::rules::load::{load, SHIPPED};
use ccroute::rules::matching::RuleSet;

use crate::golden::Fake;

/// One line of tests/triples/debian12.tsv as [`Fake`] takes it.
type Compiler = (String, Option<String>, Option<Recorded>);

fn lines(text: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = text.lines().filter(|l| !l.starts_with('#'));
    lines.map(|line| line.split('\t').collect())
}

fn debian(with_records: bool) -> Vec<Compiler> {
    let lines = lines(include_str!("../triples/debian12.tsv"));
    let compilers = lines.map(|line| {
        let [path, end, version, target, assumes] = line.try_into().unwrap();
        let recorded = Recorded {
            version: version.to_owned(),
            target: target.parse().unwrap(),
            defaults: assumes.split_ascii_whitespace().map(String::from).collect(),
        };
        let has = with_records && !version.is_empty();
        (path.into(), Some(end.into()), has.then_some(recorded))
    });
    compilers.collect()
}

/// Whether a word chooses processor, ABI or byte order. Tuning and hardening may differ in an object that is right;
/// tests/full/shipped.rs holds those against the build files.
fn chooses(word: &str) -> bool {
    const CHOOSE: &[&str] = &[
        "-march=",
        "-mcpu=",
        "-mfpu=",
        "-mfloat-abi=",
        "-mabi=",
        "-mlong-double-",
        "--target=",
        "-target",
    ];
    const WORDS: &[&str] = &[
        "-marm",
        "-mthumb",
        "-m32",
        "-m64",
        "-mx32",
        "-m31",
        "-EB",
        "-EL",
        "-mbig-endian",
        "-mlittle-endian",
        "-msoft-float",
        "-mhard-float",
        "-mesa",
        "-mzarch",
    ];
    CHOOSE.iter().any(|c| word.starts_with(c)) || WORDS.contains(&word)
}

/// The compiler's name and the words that choose, in order; the refusal's text for a refusal.
fn served(name: &str, rules: &RuleSet<'_>, facts: &Fake) -> Result<(String, Vec<String>), Refusal> {
    let words = ["-O2", "-c", "/tmp/distccd_1.i", "-o", "/tmp/distccd_1.o"].map(OsStr::new);
    let mut request =
        Request::new(OsStr::new(name), &words, false, Passed::default(), || None).unwrap();
    request.place = Place::Helper;
    let run = match decide(&request, rules, facts).outcome {
        Outcome::Run(run) => run,
        Outcome::Refuse(refused) => return Err(refused.why),
        Outcome::Send(send) => panic!("{name}: sent by {}", send.launcher.display()),
    };
    let compiler = run.compiler.file_name().unwrap().to_str().unwrap();
    let args = run.args.into_iter().map(OsString::into_string);
    let mut words: Vec<String> = args.map(Result::unwrap).filter(|w| chooses(w)).collect();
    // What the compiler assumes anyway was left out.
    let recorded = facts
        .installed
        .iter()
        .find(|c| c.0 == run.compiler.to_str().unwrap());
    let assumed = recorded
        .and_then(|c| c.2.as_ref())
        .map(|r| r.defaults.clone());
    let stated = words.len();
    words.extend(assumed.into_iter().flatten().filter(|w| chooses(w)));
    words.insert(stated, "assumes".into());
    Ok((
        compiler.strip_suffix("-gcc").unwrap_or(compiler).into(),
        words,
    ))
}

/// What is wrong with an answer, where anything is.
fn fault(
    want: Option<(&str, Vec<String>)>,
    got: Result<(String, Vec<String>), Refusal>,
) -> Option<String> {
    let (want, got) = match (want, got) {
        (None, Err(_)) => return None,
        (None, Ok((compiler, words))) => {
            return Some(format!("served by {compiler} {}", words.join(" ")))
        }
        (Some(_), Err(why)) => return Some(format!("refused: {why}")),
        (Some(want), Ok(got)) => (want, got),
    };
    let (compiler, words) = want;
    let (stated, assumed) = got
        .1
        .split_at(got.1.iter().position(|w| w == "assumes").unwrap());
    let missing = words
        .iter()
        .filter(|w| !stated.contains(w) && !assumed.contains(w));
    let added = stated.iter().filter(|w| !words.contains(w));
    let differs = got.0 != compiler || missing.count() > 0 || added.count() > 0;
    differs.then(|| {
        format!(
            "{} {}, not {compiler} {}",
            got.0,
            got.1.join(" "),
            words.join(" ")
        )
    })
}

fn every_name(with_records: bool) {
    let facts = Fake::with("x86_64-linux-gnu", debian(with_records));
    let texts = load(&[SHIPPED.into()]).unwrap();
    let rules = RuleSet::parse(&texts).unwrap();
    let words = |text: &str| {
        text.split_ascii_whitespace()
            .map(String::from)
            .collect::<Vec<_>>()
    };
    let mut names = 0;
    let mut faults = Vec::new();
    for row in lines(include_str!("../triples/matrix.tsv")) {
        let [triple, _, _, gcc, clang] = row.try_into().unwrap();
        let gcc = (gcc != "refused").then(|| {
            let (compiler, flags) = gcc.split_once(' ').unwrap_or((gcc, ""));
            (compiler, words(flags))
        });
        let clang =
            (clang != "refused").then(|| ("clang", words(&format!("--target={triple} {clang}"))));
        for (tool, want) in [("gcc", gcc), ("clang", clang)] {
            let name = format!("{triple}-{tool}");
            let fault = fault(want, served(&name, &rules, &facts));
            faults.extend(fault.map(|fault| format!("{name}: {fault}")));
            names += 1;
        }
    }
    assert!(names >= 500, "{names}");
    let list = faults.join("\n");
    assert!(
        faults.is_empty(),
        "{} of {names} names:\n{list}",
        faults.len()
    );
}

#[test]
fn every_name_is_served_by_its_compiler_or_refused() {
    every_name(false);
}

#[test]
fn records_change_nothing_of_that() {
    every_name(true);
}
