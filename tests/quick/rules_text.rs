//! The text of rules files: what it comes to, and what is said of it where it is wrong.

use crate::common::rules::{shown, text, Asked};
use ccroute::rules::matching::RuleSet;

/// What the files (`a`, `b`, …) say for a request.
fn settings(files: &[&str], asked: &str) -> String {
    let texts: Vec<_> = files
        .iter()
        .zip(["a", "b", "c"])
        .map(|(body, name)| text(name, *body))
        .collect();
    let rules = RuleSet::parse(&texts).unwrap_or_else(|e| panic!("{files:?}: {e}"));
    shown(&rules.settings(&Asked::new(asked)))
}

/// The first fault of a file's text, without the file's name.
fn fault(body: &[u8]) -> String {
    let texts = [text("f", body)];
    match RuleSet::parse(&texts) {
        Ok(_) => "no fault".into(),
        Err(error) => error.to_string().split_off(2),
    }
}

#[test]
fn the_text_comes_to_these_settings() {
    let table: &[(&[&str], &str, &str)] = &[
        // Nothing, blanks, comments, other line ends.
        (&[""], "native", ""),
        (&["\n \t\n# x\n   # y = [z\n"], "native", ""),
        (&["[native]\r\nsend = distcc\r\n"], "native", "send = \"distcc\" @a:2"),
        (&["[native]\nsend = distcc"], "native", "send = \"distcc\" @a:2"),
        (&["\u{feff}[native]\nsend = distcc"], "native", "send = \"distcc\" @a:2"),
        (&["  [ native ]  \n\tsend=distcc"], "native", "send = \"distcc\" @a:2"),
        // Comments after text; a # inside a word or quotes is none.
        (&["[native] # it's\nsend = distcc # it's"], "native", "send = \"distcc\" @a:2"),
        (&["[*]\nflags = -Da#b '-Dc #d'"], "x-y", "flags = [\"-Da#b\", \"-Dc #d\"] @a:2"),
        // Quotes.
        (
            &["[*]\nflags = -Da=\"b c\" '' \"\\\"\" it's"],
            "x-y",
            "flags = [\"-Da=b c\", \"\", \"\\\"\", \"it's\"] @a:2",
        ),
        (&["[*]\nrefuse = not  today, it's   late"], "x-y", "refuse = \"not today, it's late\" @a:2"),
        // A list that is stated empty says something.
        (&["[*]\nflags = -a\n[*]\nflags ="], "x-y", "flags = [] @a:4"),
        // The later wins, key by key; += adds; the last line is the one named.
        (
            &["[*]\nuse = a b\nflags = -x\n[*]\nuse = c\nflags += -y\n"],
            "x-y",
            "use = [\"c\"] @a:5\nflags = [\"-x\", \"-y\"] @a:6",
        ),
        (
            &["[x-*]\nflags = -a", "[*-y]\nflags += -b", "[x-y]\nflags += -c"],
            "x-y",
            "flags = [\"-a\", \"-b\", \"-c\"] @c:2",
        ),
        (&["[*]\nflags += -a"], "x-y", "flags = [\"-a\"] @a:2"),
        // use and refuse take each other back.
        (&["[*]\nrefuse = no\n[*]\nuse = a"], "x-y", "use = [\"a\"] @a:4"),
        (
            &["[*]\nuse = a\n[*]\nrefuse = no"],
            "x-y",
            "use = [\"a\"] @a:2\nrefuse = \"no\" @a:4",
        ),
        // tool.NAME, each its own.
        (
            &["[*]\ntool.cc = gcc\ntool.c++ = g++\n[*]\ntool.cc = clang"],
            "x-y",
            "tool.c++ = \"g++\" @a:3\ntool.cc = \"clang\" @a:5",
        ),
        // Every other key.
        (
            &["[*]\nversion = any\nas = a-b\nsend = /opt/d\nexpand-macros = helper\nfallback = refuse\non-refuse = quiet\nsandbox = yes\nlimit-memory = 512M\nlimit-cpu = 10m\nlimit-file-size = 7\nproof = 00ff"],
            "x-y",
            "proof = \"00ff\" @a:12\nversion = Any @a:2\nas = \"a-b\" @a:3\nsend = \"/opt/d\" @a:4\nexpand-macros = Helper @a:5\nfallback = Refuse @a:6\non-refuse = Quiet @a:7\nsandbox = Yes @a:8\nlimit-memory = 536870912 @a:9\nlimit-cpu = 600 @a:10\nlimit-file-size = 7 @a:11",
        ),
        // A pattern is a glob over the whole triple; native is no triple and * is no native.
        (&["[arm*-linux-*]\nproof = 1"], "armv6-rpi-linux-gnueabi", "proof = \"1\" @a:2"),
        (&["[arm*-linux-*]\nproof = 1"], "aarch64-linux-gnu", ""),
        (&["[arm]\nproof = 1"], "arm-none-eabi", ""),
        (&["[i[3-6]86-*]\nproof = 1"], "i586-pc", "proof = \"1\" @a:2"),
        (&["[*]\nproof = 1"], "native", ""),
        (&["[native]\nproof = 1"], "x-y", ""),
        // Conditions.
        (&["[* tool g*]\nproof = 1"], "x-y tool=g++", "proof = \"1\" @a:2"),
        (&["[* tool gcc]\nproof = 1"], "x-y tool=g++", ""),
        (&["[* helper]\nproof = 1"], "x-y helper", "proof = \"1\" @a:2"),
        (&["[* helper]\nproof = 1"], "x-y", ""),
        (&["[* direct]\nproof = 1"], "x-y under-distcc", ""),
        (&["[* from 10.0.0.0/8]\nproof = 1"], "x-y from=10.1.2.3", "proof = \"1\" @a:2"),
        (&["[* from 10.0.0.7/8]\nproof = 1"], "x-y from=10.1.2.3", "proof = \"1\" @a:2"),
        (&["[* from 10.0.0.0/8]\nproof = 1"], "x-y from=11.0.0.1", ""),
        (&["[* from 10.0.0.1]\nproof = 1"], "x-y", ""),
        (&["[* from fd00::/8]\nproof = 1"], "x-y from=fd00::1", "proof = \"1\" @a:2"),
        (&["[* from ::ffff:10.0.0.1]\nproof = 1"], "x-y from=10.0.0.1", "proof = \"1\" @a:2"),
        (&["[* from ::ffff:10.0.0.0/104]\nproof = 1"], "x-y from=10.9.9.9", "proof = \"1\" @a:2"),
        (&["[native kernel *]\nproof = 1"], "native kernel=arm", "proof = \"1\" @a:2"),
        (&["[native kernel *]\nproof = 1"], "native", ""),
        (&["[native source arm*]\nproof = 1"], "native source=arm-x", "proof = \"1\" @a:2"),
        (
            &["[native kernel arm helper from 10.0.0.1 tool gcc source arm-x]\nproof = 1"],
            "native helper kernel=arm from=10.0.0.1 source=arm-x",
            "proof = \"1\" @a:2",
        ),
        // as: by address outranks, wherever it stands; among equals the later wins.
        (
            &["[native from 10.0.0.1]\nas = a-b\n[native]\nas = c-d"],
            "native from=10.0.0.1",
            "as = \"a-b\" @a:2",
        ),
        (
            &["[native]\nas = c-d\n[native from 10.0.0.1]\nas = a-b\n[native from 10.0.0.0/8]\nas = e-f"],
            "native from=10.0.0.1",
            "as = \"e-f\" @a:6",
        ),
    ];
    for (files, asked, want) in table {
        assert_eq!(settings(files, asked), *want, "{files:?} for {asked}");
    }
}

