//! A helper.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::machine::*;
use crate::common::call::{Call, SYSTEM_PATH};
use crate::common::{executable, need, Distccd};

#[test]
fn nothing_is_wrong_with_a_helper_that_was_set_up() {
    let mut machine = Machine::helper("clean");
    // Compiling with the stand-ins included.
    assert_eq!(machine.findings_with(&["--json"]).len(), 0);
    let _distccd = machine.start(&[], &[]);
    let found = machine.findings();
    assert!(found.is_empty(), "{found:#?}");
    let said = machine.doctor(&["--quick"]).stdout;
    assert!(
        said.starts_with("helper: 1 fault\n") && said.contains("listens on 127.0.0.1 only"),
        "{said}"
    );
}

#[test]
fn a_machine_that_was_not_set_up_says_so() {
    let machine = Machine::helper("neither");
    let bare = machine.scratch.dir("bare");
    let ran = Call::new(&machine.scratch.path("opt/ccroute"))
        .args(["doctor", "--root"])
        .args([&bare])
        .rules(&machine.scratch.path("rules"))
        .run()
        .expect(1);
    assert!(
        ran.stdout
            .contains("set up neither as a client nor as a helper"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains(&format!(
        "ccroute install --helper --root {}",
        bare.display()
    )));
}

#[test]
fn links_whitelist_and_list_of_a_helper() {
    let machine = Machine::helper("links");
    let gcc = format!("{PI}-gcc");
    let links = machine.at("usr/lib/ccroute/bin");
    fs::remove_file(links.join(&gcc)).unwrap();
    machine.is_fixed("fault", "are missing: armv6j-hardfloat-linux-gnueabi-gcc");
    fs::remove_file(links.join(&gcc)).unwrap();
    symlink("/nonexistent/ccroute", links.join(&gcc)).unwrap();
    machine.is_fixed(
        "fault",
        "lead to a missing file: armv6j-hardfloat-linux-gnueabi-gcc",
    );

    // As Debian's update-distcc-symlinks would, and somebody who wants no gcc.
    let whitelist = machine.at("usr/lib/distcc");
    fs::remove_file(whitelist.join(&gcc)).unwrap();
    machine.is_fixed("fault", "whitelist");
    // Somebody else's links, one of which leads nowhere: install alone leaves them alone.
    symlink("/nonexistent/gcc", whitelist.join(&gcc)).unwrap_or_else(|_| {
        fs::remove_file(whitelist.join(&gcc)).unwrap();
        symlink("/nonexistent/gcc", whitelist.join(&gcc)).unwrap();
    });
    machine.is_fixed("fault", "whitelist");
    fs::remove_file(links.join(&gcc)).unwrap();
    symlink("/opt/somebody/gcc", links.join(&gcc)).unwrap();
    machine.is_fixed("fault", "lead to another program");
    let blocked = whitelist.join("gcc");
    fs::write(&blocked, "").unwrap();
    mode(&blocked, 0o644);
    machine.is_fixed("fault", "whitelist");

    let list = machine.at("etc/ccroute/commands");
    let text = fs::read_to_string(&list).unwrap();
    let shorter: String = text.lines().skip(1).map(|l| format!("{l}\n")).collect();
    fs::write(&list, shorter).unwrap();
    machine.is_fixed("fault", "commands lacks names that are served");
    fs::write(
        &list,
        text.clone() + "/usr/lib/ccroute/bin/old-linux-gnu-gcc\n",
    )
    .unwrap();
    machine.is_fixed(
        "fault",
        "has names that are no longer served: old-linux-gnu-gcc",
    );
    fs::remove_file(&list).unwrap();
    machine.is_fixed("fault", "commands: No such file");
    assert_eq!(fs::read_to_string(&list).unwrap(), text);

    fs::remove_dir_all(&links).unwrap();
    machine.is_fixed("fault", "this machine is not a helper yet");
}

#[test]
fn what_the_system_starts_distccd_with() {
    let machine = Machine::helper("settings");
    executable(&machine.scratch.path("opt/service"), b"#!/bin/sh\nexit 0\n");
    // As Debian's package leaves it, with a unit that nothing runs.
    let debian = "STARTDISTCC=\"false\"\nALLOWEDNETS=\"127.0.0.1\"\nLISTENER=\"127.0.0.1\"\n";
    let file = machine.scratch.file("root/etc/default/distcc", debian);
    executable(&machine.at("etc/init.d/distcc"), b"#!/bin/sh\nexit 0\n");
    let unit = "root/usr/lib/systemd/system/distcc.service";
    machine.scratch.file(unit, "[Service]\n");
    machine.install();
    let found = machine.find("fault", "does not read /etc/ccroute/distccd.sh");
    assert!(!found.fix.contains("systemctl"), "{found:?}");
    machine.is_fixed("fault", "does not read /etc/ccroute/distccd.sh");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(debian), "{text}");
    let variables = fs::read_to_string(machine.at("etc/ccroute/distccd.sh")).unwrap();
    for line in ["STARTDISTCC=\"true\"", "LISTENER=\"\"", "ALLOWEDNETS=\"1"] {
        assert!(variables.contains(&format!("\n{line}")), "{variables}");
    }
    // Without networks of ours the settings themselves count.
    let start = variables.find("# Who may connect").unwrap();
    let own = machine.at("etc/ccroute/distccd.sh");
    fs::write(&own, &variables[..start]).unwrap();
    machine.is_fixed(
        "fault",
        "STARTDISTCC is not true, LISTENER is this machine only, ALLOWEDNETS is this machine only",
    );
    // Somebody has changed it, and taken it over or not.
    for text in ["export A=1\n", &variables.replace("DISTCC_CMDLIST", "X")] {
        fs::write(&own, text).unwrap();
        machine.is_fixed("fault", "distccd.sh was changed");
    }
    fs::remove_file(&own).unwrap();
    machine.is_fixed("fault", "distccd.sh is missing");

    // Where systemd runs the drop-in is what counts.
    executable(
        &machine.scratch.path("opt/systemctl"),
        b"#!/bin/sh\nexit 0\n",
    );
    machine.scratch.dir("root/run/systemd/system");
    let drop_in = machine.at("etc/systemd/system/distcc.service.d/ccroute.conf");
    let text = fs::read_to_string(&drop_in).unwrap();
    assert!(
        text.contains("\nExecStart=\nExecStart=/usr/bin/distccd --daemon --no-detach --allow 1")
    );
    fs::remove_file(&drop_in).unwrap();
    let found = machine.find("fault", "ccroute.conf is missing");
    assert!(
        found.fix.ends_with("systemctl restart distcc.service"),
        "{found:?}"
    );
    machine.is_fixed("fault", "distcc.service.d/ccroute.conf is missing");
    fs::write(&drop_in, "[Service]\n").unwrap();
    machine.is_fixed("fault", "ccroute.conf was changed");
}

