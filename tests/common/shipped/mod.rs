//! What the tests of the shipped rules share: the sections, and what an object must say.

use ccroute::proof::object::Facts;
use ccroute::rules::load::{load, SHIPPED};
use ccroute::rules::parse::{parse, words};
use ccroute::rules::Key;

/// The stand-ins that `packaging/setup.sh` installs.
pub const INSTALLED: &[&str] = &[
    "aarch64-linux-gnu",
    "arm-linux-gnueabi",
    "arm-linux-gnueabihf",
    "i686-linux-gnu",
    "mipsel-linux-gnu",
    "powerpc64le-linux-gnu",
    "riscv64-linux-gnu",
    "s390x-linux-gnu",
    "x86_64-linux-gnu",
];

/// A section as it stands in its file.
pub struct Section {
    pub pattern: String,
    pub kernel: Option<String>,
    pub use_: Vec<String>,
    pub names: Vec<String>,
    pub defaults: Option<Vec<String>>,
}

impl Section {
    /// The triples that clients call it by.
    pub fn names(&self) -> Vec<String> {
        match self.names.is_empty() {
            true => vec![self.pattern.clone()],
            false => self.names.clone(),
        }
    }
}

/// All sections of a text.
pub fn sections_of(text: &[u8]) -> Vec<Section> {
    let mut faults = Vec::new();
    let parsed = parse(text, &mut |at| {
        faults.push(at);
        true
    });
    assert!(faults.is_empty(), "{faults:?}");
    let list = parsed.iter().map(|section| {
        let value = |key: Key| {
            section
                .entries
                .iter()
                .find(|e| e.key == key)
                .map(|e| words(e.value))
        };
        Section {
            pattern: section.pattern.to_string(),
            kernel: section.conditions.kernel.map(str::to_owned),
            use_: value(Key::Use).unwrap_or_default(),
            names: value(Key::Names).unwrap_or_default(),
            defaults: value(Key::Defaults),
        }
    });
    list.collect()
}

pub fn shipped_texts() -> Vec<Vec<u8>> {
    let texts = load(&[SHIPPED.into()]).unwrap();
    texts.iter().map(|text| text.bytes.to_vec()).collect()
}

pub fn sections() -> Vec<Section> {
    shipped_texts()
        .iter()
        .flat_map(|t| sections_of(t))
        .collect()
}

/// Fails unless an object says every word, and none of those with a `!`.
pub fn says(facts: &Facts, words: &[&str], who: &str) {
    let text = facts.to_words();
    let all: Vec<&str> = text.split(' ').collect();
    assert_eq!(all[0], format!("elf:{}", words[0]), "{who}");
    for word in &words[1..] {
        match word.strip_prefix('!') {
            Some(absent) => assert_eq!(facts.get(absent), None, "{who}: {text}"),
            None => assert!(all.contains(word), "{who}: no {word} in {text}"),
        }
    }
}
