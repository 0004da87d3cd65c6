//! `ccroute doctor`: each finding provoked, its mend typed, and the finding gone; below a root of
//! the test's own, with a real distccd and a real distcc.

mod common;

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{chown, symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::call::{copy_of_ccroute, run, Call, Ran, SYSTEM_PATH};
use common::{executable, need, told, toolbox, Distccd, Scratch};
use serde_json::Value;

const PI: &str = "armv6j-hardfloat-linux-gnueabi";
const RULES: &str = "[armv6j-hardfloat-linux-gnueabi]\nuse = arm-linux-gnueabihf\n\
    defaults = -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm\n\
    [native from 127.0.0.1]\nas = armv6j-hardfloat-linux-gnueabi\n";
/// The user of distccd, where the tests run as root.
const NOBODY: u32 = 65534;

/// A finding as `--json` has it.
#[derive(Clone, Debug)]
struct Found {
    severity: String,
    what: String,
    mend: String,
}

/// A machine below a root of its own.
struct Machine {
    scratch: Scratch,
    root: PathBuf,
    tools: PathBuf,
    role: &'static str,
    variables: Vec<(String, String)>,
    distccd: Option<u32>,
}

impl Machine {
    /// A helper as `install --helper` makes it.
    fn helper(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        for dir in ["etc/default", "usr/lib/distcc", "usr/bin", "var/lib"] {
            scratch.dir(&format!("root/{dir}"));
        }
        scratch.file("rules/50-test.rules", RULES);
        copy_of_ccroute(&scratch.path("opt/ccroute"));
        let cross = ["arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"];
        let machine = Machine {
            root: scratch.path("root"),
            tools: toolbox(&scratch, "tools", &cross),
            scratch,
            role: "--helper",
            variables: Vec::new(),
            distccd: None,
        };
        machine.install();
        machine
    }

    /// A client as `install --client` makes it, with distcc and a host that answers.
    fn client(name: &str) -> (Machine, TcpListener) {
        let scratch = Scratch::new(name);
        scratch.dir("root/usr/lib/distcc");
        scratch.dir("home");
        copy_of_ccroute(&scratch.path("opt/ccroute"));
        let tools = toolbox(
            &scratch,
            "tools",
            &["gcc", "g++", "distcc", "sh", "as", "ld"],
        );
        let host = TcpListener::bind("127.0.0.1:0").unwrap();
        let hosts = format!("{}/4,lzo", host.local_addr().unwrap());
        let state = scratch.dir("distcc").display().to_string();
        let masquerade = scratch.path("root/usr/lib/distcc");
        let path = format!("{}:{}", masquerade.display(), tools.display());
        let machine = Machine {
            root: scratch.path("root"),
            tools,
            scratch,
            role: "--client",
            variables: vec![
                ("DISTCC_HOSTS".into(), hosts),
                ("DISTCC_DIR".into(), state),
                ("PATH".into(), path),
            ],
            distccd: None,
        };
        machine.install();
        (machine, host)
    }

    fn rules(&self) -> String {
        let below = self.root.join("etc/ccroute/rules.d");
        format!(
            "{}:{}",
            self.scratch.path("rules").display(),
            below.display()
        )
    }

    /// A call of ccroute in the machine's environment.
    fn ccroute(&self, words: &[&str]) -> Call {
        let mut call = Call::new(&self.scratch.path("opt/ccroute"))
            .args(words)
            .args(["--root"])
            .args([&self.root])
            .env("PATH", &self.tools)
            .env("HOME", self.scratch.path("home"))
            .env("CCROUTE_RULES_DIR", self.rules());
        for (name, value) in &self.variables {
            call = call.env(name, value);
        }
        call
    }

    fn install(&self) {
        self.ccroute(&["install", self.role]).run().expect(0);
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(n, _)| n != name);
        self.variables.push((name.into(), value.into()));
    }

    fn doctor(&self, options: &[&str]) -> Ran {
        let call = self.ccroute(&["doctor", self.role]).args(options);
        match self.distccd {
            Some(id) => call.args(["--distccd", &id.to_string()]).run(),
            None => call.run(),
        }
    }

    /// What it finds; of this machine's kernel nothing, which is not what is tested.
    fn findings(&self) -> Vec<Found> {
        self.findings_with(&["--json", "--quick"])
    }

    fn findings_with(&self, options: &[&str]) -> Vec<Found> {
        let ran = self.doctor(options);
        let json: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        assert_eq!(json["version"], 1);
        let text = |f: &Value, key: &str| f[key].as_str().unwrap().to_owned();
        let list = json["findings"].as_array().unwrap().iter();
        let found: Vec<Found> = list
            .map(|f| Found {
                severity: text(f, "severity"),
                what: text(f, "what"),
                mend: text(f, "mend"),
            })
            .collect();
        let worst = found.first().map_or("none", |f| f.severity.as_str());
        let codes = [
            ("none", 0),
            ("note", 0),
            ("warning", 3),
            ("fault", 1),
            ("danger", 4),
        ];
        let code = codes.iter().find(|(s, _)| *s == worst).unwrap().1;
        assert_eq!(ran.code, Some(code), "{found:?}");
        found
            .into_iter()
            .filter(|f| !f.what.starts_with("this kernel"))
            .collect()
    }

    /// The finding of these words, which has to be there, and to be so bad.
    #[track_caller]
    fn find(&self, severity: &str, words: &str) -> Found {
        let found = self.findings();
        let mut fits = found.iter().filter(|f| f.what.contains(words));
        let Some(one) = fits.next() else {
            panic!("nothing says {words:?}: {found:#?}")
        };
        assert_eq!(one.severity, severity, "{one:?}");
        assert!(!one.mend.is_empty());
        one.clone()
    }

    /// Finds it, types what mends it, and finds nothing any more.
    #[track_caller]
    fn mends(&self, severity: &str, words: &str) {
        let found = self.find(severity, words);
        let ran = self.typed(&found.mend);
        assert_eq!(ran.code, Some(0), "{found:?}: {ran:?}");
        let left = self.findings();
        assert!(left.is_empty(), "after {:?}: {left:#?}", found.mend);
    }

    fn typed(&self, command: &str) -> Ran {
        // Where the commands of mends are, and no compilers.
        let commands = ["rm", "chmod", "chown", "kill", "sleep", "mkdir", "sh"];
        let commands = toolbox(&self.scratch, "commands", &commands);
        let own = self.variables.iter().find(|(n, _)| n == "PATH");
        let own = own.map_or(self.tools.display().to_string(), |(_, path)| path.clone());
        let opt = self.scratch.path("opt");
        let path = format!("{}:{own}:{}", opt.display(), commands.display());
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", command])
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.scratch.path("home"))
            .env("CCROUTE_RULES_DIR", self.rules())
            .stdin(Stdio::null());
        run(&mut shell)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A directory for distccd's jobs alone.
    fn private(&self) -> PathBuf {
        let private = self.scratch.dir("jobs");
        mode(&private, 0o700);
        if nix::unistd::geteuid().is_root() {
            chown(&private, Some(NOBODY), None).unwrap();
        }
        private
    }

    /// A distccd as it should be, or with something else.
    fn start(&mut self, variables: &[(&str, &OsStr)], options: &[&str]) -> Distccd {
        let private = self.private();
        let list = self.at("etc/ccroute/commands");
        let mut all: Vec<(&str, &OsStr)> = vec![
            ("TMPDIR", private.as_os_str()),
            ("DISTCC_CMDLIST", list.as_os_str()),
        ];
        all.extend(variables);
        let links = self.at("usr/lib/ccroute/bin");
        let path = [links.as_path(), self.tools.as_path()];
        let distccd = Distccd::start_at("127.0.0.1", &self.scratch, &path, &all, options);
        self.distccd = Some(distccd.pid());
        distccd
    }
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

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
        said.starts_with("helper: nothing is wrong") || said.contains("this kernel"),
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
    machine.mends("fault", "are missing: armv6j-hardfloat-linux-gnueabi-gcc");
    fs::remove_file(links.join(&gcc)).unwrap();
    symlink("/nonexistent/ccroute", links.join(&gcc)).unwrap();
    machine.mends("fault", "lead nowhere: armv6j-hardfloat-linux-gnueabi-gcc");

    // As Debian's update-distcc-symlinks would, and somebody who wants no gcc.
    let whitelist = machine.at("usr/lib/distcc");
    fs::remove_file(whitelist.join(&gcc)).unwrap();
    machine.mends("fault", "whitelist");
    let blocked = whitelist.join("gcc");
    fs::write(&blocked, "").unwrap();
    mode(&blocked, 0o644);
    machine.mends("fault", "is not executable, so that its name does not pass");

    let list = machine.at("etc/ccroute/commands");
    let text = fs::read_to_string(&list).unwrap();
    let shorter: String = text.lines().skip(1).map(|l| format!("{l}\n")).collect();
    fs::write(&list, shorter).unwrap();
    machine.mends("fault", "out of date: it lacks names that are served");
    fs::write(
        &list,
        text.clone() + "/usr/lib/ccroute/bin/old-linux-gnu-gcc\n",
    )
    .unwrap();
    machine.mends(
        "fault",
        "has names that nothing serves any more: old-linux-gnu-gcc",
    );
    fs::remove_file(&list).unwrap();
    machine.mends("fault", "commands: No such file");
    assert_eq!(fs::read_to_string(&list).unwrap(), text);

    fs::remove_dir_all(&links).unwrap();
    machine.mends("fault", "this is no helper yet");
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
    machine.mends("fault", "keeps distccd's user (65534) out of");
    mode(&rules.join("50-test.rules"), 0o640);
    machine.mends("fault", "50-test.rules keeps distccd's user (65534) out of");
    mode(&machine.scratch.path("opt"), 0o700);
    machine.mends("fault", "opt keeps distccd's user");
    // The one thing that fails open.
    let list = machine.at("etc/ccroute/commands");
    mode(&list, 0o600);
    let found = machine.find("danger", "keeps its user (65534) from reading it");
    assert!(
        found
            .mend
            .starts_with(&format!("chmod o+rX {}", list.display())),
        "{found:?}"
    );
    mode(&list, 0o666);
    machine.mends("danger", "can be written by others than root");
}

