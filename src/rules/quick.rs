//! Lines that are told at a glance. Nearly every line is a plain one; each byte of it is looked at
//! once. Whatever is not known here, faults above all, is left to the careful [`parse`](super::parse).

use super::keys::Key;
use super::parse::LINE_MAX;

/// What a line is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quick<'a> {
    /// Blank, a comment, or a key that was taken with a value that it takes.
    Line { after: &'a [u8] },
    /// A section whose header is a pattern of this length, without brackets, and nothing else.
    Header {
        length: usize,
        glob: bool,
        after: &'a [u8],
    },
    /// Not known.
    Odd,
}

/// How many bytes are looked at together.
const WIDTH: usize = 16;

/// How many bytes at a line's start show its key and where its value starts.
const HEAD: usize = 32;

/// The line that `text` begins with, and the text behind it. A key is handed to `take`, which says
/// whether it can stand here. The text's last lines are not known: see [`last`].
#[inline(always)]
pub(super) fn quick<'a>(text: &'a [u8], take: &mut impl FnMut(Key) -> bool) -> Quick<'a> {
    let line = match text {
        [b'\n', after @ ..] => Some(after),
        [b'[', rest @ ..] => return header(rest).unwrap_or(Quick::Odd),
        [b'#', ..] => ended(text, span(text, not_visible)),
        _ => key(text, take),
    };
    match line {
        Some(after) => Quick::Line { after },
        None => Quick::Odd,
    }
}

/// [`quick`], for a text's last lines: of a copy with line ends behind it.
#[inline(never)]
pub(super) fn last<'a>(text: &'a [u8], take: &mut impl FnMut(Key) -> bool) -> Quick<'a> {
    const LONGEST: usize = 128;
    let mut copy = [b'\n'; LONGEST + HEAD];
    let Some(start) = copy[..LONGEST].get_mut(..text.len()) else {
        return Quick::Odd;
    };
    start.copy_from_slice(text);
    let behind = |after: &[u8]| text.get(LONGEST + HEAD - after.len()..).unwrap_or_default();
    match quick(&copy, take) {
        Quick::Line { after } => Quick::Line {
            after: behind(after),
        },
        Quick::Header {
            length,
            glob,
            after,
        } => Quick::Header {
            length,
            glob,
            after: behind(after),
        },
        Quick::Odd => Quick::Odd,
    }
}

/// What stands behind the line that starts `text` and has to end where `end` starts.
#[inline(always)]
fn ended<'a>(text: &[u8], end: Option<&'a [u8]>) -> Option<&'a [u8]> {
    match end? {
        // Few texts are so long that a line can be too long.
        end @ [b'\n', after @ ..]
            if text.len() <= LINE_MAX || text.len() - end.len() <= LINE_MAX =>
        {
            Some(after)
        }
        _ => None,
    }
}

/// A header, behind its bracket.
#[inline(always)]
fn header(rest: &[u8]) -> Option<Quick<'_>> {
    let end = span(rest, not_triple)?;
    match end {
        [b']', b'\n', after @ ..] => {
            let length = rest.len() - end.len();
            let glob = false;
            (length > 0 && length <= LINE_MAX - 2).then_some(Quick::Header {
                length,
                glob,
                after,
            })
        }
        [b'*' | b'?', ..] => glob(rest),
        _ => None,
    }
}

/// A header, behind its bracket, whose pattern is a glob of stars and question marks.
#[inline(never)]
fn glob(rest: &[u8]) -> Option<Quick<'_>> {
    let end = span(rest, |b| not_triple(b) & !bits(is_sign(b)))?;
    let length = rest.len() - end.len();
    match end {
        // Two stars together mean something else.
        [b']', b'\n', after @ ..]
            if length <= LINE_MAX - 2 && !rest[..length].windows(2).any(|two| two == b"**") =>
        {
            let glob = true;
            Some(Quick::Header {
                length,
                glob,
                after,
            })
        }
        _ => None,
    }
}

/// What stands behind a line with a key whose value nearly always has a plain form.
#[inline(always)]
fn key<'a>(text: &'a [u8], take: &mut impl FnMut(Key) -> bool) -> Option<&'a [u8]> {
    let head = text.first_chunk()?;
    let word = first_word(head, 0);
    if begins(word, b"use") {
        let value = value(text, head, 3, true)?;
        let end = span(value, |b| not_triple(b) & !bits(b == b' '));
        return ended(text, end).filter(|_| take(Key::Use));
    }
    if begins(word, b"path") {
        let value = value(text, head, 4, true)?;
        let end = span(value, not_in_path).filter(|_| value.first() == Some(&b'/'));
        return ended(text, end).filter(|_| take(Key::Path));
    }
    if begins(word, b"defaults") {
        let end = span(value(text, head, 8, true)?, not_in_value);
        return ended(text, end).filter(|_| take(Key::Defaults));
    }
    let (key, written) = match word {
        w if begins(w, b"flags") => (Key::Flags, 5),
        w if begins(w, b"proof") => (Key::Proof, 5),
        w if begins(w, b"refuse") => (Key::Refuse, 6),
        _ => return None,
    };
    let end = span(value(text, head, written, key.is_list())?, not_in_value);
    ended(text, end).filter(|_| take(key))
}