#[test]
fn a_fault_is_named_with_line_column_and_what_to_do() {
    let table: &[(&[u8], &str)] = &[
        (b"x", "1:1: this line is not a [section], a KEY = VALUE or a comment"),
        (b"[a]\n  flags", "2:3: this line is not a [section], a KEY = VALUE or a comment"),
        (b"use = a", "1:1: a key before the first [section]"),
        (b"[a", "1:3: the section is not closed: end it with ]"),
        (b"[a  # x]", "1:3: the section is not closed: end it with ]"),
        (b"[a] b", "1:6: the section is not closed: end it with ]"),
        (b"\n []", "2:2: the section is empty: write a triple's pattern or native"),
        (b"[a/b]", "1:2: 'a/b' is not a pattern for triples (letters, digits, _ . + - and * ? [])"),
        (b"[ \xc3\xa4]", "1:3: '\u{e4}' is not a pattern for triples (letters, digits, _ . + - and * ? [])"),
        (b"[a[]", "1:2: bad glob 'a[': invalid range pattern"),
        (b"[a***]", "1:2: bad glob 'a***': wildcards are either regular `*` or recursive `**`"),
        (b"[a b]", "1:4: unknown condition 'b': one of tool, direct, helper, from, kernel, source"),
        (b"[a native]", "1:4: unknown condition 'native': one of tool, direct, helper, from, kernel, source"),
        (b"[a direct helper]", "1:11: condition 'direct or helper' appears twice: remove one"),
        (b"[a from 10.0.0.1 from 10.0.0.2]", "1:18: condition 'from' appears twice: remove one"),
        (b"[a tool gcc tool g++]", "1:13: condition 'tool' appears twice: remove one"),
        (b"[a tool]", "1:4: condition 'tool' needs a value"),
        (b"[a from]", "1:4: condition 'from' needs a value"),
        (b"[a tool gcc-12]", "1:4: 'gcc-12' is not a tool, such as gcc, g++, clang"),
        (b"[a kernel [x]", "1:4: bad glob '[x': invalid range pattern"),
        (b"[a from pi]", "1:4: 'pi' is not an address or a network, such as 192.168.1.20, 192.168.1.0/24, fd00::/8"),
        (b"[a from 10.0.0.1/33]", "1:4: '10.0.0.1/33' is not an address or a network, such as 192.168.1.20, 192.168.1.0/24, fd00::/8"),
        (b"[a from 10.1]", "1:4: '10.1' is not an address or a network, such as 192.168.1.20, 192.168.1.0/24, fd00::/8"),
        (b"[a]\nused = x", "2:1: unknown key 'used': did you mean use?"),
        (b"[a]\nForce_Flags = x", "2:1: unknown key 'Force_Flags': did you mean force-flags?"),
        (b"[a]\nxyz = x", "2:1: unknown key 'xyz': see ccroute.rules(5) for the list"),
        (b"[a]\n= x", "2:1: unknown key '': see ccroute.rules(5) for the list"),
        (b"[a]\n+= x", "2:1: unknown key '': see ccroute.rules(5) for the list"),
        (b"[a]\ntool.ld = gcc", "2:1: 'ld' is not a tool, such as gcc, g++, clang"),
        (b"[a]\ntool.cc = ld", "2:11: 'ld' is not a tool, such as gcc, g++, clang"),
        (b"[a]\nuse = b\nuse = c", "3:1: key 'use' appears twice in this section: remove one, or write += in another section"),
        (b"[a]\nuse = b\nuse += c", "3:1: key 'use' appears twice in this section: remove one, or write += in another section"),
        (b"[a]\ntool.cc = gcc\ntool.cc = gcc", "3:1: key 'tool.cc' appears twice in this section: remove one, or write += in another section"),
        (b"[a]\nas += b", "2:1: 'as' is not a list: write = instead of +="),
        (b"[a]\nuse =", "2:6: 'use' has no value"),
        (b"[a]\nuse = # b", "2:7: 'use' has no value"),
        (b"[a]\nrefuse =", "2:9: 'refuse' has no value"),
        (b"[a]\nflags = \"-a", "2:9: a quote is not closed"),
        (b"[a]\nflags = '-a # b", "2:9: a quote is not closed"),
        (b"[a]\nflags = \"-a\\\"", "2:9: a quote is not closed"),
        (b"[a]\nas = b c", "2:6: 'as' takes one word"),
        (b"[a]\nsend = ''", "2:8: 'send' takes one word"),
        (b"[a]\nversion = 12", "2:11: '12' is not one of any, major, exact"),
        (b"[a]\nexpand-macros = both", "2:17: 'both' is not one of client, helper"),
        (b"[a]\nfallback = no", "2:12: 'no' is not one of allow, refuse"),
        (b"[a]\non-refuse = loud", "2:13: 'loud' is not one of local, quiet, elsewhere"),
        (b"[a]\nsandbox = on", "2:11: 'on' is not one of yes, no, require"),
        (b"[a]\nuse = b/c", "2:7: 'b/c' is not a triple (letters, digits and _ . + - only)"),
        (b"[a]\nas = native", "2:6: 'native' is not a triple (letters, digits and _ . + - only)"),
        (b"[a]\nnames = b native", "2:9: 'native' is not a triple (letters, digits and _ . + - only)"),
        (b"[a]\nnames = b*", "2:9: 'b*' is not a triple (letters, digits and _ . + - only)"),
        (b"[a]\npath = bin", "2:8: 'bin' is not absolute: begin it with /"),
        (b"[a]\npath = /a /b[", "2:8: bad glob '/b[': invalid range pattern"),
        (b"[a]\nsend = ./distcc", "2:8: './distcc' is not absolute: begin it with /"),
        (b"[a]\ndrop-flags = -W[", "2:14: bad glob '-W[': invalid range pattern"),
        (b"[a]\nlimit-memory = 5T", "2:16: '5T' is not a size, such as 512M or 2G"),
        (b"[a]\nlimit-memory = +5M", "2:16: '+5M' is not a size, such as 512M or 2G"),
        (b"[a]\nlimit-memory = 0", "2:16: '0' is not a size, such as 512M or 2G"),
        (b"[a]\nlimit-memory = 99999999999999999G", "2:16: '99999999999999999G' is not a size, such as 512M or 2G"),
        (b"[a]\nlimit-cpu = 1d", "2:13: '1d' is not a time, such as 90s or 10m"),
        // What is no text.
        (b"[a]\0", "1:4: a control character: save the file as plain text"),
        (b"# \x1b[31m", "1:3: a control character: save the file as plain text"),
        (b"[a]\rflags = -a\n", "1:4: a control character: save the file as plain text"),
        (b"# caf\xe9", "1:6: not UTF-8 text: save the file as plain text"),
        (b"\x7fELF\x02\x01\x01", "1:1: a control character: save the file as plain text"),
        (b"\xff\xfe[\0a\0]\0", "1:4: a control character: save the file as plain text"),
        // What an editor or a merge leaves behind.
        (b"[a]\n<<<<<<< HEAD\n", "2:1: this line is not a [section], a KEY = VALUE or a comment"),
        (b"[a]\n=======\n", "2:1: unknown key '': see ccroute.rules(5) for the list"),
        // Half-written, at every kind of place.
        (b"[armv6j-hardfl", "1:15: the section is not closed: end it with ]"),
        (b"[a]\ndefau", "2:1: this line is not a [section], a KEY = VALUE or a comment"),
        (b"[a]\nuse =", "2:6: 'use' has no value"),
    ];
    for (body, want) in table {
        let shown = String::from_utf8_lossy(body);
        assert_eq!(fault(body), *want, "{shown:?}");
    }
}

