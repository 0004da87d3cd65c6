//! Becoming a compiler: what arrives there, and what is passed through untouched.
//!
//! The compilers here are scripts and one small C program that tell what they were given.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::common::call::{copy_of_ccroute, run, tool_output, Call};
use crate::common::Scratch;

const NAME: &str = "arm-linux-gnueabihf-gcc";

/// Prints what a process can know of itself: argv[0], the path it was executed by, its arguments
/// byte by byte, its open descriptors, its signal mask and dispositions, its umask, its directory.
const TELLER: &str = r#"
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
    char line[4096];
    printf("argv0 %s\n", argv[0]);
    printf("executed %s\n", (char *)getauxval(AT_EXECFN));
    for (int i = 1; i < argc; i++) {
        printf("arg ");
        for (unsigned char *p = (unsigned char *)argv[i]; *p; p++)
            printf("%02x", *p);
        printf("\n");
    }
    for (int fd = 0; fd < 256; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            printf("fd %d\n", fd);
    FILE *status = fopen("/proc/self/status", "r");
    /* on a helper the sandbox keeps it away */
    while (status && fgets(line, sizeof line, status))
        if ((!strncmp(line, "Sig", 3) && strncmp(line, "SigQ", 4)) || !strncmp(line, "Umask", 5) || !strncmp(line, "NoNewPrivs", 10) || !strncmp(line, "Seccomp:", 8))
            printf("status %s", line);
    mode_t mask = umask(0);
    printf("umask %o\n", mask);
    printf("nice %d\n", nice(0));
    printf("cwd %s\n", getcwd(line, sizeof line));
    for (char **e = environ; *e; e++)
        if (strncmp(*e, "_CCROUTE_", 9))
            printf("env %s\n", *e);
    return 0;
}
"#;

/// A machine whose one compiler is the teller, and ccroute under its name further up the PATH.
struct Machine {
    scratch: Scratch,
    program: PathBuf,
    shim: PathBuf,
    compiler: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        let source = scratch.file("teller.c", TELLER);
        let real = scratch.path("real");
        fs::create_dir_all(scratch.path("bin")).unwrap();
        tool_output(
            "cc",
            [source.as_os_str(), OsStr::new("-o"), real.as_os_str()],
            &scratch.0,
        );
        // A link, as distributions install compilers.
        let compiler = scratch.path("bin").join(NAME);
        symlink("../real", &compiler).unwrap();
        let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
        let shim = scratch.dir("shims").join(NAME);
        symlink(&program, &shim).unwrap();
        scratch.dir("rules");
        Machine {
            scratch,
            program,
            shim,
            compiler,
        }
    }

    fn path(&self) -> String {
        let dir = |p: &Path| p.parent().unwrap().display().to_string();
        format!("{}:{}:/usr/bin:/bin", dir(&self.shim), dir(&self.compiler))
    }

    /// The same environment for the compiler itself and for the shim.
    fn call(&self, program: &Path) -> Call {
        Call::new(program)
            .env("PATH", self.path())
            .rules(&self.scratch.path("rules"))
    }

    fn tells(&self, program: &Path, prepare: impl Fn(Call) -> Call) -> Vec<String> {
        let ran = prepare(self.call(program)).run().expect(0);
        assert_eq!(ran.stderr, "");
        ran.stdout.lines().map(str::to_owned).collect()
    }

    /// Whatever the surroundings, the compiler is told the same directly and through the shim.
    #[track_caller]
    fn same(&self, prepare: impl Fn(Call) -> Call) -> Vec<String> {
        let direct = self.tells(&self.compiler, &prepare);
        let through = self.tells(&self.shim, &prepare);
        assert_eq!(through, direct);
        direct
    }
}

fn having<'a>(lines: &'a [String], word: &str) -> Vec<&'a str> {
    let start = format!("{word} ");
    lines
        .iter()
        .filter_map(|l| l.strip_prefix(&start))
        .collect()
}

#[test]
fn the_compiler_is_called_by_its_path_as_found_links_unresolved() {
    let machine = Machine::new("argv0");
    let told = machine.tells(&machine.shim, |c| c);
    let path = machine.compiler.display().to_string();
    assert_eq!(having(&told, "argv0"), [&path]);
    assert_eq!(having(&told, "executed"), [&path]);
}

