//! An ELF file as plain data, whatever its word size and byte order: everything else in
//! [`super`] works on this and never on bytes of unknown meaning.

use object::elf;
use object::endian::{Endian, Endianness};
use object::read::elf::{FileHeader, Rel, Rela, SectionHeader, Sym};
use thiserror::Error;

/// Why an object could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// The file does not begin like an ELF file (an LTO-only or COFF object, a text, nothing).
    #[error("not an ELF file")]
    NotElf,
    /// It begins like one and contradicts itself later.
    #[error("broken ELF file: {0}")]
    Broken(String),
    /// Sections or names overlap so much that reading it would cost more than the file is
    /// worth; no compiler writes that.
    #[error("broken ELF file: its sections overlap")]
    Overlapping,
}

impl From<object::read::Error> for Unreadable {
    fn from(error: object::read::Error) -> Unreadable {
        Unreadable::Broken(error.to_string())
    }
}

/// The parts of an ELF file that this program asks about. Numbers are in the machine's own order.
#[derive(Debug)]
pub(super) struct Raw<'d> {
    pub is_64: bool,
    pub big: bool,
    pub kind: u16,
    pub machine: u16,
    pub flags: u32,
    /// By section number; the first is the null section.
    pub sections: Vec<Section<'d>>,
    /// By symbol number; the first is the null symbol. Empty without a symbol table.
    pub symbols: Vec<Symbol<'d>>,
}

/// One section.
#[derive(Debug)]
pub(super) struct Section<'d> {
    pub name: &'d [u8],
    pub kind: u32,
    pub flags: u64,
    pub align: u64,
    pub entry_size: u64,
    pub link: u32,
    pub info: u32,
    pub size: u64,
    /// Empty for a section that has no bytes in the file.
    pub data: &'d [u8],
    /// The entries, where this is a relocation section; they apply to section `info`.
    pub relocations: Vec<Relocation>,
}

/// One symbol.
#[derive(Debug)]
pub(super) struct Symbol<'d> {
    pub name: &'d [u8],
    pub info: u8,
    pub other: u8,
    /// A section's number, or one of ELF's special numbers (0 undefined, 0xfff1 absolute, …).
    pub section: u32,
    pub value: u64,
    pub size: u64,
}

/// One relocation. A REL entry has no addend; it lies in the section's bytes then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Relocation {
    pub offset: u64,
    pub kind: u32,
    pub symbol: u32,
    pub addend: i64,
}

impl Symbol<'_> {
    /// ELF's symbol type (`STT_*`).
    pub fn kind(&self) -> u8 {
        self.info & 0xf
    }
}

impl<'d> Raw<'d> {
    /// Reads the headers, symbols and relocations of an ELF file of any class and byte order.
    pub fn parse(bytes: &'d [u8]) -> Result<Raw<'d>, Unreadable> {
        if !bytes.starts_with(b"\x7fELF") {
            return Err(Unreadable::NotElf);
        }
        match bytes.get(4) {
            Some(1) => parse::<elf::FileHeader32<Endianness>>(bytes),
            Some(2) => parse::<elf::FileHeader64<Endianness>>(bytes),
            _ => Err(Unreadable::Broken("unknown word size".to_string())),
        }
    }

    /// The first section of this name.
    pub fn section(&self, name: &[u8]) -> Option<&Section<'d>> {
        self.sections.iter().find(|s| s.name == name)
    }

    /// The byte order, in the form that `object` wants.
    pub fn endian(&self) -> Endianness {
        if self.big {
            Endianness::Big
        } else {
            Endianness::Little
        }
    }
}

/// `SHN_XINDEX`: the section's number stands in a table of its own.
const EXTENDED: u16 = 0xffff;

fn parse<E>(bytes: &[u8]) -> Result<Raw<'_>, Unreadable>
where
    E: FileHeader<Endian = Endianness>,
{
    let header = E::parse(bytes)?;
    let endian = header.endian()?;
    let mips64el = header.is_mips64el(endian);
    let table = header.sections(endian, bytes)?;
    let mut sections = Vec::with_capacity(table.len());
    // In a real object no byte belongs to two sections, so their sizes add up to less than the
    // file. Holding hostile files to it bounds all work below by the file's length.
    let mut budget = bytes.len();
    // Names may share bytes (a name and its tail), so they are given more room.
    let mut names = bytes.len().saturating_mul(16);
    for header in table.iter() {
        let kind = header.sh_type(endian);
        let data = header.data(endian, bytes)?;
        spend(&mut budget, data.len())?;
        let name = table.section_name(endian, header)?;
        spend(&mut names, name.len())?;
        let mut relocations = Vec::new();
        if let Some((entries, _)) = header.rel(endian, bytes)? {
            relocations.extend(entries.iter().map(|r| Relocation {
                offset: r.r_offset(endian).into(),
                kind: r.r_type(endian).0,
                symbol: r.r_sym(endian),
                addend: 0,
            }));
        } else if let Some((entries, _)) = header.rela(endian, bytes)? {
            relocations.extend(entries.iter().map(|r| Relocation {
                offset: r.r_offset(endian).into(),
                kind: r.r_type(endian, mips64el).0,
                symbol: r.r_sym(endian, mips64el),
                addend: r.r_addend(endian).into(),
            }));
        }
        sections.push(Section {
            name,
            kind: kind.0,
            flags: header.sh_flags(endian).0,
            align: header.sh_addralign(endian).into(),
            entry_size: header.sh_entsize(endian).into(),
            link: header.sh_link(endian),
            info: header.sh_info(endian),
            size: header.sh_size(endian).into(),
            data,
            relocations,
        });
    }

    let symtab = table.symbols(endian, bytes, elf::SHT_SYMTAB)?;
    let mut symbols = Vec::with_capacity(symtab.len());
    for (index, symbol) in symtab.enumerate() {
        let name = symtab.symbol_name(endian, symbol)?;
        spend(&mut names, name.len())?;
        symbols.push(Symbol {
            name,
            info: symbol.st_info().0,
            other: symbol.st_other().0,
            section: match symbol.st_shndx(endian).0 {
                EXTENDED => symtab.shndx(endian, index).unwrap_or(0),
                number => number.into(),
            },
            value: symbol.st_value(endian).into(),
            size: symbol.st_size(endian).into(),
        });
    }
    Ok(Raw {
        is_64: header.is_class_64(),
        big: endian.is_big_endian(),
        kind: header.e_type(endian).0,
        machine: header.e_machine(endian).0,
        flags: header.e_flags(endian).0,
        sections,
        symbols,
    })
}

fn spend(budget: &mut usize, amount: usize) -> Result<(), Unreadable> {
    *budget = budget.checked_sub(amount).ok_or(Unreadable::Overlapping)?;
    Ok(())
}
