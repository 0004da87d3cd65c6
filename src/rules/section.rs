//! What is kept of a rules file: where its sections are. Their keys are read again where they apply.

use ipnet::IpNet;

use super::keys::Key;
use super::parse;
use super::Place;

/// A checked file.
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    text: &'a [u8],
    sections: List<'a, Section>,
    conditions: List<'a, Conditions<'a>>,
}

/// What was found, or was known. (A `Cow` could not be handed on for a shorter life.)
#[derive(Clone, Debug)]
enum List<'a, T> {
    Found(Vec<T>),
    Known(&'a [T]),
}

impl<T> List<'_, T> {
    fn all(&self) -> &[T] {
        match self {
            List::Found(list) => list,
            List::Known(list) => list,
        }
    }
}

/// A section: a request pattern and conditions, and where they stand in the text. Small, because
/// a file may have thousands, and fresh memory is what they would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// The byte at which the pattern starts, and with it the header's text.
    pub(super) start: u32,
    /// The header's length without its bracket, in bytes.
    pub(super) header: u32,
    /// The pattern's length, in bytes.
    pub(super) pattern: u32,
    /// The header's line, from 1.
    pub line: u32,
    /// Which of the file's conditions it has, or [`NO_CONDITIONS`].
    pub(super) conditions: u32,
    /// Whether the pattern has anything that a glob interprets.
    pub glob: bool,
}

/// Said by a section without conditions, as most are.
pub(super) const NO_CONDITIONS: u32 = u32::MAX;

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

impl<'a> Parsed<'a> {
    /// A text of which this is known.
    pub(super) fn known(
        text: &'a [u8],
        sections: &'a [Section],
        conditions: &'a [Conditions<'a>],
    ) -> Parsed<'a> {
        Parsed {
            text,
            sections: List::Known(sections),
            conditions: List::Known(conditions),
        }
    }

    /// A text in which this was found.
    pub(super) fn found(
        text: &'a [u8],
        sections: Vec<Section>,
        conditions: Vec<Conditions<'a>>,
    ) -> Parsed<'a> {
        Parsed {
            text,
            sections: List::Found(sections),
            conditions: List::Found(conditions),
        }
    }

    /// The sections, in order.
    pub fn sections(&self) -> &[Section] {
        self.sections.all()
    }

    /// A section's pattern: a glob over triples, or the word `native`.
    pub fn pattern(&self, section: &Section) -> &'a str {
        self.part(section, section.pattern)
    }

    /// A section's header: the text between the brackets.
    pub fn header(&self, section: &Section) -> &'a str {
        self.part(section, section.header)
    }

    fn part(&self, section: &Section, length: u32) -> &'a str {
        let start = section.start as usize;
        let part = self.text.get(start..start + length as usize);
        // What was parsed is text.
        std::str::from_utf8(part.unwrap_or_default()).unwrap_or_default()
    }

    /// A section's conditions, if it has any.
    pub fn conditions(&self, section: &Section) -> Option<&Conditions<'a>> {
        self.conditions.all().get(section.conditions as usize)
    }

    /// The keys of a section, in order. Lines with a fault are passed over.
    pub fn entries(&self, section: &Section) -> impl Iterator<Item = Entry<'a>> {
        let rest = self.text.get(section.start as usize..).unwrap_or_default();
        let end = crate::os::find_byte(b'\n', rest).unwrap_or(rest.len());
        let after = rest.get(end + 1..).unwrap_or_default();
        parse::entries(after, self.pattern(section), section.line + 1)
    }
}
