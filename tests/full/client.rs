//! The client against real distcc: what leaves, under which name, saying what; and that a build
//! ends right when helpers fail. Needs Debian's distcc, gcc, g++, ccache and an ARM cross gcc.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::lab::client::{text, Client};
use crate::common::lab::{free_port, native_triple, need, Helper, Scratch};

const SOURCE: &str = "#include <stdio.h>\n#include <math.h>\n\
    double f(double x, int n) { double s = 0; for (int i = 0; i < n; i++) s += x * i; \
    printf(\"%f\", s); return fabs(s); }\n";

#[test]
fn full_names_and_defaults_leave_and_the_objects_are_the_native_ones() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("leave", &helper.hosts());
    client.scratch.file("work/a.c", SOURCE);
    client.scratch.file("work/a.cc", SOURCE);
    let triple = native_triple();
    let table: &[(&str, &str, &str)] = &[
        ("gcc -c a.c -o a.o", "gcc", "-fPIE"),
        ("cc -O2 -c a.c -o a.o", "gcc", "-O2"),
        ("g++ -O2 -c a.cc -o a.o", "g++", "-fPIE"),
        ("c++ -std=c++17 -c a.cc -o a.o", "g++", "-std=c++17"),
        ("gcc -O2 -fno-pie -c a.c -o a.o", "gcc", "-fno-pie"),
        (
            "gcc -O2 -fPIC -fstack-protector-strong -c a.c -o a.o",
            "gcc",
            "-fPIC",
        ),
    ];
    for (line, tool, flag) in table {
        let words: Vec<&str> = line.split(' ').collect();
        let want = client.natively(&words, "a.o");
        fs::remove_file(client.at("work/a.o")).unwrap();
        let said = client.verbose(&words);
        let sent = said
            .lines()
            .find(|l| l.contains("exec on 127.0.0.1"))
            .unwrap_or_else(|| panic!("not sent: {line}\n{said}"));
        assert!(sent.contains(&format!(": {triple}-{tool} -")), "{sent}");
        assert!(sent.contains(flag), "{sent}");
        assert_eq!(
            sent.matches(" -fPIE").count(),
            usize::from(!line.contains("-fno-pie") && !line.contains("-fPIC")),
            "{sent}"
        );
        assert!(said.contains(&format!("forking to execute: {triple}-{tool} ")));
        assert!(!said.contains("retrying locally"), "{said}");
        assert_eq!(client.read("a.o"), want, "{line}");
    }
    let log = helper.log_of(table.len());
    assert_eq!(log.matches("COMPILE_OK").count(), table.len(), "{log}");
    for name in [format!(" {triple}-gcc a.c"), format!(" {triple}-g++ a.cc")] {
        assert!(log.contains(&name), "{name}: {log}");
    }
}

#[test]
fn installing_again_changes_nothing_and_uninstalling_restores() {
    let client = Client::bare("install", "localhost");
    let masq = client.at("root/masq");
    client.scratch.link("root/masq/gcc", "../../bin/distcc");
    let script = client
        .scratch
        .file("root/masq/cc", "#!/bin/sh\nexec distcc x \"$@\"\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let listing = || {
        let mut list: Vec<String> = fs::read_dir(&masq)
            .unwrap()
            .map(|e| {
                let e = e.unwrap();
                let mode = e.metadata().unwrap().permissions().mode();
                format!(
                    "{:?} {:?} {mode:o}",
                    e.file_name(),
                    fs::read_link(e.path()).ok()
                )
            })
            .collect();
        list.sort();
        list
    };
    let before = listing();
    assert!(client.install("install").status.success());
    let full = format!("{}-gcc", native_triple());
    for name in ["gcc", "cc", &full] {
        let target = fs::read_link(masq.join(name)).unwrap();
        assert_eq!(target, client.at("bin/ccroute"), "{name}");
    }
    let again = text(&client.install("install"));
    assert!(
        !again.contains(" made") && !again.contains(" removed"),
        "{again}"
    );

    // A distcc update takes a link back and removes one.
    fs::remove_file(masq.join("gcc")).unwrap();
    std::os::unix::fs::symlink("../../bin/distcc", masq.join("gcc")).unwrap();
    fs::remove_file(masq.join(&full)).unwrap();
    let mended = text(&client.install("install"));
    assert!(mended.contains("2 made"), "{mended}");

    assert!(client.install("uninstall").status.success());
    assert_eq!(listing(), before);
    assert!(!client
        .at("root/etc/ccroute/rules.d/60-client.rules")
        .exists());
}

