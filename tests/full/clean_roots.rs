//! What takes long, `make test-all`: packages in clean Debian systems, and the programs for boards. As root.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::call::{run, Ran};
use crate::common::{need, Scratch};
use crate::package::{debian_package, make};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Each board, its emulator with the board's processor, and what its program is.
const BOARDS: [(&str, &[&str], &str); 6] = [
    ("armv6", &["qemu-arm", "-cpu", "arm1176"], "ELF 32-bit LSB"),
    (
        "armv7",
        &["qemu-arm", "-cpu", "cortex-a7"],
        "ELF 32-bit LSB",
    ),
    (
        "arm64",
        &["qemu-aarch64", "-cpu", "cortex-a53"],
        "ELF 64-bit LSB",
    ),
    ("riscv64", &["qemu-riscv64"], "ELF 64-bit LSB"),
    ("i686", &["qemu-i386", "-cpu", "pentium3"], "ELF 32-bit LSB"),
    (
        "x86_64",
        &["qemu-x86_64", "-cpu", "qemu64"],
        "ELF 64-bit LSB",
    ),
];

fn script(name: &str) -> PathBuf {
    Path::new(PROJECT).join("tests/clean").join(name)
}

/// Runs a command in a clean Debian 13, after some files were copied to its /root.
fn in_clean_root<S: AsRef<OsStr>>(files: &[&Path], command: &[S]) -> Ran {
    assert!(nix::unistd::geteuid().is_root(), "a clean root needs root");
    need("debootstrap");
    let scratch = Scratch::new("clean-root");
    let root = scratch.dir("system");
    fs::create_dir_all(root.join("root")).unwrap();
    for file in files {
        fs::copy(file, root.join("root").join(file.file_name().unwrap())).unwrap();
    }
    let base = Path::new(PROJECT).join("target/clean/trixie");
    run(Command::new("sh")
        .arg(script("root.sh"))
        .arg(base)
        .arg(&root)
        .args(command))
}

#[test]
#[ignore = "long: make test-all"]
fn names_follow_the_compilers_that_apt_installs_and_removes() {
    let package = debian_package();
    let name = package.file_name().unwrap().to_string_lossy().into_owned();
    let words = ["sh", "/root/names.sh", &format!("/root/{name}")];
    let ran = in_clean_root(&[&package, &script("names.sh")], &words);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.ends_with("== as it should be\n"),
        "{}",
        ran.stdout
    );
}

/// `make dist` packs what is committed.
#[test]
#[ignore = "long: make test-all"]
fn the_source_archive_builds_without_a_network() {
    make(&["dist"]);
    let scratch = Scratch::new("dist");
    let archive = Path::new(PROJECT).join(format!("target/dist/ccroute-{VERSION}.tar.xz"));
    run(Command::new(need("tar"))
        .arg("-C")
        .arg(&scratch.0)
        .arg("-xf")
        .arg(archive))
    .expect(0);
    let source = scratch.path(&format!("ccroute-{VERSION}"));
    let mut build = Command::new(need("unshare"));
    build
        .arg("--net")
        .arg(need("cargo"))
        .args(["build", "--locked", "--offline"]);
    // Nothing is taken from crates that were fetched before.
    build
        .current_dir(&source)
        .env("CARGO_HOME", scratch.dir("home"));
    build.env_remove("CARGO_TARGET_DIR");
    run(&mut build).expect(0);
    let version = run(Command::new(source.join("target/debug/ccroute")).arg("--version")).expect(0);
    assert_eq!(version.stdout, format!("ccroute {VERSION}\n"));
}

/// A board whose standard library cannot be had here is told so in one line that says what to do.
#[test]
#[ignore = "long: make test-all"]
fn each_board_s_program_runs_on_its_processor() {
    for (board, emulator, kind) in BOARDS {
        let mut command = Command::new(need("make"));
        command
            .args(["client", &format!("BOARD={board}")])
            .current_dir(PROJECT);
        command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
        let ran = run(&mut command);
        if ran.code != Some(0) {
            let line = format!("client.sh: no Rust standard library for {board}: ");
            let told: Vec<&str> = ran
                .stderr
                .lines()
                .filter(|l| l.starts_with(&line))
                .collect();
            assert_eq!(told.len(), 1, "{board}: {}", ran.stderr);
            assert!(told[0].contains("Debian 13"), "{}", told[0]);
            continue;
        }
        assert!(ran
            .stdout
            .contains(&format!("tar -C / -xf ccroute-{VERSION}-{board}.tar.gz")));
        let scratch = Scratch::new("board");
        let archive = format!("target/client/ccroute-{VERSION}-{board}.tar.gz");
        let archive = Path::new(PROJECT).join(archive);
        run(Command::new(need("tar"))
            .arg("-C")
            .arg(&scratch.0)
            .arg("-xf")
            .arg(archive))
        .expect(0);
        for file in [
            "bin/ccroute-run",
            "share/man/man1/ccroute.1",
            "share/doc/ccroute/LICENSE",
        ] {
            assert!(
                scratch.path("usr/local").join(file).exists(),
                "{board}: {file}"
            );
        }
        let program = scratch.path("usr/local/bin/ccroute");
        let headers = run(Command::new(need("readelf")).arg("-lh").arg(&program)).expect(0);
        assert!(!headers.stdout.contains("INTERP"), "{board}: dynamic");
        let class = kind.split(' ').nth(1).unwrap().trim_end_matches("-bit");
        assert!(headers.stdout.contains(&format!("ELF{class}")), "{board}");
        let emulated = |words: &[&str]| {
            let mut command = Command::new(need(emulator[0]));
            command
                .args(&emulator[1..])
                .arg(&program)
                .args(words)
                .env_clear();
            run(command.env("PATH", "/usr/bin:/bin")).expect(0).stdout
        };
        assert_eq!(
            emulated(&["--version"]),
            format!("ccroute {VERSION}\n"),
            "{board}"
        );
        let explained = emulated(&[
            "explain",
            "--place",
            "helper",
            "aarch64-linux-gnu-gcc",
            "-c",
            "a.c",
        ]);
        assert!(
            explained.contains("aarch64-linux-gnu-gcc"),
            "{board}: {explained}"
        );
    }
}
