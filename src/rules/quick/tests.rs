//! What is told at a glance, against what the careful parser finds.

use super::*;
use crate::rules::keys::in_triple;
use crate::rules::parse::{parse, LINE_MAX};

/// What a line is, and its length without its end, where it is told at a glance: the same with
/// much text behind it, and as a text's last.
fn told(line: &str) -> Option<String> {
    let mut key = None;
    let show = |text: &[u8], told: Quick<'_>, key: Option<Key>| {
        let (told, after) = match told {
            Quick::Odd => return None,
            Quick::Header {
                length,
                glob,
                after,
            } => (format!("[{}] {glob}", &line[1..1 + length]), after),
            Quick::Line { after } => match key {
                Some(key) => (format!("{key:?}"), after),
                None => (String::from("nothing"), after),
            },
        };
        let read = &text[..text.len() - after.len()];
        Some(format!(
            "{told} {}",
            read.strip_suffix(b"\n").unwrap_or(read).len()
        ))
    };
    let mut take = |k| key.replace(k).is_none();
    let text = format!("{line}{}", "\n".repeat(HEAD));
    let first = quick(text.as_bytes(), &mut take);
    let first = show(text.as_bytes(), first, key.take());
    if line.len() < 100 {
        let mut take = |k| key.replace(k).is_none();
        let second = last(line.as_bytes(), &mut take);
        assert_eq!(show(line.as_bytes(), second, key), first, "{line:?}");
    }
    first
}

#[test]
fn plain_lines_are_told_and_no_others() {
    for (line, want) in [
        ("\nuse = x", "nothing 0"),
        ("# 'it' #\n", "nothing 8"),
        ("# \u{e9}\n", "?"),
        ("# \u{1}\n", "?"),
        ("[a-b_c.d1]\n", "[a-b_c.d1] false 10"),
        ("[a+b]\n", "?"),
        ("[A]\n", "?"),
        ("[a`]\n", "?"),
        ("[a/b]\n", "?"),
        ("[*/]\n", "?"),
        ("[a]\r\n", "?"),
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
        ("path = /a,b=c", "Path 13"),
        ("path = /a?", "Path 10"),
        ("path = /a*", "?"),
        ("path = /[a]", "?"),
        ("path = /'a'", "?"),
        ("use           = a", "Use 17"),
        ("use =a b\n", "Use 8"),
        ("use =   a\n", "Use 9"),
        ("use  =\n", "?"),
        ("use = \n", "?"),
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
        ("refuse = a & b", "?"),
        ("tool.cc = gcc", "?"),
    ] {
        assert_eq!(told(line).as_deref().unwrap_or("?"), want, "{line:?}");
    }
    let long = format!("flags = {}", "x".repeat(LINE_MAX - 8));
    assert_eq!(told(&long), Some(format!("Flags {LINE_MAX}")));
    assert_eq!(told(&(long + "x")), None);
    for (start, end) in [("[", "]"), ("[*", "]"), ("# ", ""), ("use = ", "")] {
        let line = |length: usize| {
            let middle = "x".repeat(length - start.len() - end.len());
            format!("{start}{middle}{end}")
        };
        assert!(told(&line(LINE_MAX)).is_some(), "{start}");
        assert!(told(&line(LINE_MAX + 1)).is_none(), "{start}");
    }
}

/// Every byte is classed as it is where it stands among the careful parser's.
#[test]
fn classes_have_the_right_bytes() {
    let with = |test: fn(u8) -> u8| -> Vec<u8> {
        let all = (0..=u8::MAX).filter(|&b| test(b) < 0x80);
        all.collect()
    };
    let of = |test: &dyn Fn(u8) -> bool| -> Vec<u8> {
        let all = (0..=u8::MAX).filter(|&b| test(b));
        all.collect()
    };
    let shown = |b: u8| b.is_ascii_graphic() || b == b' ';
    let rare = |b: u8| b == b'+' || b.is_ascii_uppercase();
    assert_eq!(with(not_triple), of(&|b| in_triple(b) && !rare(b)));
    assert_eq!(with(not_visible), of(&shown));
    let in_value = |b: u8| shown(b) && !b"\"'#&".contains(&b);
    assert_eq!(with(not_in_value), of(&in_value));
    let in_path = |b: u8| in_value(b) && !b" *[".contains(&b);
    assert_eq!(with(not_in_path), of(&in_path));
}

