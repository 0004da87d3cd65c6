//! Breakages as people report them: one finding each, the fix typed as it is printed, and then neither
//! that finding nor a new one.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use super::machine::*;
use crate::common::call::{unfolded, Call};
use crate::common::{executable, need, Distccd};

/// A distccd that has ended, and that nobody has waited for.
#[test]
fn a_zombie_called_distccd_is_none() {
    let mut machine = Machine::helper("zombie");
    let program = machine.scratch.path("zombie/distccd");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(need("true"), &program).unwrap();
    let mut child = Command::new(&program).stdin(Stdio::null()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    while !fs::read_to_string(&status).unwrap().contains("State:\tZ") {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    machine.distccd = Some(child.id());
    let found = machine.findings();
    assert!(found[0].what.starts_with("no distccd runs"), "{found:?}");
    child.wait().unwrap();
}

/// As Debian starts it: nobody else can connect. Then for another network than the one that was named.
#[test]
fn a_distccd_that_clients_cannot_reach() {
    let mut machine = Machine::helper("reach");
    let distccd = machine.start(&[], &[]);
    let found = machine.all_findings(&["--json", "--quick"], true);
    let one = found.iter().find(|f| f.what.contains("listens on"));
    let one = one.unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(one.severity, "fault");
    assert!(one.fix.contains(" --allow "), "{one:?}");
    let kept = one.fix.rsplit("exec distccd").next().unwrap();
    assert!(!kept.contains("--listen"), "{kept}");
    drop(distccd);

    machine
        .ccroute(&["install", "--helper", "--allow", "192.0.2.1/24"])
        .run()
        .expect(0);
    let distccd = machine.start(&[], &[]);
    let found = machine.find("fault", "only, and does not allow 192.0.2.0/24");
    assert!(found.fix.contains("--allow 192.0.2.0/24"), "{found:?}");
    drop(distccd);
}

/// apt-get purge of a cross compiler: the names are one finding, the rule that is left without a
/// compiler another; each has its own fix.
#[test]
fn a_compiler_that_went_is_not_four_faults() {
    let machine = Machine::helper("purged");
    let gcc = machine.tools.join("arm-linux-gnueabihf-gcc");
    let gxx = machine.tools.join("arm-linux-gnueabihf-g++");
    let targets = [gcc.clone(), gxx.clone()].map(|l| fs::read_link(l).unwrap());
    for link in [&gcc, &gxx] {
        fs::remove_file(link).unwrap();
    }
    let found = machine.findings();
    let shown: Vec<&str> = found.iter().map(|f| f.severity.as_str()).collect();
    assert_eq!(shown, ["fault", "warning"], "{found:#?}");
    assert!(found[0].what.contains("no longer served"), "{found:#?}");
    assert!(
        found[1].what.contains(&format!("serves {PI} (rule ")),
        "{found:#?}"
    );
    machine.typed(&found[0].fix).expect(0);
    let left = machine.findings();
    assert_eq!(left.len(), 1, "{left:#?}");
    // The package manager of this machine, as it were.
    let apt = format!(
        "#!/bin/sh\n{0} -s {1} {2} && {0} -s {3} {4}\n",
        need("ln").display(),
        targets[0].display(),
        gcc.display(),
        targets[1].display(),
        gxx.display()
    );
    executable(&machine.scratch.path("opt/apt"), apt.as_bytes());
    machine.typed(&left[0].fix).expect(0);
    assert!(machine.findings().is_empty(), "{:#?}", machine.findings());
}

#[test]
fn a_client_whose_gcc_went_while_its_gxx_stays() {
    let (machine, _host) = Machine::client("only-gxx");
    fs::remove_file(machine.tools.join("gcc")).unwrap();
    machine.is_fixed("warning", "is no longer installed");
    let links = machine.at("usr/lib/distcc");
    assert!(fs::symlink_metadata(links.join("gcc")).is_err());
    assert!(links.join("g++").exists());
}

/// docs/recipes.md, "ccache": the masquerade directory is not on PATH, and need not be.
#[test]
fn the_ccache_recipe_is_in_order() {
    let (mut machine, _host) = Machine::client("ccache-recipe");
    let ccache = machine.scratch.dir("ccache");
    executable(&machine.scratch.path("bin/ccache"), b"#!/bin/sh\nexit 1\n");
    symlink(machine.scratch.path("bin/ccache"), ccache.join("gcc")).unwrap();
    let path = format!("{}:{}", ccache.display(), machine.tools.display());
    machine.set("PATH", path);
    machine.find("fault", "is not on PATH");
    machine.set("CCACHE_PREFIX", "ccroute-run");
    machine.set("CCACHE_EXTRAFILES", "/etc/ccroute/rules.d/60-client.rules");
    assert!(machine.findings().is_empty(), "{:#?}", machine.findings());
}

/// sudo gives root's PATH, which says nothing of the user's builds.
#[test]
fn doctor_under_sudo_does_not_judge_root_s_path() {
    if !nix::unistd::geteuid().is_root() {
        // sudo's program runs as root.
        return;
    }
    let (mut machine, _host) = Machine::client("sudo");
    let tools = machine.tools.display().to_string();
    machine.set("PATH", tools);
    machine.find("fault", "is not on PATH");
    machine.set("SUDO_USER", "nobody");
    let found = machine.findings();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].severity, "note");
    assert!(found[0].advice.contains("ccroute doctor --client"));
}

