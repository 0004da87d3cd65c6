//! The facts of distcc that ccroute's design rests on, with real distcc and distccd and without
//! ccroute. If one of these fails with a new distcc, the design has to be thought over.

use std::ffi::OsStr;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::common::{raw, Client, Distccd, Scratch};

const SYSTEM: [&str; 2] = ["/usr/bin", "/bin"];
const INSECURE: &str = "--enable-tcp-insecure";

/// A helper on which `fakecc`, and nothing else but the system's programs, is what `text` says.
fn helper(scratch: &Scratch, text: &str, env: &[(&str, &OsStr)], options: &[&str]) -> Distccd {
    scratch.script("fake/fakecc", text);
    let fake = scratch.path("fake");
    let path: Vec<&Path> = [fake.as_path()]
        .into_iter()
        .chain(SYSTEM.map(Path::new))
        .collect();
    Distccd::start_at("127.0.0.1", scratch, &path, env, options)
}

/// Asks for `name`; `None`: distccd hung up.
fn ask(helper: &Distccd, name: &str) -> Option<raw::Reply> {
    let words = [name.as_bytes(), b"-c", b"a.c", b"-o", b"a.o"];
    raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &words, b"int a;\n")
}

/// A helper's refusal costs the client a minute without a helper, and only what is on standard
/// output reaches its user.
#[test]
fn a_failing_helper_is_replaced_by_the_client_and_left_alone_for_a_while() {
    for code in [110, 200] {
        let scratch = Scratch::new("failing");
        let text = format!("echo on stdout; echo on stderr >&2; exit {code}");
        let helper = helper(&scratch, &text, &[], &[INSECURE]);
        let mut client = Client::bare(&scratch, &helper);
        client.env.clear();
        client.compiler("fakecc", "gcc");
        client.file("a.c", "int a;\n");

        let ran = client.send(&["fakecc", "-c", "a.c", "-o", "a.o"]).expect(0);

        assert!(client.dir.join("a.o").exists(), "{code}: {ran:#?}");
        assert_eq!(ran.stdout, "on stdout\n", "{code}");
        assert!(!ran.stderr.contains("on stderr"), "{code}: {ran:#?}");
        assert!(!client.backoff().is_empty(), "{code}");
    }
}

/// By this connection ccroute knows the client; no variable tells it. The other descriptors are
/// why ccroute closes what it inherits.
#[test]
fn a_compiler_inherits_the_clients_connection() {
    let scratch = Scratch::new("inherits");
    let list = "ls -l /proc/self/fd; env; exit 1";
    let helper = helper(&scratch, list, &[], &[INSECURE]);

    let reply = ask(&helper, "fakecc").expect("an answer");

    assert_eq!(reply.exit(), Some(1), "{reply:?}");
    let told = reply.stdout_text();
    assert!(told.contains("socket:["), "{told}");
    assert!(told.contains("_DISTCC_SAFEGUARD=1"), "{told}");
    assert!(!told.contains("127.0.0.1"), "{told}");
}

/// The list of programs is no protection where it cannot be read, so `install` writes it before
/// distccd is told of it, and readable for all.
#[test]
fn an_unreadable_list_of_programs_lets_every_program_run() {
    let scratch = Scratch::new("open");
    let unlisted = scratch.script("unlisted", "echo ran; exit 3");
    let list: PathBuf = scratch.file("commands", "/usr/bin/gcc\n");
    let env = [("DISTCC_CMDLIST", list.as_os_str())];
    let unlisted = unlisted.to_str().unwrap();
    {
        let helper = helper(&scratch, "exit 1", &env, &[]);
        assert!(ask(&helper, unlisted).is_none(), "{}", helper.log());
        assert!(ask(&helper, "gcc").is_some_and(|r| r.exit() == Some(0)));
    }
    // Root's and not distccd's user's to read; or, where that is us, nobody's.
    fs::set_permissions(&list, fs::Permissions::from_mode(0o000)).unwrap();
    let helper = helper(&scratch, "exit 1", &env, &[]);
    let reply = ask(&helper, unlisted).expect("an answer");
    assert_eq!(reply.stdout_text(), "ran\n");
}

/// The whitelist holds names, and what it lets through is then run as it was asked for: an absolute
/// path gets past ccroute's links. So `install` also needs the list of programs. This is the
/// whitelist of this machine, as distcc's package made it.
#[test]
fn an_absolute_path_passes_the_whitelist_and_the_links() {
    let scratch = Scratch::new("absolute");
    scratch.script("fake/gcc", "echo by name; exit 1");
    let helper = helper(&scratch, "exit 1", &[], &[]);

    assert!(
        ask(&helper, "fakecc").is_none(),
        "it is not in the whitelist"
    );
    let by_name = ask(&helper, "gcc").expect("an answer");
    assert_eq!(by_name.stdout_text(), "by name\n");
    let by_path = ask(&helper, "/usr/bin/gcc").expect("an answer");
    assert_eq!(by_path.exit(), Some(0), "{by_path:?}");
    assert!(by_path.object.starts_with(b"\x7fELF"));
}