#[test]
fn a_span_ends_at_the_first_byte_that_fails() {
    for length in 0..150 {
        for at in 0..=length {
            let mut text = vec![b'a'; length];
            text[at..].fill(b'!');
            // Less than sixteen bytes at the end are not looked at.
            let seen = at < length / WIDTH * WIDTH;
            let want = seen.then_some(length - at);
            assert_eq!(span(&text, not_triple).map(<[u8]>::len), want, "{length}");
        }
    }
}

/// With a comment behind it that is not ASCII, a line is read with care.
#[test]
fn what_is_told_is_what_care_finds() {
    let bytes = [
        "a", "Z", "0", "_", ".", "+", "-", "/", " ", "\t", "=", "*", "[", "]", ":", "~", "\"", "'",
        "#", "\\", "\u{7f}", "\u{e9}", ",", "@", "`", "{", "native",
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
                if told(&line).is_none() {
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

/// Behind a blank, no line is told at a glance.
#[test]
fn texts_mean_what_care_finds_in_them() {
    const STARTS: [&str; 16] = [
        "use = ",
        "use      = ",
        "use += ",
        "use           = ",
        "path = /",
        "path     = /",
        "defaults = ",
        "flags =",
        "proof = ",
        "refuse   = ",
        "[",
        "[x",
        "[a-b*",
        "# ",
        "",
        "[",
    ];
    const PARTS: [&str; 24] = [
        "a",
        "b-c",
        "x86_64",
        ".",
        "-",
        "_",
        "z",
        "-unknown-linux-gnu",
        " ",
        "/",
        "0",
        "9",
        "a-value-of-thirty-two-bytes-or-so",
        "?",
        "A",
        "+",
        "\t",
        "*",
        "#",
        "'",
        "\u{e9}",
        "&",
        "\u{1}",
        "[",
    ];
    const ENDS: [&str; 6] = ["\n", "\n", "\n", "\n", "\n\n", "\r\n"];
    let mut state = 1u64;
    let mut below = |limit: usize| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % limit
    };
    for _ in 0..10_000 {
        let mut plain = String::new();
        for _ in 0..30 {
            let mut line = String::from(STARTS[below(STARTS.len())]);
            let strange = below(4) == 0;
            for _ in 0..below(8) {
                line += PARTS[below(if strange { PARTS.len() } else { 12 })];
            }
            if line.starts_with('[') {
                line.push(']');
            }
            line += ENDS[below(ENDS.len())];
            plain += &line;
        }
        // The last line may end anywhere.
        plain.extend(std::iter::repeat_n("x", below(3)));
        let cut = plain.char_indices().rev().nth(below(20));
        plain.truncate(cut.map_or(0, |(at, _)| at));
        let careful = plain.split_inclusive('\n').map(|line| format!(" {line}"));
        let careful: String = careful.collect();
        assert_eq!(found(&plain, 0), found(&careful, 1), "{plain:?}");
    }
}

/// All that a text says, and its faults, of which columns are less by `shift`.
fn found(text: &str, shift: u32) -> String {
    let mut faults = Vec::new();
    let parsed = parse(text.as_bytes(), &mut |at| {
        faults.push((at.line, at.column - shift, at.fault));
        true
    });
    let sections: Vec<_> = parsed
        .sections()
        .iter()
        .map(|s| {
            let entries = parsed.entries(s).map(|e| format!("{e:?}"));
            let entries: Vec<_> = entries.collect();
            (parsed.header(s), parsed.pattern(s), s.line, s.glob, entries)
        })
        .collect();
    format!("{faults:?} {sections:?}")
}
