//! What of a direct request is compiled here at once, because a launcher would only find out
//! later that it cannot be distributed, or would send it and lose something.
//!
//! Four sorts of jobs stay: those that distcc runs locally anyway, after starting up; those that
//! it sends and whose result then is wrong or incomplete (distcc brings back one object
//! and nothing else); those that a helper would refuse, which then gets no job for a minute; and those
//! of which the arguments do not show enough to state the client's
//! defaults rightly. `tests/full/local_at_once.rs` holds every row against distcc.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::compiler::name::Tool;
use crate::helper::hostile::{hostile, Hostile, JobFiles};
use crate::options::table::{LeftOut, Row};
use crate::options::{find, scan_as, Arg, Family, Kind, Stays};
use crate::os::shown;
use crate::why::Why;

/// A direct request, as far as it counts for whether it is sent.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub tool: Tool,
    pub args: &'a [&'a OsStr],
    /// Whether it is a kernel compile.
    pub kernel: bool,
    pub directory: &'a Path,
    /// A variable that is set and by which compilers choose programs or options.
    pub steered_by: Option<&'static str>,
}

/// Why a direct request is compiled here at once. The words are the request's own.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The source of a configure script's test, or of CMake's, Meson's or cgo's.
    Probe(&'a [u8]),
    /// A source that includes binary files, which stay on this machine.
    IncludesBinary(&'a [u8]),
    /// `-x`, which keeps distcc from telling the helper that macros are expanded.
    Language(&'a [u8]),
    /// An output that is not a file.
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
    /// A variable that chooses programs or options, and does not travel.
    Steered(&'static str),
    /// A helper would refuse it.
    Refused(Hostile),
}

impl LocalReason<'_> {
    /// The same without the request's own words: what calls are counted by.
    pub fn counted_as(&self) -> Why {
        use LocalReason::*;
        match self {
            Tool(_) => Why::ToolNotSent,
            CompilesNothing => Why::CompilesNothing,
            Asks(_) => Why::AsksCompiler,
            ResponseFile(_) => Why::ResponseFile,
            NoInput => Why::NoInput,
            StandardInput => Why::StandardInput,
            SecondInput(_) => Why::SecondInput,
            SecondOutput(_) => Why::SecondOutput,
            UnknownSource(_) => Why::UnknownSource,
            Assembler(_) => Why::Assembler,
            Probe(_) => Why::Probe,
            IncludesBinary(_) => Why::IncludesBinary,
            Language(_) => Why::StatedLanguage,
            Output(_) => Why::OutputNoFile,
            WritesMore(_) => Why::WritesMore,
            ReadsFile(_) => Why::ReadsFile,
            Intermediate(_) => Why::Intermediate,
            Preprocessing(_) => Why::NotApart,
            Spelling(_) => Why::UnknownSpelling,
            Native(_) => Why::MeansThisProcessor,
            Steered(_) => Why::SteeredByVariable,
            Refused(_) => Why::HelperWouldRefuse,
        }
    }
}

impl fmt::Display for LocalReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use LocalReason::*;
        match self {
            Tool(tool) => write!(f, "{tool} is not sent"),
            CompilesNothing => f.write_str("without -c or -S there is nothing to distribute"),
            Asks(word) => write!(f, "{} only asks the compiler", shown(word)),
            ResponseFile(file) => write!(f, "@{} may hold any argument", shown(file)),
            NoInput => f.write_str("no source is given"),
            StandardInput => f.write_str("the source comes from standard input"),
            SecondInput(word) => write!(f, "{} is a second input", shown(word)),
            SecondOutput(word) => write!(f, "{} is a second output", shown(word)),
            UnknownSource(word) => write!(f, "{} is not a source that distcc sends", shown(word)),
            Assembler(word) => write!(f, "{} is assembler", shown(word)),
            Probe(word) => write!(f, "{} is a configure test", shown(word)),
            IncludesBinary(word) => write!(f, "{} includes binary files", shown(word)),
            Language(word) => write!(f, "-x {} is not sent", shown(word)),
            Output(word) => write!(f, "the output {} is not a file", shown(word)),
            WritesMore(word) => write!(f, "{} writes more than the object", shown(word)),
            ReadsFile(word) => write!(f, "{} reads what the helper does not have", shown(word)),
            Intermediate(word) => {
                write!(
                    f,
                    "{} makes an object that only this compiler can read",
                    shown(word)
                )
            }
            Preprocessing(word) => {
                write!(
                    f,
                    "{} has another effect if preprocessing is a separate step",
                    shown(word)
                )
            }
            Spelling(word) => write!(f, "distcc does not know {}", shown(word)),
            Native(word) => write!(f, "{} means this machine", shown(word)),
            Steered(name) => write!(f, "{name} is set, and does not travel with the job"),
            Refused(why) => write!(f, "a helper would refuse it: {why}"),
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

/// Kernel sources that contain `.incbin`, which the helper's assembler resolves, or fails to.
const BINARIES: [&[u8]; 2] = [b"kernel/configs.c", b"kernel/kheaders.c"];

/// Why this request is compiled here at once; `None` if it can be sent.
/// [`LocalReason::Native`] comes last: whoever can expand the word may send.
pub fn local_reason<'a>(call: &Call<'a>) -> Option<LocalReason<'a>> {
    if !SENT.contains(&call.tool) {
        return Some(LocalReason::Tool(call.tool));
    }
    // Links and questions are frequent, and need no closer look.
    let compiles = |a: &&OsStr| matches!(a.as_bytes(), b"-c" | b"-S");
    if !call.args.iter().any(compiles) {
        return Some(LocalReason::CompilesNothing);
    }
    if let Some(name) = call.steered_by {
        return Some(LocalReason::Steered(name));
    }
    let mut native = None;
    for &family in call.tool.families() {
        let mut seen = Seen::new(family);
        for arg in scan_as(family, call.args) {
            if let Some(reason) = seen.argument(&arg) {
                return Some(reason);
            }
        }
        if let Some(reason) = seen.conclude(call) {
            return Some(reason);
        }
        native = native.or(seen.native);
    }
    let refused = refused_there(call).map(LocalReason::Refused);
    refused.or(native.map(LocalReason::Native))
}

/// Why a helper refuses the job as distcc sends it.
fn refused_there(call: &Call<'_>) -> Option<Hostile> {
    let words = as_sent(call);
    hostile(
        call.tool,
        &words,
        &JobFiles::find(&words, Path::new("/tmp")),
    )
}

/// The arguments that arrive at a helper's compiler: distcc leaves out those of the preprocessor and
/// the linker, and distccd names the files.
fn as_sent<'a>(call: &Call<'a>) -> Vec<&'a OsStr> {
    let mut words = Vec::with_capacity(call.args.len());
    // distcc looks at words, not at options and their values.
    let mut rest = call.args.iter().copied();
    while let Some(word) = rest.next() {
        let bytes = word.as_bytes();
        let row = find(Family::Gcc, bytes).filter(|row| bytes.starts_with(row.name.as_bytes()));
        let spaced = |row: &Row| row.name.len() == bytes.len() && row.takes(Family::Gcc) > 0;
        let alone = row.is_some_and(spaced);
        match row.and_then(|row| row.left_out) {
            Some(_) if alone => drop(rest.next()),
            Some(LeftOut::Joined) => {}
            _ if bytes == b"-o" => drop(rest.next()),
            _ if bytes.starts_with(b"-o") => {}
            _ if bytes.first() != Some(&b'-') && SOURCES.contains(&extension(bytes)) => {
                words.push(OsStr::new("/tmp/distccd_1.i"));
            }
            _ => words.push(word),
        }
    }
    words.extend(["-o", "/tmp/distccd_1.o"].map(OsStr::new));
    words
}

