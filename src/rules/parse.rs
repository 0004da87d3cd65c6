//! The text of a rules file: checked whole, indexed without copying.
//!
//! Every compile reads every file, so nothing is allocated for a section or key that does not
//! apply: values stay slices of the text, are checked here, and are split and unquoted only when
//! they are merged.

use std::ops::Range;

use ipnet::IpNet;

use super::error::Fault;
use super::keys::{self, Key};
use super::Place;
use crate::name::Tool;

/// The longest line, in bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// A checked file.
#[derive(Clone, Debug, Default)]
pub struct Parsed<'a> {
    pub sections: Vec<Section<'a>>,
    entries: Vec<Entry<'a>>,
}

impl<'a> Parsed<'a> {
    /// The keys of a section of this file, in order.
    pub fn entries(&self, section: &Section<'a>) -> &[Entry<'a>] {
        let Range { start, end } = section.entries;
        &self.entries[start as usize..end as usize]
    }
}

/// A section: a request pattern and conditions.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    /// A glob over triples, or the word `native`.
    pub pattern: &'a str,
    pub conditions: Conditions<'a>,
    /// The header's line, from 1.
    pub line: u32,
    /// The header's text between the brackets.
    pub header: &'a str,
    entries: Range<u32>,
}

/// A section's conditions; all must hold.
#[derive(Clone, Debug, Default)]
pub struct Conditions<'a> {
    pub tool: Option<&'a str>,
    /// `direct` or `helper`.
    pub place: Option<Place>,
    pub from: Option<IpNet>,
    pub kernel: Option<&'a str>,
    pub source: Option<&'a str>,
}

/// `KEY = VALUE` or `KEY += VALUE`.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    pub key: Key,
    /// The NAME of `tool.NAME`; else empty.
    pub name: &'a str,
    /// `+=`.
    pub adds: bool,
    /// The value as written, without its comment.
    pub value: &'a str,
    pub line: u32,
}

/// Where in the text a fault stands, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub line: u32,
    pub column: u32,
    pub fault: Fault,
}

/// Parses a file's text. Faults are handed to `fault`, which says whether to go on.
pub fn parse<'a>(text: &'a [u8], fault: &mut dyn FnMut(At) -> bool) -> Parsed<'a> {
    let mut parser = Parser {
        parsed: Parsed::default(),
        within: Within::BeforeSections,
        seen: 0,
        names: Vec::new(),
    };
    // Some editors begin every text with a byte order mark.
    let mut rest = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut number = 0;
    while !rest.is_empty() {
        let end = crate::sys::find_byte(b'\n', rest).unwrap_or(rest.len());
        let line = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        number += 1;
        if let Err((column, found)) = parser.line(line, number) {
            let at = At {
                line: number,
                column: u32::try_from(column + 1).unwrap_or(u32::MAX),
                fault: found,
            };
            if !fault(at) {
                break;
            }
        }
    }
    parser.parsed
}

/// What the line being read belongs to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    BeforeSections,
    Section,
    /// A section with a fault in its header. It is kept out of the index, and its keys with it:
    /// they must not fall to the section before.
    FaultySection,
}

struct Parser<'a> {
    parsed: Parsed<'a>,
    within: Within,
    /// One bit per key of the section being read.
    seen: u32,
    /// The NAMEs of `tool.NAME` in the section being read.
    names: Vec<&'a str>,
}

/// A fault and the byte of the line at which it stands.
type Found = (usize, Fault);

