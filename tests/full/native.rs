//! Native names on a helper, with real distcc and distccd: the guard, the fingerprint of a job
//! whose macros are expanded on the helper, contradictions, inetd.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::common::call::{in_namespace, is_private};
use crate::common::{farm, need, raw, rules, told, Distccd, Scratch};

const CLIENT: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 31);

fn helper(scratch: &Scratch, text: &str) -> Distccd {
    let farm = farm(scratch, &["gcc", "g++", "arm-linux-gnueabihf-gcc"]);
    let dir = rules(scratch, text);
    Distccd::start(
        scratch,
        &[&farm, Path::new("/usr/bin")],
        &[("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr)],
    )
}

fn machine(object: &[u8]) -> u16 {
    assert_eq!(&object[..4], b"\x7fELF");
    u16::from_le_bytes([object[18], object[19]])
}

/// What a client's compiler makes of `text` with `-E` and the flags.
fn preprocess(scratch: &Scratch, compiler: &str, flags: &[&str], text: &str) -> Vec<u8> {
    let source = scratch.file("in.c", text);
    let output = Command::new(need(compiler))
        .args(flags)
        .arg("-E")
        .arg(source)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    output.stdout
}

fn ask(helper: &Distccd, words: &[&str], source: &[u8]) -> raw::Reply {
    let words: Vec<&[u8]> = words.iter().map(|w| w.as_bytes()).collect();
    raw::send(helper.socket(), CLIENT, &words, source).unwrap_or_else(|| panic!("{}", helper.log()))
}

#[test]
fn predefined_macros_route_a_file_that_shows_nothing_else() {
    let scratch = Scratch::new("macros");
    let helper = helper(&scratch, "");
    let text = "long f(void) { return __SIZEOF_POINTER__; }\n";
    for (compiler, want) in [
        ("aarch64-linux-gnu-gcc", 183),
        ("riscv64-linux-gnu-gcc", 243),
        ("i686-linux-gnu-gcc", 3),
        ("gcc", 62),
    ] {
        let flags = ["-fdirectives-only", "-nostdinc"];
        let source = preprocess(&scratch, compiler, &flags, text);
        let words = ["gcc", "-fdirectives-only", "-c", "x.c", "-o", "x.o"];
        let reply = ask(&helper, &words, &source);
        assert_eq!(reply.exit(), Some(0), "{compiler}: {}", reply.stdout_text());
        assert_eq!(machine(&reply.object), want, "{compiler}");
    }
}

#[test]
fn predefined_macros_catch_a_stand_in_of_the_other_float_abi() {
    let scratch = Scratch::new("softhard");
    let helper = helper(
        &scratch,
        "[native from 127.0.0.31]\nas = arm-linux-gnueabi\n[arm-linux-gnueabi]\nuse = arm-linux-gnueabi\ndefaults = -march=armv5te -mfloat-abi=soft -marm\n",
    );
    // The client is in fact a hard-float one: the rule is wrong, and the job proves it.
    let flags = ["-fdirectives-only", "-nostdinc"];
    let source = preprocess(&scratch, "arm-linux-gnueabihf-gcc", &flags, "int x;\n");
    let words = ["gcc", "-fdirectives-only", "-c", "x.c", "-o", "x.o"];
    let reply = ask(&helper, &words, &source);
    assert_eq!(reply.exit(), Some(110));
    assert!(reply.object.is_empty());
    let line = reply.stdout_text();
    assert!(
        line.contains("float ABI: soft wanted, hard offered"),
        "{line}"
    );
}

#[test]
fn a_rule_and_a_source_that_disagree_refuse_and_name_both() {
    let scratch = Scratch::new("disagree");
    let helper = helper(
        &scratch,
        "[native from 127.0.0.31]\nas = aarch64-linux-gnu\n",
    );
    let source = preprocess(
        &scratch,
        "arm-linux-gnueabihf-gcc",
        &[],
        "#include <stddef.h>\nint x;\n",
    );
    let reply = ask(&helper, &["gcc", "-c", "x.c", "-o", "x.o"], &source);
    assert_eq!(reply.exit(), Some(110));
    let line = reply.stdout_text();
    assert!(line.contains("aarch64-linux-gnu"), "{line}");
    assert!(line.contains("arm-linux-gnueabihf"), "{line}");
    assert_eq!(line.lines().count(), 1);
}

#[test]
fn a_version_that_the_source_shows_is_held_to() {
    let scratch = Scratch::new("version");
    let helper = helper(&scratch, "");
    let source = preprocess(
        &scratch,
        "aarch64-linux-gnu-gcc",
        &[],
        "#include <stddef.h>\nint x;\n",
    );
    let other = String::from_utf8(source).unwrap();
    let version = other.split("gcc-cross/aarch64-linux-gnu/").nth(1).unwrap();
    let version = version.split('/').next().unwrap().to_owned();
    let other = other.replace(
        &format!("aarch64-linux-gnu/{version}/"),
        "aarch64-linux-gnu/7/",
    );
    let words = ["gcc", "-c", "x.c", "-o", "x.o"];
    let reply = ask(&helper, &words, other.as_bytes());
    assert_eq!(reply.exit(), Some(110));
    assert!(
        reply.stdout_text().contains("needs version 7 "),
        "{}",
        reply.stdout_text()
    );
}

#[test]
fn without_a_connection_only_full_names_are_served() {
    let scratch = Scratch::new("inetd");
    let farm = farm(&scratch, &["gcc", "aarch64-linux-gnu-gcc"]);
    let dir = rules(&scratch, "[native helper]\nuse = native\n");
    // Under --inetd, and over ssh, the compiler inherits no connection: a decision is the same as
    // that of a shim that finds none.
    scratch.file("distccd_1.i", "int x;\n");
    let run = |name: &str| {
        Command::new(farm.join(name))
            .args(["-c", "-o"])
            .args([scratch.path("distccd_1.o"), scratch.path("distccd_1.i")])
            .current_dir(&scratch.0)
            .env("_DISTCC_SAFEGUARD", "1")
            .env("CCROUTE_RULES_DIR", &dir)
            .env("CCROUTE_COMPILERS", "/nonexistent/compilers")
            .env("TMPDIR", &scratch.0)
            .output()
            .unwrap()
    };
    let native = run("gcc");
    assert_eq!(native.status.code(), Some(110), "{}", told(&native));
    assert!(
        told(&native).contains("without a TCP connection"),
        "{}",
        told(&native)
    );
    let full = run("aarch64-linux-gnu-gcc");
    assert!(full.status.success(), "{}", told(&full));
}

/// A refusal is one line in the system log. The test is the system's log in a /dev of its own.
#[test]
fn a_refusal_goes_to_the_system_log() {
    let scratch = Scratch::new("syslog");
    let farm = farm(&scratch, &["gcc"]);
    let dir = rules(&scratch, "[native helper]\nrefuse = not on this machine\n");
    scratch.file("distccd_1.i", "int x;\n");
    scratch.file("dev/null", "");
    let log = UnixDatagram::bind(scratch.path("dev/log")).unwrap();
    log.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let script = scratch.script(
        "in-namespace",
        &format!(
            r#"mount --bind /dev/null {dir}/dev/null && mount --rbind {dir}/dev /dev || exit 9
trap 'umount -R /dev; umount {dir}/dev/null' EXIT
export _DISTCC_SAFEGUARD=1 CCROUTE_RULES_DIR={rules} TMPDIR={dir}
cd {dir}
{farm}/gcc -c -o {dir}/distccd_1.o {dir}/distccd_1.i
[ $? = 110 ]
"#,
            dir = scratch.0.display(),
            rules = dir.display(),
            farm = farm.display(),
        ),
    );
    if !is_private() {
        // Another /dev would be everybody's: then what the shim asks the kernel for has to do.
        let output = Command::new(need("strace"))
            .args(["-e", "trace=connect"])
            .arg(farm.join("gcc"))
            .args(["-c", "distccd_1.i"])
            .env("_DISTCC_SAFEGUARD", "1")
            .env("CCROUTE_RULES_DIR", &dir)
            .current_dir(&scratch.0)
            .output()
            .unwrap();
        assert!(told(&output).contains("\"/dev/log\""), "{}", told(&output));
        return;
    }
    let output = in_namespace(&script);
    assert!(output.status.success(), "{}", told(&output));
    let mut line = vec![0; 4096];
    let length = log.recv(&mut line).expect("a line in the log");
    let line = String::from_utf8_lossy(&line[..length]).into_owned();
    // The C library's own syslog, where the shim has it, adds the time.
    let (priority, rest) = line.split_once("ccroute[").expect(&line);
    assert!(priority.starts_with("<29>"), "{line}");
    assert!(
        rest.contains("]: gcc: in a job without a TCP connection"),
        "{line}"
    );
}

/// The guard is a file that only root can make. The test is root, or root in a user namespace of
/// its own, and has a /run of its own.
#[test]
fn the_guard_refuses_native_compiles_and_ends_by_itself() {
    let scratch = Scratch::new("guard");
    let farm = farm(
        &scratch,
        &[
            "gcc",
            "aarch64-linux-gnu-gcc",
            "x86_64-linux-gnu-gcc",
            "x86_64-linux-gnu-clang",
        ],
    );
    let dir = rules(
        &scratch,
        "[native helper]\nuse = native\n[x86_64-linux-gnu]\nuse = native\n",
    );
    scratch.file("distccd_1.i", "int x;\n");
    let script = scratch.script(
        "in-namespace",
        &format!(
            r#"set -u
mount -t tmpfs tmpfs /run || exit 9
trap 'umount /run' EXIT
ccroute={program}
export _DISTCC_SAFEGUARD=1 CCROUTE_RULES_DIR={rules} TMPDIR={dir}
cd {dir}
compile() {{ rm -f distccd_1.o; "$@" -c -o {dir}/distccd_1.o {dir}/distccd_1.i 2>/dev/null; echo "$* $?"; }}
own() {{ compile {farm}/x86_64-linux-gnu-clang; compile {farm}/x86_64-linux-gnu-gcc -m32; }}
native() {{ compile {farm}/gcc -mno-red-zone; }}
echo "status: $($ccroute guard status)"
compile {farm}/aarch64-linux-gnu-gcc
own
$ccroute guard on --for 2h
compile {farm}/aarch64-linux-gnu-gcc
own
echo "explained: $($ccroute explain --place helper --from 127.0.0.1 gcc -c x.c | head -1)"
env -u _DISTCC_SAFEGUARD {farm}/gcc -c -o direct.o distccd_1.i; echo "direct $?"
chmod 666 /run/ccroute/guard; echo "writable: $($ccroute guard status)"; chmod 644 /run/ccroute/guard
sed -i 's/ .*/ another-boot/' /run/ccroute/guard; echo "after a reboot: $($ccroute guard status)"
$ccroute guard on --for 1s; sleep 2; echo "after its time: $($ccroute guard status)"
$ccroute guard on; $ccroute guard off; echo "off: $($ccroute guard status)"
"#,
            program = scratch.path("ccroute").display(),
            rules = dir.display(),
            dir = scratch.0.display(),
            farm = farm.display(),
        ),
    );
    let output = in_namespace(&script);
    let text = told(&output);
    assert!(output.status.success(), "{text}");
    for line in [
        "status: guard off",
        "aarch64-linux-gnu-gcc 0",
        "guard on for 2 h",
        "x86_64-linux-gnu-clang 0",
        "x86_64-linux-gnu-gcc -m32 0",
        "x86_64-linux-gnu-clang 110",
        "x86_64-linux-gnu-gcc -m32 110",
        "explained: gcc: refuse: this helper does not compile for its own machine",
        "direct 0",
        "writable: guard off",
        "after a reboot: guard off",
        "after its time: guard off",
        "off: guard off",
    ] {
        assert!(text.contains(line), "{line:?} is missing in\n{text}");
    }
    // The guard is for native compiles: the cross compile goes on.
    assert_eq!(text.matches("aarch64-linux-gnu-gcc 0").count(), 2, "{text}");
}
