//! The text of a rules file: checked whole, indexed without copying.
//!
//! Every compile reads every file, and few sections apply. So the check keeps of each section only
//! where it stands; its keys are read again, by the same code, where it applies.

use super::error::Fault;
use super::header;
use super::keys::Key;
use super::quick::{last, quick, Quick};
use super::section::{Conditions, Entry, Parsed, Section, NO_CONDITIONS};
use crate::compiler::name::Tool;

/// The longest line, in bytes.
pub const LINE_MAX: usize = 64 * 1024;

/// The pattern of the section about the program itself.
pub const PROGRAM: &str = "ccroute";

/// A short section's size, in bytes.
const SECTION: usize = 64;

/// Some editors begin every text with a byte order mark.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// Where in the text a fault stands, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct At {
    pub line: u32,
    pub column: u32,
    pub fault: Fault,
}

/// Parses a file's text. Faults are handed to `fault`, which says whether to go on.
pub fn parse<'a>(text: &'a [u8], fault: &mut dyn FnMut(At) -> bool) -> Parsed<'a> {
    parse_from(text, 1, fault)
}

/// [`parse`], of a text that begins with line `first` of its file.
pub(super) fn parse_from<'a>(
    text: &'a [u8],
    first: u32,
    fault: &mut dyn FnMut(At) -> bool,
) -> Parsed<'a> {
    let text = text.strip_prefix(MARK).unwrap_or(text);
    // Room for as many as there are likely to be: what is not used costs nothing, but a list that
    // grows takes fresh memory each time.
    let mut sections: Vec<Section> = Vec::with_capacity(text.len() / SECTION);
    let mut conditions: Vec<Conditions> = Vec::new();
    for found in Scan::new(text, Checker::new(first)) {
        match found {
            Ok((mut section, own)) => {
                if let Some(own) = own {
                    section.conditions = conditions.len() as u32;
                    conditions.push(own);
                }
                sections.push(section);
            }
            Err(at) => {
                if !fault(*at) {
                    break;
                }
            }
        }
    }
    Parsed::found(text, sections, conditions)
}

/// The keys that stand in `text` before the next section, whose first line is `number`, of a section
/// with this pattern. Lines with a fault are passed over.
pub(super) fn entries<'a>(
    text: &'a [u8],
    pattern: &str,
    number: u32,
) -> impl Iterator<Item = Entry<'a>> {
    let mut keys = Keys::of(pattern.as_bytes());
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
        let length = crate::os::find_byte(b'\n', rest).unwrap_or(rest.len());
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
pub(super) type Found = Box<(usize, Fault)>;

pub(super) fn found(at: usize, fault: Fault) -> Found {
    Box::new((at, fault))
}

/// A line as text, where it is plain text and not too long.
fn plain(line: &[u8]) -> Result<&str, Found> {
    if line.len() > LINE_MAX {
        return Err(found(0, Fault::LongLine));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // Nearly every line is ASCII, and has none.
    if let Some(text) = crate::os::ascii(line).filter(|_| !has_any(line, is_control)) {
        return Ok(text);
    }
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

/// What is known of the lines so far.
#[derive(Clone, Copy)]
pub(super) struct Checker {
    /// How many lines of the file there were so far, the one that is being read among them.
    lines: u64,
    /// Whether it belongs to a section.
    within: bool,
    keys: Keys,
}

/// The sections and faults of a text, in order.
pub(super) struct Scan<'a> {
    text: &'a [u8],
    /// Where the section's header, or the line with a fault, starts that was found last.
    pub started: usize,
    /// What is not read yet.
    rest: &'a [u8],
    pub checker: Checker,
}

/// A header's section and conditions, which are not in any list yet.
type Header<'a> = (Section, Option<Conditions<'a>>);

