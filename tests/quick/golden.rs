//! Golden decisions: rules + call + what is installed -> decision. One file per case in
//! tests/golden. `UPDATE_GOLDEN=1 cargo test --test golden` writes the decisions anew: read the
//! difference before you commit it.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ccroute::client::macros::Built;
use ccroute::compiler::search::Reach;
use ccroute::compiler::search::{Found, Installed};
use ccroute::decide::{decide, Decision, Facts, Outcome, Recorded};
use ccroute::helper::evidence::Evidence;
use ccroute::request::Place;
use ccroute::request::{Passed, Request};
use ccroute::rules::load::{load, Text, SHIPPED};
use ccroute::rules::matching::RuleSet;

/// The world as a case describes it.
#[derive(Default)]
pub(super) struct Fake {
    client: Option<IpAddr>,
    evidence: Evidence,
    /// Paths, each with the name at the end of its links, and what is recorded of it.
    pub(super) installed: Vec<(String, Option<String>, Option<Recorded>)>,
    native: String,
    guard: Option<u64>,
    /// Whether a directory before /usr/bin holds ccroute under the full names.
    links: bool,
    /// Whether distcc runs in pump mode.
    pumps: bool,
    directory: Option<PathBuf>,
}

impl Fake {
    /// A machine of this triple with these compilers, and nothing else to say.
    pub(super) fn with(
        native: &str,
        installed: Vec<(String, Option<String>, Option<Recorded>)>,
    ) -> Fake {
        Fake {
            native: native.into(),
            installed,
            ..Fake::default()
        }
    }
}

