//! Two objects of one source, section by section.

use std::fmt;

use super::canonical::{lossy, parts, role, Line, Part, Role};
use super::raw::{Raw, Unreadable};

/// How two objects compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Byte for byte the same file.
    Identical,
    /// The same code, data, relocations and symbols; only what names the compiler's package,
    /// the build or the place differs. The names of those sections.
    Equivalent(Vec<String>),
    /// Something that ends up in the program differs; this is the first.
    Different(FirstDifference),
}

/// Where two objects first differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstDifference {
    /// The section, or `ELF header`, `symbols`.
    pub section: String,
    /// The offset in the section, where there is one.
    pub offset: Option<u64>,
    /// What differs there, wanted against offered.
    pub words: String,
}

impl fmt::Display for FirstDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.section)?;
        if let Some(offset) = self.offset {
            write!(f, "+{offset:#x}")?;
        }
        write!(f, ": {}", self.words)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Comparison::Identical => f.write_str("identical"),
            Comparison::Equivalent(sections) if sections.is_empty() => {
                f.write_str("equivalent (only the layout of the file differs)")
            }
            Comparison::Equivalent(sections) => {
                write!(f, "equivalent (only {} differ)", sections.join(", "))
            }
            Comparison::Different(first) => write!(f, "different: {first}"),
        }
    }
}

/// Compares two objects: `wanted` is the client's own, `offered` what came instead.
///
/// # Errors
/// One of them is no ELF file, or a broken one (and they are not the same bytes).
pub fn compare(wanted: &[u8], offered: &[u8]) -> Result<Comparison, Unreadable> {
    if wanted == offered {
        return Ok(Comparison::Identical);
    }
    let (wanted, offered) = (Raw::parse(wanted)?, Raw::parse(offered)?);
    if let Some(first) = first_difference(&parts(&wanted), &parts(&offered)) {
        return Ok(Comparison::Different(first));
    }
    Ok(Comparison::Equivalent(asides(&wanted, &offered)))
}

fn first_difference(wanted: &[Part], offered: &[Part]) -> Option<FirstDifference> {
    // A section that only one side has says more than all that follows from it.
    let missing = |from: &[Part], other: &[Part], words: &str| {
        from.iter()
            .find(|part| !other.iter().any(|o| o.name == part.name))
            .map(|part| FirstDifference {
                section: part.name.clone(),
                offset: None,
                words: words.to_string(),
            })
    };
    // The header first: nothing else means much if that differs.
    if let (Some(w), Some(o)) = (wanted.first(), offered.first()) {
        if let Some(first) = part_difference(w, o) {
            return Some(first);
        }
    }
    // Code and data before the tables that follow from them; groups stand first in the file.
    let (data, tables): (Vec<&Part>, Vec<&Part>) =
        wanted.iter().partition(|part| !part.content.is_empty());
    for w in data.into_iter().chain(tables) {
        let mut same_name = offered.iter().filter(|o| o.name == w.name);
        let nth = wanted
            .iter()
            .take_while(|p| !std::ptr::eq(*p, w))
            .filter(|p| p.name == w.name)
            .count();
        if let Some(o) = same_name.nth(nth) {
            if let Some(first) = part_difference(w, o) {
                return Some(first);
            }
        }
    }
    missing(wanted, offered, "present against missing")
        .or_else(|| missing(offered, wanted, "missing against present"))
        .or_else(|| {
            (wanted != offered).then(|| FirstDifference {
                section: super::flags::HEADER.to_string(),
                offset: None,
                words: format!(
                    "{} sections against {}, or in another order",
                    wanted.len(),
                    offered.len()
                ),
            })
        })
}

fn part_difference(wanted: &Part, offered: &Part) -> Option<FirstDifference> {
    if wanted == offered {
        return None;
    }
    let at = |offset, words| {
        Some(FirstDifference {
            section: wanted.name.clone(),
            offset,
            words,
        })
    };
    for (offset, (w, o)) in (0..).zip(wanted.content.iter().zip(&offered.content)) {
        if w != o {
            let rest = |content: &[u8]| {
                content
                    .iter()
                    .skip(usize::try_from(offset).unwrap_or(usize::MAX))
                    .take(4)
                    .map(|b| format!("{b:02x}"))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            let mut words = format!(
                "{} against {}",
                rest(&wanted.content),
                rest(&offered.content)
            );
            if wanted.content.len() != offered.content.len() {
                words += &format!(
                    " ({} bytes against {})",
                    wanted.content.len(),
                    offered.content.len()
                );
            }
            return at(Some(offset), words);
        }
    }
    if wanted.content.len() != offered.content.len() {
        let words = format!(
            "{} bytes against {}",
            wanted.content.len(),
            offered.content.len()
        );
        let end = wanted.content.len().min(offered.content.len());
        return at(u64::try_from(end).ok(), words);
    }
    let mut pairs = wanted.lines.iter().zip(&offered.lines);
    // Numbers of symbols shift with each one that is added: a different name says more.
    if let Some((w, o)) = pairs.find(|(w, o)| w.text != o.text || w.symbol != o.symbol) {
        return at(w.offset, format!("{} against {}", line(w), line(o)));
    }
    if wanted.lines.len() != offered.lines.len() {
        let words = format!(
            "{} entries against {}",
            wanted.lines.len(),
            offered.lines.len()
        );
        return at(None, words);
    }
    at(None, format!("{} against {}", wanted.shape, offered.shape))
}

fn line(line: &Line) -> String {
    if line.symbol.is_empty() {
        line.text.clone()
    } else {
        format!("{} ({})", line.text, line.symbol)
    }
}

/// The sections that do not count and differ.
fn asides(wanted: &Raw<'_>, offered: &Raw<'_>) -> Vec<String> {
    let list = |raw: &Raw<'_>| -> Vec<(String, Vec<u8>)> {
        raw.sections
            .iter()
            .filter(|s| role(raw, s) == Role::Aside)
            .map(|s| (lossy(s.name), s.data.to_vec()))
            .collect()
    };
    let (wanted, offered) = (list(wanted), list(offered));
    let mut names: Vec<String> = Vec::new();
    for (from, other) in [(&wanted, &offered), (&offered, &wanted)] {
        for entry in from {
            if !other.contains(entry) && !names.contains(&entry.0) {
                names.push(entry.0.clone());
            }
        }
    }
    names
}
