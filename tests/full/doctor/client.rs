//! A client.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use super::machine::*;
use crate::common::call::{run, Call, SYSTEM_PATH};
use crate::common::{executable, need, told, Distccd};

#[test]
fn nothing_is_wrong_with_a_client_that_was_set_up() {
    let (machine, _host) = Machine::client("client");
    let found = machine.findings();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn links_and_compilers_of_a_client() {
    let (machine, _host) = Machine::client("client-links");
    let masquerade = machine.at("usr/lib/distcc");
    fs::remove_file(masquerade.join("gcc")).unwrap();
    machine.is_fixed("fault", ": is missing: gcc");
    fs::remove_file(masquerade.join("g++")).unwrap();
    symlink("../../bin/distcc", masquerade.join("g++")).unwrap();
    machine.is_fixed("fault", ": is a link to distcc again: g++");
    let rules = machine.at("etc/ccroute/rules.d/60-client.rules");
    let text = fs::read_to_string(&rules).unwrap();
    let line = text
        .lines()
        .find(|l| l.starts_with("# asked: gcc"))
        .unwrap();
    fs::write(&rules, text.replace(line, "# asked: gcc 4.9.2")).unwrap();
    machine.is_fixed("warning", "the client's rules are for 4.9.2");
    fs::remove_file(&rules).unwrap();
    machine.is_fixed("fault", "this machine is not a client yet");
}

#[test]
fn the_order_of_path_and_ccache() {
    let (mut machine, _host) = Machine::client("client-path");
    let (masquerade, tools) = (machine.at("usr/lib/distcc"), machine.tools.clone());
    let (masquerade, tools) = (
        masquerade.display().to_string(),
        tools.display().to_string(),
    );
    let good = format!("{masquerade}:{tools}");
    let fixed = |machine: &mut Machine, words: &str, severity: &str| {
        let found = machine.find(severity, words);
        let path = machine
            .variables
            .iter()
            .find(|(n, _)| n == "PATH")
            .unwrap()
            .1
            .clone();
        // What the user's shell makes of it.
        let script = format!(
            "PATH={path}; {}; echo \"$PATH|$CCACHE_PREFIX|$CCACHE_EXTRAFILES\"",
            found.fix
        );
        let said = Call::new(Path::new("/bin/sh"))
            .args(["-c", &script])
            .run()
            .expect(0)
            .stdout;
        let values: Vec<String> = said.trim().split('|').map(str::to_owned).collect();
        for (name, value) in ["PATH", "CCACHE_PREFIX", "CCACHE_EXTRAFILES"]
            .iter()
            .zip(values)
        {
            if !value.is_empty() {
                machine.set(name, value);
            }
        }
        assert!(
            !machine.findings().iter().any(|f| f.what.contains(words)),
            "{found:?}"
        );
    };
    machine.set("PATH", tools.clone());
    fixed(&mut machine, "is not on PATH", "fault");
    machine.set("PATH", format!("{tools}:{masquerade}"));
    fixed(&mut machine, "comes after", "fault");

    machine.set("PATH", good.clone());
    machine.set("CCACHE_PREFIX", "distcc");
    fixed(&mut machine, "CCACHE_PREFIX=distcc", "fault");
    fixed(&mut machine, "does not see when a rule changes", "warning");
    machine.variables.retain(|(n, _)| !n.starts_with("CCACHE"));
    let ccache = machine.scratch.dir("ccache");
    executable(&machine.scratch.path("bin/ccache"), b"#!/bin/sh\nexit 1\n");
    symlink(machine.scratch.path("bin/ccache"), ccache.join("gcc")).unwrap();
    machine.set("PATH", format!("{}:{good}", ccache.display()));
    fixed(
        &mut machine,
        "ccache takes ccroute for the compiler",
        "fault",
    );
    machine.variables.retain(|(n, _)| !n.starts_with("CCACHE"));
    machine.set("PATH", format!("{masquerade}:{}:{tools}", ccache.display()));
    fixed(&mut machine, "so ccache is never used", "warning");
}

#[test]
fn hosts_and_backoff_of_a_client() {
    let (mut machine, host) = Machine::client("client-hosts");
    let address = host.local_addr().unwrap();
    // As distcc itself leaves it after a failure.
    let lock = machine.scratch.dir("distcc/lock");
    let name = format!("backoff_tcp_127.0.0.1_{}_0", address.port());
    fs::write(lock.join(&name), "").unwrap();
    machine.is_fixed(
        "warning",
        &format!("distcc does not use {address} for another"),
    );
    fs::write(lock.join(&name), "").unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(61);
    let times = fs::FileTimes::new().set_modified(old);
    fs::File::options()
        .write(true)
        .open(lock.join(&name))
        .unwrap()
        .set_times(times)
        .unwrap();
    assert!(machine.findings().is_empty());

    machine.set("DISTCC_BACKOFF_PERIOD", "0");
    machine.find("warning", "DISTCC_BACKOFF_PERIOD=0");
    machine
        .variables
        .retain(|(n, _)| n != "DISTCC_BACKOFF_PERIOD");

    drop(host);
    let found = machine.find("fault", &format!("{address}, from DISTCC_HOSTS: "));
    assert!(found.what.contains("refused"), "{found:?}");
    machine.set("DISTCC_HOSTS", "name.invalid");
    machine.find("fault", "name.invalid:3632, from DISTCC_HOSTS: ");
    machine.set("DISTCC_HOSTS", "localhost/2");
    machine.find("fault", "(DISTCC_HOSTS) names no helper");
    fs::remove_file(machine.tools.join("distcc")).unwrap();
    machine.find("fault", "distcc is not on PATH");
}

#[test]
fn a_backoff_that_distcc_made_is_seen() {
    let (mut machine, host) = Machine::client("client-backoff");
    let port = host.local_addr().unwrap().port();
    drop(host);
    machine.scratch.file("a.c", "int a;\n");
    let variables = machine.variables.clone();
    let output = Command::new(need("distcc"))
        .args(["gcc", "-c", "a.c"])
        .current_dir(&machine.scratch.0)
        .env_clear()
        .envs(variables)
        .env("PATH", SYSTEM_PATH)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    machine.set("DISTCC_HOSTS", format!("127.0.0.1:{port}"));
    machine.find(
        "warning",
        &format!("distcc does not use 127.0.0.1:{port} for another"),
    );
}

#[test]
fn a_static_program_on_a_system_with_portage() {
    let (machine, _host) = Machine::client("client-static");
    machine.scratch.dir("root/etc/portage");
    assert!(machine.findings().is_empty());
    // The smallest static program: the links lead to it.
    let source = machine
        .scratch
        .file("s.c", "void _start(void) { for (;;); }\n");
    let program = machine.scratch.path("static/ccroute");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    let mut build = Command::new(need("gcc"));
    build
        .args(["-static", "-nostdlib", "-o"])
        .arg(&program)
        .arg(&source);
    run(&mut build).silent();
    let masquerade = machine.at("usr/lib/distcc");
    for entry in fs::read_dir(&masquerade).unwrap() {
        let link = entry.unwrap().path();
        fs::remove_file(&link).unwrap();
        symlink(&program, &link).unwrap();
    }
    machine.find("fault", "is a static program, on a system with Portage");
}

#[test]
fn a_host_gets_a_job_and_tells_its_compilers_version() {
    let (mut machine, _host) = Machine::client("client-trial");
    let name = fs::read_dir(machine.at("usr/lib/distcc"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .find(|n| n.ends_with("-gcc"))
        .unwrap();
    // The same compiler on the helper, by the client's full name.
    let bin = machine.scratch.dir("helper");
    symlink(need("gcc"), bin.join(&name)).unwrap();
    let helper = Distccd::start(&machine.scratch, &[&bin, Path::new("/usr/bin")], &[]);
    machine.set("DISTCC_HOSTS", helper.host());
    let trial = |machine: &Machine| machine.findings_with(&["--json"]);
    assert!(trial(&machine).is_empty(), "{:#?}", trial(&machine));

    // An older one: its objects say so.
    fs::remove_file(bin.join(&name)).unwrap();
    let script = r#"#!/bin/sh
/usr/bin/gcc "$@" || exit
for word; do [ "$before" = -o ] && object=$word; before=$word; done
printf 'GCC: (Old 4.9.2-10) 4.9.2\0' >"$object.comment"
exec objcopy --update-section .comment="$object.comment" "$object"
"#;
    executable(&bin.join(&name), script.as_bytes());
    let found = trial(&machine);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, "warning");
    let words = format!(
        "{} compiles for {name} with gcc 4.9.2; gcc is ",
        helper.host()
    );
    assert!(found[0].what.starts_with(&words), "{found:?}");

    // One that refuses, with its reason.
    let line = "ccroute on the helper: not for you";
    let script = format!("#!/bin/sh\necho '{line}' | tee /dev/stderr\nexit 110\n");
    executable(&bin.join(&name), script.as_bytes());
    let found = trial(&machine);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, "fault");
    assert!(
        found[0]
            .what
            .ends_with(&format!("does not compile for {name}: {line}")),
        "{found:?}"
    );
    // distcc does not hold it against the host.
    assert!(!machine.scratch.path("distcc/lock").exists());
}
