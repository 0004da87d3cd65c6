//! A client in a scratch directory, for tests against real distcc.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use super::{need, Scratch};

/// A client in a scratch directory: ccroute, its links, its rules, distcc's state.
pub struct Client {
    pub scratch: Scratch,
    pub hosts: String,
}

impl Client {
    /// A client as `install --client` makes it.
    pub fn installed(name: &str, hosts: &str) -> Client {
        let client = Client::bare(name, hosts);
        let output = client.install("install");
        assert!(output.status.success(), "{}", text(&output));
        client
    }

    /// A client without rules and links.
    pub fn bare(name: &str, hosts: &str) -> Client {
        for (program, package) in [("distcc", "distcc"), ("gcc", "gcc"), ("g++", "g++")] {
            need(program, package);
        }
        let scratch = Scratch::new(name);
        for dir in ["bin", "root/masq", "state", "work", "rules"] {
            fs::create_dir_all(scratch.at(dir)).unwrap();
        }
        // Another process copies: see crate::common::lab::write.
        let mut copy = Command::new("cp");
        copy.args([env!("CARGO_BIN_EXE_ccroute"), "-T"])
            .arg(scratch.at("bin/ccroute"));
        assert!(copy.status().unwrap().success());
        scratch.link("bin/ccroute-run", "ccroute");
        Client {
            scratch,
            hosts: hosts.into(),
        }
    }

    pub fn install(&self, word: &str) -> Output {
        Command::new(self.at("bin/ccroute"))
            .args([word, "--client", "--masquerade", "/masq", "--root"])
            .arg(self.at("root"))
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap()
    }

    pub fn at(&self, path: &str) -> PathBuf {
        self.scratch.at(path)
    }

    /// The command, with the masquerade directory first on PATH.
    pub fn command(&self, words: &[&str]) -> Command {
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            self.at("root/masq").display(),
            self.at("bin").display()
        );
        let rules = format!(
            "{}:{}",
            self.at("rules").display(),
            self.at("root/etc/ccroute/rules.d").display()
        );
        // The program is found on the PATH that it gets, not on this process's.
        let mut command = Command::new("/usr/bin/env");
        command
            .args(words)
            .current_dir(self.at("work"))
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.at("home"))
            .env("CCROUTE_RULES_DIR", rules)
            .env(
                "CCROUTE_COMPILERS",
                self.at("root/var/lib/ccroute/compilers"),
            )
            .env("DISTCC_DIR", self.at("state"))
            .env("DISTCC_HOSTS", &self.hosts)
            .env("DISTCC_IO_TIMEOUT", "20")
            .stdin(Stdio::null());
        command
    }

    /// Runs it and returns what distcc says.
    pub fn verbose(&self, words: &[&str]) -> String {
        let output = self
            .command(words)
            .env("DISTCC_VERBOSE", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        text(&output)
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        let path = self.at("work").join(path);
        fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    /// The object that the system's compiler makes of the same words.
    pub fn natively(&self, words: &[&str], object: &str) -> Vec<u8> {
        let output = Command::new("/usr/bin/env")
            .args(words)
            .current_dir(self.at("work"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output));
        self.read(object)
    }
}

/// What a program wrote, both streams.
pub fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|t| String::from_utf8_lossy(t));
    format!("{out}{err}")
}
