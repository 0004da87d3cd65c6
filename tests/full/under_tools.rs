//! The shim under the tools that people build in: fakechroot, proot, bubblewrap, user namespaces, valgrind, and
//! libraries that the loader is told to put into a process, as Portage's sandbox and pseudo are.
//!
//! A guest root holds the program, rules that add `-DGUEST`, and a compiler that prints its arguments. The
//! host's own rules and compilers must play no part.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::call::{copy_of_ccroute, run, tool_output, Ran};
use crate::common::{need, Scratch};

/// What the guest's compiler prints for [`CALL`].
const ANSWER: &str = "guest: /usr/bin/gcc -DGUEST -c x.c\n";
/// A compile in the guest, through the shim.
const CALL: &str = "PATH=/shims:/usr/bin gcc -c x.c";

const COMPILER: &str = "#include <stdio.h>\n\
    int main(int argc, char **argv) {\n\
    \tprintf(\"guest:\");\n\tfor (int i = 0; i < argc; i++) printf(\" %s\", argv[i]);\n\tputs(\"\");\n\treturn 0;\n}\n";

struct Guest {
    scratch: Scratch,
}

impl Guest {
    fn new(name: &str) -> Guest {
        let scratch = Scratch::new(name);
        let guest = Guest { scratch };
        for dir in [
            "usr/bin",
            "shims",
            "tmp",
            "proc",
            "dev",
            "etc/ccroute/rules.d",
        ] {
            fs::create_dir_all(guest.root().join(dir)).unwrap();
        }
        symlink("usr/bin", guest.root().join("bin")).unwrap();
        symlink("../usr/bin/ccroute", guest.root().join("shims/gcc")).unwrap();
        copy_of_ccroute(&guest.root().join("usr/bin/ccroute"));
        let source = guest.scratch.file("compiler.c", COMPILER);
        let compiler = guest.root().join("usr/bin/gcc");
        tool_output("cc", [&source, Path::new("-o"), &compiler], Path::new("/"));
        tool_output(
            "cp",
            [Path::new("/bin/sh"), &guest.root().join("usr/bin/sh")],
            Path::new("/"),
        );
        for program in ["ccroute", "sh"] {
            guest.libraries(&guest.root().join("usr/bin").join(program));
        }
        let rules = guest.root().join("etc/ccroute/rules.d/50-guest.rules");
        fs::write(rules, "[native direct]\nflags = -DGUEST\n").unwrap();
        guest
    }

    fn root(&self) -> PathBuf {
        self.scratch.path("root")
    }

    /// Copies the libraries that a program needs to where the loader looks for them.
    fn libraries(&self, program: &Path) {
        let list = tool_output("ldd", [program], Path::new("/"));
        let paths = list.split_whitespace().filter(|w| w.starts_with('/'));
        for path in paths {
            let to = self.root().join(path.trim_start_matches('/'));
            if !to.exists() {
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                tool_output(
                    "cp",
                    [Path::new("-L"), Path::new(path), &to],
                    Path::new("/"),
                );
            }
        }
    }

    /// Runs a command that gets into the guest, `{}` being its root, as a user who is not root.
    fn enter(&self, command: &[&str]) -> Ran {
        let root = self.root().display().to_string();
        let words: Vec<String> = command.iter().map(|w| w.replace("{}", &root)).collect();
        let mut all = vec![need(&words[0]).display().to_string()];
        all.extend_from_slice(&words[1..]);
        if nix::unistd::geteuid().is_root() {
            let user = [
                "--reuid",
                "65533",
                "--regid",
                "65533",
                "--clear-groups",
                "--",
            ];
            let mut before = vec![need("setpriv").display().to_string()];
            before.extend(user.map(String::from));
            all.splice(0..0, before);
        }
        let mut command = Command::new(&all[0]);
        command.args(&all[1..]).current_dir("/").env_clear();
        command.env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        run(&mut command)
    }

    #[track_caller]
    fn serves(&self, command: &[&str]) {
        let ran = self.enter(command).expect(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            (ANSWER, ""),
            "{command:?}"
        );
    }
}

#[test]
fn fakechroot() {
    Guest::new("fakechroot").serves(&["fakechroot", "chroot", "{}", "/bin/sh", "-c", CALL]);
}

#[test]
fn proot_with_and_without_proc() {
    let guest = Guest::new("proot");
    need("proot");
    guest.serves(&[
        "proot", "-r", "{}", "-b", "/dev", "-w", "/", "/bin/sh", "-c", CALL,
    ]);
    guest.serves(&[
        "proot", "-r", "{}", "-b", "/dev", "-b", "/proc", "-w", "/", "/bin/sh", "-c", CALL,
    ]);
}

#[test]
fn bubblewrap_and_a_user_namespace() {
    let guest = Guest::new("userns");
    need("bwrap");
    guest.serves(&[
        "bwrap",
        "--ro-bind",
        "{}",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "sh",
        "-c",
        CALL,
    ]);
    let inside = format!(
        "mount --rbind /proc {}/proc && exec chroot {} /bin/sh -c '{CALL}'",
        guest.root().display(),
        guest.root().display()
    );
    guest.serves(&[
        "unshare",
        "--map-root-user",
        "--mount",
        "/bin/sh",
        "-c",
        &inside,
    ]);
}

