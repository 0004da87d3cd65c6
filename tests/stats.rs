//! The record of calls and `ccroute stats`: every call counts once, whatever runs beside it, and no
//! compile ever fails because of it.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ccroute::world::NATIVE_TRIPLE;
use common::call::{in_namespace, Call, Ran, Trace, SYSTEM_PATH};
use common::{farm, need, told, Client, Distccd, Scratch, CCROUTE};
use serde_json::Value;

/// A client whose compiler does nothing but leave a trace, and whose calls go to a file.
struct Machine {
    scratch: Scratch,
    shims: PathBuf,
    gcc: Trace,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        let shims = farm(&scratch, &["gcc", "nope-linux-gnu-gcc"]);
        let gcc = Trace::compiler(&scratch.path("compilers/gcc"));
        let machine = Machine {
            scratch,
            shims,
            gcc,
        };
        machine.rules(&format!("[ccroute]\nlog = {}\n", machine.file().display()));
        machine
    }

    fn rules(&self, text: &str) -> PathBuf {
        common::rules(&self.scratch, text)
    }

    fn file(&self) -> PathBuf {
        self.scratch.path("calls")
    }

    fn path(&self) -> String {
        let compilers = self.scratch.path("compilers");
        format!(
            "{}:{}:{SYSTEM_PATH}",
            self.shims.display(),
            compilers.display()
        )
    }

    fn call(&self, name: &str) -> Call {
        Call::new(&self.shims.join(name))
            .env("PATH", self.path())
            .rules(&self.scratch.path("rules"))
            .args(["-c", "a.c"])
    }

    /// What `stats --json` says.
    fn stats(&self) -> Value {
        let ran = self.ccroute(&["stats", "--json"]).run().expect(0);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn ccroute(&self, words: &[&str]) -> Call {
        Call::new(Path::new(CCROUTE))
            .args(words)
            .rules(&self.scratch.path("rules"))
    }

    /// A compile that has to go well and say nothing, and how many calls are recorded then.
    #[track_caller]
    fn compiles(&self, call: Call) {
        let before = self.gcc.arguments().lines().count();
        call.run().silent();
        assert_eq!(self.gcc.arguments().lines().count(), before + 1);
    }
}

fn total(stats: &Value, action: &str) -> u64 {
    stats["total"][action].as_u64().unwrap()
}

