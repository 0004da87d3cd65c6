//! The table is not folklore: here every kind of harm is done with the real gcc and clang, by the
//! spellings that were found to work, and each of these command lines is refused. A row of the
//! table that has no line here has a reason in `UNPROVEN`.
//!
//! A compiler that is not installed fails the test.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ccroute::hostile::{hostile, Job};
use ccroute::name::CompilerName;

/// What shows that the harm was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    /// The program ran.
    Ran,
    /// The shared object's constructor ran.
    Loaded,
    /// A file appeared outside the job's directory, or one that was there grew.
    Wrote,
    /// A word of a file outside the job is in the compiler's messages.
    Read,
    /// A pipe outside the job was opened for reading.
    Opened,
    /// A function of a file outside the job is in the object.
    Linked,
    /// Exit status 0, and no object.
    NoObject,
}
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
    (Ran, "-fno-integrated-as --gcc-toolchain={toolchain}/usr --target=sparc64-linux-gnu -c {src}"),
    (Ran, "-fno-integrated-as --sysroot={toolchain} --target=sparc64-linux-gnu -c {src}"),
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
    ("-ccc-objcmt-", "clang 14 crashes before it writes; -objcmt- and -mt-migrate- are proven"),
    ("-arcmt-", "clang 14 rewrites only sources with something to migrate; -ccc-arcmt- is proven"),
    ("-module-file-info", "clang 14 ignores it beside -c"),
    ("-march", "as -mcpu, of later clangs"),
];

/// Options that leave files, all of them beside the object under its own name: these pass.
const STAYS_INSIDE: &str = "-fstack-usage -gsplit-dwarf -save-temps -ftest-coverage";

/// A directory in which the harm is done, removed at the end.
struct Scene(PathBuf);

