//! The table is not folklore: here every kind of harm is done with the real gcc and clang, by the
//! spellings that were found to work, and each of these command lines is refused. A row of the
//! table that has no line here has a reason in `UNPROVEN`.
//!
//! A compiler that is not installed fails the test.

use std::collections::HashSet;
use std::fs;
use std::process::{Command, Stdio};

use ccroute::compiler::name::CompilerName;
use ccroute::helper::hostile::{hostile, JobFiles};
use ccroute::options::{find, table, Family};

use super::scene::{Scene, Shows};
use Shows::*;

/// Command lines with `{out}` (a directory), `{so}`, `{run}` (a program), `{bin}` (a directory with
/// programs `cc1`, `as`), `{secret}`, `{args}`, `{specs}`, `{src}` (the job's source).
#[rustfmt::skip]
const GCC: &[(Shows, &str)] = &[
    (Ran, "-wrapper {run} -c {src}"),
    (Ran, "-B{bin}/ -c {src}"),
    (Ran, "--prefix={bin}/ -c {src}"),
    (Ran, "--prefix {bin}/ -c {src}"),
    (Loaded, "-specs={specs} -c {src}"),
    (Loaded, "-specs {specs} -c {src}"),
    (Loaded, "--specs={specs} -c {src}"),
    (Loaded, "-fplugin={so} -c {src}"),
    (Loaded, "--plugin={so} -c {src}"),
    (Loaded, "-Wp,-fplugin={so} -x c -c {src}"),
    (Loaded, "--warn-p,-fplugin={so} -x c -c {src}"),
    (Loaded, "-Xpreprocessor -fplugin={so} -x c -c {src}"),
    (Loaded, "-include-pch -fplugin={so} -x c -c {src}"),
    (Loaded, "-fcompare-debug=-fplugin={so} -c {src}"),
    (Loaded, "@{args} -c {src}"),
    (Loaded, "-Wp,@{args} -x c -c {src}"),
    (Read, "-include {secret} -x c -c {src}"),
    (Read, "--include={secret} -x c -c {src}"),
    (Read, "-Wp,-include,{secret} -x c -c {src}"),
    (Read, "-fauto-profile={secret} -c {src}"),
    (Read, "-Wa,{secret} -c {src}"),
    (Read, "-Xassembler {secret} -c {src}"),
    (Read, "--for-assembler={secret} -c {src}"),
    (Read, "-Wa,@{secret} -c {src}"),
    (Read, "-x assembler -c {secret}"),
    (Read, "-x c -c {secret}"),
    (Wrote, "-time={out}/x -c {src}"),
    (Wrote, "-aux-info {out}/x -c {src}"),
    (Wrote, "-aux-info={out}/x -c {src}"),
    (Wrote, "-fdump-tree-original={out}/x -c {src}"),
    (Wrote, "--dump-tree-original={out}/x -c {src}"),
    (Wrote, "-fdump-go-spec={out}/x -c {src}"),
    (Wrote, "-fdump-final-insns={out}/x -c {src}"),
    (Wrote, "-fopt-info-all={out}/x -O2 -c {src}"),
    (Wrote, "-fprofile-note={out}/x -ftest-coverage -c {src}"),
    (Wrote, "-fstack-usage -dumpdir {out}/x. -c {src}"),
    (Wrote, "-fstack-usage --dumpdir {out}/x. -c {src}"),
    (Wrote, "-fstack-usage -dumpbase {out}/x -c {src}"),
    (Wrote, "-da -dumpdir {out}/x. -c {src}"),
    (Wrote, "-dpppppa -dumpdir {out}/x. -c {src}"),
    (Wrote, "-da1 -dumpdir {out}/x. -c {src}"),
    (Wrote, "-dAAAAa -dumpdir {out}/x. -c {src}"),
    (Wrote, "-fstack-usage --dumpbase {out}/x -c {src}"),
    (Wrote, "-R -c -Wl,-Map={out}/x -nostdlib -shared {src}"),
    (Wrote, "-h -c -Wl,-Map={out}/x -nostdlib -shared {src}"),
    (Wrote, "--dump=a -dumpdir {out}/x. -c {src}"),
    (Wrote, "-MD -MF {out}/x -x c -c {src}"),
    (Wrote, "--write-dependencies -MF{out}/x -x c -c {src}"),
    (Wrote, "-Wp,-MD,{out}/x -x c -c {src}"),
    (Wrote, "-Wp,--output-pch={out}/x -x c -c {src}"),
    (Wrote, "-Wa,-a={out}/x -c {src}"),
    (Wrote, "-Wa,-ahl={out}/x -c {src}"),
    (Wrote, "-Wa,--al={out}/x -c {src}"),
    (Wrote, "-Wa,--MD,{out}/x -c {src}"),
    (Wrote, "-Wa,-MD,{out}/x -c {src}"),
    (Wrote, "-Wa,--M,{out}/x -c {src}"),
    (Wrote, "--warn-a,--MD,{out}/x -c {src}"),
    (Wrote, "-Xassembler --MD -Xassembler {out}/x -c {src}"),
    (Wrote, "--for-assembler=--MD --for-assembler={out}/x -c {src}"),
    (Wrote, "-c {src} -o {out}/x"),
    (Wrote, "-c {src} --output={out}/x"),
    (Wrote, "-c {src} --output {out}/x"),
    (Wrote, "-Hf -c -Wl,-Map={out}/x -nostdlib -shared {src}"),
    (NoObject, "-E -c {src}"),
    (NoObject, "--preprocess -c {src}"),
    (NoObject, "-M -c {src}"),
    (NoObject, "-MM -c {src}"),
    (NoObject, "-fsyntax-only -c {src}"),
    (NoObject, "-### -c {src}"),
    (NoObject, "--version -c {src}"),
    (NoObject, "-fversion -c {src}"),
    (NoObject, "--help -c {src}"),
    (NoObject, "-fhelp -c {src}"),
    (NoObject, "--target-help -c {src}"),
    (NoObject, "-ftarget-help -c {src}"),
    (NoObject, "-dumpspecs -c {src}"),
    (NoObject, "-dumpmachine -c {src}"),
    (NoObject, "-dumpversion -c {src}"),
    (NoObject, "-print-search-dirs -c {src}"),
    (NoObject, "--completion=-f -c {src}"),
    (NoObject, "-dumpfullversion -c {src}"),
    (NoObject, "-fwpa -c {src}"),
    (NoObject, "-fwpa=2 -c {src}"),
    (NoObject, "-Wa,--version -c {src}"),
    (NoObject, "-Wa,--vers -c {src}"),
    (NoObject, "-Wa,--help -c {src}"),
    (NoObject, "-Wa,--target-help -c {src}"),
    (NoObject, "-Wa,--dump-config -c {src}"),
    (Loaded, "-Wp,-iplugindir={scene},-fplugin=x -x c -c {src}"),
    (Read, "-imacros {hdr}/bait.h -x c -c {src}"),
];

