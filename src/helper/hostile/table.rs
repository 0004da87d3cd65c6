//! The reviewed table: arguments with which a client makes a compiler run a program, load code, or
//! touch files outside the job. One row per option, each with its reason.
//!
//! `tests/hostile/proof.rs` does the harm of three rows in four with the real gcc and clang, and
//! has a reason for each of the others: they are of other versions, languages or targets, and are
//! refused for what their help texts say.
//!
//! Longer than other files: it is data, and reads best in one place.

use super::Harm;
use Harm::{Loads, NoObject, Reads, Runs, Writes};

/// How a row's name is met in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The word itself (its value is the next word), or the word with `=VALUE`.
    Exact,
    /// The word begins so and the rest is the value; the next word where nothing is left.
    Joined,
    /// Any word that begins so; what follows a `=` is the value.
    Start,
}

/// When a word that a row meets is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Whatever its value.
    Always,
    /// With a value that names a file outside the job.
    Outside,
    /// With a directory outside a pump job's tree. A plain job's source needs no directory: its
    /// includes are already in it, and the client leaves some of these options in.
    OutsideTree,
    /// In clang without its own assembler, which is then looked for there.
    ClangFindsAs,
    /// With a value that is none of the C family's languages.
    OtherLanguage,
    /// With a letter that asks for a dump.
    DumpLetter,
    /// With a value that holds options.
    HoldsOptions,
    /// With a value that asks for a list of the values.
    AsksForList,
    /// With a driver mode other than gcc's, g++'s and cpp's.
    OtherDriver,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub name: &'static str,
    pub shape: Shape,
    pub when: When,
    pub harm: Harm,
    pub why: &'static str,
}

const fn exact(name: &'static str, when: When, harm: Harm, why: &'static str) -> Row {
    row(name, Shape::Exact, when, harm, why)
}

const fn joined(name: &'static str, when: When, harm: Harm, why: &'static str) -> Row {
    row(name, Shape::Joined, when, harm, why)
}

const fn start(name: &'static str, when: When, harm: Harm, why: &'static str) -> Row {
    row(name, Shape::Start, when, harm, why)
}

const fn row(name: &'static str, shape: Shape, when: When, harm: Harm, why: &'static str) -> Row {
    Row {
        name,
        shape,
        when,
        harm,
        why,
    }
}

use When::{Always, ClangFindsAs, Outside, OutsideTree};

