//! `ccroute check`: are the rules right, and is what they name installed?

use std::ffi::OsStr;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;

use clap::Args;
use serde_json::{json, Value};

use super::list::{refusal, stand_ins, why_not};
use super::load_rules;
use super::names::{how_to_install, resolve, Triple};
use super::place::Tree;
use super::record::{record, serving, unprefixed};
use crate::abi::Target;
use crate::compiler::ask::Compiler;
use crate::compiler::search::{unique, Found, Search};
use crate::decide::Refusal;
use crate::exit::Exit;
use crate::helper::sandbox::Kernel;
use crate::proof::{check_stand_in, Proof, Report};
use crate::request::Place;
use crate::rules::{matching::RuleSet, Subject};
use crate::shim::host;

#[derive(Args)]
pub(super) struct Arguments {
    /// Do not compile anything and record nothing
    #[arg(long)]
    rules_only: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A triple on a helper, with nothing else known: what `list` and `check` ask the rules about.
pub(super) struct Plain<'a>(pub(super) &'a str);

impl Subject for Plain<'_> {
    fn triple(&self) -> Option<&str> {
        Some(self.0)
    }
    fn tool(&self) -> &str {
        "gcc"
    }
    fn place(&self) -> Place {
        Place::Helper
    }
    fn from(&self) -> Option<IpAddr> {
        None
    }
    fn kernel(&self) -> Option<&str> {
        None
    }
    fn source(&self) -> Option<&str> {
        None
    }
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let texts = load_rules()?;
    let (rules, errors) = RuleSet::parse_all(&texts);
    let mut findings: Vec<Value> = Vec::new();
    let files = texts.len();
    for error in &errors {
        if !arguments.json {
            writeln!(out, "error: {error}")?;
        }
        findings.push(json!({"level": "error", "text": error.to_string()}));
    }
    let tree = Tree::new(Path::new("/"), true, false)?;
    for finding in super::client_check::findings(&tree, "ccroute install --client") {
        let text = format!("{}; mend it: {}", finding.what, finding.mend);
        if !arguments.json {
            writeln!(out, "warning: {text}")?;
        }
        findings.push(json!({"level": "warning", "text": text}));
    }
    if !arguments.rules_only {
        // Without the right to write, all is as it was; the record below says so.
        let _ = record(&host::facts_file(), &unprefixed());
    }
    let triples = resolve(&rules);
    let mut served = 0;
    let mut wrong = 0;
    for triple in &triples {
        if triple.served().next().is_some() {
            served += 1;
            continue;
        }
        // A stand-in of a shipped rule need not be installed: it is information, not a fault. One
        // that is installed and compiles for another machine is.
        let install = how_to_install(&stand_ins(triple, &rules));
        let why = why_not(triple);
        let level = match refusal(triple) {
            Some(Refusal::WrongTarget { .. }) => "error",
            _ => "info",
        };
        wrong += usize::from(level == "error");
        if !arguments.json {
            write!(out, "{level}: {}: {why}", triple.text)?;
            match &install {
                Some(command) => writeln!(out, "; to install one: {command}")?,
                None => writeln!(out)?,
            }
        }
        findings
            .push(json!({"level": level, "triple": triple.text, "text": why, "install": install}));
    }
    if !arguments.rules_only {
        for promise in Kernel::running().missing() {
            let text = format!("this kernel does not keep clients' jobs from {promise}");
            if !arguments.json {
                writeln!(out, "warning: {text}")?;
            }
            findings.push(json!({"level": "warning", "text": text}));
        }
    }
    if !arguments.rules_only && errors.is_empty() {
        for checked in probed(&triples, &rules) {
            let report = &checked.report;
            wrong += usize::from(!report.outcome.is_ok());
            let level = if report.outcome.is_ok() {
                "info"
            } else {
                "error"
            };
            if !arguments.json {
                writeln!(out, "{level}: {}: {report}", checked.triple)?;
                if let Some((triple, other)) = &checked.instead {
                    writeln!(out, "  would do: use = {triple} ({})", other.outcome)?;
                }
            }
            findings.push(json!({
                "level": level,
                "triple": checked.triple,
                "compiler": report.stand_in,
                "text": report.outcome.as_str(),
                "differences": report.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "notes": report.notes,
                "instead": checked.instead.as_ref().map(|(triple, _)| triple),
            }));
        }
        let file = host::facts_file();
        let recorded = record(&file, &serving(&triples));
        let (level, text) = match recorded {
            Ok(recorded) => {
                let silent: Vec<String> =
                    recorded.silent.iter().map(|s| format!("; {s}")).collect();
                let silent = silent.concat();
                let count = recorded.compilers;
                (
                    "info",
                    format!("recorded {count} compilers in {}{silent}", file.display()),
                )
            }
            Err(failure) => ("warning", failure.to_string()),
        };
        if !arguments.json {
            writeln!(out, "{level}: {text}")?;
        }
        findings.push(json!({"level": level, "text": text}));
    }
    if arguments.json {
        let report = json!({
            "files": files, "errors": errors.len(), "triples": triples.len(),
            "served": served, "wrong": wrong, "findings": findings,
        });
        super::json::print(out, "check", report)?;
    } else {
        writeln!(
            out,
            "{files} rules files, {} errors; {served} of {} triples are served here, {wrong} wrongly",
            errors.len(),
            triples.len()
        )?;
    }
    Ok(match (errors.is_empty(), wrong) {
        (false, _) => Exit::Rules,
        (true, 0) => Exit::Success,
        (true, _) => Exit::Fault,
    })
}

