//! `ccroute check`: are the rules right, and is what they name installed?

use std::io::Write;
use std::net::IpAddr;

use clap::Args;
use serde_json::{json, Value};

use super::list::{stand_ins, why_not};
use super::load_rules;
use super::names::{how_to_install, resolve};
use crate::exit::Exit;
use crate::rules::{matching::RuleSet, Place, Subject};

/// The shape of `--json`; a change that breaks readers raises it.
const JSON_VERSION: u32 = 1;

#[derive(Args)]
pub(super) struct Arguments {
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
    for text in super::client::findings() {
        if !arguments.json {
            writeln!(out, "warning: {text}")?;
        }
        findings.push(json!({"level": "warning", "text": text}));
    }
    let triples = resolve(&rules);
    let mut served = 0;
    for triple in &triples {
        if triple.served().next().is_some() {
            served += 1;
            continue;
        }
        // A stand-in of a shipped rule need not be installed: it is information, not a fault.
        let install = how_to_install(&stand_ins(triple, &rules));
        let why = why_not(triple);
        if !arguments.json {
            write!(out, "info: {}: {why}", triple.text)?;
            match &install {
                Some(command) => writeln!(out, "; to install one: {command}")?,
                None => writeln!(out)?,
            }
        }
        findings
            .push(json!({"level": "info", "triple": triple.text, "text": why, "install": install}));
    }
    if arguments.json {
        let report = json!({
            "version": JSON_VERSION, "files": files, "triples": triples.len(),
            "served": served, "findings": findings,
        });
        writeln!(out, "{report:#}")?;
    } else {
        writeln!(
            out,
            "{files} rules files, {} errors; {served} of {} triples are served here",
            errors.len(),
            triples.len()
        )?;
    }
    Ok(if errors.is_empty() {
        Exit::Success
    } else {
        Exit::Rules
    })
}
