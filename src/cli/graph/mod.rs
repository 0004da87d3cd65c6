//! `ccroute list --graph`: the routes as a picture, names on the left and compilers on the right.
//! This part finds out what there is to draw; [`svg`] and [`text`] draw it.

mod svg;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::list::{refusal, stand_ins};
use super::look::Look;
use super::names::{how_to_install, on_helper_from, resolve, Triple, SENT_TOOLS};
use super::Failure;
use crate::compiler::name::CompilerName;
use crate::decide::{Decision, Outcome, Refusal};
use crate::log::read::each;
use crate::log::HELPER_FILE;
use crate::rules::matching::RuleSet;
use crate::rules::LogTo;

/// How the picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For the terminal
    Text,
    /// For browsers and documents
    Svg,
}

/// What asks: a triple, or a native name from some client.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    title: String,
    /// Whether the record of calls has a client that asked for it.
    asked: bool,
    /// The first is where most of its tools go; none is a refusal.
    routes: Vec<Route>,
    refused: Option<Refused>,
}

/// Tools of a row that one compiler serves.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    tools: Vec<String>,
    /// Which of [`Graph::compilers`].
    to: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Refused {
    tools: Vec<String>,
    why: String,
    /// What to type; empty where nothing helps.
    install: String,
}

/// The programs of one compiler: `TRIPLE-gcc`, `TRIPLE-g++-12` …
#[derive(Clone, Debug, PartialEq, Eq)]
struct Compiler {
    title: String,
    directory: String,
    programs: Vec<String>,
}

/// Rows that no compiler serves and that the same step would serve.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Unserved {
    /// The command to type, or the reason if there is none.
    title: String,
    /// Which of [`Graph::rows`].
    rows: Vec<usize>,
}

/// All that is drawn, in the order of drawing: the rows of one compiler are next to each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Graph {
    rows: Vec<Row>,
    compilers: Vec<Compiler>,
    unserved: Vec<Unserved>,
}

/// A row before it is arranged: its title, whether clients asked for it, its names, what to install.
type Asked = (String, bool, Vec<Came>, String);

/// Draws the routes to `out`.
pub(super) fn draw(
    form: Form,
    rules: &RuleSet<'_>,
    out: &mut dyn Write,
    look: Look,
) -> Result<(), Failure> {
    let graph = Graph::of(rules);
    match form {
        Form::Text => text::draw(&graph, out, look)?,
        Form::Svg => out.write_all(svg::draw(&graph).as_bytes())?,
    }
    Ok(())
}

/// What a name came to: the compiler's path, or why none.
type Came = (CompilerName, Result<PathBuf, String>);

/// A compiler's identity in the picture: its directory, and its triple or family.
type Family = (String, String);

/// Tools or programs of each.
type ByFamily = BTreeMap<Family, Vec<String>>;

impl Graph {
    /// The routes of this machine as a helper.
    fn of(rules: &RuleSet<'_>) -> Graph {
        let seen = Seen::of(rules);
        let mut asked: Vec<Asked> = Vec::new();
        for triple in resolve(rules) {
            let came = triple.names.iter().map(|(n, d)| came(n, d)).collect();
            let install = install(&triple, rules);
            let by_client = seen.triples.contains(&triple.text);
            asked.push((triple.text, by_client, came, install));
        }
        for (title, address) in native_clients(rules) {
            let plain = SENT_TOOLS.iter().filter(|t| !t.is_clang());
            let came = plain.map(|tool| {
                let name = CompilerName::new(None, *tool, None);
                let decision = on_helper_from(&name, rules, Some(address));
                came(&name, &decision)
            });
            let by_client = seen.native.contains(&address);
            asked.push((title, by_client, came.collect(), String::new()));
        }
        Graph::arranged(asked)
    }

