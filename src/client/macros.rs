//! Whether a sent job's macros may be expanded on the helper: gcc's `-fdirectives-only`.
//!
//! The client's preprocessor then only follows includes and conditionals. What it prints still
//! holds the macros' definitions, and the helper expands them. That is another program to the
//! compiler in the cases below, found by experiment (`docs/expand-macros.md`), of which some give
//! another object without a word.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use crate::compiler::name::Tool;
use crate::options::{scan, Kind};
use crate::os::Moment;

/// Words in a source that mean something else on the helper, or that gcc does not print again.
/// A header's are not seen: whoever asks for the expansion knows the project's headers. Those that
/// headers do use are stated instead: [`Candidate::arguments`].
pub const UNSOUND: [&[u8]; 7] = [
    b"__COUNTER__",
    b"__INCLUDE_LEVEL__",
    b"__TIMESTAMP__",
    b"push_macro",
    b"pop_macro",
    b"redefine_extname",
    b"pragma message",
];

/// Options that gcc rejects beside `-fdirectives-only`, under which it loses lines, or under which
/// it speaks of what is stated; prefixes.
const AGAINST: [&[u8]; 16] = [
    b"-C",
    b"-P",
    b"-Wbuiltin-macro-redefined",
    b"-Wdate-time",
    b"-Werror=builtin-macro-redefined",
    b"-Wunused-macros",
    b"-fdirectives-only",
    b"-finput-charset",
    b"-fopenacc",
    b"-fopenmp",
    b"-fpreprocessed",
    b"-frecord-gcc-switches",
    b"-g3",
    b"-ggdb3",
    b"-traditional",
    b"--traditional",
];

/// A job whose macros may be expanded on the helper, as far as its arguments show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    pub source: &'a [u8],
    /// What `__BASE_FILE__` is.
    base: Vec<u8>,
    /// Whether `__DATE__` and `__TIME__` are errors, as in a kernel.
    pub dateless: bool,
}

/// The job, if its macros may be expanded on the helper.
pub fn candidate<'a>(tool: Tool, args: &'a [&'a OsStr]) -> Option<Candidate<'a>> {
    // clang understands the option only since version 15, and otherwise.
    if !matches!(tool, Tool::Gcc | Tool::Gxx) {
        return None;
    }
    let (mut source, mut dateless) = (None, false);
    let mut maps = Maps::default();
    for arg in scan(args) {
        match arg.kind {
            Kind::Plain(b"-Werror=date-time") => dateless = true,
            Kind::Plain(b"-Wno-date-time") => dateless = false,
            Kind::Plain(b"-Wno-error=date-time") => return None,
            Kind::Plain(word) if AGAINST.iter().any(|a| word.starts_with(a)) => return None,
            Kind::Plain(word) if hands_on(word) => return None,
            Kind::Plain(word) => maps.add(word),
            Kind::Input(path) => source = Some(path),
            _ => {}
        }
    }
    let source = source?;
    let dot = source.iter().rposition(|&b| b == b'.')?;
    let extension = &source[dot + 1..];
    let known: [&[u8]; 7] = [b"c", b"cc", b"cpp", b"cxx", b"cp", b"c++", b"C"];
    let base = maps.apply(source)?;
    // It has to go into a string of C.
    let plain = |b: &u8| !matches!(b, b'"' | b'\\') && !b.is_ascii_control();
    (known.contains(&extension) && base.iter().all(plain)).then_some(Candidate {
        source,
        base,
        dateless,
    })
}

impl Candidate<'_> {
    /// The arguments that have the macros expanded on the helper. There the source has another
    /// name, and the clock and SOURCE_DATE_EPOCH are others, so that what the compiler would say of
    /// them here is stated; that counts for headers too.
    pub fn arguments(&self, built: Option<&Built>) -> Vec<OsString> {
        let mut base = b"-D__BASE_FILE__=\"".to_vec();
        base.extend_from_slice(&self.base);
        base.push(b'"');
        let mut words: Vec<OsString> = vec![
            "-fdirectives-only".into(),
            "-Wno-builtin-macro-redefined".into(),
            OsString::from_vec(base),
        ];
        if let Some(built) = built {
            words.push(format!("-D__DATE__=\"{}\"", built.date).into());
            words.push(format!("-D__TIME__=\"{}\"", built.time).into());
        }
        words
    }
}

/// `-fmacro-prefix-map=` and `-ffile-prefix-map=`, which also change what `__BASE_FILE__` is.
#[derive(Default)]
struct Maps<'a> {
    /// Each with its option and `OLD=NEW`.
    seen: Vec<(&'a [u8], &'a [u8])>,
}

impl<'a> Maps<'a> {
    fn add(&mut self, word: &'a [u8]) {
        let options: [&[u8]; 2] = [b"-fmacro-prefix-map=", b"-ffile-prefix-map="];
        for option in options {
            if let Some(map) = word.strip_prefix(option) {
                self.seen.push((option, map));
            }
        }
    }

