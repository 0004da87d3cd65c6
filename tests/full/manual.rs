//! Help, manual pages and completions: complete, readable, and as the shells take them.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::call::{run, Call, Ran};
use crate::common::{need, Scratch, CCROUTE};
use ccroute::exit::Exit;
use ccroute::rules::reference::{keys, Condition};

const PROJECT: &str = env!("CARGO_MANIFEST_DIR");

#[track_caller]
fn ccroute(words: &[&str]) -> String {
    Call::new(Path::new(CCROUTE))
        .args(words)
        .run()
        .expect(0)
        .stdout
}

/// Every command, with the commands of commands: `[]`, `[list]`, `[guard, on]`.
fn commands() -> Vec<Vec<String>> {
    let mut found: Vec<Vec<String>> = vec![vec![]];
    let mut at = 0;
    while let Some(command) = found.get(at).cloned() {
        let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
        words.push("-h");
        let help = ccroute(&words);
        let list = help.split("Commands:\n").nth(1).unwrap_or_default();
        for line in list.lines().take_while(|l| !l.is_empty()) {
            match line.split_whitespace().next() {
                Some("help") | None => {}
                Some(name) => found.push([&command[..], &[name.to_owned()]].concat()),
            }
        }
        at += 1;
    }
    found
}

fn help_of(command: &[String], option: &str) -> String {
    let mut words: Vec<&str> = command.iter().map(String::as_str).collect();
    words.push(option);
    ccroute(&words)
}

/// A page as it is read, on lines so long that nothing is broken.
fn page(name: &str) -> String {
    let scratch = Scratch::new("page");
    let file = scratch.file("page", ccroute(&["man", name]));
    let mut command = Command::new(need("groff"));
    command
        .args(["-Tutf8", "-Kutf8", "-man", "-rLL=2000n", "-P-cbou"])
        .arg(file);
    let ran = run(&mut command).expect(0);
    ran.stdout.replace(['\u{2010}', '\u{2212}'], "-")
}

#[test]
fn help_fits_a_screen() {
    let all = commands();
    assert!(all.len() > 10);
    for command in all {
        let short = help_of(&command, "-h");
        assert!(short.lines().count() <= 24, "{command:?}\n{short}");
        let long = help_of(&command, "--help");
        assert!(long.len() >= short.len(), "{command:?}");
        for line in short.lines().chain(long.lines()) {
            assert!(line.chars().count() <= 80, "{command:?}: {line}");
        }
        if command.len() == 1 {
            assert!(long.contains("Examples:\n"), "{command:?}");
        }
    }
}

#[test]
fn every_command_option_and_exit_code_is_in_the_page() {
    let page = page("ccroute");
    for command in commands().iter().filter(|c| !c.is_empty()) {
        let title = format!("ccroute {}", command.join(" "));
        let sections = page.split("\n   ccroute ").map(|s| format!("ccroute {s}"));
        let is_it = |s: &String| {
            s.starts_with(&format!("{title} ")) || s.starts_with(&format!("{title}\n"))
        };
        let section = sections.into_iter().find(is_it);
        let section = section.unwrap_or_else(|| panic!("no section for {title}"));
        let help = help_of(command, "-h");
        // A form such as --graph[=<FORM>] is an option and its value.
        let words = help
            .split_whitespace()
            .map(|w| w.split([',', '[', '=']).next().unwrap_or(w));
        for option in words.filter(|w| w.starts_with('-') && *w != "-h" && *w != "--help") {
            // Options of which a text speaks in passing begin no line.
            let begins = help.lines().any(|l| {
                l.trim_start()
                    .trim_start_matches("-v, ")
                    .starts_with(option)
            });
            if begins {
                assert!(section.contains(option), "{title}: {option}\n{section}");
            }
        }
    }
    let status = page.split("\nEXIT STATUS\n").nth(1).unwrap();
    let status = status.split("\nENVIRONMENT\n").next().unwrap();
    let codes: Vec<i32> = status
        .lines()
        .filter_map(|l| l.split_whitespace().next()?.parse().ok())
        .collect();
    assert_eq!(codes, Exit::ALL.map(Exit::code));
}

