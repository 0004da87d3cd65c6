//! The words of texts that users read: messages, help, man pages and documents. English that reads like a
//! translation is hard for those who read it in a hurry.

use std::fs;
use std::path::{Path, PathBuf};

/// What is not written, and what is written instead.
const EXCLUDED: &[(&str, &str)] = &[
    ("is no", "is not a"),
    ("are no", "are not"),
    ("stands twice", "appears twice"),
    ("stands in", "is in"),
    ("stands there", "is there"),
    ("stood", "was"),
    ("mend", "fix"),
    ("mends", "fixes"),
    ("told", "say what tells it, or: set, given, stated"),
    ("to be had", "available"),
    ("cannot be had", "is not available"),
    ("by itself", "leave it out"),
    ("of its own", "its own, or leave it out"),
    ("of their own", "their own, or leave it out"),
    ("whoever", "the user who"),
    ("told apart", "does not say which"),
    ("does not agree with", "contradicts"),
];

/// What may follow or precede them: "there is no rule", "is no longer".
const ALLOWED: &[&str] = &[
    "there is no",
    "there are no",
    "is no longer",
    "are no longer",
];

fn files(dir: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

/// The texts of a source file that users may read: string literals and the comments that clap shows as
/// help, line by line; what is between braces is the program's. Tests at the file's end are left out.
fn texts(source: &str, is_command: bool) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for line in source.lines() {
        let trimmed = line.trim_start();
        if let Some(help) = trimmed.strip_prefix("/// ") {
            // Fields of the command line are indented.
            if is_command && line.starts_with(' ') {
                found.push(help.to_owned());
            }
            continue;
        }
        if trimmed.starts_with("//") {
            continue;
        }
        let quoted: String = trimmed.split('"').skip(1).step_by(2).collect();
        let mut depth = 0;
        let text = quoted.chars().filter(|c| {
            depth += i32::from(*c == '{');
            let shown = depth == 0;
            depth -= i32::from(*c == '}');
            shown
        });
        found.push(text.collect());
    }
    found
}

/// The excluded words in a text, each between two characters that belong to no word.
fn excluded(text: &str) -> Vec<&'static str> {
    let mut lower = text.to_lowercase();
    for allowed in ALLOWED {
        lower = lower.replace(allowed, "");
    }
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let words = EXCLUDED.iter().map(|(word, _)| *word);
    let found = words.filter(|word| {
        lower.match_indices(word).any(|(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + word.len()..].chars().next();
            !is_word(before) && !is_word(after)
        })
    });
    found.collect()
}

#[test]
fn texts_for_users_are_plain_english() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    let mut look = |path: &Path, lines: Vec<String>| {
        for (number, line) in lines.iter().enumerate() {
            for word in excluded(line) {
                let (_, instead) = EXCLUDED.iter().find(|(w, _)| *w == word).unwrap();
                faults.push(format!(
                    "{} (text {}): \"{word}\" ({instead}): {line}",
                    path.display(),
                    number + 1
                ));
            }
        }
    };
    let mut sources = Vec::new();
    files(&project.join("src"), ".rs", &mut sources);
    assert!(sources.len() > 50);
    for path in sources {
        let source = fs::read_to_string(&path).unwrap();
        let is_command = path.starts_with(project.join("src/cli"));
        look(&path, texts(&source, is_command));
    }
    let mut pages = Vec::new();
    files(&project.join("docs"), ".md", &mut pages);
    assert!(pages.len() > 10);
    for name in [
        "README.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ] {
        pages.push(project.join(name));
    }
    pages.push(project.join("packaging/README.md"));
    for path in pages {
        let page = fs::read_to_string(&path).unwrap();
        look(&path, page.lines().map(str::to_owned).collect());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn excluded_words_are_seen_and_others_are_not() {
    assert_eq!(excluded("'x' is no triple"), ["is no"]);
    assert_eq!(excluded("Mend it: type"), ["mend"]);
    assert!(excluded("there is no rule; it is no longer used; is not; recommended").is_empty());
    assert!(excluded("a stand-in stands for it").is_empty());
    let source = "    /// told\n    // told\n    f(\"told {told}\");\n#[cfg(test)]\n\"told\"";
    assert_eq!(texts(source, true), ["told", "told "]);
    assert_eq!(texts(source, false), ["told "]);
}
