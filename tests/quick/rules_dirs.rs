//! Rules directories on a real disk: which file is read, and what is refused because others could
//! have written it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use crate::common::rules::{mode, shown, Asked, Farm};
use ccroute::rules::load::{default_dirs, load, FILE_MAX, SHIPPED};
use ccroute::rules::matching::RuleSet;

/// Somebody who is neither root nor anyone that these tests run as.
const STRANGER: u32 = 54_321;

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[test]
fn an_earlier_directory_replaces_a_file_and_all_are_read_by_name() {
    let farm = Farm::new("precedence");
    assert_eq!(farm.load(), "");
    farm.file("d1/50-b.rules", "[*]\nflags += -d1");
    farm.file("d2/50-b.rules", "[*]\nflags += -never");
    farm.file("d2/10-a.rules", "[*]\nflags += -d2");
    farm.file("d3/60-c.rules", "[*]\nflags += -d3");
    farm.file("d3/10-a.rules", "not even a rules file");
    assert_eq!(farm.load(), "d2/10-a.rules d1/50-b.rules d3/60-c.rules");
    let dirs = ["d1", "d2", "d3"].map(|d| farm.path(d));
    let texts = load(&dirs).unwrap();
    let rules = RuleSet::parse(&texts).unwrap();
    let settings = shown(&rules.settings(&Asked::new("x-y")));
    assert!(
        settings.starts_with("flags = [\"-d2\", \"-d1\", \"-d3\"] @"),
        "{settings}"
    );
}

#[test]
fn the_shipped_rules_are_below_every_directory() {
    let farm = Farm::new("shipped");
    assert_eq!(default_dirs().last(), Some(&PathBuf::from(SHIPPED)));
    let names = |dirs: &[PathBuf]| -> Vec<String> {
        let texts = load(dirs).unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
        texts.iter().map(|t| name(&t.path)).collect()
    };
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.d");
    let mut all: Vec<String> = fs::read_dir(repository)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .map(|name| format!("shipped:{name}"))
        .collect();
    all.sort();
    assert_eq!(names(&[SHIPPED.into()]), all);

    // Replaced, masked, and in between, by name.
    let dir = farm.dir("d1");
    farm.file(
        "d1/10-debian.rules",
        "[arm-linux-gnueabihf]\nrefuse = replaced",
    );
    symlink("/dev/null", dir.join("20-gentoo.rules")).unwrap();
    farm.file("d1/25-own.rules", "[*]\nsend = none");
    let dirs = [dir, SHIPPED.into()];
    let mut want = all.clone();
    want[0] = "10-debian.rules".into();
    want.retain(|name| name != "shipped:20-gentoo.rules");
    want.insert(2, "25-own.rules".into());
    assert_eq!(names(&dirs), want);

    let texts = load(&dirs).unwrap();
    let rules = RuleSet::parse(&texts).unwrap();
    let settings = |triple: &str| shown(&rules.settings(&Asked::new(triple)));
    let debian = settings("arm-linux-gnueabihf");
    assert!(debian.contains("refuse = \"replaced\""), "{debian}");
    assert!(!debian.contains("defaults"), "{debian}");
    let alpine = settings("armv7-alpine-linux-musleabihf");
    assert!(
        alpine.contains("@shipped:22-distributions.rules:"),
        "{alpine}"
    );
    let gentoo = settings("armv6j-hardfloat-linux-gnueabi");
    assert!(!gentoo.contains("shipped:"), "{gentoo}");
}

#[test]
fn names_that_are_no_rules_files_are_passed_over() {
    let farm = Farm::new("names");
    for name in [
        "x.rule",
        "x.rules~",
        "x.rules.bak",
        ".x.rules",
        ".rules",
        "README",
        "x.RULES",
    ] {
        farm.file(&format!("d1/{name}"), "junk");
    }
    // Whoever may write to an empty directory: nothing of it is read.
    mode(&farm.path("d1"), 0o777);
    assert_eq!(farm.load(), "");
}

