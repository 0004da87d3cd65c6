//! A tree of C and one of C++, as Debian has them, compiled with fifty jobs through client, distcc,
//! distccd and helper: every object is the native one, and all came from the helper. And what a
//! client makes of a full disk, of no list of hosts, and of a cache that is damaged.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::lab::client::{text, Client};
use crate::common::lab::{need, Helper, Scratch};

/// A Debian package's source, kept below target/.
fn source_of(package: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tree-{package}"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/trees/fetch.sh");
    let mut fetch = Command::new("sh");
    let output = fetch.arg(script).arg(package).arg(&dir).output().unwrap();
    assert!(output.status.success(), "{package}: {}", text(&output));
    dir
}

/// The sources below some directories of a tree, relative to it.
fn sources(tree: &Path, dirs: &[&str], ending: &str) -> Vec<String> {
    let mut found = Vec::new();
    for dir in dirs {
        for entry in fs::read_dir(tree.join(dir)).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            // Tests and benchmarks want libraries that are not installed.
            let left_out = ["_test.", "_bench.", "windows", "leveldbutil", "testutil"];
            if name.ends_with(ending) && !left_out.iter().any(|w| name.contains(w)) {
                found.push(format!("{dir}/{name}"));
            }
        }
    }
    found.sort();
    found
}

/// Compiles them all with make, into `out`, and returns the objects.
fn built(make: &mut Command, at: &Path, out: &str, compile: &str, from: &[String]) -> Objects {
    let mut rules = String::new();
    let name = |source: &str| format!("{out}/{}.o", source.replace('/', "-"));
    for source in from {
        let object = name(source);
        rules += &format!("all: {object}\n{object}:\n\t@{compile} -c {source} -o {object}\n");
    }
    fs::create_dir_all(at.join(out)).unwrap();
    fs::write(at.join(format!("{out}.mk")), rules).unwrap();
    let output = make.args(["-f", &format!("{out}.mk"), "-j50", "all"]);
    let output = output.current_dir(at).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    from.iter()
        .map(|s| (s.clone(), fs::read(at.join(name(s))).unwrap()))
        .collect()
}

type Objects = BTreeMap<String, Vec<u8>>;

#[track_caller]
fn every_object_is_the_native_one(package: &str, compile: &str, dirs: &[&str], ending: &str) {
    need("make", "make");
    let tree = source_of(package);
    let list = sources(&tree, dirs, ending);
    assert!(list.len() > 25, "{package}: {list:?}");
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("tree", &helper.hosts());
    let work = client.at("work");
    let mut copy = Command::new("cp");
    let copied = copy.arg("-rT").arg(&tree).arg(&work).status();
    assert!(copied.unwrap().success());

    let mut make = Command::new("make");
    make.env_clear().env("PATH", "/usr/bin:/bin");
    let native = built(&mut make, &work, "native", compile, &list);
    let log = client.at("distcc.log");
    let mut make = client.command(&["make"]);
    make.env("DISTCC_LOG", &log).env("DISTCC_VERBOSE", "1");
    // Fifty jobs queue for a helper that does four at a time; distcc's own patience.
    make.env("DISTCC_IO_TIMEOUT", "300");
    let sent = built(&mut make, &work, "sent", compile, &list);
    for (source, object) in &native {
        assert!(!object.is_empty(), "{source}");
        assert!(sent[source] == *object, "{package}: {source} differs");
    }
    // Who made them.
    let done = helper.log_of(list.len());
    let said = fs::read_to_string(log).unwrap();
    let count = done.matches("COMPILE_OK").count();
    assert_eq!(count, list.len(), "{done}\nthe client:\n{said}");
    for source in &list {
        assert!(done.contains(&format!(" {source}")), "{source}: {done}");
    }
    assert_eq!(said.matches("exec on 127.0.0.1").count(), list.len());
    for word in ["retrying locally", "failed to distribute"] {
        assert!(!said.contains(word), "{word}: {said}");
    }
}

#[test]
fn a_tree_of_c_with_fifty_jobs() {
    every_object_is_the_native_one("lua5.4", "gcc -O2 -Wall -DLUA_USE_LINUX", &["src"], ".c");
}

