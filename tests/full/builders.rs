//! What distributions build packages with, on a client: dpkg-buildpackage and Arch's makepkg, without and
//! with ccache. Every compile is done by the helper, and the program is the one that is built without
//! ccroute.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::lab::client::{text, Client};
use crate::common::lab::{need, Helper, Scratch};

const MAKEFILE: &str = "OBJECTS = obj/main.o obj/part.o\n\
    all: hello\n\
    hello: $(OBJECTS)\n\t$(CXX) $(LDFLAGS) -o $@ $(OBJECTS)\n\
    obj/main.o: main.c\n\t@mkdir -p obj\n\t$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -c main.c -o $@\n\
    obj/part.o: part.cc\n\t@mkdir -p obj\n\t$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -c part.cc -o $@\n\
    install:\n\tinstall -D hello $(DESTDIR)/usr/bin/hello\n\
    clean:\n\trm -rf obj hello\n\
    -include obj/main.d obj/part.d\n";

/// Writes the project that is packaged: a C and a C++ file.
fn project(at: &Path) {
    fs::create_dir_all(at).unwrap();
    for (name, content) in [
        ("Makefile", MAKEFILE),
        ("part.h", "int part(int x);\n"),
        ("main.c", "#include <stdio.h>\n#include \"part.h\"\nint main(void) { return printf(\"%d\\n\", part(3)) < 0; }\n"),
        (
            "part.cc",
            "#include <vector>\nextern \"C\" {\n#include \"part.h\"\n}\n\
             int part(int x) { std::vector<int> v(x, 2); int s = 0; for (int i : v) s += i; return s; }\n",
        ),
    ] {
        fs::write(at.join(name), content).unwrap();
    }
}

#[track_caller]
fn well(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
}

/// The command as nobody, for what refuses to run as root.
fn as_nobody(words: &[&str]) -> Vec<String> {
    let user = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let user = user.iter().filter(|_| nix::unistd::geteuid().is_root());
    user.chain(words).map(|w| (*w).to_owned()).collect()
}

fn compiled(helper: &Helper, count: usize) {
    let log = helper.log_of(count);
    assert_eq!(log.matches("COMPILE_OK").count(), count, "{log}");
    assert!(!log.contains("COMPILE_ERROR"), "{log}");
}

/// The program in a package, which is a file of this name unpacked by `unpack`.
fn program(client: &Client, unpack: &[&str], package: &Path) -> Vec<u8> {
    let root = client.at("unpacked");
    let _ = fs::remove_dir_all(&root);
    fs::create_dir(&root).unwrap();
    let mut command = Command::new(unpack[0]);
    command.args(&unpack[1..]).arg(package).current_dir(&root);
    if unpack[0] == "dpkg-deb" {
        command.arg(".");
    }
    well(&mut command);
    let hello = root.join("usr/bin/hello");
    let said = Command::new(&hello).output().unwrap();
    assert_eq!(text(&said), "6\n");
    fs::read(hello).unwrap()
}

#[test]
fn dpkg_buildpackage() {
    need("dpkg-buildpackage", "dpkg-dev");
    need("dh", "debhelper");
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("dpkg", &helper.hosts());
    let at = client.at("work/hello-1");
    project(&at);
    for (name, content) in [
        ("changelog", "hello (1) unstable; urgency=low\n\n  * A package.\n\n -- A <a@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"),
        (
            "control",
            "Source: hello\nMaintainer: A <a@example.org>\nRules-Requires-Root: no\n\
             Build-Depends: debhelper-compat (= 13)\n\n\
             Package: hello\nArchitecture: any\nDescription: a program\n",
        ),
        ("rules", "#!/usr/bin/make -f\n%:\n\tdh $@\n"),
        ("source/format", "3.0 (native)\n"),
    ] {
        client.scratch.file(&format!("work/hello-1/debian/{name}"), content);
    }
    well(
        Command::new("chmod")
            .arg("755")
            .arg(at.join("debian/rules")),
    );
    let build = |mut command: Command| {
        // With -g the client's defaults are named in the debug information: docs/proof.md.
        command
            .env("DEB_CFLAGS_STRIP", "-g")
            .env("DEB_CXXFLAGS_STRIP", "-g");
        command.env("DEB_BUILD_OPTIONS", "parallel=4");
        well(command.current_dir(&at));
        let list = fs::read_dir(client.at("work")).unwrap().flatten();
        let is_package = |p: &PathBuf| {
            p.to_string_lossy().ends_with(".deb") && !p.to_string_lossy().contains("dbgsym")
        };
        let package = list.map(|e| e.path()).find(is_package).expect("a package");
        program(&client, &["dpkg-deb", "-x"], &package)
    };
    let words = ["dpkg-buildpackage", "-b", "-us", "-uc"];
    let mut native = Command::new("/usr/bin/env");
    native
        .args(words)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let native = build(native);
    assert!(build(client.command(&words)) == native, "another program");
    compiled(&helper, 2);
}

