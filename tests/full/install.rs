//! `ccroute install --helper` and `uninstall`, below a root of the test's own and with a real
//! distccd.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::call::{copy_of_ccroute, run, tool_output, Call, Ran, Trace};
use crate::common::{need, raw, toolbox, Distccd, Elf, Scratch};

const PI: &str = "armv6j-hardfloat-linux-gnueabi";
const RULES: &str = "[armv6j-hardfloat-linux-gnueabi]\nuse = arm-linux-gnueabihf\n\
    defaults = -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm\n\
    [native from 127.0.0.1]\nas = armv6j-hardfloat-linux-gnueabi\n";

/// A system with distcc's directories and one cross compiler.
struct System {
    scratch: Scratch,
    program: PathBuf,
    root: PathBuf,
    tools: PathBuf,
}

impl System {
    fn new(name: &str) -> System {
        let scratch = Scratch::new(name);
        for dir in ["etc/default", "usr/lib/distcc", "usr/bin", "var/lib"] {
            scratch.dir(&format!("root/{dir}"));
        }
        scratch.file("rules/50-test.rules", RULES);
        let cross = ["arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"];
        System {
            program: copy_of_ccroute(&scratch.path("opt/ccroute")),
            root: scratch.path("root"),
            tools: toolbox(&scratch, "tools", &cross),
            scratch,
        }
    }

    fn command(&self, command: &str) -> Call {
        Call::new(&self.program)
            .args([command, "--helper", "--root"])
            .args([&self.root])
            .env("PATH", format!("{}:/nonexistent", self.tools.display()))
            .rules(&self.scratch.path("rules"))
    }

    fn install(&self) -> Ran {
        self.command("install").run()
    }

    fn uninstall(&self) -> Ran {
        self.command("uninstall").run()
    }

    /// The list of programs that distccd may run.
    fn list(&self) -> PathBuf {
        self.root.join("etc/ccroute/commands")
    }

    /// Everything below the root: what kind, what mode, what is in it.
    fn tree(&self) -> BTreeMap<PathBuf, String> {
        let mut found = BTreeMap::new();
        look(&self.root, &mut found);
        found
    }
}

fn look(dir: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        let mode = meta.permissions().mode();
        let text = if meta.is_symlink() {
            format!("-> {}", fs::read_link(&path).unwrap().display())
        } else if meta.is_dir() {
            look(&path, found);
            format!("{mode:o}")
        } else {
            format!("{mode:o} {}", fs::read_to_string(&path).unwrap())
        };
        found.insert(path, text);
    }
}

#[test]
fn what_install_makes_and_uninstall_takes_away() {
    let system = System::new("install");
    let before = system.tree();
    let ran = system.install().expect(0);
    assert_eq!(ran.stderr, "");
    for name in [
        format!("{PI}-gcc"),
        format!("{PI}-g++"),
        format!("{PI}-c++"),
        "gcc".into(),
        "c++".into(),
    ] {
        let link = system.root.join("usr/lib/ccroute/bin").join(&name);
        assert_eq!(
            fs::read_link(&link).unwrap(),
            system.program.clone(),
            "{name}"
        );
        // Debian's update removes links, so that these are none.
        let listed = system.root.join("usr/lib/distcc").join(&name);
        let meta = fs::symlink_metadata(&listed).unwrap();
        assert!(
            meta.is_file() && meta.permissions().mode() & 0o111 == 0o111,
            "{name}"
        );
        let list = fs::read_to_string(system.list()).unwrap();
        assert!(list
            .lines()
            .any(|l| l == format!("/usr/lib/ccroute/bin/{name}")));
    }
    assert!(ran.stdout.contains("Clients cannot connect yet"), "{ran:?}");
    let ran = system.uninstall().expect(0);
    assert_eq!(ran.stderr, "");
    assert_eq!(system.tree(), before);
}