    fn arranged(asked: Vec<Asked>) -> Graph {
        let mut families = ByFamily::new();
        let mut rows: Vec<(String, bool, ByFamily, Option<Refused>)> = Vec::new();
        let is_clang = |name: &CompilerName| name.tool.is_clang();
        let clang = asked.iter().flat_map(|(_, _, came, _)| came);
        let clang = clang.into_iter().any(|(n, to)| is_clang(n) && to.is_ok());
        for (title, by_client, mut came, install) in asked {
            // Where there is no clang at all its lack is no news of each name.
            if !clang && came.iter().any(|(_, to)| to.is_ok()) {
                came.retain(|(name, _)| !is_clang(name));
            }
            let mut routes = ByFamily::new();
            let mut refused: Option<Refused> = None;
            for (name, to) in came {
                let tool = name.with_triple(None).to_string();
                match to {
                    Ok(path) => {
                        let (family, program) = family(&path);
                        let programs = families.entry(family.clone()).or_default();
                        if !programs.contains(&program) {
                            programs.push(program);
                        }
                        routes.entry(family).or_default().push(tool);
                    }
                    Err(why) => {
                        let refused = refused.get_or_insert_with(|| Refused {
                            tools: Vec::new(),
                            why,
                            install: install.clone(),
                        });
                        refused.tools.push(tool);
                    }
                }
            }
            rows.push((title, by_client, routes, refused));
        }
        let order: Vec<&Family> = families.keys().collect();
        let index = |family: &Family| order.binary_search(&family).unwrap_or(0);
        let mut rows: Vec<Row> = rows
            .into_iter()
            .map(|(title, asked, routes, refused)| {
                let mut routes: Vec<Route> = routes
                    .into_iter()
                    .map(|(family, tools)| Route {
                        to: index(&family),
                        tools,
                    })
                    .collect();
                // gcc first: it is what distcc's jobs are nearly always for.
                routes.sort_by_key(|r| (!r.tools.iter().any(|t| t == "gcc"), r.to));
                Row {
                    title,
                    asked,
                    routes,
                    refused,
                }
            })
            .collect();
        // Each compiler's rows together, so that lines cross little; what is refused last.
        rows.sort_by_key(|r| {
            let first = r.routes.first().map_or(usize::MAX, |r| r.to);
            (first, r.title.clone())
        });
        let compilers = families
            .into_iter()
            .map(|((directory, title), programs)| Compiler {
                title,
                directory,
                programs,
            })
            .collect();
        let unserved = unserved(&rows);
        Graph {
            rows,
            compilers,
            unserved,
        }
    }

    /// How many rows have this compiler first.
    fn rows_of(&self, compiler: usize) -> impl Iterator<Item = (usize, &Row)> {
        let rows = self.rows.iter().enumerate();
        rows.filter(move |(_, row)| row.routes.first().is_some_and(|r| r.to == compiler))
    }

    /// The sentence above the picture.
    fn summary(&self) -> String {
        let served = self.rows.iter().filter(|r| !r.routes.is_empty()).count();
        let refused = self.rows.len() - served;
        let part = self
            .rows
            .iter()
            .filter(|r| !r.routes.is_empty() && r.refused.is_some());
        let part = match part.count() {
            0 => String::new(),
            n => format!(" ({n} of them in part)"),
        };
        let compilers = super::look::count(self.compilers.len(), "compiler");
        format!("{served} served{part} by {compilers}, {refused} not served")
    }

    /// Whether any row was asked for by a client.
    fn any_asked(&self) -> bool {
        self.rows.iter().any(|r| r.asked)
    }
}

/// The rows that nothing serves, by what would serve them: groups with names that clients asked for
/// first, then the larger ones.
fn unserved(rows: &[Row]) -> Vec<Unserved> {
    let mut groups: Vec<Unserved> = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let Some(refused) = row.refused.as_ref().filter(|_| row.routes.is_empty()) else {
            continue;
        };
        let title = match &*refused.install {
            "" => &*refused.why,
            // Each names a triple of its own.
            install if install.starts_with("build ") => {
                "no package here: build a compiler with crosstool-NG"
            }
            install => install,
        };
        match groups.iter_mut().find(|g| g.title == title) {
            Some(group) => group.rows.push(index),
            None => groups.push(Unserved {
                title: title.to_owned(),
                rows: vec![index],
            }),
        }
    }
    groups.sort_by_key(|g| {
        let asked = g.rows.iter().any(|&r| rows[r].asked);
        (!asked, std::cmp::Reverse(g.rows.len()))
    });
    groups
}

/// What clients asked this helper for, by the record of calls.
#[derive(Debug, Default)]
struct Seen {
    triples: BTreeSet<String>,
    /// Who asked for native names; also the address that stands for all others.
    native: BTreeSet<IpAddr>,
}

