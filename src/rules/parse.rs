//! The text of a rules file: one grammar, read once from top to bottom.

use ipnet::IpNet;

use super::error::Fault;
use super::keys::{self, Key};
use super::reference::Condition;
use super::Place;
use crate::compiler::name::Tool;

/// The longest line, in bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// The pattern of the section about the program itself.
pub const PROGRAM: &str = "ccroute";

/// Some editors begin every text with a byte order mark.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// A fault and its place in the text. Line and column (in bytes) count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub line: u32,
    pub column: u32,
    pub fault: Fault,
}

/// A section: a request pattern, conditions, and keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Section<'a> {
    /// A glob over triples, the word `native`, or [`PROGRAM`].
    pub pattern: &'a str,
    /// Whether the pattern has anything that a glob interprets.
    pub glob: bool,
    /// The text between the brackets.
    pub header: &'a str,
    pub conditions: Conditions<'a>,
    /// The header's line, from 1.
    pub line: u32,
    /// In the order of the file.
    pub entries: Vec<Entry<'a>>,
}

/// A section's conditions; all must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions<'a> {
    pub tool: Option<&'a str>,
    /// `direct` or `helper`.
    pub place: Option<Place>,
    pub from: Option<IpNet>,
    pub kernel: Option<&'a str>,
    pub source: Option<&'a str>,
}

/// `KEY = VALUE` or `KEY += VALUE`, with a value that the key takes.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// A fault and the byte of the line at which it is.
type Found = (usize, Fault);

/// Parses a file's text. Faults are handed to `fault`, which says whether to go on; a line with a
/// fault is left out.
pub fn parse<'a>(text: &'a [u8], fault: &mut dyn FnMut(At) -> bool) -> Vec<Section<'a>> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    let mut sections: Vec<Section> = Vec::new();
    // The keys behind a header with a fault are checked, but belong to no section.
    let mut orphan: Option<Section> = None;
    for (index, line) in text.split(|&b| b == b'\n').enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let found = read_line(line, number, &mut sections, &mut orphan);
        let Err((column, what)) = found else { continue };
        let at = At {
            line: number,
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
            fault: what,
        };
        if !fault(at) {
            break;
        }
    }
    sections
}

fn read_line<'a>(
    line: &'a [u8],
    number: u32,
    sections: &mut Vec<Section<'a>>,
    orphan: &mut Option<Section<'a>>,
) -> Result<(), Found> {
    let line = plain_text(line)?;
    let start = line.len() - line.trim_ascii_start().len();
    match line.as_bytes().get(start) {
        None | Some(b'#') => Ok(()),
        Some(b'[') => {
            *orphan = Some(Section::default());
            sections.push(header(line, start, number)?);
            *orphan = None;
            Ok(())
        }
        Some(_) => {
            let section = orphan.as_mut().or(sections.last_mut());
            let entry = entry(line, start, number, section.as_deref())?;
            // What is not a key either is reported first.
            let section = section.ok_or((start, Fault::NoSection))?;
            section.entries.push(entry);
            Ok(())
        }
    }
}