    /// The path as the last map that fits makes it. `None` where versions of gcc differ: in where
    /// a map with two `=` is cut, and in which of both options comes first.
    fn apply(&self, path: &[u8]) -> Option<Vec<u8>> {
        let mut mapped = path.to_vec();
        for (option, map) in &self.seen {
            let mut parts = map.split(|&b| b == b'=');
            let (old, new) = (parts.next()?, parts.next()?);
            if parts.next().is_some() || *option != self.seen[0].0 {
                return None;
            }
            if let Some(rest) = path.strip_prefix(old) {
                mapped = [new, rest].concat();
            }
        }
        Some(mapped)
    }
}

/// What `__DATE__` and `__TIME__` are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    pub date: String,
    pub time: String,
}

impl Built {
    /// As gcc makes them of the clock, or of `SOURCE_DATE_EPOCH`. `None` for a value of that which
    /// gcc rejects.
    pub fn now(epoch: Option<&OsStr>) -> Option<Built> {
        /// The end of the year 9999, as in gcc.
        const LAST: i64 = 253_402_300_799;
        let seconds = match epoch {
            Some(text) => {
                let digits = text
                    .to_str()
                    .filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
                Some(digits?.parse().ok().filter(|n| *n <= LAST)?)
            }
            None => None,
        };
        Built::at(&crate::os::moment(seconds)?)
    }

    fn at(moment: &Moment) -> Option<Built> {
        let names = "JanFebMarAprMayJunJulAugSepOctNovDec";
        let month = names.get(moment.month * 3..moment.month * 3 + 3)?;
        Some(Built {
            date: format!("{month} {:2} {:4}", moment.day, moment.year),
            time: format!(
                "{:02}:{:02}:{:02}",
                moment.hour, moment.minute, moment.second
            ),
        })
    }
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
    UNSOUND
        .iter()
        .any(|word| memchr::memmem::find(text, word).is_some())
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
            "-Wdate-time -c a.c",
            "-Werror=date-time -Wno-error=date-time -c a.c",
            "-Werror=builtin-macro-redefined -c a.c",
            "-fmacro-prefix-map=a=b=c -c a.c",
            "-fmacro-prefix-map=a=b -ffile-prefix-map=b=c -c a.c",
            "-fmacro-prefix-map=a=\"b -c a.c",
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
        assert!(unsound(b"const char *d = __TIMESTAMP__;"));
        assert!(unsound(b"#pragma push_macro(\"A\")"));
        assert!(unsound(b"___INCLUDE_LEVEL____TIME__"));
        assert!(!unsound(b"const char *d = __DATE__;"));
        assert!(!unsound(b"int _; const char *f = __FILE__; _"));
        assert!(!unsound(b""));
    }

    #[test]
    fn what_the_helper_could_not_know_is_stated() {
        let built = Built::now(Some(OsStr::new("1700000000"))).unwrap();
        let ask = |line: &str, built: Option<&Built>| {
            let words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
            let candidate = candidate(Tool::Gcc, &words).expect(line);
            let words = candidate.arguments(built).into_iter().skip(2);
            let words: Vec<String> = words.map(|w| w.into_string().unwrap()).collect();
            words.join(" ")
        };
        for (line, base) in [
            ("-c ./a.c", "./a.c"),
            ("-fmacro-prefix-map=../= -c ../x/a.c", "x/a.c"),
            ("-fmacro-prefix-map=./= -c x/a.c", "x/a.c"),
            ("-ffile-prefix-map=/b=/x -c /b/a.c", "/x/a.c"),
            (
                "-ffile-prefix-map=/b=. -ffile-prefix-map=/=X -c /b/a.c",
                "Xb/a.c",
            ),
            (
                "-ffile-prefix-map=/=X -ffile-prefix-map=/c=. -c /b/a.c",
                "Xb/a.c",
            ),
            ("-fdebug-prefix-map=/b=/x -c /b/a.c", "/b/a.c"),
        ] {
            assert_eq!(ask(line, None), format!("-D__BASE_FILE__=\"{base}\""));
        }
        assert_eq!(
            ask("-c a.c", Some(&built)),
            "-D__BASE_FILE__=\"a.c\" -D__DATE__=\"Nov 14 2023\" -D__TIME__=\"22:13:20\""
        );
    }

    #[test]
    fn only_what_gcc_takes_for_an_epoch_is_one() {
        let built = |text: &str| Built::now(Some(OsStr::new(text)));
        let first = built("0").unwrap();
        assert_eq!((&*first.date, &*first.time), ("Jan  1 1970", "00:00:00"));
        for text in ["", "-1", "1x", "253402300800", "99999999999999999999"] {
            assert_eq!(built(text), None, "{text}");
        }
        assert!(Built::now(None).is_some());
    }
}