/// The eight bytes from a place on, the first of them lowest.
#[inline(always)]
fn first_word(head: &[u8; HEAD], at: usize) -> u64 {
    let bytes = head[at..].first_chunk().copied();
    u64::from_le_bytes(bytes.unwrap_or_default())
}

/// Whether eight bytes, the first of them lowest, begin with these.
#[inline(always)]
fn begins(word: u64, with: &[u8]) -> bool {
    let bytes = with.iter().rev();
    let with_all = bytes.fold(0, |all, &b| all << 8 | u64::from(b));
    let unused = 64 - 8 * with.len();
    word << unused == with_all << unused
}

/// What stands behind a key of so many bytes, an equals sign, and blanks around it. Neither a blank
/// nor the line's end comes first there.
#[inline(always)]
fn value<'a>(text: &'a [u8], head: &[u8; HEAD], written: usize, is_list: bool) -> Option<&'a [u8]> {
    const BLANKS: u64 = u64::from_ne_bytes([b' '; 8]);
    let blanks = (first_word(head, written) ^ BLANKS).trailing_zeros() as usize / 8;
    let at = written + blanks;
    if head[at] == b'=' && head[at + 1] == b' ' && head[at + 2] > b' ' {
        return text.get(at + 2..);
    }
    value_aside(text.get(at..)?, is_list)
}

/// [`value`], from the equals sign on or before it, written in another way than most.
#[inline(never)]
fn value_aside(text: &[u8], is_list: bool) -> Option<&[u8]> {
    let rest = after_blanks(text);
    let rest = match rest {
        [b'+', rest @ ..] if is_list => rest,
        _ => rest,
    };
    let value = after_blanks(rest.strip_prefix(b"=")?);
    (value.first() > Some(&b' ')).then_some(value)
}

fn after_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&b| b == b' ').count();
    &text[blanks..]
}

// Classes of bytes, by tests that fail for what is not in them: a failure is a byte whose highest
// bit is set. So a range takes two instructions for sixteen bytes.

/// Fails for what is not among `count` bytes from `first` on.
#[inline(always)]
fn beyond(b: u8, first: u8, count: u8) -> u8 {
    b.wrapping_sub(first).saturating_add(0x80 - count)
}

/// All bits, or none.
#[inline(always)]
fn bits(is: bool) -> u8 {
    if is {
        u8::MAX
    } else {
        0
    }
}

/// Fails for what is neither visible ASCII nor a blank.
#[inline(always)]
fn not_visible(b: u8) -> u8 {
    beyond(b, b' ', 0x5f)
}

/// Fails for what cannot stand in a value of which nothing need be known: what is not visible,
/// quotes, and what can begin a comment. Also for `&`, whose bits are like theirs.
#[inline(always)]
fn not_in_value(b: u8) -> u8 {
    not_visible(b) | bits(b & !0b101 == b'"')
}

/// Fails for what cannot stand in a path that is one word and not a glob.
#[inline(always)]
fn not_in_path(b: u8) -> u8 {
    beyond(b, b'!', 0x5e) | bits(b & !0b101 == b'"') | bits(b == b'*') | bits(b == b'[')
}

/// Fails for what cannot stand in a triple, and for what hardly ever does: capitals and `+`.
#[inline(always)]
fn not_triple(b: u8) -> u8 {
    // From '-' to '9', and from '_' to 'z': of each, one is none.
    let within = beyond(b, b'-', 13) & beyond(b, b'_', 28);
    within | bits(b == b'/') | bits(b == b'`')
}

/// Whether a byte is one that a glob interprets and that can stand anywhere.
#[inline(always)]
fn is_sign(b: u8) -> bool {
    (b == b'*') | (b == b'?')
}

/// A text from the first byte on that fails a test; `None` if there is none, or it is too near the
/// end. Sixteen at a time: in this form, without branches, the compiler makes vector code of it.
#[inline(always)]
fn span(text: &[u8], test: impl Fn(u8) -> u8) -> Option<&[u8]> {
    let mut rest = text;
    while let Some((part, after)) = rest.split_first_chunk::<WIDTH>() {
        // Not `map`, which the compiler does not always dissolve.
        let mut fails = [0; WIDTH];
        for (fails, &b) in fails.iter_mut().zip(part) {
            *fails = test(b);
        }
        if let Some(at) = crate::os::first_high(fails) {
            return rest.get(at..);
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests;
