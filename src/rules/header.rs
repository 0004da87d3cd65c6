//! Section headers: a request pattern, then conditions.

use super::error::Fault;
use super::keys;
use super::parse::{found, has_any, without_comment, Found, PROGRAM};
use super::reference::Condition;
use super::section::{Conditions, Section, NO_CONDITIONS};
use super::Place;
use crate::compiler::name::Tool;

/// Reads a header; the section's start is counted from the line's, and its conditions are not in any
/// list yet. The keys of a section whose header has a fault are checked, but belong to none.
pub(super) fn read(
    line: &str,
    start: usize,
    number: u32,
) -> Result<(&str, Section, Option<Conditions<'_>>), Found> {
    let text = without_comment(line).map_err(|at| found(at, Fault::OpenQuote))?;
    let header = text[start + 1..].trim_ascii_end().strip_suffix(']');
    let header = header.ok_or_else(|| found(text.trim_ascii_end().len(), Fault::OpenSection))?;
    let offset = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
    let mut words = header.split_ascii_whitespace();
    let pattern = words
        .next()
        .ok_or_else(|| found(start, Fault::EmptySection))?;
    let allowed = |b: u8| keys::in_triple(b) | matches!(b, b'*' | b'?' | b'[' | b']' | b'!');
    // Most are a triple, and nothing else need be asked.
    let glob = !keys::is_triple(pattern);
    if glob {
        if has_any(pattern.as_bytes(), |b| !allowed(b)) {
            return Err(found(offset(pattern), Fault::BadPattern(pattern.into())));
        }
        keys::check_glob(pattern).map_err(|f| found(offset(pattern), f))?;
    }
    let mut conditions: Option<Conditions> = None;
    if let (PROGRAM, Some(word)) = (pattern, words.clone().next()) {
        return Err(found(offset(word), Fault::NoConditions));
    }
    while let Some(word) = words.next() {
        conditions
            .get_or_insert_default()
            .take(word, &mut words)
            .map_err(|f| found(offset(word), f))?;
    }
    let header = header.trim_ascii();
    let section = Section {
        start: offset(header) as u32,
        header: header.len() as u32,
        pattern: pattern.len() as u32,
        line: number,
        conditions: NO_CONDITIONS,
        glob,
    };
    Ok((pattern, section, conditions))
}

impl<'a> Conditions<'a> {
    fn take(
        &mut self,
        word: &'a str,
        words: &mut dyn Iterator<Item = &'a str>,
    ) -> Result<(), Fault> {
        let condition = Condition::parse(word)?;
        let slot = match condition {
            Condition::Direct | Condition::Helper => {
                let place = match condition {
                    Condition::Direct => Place::Direct,
                    _ => Place::Helper,
                };
                return match self.place.replace(place) {
                    Some(_) => Err(Fault::ConditionTwice("direct or helper")),
                    None => Ok(()),
                };
            }
            Condition::From => {
                let value = words.next().ok_or(Fault::ConditionValue("from"))?;
                let network = keys::network(value).ok_or(Fault::BadAddress(value.into()))?;
                return match self.from.replace(network) {
                    Some(_) => Err(Fault::ConditionTwice("from")),
                    None => Ok(()),
                };
            }
            Condition::Tool => &mut self.tool,
            Condition::Kernel => &mut self.kernel,
            Condition::Source => &mut self.source,
        };
        let name = condition.word();
        let value = words.next().ok_or(Fault::ConditionValue(name))?;
        keys::check_glob(value)?;
        // A name that no tool has would never hold, and nobody would notice.
        if condition == Condition::Tool && !keys::is_glob(value) && Tool::parse(value).is_none() {
            return Err(Fault::UnknownTool(value.into()));
        }
        match slot.replace(value) {
            Some(_) => Err(Fault::ConditionTwice(name)),
            None => Ok(()),
        }
    }
}