/// No code is left out of the table: it names each one that the source declares.
#[test]
fn the_table_of_exit_codes_is_whole() {
    let source = fs::read_to_string(Path::new(PROJECT).join("src/exit.rs")).unwrap();
    let declared = source
        .lines()
        .filter(|l| l.starts_with("    ") && l.contains(" = ") && l.ends_with(','));
    let declared: BTreeSet<i32> = declared
        .filter_map(|l| l.trim_end_matches(',').rsplit(' ').next()?.parse().ok())
        .collect();
    assert_eq!(declared, Exit::ALL.map(Exit::code).into());
    let page = Path::new(PROJECT).join("docs/troubleshooting.md");
    let page = fs::read_to_string(page).unwrap();
    let told = page
        .lines()
        .filter_map(|l| l.strip_prefix("| ")?.split(' ').next()?.parse().ok());
    let told: BTreeSet<i32> = told.collect();
    let of_shim: BTreeSet<i32> = declared.into_iter().filter(|c| *c > 2).collect();
    assert_eq!(told, of_shim);
}

#[test]
fn every_key_and_condition_is_in_the_page() {
    let page = page("ccroute.rules");
    let part = |title: &str| {
        let text = page.split(&format!("\n{title}\n")).nth(1);
        let text = text.unwrap_or_else(|| panic!("no {title}"));
        let end = text
            .lines()
            .take_while(|l| l.is_empty() || l.starts_with(' '));
        end.collect::<Vec<_>>().join("\n")
    };
    let of_keys = part("KEYS");
    let mut count = 0;
    for (word, key) in keys() {
        let line = of_keys
            .lines()
            .find(|l| l.trim_start().starts_with(&format!("{word} = ")));
        assert!(line.is_some(), "{word} ({key:?})\n{of_keys}");
        count += 1;
    }
    assert!(count >= 20);
    let of_conditions = part("SECTIONS");
    for condition in Condition::ALL {
        let word = condition.word();
        let line = of_conditions
            .lines()
            .find(|l| l.split_whitespace().next() == Some(word));
        assert!(line.is_some(), "{word}\n{of_conditions}");
    }
    // Where values are words to choose from, the parser takes these and no other.
    for (word, key) in keys() {
        let choices = key.help().value;
        if choices.contains(", ") {
            let parse = |value: &str| {
                let mut faults = 0;
                let section = if key.is_programs() {
                    "ccroute"
                } else {
                    "native"
                };
                let text = format!("[{section}]\n{word} = {value}\n");
                ccroute::rules::parse::parse(text.as_bytes(), &mut |_| {
                    faults += 1;
                    true
                });
                faults == 0
            };
            assert!(choices.split(", ").all(parse), "{word}: {choices}");
            assert!(!parse("otherwise"), "{word}");
        }
    }
}

#[test]
fn variables_that_ccroute_reads_are_in_the_page() {
    fn look(dir: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                look(&path, found);
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            let quoted = text
                .split('"')
                .filter(|w| w.trim_start_matches('_').starts_with("CCROUTE_"));
            found.extend(
                quoted
                    .filter(|w| w.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
                    .map(str::to_owned),
            );
        }
    }
    let mut variables = BTreeSet::new();
    look(&Path::new(PROJECT).join("src"), &mut variables);
    assert!(variables.len() >= 3, "{variables:?}");
    let page = page("ccroute");
    for name in variables {
        assert!(page.contains(&name), "{name}");
    }
}

/// Standard error of man and groff with all their warnings on.
fn warnings(text: &str) -> String {
    let scratch = Scratch::new("warnings");
    let file = scratch.file("page.1", text);
    let man = Command::new(need("man"))
        .args(["--warnings", "-E", "UTF-8", "-l", "-Tutf8"])
        .arg(&file)
        .env("LC_ALL", "C.UTF-8")
        .env("MANWIDTH", "80")
        .output()
        .unwrap();
    let groff = Command::new(need("groff"))
        .args(["-ww", "-man", "-Kutf8", "-Tutf8", "-z"])
        .arg(&file)
        .output()
        .unwrap();
    let (man, groff) = (Ran::of(man), Ran::of(groff));
    assert_eq!(
        (man.code, groff.code),
        (Some(0), Some(0)),
        "{man:?} {groff:?}"
    );
    man.stderr + &groff.stderr
}