#[test]
fn a_tree_of_cxx_with_fifty_jobs() {
    let compile = "g++ -O2 -std=c++14 -I. -Iinclude -DLEVELDB_PLATFORM_POSIX";
    every_object_is_the_native_one("leveldb", compile, &["db", "table", "util"], ".cc");
}

/// In a file system of 64 kB, in a mount namespace of its own.
fn with_a_full_disk(client: &Client, script: &str) -> (Option<i32>, String) {
    let mut unshare = vec!["/usr/bin/unshare", "--mount"];
    if !nix::unistd::geteuid().is_root() {
        unshare.push("--map-root-user");
    }
    // A chroot has no mount at / that could be made private.
    let mut private = Command::new("/usr/bin/unshare");
    private.args(["--mount", "true"]).stderr(Stdio::null());
    if !private.status().unwrap().success() {
        unshare.extend(["--propagation", "unchanged"]);
    }
    fs::create_dir_all(client.at("work/full")).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=64k tmpfs full || exit 99\n{script}\n\
         code=$?; wc -c full/* 2>/dev/null; umount full; exit $code"
    );
    unshare.extend(["sh", "-c", &script]);
    let output = client.command(&unshare).output().unwrap();
    (output.status.code(), text(&output))
}

#[test]
fn a_full_disk_on_the_client_is_an_error() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("full", &helper.hosts());
    let large = "char large[300000] = { 1 };\nint f(void) { return large[7]; }\n";
    client.scratch.file("work/large.c", large);
    // The object does not fit.
    let (code, said) = with_a_full_disk(&client, "gcc -c large.c -o full/large.o");
    assert!(!matches!(code, Some(0 | 99)), "{said}");
    assert!(said.contains("No space left on device"), "{said}");
    // The preprocessed source does not fit; the object does.
    let spread = "int a[] = { 1,\n".to_owned() + &"1,\n".repeat(40_000) + "};\n";
    client.scratch.file("work/spread.c", &spread);
    let want = client.natively(&["gcc", "-c", "spread.c"], "spread.o");
    fs::remove_file(client.at("work/spread.o")).unwrap();
    let script = "TMPDIR=$PWD/full gcc -c spread.c";
    let (code, said) = with_a_full_disk(&client, script);
    assert_ne!(code, Some(99), "{said}");
    match code {
        Some(0) => assert!(client.read("spread.o") == want, "{said}"),
        _ => assert!(!client.at("work/spread.o").exists(), "{said}"),
    }
}

#[test]
fn without_a_list_of_hosts_it_compiles_here() {
    let client = Client::installed("nolist", "");
    client
        .scratch
        .file("work/a.c", "int f(void) { return 1; }\n");
    let want = client.natively(&["gcc", "-c", "a.c"], "a.o");
    fs::remove_file(client.at("work/a.o")).unwrap();
    let mut command = client.command(&["gcc", "-c", "a.c"]);
    let output = command.env_remove("DISTCC_HOSTS").output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    assert!(client.read("a.o") == want);
}

#[test]
fn a_cache_that_is_damaged_or_unwritable_changes_no_object() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("cache", &helper.hosts());
    let source = "float f(float a, float b, float c) { return a * b + c; }\n";
    client.scratch.file("work/a.c", source);
    let words = ["gcc", "-O2", "-march=native", "-c", "a.c"];
    let want = client.natively(&words, "a.o");
    let compiled = || {
        fs::remove_file(client.at("work/a.o")).unwrap();
        let output = client.command(&words).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert!(client.read("a.o") == want);
    };
    compiled();
    let files = || -> Vec<PathBuf> {
        let found = Command::new("find")
            .arg(client.at("state"))
            .args(["-type", "f", "-path", "*ccroute*"])
            .output();
        let list = String::from_utf8(found.unwrap().stdout).unwrap();
        list.lines().map(PathBuf::from).collect()
    };
    let kept = files();
    assert!(!kept.is_empty(), "nothing is kept");
    for file in &kept {
        let text = fs::read(file).unwrap();
        for damaged in [
            &b""[..],
            b"\0\xff\n",
            &text[..text.len() / 2],
            b"-march=i386\n",
        ] {
            fs::write(file, damaged).unwrap();
            compiled();
        }
        // In its place something that cannot be written.
        let _ = fs::remove_file(file);
        fs::create_dir(file).unwrap();
        compiled();
    }
}