/// A compiler, held against what a section promises.
pub(super) struct Checked {
    pub triple: String,
    pub report: Report,
    /// The installed triple whose compiler would do in its place, and how well; for one that does
    /// not do.
    pub instead: Option<(String, Report)>,
}

/// The compiler that serves each triple's C, compiled with the section's defaults and held against
/// what the section promises; where there is a proof, every other that `use` names as well. A triple that
/// rules say nothing of promises nothing.
pub(super) fn probed(triples: &[Triple], rules: &RuleSet<'_>) -> Vec<Checked> {
    let mut list = Vec::new();
    for triple in triples {
        let settings = rules.settings(&Plain(&triple.text));
        let silent = settings.use_.is_none() && settings.defaults.is_none();
        let Some((name, first)) = triple.c_compiler().filter(|_| !silent) else {
            continue;
        };
        let defaults = settings.defaults.map_or(Vec::new(), |d| d.value);
        let proof = settings.proof.map(|p| Proof::parse(&p.value));
        let promised = crate::abi::triple::Triple::parse(&triple.text)
            .ok()
            .map(|t| Target::of_triple(&t).refined(&defaults));
        let check = |compiler: &Compiler| {
            // A compiler under its own name is what it is; a stand-in is held to the triple's name.
            let own = compiler.path.file_name() == Some(OsStr::new(&name.to_string()));
            let held = promised.as_ref().filter(|_| !own || proof.is_some());
            check_stand_in(compiler, &defaults, proof.as_ref(), held)
        };
        let named = settings.use_.map_or(Vec::new(), |u| u.value);
        let path = settings.path.map_or(Vec::new(), |p| p.value);
        let installed = installed(promised.as_ref(), &named, &path);
        let mut compilers = vec![first.clone()];
        if proof.is_some() {
            let others = installed
                .iter()
                .filter(|(triple, _)| named.contains(triple));
            compilers.extend(others.map(|(_, other)| other.clone()));
            compilers.dedup_by(|other, first| other.path == first.path);
        }
        for compiler in compilers {
            let report = check(&compiler);
            let others = installed.iter().filter(|(_, c)| c.path != compiler.path);
            let instead = match report.outcome.is_ok() {
                true => None,
                false => others
                    .map(|(triple, other)| (triple.clone(), check(other)))
                    .filter(|(_, other)| other.outcome.is_ok())
                    .min_by_key(|(_, other)| other.outcome),
            };
            list.push(Checked {
                triple: triple.text.clone(),
                report,
                instead,
            });
        }
    }
    list
}

/// The compilers for the promised architecture that are installed: those that `use` names first.
fn installed(
    promised: Option<&Target>,
    named: &[String],
    path: &[String],
) -> Vec<(String, Compiler)> {
    let search = Search::new(
        &host::path_variable(),
        host::this_file().into_iter().collect(),
    );
    let arch = promised.and_then(|t| t.architecture());
    let fits = |text: &String| {
        let triple = crate::abi::triple::Triple::parse(text);
        triple.is_ok_and(|t| Target::of_triple(&t).architecture() == arch)
    };
    let mut triples = named.to_vec();
    triples.extend(search.triples_with("gcc", path).into_iter().filter(fits));
    unique(triples)
        .into_iter()
        .filter_map(|triple| match search.find(&format!("{triple}-gcc"), path) {
            Found::Yes(installed) => Some((triple, Compiler::new(installed.path))),
            _ => None,
        })
        .collect()
}