#[test]
fn a_dry_run_says_what_install_does_and_does_nothing() {
    let system = System::new("dry");
    let before = system.tree();
    let dry = system
        .command("install")
        .args(["--dry-run", "-v"])
        .run()
        .expect(0);
    assert_eq!(system.tree(), before);
    let brief = system
        .command("install")
        .args(["--dry-run"])
        .run()
        .expect(0);
    assert!(brief.stdout.lines().count() < 24, "{brief:?}");
    assert!(
        brief.stdout.contains(" links in /usr/lib/ccroute/bin\n"),
        "{brief:?}"
    );
    let wet = system
        .command("install")
        .args(["--verbose"])
        .run()
        .expect(0);
    let done = |text: &str, start: &str| -> Vec<String> {
        let lines = text.lines().filter_map(|l| l.strip_prefix(start));
        lines
            .filter(|l| l.starts_with("link ") || l.starts_with("write "))
            .map(str::to_owned)
            .collect()
    };
    let would = done(&dry.stdout, "would ");
    assert!(would.len() > 10);
    assert_eq!(would, done(&wet.stdout, ""));

    let installed = system.tree();
    let dry = system
        .command("uninstall")
        .args(["--dry-run"])
        .run()
        .expect(0);
    assert!(dry.stdout.contains("would remove "));
    assert_eq!(system.tree(), installed);
}

#[test]
fn installing_twice_changes_nothing_and_a_changed_rule_only_its_names() {
    let system = System::new("twice");
    system.install().expect(0);
    let first = system.tree();
    let ran = system.install().expect(0);
    assert!(
        !ran.stdout.contains(" made") && !ran.stdout.contains(" removed"),
        "{}",
        ran.stdout
    );
    // What remains to be done still remains.
    assert!(ran.stdout.contains("Clients cannot connect yet"), "{ran:?}");
    assert_eq!(system.tree(), first);

    let rules = system.scratch.path("rules/50-test.rules");
    fs::write(&rules, RULES.replace(PI, "armv6j-unknown-linux-gnueabihf")).unwrap();
    system.install().expect(0);
    let links = system.root.join("usr/lib/ccroute/bin");
    assert!(!links.join(format!("{PI}-gcc")).exists());
    assert!(fs::symlink_metadata(links.join("armv6j-unknown-linux-gnueabihf-gcc")).is_ok());
    assert!(!system
        .root
        .join("usr/lib/distcc")
        .join(format!("{PI}-gcc"))
        .exists());

    fs::write(&rules, RULES).unwrap();
    system.install().expect(0);
    assert_eq!(system.tree(), first);
}

#[test]
fn files_that_others_made_stay_as_they_are() {
    let system = System::new("foreign");
    let root = &system.root;
    system
        .scratch
        .file("root/usr/lib/ccroute/bin/gcc", "mine\n");
    symlink(
        "/opt/my-gcc",
        root.join("usr/lib/ccroute/bin").join(format!("{PI}-gcc")),
    )
    .unwrap();
    symlink("../../bin/distcc", root.join("usr/lib/distcc/gcc")).unwrap();
    system
        .scratch
        .file("root/usr/lib/distcc/c++", "#!/bin/sh\n");
    system
        .scratch
        .file("root/etc/ccroute/distccd.sh", "export MINE=1\n");
    system.scratch.file("root/etc/ccroute/notes", "mine\n");
    system
        .scratch
        .file("root/etc/default/distcc", "STARTDISTCC=false\n");
    let before = system.tree();
    let ran = system.install().expect(0);
    for path in ["/usr/lib/ccroute/bin/gcc", "/etc/ccroute/distccd.sh"] {
        assert!(
            ran.stdout.contains(&format!("left alone: {path} ")),
            "{}",
            ran.stdout
        );
    }
    let after = system.tree();
    for (path, text) in &before {
        assert_eq!(after.get(path), Some(text), "{}", path.display());
    }
    system.uninstall().expect(0);
    assert_eq!(system.tree(), before);
}

#[test]
fn an_umask_of_077_does_not_keep_distccd_s_user_out() {
    let system = System::new("umask");
    let mut call = system.command("install");
    // SAFETY: between fork and exec only umask.
    unsafe {
        call.command.pre_exec(|| {
            libc::umask(0o077);
            Ok(())
        });
    }
    run(&mut call.command).expect(0);
    let tree = system.tree();
    let temporary = tree.get(&system.root.join("var/lib/ccroute/tmp"));
    assert_eq!(temporary.map(String::as_str), Some("41777"));
    for (path, text) in tree {
        if let Ok(mode) = u32::from_str_radix(text.split(' ').next().unwrap(), 8) {
            assert_eq!(mode & 0o044, 0o044, "{}: {mode:o}", path.display());
        }
    }
}