#[test]
fn the_longest_line_is_64_kib() {
    let line = |length: usize| {
        let mut body = b"[a]\nflags = ".to_vec();
        body.resize(4 + length, b'x');
        body
    };
    assert_eq!(fault(&line(65536)), "no fault");
    assert_eq!(
        fault(&line(65537)),
        "2:1: the line is longer than 65536 bytes: split it with +="
    );
    // Not a line end in ten megabytes.
    assert_eq!(
        fault(&line(10 << 20)),
        "2:1: the line is longer than 65536 bytes: split it with +="
    );
}

#[test]
fn check_sees_every_fault_once_and_keeps_the_rest() {
    let body =
        "[a\nuse = b\nused = c\n[d-e]\nproof = 1\n[f bad]\nproof = 2\nproof = 3\n[d-e]\nflags = -x";
    let texts = [text("f", body)];
    let (rules, errors) = RuleSet::parse_all(&texts);
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "f:1:3: the section is not closed: end it with ]",
            "f:3:1: unknown key 'used': did you mean use?",
            "f:6:4: unknown condition 'bad': one of tool, direct, helper, from, kernel, source",
            "f:8:1: key 'proof' appears twice in this section: remove one, or write += in another section",
        ]
    );
    // The keys of a section with a fault belong to nobody, least of all to the section before.
    assert_eq!(
        shown(&rules.settings(&Asked::new("d-e"))),
        "proof = \"1\" @f:5\nflags = [\"-x\"] @f:10"
    );
    assert_eq!(rules.sections().count(), 2);
}

#[test]
fn sections_tell_where_they_stand_and_what_they_name() {
    let texts = [text("f", "\n[a-* tool gcc]\nnames = a-b 'a-c'\n[native]\n")];
    let rules = RuleSet::parse(&texts).unwrap();
    let sections: Vec<_> = rules
        .sections()
        .map(|s| (s.pattern(), s.header(), s.names(), s.origin().to_string()))
        .collect();
    let names = vec!["a-b".to_owned(), "a-c".to_owned()];
    assert_eq!(
        sections,
        [
            ("a-*", "a-* tool gcc", names, "f:2".to_owned()),
            ("native", "native", vec![], "f:4".to_owned()),
        ]
    );
}
