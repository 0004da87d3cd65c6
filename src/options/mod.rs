//! A compiler's arguments, read as gcc and clang read them: which words are options, which are
//! their values, which are inputs. What is known of each option is in one [`table`].
//!
//! Words are bytes and stay what they are; a hostile argument is only ever looked at.

pub mod table;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use table::Row;
pub use table::{find, named, Family, Harm, Shape, Stays, When};

/// One argument with its value. All slices lie in the words that were scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg<'a> {
    /// Place of the (first) word in the list scanned.
    pub index: usize,
    /// Words it takes: 1, or more for an option with its value in the next words.
    pub words: usize,
    pub kind: Kind<'a>,
    /// What is known of the option.
    pub row: Option<&'static Row>,
}

impl<'a> Arg<'a> {
    /// The target that the argument names outright: `--target=x`, `-target x`.
    pub fn target(&self) -> Option<&'a [u8]> {
        match self.kind {
            Kind::Valued(b"-target", value) => value,
            Kind::Plain(word) => word.strip_prefix(b"--target="),
            _ => None,
        }
    }

    /// Whether it is `-c` or `-S`: only these end the work before the linker, with an object.
    pub fn compiles(&self) -> bool {
        matches!(
            self.kind,
            Kind::Plain(b"-c" | b"-S" | b"--compile" | b"--assemble")
        )
    }
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

/// Scans a list of arguments (without `argv[0]`), in order, of a compiler that may be gcc or clang:
/// an option takes the next word if it does so in either.
pub fn scan<S: AsRef<OsStr>>(args: &[S]) -> Scan<'_, S> {
    scan_as(Family::Any, args)
}

/// The same for a compiler of a known family.
pub fn scan_as<S: AsRef<OsStr>>(family: Family, args: &[S]) -> Scan<'_, S> {
    Scan {
        family,
        args,
        next: 0,
        only_inputs: false,
    }
}

/// The iterator that [`scan`] returns.
#[derive(Clone, Debug)]
pub struct Scan<'a, S> {
    family: Family,
    args: &'a [S],
    next: usize,
    /// Behind a `--`, which clang knows.
    only_inputs: bool,
}

impl<'a, S: AsRef<OsStr>> Iterator for Scan<'a, S> {
    type Item = Arg<'a>;

    fn next(&mut self) -> Option<Arg<'a>> {
        let index = self.next;
        let word = self.args.get(index)?.as_ref().as_bytes();
        let (mut row, mut taken) = (None, 0);
        let kind = if word.len() > 1 && word[0] == b'@' {
            Kind::Response(&word[1..])
        } else if self.only_inputs || word.len() < 2 || word[0] != b'-' {
            Kind::Input(word)
        } else {
            self.only_inputs = word == b"--";
            row = find(self.family, word);
            let found = row.filter(|row| row.takes(self.family) > 0);
            found.map_or(Kind::Plain(word), |row| {
                self.valued(row, index, word, &mut taken)
            })
        };
        let words = 1 + taken;
        self.next = index + words;
        Some(Arg {
            index,
            words,
            kind,
            row,
        })
    }
}

impl<'a, S: AsRef<OsStr>> Scan<'a, S> {
    /// An option that may take further words; how many it does goes to `taken`.
    fn valued(&self, row: &Row, index: usize, word: &'a [u8], taken: &mut usize) -> Kind<'a> {
        let (name, rest) = match row.shape {
            Shape::StartAndNext => (word, &[][..]),
            _ => word.split_at(row.name.len()),
        };
        if !rest.is_empty() {
            return match row.shape {
                Shape::Joined => Kind::Valued(name, Some(rest)),
                _ => Kind::Plain(word),
            };
        }
        let left = self.args.len() - index - 1;
        *taken = row.takes(self.family).min(left);
        let value = self.args.get(index + 1).map(|v| v.as_ref().as_bytes());
        Kind::Valued(name, value)
    }
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
            // Words that only one of the compilers takes.
            (&["-R", "-c"], &[Valued(b"-R", Some(b"-c"))]),
            (
                &["-Xarch_arm64", "-c", "--rtlib", "x", "--rtlib=x"],
                &[
                    Valued(b"-Xarch_arm64", Some(b"-c")),
                    Valued(b"--rtlib", Some(b"x")),
                    Plain(b"--rtlib=x"),
                ],
            ),
            (
                &["-sectcreate", "a", "b", "c", "d.c"],
                &[Valued(b"-sectcreate", Some(b"a")), Input(b"d.c")],
            ),
            (&["-sectcreate", "a"], &[Valued(b"-sectcreate", Some(b"a"))]),
            // Behind `--` there are files, whatever they are called.
            (
                &["-O2", "--", "-c", "-o"],
                &[Plain(b"-O2"), Plain(b"--"), Input(b"-c"), Input(b"-o")],
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

    #[test]
    fn a_compiler_is_read_by_its_own_options() {
        let words = ["-include-pch", "x", "-R", "-c"];
        let read = |family| {
            let kinds = scan_as(family, &words).map(|a| a.kind);
            kinds.collect::<Vec<Kind<'_>>>()
        };
        use Kind::*;
        assert_eq!(
            read(Family::Gcc),
            [
                Valued(b"-include", Some(b"-pch")),
                Input(b"x"),
                Valued(b"-R", Some(b"-c"))
            ]
        );
        assert_eq!(
            read(Family::Clang),
            [
                Valued(b"-include-pch", Some(b"x")),
                Plain(b"-R"),
                Plain(b"-c")
            ]
        );
    }
}
