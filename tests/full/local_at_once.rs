//! What is compiled here at once, held row by row against what distcc does with the same words:
//! `distcc gcc ROW` against a real distccd, and its log says where the job went.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::lab::{need, Helper, Scratch};
use ccroute::client::local::{local_reason, Call, LocalReason};
use ccroute::compiler::name::Tool;

/// Where distcc 3.4 takes a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Distcc {
    Local,
    Sent,
    /// Sends it, the helper fails it or drops it, and it is compiled again locally.
    SentInVain,
    /// Its versions differ.
    Either,
}
use Distcc::{Either, Local, Sent, SentInVain};

/// Both agree.
const SAME: &str = "";

/// Arguments (split at spaces), what distcc does, and why ccroute does otherwise: it keeps a job
/// that distcc sends. The other way round never happens, but for what is expanded first.
const TABLE: &[(&str, Distcc, &str)] = &[
    ("-c a.c", Sent, SAME),
    ("-c a.c -o x.o", Sent, SAME),
    ("-c a.c -ox.o", Sent, SAME),
    ("-c a.c -o x.lo", Sent, SAME),
    ("-S a.c", Sent, SAME),
    ("-c -S a.c", Sent, SAME),
    ("-c a.i", Sent, SAME),
    ("-c a.cc", Sent, SAME),
    ("-c a.C", Sent, SAME),
    ("-c a.cxx", Sent, SAME),
    ("-c a.cpp", Sent, SAME),
    ("-c sub/a.c", Sent, SAME),
    ("-c a.c -include h.h", Sent, SAME),
    ("-imacros h.h -c a.c", Sent, SAME),
    ("-isystem sub -iquote . -I. -c a.c", Sent, SAME),
    ("-D X -DY=1 -U Z -c a.c", Sent, SAME),
    ("-MD -c a.c", Sent, SAME),
    ("-MMD -MF x.d -MT x.o -MP -c a.c", Sent, SAME),
    ("-MFx.d -MD -MQx.o -c a.c", Sent, SAME),
    ("-Wp,-MMD,x.d -c a.c", Sent, SAME),
    ("-Wp,-MD,x.d -c a.c", Sent, SAME),
    ("-Wp,-DX -c a.c", Sent, SAME),
    ("-Wa,--noexecstack -c a.c", Sent, SAME),
    ("-Wl,-z,now -L. -lm -c a.c", Sent, SAME),
    (
        "-O2 -g -g3 -pipe -pthread -pg -Wall -std=gnu11 -c a.c",
        Sent,
        SAME,
    ),
    (
        "--std=gnu11 --param=max-inline-insns-auto=3 --debug -c a.c",
        Sent,
        SAME,
    ),
    (
        "--param max-inline-insns-auto=3 --sysroot=/ -c a.c",
        Sent,
        SAME,
    ),
    ("-undef -nostdinc -ffreestanding -c a.c", Sent, SAME),
    ("-ffile-prefix-map=a=b -frandom-seed=1 -c a.c", Sent, SAME),
    ("-C -c a.c", Sent, SAME),
    ("-finput-charset=UTF-8 -c a.c", Sent, SAME),
    (
        "-Wp,-finput-charset=latin1 -c latin1.c",
        Sent,
        "distcc takes -Wp apart: as without it",
    ),
    ("-fexec-charset=latin1 -c a.c", Sent, SAME),
    ("-march=x86-64 -mtune=generic -c a.c", Sent, SAME),
    ("-c conftest1.c", Sent, SAME),
    ("-flto=auto -fno-lto -c a.c", Sent, SAME),
    // Not for distribution, as both see it.
    ("--version", Local, SAME),
    ("-v", Local, SAME),
    ("-dumpmachine", Local, SAME),
    ("-dumpversion", Local, SAME),
    ("-print-file-name=libc.a", Local, SAME),
    ("-Q --help=target", Local, SAME),
    ("a.c -o a.out", Local, SAME),
    ("a.o -o a.out", Local, SAME),
    ("-shared -o a.so a.o", Local, SAME),
    ("-E a.c", Local, SAME),
    ("-E -P -dD a.c", Local, SAME),
    ("-E -c a.c", Local, SAME),
    ("-M a.c", Local, SAME),
    ("-MM -c a.c", Local, SAME),
    ("-MJ x.json -c a.c", Local, SAME),
    ("-Wp,-M -c a.c", Local, SAME),
    ("-c", Local, SAME),
    ("-c -", Local, SAME),
    ("-c /dev/null", Local, SAME),
    ("-c /dev/null -o x.o", Local, SAME),
    ("-S -o /dev/null -", Local, SAME),
    ("-c a.s", Local, SAME),
    ("-c a.S", Local, SAME),
    ("-c a.txt", Local, SAME),
    ("-c h.h", Local, SAME),
    ("-c a.f90", Local, SAME),
    ("-c sub.c/x", Local, SAME),
    ("-c a.c b.c", Local, SAME),
    ("-c a.c -include b.c", Local, SAME),
    ("-I b.c -c a.c", Local, SAME),
    ("-c a.c x.o -o y.o", Local, SAME),
    ("-o x.o -o y.o -c a.c", Local, SAME),
    ("-S a.c -o -", Local, SAME),
    ("-c conftest.c", Local, SAME),
    ("-c sub/conftest.c", Local, SAME),
    ("-c tmp.conftest.c", Local, SAME),
    ("-x c -c a.txt", Local, SAME),
    ("-x assembler -c a.c", Local, SAME),
    ("-x none -c a.c", Local, SAME),
    ("-xc -c a.c", Local, SAME),
    ("-xc++ -c a.c", Local, SAME),
    ("-Wa,-a -c a.c", Local, SAME),
    ("-Wa,-adhln=x.lst -c a.c", Local, SAME),
    ("-Wa,--MD,x.d -c a.c", Local, SAME),
    ("-fprofile-arcs -c a.c", Local, SAME),
    ("-fprofile-generate -c a.c", Local, SAME),
    ("-fprofile-use -c a.c", Local, SAME),
    ("-fauto-profile -c a.c", Local, SAME),
    ("-ftest-coverage -c a.c", Local, SAME),
    ("--coverage -c a.c", Local, SAME),
    ("-frepo -c a.c", Local, SAME),
    ("-dr -c a.c", Local, SAME),
    ("--compile a.c", Local, SAME),
    ("-flto -c a.c", Either, SAME),
    ("-specs=x.specs -c a.c", Either, SAME),
    ("-march=native -c a.c", Local, SAME),
    ("-mtune=native -c a.c", Local, SAME),
    // What distcc sends and ccroute keeps.
    (
        "-mcpu=native -c a.c",
        Sent,
        "it would mean the helper's processor",
    ),
    (
        "-x c -c linux.c",
        SentInVain,
        "macros would be expanded a second time",
    ),
    (
        "-x c++ -c a.c",
        Sent,
        "macros would be expanded a second time",
    ),
    (
        "@args -c a.c",
        Either,
        "what the file overrides is not known",
    ),
    (
        "-flto=auto -c a.c",
        Sent,
        "objects only the very same compiler can read",
    ),
    (
        "-fplugin=foo -c a.c",
        SentInVain,
        "distccd drops the connection",
    ),
    (
        "-fplugin foo -c a.c",
        SentInVain,
        "the helper has no such plugin",
    ),
    (
        "-specs x.specs -c a.c",
        SentInVain,
        "the helper has no such file",
    ),
    (
        "-Xpreprocessor -MD -c a.c",
        SentInVain,
        "the helper cannot do it",
    ),
    (
        "-Xassembler -adhln -c a.c",
        Sent,
        "the listing is the helper's",
    ),
    ("-c a.c -o /dev/null", Sent, "a probe; nothing comes of it"),
    ("-c a.c b.o", SentInVain, "the helper has no such object"),
    (
        "-MD -MF - -c a.c",
        SentInVain,
        "it would be printed into the text",
    ),
    (
        "-MD -MF/dev/stdout -c a.c",
        Sent,
        "it would be printed into the text",
    ),
    (
        "-fsyntax-only -c a.c",
        Sent,
        "an empty object would come back",
    ),
    ("-v -c a.c", Sent, "it would speak of the helper's compiler"),
    ("-### -c a.c", Sent, "an empty object would come back"),
    ("--help -c a.c", Sent, "an empty object would come back"),
    (
        "-dumpversion -c a.c",
        Sent,
        "it would be the helper's version",
    ),
    (
        "-print-search-dirs -c a.c",
        Sent,
        "they would be the helper's directories",
    ),
    (
        "-c a.c --output=x.o",
        Sent,
        "distcc does not see the output",
    ),
    ("--include=h.h -c a.c", Sent, "distcc does not take it out"),
    (
        "-c a.c --",
        SentInVain,
        "distcc puts its own options behind it",
    ),
    ("-da -c a.c", Sent, "the dumps stay on the helper"),
    ("-dP -c a.c", Sent, "the dumps stay on the helper"),
    (
        "-fdump-tree-all -c a.c",
        Sent,
        "the dumps stay on the helper",
    ),
    ("-save-temps -c a.c", Sent, "the files stay on the helper"),
    (
        "-save-temps=obj -c a.c",
        Sent,
        "the files stay on the helper",
    ),
    (
        "-gsplit-dwarf -g -c a.c",
        Sent,
        "the .dwo file stays on the helper",
    ),
    (
        "-fstack-usage -c a.c",
        Sent,
        "the .su file stays on the helper",
    ),
    (
        "-fcallgraph-info -c a.c",
        Sent,
        "the .ci file stays on the helper",
    ),
    ("-aux-info x.X -c a.c", Sent, "the file stays on the helper"),
    (
        "-fopt-info-all=x.opt -c a.c",
        Sent,
        "the file stays on the helper",
    ),
    (
        "-fsave-optimization-record -c a.c",
        Sent,
        "the file stays on the helper",
    ),
    (
        "-fcompare-debug -c a.c",
        Sent,
        "its files stay on the helper",
    ),
    ("-fbranch-probabilities -c a.c", Sent, "the profile is here"),
    ("-fprofile-dir=x -c a.c", Sent, "the profile is here"),
    ("-fmodules-ts -c a.cc", Sent, "the modules are here"),
    (
        "-fpch-preprocess -c a.c",
        Sent,
        "the precompiled header is here",
    ),
    (
        "-finput-charset=latin1 -c latin1.c",
        Sent,
        "strings would be converted a second time",
    ),
    (
        "-fdirectives-only -c base.c",
        Sent,
        "the object would name the helper's temporary file",
    ),
    (
        "-fno-preprocessed -c linux.c",
        SentInVain,
        "macros would be expanded a second time",
    ),
    (
        "-fdebug-cpp -c a.c",
        SentInVain,
        "the first step's output is no source",
    ),
    (
        "-P -c a.c",
        Sent,
        "the object would name the helper's temporary file",
    ),
    (
        "-Wp,-P -c a.c",
        Sent,
        "the object would name the helper's temporary file",
    ),
    (
        "-wrapper env -c a.c",
        Sent,
        "it would run the helper's programs",
    ),
];