#[test]
fn the_pages_have_no_fault() {
    for name in ["ccroute", "ccroute.rules"] {
        assert_eq!(warnings(&ccroute(&["man", name])), "", "{name}");
    }
    // The check sees one.
    assert_ne!(
        warnings(".TH A 1\n.SH NAME\n\\fBa\\f[none]b\n.nosuch\n"),
        ""
    );
}

/// A program that makes terminals of its own. A chroot may have none to give: it then gets some.
fn with_terminals(program: &str) -> Command {
    if Path::new("/dev/pts/ptmx").exists() {
        return Command::new(need(program));
    }
    const MOUNTS: &str =
        "mount --make-rprivate /dev && mount -t devpts -o ptmxmode=666 devpts /dev/pts \
        && mount --bind /dev/pts/ptmx /dev/ptmx && exec \"$@\"";
    let mut command = Command::new(need("unshare"));
    command.args([
        "--mount",
        "--propagation",
        "unchanged",
        "sh",
        "-c",
        MOUNTS,
        "sh",
    ]);
    command.arg(need(program));
    command
}

/// What is shown on a terminal.
fn on_terminal(words: &str, env: &[(&str, &str)]) -> String {
    let line = format!("{CCROUTE} {words}");
    let mut command = with_terminals("script");
    command.args(["-qec", &line, "/dev/null"]).env_clear();
    command
        .envs([("PATH", "/usr/bin:/bin"), ("TERM", "xterm")])
        .envs(env.iter().copied());
    run(&mut command).stdout
}

#[test]
fn colours_are_for_terminals_and_never_with_no_color() {
    const ESCAPE: char = '\u{1b}';
    for words in ["--help", "list --nosuch"] {
        assert!(on_terminal(words, &[]).contains(ESCAPE), "{words}");
        assert!(
            !on_terminal(words, &[("NO_COLOR", "1")]).contains(ESCAPE),
            "{words}"
        );
        assert!(
            !on_terminal(words, &[("TERM", "dumb")]).contains(ESCAPE),
            "{words}"
        );
    }
    for words in [&["--help"][..], &["list", "--nosuch"]] {
        let ran = Call::new(Path::new(CCROUTE))
            .args(words)
            .env("TERM", "xterm")
            .run();
        assert!(!(ran.stdout + &ran.stderr).contains(ESCAPE), "{words:?}");
    }
}

/// What each shell completes these beginnings of a line to.
fn completed(shell: &str, line: &str) -> Vec<String> {
    let scratch = Scratch::new("complete");
    let file = match shell {
        "zsh" => scratch.file("functions/_ccroute", ccroute(&["completions", shell])),
        _ => scratch.file("completions", ccroute(&["completions", shell])),
    };
    let script = Path::new(PROJECT)
        .join("tests/manual")
        .join(format!("complete.{shell}"));
    let mut command = with_terminals("timeout");
    command.arg("60").arg(need(shell));
    match shell {
        "fish" => command.arg("--no-config"),
        "zsh" => command.arg("-f"),
        _ => command.arg("--norc"),
    };
    command.arg(script).args([file.as_os_str()]).arg(line);
    let ran = run(command
        .env("HOME", &scratch.0)
        .env("TERM", "dumb")
        .current_dir(&scratch.0));
    assert_eq!(ran.code, Some(0), "{shell}: {line}: {ran:#?}");
    ran.stdout.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn the_shells_complete_commands_options_and_words() {
    for shell in ["bash", "zsh", "fish"] {
        for (line, wanted) in [
            ("ccroute exp", "explain"),
            ("ccroute guard st", "status"),
            ("ccroute install --cl", "--client"),
            ("ccroute explain --place under", "under-distcc"),
            ("ccroute man ccroute.r", "ccroute.rules"),
            ("ccroute completions fi", "fish"),
        ] {
            let words = completed(shell, line);
            assert!(
                words.iter().any(|w| w == wanted),
                "{shell}: {line}: {words:?}"
            );
        }
        let none = completed(shell, "ccroute zz");
        assert!(!none.iter().any(|w| w == "explain"), "{shell}: {none:?}");
    }
}