impl<'a> Scan<'a> {
    pub fn new(text: &'a [u8], checker: Checker) -> Scan<'a> {
        Scan {
            text,
            started: 0,
            rest: text,
            checker,
        }
    }

    /// Enters the section whose header is `line`, with a pattern of this length and no conditions.
    #[inline(always)]
    fn enter(
        &mut self,
        line: &[u8],
        length: usize,
        glob: bool,
    ) -> (Section, Option<Conditions<'a>>) {
        self.started = self.text.len() - line.len();
        self.checker.within = true;
        self.checker.keys = Keys::of(line.get(1..1 + length).unwrap_or_default());
        let length = length as u32;
        let section = Section {
            start: self.started as u32 + 1,
            header: length,
            pattern: length,
            line: self.checker.number(),
            conditions: NO_CONDITIONS,
            glob,
        };
        (section, None)
    }

    /// Reads a line with which something is odd, or wrong, where it stands.
    #[cold]
    #[inline(never)]
    fn read(&mut self, line: &'a [u8]) -> Option<Result<Header<'a>, Box<At>>> {
        match last(line, &mut |key| self.checker.keys.take(key)) {
            Quick::Line { after } => {
                self.rest = after;
                return None;
            }
            Quick::Header {
                length,
                glob,
                after,
            } => {
                self.rest = after;
                return Some(Ok(self.enter(line, length, glob)));
            }
            Quick::Odd => {}
        }
        self.started = self.text.len() - line.len();
        let length = crate::os::find_byte(b'\n', line).unwrap_or(line.len());
        self.rest = line.get(length + 1..).unwrap_or_default();
        let number = self.checker.number();
        match self.checker.read(&line[..length], self.started, number) {
            Ok(header) => header.map(Ok),
            Err(found) => {
                let (column, fault) = *found;
                Some(Err(Box::new(At {
                    line: number,
                    column: u32::try_from(column + 1).unwrap_or(u32::MAX),
                    fault,
                })))
            }
        }
    }
}

impl<'a> Iterator for Scan<'a> {
    type Item = Result<Header<'a>, Box<At>>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let mut rest = self.rest;
        while !rest.is_empty() {
            self.checker.lines = self.checker.lines.wrapping_add(1);
            match quick(rest, &mut |key| self.checker.keys.take(key)) {
                Quick::Line { after } => rest = after,
                Quick::Header {
                    length,
                    glob,
                    after,
                } => {
                    self.rest = after;
                    return Some(Ok(self.enter(rest, length, glob)));
                }
                Quick::Odd => {
                    if let Some(found) = self.read(rest) {
                        return Some(found);
                    }
                    rest = self.rest;
                }
            }
        }
        self.rest = rest;
        None
    }
}

impl Checker {
    /// One that begins with a line of this number.
    pub fn new(line: u32) -> Checker {
        Checker {
            lines: u64::from(line).saturating_sub(1),
            within: false,
            keys: Keys {
                seen: Keys::CLOSED,
                ..Keys::default()
            },
        }
    }

    /// The number of the line that is being read.
    fn number(&self) -> u32 {
        u32::try_from(self.lines).unwrap_or(u32::MAX)
    }

    /// Reads any line, which starts at a byte of the text, with care.
    #[inline(never)]
    fn read<'a>(
        &mut self,
        line: &'a [u8],
        at: usize,
        number: u32,
    ) -> Result<Option<Header<'a>>, Found> {
        let line = plain(line)?;
        match start_of(line) {
            (_, None | Some(b'#')) => Ok(None),
            (start, Some(b'[')) => {
                self.within = true;
                self.keys = Keys::default();
                let (pattern, mut section, conditions) = header::read(line, start, number)?;
                self.keys = Keys::of(pattern.as_bytes());
                section.start += at as u32;
                Ok(Some((section, conditions)))
            }
            (start, Some(_)) => {
                self.keys.read(line, start, number)?;
                // What is no key either is told first.
                match self.within {
                    true => Ok(None),
                    false => Err(found(start, Fault::NoSection)),
                }
            }
        }
    }
}

/// The keys of one section, as they are read.
#[derive(Clone, Copy, Default)]
struct Keys {
    /// Whether they are of the program's own section; `None` where the header has a fault.
    programs: Option<bool>,
    /// One bit per key seen, and [`Keys::CLOSED`].
    seen: u32,
    /// One bit per tool whose `tool.NAME` was seen.
    tools: u32,
}

impl Keys {
    /// Among the keys seen: said where keys of ordinary sections cannot stand.
    const CLOSED: u32 = 1 << 31;

    fn of(pattern: &[u8]) -> Keys {
        let programs = pattern == PROGRAM.as_bytes();
        Keys {
            programs: Some(programs),
            seen: if programs { Keys::CLOSED } else { 0 },
            ..Keys::default()
        }
    }

    /// Takes a key that is not the program's and not `tool.NAME`, if it can stand here.
    #[inline]
    fn take(&mut self, key: Key) -> bool {
        let bit = 1 << key as u32;
        let fits = self.seen & (bit | Keys::CLOSED) == 0;
        if fits {
            self.seen |= bit;
        }
        fits
    }

    /// Reads `KEY = VALUE`, which starts at `start`.
    fn read<'a>(&mut self, line: &'a str, start: usize, number: u32) -> Result<Entry<'a>, Found> {
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
        let (seen, bit) = match Tool::parse(name) {
            Some(tool) => (&mut self.tools, 1 << tool as u32),
            None => (&mut self.seen, 1 << key as u32),
        };
        if *seen & bit != 0 {
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
        *seen |= bit;
        Ok(Entry {
            key,
            name,
            adds,
            value,
            line: number,
        })
    }
}

/// The line without its trailing comment: from a `#` that follows a blank, outside quotes. The
/// error is the place of a quote that is not closed.
pub(super) fn without_comment(line: &str) -> Result<&str, usize> {
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
