//! The sandbox with real compilers: what compiles in it, what does not get out of it, and what is
//! left where the kernel has no Landlock.
//!
//! Landlock binds a thread and its children, so each test puts a thread of its own under it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ccroute::helper::hostile::JobFiles;
use ccroute::helper::limits::Limits;
use ccroute::helper::sandbox::{abi, apply, Policy, Status};

/// distccd's temporary directory, away from `/tmp`, with something beside it that is no one's
/// business.
struct Place(PathBuf);

impl Place {
    fn new(label: &str) -> Place {
        let base = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let dir = base.join(format!("sandbox-{label}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("tmp")).unwrap();
        fs::write(dir.join("secret"), "sesame\n").unwrap();
        Place(dir)
    }

    fn tmp(&self) -> PathBuf {
        self.0.join("tmp")
    }

    fn secret(&self) -> String {
        self.0.join("secret").display().to_string()
    }

    /// Compiles `source` as a plain job, in the sandbox if there is a version to use.
    fn compile(&self, compiler: &str, args: &[&str], source: &str, abi: Option<u32>) -> Output {
        let cxx = compiler.ends_with("++");
        let tmp = self.tmp();
        let input = tmp.join(if cxx { "distccd_a.ii" } else { "distccd_a.i" });
        let output = tmp.join("distccd_b.o");
        let _ = fs::remove_file(&output);
        fs::write(&input, source).unwrap();
        let mut words: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        words.extend(["-c".to_owned(), input.display().to_string()]);
        words.extend(["-o".to_owned(), output.display().to_string()]);
        let job = JobFiles::find(&words, &tmp);
        let policy = Policy::for_job(&job, &which(compiler), &[], &tmp);
        let mut command = Command::new(which(compiler));
        command
            .args(&words)
            .current_dir(&tmp)
            .env("TMPDIR", &tmp)
            .stdin(Stdio::null());
        in_thread(move || {
            if let Some(abi) = abi {
                let max_abi = Some(abi);
                let status = apply(&Policy { max_abi, ..policy }).unwrap();
                assert_eq!(status, Status { abi });
            }
            command.output().unwrap()
        })
    }

    fn object(&self) -> Vec<u8> {
        fs::read(self.tmp().join("distccd_b.o")).unwrap_or_default()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn in_thread<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(f).join().unwrap()
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| PathBuf::from(program))
}

/// Compilers of this machine out of those that the tests know.
fn installed() -> Vec<&'static str> {
    const ALL: &[&str] = &[
        "gcc",
        "g++",
        "clang",
        "clang++",
        "arm-linux-gnueabihf-gcc",
        "arm-linux-gnueabihf-g++",
        "aarch64-linux-gnu-gcc",
        "riscv64-linux-gnu-gcc",
        "i686-linux-gnu-gcc",
    ];
    let (found, absent): (Vec<_>, Vec<_>) = ALL.iter().partition(|c| which(c).is_file());
    for compiler in absent {
        eprintln!("NOT TESTED: {compiler} is not installed");
    }
    assert!(!found.is_empty(), "no compiler to test with");
    found
}

/// The kernel's version of Landlock; says loudly where there is none.
fn landlock() -> Option<u32> {
    match abi() {
        0 => {
            eprintln!("LANDLOCK IS MISSING ON THIS KERNEL: containment is NOT TESTED in this run");
            None
        }
        // The newest whose rights this program knows.
        abi => Some(abi.min(6)),
    }
}

const PLAIN: &str = "int g(int);\nint f(int x) { int s = 0; while (x--) s += g(x); return s; }\n";
const INCLUDES: &str =
    "#include <stdio.h>\n#include <stdlib.h>\nint f(void) { return puts(\"x\"); }\n";
const CXX: &str = "#include <vector>\n#include <string>\n#include <algorithm>\n\
                   int f(std::vector<std::string> v) { std::sort(v.begin(), v.end()); return v.size(); }\n";

#[test]
fn compilers_work_in_the_sandbox_and_make_the_same_object() {
    let Some(newest) = landlock() else { return };
    let place = Place::new("work");
    for compiler in installed() {
        let language = if compiler.ends_with("++") { "c++" } else { "c" };
        let mut cases = vec![(vec!["-O2", "-g"], PLAIN), (vec!["-pipe", "-O1"], PLAIN)];
        cases.push((
            vec!["-x", language],
            if language == "c" { INCLUDES } else { CXX },
        ));
        for (args, source) in cases {
            let free = place.compile(compiler, &args, source, None);
            if !free.status.success() {
                eprintln!("NOT TESTED: {compiler} {args:?} fails by itself");
                continue;
            }
            let object = place.object();
            for abi in [1, newest] {
                let bound = place.compile(compiler, &args, source, Some(abi));
                let text = String::from_utf8_lossy(&bound.stderr).into_owned();
                assert!(
                    bound.status.success(),
                    "{compiler} {args:?} abi {abi}: {text}"
                );
                assert!(
                    place.object() == object,
                    "{compiler} {args:?} abi {abi}: other bytes"
                );
            }
        }
    }
}

#[test]
fn incbin_and_include_do_not_get_at_other_files() {
    let Some(newest) = landlock() else { return };
    let place = Place::new("incbin");
    let secret = place.secret();
    let incbin = format!("__asm__(\".inc\" \"bin \\\"{secret}\\\"\");\n");
    let passwd = "__asm__(\".incbin \\\"/etc/passwd\\\"\");\n".to_owned();
    let include = format!("#include \"{secret}\"\n");
    let gas = format!("__asm__(\".include \\\"{secret}\\\"\");\n");
    for compiler in ["gcc", "clang"] {
        if !which(compiler).is_file() {
            continue;
        }
        // The attack works without the sandbox: the test can tell.
        let free = place.compile(compiler, &[], &incbin, None);
        assert!(free.status.success());
        assert!(place.object().windows(6).any(|w| w == b"sesame"));
        for (args, source) in [
            (&[][..], &incbin),
            (&[][..], &passwd),
            (&["-x", "c"][..], &include),
            (&[][..], &gas),
        ] {
            let bound = place.compile(compiler, args, source, Some(newest));
            let text = String::from_utf8_lossy(&bound.stderr).into_owned();
            assert!(!bound.status.success(), "{compiler}: {source}");
            // clang's assembler says "could not find", gcc's "Permission denied".
            assert!(
                !text.contains("sesame ") && !text.contains("'sesame'"),
                "{text}"
            );
            let object = place.object();
            assert!(!object.windows(6).any(|w| w == b"sesame" || w == b"root:x"));
        }
    }
}

#[test]
fn a_pump_job_compiles_from_its_tree() {
    let Some(newest) = landlock() else { return };
    let place = Place::new("pump");
    let tmp = place.tmp();
    let cwd = tmp.join("distccd_T/home/me/src");
    fs::create_dir_all(cwd.join("include")).unwrap();
    fs::write(cwd.join("include/x.h"), "#define X 1\n").unwrap();
    fs::write(
        cwd.join("a.c"),
        "#include <limits.h>\n#include \"x.h\"\nint x = X;\n",
    )
    .unwrap();
    let output = tmp.join("distccd_b.o");
    let deps = tmp.join("distcc_c.deps");
    let mut words: Vec<String> = ["-Iinclude", "-c", "a.c", "-MMD", "-MF", "-o"]
        .map(String::from)
        .to_vec();
    words.insert(5, deps.display().to_string());
    words.push(output.display().to_string());
    let job = JobFiles::find(&words, &cwd);
    assert_eq!(
        ccroute::helper::hostile::hostile(ccroute::compiler::name::Tool::Gcc, &words, &job),
        None
    );
    let policy = Policy::for_job(&job, &which("gcc"), &[], &tmp);
    assert_eq!(policy.write, [tmp.as_path()]);
    assert_eq!(policy.job, [tmp.join("distccd_T")]);
    // Only such a job is preprocessed here, and `__TIME__` is the local one.
    assert!(policy.files.contains(&"/etc/localtime"));
    let plain = JobFiles::find(&["-c", "-o", "distccd_b.o"], &tmp);
    let plain = Policy::for_job(&plain, &which("gcc"), &[], &tmp);
    assert!(!plain.files.contains(&"/etc/localtime"));
    let done = in_thread(move || {
        let max_abi = Some(newest);
        apply(&Policy { max_abi, ..policy }).unwrap();
        let mut command = Command::new(which("gcc"));
        command.args(&words).current_dir(&cwd).env("TMPDIR", &tmp);
        command.output().unwrap()
    });
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(fs::read_to_string(&deps).unwrap().contains("include/x.h"));
    assert!(output.is_file());
}

#[test]
fn what_arguments_could_do_is_contained_as_well() {
    let Some(newest) = landlock() else { return };
    let place = Place::new("args");
    let out = place.0.join("written").display().to_string();
    let ran = place.0.join("ran");
    // A program that the client brought.
    let script = place.tmp().join("cc1");
    fs::write(&script, format!("#!/bin/sh\necho > {}\n", ran.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let bring = format!("-B{}/", place.tmp().display());
    for args in [
        vec![format!("-aux-info={out}")],
        vec![format!("-Wa,-a={out}")],
        vec![format!("-fdump-tree-original={out}")],
        vec![bring],
        // The system's shell runs, and finds itself in the same sandbox.
        vec!["-wrapper".into(), format!("/bin/sh,-c,echo>{out}")],
    ] {
        let words: Vec<&str> = args.iter().map(String::as_str).collect();
        place.compile("gcc", &words, PLAIN, Some(newest));
        assert!(!Path::new(&out).exists(), "{args:?} wrote");
        assert!(!ran.exists(), "{args:?} ran");
    }
}

#[test]
fn nothing_but_the_private_directory_is_written() {
    let Some(newest) = landlock() else { return };
    let place = Place::new("list");
    let (tmp, beside) = (place.tmp(), place.0.join("new"));
    in_thread(move || {
        let policy = Policy {
            write: vec![tmp.clone()],
            max_abi: Some(newest),
            ..Policy::default()
        };
        apply(&policy).unwrap();
        let denied = |result: std::io::Result<()>| {
            let kind = result.map_err(|e| e.kind());
            assert_eq!(kind, Err(std::io::ErrorKind::PermissionDenied));
        };
        denied(fs::write(&beside, "x"));
        denied(fs::create_dir(tmp.join("d")));
        denied(std::os::unix::fs::symlink("/etc", tmp.join("l")));
        denied(fs::read("/etc/passwd").map(drop));
        fs::write(tmp.join("x"), "x").unwrap();
        fs::rename(tmp.join("x"), tmp.join("y")).unwrap();
        fs::remove_file(tmp.join("y")).unwrap();
        fs::write("/dev/null", "x").unwrap();
    });
}

#[test]
fn no_connections_where_the_kernel_can_deny_them() {
    let Some(newest) = landlock() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    TcpStream::connect(address).expect("free");
    in_thread(move || {
        let status = apply(&Policy::default()).unwrap();
        let connected = TcpStream::connect(address).map(drop).map_err(|e| e.kind());
        if newest >= 4 {
            assert_eq!(connected, Err(std::io::ErrorKind::PermissionDenied));
        } else {
            eprintln!("NOT TESTED: Landlock {newest} does not know TCP");
            assert!(status.missing().contains(&"TCP connections"));
        }
    });
}

/// A kernel without Landlock, made by a system call filter that answers as such a kernel does.
#[test]
fn without_landlock_the_rest_is_done_and_the_status_says_so() {
    let place = Place::new("without");
    let secret = place.secret();
    in_thread(move || {
        hide_landlock();
        assert_eq!(abi(), 0);
        let status = apply(&Policy::default()).unwrap();
        assert_eq!(status, Status { abi: 0 });
        assert_eq!(status.missing().len(), 5);
        let own = fs::read_to_string("/proc/thread-self/status").unwrap();
        assert!(own.contains("NoNewPrivs:\t1"), "{own}");
        // And this is what it is worth: nothing is contained.
        assert_eq!(fs::read_to_string(&secret).unwrap(), "sesame\n");
    });
}

/// Makes Landlock's first system call fail with ENOSYS in this thread.
fn hide_landlock() {
    let op = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let number = u32::try_from(libc::SYS_landlock_create_ruleset).unwrap();
    let mut filter = [
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, 0),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, number),
        op(
            libc::BPF_RET | libc::BPF_K,
            0,
            0,
            libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32,
        ),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog {
        len: filter.len() as u16,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: takes numbers.
    let done = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    assert_eq!(done, 0);
    // SAFETY: the program and its filter live until the call returns; the kernel copies them.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) };
    assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
}

#[test]
fn a_missing_job_directory_is_an_error_and_a_missing_toolchain_is_not() {
    let Some(_) = landlock() else { return };
    in_thread(|| {
        let gone = vec![PathBuf::from("/nonexistent/ccroute")];
        let policy = |read: &[PathBuf], write: &[PathBuf]| Policy {
            read: read.to_vec(),
            write: write.to_vec(),
            ..Policy::default()
        };
        let error = apply(&policy(&[], &gone)).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/ccroute"), "{error}");
        apply(&policy(&gone, &[])).unwrap();
    });
}

/// Runs a shell command under limits. They are a process's, so they are set in the child.
fn limited(limits: Limits, script: &str) -> Output {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]);
    // SAFETY: between fork and exec only getrlimit and setrlimit are called.
    unsafe {
        command.pre_exec(move || {
            limits
                .apply()
                .map_err(|_| std::io::Error::from_raw_os_error(libc::EINVAL))
        });
    }
    command.output().unwrap()
}

#[test]
fn limits_hold() {
    let place = Place::new("limits");
    let all = Limits {
        memory: 1 << 30,
        cpu_seconds: 1,
        file_size: 4096,
        processes: 1 << 20,
    };
    let shown = limited(all, "ulimit -v; ulimit -t; ulimit -f; ulimit -c");
    // The shell counts memory in kibibytes and files in blocks of 512.
    assert_eq!(String::from_utf8_lossy(&shown.stdout), "1048576\n1\n8\n0\n");
    let big = place.tmp().join("big").display().to_string();
    limited(all, &format!("head -c 100000 /dev/zero > {big}"));
    assert_eq!(fs::metadata(&big).unwrap().len(), 4096);
    let spin = limited(all, "while :; do :; done");
    assert!(spin.status.signal().is_some(), "{:?}", spin.status);
    // A lower limit that is there already stays.
    let lower = limited(all, "true; ulimit -f 1; ulimit -f");
    assert_eq!(String::from_utf8_lossy(&lower.stdout), "1\n");
}

#[test]
fn a_policy_shows_the_toolchain_and_no_more() {
    let place = Place::new("policy");
    let tools = place.0.join("x-tools/arm");
    for dir in ["bin", "lib/gcc"] {
        fs::create_dir_all(tools.join(dir)).unwrap();
    }
    let home = place.0.join("home/bin");
    fs::create_dir_all(&home).unwrap();
    fs::write(tools.join("bin/arm-gcc"), "").unwrap();
    std::os::unix::fs::symlink(tools.join("bin/arm-gcc"), home.join("gcc")).unwrap();
    let tmp = place.tmp();
    let output = tmp.join("distccd_b.o").display().to_string();
    let job = JobFiles::find(&["-c", "-o", &output], &tmp);
    let policy = Policy::for_job(&job, &home.join("gcc"), &[], &tmp);
    let tools = tools.canonicalize().unwrap();
    assert!(policy.read.contains(&home), "{policy:?}");
    assert!(policy.read.contains(&tools), "{policy:?}");
    assert!(!policy.read.iter().any(|p| place.0.join("home") == *p));
    assert_eq!(policy.write, [tmp]);
}

/// `/bin` before `/usr/bin` on PATH, and a directory at the top: what lies beside `/lib/gcc` is not
/// the toolchain's.
#[test]
fn a_compiler_at_the_top_does_not_show_everything() {
    let place = Place::new("top");
    let tmp = place.tmp();
    for bin in ["/bin", "/tools"] {
        let compiler = Path::new(bin).join("gcc");
        let job = JobFiles::find(&["-c", "-o", "distccd_b.o"], &tmp);
        let policy = Policy::for_job(&job, &compiler, &[PathBuf::from(bin)], &tmp);
        assert!(!policy.read.contains(&PathBuf::from("/")), "{policy:?}");
    }
}

/// What a compiler needs lies where its links end: beside it, in another prefix, or behind a link to
/// the whole prefix.
#[test]
fn a_compiler_is_followed_to_its_own_prefix() {
    let place = Place::new("links");
    let (tmp, root) = (place.tmp(), place.0.canonicalize().unwrap());
    for prefix in ["a", "b"] {
        fs::create_dir_all(root.join(prefix).join("bin")).unwrap();
        fs::create_dir_all(root.join(prefix).join("lib/gcc")).unwrap();
    }
    fs::write(root.join("b/bin/gcc-12"), "").unwrap();
    for (link, target) in [
        ("b/bin/gcc", "gcc-12"),
        ("a/bin/gcc-12", "../../b/bin/gcc-12"),
        ("a/bin/gcc", "gcc-12"),
        ("c", "b"),
        ("b/bin/round", "round"),
    ] {
        std::os::unix::fs::symlink(target, root.join(link)).unwrap();
    }
    let job = JobFiles::find(&["-c", "-o", "distccd_b.o"], &tmp);
    for (compiler, shown) in [
        ("b/bin/gcc-12", &["b"][..]),
        ("b/bin/gcc", &["b"]),
        ("a/bin/gcc", &["a", "b"]),
        ("c/bin/gcc", &["c", "b"]),
        // A link to itself is no compiler, and no reason to wait.
        ("b/bin/round", &["b"]),
        ("b/bin/none", &["b"]),
    ] {
        let policy = Policy::for_job(&job, &root.join(compiler), &[], &tmp);
        let own = policy.read.iter().filter(|dir| dir.starts_with(&root));
        let own: Vec<_> = own.map(|dir| dir.strip_prefix(&root).unwrap()).collect();
        let shown: Vec<_> = shown.iter().map(Path::new).collect();
        assert_eq!(own, shown, "{compiler}");
    }
}

/// gcc makes the names of what it leaves for the linker of random numbers, where it gets any.
#[test]
fn objects_for_the_linker_need_no_random_numbers() {
    let Some(newest) = landlock() else { return };
    let place = Place::new("lto");
    for compiler in installed() {
        let bound = place.compile(compiler, &["-O2", "-flto"], PLAIN, Some(newest));
        let text = String::from_utf8_lossy(&bound.stderr).into_owned();
        assert!(
            bound.status.success() && text.is_empty(),
            "{compiler}: {text}"
        );
        assert!(place.object().len() > 500, "{compiler}");
    }
}