/// Debian's own program, pointed at the test's whitelist by changing one line of it.
#[test]
fn the_whitelist_survives_an_update_of_debian_s_links() {
    let system = System::new("update");
    let whitelist = system.root.join("usr/lib/distcc");
    symlink(&system.program, whitelist.join(format!("{PI}-c99"))).unwrap();
    system.install().expect(0);
    let program = fs::read_to_string(need("update-distcc-symlinks")).unwrap();
    let line = "my $distcc_dir = \"/usr/lib/distcc\";";
    assert_eq!(
        program.matches(line).count(),
        1,
        "another update-distcc-symlinks"
    );
    let here = format!("my $distcc_dir = \"{}\";", whitelist.display());
    let script = system
        .scratch
        .file("update.pl", program.replace(line, &here));
    let before = system.tree();
    tool_output("perl", [&script], Path::new("/"));
    let after = system.tree();
    // It does remove links of names that /usr/bin lacks, and does add its own.
    assert!(!after.contains_key(&whitelist.join(format!("{PI}-c99"))));
    let names = fs::read_to_string(system.list()).unwrap();
    assert!(names.lines().count() > 5);
    for name in names.lines().map(|l| l.rsplit('/').next().unwrap()) {
        let path = whitelist.join(name);
        assert_eq!(before.get(&path), after.get(&path), "{name}");
    }
}

// ---------------------------------------------------------------------------------------------
// With a real distccd

/// Asks for a program by its name; whether distccd answered at all.
fn ask(helper: &Distccd, name: &str) -> Option<raw::Reply> {
    let words: [&[u8]; 6] = [name.as_bytes(), b"-O1", b"-c", b"t.c", b"-o", b"t.o"];
    let from = "127.0.0.1".parse().unwrap();
    raw::send(
        helper.socket(),
        from,
        &words,
        b"int f(void) { return 1; }\n",
    )
}

/// What a distccd is told that reads the variables which install writes, below the root.
fn start(system: &System, path: &[&Path]) -> Distccd {
    let rules = system.scratch.path("rules");
    let list = system.list();
    let mut env = vec![("CCROUTE_RULES_DIR", rules.as_os_str())];
    let variables = system.root.join("etc/ccroute/distccd.sh");
    if variables.exists() {
        let text = fs::read_to_string(&variables).unwrap();
        assert!(text.contains("export DISTCC_CMDLIST=/etc/ccroute/commands"));
        env.push(("DISTCC_CMDLIST", list.as_os_str()));
    }
    Distccd::start_at("127.0.0.1", &system.scratch, path, &env, &[])
}

#[test]
fn an_unlisted_program_is_refused_before_while_and_after_installing() {
    let system = System::new("order");
    let bin = system.scratch.dir("bin");
    // distccd finds it, so only the list and the whitelist keep it from running.
    let unlisted = Trace::compiler(&bin.join("unlisted"));
    let path = [bin.as_path(), Path::new("/usr/bin")];
    // It writes its trace where it stands, as whoever distccd is.
    fs::set_permissions(&bin, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = |helper: &Distccd, when: &str| {
        for name in ["unlisted", "/usr/bin/unlisted"] {
            assert!(ask(helper, name).is_none(), "{when}: distccd answered");
        }
        let by_path = bin.join("unlisted");
        assert!(ask(helper, by_path.to_str().unwrap()).is_none(), "{when}");
        assert!(!unlisted.ran(), "{when}: an unlisted program ran");
    };

    // The danger is real: told of a list that is not there, distccd runs anything.
    {
        let missing = system.scratch.path("missing");
        let env = [("DISTCC_CMDLIST", missing.as_os_str())];
        let helper = Distccd::start_at("127.0.0.1", &system.scratch, &path, &env, &[]);
        ask(&helper, "unlisted").expect("distccd closes this hole: the test needs another control");
        assert!(unlisted.ran());
        fs::remove_file(bin.join("unlisted.ran")).unwrap();
    }

    refused(&start(&system, &path), "before");

    system.install().expect(0);
    {
        let helper = start(&system, &path);
        refused(&helper, "installed");
        // The list is written anew over and over; each of distccd's workers reads it when it starts.
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..40 {
                    let name = if i % 2 == 0 {
                        "armv6j-unknown-linux-gnueabi"
                    } else {
                        PI
                    };
                    let rules = system.scratch.path("rules/50-test.rules");
                    let new = system.scratch.file("new", RULES.replace(PI, name));
                    fs::rename(new, rules).unwrap();
                    let ran = system.install();
                    if ran.code != Some(0) {
                        done.store(true, Ordering::Relaxed);
                        panic!("{ran:?}");
                    }
                }
                done.store(true, Ordering::Relaxed);
            });
            let mut times = 0;
            while !done.load(Ordering::Relaxed) {
                refused(&helper, "while installing");
                times += 1;
            }
            assert!(times > 10, "asked only {times} times");
        });
        refused(&helper, "installed again");

        // While it runs it relies on the list: without one it would run anything.
        let ran = system.uninstall().expect(1);
        assert!(
            ran.stderr.contains(&format!("process {}", helper.pid())),
            "{ran:?}"
        );
        assert!(system.list().exists());
        refused(&helper, "after uninstall refused");
        // Workers that start from now on.
        refused(&start_like(&system, &path), "started anew");
    }
    // distccd's workers end a moment after it.
    let mut ran = system.uninstall();
    for _ in 0..200 {
        if ran.code == Some(0) {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        ran = system.uninstall();
    }
    ran.expect(0);
    assert!(!system.list().exists());
    refused(&start(&system, &path), "after");
}

