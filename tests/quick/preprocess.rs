//! distcc's local preprocessor: which of the two runs counts, and what passes through from them. The
//! compilers are scripts.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::call::{Call, Ran};
use crate::common::{farm, Scratch};

/// A machine with a compiler that does `first` when it is told to leave macros alone, else `second`.
struct Machine {
    scratch: Scratch,
    shim: PathBuf,
    compiler: PathBuf,
}

impl Machine {
    fn new(name: &str, first: &str, second: &str) -> Machine {
        let scratch = Scratch::new(name);
        let body = format!(
            "case \" $* \" in\n*\" -fdirectives-only \"*)\n{first}\n;;\n*)\n{second}\n;;\nesac"
        );
        let compiler = scratch.script("bin/g++", &body);
        let shim = farm(&scratch, &["g++"]).join("g++");
        scratch.file("a.cc", "int a;\n");
        scratch.file("plain.h", "int b;\n");
        scratch.file("dated.h", "const char *d = __DATE__;\n");
        Machine {
            scratch,
            shim,
            compiler,
        }
    }

    /// The shim as distcc's child, told that ccroute has added one word.
    fn call(&self, words: &str) -> Call {
        let mut call = Call::new(&self.shim)
            .args(words.split(' '))
            .env("_DISTCC_SAFEGUARD", "1")
            .env("_CCROUTE_ADDED", "1")
            .env("_CCROUTE_COMPILER", &self.compiler)
            .env("CCROUTE_RULES_DIR", self.scratch.dir("rules"));
        call.command.current_dir(self.scratch.path(""));
        call
    }

    /// Runs it with a file as standard output; the file's content, and what else it did.
    fn preprocess(&self, words: &str) -> (String, Ran) {
        self.preprocess_with(words, &[])
    }

    fn preprocess_with(&self, words: &str, env: &[(&str, &str)]) -> (String, Ran) {
        let at = self.scratch.path("out.ii");
        let mut call = self.call(words);
        call.command.envs(env.iter().copied());
        call.command.stdout(File::create(&at).unwrap());
        let child = call.command.stderr(Stdio::piped()).spawn().unwrap();
        let ran = Ran::of(child.wait_with_output().unwrap());
        (fs::read_to_string(at).unwrap(), ran)
    }
}

const WORDS: &str = "-fdirectives-only -E a.cc";

/// A preprocessor's text that says that it entered a header, as a script prints it.
fn entering(header: &str) -> String {
    format!("printf '# 0 \"a.cc\"\\n# 1 \"{header}\" 1\\nfirst\\n'")
}

#[test]
fn a_sound_text_is_the_one_that_leaves() {
    let first = format!(
        "{}; echo 'a.h:1:2: warning: #warning x [-Wcpp]' >&2",
        entering("plain.h")
    );
    let machine = Machine::new("sound", &first, "echo second; echo said >&2");
    let (text, ran) = machine.preprocess(WORDS);
    assert!(text.ends_with("first\n"), "{text}");
    let ran = ran.expect(0);
    assert_eq!(ran.stderr, "a.h:1:2: warning: #warning x [-Wcpp]\n");
}

#[test]
fn an_unsound_text_and_what_was_said_with_it_are_forgotten() {
    let second = "echo second; echo \"said $*\" >&2; exit 3";
    for first in [
        // Longer than the second, so that what is left of it would show.
        format!("{}; echo early >&2", entering("dated.h")),
        entering("gone.h"),
        format!("{}; echo error >&2; exit 1", entering("plain.h")),
        format!("{}; echo 'a.h:1: warning: odd' >&2", entering("plain.h")),
    ] {
        let machine = Machine::new("unsound", &first, second);
        let (text, ran) = machine.preprocess(WORDS);
        assert_eq!(text, "second\n", "{first}");
        // The second run's code is the preprocessor's. What it said, distcc's compile here says.
        assert_eq!(ran.expect(3).stderr, "", "{first}");
    }
}

#[test]
fn what_the_second_run_said_is_shown_where_nothing_says_it_again() {
    let first = entering("dated.h");
    let failing = "echo \"said $*\" >&2; exit 3";
    for variable in [("DISTCC_FALLBACK", "0"), ("DISTCC_SKIP_LOCAL_RETRY", "")] {
        let machine = Machine::new("alone", &first, failing);
        let (_, ran) = machine.preprocess_with(WORDS, &[variable]);
        assert_eq!(ran.expect(3).stderr, "said -E a.cc\n", "{variable:?}");
    }
    let machine = Machine::new("well", &first, "echo second; echo warned >&2");
    let (text, ran) = machine.preprocess(WORDS);
    assert_eq!(
        (text.as_str(), ran.expect(0).stderr.as_str()),
        ("second\n", "warned\n")
    );
}

#[test]
fn an_output_that_cannot_be_begun_anew_has_one_run() {
    let machine = Machine::new("pipe", &entering("plain.h"), "echo second");
    let ran = machine.call(WORDS).run().expect(0);
    assert_eq!(ran.stdout, "second\n");
    // Nor can one that has a beginning already.
    let at = machine.scratch.path("out");
    let mut file = File::create(&at).unwrap();
    file.write_all(b"before\n").unwrap();
    let mut call = machine.call(WORDS);
    call.command.stdout(file);
    assert!(call.command.status().unwrap().success());
    assert_eq!(fs::read_to_string(at).unwrap(), "before\nsecond\n");
}

#[test]
fn a_compile_under_distcc_and_a_kernel_are_not_examined() {
    let machine = Machine::new("others", &entering("dated.h"), "echo \"second $*\"");
    let (text, ran) = machine.preprocess("-fdirectives-only -c a.cc");
    ran.expect(0);
    assert_eq!(text, "second -c a.cc\n");
    let kernel = "-fdirectives-only -D__KERNEL__ -include ./include/linux/kconfig.h -I./arch/x86/include -E a.cc";
    let (text, ran) = machine.preprocess(kernel);
    ran.expect(0);
    assert!(text.ends_with("first\n"), "{text}");
    // The words count only if ccroute put them there.
    let mut call = machine.call("-O2 -E a.cc");
    let ran = Ran::of(call.command.output().unwrap()).expect(0);
    assert_eq!(ran.stdout, "second -O2 -E a.cc\n");
}

#[test]
fn a_signal_ends_both() {
    let machine = Machine::new("killed", "kill -KILL $$", "echo second");
    let (text, ran) = machine.preprocess(WORDS);
    assert_eq!((text.as_str(), ran.signal), ("", Some(libc::SIGKILL)));

    let first = "trap 'echo told >told; exit 1' TERM; echo $$ >began; while :; do sleep 0.05; done";
    let machine = Machine::new("told", first, "echo second");
    let mut call = machine.call(WORDS);
    let output = File::create(machine.scratch.path("out.ii")).unwrap();
    let mut child = call.command.stdout(output).spawn().unwrap();
    let wait_for = |name: &str| {
        let until = Instant::now() + Duration::from_secs(20);
        while !machine.scratch.path(name).exists() {
            assert!(Instant::now() < until, "no {name}");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    wait_for("began");
    child.kill().unwrap();
    child.wait().unwrap();
    wait_for("told");
}
