//! Whether a text whose macros the helper is to expand means there what it means here.
//!
//! gcc's `-fdirectives-only` carries out includes and conditionals and copies everything else. A few
//! constructs then mean something else, some without a message (docs/expand-macros.md has the list).
//! All of a job's words stand in the files that its preprocessor entered, and every file that it
//! entered has a line marker. So those files are searched, and not the text.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use memchr::{memchr3_iter, memchr_iter, memmem};

use crate::helper::evidence::markers::{compiler_directory, Marker, Markers};

/// Why macros must be expanded on the client, in a few words.
pub type Unsound = &'static str;

/// What the files of a job have shown so far.
#[derive(Clone, Debug, Default)]
pub struct Examination {
    /// The names given to `push_macro` and `pop_macro`.
    pushed: HashSet<Vec<u8>>,
}

/// Looks at every file that `text`, the output of `-fdirectives-only`, was made of. `main` is the
/// source as the compiler was told it; `read` gives a file's content, `None` if it cannot be read.
pub fn text(
    text: &[u8],
    main: &[u8],
    read: &mut dyn FnMut(&Path) -> Option<Vec<u8>>,
) -> Option<Unsound> {
    let mut files = Examination::default();
    let mut look = |name: &[u8], own: bool| match read(Path::new(OsStr::from_bytes(name))) {
        Some(content) => files.file(&content, own),
        None => Some("a file that cannot be read"),
    };
    if let Some(found) = look(main, false) {
        return Some(found);
    }
    let mut seen = HashSet::new();
    for marker in Markers::new(text).filter(Marker::enters) {
        if !seen.insert(marker.path) {
            continue;
        }
        let name = unescaped(marker.path);
        let own = marker.is_system() && is_compilers_own(&name);
        if let Some(found) = look(&name, own) {
            return Some(found);
        }
    }
    files.concludes(text)
}

/// Searches the words of a command line, `-D` above all.
pub fn words<'a>(mut words: impl Iterator<Item = &'a OsStr>) -> Option<Unsound> {
    let mut files = Examination::default();
    let found = words.find_map(|word| files.file(word.as_bytes(), false));
    found.or(files.pushes())
}

/// Searches a source file alone, without what it includes.
pub fn alone(content: &[u8]) -> Option<Unsound> {
    Examination::default().file(content, false)
}

/// Whether a kernel's source may be left to the helper. Kernels are not examined after the
/// preprocessor has run, so everything that needs a second look counts at once.
pub fn alone_in_kernel(content: &[u8]) -> Option<Unsound> {
    let mut files = Examination::default();
    let counts = memmem::find(content, b"__COUNTER__").map(|_| "__COUNTER__");
    counts
        .or_else(|| files.file(content, false))
        .or(files.pushes())
}

/// Whether a text may hold trigraphs for a compiler that translates them.
pub fn has_trigraph(text: &[u8]) -> bool {
    const THIRD: &[u8] = b"=/'()!<>-";
    memchr_iter(b'?', text).any(|at| {
        let third = text.get(at + 2);
        text.get(at + 1) == Some(&b'?') && third.is_some_and(|b| THIRD.contains(b))
    })
}

/// A name that is unsound wherever it stands.
const NAMES: [(&[u8], Unsound); 6] = [
    (b"__BASE_FILE__", "__BASE_FILE__"),
    (b"__DATE__", "__DATE__"),
    (b"__INCLUDE_LEVEL__", "__INCLUDE_LEVEL__"),
    (b"__TIMESTAMP__", "__TIMESTAMP__"),
    (b"__TIME__", "__TIME__"),
    (b"redefine_extname", "#pragma redefine_extname"),
];

