//! RISC-V ISA strings, `rv64imafdc_zba`.

use super::isa::OTHER;

/// Single letters in the order in which an ISA string lists them; bit n is the nth.
const LETTERS: &[u8] = b"iemafdqcbvh";
/// Longer extensions, from bit 16 on.
const LONG: &[&str] = &[
    "zba", "zbb", "zbc", "zbs", "zicond", "zfh", "zfhmin", "zfa", "zicbom", "zicbop", "zicboz",
    "zca", "zcb", "zcd", "zve32x", "zve64d", "zvl128b", "zbkb", "zawrs", "ztso", "zmmul",
];
/// Once part of `i`, now named apart: which spelling a compiler uses depends on -misa-spec, and the
/// code is the same. `g` stands for both as well.
const ASSUMED: &[&str] = &["zicsr", "zifencei", "zicntr", "zihpm"];

/// Bits of the register width and the set of extensions; `None` if this is no ISA string.
pub fn parse(text: &str) -> Option<(u32, u64)> {
    let rest = text.strip_prefix("rv")?;
    let (width, rest) = if let Some(rest) = rest.strip_prefix("64") {
        (64, rest)
    } else {
        (32, rest.strip_prefix("32")?)
    };
    let named = rest.starts_with(|c: char| !matches!(c, '_' | 'z' | 's' | 'x'));
    named.then(|| (width, set(rest)))
}

/// Reads [`text`]'s form, which need not have a base: macros may not name it.
pub fn of_text(text: &str) -> Option<u64> {
    text.strip_prefix("rv64").map(set)
}

/// The set that an ISA string without its `rv64` means.
fn set(rest: &str) -> u64 {
    let mut parts = rest.split('_');
    let mut bits = 0;
    // The first part may run on from letters into one long name: rv64gczba does not exist, but
    // rv64imac_zba_zbb does, and vendors write rv64gcxtheadba.
    let first = parts.next().unwrap_or_default();
    let letters = first.find(['z', 's', 'x']).unwrap_or(first.len());
    let (letters, long) = first.split_at(letters);
    for byte in letters.bytes() {
        bits |= match byte {
            b'g' => letters_of(b"imafd"),
            // Version numbers, rv64i2p1, say nothing about what runs.
            b'0'..=b'9' | b'p' => 0,
            letter => letters_of(&[letter]),
        };
    }
    for name in std::iter::once(long).chain(parts) {
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == 'p');
        if name.is_empty() || ASSUMED.contains(&name) {
            continue;
        }
        bits |= match (name.len(), LONG.iter().position(|l| *l == name)) {
            (_, Some(place)) => 1 << (16 + place),
            (1, None) => letters_of(name.as_bytes()),
            (_, None) => OTHER,
        };
    }
    bits
}

/// The set as text. The width is the architecture's, and 64 is written for either.
pub fn text(bits: u64) -> String {
    let mut out = String::from("rv64");
    for (place, &letter) in LETTERS.iter().enumerate() {
        if bits & (1 << place) != 0 {
            out.push(char::from(letter));
        }
    }
    for (place, name) in LONG.iter().enumerate() {
        if bits & (1 << (16 + place)) != 0 {
            out.push('_');
            out.push_str(name);
        }
    }
    if bits & OTHER != 0 {
        out.push_str("_xother");
    }
    out
}

fn letters_of(letters: &[u8]) -> u64 {
    let bit = |l: &u8| {
        LETTERS
            .iter()
            .position(|x| x == l)
            .map_or(OTHER, |p| 1 << p)
    };
    letters.iter().map(bit).fold(0, |all, one| all | one)
}

/// The set of extensions that a macro `__riscv_NAME` stands for, or 0.
pub fn of_macro(name: &str) -> u64 {
    if name.len() == 1 && LETTERS.contains(&name.as_bytes()[0]) {
        return letters_of(name.as_bytes());
    }
    let found = LONG.iter().position(|l| *l == name);
    found.map_or(0, |place| 1 << (16 + place))
}
