//! An index of a rules directory changes what is read, and never what is said: least of all when files
//! were changed since.

use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{symlink, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use crate::common::call::{copy_of_ccroute, in_namespace, Call, Ran};
use crate::common::rules::farm::{kept, says, section, sections, Farm, ASKED};
use crate::common::rules::Asked;
use crate::common::Scratch;
use ccroute::rules::index::{is_due, remove, write, Written, NAME, QUIET};
use ccroute::rules::load::{load, Text};
use ccroute::rules::matching::RuleSet;
use ccroute::rules::sieve::load_for;
use ccroute::rules::Subject;

/// Many sections in twelve files, indexed.
fn indexed(name: &str) -> Farm {
    let farm = Farm::new(name);
    for file in 0..12 {
        farm.write(&format!("{file:02}.rules"), body(file));
    }
    assert!(is_due(&farm.0));
    assert_eq!(write(&farm.0).unwrap(), Written::Made(12));
    assert!(!is_due(&farm.0));
    farm
}

fn body(file: usize) -> String {
    let mark = if file % 5 == 2 { "\u{feff}" } else { "" };
    let end = if file % 4 == 3 { "\r\n" } else { "\n" };
    let sections = (file * 11..file * 11 + 11).map(|n| section(n, end));
    format!("{mark}# {file}{end}{}", sections.collect::<String>())
}

/// The index, or what there is in place of it, changes nothing.
fn agree(farm: &Farm) {
    let whole = farm.whole();
    for words in ASKED.into_iter().chain(["a-other-b", "a-69-b"]) {
        let asked = Asked::new(words);
        let texts = farm.wanted(asked.triple());
        assert_eq!(says(&texts, &asked), says(&whole, &asked), "{words}");
    }
}

/// What is said to a request for a section that only the last file has.
fn said(farm: &Farm) -> String {
    let asked = Asked::new("a-board131-b");
    says(&farm.wanted(asked.triple()), &asked)
}

#[test]
fn what_is_read_by_an_index_says_what_all_of_it_does() {
    let farm = indexed("same");
    agree(&farm);
    let without = {
        let index = fs::read(farm.0.join(NAME)).unwrap();
        assert!(remove(&farm.0).unwrap());
        assert!(!remove(&farm.0).unwrap());
        let without = ASKED.map(|words| kept(&farm.wanted(Asked::new(words).triple())));
        fs::write(farm.0.join(NAME), index).unwrap();
        without
    };
    for (words, without) in ASKED.into_iter().zip(without) {
        let with = kept(&farm.wanted(Asked::new(words).triple()));
        assert!(with < without, "{words}: {with}, {without}");
    }
    assert_eq!(write(&farm.0).unwrap(), Written::Unchanged);
}

/// Nothing else shows that the index is what was read: it is made to say that a section is not there.
#[test]
fn it_is_the_index_that_says_where_sections_are() {
    let farm = indexed("used");
    let index = fs::read(farm.0.join(NAME)).unwrap();
    let at = index.windows(12).position(|w| w == b"a-board131-b");
    let file = File::options().write(true).open(farm.0.join(NAME)).unwrap();
    let before = said(&farm);
    assert!(before.contains("11.rules"), "{before}");
    file.write_all_at(b"a-board999-b", at.unwrap() as u64)
        .unwrap();
    assert!(before.contains("-O131"), "{before}");
    assert!(!said(&farm).contains("-O131"));
}

#[test]
fn a_change_is_seen_at_once() {
    let farm = indexed("changed");
    let at = |name: &str| farm.0.join(name);
    let times = |path: &Path| {
        let meta = fs::metadata(path).unwrap();
        FileTimes::new()
            .set_modified(meta.modified().unwrap())
            .set_accessed(meta.accessed().unwrap())
    };
    let old = times(&at("11.rules"));
    let before = said(&farm);
    let other = body(11).replace("a-board131-b", "a-board130-b");
    assert_eq!(other.len(), body(11).len());
    let set = |path: &Path, times| {
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(times).unwrap();
    };

    // As large, in place, with the time that it had.
    let file = File::options().write(true).open(at("11.rules")).unwrap();
    file.write_all_at(other.as_bytes(), 0).unwrap();
    file.set_times(old).unwrap();
    assert_ne!(said(&farm), before);
    agree(&farm);
    assert!(is_due(&farm.0));

    // Another file by that name, as large and as old.
    fs::write(at("new"), body(11)).unwrap();
    set(&at("new"), old);
    fs::rename(at("new"), at("11.rules")).unwrap();
    assert_eq!(said(&farm), before);

    // Indexed, and changed in the very next moment.
    assert_eq!(write(&farm.0).unwrap(), Written::Made(12));
    let old = times(&at("11.rules"));
    fs::write(at("11.rules"), &other).unwrap();
    set(&at("11.rules"), old);
    assert_ne!(said(&farm), before);
    agree(&farm);

    // One more, one less, one that is a link, one that is masked.
    fs::write(at("12.rules"), "[a-x-b]\nflags = -last\n").unwrap();
    agree(&farm);
    fs::remove_file(at("03.rules")).unwrap();
    agree(&farm);
    fs::rename(at("05.rules"), at("five")).unwrap();
    symlink("five", at("05.rules")).unwrap();
    agree(&farm);
    fs::remove_file(at("07.rules")).unwrap();
    symlink("/dev/null", at("07.rules")).unwrap();
    agree(&farm);
    // Names changed about: each file is known, under another name.
    fs::rename(at("01.rules"), at("aside")).unwrap();
    fs::rename(at("02.rules"), at("01.rules")).unwrap();
    fs::rename(at("aside"), at("02.rules")).unwrap();
    agree(&farm);
}

/// A time that a file system cannot tell from the next one is no time to go by.
#[test]
fn what_was_changed_just_now_is_waited_for_or_left_out() {
    let farm = indexed("racing");
    for turn in 0..2 {
        farm.write(
            "11.rules",
            body(11).replace("a-x-b", &format!("a-{turn}-b")),
        );
        assert_eq!(write(&farm.0).unwrap(), Written::Made(12));
        let changed = fs::metadata(farm.0.join("11.rules")).unwrap();
        let index = fs::metadata(farm.0.join(NAME)).unwrap();
        let age = index
            .modified()
            .unwrap()
            .duration_since(changed.modified().unwrap());
        assert!(age.as_ref().is_ok_and(|age| *age >= QUIET), "{age:?}");
    }
    // Somebody writes to it all the while, and is heard each time.
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for turn in 100..400 {
                let flag = format!("-O{turn}");
                farm.write("new", body(11).replace("-O131", &flag));
                fs::rename(farm.0.join("new"), farm.0.join("11.rules")).unwrap();
                assert!(said(&farm).contains(&flag), "{flag}");
                thread::sleep(QUIET / 200);
            }
        });
        while !is_due(&farm.0) {
            thread::yield_now();
        }
        assert_eq!(write(&farm.0).unwrap(), Written::Made(11));
        writer.join().unwrap();
    });
    agree(&farm);
}

