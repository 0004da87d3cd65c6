//! The record as the shim writes it: nothing is lost, and no compile fails.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::machine::*;
use crate::common::call::{in_namespace, Call, Ran};
use crate::common::{need, told};

#[test]
fn jobs_in_parallel_lose_nothing_even_while_full_files_are_put_away() {
    const JOBS: u64 = 64;
    const CALLS: u64 = 40;
    let machine = Machine::new("parallel");
    // Nearly full, so that the limit is passed while they run.
    let line = "@1700000000\tdirect\trun\t\tcc\t/usr/bin/cc\tby-name\t\n";
    let before = ((8 << 20) - 60 * 1000) / line.len();
    fs::write(machine.file(), line.repeat(before)).unwrap();
    // As the shell would start it, and at once: a compiler that needs no time.
    let _ = fs::remove_file(machine.scratch.path("compilers/gcc"));
    symlink(need("true"), machine.scratch.path("compilers/gcc")).unwrap();
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
    let line = "@1700000000\tdirect\trun\t\tcc\t/usr/bin/cc\tby-name\t\n";
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
    symlink(need("true"), machine.scratch.path("compilers/gcc")).unwrap();
    limited("0").silent();
}

#[test]
fn a_full_or_read_only_disk_fails_no_compile_and_hides_no_other_line() {
    let machine = Machine::new("full");
    let disk = machine.scratch.dir("disk");
    machine.rules(&format!("[ccroute]\nlog = {}/calls\n", disk.display()));
    fs::remove_file(machine.scratch.path("compilers/gcc")).unwrap();
    symlink(need("true"), machine.scratch.path("compilers/gcc")).unwrap();
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
