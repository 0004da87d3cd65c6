//! Attacks on a helper, replayed by a client that speaks distcc's protocol itself: first against
//! distccd alone, with its whitelist on, where they work; then with ccroute, where they are refused
//! or contained. The table in SECURITY.md names these tests.

use std::ffi::OsStr;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::common::{farm, raw, rules, Distccd, Scratch};

const SECRET: &str = "the-secret-of-this-machine";

/// A helper under attack, and the places that an attacker would like to reach.
struct Target {
    scratch: Scratch,
    helper: Distccd,
    secret: PathBuf,
    loot: PathBuf,
}

/// What an attack came to.
struct Result {
    /// The exit code of the compiler or of ccroute; `None` where distccd hung up.
    exit: Option<u32>,
    /// The secret came back, in the object or in a message.
    leaked: bool,
    /// The file that the attacker wanted written, or made by a program, is there.
    looted: bool,
    object: bool,
    line: String,
}

impl Target {
    fn new(with_ccroute: bool) -> Target {
        let scratch = Scratch::new("attack");
        let farm = farm(&scratch, &["gcc", "clang"]);
        let dir = rules(&scratch, "[native helper]\nuse = native\n");
        let secret = scratch.file("private/secret.h", format!("{SECRET}\n"));
        let open = scratch.dir("open");
        fs::set_permissions(&open, fs::Permissions::from_mode(0o777)).unwrap();
        let system: [&Path; 2] = [Path::new("/usr/bin"), Path::new("/bin")];
        let path: Vec<&Path> = match with_ccroute {
            true => [&[farm.as_path()][..], &system].concat(),
            false => system.to_vec(),
        };
        // No option that loosens anything: the machine's own whitelist has gcc and clang.
        let helper = Distccd::start_at(
            "127.0.0.1",
            &scratch,
            &path,
            &[("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr)],
            &[],
        );
        Target {
            loot: open.join("loot"),
            scratch,
            helper,
            secret,
        }
    }

    fn attack(&self, words: &[String], source: &str) -> Result {
        let _ = fs::remove_file(&self.loot);
        let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
        let from = Ipv4Addr::LOCALHOST;
        let reply = raw::send(self.helper.socket(), from, &words, source.as_bytes());
        let told = reply.clone().unwrap_or_default();
        let all = [&told.stdout[..], &told.stderr, &told.object].concat();
        let has = |needle: &[u8]| all.windows(needle.len()).any(|w| w == needle);
        Result {
            exit: reply.and_then(|r| r.exit()),
            leaked: has(SECRET.as_bytes()),
            looted: self.loot.exists(),
            object: !told.object.is_empty(),
            line: told.stdout_text(),
        }
    }

    fn words(&self, text: &str) -> Vec<String> {
        let loot = self.loot.display().to_string();
        let secret = self.secret.display().to_string();
        let words = text.split(' ');
        words
            .map(|w| w.replace("LOOT", &loot).replace("SECRET", &secret))
            .collect()
    }
}

/// Arguments that make a compiler run a program or write a file.
const ARGUMENTS: &[&str] = &[
    "gcc -wrapper /bin/sh,-c,touch${IFS}LOOT -c x.c -o x.o",
    "gcc -fdump-tree-original=LOOT -c x.c -o x.o",
    "gcc --dump-tree-original=LOOT -c x.c -o x.o",
    "gcc -aux-info LOOT -c x.c -o x.o",
    "gcc -O2 -fopt-info-all=LOOT -c x.c -o x.o",
];

#[test]
fn arguments_that_run_or_write_work_on_distccd_alone_and_are_refused_by_name() {
    let source = "int f(void) { return 1; }\n";
    let alone = Target::new(false);
    let guarded = Target::new(true);
    let mut worked = 0;
    for attack in ARGUMENTS {
        let before = alone.attack(&alone.words(attack), source);
        worked += usize::from(before.looted);
        let after = guarded.attack(&guarded.words(attack), source);
        assert!(!after.looted, "{attack}");
        assert!(!after.object, "{attack}");
        if let Some(exit) = after.exit {
            assert_eq!(exit, 110, "{attack}: {}", after.line);
            let named = "ccroute on the helper: gcc: a client may not send this: ";
            assert!(after.line.starts_with(named), "{attack}: {}", after.line);
            assert!(!after
                .line
                .contains(&guarded.scratch.0.display().to_string()));
        }
        println!(
            "alone: {}  with ccroute: refused  {attack}",
            if before.looted { "works" } else { "fails" }
        );
    }
    assert!(
        worked >= 3,
        "the attacks do not even work on distccd alone: {worked}"
    );
}

/// Words that take the `-c` from a driver, so that it links with the client's words.
const LOST_C: &[&str] = &[
    "gcc -R -c x.c -o x.o -nostdlib -shared -fPIC -Wl,-o,LOOT",
    "gcc -h -c x.c -o x.o -nostdlib -shared -fPIC -Wl,-o,LOOT",
    "gcc x.c -o x.o -nostdlib -shared -fPIC -Wl,-o,LOOT -R -c",
    "clang -undefined -c x.c -o x.o -nostdlib -shared -fPIC -Wl,-o,LOOT",
    "clang --rtlib -c x.c -o x.o -nostdlib -shared -fPIC -Wl,-o,LOOT",
];

#[test]
fn a_lost_c_starts_no_linker() {
    let guarded = Target::new(true);
    for attack in LOST_C {
        let result = guarded.attack(&guarded.words(attack), "int f(void) { return 1; }\n");
        assert!(!result.looted, "{attack}");
        assert!(
            !result.object || result.exit == Some(0),
            "{attack}: {}",
            result.line
        );
    }
}

/// A source that asks for the file of this name.
type Source = fn(&str) -> String;

/// Sources that make the object or a message carry a file of the helper.
#[test]
fn sources_that_read_files_work_on_distccd_alone_and_are_contained() {
    assert!(
        ccroute::helper::sandbox::Kernel::running().landlock > 0,
        "this kernel has no Landlock: nothing contains what a source reads (SECURITY.md)"
    );
    let alone = Target::new(false);
    let guarded = Target::new(true);
    let attacks: [(&str, Source); 4] = [
        ("gcc -c x.c -o x.o", |s| {
            format!("asm(\".section .rodata\\n.incbin \\\"{s}\\\"\\n.text\");\n")
        }),
        ("gcc -c x.c -o x.o", |s| {
            format!("asm(\".section .rodata\\n.inc\" \"bin \\\"{s}\\\"\\n.text\");\n")
        }),
        ("gcc -x c -c x.c -o x.o", |s| format!("#include \"{s}\"\n")),
        ("gcc -fdirectives-only -c x.c -o x.o", |s| {
            format!("#include \"{s}\"\n")
        }),
    ];
    let mut worked = 0;
    for (words, source) in attacks {
        let before = alone.attack(
            &alone.words(words),
            &source(&alone.secret.display().to_string()),
        );
        worked += usize::from(before.leaked);
        let after = guarded.attack(
            &guarded.words(words),
            &source(&guarded.secret.display().to_string()),
        );
        assert!(!after.leaked, "{words}");
        assert!(!after.object, "{words}");
        assert_ne!(after.exit, Some(0), "{words}");
        println!(
            "alone: {}  with ccroute: contained  {words}",
            if before.leaked { "leaks" } else { "fails" }
        );
    }
    assert!(
        worked >= 3,
        "the attacks do not even work on distccd alone: {worked}"
    );
}

#[test]
fn an_absolute_path_does_not_bypass_the_shim_where_the_list_of_commands_is_set() {
    let scratch = Scratch::new("absolute");
    let farm = farm(&scratch, &["gcc"]);
    let dir = rules(&scratch, "");
    let list = scratch.file("commands", format!("{}/gcc\n", farm.display()));
    let helper = Distccd::start_at(
        "127.0.0.1",
        &scratch,
        &[&farm, Path::new("/usr/bin")],
        &[
            ("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr),
            ("DISTCC_CMDLIST", list.as_os_str()),
        ],
        &[],
    );
    let words: [&[u8]; 5] = [b"/usr/bin/gcc", b"-c", b"x.c", b"-o", b"x.o"];
    let reply = raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &words, b"int x;\n").unwrap();
    assert_eq!(reply.exit(), Some(110), "{}", helper.log());
    assert!(reply.object.is_empty());
    // A program that is not on the list is not run at all.
    let words: [&[u8]; 5] = [b"/bin/true", b"-c", b"x.c", b"-o", b"x.o"];
    assert!(raw::send(helper.socket(), Ipv4Addr::LOCALHOST, &words, b"int x;\n").is_none());
}

#[test]
fn a_client_cannot_reach_the_shims_environment() {
    let target = Target::new(true);
    // Neither arguments that look like variables nor names that look like paths change the rules.
    for words in [
        "CCROUTE_RULES_DIR=/nowhere gcc -c x.c -o x.o",
        "env CCROUTE_RULES_DIR=/nowhere gcc -c x.c -o x.o",
    ] {
        let result = target.attack(&target.words(words), "int x;\n");
        assert!(!result.object, "{words}");
        assert_ne!(result.exit, Some(0), "{words}");
    }
}
