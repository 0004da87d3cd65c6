//! Lines that are told at a glance. Nearly every line is a plain one; each byte of it is looked at
//! once. Whatever is not known here, faults above all, is left to the careful [`parse`](super::parse).

use super::keys::{in_triple, Key};
use super::parse::LINE_MAX;

/// What a plain line is.
pub(super) enum Quick<'a> {
    /// Blank, or a comment.
    Nothing,
    /// A section whose header is a pattern without brackets, and nothing else.
    Header { pattern: &'a [u8], glob: bool },
    /// A key with a value that it takes.
    Key(Key),
}

/// The line that `text` begins with, and its length without its end.
#[inline]
pub(super) fn quick(text: &[u8]) -> Option<(Quick<'_>, usize)> {
    let (line, length) = match text {
        [b'\n', ..] => return Some((Quick::Nothing, 0)),
        [b'#', ..] => (Quick::Nothing, span(text, |b| in_value(b) | is_mark(b))),
        [b'[', rest @ ..] => {
            let mut length = span(rest, in_triple);
            let glob = rest.get(length).is_some_and(|&b| is_sign(b));
            if glob {
                length = span(rest, |b| in_triple(b) | is_sign(b));
            }
            let pattern = &rest[..length];
            // Two stars together mean something else.
            if pattern.is_empty() || glob && pattern.windows(2).any(|two| two == b"**") {
                return None;
            }
            match rest.get(length) {
                Some(b']') => (Quick::Header { pattern, glob }, length + 2),
                _ => return None,
            }
        }
        _ => {
            let (key, length) = key(text)?;
            (Quick::Key(key), length)
        }
    };
    let ended = matches!(text.get(length), None | Some(b'\n'));
    (ended && length <= LINE_MAX).then_some((line, length))
}

/// A key whose value nearly always has a plain form, and where the line stops to be plain.
#[inline]
fn key(text: &[u8]) -> Option<(Key, usize)> {
    let (key, rest) = match text {
        [b'u', b's', b'e', rest @ ..] => (Key::Use, rest),
        [b'p', b'a', b't', b'h', rest @ ..] => (Key::Path, rest),
        [b'd', b'e', b'f', b'a', b'u', b'l', b't', b's', rest @ ..] => (Key::Defaults, rest),
        [b'f', b'l', b'a', b'g', b's', rest @ ..] => (Key::Flags, rest),
        [b'p', b'r', b'o', b'o', b'f', rest @ ..] => (Key::Proof, rest),
        [b'r', b'e', b'f', b'u', b's', b'e', rest @ ..] => (Key::Refuse, rest),
        _ => return None,
    };
    let rest = after_blanks(rest);
    let rest = match rest {
        [b'+', rest @ ..] if key.is_list() => rest,
        _ => rest,
    };
    let value = after_blanks(rest.strip_prefix(b"=")?);
    let length = match key {
        Key::Use => span(value, |b| in_triple(b) | (b == b' ')),
        Key::Path if value.first() == Some(&b'/') => span(value, |b| in_triple(b) | (b == b'/')),
        Key::Path => 0,
        _ => span(value, in_value),
    };
    (length > 0).then_some((key, text.len() - value.len() + length))
}

#[inline]
fn after_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|&&b| b == b' ').count();
    &text[blanks..]
}

/// Whether a byte can stand in a value that nothing need be known of: visible ASCII, or a blank, but
/// neither a quote nor what can begin a comment.
fn in_value(b: u8) -> bool {
    (b.wrapping_sub(b' ') < 0x5f) & !is_mark(b)
}

/// Whether a byte is one that a glob interprets and that can stand anywhere.
fn is_sign(b: u8) -> bool {
    (b == b'*') | (b == b'?')
}

fn is_mark(b: u8) -> bool {
    (b == b'#') | (b == b'"') | (b == b'\'')
}

/// How many bytes at the start of a text pass a test. Sixteen at a time: in this form, without
/// branches, the compiler makes vector code of it.
#[inline(always)]
fn span(text: &[u8], test: impl Fn(u8) -> bool) -> usize {
    const WIDTH: usize = 16;
    let mut length = 0;
    let mut rest = text;
    while let Some((part, after)) = rest.split_first_chunk::<WIDTH>() {
        let fails = part.map(|b| if test(b) { 0 } else { u8::MAX });
        if let Some(at) = crate::sys::first_set(fails) {
            return length + at;
        }
        length += WIDTH;
        rest = after;
    }
    length + rest.iter().take_while(|&&b| test(b)).count()
}

