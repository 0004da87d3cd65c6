//! What of a direct request is compiled here at once, because a launcher would only find out
//! later that it cannot be distributed, or would send it and lose something.
//!
//! Three sorts of jobs stay: those that distcc runs locally anyway, after starting up; those that
//! it sends and whose result then is refused, wrong or incomplete (distcc brings back one object
//! and nothing else); and those of which the arguments do not show enough to state the client's
//! defaults rightly. `tests/local_at_once.rs` holds every row against distcc.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::compiler::name::Tool;
use crate::options::{scan, Arg, Kind};
use crate::os::shown;

/// Why a direct request is compiled here at once. The words are the request's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalReason<'a> {
    /// No compiler of C, C++ or Objective-C.
    Tool(Tool),
    /// Neither `-c` nor `-S`: a link, a question, a probe.
    CompilesNothing,
    /// An argument that asks the compiler something, or makes it stop early.
    Asks(&'a [u8]),
    /// Arguments from a file: nothing is known of what the request overrides.
    ResponseFile(&'a [u8]),
    NoInput,
    /// An input that is read from standard input.
    StandardInput,
    /// A second input, or the value of an option that distcc takes for one.
    SecondInput(&'a [u8]),
    /// A second word that distcc takes for the output.
    SecondOutput(&'a [u8]),
    /// An input without an extension that distcc knows.
    UnknownSource(&'a [u8]),
    Assembler(&'a [u8]),
    /// The source of a configure script's test.
    Probe(&'a [u8]),
    /// A source that includes binary files, which stay on this machine.
    IncludesBinary(&'a [u8]),
    /// `-x`, which keeps distcc from telling the helper that macros are expanded.
    Language(&'a [u8]),
    /// An output that is no file.
    Output(&'a [u8]),
    /// An argument that makes a second file beside the object.
    WritesMore(&'a [u8]),
    /// An argument that makes the compiler itself (not its preprocessor) read a file.
    ReadsFile(&'a [u8]),
    /// Objects that only the very same compiler can read.
    Intermediate(&'a [u8]),
    /// An argument that counts twice, or is lost, where preprocessing and compiling are apart.
    Preprocessing(&'a [u8]),
    /// A spelling that distcc does not understand.
    Spelling(&'a [u8]),
    /// Means this machine's processor, which the helper does not have.
    Native(&'a [u8]),
}

impl LocalReason<'_> {
    /// The same without the request's own words: what calls are counted by.
    pub fn kind(&self) -> &'static str {
        use LocalReason::*;
        match self {
            Tool(_) => "a tool that is not sent",
            CompilesNothing => "a link or a question",
            Asks(_) => "only asks the compiler",
            ResponseFile(_) => "arguments from a file",
            NoInput => "no source",
            StandardInput => "source from standard input",
            SecondInput(_) => "a second input",
            SecondOutput(_) => "a second output",
            UnknownSource(_) => "no source that is sent",
            Assembler(_) => "assembler",
            Probe(_) => "a configure test",
            IncludesBinary(_) => "includes binary files",
            Language(_) => "-x LANGUAGE",
            Output(_) => "output that is no file",
            WritesMore(_) => "writes more than the object",
            ReadsFile(_) => "reads a file of the client's",
            Intermediate(_) => "link-time optimisation",
            Preprocessing(_) => "preprocessing and compiling not apart",
            Spelling(_) => "a spelling that distcc does not know",
            Native(_) => "means this machine's processor",
        }
    }
}

impl fmt::Display for LocalReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use LocalReason::*;
        match *self {
            Tool(tool) => write!(f, "{tool} is not sent"),
            CompilesNothing => f.write_str("neither -c nor -S: nothing that can be distributed"),
            Asks(word) => write!(f, "{} only asks the compiler", shown(word)),
            ResponseFile(file) => write!(f, "@{} may hold any argument", shown(file)),
            NoInput => f.write_str("no source is given"),
            StandardInput => f.write_str("the source comes from standard input"),
            SecondInput(word) => write!(f, "{} is a second input", shown(word)),
            SecondOutput(word) => write!(f, "{} is a second output", shown(word)),
            UnknownSource(word) => write!(f, "{} is no source that is sent", shown(word)),
            Assembler(word) => write!(f, "{} is assembler", shown(word)),
            Probe(word) => write!(f, "{} is a configure test", shown(word)),
            IncludesBinary(word) => write!(f, "{} includes binary files", shown(word)),
            Language(word) => write!(f, "-x {} is not sent", shown(word)),
            Output(word) => write!(f, "the output {} is no file", shown(word)),
            WritesMore(word) => write!(f, "{} writes more than the object", shown(word)),
            ReadsFile(word) => write!(f, "{} reads what the helper does not have", shown(word)),
            Intermediate(word) => {
                write!(f, "{} makes what only this compiler can read", shown(word))
            }
            Preprocessing(word) => {
                write!(f, "{} means something else in two steps", shown(word))
            }
            Spelling(word) => write!(f, "distcc does not know {}", shown(word)),
            Native(word) => write!(f, "{} means this machine", shown(word)),
        }
    }
}

/// The tools whose jobs are sent.
const SENT: [Tool; 6] = [
    Tool::Gcc,
    Tool::Gxx,
    Tool::Cc,
    Tool::Cxx,
    Tool::Clang,
    Tool::Clangxx,
];

/// What distcc takes for a source (`filename.c`, `dcc_is_source`).
const SOURCES: [&[u8]; 14] = [
    b"c", b"cc", b"cpp", b"cxx", b"C", b"i", b"ii", b"cp", b"c++", b"m", b"mm", b"mi", b"mii", b"M",
];

/// Words that begin so only ask, or end the work before there is an object.
const ASKS: [&[u8]; 9] = [
    b"-###",
    b"--help",
    b"-dump",
    b"-print-",
    b"--print-",
    b"--version",
    b"--verbose",
    b"--target-help",
    b"-fsyntax-only",
];

/// Words that begin so write files that distcc does not bring back.
const WRITES: [&[u8]; 22] = [
    b"--coverage",
    b"-dr",
    b"-fcallgraph-info",
    b"-fcompare-debug",
    b"-fcondition-coverage",
    b"-fdeps-",
    b"-fdiagnostics-add-output=",
    b"-fdiagnostics-format=json-file",
    b"-fdiagnostics-format=sarif-file",
    b"-fdiagnostics-set-output=",
    b"-fdump-",
    b"-fopt-info",
    b"-foptimization-record-file",
    b"-fpath-coverage",
    b"-fprofile-arcs",
    b"-frepo",
    b"-fsave-optimization-record",
    b"-fstack-usage",
    b"-ftest-coverage",
    b"-ftime-trace",
    b"-save-temps",
    b"--save-temps",
];

/// Words that begin so make the compiler proper read files, or run programs.
const READS: [&[u8]; 16] = [
    b"-fauto-profile",
    b"-fbranch-probabilities",
    b"-fmodule",
    b"-fpch-",
    b"-fplugin",
    b"-fprebuilt-module-path",
    b"-fprofile-",
    b"-fsanitize-blacklist=",
    b"-fsanitize-coverage-allowlist=",
    b"-fsanitize-coverage-ignorelist=",
    b"-fsanitize-ignorelist=",
    b"-fthinlto-index",
    b"-specs",
    b"--specs",
    b"-fxray-attr-list=",
    b"-load",
];

/// Options in the long form that distcc passes on unharmed; any other it takes for nothing.
const LONG: [&[u8]; 10] = [
    b"--debug",
    b"--gcc-toolchain=",
    b"--no-warnings",
    b"--optimize",
    b"--param",
    b"--pedantic",
    b"--std=",
    b"--sysroot",
    b"--target",
    b"--warn-",
];

/// Kernel sources that contain `.incbin`, which the helper's assembler resolves, or fails to.
const BINARIES: [&[u8]; 2] = [b"kernel/configs.c", b"kernel/kheaders.c"];

/// Why this request is compiled here at once; `None` if it can be sent. `kernel`: whether it is a
/// kernel compile. [`LocalReason::Native`] comes last: whoever can expand the word may send.
pub fn local_reason<'a>(
    tool: Tool,
    args: &'a [&'a OsStr],
    kernel: bool,
) -> Option<LocalReason<'a>> {
    if !SENT.contains(&tool) {
        return Some(LocalReason::Tool(tool));
    }
    // Links and questions are frequent, and need no closer look.
    if !args.iter().any(|a| matches!(a.as_bytes(), b"-c" | b"-S")) {
        return Some(LocalReason::CompilesNothing);
    }
    let mut seen = Seen::default();
    for arg in scan(args) {
        if let Some(reason) = seen.argument(&arg) {
            return Some(reason);
        }
    }
    seen.conclude(kernel)
}

/// What a list of arguments has shown so far.
#[derive(Default)]
struct Seen<'a> {
    compiles: bool,
    input: Option<&'a [u8]>,
    output: bool,
    /// The last word for or against intermediate code.
    intermediate: Option<&'a [u8]>,
    native: Option<&'a [u8]>,
}

impl<'a> Seen<'a> {
    fn argument(&mut self, arg: &Arg<'a>) -> Option<LocalReason<'a>> {
        match arg.kind {
            Kind::Response(file) => Some(LocalReason::ResponseFile(file)),
            Kind::Input(b"-") => Some(LocalReason::StandardInput),
            Kind::Input(word) => self.bare(word, true),
            Kind::Plain(word) => self.plain(word),
            Kind::Valued(option, value) => self.valued(arg, option, value),
        }
    }

    /// A word without a dash. distcc does not know which of them are values of options.
    fn bare(&mut self, word: &'a [u8], input: bool) -> Option<LocalReason<'a>> {
        let extension = extension(word);
        if input || SOURCES.contains(&extension) {
            // The helper has no objects.
            if extension == b"o" || self.input.is_some() {
                return Some(LocalReason::SecondInput(word));
            }
            self.input = Some(word);
        } else if extension == b"o" {
            return self.output(word);
        }
        None
    }

    fn output(&mut self, word: &'a [u8]) -> Option<LocalReason<'a>> {
        if std::mem::replace(&mut self.output, true) {
            return Some(LocalReason::SecondOutput(word));
        }
        matches!(word, b"-" | b"/dev/null").then_some(LocalReason::Output(word))
    }

    fn plain(&mut self, word: &'a [u8]) -> Option<LocalReason<'a>> {
        let begins = |list: &[&[u8]]| list.iter().any(|p| word.starts_with(p));
        match word {
            b"-c" | b"-S" => self.compiles = true,
            b"-MD" | b"-MMD" | b"-MG" | b"-MP" => {}
            b"-E" | b"-v" => return Some(LocalReason::Asks(word)),
            b"-march=native" | b"-mtune=native" | b"-mcpu=native" => {
                self.native = self.native.or(Some(word));
            }
            b"-fno-lto" => self.intermediate = None,
            b"-emit-llvm" => self.intermediate = Some(word),
            _ if word.starts_with(b"-flto") => self.intermediate = Some(word),
            _ if word.starts_with(b"-M") || begins(&ASKS) => return Some(LocalReason::Asks(word)),
            _ if word.starts_with(b"-Wp,") => return preprocessor_words(word),
            _ if word.starts_with(b"-Wa,") => return assembler_words(word),
            // The dumps of -d: letters, of which D, I, M, N and U only concern -E.
            _ if word.starts_with(b"-d") || begins(&WRITES) || word.starts_with(b"-time=") => {
                return Some(LocalReason::WritesMore(word));
            }
            _ if begins(&READS) => return Some(LocalReason::ReadsFile(word)),
            _ if word.starts_with(b"--") && !begins(&LONG) => {
                return Some(LocalReason::Spelling(word));
            }
            b"-gsplit-dwarf" => return Some(LocalReason::WritesMore(word)),
            _ if two_steps(word) => return Some(LocalReason::Preprocessing(word)),
            _ => {}
        }
        None
    }

    fn valued(
        &mut self,
        arg: &Arg<'a>,
        option: &'a [u8],
        value: Option<&'a [u8]>,
    ) -> Option<LocalReason<'a>> {
        let value = value.unwrap_or_default();
        match option {
            b"-o" => self.output(value),
            b"-MF" | b"-MT" | b"-MQ" => None,
            // The helper would take what is preprocessed already for source, and expand the
            // macros that it predefines once more: `linux` becomes 1.
            b"-x" => Some(LocalReason::Language(value)),
            b"-aux-info" | b"-MJ" | b"-dumpbase" | b"-dumpdir" | b"-auxbase" => {
                Some(LocalReason::WritesMore(option))
            }
            b"-wrapper" | b"-include-pch" | b"-include-pth" | b"-fplugin" | b"-specs"
            | b"-iplugindir" | b"--config" => Some(LocalReason::ReadsFile(option)),
            b"-Xpreprocessor" => Some(LocalReason::Spelling(option)),
            b"-Xassembler" => assembler_word(value).then_some(LocalReason::WritesMore(value)),
            b"-Xclang" => self.plain(value),
            _ if option.starts_with(b"--")
                && !matches!(option, b"--param" | b"--sysroot" | b"--target") =>
            {
                Some(LocalReason::Spelling(option))
            }
            _ if arg.words == 2 => self.bare(value, false),
            _ => None,
        }
    }

    fn conclude(self, kernel: bool) -> Option<LocalReason<'a>> {
        if !self.compiles {
            return Some(LocalReason::CompilesNothing);
        }
        let Some(input) = self.input else {
            return Some(LocalReason::NoInput);
        };
        let extension = extension(input);
        if matches!(extension, b"s" | b"S" | b"sx" | b"asm") {
            return Some(LocalReason::Assembler(input));
        }
        if !SOURCES.contains(&extension) {
            return Some(LocalReason::UnknownSource(input));
        }
        let name = base(input);
        if name.starts_with(b"conftest.") || name.starts_with(b"tmp.conftest.") {
            return Some(LocalReason::Probe(input));
        }
        if kernel && BINARIES.iter().any(|b| input.ends_with(b)) {
            return Some(LocalReason::IncludesBinary(input));
        }
        let intermediate = self.intermediate.map(LocalReason::Intermediate);
        intermediate.or(self.native.map(LocalReason::Native))
    }
}

/// Whether distcc's two steps make another object of this than the compiler's one.
fn two_steps(word: &[u8]) -> bool {
    match word {
        // For `-E` alone, but the first step obeys it: the object names the helper's temporary file.
        b"-P" => true,
        // The name and date of the helper's temporary file, where the source says its own; ccroute
        // adds the option itself where a rule asks for it, and states these.
        b"-fdirectives-only" => true,
        // Macros are expanded twice; what is no source is compiled.
        b"-fno-preprocessed" | b"-fdebug-cpp" => true,
        // Strings are converted to UTF-8 twice: distcc keeps the option for the second step.
        _ => word
            .strip_prefix(b"-finput-charset=")
            .is_some_and(|charset| !charset.eq_ignore_ascii_case(b"utf-8")),
    }
}

/// `-Wp,…`: distcc takes it apart, and knows only what writes dependencies beside the object.
fn preprocessor_words(word: &[u8]) -> Option<LocalReason<'_>> {
    if word.split(|&b| b == b',').skip(1).any(two_steps) {
        return Some(LocalReason::Preprocessing(word));
    }
    let mut words = word.split(|&b| b == b',').skip(1);
    let asks = words.any(|w| {
        w == b"-E"
            || w.starts_with(b"-M")
                && !matches!(w, b"-MD" | b"-MMD" | b"-MG" | b"-MP")
                && !matches!(w.get(..3), Some(b"-MF" | b"-MT" | b"-MQ"))
    });
    asks.then_some(LocalReason::Asks(word))
}

/// `-Wa,…`: listings go to a file or to standard output, dependencies to a file.
fn assembler_words(word: &[u8]) -> Option<LocalReason<'_>> {
    let writes = word.split(|&b| b == b',').skip(1).any(assembler_word);
    writes.then_some(LocalReason::WritesMore(word))
}

fn assembler_word(word: &[u8]) -> bool {
    word.starts_with(b"-a") || word.starts_with(b"--MD") || word.starts_with(b"-MD")
}

fn base(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or_default()
}

/// What follows the last dot of a file's name; nothing where there is none.
fn extension(path: &[u8]) -> &[u8] {
    let base = base(path);
    let dot = base.iter().rposition(|&b| b == b'.');
    dot.map_or(&[], |at| &base[at + 1..])
}
