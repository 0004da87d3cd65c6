//! `ccroute check`: are the rules right, and is what they name installed?

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::net::IpAddr;
use std::path::Path;

use clap::Args;
use serde_json::json;

use super::client::recorded;
use super::install::{COMMANDS, LINKS};
use super::list::{refusal, stand_ins, why_not};
use super::look::{count, Look, Progress};
use super::names::{how_to_install, resolve, Triple};
use super::place::Tree;
use super::record::{record, serving, unprefixed};
use super::report::{Finding, Severity};
use super::{client_check, load_rules, report};
use crate::abi::Target;
use crate::compiler::ask::Compiler;
use crate::compiler::name::CompilerName;
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
    /// Print notes as well, such as triples without a compiler
    #[arg(long, short)]
    verbose: bool,
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
    let errors_found = errors.iter().map(|error| {
        Finding::new(
            Severity::Fault,
            error.to_string(),
            "every job is refused with exit code 78",
            "",
        )
    });
    let mut found: Vec<Finding> = errors_found.collect();
    let root = Path::new("/");
    let tree = Tree::new(root, true, false)?;
    found.extend(client_check::findings(
        &tree,
        root,
        "ccroute install --client",
    ));
    if !arguments.rules_only {
        // Without the right to write, all is as it was; the record below says so.
        let _ = record(&host::facts_file(), &unprefixed());
    }
    let triples = examined(&tree, &rules);
    let mut served = 0;
    let mut wrong = 0;
    for triple in &triples {
        if triple.served().next().is_some() {
            served += 1;
            continue;
        }
        // A stand-in of a shipped rule need not be installed. One that is installed and compiles for
        // another machine is a fault.
        let install = how_to_install(&stand_ins(triple, &rules));
        let severity = match refusal(triple) {
            Some(Refusal::WrongTarget { .. } | Refusal::IsaUnstated { .. }) => Severity::Fault,
            _ => Severity::Note,
        };
        wrong += usize::from(severity == Severity::Fault);
        let what = format!("{}: {}", triple.text, why_not(triple));
        let finding = Finding::new(severity, what, "", "")
            .with(json!({"triple": triple.text, "install": install}));
        found.push(match install {
            Some(command) => finding.advise(format!("to install one: {command}")),
            None => finding,
        });
    }
    if !arguments.rules_only && (is_helper(&tree) || client_check::rules_text(root).is_none()) {
        found.extend(Kernel::running().missing().into_iter().map(|promise| {
            let what = format!("this kernel does not keep clients' jobs from {promise}");
            Finding::new(Severity::Warning, what, "", "")
        }));
    }
    if !arguments.rules_only && errors.is_empty() {
        for checked in probed(&triples, &rules) {
            wrong += usize::from(!checked.report.outcome.is_ok());
            found.push(checked.finding());
        }
        let file = host::facts_file();
        found.push(match record(&file, &serving(&triples)) {
            Ok(recorded) => {
                let silent: Vec<String> =
                    recorded.silent.iter().map(|s| format!("; {s}")).collect();
                let (recorded, silent) = (count(recorded.compilers, "compiler"), silent.concat());
                Finding::note(format!("recorded {recorded} in {}{silent}", file.display()))
            }
            Err(failure) => Finding::new(Severity::Warning, failure.to_string(), "", ""),
        });
    }
    if arguments.json {
        let report = json!({
            "files": texts.len(), "errors": errors.len(), "triples": triples.len(),
            "served": served, "wrong": wrong, "findings": report::as_json(&found),
        });
        super::json::print(out, "check", report)?;
    } else {
        let look = Look::now();
        found.retain(|f| arguments.verbose || f.severity > Severity::Note);
        writeln!(
            out,
            "{}: {served} of {} served here, {} read",
            report::answer(&found),
            count(triples.len(), "triple"),
            count(texts.len(), "rules file"),
        )?;
        found.iter().try_for_each(|f| f.print(out, look))?;
    }
    let fault = found.iter().any(|f| f.severity >= Severity::Fault);
    Ok(match (errors.is_empty(), fault) {
        (false, _) => Exit::Rules,
        (true, false) => Exit::Success,
        (true, true) => Exit::Fault,
    })
}

fn is_helper(tree: &Tree) -> bool {
    tree.exists(LINKS) || tree.exists(COMMANDS)
}

/// The triples that matter on this machine: on one that is a client and no helper, those of its own
/// compilers, because nobody asks it for others.
fn examined(tree: &Tree, rules: &RuleSet<'_>) -> Vec<Triple> {
    let mut triples = resolve(rules);
    let recorded = client_check::rules_text(Path::new("/")).and_then(|text| recorded(&text));
    if let Some((_, names)) = recorded.filter(|_| !is_helper(tree)) {
        let own: BTreeSet<String> = names
            .iter()
            .filter_map(|name| CompilerName::parse(name.as_bytes()).ok()?.triple)
            .collect();
        triples.retain(|triple| own.contains(&triple.text));
    }
    triples
}

/// A compiler, held against what a section promises.
pub(super) struct Checked {
    pub triple: String,
    pub report: Report,
    /// The installed triple whose compiler would do in its place, and how well; for one that does
    /// not do.
    pub instead: Option<(String, Report)>,
}

impl Checked {
    fn finding(&self) -> Finding {
        let report = &self.report;
        let severity = match report.outcome.is_ok() {
            true => Severity::Note,
            false => Severity::Fault,
        };
        let finding = Finding::new(severity, format!("{}: {report}", self.triple), "", "").with(json!({
            "triple": self.triple,
            "compiler": report.stand_in,
            "outcome": report.outcome.as_str(),
            "differences": report.differences.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "notes": report.notes,
            "instead": self.instead.as_ref().map(|(triple, _)| triple),
        }));
        match &self.instead {
            Some((triple, other)) => {
                finding.advise(format!("would do: use = {triple} ({})", other.outcome))
            }
            None => finding,
        }
    }
}

/// The compiler that serves each triple's C, compiled with the section's defaults and held against
/// what the section promises; where there is a proof, every other that `use` names as well. A triple that
/// rules say nothing of promises nothing.
pub(super) fn probed(triples: &[Triple], rules: &RuleSet<'_>) -> Vec<Checked> {
    let mut list = Vec::new();
    let mut progress = Progress::new("trying compilers", triples.len());
    for (number, triple) in triples.iter().enumerate() {
        progress.at(number);
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