/// A call in an ordinary directory.
fn call<'a>(tool: Tool, args: &'a [&'a OsStr]) -> Call<'a> {
    Call {
        tool,
        args,
        kernel: false,
        directory: Path::new("/home/me/src"),
        steered_by: None,
    }
}

/// Where distcc took the job, by its log.
fn ask_distcc(dir: &Path, state: &Path, hosts: &str, words: &[&str]) -> (Distcc, String) {
    // A helper that failed one row is avoided for a minute.
    let _ = fs::remove_dir_all(state);
    fs::create_dir_all(state).unwrap();
    let output = Command::new(need("distcc", "distcc"))
        .arg("gcc")
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("DISTCC_DIR", state)
        .env("DISTCC_HOSTS", hosts)
        .env("DISTCC_VERBOSE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("distcc runs");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    let went = if !log.contains("exec on 127.0.0.1") {
        Local
    } else if log.contains("retrying locally") || log.contains("failed to distribute") {
        SentInVain
    } else {
        Sent
    };
    (went, log)
}

/// That what distcc would send is kept with reason: the object that comes back is another one.
#[test]
fn what_is_kept_for_its_bytes_would_come_back_with_others() {
    let scratch = Scratch::new("bytes");
    let helper = Helper::start(&scratch, "/usr/bin:/bin");
    for (row, same) in [
        ("-finput-charset=latin1 -c latin1.c", false),
        ("-Wp,-finput-charset=latin1 -c latin1.c", false),
        ("-finput-charset=UTF-8 -c a.c", true),
        ("-fdirectives-only -c a.c", true),
        ("-fdirectives-only -c base.c", false),
        ("-P -c a.c", false),
        ("-Wp,-P -c a.c", false),
    ] {
        let words: Vec<&str> = row.split(' ').collect();
        sources(&scratch);
        let (dir, object) = (scratch.at("work"), words[2].replace(".c", ".o"));
        let native = Command::new(need("gcc", "gcc"))
            .args(&words)
            .current_dir(&dir)
            .status()
            .unwrap();
        assert!(native.success(), "{row}");
        let want = fs::read(dir.join(&object)).unwrap();
        let (went, log) = ask_distcc(&dir, &scratch.at("state"), &helper.hosts(), &words);
        assert_eq!(went, Sent, "{row}\n{log}");
        let equal = fs::read(dir.join(&object)).unwrap() == want;
        assert_eq!(equal, same, "{row}");
    }
}

/// The sources that the table speaks of, fresh for each row: some rows overwrite them.
fn sources(scratch: &Scratch) {
    let _ = fs::remove_dir_all(scratch.at("work"));
    for name in [
        "a.c",
        "b.c",
        "sub/a.c",
        "a.i",
        "a.cc",
        "a.C",
        "a.cxx",
        "a.cpp",
        "a.txt",
        "conftest.c",
        "conftest1.c",
        "sub/conftest.c",
        "tmp.conftest.c",
    ] {
        scratch.file(&format!("work/{name}"), "int f(int x) { return x + 1; }\n");
    }
    scratch.file("work/base.c", "char b[] = __BASE_FILE__;\n");
    scratch.file("work/linux.c", "#undef linux\nint linux;\n");
    scratch.file("work/h.h", "int h;\n");
    fs::write(scratch.at("work/latin1.c"), b"char s[] = \"\xe9\";\n").unwrap();
    scratch.file("work/a.s", ".text\n");
    scratch.file("work/a.S", ".text\n");
    scratch.file("work/a.f90", "program a\nend program\n");
    scratch.file("work/args", "-O2\n");
}

#[test]
fn every_row_is_as_distcc_does_or_says_why_not() {
    need("gcc", "gcc");
    need("g++", "g++");
    let scratch = Scratch::new("rows");
    let helper = Helper::start(&scratch, "/usr/bin:/bin");
    let mut wrong = Vec::new();
    for &(row, expected, deviation) in TABLE {
        let words: Vec<&str> = row.split(' ').collect();
        let args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        sources(&scratch);
        let (distcc, log) = ask_distcc(
            &scratch.at("work"),
            &scratch.at("state"),
            &helper.hosts(),
            &words,
        );
        if expected != Either && distcc != expected {
            wrong.push(format!("distcc {distcc:?}, not {expected:?}: {row}\n{log}"));
        }
        let ours = local_reason(&call(Tool::Gcc, &args));
        let agreed = match expected {
            Local => ours.is_some(),
            Either => ours.is_some(),
            Sent | SentInVain => ours.is_some() != deviation.is_empty(),
        };
        if !agreed || expected == Local && !deviation.is_empty() {
            wrong.push(format!("ccroute {ours:?}, distcc {distcc:?}: {row}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reason_names_the_argument() {
    let table: &[(&str, &str)] = &[
        (
            "-c a.c -fplugin=x.so",
            "-fplugin=x.so reads what the helper does not have",
        ),
        (
            "-c a.c -flto=auto",
            "-flto=auto makes an object that only this compiler can read",
        ),
        ("-c a.c -march=native", "-march=native means this machine"),
        ("-c a.c b.c", "b.c is a second input"),
        ("-c x.S", "x.S is assembler"),
        ("-c x.\u{1b}", "x.\\x1b is not a source that distcc sends"),
        (
            "-o a a.o",
            "without -c or -S there is nothing to distribute",
        ),
        ("@x -c a.c", "@x may hold any argument"),
    ];
    for (row, want) in table {
        let words: Vec<&str> = row.split(' ').collect();
        let args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
        let reason = local_reason(&call(Tool::Gcc, &args)).map(|r| r.to_string());
        assert_eq!(reason.as_deref(), Some(*want), "{row}");
    }
    assert_eq!(
        local_reason(&call(Tool::Gfortran, &[OsStr::new("-c")])),
        Some(LocalReason::Tool(Tool::Gfortran))
    );
}

#[test]
fn a_kernels_sources_with_binary_files_stay() {
    let args = [OsStr::new("-c"), OsStr::new("kernel/configs.c")];
    let plain = call(Tool::Gcc, &args);
    let kernel = Call {
        kernel: true,
        ..plain
    };
    assert!(local_reason(&kernel).is_some());
    assert!(local_reason(&plain).is_none());
}

/// What clients sent and every helper refused, one each, before both asked one table.
#[test]
fn what_a_helper_refuses_is_never_sent() {
    let both: &[&str] = &[
        "-B bin",
        "-Bbin",
        "-fuse-ld=/opt/ld",
        "-Wa,x.s",
        "-Wa,-Iinc",
        "-Wa,@args",
        "-time",
        "-T x.ld",
        "-resource-dir x",
        "-working-directory x",
        "-serialize-diagnostics x",
        "-R x",
    ];
    let clang: &[&str] = &[
        "-Xclang -include-pch -Xclang x.pch",
        "-fpass-plugin=x.so",
        "-Xclang -add-plugin -Xclang x",
        "-ivfsoverlay x.yaml",
        "-fcxx-modules",
        "--sysroot=/x -fno-integrated-as",
    ];
    let pairs = both
        .iter()
        .flat_map(|row| [(Tool::Gcc, row), (Tool::Clang, row)])
        .chain(clang.iter().map(|row| (Tool::Clang, row)));
    for (tool, row) in pairs {
        let words: Vec<&OsStr> = row
            .split(' ')
            .chain(["-c", "a.c"])
            .map(OsStr::new)
            .collect();
        assert!(
            local_reason(&call(tool, &words)).is_some(),
            "{tool:?} {row}"
        );
    }
    let sent = [
        "-c", "a.c", "-Wl,-o,x", "-Wl,", "-DX=/etc", "-include", "/etc/x.h",
    ]
    .map(OsStr::new);
    assert_eq!(local_reason(&call(Tool::Gcc, &sent)), None);
}

#[test]
fn a_variable_that_chooses_programs_keeps_a_job_here() {
    let args = ["-c", "a.c"].map(OsStr::new);
    let steered = Call {
        steered_by: Some("COMPILER_PATH"),
        ..call(Tool::Gcc, &args)
    };
    let reason = local_reason(&steered).map(|r| r.to_string());
    let want = "COMPILER_PATH is set, and does not travel with the job";
    assert_eq!(reason.as_deref(), Some(want));
}

#[test]
fn probes_of_build_systems_stay() {
    let is_sent = |directory: &str, line: &str| {
        let args: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
        let call = Call {
            directory: Path::new(directory),
            ..call(Tool::Gcc, &args)
        };
        local_reason(&call).is_none()
    };
    for (directory, line) in [
        ("/b", "-c /b/meson-private/tmpab12/testfile.c -o /b/x.o"),
        ("/b/meson-private/tmpab12", "-c testfile.c"),
        ("/b", "-c CMakeFiles/CMakeScratch/TryCompile-x1/src.c"),
        ("/b/CMakeFiles/CMakeTmp", "-c /b/x.c"),
        (
            "/b",
            "-c /usr/share/cmake/A.c -o CMakeFiles/cmTC_1a.dir/A.c.o",
        ),
        ("/tmp/go-build1/b001", "-c /tmp/cgo-gcc-input-12.c"),
    ] {
        assert!(!is_sent(directory, line), "{directory} {line}");
    }
    for (directory, line) in [
        ("/tmp/go-build1/b001", "-c _cgo_export.c"),
        ("/b/CMakeFiles", "-c /b/x.c -o x.dir/x.c.o"),
        ("/b/meson-private", "-c ../tmpfile.c"),
    ] {
        assert!(is_sent(directory, line), "{directory} {line}");
    }
}
