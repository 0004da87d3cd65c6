//! What `ccroute stats` makes of the record, and what the rules say of it.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ccroute::shim::host::NATIVE_TRIPLE;
use serde_json::Value;

use super::machine::*;
use crate::common::call::{Call, Trace};
use crate::common::{executable, farm, told, Client, Distccd, Scratch, CCROUTE};

#[test]
fn what_became_of_calls_is_counted_by_name_reason_rule_and_day() {
    let machine = Machine::new("count");
    let launcher = Trace::compiler(&machine.scratch.path("compilers/launch"));
    Trace::compiler(&machine.scratch.path("compilers/arm-linux-gnueabihf-gcc"));
    machine.rules(&format!(
        "[ccroute]\nlog = {}\n[native direct]\nas = {NATIVE_TRIPLE}\n\
         [{NATIVE_TRIPLE}]\nuse = native\nsend = launch\n\
         [armv7-linux-gnueabihf]\nuse = arm-linux-gnueabihf\n[powerpc-linux-gnu]\nrefuse = because\n",
        machine.file().display()
    ));
    let shims = [
        &format!("{NATIVE_TRIPLE}-gcc"),
        "armv7-linux-gnueabihf-gcc",
        "powerpc-linux-gnu-gcc",
    ];
    farm(&machine.scratch, &shims);
    for _ in 0..3 {
        machine.call("gcc").run().silent();
    }
    assert_eq!(launcher.arguments().lines().count(), 3);
    let link = |call: Call| call.args(["-o", "a"]);
    let call = Call::new(&machine.shims.join("gcc")).env("PATH", machine.path());
    link(call.rules(&machine.scratch.path("rules")))
        .args(["a.o"])
        .run()
        .silent();
    for _ in 0..2 {
        machine.call("powerpc-linux-gnu-gcc").run().expect(110);
    }
    machine.call("vax-linux-gnu-gcc").run().expect(127);
    let helper = |name| machine.call(name).env("_DISTCC_SAFEGUARD", "1");
    let job = machine.scratch.file("job/distccd_1.i", "int x;\n");
    let object = machine.scratch.path("job/distccd_1.o");
    let routed = Call::new(&machine.shims.join("armv7-linux-gnueabihf-gcc"))
        .env("PATH", machine.path())
        .env("_DISTCC_SAFEGUARD", "1")
        .env("TMPDIR", machine.scratch.path("job"))
        .rules(&machine.scratch.path("rules"))
        .args([
            OsStr::new("-march=armv7-a+fp"),
            OsStr::new("-c"),
            job.as_os_str(),
            OsStr::new("-o"),
            object.as_os_str(),
        ]);
    // The trace is written outside the job's directory, so not from within the sandbox.
    let ran = routed.run();
    assert!(!ran.stderr.contains("ccroute"), "{ran:?}");
    helper("gcc").run().silent();

    let stats = machine.stats();
    assert_eq!(stats["version"], 2);
    let want = [
        ("sent", 3),
        ("run_locally", 1),
        ("refused", 3),
        ("routed", 1),
        ("run_for_the_launcher", 1),
        ("calls", 9),
    ];
    for (action, number) in want {
        assert_eq!(total(&stats, action), number, "{action}: {stats:#}");
    }
    let row = |table: &str, key: &str, value: &str| {
        let rows = stats[table].as_array().unwrap();
        let found: Vec<_> = rows.iter().filter(|r| r[key] == value).collect();
        assert_eq!(found.len(), 1, "{table} {value}: {stats:#}");
        found[0].clone()
    };
    assert_eq!(row("names", "name", "gcc")["calls"], 5);
    assert_eq!(row("names", "name", "powerpc-linux-gnu-gcc")["refused"], 2);
    let file = machine.scratch.path("rules/50-test.rules");
    let line = |n: u32| format!("{}:{n}", file.display());
    // The rule that refuses, the one that sends, the one that names the stand-in.
    assert_eq!(row("rules", "rule", &line(11))["refused"], 2);
    assert_eq!(row("rules", "rule", &line(7))["sent"], 3);
    assert_eq!(row("rules", "rule", &line(9))["routed"], 1);
    assert_eq!(row("reasons", "reason", "nothing serves it")["calls"], 1);
    assert_eq!(row("reasons", "reason", "a link or a question")["calls"], 1);
    assert_eq!(row("reasons", "reason", "refused by a rule")["calls"], 2);
    let days = stats["days"].as_array().unwrap();
    let sum: u64 = days.iter().map(|d| d["calls"].as_u64().unwrap()).sum();
    assert_eq!(sum, 9);

    let text = machine.ccroute(&["stats"]).run().expect(0).stdout;
    for words in [
        "9 calls since 20",
        "powerpc-linux-gnu-gcc (refused)  2  ",
        "per day",
        "###",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains('\x1b'), "{text}");

    machine.ccroute(&["stats", "--reset"]).run().expect(0);
    assert_eq!(total(&machine.stats(), "calls"), 0);
    assert!(!machine.file().exists());
}

