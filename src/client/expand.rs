//! Whether a sent job's macros may be expanded on the helper: gcc's `-fdirectives-only`.
//!
//! The client's preprocessor then only follows includes and conditionals. What it prints still
//! holds the macros' definitions, and the helper expands them. That is another program to the
//! compiler in the cases below, found by experiment (`docs/expand-macros.md`), of which some give
//! another object without a word.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use crate::args::{scan, Kind};
use crate::name::Tool;

/// Words in a source that mean something else on the helper, or that gcc does not print again.
/// A header's are not seen: whoever asks for the expansion knows the project's headers.
pub const UNSOUND: [&[u8]; 9] = [
    b"__COUNTER__",
    b"__DATE__",
    b"__INCLUDE_LEVEL__",
    b"__TIMESTAMP__",
    b"__TIME__",
    b"push_macro",
    b"pop_macro",
    b"redefine_extname",
    b"pragma message",
];

/// Options that gcc rejects beside `-fdirectives-only`, or under which it loses lines; prefixes.
const AGAINST: [&[u8]; 12] = [
    b"-C",
    b"-P",
    b"-Wunused-macros",
    b"-fdirectives-only",
    b"-finput-charset",
    b"-fopenacc",
    b"-fopenmp",
    b"-fpreprocessed",
    b"-g3",
    b"-ggdb3",
    b"-traditional",
    b"--traditional",
];

/// The source whose macros may be expanded on the helper, as far as the arguments show it.
pub fn candidate<'a>(tool: Tool, args: &'a [&'a OsStr]) -> Option<&'a [u8]> {
    // clang understands the option only since version 15, and otherwise.
    if !matches!(tool, Tool::Gcc | Tool::Gxx) {
        return None;
    }
    let mut source = None;
    for arg in scan(args) {
        match arg.kind {
            Kind::Plain(word) if AGAINST.iter().any(|a| word.starts_with(a)) => return None,
            Kind::Plain(word) if hands_on(word) => return None,
            Kind::Input(path) => source = Some(path),
            _ => {}
        }
    }
    let source = source?;
    let dot = source.iter().rposition(|&b| b == b'.')?;
    let extension = &source[dot + 1..];
    let known: [&[u8]; 7] = [b"c", b"cc", b"cpp", b"cxx", b"cp", b"c++", b"C"];
    // Its name has to go into a string of C.
    let plain = |b: &u8| !matches!(b, b'"' | b'\\') && !b.is_ascii_control();
    (known.contains(&extension) && source.iter().all(plain)).then_some(source)
}

/// The arguments that have a source's macros expanded on the helper. There the source has another
/// name, so that `__BASE_FILE__`, which headers use too, is stated.
pub fn arguments(source: &[u8]) -> [OsString; 3] {
    let mut base = b"-D__BASE_FILE__=\"".to_vec();
    base.extend_from_slice(source);
    base.push(b'"');
    [
        "-fdirectives-only".into(),
        "-Wno-builtin-macro-redefined".into(),
        OsString::from_vec(base),
    ]
}

/// `-Wp,-P` and the like.
fn hands_on(word: &[u8]) -> bool {
    let Some(rest) = word.strip_prefix(b"-Wp,") else {
        return false;
    };
    rest.split(|&b| b == b',')
        .any(|w| AGAINST.iter().any(|a| w.starts_with(a)))
}

/// Whether a source's text has any of [`UNSOUND`].
pub fn unsound(text: &[u8]) -> bool {
    UNSOUND.iter().any(|word| contains(text, word))
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    let Some(&first) = word.first() else {
        return false;
    };
    let mut rest = text;
    while let Some(at) = crate::sys::find_byte(first, rest) {
        rest = &rest[at..];
        if rest.starts_with(word) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_c_and_cxx_with_gcc() {
        let ask = |tool, line: &str| {
            let words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
            candidate(tool, &words).is_some()
        };
        for line in [
            "-O2 -g -c a.c",
            "-c a.c++ -o a.o",
            "-Wp,-MMD,x.d -c ../x.y/a.C",
        ] {
            assert!(ask(Tool::Gcc, line), "{line}");
        }
        for line in [
            "-c a.i",
            "-c a.ii",
            "-c a.m",
            "-c a",
            "-g3 -c a.c",
            "-C -c a.c",
            "-P -c a.c",
            "-fopenmp -c a.c",
            "-fopenmp-simd -c a.c",
            "-Wunused-macros -c a.c",
            "-Wp,-P -c a.c",
            "-traditional-cpp -c a.c",
            "-fdirectives-only -c a.c",
            "-finput-charset=latin1 -c a.c",
        ] {
            assert!(!ask(Tool::Gcc, line), "{line}");
        }
        assert!(!ask(Tool::Clang, "-c a.c"));
    }

    #[test]
    fn words_that_mean_something_else_there_are_found() {
        assert!(unsound(b"const char *d = __DATE__;"));
        assert!(unsound(b"#pragma push_macro(\"A\")"));
        assert!(unsound(b"___DATE____TIME__"));
        assert!(!unsound(b"int _; const char *f = __FILE__; _"));
        assert!(!unsound(b""));
    }
}