/// The table. Order does not matter: a word is refused if any row refuses it.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Runs a program.
    exact("-wrapper", Always, Runs, "gcc runs every subprogram through it"),
    joined("-B", Always, Runs, "the compiler proper and the assembler are looked for there first"),
    exact("-specs", Always, Runs, "a specs file says which programs run, with which arguments"),
    start("-fmodule-mapper", Always, Runs, "`|COMMAND` starts it; a host and port connect to it"),
    exact("-ccc-install-dir", Always, Runs, "clang looks for its assembler there"),
    exact("-ccc-gcc-name", Always, Runs, "clang runs that program for languages it lacks"),
    exact("-fcompare-debug", When::HoldsOptions, Runs, "its value is appended to a second compilation"),
    exact("-fcppprog", Always, Runs, "names a preprocessor to run"),
    exact("-ftarget-ar", Always, Runs, "names an archiver to run"),
    exact("-ftarget-ranlib", Always, Runs, "names a program to run"),
    exact("--ptxas-path", Always, Runs, "clang runs the assembler it names"),
    exact("--amdgpu-arch-tool", Always, Runs, "clang runs the tool it names"),
    exact("-gcc-toolchain", ClangFindsAs, Runs, "clang looks for an assembler in that toolchain"),
    exact("--gcc-install-dir", ClangFindsAs, Runs, "clang looks for an assembler in that toolchain"),
    exact("--sysroot", ClangFindsAs, Runs, "clang looks for an assembler in the gcc found there"),
    exact("-V", Always, Runs, "gcc before 4.6 runs the driver of that version"),
    exact("-b", Always, Runs, "gcc before 4.6 runs the driver of that machine"),
    exact("--driver-mode", When::OtherDriver, Runs, "another driver has another option table"),
    exact("-cc1", Always, Runs, "skips the driver, and with it everything that is checked here"),
    exact("-cc1as", Always, Runs, "skips the driver, and with it everything that is checked here"),
    exact("-cc1gen-reproducer", Always, Runs, "skips the driver, and with it everything that is checked here"),

    // Loads code.
    start("-fplugin", Always, Loads, "loads a shared object into the compiler"),
    start("-iplugindir", Always, Loads, "where plugins are looked for by bare name"),
    exact("-fpass-plugin", Always, Loads, "loads a shared object into clang"),
    exact("--hipspv-pass-plugin", Always, Loads, "loads a shared object into a pass"),
    exact("-load", Always, Loads, "clang's compiler proper loads a shared object"),
    exact("-plugin", Always, Loads, "runs a loaded plugin"),
    start("-plugin-arg-", Always, Loads, "speaks to a loaded plugin"),
    exact("-add-plugin", Always, Loads, "runs a loaded plugin"),
    exact("-resource-dir", Always, Loads, "clang takes its builtin headers and libraries from there"),
    exact("-mlink-bitcode-file", Always, Loads, "links code from a file into the object"),
    exact("-mlink-builtin-bitcode", Always, Loads, "links code from a file into the object"),
    exact("-include-pch", Always, Loads, "maps a serialised syntax tree into the compiler"),
    exact("-include-pth", Always, Loads, "maps serialised tokens into the compiler"),
    exact("-token-cache", Always, Loads, "maps serialised tokens into the compiler"),
    exact("-fprebuilt-module-path", Always, Loads, "where compiled modules are loaded from"),
    start("-fmodule-", Always, Loads, "loads or names compiled modules"),
    start("-fmodules", Always, Writes, "keeps a store of compiled modules, in files of its own naming"),
    exact("-fcxx-modules", Always, Writes, "keeps a store of compiled modules, in files of its own naming"),

    // Reads.
    exact("--config", Always, Reads, "a file of further arguments"),
    start("--config-", Always, Reads, "where files of further arguments are looked for"),
    exact("--rsp-quoting", Always, Reads, "changes how files of arguments are read"),
    exact("-ivfsoverlay", Always, Reads, "puts other files in the place of those that are named"),
    exact("-vfsoverlay", Always, Reads, "puts other files in the place of those that are named"),
    exact("-remap-file", Always, Reads, "puts other files in the place of those that are named"),
    exact("-working-directory", Always, Reads, "moves every relative path elsewhere"),
    joined("-include", Outside, Reads, "reads a file before the source"),
    joined("-imacros", Outside, Reads, "reads a file before the source"),
    exact("-chain-include", Always, Reads, "reads a file before the source"),
    exact("-ast-merge", Always, Reads, "merges a serialised syntax tree"),
    exact("-fpre-include", Outside, Reads, "reads a file before the source"),
    joined("-I", OutsideTree, Reads, "searches a directory for headers"),
    joined("-F", OutsideTree, Reads, "searches a directory for headers"),
    joined("-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-iquote", OutsideTree, Reads, "searches a directory for headers"),
    joined("-idirafter", OutsideTree, Reads, "searches a directory for headers"),
    joined("-iprefix", OutsideTree, Reads, "searches a directory for headers"),
    joined("-iwithprefixbefore", OutsideTree, Reads, "searches a directory for headers"),
    joined("-iwithprefix", OutsideTree, Reads, "searches a directory for headers"),
    joined("-iframework", OutsideTree, Reads, "searches a directory for headers"),
    joined("-imultilib", OutsideTree, Reads, "searches a directory for headers"),
    joined("-imultiarch", OutsideTree, Reads, "searches a directory for headers"),
    joined("-cxx-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-c-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-objc-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-objcxx-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-iwithsysroot", OutsideTree, Reads, "searches a directory for headers"),
    joined("-stdlib++-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-internal-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-internal-externc-isystem", OutsideTree, Reads, "searches a directory for headers"),
    joined("-J", Outside, Writes, "where Fortran's modules are written"),
    exact("-fintrinsic-modules-path", Always, Reads, "where Fortran's modules are read"),
    exact("-fprofile-use", Outside, Reads, "reads a profile"),
    exact("-fauto-profile", Always, Reads, "reads a profile"),
    exact("-fprofile-dir", Outside, Reads, "where profiles are read"),
    exact("-fprofile-generate", Outside, Reads, "names where profiles are read, too"),
    exact("-fprofile-instr-use", Outside, Reads, "reads a profile"),
    exact("-fprofile-sample-use", Outside, Reads, "reads a profile"),
    exact("-fprofile-instrument-use-path", Outside, Reads, "reads a profile"),
    exact("-fprofile-list", Outside, Reads, "reads a list and prints its lines in errors"),
    exact("-fprofile-remapping-file", Outside, Reads, "reads a list and prints its lines in errors"),
    start("-fsanitize-ignorelist", Outside, Reads, "reads a list and prints its lines in errors"),
    start("-fsanitize-blacklist", Outside, Reads, "reads a list and prints its lines in errors"),
    start("-fsanitize-system-", Outside, Reads, "reads a list and prints its lines in errors"),
    start("-fsanitize-coverage-", Outside, Reads, "reads a list and prints its lines in errors"),
    start("-fxray-a", Outside, Reads, "reads a list and prints its lines in errors"),
    start("-fxray-never", Outside, Reads, "reads a list and prints its lines in errors"),
    exact("-fembed-offload-object", Always, Reads, "puts a file into the object"),
    exact("-fcuda-include-gpubinary", Always, Reads, "puts a file into the object"),
    exact("-fthinlto-index", Always, Reads, "reads an index and the files it names"),
    exact("-foverride-record-layout", Always, Reads, "reads a file"),
    exact("-fopenmp-host-ir-file-path", Always, Reads, "reads a file"),
    exact("-code-completion-at", Always, Reads, "reads a file"),
    exact("-fself-test", Always, Reads, "reads files below a directory"),
    exact("-fresolution", Always, Reads, "reads the linker's answer from a file"),
    joined("-x", When::OtherLanguage, Reads, "another language's source can read, or runs another compiler"),

    // Writes.
    joined("-o", Outside, Writes, "writes the object"),
    exact("-time", Always, Writes, "gcc appends a report to the file"),
    joined("-aux-info", Always, Writes, "writes declarations to a file"),
    start("-fdump-", Always, Writes, "writes the compiler's inner state to files"),
    joined("-d", When::DumpLetter, Writes, "writes the compiler's inner state to files"),
    start("-dumpdir", Always, Writes, "moves every further output elsewhere"),
    start("-dumpbase", Always, Writes, "moves every further output elsewhere"),
    start("-fopt-info", Outside, Writes, "writes a report to a file"),
    exact("-fprofile-note", Always, Writes, "writes notes to a file"),
    exact("-output-pch", Always, Writes, "writes a precompiled header"),
    exact("-fltrans-output-list", Always, Writes, "writes a list to a file"),
    exact("-fdiagnostics-add-output", Always, Writes, "writes messages to a file"),
    exact("-fdiagnostics-set-output", Always, Writes, "writes messages to a file"),
    exact("-fsave-mixins", Always, Writes, "writes a file"),
    start("-fdoc-", Always, Writes, "writes a file"),
    exact("-fgo-c-header", Always, Writes, "writes a file"),
    joined("-MF", Outside, Writes, "writes dependencies to a file"),
    joined("-MJ", Always, Writes, "clang appends to a compilation database"),
    exact("-gen-cdb-fragment-path", Always, Writes, "clang writes a compilation database"),
    exact("-serialize-diagnostics", Always, Writes, "writes messages to a file"),
    exact("-serialize-diagnostic-file", Always, Writes, "writes messages to a file"),
    exact("-diagnostic-log-file", Always, Writes, "writes messages to a file"),
    exact("-header-include-file", Always, Writes, "writes the headers' names to a file"),
    exact("-stats-file", Always, Writes, "writes statistics to a file"),
    start("-fproc-stat-report", Always, Writes, "appends statistics to a file"),
    exact("-ftime-trace", Outside, Writes, "writes a report to a file"),
    exact("-foptimization-record-file", Outside, Writes, "writes a report to a file"),
    exact("-opt-record-file", Always, Writes, "writes a report to a file"),
    exact("-analyzer-dump-egraph", Always, Writes, "writes a graph to a file"),
    exact("-fverify-debuginfo-preserve-export", Always, Writes, "writes a report to a file"),
    exact("-gen-reproducer", Always, Writes, "writes the source and a script, as after a crash"),
    exact("-fcrash-diagnostics-dir", Always, Writes, "writes the source and a script after a crash"),
    exact("-dependency-file", Always, Writes, "writes dependencies to a file"),
    exact("-dependency-dot", Always, Writes, "writes dependencies to a file"),
    exact("-module-dependency-dir", Always, Writes, "copies headers to a directory"),
    exact("-split-dwarf-output", Always, Writes, "writes debug information to a file"),
    exact("-stack-usage-file", Always, Writes, "writes a report to a file"),
    exact("-coverage-notes-file", Always, Writes, "writes notes to a file"),
    exact("-coverage-data-file", Always, Writes, "names a file to write to"),
    exact("-fthin-link-bitcode", Always, Writes, "writes a summary to a file"),
    exact("-dsym-dir", Always, Writes, "writes debug information to a directory"),
    start("-ccc-arcmt-", Always, Writes, "rewrites the sources"),
    start("-ccc-objcmt-", Always, Writes, "rewrites the sources"),
    start("-arcmt-", Always, Writes, "rewrites the sources"),
    start("-objcmt-", Always, Writes, "rewrites the sources"),
    start("-mt-migrate-", Always, Writes, "rewrites the sources"),
    start("-fixit", Always, Writes, "rewrites the sources"),

    // Compiles nothing and exits 0: distcc would send back an empty object.
    exact("-E", Always, NoObject, "only preprocesses"),
    exact("-M", Always, NoObject, "only lists dependencies"),
    exact("-MM", Always, NoObject, "only lists dependencies"),
    exact("-fsyntax-only", Always, NoObject, "only checks"),
    exact("-###", Always, NoObject, "only prints the commands, with this machine's paths"),
    exact("-version", Always, NoObject, "only prints"),
    exact("-fversion", Always, NoObject, "another spelling of --version"),
    start("-help", Always, NoObject, "only prints"),
    exact("-fhelp", Always, NoObject, "another spelling of --help"),
    exact("-target-help", Always, NoObject, "only prints"),
    exact("-ftarget-help", Always, NoObject, "another spelling of --target-help"),
    start("-print-", Always, NoObject, "only prints this machine's paths"),
    exact("-dumpspecs", Always, NoObject, "only prints"),
    exact("-dumpversion", Always, NoObject, "only prints"),
    exact("-dumpfullversion", Always, NoObject, "only prints"),
    exact("-dumpmachine", Always, NoObject, "only prints"),
    exact("--completion", Always, NoObject, "only prints"),
    exact("--autocomplete", Always, NoObject, "only prints"),
    start("-ccc-print-", Always, NoObject, "only prints"),
    exact("--analyze", Always, NoObject, "only checks"),
    exact("-analyze", Always, NoObject, "only checks"),
    exact("-verify-pch", Always, NoObject, "only checks"),
    exact("-extract-api", Always, NoObject, "only prints"),
    start("-ast-", Always, NoObject, "only prints"),
    exact("-module-file-info", Always, NoObject, "only prints"),
    start("-fwpa", Always, NoObject, "gcc's link-time step: leaves no object and says nothing"),
    exact("-mcpu", When::AsksForList, NoObject, "only prints"),
    exact("-mtune", When::AsksForList, NoObject, "only prints"),
    exact("-march", When::AsksForList, NoObject, "only prints"),
    exact("-precompile", Always, NoObject, "makes a module, or nothing"),
    exact("-Eonly", Always, NoObject, "only preprocesses"),
    exact("-init-only", Always, NoObject, "does nothing"),
    exact("-dump-raw-tokens", Always, NoObject, "only prints"),
    exact("-dump-tokens", Always, NoObject, "only prints"),
    exact("-emit-llvm-only", Always, NoObject, "discards what it compiled"),
    exact("-emit-codegen-only", Always, NoObject, "discards what it compiled"),
    exact("-templight-dump", Always, NoObject, "only prints"),
];

