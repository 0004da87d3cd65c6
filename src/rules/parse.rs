//! The text of a rules file: checked whole, indexed without copying.
//!
//! Every compile reads every file, and few sections apply. So the check keeps of each section only
//! where it stands; its keys are read again, by the same code, where it applies.

use super::error::Fault;
use super::keys::{self, Key};
use super::reference::Condition;
use super::section::{Conditions, Entry, Parsed, Section, NO_CONDITIONS};
use super::Place;
use crate::name::Tool;

/// The longest line, in bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// The pattern of the section about the program itself.
pub const PROGRAM: &str = "ccroute";

/// Where in the text a fault stands, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub line: u32,
    pub column: u32,
    pub fault: Fault,
}

/// Parses a file's text. Faults are handed to `fault`, which says whether to go on.
pub fn parse<'a>(text: &'a [u8], fault: &mut dyn FnMut(At) -> bool) -> Parsed<'a> {
    // Some editors begin every text with a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // Nearly every file is plain throughout, which is quicker to see for all of it at once.
    let odd = |b| (is_control(b) & (b != b'\n')) | (b == C1);
    let whole = match has_any(text, odd) {
        true => None,
        false => std::str::from_utf8(text).ok(),
    };
    let mut parser = Parser::default();
    for line in Lines::new(text, 1) {
        let (start, number) = (line.start, line.number);
        let range = start..line.end;
        let read = match whole.and_then(|t| t.get(range.clone())) {
            Some(line) if range.len() <= LINE_MAX => Ok(line),
            _ => plain(&text[range]),
        };
        let read = read.and_then(|line| parser.line(line, start, number));
        if let Err(found) = read {
            let (column, fault_found) = *found;
            let at = At {
                line: number,
                column: u32::try_from(column + 1).unwrap_or(u32::MAX),
                fault: fault_found,
            };
            if !fault(at) {
                break;
            }
        }
    }
    Parsed::found(text, parser.sections, parser.conditions)
}

/// The keys that stand in `text` before the next section, whose first line is `number`, of a section
/// with this pattern. Lines with a fault are passed over.
pub(super) fn entries<'a>(
    text: &'a [u8],
    pattern: &str,
    number: u32,
) -> impl Iterator<Item = Entry<'a>> {
    let mut keys = Keys::of(pattern);
    Lines::new(text, number)
        .map_while(move |line| {
            let bytes = text.get(line.start..line.end)?;
            let first = bytes.trim_ascii_start().first();
            (first != Some(&b'[')).then_some((bytes, line.number))
        })
        .filter_map(move |(bytes, number)| {
            let line = plain(bytes).ok()?;
            match start_of(line) {
                (_, None | Some(b'#')) => None,
                (start, Some(_)) => keys.read(line, start, number).ok(),
            }
        })
}

/// A line's place in a text, without its end.
struct Line {
    start: usize,
    end: usize,
    number: u32,
}

/// The lines of a text.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    number: u32,
}

