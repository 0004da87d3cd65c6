//! The shims that ccroute is held against, and ccroute in each of its roles, all built or linked
//! into one temporary directory.

use std::ffi::OsString;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use nix::fcntl::{FcntlArg, FdFlag};

/// What the name of a shim stands for in the measurements.
pub struct Case {
    pub title: String,
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub env: Vec<(&'static str, OsString)>,
    /// The code it must exit with.
    pub exit: i32,
}

/// Does nothing: the compiler, the launcher, and what every time is held against.
const EMPTY: &str = "int main(void) { return 0; }\n";

/// The shim of shims: runs one compiler, whatever it is called by.
fn wrapper(compiler: &Path) -> String {
    format!(
        "#include <unistd.h>\nint main(int argc, char **argv) {{\n\
         \t(void)argc;\n\targv[0] = \"{0}\";\n\texecv(argv[0], argv);\n\treturn 127;\n}}\n",
        compiler.display()
    )
}

/// The same by Rust's standard library.
fn rust_wrapper(compiler: &Path) -> String {
    format!(
        "use std::os::unix::process::CommandExt;\nfn main() {{\n\
         \x20   let mut command = std::process::Command::new({0:?});\n\
         \x20   command.args(std::env::args_os().skip(1)).exec();\n\
         \x20   std::process::exit(127);\n}}\n",
        compiler.display().to_string()
    )
}

/// A directory where everything is.
pub struct Farm {
    pub root: PathBuf,
    /// A connection from a client, both its ends; the second is inherited, as by distccd's compilers.
    _connection: (TcpStream, TcpStream),
}

fn connection() -> std::io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (helper, _) = listener.accept()?;
    let inherit = FcntlArg::F_SETFD(FdFlag::empty());
    nix::fcntl::fcntl(&helper, inherit)?;
    // It is descriptor 5, as distccd's, if standard input, output and error are open and nothing else.
    Ok((client, helper))
}

impl Farm {
    pub fn new() -> Farm {
        let root = env::temp_dir().join(format!("startup-bench-{}", std::process::id()));
        let _connection = connection().expect("127.0.0.1 is there");
        let farm = Farm { root, _connection };
        for dir in [
            "bin",
            "shims",
            "static",
            "whole",
            "rules",
            "helper",
            "open",
            // What a compiler outside the system's directories has beside it.
            "lib/gcc",
            // Where calls are recorded from the second on.
            "home/.local/state/ccroute",
            "masquerade",
            "disabled",
            "peers",
        ] {
            fs::create_dir_all(farm.root.join(dir)).expect("the temporary directory is writable");
        }
        farm
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("the temporary directory is writable");
        path
    }

    /// Compiles C; `None`, with a word to the user, where that fails (no static libc).
    fn c(&self, name: &str, text: &str, flags: &[&str]) -> Option<PathBuf> {
        self.c_by("cc", name, text, flags)
    }