impl Examination {
    /// Searches one file. `own`: it is one of the compiler's own headers, which may set a target.
    pub fn file(&mut self, text: &[u8], own: bool) -> Option<Unsound> {
        for (name, found) in NAMES {
            if words_in(text, name).next().is_some() {
                return Some(found);
            }
        }
        for at in words_in(text, b"GCC") {
            let after = skipped(&text[at + 3..]);
            if starts_with_word(after, b"dependency") {
                return Some("#pragma GCC dependency");
            }
            if !own && starts_with_word(after, b"target") {
                return Some("#pragma GCC target");
            }
        }
        let mut messages = words_in(text, b"message");
        if messages.any(|at| trimmed(&text[..at]).ends_with(b"pragma")) {
            return Some("#pragma message");
        }
        // `_Pragma("once")`, also where a macro makes the string.
        let mut onces = words_in(text, b"once");
        if onces.any(|at| {
            let (before, after) = (trimmed(&text[..at]), skipped(&text[at + 4..]));
            matches!(before.last(), Some(b'(' | b'"')) && matches!(after.first(), Some(b')' | b'"'))
        }) {
            return Some("_Pragma(\"once\")");
        }
        for name in [&b"push_macro"[..], b"pop_macro"] {
            for at in words_in(text, name) {
                match pushed_name(&text[at + name.len()..]) {
                    Some(pushed) => self.pushed.insert(pushed.to_vec()),
                    None => return Some("#pragma push_macro of a name that is not seen"),
                };
            }
        }
        memchr3_iter(b'%', b'?', b'\\', text).find_map(|at| symbol(text, at))
    }

    /// What has been pushed is unsound if the text still defines it: the pragma has been carried out
    /// here and is not in the text.
    fn concludes(&self, text: &[u8]) -> Option<Unsound> {
        const DEFINE: &[u8] = b"\n#define ";
        if self.pushed.is_empty() {
            return None;
        }
        if self.pushed.iter().any(|name| is_built_in(name)) {
            return self.pushes();
        }
        let mut defined = memmem::find_iter(text, DEFINE).map(|at| {
            let rest = &text[at + DEFINE.len()..];
            let end = rest.iter().position(|&b| !is_letter(b));
            &rest[..end.unwrap_or(rest.len())]
        });
        let known = defined.any(|name| self.pushed.contains(name));
        known.then_some("#pragma push_macro")
    }

    fn pushes(&self) -> Option<Unsound> {
        (!self.pushed.is_empty()).then_some("#pragma push_macro")
    }
}

/// What is wrong with the `%`, `?` or `\` at a place.
fn symbol(text: &[u8], at: usize) -> Option<Unsound> {
    let rest = &text[at + 1..];
    match text[at] {
        // `%:` instead of `#`: no directive to -fdirectives-only.
        b'%' => {
            let begins_line = || matches!(trimmed(&text[..at]).last(), None | Some(b'\n'));
            (rest.first() == Some(&b':') && begins_line()).then_some("%: instead of #")
        }
        // Trigraphs for `#` and for the backslash that continues a line.
        b'?' => matches!(rest, [b'?', b'=' | b'/', ..]).then_some("a trigraph"),
        // A word over two lines would be missed by every search here.
        _ => {
            let next = after_continuation(rest)?;
            let before = text[..at].last();
            (before.is_some_and(|b| is_letter(*b) || *b == b'%')
                && next
                    .first()
                    .is_some_and(|b| is_letter(*b) || b":\\".contains(b)))
            .then_some("a word continued over a line")
        }
    }
}

/// The places of a word that is no part of a longer one.
fn words_in<'a>(text: &'a [u8], word: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    memmem::find_iter(text, word).filter(move |&at| {
        let before = text[..at].last();
        !before.is_some_and(|b| is_letter(*b)) && starts_with_word(&text[at..], word)
    })
}

fn starts_with_word(text: &[u8], word: &[u8]) -> bool {
    text.strip_prefix(word)
        .is_some_and(|rest| !rest.first().is_some_and(|b| is_letter(*b)))
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\x0b' | b'\x0c')
}

/// What follows a continued line's end, if `rest`, behind a backslash, begins with one.
fn after_continuation(rest: &[u8]) -> Option<&[u8]> {
    let blanks = rest.iter().take_while(|b| is_blank(**b)).count();
    rest[blanks..].strip_prefix(b"\n")
}

/// The text without the blanks, comments and continued lines' ends that it begins with.
fn skipped(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [b, rest @ ..] if is_blank(*b) => rest,
            [b'\\', rest @ ..] => match after_continuation(rest) {
                Some(next) => next,
                None => return text,
            },
            [b'/', b'*', rest @ ..] => match memmem::find(rest, b"*/") {
                Some(end) => &rest[end + 2..],
                None => return text,
            },
            _ => return text,
        }
    }
}