#[test]
fn what_is_hostile_in_a_path_stays_one_line_of_plain_text() {
    let machine = Machine::new("hostile");
    let odd = "odd\n@1\thelper\trun\t\tforged\t\t\t\n\x1b[31mred";
    let gcc = machine.scratch.path("compilers/gcc");
    let there = machine.scratch.dir(odd).join("gcc");
    executable(&there, &fs::read(&gcc).unwrap());
    let odd = there.parent().unwrap().display().to_string();
    machine.call("gcc").env("PATH", &odd).run().expect(0);
    let text = fs::read(machine.file()).unwrap();
    assert_eq!(text.iter().filter(|&&b| b == b'\n').count(), 1);
    assert!(text
        .iter()
        .all(|&b| (b' '..=b'~').contains(&b) || b == b'\t' || b == b'\n'));
    let stats = machine.stats();
    assert_eq!(total(&stats, "run_locally"), 1);
    assert_eq!(total(&stats, "calls"), 1);
    // A record that somebody wrote by hand is shown without moving the terminal.
    fs::write(
        machine.file(),
        "@1\tdirect\trun\t\tg\x1b[2Jcc\t\t\t\n\x1b]0;x\x07\n",
    )
    .unwrap();
    let text = machine.ccroute(&["stats"]).run().expect(0).stdout;
    assert!(!text.contains('\x1b'), "{text:?}");
    assert_eq!(machine.stats()["unreadable_lines"], 2);
}

#[test]
fn a_rule_says_where_and_how_much() {
    let machine = Machine::new("levels");
    let calls = |level: &str| -> u64 {
        let text = format!("[ccroute]\nlog = {}\n{level}\n", machine.file().display());
        machine.rules(&text);
        machine.compiles(machine.call("gcc"));
        machine.call("vax-linux-gnu-gcc").run().expect(127);
        let calls = total(&machine.stats(), "calls");
        machine.ccroute(&["stats", "--reset"]).run().expect(0);
        calls
    };
    assert_eq!(calls(""), 2);
    assert_eq!(calls("log-level = all"), 2);
    assert_eq!(calls("log-level = distributed"), 1);
    assert_eq!(calls("log-level = refused"), 1);
    // A later section wins, key by key.
    assert_eq!(
        calls("[ccroute]\nlog-level = refused\n[ccroute]\nlog = off"),
        0
    );
    assert!(!machine.file().exists());
}

#[test]
fn what_is_wrong_in_the_programs_section_is_said() {
    let machine = Machine::new("wrong");
    for (text, want) in [
        (
            "[ccroute]\nlog = calls\n",
            "2:7: 'calls' is not one of off, syslog, the absolute path of a file",
        ),
        (
            "[ccroute]\nlog-level = much\n",
            "2:13: 'much' is not one of refused, distributed, all",
        ),
        (
            "[ccroute]\nuse = native\n",
            "2:1: key 'use' says nothing in [ccroute]",
        ),
        (
            "[native]\nlog = off\n",
            "2:1: key 'log' belongs into [ccroute]",
        ),
        (
            "[ccroute helper]\nlog = off\n",
            "1:10: [ccroute] is about the program itself and takes no conditions",
        ),
    ] {
        machine.rules(text);
        let ran = machine.call("gcc").run().expect(78);
        assert!(ran.stderr.contains(want), "{text}: {ran:?}");
    }
    // It is no triple that install would make links for.
    machine.rules("[ccroute]\nlog = off\n");
    let listed = machine.ccroute(&["list"]).run().expect(0).stdout;
    assert!(!listed.lines().any(|l| l == "ccroute"), "{listed}");
}

#[test]
fn a_helper_counts_its_clients() {
    let scratch = Scratch::new("clients");
    let triple = "arm-linux-gnueabihf";
    let shims = farm(
        &scratch,
        &["armv7-linux-gnueabihf-gcc", "vax-linux-gnu-gcc"],
    );
    // distccd's user makes the file.
    let log = scratch.dir("log");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o1777)).unwrap();
    let rules = crate::common::rules(
        &scratch,
        &format!(
            "[ccroute]\nlog = {}/calls\n[armv7-linux-gnueabihf]\nuse = {triple}\ndefaults = -march=armv7-a+fp\n",
            log.display()
        ),
    );
    let variable: [(&str, &OsStr); 1] = [("CCROUTE_RULES_DIR", rules.as_os_str())];
    let helper = Distccd::start(&scratch, &[&shims, Path::new("/usr/bin")], &variable);
    let client = Client::new(
        &scratch,
        triple,
        &["armv7-linux-gnueabihf", "vax-linux-gnu"],
        &[&helper],
    );
    client.file("a.c", "int a;\n");
    for _ in 0..3 {
        let output = client.distcc(&["armv7-linux-gnueabihf-gcc", "-c", "a.c"]);
        assert!(output.status.success(), "{}", told(&output));
    }
    client.distcc(&["vax-linux-gnu-gcc", "-c", "a.c"]);
    let ran = Call::new(Path::new(CCROUTE))
        .args(["stats", "--json"])
        .rules(&rules)
        .run()
        .expect(0);
    let stats: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(total(&stats, "routed"), 3, "{stats:#}");
    assert_eq!(total(&stats, "refused"), 1, "{stats:#}");
    let clients = stats["clients"].as_array().unwrap();
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0]["client"], "127.0.0.1");
    assert_eq!(clients[0]["calls"], 4);
}
