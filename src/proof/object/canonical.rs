//! An object reduced to what its code is: the same bytes for the same code, whoever assembled it.
//!
//! Left out is what names the compiler's package or the place of compilation: `.comment`,
//! build-id, debug information, the source file's name. Symbol and section numbers, and the order
//! of symbols, depend on these; they are replaced by the place in a sorted order.

use std::collections::HashMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::raw::{Raw, Section, Symbol, Unreadable};

/// The version of the canonical form. Digests of different forms cannot be compared; whoever
/// stores one stores this too.
pub const FORM: u32 = 1;

/// ELF's section types that are structure and not content: `SYMTAB`, `STRTAB`, `RELA`, `REL`,
/// `GROUP`, `SYMTAB_SHNDX`, clang's list of symbols whose address is not taken.
const SYMTAB: u32 = 2;
const STRTAB: u32 = 3;
const GROUP: u32 = 17;
const SYMTAB_SHNDX: u32 = 18;
const LLVM_ADDRSIG: u32 = 0x6fff_4c03;
/// `SHF_LINK_ORDER`: `link` names a section.
const LINK_ORDER: u64 = 0x80;
/// The first of ELF's special section numbers.
const SPECIAL_SECTIONS: u32 = 0xff00;

/// What a section's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Counts.
    Content,
    /// Counts as entries of another section.
    Relocations,
    /// Symbol and string tables: count in canonical form, or not at all.
    Structure,
    /// Names the compiler's package, the build, or debug information.
    Aside,
}

/// The role of a section; relocations for a section that does not count do not either.
pub(super) fn role(raw: &Raw<'_>, section: &Section<'_>) -> Role {
    match section.kind {
        0 | SYMTAB | STRTAB | SYMTAB_SHNDX | LLVM_ADDRSIG => Role::Structure,
        4 | 9 => {
            let target = usize::try_from(section.info)
                .ok()
                .and_then(|index| raw.sections.get(index));
            match target {
                Some(target) if is_aside(target.name) => Role::Aside,
                _ => Role::Relocations,
            }
        }
        _ if is_aside(section.name) => Role::Aside,
        _ => Role::Content,
    }
}

fn is_aside(name: &[u8]) -> bool {
    [
        b".comment".as_slice(),
        b".note.gnu.build-id",
        b".GCC.command.line",
        b".llvmcmd",
    ]
    .contains(&name)
        || [b".debug".as_slice(), b".zdebug", b".gnu.debug", b".stab"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
}

/// One part of the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// A section's name, or what else it is: `ELF header`, `symbols`.
    pub name: String,
    /// Type, flags, alignment, sizes: what a linker goes by, as text.
    pub shape: String,
    pub content: Vec<u8>,
    /// Relocations, symbols or group members as lines, with what they are about.
    pub lines: Vec<Line>,
}

/// A relocation, symbol or group member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The offset in the section, where it has one.
    pub offset: Option<u64>,
    /// Everything that counts, with symbols by canonical number: names may be long and are
    /// given once, in the list of symbols.
    pub text: String,
    /// The symbol's name, for people.
    pub symbol: String,
}

