//! `ccroute-shim`, the shim without a C library: what it is as a program, what it leaves to the whole one, and the
//! functions that stand for the library's.
//!
//! `make test` names the program (CCROUTE_TEST_SHIM), because only a release is made so.

#[path = "../src/bare/bytes.rs"]
#[allow(dead_code)]
mod bytes;
mod common;
#[path = "../src/bare/path.rs"]
mod path;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use common::call::{copy_of_ccroute, copy_of_shim, shim_beside, tool_output, Call, Trace};
use common::{tool_facts, Scratch};

/// The shim as it is installed.
fn released() -> PathBuf {
    let named = std::env::var_os("CCROUTE_TEST_SHIM");
    named
        .expect("run by 'make test', which builds and names it")
        .into()
}

/// The usual loader, so that what is preloaded is, and Portage's sandbox need not trace it; and nothing for it to
/// load, relocate or set up.
#[test]
fn it_is_dynamic_and_needs_no_library() {
    let program = released();
    let told = tool_facts("readelf", &["-W", "-l", "-d", "-r"], &program);
    let has = |word: &str| told.contains(word);
    let supported = cfg!(all(
        target_env = "gnu",
        any(
            target_arch = "x86_64",
            target_arch = "aarch64",
            target_arch = "arm"
        )
    ));
    if !supported {
        assert!(has("(NEEDED)"), "an ordinary program: {told}");
        return;
    }
    assert!(has("Requesting program interpreter: /lib"), "{told}");
    assert!(has("DYNAMIC"), "{told}");
    assert!(!has("(NEEDED)"), "{told}");
    assert!(has("There are no relocations"), "{told}");
    // So what other programs make read-only after relocating it is so from the beginning.
    let writable = told.lines().find(|line| line.contains(" .data "));
    let section = |name| writable.is_some_and(|line| line.contains(name));
    assert!(section(".bss"), "{told}");
    assert!(!section(".got") && !section(".data.rel.ro"), "{told}");
    // The stack is not executable, and nothing is both writable and executable.
    assert!(!has("RWE"), "{told}");
}

/// Portage's sandbox, fakeroot and their like are libraries that the loader puts into a process.
#[test]
fn what_is_preloaded_is_there() {
    let scratch = Scratch::new("preload");
    let source = scratch.file(
        "mark.c",
        "#include <stdio.h>\n#include <stdlib.h>\n\
         __attribute__((constructor)) static void mark(void) {\n\
         \tFILE *file = fopen(getenv(\"MARK\"), \"a\");\n\tfputs(\"here\\n\", file);\n\tfclose(file);\n}\n",
    );
    let library = scratch.path("mark.so");
    let words = [
        OsStr::new("-shared"),
        OsStr::new("-fPIC"),
        source.as_os_str(),
        OsStr::new("-o"),
    ];
    tool_output(
        "cc",
        words.into_iter().chain([library.as_os_str()]),
        &scratch.0,
    );
    // No compiler is there, so only the shim can be marked.
    let ran = Call::new(&released())
        .called("arm-linux-gnueabihf-gcc")
        .env("PATH", scratch.dir("bin"))
        .env("CCROUTE_RULES_DIR", scratch.dir("rules"))
        .env("LD_PRELOAD", &library)
        .env("MARK", scratch.path("marked"))
        .args(["-c", "x.c"])
        .run()
        .expect(127);
    assert!(ran.stderr.contains("no compiler serves it"), "{ran:?}");
    assert_eq!(
        fs::read_to_string(scratch.path("marked")).unwrap(),
        "here\n"
    );
}