#[test]
fn check_tells_what_a_distcc_update_took() {
    let client = Client::bare("check", "localhost");
    let masq = client.at("root/masq");
    // Without --root, so that the rules speak of the directory as it is.
    let rules = format!(
        "# Made by ccroute install; ccroute uninstall removes it.\n# asked: gcc 1.2.3\n# links: {} gcc g++ cc\n",
        masq.display()
    );
    client.scratch.file("rules/60-client.rules", &rules);
    client.scratch.link("root/masq/gcc", "../../bin/distcc");
    client
        .scratch
        .link("root/masq/cc", client.at("bin/ccroute"));
    let output = client.command(&["ccroute", "check"]).output().unwrap();
    let said = text(&output);
    assert!(said.contains("is a link to distcc again: gcc"), "{said}");
    assert!(said.contains("is missing: g++"), "{said}");
    assert!(said.contains("the client's rules are for 1.2.3"), "{said}");
    let output = client
        .command(&["ccroute", "check"])
        .env("CCACHE_PREFIX", "distcc")
        .output()
        .unwrap();
    assert!(text(&output).contains("CCACHE_PREFIX=ccroute-run"));
}

/// A client whose compiler assumes ARMv6, as a Raspberry Pi's does, and which is called by names
/// that exist nowhere else.
fn armv6_client(name: &str, hosts: &str) -> Client {
    let client = Client::bare(name, hosts);
    need("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf");
    let defaults = "-march=armv6 -mtune=arm1136j-s -marm -mfpu=vfp -mfloat-abi=hard";
    let script = format!("#!/bin/sh\nexec /usr/bin/arm-linux-gnueabihf-gcc {defaults} \"$@\"\n");
    let path = client
        .scratch
        .file("bin/armv6-own-linux-gnueabihf-gcc", &script);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    client.scratch.file(
        "rules/60-client.rules",
        &format!(
            "[native direct]\nas = arm-linux-gnueabihf\n\
             [arm-linux-gnueabihf]\nuse = armv6-own-linux-gnueabihf\nsend = distcc\ndefaults = {defaults}\n"
        ),
    );
    for name in ["gcc", "cc", "arm-linux-gnueabihf-gcc"] {
        client
            .scratch
            .link(&format!("root/masq/{name}"), client.at("bin/ccroute"));
    }
    client
        .scratch
        .file("work/a.c", "int f(int x) { return x + 1; }\n");
    client
}

fn attributes(object: &Path) -> String {
    let output = Command::new(need("readelf", "binutils"))
        .arg("-A")
        .arg(object)
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn an_armv6_client_gets_armv6_objects_from_an_armv7_helper_without_ccroute() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = armv6_client("armv6", &helper.hosts());
    for words in [
        ["gcc", "-O2", "-c", "a.c"],
        ["cc", "-Os", "-c", "a.c"],
        ["arm-linux-gnueabihf-gcc", "-O1", "-c", "a.c"],
    ] {
        let said = client.verbose(&words);
        assert!(said.contains("completed ok"), "{said}");
        assert!(said.contains("exec on 127.0.0.1"), "{said}");
        assert!(!said.contains("retrying locally"), "{said}");
        let found = attributes(&client.at("work/a.o"));
        assert!(found.contains("Tag_CPU_arch: v6\n"), "{words:?}: {found}");
        fs::remove_file(client.at("work/a.o")).unwrap();
    }
    assert_eq!(helper.log_of(3).matches("COMPILE_OK").count(), 3);
    // What the request says itself wins.
    client.verbose(&["gcc", "-mcpu=cortex-a7", "-mthumb", "-c", "a.c"]);
    let found = attributes(&client.at("work/a.o"));
    assert!(found.contains("Tag_CPU_arch: v7"), "{found}");
}

