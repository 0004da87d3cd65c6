//! A compiler's arguments, read as gcc and clang read them: which words are options, which are
//! their values, which are inputs. Nothing is interpreted beyond that here.
//!
//! Words are bytes and stay what they are; a hostile argument is only ever looked at.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// How an option takes its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Takes {
    /// The next word, always: `-Xlinker WORD`.
    Next,
    /// The rest of the word, or the next word where nothing is left: `-Ifoo`, `-I foo`.
    JoinedOrNext,
}

/// Options whose value may be the next word (gcc's and clang's option tables: `Separate`).
const WITH_VALUE: &[(&[u8], Takes)] = &[
    (b"-o", Takes::JoinedOrNext),
    (b"-x", Takes::JoinedOrNext),
    (b"-D", Takes::JoinedOrNext),
    (b"-U", Takes::JoinedOrNext),
    (b"-I", Takes::JoinedOrNext),
    (b"-L", Takes::JoinedOrNext),
    (b"-l", Takes::JoinedOrNext),
    (b"-B", Takes::JoinedOrNext),
    (b"-A", Takes::JoinedOrNext),
    (b"-T", Takes::JoinedOrNext),
    (b"-u", Takes::JoinedOrNext),
    (b"-e", Takes::Next),
    (b"-z", Takes::Next),
    (b"-G", Takes::JoinedOrNext),
    (b"-J", Takes::JoinedOrNext),
    (b"-MF", Takes::JoinedOrNext),
    (b"-MT", Takes::JoinedOrNext),
    (b"-MQ", Takes::JoinedOrNext),
    (b"-include", Takes::JoinedOrNext),
    (b"-imacros", Takes::JoinedOrNext),
    (b"-isystem", Takes::JoinedOrNext),
    (b"-iquote", Takes::JoinedOrNext),
    (b"-idirafter", Takes::JoinedOrNext),
    (b"-iprefix", Takes::JoinedOrNext),
    (b"-isysroot", Takes::JoinedOrNext),
    (b"-iwithprefixbefore", Takes::JoinedOrNext),
    (b"-iwithprefix", Takes::JoinedOrNext),
    (b"-imultilib", Takes::JoinedOrNext),
    (b"-imultiarch", Takes::JoinedOrNext),
    (b"-iplugindir", Takes::Next),
    (b"-include-pch", Takes::Next),
    (b"-include-pth", Takes::Next),
    (b"-aux-info", Takes::Next),
    (b"-dumpbase", Takes::Next),
    (b"-dumpbase-ext", Takes::Next),
    (b"-dumpdir", Takes::Next),
    (b"-wrapper", Takes::Next),
    (b"-specs", Takes::Next),
    (b"--specs", Takes::Next),
    (b"-fplugin", Takes::Next),
    (b"-Xpreprocessor", Takes::Next),
    (b"-Xassembler", Takes::Next),
    (b"-Xlinker", Takes::Next),
    (b"-Xclang", Takes::Next),
    (b"-mllvm", Takes::Next),
    (b"-target", Takes::Next),
    (b"--target", Takes::Next),
    (b"--param", Takes::Next),
    (b"-param", Takes::Next),
    (b"--sysroot", Takes::Next),
    (b"-arch", Takes::Next),
    (b"--config", Takes::Next),
    (b"-gcc-toolchain", Takes::Next),
    (b"--output", Takes::Next),
    (b"--language", Takes::Next),
    (b"--include", Takes::Next),
    (b"--imacros", Takes::Next),
    (b"--define-macro", Takes::Next),
    (b"--undefine-macro", Takes::Next),
    (b"--include-directory", Takes::Next),
    (b"--include-directory-after", Takes::Next),
    (b"--include-prefix", Takes::Next),
    (b"--library-directory", Takes::Next),
    (b"--prefix", Takes::Next),
    (b"--assert", Takes::Next),
    (b"--dump", Takes::Next),
    (b"--dumpbase", Takes::Next),
    (b"--dumpdir", Takes::Next),
    (b"--entry", Takes::Next),
    (b"--force-link", Takes::Next),
    (b"--for-assembler", Takes::Next),
    (b"--for-linker", Takes::Next),
    (b"--dumpbase-ext", Takes::Next),
    (b"--include-with-prefix", Takes::Next),
    (b"--include-with-prefix-after", Takes::Next),
    (b"--include-with-prefix-before", Takes::Next),
    (b"--output-pch=", Takes::JoinedOrNext),
    // Other languages' options: gcc's driver takes their values for C as well.
    (b"-Hd", Takes::Next),
    (b"-Hf", Takes::Next),
    (b"-Xf", Takes::Next),
    (b"-gnatO", Takes::Next),
    (b"-fintrinsic-modules-path", Takes::Next),
    // clang's.
    (b"-F", Takes::JoinedOrNext),
    (b"-MJ", Takes::JoinedOrNext),
    (b"-Tbss", Takes::JoinedOrNext),
    (b"-Tdata", Takes::JoinedOrNext),
    (b"-Ttext", Takes::JoinedOrNext),
    (b"-Xanalyzer", Takes::Next),
    (b"-Xarch_device", Takes::Next),
    (b"-Xarch_host", Takes::Next),
    (b"-Xcuda-fatbinary", Takes::Next),
    (b"-Xcuda-ptxas", Takes::Next),
    (b"-Xopenmp-target", Takes::Next),
    (b"--analyzer-output", Takes::Next),
    (b"-b", Takes::Next),
    (b"-ccc-arcmt-migrate", Takes::Next),
    (b"-ccc-gcc-name", Takes::Next),
    (b"-ccc-install-dir", Takes::Next),
    (b"-ccc-objcmt-migrate", Takes::Next),
    (b"-cxx-isystem", Takes::JoinedOrNext),
    (b"-dependency-dot", Takes::Next),
    (b"-dependency-file", Takes::Next),
    (b"-dsym-dir", Takes::JoinedOrNext),
    (b"-fmodules-user-build-path", Takes::Next),
    (b"-framework", Takes::Next),
    (b"-gen-cdb-fragment-path", Takes::Next),
    (b"-iframework", Takes::JoinedOrNext),
    (b"-iframeworkwithsysroot", Takes::JoinedOrNext),
    (b"-isystem-after", Takes::JoinedOrNext),
    (b"-ivfsoverlay", Takes::JoinedOrNext),
    (b"-iwithsysroot", Takes::JoinedOrNext),
    (b"-meabi", Takes::Next),
    (b"-module-dependency-dir", Takes::Next),
    (b"-mthread-model", Takes::Next),
    (b"-resource-dir", Takes::Next),
    (b"-serialize-diagnostics", Takes::Next),
    (b"--serialize-diagnostics", Takes::Next),
    (b"-stdlib++-isystem", Takes::JoinedOrNext),
    (b"-working-directory", Takes::Next),
];

