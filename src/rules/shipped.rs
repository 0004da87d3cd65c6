//! The rules of `rules.d/`, which every call needs: they are part of the program, and where their
//! sections are is found when it is built. Reading them would be the largest part of a start.

use std::path::Path;

use super::load::Text;
use super::section::{Conditions, Parsed, Section};

/// A file of `rules.d/`.
#[derive(Debug)]
pub struct Shipped {
    /// Its name without a directory: a file of that name in a rules directory replaces it.
    pub name: &'static str,
    /// How messages name a line of it.
    path: &'static str,
    /// Its text.
    pub bytes: &'static [u8],
    sections: &'static [Section],
    conditions: &'static [Conditions<'static>],
}

// FILES: written by build.rs.
include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Whether a file that a setting comes from is a shipped one.
pub fn is_path(file: &Path) -> bool {
    FILES.iter().any(|f| Path::new(f.path) == file)
}

impl Shipped {
    /// As if it had been read.
    pub(super) fn text(&'static self) -> Text {
        Text {
            path: Path::new(self.path).into(),
            bytes: self.bytes.into(),
            first: 1,
            shipped: Some(self),
        }
    }

    /// As if it had been parsed.
    pub(super) fn parsed(&self) -> Parsed<'static> {
        Parsed::known(self.bytes, self.sections, self.conditions)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::parse;
    use super::*;

    #[test]
    fn what_was_found_when_the_program_was_built_is_what_the_parser_finds() {
        assert!(FILES.len() >= 5);
        assert!(FILES.is_sorted_by_key(|f| f.name));
        for file in FILES {
            let parsed = parse(file.bytes, &mut |at| panic!("{}: {at:?}", file.name));
            assert!(!parsed.sections().is_empty(), "{}", file.name);
            assert_eq!(parsed.sections(), file.sections, "{}", file.name);
            for section in parsed.sections() {
                let known = file.parsed();
                assert_eq!(parsed.conditions(section), known.conditions(section));
                assert_eq!(parsed.header(section), known.header(section));
            }
        }
    }
}
