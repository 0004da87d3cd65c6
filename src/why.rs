//! Why a call was decided as it was, in kinds: what calls are counted by. The record of calls has the codes, which
//! stay; reports have the words, which may change.

/// A kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    // A compiler is run.
    /// The name says what is wanted.
    ByName,
    /// A rule's `as`.
    RenamedByRule,
    /// A rule without an address says what native names mean.
    RuleForNativeNames,
    /// Line markers name the client's compiler.
    SourceNamesTarget,
    /// The source begins with the macros that the client's compiler predefines.
    MacrosTellTarget,
    /// clang's `--target=`.
    StatesTarget,
    /// A kernel under a native name.
    KernelKnown,
    // A client sends, or compiles itself.
    NoSendRule,
    Sent,
    Dependencies,
    /// clang's Objective-C with the old runtime.
    NamesItsFile,
    NoPath,
    NameMissing,
    /// distcc's local child preprocesses.
    Preprocessing,
    /// distcc's local child compiles.
    LocalAfterAll,
    ToolNotSent,
    CompilesNothing,
    AsksCompiler,
    ResponseFile,
    NoInput,
    StandardInput,
    SecondInput,
    SecondOutput,
    UnknownSource,
    Assembler,
    Probe,
    IncludesBinary,
    StatedLanguage,
    OutputNoFile,
    WritesMore,
    ReadsFile,
    Intermediate,
    NotApart,
    UnknownSpelling,
    MeansThisProcessor,
    SteeredByVariable,
    HelperWouldRefuse,
    // Refused.
    Recursion,
    RefusedByRule,
    RenamedTwice,
    NoTriple,
    NothingServes,
    NotExecutable,
    WrongTarget,
    Contradiction,
    KernelForAnother,
    KernelUnserved,
    UnknownNative,
    NativeWithoutConnection,
    Wrapper,
    HelpersProcessor,
    NotOwn,
    IsaUnknown,
    FloatWord,
    KernelOfUnknownOrder,
    WrongVersion,
    NotFromClients,
    Guard,
    NoLauncher,
}

