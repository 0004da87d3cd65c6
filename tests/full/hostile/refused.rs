//! Every spelling of every kind of harm is refused, in a plain job and in a pump job.

use std::path::Path;

use ccroute::compiler::name::Tool;
use ccroute::helper::hostile::{hostile, Harm, JobFiles};

const INPUT: &str = "/tmp/distccd_1a2b.i";
const OUTPUT: &str = "/tmp/distccd_3c4d.o";

/// The verdict on a plain job with these arguments among distccd's own.
pub fn plain(tool: Tool, args: &str) -> Option<Harm> {
    let line = format!("{args} -c {INPUT} -o {OUTPUT}");
    let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
    let job = JobFiles::find(&words, Path::new("/tmp"));
    assert_eq!(job.output.as_deref(), Some(Path::new(OUTPUT)), "{args}");
    hostile(tool, &words, &job).map(|h| h.harm)
}

/// The same in a pump job.
fn pump(tool: Tool, args: &str) -> Option<Harm> {
    let cwd = "/tmp/distccd_XyZ123/home/me/src";
    let line = format!("{args} -c a.c -o {OUTPUT} -MMD -MF /tmp/distcc_77.deps");
    let words: Vec<&str> = line.split(' ').filter(|w| !w.is_empty()).collect();
    let job = JobFiles::find(&words, Path::new(cwd));
    assert_eq!(
        job.tree.as_deref(),
        Some(Path::new("/tmp/distccd_XyZ123")),
        "{args}"
    );
    hostile(tool, &words, &job).map(|h| h.harm)
}

