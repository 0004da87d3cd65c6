//! A client whose calls are recorded.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::common::call::{Call, Trace, SYSTEM_PATH};
use crate::common::{farm, rules, Scratch, CCROUTE};

/// A client whose compiler does nothing but leave a trace, and whose calls go to a file.
pub struct Machine {
    pub scratch: Scratch,
    pub shims: PathBuf,
    pub gcc: Trace,
}

impl Machine {
    pub fn new(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        let shims = farm(&scratch, &["gcc", "vax-linux-gnu-gcc"]);
        let gcc = Trace::compiler(&scratch.path("compilers/gcc"));
        let machine = Machine {
            scratch,
            shims,
            gcc,
        };
        machine.rules(&format!("[ccroute]\nlog = {}\n", machine.file().display()));
        machine
    }

    pub fn rules(&self, text: &str) -> PathBuf {
        rules(&self.scratch, text)
    }

    pub fn file(&self) -> PathBuf {
        self.scratch.path("calls")
    }

    pub fn path(&self) -> String {
        let compilers = self.scratch.path("compilers");
        format!(
            "{}:{}:{SYSTEM_PATH}",
            self.shims.display(),
            compilers.display()
        )
    }

    pub fn call(&self, name: &str) -> Call {
        Call::new(&self.shims.join(name))
            .env("PATH", self.path())
            .rules(&self.scratch.path("rules"))
            .args(["-c", "a.c"])
    }

    /// What `stats --json` says.
    pub fn stats(&self) -> Value {
        let ran = self.ccroute(&["stats", "--json"]).run().expect(0);
        serde_json::from_str(&ran.stdout).unwrap()
    }

    pub fn ccroute(&self, words: &[&str]) -> Call {
        Call::new(Path::new(CCROUTE))
            .args(words)
            .rules(&self.scratch.path("rules"))
    }

    /// A compile that has to go well and say nothing, and how many calls are recorded then.
    #[track_caller]
    pub fn compiles(&self, call: Call) {
        let before = self.gcc.arguments().lines().count();
        call.run().silent();
        assert_eq!(self.gcc.arguments().lines().count(), before + 1);
    }
}

/// How many calls came to an action.
pub fn total(stats: &Value, action: &str) -> u64 {
    stats["total"][action].as_u64().unwrap()
}
