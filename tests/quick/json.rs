//! What `--json` prints is what docs/json.md says: every field is in its table, with that type, and
//! every field of the tables is seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::common::call::{Call, Ran};
use crate::common::{rules, toolbox, Scratch, CCROUTE};

/// A field, as the page has it.
#[derive(Debug)]
struct Field {
    kind: String,
    words: Vec<String>,
    null: bool,
    optional: bool,
}

/// The page's tables: by command, by path. The envelope's is "".
fn page() -> BTreeMap<String, BTreeMap<String, Field>> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md");
    let mut command = String::new();
    let mut tables: BTreeMap<String, BTreeMap<String, Field>> = BTreeMap::new();
    for line in fs::read_to_string(page).unwrap().lines() {
        if let Some(title) = line.strip_prefix("## ") {
            command = title.trim_matches('`').to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", path, kind, _, ""] = cells[..] else {
            continue;
        };
        let Some(path) = path.strip_prefix('`').and_then(|p| p.strip_suffix('`')) else {
            continue;
        };
        let words = kind.split('`').skip(1).step_by(2).map(str::to_owned);
        let field = Field {
            kind: kind.split([' ', ':', ',']).next().unwrap().to_owned(),
            words: words.collect(),
            null: kind.contains("or null"),
            optional: kind.contains("may be missing"),
        };
        tables
            .entry(command.clone())
            .or_default()
            .insert(path.to_owned(), field);
    }
    tables
}