/// makepkg, abuild and Portage set PATH for what they build.
#[test]
fn a_path_that_a_package_builder_sets_itself_is_a_note() {
    let (mut machine, _host) = Machine::client("makepkg");
    let tools = machine.tools.display().to_string();
    machine.set("PATH", tools);
    machine.scratch.file("root/etc/makepkg.conf", "");
    let found = machine.find("note", "is not on PATH");
    assert!(found.advice.contains("makepkg"), "{found:?}");
}

/// `ccroute test` through a real distccd, and where it cannot say that a helper compiled the job.
#[test]
fn a_test_job_names_the_helper_or_fails() {
    let (mut machine, _host) = Machine::client("test-job");
    let name = fs::read_dir(machine.at("usr/lib/distcc"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .find(|n| n.ends_with("-gcc"))
        .unwrap();
    let bin = machine.scratch.dir("helper");
    symlink(need("gcc"), bin.join(&name)).unwrap();
    let helper = Distccd::start(
        &machine.scratch,
        &[&bin, std::path::Path::new("/usr/bin")],
        &[],
    );
    // The rules name the masquerade directory as it is in its tree.
    let rules = machine.at("etc/ccroute/rules.d/60-client.rules");
    let text = fs::read_to_string(&rules).unwrap();
    let here = format!("# links: {}/usr/lib/distcc ", machine.root.display());
    fs::write(&rules, text.replace("# links: /usr/lib/distcc ", &here)).unwrap();
    let test = |machine: &Machine, words: &[&str]| {
        let mut call = Call::new(&machine.scratch.path("opt/ccroute"))
            .args(["test"])
            .args(words)
            .env("HOME", machine.scratch.path("home"))
            .env("CCROUTE_RULES_DIR", machine.rules());
        for (name, value) in &machine.variables {
            call = call.env(name, value);
        }
        call.run()
    };
    machine.set("DISTCC_HOSTS", helper.host());
    let ran = test(&machine, &[]).expect(0);
    let first = format!("{} compiled it as {name} in ", helper.host());
    assert!(ran.stdout.starts_with(&first), "{ran:?}");
    assert!(
        ran.stdout
            .ends_with("the object is the one that this machine makes\n"),
        "{ran:?}"
    );
    let ran = test(&machine, &["--json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["name"], name);
    assert_eq!(json["object"], "identical");

    // A helper that refuses: its own words, and no success.
    let line = "ccroute on the helper: not for you";
    let script = format!("#!/bin/sh\necho '{line}'\nexit 110\n");
    executable(&bin.join(&name), script.as_bytes());
    let ran = test(&machine, &[]).expect(1);
    assert!(unfolded(&ran.stdout).contains(line), "{ran:?}");
    assert!(ran.stdout.contains("no helper compiled it"), "{ran:?}");
    // One that is not there, one that is this machine, and none.
    drop(helper);
    let ran = test(&machine, &[]).expect(1);
    assert!(ran.stdout.contains("no helper compiled it"), "{ran:?}");
    machine.set("DISTCC_HOSTS", "localhost/2");
    let ran = test(&machine, &[]).expect(1);
    assert!(ran.stderr.contains("names no helper"), "{ran:?}");
    // distcc left no host alone because of this.
    assert!(!machine.scratch.path("distcc/lock").exists());
    // Not a client at all.
    fs::remove_file(&rules).unwrap();
    let ran = test(&machine, &[]).expect(1);
    assert!(ran.stderr.contains("is not set up as a client"), "{ran:?}");
}
