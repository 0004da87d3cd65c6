//! Bad input of every kind: one clear line, the right exit code, no compile, no panic.
//!
//! The only compiler on PATH leaves a trace when it runs, so "no compile" is seen, not assumed.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use crate::common::call::{copy_of_ccroute, run, Call, Ran, Trace};
use crate::common::{executable, need, Scratch};

const NAME: &str = "arm-linux-gnueabihf-gcc";

/// A machine with one compiler that only leaves a trace, and a copy of ccroute.
struct Machine {
    scratch: Scratch,
    program: PathBuf,
    bin: PathBuf,
    compiler: Trace,
    rules: PathBuf,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        let bin = scratch.dir("bin");
        Machine {
            program: copy_of_ccroute(&scratch.path("opt/ccroute")),
            compiler: Trace::compiler(&bin.join(NAME)),
            rules: scratch.dir("rules"),
            bin,
            scratch,
        }
    }

    fn with_rules(name: &str, text: impl AsRef<[u8]>) -> Machine {
        let machine = Machine::new(name);
        machine.scratch.file("rules/50-test.rules", text);
        machine
    }

    fn rules_file(&self) -> PathBuf {
        self.rules.join("50-test.rules")
    }

    /// A call under a name, on this machine.
    fn call(&self, name: impl AsRef<OsStr>) -> Call {
        Call::new(&self.program)
            .called(name)
            .env("PATH", &self.bin)
            .rules(&self.rules)
            .args(["-c", "t.c"])
    }

    /// A call that has to be turned down, directly and on a helper; gives the line.
    #[track_caller]
    fn refuses(&self, name: impl AsRef<OsStr>, direct: i32, helper: i32) -> String {
        let ran = self.call(&name).run();
        let line = self.turned_down(&ran, direct);
        assert_eq!(ran.stdout, "");
        let ran = self
            .call(&name)
            .args(["-o", "distccd_1.o"])
            .env("_DISTCC_SAFEGUARD", "1")
            .run();
        self.turned_down(&ran, helper);
        line
    }

    #[track_caller]
    fn turned_down(&self, ran: &Ran, code: i32) -> String {
        assert_eq!(ran.code, Some(code), "{ran:#?}");
        // On one stream: on both, the user of distcc would see it twice.
        let said = ran.stdout.clone() + &ran.stderr;
        assert_eq!(said.lines().count(), 1, "{ran:#?}");
        assert!(said.starts_with("ccroute"), "{ran:#?}");
        assert!(!said.contains("panic"), "{ran:#?}");
        assert!(said.len() < 1000, "{ran:#?}");
        assert!(!self.compiler.ran(), "the compiler ran: {ran:#?}");
        said
    }
}

/// Without anything bad the compiler does run: else the other tests would prove nothing.
#[test]
fn the_machine_of_these_tests_compiles() {
    let machine = Machine::with_rules("good", "[other-linux-gnu]\nuse = native\n");
    machine.call(NAME).run().silent();
    assert!(machine.compiler.ran());
    assert_eq!(machine.compiler.arguments(), "-c t.c\n");
}

// ---------------------------------------------------------------------------------------------
// Rules: exit code 78 everywhere

#[track_caller]
fn bad_rules(machine: &Machine, shown: &[&str]) {
    let line = machine.refuses(NAME, 78, 78);
    for text in shown {
        assert!(line.contains(text), "{line:?} does not say {text:?}");
    }
}

#[test]
fn rules_that_nobody_may_read() {
    let machine = Machine::with_rules("unreadable", "[native]\n");
    let file = machine.rules_file();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read everything, so the call is nobody's.
    let mut call = machine.call(NAME);
    if nix::unistd::geteuid().is_root() {
        call.command.uid(65534).gid(65534);
    }
    let line = machine.turned_down(&call.run(), 78);
    assert!(line.contains("50-test.rules") && line.contains("chmod a+r"));
}

#[test]
fn rules_that_lead_nowhere() {
    let machine = Machine::new("dangling");
    symlink("/nonexistent", machine.rules_file()).unwrap();
    bad_rules(&machine, &["50-test.rules", "No such file"]);
}

