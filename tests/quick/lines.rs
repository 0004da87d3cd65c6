//! What the commands print for people fits 80 columns, and its first line is the answer.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::call::{Call, Ran};
use crate::common::{rules, shipped_rules, toolbox, Scratch, CCROUTE};

const PI: &str = "armv6j-hardfloat-linux-gnueabi";

const RULES: &str = "[armv6j-hardfloat-linux-gnueabi]\nuse = armv6-rpi-linux-gnueabihf armv6-rpi-linux-gnueabi arm-linux-gnueabihf native\n\
    defaults = -march=armv6j -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm -fPIE -fstack-protector-strong\n\
    [arm-linux-gnueabihf direct]\nsend = distcc\n\
    defaults = -march=armv6 -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm -fPIE -fstack-protector-strong\n\
    [nobody-unknown-linux-gnu]\nuse = nobody-unknown-linux-gnu\n\
    [native from 10.0.0.7]\nrefuse = this client is to be asked for its owner before any of its jobs is compiled here\n";

/// A machine with compilers, the shipped rules and its own.
struct Machine {
    scratch: Scratch,
    root: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        let tools = ["arm-linux-gnueabihf-gcc", "gcc", "as", "ld", "distcc"];
        toolbox(&scratch, "tools", &tools);
        rules(&scratch, RULES);
        for dir in ["etc", "var/lib", "usr/lib/distcc", "usr/bin"] {
            scratch.dir(&format!("root/{dir}"));
        }
        Machine {
            root: scratch.path("root"),
            scratch,
        }
    }

    fn run(&self, words: &[&str]) -> Ran {
        let rules = format!(
            "{}:{}:{}",
            self.scratch.path("rules").display(),
            self.root.join("etc/ccroute/rules.d").display(),
            shipped_rules().display()
        );
        Call::new(Path::new(CCROUTE))
            .args(words)
            .env("PATH", self.scratch.path("tools"))
            .env("HOME", &self.root)
            .env("CCROUTE_COMPILERS", self.scratch.path("compilers"))
            .env("CCROUTE_RULES_DIR", rules)
            .run()
    }

    /// The same below the root.
    fn below(&self, words: &[&str]) -> Ran {
        let root = self.root.to_string_lossy();
        self.run(&[words, &["--root", &root]].concat())
    }
}

/// The lines that do not fit. A word stays whole, and so does a command to be pasted: it is the fix of a
/// finding, or it stands indented below a line that ends with a colon.
fn too_long(text: &str) -> Vec<&str> {
    let mut pasted = false;
    let mut found = Vec::new();
    for line in text.lines() {
        let indented = line.starts_with("  ");
        pasted &= indented;
        let is_word = !line.trim().contains(' ');
        let is_command = pasted || line.starts_with("  fix:    ");
        if line.chars().count() > 80 && !is_word && !is_command {
            found.push(line);
        }
        pasted |= line.ends_with(':');
    }
    found
}