/// The text without the blanks, comments and continued lines' ends that it ends with.
fn trimmed(mut text: &[u8]) -> &[u8] {
    loop {
        text = match text {
            [rest @ .., b] if is_blank(*b) => rest,
            [rest @ .., b'*', b'/'] => match memmem::rfind(rest, b"/*") {
                Some(start) => &rest[..start],
                None => return text,
            },
            [rest @ .., b'\n'] => {
                let blanks = rest.iter().rev().take_while(|b| is_blank(**b)).count();
                match &rest[..rest.len() - blanks] {
                    [rest @ .., b'\\'] => rest,
                    _ => return text,
                }
            }
            _ => return text,
        }
    }
}

/// The name in `("NAME")`, or within a string in `(\"NAME\")`.
fn pushed_name(rest: &[u8]) -> Option<&[u8]> {
    let rest = skipped(skipped(rest).strip_prefix(b"(")?);
    let rest = rest.strip_prefix(b"\\").unwrap_or(rest);
    let rest = rest.strip_prefix(b"\"")?;
    let end = rest.iter().position(|&b| !is_letter(b))?;
    matches!(rest[end], b'"' | b'\\').then_some(&rest[..end])
}

/// Whether a macro may be one that the compiler knows without a `#define` in the text.
fn is_built_in(name: &[u8]) -> bool {
    name == b"_Pragma"
        || name.starts_with(b"__has_")
        || (name.starts_with(b"__") && name.ends_with(b"__"))
}

/// Whether a path lies in a gcc's own include directory, whose headers set targets and take them back.
fn is_compilers_own(path: &[u8]) -> bool {
    compiler_directory(path).is_some_and(|seen| !seen.clang)
}

