//! What holds for any rules: laws of merging, and that no text makes the parser panic.

use crate::common::rules::{shown, text, Asked};
use ccroute::rules::load::Text;
use ccroute::rules::matching::RuleSet;

/// A deterministic generator (xorshift64), so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }
}

/// Headers, and whether each holds for [`ASKED`].
const HEADERS: &[(&str, bool)] = &[
    ("*", true),
    ("arm-*-linux", true),
    ("arm-[a-z]-linux", true),
    ("arm-x-linux", true),
    ("arm-x-linux helper", true),
    ("arm-x-linux tool gcc from 10.0.0.0/8", true),
    ("* kernel a* source b-c", true),
    ("* from 10.1.2.3", true),
    ("native", false),
    ("arm", false),
    ("*-linux-?", false),
    ("* direct", false),
    ("* tool clang", false),
    ("* from 11.0.0.0/8", false),
    ("* kernel x86", false),
    ("* source native", false),
];
const ASKED: &str = "arm-x-linux helper tool=gcc from=10.1.2.3 kernel=arm source=b-c";

/// Keys that take a list, and others, with values to choose from.
const LISTS: &[&str] = &[
    "use",
    "path",
    "names",
    "defaults",
    "flags",
    "force-flags",
    "drop-flags",
];
const SINGLES: &[(&str, &[&str])] = &[
    ("tool.cc", &["gcc", "clang"]),
    ("tool.g++", &["g++", "clang++"]),
    ("version", &["any", "major", "exact"]),
    ("as", &["a-b", "c-d", "e-f"]),
    ("send", &["distcc", "none"]),
    ("fallback", &["allow", "refuse"]),
    ("refuse", &["no", "never"]),
    ("on-refuse", &["local", "quiet"]),
    ("sandbox", &["yes", "no", "require"]),
    ("limit-cpu", &["1m", "2h"]),
    ("proof", &["00", "ff"]),
];

/// A section of different keys.
struct Sample {
    text: String,
    holds: bool,
}

fn section(dice: &mut Dice) -> Sample {
    let (header, holds) = HEADERS[dice.roll(HEADERS.len())];
    let mut text = format!("[{header}]\n");
    let mut keys: Vec<usize> = (0..LISTS.len() + SINGLES.len()).collect();
    for _ in 0..dice.roll(5) {
        match keys.swap_remove(dice.roll(keys.len())) {
            list if list < LISTS.len() => {
                let key = LISTS[list];
                let sign = dice.pick(&["=", "+="]);
                let word = match key {
                    "path" => "/opt/",
                    "use" | "names" => "t-",
                    _ => "-f",
                };
                let words: Vec<String> = (0..1 + dice.roll(3))
                    .map(|_| format!("{word}{}", dice.roll(9)))
                    .collect();
                text.push_str(&format!("{key} {sign} {}\n", words.join(" ")));
            }
            single => {
                let (key, values) = SINGLES[single - LISTS.len()];
                text.push_str(&format!("{key} = {}\n", dice.pick(values)));
            }
        }
    }
    Sample { text, holds }
}

fn sections(dice: &mut Dice) -> Vec<Sample> {
    (0..1 + dice.roll(8)).map(|_| section(dice)).collect()
}

/// What texts say together, without the lines that say it.
fn values(texts: &[String]) -> String {
    let texts: Vec<Text> = texts.iter().map(|t| text("f", t.as_str())).collect();
    let rules = RuleSet::parse(&texts).unwrap_or_else(|e| panic!("{texts:?}: {e}"));
    let settings = shown(&rules.settings(&Asked::new(ASKED)));
    let lines = settings.lines().map(|l| l.split(" @f:").next().unwrap());
    // tool.NAME stand in the order in which they were last set, which means nothing.
    let mut lines: Vec<&str> = lines.collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn joined<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> String {
    samples.into_iter().map(|s| s.text.as_str()).collect()
}

#[test]
fn merging_obeys_its_laws() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for _ in 0..500 {
        let samples = sections(&mut dice);
        let all = joined(&samples);
        let whole = values(std::slice::from_ref(&all));
        let context = || format!("{all}\n--- {whole}");

        // Where the text is cut into files changes nothing.
        let cut = dice.roll(samples.len() + 1);
        let files = [joined(&samples[..cut]), joined(&samples[cut..])];
        assert_eq!(values(&files), whole, "cut at {cut}: {}", context());

        // Sections that do not hold change nothing.
        let holding = joined(samples.iter().filter(|s| s.holds));
        assert_eq!(values(&[holding]), whole, "{}", context());

        // Each section alone in a file, among empty files.
        let mut scattered: Vec<String> = Vec::new();
        for sample in &samples {
            scattered.extend([String::new(), sample.text.clone(), "# nothing\n".into()]);
        }
        assert_eq!(values(&scattered), whole, "{}", context());

        // What is said twice holds as when said once, unless it adds.
        if !all.contains("+=") {
            assert_eq!(values(&[all.clone(), all.clone()]), whole, "{}", context());
        }

        // Line ends and blank lines mean nothing.
        let spaced = all.replace('\n', " # x\r\n\r\n");
        assert_eq!(values(&[spaced]), whole, "{}", context());

        // Values in quotes are the same values, where words are meant.
        let quoted: String = all.lines().map(quote).collect();
        assert_eq!(values(&[quoted]), whole, "{}", context());
    }
}