#[test]
fn harmful_arguments_are_refused_in_every_spelling() {
    use Harm::*;
    let gcc: &[(&str, Harm)] = &[
        ("-wrapper /bin/sh,-c,id", Runs),
        ("--wrapper /bin/sh", Runs),
        ("-B/x", Runs),
        ("-B /x", Runs),
        ("-Bx", Runs),
        ("--prefix=/x", Runs),
        ("--prefix /x", Runs),
        ("--pref=/x", Runs),
        ("-specs=x", Runs),
        ("-specs x", Runs),
        ("--specs=x", Runs),
        ("--spec=x", Runs),
        ("-fmodule-mapper=|id", Runs),
        ("--module-mapper=|id", Runs),
        ("-fcompare-debug=-fplugin=x", Runs),
        ("--compare-debug=-fplugin=x", Runs),
        ("-Hd", Runs),
        ("-fplugin=x", Loads),
        ("-fplugin x", Loads),
        ("--plugin=x", Loads),
        ("-fplugin-arg-x-y=z", Loads),
        ("-iplugindir=x", Loads),
        ("-Wp,-fplugin=x", Loads),
        ("--warn-p,-fplugin=x", Loads),
        ("-Xpreprocessor -fplugin=x", Loads),
        ("-include-pch -fplugin=x", Reads),
        ("-D -fplugin=x", Loads),
        ("-Xlinker -fplugin=x", Loads),
        ("@x", Reads),
        ("-D @x", Reads),
        ("-Wp,@x", Reads),
        ("-Wa,@x", Reads),
        ("-Xassembler @x", Reads),
        ("-include /etc/passwd", Reads),
        ("-include/etc/passwd", Reads),
        ("--include=/etc/passwd", Reads),
        ("--include /etc/passwd", Reads),
        ("--incl=/etc/passwd", Reads),
        ("-imacros /etc/passwd", Reads),
        ("-include /tmp/distccd_other.i", Reads),
        ("-include ../../../../etc/passwd", Reads),
        ("-Wp,-include,/etc/passwd", Reads),
        ("-fprofile-use=/x", Reads),
        ("--profile-use=/x", Reads),
        ("-fauto-profile=/x", Reads),
        ("-mmcu=../../x", Reads),
        ("--machine-mcu=../../x", Reads),
        ("-fsome-future-option=/etc/passwd", Reads),
        ("-Wa,-I,/etc", Reads),
        ("-Wa,-I/etc", Reads),
        ("-Wa,/etc/passwd", Reads),
        ("-Wa,--itbl,x", Loads),
        ("-Xassembler /etc/passwd", Reads),
        ("-x assembler", Reads),
        ("-xassembler-with-cpp", Reads),
        ("--language=assembler", Reads),
        ("-x c /etc/passwd", Reads),
        ("/etc/passwd", Reads),
        ("distccd_other.i", Reads),
        ("x.s", Reads),
        ("x.S", Reads),
        ("-o /x -Wall", Writes),
        ("--output=/x", Writes),
        ("--output /x", Writes),
        ("--outp=/x", Writes),
        ("--output=/tmp/distccd_other.o", Writes),
        ("-o x.o", Writes),
        ("-time=x", Writes),
        ("-aux-info x", Writes),
        ("-aux-info=x", Writes),
        ("-fdump-tree-original=x", Writes),
        ("-fdump-tree-all", Writes),
        ("--dump-tree-all", Writes),
        ("-da", Writes),
        ("-dr", Writes),
        ("-dpppppa", Writes),
        ("-da1", Writes),
        ("-dAAAAx", Writes),
        ("-R x", Hides),
        ("-fuse-ld=/x/ld", Runs),
        ("--ld-path=/x/ld", Runs),
        ("-T x.ld", Reads),
        ("-Tx.ld", Reads),
        ("-Wl,--plugin,./x.so", Runs),
        ("-Wl,-plugin,x.so", Runs),
        ("-Wl,--plug=x.so", Runs),
        ("-Wl,-o,x.so", Runs),
        ("-Wl,-ox.so", Runs),
        ("-Wl,-T,x.ld", Runs),
        ("-Wl,-Map=x", Runs),
        ("-Wl,@x", Reads),
        ("-Wl,/x/y.o", Reads),
        ("-Xlinker --plugin -Xlinker x.so", Loads),
        ("--for-linker=--plugin=x.so", Runs),
        ("-fopenmp-targets=nvptx64", Runs),
        ("--dump=a", Writes),
        ("-dumpdir x", Writes),
        ("--dumpdir x", Writes),
        ("-dumpbase x", Writes),
        ("-dumpbase-ext x", Writes),
        ("-fopt-info-all=/x", Writes),
        ("-fprofile-note=x", Writes),
        ("-MD -MF /x", Writes),
        ("-MF/x", Writes),
        ("-Wp,-MD,/x", Writes),
        ("-Xpreprocessor -MMD -Xpreprocessor /x", Writes),
        ("-Wp,--output-pch=x", Writes),
        ("-Wa,-a=x", Writes),
        ("-Wa,-ahl=x", Writes),
        ("-Wa,--al=x", Writes),
        ("--warn-a,--MD,x", Writes),
        ("-Wa,--MD,x", Writes),
        ("-Wa,-MD,x", Writes),
        ("-Wa,--M,x", Writes),
        ("--for-assembler=--MD --for-assembler=x", Writes),
        ("-fmodules-ts", Writes),
        ("-fdiagnostics-add-output=sarif:file=x", Writes),
        ("-E", NoObject),
        ("--preprocess", NoObject),
        ("-M", NoObject),
        ("-fsyntax-only", NoObject),
        ("-###", NoObject),
        ("--version", NoObject),
        ("-fversion", NoObject),
        ("--help=target", NoObject),
        ("-dumpspecs", NoObject),
        ("-print-search-dirs", NoObject),
    ];
    for &(args, want) in gcc {
        assert_eq!(plain(Tool::Gcc, args), Some(want), "plain: {args}");
        // A bare name lies in a pump job's own tree.
        if !matches!(args, "-o x.o") && !args.contains("distccd_other.i") {
            assert!(pump(Tool::Gcc, args).is_some(), "pump: {args}");
        }
    }
    let clang: &[(&str, Harm)] = &[
        ("-fpass-plugin=x", Loads),
        ("-Xclang -load -Xclang x", Loads),
        ("-Xclang=-load -Xclang=x", Loads),
        ("-Wp,-load,x", Loads),
        ("-Xpreprocessor -load -Xpreprocessor x", Loads),
        ("-Xclang -fpass-plugin=x", Loads),
        ("-Xarch_x86_64 -fplugin=x", Loads),
        ("-Xanalyzer -load -Xanalyzer x", Loads),
        ("-cc1 -load x", Runs),
        ("-cc1as", Runs),
        ("-no-integrated-as -ccc-install-dir x", Runs),
        ("-fno-integrated-as --gcc-toolchain=x", Runs),
        ("-fno-integrated-as --sysroot=x", Runs),
        ("--driver-mode=cl", Runs),
        ("--config x", Reads),
        ("--config=x", Reads),
        ("-ivfsoverlay x", Reads),
        ("-working-directory /", Reads),
        ("-resource-dir x", Loads),
        ("-include-pch x", Loads),
        ("-Xclang -code-completion-at=/etc/passwd:1:1", Reads),
        ("-Xclang -main-thing -Xclang /etc/passwd", Reads),
        ("-Xclang -remap-file -Xclang x;/etc/passwd", Reads),
        ("-Xclang -mlink-bitcode-file -Xclang x", Loads),
        ("-fsanitize-ignorelist=/x", Reads),
        ("-fsanitize-blacklist=/x", Reads),
        ("-fxray-attr-list=/x", Reads),
        ("-fbasic-block-sections=list=/x", Reads),
        ("-mllvm -info-output-file=/x", Writes),
        ("-mllvm -info-output-file=x", Writes),
        ("-mllvm=-info-output-file=x", Writes),
        ("-mllvm --info-output-file -mllvm x", Writes),
        ("-Xclang -mllvm -Xclang -info-output-file=x", Writes),
        ("-mllvm -view-edge-bundles", Writes),
        ("-MJ x", Writes),
        ("-MJx", Writes),
        ("-gen-cdb-fragment-path x", Writes),
        ("-serialize-diagnostics x", Writes),
        ("--serialize-diagnostics x", Writes),
        ("-fproc-stat-report=x", Writes),
        ("-foptimization-record-file=/x", Writes),
        ("-ftime-trace=/x", Writes),
        ("-fmodules-cache-path=x", Writes),
        ("-fthin-link-bitcode=x", Writes),
        ("-Xclang -diagnostic-log-file -Xclang x", Writes),
        ("-Xclang -stats-file=x", Writes),
        ("-Xclang -fixit", Writes),
        ("-x ir", Reads),
        ("x.bc", Reads),
        ("-ccc-print-phases", NoObject),
        ("--analyze", NoObject),
        ("--autocomplete=-f", NoObject),
        ("-Xclang -ast-dump", NoObject),
        ("-Xclang -analyzer-checker-help", NoObject),
        ("-Xclang -emit-merged-ifs", NoObject),
        ("-Xclang -rewrite-macros", NoObject),
        ("-Xclang -compiler-options-dump", NoObject),
    ];
    for &(args, want) in clang {
        assert_eq!(plain(Tool::Clang, args), Some(want), "plain: {args}");
        assert!(pump(Tool::Clang, args).is_some(), "pump: {args}");
    }
}