impl Scene {
    fn new(label: &str) -> Scene {
        let dir =
            std::env::temp_dir().join(format!("ccroute-proof-{label}-{}", std::process::id()));
        fs::create_dir_all(dir.join("bin")).unwrap();
        let scene = Scene(dir);
        let script = format!("#!/bin/sh\necho >{}\nexit 0\n", scene.path("ran").display());
        // An assembler under a name that is not installed, in what clang takes for a gcc.
        let foreign = "toolchain/usr/sparc64-linux-gnu/bin/sparc64-linux-gnu-as";
        for name in ["run", "bin/cc1", "bin/as", foreign] {
            let path = scene.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let gcc = scene.path("toolchain/usr/lib/gcc/sparc64-linux-gnu/99");
        fs::create_dir_all(&gcc).unwrap();
        fs::write(gcc.join("crtbegin.o"), "").unwrap();
        let so = scene.path("x.so");
        let source = format!(
            "#include <stdio.h>\n__attribute__((constructor)) static void f(void)\n\
             {{ FILE *o = fopen(\"{}\", \"w\"); if (o) fclose(o); }}\n",
            scene.path("loaded").display()
        );
        fs::write(scene.path("x.c"), source).unwrap();
        let built = Command::new("gcc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&so, &scene.path("x.c")])
            .status();
        assert!(
            built.is_ok_and(|s| s.success()),
            "gcc builds the object to load"
        );
        let plugin = format!("-fplugin={}", so.display());
        fs::write(scene.path("args"), &plugin).unwrap();
        fs::write(scene.path("args.cfg"), &plugin).unwrap();
        scene.bait();
        fs::write(scene.path("specs"), format!("*cc1:\n+ {plugin}\n")).unwrap();
        fs::write(scene.path("secret"), "sesame open\n").unwrap();
        scene
    }

    /// Headers, and compiled code, that are not the job's.
    fn bait(&self) {
        for (name, text) in [
            ("hdr/bait.h", "#error sesame\n"),
            ("hdr/ok.h", "\n"),
            ("hdr/F.framework/Headers/bait.h", "#error sesame\n"),
            ("res/include/stddef.h", "#error sesame\n"),
            ("code.c", "int planted(void) { return 42; }\n"),
        ] {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let overlay = format!(
            r#"{{"version":0,"roots":[{{"type":"directory","name":"{}","contents":[{{"type":"file","name":"virtual.h","external-contents":"{}"}}]}}]}}"#,
            self.tree().display(),
            self.path("hdr/bait.h").display()
        );
        fs::write(self.path("overlay"), overlay).unwrap();
        for (kind, name) in [("-emit-llvm", "code.bc"), ("-emit-ast", "code.ast")] {
            let built = Command::new("clang")
                .args(["-c", kind, "-o"])
                .args([self.path(name), self.path("code.c")])
                .status();
            assert!(built.is_ok_and(|s| s.success()), "clang {kind}");
        }
        let made = Command::new("mkfifo").arg(self.path("pipe")).status();
        assert!(made.is_ok_and(|s| s.success()), "mkfifo");
    }

    /// Where a pump job's source is.
    fn tree(&self) -> PathBuf {
        self.path("job/distccd_tree/src")
    }

    /// Whether a process that is running opens the pipe; until it ends.
    fn opens_pipe(&self, child: &mut Child) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            let mut options = fs::OpenOptions::new();
            let pipe = options.write(true).custom_flags(nix::libc::O_NONBLOCK);
            // Fails while nobody reads.
            if pipe.open(self.path("pipe")).is_ok() {
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs one command line in a fresh job and says whether the harm was done.
    fn shows(&self, compiler: &str, shows: Shows, line: &str) -> bool {
        let (job_dir, out) = (self.path("job"), self.path("out"));
        for dir in [&job_dir, &out] {
            let _ = fs::remove_dir_all(dir);
            fs::create_dir_all(dir).unwrap();
        }
        for mark in ["ran", "loaded"] {
            let _ = fs::remove_file(self.path(mark));
        }
        let source = "int g(int x) { return x; }\nint f(int x) { return g(x) + 1; }\n";
        fs::write(job_dir.join("distccd_a.i"), source).unwrap();
        fs::write(job_dir.join("distccd_a.ii"), "import foo;\nint y;\n").unwrap();
        fs::write(
            job_dir.join("distccd_crash.c"),
            "#pragma clang __debug crash\n",
        )
        .unwrap();
        fs::create_dir_all(self.tree()).unwrap();
        for (name, include) in [
            ("a.c", "\"bait.h\""),
            ("framework.c", "<F/bait.h>"),
            ("builtin.c", "<stddef.h>"),
            ("virtual.c", "\"virtual.h\""),
        ] {
            fs::write(self.tree().join(name), format!("#include {include}\n")).unwrap();
        }
        let mut words = self.words(line, &job_dir);
        let cwd = match names_as_the_client(line) {
            true => {
                words.extend(["-MMD", "-MF"].map(String::from));
                words.push(job_dir.join("distcc_1.deps").display().to_string());
                self.tree()
            }
            false => job_dir.clone(),
        };
        let job = Job::find(&words, &cwd);
        let tool = CompilerName::parse(compiler.as_bytes()).unwrap().tool;
        let found = hostile(tool, &words, &job);
        assert!(found.is_some(), "passes: {compiler} {line}");
        let mut child = Command::new(compiler)
            .args(&words)
            .current_dir(&cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if shows == Opened {
            let opened = self.opens_pipe(&mut child);
            let _ = child.kill();
            let _ = child.wait();
            return opened;
        }
        let done = child.wait_with_output().unwrap();
        let text = [done.stdout, done.stderr].concat();
        match shows {
            Ran => self.path("ran").exists(),
            Loaded => self.path("loaded").exists(),
            Wrote => fs::read_dir(&out).unwrap().next().is_some(),
            Read => {
                let text = String::from_utf8_lossy(&text);
                text.contains("sesame") || text.contains("magic number")
            }
            Opened => unreachable!(),
            Linked => fs::read(job_dir.join("distccd_b.o"))
                .is_ok_and(|o| o.windows(7).any(|w| w == b"planted")),
            NoObject => done.status.success() && !job_dir.join("distccd_b.o").exists(),
        }
    }

    /// The line's words, with distccd's own output unless the line names one.
    fn words(&self, line: &str, job_dir: &Path) -> Vec<String> {
        let fill = |word: &str| {
            let mut word = word.to_owned();
            for (name, path) in [
                ("{out}", self.path("out")),
                ("{so}", self.path("x.so")),
                ("{run}", self.path("run")),
                ("{bin}", self.path("bin")),
                ("{secret}", self.path("secret")),
                ("{args}", self.path("args")),
                ("{specs}", self.path("specs")),
                ("{toolchain}", self.path("toolchain")),
                ("{scene}", self.0.clone()),
                ("{hdr}", self.path("hdr")),
                ("{res}", self.path("res")),
                ("{overlay}", self.path("overlay")),
                ("{bitcode}", self.path("code.bc")),
                ("{ast}", self.path("code.ast")),
                ("{pipe}", self.path("pipe")),
                ("{crash}", job_dir.join("distccd_crash.c")),
                ("{src}", job_dir.join("distccd_a.i")),
                ("{import}", job_dir.join("distccd_a.ii")),
            ] {
                word = word.replace(name, &path.display().to_string());
            }
            word
        };
        let mut words: Vec<String> = line.split(' ').map(fill).collect();
        if !line.contains("{out}/x") || !line.contains("-o") && !line.contains("--output") {
            // In front: an option that names another object stands behind it.
            let at = usize::from(line.starts_with("-cc1"));
            let own = job_dir.join("distccd_b.o").display().to_string();
            words.splice(at..at, ["-o".to_owned(), own]);
        }
        words
    }
}

/// A pump job's input is named as the client named it.
fn names_as_the_client(line: &str) -> bool {
    ["a.c", "framework.c", "builtin.c", "virtual.c", "bait.h"]
        .iter()
        .any(|name| line.ends_with(&format!(" {name}")))
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

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
    // Migration to ARC left clang with version 20.
    ("arcmt-", "clang", 19),
    ("objcmt-", "clang", 19),
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

/// The row of the table that a word of a line meets: the one with the longest name.
fn row_of<'a>(rows: &[(bool, &'a str)], word: &str) -> Option<&'a str> {
    let plain = match word.strip_prefix("--") {
        Some(long) => format!("-{long}"),
        None => word.to_owned(),
    };
    let meets = |&&(exact, name): &&(bool, &'a str)| {
        let rest = [word, plain.as_str()].map(|w| w.strip_prefix(name));
        let mut rests = rest.into_iter().flatten();
        rests.any(|r| !exact || r.is_empty() || r.starts_with('='))
    };
    let met = rows.iter().filter(meets).map(|&(_, name)| name);
    met.max_by_key(|name| name.len())
}

#[test]
fn every_row_is_proven_or_says_why_not() {
    let table = include_str!("../../src/hostile/table.rs");
    let rows: Vec<(bool, &str)> = table
        .lines()
        .filter_map(|line| {
            let (shape, rest) = line.trim_start().split_once("(\"")?;
            let name = rest.split('"').next()?;
            let known = matches!(shape, "exact" | "joined" | "start");
            known.then_some((shape == "exact", name))
        })
        .collect();
    assert!(rows.len() > 150, "{} rows", rows.len());
    let lines = [GCC, GXX, CLANG, GCC_PUMP, CLANG_PUMP].concat();
    let words = lines.iter().flat_map(|(_, line)| line.split([' ', ',']));
    let proven: HashSet<&str> = words.filter_map(|word| row_of(&rows, word)).collect();
    let unproven: HashSet<&str> = UNPROVEN.iter().map(|&(name, _)| name).collect();
    let names = rows.iter().map(|&(_, name)| name);
    let wrong: Vec<&str> = names
        .filter(|name| proven.contains(name) == unproven.contains(name))
        .collect();
    assert!(
        wrong.is_empty(),
        "a line of proof, or a reason in UNPROVEN, and not both: {wrong:?}"
    );
    for name in &unproven {
        assert!(rows.iter().any(|(_, n)| n == name), "no such row: {name}");
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
        let job = Job::find(&words, &job_dir);
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