#[test]
fn what_distccds_user_cannot_get_at() {
    let mut machine = Machine::helper("access");
    let _distccd = machine.start(&[], &[]);
    if !nix::unistd::geteuid().is_root() {
        // distccd runs as this user then, and there is nobody to be kept out.
        return assert!(machine
            .findings()
            .iter()
            .all(|f| !f.what.contains("keeps distccd's user")));
    }
    let rules = machine.scratch.path("rules");
    mode(&rules, 0o750);
    machine.is_fixed("fault", "keeps distccd's user (65534) out of");
    // A compiler and a program that cannot be executed are no longer kept back by "+X".
    let program = machine.scratch.path("opt/ccroute");
    mode(&program, 0o744);
    machine.is_fixed("fault", "ccroute keeps distccd's user (65534) out of");
    mode(&rules.join("50-test.rules"), 0o640);
    machine.is_fixed("fault", "50-test.rules keeps distccd's user (65534) out of");
    mode(&machine.scratch.path("opt"), 0o700);
    machine.is_fixed("fault", "opt keeps distccd's user");
    // The one thing that fails open.
    let list = machine.at("etc/ccroute/commands");
    mode(&list, 0o600);
    let found = machine.find("danger", "keeps its user (65534) from reading it");
    assert!(
        found
            .fix
            .starts_with(&format!("chmod o+r {}", list.display())),
        "{found:?}"
    );
    mode(&list, 0o666);
    machine.is_fixed("danger", "it is writable by group or others");
}