/// The second byte of every row's name, apart from the rows: it settles nearly every comparison,
/// and a hundred words are compared with every row in each job.
pub(super) const SECOND: [u8; ROWS.len()] = {
    let mut bytes = [0; ROWS.len()];
    let mut i = 0;
    while i < ROWS.len() {
        bytes[i] = ROWS[i].name.as_bytes()[1];
        i += 1;
    }
    bytes
};

/// gcc's long spellings, with the short one that each stands for (a value is appended to it).
/// gcc before 4.6 took any unambiguous beginning of them.
#[rustfmt::skip]
pub(super) const LONG: &[(&str, &str)] = &[
    ("--assemble", "-S"),
    ("--compile", "-c"),
    ("--dependencies", "-M"),
    ("--dump", "-d"),
    ("--dumpbase", "-dumpbase="),
    ("--dumpbase-ext", "-dumpbase-ext="),
    ("--dumpdir", "-dumpdir="),
    ("--for-assembler", "-Xassembler"),
    ("--imacros", "-imacros"),
    ("--include", "-include"),
    ("--include-directory", "-I"),
    ("--include-directory-after", "-idirafter"),
    ("--include-prefix", "-iprefix"),
    ("--include-with-prefix", "-iwithprefix"),
    ("--include-with-prefix-after", "-iwithprefix"),
    ("--include-with-prefix-before", "-iwithprefixbefore"),
    ("--language", "-x"),
    ("--output", "-o"),
    ("--output-pch", "-output-pch="),
    ("--prefix", "-B"),
    ("--preprocess", "-E"),
    ("--specs", "-specs="),
    ("--sysroot", "--sysroot="),
    ("--user-dependencies", "-MM"),
];