/// makepkg's library in the client's scratch directory, which says where the masquerade directory and ccache's are.
fn makepkg_library(client: &Client) -> PathBuf {
    let library = client.at("makepkg");
    well(
        Command::new("cp")
            .arg("-r")
            .arg("/usr/share/makepkg")
            .arg(&library),
    );
    let file = library.join("buildenv/compiler.sh");
    let here = |dir: &str| client.at(dir).display().to_string();
    let script = fs::read_to_string(&file).unwrap();
    let script = script.replace("/usr/lib/distcc/bin", &here("root/masq"));
    fs::write(
        file,
        script.replace("/usr/lib/ccache/bin", &here("caching")),
    )
    .unwrap();
    for name in ["gcc", "g++", "cc", "c++"] {
        client
            .scratch
            .link(&format!("caching/{name}"), need("ccache", "ccache"));
    }
    library
}

#[test]
fn makepkg_with_and_without_ccache() {
    need("makepkg", "makepkg");
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("makepkg", &helper.hosts());
    let library = makepkg_library(&client);
    client.scratch.link("bin/pacman", "/bin/true");
    let pkgbuild = "pkgname=hello\npkgver=1\npkgrel=1\narch=(x86_64)\nlicense=(none)\n\
        build() { cp -r \"$startdir/project/.\" .; make; }\npackage() { make DESTDIR=\"$pkgdir\" install; }\n";
    client.scratch.file("work/PKGBUILD", pkgbuild);
    project(&client.at("work/project"));
    let mut mode = Command::new("chmod");
    well(
        mode.args(["-R", "a+rwX"])
            .args([client.at("work"), client.at("state")]),
    );
    let conf = |environment: &str| {
        let hosts = &client.hosts;
        let text = format!(
            "CARCH=x86_64\nCHOST=x86_64-linux-gnu\nCFLAGS=-O2\nCXXFLAGS=-O2\nMAKEFLAGS=-j4\nDISTCC_HOSTS={hosts}\n\
             BUILDENV=({environment} !color !check !sign)\nOPTIONS=(strip !debug !lto)\nINTEGRITY_CHECK=(sha256)\n\
             STRIP_BINARIES=--strip-all\nPKGEXT=.pkg.tar\nSRCEXT=.src.tar\n"
        );
        client.scratch.file("makepkg.conf", &text)
    };
    let words = as_nobody(&["makepkg", "--nodeps", "--force", "--cleanbuild", "--config"]);
    let build = |environment: &str, path: &str, variables: &[(&str, String)]| {
        let conf = conf(environment).display().to_string();
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .chain([conf.as_str()])
            .collect();
        let mut command = client.command(&words);
        command
            .env("PATH", path)
            .env("LIBRARY", &library)
            .env("HOME", client.at("work"));
        command
            .env_remove("DISTCC_HOSTS")
            .envs(variables.iter().map(|(n, v)| (n, v)));
        well(&mut command);
        program(
            &client,
            &["tar", "-xf"],
            &client.at("work/hello-1-1-x86_64.pkg.tar"),
        )
    };
    // The masquerade directory is not on it: makepkg puts it there.
    let path = format!("{}:/usr/bin:/bin", client.at("bin").display());
    let native = build("!distcc !ccache", &path, &[]);
    compiled(&helper, 0);
    assert!(
        build("distcc !ccache", &path, &[]) == native,
        "another program"
    );
    compiled(&helper, 2);
    // makepkg appends `distcc` to the prefix.
    let cache = [
        ("CCACHE_DIR", client.at("work/cache").display().to_string()),
        ("CCACHE_PREFIX", "ccroute-run".to_owned()),
    ];
    assert!(
        build("distcc ccache", &path, &cache) == native,
        "another program"
    );
    compiled(&helper, 4);
    // Now from the cache.
    assert!(
        build("distcc ccache", &path, &cache) == native,
        "another program"
    );
    compiled(&helper, 4);
}