impl<'a> Parser<'a> {
    fn line(&mut self, line: &'a [u8], number: u32) -> Result<(), Found> {
        if line.len() > LINE_MAX {
            return Err((0, Fault::LongLine));
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if let Some(at) = line
            .iter()
            .position(|&b| (b < b' ' && b != b'\t') || b == 0x7f)
        {
            return Err((at, Fault::Control));
        }
        let line = std::str::from_utf8(line).map_err(|e| (e.valid_up_to(), Fault::NotText))?;
        let start = line.len() - line.trim_ascii_start().len();
        match line.as_bytes().get(start) {
            None | Some(b'#') => Ok(()),
            Some(b'[') => self.section(line, start, number),
            Some(_) => self.entry(line, start, number),
        }
    }

    fn section(&mut self, line: &'a str, start: usize, number: u32) -> Result<(), Found> {
        self.within = Within::FaultySection;
        self.seen = 0;
        self.names.clear();
        let entries = u32::try_from(self.parsed.entries.len()).unwrap_or(u32::MAX);
        let text = without_comment(line).map_err(|at| (at, Fault::OpenQuote))?;
        let header = text[start + 1..].trim_ascii_end().strip_suffix(']');
        let header = header.ok_or((text.trim_ascii_end().len(), Fault::OpenSection))?;
        let offset = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
        let mut words = header.split_ascii_whitespace();
        let pattern = words.next().ok_or((start, Fault::EmptySection))?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.+-*?[]!".contains(c);
        if !pattern.chars().all(allowed) {
            return Err((offset(pattern), Fault::BadPattern(pattern.into())));
        }
        keys::check_glob(pattern).map_err(|f| (offset(pattern), f))?;
        let mut conditions = Conditions::default();
        while let Some(word) = words.next() {
            conditions
                .take(word, &mut words)
                .map_err(|f| (offset(word), f))?;
        }
        self.parsed.sections.push(Section {
            pattern,
            conditions,
            line: number,
            header,
            entries: entries..entries,
        });
        self.within = Within::Section;
        Ok(())
    }

    fn entry(&mut self, line: &'a str, start: usize, number: u32) -> Result<(), Found> {
        let equals = line.find('=').ok_or((start, Fault::Unknown))?;
        let adds = line[..equals].ends_with('+');
        let written = line[start..equals - usize::from(adds)].trim_ascii();
        let (key, name) = Key::parse(written).map_err(|f| (start, f))?;
        if self.within == Within::BeforeSections {
            return Err((start, Fault::NoSection));
        }
        let bit = 1u32 << key as u32;
        let twice = match key {
            Key::Tool => self.names.contains(&name),
            _ => self.seen & bit != 0,
        };
        if twice {
            return Err((start, Fault::KeyTwice(written.into())));
        }
        if adds && !key.is_list() {
            return Err((start, Fault::NotAList(written.into())));
        }
        let value = without_comment(line).map_err(|at| (at, Fault::OpenQuote))?;
        let value = value.get(equals + 1..).unwrap_or_default();
        let lead = value.len() - value.trim_ascii_start().len();
        let value = value.trim_ascii();
        key.check(written, value)
            .map_err(|f| (equals + 1 + lead, f))?;
        self.seen |= bit;
        if key == Key::Tool {
            self.names.push(name);
        }
        if let (Within::Section, Some(section)) = (self.within, self.parsed.sections.last_mut()) {
            self.parsed.entries.push(Entry {
                key,
                name,
                adds,
                value,
                line: number,
            });
            section.entries.end = u32::try_from(self.parsed.entries.len()).unwrap_or(u32::MAX);
        }
        Ok(())
    }
}

impl<'a> Conditions<'a> {
    fn take(
        &mut self,
        word: &'a str,
        words: &mut dyn Iterator<Item = &'a str>,
    ) -> Result<(), Fault> {
        let (slot, name) = match word {
            "direct" | "helper" => {
                let place = if word == "direct" {
                    Place::Direct
                } else {
                    Place::Helper
                };
                return match self.place.replace(place) {
                    Some(_) => Err(Fault::ConditionTwice("direct or helper")),
                    None => Ok(()),
                };
            }
            "from" => {
                let value = words.next().ok_or(Fault::ConditionValue("from"))?;
                let network = keys::network(value).ok_or(Fault::BadAddress(value.into()))?;
                return match self.from.replace(network) {
                    Some(_) => Err(Fault::ConditionTwice("from")),
                    None => Ok(()),
                };
            }
            "tool" => (&mut self.tool, "tool"),
            "kernel" => (&mut self.kernel, "kernel"),
            "source" => (&mut self.source, "source"),
            _ => return Err(Fault::UnknownCondition(word.into())),
        };
        let value = words.next().ok_or(Fault::ConditionValue(name))?;
        keys::check_glob(value)?;
        // A name that no tool has would never hold, and nobody would notice.
        if name == "tool" && !keys::is_glob(value) && Tool::parse(value).is_none() {
            return Err(Fault::UnknownTool(value.into()));
        }
        match slot.replace(value) {
            Some(_) => Err(Fault::ConditionTwice(name)),
            None => Ok(()),
        }
    }
}

/// The line without its trailing comment: from a `#` that follows a blank, outside quotes. The
/// error is the place of a quote that is not closed.
fn without_comment(line: &str) -> Result<&str, usize> {
    let bytes = line.as_bytes();
    if !bytes.iter().any(|b| matches!(b, b'#' | b'"' | b'\'')) {
        return Ok(line);
    }
    let mut quote: Option<(u8, usize)> = None;
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        match (quote, b) {
            (Some((b'"', _)), b'\\') => at += 1,
            (Some((open, _)), _) if b == open => quote = None,
            (Some(_), _) => {}
            (None, b'\'') if at > 0 && bytes[at - 1].is_ascii_alphanumeric() => {}
            (None, b'"' | b'\'') => quote = Some((b, at)),
            (None, b'#') if at > 0 && bytes[at - 1].is_ascii_whitespace() => {
                return Ok(&line[..at]);
            }
            (None, _) => {}
        }
        at += 1;
    }
    match quote {
        Some((_, at)) => Err(at),
        None => Ok(line),
    }
}

/// A value's words: separated by blanks; quotes of either kind keep blanks and `#`, and a
/// backslash inside double quotes keeps the next character. An apostrophe inside a word is no quote.
pub fn words(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = value.chars();
    let mut before = ' ';
    while let Some(c) = chars.next() {
        let inside = std::mem::replace(&mut before, c).is_ascii_alphanumeric();
        match (quote, c) {
            (Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (Some(open), _) if c == open => quote = None,
            (Some(_), _) => word.get_or_insert_default().push(c),
            (None, '\'') if inside => word.get_or_insert_default().push(c),
            (None, '"' | '\'') => {
                quote = Some(c);
                // Empty quotes are an empty word.
                word.get_or_insert_default();
            }
            (None, _) if c.is_ascii_whitespace() => words.extend(word.take()),
            (None, _) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
