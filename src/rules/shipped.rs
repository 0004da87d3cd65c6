//! The rules of `rules.d/`, which are part of the program.

use std::path::Path;

use super::load::Text;

/// A file of `rules.d/`.
#[derive(Debug)]
pub struct Shipped {
    /// Its name without a directory: a file of that name in a rules directory replaces it.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

const fn shipped(name: &'static str, text: &'static str) -> Shipped {
    Shipped { name, text }
}

/// With what messages name a file: `shipped:20-gentoo.rules`.
const PREFIX: &str = "shipped:";

/// Every file, by name.
pub static FILES: &[Shipped] = &[
    shipped(
        "10-debian.rules",
        include_str!("../../rules.d/10-debian.rules"),
    ),
    shipped(
        "20-gentoo.rules",
        include_str!("../../rules.d/20-gentoo.rules"),
    ),
    shipped(
        "22-distributions.rules",
        include_str!("../../rules.d/22-distributions.rules"),
    ),
    shipped(
        "30-toolchains.rules",
        include_str!("../../rules.d/30-toolchains.rules"),
    ),
    shipped(
        "40-kernel.rules",
        include_str!("../../rules.d/40-kernel.rules"),
    ),
];

/// Whether a file that a setting comes from is a shipped one.
pub fn is_path(file: &Path) -> bool {
    let name = file.to_str().and_then(|f| f.strip_prefix(PREFIX));
    FILES.iter().any(|f| Some(f.name) == name)
}

impl Shipped {
    /// As if it had been read.
    pub(super) fn read(&'static self) -> Text {
        Text {
            path: Path::new(&format!("{PREFIX}{}", self.name)).into(),
            bytes: self.text.as_bytes().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn every_file_of_the_directory_is_there_and_right() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.d");
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| n.ends_with(".rules"))
            .collect();
        names.sort();
        assert_eq!(FILES.iter().map(|f| f.name).collect::<Vec<_>>(), names);
        for file in FILES {
            let sections = parse(file.text.as_bytes(), &mut |at| {
                panic!("{}: {at:?}", file.name)
            });
            assert!(!sections.is_empty(), "{}", file.name);
        }
    }
}