/// What it does not do itself is begun anew by the program beside it, with the same arguments.
#[test]
fn the_rest_is_the_whole_programs() {
    let scratch = Scratch::new("rest");
    let whole = copy_of_ccroute(&scratch.path("opt/ccroute"));
    let shim = shim_beside(&whole);
    let version = Call::new(&shim).args(["--version"]).run().expect(0);
    assert_eq!(
        version.stdout,
        Call::new(&whole).args(["--version"]).run().stdout
    );
    let alone = Call::new(&shim).called("ccroute-run").run();
    let same = Call::new(&whole).called("ccroute-run").run();
    assert_eq!((alone.code, &alone.stderr), (same.code, &same.stderr));
    let odd = Call::new(&shim)
        .called("ccroute")
        .args([OsStr::new("explain"), OsStr::new("x y\n*")]);
    assert_eq!(
        odd.run().code,
        Call::new(&whole).args(["explain", "x y\n*"]).run().code
    );
}

#[test]
fn without_the_whole_program_it_says_so() {
    let scratch = Scratch::new("alone");
    fs::create_dir_all(scratch.path("opt")).unwrap();
    let shim = scratch.path("opt/ccroute-shim");
    fs::copy(released(), &shim).unwrap();
    let ran = Call::new(&shim)
        .called("ccroute")
        .args(["list"])
        .run()
        .expect(126);
    assert_eq!(
        ran.stderr,
        "ccroute: the program ccroute is not beside ccroute-shim, or cannot be run: install both\n"
    );
    // A compile needs none of that.
    let compiler = Trace::compiler(&scratch.path("bin/arm-linux-gnueabihf-gcc"));
    Call::new(&shim)
        .called("arm-linux-gnueabihf-gcc")
        .env("PATH", scratch.path("bin"))
        .env("CCROUTE_RULES_DIR", scratch.dir("rules"))
        .args(["-E", "x.c"])
        .run()
        .silent();
    assert_eq!(compiler.arguments(), "-E x.c\n");
}

/// Memory beyond the first block, by many small pieces and by one large one.
#[test]
fn a_call_may_take_more_memory_than_usual() {
    let scratch = Scratch::new("memory");
    fs::create_dir_all(scratch.path("opt")).unwrap();
    let shim = scratch.path("opt/ccroute-shim");
    copy_of_shim(&shim);
    let compiler = Trace::compiler(&scratch.path("bin/arm-linux-gnueabihf-gcc"));
    let section = |n: usize| {
        format!(
            "[arm-board{n}-linux-gnueabihf]\nuse = arm-linux-gnueabihf\ndefaults = -marm -O{}\n",
            n % 3
        )
    };
    let text: String = (0..30_000).map(section).collect();
    assert!(text.len() > 2 << 20);
    scratch.file("rules/50-many.rules", text);
    let words: Vec<String> = (0..20_000).map(|n| format!("-DWORD{n}={n}")).collect();
    let ran = Call::new(&shim)
        .called("arm-board29999-linux-gnueabihf-gcc")
        .env("PATH", scratch.path("bin"))
        .rules(&scratch.path("rules"))
        .args(["-E", "x.c"])
        .args(&words)
        .run();
    ran.silent();
    let told = compiler.arguments();
    assert!(
        told.starts_with("-marm -O2 -E x.c -DWORD0=0 "),
        "{}",
        &told[..80]
    );
    assert!(told.ends_with(" -DWORD19999=19999\n"));
}

fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length)
        .map(|i| (i * 31 + seed * 17 + i / 7) as u8)
        .collect()
}

#[test]
fn bytes_are_copied_whole_whatever_overlaps() {
    for count in (0..70).chain([127, 128, 255, 256, 257, 1000]) {
        for shift in [0, 1, 3, 8, 17, 33, 64, 300] {
            let room = count + shift;
            // Forwards, backwards, and apart.
            for (from, to) in [(shift, 0), (0, shift)] {
                let mut ours = pattern(room, count);
                let mut theirs = ours.clone();
                theirs.copy_within(from..from + count, to);
                // SAFETY: both ranges lie in the vector.
                unsafe {
                    let at = ours.as_mut_ptr();
                    assert_eq!(bytes::memmove(at.add(to), at.add(from), count), at.add(to));
                }
                assert_eq!(ours, theirs, "{count} bytes, {from} to {to}");
            }
            let source = pattern(room, shift);
            let mut ours = vec![0xee; room + 1];
            // SAFETY: two vectors.
            unsafe { bytes::memcpy(ours.as_mut_ptr().add(shift), source.as_ptr(), count) };
            assert_eq!(ours[shift..room], source[..count]);
            assert_eq!(ours[room], 0xee);
            let mut set = vec![0xee; room + 1];
            // SAFETY: within the vector.
            unsafe { bytes::memset(set.as_mut_ptr().add(shift), 0x1a5, count) };
            assert!(set[..shift].iter().all(|&b| b == 0xee) && set[room] == 0xee);
            assert!(set[shift..room].iter().all(|&b| b == 0xa5));
        }
    }
}

