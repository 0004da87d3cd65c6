//! The directory and the names in an object's debug information.

use super::compare::FirstDifference;
use super::raw::{Raw, Unreadable};

/// Where DWARF keeps its strings: the compilation directory, sources, functions, types.
const STRINGS: [&[u8]; 2] = [b".debug_str", b".debug_line_str"];
/// `SHF_COMPRESSED`.
const COMPRESSED: u64 = 0x800;

/// The first name that one object's debug information has and the other's has not. The compiler's own
/// description (DW_AT_producer) does not count.
///
/// # Errors
/// One of them is no ELF file.
pub fn names_difference(
    wanted: &[u8],
    offered: &[u8],
) -> Result<Option<FirstDifference>, Unreadable> {
    let (wanted, offered) = (Raw::parse(wanted)?, Raw::parse(offered)?);
    let (Some(wanted), Some(offered)) = (names(&wanted), names(&offered)) else {
        return Ok(None);
    };
    let only = |these: &[&[u8]], those: &[&[u8]]| {
        let missing = these.iter().find(|name| those.binary_search(name).is_err());
        missing.map(|name| String::from_utf8_lossy(name).into_owned())
    };
    let words = match (only(&wanted, &offered), only(&offered, &wanted)) {
        (None, None) => return Ok(None),
        (Some(here), Some(there)) => format!("{here} against {there}"),
        (Some(here), None) => format!("{here} is missing"),
        (None, Some(there)) => format!("{there} is added"),
    };
    Ok(Some(FirstDifference {
        section: "debug information".into(),
        offset: None,
        words,
    }))
}

/// All strings, sorted; `None` where they are compressed.
fn names<'d>(raw: &Raw<'d>) -> Option<Vec<&'d [u8]>> {
    let mut names = Vec::new();
    for section in raw.sections.iter().filter(|s| STRINGS.contains(&s.name)) {
        if section.flags & COMPRESSED != 0 {
            return None;
        }
        names.extend(
            section
                .data
                .split(|&b| b == 0)
                .filter(|name| !is_producer(name)),
        );
    }
    names.sort_unstable();
    Some(names)
}

/// `GNU C17 12.2.0 -O2 -g`, `Debian clang version 14.0.6`.
fn is_producer(name: &[u8]) -> bool {
    let clang = b"clang version ";
    name.starts_with(b"GNU ") || name.windows(clang.len()).any(|w| w == clang)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_compiler_s_description_is_passed_over() {
        for text in [
            "GNU C17 12.2.0 -g",
            "clang version 19.1.7 (x)",
            "Debian clang version 14.0.6",
        ] {
            assert!(is_producer(text.as_bytes()), "{text}");
        }
        for text in ["/home/GNU /a.c", "/tmp", "clang", ""] {
            assert!(!is_producer(text.as_bytes()), "{text}");
        }
    }
}
