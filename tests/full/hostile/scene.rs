//! Where the harm of a refused argument is done with a real compiler, and seen.

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ccroute::compiler::name::CompilerName;
use ccroute::helper::hostile::{hostile, JobFiles};

/// What shows that the harm was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// The program ran.
    Ran,
    /// The shared object's constructor ran.
    Loaded,
    /// A file appeared outside the job's directory, or one that was there grew.
    Wrote,
    /// A word of a file outside the job is in the compiler's messages.
    Read,
    /// A pipe outside the job was opened for reading.
    Opened,
    /// A function of a file outside the job is in the object.
    Linked,
    /// Exit status 0, and no object.
    NoObject,
}
use Shows::*;

/// A directory in which the harm is done, removed at the end.
pub struct Scene(pub PathBuf);

impl Scene {
    pub fn new(label: &str) -> Scene {
        let dir =
            std::env::temp_dir().join(format!("ccroute-proof-{label}-{}", std::process::id()));
        fs::create_dir_all(dir.join("bin")).unwrap();
        let scene = Scene(dir);
        let script = format!("#!/bin/sh\necho >{}\nexit 0\n", scene.path("ran").display());
        // An assembler under a name that is not installed, in what clang takes for a gcc.
        let foreign = "toolchain/usr/sparc-linux-gnu/bin/sparc-linux-gnu-as";
        for name in ["run", "bin/cc1", "bin/as", foreign] {
            let path = scene.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let gcc = scene.path("toolchain/usr/lib/gcc/sparc-linux-gnu/99");
        fs::create_dir_all(&gcc).unwrap();
        fs::write(gcc.join("crtbegin.o"), "").unwrap();
        let so = scene.path("x.so");
        let source = format!(
            "#include <stdio.h>\n__attribute__((constructor)) static void f(void)\n\
             {{ FILE *o = fopen(\"{}\", \"w\"); if (o) fclose(o); }}\n",
            scene.path("loaded").display()
        );
        fs::write(scene.path("x.c"), source).unwrap();
        let built = Command::new("gcc")
            .args(["-shared", "-fPIC", "-o"])
            .args([&so, &scene.path("x.c")])
            .status();
        assert!(
            built.is_ok_and(|s| s.success()),
            "gcc builds the object to load"
        );
        let plugin = format!("-fplugin={}", so.display());
        fs::write(scene.path("args"), &plugin).unwrap();
        fs::write(scene.path("args.cfg"), &plugin).unwrap();
        scene.bait();
        fs::write(scene.path("specs"), format!("*cc1:\n+ {plugin}\n")).unwrap();
        fs::write(scene.path("secret"), "sesame open\n").unwrap();
        scene
    }

    /// Headers, and compiled code, that are not the job's.
    fn bait(&self) {
        for (name, text) in [
            ("hdr/bait.h", "#error sesame\n"),
            ("hdr/ok.h", "\n"),
            ("hdr/F.framework/Headers/bait.h", "#error sesame\n"),
            ("res/include/stddef.h", "#error sesame\n"),
            ("code.c", "int planted(void) { return 42; }\n"),
        ] {
            let path = self.path(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let overlay = format!(
            r#"{{"version":0,"roots":[{{"type":"directory","name":"{}","contents":[{{"type":"file","name":"virtual.h","external-contents":"{}"}}]}}]}}"#,
            self.tree().display(),
            self.path("hdr/bait.h").display()
        );
        fs::write(self.path("overlay"), overlay).unwrap();
        for (kind, name) in [("-emit-llvm", "code.bc"), ("-emit-ast", "code.ast")] {
            let built = Command::new("clang")
                .args(["-c", kind, "-o"])
                .args([self.path(name), self.path("code.c")])
                .status();
            assert!(built.is_ok_and(|s| s.success()), "clang {kind}");
        }
        let made = Command::new("mkfifo").arg(self.path("pipe")).status();
        assert!(made.is_ok_and(|s| s.success()), "mkfifo");
    }

    /// Where a pump job's source is.
    fn tree(&self) -> PathBuf {
        self.path("job/distccd_tree/src")
    }

    /// Whether a process that is running opens the pipe; until it ends.
    fn opens_pipe(&self, child: &mut Child) -> bool {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            let mut options = fs::OpenOptions::new();
            let pipe = options.write(true).custom_flags(nix::libc::O_NONBLOCK);
            // Fails while nobody reads.
            if pipe.open(self.path("pipe")).is_ok() {
                return true;
            }
            if child.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        false
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Runs one command line in a fresh job and says whether the harm was done.
    pub fn shows(&self, compiler: &str, shows: Shows, line: &str) -> bool {
        let (job_dir, out) = (self.path("job"), self.path("out"));
        for dir in [&job_dir, &out] {
            let _ = fs::remove_dir_all(dir);
            fs::create_dir_all(dir).unwrap();
        }
        for mark in ["ran", "loaded"] {
            let _ = fs::remove_file(self.path(mark));
        }
        let source = "int g(int x) { return x; }\nint f(int x) { return g(x) + 1; }\n";
        fs::write(job_dir.join("distccd_a.i"), source).unwrap();
        fs::write(job_dir.join("distccd_a.ii"), "import foo;\nint y;\n").unwrap();
        fs::write(
            job_dir.join("distccd_crash.c"),
            "#pragma clang __debug crash\n",
        )
        .unwrap();
        fs::create_dir_all(self.tree()).unwrap();
        for (name, include) in [
            ("a.c", "\"bait.h\""),
            ("framework.c", "<F/bait.h>"),
            ("builtin.c", "<stddef.h>"),
            ("virtual.c", "\"virtual.h\""),
        ] {
            fs::write(self.tree().join(name), format!("#include {include}\n")).unwrap();
        }
        let mut words = self.words(line, &job_dir);
        let cwd = match names_as_the_client(line) {
            true => {
                words.extend(["-MMD", "-MF"].map(String::from));
                words.push(job_dir.join("distcc_1.deps").display().to_string());
                self.tree()
            }
            false => job_dir.clone(),
        };
        let job = JobFiles::find(&words, &cwd);
        let tool = CompilerName::parse(compiler.as_bytes()).unwrap().tool;
        let found = hostile(tool, &words, &job);
        assert!(found.is_some(), "passes: {compiler} {line}");
        let mut child = Command::new(compiler)
            .args(&words)
            .current_dir(&cwd)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if shows == Opened {
            let opened = self.opens_pipe(&mut child);
            let _ = child.kill();
            let _ = child.wait();
            return opened;
        }
        let done = child.wait_with_output().unwrap();
        let text = [done.stdout, done.stderr].concat();
        match shows {
            Ran => self.path("ran").exists(),
            Loaded => self.path("loaded").exists(),
            Wrote => fs::read_dir(&out).unwrap().next().is_some(),
            Read => {
                let text = String::from_utf8_lossy(&text);
                text.contains("sesame") || text.contains("magic number")
            }
            Opened => unreachable!(),
            Linked => fs::read(job_dir.join("distccd_b.o"))
                .is_ok_and(|o| o.windows(7).any(|w| w == b"planted")),
            NoObject => done.status.success() && !job_dir.join("distccd_b.o").exists(),
        }
    }

    /// The line's words, with distccd's own output unless the line names one.
    pub fn words(&self, line: &str, job_dir: &Path) -> Vec<String> {
        let fill = |word: &str| {
            let mut word = word.to_owned();
            for (name, path) in [
                ("{out}", self.path("out")),
                ("{so}", self.path("x.so")),
                ("{run}", self.path("run")),
                ("{bin}", self.path("bin")),
                ("{secret}", self.path("secret")),
                ("{args}", self.path("args")),
                ("{specs}", self.path("specs")),
                ("{toolchain}", self.path("toolchain")),
                ("{scene}", self.0.clone()),
                ("{hdr}", self.path("hdr")),
                ("{res}", self.path("res")),
                ("{overlay}", self.path("overlay")),
                ("{bitcode}", self.path("code.bc")),
                ("{ast}", self.path("code.ast")),
                ("{pipe}", self.path("pipe")),
                ("{crash}", job_dir.join("distccd_crash.c")),
                ("{src}", job_dir.join("distccd_a.i")),
                ("{import}", job_dir.join("distccd_a.ii")),
            ] {
                word = word.replace(name, &path.display().to_string());
            }
            word
        };
        let mut words: Vec<String> = line.split(' ').map(fill).collect();
        if !line.contains("{out}/x") || !line.contains("-o") && !line.contains("--output") {
            // In front: an option that names another object stands behind it.
            let at = usize::from(line.starts_with("-cc1"));
            let own = job_dir.join("distccd_b.o").display().to_string();
            words.splice(at..at, ["-o".to_owned(), own]);
        }
        words
    }
}

/// A pump job's input is named as the client named it.
fn names_as_the_client(line: &str) -> bool {
    ["a.c", "framework.c", "builtin.c", "virtual.c", "bait.h"]
        .iter()
        .any(|name| line.ends_with(&format!(" {name}")))
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