#[test]
fn without_c_the_linker_would_run() {
    let job = JobFiles::find(&[INPUT, "-o", OUTPUT], Path::new("/tmp"));
    let found = hostile(Tool::Gcc, &[INPUT, "-o", OUTPUT], &job);
    assert_eq!(found.map(|h| h.harm), Some(Harm::Runs));
    // Hidden from the compiler as another option's value.
    for hidden in [
        "-Xlinker",
        "-Hf",
        "-gnatO",
        "-I",
        "-MT",
        "-h",
        "-Xarch_x86_64",
        "-rpath",
        "--rtlib",
        "-ftrapv-handler",
        "-sectcreate",
        "-fxray-modes=",
    ] {
        let args = [hidden, "-c", INPUT, "-o", OUTPUT];
        for tool in [Tool::Gcc, Tool::Clang] {
            let found = hostile(tool, &args, &job);
            assert_eq!(found.map(|h| h.harm), Some(Harm::Runs), "{hidden}");
        }
    }
    // As the last of these, it is the name of a file.
    let args = [INPUT, "-o", OUTPUT, "--", "-c"];
    let found = hostile(Tool::Clang, &args, &job);
    assert_eq!(found.map(|h| h.harm), Some(Harm::Hides));
}

#[test]
fn a_pump_job_stays_in_its_tree() {
    for args in [
        "-I/etc",
        "-I /etc",
        "-I../../../../../etc",
        "-isystem /usr/local/include",
        "-iquote/etc",
        "--include-directory=/etc",
        "-include /tmp/distccd_XyZ1234/x",
        "/etc/passwd",
        "-MF /tmp/x.d",
    ] {
        assert!(pump(Tool::Gcc, args).is_some(), "{args}");
    }
    for args in [
        "-I/tmp/distccd_XyZ123/usr/include",
        "-Iinclude -I../include -isystem ../../lib",
        "-include ./include/linux/kconfig.h",
        "-Wp,-MMD,kernel/.fork.o.d",
        "-iquote .",
        "-MF x.d -MT x.o",
    ] {
        assert_eq!(pump(Tool::Gcc, args), None, "{args}");
    }
}

