//! An object's facts, as readelf tells them: independent of the code under test.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{need, Ran};

/// What `readelf -h -A` says of a file.
#[derive(Debug)]
pub struct Elf {
    /// `ELF32` or `ELF64`.
    pub class: String,
    /// `2's complement, little endian`.
    pub data: String,
    /// `ARM`, `AArch64`, `RISC-V`, `Intel 80386`, `Advanced Micro Devices X86-64`.
    pub machine: String,
    /// e_flags, in hexadecimal and words: `0x5000000, Version5 EABI`.
    pub flags: String,
    /// Build attributes without their `Tag_`: `CPU_arch` is `v6`.
    attributes: BTreeMap<String, String>,
}

/// Reads a file's facts.
#[track_caller]
pub fn elf(path: &Path) -> Elf {
    let mut command = Command::new(need("readelf", "binutils"));
    command.env("LC_ALL", "C").args(["-h", "-A"]).arg(path);
    let text = Ran::of(&mut command).succeeded().stdout;
    let fields: BTreeMap<&str, &str> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim(), value.trim()))
        .collect();
    let field = |name: &str| {
        let value = fields.get(name);
        (*value.unwrap_or_else(|| panic!("no {name} in {text}"))).to_owned()
    };
    Elf {
        class: field("Class"),
        data: field("Data"),
        machine: field("Machine"),
        flags: field("Flags"),
        attributes: fields
            .iter()
            .filter_map(|(name, value)| Some((name.strip_prefix("Tag_")?, value)))
            .map(|(name, value)| (name.to_owned(), (*value).to_owned()))
            .collect(),
    }
}

impl Elf {
    /// A build attribute, empty where it is not stated.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", |value| value)
    }

    /// Panics unless this is ARMv6 code with VFPv2 registers for arguments, in ARM mode.
    #[track_caller]
    pub fn is_armv6_hard(&self) {
        assert_eq!(self.machine, "ARM", "{self:#?}");
        assert_eq!(self.class, "ELF32", "{self:#?}");
        assert_eq!(self.data, "2's complement, little endian", "{self:#?}");
        assert_eq!(self.attribute("CPU_arch"), "v6", "{self:#?}");
        assert_eq!(self.attribute("FP_arch"), "VFPv2", "{self:#?}");
        assert_eq!(self.attribute("ABI_VFP_args"), "VFP registers", "{self:#?}");
        assert_eq!(self.attribute("ARM_ISA_use"), "Yes", "{self:#?}");
        // ARMv6 has Thumb-1, and gcc says so of every ARMv6 object; Thumb-2 would be wrong.
        assert_ne!(self.attribute("THUMB_ISA_use"), "Thumb-2", "{self:#?}");
    }
}