#[test]
fn what_became_of_calls_is_counted_by_name_reason_rule_and_day() {
    let machine = Machine::new("count");
    let launcher = Trace::compiler(&machine.scratch.path("compilers/launch"));
    Trace::compiler(&machine.scratch.path("compilers/arm-linux-gnueabihf-gcc"));
    machine.rules(&format!(
        "[ccroute]\nlog = {}\n[native direct]\nas = {NATIVE_TRIPLE}\n\
         [{NATIVE_TRIPLE}]\nuse = native\nsend = launch\n\
         [pi-linux-gnueabihf]\nuse = arm-linux-gnueabihf\n[bad-linux-gnu]\nrefuse = because\n",
        machine.file().display()
    ));
    let shims = [
        &format!("{NATIVE_TRIPLE}-gcc"),
        "pi-linux-gnueabihf-gcc",
        "bad-linux-gnu-gcc",
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
        machine.call("bad-linux-gnu-gcc").run().expect(110);
    }
    machine.call("nope-linux-gnu-gcc").run().expect(127);
    let helper = |name| machine.call(name).env("_DISTCC_SAFEGUARD", "1");
    let job = machine.scratch.file("job/distccd_1.i", "int x;\n");
    let object = machine.scratch.path("job/distccd_1.o");
    let routed = Call::new(&machine.shims.join("pi-linux-gnueabihf-gcc"))
        .env("PATH", machine.path())
        .env("_DISTCC_SAFEGUARD", "1")
        .env("TMPDIR", machine.scratch.path("job"))
        .rules(&machine.scratch.path("rules"))
        .args([
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
    assert_eq!(stats["version"], 1);
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
    assert_eq!(row("names", "name", "bad-linux-gnu-gcc")["refused"], 2);
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
        "bad-linux-gnu-gcc (refused)   2  ",
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
fn jobs_in_parallel_lose_nothing_even_while_full_files_are_put_away() {
    const JOBS: u64 = 64;
    const CALLS: u64 = 40;
    let machine = Machine::new("parallel");
    // Nearly full, so that the limit is passed while they run.
    let line = "@1700000000\tdirect\trun\t\tcc\t/usr/bin/cc\tbefore\t\n";
    let before = ((8 << 20) - 60 * 1000) / line.len();
    fs::write(machine.file(), line.repeat(before)).unwrap();
    // As the shell would start it, and at once: a compiler that needs no time.
    let _ = fs::remove_file(machine.scratch.path("compilers/gcc"));
    fs::copy(need("true"), machine.scratch.path("compilers/gcc")).unwrap();
    let script =
        format!("i=0; while [ $i -lt {CALLS} ]; do \"$0\" -c a.c || exit 1; i=$((i+1)); done");
    let jobs: Vec<_> = (0..JOBS)
        .map(|_| {
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", &script])
                .arg(machine.shims.join("gcc"))
                .env_clear()
                .env("PATH", machine.path())
                .env("CCROUTE_RULES_DIR", machine.scratch.path("rules"))
                .env("CCROUTE_COMPILERS", "/nonexistent/compilers")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    for job in jobs {
        let output = job.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
        assert_eq!(told(&output), "exit Some(0)\nstdout: \nstderr: ");
    }
    let stats = machine.stats();
    assert_eq!(stats["unreadable_lines"], 0);
    assert_eq!(total(&stats, "calls"), before as u64 + JOBS * CALLS);
    // The full file was put away once, and what came then is in the new one.
    assert!(fs::metadata(machine.scratch.path("calls.1")).unwrap().len() >= 8 << 20);
    assert!(fs::metadata(machine.file()).unwrap().len() < 1 << 20);
    assert!(!machine.scratch.path("calls.2").exists());
}

#[test]
fn the_record_does_not_grow_without_bound() {
    let machine = Machine::new("bound");
    let line = "@1700000000\tdirect\trun\t\tcc\t/usr/bin/cc\tbefore\t\n";
    let full = line.repeat((8 << 20) / line.len() + 1);
    for round in 0..6 {
        fs::write(machine.file(), &full).unwrap();
        machine.compiles(machine.call("gcc"));
        assert!(!machine.file().exists(), "{round}");
    }
    let mut names: Vec<_> = fs::read_dir(&machine.scratch.0)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n.starts_with("calls"))
        .collect();
    names.sort();
    assert_eq!(names, ["calls.1", "calls.2", "calls.3"]);
    // Where it cannot be put away it ends at twice the size.
    fs::write(machine.file(), full.repeat(2)).unwrap();
    let size = fs::metadata(machine.file()).unwrap().len();
    for name in names {
        fs::remove_file(machine.scratch.path(&name)).unwrap();
        fs::create_dir_all(machine.scratch.path(&name).join("in-the-way")).unwrap();
    }
    machine.compiles(machine.call("gcc"));
    assert_eq!(fs::metadata(machine.file()).unwrap().len(), size);
}

#[test]
fn a_compile_goes_well_wherever_the_record_cannot_be_written() {
    let machine = Machine::new("cannot");
    let file = machine.file();
    let other = machine.scratch.file("other", "somebody's\n");
    let holds = |text: &str| fs::read_to_string(&other).unwrap() == text;

    // A link, and another name of somebody's file.
    symlink(&other, &file).unwrap();
    machine.compiles(machine.call("gcc"));
    fs::remove_file(&file).unwrap();
    fs::hard_link(&other, &file).unwrap();
    machine.compiles(machine.call("gcc"));
    assert!(holds("somebody's\n"));
    fs::remove_file(&file).unwrap();
    symlink(machine.scratch.path("not-there"), &file).unwrap();
    machine.compiles(machine.call("gcc"));
    assert!(!machine.scratch.path("not-there").exists());
    fs::remove_file(&file).unwrap();

    // A directory; pipes with and without a reader.
    fs::create_dir(&file).unwrap();
    machine.compiles(machine.call("gcc"));
    fs::remove_dir(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    machine.compiles(machine.call("gcc"));
    let mut options = fs::OpenOptions::new();
    let reader = options.read(true).write(true).open(&file).unwrap();
    machine.compiles(machine.call("gcc"));
    drop(reader);
    fs::remove_file(&file).unwrap();

    // Devices, no directory, files that the kernel makes.
    for path in [
        "/dev/full",
        "/nonexistent/calls",
        "/proc/self/status",
        "/proc/self/oom_score",
    ] {
        machine.rules(&format!("[ccroute]\nlog = {path}\n"));
        machine.compiles(machine.call("gcc"));
    }
    machine.rules(&format!("[ccroute]\nlog = {}\n", file.display()));

    // A limit on the size of files: a write beyond it would be a signal.
    let limited = |limit: &str| {
        let shim = machine.shims.join("gcc");
        let mut call = Call::new(Path::new("/bin/sh"))
            .args(["-c", &format!("ulimit -f {limit}; exec \"$0\" -c a.c")])
            .env("PATH", machine.path())
            .rules(&machine.scratch.path("rules"));
        call.command.arg(shim);
        call.run()
    };
    fs::write(&file, "x".repeat(1000)).unwrap();
    // The trace itself is below the larger limit.
    let before = machine.gcc.arguments().lines().count();
    limited("2").silent();
    assert!(fs::metadata(&file).unwrap().len() <= 1024);
    assert_eq!(machine.gcc.arguments().lines().count(), before + 1);
    fs::remove_file(&file).unwrap();
    fs::remove_file(machine.scratch.path("compilers/gcc")).unwrap();
    fs::copy(need("true"), machine.scratch.path("compilers/gcc")).unwrap();
    limited("0").silent();
}

#[test]
fn a_full_or_read_only_disk_fails_no_compile_and_hides_no_other_line() {
    let machine = Machine::new("full");
    let disk = machine.scratch.dir("disk");
    machine.rules(&format!("[ccroute]\nlog = {}/calls\n", disk.display()));
    fs::remove_file(machine.scratch.path("compilers/gcc")).unwrap();
    fs::copy(need("true"), machine.scratch.path("compilers/gcc")).unwrap();
    let script = machine.scratch.script(
        "full.sh",
        &format!(
            "set -e; mount -t tmpfs -o size=8192 none {disk}\n\
             trap 'umount {disk}' EXIT\n\
             export PATH={path} CCROUTE_RULES_DIR={rules}\n\
             i=0; while [ $i -lt 200 ]; do {gcc} -c a.c; i=$((i+1)); done\n\
             [ \"$(wc -c <{disk}/calls)\" = 8192 ]\n\
             mount -o remount,size=65536 {disk}; {gcc} -c a.c; {gcc} -c a.c\n\
             mount -o remount,ro {disk}; {gcc} -c a.c\n\
             cp {disk}/calls {to}",
            disk = disk.display(),
            gcc = machine.shims.join("gcc").display(),
            to = machine.file().display(),
            path = machine.path(),
            rules = machine.scratch.path("rules").display(),
        ),
    );
    let output = in_namespace(&script);
    assert_eq!(told(&output), "exit Some(0)\nstdout: \nstderr: ");
    let file = machine.file().display().to_string();
    let ran = machine
        .ccroute(&["stats", "--json", "--file", &file])
        .run()
        .expect(0);
    let stats: Value = serde_json::from_str(&ran.stdout).unwrap();
    let line = fs::read(machine.file()).unwrap();
    let length = line.iter().position(|&b| b == b'\n').unwrap() as u64 + 1;
    assert_eq!(total(&stats, "calls"), 8192 / length + 2);
    assert_eq!(stats["unreadable_lines"], 0);
}

#[test]
fn portages_sandbox_sees_no_write() {
    let machine = Machine::new("portage");
    machine.compiles(machine.call("gcc").env("SANDBOX_ON", "1"));
    // The loader says that it finds no such library; the call is what counts.
    let preload = "libfoo.so /usr/lib/libsandbox.so";
    machine
        .call("gcc")
        .env("LD_PRELOAD", preload)
        .run()
        .expect(0);
    assert!(!machine.file().exists());
    machine.compiles(machine.call("gcc"));
    assert!(machine.file().exists());
}

#[test]
fn what_is_hostile_in_a_path_stays_one_line_of_plain_text() {
    let machine = Machine::new("hostile");
    let odd = "odd\n@1\thelper\trun\t\tforged\t\t\t\n\x1b[31mred";
    let gcc = machine.scratch.path("compilers/gcc");
    let there = machine.scratch.dir(odd).join("gcc");
    fs::copy(&gcc, &there).unwrap();
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
        machine.call("nope-linux-gnu-gcc").run().expect(127);
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
fn a_user_has_a_record_at_home_and_a_daemon_without_home_none() {
    let machine = Machine::new("home");
    machine.rules("");
    let home = machine.scratch.dir("home");
    machine.compiles(machine.call("gcc").env("HOME", &home));
    let file = home.join(".local/state/ccroute/calls");
    let mode = fs::metadata(file.parent().unwrap())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
    machine.compiles(machine.call("gcc").env("HOME", &home));
    let ran: Ran = machine
        .ccroute(&["stats"])
        .env("HOME", &home)
        .run()
        .expect(0);
    assert!(ran.stdout.starts_with("2 calls since "), "{ran:?}");

    // What XDG_STATE_HOME names comes first; nothing is made where there is no home, or where it
    // is not the user's.
    let state = machine.scratch.dir("state");
    machine.compiles(
        machine
            .call("gcc")
            .env("HOME", &home)
            .env("XDG_STATE_HOME", &state),
    );
    assert!(state.join("ccroute/calls").exists());
    let gone = machine.scratch.path("gone");
    for home in [
        gone.as_path(),
        Path::new("/"),
        Path::new(""),
        Path::new("home"),
    ] {
        machine.compiles(machine.call("gcc").env("HOME", home));
    }
    assert!(!gone.exists() && !Path::new("/.local/state/ccroute").exists());
    if nix::unistd::geteuid().is_root() {
        let other = machine.scratch.dir("other-home");
        std::os::unix::fs::chown(&other, Some(65534), None).unwrap();
        machine.compiles(machine.call("gcc").env("HOME", &other));
        assert!(fs::read_dir(&other).unwrap().next().is_none());
    }
}

#[test]
fn a_helper_counts_its_clients() {
    let scratch = Scratch::new("clients");
    let triple = "arm-linux-gnueabihf";
    let shims = farm(&scratch, &["pi-linux-gnueabihf-gcc", "nope-linux-gnu-gcc"]);
    // distccd's user makes the file.
    let log = scratch.dir("log");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o1777)).unwrap();
    let rules = common::rules(
        &scratch,
        &format!(
            "[ccroute]\nlog = {}/calls\n[pi-linux-gnueabihf]\nuse = {triple}\n",
            log.display()
        ),
    );
    let variable: [(&str, &OsStr); 1] = [("CCROUTE_RULES_DIR", rules.as_os_str())];
    let helper = Distccd::start(&scratch, &[&shims, Path::new("/usr/bin")], &variable);
    let client = Client::new(
        &scratch,
        triple,
        &["pi-linux-gnueabihf", "nope-linux-gnu"],
        &[&helper],
    );
    client.file("a.c", "int a;\n");
    for _ in 0..3 {
        let output = client.distcc(&["pi-linux-gnueabihf-gcc", "-c", "a.c"]);
        assert!(output.status.success(), "{}", told(&output));
    }
    client.distcc(&["nope-linux-gnu-gcc", "-c", "a.c"]);
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