    fn c_by(&self, cc: &str, name: &str, text: &str, flags: &[&str]) -> Option<PathBuf> {
        let source = self.write(&format!("{name}.c"), text);
        let program = self.path(name);
        let mut cc = Command::new(cc);
        cc.args(["-O2", "-s", "-o"])
            .arg(&program)
            .args(flags)
            .arg(source);
        built(cc, name).then_some(program)
    }

    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&path, mode).expect("it is our own file");
        path
    }

    fn link(&self, name: &str, to: &Path) -> PathBuf {
        let path = self.path(name);
        symlink(to, &path).expect("the temporary directory is writable");
        path
    }

    /// The program that measures.
    pub fn runner(&self) -> PathBuf {
        let source = include_str!("run.c");
        self.c("run", source, &["-static"])
            .or_else(|| self.c("run", source, &[]))
            .expect("the benchmark needs a C compiler called cc")
    }

    /// Every peer that can be had here, the empty program first and the dynamic C wrapper second.
    pub fn peers(&self) -> Vec<Case> {
        let empty = self.c("bin/x86_64-empty", EMPTY, &[]).expect("cc works");
        // What the shims run, under every name that some role looks for.
        for name in [
            "gcc",
            "x86_64-linux-gnu-gcc",
            "arm-linux-gnueabihf-gcc",
            "distcc",
        ] {
            fs::copy(&empty, self.path("bin").join(name)).expect("the directory is writable");
        }
        let gcc = self.path("bin/gcc");
        let mut cases = vec![self.case("empty program", Some(empty))];
        cases.push(self.case("C, dynamic", self.c("peers/c", &wrapper(&gcc), &[])));
        cases.push(self.case(
            "C, static",
            self.c("peers/c-static", &wrapper(&gcc), &["-static"]),
        ));
        let musl = self.c_by("musl-gcc", "peers/c-musl", &wrapper(&gcc), &["-static"]);
        cases.push(self.case("C, static by musl", musl));
        let source = self.write("peers/rust.rs", &rust_wrapper(&gcc));
        let rust = self.path("peers/rust");
        let mut rustc = Command::new("rustc");
        rustc
            .args(["-O", "-Cpanic=abort", "-Clto=fat", "-Cstrip=symbols", "-o"])
            .arg(&rust)
            .arg(source);
        cases.push(self.case("Rust std, dynamic", built(rustc, "rust").then_some(rust)));
        let script = |shell: &str, body: &str| {
            let name = format!("peers/{}", shell.rsplit('/').next().unwrap_or(shell));
            let found = Path::new(shell).exists();
            found.then(|| self.script(&name, &format!("#!{shell}\n{body}\n")))
        };
        let exec = format!("exec {} \"$@\"", gcc.display());
        cases.push(self.case("dash script", script("/bin/dash", &exec)));
        cases.push(self.case("bash script", script("/bin/bash", &exec)));
        // As the distribution's guide has it: ask the compiler for the triple, at each call.
        let recipe = self.script(
            "peers/recipe",
            &format!(
                "#!/bin/bash\nTRIPLET=$(/usr/bin/gcc -dumpmachine)\n\
                 exec {}/bin/$TRIPLET-${{0:$[-2]}} \"$@\"\n",
                self.root.display()
            )
            .replace("${0:$[-2]}", "gcc"),
        );
        let has_gcc = Path::new("/usr/bin/gcc").exists();
        cases.push(self.case("recipe: gcc -dumpmachine", has_gcc.then_some(recipe)));
        cases.extend(self.masquerades());
        cases.retain(|case| {
            let there = case.program.exists();
            if !there {
                eprintln!("left out, because it cannot be had here: {}", case.title);
            }
            there
        });
        cases
    }

    fn masquerades(&self) -> Vec<Case> {
        let mut cases = Vec::new();
        let distcc = Path::new("/usr/bin/distcc");
        if distcc.exists() {
            let mut case = self.case(
                "distcc, local job",
                Some(self.link("masquerade/gcc", distcc)),
            );
            case.env = vec![
                ("PATH", self.search("masquerade")),
                ("DISTCC_HOSTS", "localhost".into()),
                ("DISTCC_DIR", self.path("state").into()),
            ];
            cases.push(case);
        }
        let ccache = Path::new("/usr/bin/ccache");
        if ccache.exists() {
            let mut case = self.case("ccache, disabled", Some(self.link("disabled/gcc", ccache)));
            case.env = vec![
                ("PATH", self.search("disabled")),
                ("CCACHE_DISABLE", "1".into()),
                ("CCACHE_DIR", self.path("state").into()),
            ];
            cases.push(case);
        }
        cases
    }

    /// ccroute in each role: the shim, dynamic or static, or the whole program in its place.
    pub fn roles(&self, program: &Path, linkage: &str) -> Vec<Case> {
        let titles = [
            "helper",
            "helper, no sandbox",
            "helper, 5 MB source",
            "client, local",
            "client, sends",
            "helper, refuses",
        ];
        let of = match linkage {
            "shims" => "ccroute",
            other => other,
        };
        self.write(
            "rules/60-client.rules",
            "# What install --client writes.\n[x86_64-linux-gnu direct]\nuse = x86_64-linux-gnu\n\
             defaults = -march=x86-64 -mtune=generic -fPIE\nsend = distcc\n",
        );
        // In place of /var/log/ccroute/calls, which `install --helper` makes.
        self.write(
            "helper/10-log.rules",
            &format!("[ccroute]\nlog = {}\n", self.path("calls").display()),
        );
        self.write("open/70-open.rules", "[armv6j-*]\nsandbox = no\n");
        self.write("distccd_small.i", "# 0 \"x.c\"\nint x;\n");
        self.write("distccd_large.i", &preprocessed(5 << 20));
        let name = |n: &str| {
            let path = self.path(linkage).join(n);
            if !path.exists() {
                symlink(program, &path).expect("the directory is writable");
            }
            path
        };
        let helper = |source: &str| {
            let mut words: Vec<OsString> = vec!["-O2".into(), "-c".into()];
            words.push(self.path(source).into());
            words.extend(["-o".into(), self.path("distccd_1.o").into()]);
            words
        };
        let arm = "armv6j-hardfloat-linux-gnueabi-gcc";
        let own = "x86_64-linux-gnu-gcc";
        let sends = words(&["-O2", "-c", "x.c", "-o", "x.o"]);
        let mut cases = vec![
            (titles[0], arm, helper("distccd_small.i"), 0, true),
            (titles[1], arm, helper("distccd_small.i"), 0, true),
            (titles[2], arm, helper("distccd_large.i"), 0, true),
            (titles[3], own, words(&["-E", "x.c"]), 0, false),
            (titles[4], own, sends, 0, false),
            (titles[5], "gcc", helper("distccd_small.i"), 110, true),
        ];
        cases
            .drain(..)
            .map(|(title, called, args, exit, on_helper)| {
                let rules = match (title == titles[1], on_helper) {
                    (true, _) => self.rules(&["open", "helper"]),
                    (false, true) => self.rules(&["helper"]),
                    (false, false) => self.rules(&["rules"]),
                };
                let mut env = vec![
                    ("PATH", self.search(linkage)),
                    ("CCROUTE_RULES_DIR", rules),
                    // Where the call is recorded.
                    ("HOME", self.path("home").into()),
                ];
                if on_helper {
                    env.push(("_DISTCC_SAFEGUARD", "1".into()));
                }
                Case {
                    title: format!("{of}: {title}"),
                    program: name(called),
                    args,
                    env,
                    exit,
                }
            })
            .collect()
    }

    /// The rules of these directories, and the shipped ones.
    fn rules(&self, directories: &[&str]) -> OsString {
        let mut list = OsString::new();
        for directory in directories {
            list.push(self.path(directory));
            list.push(":");
        }
        list
    }

    /// PATH: the shims' directory, then the compilers'.
    fn search(&self, shims: &str) -> OsString {
        format!("{0}/{shims}:{0}/bin", self.root.display()).into()
    }

    fn case(&self, title: &str, program: Option<PathBuf>) -> Case {
        Case {
            title: title.into(),
            program: program.unwrap_or_default(),
            args: words(&["-O2", "-c", "x.c", "-o", "x.o"]),
            env: vec![("PATH", self.search("shims"))],
            exit: 0,
        }
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn words(list: &[&str]) -> Vec<OsString> {
    list.iter().map(OsString::from).collect()
}

fn built(mut compiler: Command, what: &str) -> bool {
    let done = compiler.stderr(Stdio::null()).status();
    let done = done.is_ok_and(|s| s.success());
    if !done {
        eprintln!("cannot be compiled here: {what}");
    }
    done
}

/// Preprocessed C of a given size, as a client's gcc leaves it.
fn preprocessed(size: usize) -> String {
    let mut text = String::from(
        "# 0 \"x.c\"\n# 0 \"<built-in>\"\n# 0 \"<command-line>\"\n\
         # 1 \"/usr/include/stdc-predef.h\" 1 3 4\n# 0 \"<command-line>\" 2\n# 1 \"x.c\"\n\
         # 1 \"/usr/lib/gcc/armv6j-hardfloat-linux-gnueabi/12/include/stddef.h\" 1 3 4\n",
    );
    let mut number = 0;
    while text.len() < size {
        number += 1;
        text.push_str(&format!(
            "# {number} \"/usr/include/header{}.h\" 3 4\nextern int function_{number} \
             (int __a, const char *__b) __attribute__ ((__nothrow__ , __leaf__));\n",
            number % 97
        ));
    }
    text
}