#[test]
fn without_a_helper_the_build_ends_right() {
    let hosts = format!("127.0.0.1:{}", free_port());
    let client = armv6_client("nohelper", &hosts);
    let output = client.command(&["gcc", "-c", "a.c"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let found = attributes(&client.at("work/a.o"));
    assert!(found.contains("Tag_CPU_arch: v6\n"), "{found}");
}

#[test]
fn a_helper_killed_in_between_costs_no_object() {
    let logs = Scratch::new("helper");
    let mut helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = armv6_client("killed", &helper.hosts());
    let mut children = Vec::new();
    for n in 0..20 {
        client.scratch.file(
            &format!("work/k{n}.c"),
            &format!("int f{n}(int x) {{ return x * {n}; }}\n"),
        );
        let name = format!("k{n}.c");
        children.push(
            client
                .command(&["gcc", "-O2", "-c", &name])
                .stderr(Stdio::null())
                .spawn()
                .unwrap(),
        );
        if n == 10 {
            helper.stop();
        }
    }
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for n in 0..20 {
        let found = attributes(&client.at(&format!("work/k{n}.o")));
        assert!(found.contains("Tag_CPU_arch: v6\n"), "{n}: {found}");
    }
}

#[test]
fn fallback_refuse_stops_the_build() {
    let hosts = format!("127.0.0.1:{}", free_port());
    let client = armv6_client("refuse", &hosts);
    client.scratch.file(
        "rules/70-own.rules",
        "[arm-linux-gnueabihf]\nfallback = refuse\n",
    );
    let output = client.command(&["gcc", "-c", "a.c"]).output().unwrap();
    assert!(!output.status.success());
    assert!(!client.at("work/a.o").exists());
    assert!(text(&output).contains("connect"), "{}", text(&output));
    // Links and probes go on.
    let output = client.command(&["gcc", "-dumpmachine"]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));

    // A compile error is the compiler's, shown once, and costs the helper nothing.
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client {
        hosts: helper.hosts(),
        ..client
    };
    client.scratch.file("work/bad.c", "int f( { }\n");
    let output = client.command(&["gcc", "-c", "bad.c"]).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("bad.c:1"), "{}", text(&output));
    let said = client.verbose(&["gcc", "-c", "a.c"]);
    assert!(said.contains("exec on 127.0.0.1"), "{said}");
}

#[test]
fn a_launcher_that_is_missing_is_said_in_one_line() {
    let client = armv6_client("nolauncher", "localhost");
    client.scratch.file(
        "rules/70-own.rules",
        "[arm-linux-gnueabihf]\nsend = /nonexistent/distcc\n",
    );
    let output = client.command(&["gcc", "-c", "a.c"]).output().unwrap();
    assert!(!output.status.success());
    assert_eq!(text(&output).lines().count(), 1, "{}", text(&output));
    assert!(text(&output).contains("/nonexistent/distcc"));
}

#[test]
fn a_launcher_runs_the_very_compiler_and_sends_the_full_name() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("launcher", &helper.hosts());
    client.scratch.file("work/a.c", SOURCE);
    let triple = native_triple();
    let said = client.verbose(&["ccroute-run", "/usr/bin/gcc", "-O2", "-c", "a.c"]);
    let sent = said.lines().find(|l| l.contains("exec on 127.0.0.1"));
    let full = format!(": {triple}-gcc ");
    assert!(sent.is_some_and(|l| l.contains(&full)), "{said}");
    // A compiler that PATH does not find: it preprocesses, and it answers.
    let script = "#!/bin/sh\necho \"ran $0\" >&2\nexec /usr/bin/gcc -DOWN=7 \"$@\"\n";
    let own = client.scratch.file("own/gcc", script);
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    client.scratch.file("work/own.c", "int own = OWN;\n");
    let own = own.display().to_string();
    for words in [["-c", "own.c"], ["-E", "own.c"]] {
        let output = client
            .command(&["ccroute-run", &own, words[0], words[1]])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        assert!(
            text(&output).contains(&format!("ran {own}")),
            "{}",
            text(&output)
        );
    }
    assert!(!client.read("own.o").is_empty());
}