#[test]
fn how_distccd_was_started() {
    let mut machine = Machine::helper("started");
    let list = machine.at("etc/ccroute/commands");
    let away = machine.scratch.path("away");

    let distccd = machine.start(&[("DISTCC_CMDLIST", list.as_os_str())], &[]);
    fs::rename(&list, &away).unwrap();
    machine.find("danger", "commands, which does not exist");
    fs::rename(&away, &list).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(100);
    let times = fs::FileTimes::new().set_modified(later);
    fs::File::options()
        .write(true)
        .open(&list)
        .unwrap()
        .set_times(times)
        .unwrap();
    machine.find("warning", "is newer than distccd");
    drop(distccd);
    machine.scratch.dir("root/usr/lib/ccroute");
    fs::remove_file(&list).unwrap();
    machine.install();

    // Another PATH: the cross compiler itself comes first, or nothing is found.
    let gcc = machine.tools.join("gcc");
    symlink(need("gcc"), &gcc).unwrap();
    machine.install();
    let tools = machine.tools.clone();
    let distccd = machine.start(&[("DISTCCD_PATH", tools.as_os_str())], &[]);
    let found = machine.find("fault", "finds other programs before ccroute's links");
    assert!(found.what.contains(&gcc.display().to_string()), "{found:?}");
    machine.find("fault", "does not find names that ccroute serves");
    drop(distccd);

    // Open to everybody: without a list a danger, with one what is left of it.
    let distccd = machine.start(&[], &["--enable-tcp-insecure"]);
    machine.find("warning", "was started with --enable-tcp-insecure");
    drop(distccd);
    let distccd = machine.start(&[], &["--allow", "0.0.0.0/0"]);
    machine.find("danger", "--allow 0.0.0.0/0");
    drop(distccd);

    let shared = machine.scratch.dir("shared");
    mode(&shared, 0o1777);
    let distccd = machine.start(&[("TMPDIR", shared.as_os_str())], &[]);
    machine.find("warning", "which other users can use");
    drop(distccd);
}

#[test]
fn a_distccd_without_a_list_is_started_anew_as_the_fix_says() {
    let machine = Machine::helper("restart");
    let private = machine.private();
    let path = [machine.at("usr/lib/ccroute/bin"), machine.tools.clone()];
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let mut distccd = Distccd::start(&machine.scratch, &path, &[("TMPDIR", private.as_os_str())]);
    let machine = Machine {
        distccd: Some(distccd.pid()),
        ..machine
    };
    machine.find("fault", "was started without DISTCC_CMDLIST");
    let found = machine.find("danger", "was started with --enable-tcp-insecure");
    // A distccd that tells what it was started with.
    let told = machine.scratch.path("told");
    let text = format!(
        "#!/bin/sh\necho \"$@\" >{0}\necho \"$DISTCCD_PATH\" >>{0}\n",
        told.display()
    );
    executable(&machine.scratch.path("opt/distccd"), text.as_bytes());
    let waiter = std::thread::spawn(move || {
        // The parent has to take note of its end; init would elsewhere.
        while fs::read_link(format!("/proc/{}/exe", distccd.pid())).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        distccd.kill();
    });
    machine.typed(&found.fix).expect(0);
    waiter.join().unwrap();
    let told = fs::read_to_string(told).unwrap();
    let mut lines = told.lines();
    let options = lines.next().unwrap();
    assert!(options.starts_with("--daemon --no-detach"), "{told}");
    assert!(!options.contains("insecure"), "{told}");
    assert_eq!(
        lines.next().unwrap(),
        "/usr/lib/ccroute/bin:/usr/local/bin:/usr/bin:/bin"
    );
}

