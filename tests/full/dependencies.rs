//! The dependency files of jobs that leave, byte for byte those of a local compile, and a Makefile
//! that rebuilds by them. Needs Debian's distcc, gcc, clang and make.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::common::lab::client::{text, Client};
use crate::common::lab::{native_triple, need, Helper, Scratch};

/// How a build asks for a dependency file.
const ASKED: [&[&str]; 4] = [
    &["-MD"],
    &["-MMD", "-MP"],
    &["-Wp,-MMD,obj/w.d"],
    &["-Wp,-MD,obj/w.d", "-MP"],
];
const FILES: [&[&str]; 2] = [&[], &["-MF", "obj/f.d"]];
const TARGETS: [&[&str]; 4] = [
    &[],
    &["-MT", "t $x.o"],
    &["-MQ", "t $x.o"],
    &["-MT", "t.o", "-MQ", "u$.o"],
];
const OUTPUTS: [&[&str]; 6] = [
    &[],
    &["-o", "a.os"],
    &["-oobj/x.y.o"],
    &["-o", "obj/o.d/none"],
    &["-o", "obj/we ird$#.o"],
    &["-S", "-o", "obj/x.s"],
];
/// Forms that are not in the product of the others.
const SINGLE: [&[&str]; 5] = [
    &["-MMD", "-Wp,-MD,obj/w.d", "-o", "obj/x.o"],
    &["-MD", "-Wp,-DX=1", "-o", "obj/x.o"],
    &["-MD", "-MMD", "-o", "obj/x.o"],
    &["-MD", "-MFobj/f.d", "-o", "obj/x.o"],
    &["-MD", "-MF", "obj/f.d", "-MF", "obj/g.d", "-o", "obj/x.o"],
];
/// Those that clang does not know.
const OF_GCC: [&[&str]; 3] = [
    &["-Wp,-MD,obj/w.d,-MT,t.o", "-o", "obj/x.o"],
    &["-MD", "-Wp,-MF,obj/w.d", "-o", "obj/x.o"],
    &["-MD", "-Wp,-MT,t.o", "-o", "obj/x.o"],
];

fn combinations(compiler: &str) -> Vec<Vec<&'static str>> {
    let of_gcc = OF_GCC.iter().filter(|_| compiler == "gcc");
    let mut all: Vec<Vec<&str>> = SINGLE.iter().chain(of_gcc).map(|s| s.to_vec()).collect();
    for asked in ASKED {
        for file in FILES {
            for target in TARGETS {
                for output in OUTPUTS {
                    all.push([asked, file, target, output].concat());
                }
            }
        }
    }
    all
}

/// Everything below a directory, by name.
fn below(dir: &Path, prefix: &str, all: &mut BTreeMap<String, Vec<u8>>) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            below(&entry.path(), &format!("{name}/"), all);
        } else {
            all.insert(name, fs::read(entry.path()).unwrap());
        }
    }
}

/// What a compile came to: its code, what it printed, and every file that it wrote.
type Result = (Option<i32>, String, BTreeMap<String, Vec<u8>>);

fn outcome(output: &Output, dir: &Path) -> Result {
    let mut files = BTreeMap::new();
    below(dir, "", &mut files);
    (output.status.code(), text(output), files)
}

