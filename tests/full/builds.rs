//! The program builds without special cases: with each linker, and for other architectures.

use std::path::Path;
use std::process::Command;

use crate::common::call::{run, tool_output};
use crate::common::{need, Scratch};

/// Builds the program, and gives its path. `flags` are rustc's.
fn build(scratch: &Scratch, words: &[&str], flags: &str, variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(need("cargo"));
    command
        .args(["build", "--locked", "--bin", "ccroute"])
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", scratch.path("target"))
        .env("RUSTFLAGS", flags)
        .envs(variables.iter().copied());
    let ran = run(&mut command);
    assert_eq!(ran.code, Some(0), "{words:?} {flags}: {}", ran.stderr);
    let target = words.iter().skip_while(|w| **w != "--target").nth(1);
    let below = format!("target/{}/debug/ccroute", target.copied().unwrap_or("."));
    scratch.path(&below).to_str().unwrap().to_owned()
}

const VERSION: &str = concat!("ccroute ", env!("CARGO_PKG_VERSION"), "\n");

/// It runs, and is what rust-lld, GNU ld or mold should have made: position-independent, all relocations read-only.
fn works(runner: &[&str], program: &str, what: &str) {
    let [words @ .., last] = &[runner, &[program, "--version"]].concat()[..] else {
        unreachable!()
    };
    let args = words[1..].iter().chain([last]);
    assert_eq!(
        tool_output(words[0], args, Path::new("/")),
        VERSION,
        "{what}"
    );
    let read = |option| tool_output("readelf", [option, "-W", program], Path::new("/"));
    assert!(read("-h").contains(" DYN "), "{what}");
    assert!(read("-l").contains("GNU_RELRO"), "{what}");
    let dynamic = read("-d");
    assert!(dynamic.contains("NOW"), "{what}: {dynamic}");
}

#[test]
#[ignore = "builds the program three times; make test-all runs it"]
fn every_linker_makes_it() {
    let scratch = Scratch::new("linkers");
    for (linker, program) in [("bfd", "ld.bfd"), ("lld", "ld.lld"), ("mold", "mold")] {
        need(program);
        let flags = format!("-C link-arg=-fuse-ld={linker}");
        let built = build(&scratch, &[], &flags, &[]);
        works(&[], &built, linker);
        let comment = tool_output("readelf", ["-p", ".comment", &built], Path::new("/"));
        let name = match linker {
            "bfd" => "GCC",
            "lld" => "LLD",
            _ => "mold",
        };
        assert!(comment.contains(name), "{linker}: {comment}");
    }
}

/// Other architectures, with glibc: where rustup has their standard library.
#[test]
#[ignore = "builds the program for other architectures; make test-all runs it"]
fn other_architectures_need_no_special_case() {
    let scratch = Scratch::new("architectures");
    for (target, gcc, emulator) in [
        (
            "riscv64gc-unknown-linux-gnu",
            "riscv64-linux-gnu",
            "qemu-riscv64",
        ),
        (
            "aarch64-unknown-linux-gnu",
            "aarch64-linux-gnu",
            "qemu-aarch64",
        ),
        ("i686-unknown-linux-gnu", "i686-linux-gnu", "qemu-i386"),
        (
            "armv7-unknown-linux-gnueabihf",
            "arm-linux-gnueabihf",
            "qemu-arm",
        ),
    ] {
        tool_output("rustup", ["target", "add", target], Path::new("/"));
        let variable = target.replace('-', "_").to_uppercase();
        let variable = format!("CARGO_TARGET_{variable}_LINKER");
        let linker = format!("{gcc}-gcc");
        let variables = [(variable.as_str(), linker.as_str())];
        let built = build(&scratch, &["--target", target], "", &variables);
        let root = format!("/usr/{gcc}");
        works(&[emulator, "-L", &root], &built, target);
    }
}
