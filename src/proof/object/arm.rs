//! ARM's `.ARM.attributes`, and ARM or Thumb by the mapping symbols.
//!
//! Sources: "Addenda to, and Errata in, the ABI for the Arm Architecture" §3.3 (tags and values,
//! in the words that `readelf -A` prints where it has some), "ELF for the Arm Architecture" §5.5.5
//! (mapping symbols).

use std::collections::BTreeSet;

use super::attributes::{self, word, Form, Value};
use super::raw::Raw;
use super::{Fact, Meaning};

const PLACE: &str = ".ARM.attributes";
const SYMBOLS: &str = "mapping symbols";
/// `SHT_ARM_ATTRIBUTES`.
const SHT_ATTRIBUTES: u32 = 0x7000_0003;
/// `SHF_EXECINSTR`.
const EXECUTABLE: u64 = 4;

/// Tag, name, meaning of a difference, words of its values.
type Tag = (u64, &'static str, Meaning, &'static [(u64, &'static str)]);

use Meaning::{Abi, AbiIfUsed, Code, Demand};

/// An absent tag means 0. Where 0 says "nothing used", its word is `none` or left out, so that
/// absent and 0 are the same.
const TAGS: &[Tag] = &[
    (4, "CPU_raw_name", Code, &[]),
    (5, "CPU_name", Code, &[]),
    (
        6,
        "CPU_arch",
        Demand,
        &[
            (0, "pre-v4"),
            (1, "v4"),
            (2, "v4T"),
            (3, "v5T"),
            (4, "v5TE"),
            (5, "v5TEJ"),
            (6, "v6"),
            (7, "v6KZ"),
            (8, "v6T2"),
            (9, "v6K"),
            (10, "v7"),
            (11, "v6-M"),
            (12, "v6S-M"),
            (13, "v7E-M"),
            (14, "v8-A"),
            (15, "v8-R"),
            (16, "v8-M.baseline"),
            (17, "v8-M.mainline"),
            (18, "v8.1-A"),
            (19, "v8.2-A"),
            (20, "v8.3-A"),
            (21, "v8.1-M.mainline"),
            (22, "v9-A"),
        ],
    ),
    (
        7,
        "CPU_arch_profile",
        Demand,
        &[(0x41, "A"), (0x52, "R"), (0x4d, "M"), (0x53, "S")],
    ),
    (8, "ARM_ISA_use", Demand, &[(1, "ARM")]),
    (
        9,
        "THUMB_ISA_use",
        Demand,
        &[(1, "Thumb-1"), (2, "Thumb-2"), (3, "as-CPU_arch")],
    ),
    (
        10,
        "FP_arch",
        Demand,
        &[
            (1, "VFPv1"),
            (2, "VFPv2"),
            (3, "VFPv3"),
            (4, "VFPv3-D16"),
            (5, "VFPv4"),
            (6, "VFPv4-D16"),
            (7, "FP-ARMv8"),
            (8, "FPv5-D16"),
        ],
    ),
    (11, "WMMX_arch", Demand, &[(1, "WMMXv1"), (2, "WMMXv2")]),
    (
        12,
        "Advanced_SIMD_arch",
        Demand,
        &[
            (1, "NEONv1"),
            (2, "NEONv1-FMA"),
            (3, "NEON-ARMv8"),
            (4, "NEON-ARMv8.1"),
        ],
    ),
    (13, "PCS_config", Code, &[]),
    (14, "ABI_PCS_R9_use", AbiIfUsed, &[]),
    (15, "ABI_PCS_RW_data", Code, &[]),
    (16, "ABI_PCS_RO_data", Code, &[]),
    (17, "ABI_PCS_GOT_use", Code, &[]),
    (18, "ABI_PCS_wchar_t", AbiIfUsed, &[]),
    (19, "ABI_FP_rounding", Code, &[]),
    (20, "ABI_FP_denormal", Code, &[]),
    (21, "ABI_FP_exceptions", Code, &[]),
    (22, "ABI_FP_user_exceptions", Code, &[]),
    (
        23,
        "ABI_FP_number_model",
        Code,
        &[(1, "finite"), (2, "RTABI"), (3, "IEEE-754")],
    ),
    (
        24,
        "ABI_align_needed",
        AbiIfUsed,
        &[(1, "8-byte"), (2, "4-byte")],
    ),
    (
        25,
        "ABI_align_preserved",
        AbiIfUsed,
        &[(1, "8-byte-except-leaf"), (2, "8-byte")],
    ),
    (
        26,
        "ABI_enum_size",
        AbiIfUsed,
        &[(1, "small"), (2, "int"), (3, "int")],
    ),
    (27, "ABI_HardFP_use", Code, &[]),
    // Below: the convention is given in words even when the tag is absent.
    (28, VFP_ARGS, Abi, &[]),
    (29, "ABI_WMMX_args", AbiIfUsed, &[]),
    (30, "ABI_optimization_goals", Code, &[]),
    (31, "ABI_FP_optimization_goals", Code, &[]),
    (32, "compatibility", Abi, &[]),
    (34, "CPU_unaligned_access", Demand, &[(1, "unaligned")]),
    (36, "FP_HP_extension", Demand, &[(1, "half-precision")]),
    (
        38,
        "ABI_FP_16bit_format",
        AbiIfUsed,
        &[(1, "IEEE-754"), (2, "alternative")],
    ),
    (42, "MPextension_use", Demand, &[(1, "MP")]),
    // 0: as the architecture allows; 1: not used.
    (44, "DIV_use", Demand, &[(1, "none"), (2, "divide")]),
    (46, "DSP_extension", Demand, &[(1, "DSP")]),
    (48, "MVE_arch", Demand, &[(1, "MVE"), (2, "MVE+MVE-FP")]),
    (50, "PAC_extension", Demand, &[(1, "hint"), (2, "PAC")]),
    (52, "BTI_extension", Demand, &[(1, "hint"), (2, "BTI")]),
    (64, "nodefaults", Code, &[]),
    (65, "also_compatible_with", Code, &[]),
    (66, "T2EE_use", Demand, &[(1, "T2EE")]),
    (67, "conformance", Code, &[]),
    (
        68,
        "Virtualization_use",
        Demand,
        &[
            (1, "TrustZone"),
            (2, "Virtualization"),
            (3, "TrustZone+Virtualization"),
        ],
    ),
    (70, "MPextension_use_legacy", Demand, &[(1, "MP")]),
    (72, "FramePointer_use", Code, &[]),
    (74, "BTI_use", Code, &[]),
    (76, "PACRET_use", Code, &[]),
];

/// How floating-point arguments are passed.
const VFP_ARGS: &str = "ABI_VFP_args";
/// ARM instructions, Thumb, or both.
const MODE: &str = "mode";

fn form(tag: u64) -> Form {
    match tag {
        4 | 5 | 65 | 67 => Form::Text,
        32 => Form::Both,
        _ if tag > 32 && tag % 2 == 1 => Form::Text,
        _ => Form::Number,
    }
}

/// Reads the attributes and mapping symbols of an ARM object.
pub(super) fn read(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    if let Some(section) = raw.sections.iter().find(|s| s.kind == SHT_ATTRIBUTES) {
        match attributes::read(section.data, raw.endian(), b"aeabi", form) {
            Ok(list) => decode(&list, facts),
            Err(_) => facts.push(Fact::new(PLACE, "attributes", "unreadable", Abi)),
        }
    }
    if let Some(mode) = mode(raw) {
        facts.push(Fact::new(SYMBOLS, MODE, mode, Code));
    }
}

fn decode(list: &[attributes::Attribute], facts: &mut Vec<Fact>) {
    let mut args = 0;
    for attribute in list {
        let known = TAGS.iter().find(|t| t.0 == attribute.tag);
        let words = match (&attribute.value, known) {
            (Value::Number(n), _) if attribute.tag == 28 => {
                args = *n;
                continue;
            }
            (Value::Number(0), _) if attribute.tag != 6 => continue,
            (Value::Number(n), Some(tag)) => word(tag.3, *n),
            (Value::Number(n), None) => n.to_string(),
            (Value::Text(text), _) => text.clone(),
            (Value::Both(n, text), _) => format!("{n},{text}"),
        };
        match known {
            Some(tag) => facts.push(Fact::new(PLACE, tag.1, words, tag.2)),
            None => {
                // The ABI's own rule: tags 0 to 63 of each 128 may not be ignored.
                let meaning = if attribute.tag % 128 < 64 { Abi } else { Code };
                let name = format!("Tag_{}", attribute.tag);
                facts.push(Fact::new(PLACE, name, words, meaning));
            }
        }
    }
    // The base standard passes floating point in core registers; `softfp` compiles to it too.
    let convention = match args {
        0 => "core-registers",
        1 => "VFP-registers",
        2 => "custom",
        3 => "compatible",
        _ => "unknown",
    };
    facts.push(Fact::new(PLACE, VFP_ARGS, convention, Abi));
}

/// Which instruction sets lie in the executable sections, by `$a` and `$t`.
fn mode(raw: &Raw<'_>) -> Option<&'static str> {
    let (mut arm, mut thumb) = (false, false);
    for symbol in &raw.symbols {
        let kind = match symbol.name {
            [b'$', kind @ (b'a' | b't')] | [b'$', kind @ (b'a' | b't'), b'.', ..] => kind,
            _ => continue,
        };
        let executable = usize::try_from(symbol.section)
            .ok()
            .and_then(|index| raw.sections.get(index))
            .is_some_and(|s| s.flags & EXECUTABLE != 0);
        if executable {
            arm |= *kind == b'a';
            thumb |= *kind == b't';
        }
    }
    match (arm, thumb) {
        (true, true) => Some("ARM+Thumb"),
        (true, false) => Some("ARM"),
        (false, true) => Some("Thumb"),
        (false, false) => None,
    }
}

/// The place and meaning of a fact by its name.
pub(super) fn known(name: &str) -> Option<(&'static str, Meaning)> {
    match name {
        MODE => Some((SYMBOLS, Code)),
        "attributes" => Some((PLACE, Abi)),
        _ => TAGS
            .iter()
            .find(|t| t.1 == name)
            .map(|t| (PLACE, t.2))
            .or_else(|| {
                let tag: u64 = name.strip_prefix("Tag_")?.parse().ok()?;
                Some((PLACE, if tag % 128 < 64 { Abi } else { Code }))
            }),
    }
}

/// What the words of a fact demand: each name stands for the steps that it includes.
pub(super) fn demands(name: &str, words: &str) -> Option<BTreeSet<String>> {
    // v7 includes v6KZ's security extension: GNU ld merges the two to v7.
    const V6K: &[&str] = &["4", "4T", "5T", "5TE", "5TEJ", "6", "6K"];
    let steps: Vec<&str> = match (name, words) {
        ("CPU_arch", "pre-v4") => vec![],
        ("CPU_arch", "v4") => V6K[..1].to_vec(),
        ("CPU_arch", "v4T") => V6K[..2].to_vec(),
        ("CPU_arch", "v5T") => V6K[..3].to_vec(),
        ("CPU_arch", "v5TE") => V6K[..4].to_vec(),
        ("CPU_arch", "v5TEJ") => V6K[..5].to_vec(),
        ("CPU_arch", "v6") => V6K[..6].to_vec(),
        ("CPU_arch", "v6K") => V6K.to_vec(),
        ("CPU_arch", "v6KZ") => [V6K, &["Z"]].concat(),
        ("CPU_arch", "v6T2") => [&V6K[..6], &["T2"]].concat(),
        ("CPU_arch", "v7") => [V6K, &["Z", "T2", "7"]].concat(),
        ("CPU_arch", "v8-A" | "v8-R") => [V6K, &["Z", "T2", "7", "8"]].concat(),
        ("CPU_arch", "v9-A") => [V6K, &["Z", "T2", "7", "8", "9"]].concat(),
        ("CPU_arch", "v6-M" | "v6S-M") => vec!["M"],
        ("CPU_arch", "v7E-M") => vec!["M", "7M", "7EM"],
        ("CPU_arch", "v8-M.baseline") => vec!["M", "8M"],
        ("CPU_arch", "v8-M.mainline") => vec!["M", "7M", "7EM", "8M", "8MM"],
        ("CPU_arch", "v8.1-M.mainline") => vec!["M", "7M", "7EM", "8M", "8MM", "8.1MM"],
        ("THUMB_ISA_use", "Thumb-1") => vec!["1"],
        ("THUMB_ISA_use", "Thumb-2") => vec!["1", "2"],
        // Says nothing beyond CPU_arch.
        ("THUMB_ISA_use", "as-CPU_arch") => vec![],
        ("FP_arch", "VFPv1") => vec!["1"],
        ("FP_arch", "VFPv2") => vec!["1", "2"],
        ("FP_arch", "VFPv3-D16") => vec!["1", "2", "3"],
        ("FP_arch", "VFPv3") => vec!["1", "2", "3", "D32"],
        ("FP_arch", "VFPv4-D16") => vec!["1", "2", "3", "4"],
        ("FP_arch", "VFPv4") => vec!["1", "2", "3", "4", "D32"],
        ("FP_arch", "FPv5-D16") => vec!["1", "2", "3", "4", "8"],
        ("FP_arch", "FP-ARMv8") => vec!["1", "2", "3", "4", "8", "D32"],
        ("Advanced_SIMD_arch", "NEONv1") => vec!["1"],
        ("Advanced_SIMD_arch", "NEONv1-FMA") => vec!["1", "FMA"],
        ("Advanced_SIMD_arch", "NEON-ARMv8") => vec!["1", "FMA", "8"],
        ("Advanced_SIMD_arch", "NEON-ARMv8.1") => vec!["1", "FMA", "8", "8.1"],
        _ => return None,
    };
    Some(steps.into_iter().map(str::to_string).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn architectures_include_each_other_as_documented() {
        let fits = |name, wanted, offered| {
            demands(name, offered)
                .unwrap()
                .is_subset(&demands(name, wanted).unwrap())
        };
        let chain = ["v4T", "v5TE", "v6", "v6K", "v6KZ", "v7", "v8-A"];
        for (i, wanted) in chain.iter().enumerate() {
            for (j, offered) in chain.iter().enumerate() {
                assert_eq!(
                    fits("CPU_arch", wanted, offered),
                    j <= i,
                    "{wanted} {offered}"
                );
            }
        }
        assert!(!fits("CPU_arch", "v6K", "v6T2"));
        assert!(!fits("CPU_arch", "v6", "v6-M"));
        assert!(fits("FP_arch", "VFPv3", "VFPv3-D16"));
        assert!(!fits("FP_arch", "VFPv4-D16", "VFPv3"));
    }

    #[test]
    fn every_value_of_an_ordered_tag_has_its_demands() {
        for tag in ["CPU_arch", "FP_arch", "Advanced_SIMD_arch", "THUMB_ISA_use"] {
            let values = TAGS.iter().find(|t| t.1 == tag).unwrap().3;
            for (_, words) in values {
                // v8.1-A to v8.3-A were never written by a released assembler.
                if !words.starts_with("v8.") || words.ends_with("mainline") {
                    assert!(demands(tag, words).is_some(), "{tag} {words}");
                }
            }
        }
    }
}