impl Why {
    /// All of them, to read a record by.
    const ALL: &'static [Why] = &[
        Why::ByName,
        Why::RenamedByRule,
        Why::RuleForNativeNames,
        Why::SourceNamesTarget,
        Why::MacrosTellTarget,
        Why::StatesTarget,
        Why::KernelKnown,
        Why::NoSendRule,
        Why::Sent,
        Why::Dependencies,
        Why::NamesItsFile,
        Why::NoPath,
        Why::NameMissing,
        Why::Preprocessing,
        Why::LocalAfterAll,
        Why::ToolNotSent,
        Why::CompilesNothing,
        Why::AsksCompiler,
        Why::ResponseFile,
        Why::NoInput,
        Why::StandardInput,
        Why::SecondInput,
        Why::SecondOutput,
        Why::UnknownSource,
        Why::Assembler,
        Why::Probe,
        Why::IncludesBinary,
        Why::StatedLanguage,
        Why::OutputNoFile,
        Why::WritesMore,
        Why::ReadsFile,
        Why::Intermediate,
        Why::NotApart,
        Why::UnknownSpelling,
        Why::MeansThisProcessor,
        Why::SteeredByVariable,
        Why::HelperWouldRefuse,
        Why::Recursion,
        Why::RefusedByRule,
        Why::RenamedTwice,
        Why::NoTriple,
        Why::NothingServes,
        Why::NotExecutable,
        Why::WrongTarget,
        Why::Contradiction,
        Why::KernelForAnother,
        Why::KernelUnserved,
        Why::UnknownNative,
        Why::NativeWithoutConnection,
        Why::Wrapper,
        Why::HelpersProcessor,
        Why::NotOwn,
        Why::IsaUnknown,
        Why::FloatWord,
        Why::KernelOfUnknownOrder,
        Why::WrongVersion,
        Why::NotFromClients,
        Why::Guard,
        Why::NoLauncher,
    ];

    /// The code in the record, and the words in reports.
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Why::ByName => ("by-name", "asked for by name"),
            Why::RenamedByRule => ("renamed-by-rule", "renamed by a rule"),
            Why::RuleForNativeNames => ("rule-for-native-names", "a rule for native names"),
            Why::SourceNamesTarget => ("source-names-target", "the source names its target"),
            Why::MacrosTellTarget => ("macros-tell-target", "the source's macros tell its target"),
            Why::StatesTarget => ("states-target", "the request states its target"),
            Why::KernelKnown => ("kernel-known", "a kernel for a known architecture"),
            Why::NoSendRule => ("no-send-rule", "no rule sends it"),
            Why::Sent => ("sent", "can be distributed"),
            Why::Dependencies => (
                "dependencies",
                "dependencies that distcc would write elsewhere",
            ),
            Why::NamesItsFile => ("names-its-file", "an object that names its source's file"),
            Why::NoPath => ("no-path", "PATH is not set"),
            Why::NameMissing => ("name-missing", "its full name is not on this machine"),
            Why::Preprocessing => ("preprocessing", "preprocessing"),
            Why::LocalAfterAll => ("local-after-all", "not distributed after all"),
            Why::ToolNotSent => ("tool-not-sent", "a tool that is not sent"),
            Why::CompilesNothing => ("compiles-nothing", "a link or a question"),
            Why::AsksCompiler => ("asks-compiler", "only asks the compiler"),
            Why::ResponseFile => ("response-file", "arguments from a file"),
            Why::NoInput => ("no-input", "no source"),
            Why::StandardInput => ("standard-input", "source from standard input"),
            Why::SecondInput => ("second-input", "a second input"),
            Why::SecondOutput => ("second-output", "a second output"),
            Why::UnknownSource => ("unknown-source", "not a source that distcc sends"),
            Why::Assembler => ("assembler", "assembler"),
            Why::Probe => ("probe", "a configure test"),
            Why::IncludesBinary => ("includes-binary", "includes binary files"),
            Why::StatedLanguage => ("stated-language", "-x LANGUAGE"),
            Why::OutputNoFile => ("output-no-file", "output that is not a file"),
            Why::WritesMore => ("writes-more", "writes more than the object"),
            Why::ReadsFile => ("reads-file", "reads a file of the client's"),
            Why::Intermediate => ("intermediate", "link-time optimisation"),
            Why::NotApart => ("not-apart", "preprocessing and compiling not apart"),
            Why::UnknownSpelling => ("unknown-spelling", "a spelling that distcc does not know"),
            Why::MeansThisProcessor => ("means-this-processor", "means this machine's processor"),
            Why::SteeredByVariable => (
                "steered-by-variable",
                "a variable chooses the compiler's programs",
            ),
            Why::HelperWouldRefuse => ("helper-would-refuse", "a helper would refuse it"),
            Why::Recursion => ("recursion", "found itself again"),
            Why::RefusedByRule => ("refused-by-rule", "refused by a rule"),
            Why::RenamedTwice => ("renamed-twice", "renamed twice"),
            Why::NoTriple => ("no-triple", "no triple"),
            Why::NothingServes => ("nothing-serves", "nothing serves it"),
            Why::NotExecutable => ("not-executable", "compiler not executable"),
            Why::WrongTarget => ("wrong-target", "compiler for another machine"),
            Why::Contradiction => ("contradiction", "the job contradicts itself"),
            Why::KernelForAnother => ("kernel-for-another", "kernel for another machine"),
            Why::KernelUnserved => ("kernel-unserved", "kernel that nothing serves"),
            Why::UnknownNative => ("unknown-native", "native name of an unknown client"),
            Why::NativeWithoutConnection => (
                "native-without-connection",
                "native name without a connection",
            ),
            Why::Wrapper => ("wrapper", "wrapper around some compiler"),
            Why::HelpersProcessor => ("helpers-processor", "the helper's processor is asked for"),
            Why::NotOwn => ("not-own", "not known to be the helper's own compiler"),
            Why::IsaUnknown => ("isa-unknown", "name without an ISA"),
            Why::FloatWord => ("float-word", "defaults contradict the name"),
            Why::KernelOfUnknownOrder => (
                "kernel-of-unknown-order",
                "kernel of an unknown byte order or word size",
            ),
            Why::WrongVersion => ("wrong-version", "another version is needed"),
            Why::NotFromClients => ("not-from-clients", "a client may not send it"),
            Why::Guard => ("guard", "the guard is on"),
            Why::NoLauncher => ("no-launcher", "no launcher"),
        }
    }

    /// As the record has it.
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// In words, for reports.
    pub fn words(self) -> &'static str {
        self.row().1
    }

    /// Reads a record's code. Earlier versions wrote words in its place: those that are still the same are read.
    pub fn read(text: &str) -> Option<Why> {
        let mut all = Why::ALL.iter().copied();
        all.find(|why| why.code() == text || why.words() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for &why in Why::ALL {
            assert_eq!(Why::read(why.code()), Some(why));
            assert_eq!(Why::read(why.words()), Some(why));
        }
        // The last one: `ALL` is in the enum's order and complete.
        assert!(Why::ALL
            .iter()
            .enumerate()
            .all(|(at, &why)| why as usize == at));
    }
}