#[test]
fn an_earlier_directory_still_replaces_a_file_of_an_indexed_one() {
    let farm = indexed("replaced");
    let first = Farm::new("first");
    first.write("11.rules", "[a-x-b]\nflags = -mine\n");
    let dirs = [first.0.clone(), farm.0.clone(), PathBuf::new()];
    for words in ASKED {
        let asked = Asked::new(words);
        let texts = load_for(&dirs, asked.triple(), &|| None).unwrap();
        assert_eq!(says(&texts, &asked), says(&load(&dirs).unwrap(), &asked));
    }
}

#[test]
fn a_fault_in_an_indexed_directory_is_found_where_it_stands() {
    let farm = indexed("faults");
    farm.write("06.rules", format!("{}nonsense\n", body(6)));
    let error = |texts: Vec<Text>| {
        let error = RuleSet::parse(&texts).err();
        error.map(|e| e.to_string()).expect("a fault")
    };
    assert_eq!(error(farm.wanted(Some("none"))), error(farm.whole()));
    // It is not indexed, and so found again.
    assert_eq!(write(&farm.0).unwrap(), Written::Made(11));
    assert_eq!(error(farm.wanted(Some("none"))), error(farm.whole()));
}

#[test]
fn an_index_that_is_cut_off_or_of_another_program_is_none() {
    let farm = indexed("cut");
    let index = fs::read(farm.0.join(NAME)).unwrap();
    for length in (0..index.len()).step_by(31) {
        farm.write(NAME, &index[..length]);
        agree(&farm);
    }
    let end = index.iter().position(|&b| b == b'\n').unwrap();
    let mut other = index.clone();
    other[end - 1] ^= 1;
    // One that says of everything that it is not wanted.
    other[end + 1..].iter_mut().for_each(|b| {
        if b.is_ascii_alphabetic() {
            *b = b'z';
        }
    });
    farm.write(NAME, other);
    agree(&farm);
    assert!(is_due(&farm.0));
}

