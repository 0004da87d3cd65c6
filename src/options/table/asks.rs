//! What is done: an object, or only a question answered.

use super::{joined, start, word, Harm, Row, Stays, When};
use Harm::{NoObject, Writes};
use Stays::{Asks, Intermediate, Spelling};
use When::{Always, DumpLetters};

const PRINTS: &str = "only prints";
const CHECKS: &str = "only checks";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    word("-###").stays(Asks).refused(Always, NoObject, "only prints the commands, with this machine's paths"),
    start("--").nobody().stays(Spelling),
    word("--analyze").stays(Spelling).refused(Always, NoObject, CHECKS),
    joined("--analyzer-output").clang().stays(Spelling),
    word("--assemble").stays(Spelling).long_for("-S"),
    word("--autocomplete").stays(Spelling).refused(Always, NoObject, PRINTS),
    word("--compile").stays(Spelling).long_for("-c"),
    word("--completion").stays(Spelling).refused(Always, NoObject, PRINTS),
    start("--help").stays(Asks),
    word("--preprocess").stays(Spelling).long_for("-E"),
    start("--print-").stays(Asks),
    start("--target-help").stays(Asks),
    start("--version").stays(Asks),
    word("-E").stays(Asks).refused(Always, NoObject, "only preprocesses"),
    word("-Eonly").clang().refused(Always, NoObject, "only preprocesses"),
    word("-S"),
    word("-analyze").clang().refused(Always, NoObject, CHECKS),
    start("-analyzer-").clang().refused(Always, NoObject, "only for the analyzer, or only prints"),
    start("-ast-").clang().refused(Always, NoObject, PRINTS),
    word("-c"),
    start("-ccc-print-").refused(Always, NoObject, PRINTS),
    start("-compiler-options-dump").clang().refused(Always, NoObject, PRINTS),
    start("-dump").stays(Asks).refused(DumpLetters, Writes, "writes the compiler's inner state to files"),
    start("-dump-").clang().refused(Always, NoObject, PRINTS),
    word("-dumpfullversion").stays(Asks).refused(Always, NoObject, PRINTS),
    word("-dumpmachine").stays(Asks).refused(Always, NoObject, PRINTS),
    word("-dumpspecs").stays(Asks).refused(Always, NoObject, PRINTS),
    word("-dumpversion").stays(Asks).refused(Always, NoObject, PRINTS),
    start("-emit-").clang().refused(Always, NoObject, "makes something else than an object, or nothing"),
    word("-emit-llvm").clang().stays(Intermediate),
    word("-emit-obj").clang(),
    word("-extract-api").refused(Always, NoObject, PRINTS),
    word("-fhelp").refused(Always, NoObject, "another spelling of --help"),
    word("-fsyntax-only").stays(Asks).refused(Always, NoObject, CHECKS),
    word("-ftarget-help").refused(Always, NoObject, "another spelling of --target-help"),
    word("-fversion").refused(Always, NoObject, "another spelling of --version"),
    start("-fwpa").refused(Always, NoObject, "gcc's link-time step: leaves no object and says nothing"),
    start("-help").refused(Always, NoObject, PRINTS),
    word("-init-only").clang().refused(Always, NoObject, "does nothing"),
    word("-migrate").clang().refused(Always, NoObject, "rewrites the source"),
    word("-module-file-info").clang().refused(Always, NoObject, PRINTS),
    word("-precompile").clang().refused(Always, NoObject, "makes a module, or nothing"),
    start("-print-").stays(Asks).refused(Always, NoObject, "only prints this machine's paths"),
    start("-rewrite-").clang().refused(Always, NoObject, "rewrites the source"),
    word("-target-help").refused(Always, NoObject, PRINTS),
    word("-templight-dump").clang().refused(Always, NoObject, PRINTS),
    word("-v").stays(Asks),
    word("-verify-pch").clang().refused(Always, NoObject, CHECKS),
    word("-version").refused(Always, NoObject, PRINTS),
];
