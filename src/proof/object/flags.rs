//! `e_flags`, whose meaning depends on the machine.
//!
//! Sources: the psABI of each machine; binutils `include/elf/{arm,mips,ppc64,riscv,sparc,
//! loongarch}.h`. AArch64, x86 and S/390 define none: x32, ILP32 and 31 bit show in the word size.

use std::collections::BTreeSet;

use super::attributes::word;
use super::raw::Raw;
use super::{Fact, Machine, Meaning};

/// The place of everything that is read from the file header.
pub(super) const HEADER: &str = "ELF header";

/// Reads the flags. A bit that has no name here stays as a number, so no difference is lost.
pub(super) fn read(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    let flags = raw.flags;
    let mut seen = 0;
    let mut say = |mask: u32, name: &'static str, words: Option<String>, meaning: Meaning| {
        seen |= mask;
        if let Some(words) = words {
            facts.push(Fact::new(HEADER, name, words, meaning));
        }
    };
    let bit = |mask: u32, word: &str| (flags & mask != 0).then(|| word.to_string());
    match Machine(raw.machine) {
        Machine::ARM => {
            let version = (flags >> 24).to_string();
            say(0xff00_0000, "EABI", Some(version), Meaning::Abi);
            // Written by the linker only; in an object .ARM.attributes tells.
            let float = match flags & 0x600 {
                0x400 => Some("hard".to_string()),
                0x200 => Some("soft".to_string()),
                _ => None,
            };
            say(0x600, "float", float, Meaning::Abi);
            say(0x0080_0000, "BE8", bit(0x0080_0000, "yes"), Meaning::Abi);
        }
        Machine::RISCV => {
            say(1, "RVC", bit(1, "compressed"), Meaning::Demand);
            let float = word(
                &[(0, "soft"), (2, "single"), (4, "double"), (6, "quad")],
                (flags & 6).into(),
            );
            say(6, "float", Some(float), Meaning::Abi);
            say(8, "RVE", bit(8, "yes"), Meaning::Abi);
            say(0x10, "TSO", bit(0x10, "total-store-order"), Meaning::Demand);
        }
        Machine::MIPS => mips(raw, &mut say),
        Machine::PPC64 => {
            // 0 and 1 are the same convention: 0 is what assemblers wrote before there were two.
            let abi = match flags & 3 {
                0 | 1 => "ELFv1",
                2 => "ELFv2",
                _ => "3",
            };
            say(3, "ABI", Some(abi.to_string()), Meaning::Abi);
        }
        // gcc marks its objects "relocatable library" and clang does not; nothing depends on it.
        Machine::PPC => {
            let kind = (flags & 0x8001_8000 != 0).then(|| format!("{:#x}", flags & 0x8001_8000));
            say(0x8001_8000, "kind", kind, Meaning::Code);
        }
        Machine::SPARC | Machine::SPARC32PLUS | Machine::SPARCV9 => {
            let model = word(&[(0, "TSO"), (1, "PSO"), (2, "RMO")], (flags & 3).into());
            say(3, "memory-model", Some(model), Meaning::Abi);
            say(0x100, "V8+", bit(0x100, "V8+"), Meaning::Demand);
            say(0x200, "UltraSPARC-I", bit(0x200, "yes"), Meaning::Demand);
            say(0x400, "HaL-R1", bit(0x400, "yes"), Meaning::Demand);
            say(0x800, "UltraSPARC-III", bit(0x800, "yes"), Meaning::Demand);
        }
        Machine::LOONGARCH => {
            let float = word(
                &[(1, "soft"), (2, "single"), (3, "double")],
                (flags & 7).into(),
            );
            say(7, "float", Some(float), Meaning::Abi);
            let abi = ((flags & 0xc0) >> 6).to_string();
            say(0xc0, "object-ABI", Some(abi), Meaning::Abi);
        }
        _ => {}
    }
    let rest = flags & !seen;
    if rest != 0 {
        facts.push(Fact::new(
            HEADER,
            "e_flags",
            format!("{rest:#x}"),
            Meaning::Abi,
        ));
    }
}