/// A line as text, where it is plain text and not too long.
fn plain_text(line: &[u8]) -> Result<&str, Found> {
    if line.len() > LINE_MAX {
        return Err((0, Fault::LongLine));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let as_text = || std::str::from_utf8(line).map_err(|e| (e.valid_up_to(), Fault::NotText));
    let is_control = |b: &u8| b.is_ascii_control() && *b != b'\t';
    // Nearly every line has none, which is seen at once by bytes; U+0080 to U+009F begin with C2.
    let suspect = |b: &u8| is_control(b) | (*b == 0xc2);
    if !line.iter().fold(false, |any, b| any | suspect(b)) {
        return as_text();
    }
    if let Some(at) = line.iter().position(is_control) {
        return Err((at, Fault::Control));
    }
    // Beyond ASCII too: messages quote a line, and U+009B begins a terminal's commands.
    let text = as_text()?;
    match text.find(|c: char| c.is_control() && c != '\t') {
        Some(at) => Err((at, Fault::Control)),
        None => Ok(text),
    }
}

/// Reads a header, which starts at `start`.
fn header(line: &str, start: usize, number: u32) -> Result<Section<'_>, Found> {
    let text = without_comment(line)?;
    let header = text[start + 1..].trim_ascii_end().strip_suffix(']');
    let header = header.ok_or_else(|| (text.trim_ascii_end().len(), Fault::OpenSection))?;
    let offset = |part: &str| part.as_ptr() as usize - line.as_ptr() as usize;
    let mut words = header.split_ascii_whitespace();
    let pattern = words.next().ok_or((start, Fault::EmptySection))?;
    let glob = !keys::is_triple(pattern);
    if glob {
        let allowed = |b: u8| keys::in_triple(b) || b"*?[]!".contains(&b);
        if !pattern.bytes().all(allowed) {
            return Err((offset(pattern), Fault::BadPattern(pattern.into())));
        }
        keys::check_glob(pattern).map_err(|f| (offset(pattern), f))?;
    }
    let mut conditions = Conditions::default();
    while let Some(word) = words.next() {
        if pattern == PROGRAM {
            return Err((offset(word), Fault::NoConditions));
        }
        conditions
            .take(word, &mut words)
            .map_err(|f| (offset(word), f))?;
    }
    Ok(Section {
        pattern,
        glob,
        header: header.trim_ascii(),
        conditions,
        line: number,
        entries: Vec::new(),
    })
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

/// Reads `KEY = VALUE`, which starts at `start`, in a section.
fn entry<'a>(
    line: &'a str,
    start: usize,
    number: u32,
    section: Option<&Section<'_>>,
) -> Result<Entry<'a>, Found> {
    let equals = line[start..].find('=').ok_or((start, Fault::Unknown))?;
    let equals = start + equals;
    let adds = line[..equals].ends_with('+');
    let written = line[start..equals - usize::from(adds)].trim_ascii_end();
    let (key, name) = Key::parse(written).map_err(|f| (start, f))?;
    // A header with a fault has no pattern, and says nothing of its keys.
    if let Some(section) = section.filter(|s| !s.pattern.is_empty()) {
        let place = match (section.pattern == PROGRAM, key.is_programs()) {
            (false, true) => Some("belongs into [ccroute]"),
            (true, false) => Some("says nothing in [ccroute]"),
            _ => None,
        };
        if let Some(place) = place {
            return Err((start, Fault::WrongSection(written.into(), place)));
        }
    }
    let same = |e: &Entry<'_>| (e.key, e.name) == (key, name);
    if section.is_some_and(|s| s.entries.iter().any(same)) {
        return Err((start, Fault::KeyTwice(written.into())));
    }
    if adds && !key.is_list() {
        return Err((start, Fault::NotAList(written.into())));
    }
    let value = without_comment(line)?.get(equals + 1..).unwrap_or_default();
    let lead = value.len() - value.trim_ascii_start().len();
    let value = value.trim_ascii();
    key.check(written, value)
        .map_err(|f| (equals + 1 + lead, f))?;
    Ok(Entry {
        key,
        name,
        adds,
        value,
        line: number,
    })
}

/// The line without its trailing comment: from a `#` that follows a blank, outside quotes.
fn without_comment(line: &str) -> Result<&str, Found> {
    let bytes = line.as_bytes();
    let special = |b: &u8| matches!(b, b'#' | b'"' | b'\'');
    if !bytes.iter().fold(false, |any, b| any | special(b)) {
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
        Some((_, at)) => Err((at, Fault::OpenQuote)),
        None => Ok(line),
    }
}

/// A value's words: separated by blanks; quotes of either kind keep blanks and `#`, and a
/// backslash inside double quotes keeps the next character. An apostrophe inside a word is no quote.
pub fn words(value: &str) -> Vec<String> {
    if !value.bytes().any(|b| matches!(b, b'"' | b'\'')) {
        return value.split_ascii_whitespace().map(str::to_owned).collect();
    }
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