#[test]
fn with_ccache_a_changed_rule_or_compiler_gives_no_stale_object() {
    need("ccache", "ccache");
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = armv6_client("ccache", &helper.hosts());
    let compiler = client.at("bin/armv6-own-linux-gnueabihf-gcc");
    let rules = client.at("rules/60-client.rules");
    let build = || {
        let _ = fs::remove_file(client.at("work/a.o"));
        let output = client
            .command(&[
                "ccache",
                &compiler.display().to_string(),
                "-O2",
                "-c",
                "a.c",
            ])
            .env("CCACHE_DIR", client.at("ccache"))
            .env("CCACHE_PREFIX", "ccroute-run")
            .env("CCACHE_EXTRAFILES", &rules)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        attributes(&client.at("work/a.o"))
    };
    // The compiler is called by its own full name here; its section sends.
    let defaults = |arch: &str| {
        format!(
            "[armv6-own-linux-gnueabihf]\nas = arm-linux-gnueabihf\n\
             [arm-linux-gnueabihf]\nuse = armv6-own-linux-gnueabihf\nsend = distcc\n\
             defaults = -march={arch} -marm -mfpu=vfp -mfloat-abi=hard\n"
        )
    };
    fs::write(&rules, defaults("armv6")).unwrap();
    assert!(build().contains("Tag_CPU_arch: v6\n"));
    let log = helper.log_of(1);
    assert_eq!(log.matches("COMPILE_OK").count(), 1, "{log}");
    assert!(build().contains("Tag_CPU_arch: v6\n"));
    assert_eq!(
        helper.log().matches("COMPILE_OK").count(),
        1,
        "ccache did not hit"
    );
    fs::write(&rules, defaults("armv6k")).unwrap();
    assert!(build().contains("Tag_CPU_arch: v6K\n"), "a stale object");
    // The compiler is replaced by another.
    let text = fs::read_to_string(&compiler)
        .unwrap()
        .replace("armv6 ", "armv6t2 ");
    crate::common::lab::write(&compiler, &text);
    fs::write(&rules, defaults("armv6t2")).unwrap();
    assert!(build().contains("Tag_CPU_arch: v6T2\n"), "a stale object");
}

#[test]
fn fifty_first_calls_with_march_native_agree() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("native", &helper.hosts());
    client.scratch.file("work/a.c", SOURCE);
    let flags = ["-march=native", "-mtune=native"];
    let mut words = vec!["gcc", "-O3", "-c", "a.c", "-o", "want.o"];
    words.extend(flags);
    let want = client.natively(&words, "want.o");
    let children: Vec<_> = (0..50)
        .map(|n| {
            let object = format!("n{n}.o");
            let mut words = vec!["gcc", "-O3", "-c", "a.c", "-o", &object];
            words.extend(flags);
            client
                .command(&words)
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    for n in 0..50 {
        assert!(client.read(&format!("n{n}.o")) == want, "n{n}.o is another");
    }
    let kept = fs::read_dir(client.at("state/ccroute")).unwrap().count();
    assert_eq!(kept, 1, "one answer, and nothing left over");
    assert_eq!(helper.log_of(50).matches("COMPILE_OK").count(), 50);
    // A corrupt answer is asked again; an unwritable place costs nothing but time.
    let file = fs::read_dir(client.at("state/ccroute")).unwrap().next();
    let file = file.unwrap().unwrap().path();
    fs::write(&file, "junk").unwrap();
    let said = client.verbose(&["gcc", "-O3", "-c", "a.c", "-o", "a.o", flags[0], flags[1]]);
    assert!(said.contains("exec on 127.0.0.1"), "{said}");
    assert!(client.read("a.o") == want);
    fs::remove_dir_all(client.at("state/ccroute")).unwrap();
    fs::write(client.at("state/ccroute"), "").unwrap();
    client.verbose(&["gcc", "-O3", "-c", "a.c", "-o", "b.o", flags[0], flags[1]]);
    assert!(client.read("b.o") == want);
}
