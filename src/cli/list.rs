//! `ccroute list`: every name that the rules speak of, and what serves it on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{json, Value};

use super::look::{count, folded, folded_at, Look};
use super::names::{how_to_install, resolve, Triple};
use super::{graph, load_rules, Failure};
use crate::decide::{Outcome, Refusal};
use crate::exit::Exit;
use crate::rules::matching::RuleSet;
use crate::rules::Settings;

#[derive(Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long, conflicts_with = "graph")]
    json: bool,
    /// Draw the routes, as text or svg; what is refused is red
    #[arg(long, value_name = "FORM", value_enum, num_args = 0..=1, require_equals = true, default_missing_value = "text", hide_possible_values = true)]
    graph: Option<graph::Form>,
    /// Write the picture to FILE
    #[arg(long, short, value_name = "FILE", requires = "graph", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let texts = load_rules()?;
    let rules = RuleSet::parse(&texts)?;
    if let Some(form) = arguments.graph {
        let Some(file) = &arguments.output else {
            graph::draw(form, &rules, out, Look::now())?;
            return Ok(Exit::Success);
        };
        let mut picture = Vec::new();
        graph::draw(form, &rules, &mut picture, Look::plain())?;
        fs::write(file, picture)
            .map_err(|e| Failure::Fault(format!("cannot write {}: {e}", file.display())))?;
        return Ok(Exit::Success);
    }
    let triples = resolve(&rules);
    if arguments.json {
        let list: Vec<Value> = triples.iter().map(|t| as_json(t, &rules)).collect();
        super::json::print(out, "list", json!({"triples": list}))?;
        return Ok(Exit::Success);
    }
    let (served, others): (Vec<&Triple>, Vec<&Triple>) =
        triples.iter().partition(|t| t.served().next().is_some());
    writeln!(
        out,
        "{} served by compilers of this machine, {} not served",
        count(served.len(), "triple"),
        others.len()
    )?;
    for triple in served {
        print(out, triple)?;
    }
    writeln!(
        out,
        "native names (gcc, c++, …)\n  by the client's address or the job's source, otherwise refused"
    )?;
    // By what would serve them.
    let mut missing: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for triple in others {
        let why = match refusal(triple) {
            Some(Refusal::NotFound { .. }) => how_to_install(&stand_ins(triple, &rules)),
            _ => None,
        };
        let why = why.unwrap_or_else(|| why_not(triple));
        missing.entry(why).or_default().push(&triple.text);
    }
    for (why, triples) in missing {
        writeln!(out, "{}", folded(&format!("not served: {why}"), 4))?;
        for triple in triples {
            writeln!(out, "  {triple}")?;
        }
    }
    Ok(Exit::Success)
}

fn print(out: &mut dyn Write, triple: &Triple) -> Result<(), super::Failure> {
    writeln!(out, "{}", triple.text)?;
    let mut by_compiler: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, compiler) in triple.served() {
        let tool = name.with_triple(None).to_string();
        by_compiler
            .entry(compiler.display().to_string())
            .or_default()
            .push(tool);
    }
    const TOOLS: usize = 28;
    for (compiler, tools) in by_compiler {
        let mut tools = folded_at(&tools.join(" "), 0, TOOLS).into_iter();
        let first = tools.next().unwrap_or_default();
        writeln!(
            out,
            "{}",
            folded(&format!("  {first:<TOOLS$} {compiler}"), 6)
        )?;
        tools.try_for_each(|more| writeln!(out, "  {more}"))?;
    }
    Ok(())
}

/// Why the triple's first name is not served.
pub(super) fn refusal(triple: &Triple) -> Option<&Refusal> {
    let outcomes = triple.names.iter().map(|(_, decision)| &decision.outcome);
    outcomes.into_iter().find_map(|outcome| match outcome {
        Outcome::Refuse(refused) => Some(&refused.why),
        Outcome::Run(_) | Outcome::Send(_) => None,
    })
}

/// The same in words.
pub(super) fn why_not(triple: &Triple) -> String {
    refusal(triple).map_or_else(String::new, ToString::to_string)
}

/// The compilers that the rules would have for a triple.
pub(super) fn stand_ins(triple: &Triple, rules: &RuleSet<'_>) -> Vec<String> {
    let settings: Settings = rules.settings(&super::check::Plain(&triple.text));
    settings
        .use_
        .map_or_else(|| vec![triple.text.clone()], |use_| use_.value)
}

fn as_json(triple: &Triple, rules: &RuleSet<'_>) -> Value {
    let names: serde_json::Map<String, Value> = triple
        .names
        .iter()
        .map(|(name, decision)| {
            let value = match &decision.outcome {
                Outcome::Run(run) => json!({"compiler": run.compiler.display().to_string()}),
                Outcome::Refuse(refused) => json!({"refused": refused.why.to_string()}),
                Outcome::Send(send) => json!({"launcher": send.launcher.display().to_string()}),
            };
            (name.to_string(), value)
        })
        .collect();
    json!({
        "triple": triple.text,
        "names": names,
        "stand_ins": stand_ins(triple, rules),
    })
}