impl<'a> Lines<'a> {
    fn new(text: &'a [u8], number: u32) -> Lines<'a> {
        Lines {
            text,
            at: 0,
            number,
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let rest = self.text.get(self.at..).filter(|r| !r.is_empty())?;
        let length = crate::sys::find_byte(b'\n', rest).unwrap_or(rest.len());
        let line = Line {
            start: self.at,
            end: self.at + length,
            number: self.number,
        };
        self.at = line.end + 1;
        self.number = self.number.saturating_add(1);
        Some(line)
    }
}

/// A fault and the byte of the line at which it stands. Boxed: it is large and rare, and most
/// lines' time would go into moving room for it about.
type Found = Box<(usize, Fault)>;

fn found(at: usize, fault: Fault) -> Found {
    Box::new((at, fault))
}

/// A line as text, where it is plain text and not too long.
fn plain(line: &[u8]) -> Result<&str, Found> {
    if line.len() > LINE_MAX {
        return Err(found(0, Fault::LongLine));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if let Some(at) = line.iter().position(|&b| is_control(b)) {
        return Err(found(at, Fault::Control));
    }
    let text = std::str::from_utf8(line).map_err(|e| found(e.valid_up_to(), Fault::NotText))?;
    // Beyond ASCII too: messages quote a line, and U+009B begins a terminal's commands.
    match text.find(|c: char| c.is_control() && c != '\t') {
        Some(at) => Err(found(at, Fault::Control)),
        None => Ok(text),
    }
}

/// The first byte, in UTF-8, of every control character beyond ASCII (and of some that are none).
const C1: u8 = 0xc2;

fn is_control(b: u8) -> bool {
    ((b < b' ') & (b != b'\t')) | (b == 0x7f)
}

/// Whether any byte passes a test, sixteen at a time: in this form, without branches, the compiler
/// makes vector code of it, which is the larger part of the speed of reading rules.
#[inline(always)]
pub(super) fn has_any(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    const WIDTH: usize = 16;
    let any = |part: &[u8]| part.iter().fold(0, |any, &b| any | u8::from(test(b))) != 0;
    let Some(last) = bytes.last_chunk::<WIDTH>() else {
        return bytes.iter().any(|&b| test(b));
    };
    // The last sixteen bytes overlap those before: cheaper than to take the rest one by one.
    bytes.chunks_exact(WIDTH).any(any) || any(last)
}

/// Where a line's text starts, and with what.
fn start_of(line: &str) -> (usize, Option<u8>) {
    let start = line.len() - line.trim_ascii_start().len();
    (start, line.as_bytes().get(start).copied())
}

/// What the line being read belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Within {
    #[default]
    BeforeSections,
    Section,
}

#[derive(Default)]
struct Parser<'a> {
    sections: Vec<Section>,
    conditions: Vec<Conditions<'a>>,
    within: Within,
    keys: Keys<'a>,
}

impl<'a> Parser<'a> {
    /// Reads a line, which starts at a byte of the text.
    fn line(&mut self, line: &'a str, at: usize, number: u32) -> Result<(), Found> {
        match start_of(line) {
            (_, None | Some(b'#')) => Ok(()),
            (start, Some(b'[')) => {
                self.within = Within::Section;
                self.keys = Keys::default();
                let (pattern, mut section, conditions) = section(line, start, number)?;
                self.keys = Keys::of(pattern);
                section.start += at as u32;
                if let Some(conditions) = conditions {
                    section.conditions = self.conditions.len() as u32;
                    self.conditions.push(conditions);
                }
                self.sections.push(section);
                Ok(())
            }
            (start, Some(_)) if self.within == Within::BeforeSections => {
                // What is no key either is told first.
                self.keys.read(line, start, number)?;
                Err(found(start, Fault::NoSection))
            }
            (start, Some(_)) => self.keys.read(line, start, number).map(drop),
        }
    }
}

/// A header's pattern, section and conditions.
type Header<'a> = (&'a str, Section, Option<Conditions<'a>>);

/// Reads a header; the section's start is counted from the line's, and its conditions are not in any
/// list yet. The keys of a section whose header has a fault are checked, but belong to none.
fn section(line: &str, start: usize, number: u32) -> Result<Header<'_>, Found> {
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

/// The keys of one section, as they are read.
#[derive(Default)]
struct Keys<'a> {
    /// Whether they are of the program's own section; `None` where the header has a fault.
    programs: Option<bool>,
    /// One bit per key seen.
    seen: u32,
    /// The NAMEs of `tool.NAME` seen.
    names: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn of(pattern: &str) -> Keys<'a> {
        Keys {
            programs: Some(pattern == PROGRAM),
            ..Keys::default()
        }
    }

    /// Reads `KEY = VALUE`, which starts at `start`.
    fn read(&mut self, line: &'a str, start: usize, number: u32) -> Result<Entry<'a>, Found> {
        let equals = line[start..].bytes().position(|b| b == b'=');
        let equals = start + equals.ok_or_else(|| found(start, Fault::Unknown))?;
        let adds = line[..equals].ends_with('+');
        let written = line[start..equals - usize::from(adds)].trim_ascii_end();
        let (key, name) = Key::parse(written).map_err(|f| found(start, f))?;
        if self.programs.is_some_and(|p| p != key.is_programs()) {
            let place = if key.is_programs() {
                "belongs into [ccroute]"
            } else {
                "says nothing in [ccroute]"
            };
            return Err(found(start, Fault::WrongSection(written.into(), place)));
        }
        let bit = 1u32 << key as u32;
        let twice = match key {
            Key::Tool => self.names.contains(&name),
            _ => self.seen & bit != 0,
        };
        if twice {
            return Err(found(start, Fault::KeyTwice(written.into())));
        }
        if adds && !key.is_list() {
            return Err(found(start, Fault::NotAList(written.into())));
        }
        let value = without_comment(line).map_err(|at| found(at, Fault::OpenQuote))?;
        let value = value.get(equals + 1..).unwrap_or_default();
        let lead = value.len() - value.trim_ascii_start().len();
        let value = value.trim_ascii();
        key.check(written, value)
            .map_err(|f| found(equals + 1 + lead, f))?;
        self.seen |= bit;
        if key == Key::Tool {
            self.names.push(name);
        }
        Ok(Entry {
            key,
            name,
            adds,
            value,
            line: number,
        })
    }
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

/// The line without its trailing comment: from a `#` that follows a blank, outside quotes. The
/// error is the place of a quote that is not closed.
fn without_comment(line: &str) -> Result<&str, usize> {
    let bytes = line.as_bytes();
    if !has_any(bytes, |b| (b == b'#') | (b == b'"') | (b == b'\'')) {
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