/// Held against what it should be; the first line.
#[track_caller]
fn first_line(ran: &Ran) -> String {
    // An error is one line, as the shim's are.
    assert_eq!(too_long(&ran.stdout), Vec::<&str>::new(), "{ran:#?}");
    let said = format!("{}{}", ran.stdout, ran.stderr);
    said.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn what_does_not_fit_is_seen() {
    let long = "word ".repeat(20);
    assert_eq!(too_long(&long).len(), 1);
    assert_eq!(
        too_long(&format!("type:\n  {long}\nthen\n  {long}")).len(),
        1
    );
    assert!(too_long(&"x".repeat(100)).is_empty());
    assert!(too_long(&format!("  fix:    {long}")).is_empty());
}

#[test]
fn decisions() {
    let machine = Machine::new("lines-explain");
    let name = format!("{PI}-gcc");
    let explain = |words: &[&str]| first_line(&machine.run(&[&["explain"], words].concat()));
    let run = explain(&["--place", "helper", &name, "-O2", "-c", "a.c"]);
    assert!(run.starts_with(&format!("{name}: run")), "{run}");
    let send = explain(&["arm-linux-gnueabihf-gcc", "-O2", "-c", "a.c"]);
    assert!(
        send.starts_with("arm-linux-gnueabihf-gcc: send through"),
        "{send}"
    );
    for words in [
        &["--place", "helper", "gcc", "-c", "a.c"][..],
        &[
            "--place", "helper", "--from", "10.0.0.7", "gcc", "-c", "a.c",
        ],
        &[
            "--place", "helper", "--from", "10.0.0.8", "gcc", "-c", "a.c",
        ],
        &[
            "--place",
            "helper",
            "nobody-unknown-linux-gnu-gcc",
            "-c",
            "a.c",
        ],
        &["--place", "helper", &name, "-march=native", "-c", "a.c"],
        &[
            "--place",
            "helper",
            &name,
            "-fplugin=/tmp/x.so",
            "-c",
            "a.c",
        ],
    ] {
        let refused = explain(words);
        assert!(refused.contains(": refuse: "), "{refused}");
    }
}

#[test]
fn what_is_served() {
    let machine = Machine::new("lines-list");
    let served = first_line(&machine.run(&["list"]));
    assert!(served.contains(" served by compilers of this machine"));
    first_line(&machine.run(&["list", "--graph"]));
    let checked = machine.run(&["check", "--rules-only", "-v"]);
    assert!(
        first_line(&checked).contains(" rules files read"),
        "{checked:?}"
    );
    machine
        .scratch
        .file("rules/60-bad.rules", "[native]\nusse = native\n");
    let checked = machine.run(&["check", "--rules-only"]).expect(78);
    assert!(first_line(&checked).starts_with("1 fault: "), "{checked:?}");
    first_line(&machine.run(&["list"]).expect(78));
}

#[test]
fn set_up() {
    let machine = Machine::new("lines-install");
    first_line(&machine.run(&["install"]).expect(2));
    for role in ["--helper", "--client"] {
        let planned = machine.below(&["install", role, "--dry-run"]).expect(0);
        assert!(planned.stdout.lines().count() <= 24, "{planned:#?}");
        assert!(first_line(&planned).ends_with(" to make"), "{planned:#?}");
        let doctor = first_line(&machine.below(&["doctor", "--quick", role]));
        assert!(doctor.contains("1 fault"), "{doctor}");
        let made = first_line(&machine.below(&["install", role]).expect(0));
        assert!(made.contains(" made"), "{made}");
        let again = first_line(&machine.below(&["install", role]).expect(0));
        assert!(again.ends_with(" unchanged"), "{again}");
    }
    let doctor = machine.below(&["doctor", "--quick"]);
    assert!(
        first_line(&doctor).starts_with("helper and client: "),
        "{doctor:?}"
    );
    // Something of everything is broken.
    fs::remove_dir_all(machine.root.join("usr/lib/ccroute/bin")).unwrap();
    fs::remove_dir_all(machine.root.join("usr/lib/distcc")).unwrap();
    first_line(&machine.below(&["doctor", "--quick"]).expect(1));
    for role in ["--helper", "--client"] {
        let removed = machine.below(&["uninstall", role, "--dry-run"]).expect(0);
        assert!(first_line(&removed).contains(" to remove"), "{removed:#?}");
    }
}

#[test]
fn jobs() {
    let machine = Machine::new("lines-jobs");
    let call = "@1700000000\thelper\trefuse\t192.168.1.20\tarmv6j-hardfloat-linux-gnueabi-gcc\t\tnot known to be the helper's own compiler\t/etc/ccroute/rules.d/50-clients-of-this-helper.rules:3\n";
    let calls = machine.scratch.file("calls", call);
    let stats = |file: &Path| machine.run(&["stats", "--file", &file.to_string_lossy()]);
    let one = first_line(&stats(&calls).expect(0));
    assert!(one.starts_with("1 call since 2023-11-14 "), "{one}");
    let none = first_line(&stats(&machine.scratch.file("none", "")).expect(0));
    assert!(none.starts_with("no call is recorded"), "{none}");
    first_line(&machine.run(&["test"]).expect(1));
    first_line(&machine.run(&["guard", "status"]).expect(0));
    let verify = ["verify", "--through", "/bin/false"];
    let words = [&verify[..], &["--compiler", "arm-linux-gnueabihf-gcc"]].concat();
    let wrong = first_line(&machine.run(&words).expect(1));
    assert_eq!(wrong, "8 faults: 8 samples compiled");
}
