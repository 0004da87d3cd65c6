//! Programs, plug-ins and toolchains that a compiler looks for, and words for its parts.

use super::{joined, next, start, startnext, word, Harm, Row, Stays, When};
use Harm::{Loads, Reads, Runs, Writes};
use Stays::{Asks, Spelling};
use When::{Always, ClangFindsAs, Except};

const OFFLOAD: &str = "runs the tools of another target";
const DRIVER: &str = "skips the driver, and with it everything that is checked here";
const TOOLCHAIN: &str = "clang looks for an assembler in that toolchain";
const LINKS_CODE: &str = "links code from a file into the object";
const SPECS: &str = "a specs file says which programs run, with which arguments";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    start("--amdgpu-arch-tool").stays(Spelling).refused(Always, Runs, "clang runs the tool it names"),
    next("--config").clang().stays(Stays::Reads).refused(Always, Reads, "a file of further arguments"),
    start("--config-").stays(Spelling).refused(Always, Reads, "where files of further arguments are looked for"),
    word("--driver-mode").stays(Spelling).refused(Except(&["gcc", "g++", "cpp"]), Runs, "another driver has another option table"),
    next("--for-assembler").gcc().stays(Spelling).long_for("-Xassembler"),
    word("--gcc-install-dir").stays(Spelling).refused(ClangFindsAs, Runs, TOOLCHAIN),
    word("--gcc-toolchain").label().refused(ClangFindsAs, Runs, TOOLCHAIN),
    word("--hipspv-pass-plugin").stays(Spelling).refused(Always, Loads, "loads a shared object into a pass"),
    start("--offload-").stays(Spelling).refused(Always, Runs, OFFLOAD),
    next("--prefix").stays(Spelling).long_for("-B"),
    start("--ptxas-path").stays(Spelling).refused(Always, Runs, "clang runs the assembler it names"),
    word("--rsp-quoting").stays(Spelling).refused(Always, Reads, "changes how files of arguments are read"),
    next("--specs").stays(Stays::Reads).long_for("-specs").refused(Always, Runs, SPECS),
    next("--sysroot").label().refused(ClangFindsAs, Runs, "clang looks for an assembler in the gcc found there"),
    start("--verbose").stays(Asks),
    joined("-B").refused(Always, Runs, "the compiler proper and the assembler are looked for there first"),
    next("-V").gcc().refused(Always, Runs, "gcc before 4.6 runs the driver of that version"),
    start("-Wa,"),
    next("-Xanalyzer").clang(),
    startnext("-Xarch_").clang(),
    next("-Xarch_device").clang(),
    next("-Xarch_host").clang(),
    next("-Xassembler"),
    next("-Xclang").clang(),
    next("-Xcuda-fatbinary").clang().refused(Always, Runs, OFFLOAD),
    next("-Xcuda-ptxas").clang().refused(Always, Runs, OFFLOAD),
    next("-Xopenmp-target").clang(),
    startnext("-Xopenmp-target=").clang(),
    next("-add-plugin").clang().refused(Always, Loads, "runs a loaded plugin"),
    next("-b").refused(Always, Runs, "gcc before 4.6 runs the driver of that machine"),
    word("-cc1").refused(Always, Runs, DRIVER),
    word("-cc1as").refused(Always, Runs, DRIVER),
    word("-cc1gen-reproducer").refused(Always, Runs, DRIVER),
    next("-ccc-gcc-name").clang().refused(Always, Runs, "clang runs that program for languages it lacks"),
    next("-ccc-install-dir").clang().refused(Always, Runs, "clang looks for its assembler there"),
    word("-fcompare-debug").stays(Stays::Writes).refused(Except(&["", "-gtoggle"]), Runs, "its value is appended to a second compilation"),
    word("-fcppprog").refused(Always, Runs, "names a preprocessor to run"),
    word("-fpass-plugin").refused(Always, Loads, "loads a shared object into clang"),
    start("-fplugin").stays(Stays::Reads).refused(Always, Loads, "loads a shared object into the compiler"),
    word("-ftarget-ar").refused(Always, Runs, "names an archiver to run"),
    word("-ftarget-ranlib").refused(Always, Runs, "names a program to run"),
    word("-gcc-toolchain").clang().refused(ClangFindsAs, Runs, TOOLCHAIN),
    start("-iplugindir").stays(Stays::Reads).refused(Always, Loads, "where plugins are looked for by bare name"),
    next("-load").clang().stays(Stays::Reads).refused(Always, Loads, "clang's compiler proper loads a shared object"),
    next("-mlink-bitcode-file").clang().refused(Always, Loads, LINKS_CODE),
    next("-mlink-builtin-bitcode").clang().refused(Always, Loads, LINKS_CODE),
    next("-mllvm").clang(),
    next("-mmlir").clang().refused(Always, Writes, "speaks of files to MLIR"),
    next("-plugin").clang().refused(Always, Loads, "runs a loaded plugin"),
    startnext("-plugin-arg-").clang().refused(Always, Loads, "speaks to a loaded plugin"),
    next("-resource-dir").clang().refused(Always, Loads, "clang takes its builtin headers and libraries from there"),
    next("-specs").stays(Stays::Reads).refused(Always, Runs, SPECS),
    next("-wrapper").gcc().stays(Stays::Reads).refused(Always, Runs, "gcc runs every subprogram through it"),
];
