//! Files that are written: the object, dumps, reports.

use super::{joined, joined0, next, start, word, Dropped, Harm, Row, Stays, When};
use Dropped::{Everywhere, OnHelper};
use Harm::Writes;
use Stays::Spelling;
use When::{Always, DumpLetters, Only, Outside};

const REWRITES: &str = "rewrites the sources";
const DUMPS: &str = "writes the compiler's inner state to files";
const MOVES: &str = "moves every further output elsewhere";
const MESSAGES: &str = "writes messages to a file";
const REPORT: &str = "writes a report to a file";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    start("--coverage").stays(Stays::Writes),
    next("--dump").gcc().stays(Spelling).long_for("-d").refused(DumpLetters, Writes, DUMPS),
    next("--dumpbase").gcc().stays(Stays::Writes).long_for("-dumpbase").refused(Always, Writes, MOVES),
    next("--dumpbase-ext").gcc().stays(Stays::Writes).long_for("-dumpbase-ext").refused(Always, Writes, MOVES),
    next("--dumpdir").gcc().stays(Stays::Writes).long_for("-dumpdir").refused(Always, Writes, MOVES),
    next("--output").stays(Spelling).long_for("-o"),
    next("--output-class-directory").clang().stays(Spelling),
    joined("--output-pch=").gcc().stays(Spelling).long_for("-output-pch").refused(Always, Writes, "writes a precompiled header"),
    start("--save-stats").stays(Stays::Writes).dropped(OnHelper),
    start("--save-temps").stays(Stays::Writes).dropped(OnHelper),
    next("--serialize-diagnostics").clang().stays(Spelling).refused(Always, Writes, MESSAGES),
    word("-analyzer-dump-egraph").clang().refused(Always, Writes, "writes a graph to a file"),
    start("-arcmt-").clang().refused(Always, Writes, REWRITES),
    next("-arcmt-migrate-report-output").clang().refused(Always, Writes, REWRITES),
    joined("-aux-info").gcc().stays(Stays::Writes).refused(Always, Writes, "writes declarations to a file"),
    next("-auxbase").gcc().stays(Stays::Writes),
    start("-ccc-arcmt-").clang().refused(Always, Writes, REWRITES),
    next("-ccc-arcmt-migrate").clang().refused(Always, Writes, REWRITES),
    next("-ccc-objcmt-migrate").clang().refused(Always, Writes, REWRITES),
    next("-coverage-data-file").clang().refused(Always, Writes, "names a file to write to"),
    next("-coverage-notes-file").clang().refused(Always, Writes, "writes notes to a file"),
    joined0("-d").macros_here().stays(Stays::Writes).refused(DumpLetters, Writes, DUMPS),
    next("-diagnostic-log-file").clang().refused(Always, Writes, MESSAGES),
    joined("-dsym-dir").clang().refused(Always, Writes, "writes debug information to a directory"),
    next("-dumpbase").gcc().stays(Stays::Writes).refused(Always, Writes, MOVES),
    next("-dumpbase-ext").gcc().stays(Stays::Writes).refused(Always, Writes, MOVES),
    next("-dumpdir").stays(Stays::Writes).refused(Always, Writes, MOVES),
    start("-fcallgraph-info").stays(Stays::Writes),
    start("-fcondition-coverage").stays(Stays::Writes),
    word("-fcrash-diagnostics-dir").dropped(Everywhere).refused(Always, Writes, "writes the source and a script after a crash"),
    start("-fdeps-").stays(Stays::Writes),
    word("-fdiagnostics-add-output").stays(Stays::Writes).refused(Always, Writes, MESSAGES),
    start("-fdiagnostics-format").stays_if(Only(&["json-file", "sarif-file"]), Stays::Writes),
    word("-fdiagnostics-set-output").stays(Stays::Writes).refused(Always, Writes, MESSAGES),
    start("-fdoc-").refused(Always, Writes, "writes a file"),
    start("-fdump-").stays(Stays::Writes).refused(Always, Writes, DUMPS),
    word("-fgo-c-header").refused(Always, Writes, "writes a file"),
    start("-fixit").clang().refused(Always, Writes, REWRITES),
    word("-fltrans-output-list").refused(Always, Writes, "writes a list to a file"),
    start("-fopt-info").stays(Stays::Writes).refused(Outside, Writes, REPORT),
    word("-foptimization-record-file").stays(Stays::Writes).refused(Outside, Writes, REPORT),
    start("-fproc-stat-report").refused(Always, Writes, "appends statistics to a file"),
    start("-frepo").stays(Stays::Writes),
    word("-fsave-mixins").refused(Always, Writes, "writes a file"),
    start("-fsave-optimization-record").stays(Stays::Writes),
    start("-fstack-usage").stays(Stays::Writes),
    start("-ftest-coverage").stays(Stays::Writes),
    start("-fthin-link-bitcode").refused(Always, Writes, "writes a summary to a file"),
    start("-ftime-trace").stays(Stays::Writes).refused(Outside, Writes, REPORT),
    word("-fverify-debuginfo-preserve-export").refused(Always, Writes, REPORT),
    next("-gen-cdb-fragment-path").clang().refused(Always, Writes, "clang writes a compilation database"),
    start("-gen-reproducer").refused(Always, Writes, "writes the source and a script, as after a crash"),
    start("-gsplit-dwarf").stays(Stays::Writes),
    next("-header-include-file").clang().refused(Always, Writes, "writes the headers' names to a file"),
    start("-mt-migrate-").clang().refused(Always, Writes, REWRITES),
    joined("-o").refused(Outside, Writes, "writes the object"),
    start("-objc").clang(),
    start("-objcmt-").clang().refused(Always, Writes, REWRITES),
    next("-object-file-name").clang().label(),
    next("-opt-record-file").clang().refused(Always, Writes, REPORT),
    word("-output-pch").refused(Always, Writes, "writes a precompiled header"),
    start("-save-stats").stays(Stays::Writes).dropped(OnHelper),
    start("-save-temps").stays(Stays::Writes).dropped(OnHelper),
    next("-serialize-diagnostic-file").clang().refused(Always, Writes, MESSAGES),
    next("-serialize-diagnostics").clang().refused(Always, Writes, MESSAGES),
    next("-split-dwarf-output").clang().refused(Always, Writes, "writes debug information to a file"),
    next("-stack-usage-file").clang().refused(Always, Writes, REPORT),
    word("-stats-file").clang().refused(Always, Writes, "writes statistics to a file"),
    word("-time").stays(Stays::Writes).refused(Always, Writes, "gcc appends a report to the file"),
];
