//! Whether code can be moved as a whole, as a position-independent program (PIE) is.
//!
//! Seen in relocations of executable sections: one that needs an absolute address makes
//! `ld -pie` stop ("recompile with -fPIE"), or gives a program with text relocations. The reverse,
//! position-independent code in a program that is not, is always right.
//!
//! Numbers: the `R_*` tables of each psABI.

use std::collections::BTreeSet;

use super::raw::Raw;
use super::{Fact, Machine, Meaning};

const PLACE: &str = "relocations";
const NAME: &str = "addresses";
const ABSOLUTE: &str = "absolute";
const RELATIVE: &str = "relative";

/// The relocation types that need an absolute address. `None`: not known for this machine.
fn absolute(machine: Machine) -> Option<&'static [u32]> {
    Some(match machine {
        // R_X86_64_64, _32, _32S.
        Machine::X86_64 => &[1, 10, 11],
        // R_386_32.
        Machine::I386 => &[1],
        // R_ARM_ABS32, _MOVW_ABS_NC, _MOVT_ABS, _THM_MOVW_ABS_NC, _THM_MOVT_ABS.
        Machine::ARM => &[2, 43, 44, 47, 48],
        // R_AARCH64_ABS64, _ABS32, _MOVW_UABS_G0 … _G3.
        Machine::AARCH64 => &[257, 258, 263, 264, 265, 266, 267, 268, 269],
        // R_RISCV_32, _64, _HI20.
        Machine::RISCV => &[1, 2, 26],
        // R_MIPS_32, _HI16, _64.
        Machine::MIPS => &[2, 5, 18],
        // R_PPC_ADDR32, _ADDR16_LO, _ADDR16_HI, _ADDR16_HA.
        Machine::PPC => &[1, 4, 5, 6],
        // R_PPC64_ADDR32, _ADDR16_LO, _ADDR16_HI, _ADDR16_HA, _ADDR64.
        Machine::PPC64 => &[1, 4, 5, 6, 38],
        // R_390_32, _64.
        Machine::S390 => &[4, 22],
        // R_SPARC_32, _HI22, _LO10, _64.
        Machine::SPARC | Machine::SPARC32PLUS | Machine::SPARCV9 => &[3, 9, 12, 32],
        // R_LARCH_ABS_HI20.
        Machine::LOONGARCH => &[64],
        _ => return None,
    })
}

/// Reads whether the code addresses things absolutely. Code that refers to nothing gives no fact.
pub(super) fn read(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    /// `SHF_EXECINSTR`.
    const EXECUTABLE: u64 = 4;
    /// `ET_REL`: a linked program has other relocations.
    const RELOCATABLE: u16 = 1;
    let machine = Machine(raw.machine);
    let Some(types) = absolute(machine).filter(|_| raw.kind == RELOCATABLE) else {
        return;
    };
    let mut words = None;
    for section in &raw.sections {
        let executable = usize::try_from(section.info)
            .ok()
            .and_then(|target| raw.sections.get(target))
            .is_some_and(|target| target.flags & EXECUTABLE != 0);
        if !executable {
            continue;
        }
        for relocation in &section.relocations {
            // MIPS64 packs up to three types into one entry; the first is the lowest byte.
            let kind = match machine {
                Machine::MIPS => relocation.kind & 0xff,
                _ => relocation.kind,
            };
            let symbol = usize::try_from(relocation.symbol)
                .ok()
                .and_then(|index| raw.symbols.get(index));
            // MIPS' way to its own GOT, a distance despite the type.
            let distance =
                symbol.is_some_and(|s| s.name == b"_gp_disp" || s.name == b"__gnu_local_gp");
            if types.contains(&kind) && !distance {
                facts.push(Fact::new(PLACE, NAME, ABSOLUTE, Meaning::Demand));
                return;
            }
            words = Some(RELATIVE);
        }
    }
    if let Some(words) = words {
        facts.push(Fact::new(PLACE, NAME, words, Meaning::Demand));
    }
}

/// The place and meaning of a fact by its name.
pub(super) fn known(name: &str) -> Option<(&'static str, Meaning)> {
    (name == NAME).then_some((PLACE, Meaning::Demand))
}

/// Absolute addresses demand that the program is not moved; relative ones demand nothing.
pub(super) fn demands(name: &str, words: &str) -> Option<BTreeSet<String>> {
    match (name, words) {
        (NAME, RELATIVE) => Some(BTreeSet::new()),
        (NAME, ABSOLUTE) => Some(BTreeSet::from([ABSOLUTE.to_string()])),
        _ => None,
    }
}
