//! What GNU tools note in objects of every machine: `.gnu.attributes`, `.MIPS.abiflags`,
//! `.note.gnu.property`, `.note.GNU-stack`.
//!
//! Sources: binutils documentation, "Object Attributes"; `include/elf/mips.h`
//! (`Elf_Internal_ABIFlags_v0`); "Linux Extensions to gABI", "ELF for the Arm 64-bit
//! Architecture" §6.2.6.

use object::elf;
use object::endian::{Endian, Endianness};
use object::read::elf::{GnuPropertyIterator, NoteIterator};

use super::attributes::{self, word, Form, Value};
use super::raw::Raw;
use super::{Fact, Machine, Meaning};

const ATTRIBUTES: &str = ".gnu.attributes";
const ABIFLAGS: &str = ".MIPS.abiflags";
const PROPERTY: &str = ".note.gnu.property";
const STACK: &str = ".note.GNU-stack";
/// `SHT_GNU_ATTRIBUTES`.
const SHT_GNU_ATTRIBUTES: u32 = 0x6fff_fff5;
/// `SHT_NOTE`.
const SHT_NOTE: u32 = 7;

/// The words of MIPS' floating-point conventions, in `.gnu.attributes` and `.MIPS.abiflags`.
const MIPS_FP: &[(u64, &str)] = &[
    (0, "any"),
    (1, "hard-double"),
    (2, "hard-single"),
    (3, "soft"),
    (4, "old-64"),
    (5, "xx"),
    (6, "64"),
    (7, "64A"),
];

/// Reads `.gnu.attributes`: the only place that tells MIPS' and PowerPC's float convention.
pub(super) fn attributes(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    let Some(section) = raw.sections.iter().find(|s| s.kind == SHT_GNU_ATTRIBUTES) else {
        return;
    };
    let form = |tag: u64| match tag {
        32 => Form::Both,
        _ if tag % 2 == 1 => Form::Text,
        _ => Form::Number,
    };
    let list = match attributes::read(section.data, raw.endian(), b"gnu", form) {
        Ok(list) => list,
        Err(_) => {
            facts.push(Fact::new(
                ATTRIBUTES,
                "gnu_attributes",
                "unreadable",
                Meaning::Abi,
            ));
            return;
        }
    };
    for attribute in list {
        let number = match attribute.value {
            Value::Number(n) => n,
            Value::Text(text) | Value::Both(_, text) => {
                let name = format!("Tag_GNU_{}", attribute.tag);
                facts.push(Fact::new(ATTRIBUTES, name, text, Meaning::AbiIfUsed));
                continue;
            }
        };
        let mut say = |name: &'static str, words: String| {
            facts.push(Fact::new(ATTRIBUTES, name, words, Meaning::AbiIfUsed));
        };
        match (Machine(raw.machine), attribute.tag) {
            // 0 is "nothing that depends on it".
            (_, _) if number == 0 => {}
            (Machine::MIPS, 4) => say("ABI_FP", word(MIPS_FP, number)),
            (Machine::MIPS, 8) => say("ABI_MSA", number.to_string()),
            (Machine::PPC | Machine::PPC64, 4) => {
                let float = [(1, "hard"), (2, "soft"), (3, "hard-single")];
                let long = [(1, "IBM-128"), (2, "64"), (3, "IEEE-128")];
                if number & 3 != 0 {
                    say("ABI_FP", word(&float, number & 3));
                }
                if number & 12 != 0 {
                    say("long-double", word(&long, (number >> 2) & 3));
                }
            }
            (Machine::PPC | Machine::PPC64, 8) => {
                say(
                    "ABI_Vector",
                    word(&[(1, "generic"), (2, "AltiVec"), (3, "SPE")], number),
                );
            }
            (Machine::PPC | Machine::PPC64, 12) => {
                say(
                    "struct-return",
                    word(&[(1, "registers"), (2, "memory")], number),
                );
            }
            (Machine::S390, 8) => {
                say(
                    "ABI_Vector",
                    word(&[(1, "software"), (2, "hardware")], number),
                );
            }
            (_, tag) => {
                let name = format!("Tag_GNU_{tag}");
                facts.push(Fact::new(
                    ATTRIBUTES,
                    name,
                    number.to_string(),
                    Meaning::AbiIfUsed,
                ));
            }
        }
    }
}

/// Reads `.MIPS.abiflags` (version 0, 24 bytes).
pub(super) fn mips_abiflags(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    if Machine(raw.machine) != Machine::MIPS {
        return;
    }
    let Some(section) = raw.section(ABIFLAGS.as_bytes()) else {
        return;
    };
    let (Some(&[v0, v1]), Some(&fp), Some(ases)) = (
        section.data.first_chunk::<2>(),
        section.data.get(7),
        section.data.get(12..16),
    ) else {
        facts.push(Fact::new(ABIFLAGS, "abiflags", "unreadable", Meaning::Abi));
        return;
    };
    if [v0, v1] != [0, 0] {
        facts.push(Fact::new(ABIFLAGS, "abiflags", "unreadable", Meaning::Abi));
        return;
    }
    facts.push(Fact::new(
        ABIFLAGS,
        "fp_abi",
        word(MIPS_FP, fp.into()),
        Meaning::Abi,
    ));
    let ases = raw.endian().read_u32_at(ases);
    if ases != 0 {
        facts.push(Fact::new(
            ABIFLAGS,
            "ASEs",
            bits(ases, &[]),
            Meaning::Demand,
        ));
    }
}

/// A number from four bytes; 0 if there are fewer.
trait ReadAt {
    fn read_u32_at(self, bytes: &[u8]) -> u32;
}