/// The same in a pump job, whose source includes bait.h, which is not in its tree.
#[rustfmt::skip]
const GCC_PUMP: &[(Shows, &str)] = &[
    (Read, "-I{hdr} -c a.c"),
    (Read, "-I {hdr} -c a.c"),
    (Read, "--include-directory={hdr} -c a.c"),
    (Read, "-isystem {hdr} -c a.c"),
    (Read, "-iquote {hdr} -c a.c"),
    (Read, "-idirafter {hdr} -c a.c"),
    (Read, "-iprefix {hdr} -iwithprefix / -c a.c"),
    (Read, "-iprefix {hdr} -iwithprefixbefore / -c a.c"),
];

#[rustfmt::skip]
const CLANG_PUMP: &[(Shows, &str)] = &[
    (Read, "-I{hdr} -c a.c"),
    (Read, "-F{hdr} -c framework.c"),
    (Read, "-iframework {hdr} -c framework.c"),
    (Read, "-isysroot {scene} -iwithsysroot /hdr -c a.c"),
    (Read, "-isysroot {scene} -iframeworkwithsysroot /hdr -c framework.c"),
    (Read, "-Xclang -cxx-isystem -Xclang {hdr} -x c++ -c a.c"),
    (Read, "-Xclang -c-isystem -Xclang {hdr} -c a.c"),
    (Read, "-Xclang -objc-isystem -Xclang {hdr} -x objective-c -c a.c"),
    (Read, "-Xclang -objcxx-isystem -Xclang {hdr} -x objective-c++ -c a.c"),
    (Read, "-Xclang -internal-isystem -Xclang {hdr} -c a.c"),
    (Read, "-Xclang -internal-externc-isystem -Xclang {hdr} -c a.c"),
    (Read, "-resource-dir {res} -c builtin.c"),
    (Read, "-ivfsoverlay {overlay} -c virtual.c"),
    (Read, "-working-directory {hdr} -c bait.h"),
];

