//! What honest builds send passes: recorded command lines, as distccd hands them on.

use std::path::Path;

use ccroute::compiler::name::CompilerName;
use ccroute::helper::hostile::{hostile, JobFiles};

/// Splits a recorded line: words with single quotes, as they are written in the corpus.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for c in line.chars() {
        match c {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.extend(Some(std::mem::take(&mut word))),
            c => word.push(c),
        }
    }
    words.push(word);
    words.retain(|w| !w.is_empty());
    words
}

/// What distcc's client leaves out of a plain job: (with a value that may be the next word, plain).
const STRIPPED: (&[&str], &[&str]) = (
    &[
        "-D",
        "-U",
        "-I",
        "-L",
        "-l",
        "-MF",
        "-MT",
        "-MQ",
        "-include",
        "-imacros",
        "-isystem",
        "-idirafter",
        "-iprefix",
    ],
    &[
        "-MD",
        "-MMD",
        "-MG",
        "-MP",
        "-undef",
        "-nostdinc",
        "-nostdinc++",
    ],
);

/// The arguments as they arrive from a plain client.
fn plain(words: &[String]) -> Vec<String> {
    let mut out = Vec::new();
    let mut it = words.iter();
    while let Some(word) = it.next() {
        if STRIPPED.1.contains(&word.as_str())
            || word.starts_with("-Wp,")
            || word.starts_with("-Wl,")
        {
        } else if let Some(option) = STRIPPED.0.iter().find(|o| word.starts_with(**o)) {
            if word == option {
                it.next();
            }
        } else if word == "-o" {
            it.next();
            out.extend(["-o", "/tmp/distccd_b.o"].map(String::from));
        } else if is_source(word) {
            out.push("/tmp/distccd_a.i".to_owned());
        } else {
            out.push(word.clone());
        }
    }
    out
}

/// The arguments as distccd hands on a pump job's.
fn pump(words: &[String]) -> Vec<String> {
    let tree = "/tmp/distccd_t";
    let mut out = Vec::new();
    let mut it = words.iter().peekable();
    while let Some(word) = it.next() {
        if word == "-o" {
            it.next();
            out.extend(["-o", "/tmp/distccd_b.o"].map(String::from));
        } else if let Some(dir) = word.strip_prefix("-I/") {
            out.push(format!("-I{tree}/{dir}"));
        } else if word.starts_with('/') {
            out.push(format!("{tree}{word}"));
        } else {
            out.push(word.clone());
        }
    }
    out.extend(["-MMD", "-MF", "/tmp/distcc_c.deps"].map(String::from));
    out
}

fn is_source(word: &str) -> bool {
    let ends = [".c", ".cc", ".cpp", ".cxx"];
    !word.starts_with('-') && ends.iter().any(|e| word.ends_with(e))
}

#[test]
fn recorded_builds_pass() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/args");
    let mut seen = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let file = file.unwrap().path();
        for line in std::fs::read_to_string(&file).unwrap().lines() {
            let words = words(line);
            let tool = CompilerName::parse(words[0].as_bytes()).unwrap().tool;
            for (kind, args, cwd) in [
                ("plain", plain(&words[1..]), "/tmp"),
                ("pump", pump(&words[1..]), "/tmp/distccd_t/build/x/y"),
            ] {
                let job = JobFiles::find(&args, Path::new(cwd));
                assert!(job.output.is_some(), "{line}");
                let found = hostile(tool, &args, &job);
                assert_eq!(found, None, "{kind}, {}: {line}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen > 40, "only {seen} lines");
}

#[test]
fn options_of_honest_builds_pass() {
    for args in [
        // What distributions and SDKs set.
        "-O2 -g -pipe -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fcf-protection -march=armv6j",
        "--sysroot=/build/tmp/recipe-sysroot -fdebug-prefix-map=/build/tmp=/usr/src/debug",
        "-ffile-prefix-map=/build/x=. -fmacro-prefix-map=/a/b=/c -fprofile-prefix-map=/a=/b",
        "-frandom-seed=/build/x.o -v -pass-exit-codes -no-canonical-prefixes",
        "-Wa,--noexecstack -Wa,-mimplicit-it=thumb -Wa,--defsym,X=1 -Wa,--compress-debug-sections",
        "-Wa,-march=armv7-a+virt -Wa,--gdwarf-5 -Wa,--debug-prefix-map=/a=/b -Wa,-W",
        "-x c -std=gnu11 -xc++ -x cpp-output",
        "-iquote /home/me/src -iquote . -flto -fno-fat-lto-objects -flto=auto -flto-partition=none",
        "-gsplit-dwarf -fstack-usage -save-temps -save-temps=obj -fcallgraph-info=su -Q",
        "-finput-charset=UTF-8 -fexec-charset=UTF-8 -ftime-report -fopt-info-vec-missed",
        "-fsanitize=address,undefined -fsanitize-coverage=trace-pc -fsanitize-recover=all",
        "-dA -dp -fcompare-debug -fverbose-asm -fmax-errors=3 -fmessage-length=0",
        "--param=ssp-buffer-size=4 --param max-inline-insns-single=5 --std=c11 -fmodulo-sched",
        "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -mmcu=atmega328p -S",
        "-fprofile-update=atomic -fpatchable-function-entry=16,16 -mrecord-mcount -pg -fzero-call-used-regs=used-gpr",
        "-MD -MP -MQ x.o",
        "--debug --optimize --pedantic --no-warnings --std=c99 --warn-all",
        // No linker runs.
        "-shared -static -rdynamic -nostdlib -pie -Wl,-z,now -Wl,--as-needed -Wl,-rpath,/opt/lib -Wl,-O1",
        "-Wl,-soname,x.so -Wl,--hash-style=gnu -fuse-ld=lld -z now -u x -Xlinker -z -Xlinker now -lm -L/x",
        "-Wl,-dynamic-linker,/lib/ld.so -Wl,--version -Wl,--gc-sections -Wl,-Ttext=0 -static-pie -r -s",
        // clang's.
        "--target=aarch64-linux-gnu -target arm-linux-gnueabihf -fintegrated-as -Qunused-arguments",
        "-mllvm -asan-stack=0 -mllvm -inline-threshold=100 -mllvm -asan-mapping-offset=0xdffffc0000000000",
        "-Xclang -fno-pch-timestamp -Xclang -target-feature -Xclang +crc -Xclang -mllvm -Xclang -enable-x",
        "-Xclang -fdebug-compilation-dir -Xclang /build/x -fdebug-compilation-dir=/build/x",
        "--gcc-toolchain=/opt/x -stdlib=libc++ -fcolor-diagnostics -ftime-trace -mthread-model posix",
        "-Xclang -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang",
    ] {
        for tool in [ccroute::compiler::name::Tool::Gcc, ccroute::compiler::name::Tool::Clang] {
            assert_eq!(super::refused::plain(tool, args), None, "{args}");
        }
    }
}
