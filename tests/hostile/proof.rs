//! The table is not folklore: here every kind of harm is done with the real gcc and clang, by the
//! spellings that were found to work, and each of these command lines is refused. Not every row of
//! the table has a line here; see there.
//!
//! A compiler that is not installed is named on stderr, and its rows go unproven in that run.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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
    (NoObject, "--target-help -c {src}"),
    (NoObject, "-ftarget-help -c {src}"),
    (NoObject, "-dumpspecs -c {src}"),
    (NoObject, "-dumpmachine -c {src}"),
    (NoObject, "-dumpversion -c {src}"),
    (NoObject, "-print-search-dirs -c {src}"),
    (NoObject, "--completion=-f -c {src}"),
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
        fs::write(scene.path("specs"), format!("*cc1:\n+ {plugin}\n")).unwrap();
        fs::write(scene.path("secret"), "sesame open\n").unwrap();
        scene
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
        let words = self.words(line, &job_dir);
        let job = Job::find(&words, &job_dir);
        let tool = CompilerName::parse(compiler.as_bytes()).unwrap().tool;
        let found = hostile(tool, &words, &job);
        assert!(found.is_some(), "passes: {compiler} {line}");
        let done = Command::new(compiler)
            .args(&words)
            .current_dir(&job_dir)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [done.stdout, done.stderr].concat();
        match shows {
            Ran => self.path("ran").exists(),
            Loaded => self.path("loaded").exists(),
            Wrote => fs::read_dir(&out).unwrap().next().is_some(),
            Read => {
                let text = String::from_utf8_lossy(&text);
                text.contains("sesame") || text.contains("magic number")
            }
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
];

fn prove(compiler: &str, lines: &[(Shows, &str)]) {
    let version = major(compiler);
    let gone = |line: &str| {
        let mut rows = GONE.iter();
        rows.any(|(part, of, last)| *of == compiler && version > *last && line.contains(part))
    };
    let scene = Scene::new(compiler);
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
fn gxx_does_what_is_refused() {
    prove("g++", GXX);
}

#[test]
fn clang_does_what_is_refused() {
    prove("clang", CLANG);
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
