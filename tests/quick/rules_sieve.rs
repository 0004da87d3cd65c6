//! Rules files too large to be kept whole: what is read of them for one request says the same as all
//! of it, and every fault is found.

use std::path::Path;

use crate::common::rules::farm::{kept, says, section, sections, Farm, ASKED};
use crate::common::rules::Asked;
use ccroute::rules::matching::RuleSet;
use ccroute::rules::sieve::PIECE;
use ccroute::rules::Subject;

fn agree(farm: &Farm) {
    let whole = farm.whole();
    for words in ASKED {
        let asked = Asked::new(words);
        let texts = farm.wanted(asked.triple());
        assert_eq!(says(&texts, &asked), says(&whole, &asked), "{words}");
        assert!(kept(&texts) < kept(&whole), "{words}");
    }
}

#[test]
fn what_is_kept_of_a_large_file_says_what_all_of_it_does() {
    let farm = Farm::new("large");
    for end in ["\n", "\r\n"] {
        for mark in ["", "\u{feff}"] {
            farm.write("50.rules", format!("{mark}{}", sections(600, end)));
            agree(&farm);
        }
    }
}

/// Wherever a piece ends: in a header, a key, a value, before and after a line's end.
#[test]
fn where_a_piece_ends_changes_nothing() {
    let farm = Farm::new("ends");
    let rest = sections(40, "\n");
    for length in (0..400).step_by(2) {
        let comment = "#".repeat((PIECE - 300 + length) / 2);
        farm.write("50.rules", format!("[a]\n{comment}\n{comment}\n{rest}"));
        agree(&farm);
    }
}

#[test]
fn small_files_are_kept_whole_until_there_is_no_more_room() {
    let farm = Farm::new("many");
    for file in 0..60 {
        let body: String = (file * 7..file * 7 + 7).map(|n| section(n, "\n")).collect();
        farm.write(&format!("{file:02}.rules"), body);
    }
    farm.write("70.rules", "");
    agree(&farm);
}

/// What a request is renamed to may have sections before the one that renames it.
#[test]
fn a_renamed_request_has_the_sections_of_both_names() {
    let farm = Farm::new("renamed");
    let before = "[c-d]\nflags = -c\n[e-f]\nflags = -e\n";
    let renames = "[a-x-b helper]\nas = c-d\n[a-x-?]\nas = e-f\n";
    let many = sections(600, "\n");
    farm.write("50.rules", format!("{before}{many}{renames}{many}"));
    // In a file that is kept whole, too.
    farm.write("40.rules", "[native]\nas = e-f\n");
    let whole = farm.whole();
    for (name, meant) in [
        (Some("a-x-b"), &["c-d", "e-f"][..]),
        (None, &["e-f"]),
        (Some("a-y-b"), &[]),
    ] {
        let texts = farm.wanted(name);
        assert!(kept(&texts) < kept(&whole) / 2, "{name:?}");
        for asked in meant.iter().copied().chain([name.unwrap_or("native")]) {
            let asked = Asked::new(asked);
            assert_eq!(says(&texts, &asked), says(&whole, &asked), "{name:?}");
        }
    }
}

#[test]
fn every_fault_of_a_large_file_is_found_where_it_stands() {
    let farm = Farm::new("faults");
    let good = sections(500, "\n");
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let faults: [&[u8]; 12] = [
        b"nonsense\n",
        b"ues = t\n",
        b"use =\n",
        b"use = t!\n",
        b"path = relative\n",
        b"[a-b\n",
        b"[a-b kernel]\n",
        b"refuse = 'open\n",
        b"use = t\nuse = u\n",
        b"# \x01\n",
        b"\xff\n",
        b"# \xc2\x9b\n",
    ];
    for (n, fault) in faults.iter().enumerate() {
        for at in [0, 1, lines.len() / 2, lines.len() - 1, lines.len()] {
            let before = lines[..at].concat().into_bytes();
            let after = lines[at..].concat().into_bytes();
            // Behind keys of a section that has none of these.
            let header: &[u8] = if n % 2 == 0 { b"[zz]\n" } else { b"" };
            farm.write("50.rules", [&before, header, fault, &after].concat());
            farm.write("60.rules", "[a]\nnor = this\n");
            let whole = farm.whole();
            let error = |texts| RuleSet::parse(texts).err().map(|e| e.to_string());
            let want = error(&whole).expect("a fault");
            let got = error(&farm.wanted(Some("a-x-b")));
            assert_eq!(got.as_deref(), Some(&*want), "{at}");
            let all = |texts| RuleSet::parse_all(texts).1;
            assert_eq!(all(&farm.wanted(None)), all(&whole), "{at}");
        }
    }
}

#[test]
fn a_line_longer_than_a_piece_is_read() {
    let farm = Farm::new("long");
    let flags = "-f ".repeat(PIECE);
    let long = format!("flags = {}\n", &flags[..PIECE + 1_000]);
    farm.write(
        "50.rules",
        format!("{}[a-x-b]\n{long}", sections(100, "\n")),
    );
    let asked = Asked::new("a-x-b");
    let texts = farm.wanted(asked.triple());
    assert_eq!(says(&texts, &asked), says(&farm.whole(), &asked));
    assert!(texts
        .iter()
        .all(|t| t.path.ends_with(Path::new("50.rules"))));
}