impl Facts for Fake {
    fn client(&self) -> Option<IpAddr> {
        self.client
    }
    fn evidence(&self) -> &Evidence {
        &self.evidence
    }
    fn find(&self, name: &str, first: &[String]) -> Found {
        let dir_of = |path: &str| path.rsplit_once('/').map(|(d, _)| d.to_owned());
        let in_first = |path: &str| {
            first.iter().any(|p| {
                glob::Pattern::new(p).is_ok_and(|p| p.matches(&dir_of(path).unwrap_or_default()))
            })
        };
        let here = |path: &&(String, Option<String>, Option<Recorded>)| {
            path.0.rsplit('/').next() == Some(name)
                && (in_first(&path.0) || path.0.starts_with("/usr/"))
        };
        let mut candidates: Vec<_> = self.installed.iter().filter(here).collect();
        candidates.sort_by_key(|c| !in_first(&c.0));
        match candidates.first() {
            None => Found::No,
            Some((path, end, _)) => Found::Yes(Installed {
                path: PathBuf::from(path),
                resolved: OsString::from(end.clone().unwrap_or(name.to_owned())),
                id: (1, 1),
                mtime: 0,
                size: 0,
            }),
        }
    }
    fn find_all(&self, name: &str, first: &[String]) -> Vec<Installed> {
        let mut all: Vec<&(String, Option<String>, Option<Recorded>)> =
            self.installed.iter().collect();
        all.retain(|(path, ..)| path.rsplit('/').next() == Some(name));
        let id = |i: usize| (1, i as u64);
        let installed =
            |(i, (path, end, _)): (usize, &&(String, Option<String>, Option<Recorded>))| {
                Installed {
                    path: PathBuf::from(path),
                    resolved: OsString::from(end.clone().unwrap_or(name.to_owned())),
                    id: id(i + 1),
                    mtime: 0,
                    size: 0,
                }
            };
        let _ = first;
        all.iter().enumerate().map(installed).collect()
    }
    fn versions_of(&self, name: &str, _: &[String]) -> Vec<String> {
        let names = self
            .installed
            .iter()
            .filter_map(|(path, ..)| path.rsplit('/').next());
        let mut versions: Vec<String> = names
            .filter_map(|n| Some(n.strip_prefix(name)?.strip_prefix('-')?.to_owned()))
            .collect();
        versions.sort_by(|a, b| b.cmp(a));
        versions
    }
    fn triples_with(&self, suffix: &str, _: &[String]) -> Vec<String> {
        self.installed
            .iter()
            .filter_map(|(path, ..)| path.rsplit('/').next()?.strip_suffix(suffix))
            .filter_map(|rest| rest.strip_suffix('-').map(str::to_owned))
            .collect()
    }
    fn recorded(&self, compiler: &Installed) -> Option<Recorded> {
        let path = compiler.path.to_str()?;
        self.installed.iter().find(|(p, ..)| p == path)?.2.clone()
    }
    fn native_triple(&self) -> &str {
        &self.native
    }
    fn guard(&self) -> Option<u64> {
        self.guard
    }
    fn working_directory(&self) -> &Path {
        self.directory.as_deref().unwrap_or(Path::new("/tmp"))
    }
    fn named_directory(&self) -> &Path {
        Path::new("/home/work")
    }
    fn expanded(&self, _: &Path, args: &[&OsStr]) -> Option<Vec<OsString>> {
        let expand = |a: &&OsStr| match a.to_str() {
            Some("-march=native") => "-march=armv8-a+crc".into(),
            _ => a.to_os_string(),
        };
        (!args.contains(&OsStr::new("-mcpu=native"))).then(|| args.iter().map(expand).collect())
    }
    fn source(&self, path: &OsStr) -> Option<Vec<u8>> {
        let text: &[u8] = match path.to_str()? {
            "counter.c" => b"int a = __COUNTER__;\n",
            "date.c" | "date.cc" => b"const char *date = __DATE__;\n",
            _ => b"int x;\n",
        };
        Some(text.to_vec())
    }
    fn leads_here(&self, _: &str) -> bool {
        self.links
    }
    fn pumps(&self) -> bool {
        self.pumps
    }
    fn built(&self) -> Option<Built> {
        Some(Built {
            date: "Nov 14 2023".into(),
            time: "22:13:20".into(),
        })
    }
    fn reach(&self, full: &str, local: &Path) -> Reach {
        let end = |path: &str| {
            let of = |p: &&(String, Option<String>, Option<Recorded>)| p.0 == path;
            let found = self.installed.iter().find(of)?;
            Some(found.1.clone().unwrap_or(path.to_owned()))
        };
        let there = end(&format!("/usr/bin/{full}"));
        match there {
            Some(there) if Some(&there) == local.to_str().and_then(end).as_ref() => {
                Reach::Outside("/usr/bin:/bin".into())
            }
            _ if self.links => Reach::ThroughShim,
            _ => Reach::Nowhere,
        }
    }
    fn launcher(&self, name: &str) -> Option<PathBuf> {
        (name == "distcc").then(|| PathBuf::from("/usr/bin/distcc"))
    }
}

/// A case's sections by name.
fn sections(text: &str) -> Vec<(String, String)> {
    let mut sections: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("== ") {
            sections.push((name.to_owned(), String::new()));
        } else if let Some((_, body)) = sections.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    sections
}

/// Where the rules of all cases are said to stand.
const DIRECTORY: &str = "/etc/ccroute/rules.d";

fn shipped() -> Vec<Text> {
    load(&[SHIPPED.into()]).expect("the shipped rules load")
}