impl Seen {
    /// Reads the record. One that cannot be read marks nothing.
    fn of(rules: &RuleSet<'_>) -> Seen {
        let file = match rules.program().log {
            LogTo::File(file) => file,
            _ => HELPER_FILE.into(),
        };
        let mut seen = Seen::default();
        let _ = each(&file, &mut |call| {
            let Ok(client) = call.client.parse::<IpAddr>() else {
                return;
            };
            match CompilerName::parse(call.name.as_bytes()).map(|n| n.triple) {
                Ok(Some(triple)) => seen.triples.insert(triple),
                Ok(None) => seen.native.insert(client),
                Err(_) => false,
            };
        });
        seen
    }
}

fn came(name: &CompilerName, decision: &Decision) -> Came {
    let to = match &decision.outcome {
        Outcome::Run(run) => Ok(run.compiler.clone()),
        // Without the rule that it proposes, which has lines of its own.
        Outcome::Refuse(refused) => {
            let why = refused.why.to_string();
            let short = match &refused.why {
                Refusal::UnknownNative { .. } => why.split(": ").next(),
                _ => why.lines().next(),
            };
            Err(short.unwrap_or_default().to_owned())
        }
        // A helper does not send.
        Outcome::Send(send) => Err(format!("sent through {}", send.launcher.display())),
    };
    (name.clone(), to)
}

/// What to install for names that nothing serves; nothing helps where a rule refuses.
fn install(triple: &Triple, rules: &RuleSet<'_>) -> String {
    match refusal(triple) {
        Some(Refusal::NotFound { .. }) => {
            how_to_install(&stand_ins(triple, rules)).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// The clients that rules for native names speak of, and one that none does.
fn native_clients(rules: &RuleSet<'_>) -> Vec<(String, IpAddr)> {
    let mut clients: Vec<(String, IpAddr)> = Vec::new();
    for section in rules.sections().filter(|s| s.pattern() == "native") {
        if let Some(network) = section.from() {
            let one = network.prefix_len() == network.max_prefix_len();
            let shown = match one {
                true => network.addr().to_string(),
                false => network.to_string(),
            };
            let client = (format!("native from {shown}"), network.addr());
            if !clients.contains(&client) {
                clients.push(client);
            }
        }
    }
    clients.push(("native from others".into(), IpAddr::from([0, 0, 0, 0])));
    clients
}

/// What a compiler's path belongs to, and the program's short name in it.
fn family(path: &Path) -> (Family, String) {
    let directory = path.parent().unwrap_or(Path::new("/"));
    let directory = directory.display().to_string();
    let base = path.file_name().unwrap_or_default();
    let Ok(name) = CompilerName::of_path(Path::new(base)) else {
        let base = base.to_string_lossy().into_owned();
        return ((directory, base.clone()), base);
    };
    let program = name.with_triple(None).to_string();
    let title = match (&name.triple, name.tool.is_clang()) {
        (Some(triple), _) => triple.clone(),
        (None, true) => "clang".into(),
        (None, false) => "this machine's own".into(),
    };
    ((directory, title), program)
}

/// Tools in few words: the plain ones, then the versions in which there are more of them.
fn in_few_words(tools: &[String]) -> String {
    let version = |tool: &str| {
        let at = tool.find(|c: char| c.is_ascii_digit())?;
        let dash = tool[..at].ends_with('-').then_some(at - 1);
        dash.map(|at| tool[at..].to_owned())
    };
    let mut words: Vec<String> = Vec::new();
    let mut versions: Vec<String> = Vec::new();
    let plain = |base: &str| tools.iter().any(|t| t == base);
    for tool in tools {
        match version(tool) {
            Some(version) if plain(&tool[..tool.len() - version.len()]) => {
                if !versions.contains(&version) {
                    versions.push(version);
                }
            }
            _ => words.push(tool.clone()),
        }
    }
    // As lists of compilers go, and not as the alphabet does.
    let rank = |tool: &String| SENT_TOOLS.iter().position(|t| t.as_str() == tool);
    words.sort_by_key(|t| rank(t).unwrap_or(usize::MAX));
    words.extend(versions);
    words.join(" ")
}

/// A text in no more characters than these, its middle left out.
fn shortened(text: &str, most: usize) -> String {
    let count = text.chars().count();
    if count <= most {
        return text.to_owned();
    }
    let kept = most.saturating_sub(1);
    let (head, tail) = (kept - kept / 2, kept / 2);
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(count - tail).collect();
    format!("{head}…{tail}")
}

/// A text that ends where there is no more room.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let head: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", head.trim_end())
}
