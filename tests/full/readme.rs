//! Every command in README.md and docs/recipes.md is run: literally, in a sandbox that starts as a
//! copy of this machine.
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
//! - ```` ```sh test=recipe-helper ````, `test=recipe-client`: after the README's own, and in the home
//!   directory;
//! - ```` ```sh test=conf ````: lines for another program's settings; bash can read them.
//!
//! A `sh` block that says nothing is a failure. A `text` block shows what is printed: each of its lines
//! must be, with anything in the place of `…`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::call::run;
use crate::common::sandbox::{free_port, in_sandbox};
use crate::common::{need, Scratch};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const KINDS: [&str; 7] = [
    "ci",
    "helper",
    "client",
    "helper-end",
    "recipe-helper",
    "recipe-client",
    "conf",
];
const PAGES: [&str; 2] = ["README.md", "docs/recipes.md"];

/// The lines of all blocks that begin with this.
fn fenced(pages: &str, begin: &str) -> String {
    let mut lines = String::new();
    let (mut open, mut inside) = (false, false);
    for line in pages.lines() {
        match line.strip_prefix("```") {
            Some(info) => {
                open = !open;
                inside = open && info == begin;
            }
            None if inside => lines += &format!("{line}\n"),
            None => {}
        }
    }
    lines
}

/// The commands of each kind of block.
fn blocks(pages: &str, kind: &str) -> String {
    fenced(pages, &format!("sh test={kind}"))
}

fn readme() -> String {
    let page = |name| fs::read_to_string(Path::new(PROJECT).join(name)).unwrap();
    PAGES.map(page).concat()
}

#[test]
fn every_shell_block_says_how_it_is_run() {
    for line in readme().lines().filter(|l| l.starts_with("```sh")) {
        let known = KINDS.iter().any(|k| line == format!("```sh test={k}"));
        assert!(known, "{line}");
    }
}

#[test]
fn settings_for_other_programs_can_be_read() {
    let settings = blocks(&readme(), "conf");
    assert!(settings.contains("FEATURES") && settings.contains("BUILDENV"));
    let mut bash = Command::new(need("bash"));
    let ran = run(bash.args(["-euc", &settings]).env_clear());
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

/// Whether a line was printed; `…` stands for anything.
fn printed(line: &str, seen: &str) -> bool {
    let parts: Vec<&str> = line.trim().split('…').collect();
    seen.lines().any(|mut rest| {
        parts.iter().all(|part| match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    })
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
    for program in [
        "distccd",
        "arm-linux-gnueabihf-g++",
        "readelf",
        "make",
        "cmake",
        "ccache",
    ] {
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
    let recipes = |kind| format!("cd\n{}", block(kind));
    let scripts = [
        ("helper", recipes("recipe-helper")),
        ("client", recipes("recipe-client")),
        ("helper-end", String::new()),
    ];
    for (kind, after) in scripts {
        scratch.file(kind, format!("set -eux\n{}{after}", block(kind)));
    }
    // What compiles on the client: there `gcc` is for ARM.
    for (name, tool) in [
        ("gcc", "gcc"),
        ("cc", "gcc"),
        ("g++", "g++"),
        ("c++", "g++"),
    ] {
        scratch.script(
            &format!("arm/{name}"),
            &format!(
                "exec /usr/bin/arm-linux-gnueabihf-{tool} -march=armv6 -mfpu=vfp \
                 -mfloat-abi=hard -marm \"$@\""
            ),
        );
    }

    let script = Path::new(PROJECT).join("tests/readme/sandbox.sh");
    let args = [scratch.0.as_os_str(), PROJECT.as_ref(), port.as_ref()];
    let ran = in_sandbox(script.as_os_str(), args);
    let seen = format!("{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(0), "{seen}");
    for fact in ["Tag_CPU_arch: v6\n", "Tag_ABI_VFP_args: VFP registers\n"] {
        assert!(seen.contains(fact), "{fact}{seen}");
    }
    for line in fenced(&readme, "text").lines() {
        assert!(printed(line, &seen), "not printed: {line}\n{seen}");
    }
}
