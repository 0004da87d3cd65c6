//! Gentoo's Portage, as PyPI has it, builds two packages on a client with FEATURES="distcc" and with "distcc
//! ccache". Every compile is done by the helper, and the object is the one that is made without ccroute.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::lab::client::{text, Client};
use crate::common::lab::{need, Helper, Scratch};

/// Portage in a Python environment of its own, kept below target/.
fn portage() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("portage");
    if !dir.join("bin/ebuild").exists() {
        let mut venv = Command::new(need("python3", "python3"));
        well(venv.args(["-m", "venv"]).arg(&dir));
        let mut pip = Command::new(dir.join("bin/pip"));
        well(pip.args(["install", "--quiet", "portage==3.0.83"]));
    }
    dir.join("bin/ebuild")
}

#[track_caller]
fn well(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    text(&output)
}

const FEATURES: &str =
    "-sandbox -usersandbox -network-sandbox -ipc-sandbox -pid-sandbox -mount-sandbox \
    -userpriv -userfetch -usersync -strict -news -ebuild-locks";

/// A machine with a repository of two packages: `c`, and `cxx`. The client's root is the prefix that Portage serves.
fn repository(client: &Client) {
    let file = |name: &str, content: &str| client.scratch.file(&format!("root/{name}"), content);
    file("repo/profiles/repo_name", "test\n");
    file("repo/profiles/categories", "app-misc\n");
    file("repo/profiles/arch.list", "amd64\n");
    file("repo/profiles/profiles.desc", "amd64 default stable\n");
    file("repo/profiles/default/eapi", "8\n");
    file(
        "repo/profiles/default/make.defaults",
        "ARCH=\"amd64\"\nACCEPT_KEYWORDS=\"amd64\"\nCHOST=\"x86_64-linux-gnu\"\n",
    );
    file("repo/metadata/layout.conf", "masters =\n");
    file("repo/licenses/none", "\n");
    let repo = client.at("root/repo").display().to_string();
    file(
        "etc/portage/repos.conf/test.conf",
        &format!("[DEFAULT]\nmain-repo = test\n[test]\nlocation = {repo}\nauto-sync = no\n"),
    );
    client.scratch.link(
        "root/etc/portage/make.profile",
        format!("{repo}/profiles/default"),
    );
    let code = "int part(int x) { int s = 0; for (int i = 0; i < x; i++) s += i * x; return s; }";
    for (name, compile) in [
        ("c", "gcc ${CFLAGS} -MMD -c part.c -o part.o"),
        ("cxx", "g++ ${CXXFLAGS} -MMD -c part.cc -o part.o"),
    ] {
        let ebuild = format!(
            "EAPI=8\nDESCRIPTION=\"a program\"\nHOMEPAGE=\"https://example.org\"\nLICENSE=\"none\"\nSLOT=\"0\"\n\
             KEYWORDS=\"amd64\"\nS=\"${{WORKDIR}}\"\nsrc_unpack() {{\n\techo '{code}' | tee part.c >part.cc\n}}\n\
             src_compile() {{\n\t{compile} || die\n}}\n"
        );
        file(&format!("repo/app-misc/{name}/{name}-1.ebuild"), &ebuild);
    }
    for name in ["gcc", "g++", "cc", "c++"] {
        client.scratch.link(
            &format!("root/usr/lib/ccache/bin/{name}"),
            need("ccache", "ccache"),
        );
    }
    client.scratch.link("root/usr/lib/distcc", "../../masq");
    client.scratch.link(
        "root/share/portage",
        portage().with_file_name("../share/portage"),
    );
}

#[test]
#[ignore = "fetches Portage from PyPI; make test-all runs it"]
fn portage_builds_with_distcc_and_with_ccache() {
    let ebuild = portage();
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("portage", &helper.hosts());
    repository(&client);
    let build = |package: &str, features: &str| {
        let var = client.at("root/var").display().to_string();
        let conf = format!(
            "CHOST=\"x86_64-linux-gnu\"\nCFLAGS=\"-O2\"\nCXXFLAGS=\"-O2\"\nMAKEOPTS=\"-j4\"\n\
             FEATURES=\"{features} {FEATURES}\"\nPORTAGE_TMPDIR=\"{var}/tmp\"\nDISTDIR=\"{var}/files\"\nPKGDIR=\"{var}/packages\"\n\
             CCACHE_DIR=\"{var}/ccache\"\nCCACHE_COMPILERCHECK=\"%compiler% -v\"\n\
             PORTAGE_USERNAME=\"root\"\nPORTAGE_GRPNAME=\"root\"\n"
        );
        client.scratch.file("root/etc/portage/make.conf", &conf);
        fs::create_dir_all(client.at("root/var/tmp")).unwrap();
        let at = client.at(&format!("root/repo/app-misc/{package}/{package}-1.ebuild"));
        let ebuild = ebuild.display().to_string();
        let words = [
            &ebuild,
            at.to_str().unwrap(),
            "manifest",
            "clean",
            "compile",
        ];
        let mut command = client.command(&words);
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command.env("PORTAGE_OVERRIDE_EPREFIX", client.at("root"));
        let said = well(&mut command);
        let made = format!("root/var/tmp/portage/app-misc/{package}-1/work/part.o");
        fs::read(client.at(&made)).unwrap_or_else(|e| panic!("{e}: {said}"))
    };
    let done = |count: usize| {
        let log = helper.log_of(count);
        assert_eq!(log.matches("COMPILE_OK").count(), count, "{log}");
        assert!(!log.contains("COMPILE_ERROR"), "{log}");
    };
    let packages = ["c", "cxx"];
    let native = packages.map(|p| build(p, ""));
    done(0);
    assert!(
        packages.map(|p| build(p, "distcc")) == native,
        "another object"
    );
    done(2);
    assert!(
        packages.map(|p| build(p, "distcc ccache")) == native,
        "another object"
    );
    done(4);
    // Now from the cache.
    assert!(
        packages.map(|p| build(p, "distcc ccache")) == native,
        "another object"
    );
    done(4);
}