#[test]
fn arguments_are_bytes() {
    let machine = Machine::new("bytes");
    let all: Vec<u8> = (1..=255).collect();
    let args: [&[u8]; 7] = [
        b"-c",
        b"",
        b" ",
        b"\xff\xfe.c",
        b"a\nb",
        b"-DX='\"$(id)`",
        &all,
    ];
    let told = machine.same(|c| c.args(args.map(OsStr::from_bytes)));
    let hex = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect::<Vec<_>>()
            .concat()
    };
    let expected: Vec<String> = args.iter().map(|a| hex(a)).collect();
    let got: Vec<&str> = told.iter().filter_map(|l| l.strip_prefix("arg ")).collect();
    assert_eq!(got, expected);
}

#[test]
fn signals_mask_umask_and_the_rest_of_the_process_stay() {
    let machine = Machine::new("signals");
    let plain = machine.same(|c| c);
    let strange = machine.same(|mut call| {
        // SAFETY: between fork and exec only calls that are safe there.
        unsafe {
            call.command.pre_exec(|| {
                for signal in [libc::SIGPIPE, libc::SIGINT, libc::SIGCHLD, libc::SIGUSR1] {
                    libc::signal(signal, libc::SIG_IGN);
                }
                let mut set = std::mem::zeroed();
                libc::sigemptyset(&mut set);
                for signal in [libc::SIGTERM, libc::SIGUSR2, libc::SIGRTMIN() + 3] {
                    libc::sigaddset(&mut set, signal);
                }
                libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
                libc::umask(0o027);
                libc::setpriority(libc::PRIO_PROCESS, 0, 7);
                Ok(())
            });
        }
        call
    });
    assert_eq!(having(&strange, "umask"), ["27"]);
    assert_eq!(having(&strange, "nice"), ["7"]);
    let ignored = |lines: &[String]| {
        let line = lines
            .iter()
            .find_map(|l| l.strip_prefix("status SigIgn:\t"));
        u64::from_str_radix(line.unwrap().trim(), 16).unwrap()
    };
    let pipe = 1 << (libc::SIGPIPE - 1);
    assert_eq!(ignored(&plain) & pipe, 0, "SIGPIPE kills, as by default");
    assert_ne!(
        ignored(&strange) & pipe,
        0,
        "SIGPIPE was ignored and stays so"
    );
}

#[test]
fn the_environment_stays() {
    let machine = Machine::new("environment");
    let told = machine.same(|c| {
        c.env("LC_ALL", "tr_TR.UTF-8")
            .env("EMPTY", "")
            .env("BYTES", OsStr::from_bytes(b"\xff=\n"))
            .env("MAKEFLAGS", "-j8 --jobserver-auth=3,4")
    });
    assert!(told.contains(&"env EMPTY=".to_owned()));
}

/// The descriptors of the compiler's process, with two more than the usual ones open.
fn descriptors(machine: &Machine, program: &Path, helper: bool) -> Vec<String> {
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let (reader, writer) = (reader.as_raw_fd(), writer.as_raw_fd());
    let told = machine.tells(program, |mut call| {
        // SAFETY: between fork and exec only dup2.
        unsafe {
            call.command.pre_exec(move || {
                libc::dup2(reader, 30);
                libc::dup2(writer, 31);
                Ok(())
            });
        }
        match helper {
            true => {
                call.env("_DISTCC_SAFEGUARD", "1")
                    .args(["-c", "distccd_1.i", "-o", "distccd_1.o"])
            }
            false => call.args(["-c", "a.c"]),
        }
    });
    having(&told, "fd").into_iter().map(str::to_owned).collect()
}

#[test]
fn a_jobserver_passes_through_on_the_client_and_leaks_are_closed_on_the_helper() {
    let machine = Machine::new("descriptors");
    // Whoever started the tests may have left more open, and so may a test beside this one.
    for program in [&machine.compiler, &machine.shim] {
        let open = descriptors(&machine, program, false);
        let there = ["0", "1", "2", "30", "31"].map(|fd| open.contains(&fd.into()));
        assert_eq!(there, [true; 5], "{open:?}");
    }
    assert_eq!(descriptors(&machine, &machine.shim, true), ["0", "1", "2"]);
}

