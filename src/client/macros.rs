//! Whether a sent job's macros may be expanded on the helper: gcc's `-fdirectives-only`.
//!
//! The client's preprocessor then only follows includes and conditionals. What it prints still
//! holds the macros' definitions, and the helper expands them. Here is what the options say about it;
//! what the files say is in [`super::examine`]. Both were found by experiment
//! (docs/expand-macros.md).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use super::examine::{self, Unsound};
use crate::compiler::name::Tool;
use crate::options::{find, scan, Family, Kind};
use crate::os::Moment;

/// The option. Where ccroute adds it, it is the first of the words that it adds.
pub const OPTION: &str = "-fdirectives-only";

/// The variable that tells ccroute under a launcher how many words it put before a job's arguments.
/// They are for the helper and for the preprocessor alone: a compile here does without them.
pub const ADDED: &str = "_CCROUTE_ADDED";

/// The line in a client's rules that has all macros expanded there: for a helper that cannot take
/// the other jobs.
pub const TURNED_BACK: &str = "expand-macros = client\n";

/// gcc's first version whose `-fdirectives-only` understands raw strings and comments as its other
/// preprocessor does.
pub const FIRST_VERSION: u32 = 11;

/// Options under which a kernel's compiler speaks of what is stated; prefixes.
const AGAINST_STATED: [&[u8]; 3] = [
    b"-Wbuiltin-macro-redefined",
    b"-Wdate-time",
    b"-Werror=builtin-macro-redefined",
];

/// A job whose macros may be expanded on the helper, as far as its arguments show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    pub source: &'a [u8],
    pub cxx: bool,
    /// What is stated of it, if it is a kernel's.
    stated: Option<Stated>,
}

/// What a job in a kernel says of itself: its text is not examined.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stated {
    /// What `__BASE_FILE__` is.
    base: Vec<u8>,
    /// Whether `__DATE__` and `__TIME__` are errors.
    dateless: bool,
}

/// The job, if its macros may be expanded on the helper.
pub fn candidate<'a>(tool: Tool, args: &'a [&'a OsStr], kernel: bool) -> Option<Candidate<'a>> {
    // clang understands the option only since version 15, and otherwise.
    if !matches!(tool, Tool::Gcc | Tool::Gxx) {
        return None;
    }
    let mut source = None;
    let mut strict89 = false;
    for arg in scan(args) {
        match arg.kind {
            Kind::Plain(word) if is_against(word) => return None,
            Kind::Plain(word) if hands_on(word) => return None,
            Kind::Plain(word) => strict89 |= is_c89(word),
            Kind::Valued(b"-x" | b"--language", _) => return None,
            Kind::Input(path) => source = Some(path),
            _ => {}
        }
    }
    let source = source?;
    let dot = source.iter().rposition(|&b| b == b'.')?;
    let cxx = match &source[dot + 1..] {
        b"c" => tool == Tool::Gxx,
        b"cc" | b"cpp" | b"cxx" | b"cp" | b"c++" | b"C" | b"CPP" => true,
        _ => return None,
    };
    // There `//` begins no comment, but the option takes it for one.
    if strict89 && !cxx {
        return None;
    }
    let stated = match kernel {
        true => Some(Stated::of(args, source)?),
        false => None,
    };
    Some(Candidate {
        source,
        cxx,
        stated,
    })
}

/// Whether the table of options keeps macros here with it.
fn is_against(word: &[u8]) -> bool {
    find(Family::Gcc, word).is_some_and(|row| row.macros_here)
}

/// `-Wp,-P` and the like.
fn hands_on(word: &[u8]) -> bool {
    let Some(rest) = word.strip_prefix(b"-Wp,") else {
        return false;
    };
    rest.split(|&b| b == b',').any(is_against)
}

/// The standards of C without `//`.
fn is_c89(word: &[u8]) -> bool {
    const NAMES: [&[u8]; 4] = [b"c89", b"c90", b"iso9899:1990", b"iso9899:199409"];
    let standard = word.strip_prefix(b"-std=");
    word == b"-ansi" || standard.is_some_and(|s| NAMES.contains(&s))
}

/// Whether the compiler translates trigraphs under these options, as far as can be told: a `no` is
/// certain. The standards of C++ have none since C++17.
pub fn translates_trigraphs(args: &[&OsStr]) -> bool {
    const WITHOUT: [&[u8]; 8] = [
        b"c++17", b"c++1z", b"c++20", b"c++2a", b"c++23", b"c++2b", b"c++26", b"c++2c",
    ];
    let strict = |standard: &[u8]| {
        (standard.starts_with(b"c") || standard.starts_with(b"iso")) && !WITHOUT.contains(&standard)
    };
    args.iter().any(|arg| {
        let word = arg.as_encoded_bytes();
        let standard = word.strip_prefix(b"-std=").or(word.strip_prefix(b"--std="));
        word.ends_with(b"-ansi") || word.ends_with(b"-trigraphs") || standard.is_some_and(strict)
    })
}

impl Candidate<'_> {
    /// What in the command line or in the source itself speaks against it, if that is known before
    /// the preprocessor runs. `content`: of the source.
    pub fn unsound(&self, args: &[&OsStr], content: &[u8]) -> Option<Unsound> {
        match &self.stated {
            Some(_) => examine::alone_in_kernel(content),
            None => examine::words(args.iter().copied()).or_else(|| examine::alone(content)),
        }
    }

    /// Whether the preprocessor's text has to be examined before it leaves. A kernel has nothing
    /// unsound in what is compiled for it.
    pub fn is_examined(&self) -> bool {
        self.stated.is_none()
    }

    /// Whether [`Candidate::arguments`] wants to know the date.
    pub fn says_date(&self) -> bool {
        self.stated.as_ref().is_some_and(|s| !s.dateless)
    }

    /// The arguments that have the macros expanded on the helper. Of a kernel's job is also stated
    /// what the helper could not know: there the source has another name, and the clock and
    /// SOURCE_DATE_EPOCH are others.
    pub fn arguments(&self, built: Option<&Built>) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec![OPTION.into()];
        if let Some(stated) = &self.stated {
            words.push("-Wno-builtin-macro-redefined".into());
            let base = [b"-D__BASE_FILE__=\"", &stated.base[..], b"\""].concat();
            words.push(OsString::from_vec(base));
        }
        if let Some(built) = built {
            words.push(format!("-D__DATE__=\"{}\"", built.date).into());
            words.push(format!("-D__TIME__=\"{}\"", built.time).into());
        }
        words
    }
}

