//! `-march=native` and its like, with real distcc: the job is sent, and the object is the one that
//! the native compiler makes of the very words.

use std::fs;
use std::process::Command;

use crate::common::lab::client::Client;
use crate::common::lab::{need, Helper, Scratch};

/// Something that every extension of x86 and ARM can speed up, and each core schedules differently.
const SOURCE: &str = "\
    void f(float *restrict a, const float *b, int n) { for (int i = 0; i < n; i++) a[i] += b[i] * 3; }\n\
    int g(unsigned long x) { return __builtin_popcountl(x) + __builtin_clzl(x); }\n\
    void h(char *to, const char *from) { __builtin_memcpy(to, from, 200); }\n\
    #ifdef __AVX2__\nint avx2 = 1;\n#endif\n#ifdef __ARM_FEATURE_CRC32\nint crc = 1;\n#endif\n";

#[test]
fn the_objects_are_those_of_the_native_compiler() {
    need("clang", "clang");
    let logs = Scratch::new("helper");
    // Debian has no clang under its full name.
    let triple = Command::new("/usr/bin/gcc").arg("-dumpmachine").output();
    let triple = String::from_utf8(triple.unwrap().stdout).unwrap();
    for tool in ["clang", "clang++"] {
        logs.link(
            &format!("bin/{}-{tool}", triple.trim()),
            format!("/usr/bin/{tool}"),
        );
    }
    let path = format!("{}:/usr/bin:/bin", logs.at("bin").display());
    let helper = Helper::start(&logs, &path);
    let client = Client::installed("march", &helper.hosts());
    client.scratch.file("work/a.c", SOURCE);
    let cxx = SOURCE.replace("restrict ", "__restrict ");
    client.scratch.file("work/a.cc", &cxx);
    let flags: &[&str] = if cfg!(target_arch = "x86_64") {
        &[
            "-march=native",
            "-mtune=native",
            "-march=native -mtune=generic",
            "-march=x86-64 -march=native",
            "-march=native -mno-avx",
            "-march=native -mno-sse4.2 -mno-avx2 -m32",
            "-mtune=native -march=x86-64-v2",
        ]
    } else {
        &[
            "-mcpu=native",
            "-mtune=native",
            "-mcpu=native -mtune=native",
        ]
    };
    for tool in ["gcc", "g++", "clang", "clang++"] {
        let source = if tool.ends_with("++") { "a.cc" } else { "a.c" };
        for flags in flags {
            let line = format!("{tool} -O3 {flags} -c {source} -o a.o");
            let words: Vec<&str> = line.split(' ').collect();
            let want = client.natively(&words, "a.o");
            fs::remove_file(client.at("work/a.o")).unwrap();
            let said = client.verbose(&words);
            assert!(said.contains("exec on 127.0.0.1"), "{line}: {said}");
            assert!(!said.contains("retrying locally"), "{line}: {said}");
            let sent = said.lines().find(|l| l.contains("exec on 127.0.0.1"));
            assert!(!sent.unwrap_or_default().contains("=native"), "{line}");
            assert!(client.read("a.o") == want, "{line}: another object");
        }
    }
    let failed = helper.log().matches("COMPILE_ERROR").count();
    assert_eq!(failed, 0, "{}", helper.log());
}