#[test]
fn another_jobs_files_are_not_this_jobs() {
    // Relative, so that distccd does not move it into the tree.
    let tree = Path::new("/tmp/distccd_XyZ123/src");
    let args = ["-c", "../../distccd_other.i", "-o", OUTPUT];
    let job = JobFiles::find(&args, tree);
    assert!(hostile(Tool::Gcc, &args, &job).is_some());
    // Two objects or two inputs: one of them is not distccd's.
    for more in [
        ["-o", "/tmp/distccd_other.o"],
        ["-o", "/home/x/distccd_3c4d.o"],
        ["-Wall", "/tmp/distccd_other.i"],
        ["-Wall", "/home/x/distccd_1a2b.i"],
    ] {
        for at in [0, 4] {
            let mut args = vec!["-c", INPUT, "-o", OUTPUT];
            args.splice(at..at, more);
            let job = JobFiles::find(&args, Path::new("/tmp"));
            assert!(hostile(Tool::Gcc, &args, &job).is_some(), "{args:?}");
        }
    }
}

#[test]
fn a_temporary_directory_may_be_a_link() {
    let dir = std::env::temp_dir().join(format!("ccroute-tmplink-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("real/distccd_T/src")).unwrap();
    let _ = std::os::unix::fs::symlink("real", dir.join("link"));
    let cwd = dir.join("real/distccd_T/src").canonicalize().unwrap();
    let spelled = |name: &str| dir.join("link").join(name).display().to_string();
    let (output, include) = (spelled("distccd_1.o"), spelled("distccd_T/usr/include"));
    let args = ["-c", "a.c", "-o", &output, "-I", &include, "-Iinclude"];
    let job = JobFiles::find(&args, &cwd);
    let found = hostile(Tool::Gcc, &args, &job);
    std::fs::remove_dir_all(&dir).unwrap();
    assert_eq!(job.tree, Some(dir.join("link/distccd_T")));
    assert_eq!(found, None);
}

#[test]
fn a_link_in_a_pump_tree_does_not_lead_out() {
    let dir = std::env::temp_dir().join(format!("ccroute-hostile-{}", std::process::id()));
    let tree = dir.join("distccd_tree");
    std::fs::create_dir_all(tree.join("src")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", tree.join("src/out.d")).unwrap();
    std::os::unix::fs::symlink("/nonexistent/x", tree.join("src/dangling")).unwrap();
    std::os::unix::fs::symlink("/etc", tree.join("src/etc")).unwrap();
    let output = dir.join("distccd_1.o").display().to_string();
    let check = |arg: &str| {
        let args = ["-c", "a.c", "-o", &output, "-MD", "-MF", arg];
        let job = JobFiles::find(&args, &tree.join("src"));
        hostile(Tool::Gcc, &args, &job).map(|h| h.harm)
    };
    let verdicts: Vec<_> = ["ok.d", "new/ok.d", "out.d", "dangling", "etc/x"]
        .map(check)
        .to_vec();
    std::fs::remove_dir_all(&dir).unwrap();
    let w = Some(Harm::Writes);
    assert_eq!(verdicts, [None, None, w, w, w]);
}

#[test]
fn a_message_names_the_option_and_never_its_value() {
    let args = ["-fplugin=/home/x/secret.so", "-c", INPUT, "-o", OUTPUT];
    let job = JobFiles::find(&args, Path::new("/tmp"));
    let found = hostile(Tool::Gcc, &args, &job).expect("refused");
    assert_eq!(
        found.to_string(),
        "-fplugin loads code: loads a shared object into the compiler"
    );
}
