//! Every command in README.md is run: literally, in a sandbox that starts as a copy of this machine.
//!
//! A fenced block says in its first line how it is run:
//!
//! - ```` ```sh test=helper ````, `test=client`, `test=helper-end`: here, in this order, all blocks
//!   of a kind together. Two things differ from typing them: `sudo` is a program that runs what it
//!   is given (the sandbox has its own root), and the two example addresses are replaced, the
//!   client's by 127.0.0.1, the helper's by 127.0.0.1 and the port of a distccd that is started with
//!   just the variables that `ccroute install --helper` wrote;
//! - ```` ```sh test=ci ````: `.ci/run` has the same line.
//!
//! A `sh` block that says nothing is a failure.

mod common;

use std::fs;
use std::path::Path;

use common::sandbox::{free_port, in_sandbox};
use common::{need, Scratch};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const KINDS: [&str; 4] = ["ci", "helper", "client", "helper-end"];

/// The commands of each kind of block.
fn blocks(readme: &str, kind: &str) -> String {
    let mut commands = String::new();
    let mut inside = false;
    for line in readme.lines() {
        match line.strip_prefix("```") {
            Some(info) => inside = !inside && info == format!("sh test={kind}"),
            None if inside => commands += &format!("{line}\n"),
            None => {}
        }
    }
    commands
}

fn readme() -> String {
    fs::read_to_string(Path::new(PROJECT).join("README.md")).unwrap()
}

#[test]
fn every_shell_block_says_how_it_is_run() {
    for line in readme().lines().filter(|l| l.starts_with("```sh")) {
        let known = KINDS.iter().any(|k| line == format!("```sh test={k}"));
        assert!(known, "{line}");
    }
}

#[test]
fn what_ci_is_said_to_run_it_runs() {
    let ci = fs::read_to_string(Path::new(PROJECT).join(".ci/run")).unwrap();
    let commands = blocks(&readme(), "ci");
    assert!(!commands.is_empty());
    for command in commands.lines() {
        assert!(
            ci.lines().any(|l| l == command),
            ".ci/run lacks {command:?}"
        );
    }
}

#[test]
fn helper_and_client_work_as_the_readme_says() {
    for program in ["distccd", "arm-linux-gnueabihf-g++", "readelf", "make"] {
        need(program);
    }
    let port = free_port();
    let readme = readme();
    let block = |kind| {
        let commands = blocks(&readme, kind);
        assert!(!commands.is_empty(), "no block for {kind}");
        commands
            .replace("192.168.1.20", "127.0.0.1")
            .replace("192.168.1.10", &format!("127.0.0.1:{port}"))
    };
    let scratch = Scratch::new("readme");
    for kind in ["helper", "client", "helper-end"] {
        scratch.file(kind, format!("set -eux\n{}", block(kind)));
    }
    // What compiles on the client: there `gcc` is for ARM.
    scratch.script(
        "arm/gcc",
        r#"exec /usr/bin/arm-linux-gnueabihf-gcc -march=armv6 -mfpu=vfp -mfloat-abi=hard -marm "$@""#,
    );

    let script = Path::new(PROJECT).join("tests/readme/sandbox.sh");
    let args = [scratch.0.as_os_str(), PROJECT.as_ref(), port.as_ref()];
    let ran = in_sandbox(script.as_os_str(), args);
    let seen = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(0), "{seen}");
    for fact in ["Tag_CPU_arch: v6\n", "Tag_ABI_VFP_args: VFP registers\n"] {
        assert!(seen.contains(fact), "{fact}{seen}");
    }
}