/// make itself: two jobs of a compiler that takes part in the jobserver run at once.
#[test]
fn make_s_jobserver_works_through_the_shim() {
    let scratch = Scratch::new("jobserver");
    let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
    let shim = scratch.dir("shims").join(NAME);
    symlink(&program, &shim).unwrap();
    scratch.dir("rules");
    // A compiler that is itself a make, as gcc -flto=jobserver starts one.
    scratch.script(
        &format!("bin/{NAME}"),
        "exec make -f \"$PWD/inner.mk\" 2>&1",
    );
    scratch.file("inner.mk", "all: a b\na b:\n\t@echo $@\n");
    scratch.file("Makefile", format!("all:\n\t+@{} -c x.c\n", shim.display()));
    let path = format!("{}:/usr/bin:/bin", scratch.path("bin").display());
    let ran = Call::new(&crate::common::need("make"))
        .args(["--no-print-directory", "-j4"])
        .env("PATH", path)
        .rules(&scratch.path("rules"))
        .dir(&scratch.0)
        .run()
        .expect(0);
    assert!(!ran.stdout.contains("jobserver unavailable"), "{ran:?}");
    assert_eq!(ran.stderr, "");
}

#[test]
fn the_three_streams_pass_through_and_nothing_is_added() {
    let machine = Machine::new("streams");
    fs::remove_file(&machine.compiler).unwrap();
    let name = format!("bin/{NAME}");
    machine
        .scratch
        .script(&name, "tr a-z A-Z; echo to-stderr >&2; exit 42");
    let mut call = machine.call(&machine.shim);
    call.command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = call.command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // More than a pipe holds.
    let text = "some text\n".repeat(20_000);
    let expected = text.to_uppercase();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let mut got = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut got)
        .unwrap();
    writer.join().unwrap();
    assert!(got == expected);
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(errors, "to-stderr\n");
    assert_eq!(child.wait().unwrap().code(), Some(42));
}

#[test]
fn codes_and_signals_of_the_compiler_are_those_of_the_shim() {
    let machine = Machine::new("codes");
    fs::remove_file(&machine.compiler).unwrap();
    let name = format!("bin/{NAME}");
    machine
        .scratch
        .script(&name, "case $1 in k*) kill -${1#k} $$;; *) exit $1;; esac");
    for code in [0, 1, 4, 78, 110, 127, 200, 255] {
        let ran = machine.call(&machine.shim).args([code.to_string()]).run();
        assert_eq!(ran.code, Some(code));
    }
    for signal in [libc::SIGILL, libc::SIGKILL, libc::SIGPIPE, libc::SIGSEGV] {
        let ran = machine
            .call(&machine.shim)
            .args([format!("k{signal}")])
            .run();
        assert_eq!(ran.signal, Some(signal));
    }
}

/// The process is replaced: whoever kills the shim kills the compiler.
#[test]
fn no_process_is_left_in_between() {
    let machine = Machine::new("process");
    fs::remove_file(&machine.compiler).unwrap();
    machine.scratch.script(&format!("bin/{NAME}"), "echo $$");
    let mut call = machine.call(&machine.shim);
    call.command.stdout(Stdio::piped());
    let child = call.command.spawn().unwrap();
    let id = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{id}\n"));
}

#[test]
fn links_copies_and_every_kind_of_path_act_the_same() {
    let machine = Machine::new("kinds");
    let shims = machine.scratch.path("shims");
    let expected = machine.tells(&machine.shim, |c| c.args(["-c", "x.c"]));
    let check = |what: &str| {
        let direct = machine.tells(&machine.shim, |c| c.args(["-c", "x.c"]));
        assert_eq!(direct, expected, "{what}, absolute");
        // By PATH and by a relative path, as a shell calls it.
        for word in [
            NAME.to_owned(),
            format!("./shims/{NAME}"),
            format!("shims/../shims/{NAME}"),
        ] {
            let told = machine.tells(Path::new("/bin/sh"), |c| {
                c.args(["-c", &format!("exec {word} -c x.c")])
                    .env("PATH", machine.path())
                    .dir(&machine.scratch.0)
            });
            assert_eq!(
                without_the_shells(&told),
                without_the_shells(&expected),
                "{what}, {word}"
            );
        }
    };
    check("a symbolic link");
    let shim = shims.join(NAME);
    fs::remove_file(&shim).unwrap();
    symlink("../opt/ccroute", &shim).unwrap();
    check("a relative link");
    symlink(&machine.program, shims.join("in-between")).unwrap();
    fs::remove_file(&shim).unwrap();
    symlink("in-between", &shim).unwrap();
    check("a link to a link");
    fs::remove_file(&shim).unwrap();
    fs::hard_link(&machine.program, &shim).unwrap();
    check("a hard link");
    fs::remove_file(&shim).unwrap();
    copy_of_ccroute(&shim);
    check("a copy");
}