/// The line with each word of a list in quotes.
fn quote(line: &str) -> String {
    match line.split_once("= ") {
        Some((key, list)) if LISTS.contains(&key.trim_end_matches('+').trim()) => {
            let words: Vec<String> = list.split(' ').map(|w| format!("\"{w}\"")).collect();
            format!("{key}= {}\n", words.join(" "))
        }
        _ => format!("{line}\n"),
    }
}

/// The plainest implementation of "the later wins, key by key; += adds", for lists.
#[test]
fn lists_merge_as_the_plainest_model_says() {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    for _ in 0..500 {
        let samples = sections(&mut dice);
        let mut flags: Option<Vec<&str>> = None;
        for line in samples
            .iter()
            .filter(|s| s.holds)
            .flat_map(|s| s.text.lines())
        {
            if let Some(list) = line.strip_prefix("flags = ") {
                flags = Some(list.split(' ').collect());
            } else if let Some(list) = line.strip_prefix("flags += ") {
                flags.get_or_insert_default().extend(list.split(' '));
            }
        }
        let got = values(&[joined(&samples)]);
        let got = got.lines().find(|l| l.starts_with("flags = "));
        let want = flags.map(|f| format!("flags = {f:?}"));
        assert_eq!(got, want.as_deref(), "{}", joined(&samples));
    }
}

/// Pieces that the parser treats specially.
const PIECES: &[&str] = &[
    "[",
    "]",
    "[*]",
    "[native from ",
    "10.0.0.1",
    "/",
    "tool",
    " ",
    "\t",
    "\n",
    "\r\n",
    "=",
    "+=",
    " = ",
    "use",
    "flags",
    "tool.",
    "gcc",
    "#",
    " #",
    "'",
    "\"",
    "\\",
    "**",
    "[!",
    "-",
    "\u{e9}",
    "\u{2028}",
    "\0",
    "limit-cpu = ",
    "18446744073709551616",
    "::ffff:1.2.3.4/96",
    "path = /",
];

/// Any text: parsing ends, and says where and what in one line, or gives settings.
fn survives(bytes: &[u8]) {
    let texts = [text("f", bytes)];
    let first = RuleSet::parse(&texts).err().map(|e| e.to_string());
    let (rules, errors) = RuleSet::parse_all(&texts);
    assert_eq!(first, errors.first().map(ToString::to_string));
    let lines: Vec<&[u8]> = bytes.split(|&b| b == b'\n').collect();
    for error in &errors {
        let message = error.to_string();
        assert!(!message.contains('\n'), "{message:?}");
        let mut fields = message.splitn(4, ':').skip(1);
        let mut number = || {
            fields
                .next()
                .and_then(|f| f.parse::<usize>().ok())
                .expect(&message)
        };
        let (line, column) = (number(), number());
        assert!((1..=lines.len()).contains(&line), "{message:?}");
        assert!(
            (1..=lines[line - 1].len() + 1).contains(&column),
            "{message:?}"
        );
    }
    for asked in ["native", ASKED] {
        let _ = shown(&rules.settings(&Asked::new(asked)));
    }
    for section in rules.sections() {
        let _ = (section.names(), section.header(), section.origin());
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    for _ in 0..4_000 {
        let mut bytes = match dice.roll(2) {
            0 => joined(&sections(&mut dice)).into_bytes(),
            _ => (0..dice.roll(30))
                .flat_map(|_| dice.pick(PIECES).bytes())
                .collect(),
        };
        // Cut anywhere, and some bytes exchanged, lost or doubled.
        bytes.truncate(dice.roll(bytes.len() + 1).max(bytes.len() / 2));
        for _ in 0..dice.roll(4) {
            if bytes.is_empty() {
                break;
            }
            let at = dice.roll(bytes.len());
            match dice.roll(4) {
                0 => bytes[at] = dice.roll(256) as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, bytes[at]),
                _ => drop(bytes.splice(at..at, dice.pick(PIECES).bytes())),
            }
        }
        survives(&bytes);
    }
}

#[test]
fn every_beginning_of_the_shipped_rules_is_survived() {
    for shipped in ccroute::rules::shipped::FILES {
        for end in 0..shipped.text.len() {
            survives(&shipped.text.as_bytes()[..end]);
        }
    }
}
