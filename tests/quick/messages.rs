//! docs/troubleshooting.md has an entry for everything that the shim can say.

use std::fs;
use std::path::Path;

/// Where the shim's messages stand: their fixed words are in thiserror's attributes.
const SOURCES: &[&str] = &[
    "src/decide/refusal.rs",
    "src/compiler/name.rs",
    "src/request.rs",
    "src/os/trusted.rs",
    "src/rules/error.rs",
    "src/helper/sandbox/mod.rs",
    "src/helper/limits.rs",
    "src/abi/triple.rs",
];

fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The texts in `#[error("…")]`.
fn messages(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in source.split("#[error(").skip(1) {
        let text = part.trim_start().strip_prefix('"').unwrap_or_default();
        // None of them has a quote inside.
        found.extend(text.split('"').next().map(str::to_owned));
    }
    found
}

/// What does not differ between two messages of one kind: the text between its fields.
fn fixed(message: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0;
    for c in message.chars() {
        match c {
            '{' => {
                depth += 1;
                words.push(String::new());
            }
            '}' => depth -= 1,
            _ if depth == 0 => words.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    let words = words
        .iter()
        .map(|w| w.trim_matches(|c| " ':,)(;".contains(c)));
    words.filter(|w| w.len() > 3).map(str::to_owned).collect()
}

#[test]
fn every_message_of_the_shim_has_an_entry() {
    let page = read("docs/troubleshooting.md");
    let mut seen = 0;
    for source in SOURCES {
        let all = messages(&read(source));
        assert!(!all.is_empty(), "{source}: {all:?}");
        for message in all {
            let parts = fixed(&message);
            seen += parts.len();
            // A message that is nothing but fields has its words elsewhere.
            let there = parts.iter().any(|part| page.contains(part.as_str()));
            assert!(
                there || parts.is_empty(),
                "{source}: no entry for {message:?}"
            );
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn what_is_said_of_unsafe_and_unreadable_files_has_an_entry() {
    let page = read("docs/troubleshooting.md");
    let source = read("src/rules/load.rs");
    let reasons = source.split("unsafe_file(\"").skip(1);
    let reasons: Vec<&str> = reasons.filter_map(|r| r.split('"').next()).collect();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    for reason in reasons {
        assert!(page.contains(reason), "no entry for {reason:?}");
    }
}