/// The lines without what a shell in between changes by itself; it also reorders the environment.
fn without_the_shells(lines: &[String]) -> Vec<&str> {
    let theirs = ["env PWD=", "env OLDPWD=", "env _=", "env SHLVL=", "cwd "];
    let mut lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .filter(|line| !theirs.iter().any(|w| line.starts_with(w)))
        .collect();
    lines.sort_unstable();
    lines
}

#[test]
fn two_copies_on_one_path_do_not_chase_each_other() {
    let machine = Machine::new("copies");
    let dirs: Vec<PathBuf> = (0..4)
        .map(|i| {
            let copy = machine.scratch.dir(&format!("copy{i}")).join(NAME);
            copy_of_ccroute(&copy);
            copy
        })
        .collect();
    let before: Vec<String> = dirs
        .iter()
        .map(|d| format!("{}:", d.parent().unwrap().display()))
        .collect();
    let before = before.concat();
    // Whichever is called, and wherever the others stand.
    for copy in &dirs {
        let ran = Call::new(copy)
            .env("PATH", format!("{before}{}", machine.path()))
            .rules(&machine.scratch.path("rules"))
            .run()
            .expect(0);
        let told: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
        let path = machine.compiler.display().to_string();
        assert_eq!(having(&told, "argv0"), [path]);
    }
    // And where there is nothing else, they say so and end.
    let ran = Call::new(&dirs[0])
        .env("PATH", before.trim_end_matches(':'))
        .rules(&machine.scratch.path("rules"))
        .run()
        .expect(127);
    assert_eq!(ran.stderr.lines().count(), 1);
}

/// A wrapper that calls the name again by PATH would go round for ever.
#[test]
fn a_compiler_that_calls_the_shim_again_is_stopped() {
    let machine = Machine::new("again");
    fs::remove_file(&machine.compiler).unwrap();
    let trace = machine.scratch.path("trace");
    machine.scratch.script(
        &format!("bin/{NAME}"),
        &format!(
            "echo x >>{}; exec {} \"$@\"",
            trace.display(),
            machine.shim.display()
        ),
    );
    let ran = machine.call(&machine.shim).run();
    assert_eq!(ran.code, Some(111), "{ran:?}");
    assert_eq!(ran.stderr.lines().count(), 1);
    assert!(fs::read_to_string(trace).unwrap().lines().count() <= 20);
}

#[test]
fn nothing_is_printed_or_written_on_success() {
    let machine = Machine::new("silent");
    fs::remove_file(&machine.compiler).unwrap();
    machine.scratch.script(&format!("bin/{NAME}"), ":");
    // But for the record of calls.
    let rules = machine
        .scratch
        .file("off/1.rules", "[ccroute]\nlog = off\n");
    let home = machine.scratch.dir("home");
    let call = machine.call(&machine.shim).env("HOME", &home).dir(&home);
    let call = call.rules(rules.parent().unwrap());
    call.args(["-c", "x.c"]).run().silent();
    assert_eq!(fs::read_dir(&home).unwrap().count(), 0);
    // The same with a terminal gone: standard streams that are closed.
    let mut call = machine.call(&machine.shim);
    // SAFETY: between fork and exec only close.
    unsafe {
        call.command.pre_exec(|| {
            for fd in 0..3 {
                libc::close(fd);
            }
            Ok(())
        });
    }
    assert_eq!(run(&mut call.command).code, Some(0));
}
