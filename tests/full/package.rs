//! The packages: Debian's is built, installed, used, upgraded and removed in a copy of this machine;
//! those of other distributions hold what `make install` installs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::call::{run, tool_output};
use crate::common::sandbox::{free_port, in_sandbox};
use crate::common::{need, Scratch};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `make`, as somebody types it.
pub fn make(words: &[&str]) {
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

pub fn debian_package() -> PathBuf {
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
    for renamed in ["LICENSE", "CHANGELOG.md"] {
        assert!(expected.remove(&format!("/usr/share/doc/ccroute/{renamed}")));
    }
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

/// What runs a package's functions: with stand-ins for its distribution's own. Gives the files that
/// the package would hold.
fn packaged(shell: &str, stand_ins: &str, file: &str, functions: &str) -> BTreeSet<String> {
    let scratch = Scratch::new("packaged");
    let file = Path::new(PROJECT).join("packaging").join(file);
    let script = format!("set -eu\n{stand_ins}\n. \"$1\"\n{functions}\n");
    let mut command = Command::new(need(shell));
    command
        .current_dir(PROJECT)
        .args(["-c", &script, shell])
        .arg(file);
    command
        .env("DEST", &scratch.0)
        .env_remove("MAKEFLAGS")
        .env_remove("MAKELEVEL");
    run(&mut command).expect(0);
    files(&scratch.0)
}

#[test]
fn gentoo_s_ebuild_holds_what_is_installed() {
    let version = format!("gentoo/ccroute-{VERSION}.ebuild");
    // What Portage and the eclasses give an ebuild, as far as this one asks for it.
    let stand_ins = format!(
        r#"P=ccroute-{VERSION} PF=$P EPREFIX= D=$DEST ED=$DEST EROOT= ROOT= S= CARGO=true
        inherit() {{ :; }}; die() {{ exit 1; }}; docompress() {{ :; }}
        tc-is-cross-compiler() {{ false; }}; cargo_env() {{ "$@"; }}
        emake() {{ make "$@"; }}
        get_bashcompdir() {{ echo /usr/share/bash-completion/completions; }}
        get_zshcompdir() {{ echo /usr/share/zsh/site-functions; }}
        get_fishcompdir() {{ echo /usr/share/fish/vendor_completions.d; }}"#
    );
    let held = packaged("bash", &stand_ins, &version, "src_compile; src_install");
    let doc = |path: &String| path.replace("/doc/ccroute/", &format!("/doc/ccroute-{VERSION}/"));
    let mut expected: BTreeSet<String> = installed(&[]).iter().map(doc).collect();
    assert!(expected.remove(&format!("/usr/share/doc/ccroute-{VERSION}/LICENSE")));
    assert_eq!(held, expected);
}

#[test]
fn alpine_s_apkbuild_holds_what_is_installed() {
    let check = format!(
        "[ \"$pkgver\" = {VERSION} ]; make() {{ command make CARGO=true \"$@\"; }}; pkgdir=$DEST; build; package"
    );
    let held = packaged("sh", "", "alpine/APKBUILD", &check);
    assert_eq!(held, installed(&[]));
}

/// Debian has Arch's makepkg.
#[test]
fn arch_s_package_is_built_by_makepkg() {
    let scratch = Scratch::new("arch");
    let work = scratch.dir("work");
    let mut expected = installed(&[]);
    // A source that is built already: makepkg's user may have no Rust. Nor has Debian a pacman that
    // could tell what is installed.
    let stem = format!("ccroute-{VERSION}");
    let script = format!(
        "cp \"$1\"/packaging/arch/* \"$2\"\nmkdir \"$2/{stem}\"\ncd \"$1\"\n\
         cp -r Makefile README.md CHANGELOG.md LICENSE Cargo.toml docs rules.d packaging \"$2/{stem}\"\n\
         mkdir -p \"$2/{stem}/target/release\"\ncp -p target/release/ccroute \"$2/{stem}/target/release\"\n\
         cp -rp target/share \"$2/{stem}/target\"\n\
         cd \"$2\"\ntar -cJf {stem}.tar.xz {stem}\nrm -r {stem}\nmkdir bin\nln -s /bin/true bin/cargo\nln -s /bin/true bin/pacman\n\
         chmod -R a+rwX .\n"
    );
    let mut prepare = Command::new("sh");
    prepare.args(["-euc", &script, "sh", PROJECT]).arg(&work);
    run(&mut prepare).expect(0);
    // It does not work for root.
    let mut command = match nix::unistd::geteuid().is_root() {
        true => {
            let mut command = Command::new(need("setpriv"));
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
            command.arg(need("makepkg"));
            command
        }
        false => Command::new(need("makepkg")),
    };
    command.arg("--nodeps").current_dir(&work).env_clear();
    command.env("PATH", format!("{}/bin:/usr/bin:/bin", work.display()));
    command
        .env("HOME", &work)
        .env("PKGEXT", ".pkg.tar")
        .env("CARCH", "x86_64");
    run(&mut command).expect(0);
    let package = format!("{stem}-1-x86_64.pkg.tar");
    let held = tool_output("tar", ["-tf", &package], &work);
    let files = held
        .lines()
        .filter(|l| !l.ends_with('/') && !l.starts_with('.'));
    let files: BTreeSet<String> = files
        .map(|l| format!("/{}", l.trim_end_matches(".gz")))
        .collect();
    assert!(held.lines().any(|l| l == ".INSTALL"));
    assert!(expected.remove("/usr/share/doc/ccroute/LICENSE"));
    expected.insert("/usr/share/licenses/ccroute/LICENSE".into());
    expected.insert("/usr/share/libalpm/hooks/ccroute.hook".into());
    assert_eq!(files, expected);
}

#[test]
fn the_versions_are_one() {
    let read =
        |name: &str| fs::read_to_string(Path::new(PROJECT).join("packaging").join(name)).unwrap();
    assert!(read("debian/changelog").starts_with(&format!("ccroute ({VERSION}) ")));
    assert!(read("arch/PKGBUILD").contains(&format!("\npkgver={VERSION}\n")));
    assert!(read("alpine/APKBUILD").contains(&format!("\npkgver={VERSION}\n")));
}

/// No fault that a shell would only find on the way.
#[test]
fn the_scripts_are_right() {
    let scripts = [
        "packaging/debian/postinst",
        "packaging/debian/prerm",
        "packaging/debian/postrm",
        "packaging/alpine/ccroute.pre-deinstall",
        "packaging/alpine/ccroute.post-upgrade",
        "packaging/alpine/ccroute.trigger",
        "packaging/client.sh",
        "tests/clean/names.sh",
        "tests/clean/root.sh",
        "packaging/dist.sh",
        "packaging/setup.sh",
        "packaging/demo.sh",
    ];
    let mut command = Command::new(need("shellcheck"));
    command
        .current_dir(PROJECT)
        .args(["--severity=warning", "--exclude=SC2034"]);
    run(command.args(scripts)).expect(0);
    for (shell, script) in [
        ("bash", "arch/PKGBUILD"),
        ("bash", "arch/ccroute.install"),
        ("sh", "alpine/APKBUILD"),
        ("bash", "gentoo/ccroute-VERSION.ebuild"),
        ("bash", "snippets/portage-bashrc"),
        ("sh", "snippets/distccd.sh"),
        ("sh", "snippets/default-distcc"),
        ("sh", "snippets/conf.d-distccd"),
    ] {
        let script = script.replace("VERSION", VERSION);
        let mut command = Command::new(need(shell));
        run(command
            .arg("-n")
            .arg(Path::new("packaging").join(script))
            .current_dir(PROJECT))
        .expect(0);
    }
}
