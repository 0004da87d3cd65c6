//! RISC-V's `.riscv.attributes`.
//!
//! Source: "RISC-V ELF psABI", chapter Attributes. Even tags carry numbers, odd ones strings.

use std::collections::BTreeSet;

use super::attributes::{self, word, Form, Value};
use super::raw::Raw;
use super::{Fact, Meaning};

const PLACE: &str = ".riscv.attributes";
/// Shared with ARM's: `SHT_LOPROC + 3`.
const SHT_ATTRIBUTES: u32 = 0x7000_0003;

/// Tag, name, meaning of a difference, words of its values.
type Tag = (u64, &'static str, Meaning, &'static [(u64, &'static str)]);

const TAGS: &[Tag] = &[
    (4, "stack_align", Meaning::Abi, &[]),
    (5, "arch", Meaning::Demand, &[]),
    (
        6,
        "unaligned_access",
        Meaning::Demand,
        &[(0, "none"), (1, "unaligned")],
    ),
    (8, "priv_spec", Meaning::Code, &[]),
    (10, "priv_spec_minor", Meaning::Code, &[]),
    (12, "priv_spec_revision", Meaning::Code, &[]),
    (14, "atomic_abi", Meaning::Abi, &[]),
    (16, "x3_reg_usage", Meaning::Abi, &[]),
];

/// Reads the attributes of a RISC-V object.
pub(super) fn read(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    let Some(section) = raw.sections.iter().find(|s| s.kind == SHT_ATTRIBUTES) else {
        return;
    };
    let form = |tag: u64| {
        if tag % 2 == 0 {
            Form::Number
        } else {
            Form::Text
        }
    };
    let list = match attributes::read(section.data, raw.endian(), b"riscv", form) {
        Ok(list) => list,
        Err(_) => {
            facts.push(Fact::new(PLACE, "attributes", "unreadable", Meaning::Abi));
            return;
        }
    };
    for attribute in list {
        let Some((_, name, meaning, values)) = TAGS.iter().find(|t| t.0 == attribute.tag) else {
            continue;
        };
        let words = match attribute.value {
            Value::Number(n) => word(values, n),
            Value::Text(text) | Value::Both(_, text) => text,
        };
        facts.push(Fact::new(PLACE, *name, words, *meaning));
    }
}

/// The place and meaning of a fact by its name.
pub(super) fn known(name: &str) -> Option<(&'static str, Meaning)> {
    TAGS.iter()
        .find(|t| t.1 == name)
        .map(|t| (PLACE, t.2))
        .or((name == "attributes").then_some((PLACE, Meaning::Abi)))
}

/// The extensions that an `arch` demands, without their versions.
pub(super) fn demands(name: &str, words: &str) -> Option<BTreeSet<String>> {
    (name == "arch").then(|| extensions(words))
}

/// Splits `rv64i2p1_m2p0_zicsr2p0` as well as the compact `rv64imac_zicsr`.
fn extensions(arch: &str) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    for (index, part) in arch.split('_').enumerate() {
        let mut letters = part;
        if index == 0 {
            for base in ["rv32", "rv64", "rv128"] {
                if let Some(rest) = part.strip_prefix(base) {
                    set.insert(base.to_string());
                    letters = rest;
                }
            }
        } else if part.starts_with(['z', 's', 'x']) {
            // A name of several letters, all of it one extension.
            set.insert(without_version(part).to_string());
            continue;
        }
        single_letters(letters, &mut set);
    }
    set
}

/// `imafd` or `i2p0`: each letter is an extension, a version may follow each.
fn single_letters(letters: &str, set: &mut BTreeSet<String>) {
    let mut rest = letters;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let version_end = rest
            .find(|c: char| !c.is_ascii_digit() && c != 'p')
            .unwrap_or(rest.len());
        // `p` is also an extension's letter: it belongs to a version only between digits.
        let version = match rest[..version_end].find(|c: char| c.is_ascii_digit()) {
            Some(0) => &rest[..version_end],
            _ => "",
        };
        rest = &rest[version.len()..];
        match letter {
            // General: what it stands for, in every version of the specification.
            'g' => {
                single_letters("imafd", set);
                set.insert("zifencei".to_string());
            }
            // Version 2.0 of the base still contained what became zicsr and zifencei.
            'i' | 'e' if version == "2p0" => {
                set.extend([letter.to_string(), "zicsr".into(), "zifencei".into()]);
            }
            // Floating point needs the control registers.
            'f' | 'd' | 'q' => set.extend([letter.to_string(), "zicsr".into()]),
            // Later specifications named the parts of these; newer assemblers write them out.
            'm' => set.extend(["m", "zmmul"].map(String::from)),
            'a' => set.extend(["a", "zaamo", "zalrsc"].map(String::from)),
            'c' => set.extend(["c", "zca", "zcd", "zcf"].map(String::from)),
            'b' => set.extend(["b", "zba", "zbb", "zbs"].map(String::from)),
            _ => {
                set.insert(letter.to_string());
            }
        }
    }
}

/// `zicsr2p0` without its `2p0`.
fn without_version(part: &str) -> &str {
    let digits = |s: &str| s.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let minor = digits(part);
    let Some(head) = part[..minor].strip_suffix('p') else {
        return part;
    };
    let major = digits(head);
    if minor < part.len() && major < head.len() {
        &part[..major]
    } else {
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_split_in_both_spellings() {
        let table = [
            (
                "rv64i2p1_f2p2_d2p2_zicsr2p0_zifencei2p0",
                "d f i rv64 zicsr zifencei",
            ),
            ("rv64i2p0_m2p0", "i m rv64 zicsr zifencei zmmul"),
            (
                "rv64g_zba_zbb1p0",
                "a d f i m rv64 zaamo zalrsc zba zbb zicsr zifencei zmmul",
            ),
            ("rv32e1p9", "e rv32"),
            ("rv32ic_zicsr", "c i rv32 zca zcd zcf zicsr"),
            ("rv64i2p1_zvl128b1p0_sstc1p0", "i rv64 sstc zvl128b"),
            ("", ""),
            ("rv", "r v"),
        ];
        for (arch, want) in table {
            let got: Vec<String> = extensions(arch).into_iter().collect();
            assert_eq!(got.join(" "), want, "{arch}");
        }
    }

    /// Newer binutils list `zmmul` for what older ones call `m`: the same processor.
    #[test]
    fn newer_spellings_demand_no_more() {
        let old = extensions("rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zifencei2p0");
        let new = extensions(
            "rv64i2p1_m2p0_a2p1_f2p2_d2p2_c2p0_zicsr2p0_zifencei2p0_zmmul1p0_zaamo1p0_zca1p0",
        );
        assert!(new.is_subset(&old), "{new:?}");
        assert!(!extensions("rv64gcv").is_subset(&extensions("rv64gc")));
    }
}
