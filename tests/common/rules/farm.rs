//! A directory of rules, sections of every kind, and what they say.

use std::fs;
use std::path::PathBuf;

use ccroute::rules::load::{load, Text};
use ccroute::rules::matching::RuleSet;
use ccroute::rules::sieve::load_for;

use super::{shown, Asked};

/// A directory of one test's own.
pub struct Farm(pub PathBuf);

impl Farm {
    pub fn new(name: &str) -> Farm {
        let dir = std::env::temp_dir().join(format!("rules-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        Farm(dir)
    }

    /// Writes a file.
    pub fn write(&self, name: &str, body: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), body).unwrap();
    }

    /// All of it.
    pub fn whole(&self) -> Vec<Text> {
        load(std::slice::from_ref(&self.0)).unwrap()
    }

    /// What a request for a triple may ask for.
    pub fn wanted(&self, triple: Option<&str>) -> Vec<Text> {
        load_for(std::slice::from_ref(&self.0), triple, &|| None).unwrap()
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The nth section, of a kind that changes with it; `end` ends its lines.
pub fn section(n: usize, end: &str) -> String {
    let header = match n % 11 {
        0 => "a-x-b".into(),
        3 => format!("a-{n}-b from 10.0.{}.0/24", n % 250),
        4 => "a-?-*".into(),
        5 => "native direct".into(),
        6 => "  native tool g*  ".into(),
        7 => format!("a-{n}-*"),
        8 => "ccroute".into(),
        9 => "*".into(),
        _ => format!("a-board{n}-b"),
    };
    let body = match (n % 11, n % 3) {
        (8, _) => format!("log = /var/log/{n}\n"),
        (_, 0) => format!("# \u{e9} ['\nuse = t-{n} u # v\nflags += -f{n} '-g {n}'\n"),
        (_, 1) => format!("  use   =  t{n}\n\tpath = /opt/*/{n}\nproof=00{n}\n\n"),
        _ => format!("defaults += -O{n}\nversion = any\ntool.cc = gcc\nrefuse = n{n}\n"),
    };
    format!("[{header}]\n{body}").replace('\n', end)
}

/// So many of them.
pub fn sections(count: usize, end: &str) -> String {
    (0..count).map(|n| section(n, end)).collect()
}

/// Requests for which there are sections, and one for which there are none.
pub const ASKED: [&str; 6] = [
    "native",
    "native tool=g++",
    "a-x-b",
    "a-3-b helper from=10.0.3.9",
    "a-board21-b",
    "none-at-all under-distcc",
];

/// What texts say to a request, with the lines that say it, and of the program itself.
pub fn says(texts: &[Text], asked: &Asked) -> String {
    let rules = RuleSet::parse(texts).unwrap();
    format!("{}\n{:?}", shown(&rules.settings(asked)), rules.program())
}

/// How much was kept.
pub fn kept(texts: &[Text]) -> usize {
    texts.iter().map(|t| t.bytes.len()).sum()
}