#[test]
fn how_distccd_was_started() {
    let mut machine = Machine::helper("started");
    let list = machine.at("etc/ccroute/commands");
    let away = machine.scratch.path("away");

    let distccd = machine.start(&[("DISTCC_CMDLIST", list.as_os_str())], &[]);
    fs::rename(&list, &away).unwrap();
    machine.find("danger", "commands, which is not there");
    fs::rename(&away, &list).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(100);
    let times = fs::FileTimes::new().set_modified(later);
    fs::File::options()
        .write(true)
        .open(&list)
        .unwrap()
        .set_times(times)
        .unwrap();
    machine.find("warning", "is younger than distccd");
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
    machine.find("warning", "which others can get at");
    drop(distccd);
}

#[test]
fn a_distccd_without_a_list_is_started_anew_as_the_mend_says() {
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
        while !Path::new("/proc")
            .join(distccd.pid().to_string())
            .join("exe")
            .exists()
        {
            std::thread::yield_now();
        }
        while fs::read_link(format!("/proc/{}/exe", distccd.pid())).is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        distccd.kill();
    });
    machine.typed(&found.mend).expect(0);
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
    machine.mends("warning", "changed since they were recorded");
    let facts = machine.at("var/lib/ccroute/compilers");
    fs::remove_file(&facts).unwrap();
    machine.mends("warning", "no compiler is recorded in");
    mode(&facts, 0o666);
    machine.mends("warning", "not trusted");

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
    let found = machine.find("warning", "nothing here serves pi5-linux-gnu (rule ");
    assert!(found.mend.contains("riscv64-linux-gnu"), "{found:?}");
    // A rule that cannot be read.
    fs::write(&rules, "[native]\nuze = x\n").unwrap();
    let found = machine.find("fault", "50-test.rules:2:1: unknown key 'uze'");
    assert!(found.mend.contains("+2 "), "{found:?}");
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
    assert!(found.mend.contains("riscv64-linux-gnu"), "{found:?}");
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
    assert_eq!(found.mend, "ccroute guard off");
}

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
    machine.mends("fault", ": is gone: gcc");
    fs::remove_file(masquerade.join("g++")).unwrap();
    symlink("../../bin/distcc", masquerade.join("g++")).unwrap();
    machine.mends("fault", ": leads to distcc again: g++");
    let rules = machine.at("etc/ccroute/rules.d/60-client.rules");
    let text = fs::read_to_string(&rules).unwrap();
    let line = text
        .lines()
        .find(|l| l.starts_with("# asked: gcc"))
        .unwrap();
    fs::write(&rules, text.replace(line, "# asked: gcc 4.9.2")).unwrap();
    machine.mends("warning", "the rules are 4.9.2's");
    fs::remove_file(&rules).unwrap();
    machine.mends("fault", "this is no client yet");
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
    let mended = |machine: &mut Machine, words: &str, severity: &str| {
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
            found.mend
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
    mended(&mut machine, "is not on PATH", "fault");
    machine.set("PATH", format!("{tools}:{masquerade}"));
    mended(&mut machine, "comes after", "fault");

    machine.set("PATH", good.clone());
    machine.set("CCACHE_PREFIX", "distcc");
    mended(&mut machine, "CCACHE_PREFIX=distcc", "fault");
    mended(&mut machine, "does not see when a rule changes", "warning");
    machine.variables.retain(|(n, _)| !n.starts_with("CCACHE"));
    let ccache = machine.scratch.dir("ccache");
    executable(&machine.scratch.path("bin/ccache"), b"#!/bin/sh\nexit 1\n");
    symlink(machine.scratch.path("bin/ccache"), ccache.join("gcc")).unwrap();
    machine.set("PATH", format!("{}:{good}", ccache.display()));
    mended(
        &mut machine,
        "ccache takes ccroute for the compiler",
        "fault",
    );
    machine.variables.retain(|(n, _)| !n.starts_with("CCACHE"));
    machine.set("PATH", format!("{masquerade}:{}:{tools}", ccache.display()));
    mended(&mut machine, "which is never asked", "warning");
}

#[test]
fn hosts_and_backoff_of_a_client() {
    let (mut machine, host) = Machine::client("client-hosts");
    let address = host.local_addr().unwrap();
    // As distcc itself leaves it after a failure.
    let lock = machine.scratch.dir("distcc/lock");
    let name = format!("backoff_tcp_127.0.0.1_{}_0", address.port());
    fs::write(lock.join(&name), "").unwrap();
    machine.mends(
        "warning",
        &format!("distcc leaves {address} alone for another"),
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
    let found = machine.find("fault", &format!("{address} of distcc's hosts: "));
    assert!(found.what.contains("refused"), "{found:?}");
    machine.set("DISTCC_HOSTS", "name.invalid");
    machine.find("fault", "name.invalid:3632 of distcc's hosts: ");
    machine.set("DISTCC_HOSTS", "localhost/2");
    machine.find("fault", "names no helper");
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
        &format!("distcc leaves 127.0.0.1:{port} alone for another"),
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