/// Root's files have the overflow uid in a user namespace. One that the group can write to is refused all the same.
#[test]
fn a_user_namespace_excuses_no_writable_rules() {
    let guest = Guest::new("userns-open");
    let rules = guest.root().join("etc/ccroute/rules.d/50-guest.rules");
    fs::set_permissions(&rules, fs::Permissions::from_mode(0o664)).unwrap();
    let call = [
        "bwrap",
        "--ro-bind",
        "{}",
        "/",
        "--dev",
        "/dev",
        "--proc",
        "/proc",
        "sh",
        "-c",
        CALL,
    ];
    let ran = guest.enter(&call).expect(78);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr
            .contains("50-guest.rules: it is writable by group or others"),
        "{ran:?}"
    );
}

/// A chroot in which nobody mounted /proc. An earlier version executed `./ccroute` of the working directory there.
#[test]
fn without_proc() {
    let guest = Guest::new("no-proc");
    let trap = guest.root().join("tmp/ccroute");
    fs::copy(guest.root().join("usr/bin/gcc"), &trap).unwrap();
    let call = format!("cd /tmp; {CALL}; PATH=/shims:/usr/bin gcc -march=native -c x.c");
    let mut command = Command::new(need("unshare"));
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
        .args(["--mount", "chroot"])
        .arg(guest.root())
        .args(["/bin/sh", "-c", &call]);
    let ran = run(command.env_clear().env("PATH", "/usr/bin:/usr/sbin")).expect(0);
    let second = ANSWER.replace("-c x.c", "-march=native -c x.c");
    assert_eq!(ran.stdout, format!("{ANSWER}{second}"), "{ran:?}");
}

/// Builds a library and runs a compile of this machine's with it in the variable that the loader reads.
fn with_library(name: &str, variable: &str, code: &str) -> (Scratch, Ran) {
    let scratch = Scratch::new(name);
    let source = scratch.file("library.c", code);
    let library = scratch.path("library.so");
    let words = ["-shared", "-fPIC", "-D_GNU_SOURCE", "-o"].map(Path::new);
    tool_output(
        "cc",
        words
            .into_iter()
            .chain([library.as_path(), source.as_path()]),
        &scratch.0,
    );
    let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
    fs::create_dir(scratch.path("shims")).unwrap();
    symlink(program, scratch.path("shims/gcc")).unwrap();
    scratch.file("rules/50-test.rules", "[native direct]\nflags = -DTEST=1\n");
    scratch.file("x.c", "int x = TEST;\n");
    let mut command = Command::new(scratch.path("shims/gcc"));
    command
        .args(["-c", "x.c", "-o", "x.o"])
        .current_dir(&scratch.0)
        .env_clear();
    command.env(
        "PATH",
        format!("{}:/usr/bin:/bin", scratch.path("shims").display()),
    );
    command.env("CCROUTE_RULES_DIR", scratch.path("rules"));
    command
        .env("HOME", &scratch.0)
        .env("LOG", scratch.path("log"));
    let ran = run(command.env(variable, &library)).expect(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert!(scratch.path("x.o").exists());
    (scratch, ran)
}

/// Portage's sandbox, pseudo and scratchbox2 see a file only if it is opened through the C library.
#[test]
fn a_preloaded_library_sees_every_file_and_the_exec() {
    let code = "#include <dlfcn.h>\n#include <fcntl.h>\n#include <stdarg.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <unistd.h>\n\
        static void note(const char *call, const char *path) {\n\
        \tint fd = ((int (*)(const char *, int, int))dlsym(RTLD_NEXT, \"open\"))(getenv(\"LOG\"), O_WRONLY | O_APPEND | O_CREAT, 0644);\n\
        \tdprintf(fd, \"%s %s\\n\", call, path);\n\tclose(fd);\n}\n\
        int open64(const char *path, int flags, ...) {\n\
        \tva_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list);\n\
        \tnote(\"open\", path);\n\treturn ((int (*)(const char *, int, int))dlsym(RTLD_NEXT, \"open64\"))(path, flags, mode);\n}\n\
        int execve(const char *path, char *const argv[], char *const envp[]) {\n\
        \tnote(\"execve\", path);\n\treturn ((int (*)(const char *, char *const[], char *const[]))dlsym(RTLD_NEXT, \"execve\"))(path, argv, envp);\n}\n";
    let (scratch, _) = with_library("preload", "LD_PRELOAD", code);
    let log = fs::read_to_string(scratch.path("log")).unwrap();
    let rules = format!("open {}\n", scratch.path("rules/50-test.rules").display());
    assert!(log.contains(&rules), "{log}");
    assert!(log.contains("execve /usr/bin/gcc\n"), "{log}");
}

#[test]
fn an_auditing_library_is_no_hindrance() {
    let code = "unsigned la_version(unsigned version) { return version; }\n";
    with_library("audit", "LD_AUDIT", code);
}

#[test]
fn valgrind_with_march_native() {
    let scratch = Scratch::new("valgrind");
    let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
    fs::create_dir(scratch.path("shims")).unwrap();
    symlink(program, scratch.path("shims/gcc")).unwrap();
    scratch.file("x.c", "int x;\n");
    for flags in [&["-c", "x.c"][..], &["-march=native", "-c", "x.c"]] {
        let mut command = Command::new(need("valgrind"));
        command
            .args(["-q", "--error-exitcode=99"])
            .arg(scratch.path("shims/gcc"));
        command.args(flags).current_dir(&scratch.0);
        command.env(
            "PATH",
            format!("{}:/usr/bin:/bin", scratch.path("shims").display()),
        );
        let ran = run(command.env("HOME", &scratch.0)).expect(0);
        assert_eq!(
            (ran.stdout.as_str(), ran.stderr.as_str()),
            ("", ""),
            "{flags:?}"
        );
        fs::remove_file(scratch.path("x.o")).unwrap();
    }
}
