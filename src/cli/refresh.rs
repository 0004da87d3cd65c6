//! `ccroute refresh`: `install` once more for each role that this machine has, for package managers. It
//! says nothing if nothing changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Parser;

use super::install::{self, COMMANDS, LINKS};
use super::names::installed_versions;
use super::{client, Cli, Command, Failure};
use crate::compiler::name::CompilerName;
use crate::compiler::record::{self, Stat, FILE as FACTS};
use crate::compiler::search::Found;
use crate::exit::Exit;

/// Runs the command.
pub(super) fn run(out: &mut dyn Write) -> super::Outcome {
    if let Ok(list) = fs::read(COMMANDS) {
        let before = links(Path::new(LINKS));
        again(&["--helper"])?;
        // A worker of distccd reads the list once, when it starts.
        let stale = fs::read(COMMANDS)? != list && !install::distccd_using(COMMANDS).is_empty();
        let restarted = stale && again(&["--helper", "--restart"]).is_ok();
        report("helper", &before, &links(Path::new(LINKS)), out)?;
        if stale && !restarted {
            writeln!(
                out,
                "ccroute: restart distccd: it does not serve the new names yet"
            )?;
        }
    }
    if let Some((dir, recorded)) = client_links() {
        if !is_current(&dir, &recorded) {
            let before = links(&dir);
            again(&["--client", "--masquerade", &dir.to_string_lossy()])?;
            report("client", &before, &links(&dir), out)?;
        }
    }
    Ok(Exit::Success)
}

/// `install` with these options; what it says is for a person who typed it.
fn again(options: &[&str]) -> Result<(), Failure> {
    let words = ["ccroute", "install"].iter().chain(options);
    let cli = Cli::try_parse_from(words).map_err(|e| Failure::Fault(e.to_string()))?;
    match cli.command {
        Command::Install(arguments) => install::install(&arguments, &mut Vec::new()).map(drop),
        _ => Ok(()),
    }
}

/// The links in a directory and what they lead to.
fn links(dir: &Path) -> BTreeMap<String, PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|e| {
            Some((
                e.file_name().into_string().ok()?,
                fs::read_link(e.path()).ok()?,
            ))
        })
        .collect()
}

fn report(
    role: &str,
    before: &BTreeMap<String, PathBuf>,
    after: &BTreeMap<String, PathBuf>,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let only = |a: &BTreeMap<String, PathBuf>, b: &BTreeMap<String, PathBuf>| {
        a.keys().filter(|name| !b.contains_key(*name)).count()
    };
    let (added, removed) = (only(after, before), only(before, after));
    let repaired = after
        .iter()
        .filter(|(name, to)| before.get(*name).is_some_and(|was| was != *to));
    let repaired = repaired.count();
    if added + removed + repaired > 0 {
        let count = after.len();
        writeln!(
            out,
            "ccroute: {role}: {count} names ({added} added, {removed} removed, {repaired} repaired)"
        )?;
    }
    Ok(())
}

/// The masquerade directory and the names that `install --client` linked there.
fn client_links() -> Option<(PathBuf, Vec<String>)> {
    client::recorded(&fs::read_to_string(client::RULES).ok()?)
}

/// Whether a client's names are those of its compilers, and none of these changed. Asking the compilers
/// takes a slow machine many seconds, and a package manager calls this for every package with a program.
fn is_current(dir: &Path, recorded: &[String]) -> bool {
    let program = fs::read_link("/proc/self/exe").ok();
    if recorded
        .iter()
        .any(|name| fs::read_link(dir.join(name)).ok() != program)
    {
        return false;
    }
    let facts = record::read(Path::new(FACTS))
        .ok()
        .flatten()
        .unwrap_or_default();
    let search = client::search_outside(dir);
    let versions = installed_versions();
    let mut native = BTreeSet::new();
    for tool in client::TOOLS {
        let versions = versions.get(&tool).into_iter().flatten().map(Some);
        for version in std::iter::once(None).chain(versions) {
            let name = CompilerName::new(None, tool, version.map(String::as_str)).to_string();
            let Found::Yes(found) = search.find(&name, &[]) else {
                continue;
            };
            let known = Stat::of(&found.path).ok();
            if known.is_none_or(|stat| record::lookup(&facts, &found.path, &stat).is_none()) {
                return false;
            }
            native.insert(name);
        }
    }
    let is_native = |name: &&String| {
        CompilerName::parse(name.as_bytes()).is_ok_and(|name| name.triple.is_none())
    };
    recorded.iter().filter(is_native).eq(&native)
}