/// [`WITH_VALUE`] by its options' second byte: in `.0` the table's rows in that order, in `.1` where
/// each byte's begin. Nearly every argument of every call is looked up, so this is done at
/// compile time.
const BY_SECOND_BYTE: ([u8; WITH_VALUE.len()], [u8; 129]) = by_second_byte();

const fn by_second_byte() -> ([u8; WITH_VALUE.len()], [u8; 129]) {
    let mut order = [0; WITH_VALUE.len()];
    let mut starts = [0; 129];
    let (mut byte, mut next) = (0, 0);
    while byte < 128 {
        starts[byte] = next as u8;
        let mut row = 0;
        while row < WITH_VALUE.len() {
            if WITH_VALUE[row].0[1] as usize == byte {
                order[next] = row as u8;
                next += 1;
            }
            row += 1;
        }
        byte += 1;
    }
    starts[128] = next as u8;
    // Every row has its place, and every place is a byte.
    assert!(next == WITH_VALUE.len() && next < 256);
    (order, starts)
}

/// The rows of [`WITH_VALUE`] whose second byte is that of `word`.
fn rows_like(word: &[u8]) -> impl Iterator<Item = (&'static [u8], Takes)> {
    let (order, starts) = &BY_SECOND_BYTE;
    let byte = usize::from(word.get(1).copied().unwrap_or(0));
    let range = match byte {
        0..128 => usize::from(starts[byte])..usize::from(starts[byte + 1]),
        _ => 0..0,
    };
    order[range].iter().map(|&row| WITH_VALUE[usize::from(row)])
}

/// One argument with its value. All slices lie in the words that were scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Place of the (first) word in the list scanned.
    pub index: usize,
    /// Words it takes: 1, or 2 for an option with its value in the next word.
    pub words: usize,
    pub kind: Kind<'a>,
}

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// An option that takes a value, with that value (`None` where the list ends first):
    /// `-o x.o` is `("-o", Some("x.o"))`, `-I../x` is `("-I", Some("../x"))`.
    Valued(&'a [u8], Option<&'a [u8]>),
    /// Any other option, the whole word: `-c`, `-march=armv6`, `--target=x`, `-Wp,-MMD,x`.
    Plain(&'a [u8]),
    /// An input file; `-` is standard input.
    Input(&'a [u8]),
    /// `@FILE`: arguments from a file.
    Response(&'a [u8]),
}

/// Scans a list of arguments (without `argv[0]`), in order.
pub fn scan<S: AsRef<OsStr>>(args: &[S]) -> Scan<'_, S> {
    Scan { args, next: 0 }
}

/// The iterator that [`scan`] returns.
#[derive(Clone, Debug)]
pub struct Scan<'a, S> {
    args: &'a [S],
    next: usize,
}

impl<'a, S: AsRef<OsStr>> Iterator for Scan<'a, S> {
    type Item = Arg<'a>;