fn mips(raw: &Raw<'_>, say: &mut impl FnMut(u32, &'static str, Option<String>, Meaning)) {
    let flags = raw.flags;
    let bit = |mask: u32, word: &str| (flags & mask != 0).then(|| word.to_string());
    let abi = match flags & 0xf020 {
        0x1000 => "o32",
        0x2000 => "o64",
        0x3000 => "eabi32",
        0x4000 => "eabi64",
        0x20 => "n32",
        0 if raw.is_64 => "n64",
        0 => "unspecified",
        _ => "unknown",
    };
    say(0xf020, "ABI", Some(abi.to_string()), Meaning::Abi);
    let isa = word(MIPS_ISA, (flags >> 28).into());
    say(0xf000_0000, "ISA", Some(isa), Meaning::Demand);
    say(1, "noreorder", bit(1, "yes"), Meaning::Code);
    // Code that keeps to the calls of shared libraries links with code that does not; a linker
    // warns, and what does not set up $gp cannot be part of a PIE.
    say(2, "pic", bit(2, "yes"), Meaning::Abi);
    say(4, "abicalls", bit(4, "yes"), Meaning::Abi);
    say(0x100, "32bitmode", bit(0x100, "yes"), Meaning::Abi);
    say(0x200, "fp64", bit(0x200, "yes"), Meaning::Abi);
    say(0x400, "nan2008", bit(0x400, "yes"), Meaning::Abi);
    let ase = |mask, name: &'static str| (mask, name, bit(mask, "yes"));
    for (mask, name, words) in [
        ase(0x0200_0000, "microMIPS"),
        ase(0x0400_0000, "MIPS16"),
        ase(0x0800_0000, "MDMX"),
    ] {
        say(mask, name, words, Meaning::Demand);
    }
    let machine = flags & 0x00ff_0000;
    let words = (machine != 0).then(|| format!("{:#x}", machine >> 16));
    say(0x00ff_0000, "processor", words, Meaning::Demand);
}

const MIPS_ISA: &[(u64, &str)] = &[
    (0, "mips1"),
    (1, "mips2"),
    (2, "mips3"),
    (3, "mips4"),
    (4, "mips5"),
    (5, "mips32"),
    (6, "mips64"),
    (7, "mips32r2"),
    (8, "mips64r2"),
    (9, "mips32r6"),
    (10, "mips64r6"),
];

/// What a MIPS instruction set includes. Release 6 took instructions away, so it includes only
/// itself.
pub(super) fn mips_demands(name: &str, words: &str) -> Option<BTreeSet<String>> {
    if name != "ISA" {
        return None;
    }
    const UP_TO_5: &[&str] = &["1", "2", "3", "4", "5"];
    let steps: Vec<&str> = match words {
        "mips1" => UP_TO_5[..1].to_vec(),
        "mips2" => UP_TO_5[..2].to_vec(),
        "mips3" => UP_TO_5[..3].to_vec(),
        "mips4" => UP_TO_5[..4].to_vec(),
        "mips5" => UP_TO_5.to_vec(),
        "mips32" => vec!["1", "2", "32"],
        "mips32r2" => vec!["1", "2", "32", "32r2"],
        "mips64" => [UP_TO_5, &["32", "64"]].concat(),
        "mips64r2" => [UP_TO_5, &["32", "64", "32r2", "64r2"]].concat(),
        "mips32r6" => vec!["32r6"],
        "mips64r6" => vec!["32r6", "64r6"],
        _ => return None,
    };
    Some(steps.into_iter().map(str::to_string).collect())
}

/// The place and meaning of a fact by its name; everything else in the header is ABI.
pub(super) fn known(name: &str) -> Option<(&'static str, Meaning)> {
    let meaning = match name {
        "RVC" | "TSO" | "V8+" | "UltraSPARC-I" | "UltraSPARC-III" | "HaL-R1" | "ISA"
        | "microMIPS" | "MIPS16" | "MDMX" | "processor" => Meaning::Demand,
        "kind" | "noreorder" => Meaning::Code,
        _ => return None,
    };
    Some((HEADER, meaning))
}