impl Stated {
    /// What can be stated of the source under these arguments, if nothing speaks against it.
    fn of(args: &[&OsStr], source: &[u8]) -> Option<Stated> {
        let (mut maps, mut dateless) = (Maps::default(), false);
        for arg in scan(args) {
            match arg.kind {
                Kind::Plain(b"-Werror=date-time") => dateless = true,
                Kind::Plain(b"-Wno-date-time") => dateless = false,
                Kind::Plain(b"-Wno-error=date-time") => return None,
                Kind::Plain(word) if AGAINST_STATED.iter().any(|a| word.starts_with(a)) => {
                    return None
                }
                Kind::Plain(word) => maps.add(word),
                _ => {}
            }
        }
        let base = maps.apply(source)?;
        // It has to go into a string of C.
        let plain = |b: &u8| !matches!(b, b'"' | b'\\') && !b.is_ascii_control();
        base.iter().all(plain).then_some(Stated { base, dateless })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_c_and_cxx_with_gcc() {
        let ask = |tool, line: &str| {
            let words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
            let kernel = line.contains("__KERNEL__");
            candidate(tool, &words, kernel).is_some()
        };
        for line in [
            "-O2 -g -c a.c",
            "-c a.c++ -o a.o",
            "-Wp,-MMD,x.d -c ../x.y/a.C",
            "-Wdate-time -fmacro-prefix-map=a=b=c -c a.cc",
            "-std=c89 -c a.cc",
            "-std=gnu89 -c a.c",
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
            "-dD -c a.c",
            "-ggdb3 -c a.c",
            "-x c++ -c a.c",
            "-std=c89 -c a.c",
            "-ansi -c a.c",
            "-D__KERNEL__ -Wdate-time -c a.c",
            "-D__KERNEL__ -Werror=date-time -Wno-error=date-time -c a.c",
            "-D__KERNEL__ -Werror=builtin-macro-redefined -c a.c",
            "-D__KERNEL__ -fmacro-prefix-map=a=b=c -c a.c",
            "-D__KERNEL__ -fmacro-prefix-map=a=b -ffile-prefix-map=b=c -c a.c",
            "-D__KERNEL__ -fmacro-prefix-map=a=\"b -c a.c",
            "-traditional-cpp -c a.c",
            "-fdirectives-only -c a.c",
            "-finput-charset=latin1 -c a.c",
        ] {
            assert!(!ask(Tool::Gcc, line), "{line}");
        }
        assert!(!ask(Tool::Clang, "-c a.c"));
    }

    #[test]
    fn a_language_is_the_tools_or_the_files() {
        let cxx = |tool, source: &'static str| {
            let words = [OsStr::new("-c"), OsStr::new(source)];
            candidate(tool, &words, false).map(|c| c.cxx)
        };
        assert_eq!(cxx(Tool::Gcc, "a.c"), Some(false));
        assert_eq!(cxx(Tool::Gcc, "a.cpp"), Some(true));
        assert_eq!(cxx(Tool::Gxx, "a.c"), Some(true));
        assert_eq!(cxx(Tool::Gxx, "a.C"), Some(true));
    }

    #[test]
    fn trigraphs_belong_to_the_old_strict_standards() {
        for (line, want) in [
            ("-std=c++14", true),
            ("-std=c11", true),
            ("-std=iso9899:1999", true),
            ("-ansi", true),
            ("-trigraphs", true),
            ("-Wp,-trigraphs", true),
            ("-std=gnu++14", false),
            ("-std=c++17", false),
            ("-O2", false),
        ] {
            assert_eq!(translates_trigraphs(&[OsStr::new(line)]), want, "{line}");
        }
    }

    #[test]
    fn what_shows_before_the_preprocessor_runs() {
        let ask = |kernel, word: &'static str, content: &str| {
            let words = [OsStr::new(word), OsStr::new("-c"), OsStr::new("a.c")];
            let candidate = candidate(Tool::Gcc, &words, kernel).unwrap();
            candidate.unsound(&words, content.as_bytes())
        };
        assert_eq!(ask(false, "-DX=1", "int a = __COUNTER__;"), None);
        assert_eq!(
            ask(true, "-DX=1", "int a = __COUNTER__;"),
            Some("__COUNTER__")
        );
        assert_eq!(ask(false, "-DX=__DATE__", ""), Some("__DATE__"));
        assert_eq!(ask(false, "-DX=1", "__DATE__"), Some("__DATE__"));
        // Whether a pushed name counts only the text tells.
        let push = "#pragma push_macro(\"A\")\n";
        assert_eq!(ask(false, "-DX=1", push), None);
        assert_eq!(ask(true, "-DX=1", push), Some("#pragma push_macro"));
    }

    #[test]
    fn what_the_helper_could_not_know_is_stated() {
        let built = Built::now(Some(OsStr::new("1700000000"))).unwrap();
        let ask = |line: &str, built: Option<&Built>| {
            let words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
            let candidate = candidate(Tool::Gcc, &words, true).expect(line);
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