/// What a list of arguments has shown so far.
struct Seen<'a> {
    family: Family,
    compiles: bool,
    input: Option<&'a [u8]>,
    output: Option<&'a [u8]>,
    /// The last word for or against intermediate code.
    intermediate: Option<&'a [u8]>,
    native: Option<&'a [u8]>,
}

impl<'a> Seen<'a> {
    fn new(family: Family) -> Seen<'a> {
        Seen {
            family,
            compiles: false,
            input: None,
            output: None,
            intermediate: None,
            native: None,
        }
    }

    fn argument(&mut self, arg: &Arg<'a>) -> Option<LocalReason<'a>> {
        self.compiles |= arg.compiles();
        match arg.kind {
            Kind::Response(file) => Some(LocalReason::ResponseFile(file)),
            Kind::Input(b"-") => Some(LocalReason::StandardInput),
            Kind::Input(word) => self.bare(word, true),
            Kind::Plain(word) => self.option(word, None),
            Kind::Valued(option, value) => self
                .option(option, Some(value.unwrap_or_default()))
                .or_else(|| {
                    // distcc knows which words these take.
                    let known = matches!(option, b"-o" | b"-MF" | b"-MT" | b"-MQ");
                    let taken = if known { 1 } else { arg.words };
                    value
                        .filter(|_| taken > 1)
                        .and_then(|value| self.bare(value, false))
                }),
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
        if self.output.replace(word).is_some() {
            return Some(LocalReason::SecondOutput(word));
        }
        matches!(word, b"-" | b"/dev/null").then_some(LocalReason::Output(word))
    }

    /// An option; `value`: what it takes, where that is not part of the word.
    fn option(&mut self, word: &'a [u8], value: Option<&'a [u8]>) -> Option<LocalReason<'a>> {
        let row = find(self.family, word)?;
        let value = value.or(row.value(word)).unwrap_or_default();
        match row.name {
            "-o" => return self.output(value),
            "-fno-lto" => self.intermediate = None,
            "-Wp," => return preprocessor_words(word),
            "-Wa," => return assembler_words(word),
            "-Xassembler" if assembler_word(value) => return Some(LocalReason::WritesMore(value)),
            "-Xclang" => return self.option(value, None),
            // distcc takes it for the output.
            _ if word.starts_with(b"-o") => return Some(LocalReason::Spelling(word)),
            _ => {}
        }
        Some(match row.stays_with(value)? {
            Stays::Asks => LocalReason::Asks(word),
            Stays::Writes => LocalReason::WritesMore(word),
            Stays::Reads => LocalReason::ReadsFile(word),
            Stays::TwoSteps => LocalReason::Preprocessing(word),
            Stays::Spelling => LocalReason::Spelling(word),
            Stays::Language => LocalReason::Language(value),
            Stays::Intermediate => {
                self.intermediate = Some(word);
                return None;
            }
            Stays::Native => {
                self.native = self.native.or(Some(word));
                return None;
            }
        })
    }

    fn conclude(&self, call: &Call<'a>) -> Option<LocalReason<'a>> {
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
        let places = [
            Some(input),
            self.output,
            Some(call.directory.as_os_str().as_bytes()),
        ];
        if is_probe(base(input)) || places.into_iter().flatten().any(is_scratch) {
            return Some(LocalReason::Probe(input));
        }
        if call.kernel && BINARIES.iter().any(|b| input.ends_with(b)) {
            return Some(LocalReason::IncludesBinary(input));
        }
        self.intermediate.map(LocalReason::Intermediate)
    }
}

/// The name of a source that a configure script or cgo makes to try something. cgo's own sources,
/// in `go-build*`, are no tries.
fn is_probe(name: &[u8]) -> bool {
    let begins: [&[u8]; 3] = [b"conftest.", b"tmp.conftest.", b"cgo-gcc-input-"];
    begins.iter().any(|b| name.starts_with(b))
}

/// Whether a path leads through a directory in which CMake or Meson try something.
fn is_scratch(path: &[u8]) -> bool {
    let mut before: &[u8] = b"";
    path.split(|&b| b == b'/').any(|part| {
        let meson = before == b"meson-private" && part.starts_with(b"tmp");
        let target = part.starts_with(b"cmTC_") && part.ends_with(b".dir");
        let cmake = matches!(part, b"CMakeScratch" | b"CMakeTmp");
        before = part;
        meson || cmake || target || part.starts_with(b"TryCompile-")
    })
}

/// `-Wp,…`: distcc takes it apart, and knows only what writes dependencies beside the object.
fn preprocessor_words(word: &[u8]) -> Option<LocalReason<'_>> {
    let two_steps = |word: &[u8]| {
        let row = find(Family::Any, word);
        let stays = row.and_then(|row| row.stays_with(row.value(word).unwrap_or_default()));
        stays == Some(Stays::TwoSteps)
    };
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