impl ReadAt for Endianness {
    fn read_u32_at(self, bytes: &[u8]) -> u32 {
        match bytes.first_chunk::<4>() {
            Some(four) if self.is_big_endian() => u32::from_be_bytes(*four),
            Some(four) => u32::from_le_bytes(*four),
            None => 0,
        }
    }
}

/// Set bits by name, or by number where they have none: `IBT+SHSTK`.
fn bits(value: u32, names: &[(u32, &str)]) -> String {
    (0..32)
        .filter(|n| value & (1 << n) != 0)
        .map(|n| match names.iter().find(|(bit, _)| *bit == n) {
            Some((_, name)) => (*name).to_string(),
            None => format!("bit{n}"),
        })
        .collect::<Vec<_>>()
        .join("+")
}

/// Reads `.note.gnu.property`: CET on x86, BTI, PAC and GCS on AArch64, the x86 level needed.
pub(super) fn properties(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    for section in raw.sections.iter().filter(|s| s.kind == SHT_NOTE) {
        if section.name != PROPERTY.as_bytes() {
            continue;
        }
        let read = if raw.is_64 {
            notes::<elf::FileHeader64<Endianness>>(raw, section.align, section.data, facts)
        } else {
            notes::<elf::FileHeader32<Endianness>>(
                raw,
                u32::try_from(section.align).unwrap_or(u32::MAX),
                section.data,
                facts,
            )
        };
        if read.is_err() {
            facts.push(Fact::new(
                PROPERTY,
                "properties",
                "unreadable",
                Meaning::Abi,
            ));
        }
    }
}

fn notes<E>(
    raw: &Raw<'_>,
    align: E::Word,
    data: &[u8],
    facts: &mut Vec<Fact>,
) -> Result<(), object::read::Error>
where
    E: object::read::elf::FileHeader<Endian = Endianness>,
{
    let mut notes = NoteIterator::<E>::new(raw.endian(), align, data)?;
    while let Some(note) = notes.next()? {
        let Some(properties) = note.gnu_properties(raw.endian()) else {
            continue;
        };
        property_list(raw, properties, facts)?;
    }
    Ok(())
}

fn property_list(
    raw: &Raw<'_>,
    mut properties: GnuPropertyIterator<'_, Endianness>,
    facts: &mut Vec<Fact>,
) -> Result<(), object::read::Error> {
    const X86_FEATURES: &[(u32, &str)] = &[(0, "IBT"), (1, "SHSTK"), (2, "LAM48"), (3, "LAM57")];
    const X86_LEVELS: &[(u32, &str)] = &[
        (0, "x86-64-baseline"),
        (1, "x86-64-v2"),
        (2, "x86-64-v3"),
        (3, "x86-64-v4"),
    ];
    const ARM_FEATURES: &[(u32, &str)] = &[(0, "BTI"), (1, "PAC"), (2, "GCS")];
    while let Some(property) = properties.next()? {
        let machine = Machine(raw.machine);
        let x86 = matches!(machine, Machine::I386 | Machine::X86_64);
        let (name, names, meaning): (&'static str, &[_], _) = match property.pr_type().0 {
            // Missing protection weakens the program that is linked, but does not break it.
            0xc000_0002 if x86 => ("CET", X86_FEATURES, Meaning::Code),
            0xc000_8002 if x86 => ("ISA_needed", X86_LEVELS, Meaning::Demand),
            0xc001_0002 if x86 => ("ISA_used", X86_LEVELS, Meaning::Code),
            0xc000_8001 | 0xc001_0001 if x86 => ("features", &[], Meaning::Code),
            0xc000_0000 if machine == Machine::AARCH64 => {
                ("branch-protection", ARM_FEATURES, Meaning::Code)
            }
            other => {
                let name = format!("property_{other:#x}");
                facts.push(Fact::new(PROPERTY, name, "present", Meaning::Code));
                continue;
            }
        };
        let value = property.data_u32(raw.endian())?;
        if value != 0 {
            facts.push(Fact::new(PROPERTY, name, bits(value, names), meaning));
        }
    }
    Ok(())
}

/// Reads whether the object is content with a stack that cannot be executed. Without the note a
/// linker makes the whole program's stack executable.
pub(super) fn stack(raw: &Raw<'_>, facts: &mut Vec<Fact>) {
    /// `SHF_EXECINSTR`.
    const EXECUTABLE: u64 = 4;
    let words = match raw.section(STACK.as_bytes()) {
        Some(note) if note.flags & EXECUTABLE == 0 => "none",
        Some(_) => "executable",
        None => "unmarked",
    };
    facts.push(Fact::new(STACK, "stack", words, Meaning::Demand));
}

/// The place and meaning of a fact by its name.
pub(super) fn known(name: &str) -> Option<(&'static str, Meaning)> {
    Some(match name {
        "ABI_FP" | "ABI_MSA" | "long-double" | "ABI_Vector" | "struct-return" => {
            (ATTRIBUTES, Meaning::AbiIfUsed)
        }
        "gnu_attributes" => (ATTRIBUTES, Meaning::Abi),
        "fp_abi" | "abiflags" => (ABIFLAGS, Meaning::Abi),
        "ASEs" => (ABIFLAGS, Meaning::Demand),
        "CET" | "ISA_used" | "features" | "branch-protection" => (PROPERTY, Meaning::Code),
        "ISA_needed" => (PROPERTY, Meaning::Demand),
        "properties" => (PROPERTY, Meaning::Abi),
        "stack" => (STACK, Meaning::Demand),
        _ if name.starts_with("Tag_GNU_") => (ATTRIBUTES, Meaning::AbiIfUsed),
        _ if name.starts_with("property_") => (PROPERTY, Meaning::Code),
        _ => return None,
    })
}