/// gcc's other long spellings with a value, none of which opens a file.
#[rustfmt::skip]
pub(super) const LONG_HARMLESS: &[&str] = &[
    "--assert", "--define-macro", "--entry", "--force-link", "--for-linker", "--gcc-toolchain",
    "--library-directory", "--sysroot", "--undefine-macro",
];

/// Options whose value may hold a slash without naming a file that is opened: maps of names for
/// debug information, seeds, patterns, and directories that only the finished program looks at.
#[rustfmt::skip]
pub(super) const SLASH_IS_HARMLESS: &[&str] = &[
    "-fcoverage-compilation-dir",
    "-fcoverage-prefix-map",
    "-fcs-profile-generate",
    "-fdebug-compilation-dir",
    "-fdebug-prefix-map",
    "-ffile-compilation-dir",
    "-ffile-prefix-map",
    "-finstrument-functions-exclude-file-list",
    "-finstrument-functions-exclude-function-list",
    "-fmacro-prefix-map",
    "-fmemory-profile",
    "-fprofile-exclude-files",
    "-fprofile-filter-files",
    "-fprofile-instr-generate",
    "-fprofile-prefix-map",
    "-fprofile-prefix-path",
    "-frandom-seed",
    "-main-file-name",
];

/// Languages that `-x` may name: the C family, preprocessed or not.
#[rustfmt::skip]
pub(super) const LANGUAGES: &[&str] = &[
    "none", "c", "c++", "objective-c", "objective-c++", "c-header", "c++-header",
    "cpp-output", "c-cpp-output", "c++-cpp-output",
    "objective-c-cpp-output", "objective-c++-cpp-output", "objc-cpp-output", "objc++-cpp-output",
];

/// Ends of input names that are no C family source, and are read by something else.
pub(super) const OTHER_SOURCES: &[&str] = &[
    "s", "S", "sx", "asm", "bc", "ll", "ast", "pcm", "pch", "gch", "cu", "hip", "go", "d", "adb",
];
