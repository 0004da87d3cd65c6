//! The source and what is read with it: languages, macros, headers, dependencies, modules.

use super::{joined, next, start, word, Harm, LeftOut, Row, Stays, When};
use Harm::{Loads, NoObject, Reads, Runs, Writes};
use LeftOut::{Joined, Spaced};
use Stays::{Asks, Language, Spelling, TwoSteps};
use When::{Always, Except, Only, Outside, OutsideTree};

const HEADERS: &str = "searches a directory for headers";
const DEPENDENCIES: &str = "writes dependencies to a file";
const BEFORE: &str = "reads a file before the source";
const MODULES: &str = "keeps a store of compiled modules, in files that it names";
const TOKENS: &str = "maps serialised tokens into the compiler";
const OTHERS: &str = "puts other files in the place of those that are named";
const OFFLOAD: &str = "runs the tools of another target";

/// Files that are a stream: there distcc's preprocessor prints the text that it sends.
const PRINTED: &[&str] = &["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/// Languages that `-x` may name: the C family, preprocessed or not.
#[rustfmt::skip]
const LANGUAGES: &[&str] = &[
    "none", "c", "c++", "objective-c", "objective-c++", "c-header", "c++-header",
    "cpp-output", "c-cpp-output", "c++-cpp-output",
    "objective-c-cpp-output", "objective-c++-cpp-output", "objc-cpp-output", "objc++-cpp-output",
];

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    next("--assert").stays(Spelling).label().long_for("-A"),
    next("--define-macro").stays(Spelling).label().long_for("-D"),
    start("--dependencies").stays(Spelling).long_for("-M"),
    next("--imacros").stays(Spelling).long_for("-imacros"),
    next("--include").stays(Spelling).long_for("-include"),
    next("--include-directory").stays(Spelling).long_for("-I"),
    next("--include-directory-after").stays(Spelling).long_for("-idirafter"),
    next("--include-prefix").stays(Spelling).long_for("-iprefix"),
    next("--include-with-prefix").stays(Spelling).long_for("-iwithprefix"),
    next("--include-with-prefix-after").stays(Spelling).long_for("-iwithprefix"),
    next("--include-with-prefix-before").stays(Spelling).long_for("-iwithprefixbefore"),
    next("--language").stays(Spelling).long_for("-x"),
    next("--no-system-header-prefix").clang().stays(Spelling),
    next("--system-header-prefix").clang().stays(Spelling),
    start("--traditional").stays(Spelling).macros_here(),
    next("--undefine-macro").stays(Spelling).label().long_for("-U"),
    start("--user-dependencies").stays(Spelling).long_for("-MM"),
    joined("--vfsoverlay").clang().stays(Spelling).refused(Always, Reads, OTHERS),
    joined("-A"),
    start("-C").macros_here(),
    joined("-D").left_out(Joined).label(),
    joined("-F").refused(OutsideTree, Reads, HEADERS),
    joined("-I").left_out(Joined).refused(OutsideTree, Reads, HEADERS),
    joined("-J").gcc().refused(Outside, Writes, "where Fortran's modules are written"),
    word("-M").stays(Asks).refused(Always, NoObject, "only lists dependencies"),
    joined("-MF").stays_if(Only(PRINTED), Asks).left_out(Joined).refused(Outside, Writes, DEPENDENCIES),
    joined("-MJ").clang().stays(Stays::Writes).refused(Always, Writes, "clang appends to a compilation database"),
    word("-MM").stays(Asks).refused(Always, NoObject, "only lists dependencies"),
    joined("-MQ").left_out(Joined).label(),
    joined("-MT").left_out(Joined).label(),
    word("-MV").stays(Asks),
    word("-P").stays(TwoSteps).macros_here(),
    joined("-U").left_out(Joined).label(),
    start("-Werror=unused-macros").macros_here(),
    start("-Wp,").left_out(Joined),
    start("-Wunused-macros").macros_here(),
    next("-Xpreprocessor").stays(Spelling),
    next("-ast-merge").clang().refused(Always, Reads, "merges a serialised syntax tree"),
    joined("-c-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    next("-chain-include").clang().refused(Always, Reads, BEFORE),
    next("-code-completion-at").clang().refused(Always, Reads, "reads a file"),
    joined("-cxx-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    next("-dependency-dot").clang().refused(Always, Writes, DEPENDENCIES),
    next("-dependency-file").clang().refused(Always, Writes, DEPENDENCIES),
    word("-fcuda-include-gpubinary").clang().refused(Always, Reads, "puts a file into the object"),
    word("-fcxx-modules").refused(Always, Writes, MODULES),
    word("-fdebug-cpp").stays(TwoSteps),
    word("-fdirectives-only").stays(TwoSteps).macros_here(),
    start("-fembed-offload-object").refused(Always, Reads, "puts a file into the object"),
    word("-finput-charset").stays_if(Except(&["utf-8"]), TwoSteps).macros_here(),
    next("-fintrinsic-modules-path").gcc().refused(Always, Reads, "where Fortran's modules are read"),
    start("-fmodule").stays(Stays::Reads),
    start("-fmodule-").stays(Stays::Reads).refused(Always, Loads, "loads or names compiled modules"),
    next("-fmodule-implementation-of").clang().stays(Stays::Reads).refused(Always, Loads, "loads or names compiled modules"),
    start("-fmodule-mapper").stays(Stays::Reads).refused(Always, Runs, "`|COMMAND` starts it; a host and port connect to it"),
    start("-fmodules").stays(Stays::Reads).refused(Always, Writes, MODULES),
    next("-fmodules-user-build-path").clang().stays(Stays::Reads).refused(Always, Writes, MODULES),
    word("-fno-preprocessed").stays(TwoSteps),
    start("-fopenacc").macros_here(),
    start("-fopenmp").macros_here(),
    next("-fopenmp-host-ir-file-path").clang().macros_here().refused(Always, Reads, "reads a file"),
    word("-fopenmp-new-driver").clang().macros_here().refused(Always, NoObject, "clang 14 takes it for all that is to do"),
    start("-fopenmp-targets").macros_here().refused(Always, Runs, OFFLOAD),
    start("-fpch-").stays(Stays::Reads),
    word("-fpre-include").refused(Outside, Reads, BEFORE),
    word("-fprebuilt-module-path").stays(Stays::Reads).refused(Always, Loads, "where compiled modules are loaded from"),
    word("-fpreprocessed").macros_here(),
    joined("-iapinotes-modules").clang().refused(Always, Reads, "reads notes on an interface"),
    joined("-idirafter").left_out(Spaced).refused(OutsideTree, Reads, HEADERS),
    joined("-iframework").clang().refused(OutsideTree, Reads, HEADERS),
    joined("-iframeworkwithsysroot").clang().refused(OutsideTree, Reads, HEADERS),
    joined("-imacros").left_out(Spaced).refused(Outside, Reads, BEFORE),
    joined("-imultiarch").refused(OutsideTree, Reads, HEADERS),
    joined("-imultilib").refused(OutsideTree, Reads, HEADERS),
    joined("-include").left_out(Spaced).refused(Outside, Reads, BEFORE),
    next("-include-pch").clang().stays(Stays::Reads).refused(Always, Loads, "maps a serialised syntax tree into the compiler"),
    next("-include-pth").clang().stays(Stays::Reads).refused(Always, Loads, TOKENS),
    joined("-internal-externc-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    joined("-internal-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    joined("-iprefix").left_out(Spaced).refused(OutsideTree, Reads, HEADERS),
    joined("-iquote").refused(OutsideTree, Reads, HEADERS),
    joined("-isysroot"),
    joined("-isystem").left_out(Spaced).refused(OutsideTree, Reads, HEADERS),
    joined("-isystem-after").clang().refused(OutsideTree, Reads, HEADERS),
    joined("-ivfsoverlay").clang().refused(Always, Reads, OTHERS),
    joined("-iwithprefix").left_out(Spaced).refused(OutsideTree, Reads, HEADERS),
    joined("-iwithprefixbefore").left_out(Spaced).refused(OutsideTree, Reads, HEADERS),
    joined("-iwithsysroot").clang().refused(OutsideTree, Reads, HEADERS),
    word("-main-file-name").clang().label(),
    next("-module-dependency-dir").clang().refused(Always, Writes, "copies headers to a directory"),
    joined("-objc-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    joined("-objcxx-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    word("-remap-file").clang().refused(Always, Reads, OTHERS),
    joined("-stdlib++-isystem").clang().refused(OutsideTree, Reads, HEADERS),
    word("-token-cache").clang().refused(Always, Loads, TOKENS),
    start("-traditional").macros_here(),
    word("-undef"),
    joined("-vfsoverlay").clang().refused(Always, Reads, OTHERS),
    joined("-working-directory").clang().refused(Always, Reads, "moves every relative path elsewhere"),
    joined("-x").stays(Language).refused(Except(LANGUAGES), Reads, "another language's source can read, or runs another compiler"),
];