#[rustfmt::skip]
const GXX: &[(Shows, &str)] = &[
    (Ran, "-std=c++20 -fmodules-ts -fmodule-mapper=|{run} -c {import}"),
    (Ran, "-std=c++20 -fmodules-ts --module-mapper=|{run} -c {import}"),
];

#[rustfmt::skip]
const CLANG: &[(Shows, &str)] = &[
    (Ran, "-fno-integrated-as -B{bin} -c {src}"),
    (Ran, "-fno-integrated-as --prefix={bin} -c {src}"),
    (Ran, "-no-integrated-as -ccc-install-dir {bin} -c {src}"),
    (Ran, "-fno-integrated-as --gcc-toolchain={toolchain}/usr --target=sparc-linux-gnu -c {src}"),
    (Ran, "-fno-integrated-as --sysroot={toolchain} --target=sparc-linux-gnu -c {src}"),
    (Loaded, "-fplugin={so} -c {src}"),
    (Loaded, "-fpass-plugin={so} -c {src}"),
    (Loaded, "-Xclang -load -Xclang {so} -c {src}"),
    (Loaded, "-Xclang -fpass-plugin={so} -c {src}"),
    (Loaded, "-Xpreprocessor -load -Xpreprocessor {so} -x c -c {src}"),
    (Loaded, "-Wp,-load,{so} -x c -c {src}"),
    (Loaded, "@{args} -c {src}"),
    (Loaded, "--config {args} -c {src}"),
    (Loaded, "-cc1 -load {so} -emit-obj {src}"),
    (Read, "-include {secret} -x c -c {src}"),
    (Read, "-fsanitize=address -fsanitize-ignorelist={secret} -c {src}"),
    (Read, "-fsanitize=address -fsanitize-blacklist={secret} -c {src}"),
    (Read, "-fprofile-list={secret} -c {src}"),
    (Read, "-fxray-instrument -fxray-attr-list={secret} -c {src}"),
    (Read, "-fmodules -fmodule-map-file={secret} -x c -c {src}"),
    (Wrote, "-MJ {out}/x -c {src}"),
    (Wrote, "-MJ{out}/x -c {src}"),
    (Wrote, "-gen-cdb-fragment-path {out} -c {src}"),
    (Wrote, "-serialize-diagnostics {out}/x -c {src}"),
    (Wrote, "--serialize-diagnostics {out}/x -c {src}"),
    (Wrote, "-fproc-stat-report={out}/x -c {src}"),
    (Wrote, "-foptimization-record-file={out}/x -c {src}"),
    (Wrote, "-fthin-link-bitcode={out}/x -flto=thin -c {src}"),
    (Wrote, "-fmodules -fmodules-cache-path={out} -x c -c {src}"),
    (Wrote, "-mllvm -info-output-file={out}/x -mllvm -stats -c {src}"),
    (Wrote, "-Xclang -dependency-dot -Xclang {out}/x -MD -x c -c {src}"),
    (Wrote, "-Xclang -diagnostic-log-file -Xclang {out}/x -c {src}"),
    (Wrote, "-Xclang -stats-file={out}/x -c {src}"),
    (Wrote, "-Xclang -header-include-file -Xclang {out}/x -H -x c -c {src}"),
    (Wrote, "-Xclang -split-dwarf-output -Xclang {out}/x -g -gsplit-dwarf -c {src}"),
    (Wrote, "-Xclang -coverage-notes-file={out}/x -ftest-coverage -c {src}"),
    (Wrote, "-MD -MF {out}/x -x c -c {src}"),
    (Wrote, "-c {src} --output={out}/x"),
    (NoObject, "-ccc-print-phases -c {src}"),
    (NoObject, "-### -c {src}"),
    (NoObject, "--version -c {src}"),
    (NoObject, "--autocomplete=-f -c {src}"),
    (NoObject, "-fsyntax-only -c {src}"),
    (NoObject, "-Xclang -ast-dump -c {src}"),
    (NoObject, "-Xclang -fixit -c {src}"),
    (NoObject, "-extract-api -c {src}"),
    (NoObject, "-Xclang -analyzer-checker-help -c {src}"),
    (NoObject, "-Xclang -analyzer-config-help -c {src}"),
    (NoObject, "-Xclang -analyzer-list-enabled-checkers -c {src}"),
    (NoObject, "-Xclang -emit-merged-ifs -c {src}"),
    (NoObject, "-Xclang -fopenmp-new-driver -c {src}"),
    (Ran, "--ptxas-path={run} -x cuda -nocudainc -nocudalib --cuda-gpu-arch=sm_50 -c {src}"),
    (Ran, "-fopenmp -fopenmp-targets=amdgcn --amdgpu-arch-tool={run} -c {src}"),
    (Loaded, "--config-user-dir={scene} --config args.cfg -c {src}"),
    (Loaded, "--config-system-dir={scene} --config args.cfg -c {src}"),
    (Loaded, "--rsp-quoting=windows @{args} -c {src}"),
    (Linked, "-Xclang -mlink-bitcode-file -Xclang {bitcode} -c {src}"),
    (Linked, "-Xclang -ast-merge -Xclang {ast} -c {src}"),
    (Read, "-cc1as -triple x86_64 -filetype obj {secret}"),
    (Read, "--driver-mode=cl -c /FI{secret} /Tc{src}"),
    (Read, "-imacros {hdr}/bait.h -x c -c {src}"),
    (Read, "-Xclang -remap-file -Xclang {src};{secret} -c {src}"),
    (Read, "-Xclang -chain-include -Xclang {hdr}/bait.h -x c -c {src}"),
    (Read, "-Xclang -code-completion-at={secret}:1:1 -x c -c {secret}"),
    (Read, "-Xclang -fsanitize-system-ignorelist={secret} -fsanitize=address -c {src}"),
    (Read, "-fsanitize-coverage=trace-pc-guard -fsanitize-coverage-allowlist={secret} -c {src}"),
    (Read, "-fsanitize-coverage=trace-pc-guard -fsanitize-coverage-ignorelist={secret} -c {src}"),
    (Read, "-fxray-instrument -fxray-never-instrument={secret} -c {src}"),
    (Read, "-fxray-instrument -fxray-always-instrument={secret} -c {src}"),
    (Opened, "-fprofile-use={pipe} -c {src}"),
    (Opened, "-fprofile-instr-use={pipe} -c {src}"),
    (Opened, "-O2 -fprofile-sample-use={pipe} -c {src}"),
    (Opened, "-Xclang -fprofile-instrument-use-path={pipe} -c {src}"),
    (Opened, "-include-pch {pipe} -x c -c {src}"),
    (Opened, "-fmodules -fmodule-file={pipe} -x c -c {src}"),
    (Opened, "-Xclang -foverride-record-layout={pipe} -c {src}"),
    (Opened, "-fopenmp -Xclang -fopenmp-is-device -Xclang -fopenmp-host-ir-file-path -Xclang {pipe} -c {src}"),
    (Opened, "-fthinlto-index={pipe} -x ir -c {bitcode}"),
    (Opened, "-Xclang -mlink-builtin-bitcode -Xclang {pipe} -c {src}"),
    (Opened, "-Xclang -verify-pch -Xclang -include-pch -Xclang {pipe} -c {src}"),
    (Wrote, "-Xclang -serialize-diagnostic-file -Xclang {out}/x -c {src}"),
    (Wrote, "-Xclang -opt-record-file -Xclang {out}/x -c {src}"),
    (Wrote, "-Xclang -dependency-file -Xclang {out}/x -Xclang -MT -Xclang y -x c -c {src}"),
    (Wrote, "-Xclang -stack-usage-file -Xclang {out}/x -c {src}"),
    (Wrote, "-ccc-arcmt-migrate {out} -x objective-c -c {src}"),
    (Wrote, "-Xclang -mt-migrate-directory -Xclang {out} -Xclang -objcmt-migrate-all -x objective-c -c {src}"),
    (Wrote, "-fcxx-modules -fmodules -fmodules-cache-path={out} -x c++ -c {src}"),
    (Wrote, "-fcrash-diagnostics-dir={out} -c {crash}"),
    (Wrote, "-Xclang -module-dependency-dir -Xclang {out} -MD -x c -I{hdr} -include {hdr}/ok.h -c {src}"),
    (Loaded, "-Xclang -plugin -Xclang x -Xclang -plugin-arg-x -Xclang y -Xclang -load -Xclang {so} -c {src}"),
    (Loaded, "-Xclang -add-plugin -Xclang x -Xclang -load -Xclang {so} -c {src}"),
    (NoObject, "--analyze -o {out}/x {src}"),
    (NoObject, "-Xclang -analyze -c {src}"),
    (NoObject, "--precompile -c {src}"),
    (NoObject, "-mcpu=? -c {src}"),
    (NoObject, "-mtune=? -c {src}"),
    (NoObject, "--print-supported-cpus -c {src}"),
    (NoObject, "-Xclang -Eonly -c {src}"),
    (NoObject, "-Xpreprocessor -Eonly -x c -c {src}"),
    (NoObject, "-Wp,-init-only -x c -c {src}"),
    (NoObject, "-Xclang -dump-raw-tokens -c {src}"),
    (NoObject, "-Xclang -dump-tokens -c {src}"),
    (NoObject, "-Xclang -emit-llvm-only -c {src}"),
    (NoObject, "-Xclang -emit-codegen-only -c {src}"),
    (NoObject, "-Xclang -templight-dump -c {src}"),
    (NoObject, "-Xclang -print-preamble -c {src}"),
    (NoObject, "-Xclang -version -c {src}"),
    (NoObject, "-mllvm -help -c {src}"),
    (NoObject, "-mllvm --help-list -c {src}"),
    (NoObject, "-mllvm -h -c {src}"),
    (NoObject, "-mllvm -version -c {src}"),
];