#[test]
fn a_link_to_dev_null_masks() {
    let farm = Farm::new("mask");
    farm.file("d2/10-a.rules", "junk");
    farm.file("d3/20-b.rules", "");
    farm.dir("d1");
    symlink("/dev/null", farm.path("d1/10-a.rules")).unwrap();
    assert_eq!(farm.load(), "d3/20-b.rules");
    // By way of another link too; an empty file says nothing likewise, but is read.
    fs::remove_file(farm.path("d1/10-a.rules")).unwrap();
    symlink("/dev/null", farm.path("null")).unwrap();
    symlink("../null", farm.path("d1/10-a.rules")).unwrap();
    assert_eq!(farm.load(), "d3/20-b.rules");
    // Another device is no mask.
    fs::remove_file(farm.path("d1/10-a.rules")).unwrap();
    symlink("/dev/zero", farm.path("d1/10-a.rules")).unwrap();
    assert_eq!(
        farm.load(),
        "d1/10-a.rules: it is not a regular file; remove it, or link it to /dev/null to mask a shipped file"
    );
}

#[test]
fn links_to_files_and_directories_are_followed() {
    let farm = Farm::new("links");
    farm.file("elsewhere/x", "[a]\n");
    farm.dir("d1");
    symlink("../elsewhere/x", farm.path("d1/x.rules")).unwrap();
    farm.file("real/y.rules", "");
    symlink("real", farm.path("d2")).unwrap();
    assert_eq!(farm.load(), "d1/x.rules d2/y.rules");
    // What a link leads through is held to the same rule.
    mode(&farm.path("elsewhere"), 0o777);
    assert_eq!(
        farm.load(),
        "elsewhere: it is writable by group or others; chmod go-w elsewhere"
    );
    mode(&farm.path("elsewhere"), 0o755);
    farm.dir("open");
    symlink("../elsewhere/x", farm.path("open/hop")).unwrap();
    fs::remove_file(farm.path("d1/x.rules")).unwrap();
    symlink("../open/hop", farm.path("d1/x.rules")).unwrap();
    assert_eq!(farm.load(), "d1/x.rules d2/y.rules");
    mode(&farm.path("open"), 0o777);
    assert_eq!(
        farm.load(),
        "open: it is writable by group or others; chmod go-w open"
    );
    fs::remove_file(farm.path("open/hop")).unwrap();
    mode(&farm.path("open"), 0o755);
    assert_eq!(
        farm.load(),
        "d1/x.rules: No such file or directory (os error 2)"
    );
}

#[test]
fn what_others_can_write_is_refused() {
    let farm = Farm::new("modes");
    let file = farm.file("d1/x.rules", "[a]\n");
    let (dir, above) = (farm.path("d1"), farm.0.clone());
    let refusal =
        |path: &str| format!("{path}: it is writable by group or others; chmod go-w {path}");
    let table = [
        (&file, 0o644, None),
        (&file, 0o444, None),
        (&file, 0o755, None),
        (&file, 0o664, Some("d1/x.rules")),
        (&file, 0o646, Some("d1/x.rules")),
        // A file's sticky bit means nothing.
        (&file, 0o1666, Some("d1/x.rules")),
        (&file, 0o600, None),
        (&dir, 0o775, Some("d1")),
        (&dir, 0o757, Some("d1")),
        (&dir, 0o1777, None),
        (&dir, 0o700, None),
    ];
    for (path, bits, want) in table {
        mode(path, bits);
        let want = want.map_or("d1/x.rules".to_owned(), refusal);
        assert_eq!(farm.load(), want, "{bits:o} on {}", path.display());
        mode(path, if path.is_dir() { 0o755 } else { 0o644 });
    }
    // A parent: whoever can write to it can put another directory in d1's place.
    mode(&above, 0o777);
    let full = above.display().to_string();
    assert_eq!(farm.load(), refusal(&full));
    mode(&above, 0o1777);
    assert_eq!(farm.load(), "d1/x.rules");
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let farm = Farm::new("kinds");
    farm.dir("d1");
    let path = farm.path("d1/x.rules");
    let not_regular =
        "d1/x.rules: it is not a regular file; remove it, or link it to /dev/null to mask a shipped file";
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::from_bits_truncate(0o644)).unwrap();
    assert_eq!(farm.load(), not_regular);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(farm.load(), not_regular);
    fs::remove_dir(&path).unwrap();
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    assert!(farm.load().starts_with("d1/x.rules: "), "{}", farm.load());
    drop(socket);
    fs::remove_file(&path).unwrap();
    symlink("x.rules", &path).unwrap();
    assert!(farm.load().starts_with("d1/x.rules: "), "{}", farm.load());
    fs::remove_file(&path).unwrap();
    // A directory that is a file, itself or above.
    fs::write(farm.path("d2"), "").unwrap();
    assert_eq!(farm.load(), "d2: it is not a directory: remove it");
}