/// A second distccd that was told of the list.
fn start_like(system: &System, path: &[&Path]) -> Distccd {
    let list = system.list();
    let env = [("DISTCC_CMDLIST", list.as_os_str())];
    Distccd::start_at("127.0.0.1", &system.scratch, path, &env, &[])
}

/// By the list an absolute path reaches the shim too; by the whitelist it would not.
#[test]
fn an_absolute_path_reaches_the_shim() {
    let system = System::new("absolute");
    system.install().expect(0);
    // distccd runs outside of the root, so its list names the links as they are from there.
    let list = fs::read_to_string(system.list()).unwrap();
    let below = list.replace("/usr/lib", &format!("{}/usr/lib", system.root.display()));
    let list = system.scratch.file("list", below);
    let rules = system.scratch.path("rules");
    let env = [
        ("DISTCC_CMDLIST", list.as_os_str()),
        ("CCROUTE_RULES_DIR", rules.as_os_str()),
    ];
    let path = [
        system.tools.as_path(),
        Path::new("/usr/bin"),
        Path::new("/bin"),
    ];
    let helper = Distccd::start_at("127.0.0.1", &system.scratch, &path, &env, &[]);
    for name in [
        "/usr/bin/gcc",
        "gcc",
        &format!("/usr/bin/{PI}-gcc"),
        &format!("{PI}-gcc"),
    ] {
        let reply = ask(&helper, name).unwrap_or_else(|| panic!("{name}: no answer"));
        assert_eq!(reply.exit(), Some(0), "{name}: {}", reply.stdout_text());
        let object = system.scratch.file("t.o", &reply.object);
        let elf = Elf::of(&object);
        assert_eq!(elf.machine, "ARM", "{name}");
        assert_eq!(elf.tag("Tag_CPU_arch"), "v6", "{name}");
    }
    assert!(ask(&helper, "/usr/bin/as").is_none());
    assert!(ask(&helper, "arm-linux-gnueabihf-cpp").is_none());
}

/// Calls are recorded by distccd's user, in a directory that nobody else may write to.
#[test]
fn the_record_of_calls_has_a_directory_of_distccd_s_user() {
    use std::os::unix::fs::MetadataExt;
    let system = System::new("record");
    let me = (nix::unistd::geteuid(), nix::unistd::getegid());
    let user = match me.0.is_root() {
        true => (1234, 4321),
        false => (me.0.as_raw(), me.1.as_raw()),
    };
    let passwd = format!("root:x:0:0::/:\ndistccd:x:{}:{}::/:\n", user.0, user.1);
    system.scratch.file("root/etc/passwd", passwd);
    let before = system.tree();
    system.install().expect(0);
    let dir = system.root.join("var/log/ccroute");
    let meta = fs::metadata(&dir).unwrap();
    assert_eq!((meta.uid(), meta.gid()), user);
    assert_eq!(meta.permissions().mode() & 0o7777, 0o755);
    let again = system.install().expect(0);
    assert!(!again.stdout.contains(" made"), "{again:?}");
    assert!(!again.stdout.contains(" removed"), "{again:?}");
    for name in ["calls", "calls.1", "calls.3"] {
        fs::write(dir.join(name), "@1\n").unwrap();
    }
    system.uninstall().expect(0);
    // The directory above it stays: others use it as well.
    fs::remove_dir(system.root.join("var/log")).unwrap();
    assert_eq!(system.tree(), before);
}