#[test]
fn rules_that_are_binary() {
    let machine = Machine::with_rules("binary", fs::read("/bin/sh").unwrap());
    bad_rules(
        &machine,
        &["50-test.rules:1:", "save the file as plain text"],
    );
    let machine = Machine::with_rules("latin1", b"# gr\xfcn\n[native]\nuse = native\n");
    bad_rules(&machine, &["50-test.rules:1:5:", "not UTF-8"]);
    let machine = Machine::with_rules("nul", b"[native]\nuse = na\0tive\n");
    bad_rules(&machine, &["50-test.rules:2:9:", "control character"]);
    // Beyond ASCII: a terminal takes U+009B for the start of a command, and messages quote.
    let machine = Machine::with_rules("c1", "[native]\nus\u{9b}31me = native\n");
    bad_rules(&machine, &["50-test.rules:2:3:", "control character"]);
}

#[test]
fn rules_of_ten_megabytes() {
    let text = "[native]\nuse = native\n".repeat(10 * 1024 * 1024 / 22);
    let machine = Machine::with_rules("oversized", text);
    bad_rules(&machine, &["50-test.rules", "larger than 4 MiB"]);
}

#[test]
fn rules_on_one_endless_line() {
    let machine = Machine::with_rules("line", "x".repeat(3 * 1024 * 1024));
    bad_rules(&machine, &["50-test.rules:1:", "longer than"]);
}

#[test]
fn rules_that_are_half_written() {
    let whole = format!("[{NAME}]\nuse = \"{NAME}\"\n").replace("-gcc", "");
    let column = whole.len();
    for (cut, told) in [
        (5, "not closed"),
        (column - 26, "this line is not a [section]"),
        (column - 3, "quote is not closed"),
    ] {
        let machine = Machine::with_rules("half", &whole[..cut]);
        bad_rules(&machine, &["50-test.rules:", told]);
    }
}

#[test]
fn rules_that_others_may_write() {
    let machine = Machine::with_rules("writable", "[native]\n");
    fs::set_permissions(machine.rules_file(), fs::Permissions::from_mode(0o666)).unwrap();
    bad_rules(&machine, &["50-test.rules: ", "chmod go-w"]);
    fs::set_permissions(machine.rules_file(), fs::Permissions::from_mode(0o664)).unwrap();
    bad_rules(&machine, &["50-test.rules: ", "chmod go-w"]);

    let machine = Machine::with_rules("writable-dir", "[native]\n");
    fs::set_permissions(&machine.rules, fs::Permissions::from_mode(0o777)).unwrap();
    bad_rules(&machine, &["/rules: ", "chmod go-w"]);
}

/// Root gives the file away. Who is not root cannot, and goes where root's files are a stranger's:
/// into a user namespace that has only this user, as root. There the directories above are strange.
#[test]
fn rules_that_another_user_owns() {
    let machine = Machine::with_rules("owner", "[native]\n");
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(machine.rules_file(), Some(12345), None).unwrap();
        bad_rules(&machine, &["50-test.rules: ", "chown root"]);
        return;
    }
    let output = std::process::Command::new(need("unshare"))
        .args(["--user", "--map-root-user"])
        .arg(machine.scratch.path("opt/ccroute"))
        .env("CCROUTE_RULES_DIR", &machine.rules)
        .args(["explain", NAME])
        .output()
        .unwrap();
    let ran = Ran::of(output);
    assert_eq!(ran.code, Some(78), "{ran:#?}");
    assert!(ran.stderr.contains("chown root"), "{ran:#?}");
}

#[test]
fn an_unknown_key_and_an_unknown_condition() {
    let machine = Machine::with_rules("key", "[native]\n  usse = gcc\n");
    bad_rules(&machine, &["50-test.rules:2:3:", "unknown key 'usse'"]);
    let machine = Machine::with_rules("condition", "[native whenever]\n");
    bad_rules(&machine, &["50-test.rules:1:9:", "unknown condition"]);
    let machine = Machine::with_rules("glob", "[arm-[*]\n");
    bad_rules(&machine, &["50-test.rules:1:"]);
}

#[test]
fn a_rules_directory_that_is_a_file() {
    let machine = Machine::new("file");
    fs::remove_dir(&machine.rules).unwrap();
    fs::write(&machine.rules, "[native]\n").unwrap();
    bad_rules(&machine, &["/rules: ", "not a directory"]);
}