/// Rows that the compilers at hand cannot be made to prove, and why.
#[rustfmt::skip]
const UNPROVEN: &[(&str, &str)] = &[
    ("-ccc-gcc-name", "clang only looks for it beside its own gcc, under a target's prefix"),
    ("-fcppprog", "dmd's and other drivers'; unknown to gcc 12 and clang 14"),
    ("-ftarget-ar", "of GNU Modula-2"),
    ("-ftarget-ranlib", "of GNU Modula-2"),
    ("--gcc-install-dir", "clang 16 and later"),
    ("-V", "gcc before 4.6"),
    ("-b", "gcc before 4.6"),
    ("-cc1gen-reproducer", "wants a file of libclang's calls; runs nothing of the client's with a wrong one"),
    ("--hipspv-pass-plugin", "only beside an installed HIP"),
    ("-include-pth", "clang before 8"),
    ("-token-cache", "clang before 8"),
    ("-fprebuilt-module-path", "read only where an import finds a module of this very clang there"),
    ("-vfsoverlay", "another spelling, of later clangs"),
    ("-fpre-include", "of gfortran"),
    ("-imultilib", "below the system's directories only; kept with the rest of its kind"),
    ("-imultiarch", "the driver of gcc 12 does not take it"),
    ("-stdlib++-isystem", "C++ headers, by clang++ alone; the same as -cxx-isystem"),
    ("-J", "of gfortran"),
    ("-fintrinsic-modules-path", "of gfortran"),
    ("-fprofile-dir", "gcc reads NAME.gcda there, which only an instrumented run of this job's path makes"),
    ("-fprofile-generate", "as -fprofile-dir"),
    ("-fprofile-remapping-file", "read only after a whole profile of this very clang"),
    ("-fembed-offload-object", "clang 14 opens it in an offloading compile only"),
    ("-fcuda-include-gpubinary", "opened only where the source has device code"),
    ("-fself-test", "Debian's gcc is built without self-tests"),
    ("-fresolution", "of lto1; cc1 of gcc 12 ignores it"),
    ("-fltrans-output-list", "of lto1; cc1 of gcc 12 ignores it"),
    ("-fdiagnostics-add-output", "gcc 15 and later"),
    ("-fdiagnostics-set-output", "gcc 15 and later"),
    ("-fsave-mixins", "of GNU D"),
    ("-fdoc-", "of GNU D"),
    ("-fgo-c-header", "of gccgo"),
    ("-ftime-trace", "with a value in clang 15 and later"),
    ("-analyzer-dump-egraph", "the graph is written by clangs built with assertions"),
    ("-fverify-debuginfo-preserve-export", "writes only where debug information was lost"),
    ("-gen-reproducer", "writes to the temporary directory under a random name, not to a place of choice"),
    ("-coverage-data-file", "only names the finished program's file"),
    ("-dsym-dir", "of a linking clang on a Mac"),
    ("-ccc-objcmt-migrate", "clang 14 crashes before it writes; -objcmt- and -mt-migrate- are proven"),
    ("-ccc-arcmt-", "as -arcmt-"),
    ("-migrate", "leaves a text in the object's place"),
    ("-compiler-options-dump", "leaves a text in the object's place"),
    ("-isystem-after", "clang 14 does not pass it on for C"),
    ("-arcmt-migrate-report-output", "as -arcmt-"),
    ("--vfsoverlay", "as -vfsoverlay"),
    ("-iapinotes-modules", "clang 17 and later"),
    ("-fmodule-implementation-of", "only where modules are compiled"),
    ("-fmodules-user-build-path", "only where modules are kept"),
    ("--offload-", "only beside an installed CUDA or HIP"),
    ("-Xcuda-fatbinary", "only beside an installed CUDA"),
    ("-Xcuda-ptxas", "only beside an installed CUDA"),
    ("-Xoffload-linker", "only beside an installed CUDA or HIP"),
    ("-mmlir", "of Fortran's and of clangs with MLIR"),
    ("-dumpbase-ext", "only the end of a name; kept with -dumpbase"),
    ("--dumpbase-ext", "as -dumpbase-ext"),
    ("-rewrite-", "leaves the rewritten source in the object's place"),
    ("-fsanitize-coverage-", "spellings of clangs before 13; -allowlist and -ignorelist are proven"),
    ("--ld-path", "no linker runs beside the own -c"),
    ("-fuse-ld", "no linker runs beside the own -c"),
    ("-T", "no linker runs beside the own -c"),
    ("-Zlinker-input", "no linker runs beside the own -c"),
    ("-filelist", "no linker runs beside the own -c"),
    ("-arcmt-", "clang 14 rewrites only sources with something to migrate; -ccc-arcmt- is proven"),
    ("-module-file-info", "clang 14 ignores it beside -c"),
    ("-march", "as -mcpu, of later clangs"),
];