#[test]
fn bytes_are_compared_and_found_as_c_does() {
    for count in 0..80 {
        let text = pattern(count, 5);
        for at in 0..count {
            for change in [1u8, 0x80, 0xff] {
                let mut other = text.clone();
                other[at] = other[at].wrapping_add(change);
                // SAFETY: both have `count` bytes.
                let told = unsafe { bytes::memcmp(text.as_ptr(), other.as_ptr(), count) };
                assert_eq!(
                    told.signum(),
                    text.cmp(&other) as i32,
                    "{count} {at} {change}"
                );
                // SAFETY: the same.
                assert_ne!(
                    unsafe { bytes::bcmp(text.as_ptr(), other.as_ptr(), count) },
                    0
                );
            }
        }
        for byte in 0..=255u8 {
            // SAFETY: `count` bytes.
            let found = unsafe { bytes::memchr(text.as_ptr(), i32::from(byte) | 0x100, count) };
            let wanted = text.iter().position(|&b| b == byte);
            let found = (!found.is_null()).then(|| found as usize - text.as_ptr() as usize);
            assert_eq!(found, wanted, "{byte} in {count}");
        }
        let mut line: Vec<u8> = text.iter().map(|b| b | 1).collect();
        line.extend([0, 7, 0]);
        // SAFETY: it ends with a NUL.
        assert_eq!(unsafe { bytes::strlen(line.as_ptr()) }, count);
    }
}

/// As the system resolves the same paths.
#[test]
fn a_path_is_resolved_as_the_system_does() {
    let scratch = Scratch::new("resolve");
    let dir = scratch.dir("a/b").canonicalize().unwrap();
    let top = dir.parent().unwrap().to_path_buf();
    fs::write(dir.join("file"), "").unwrap();
    for (at, to) in [
        ("link", "b/file"),
        ("b/up", ".."),
        ("b/absolute", "/"),
        ("dangling", "nowhere"),
        ("round", "about"),
        ("about", "round"),
        ("chain", "b/up/link"),
        ("dir", "./b/../b"),
    ] {
        symlink(to, top.join(at)).unwrap();
    }
    let mut long = top.join("b/up");
    for _ in 0..25 {
        long = long.join("b/up");
    }
    let mut paths: Vec<PathBuf> = [
        "",
        "b",
        "link",
        "chain",
        "b/up/dir/file",
        "dir/../link",
        "b/absolute",
        "b/absolute/../..",
        "missing",
        "dangling",
        "round",
        "link/below",
        "b/./file",
        "../a",
        "b//file",
        "b/absolute/proc",
        "missing/../b",
    ]
    .iter()
    .map(|p| top.join(p))
    .collect();
    paths.extend(["/", "/..", "/proc/self", "/bin/sh"].map(PathBuf::from));
    let too_long =
        long.join("b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up/b/up");
    paths.extend([long, too_long]);
    for asked in paths {
        let ours = path::resolved(asked.as_os_str().as_bytes(), &mut |at| match fs::read_link(
            OsStr::from_bytes(at),
        ) {
            Ok(target) => Ok(Some(target.into_os_string().into_vec())),
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(None),
            Err(error) => Err(error.raw_os_error().unwrap()),
        });
        let ours = ours.map(|path| PathBuf::from(OsString::from_vec(path)));
        let theirs = asked.canonicalize().map_err(|e| e.raw_os_error().unwrap());
        assert_eq!(ours, theirs, "{}", asked.display());
    }
}