#[test]
fn a_rules_file_that_is_a_directory_or_a_pipe() {
    let machine = Machine::new("directory");
    fs::create_dir(machine.rules_file()).unwrap();
    bad_rules(&machine, &["50-test.rules: ", "not a regular file"]);
    let machine = Machine::new("pipe");
    nix::unistd::mkfifo(
        &machine.rules_file(),
        nix::sys::stat::Mode::from_bits_truncate(0o644),
    )
    .unwrap();
    bad_rules(&machine, &["50-test.rules: ", "not a regular file"]);
}

/// Exit 78 too: the rules contradict themselves.
#[test]
fn renames_in_a_circle() {
    let machine = Machine::with_rules(
        "circle",
        "[arm-linux-gnueabihf]\nas = armv7a-a-linux-gnueabihf\n[armv7a-a-linux-gnueabihf]\nas = arm-linux-gnueabihf\n",
    );
    bad_rules(
        &machine,
        &[
            "50-test.rules:2",
            "50-test.rules:4",
            "only one of these rules may rename",
        ],
    );
}

// ---------------------------------------------------------------------------------------------
// Nothing to run

#[test]
fn a_rule_whose_only_stand_in_is_the_shim_itself() {
    let machine = Machine::with_rules(
        "itself",
        "[armv6j-hardfloat-linux-gnueabi]\nuse = armv6j-own-linux-gnueabi\n",
    );
    for name in [
        "armv6j-own-linux-gnueabi-gcc",
        "armv6j-hardfloat-linux-gnueabi-gcc",
    ] {
        symlink(&machine.program, machine.bin.join(name)).unwrap();
    }
    let line = machine.refuses("armv6j-hardfloat-linux-gnueabi-gcc", 127, 110);
    assert!(line.contains("looked for armv6j-own-linux-gnueabi-gcc"));
    // A hard link is the same program as well.
    let second = machine.bin.join("armv6j-own-linux-gnueabi-gcc");
    fs::remove_file(&second).unwrap();
    fs::hard_link(&machine.program, &second).unwrap();
    machine.refuses("armv6j-hardfloat-linux-gnueabi-gcc", 127, 110);
}

#[test]
fn a_missing_toolchain() {
    let machine = Machine::new("missing");
    let line = machine.refuses("sh4-unknown-linux-gnu-gcc", 127, 110);
    assert!(line.contains("sh4-unknown-linux-gnu-gcc: no compiler serves it"));
}

#[test]
fn a_compiler_that_may_not_be_executed_or_is_no_program() {
    let machine = Machine::new("mode");
    let compiler = machine.bin.join(NAME);
    fs::set_permissions(&compiler, fs::Permissions::from_mode(0o644)).unwrap();
    let line = machine.refuses(NAME, 126, 126);
    assert!(line.contains("chmod +x"), "{line}");

    let machine = Machine::new("text");
    let compiler = machine.bin.join(NAME);
    executable(&compiler, b"int not_a_program;\n");
    let line = machine.refuses(NAME, 126, 126);
    assert!(line.contains("not a program for this machine"), "{line}");
}

#[test]
fn no_path() {
    let machine = Machine::new("path");
    for path in [".", "/nonexistent"] {
        let call = machine.call(NAME).env("PATH", path);
        // In the compiler's own directory: no entry, or a relative one, must not find it. Without any
        // PATH, see around.rs.
        let line = machine.turned_down(&call.dir(&machine.bin).run(), 127);
        assert!(line.contains("no compiler serves it"), "{path}: {line}");
    }
}

// ---------------------------------------------------------------------------------------------
// Names

#[test]
fn a_link_whose_name_is_no_compilers() {
    let machine = Machine::new("nonsense");
    for name in [
        "nonsense",
        "gcc-",
        "-gcc",
        "arm-linux-gnueabihf-",
        "gcc-x",
        "distcc",
    ] {
        let line = machine.refuses(name, 127, 110);
        assert!(line.contains("not a compiler name"), "{name}: {line}");
    }
}

#[test]
fn names_with_slashes() {
    let machine = Machine::new("slashes");
    // What stands before the last slash is not the name.
    for name in ["/", "gcc/", "a/b/", "//"] {
        let line = machine.refuses(name, 127, 110);
        assert!(line.contains("not a compiler name"), "{name}: {line}");
    }
    let ran = machine.call(format!("../x/./y\n/{NAME}")).run();
    ran.silent();
    assert!(machine.compiler.ran());
}