fn every_file_is_the_native_one(compiler: &str) {
    need(compiler, compiler);
    let logs = Scratch::new("helper");
    // No helper has clang under a full name by itself.
    let full = format!("bin/{}-clang", native_triple());
    logs.link(&full, need("clang", "clang"));
    let path = format!("{}:/usr/bin:/bin", logs.at("bin").display());
    let helper = Helper::start(&logs, &path);
    let client = Client::installed("deps", &helper.hosts());
    client.scratch.file("work/src/h.h", "#define H 1\n");
    client.scratch.file(
        "work/src/a.c",
        "#include <stddef.h>\n#include \"h.h\"\nint f(void) { return H; }\n",
    );
    let all = combinations(compiler);
    let next = std::sync::atomic::AtomicUsize::new(0);
    let wrong = std::sync::Mutex::new(Vec::new());
    let worker = || loop {
        let n = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let Some(form) = all.get(n) else { return };
        let mut words = vec![compiler, "-O1", "-c", "../../src/a.c"];
        words.extend(form);
        // Where `-S` is given, `-c` would be in its way.
        words.retain(|w| *w != "-c" || !form.contains(&"-S"));
        let run = |way: &str, mut command: Command| {
            let dir = client.at(&format!("work/{way}/{n}"));
            fs::create_dir_all(dir.join("obj/o.d")).unwrap();
            let output = command.current_dir(&dir).output().unwrap();
            outcome(&output, &dir)
        };
        let mut native = Command::new("/usr/bin/env");
        native.args(&words).env_clear().env("PATH", "/usr/bin:/bin");
        let mut sent = client.command(&words);
        sent.env("DISTCC_FALLBACK", "0")
            .env("DISTCC_SKIP_LOCAL_RETRY", "1");
        let (native, sent) = (run("native", native), run("sent", sent));
        assert_eq!(native.0, Some(0), "{words:?}: {}", native.1);
        if native != sent {
            let show = |r: &Result| {
                let lossy = |b: &Vec<u8>| match b.starts_with(b"\x7fELF") {
                    true => "an object".to_owned(),
                    false => String::from_utf8_lossy(b).into_owned(),
                };
                let files: Vec<_> = r.2.iter().map(|(n, b)| (n, lossy(b))).collect();
                format!("{:?} {} {files:?}", r.0, r.1)
            };
            let line = format!(
                "{words:?}\nnative {}\nsent   {}",
                show(&native),
                show(&sent)
            );
            wrong.lock().unwrap().push(line);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(worker);
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}: {}", wrong.len(), wrong.join("\n\n"));
    // What the compiler and distcc read differently stays here.
    let unclear = |form: &&Vec<&str>| {
        let hidden = |w: &&str| w.starts_with("-Wp,-M");
        let open = |w: &&str| w.starts_with("-MF") || matches!(*w, "-MD" | "-MMD");
        form.iter().any(hidden) && form.iter().any(open)
    };
    let want = all.len() - all.iter().filter(unclear).count();
    let done = helper.log_of(want).matches("COMPILE_OK").count();
    assert_eq!(done, want, "jobs that the helper compiled");
}

#[test]
fn every_form_with_gcc_writes_the_native_file() {
    every_file_is_the_native_one("gcc");
}

#[test]
fn every_form_with_clang_writes_the_native_file() {
    every_file_is_the_native_one("clang");
}

#[test]
fn a_makefile_of_four_lines_rebuilds_after_a_header_changed() {
    need("make", "make");
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("four-lines", &helper.hosts());
    client.scratch.file(
        "work/Makefile",
        "CFLAGS = -O2 -MMD\nobj/a.o: a.c\n\t$(CC) $(CFLAGS) -c a.c -o $@\n-include obj/a.d\n",
    );
    client.scratch.file("work/h.h", "#define H 1\n");
    let source = "#include \"h.h\"\nint f(void) { return H; }\n";
    client.scratch.file("work/a.c", source);
    fs::create_dir(client.at("work/obj")).unwrap();
    let make = || {
        let output = client.command(&["make"]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        (text(&output), client.read("obj/a.o"))
    };
    let (_, first) = make();
    let (said, same) = make();
    assert!(said.contains("up to date"), "{said}");
    assert!(same == first);
    client.scratch.file("work/h.h", "#define H 2\n");
    // Make compares times; a file system's clock may be coarse.
    let touch = ["-d", "now + 5 seconds", "h.h"];
    let mut command = Command::new("touch");
    let touched = command.args(touch).current_dir(client.at("work")).status();
    assert!(touched.unwrap().success());
    let (_, second) = make();
    assert!(second != first, "the header's change was not noticed");
    assert_eq!(helper.log_of(2).matches("COMPILE_OK").count(), 2);
}