/// Whatever is in it, it is read to some end. What it says then is its writer's, who could as well
/// have changed the rules.
#[test]
fn no_index_can_make_a_call_fail() {
    let farm = indexed("odd");
    let index = fs::read(farm.0.join(NAME)).unwrap();
    let start = index.iter().position(|&b| b == b'\n').unwrap() + 1;
    let mut seed: u64 = 7;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed as usize
    };
    for _ in 0..1_000 {
        let mut odd = index.clone();
        for _ in 0..1 + random() % 8 {
            let at = start + random() % (odd.len() - start);
            odd[at] = [0, 0xff, 0x7f, random() as u8][random() % 4];
        }
        farm.write(NAME, odd);
        let texts = load_for(std::slice::from_ref(&farm.0), Some("a-x-b"), &|| None).unwrap();
        assert!(kept(&texts) <= 12 << 20);
    }
}

#[test]
fn an_index_that_others_can_write_is_not_believed() {
    let farm = indexed("trust");
    let at = farm.0.join(NAME);
    let index = fs::read(&at).unwrap();
    let lies = String::from_utf8_lossy(&index).contains("a-board131-b");
    assert!(lies);
    let place = index
        .windows(12)
        .position(|w| w == b"a-board131-b")
        .unwrap();
    let before = said(&farm);
    let mut lying = index.clone();
    lying[place..place + 12].copy_from_slice(b"a-board999-b");
    fs::write(&at, &lying).unwrap();
    assert_ne!(said(&farm), before);
    fs::set_permissions(&at, Permissions::from_mode(0o666)).unwrap();
    assert_eq!(said(&farm), before);
    fs::set_permissions(&at, Permissions::from_mode(0o644)).unwrap();
    assert_ne!(said(&farm), before);
    // Nor one that lies elsewhere.
    fs::rename(&at, farm.0.join("elsewhere")).unwrap();
    symlink("elsewhere", &at).unwrap();
    assert_eq!(said(&farm), before);
    // A directory by that name, or nothing that can be read.
    fs::remove_file(&at).unwrap();
    fs::create_dir(&at).unwrap();
    assert_eq!(said(&farm), before);
    assert!(write(&farm.0).is_err());
    agree(&farm);
}

#[test]
fn files_that_others_can_write_are_refused_as_without_an_index() {
    let farm = indexed("unsafe");
    let at = farm.0.join("04.rules");
    // Asked for or not.
    for triple in ["a-x-b", "zz"] {
        fs::set_permissions(&at, Permissions::from_mode(0o666)).unwrap();
        let error = load_for(std::slice::from_ref(&farm.0), Some(triple), &|| None).unwrap_err();
        assert!(error
            .to_string()
            .contains("others than its owner can write"));
    }
}

#[test]
fn few_rules_have_no_index() {
    let farm = Farm::new("few");
    assert_eq!(write(&farm.0).unwrap(), Written::Unneeded);
    farm.write("50.rules", sections(10, "\n"));
    farm.write(NAME, "of before");
    assert!(!is_due(&farm.0));
    assert_eq!(write(&farm.0).unwrap(), Written::Unneeded);
    assert!(!farm.0.join(NAME).exists());
    assert_eq!(write(&farm.0.join("none")).unwrap(), Written::Unneeded);
    farm.write("60.rules", sections(400, "\n"));
    assert!(is_due(&farm.0));
}