#[test]
fn names_with_newlines_and_other_bytes() {
    let machine = Machine::new("bytes");
    let names: [&[u8]; 5] = [
        b"arm\nlinux-gcc",
        b"arm-linux-gnueabihf-gcc\n",
        b"\xff\xfe-gcc",
        b"\x1b[31m-gcc",
        "arm\u{2028}-gcc".as_bytes(),
    ];
    for name in names {
        let line = machine.refuses(OsStr::from_bytes(name), 127, 110);
        assert!(line.contains("not a compiler name"), "{line}");
        let printable = line
            .trim_end_matches('\n')
            .bytes()
            .all(|b| (32..127).contains(&b));
        assert!(printable, "{line:?}");
    }
}

#[test]
fn names_of_four_kilobytes() {
    let machine = Machine::new("long");
    let name = format!("{}-gcc", "a".repeat(4092));
    let line = machine.refuses(&name, 127, 110);
    assert!(line.contains("longer than 255 bytes"), "{line}");
    let deep = format!("/{}{NAME}", "d/".repeat(2000));
    machine.call(deep).run().silent();
}

/// Linux makes an empty argv one empty string; the file's own name then says what is asked for.
#[test]
fn an_empty_argv() {
    let machine = Machine::new("argv");
    let link = machine.scratch.path("links").join("nonsense");
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(&machine.program, &link).unwrap();
    let ran = without_argv(&machine, &link);
    let line = machine.turned_down(&ran, 127);
    assert!(line.contains("not a compiler name"), "{line}");

    let link = machine.scratch.path("links").join(NAME);
    symlink(&machine.program, &link).unwrap();
    without_argv(&machine, &link).silent();
    assert_eq!(machine.compiler.arguments(), "\n");
    machine.call("").run().expect(2);
}

/// Executes `program` with no argument at all, not even its name.
fn without_argv(machine: &Machine, program: &Path) -> Ran {
    let mut call = machine.call(NAME);
    let path = CString::new(program.as_os_str().as_bytes()).unwrap();
    let env: Vec<CString> = [
        format!("PATH={}", machine.bin.display()),
        format!("CCROUTE_RULES_DIR={}", machine.rules.display()),
    ]
    .map(|v| CString::new(v).unwrap())
    .to_vec();
    let mut pointers: Vec<usize> = env.iter().map(|v| v.as_ptr() as usize).collect();
    pointers.push(0);
    // SAFETY: between fork and exec only execve is called, with lists made before the fork.
    unsafe {
        call.command.pre_exec(move || {
            let _keep = &env;
            let argv = [std::ptr::null()];
            libc::execve(path.as_ptr(), argv.as_ptr(), pointers.as_ptr().cast());
            Err(std::io::Error::last_os_error())
        });
    }
    run(&mut call.command)
}

// ---------------------------------------------------------------------------------------------
// Arguments

#[test]
fn a_hundred_thousand_arguments() {
    let machine = Machine::new("many");
    let many: Vec<String> = (0..100_000).map(|i| format!("-D{i}")).collect();
    machine.call(NAME).args(&many).run().silent();
    let told = machine.compiler.arguments();
    assert_eq!(told, format!("-c t.c {}\n", many.join(" ")));
}

/// What reaches the shim may be more than the kernel takes once the rules have added to it.
#[test]
fn more_arguments_than_the_kernel_takes() {
    let flags = format!(
        "[arm-linux-gnueabihf]\nforce-flags = {}\n",
        "-DX ".repeat(10_000)
    );
    let machine = Machine::with_rules("too-many", flags);
    // The most that the kernel still lets through to the shim, to within less than the rule adds.
    let mut ran = None;
    for count in (60_000..).step_by(5_000) {
        let many = vec!["-DXXXXXXXXXXXX"; count];
        match machine.call(NAME).args(&many).command.output() {
            Ok(output) => ran = Some(Ran::of(output)),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(libc::E2BIG));
                break;
            }
        }
        let _ = fs::remove_file(machine.bin.join(format!("{NAME}.ran")));
    }
    let line = machine.turned_down(&ran.expect("one that fits"), 126);
    assert!(line.contains("too long for the kernel"), "{line}");
}
