//! A machine below a root of its own.

use std::ffi::OsStr;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{chown, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::common::call::{copy_of_ccroute, run, Call, Ran};
use crate::common::{toolbox, Distccd, Scratch};

pub const PI: &str = "armv6j-hardfloat-linux-gnueabi";
pub const RULES: &str = "[armv6j-hardfloat-linux-gnueabi]\nuse = arm-linux-gnueabihf\n\
    defaults = -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm\n\
    [native from 127.0.0.1]\nas = armv6j-hardfloat-linux-gnueabi\n";
/// The user of distccd, where the tests run as root.
const NOBODY: u32 = 65534;

/// A finding as `--json` has it.
#[derive(Clone, Debug)]
pub struct Found {
    pub severity: String,
    pub what: String,
    pub fix: String,
    pub advice: String,
}

/// A machine below a root of its own.
pub struct Machine {
    pub scratch: Scratch,
    pub root: PathBuf,
    pub tools: PathBuf,
    pub role: &'static str,
    pub variables: Vec<(String, String)>,
    pub distccd: Option<u32>,
}

impl Machine {
    /// A helper as `install --helper` makes it.
    pub fn helper(name: &str) -> Machine {
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
    pub fn client(name: &str) -> (Machine, TcpListener) {
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

    pub fn rules(&self) -> String {
        let below = self.root.join("etc/ccroute/rules.d");
        format!(
            "{}:{}",
            self.scratch.path("rules").display(),
            below.display()
        )
    }

    /// A call of ccroute in the machine's environment.
    pub fn ccroute(&self, words: &[&str]) -> Call {
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

    pub fn install(&self) {
        self.ccroute(&["install", self.role]).run().expect(0);
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(n, _)| n != name);
        self.variables.push((name.into(), value.into()));
    }

    pub fn doctor(&self, options: &[&str]) -> Ran {
        let call = self.ccroute(&["doctor", self.role]).args(options);
        match self.distccd {
            Some(id) => call.args(["--distccd", &id.to_string()]).run(),
            None => call.run(),
        }
    }

    /// What it finds; of this machine's kernel nothing, which is not what is tested.
    pub fn findings(&self) -> Vec<Found> {
        self.findings_with(&["--json", "--quick"])
    }

    pub fn findings_with(&self, options: &[&str]) -> Vec<Found> {
        self.all_findings(options, false)
    }

    pub fn all_findings(&self, options: &[&str], all: bool) -> Vec<Found> {
        let ran = self.doctor(options);
        let json: Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        assert_eq!(json["version"], 2);
        let text = |f: &Value, key: &str| f[key].as_str().unwrap().to_owned();
        let list = json["findings"].as_array().unwrap().iter();
        let found: Vec<Found> = list
            .map(|f| Found {
                severity: text(f, "severity"),
                what: text(f, "what"),
                fix: text(f, "fix"),
                advice: text(f, "advice"),
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
            // The distccd of these tests listens there, and nowhere else.
            .filter(|f| all || !f.what.ends_with("listens on 127.0.0.1 only"))
            .collect()
    }

    /// The finding of these words, which has to be there, and to be so bad.
    #[track_caller]
    pub fn find(&self, severity: &str, words: &str) -> Found {
        let found = self.findings();
        let mut fits = found.iter().filter(|f| f.what.contains(words));
        let Some(one) = fits.next() else {
            panic!("nothing says {words:?}: {found:#?}")
        };
        assert_eq!(one.severity, severity, "{one:?}");
        assert!(!one.fix.is_empty() || !one.advice.is_empty(), "{one:?}");
        one.clone()
    }

    /// Finds it, types what fixes it, and finds nothing any more.
    #[track_caller]
    pub fn is_fixed(&self, severity: &str, words: &str) {
        let found = self.find(severity, words);
        let ran = self.typed(&found.fix);
        assert_eq!(ran.code, Some(0), "{found:?}: {ran:?}");
        let left = self.findings();
        assert!(left.is_empty(), "after {:?}: {left:#?}", found.fix);
    }

    pub fn typed(&self, command: &str) -> Ran {
        // Where the commands of fixes are, and no compilers.
        let commands = [
            "rm", "chmod", "chown", "kill", "sleep", "mkdir", "sh", "sed",
        ];
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

    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A directory for distccd's jobs alone.
    pub fn private(&self) -> PathBuf {
        let private = self.scratch.dir("jobs");
        mode(&private, 0o700);
        if nix::unistd::geteuid().is_root() {
            chown(&private, Some(NOBODY), None).unwrap();
        }
        private
    }

    /// A distccd as it should be, or with something else.
    pub fn start(&mut self, variables: &[(&str, &OsStr)], options: &[&str]) -> Distccd {
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

pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
