//! The packages: Debian's is built, installed, used, upgraded and removed in a copy of this machine;
//! those of other distributions hold what `make install` installs.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::call::{run, tool_output};
use common::sandbox::{free_port, in_sandbox};
use common::{need, Scratch};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `make`, as somebody types it.
fn make(words: &[&str]) {
    let mut command = Command::new(need("make"));
    command.current_dir(PROJECT).args(words);
    command.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    run(&mut command).expect(0);
}

/// The files and links below a directory, by their paths there.
fn files(root: &Path) -> BTreeSet<String> {
    fn look(root: &Path, dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            if meta.is_dir() {
                look(root, &path, found);
            } else {
                let path = path.strip_prefix(root).unwrap();
                found.insert(format!("/{}", path.display()));
            }
        }
    }
    let mut found = BTreeSet::new();
    look(root, root, &mut found);
    found
}

/// What `make install` installs with these settings.
fn installed(settings: &[&str]) -> BTreeSet<String> {
    let scratch = Scratch::new("make-install");
    let dest = format!("DESTDIR={}", scratch.0.display());
    make(&[&["install", &dest, "PREFIX=/usr"], settings].concat());
    files(&scratch.0)
}

fn debian_package() -> PathBuf {
    make(&["deb"]);
    let arch = tool_output("dpkg", ["--print-architecture"], Path::new("/"));
    let name = format!("target/deb/ccroute_{VERSION}_{}.deb", arch.trim());
    Path::new(PROJECT).join(name)
}

#[test]
fn debian_s_package_installs_serves_upgrades_and_leaves_nothing() {
    for program in [
        "distccd",
        "arm-linux-gnueabihf-gcc",
        "readelf",
        "man",
        "dpkg",
    ] {
        need(program);
    }
    let package = debian_package();
    let scratch = Scratch::new("package");

    // It holds what is installed by hand, but for what Debian has its own ways for.
    let here = scratch.path("here");
    let words = [Path::new("-x"), &package, &here];
    tool_output("dpkg", words, Path::new("/"));
    let mut held = BTreeSet::new();
    for file in files(&here) {
        held.insert(file.strip_suffix(".gz").map_or(file.clone(), str::to_owned));
    }
    let mut expected = installed(&["ZSH=/usr/share/zsh/vendor-completions"]);
    assert!(expected.remove("/usr/share/doc/ccroute/LICENSE"));
    for own in ["copyright", "changelog"] {
        expected.insert(format!("/usr/share/doc/ccroute/{own}"));
    }
    assert_eq!(held, expected);

    let port = free_port();
    let script = Path::new(PROJECT).join("tests/package/sandbox.sh");
    let args = [
        scratch.0.as_os_str(),
        PROJECT.as_ref(),
        port.as_ref(),
        package.as_os_str(),
    ];
    let ran = in_sandbox(script.as_os_str(), args);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.ends_with("== as before\n"), "{}", ran.stdout);
}

#[test]
fn make_uninstall_takes_away_what_make_install_made() {
    let scratch = Scratch::new("make-uninstall");
    let dest = format!("DESTDIR={}", scratch.0.display());
    make(&["install", &dest]);
    assert!(files(&scratch.0).len() > 15);
    make(&["uninstall", &dest]);
    assert_eq!(files(&scratch.0), BTreeSet::new());
    assert!(!scratch.path("usr/local/lib/ccroute").exists());
    assert!(!scratch.path("usr/local/share/doc/ccroute").exists());
}
