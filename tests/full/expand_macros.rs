//! Macros expanded on the helper, with real distcc: what the helper could not know (the source's
//! name, the date) is the client's in the object, also where a header says it.

use std::fs;
use std::process::Command;

use crate::common::lab::client::{text, Client};
use crate::common::lab::{Helper, Scratch};

/// A client that has everything expanded on the helper.
fn client(name: &str, hosts: &str) -> Client {
    let client = Client::installed(name, hosts);
    let rule = "[*]\nexpand-macros = helper\n";
    client.scratch.file("rules/70-own.rules", rule);
    client
}

/// The object as the system's compiler makes it, the object that comes back, what distcc said.
fn both(client: &Client, line: &str, epoch: Option<&str>) -> (Vec<u8>, Vec<u8>, String) {
    let words: Vec<&str> = line.split(' ').collect();
    let mut native = Command::new("/usr/bin/env");
    native
        .args(&words)
        .current_dir(client.at("work"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    let mut sent = client.command(&words);
    sent.env("DISTCC_VERBOSE", "1");
    let mut objects = Vec::new();
    let mut said = String::new();
    for mut command in [native, sent] {
        if let Some(epoch) = epoch {
            command.env("SOURCE_DATE_EPOCH", epoch);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{line}: {}", text(&output));
        objects.push(client.read("a.o"));
        fs::remove_file(client.at("work/a.o")).unwrap();
        said = text(&output);
    }
    assert!(said.contains("exec on 127.0.0.1"), "{line}: {said}");
    assert!(!said.contains("retrying locally"), "{line}: {said}");
    let sent = objects.pop().unwrap();
    (objects.pop().unwrap(), sent, said)
}

#[test]
fn names_and_dates_are_the_clients() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = client("stated", &helper.hosts());
    for (name, text) in [
        ("base.h", "const char *base = __BASE_FILE__;\n"),
        ("sub/base.c", "#include \"../base.h\"\n"),
        ("date.h", "const char *date = __DATE__ \" \" __TIME__;\n"),
        ("date.c", "#include \"date.h\"\n"),
        (
            "date.cc",
            "#include \"date.h\"\nconst char *d() { return __TIME__; }\n",
        ),
        (
            "counter.c",
            "int a = __COUNTER__;\n#if __COUNTER__ == 1\nint b;\n#endif\n",
        ),
    ] {
        client.scratch.file(&format!("work/{name}"), text);
    }
    let epoch = Some("1700000000");
    let here = client.at("work").display().to_string();
    for (line, epoch, expanded) in [
        ("gcc -c sub/base.c -o a.o", None, true),
        (
            "gcc -fmacro-prefix-map=sub/=x/ -c sub/base.c -o a.o",
            None,
            true,
        ),
        (
            "gcc -ffile-prefix-map=HERE=. -c HERE/sub/base.c -o a.o",
            None,
            true,
        ),
        (
            "gcc -ffile-prefix-map=sub=x -fmacro-prefix-map=su=y -c sub/base.c -o a.o",
            None,
            false,
        ),
        ("gcc -c date.c -o a.o", epoch, true),
        (
            "gcc -Wall -Wextra -pedantic-errors -Werror -c date.c -o a.o",
            epoch,
            true,
        ),
        ("g++ -O2 -c date.cc -o a.o", epoch, true),
        ("g++ -O2 -c date.cc -o a.o", Some("0"), true),
        ("gcc -Wdate-time -c date.c -o a.o", epoch, false),
        ("gcc -frecord-gcc-switches -c date.c -o a.o", epoch, false),
        ("gcc -c counter.c -o a.o", None, false),
    ] {
        let line = line.replace("HERE", &here);
        // Where the macros are expanded first, the date is the client's anyway.
        let (want, got, said) = both(&client, &line, epoch);
        assert_eq!(said.contains(" -fdirectives-only "), expanded, "{line}");
        if !line.contains("-frecord") {
            assert!(got == want, "{line}: another object");
        }
    }
}

#[test]
fn a_kernels_dates_are_errors_there_as_here() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = client("dateless", &helper.hosts());
    let text_of_date = "const char *date = __DATE__;\n";
    client.scratch.file("work/date.c", text_of_date);
    let words = ["gcc", "-Werror=date-time", "-c", "date.c", "-o", "a.o"];
    let output = client.command(&words).output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("date-time"), "{}", text(&output));
    assert!(!client.at("work/a.o").exists());
}

/// Comments are sent too, so that what they say to the compiler counts: with the macros expanded
/// first, `-Werror=implicit-fallthrough` fails on every helper.
#[test]
fn fall_through_comments_arrive() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = client("comments", &helper.hosts());
    client.scratch.file(
        "work/a.c",
        "int g(void);\nint f(int x) {\n  switch (x) {\n  case 1: g(); /* fall through */\n  \
         case 2: return g();\n  }\n  return 0;\n}\n",
    );
    let line = "gcc -Wextra -Werror -O2 -c a.c -o a.o";
    let (want, got, _) = both(&client, line, None);
    assert!(got == want);
}