#[test]
fn check_indexes_and_uninstall_removes() {
    let scratch = Scratch::new("rules_index");
    let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
    let rules = scratch.dir("root/rules");
    for file in 0..12 {
        let body: String = (0..10)
            .map(|n| format!("[a-{file}-{n}]\nuse = b\n"))
            .collect();
        fs::write(rules.join(format!("{file:02}.rules")), body).unwrap();
    }
    let call = |arguments: &[&str]| {
        Call::new(&program)
            .args(arguments)
            .env("CCROUTE_COMPILERS", scratch.path("compilers"))
            .rules(&rules)
            .run()
    };
    let made = format!("info: indexed 12 rules files in {}\n", rules.display());
    let checked = call(&["check", "--rules-only"]);
    assert!(!checked.stdout.contains("indexed"), "{checked:?}");
    assert!(is_due(&rules));
    let doctor = call(&["doctor", "--quick", "--root", "/", "--client"]);
    let due = format!(
        "rules in {} are not indexed as they are now",
        rules.display()
    );
    assert!(doctor.stdout.contains(&due), "{doctor:?}");

    let checked = call(&["check"]);
    assert!(checked.stdout.contains(&made), "{checked:?}");
    assert!(!is_due(&rules));
    let doctor = call(&["doctor", "--quick", "--root", "/", "--client"]);
    assert!(!doctor.stdout.contains(&due), "{doctor:?}");
    let checked = call(&["check"]);
    assert!(!checked.stdout.contains("indexed"), "{checked:?}");

    // Where it cannot be written: a directory of somebody else, as it were.
    remove(&rules).unwrap();
    fs::create_dir(rules.join(NAME)).unwrap();
    let checked = call(&["check"]);
    let why = format!(
        "warning: each call reads all rules in {0}: cannot write {0}/.index: ",
        rules.display()
    );
    assert!(checked.stdout.contains(&why), "{checked:?}");
    assert_eq!(checked.code, Some(0), "{checked:?}");
    fs::remove_dir(rules.join(NAME)).unwrap();
    call(&["check"]);

    // Not where there is a fault.
    fs::write(rules.join("00.rules"), "nonsense\n").unwrap();
    assert!(!call(&["check"]).stdout.contains("indexed"));

    let root = scratch.path("root");
    let ran = Call::new(&program)
        .args(["uninstall", "--helper", "--verbose", "--root"])
        .args([&root])
        .rules(Path::new("/rules"))
        .run();
    assert!(ran.stdout.contains("remove /rules/.index\n"), "{ran:?}");
    assert!(!rules.join(NAME).exists());
}

/// On a file system that is not known to tell of a change at once there is none: here one in memory, in
/// the place of somebody's NFS.
#[test]
fn on_a_file_system_of_others_there_is_no_index() {
    let scratch = Scratch::new("rules_index_nfs");
    let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
    let mount = scratch.dir("mount");
    let script = scratch.script(
        "in-namespace",
        &format!(
            r#"mount -t ramfs none {mount} || exit 9
trap 'umount {mount}' EXIT
for n in 1 2 3 4 5 6 7 8 9; do printf '[a-%s-b]\nuse = c\n' $n >{mount}/$n.rules; done
CCROUTE_COMPILERS={mount}/compilers CCROUTE_RULES_DIR={mount} {program} check
ls -A {mount}
"#,
            mount = mount.display(),
            program = program.display(),
        ),
    );
    let ran = Ran::of(in_namespace(&script));
    assert!(ran.stdout.contains("9 rules files, 0 errors"), "{ran:?}");
    assert!(ran.stdout.contains("\n9.rules\ncompilers\n"), "{ran:?}");
    assert!(!ran.stdout.contains("indexed"), "{ran:?}");
    assert!(!ran.stdout.contains(NAME), "{ran:?}");
}