#[cfg(test)]
mod tests {
    use super::super::parse::{parse, LINE_MAX};
    use super::*;

    /// Lines, and how much of each is told at a glance.
    #[test]
    fn plain_lines_are_told_and_no_others() {
        let told = |line: &str| match quick(line.as_bytes()) {
            None => String::from("?"),
            Some((Quick::Nothing, length)) => format!("nothing {length}"),
            Some((Quick::Header { pattern, glob }, length)) => {
                format!("[{}] {glob} {length}", String::from_utf8_lossy(pattern))
            }
            Some((Quick::Key(key), length)) => format!("{key:?} {length}"),
        };
        for (line, want) in [
            ("\nuse = x", "nothing 0"),
            ("# 'it' #\n", "nothing 8"),
            ("# \u{e9}\n", "?"),
            ("# \u{1}\n", "?"),
            ("[a-b_c.d+1]\n", "[a-b_c.d+1] false 11"),
            (
                "[a-sixteen-and-more-bytes]",
                "[a-sixteen-and-more-bytes] false 26",
            ),
            ("[]\n", "?"),
            ("[a] #\n", "?"),
            ("[a b]\n", "?"),
            ("[a*-?*]\n", "[a*-?*] true 7"),
            ("[a**]\n", "?"),
            ("[*[ab]]\n", "?"),
            ("[*", "?"),
            ("use = a b\nuse", "Use 9"),
            ("use+=a", "Use 6"),
            ("use + = a", "?"),
            ("use = a/b", "?"),
            ("used = a", "?"),
            ("use =   ", "?"),
            ("use", "?"),
            (" use = a", "?"),
            ("path   +=  /a/b\n", "Path 15"),
            ("path = a", "?"),
            ("path = /a /b", "?"),
            ("defaults = -a -b=c ", "Defaults 19"),
            ("defaults =", "?"),
            ("defaults = -a\r\n", "?"),
            ("flags = -a # b", "?"),
            ("flags = '-a'", "?"),
            ("proof = 0", "Proof 9"),
            ("proof += 0", "?"),
            ("refuse = no, never!", "Refuse 19"),
            ("refuse = don't", "?"),
            ("tool.cc = gcc", "?"),
        ] {
            assert_eq!(told(line), want, "{line:?}");
        }
        let long = format!("flags = {}", "x".repeat(LINE_MAX - 8));
        assert_eq!(told(&long), format!("Flags {LINE_MAX}"));
        assert_eq!(told(&(long + "x")), "?");
    }

    #[test]
    fn a_span_ends_at_the_first_byte_that_fails() {
        for length in 0..50 {
            for at in 0..=length {
                let mut text = vec![b'a'; length];
                text[at..].fill(b'!');
                assert_eq!(span(&text, in_triple), at, "{length}");
            }
        }
    }

    /// With a comment behind it that is not ASCII, a line is read with care.
    #[test]
    fn what_is_told_is_what_care_finds() {
        let bytes = [
            "a", "Z", "0", "_", ".", "+", "-", "/", " ", "\t", "=", "*", "[", "]", ":", "~", "\"",
            "'", "#", "\\", "\u{7f}", "\u{e9}", ",", "@", "`", "{", "native",
        ];
        let starts = [
            "use = ",
            "use += ",
            "use=",
            "path = /",
            "path = ",
            "defaults = ",
            "flags +=",
            "proof = ",
            "proof += ",
            "refuse = ",
            "[",
            "[x",
            "[*",
            "#",
            "",
        ];
        for start in starts {
            for (a, b) in bytes.iter().flat_map(|a| bytes.map(|b| (a, b))) {
                for rest in ["", "]", "-a-value-of-sixteen-bytes"] {
                    let line = format!("{start}{a}{rest}{b}");
                    if quick(line.as_bytes()).is_none() {
                        continue;
                    }
                    let found = |text: &str| {
                        let mut faults = Vec::new();
                        let parsed = parse(text.as_bytes(), &mut |at| {
                            faults.push(at);
                            true
                        });
                        let sections = parsed.sections().iter();
                        let entries = sections.clone().flat_map(|s| parsed.entries(s));
                        let entries: Vec<_> = entries.map(|e| (e.key, e.adds, e.value)).collect();
                        let headers: Vec<_> = sections.map(|s| parsed.header(s)).collect();
                        format!("{faults:?} {entries:?} {headers:?}")
                    };
                    let [plain, careful] = ["", " # \u{e9}"].map(|c| format!("[x]\n{line}{c}\n"));
                    assert_eq!(found(&plain), found(&careful), "{line:?}");
                }
            }
        }
    }
}