/// Options that leave files, all of them beside the object under its own name: these pass.
const STAYS_INSIDE: &str = "-fstack-usage -gsplit-dwarf -save-temps -ftest-coverage";

/// The compiler's major version. A compiler that is missing fails the test.
fn major(compiler: &str) -> u32 {
    let output = Command::new(compiler)
        .arg("-dumpversion")
        .output()
        .unwrap_or_else(|_| panic!("{compiler} is missing: apt-get install {compiler}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let major = text.split(['.', '\n']).next().and_then(|m| m.parse().ok());
    major.unwrap_or_else(|| panic!("{compiler} -dumpversion: {text}"))
}

/// What later versions no longer do: part of the line, the compiler, the last major version that
/// was seen to do it. The row stays, for helpers that have the old ones.
const GONE: &[(&str, &str, u32)] = &[
    ("-Wp,--output-pch=", "gcc", 12),
    ("-info-output-file=", "clang", 14),
    // Renamed in clang 17.
    ("-fopenmp-is-device", "clang", 16),
    // Migration to ARC left clang with version 20; 19 no longer writes for Objective-C's.
    ("arcmt-", "clang", 19),
    ("objcmt-", "clang", 14),
    ("-fopenmp-new-driver", "clang", 14),
    // Seen with 14, and not with 19.
    ("--amdgpu-arch-tool=", "clang", 14),
    ("-mcpu=?", "clang", 14),
    ("-mtune=?", "clang", 14),
];

fn prove(compiler: &str, lines: &[(Shows, &str)]) {
    let version = major(compiler);
    let gone = |line: &str| {
        let mut rows = GONE.iter();
        rows.any(|(part, of, last)| *of == compiler && version > *last && line.contains(part))
    };
    let scene = Scene::new(&format!("{compiler}-{}", lines.len()));
    let failed: Vec<_> = lines
        .iter()
        .filter(|(_, line)| !gone(line))
        .filter(|(shows, line)| !scene.shows(compiler, *shows, line))
        .collect();
    assert!(
        failed.is_empty(),
        "{compiler} does not do this: {failed:#?}"
    );
}

#[test]
fn gcc_does_what_is_refused() {
    prove("gcc", GCC);
}

#[test]
fn gcc_does_what_is_refused_of_a_pump_job() {
    prove("gcc", GCC_PUMP);
}

#[test]
fn clang_does_what_is_refused_of_a_pump_job() {
    prove("clang", CLANG_PUMP);
}

#[test]
fn gxx_does_what_is_refused() {
    prove("g++", GXX);
}

#[test]
fn clang_does_what_is_refused() {
    prove("clang", CLANG);
}

/// The names of the refused rows that a word of a line meets, as gcc or clang reads it.
fn rows_of(word: &str) -> Vec<&'static str> {
    let plain = word.strip_prefix("--").map(|long| format!("-{long}"));
    let spellings = [Some(word), plain.as_deref()].into_iter().flatten();
    let rows = spellings.flat_map(|w| [Family::Gcc, Family::Clang].map(|f| find(f, w.as_bytes())));
    let refused = rows.flatten().filter(|row| row.refused.is_some());
    refused.map(|row| row.name).collect()
}

#[test]
fn every_row_is_proven_or_says_why_not() {
    let rows: Vec<&str> = table::rows()
        .filter(|row| row.refused.is_some())
        .map(|row| row.name)
        .collect();
    assert!(rows.len() > 150, "{} rows", rows.len());
    let lines = [GCC, GXX, CLANG, GCC_PUMP, CLANG_PUMP].concat();
    let words = lines.iter().flat_map(|(_, line)| line.split([' ', ',']));
    let proven: HashSet<&str> = words.flat_map(rows_of).collect();
    let unproven: HashSet<&str> = UNPROVEN.iter().map(|&(name, _)| name).collect();
    let wrong: Vec<&&str> = rows
        .iter()
        .filter(|name| proven.contains(*name) == unproven.contains(*name))
        .collect();
    assert!(
        wrong.is_empty(),
        "a line of proof, or a reason in UNPROVEN, and not both: {wrong:?}"
    );
    for name in &unproven {
        assert!(rows.contains(name), "no such row: {name}");
    }
    println!("{} of {} rows are proven", proven.len(), rows.len());
}

#[test]
fn what_stays_inside_the_job_passes() {
    let scene = Scene::new("inside");
    for compiler in ["gcc", "clang"] {
        let job_dir = scene.path("job");
        let _ = fs::remove_dir_all(&job_dir);
        fs::create_dir_all(&job_dir).unwrap();
        fs::write(job_dir.join("distccd_a.i"), "int f(void) { return 1; }\n").unwrap();
        let words = scene.words(&format!("{STAYS_INSIDE} -g -c {{src}}"), &job_dir);
        let job = JobFiles::find(&words, &job_dir);
        let tool = CompilerName::parse(compiler.as_bytes()).unwrap().tool;
        assert_eq!(hostile(tool, &words, &job), None);
        let status = Command::new(compiler)
            .args(&words)
            .current_dir(&scene.0)
            .stderr(Stdio::null())
            .status();
        assert!(status.is_ok_and(|s| s.success()), "{compiler}");
        for entry in fs::read_dir(&job_dir).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(name.starts_with("distccd_"), "{compiler}: {name}");
        }
    }
}