/// Runs `load` as a user who is not root.
fn load_as_stranger(farm: &Farm) -> String {
    std::thread::scope(|scope| {
        let loader = scope.spawn(|| {
            if is_root() {
                // SAFETY: the raw call, unlike libc's, changes this thread alone, which ends soon.
                let done = unsafe { libc::syscall(libc::SYS_setresuid, -1, STRANGER, -1) };
                assert_eq!(done, 0);
            }
            farm.load()
        });
        loader.join().unwrap()
    })
}

#[test]
fn what_cannot_be_read_is_never_passed_over() {
    let farm = Farm::new("unreadable");
    let file = farm.file("d1/x.rules", "[a]\n");
    let dir = farm.path("d1");
    assert_eq!(load_as_stranger(&farm), "d1/x.rules");
    for (path, name) in [(&file, "d1/x.rules"), (&dir, "d1")] {
        mode(path, 0);
        assert_eq!(
            load_as_stranger(&farm),
            format!(
                "{name}: Permission denied (os error 13): let everyone read it (chmod a+rX {name})"
            )
        );
        mode(path, 0o755);
    }
    if is_root() {
        // Root may own what a user reads; and a user what that user reads, but not what root does.
        chown(&file, Some(STRANGER), None).unwrap();
        assert_eq!(load_as_stranger(&farm), "d1/x.rules");
        assert!(farm.load().contains("owned by neither"));
    }
}

#[test]
fn a_file_too_large_is_refused_unread() {
    let farm = Farm::new("large");
    let path = farm.file("d1/x.rules", "");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(FILE_MAX).unwrap();
    assert_eq!(farm.load(), "d1/x.rules");
    for size in [FILE_MAX + 1, 10 << 20, 1 << 40] {
        file.set_len(size).unwrap();
        assert_eq!(
            farm.load(),
            "d1/x.rules: it is larger than 4 MiB; split it, or remove it"
        );
    }
}

#[test]
fn a_file_that_is_replaced_meanwhile_is_read_whole() {
    let farm = Farm::new("replaced");
    farm.file("d1/x.rules", "[a]\n");
    let dir = farm.path("d1");
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (dir, done) = (dir.clone(), done.clone());
        move || {
            let mut length = 0;
            while !done.load(Ordering::Relaxed) {
                length = (length + 977) % 40_000;
                let body = format!("[a]\n#{}\n[b]\n", "x".repeat(length));
                fs::write(dir.join("new"), body).unwrap();
                fs::rename(dir.join("new"), dir.join("x.rules")).unwrap();
            }
        }
    });
    for _ in 0..300 {
        let texts = load(std::slice::from_ref(&dir)).unwrap();
        let body = &texts[0].bytes;
        assert!(body.len() == 4 || body.ends_with(b"\n[b]\n"));
    }
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn a_file_that_changes_meanwhile_is_read_as_it_was_or_refused() {
    let farm = Farm::new("changing");
    let path = farm.file("d1/x.rules", "[a]\n");
    let dir = farm.path("d1");
    let done = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let done = done.clone();
        move || {
            let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
            let mut length = 0;
            while !done.load(Ordering::Relaxed) {
                length += 7;
                file.write_all(b"#...xx\n").unwrap();
                if length > 100_000 {
                    file.set_len(4).unwrap();
                    length = 0;
                }
            }
        }
    });
    let refusal = "changes while it is read: replace it by renaming a finished file";
    for _ in 0..300 {
        match load(std::slice::from_ref(&dir)) {
            Ok(texts) => assert!(texts[0].bytes.starts_with(b"[a]\n")),
            Err(error) => assert!(error.to_string().ends_with(refusal), "{error}"),
        }
    }
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}
