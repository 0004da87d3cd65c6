//! `ccroute check`: are the rules right, and is what they name installed?

use std::io::Write;
use std::net::IpAddr;
use std::path::Path;

use clap::Args;
use serde_json::{json, Value};

use super::list::{refusal, stand_ins, why_not};
use super::load_rules;
use super::names::{how_to_install, resolve, Triple};
use super::place::Tree;
use super::record::{record, serving};
use crate::decide::Refusal;
use crate::exit::Exit;
use crate::name::Tool;
use crate::probe::{check_stand_in, Compiler, Proof, Report};
use crate::rules::{matching::RuleSet, Place, Subject};
use crate::target::Target;
use crate::world;

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
    if !arguments.rules_only && errors.is_empty() {
        for (triple, report) in probed(&triples, &rules) {
            wrong += usize::from(!report.outcome.is_ok());
            let level = if report.outcome.is_ok() {
                "info"
            } else {
                "error"
            };
            if !arguments.json {
                writeln!(out, "{level}: {triple}: {report}")?;
            }
            findings.push(json!({
                "level": level,
                "triple": triple,
                "compiler": report.stand_in,
                "text": report.outcome.as_str(),
                "differences": report.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "notes": report.notes,
            }));
        }
        let file = world::facts_file();
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

/// Every stand-in that serves a triple's C, compiled with the section's defaults and held against
/// what the section promises. A triple that rules say nothing of promises nothing.
pub(super) fn probed(triples: &[Triple], rules: &RuleSet<'_>) -> Vec<(String, Report)> {
    let mut reports = Vec::new();
    for triple in triples {
        let settings = rules.settings(&Plain(&triple.text));
        let mut served = triple.served();
        let compiler = served.find(|(name, _)| name.tool == Tool::Gcc && name.version.is_none());
        let (Some(use_), Some((_, path))) = (&settings.use_, compiler) else {
            continue;
        };
        let defaults = settings.defaults.map_or(Vec::new(), |d| d.value);
        let proof = settings.proof.map(|p| Proof::parse(&p.value));
        // A compiler under its own name is what it is; a stand-in is held to the triple's name.
        let promised = (use_.value.first() != Some(&triple.text) || proof.is_some())
            .then(|| crate::triple::Triple::parse(&triple.text).ok())
            .flatten()
            .map(|t| Target::of_triple(&t).refined(&defaults));
        let compiler = Compiler::new(path);
        reports.push((
            triple.text.clone(),
            check_stand_in(&compiler, &defaults, proof.as_ref(), promised.as_ref()),
        ));
    }
    reports
}