/// A marker's path as the file system has it: `\"`, `\\` and octal numbers undone.
fn unescaped(path: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(path.len());
    let mut rest = path;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            name.push(*first);
            continue;
        }
        let digits = rest.iter().take(3);
        let digits = digits.take_while(|b| (b'0'..=b'7').contains(*b)).count();
        if digits == 0 {
            name.extend(rest.first());
            rest = rest.get(1..).unwrap_or_default();
        } else {
            let number = rest[..digits].iter();
            let byte = number.fold(0u32, |n, b| n * 8 + u32::from(b - b'0'));
            name.push(byte as u8);
            rest = &rest[digits..];
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unsound_construct_is_found() {
        for (text, found) in [
            ("const char *d = __DATE__;", "__DATE__"),
            ("__TIME__", "__TIME__"),
            ("f(__TIMESTAMP__)", "__TIMESTAMP__"),
            ("int l[] = {__INCLUDE_LEVEL__};", "__INCLUDE_LEVEL__"),
            ("#define X(a) #a __BASE_FILE__", "__BASE_FILE__"),
            ("#pragma redefine_extname a b\n", "#pragma redefine_extname"),
            ("#pragma GCC target(\"avx2\")\n", "#pragma GCC target"),
            (
                "#pragma GCC /* x */ \\\n target (\"avx2\")\n",
                "#pragma GCC target",
            ),
            (
                "_Pragma(\"GCC target(\\\"avx2\\\")\")",
                "#pragma GCC target",
            ),
            ("DO(GCC target(\"avx2\"))", "#pragma GCC target"),
            (
                "_Pragma(\"GCC dependency \\\"a\\\"\")",
                "#pragma GCC dependency",
            ),
            ("# pragma  message \"x\"\n", "#pragma message"),
            ("#pragma/**/message(\"x\")\n", "#pragma message"),
            ("_Pragma(\"once\")\n", "_Pragma(\"once\")"),
            ("DO( once )\n", "_Pragma(\"once\")"),
            (
                "#pragma push_macro(NAME)\n",
                "#pragma push_macro of a name that is not seen",
            ),
            ("%:define A\n", "%: instead of #"),
            ("int a;\n  %: define A\n", "%: instead of #"),
            ("int a;\n/* x */%:define A\n", "%: instead of #"),
            ("int a;\r\n\\\n%:define A\n", "%: instead of #"),
            ("??=define A\n", "a trigraph"),
            ("???/\n", "a trigraph"),
            (
                "#pragma push_\\\nmacro(\"A\")\n",
                "a word continued over a line",
            ),
            (
                "#pragma push_\\ \t\r\nmacro(\"A\")\n",
                "a word continued over a line",
            ),
            ("__DA\\\n\\\nTE__\n", "a word continued over a line"),
            ("%\\\n:define A\n", "a word continued over a line"),
        ] {
            assert_eq!(alone(text.as_bytes()), Some(found), "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_it_is_not() {
        for text in [
            "",
            "#pragma once\n",
            "not more than once; pthread_once(&once, f); call_once(flag, once)",
            "int __DATE__x, x__DATE__, __TIMEOUT__;",
            "printf(\"%d%:\"); a %: b",
            "#pragma GCC optimize(\"O2\")\n#pragma GCC diagnostic push\n",
            "__attribute__((target(\"avx2\"))) void f();",
            "what?? a ? b : c; \"a??!b\"",
            "#define A(x) \\\n  x + \\\n  1\n#define B(x) f(x);\\\n  g(x)\n",
            "struct message { int pragma; };",
            "int a = __COUNTER__;",
            // No trigraph, which a continued line keeps apart.
            "const char *s = \"?\\\n?(\";",
        ] {
            assert_eq!(alone(text.as_bytes()), None, "{text}");
        }
    }

    /// The text that `-fdirectives-only` would make of `a.c` and `a.h`, and their contents.
    fn of(a_c: &str, a_h: &str, rest: &str) -> Option<Unsound> {
        let head = "# 0 \"a.c\"\n# 1 \"<built-in>\"\n#define __linux__ 1\n# 1 \"a.c\"\n";
        let whole = format!("{head}# 1 \"./a\\\".h\" 1\n{rest}# 2 \"a.c\" 2\n");
        text(whole.as_bytes(), b"a.c", &mut |path| match path.to_str()? {
            "a.c" => Some(a_c.into()),
            "./a\".h" => Some(a_h.into()),
            _ => None,
        })
    }

    #[test]
    fn headers_count_and_names_are_unescaped() {
        assert_eq!(of("", "", ""), None);
        assert_eq!(of("__DATE__", "", ""), Some("__DATE__"));
        assert_eq!(of("", "__TIME__", ""), Some("__TIME__"));
        let gone = "# 1 \"gone.h\" 1\n";
        assert_eq!(of("", "", gone), Some("a file that cannot be read"));
        // The name of a #line directive enters nothing.
        assert_eq!(of("", "", "# 7 \"gone.h\"\n"), None);
        assert_eq!(unescaped(br#"a\"b\\c\303\244"#), "a\"b\\cä".as_bytes());
    }

    #[test]
    fn a_pushed_name_counts_where_the_text_defines_it() {
        let push = "#pragma push_macro(\"A\")\n#undef A\n";
        let popped = "_Pragma(\"pop_macro(\\\"A\\\")\")\n";
        assert_eq!(of("", push, "#define AB 1\n"), None);
        assert_eq!(
            of(push, popped, "#define A 1\n"),
            Some("#pragma push_macro")
        );
        assert_eq!(
            of("", popped, "#define A(x) x\n"),
            Some("#pragma push_macro")
        );
        // Nobody defines __LINE__.
        let line = "#pragma push_macro(\"__LINE__\")\n";
        assert_eq!(of(line, "", ""), Some("#pragma push_macro"));
    }

    #[test]
    fn the_compilers_own_headers_may_set_a_target() {
        let avx = "#pragma GCC target(\"avx2\")\n";
        for (path, flags, found) in [
            (
                "/usr/lib/gcc/x86_64-linux-gnu/12/include/a.h",
                "1 3 4",
                None,
            ),
            (
                "/usr/lib/gcc-cross/aarch64-linux-gnu/12/include/a.h",
                "1 3",
                None,
            ),
            (
                "/usr/lib/gcc/x86_64-linux-gnu/12/include/a.h",
                "1",
                Some("#pragma GCC target"),
            ),
            ("/usr/include/a.h", "1 3 4", Some("#pragma GCC target")),
        ] {
            let whole = format!("# 0 \"a.c\"\n# 1 \"{path}\" {flags}\n");
            let mut read = |p: &Path| Some(if p == Path::new("a.c") { "" } else { avx }.into());
            assert_eq!(text(whole.as_bytes(), b"a.c", &mut read), found, "{path}");
        }
    }

    #[test]
    fn trigraphs_are_seen_in_any_row_of_question_marks() {
        for text in ["a??(", "????/", "???=", "?????="] {
            assert!(has_trigraph(text.as_bytes()), "{text}");
        }
        for text in ["", "??", "?? (", "a ? b : c"] {
            assert!(!has_trigraph(text.as_bytes()), "{text}");
        }
    }
}