#[test]
fn compilers_that_are_missing_other_or_wrong() {
    let machine = Machine::helper("compilers");
    // Recorded, and then another.
    let gcc = machine.tools.join("arm-linux-gnueabihf-gcc");
    fs::remove_file(&gcc).unwrap();
    let script = format!(
        "#!/bin/sh\nexec {} \"$@\"\n",
        need("arm-linux-gnueabihf-gcc").display()
    );
    executable(&gcc, script.as_bytes());
    machine.is_fixed("warning", "changed since they were recorded");
    let facts = machine.at("var/lib/ccroute/compilers");
    fs::remove_file(&facts).unwrap();
    machine.is_fixed("warning", "no compiler is recorded in");
    mode(&facts, 0o666);
    machine.is_fixed("warning", "is not trusted");

    // Of two versions: the record says so.
    let text = fs::read_to_string(&facts).unwrap();
    let line = text.lines().find(|l| l.contains("hf-g++\t")).unwrap();
    let fields: Vec<&str> = line.split('\t').collect();
    let older = line.replace(&format!("\t{}\t", fields[7]), "\t4.9.2\t");
    fs::write(&facts, text.replace(line, &older)).unwrap();
    let found = machine.find("warning", &format!("for {PI}, "));
    assert!(found.what.ends_with("is 4.9.2"), "{found:?}");
    machine.install();
    fs::remove_file(&facts).unwrap();
    machine.install();
    assert!(machine.findings().is_empty());

    // A proof that the stand-in does not meet.
    let rules = machine.scratch.path("rules/50-test.rules");
    let probed = Call::new(&machine.scratch.path("opt/ccroute"))
        .args(["probe", "arm-linux-gnueabihf-gcc"])
        .env("PATH", format!("{}:{SYSTEM_PATH}", machine.tools.display()))
        .run()
        .expect(0);
    let proof = probed
        .stdout
        .lines()
        .find(|l| l.starts_with("proof"))
        .unwrap();
    // Its flags ask for more than the client's processor has.
    let with = RULES
        .replace("use = arm", &format!("{proof}\nuse = arm"))
        .replace("-march=armv6j -mfpu=vfp", "-march=armv8-a+simd -mfpu=auto");
    fs::write(&rules, with).unwrap();
    let found = machine.findings_with(&["--json"]);
    let wrong = found
        .iter()
        .find(|f| f.what.contains("arm-linux-gnueabihf-gcc: wrong"));
    assert_eq!(
        wrong.map(|f| f.severity.as_str()),
        Some("fault"),
        "{found:#?}"
    );

    // A rule's triple that nothing serves, and the package that would.
    fs::write(
        &rules,
        format!("{RULES}[pi5-linux-gnu]\nuse = riscv64-linux-gnu\n"),
    )
    .unwrap();
    let found = machine.find("warning", "no compiler here serves pi5-linux-gnu (rule ");
    assert!(found.fix.contains("riscv64-linux-gnu"), "{found:?}");
    // A rule that cannot be read.
    fs::write(&rules, "[native]\nuze = x\n").unwrap();
    let found = machine.find("fault", "50-test.rules:2:1: unknown key 'uze'");
    assert!(found.fix.contains("+2 "), "{found:?}");
}

#[test]
fn what_clients_asked_for_in_vain_is_told_with_what_to_install() {
    let machine = Machine::helper("vain");
    let log = machine.scratch.path("calls");
    let rules = machine.scratch.path("rules/50-test.rules");
    fs::write(
        &rules,
        format!("[ccroute]\nlog = {}\n{RULES}", log.display()),
    )
    .unwrap();
    let shim = machine.scratch.path("opt/riscv64-linux-gnu-gcc");
    symlink(machine.scratch.path("opt/ccroute"), &shim).unwrap();
    let job = machine.scratch.file("job/distccd_1.i", "int x;\n");
    let call = || {
        Call::new(&shim)
            .env("_DISTCC_SAFEGUARD", "1")
            .env("TMPDIR", machine.scratch.path("job"))
            .env("PATH", &machine.tools)
            .rules(&machine.scratch.path("rules"))
            .dir(&machine.scratch.path("job"))
            .args([OsStr::new("-c"), job.as_os_str(), OsStr::new("-o")])
            .args([machine.scratch.path("job/distccd_1.o")])
    };
    call().run().expect(110);
    call().run().expect(110);
    let words = "riscv64-linux-gnu-gcc: nothing serves it: refused 2 times";
    let found = machine.find("warning", words);
    assert!(found.fix.contains("riscv64-linux-gnu"), "{found:?}");
    // The compiler is installed: no news any more.
    symlink(
        need("riscv64-linux-gnu-gcc"),
        machine.tools.join("riscv64-linux-gnu-gcc"),
    )
    .unwrap();
    machine.install();
    assert!(machine.findings().is_empty());
}

#[test]
fn a_guard_is_told_while_it_lasts() {
    let machine = Machine::helper("guard");
    if !nix::unistd::geteuid().is_root() {
        // A guard is root's file; another's is none.
        return;
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let up = fs::read_to_string("/proc/uptime").unwrap();
    let up: f64 = up.split(' ').next().unwrap().parse().unwrap();
    let text = format!("{} {boot}", up as u64 + 600);
    machine.scratch.file("root/run/ccroute/guard", text);
    let found = machine.find("warning", "the guard is on for another 10 min");
    assert_eq!(found.fix, "ccroute guard off");
}