fn run_case(path: &Path) -> (String, String) {
    let text = fs::read_to_string(path).unwrap();
    let mut texts: Vec<Text> = Vec::new();
    let mut fake = Fake {
        native: "x86_64-linux-gnu".into(),
        ..Fake::default()
    };
    let mut name = String::new();
    let mut words: Vec<String> = Vec::new();
    let mut place = Place::Direct;
    let mut added = 0;
    let mut want = String::new();
    for (section, body) in sections(&text) {
        match section.as_str() {
            "rules shipped" => texts.extend(shipped()),
            "rules" => texts.push(Text::new(
                &Path::new(DIRECTORY).join("50-test.rules"),
                body.into_bytes(),
            )),
            "call" => {
                for line in body.lines().filter(|l| !l.is_empty()) {
                    let (key, value) = line.split_once('=').expect("key = value");
                    let value = value.trim();
                    match key.trim() {
                        "name" => name = value.into(),
                        "args" => words = value.split(' ').map(String::from).collect(),
                        "from" => fake.client = Some(value.parse().unwrap()),
                        "native" => fake.native = value.into(),
                        "links" => fake.links = value == "yes",
                        "pump" => fake.pumps = value == "yes",
                        "added" => added = value.parse().unwrap(),
                        "guard" => fake.guard = Some(value.parse().unwrap()),
                        "directory" => fake.directory = Some(value.into()),
                        "place" => {
                            place = match value {
                                "helper" => Place::Helper,
                                "under-distcc" => Place::UnderDistcc,
                                "direct" => Place::Direct,
                                other => panic!("{other}"),
                            }
                        }
                        other => panic!("{other}"),
                    }
                }
            }
            "installed" => {
                for line in body.lines().filter(|l| !l.is_empty()) {
                    let (line, recorded) = match line.split_once(" recorded ") {
                        Some((line, facts)) => {
                            let (facts, assumes) =
                                facts.split_once(" assumes ").unwrap_or((facts, ""));
                            let defaults =
                                assumes.split_ascii_whitespace().map(String::from).collect();
                            let (version, target) = facts.split_once(' ').unwrap();
                            let target = target.parse().expect("a target's text");
                            let version = version.to_owned();
                            let recorded = Recorded {
                                target,
                                version,
                                defaults,
                            };
                            (line, Some(recorded))
                        }
                        None => (line, None),
                    };
                    let (path, end) = match line.split_once(" -> ") {
                        Some((path, end)) => (path, Some(end.to_owned())),
                        None => (line, None),
                    };
                    fake.installed.push((path.to_owned(), end, recorded));
                }
            }
            "source" => fake.evidence = Evidence::of_text(body.as_bytes()),
            "decision" => want = body,
            other => panic!("{}: unknown section {other}", path.display()),
        }
    }
    let args: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    let mut request =
        Request::new(OsStr::new(&name), &args, false, Passed::default(), || None).unwrap();
    request.place = place;
    request = request.with_added(added);
    let rules = RuleSet::parse(&texts).unwrap();
    let got = render(&decide(&request, &rules, &fake), place);
    (want, got)
}

fn render(decision: &Decision, place: Place) -> String {
    let join = |args: &[OsString]| {
        let words: Vec<_> = args.iter().map(|a| a.to_string_lossy()).collect();
        words.join(" ")
    };
    let mut text = match &decision.outcome {
        Outcome::Run(run) => format!("run {}\nargs {}\n", run.compiler.display(), join(&run.args)),
        Outcome::Send(send) => {
            let env: Vec<_> = send
                .env
                .iter()
                .map(|(n, v)| format!("{n}={}", v.to_string_lossy()))
                .collect();
            format!(
                "send {}\nargs {}\nenv {}\n",
                send.launcher.display(),
                join(&send.args),
                env.join(" ")
            )
        }
        Outcome::Refuse(refused) => format!(
            "refuse {} {:?}\n{}\n",
            refused.exit(place).code(),
            refused.way,
            refused.why
        ),
    };
    let root = env!("CARGO_MANIFEST_DIR");
    for reason in &decision.reasons {
        let origin = reason.origin.as_ref().map(|o| format!(" ({o})"));
        let origin = origin.unwrap_or_default().replace(root, "");
        text.push_str(&format!("because {}{origin}\n", reason.text));
    }
    text.replace(root, "")
}

#[test]
fn every_case_decides_as_written() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<PathBuf> = fs::read_dir(dir)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 20, "the golden files are missing");
    let mut wrong = Vec::new();
    for case in &cases {
        let (want, got) = run_case(case);
        if want == got {
            continue;
        }
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            let text = fs::read_to_string(case).unwrap();
            let head = text.split("== decision\n").next().unwrap();
            fs::write(case, format!("{head}== decision\n{got}")).unwrap();
        }
        wrong.push(format!(
            "{}\n--- want\n{want}--- got\n{got}",
            case.display()
        ));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