/// Holds a value against the table; the paths that were seen are added to `seen`.
fn hold(
    value: &Value,
    path: &str,
    table: &BTreeMap<&String, &Field>,
    seen: &mut BTreeSet<String>,
) -> Result<(), String> {
    // An entry that has fields of its own needs no line.
    let fields = format!("{path}.");
    let implied =
        path.ends_with("[]") && value.is_object() && table.keys().any(|p| p.starts_with(&fields));
    if !path.is_empty() && !implied {
        let field = table.iter().find(|(p, _)| **p == path).map(|(_, f)| f);
        let field = field.ok_or_else(|| format!("{path} is not on the page"))?;
        seen.insert(path.to_owned());
        let kind = match value {
            Value::Null if field.null => return Ok(()),
            Value::Null => "null",
            Value::Bool(_) => "truth",
            Value::Number(_) => "number",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        };
        if kind != field.kind {
            return Err(format!("{path} is {kind}, the page says {}", field.kind));
        }
        let word = value.as_str().unwrap_or_default();
        if !field.words.is_empty() && !field.words.iter().any(|w| w == word) {
            return Err(format!("{path} is {word}, the page says {:?}", field.words));
        }
    }
    match value {
        Value::Array(list) => {
            for entry in list {
                hold(entry, &format!("{path}[]"), table, seen)?;
            }
        }
        Value::Object(object) => {
            let below = |name: &str| match path {
                "" => name.to_owned(),
                _ => format!("{path}.{name}"),
            };
            let free = table.keys().any(|p| **p == below("*"));
            for (name, entry) in object {
                let name = if free { "*" } else { name };
                hold(entry, &below(name), table, seen)?;
            }
            let direct = |p: &str| {
                let rest = match path {
                    "" => Some(p),
                    _ => p.strip_prefix(path).and_then(|p| p.strip_prefix('.')),
                };
                rest.filter(|r| !r.contains(['.', '['])).map(str::to_owned)
            };
            for (known, field) in table {
                let Some(name) = direct(known).filter(|n| n != "*") else {
                    continue;
                };
                if !field.optional && !object.contains_key(&name) {
                    return Err(format!("{known} is missing"));
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// Holds outputs of a command against its table; together they show every field of it.
#[track_caller]
fn conform(command: &str, outputs: &[Ran]) {
    let page = page();
    let own = page
        .get(command)
        .unwrap_or_else(|| panic!("{command} is not on the page"));
    let table: BTreeMap<&String, &Field> = page[""].iter().chain(own).collect();
    let mut seen = BTreeSet::new();
    for output in outputs {
        let value: Value =
            serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:#?}"));
        if let Err(wrong) = hold(&value, "", &table, &mut seen) {
            panic!("{command}: {wrong}\n{value:#}");
        }
        assert_eq!(value["command"], command);
        assert_eq!(value["ccroute"], env!("CARGO_PKG_VERSION"));
        assert_eq!(value["version"], 2);
    }
    let unseen: Vec<_> = table.keys().filter(|p| !seen.contains(**p)).collect();
    assert!(unseen.is_empty(), "{command}: never printed: {unseen:?}");
}

const RULES: &str = "[armv6j-hardfloat-linux-gnueabi]\nuse = arm-linux-gnueabihf\n\
    defaults = -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm\nproof = 0000\n\
    [arm-linux-gnueabihf direct]\nsend = distcc\n\
    [nobody-unknown-linux-gnu]\nuse = nobody-unknown-linux-gnu\n\
    [armv6j-unknown-linux-gnueabihf]\nuse = arm-linux-gnueabihf\n\
    defaults = -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm\n\
    proof = 0000 arch=arm float=soft\n";

struct Machine {
    scratch: Scratch,
}

impl Machine {
    fn new(name: &str) -> Machine {
        let scratch = Scratch::new(name);
        let tools = [
            "arm-linux-gnueabihf-gcc",
            "arm-linux-gnueabihf-g++",
            "distcc",
        ];
        toolbox(&scratch, "tools", &tools);
        rules(&scratch, RULES);
        Machine { scratch }
    }

    fn call(&self, args: &[&str]) -> Call {
        Call::new(Path::new(CCROUTE))
            .args(args)
            .env("PATH", self.scratch.path("tools"))
            .env("CCROUTE_COMPILERS", self.scratch.path("compilers"))
            .rules(&self.scratch.path("rules"))
    }

    fn run(&self, args: &[&str]) -> Ran {
        self.call(args).run()
    }
}

#[test]
fn every_command_that_takes_json_is_on_the_page() {
    let page = page();
    let help = |words: &[&str]| {
        Call::new(Path::new(CCROUTE))
            .args(words)
            .args(["-h"])
            .run()
            .stdout
    };
    let commands = |text: &str| -> Vec<String> {
        let list = text.split("Commands:\n").nth(1).unwrap_or_default();
        let lines = list.lines().take_while(|l| !l.is_empty());
        lines
            .filter_map(|l| l.split_whitespace().next())
            .map(str::to_owned)
            .collect()
    };
    let mut with_json = BTreeSet::from([String::new()]);
    for command in commands(&help(&[])) {
        let text = help(&[&command]);
        if text.contains("--json") {
            with_json.insert(command.clone());
        }
        for sub in commands(&text).iter().filter(|s| *s != "help") {
            if help(&[&command, sub]).contains("--json") {
                with_json.insert(format!("{command} {sub}"));
            }
        }
    }
    assert!(with_json.len() > 6);
    let on_page: BTreeSet<String> = page.into_keys().collect();
    assert_eq!(on_page, with_json);
}

#[test]
fn explain() {
    let machine = Machine::new("json-explain");
    let explain = |words: &[&str]| machine.run(&[&["explain", "--json"], words].concat());
    let outputs = [
        explain(&[
            "--place",
            "helper",
            "armv6j-hardfloat-linux-gnueabi-gcc",
            "-c",
            "a.c",
        ]),
        explain(&["arm-linux-gnueabihf-gcc", "-O2", "-c", "a.c"]),
        explain(&[
            "--place",
            "helper",
            "nobody-unknown-linux-gnu-gcc",
            "-c",
            "a.c",
        ]),
    ];
    let actions = outputs
        .iter()
        .map(|o| serde_json::from_str::<Value>(&o.stdout).unwrap());
    let actions: Vec<Value> = actions.map(|v| v["decision"]["action"].clone()).collect();
    assert_eq!(actions, ["run", "send", "refuse"]);
    conform("explain", &outputs);
}

#[test]
fn list() {
    let machine = Machine::new("json-list");
    conform("list", &[machine.run(&["list", "--json"])]);
}

#[test]
fn check() {
    let machine = Machine::new("json-check");
    let first = machine.run(&["check", "--json"]).expect(1);
    machine
        .scratch
        .file("rules/60-bad.rules", "[native]\nusse = native\n");
    let bad = machine.run(&["check", "--json"]).expect(78);
    conform("check", &[first, bad]);
}

#[test]
fn doctor() {
    let machine = Machine::new("json-doctor");
    let root = machine.scratch.dir("root");
    let look = |role: &str| {
        let words = ["doctor", "--json", "--quick", role, "--root"];
        machine.run(&[&words[..], &[root.to_str().unwrap()]].concat())
    };
    conform("doctor", &[look("--helper"), look("--client")]);
}

#[test]
fn stats() {
    let machine = Machine::new("json-stats");
    let stats = |text: &str| {
        let file = machine.scratch.file("calls", text);
        let words = ["stats", "--json", "--file", file.to_str().unwrap()];
        machine.run(&words).expect(0)
    };
    let empty = stats("");
    let call =
        "@1700000000\thelper\trun\t192.168.1.20\tgcc\t/usr/bin/x-gcc\trenamed-by-rule\t/r:3\n";
    conform("stats", &[stats(call), empty]);
}

#[test]
fn probe() {
    let machine = Machine::new("json-probe");
    let gcc = machine
        .run(&["probe", "--json", "arm-linux-gnueabihf-gcc"])
        .expect(0);
    // A compiler that rejects what it says it assumes.
    let real = machine.scratch.path("tools/arm-linux-gnueabihf-gcc");
    let script = format!(
        "case \" $* \" in *\" -marm \"* | *\" -mthumb \"* | *\" -march=\"*) case \" $* \" in *\" -c \"*) exit 1;; esac;; esac\nexec {} \"$@\"",
        fs::read_link(real).unwrap().display()
    );
    machine.scratch.script("tools/odd-gcc", &script);
    let odd = machine.run(&["probe", "--json", "odd-gcc"]).expect(0);
    conform("probe", &[gcc, odd]);
}

#[test]
fn verify() {
    let machine = Machine::new("json-verify");
    let other = machine
        .scratch
        .script("other", "exec \"$@\" -O3 -funroll-loops");
    let other = other.to_str().unwrap();
    let verify = ["verify", "--json", "--compiler", "arm-linux-gnueabihf-gcc"];
    let path = format!("{}:/usr/bin:/bin", machine.scratch.path("tools").display());
    let through = |launcher: &str| {
        let call = machine.call(&[&verify[..], &["--through", launcher]].concat());
        call.env("PATH", &path).run()
    };
    let outputs = [through(other).expect(0), through("/bin/false").expect(1)];
    conform("verify", &outputs);
}

#[test]
fn guard_status() {
    let machine = Machine::new("json-guard");
    conform(
        "guard status",
        &[machine.run(&["guard", "status", "--json"]).expect(0)],
    );
}

#[test]
fn what_cannot_be_done_prints_no_object() {
    let machine = Machine::new("json-none");
    machine
        .scratch
        .file("rules/60-bad.rules", "[native]\nusse = native\n");
    for words in [
        &["list", "--json"][..],
        &["explain", "--json", "gcc", "-c", "a.c"],
    ] {
        let ran = machine.run(words).expect(78);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.stderr.lines().count(), 1);
    }
}

/// The check itself: what is not as the page says is found.
#[test]
fn the_check_sees_what_is_wrong() {
    let page = page();
    let table: BTreeMap<&String, &Field> = page[""].iter().chain(&page["guard status"]).collect();
    let held = |text: &str| {
        let value = serde_json::from_str(text).unwrap();
        hold(&value, "", &table, &mut BTreeSet::new())
    };
    let envelope = r#""ccroute":"1","command":"guard status","version":1"#;
    assert!(held(&format!(r#"{{{envelope},"on":false,"seconds":null}}"#)).is_ok());
    for wrong in [
        format!(r#"{{{envelope},"on":false}}"#),
        format!(r#"{{{envelope},"on":"no","seconds":null}}"#),
        format!(r#"{{{envelope},"on":null,"seconds":null}}"#),
        format!(r#"{{{envelope},"on":true,"seconds":1,"more":1}}"#),
        r#"{"on":true,"seconds":1}"#.into(),
    ] {
        assert!(held(&wrong).is_err(), "{wrong}");
    }
}