    fn next(&mut self) -> Option<Arg<'a>> {
        let index = self.next;
        let word = self.args.get(index)?.as_ref().as_bytes();
        let mut words = 1;
        let kind = if word.len() < 2 || (word[0] != b'-' && word[0] != b'@') {
            Kind::Input(word)
        } else if word[0] == b'@' {
            Kind::Response(&word[1..])
        } else if let Some((name, joined)) = valued(word) {
            let value = joined.or_else(|| {
                let value = self.args.get(index + 1)?.as_ref().as_bytes();
                words = 2;
                Some(value)
            });
            Kind::Valued(name, value)
        } else {
            Kind::Plain(word)
        };
        self.next = index + words;
        Some(Arg { index, words, kind })
    }
}

/// The option that takes a value and that `word` is or begins with; the longest wins.
fn valued(word: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    // Two frequent families that share a first letter with a valued option but are plain words.
    if word.starts_with(b"-Wp,") || word.starts_with(b"-Wl,") || word.starts_with(b"-Wa,") {
        return None;
    }
    let mut best: Option<(&[u8], Option<&[u8]>)> = None;
    for (name, takes) in rows_like(word) {
        if !word.starts_with(name) {
            continue;
        }
        let (name, rest) = word.split_at(name.len());
        let found = match (takes, rest.is_empty()) {
            (_, true) => (name, None),
            (Takes::JoinedOrNext, false) => (name, Some(rest)),
            (Takes::Next, false) => continue,
        };
        if best.is_none_or(|(b, _)| b.len() < name.len()) {
            best = Some(found);
        }
    }
    // Plain options that begin like a joined one.
    match best {
        Some((b"-e" | b"-u" | b"-T" | b"-G" | b"-A" | b"-l" | b"-o" | b"-B" | b"-J", Some(_)))
            if is_word_option(word) =>
        {
            None
        }
        other => other,
    }
}

/// Single-dash words that look like a short option with a joined value and are not.
fn is_word_option(word: &[u8]) -> bool {
    word.starts_with(b"-objc") || word.starts_with(b"-obj-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds<'a>(words: &'a [&'a str]) -> Vec<Kind<'a>> {
        scan(words).map(|a| a.kind).collect()
    }

    #[test]
    fn options_values_and_inputs_are_told_apart() {
        use Kind::*;
        let table: &[(&[&str], &[Kind<'_>])] = &[
            (
                &["-c", "a.c", "-o", "a.o"],
                &[Plain(b"-c"), Input(b"a.c"), Valued(b"-o", Some(b"a.o"))],
            ),
            (&["-oa.o", "-"], &[Valued(b"-o", Some(b"a.o")), Input(b"-")]),
            (
                &["-D__KERNEL__", "-D", "X=1"],
                &[
                    Valued(b"-D", Some(b"__KERNEL__")),
                    Valued(b"-D", Some(b"X=1")),
                ],
            ),
            (
                &["-include", "./include/linux/kconfig.h"],
                &[Valued(b"-include", Some(b"./include/linux/kconfig.h"))],
            ),
            (
                &["-iwithprefixbefore", "x", "-iwithprefix", "y"],
                &[
                    Valued(b"-iwithprefixbefore", Some(b"x")),
                    Valued(b"-iwithprefix", Some(b"y")),
                ],
            ),
            (
                &["-Wp,-MMD,x.d", "-march=armv6", "-MD", "-MFx.d"],
                &[
                    Plain(b"-Wp,-MMD,x.d"),
                    Plain(b"-march=armv6"),
                    Plain(b"-MD"),
                    Valued(b"-MF", Some(b"x.d")),
                ],
            ),
            (
                &["--target=arm", "-target", "arm"],
                &[Plain(b"--target=arm"), Valued(b"-target", Some(b"arm"))],
            ),
            // A value that looks like an option, and options whose value would look like an input.
            (&["-Xf", "-c"], &[Valued(b"-Xf", Some(b"-c"))]),
            (
                &["-cxx-isystem", "/x", "-mthread-model", "posix", "a.c"],
                &[
                    Valued(b"-cxx-isystem", Some(b"/x")),
                    Valued(b"-mthread-model", Some(b"posix")),
                    Input(b"a.c"),
                ],
            ),
            (
                &["-isystem-after", "/x", "-isystem", "/y", "-fno-x"],
                &[
                    Valued(b"-isystem-after", Some(b"/x")),
                    Valued(b"-isystem", Some(b"/y")),
                    Plain(b"-fno-x"),
                ],
            ),
            (&["@list"], &[Response(b"list")]),
            (&["-o"], &[Valued(b"-o", None)]),
            (&["", "@", "-"], &[Input(b""), Input(b"@"), Input(b"-")]),
            (
                &["-Xlinker", "-o", "x.c"],
                &[Valued(b"-Xlinker", Some(b"-o")), Input(b"x.c")],
            ),
            (
                &["-specs=x", "-fplugin=x", "-wrapper", "a,b"],
                &[
                    Plain(b"-specs=x"),
                    Plain(b"-fplugin=x"),
                    Valued(b"-wrapper", Some(b"a,b")),
                ],
            ),
        ];
        for (words, want) in table {
            assert_eq!(kinds(words), *want, "{words:?}");
        }
    }
}
