//! The facts of distcc that ccroute's design rests on, with real distcc and distccd and without
//! ccroute. If one of these fails with a new distcc, the design has to be thought over.

mod common;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use common::distcc::{Client, Helper, Relay};
use common::elf::elf;
use common::raw;
use common::{need, set_mode, Scratch, SYSTEM_PATH};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// An ARM client: there `gcc` is a compiler for ARM.
fn arm_client(scratch: &Scratch) -> std::path::PathBuf {
    need("arm-linux-gnueabihf-gcc", "gcc-arm-linux-gnueabihf");
    scratch.script("arm/gcc", r#"exec arm-linux-gnueabihf-gcc "$@""#);
    scratch.join("arm")
}

/// A directory for a helper with one program called `fakecc`.
fn fake_compiler(scratch: &Scratch, text: &str) -> String {
    scratch.script("fake/fakecc", text);
    format!("{}:{SYSTEM_PATH}", scratch.join("fake").display())
}

/// A client on which `fakecc` is the system's gcc.
fn fake_client(scratch: &Scratch, hosts: &str) -> Client {
    need("gcc", "gcc");
    scratch.script("native/fakecc", r#"exec gcc "$@""#);
    let client = Client::at(scratch, hosts).compilers(&scratch.join("native"));
    client.file("a.c", "int a(void) { return 1; }\n");
    client
}

/// The case that ccroute is for: no error, no warning, an object for the wrong machine.
#[test]
fn alone_it_gives_an_arm_client_objects_for_x86_64() {
    let scratch = Scratch::new();
    let helper = Helper::new().start(&scratch);
    let client = Client::new(&scratch, &helper).compilers(&arm_client(&scratch));
    let client = client.env("DISTCC_NO_REWRITE_CROSS", "1").never_local();
    client.file("a.c", "int a(void) { return 1; }\n");

    let ran = client.distcc("gcc", ["-c", "a.c", "-o", "a.o"]).succeeded();

    assert_eq!(ran.stderr, "");
    let object = elf(&client.home().join("a.o"));
    let native = if cfg!(target_arch = "x86_64") {
        "Advanced Micro Devices X86-64"
    } else {
        panic!("these tests are written for an x86-64 helper")
    };
    assert_eq!(object.machine, native);
}

/// A helper's refusal costs the client a minute without helper; only stdout reaches its user.
#[test]
fn a_failing_helper_is_replaced_by_the_client_itself_and_left_alone_for_a_while() {
    for code in [110, 200] {
        let scratch = Scratch::new();
        let text = format!("echo seen on stdout; echo lost on stderr >&2; exit {code}");
        let path = fake_compiler(&scratch, &text);
        let helper = Helper::new().path(path).start(&scratch);
        let client = fake_client(&scratch, &helper.host());

        let ran = client
            .distcc("fakecc", ["-c", "a.c", "-o", "a.o"])
            .succeeded();

        assert!(client.home().join("a.o").exists(), "{code}: {ran:#?}");
        assert!(ran.stdout.contains("seen on stdout"), "{code}: {ran:#?}");
        assert!(!ran.stderr.contains("lost on stderr"), "{code}: {ran:#?}");
        assert!(client.in_backoff(), "{code}: {ran:#?}");
    }
}

/// With these two variables a client never compiles by itself what a helper refuses.
#[test]
fn a_client_can_forbid_local_compiles() {
    let scratch = Scratch::new();
    let path = fake_compiler(&scratch, "echo why >&2; exit 110");
    let helper = Helper::new().path(path).start(&scratch);
    let client = fake_client(&scratch, &helper.host()).never_local();

    let ran = client.distcc("fakecc", ["-c", "a.c", "-o", "a.o"]);

    assert_eq!(ran.code, 110, "{ran:#?}");
    assert!(ran.stderr.contains("why"), "{ran:#?}");
    assert!(!client.home().join("a.o").exists());
    assert!(!client.in_backoff());
}

/// By this connection ccroute knows the client; nothing else tells it.
#[test]
fn the_compiler_inherits_the_clients_connection() {
    let scratch = Scratch::new();
    let path = fake_compiler(&scratch, "ls -l /proc/self/fd; exit 1");
    let helper = Helper::new().path(path).start(&scratch);
    let argv = ["fakecc", "-c", "a.c", "-o", "a.o"];

    let reply = raw::send(LOOPBACK, helper.port, &argv, b"int a;\n").unwrap();

    assert_eq!(reply.code(), 1, "{reply:#?}");
    assert!(reply.stdout.contains("socket:["), "{reply:#?}");
    // And the log, open for writing: why ccroute closes what it inherits.
    assert!(reply.stdout.contains("/log"), "{reply:#?}");
}

/// The list of programs is no protection when it cannot be read: `install` must take care.
#[test]
fn an_unreadable_list_of_programs_lets_every_program_run() {
    let scratch = Scratch::new();
    let evil = scratch.script("evil", "echo ran; exit 3");
    let list = scratch.file("commands", "/usr/bin/gcc\n");
    let argv = [evil.to_str().unwrap(), "-c", "a.c", "-o", "a.o"];
    let send = |port| raw::send(LOOPBACK, port, &argv, b"int a;\n");

    let helper = Helper::new().commands(&list).start(&scratch);
    let refused = send(helper.port);
    assert!(refused.is_err(), "{refused:#?}");
    drop(helper);

    // By root for distccd's user, or by us for ourselves.
    set_mode(&list, 0o000);
    let helper = Helper::new().commands(&list).start(&scratch);
    let ran = send(helper.port).unwrap();
    assert!(ran.stdout.contains("ran"), "{ran:#?}");
}

/// The whitelist holds names, and an absolute path gets past ccroute's links: why `install` needs
/// the list of programs.
#[test]
fn the_whitelist_lets_usr_bin_through_as_it_is() {
    let scratch = Scratch::new();
    let whitelist = scratch.dir("whitelist");
    scratch.script("whitelist/gcc", "exit 0");
    let path = fake_compiler(&scratch, "exit 1");
    scratch.script("fake/gcc", "echo by name; exit 1");
    let helper = Helper::new()
        .path(path)
        .whitelist(&whitelist)
        .start(&scratch);
    let send = |name: &str| {
        let argv = [name, "-c", "a.c", "-o", "a.o"];
        raw::send(LOOPBACK, helper.port, &argv, b"int a;\n")
    };

    assert!(send("fakecc").is_err(), "not in the whitelist");
    assert_eq!(send("gcc").unwrap().stdout, "by name\n");
    let object = send("/usr/bin/gcc").unwrap().object.unwrap();
    assert!(object.starts_with(b"\x7fELF"));
    assert!(Path::new("/usr/lib/distcc").exists(), "the machine's own");
}

/// The tests' own tools: jobs come from the address that is asked for.
#[test]
fn a_job_comes_from_the_address_that_a_test_chooses() {
    let scratch = Scratch::new();
    let path = fake_compiler(&scratch, "exit 1");
    let helper = Helper::new().path(path).start(&scratch);
    let argv = ["gcc", "-c", "a.c", "-o", "a.o"];
    let from = Ipv4Addr::new(127, 0, 0, 20);

    let reply = raw::send(from, helper.port, &argv, b"int a;\n").unwrap();
    assert_eq!(reply.status, 0, "{reply:#?}");
    assert!(reply.object.unwrap().starts_with(b"\x7fELF"));
    assert!(helper.log().contains("client: 127.0.0.20:"));

    let from = Ipv4Addr::new(127, 0, 0, 21);
    let relay = Relay::new(from, &helper);
    let client = fake_client(&scratch, &relay.host()).never_local();
    let ran = client.distcc("gcc", ["-c", "a.c", "-o", "a.o"]).succeeded();
    assert!(fs::read(client.home().join("a.o")).is_ok(), "{ran:#?}");
    assert!(helper.log().contains("client: 127.0.0.21:"));
}