/// The parts of an object in file order, then its symbols.
pub(super) fn parts(raw: &Raw<'_>) -> Vec<Part> {
    // Section numbers among those that count.
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    for (index, section) in raw.sections.iter().enumerate() {
        if role(raw, section) == Role::Content {
            numbers.insert(index, numbers.len());
        }
    }
    let number =
        |section: u32| -> Option<usize> { numbers.get(&usize::try_from(section).ok()?).copied() };
    let place = |section: u32| match section {
        0 => "undefined".to_string(),
        special if (SPECIAL_SECTIONS..0x1_0000).contains(&special) => format!("{special:#x}"),
        other => match number(other) {
            Some(n) => format!("section {n}"),
            None => "aside".to_string(),
        },
    };

    // Symbols that count, sorted; file names and section symbols do not, nor do those of
    // sections that do not count.
    let mut order: Vec<(usize, String)> = Vec::new();
    for (index, symbol) in raw.symbols.iter().enumerate().skip(1) {
        let place = place(symbol.section);
        if !matches!(symbol.kind(), SECTION | FILE) && place != "aside" {
            order.push((index, place));
        }
    }
    let key = |(index, place): &(usize, String)| -> Option<(Vec<u8>, String)> {
        let symbol = raw.symbols.get(*index)?;
        Some((symbol.name.to_vec(), symbol_text(symbol, place)))
    };
    order.sort_by_cached_key(key);
    let ranks: HashMap<usize, usize> = order
        .iter()
        .enumerate()
        .map(|(rank, (index, _))| (*index, rank))
        .collect();
    let reference = |symbol: u32| -> (String, String) {
        let Ok(index) = usize::try_from(symbol) else {
            return ("none".into(), String::new());
        };
        match (raw.symbols.get(index), ranks.get(&index)) {
            (Some(s), Some(rank)) => (format!("symbol {rank}"), lossy(s.name)),
            (Some(s), None) if s.kind() == SECTION => {
                let name = usize::try_from(s.section)
                    .ok()
                    .and_then(|i| raw.sections.get(i))
                    .map_or(String::new(), |s| lossy(s.name));
                (place(s.section), name)
            }
            _ => ("none".into(), String::new()),
        }
    };

    let mut parts = vec![Part {
        name: super::flags::HEADER.to_string(),
        shape: format!(
            "class {} data {} type {} machine {} flags {:#x}",
            raw.is_64, raw.big, raw.kind, raw.machine, raw.flags
        ),
        content: Vec::new(),
        lines: Vec::new(),
    }];
    for section in &raw.sections {
        let role = role(raw, section);
        if !matches!(role, Role::Content | Role::Relocations) {
            continue;
        }
        let mut shape = format!(
            "type {:#x} flags {:#x} align {} entry {} size {}",
            section.kind, section.flags, section.align, section.entry_size, section.size
        );
        if section.flags & LINK_ORDER != 0 {
            // Writing to a string cannot fail.
            let _ = write!(shape, " for {}", place(section.link));
        }
        let (mut content, mut lines) = (Vec::new(), Vec::new());
        if role == Role::Relocations {
            let _ = write!(shape, " of {}", place(section.info));
            lines.extend(section.relocations.iter().map(|r| {
                let (text, symbol) = reference(r.symbol);
                Line {
                    offset: Some(r.offset),
                    text: format!("{:#x} type {} addend {} {text}", r.offset, r.kind, r.addend),
                    symbol,
                }
            }));
        } else if section.kind == GROUP {
            let (text, symbol) = reference(section.info);
            lines.push(Line {
                offset: None,
                text: format!("group {text}"),
                symbol,
            });
            lines.extend(section.data.chunks_exact(4).enumerate().map(|(i, four)| {
                let mut word = [0; 4];
                word.copy_from_slice(four);
                let word = if raw.big {
                    u32::from_be_bytes(word)
                } else {
                    u32::from_le_bytes(word)
                };
                // The first word is the group's flags, the others are section numbers.
                let text = if i == 0 {
                    format!("{word:#x}")
                } else {
                    place(word)
                };
                Line {
                    offset: None,
                    text,
                    symbol: String::new(),
                }
            }));
        } else {
            content = section.data.to_vec();
        }
        parts.push(Part {
            name: lossy(section.name),
            shape,
            content,
            lines,
        });
    }
    parts.push(Part {
        name: "symbols".to_string(),
        shape: String::new(),
        content: Vec::new(),
        lines: order
            .iter()
            .filter_map(|(index, place)| {
                let symbol = raw.symbols.get(*index)?;
                Some(Line {
                    offset: None,
                    text: symbol_text(symbol, place),
                    symbol: lossy(symbol.name),
                })
            })
            .collect(),
    });
    parts
}

/// ELF's symbol types `STT_SECTION` and `STT_FILE`.
const SECTION: u8 = 3;
const FILE: u8 = 4;

fn symbol_text(symbol: &Symbol<'_>, place: &str) -> String {
    format!(
        "{place} value {:#x} size {} info {:#x} other {:#x}",
        symbol.value, symbol.size, symbol.info, symbol.other
    )
}

pub(super) fn lossy(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

/// A hash of an object's code: 32 hexadecimal digits, the first half of SHA-256 over the
/// canonical form. Equal for equal code, wherever it was compiled and whatever package compiled
/// it.
///
/// # Errors
/// The bytes are no ELF file, or a broken one.
pub fn digest(bytes: &[u8]) -> Result<String, Unreadable> {
    let raw = Raw::parse(bytes)?;
    let mut hash = Sha256::new();
    let mut feed = |bytes: &[u8]| {
        // Lengths first: no two different lists of parts read the same.
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    feed(&FORM.to_le_bytes());
    for part in parts(&raw) {
        feed(part.name.as_bytes());
        feed(part.shape.as_bytes());
        feed(&part.content);
        let names_count = part.name == "symbols";
        for line in &part.lines {
            feed(line.text.as_bytes());
            if names_count {
                feed(line.symbol.as_bytes());
            }
        }
    }
    let mut text = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
