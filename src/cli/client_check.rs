//! What `check` says of a client: links that a distcc update took, compilers that changed, and
//! ways of using ccache that give old objects.

use std::collections::BTreeMap;
use std::path::Path;

use super::client::{recorded, search_outside, COMPILER, RULES};
use crate::probe::{ask, Compiler};
use crate::toolchain::{Found, Search};
use crate::world;

/// What on this client is not as `install --client` left it, each with what to do; nothing on a
/// machine that is no client.
pub(super) fn findings() -> Vec<String> {
    let name = Path::new(RULES).file_name().unwrap_or_default();
    let files = world::rules_directories();
    let mut files = files
        .iter()
        .map(|dir| std::fs::read_to_string(dir.join(name)));
    let Some(text) = files.find_map(Result::ok) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Some((dir, names)) = recorded(&text) {
        findings.extend(lost_links(&dir, &names));
        findings.extend(changed_compilers(&text, &search_outside(&dir)));
    }
    let variable = |name: &str| std::env::var(name).ok();
    findings.extend(ccache_order(&variable));
    findings
}

/// Links that a distcc update removed or replaced.
fn lost_links(dir: &Path, names: &[String]) -> Vec<String> {
    let mut lost: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let what = match std::fs::read_link(dir.join(name)) {
            Ok(target) => match target.file_name().and_then(|n| n.to_str()) {
                Some("ccroute") => continue,
                Some("distcc") => "leads to distcc again",
                _ => "leads elsewhere",
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => "is gone",
            Err(_) => "is no link",
        };
        lost.entry(what).or_default().push(name);
    }
    lost.iter()
        .map(|(what, names)| {
            format!(
                "{}: {what}: {}; mend it: ccroute install --client",
                dir.display(),
                names.join(", ")
            )
        })
        .collect()
}

/// Compilers of another version than the rules were written for.
fn changed_compilers(text: &str, search: &Search) -> Vec<String> {
    let asked = text.lines().filter_map(|l| l.strip_prefix(COMPILER));
    let asked = asked.filter_map(|l| l.trim().split_once(' '));
    asked
        .filter_map(|(name, version)| {
            let now = match search.find(name, &[]) {
                Found::Yes(found) => ask(&Compiler::new(&found.path)).ok().map(|a| a.version),
                Found::NotExecutable(_) | Found::No => None,
            };
            let mend = "ask again: ccroute install --client";
            match now {
                Some(now) if now == version => None,
                Some(now) => Some(format!(
                    "{name} is {now}, the rules are {version}'s; {mend}"
                )),
                None => Some(format!("{name} {version} is gone from PATH; {mend}")),
            }
        })
        .collect()
}

/// Ways of using ccache that give old objects, or that no rule sees.
fn ccache_order(variable: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(prefix) = variable("CCACHE_PREFIX") {
        let base = prefix.rsplit('/').next().unwrap_or_default();
        if base == "distcc" {
            findings.push(
                "CCACHE_PREFIX=distcc sends absolute paths, which no rule sees: CCACHE_PREFIX=ccroute-run"
                    .into(),
            );
        }
        // ccache hashes the compiler, not what the rules make of the call.
        if base == "ccroute-run" && variable("CCACHE_EXTRAFILES").is_none() {
            findings.push(format!(
                "ccache does not see when a rule changes: CCACHE_EXTRAFILES={RULES}"
            ));
        }
    }
    let path = variable("PATH").unwrap_or_default();
    let dirs: Vec<&str> = path.split(':').collect();
    let leads = |dir: &&str, to: &str| {
        let end = std::fs::canonicalize(Path::new(dir).join("gcc")).unwrap_or_default();
        end.file_name().is_some_and(|n| n == to)
    };
    let ccache = dirs.iter().position(|d| leads(d, "ccache"));
    let ours = dirs.iter().position(|d| leads(d, "ccroute"));
    if let (Some(ccache), Some(ours)) = (ccache, ours) {
        findings.push(if ccache < ours {
            format!(
                "ccache takes ccroute for the compiler, and gives old objects when a rule changes: take {} off PATH and set CCACHE_PREFIX=ccroute-run",
                dirs[ours]
            )
        } else {
            format!("{} comes before ccache, which is never asked: take it off PATH and set CCACHE_PREFIX=ccroute-run", dirs[ours])
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_ways_of_using_ccache_are_reported() {
        let found = ccache_order(&|name| (name == "CCACHE_PREFIX").then(|| "distcc".into()));
        assert_eq!(found.len(), 1);
        let found = ccache_order(&|name| (name == "CCACHE_PREFIX").then(|| "ccroute-run".into()));
        assert!(found.len() == 1 && found[0].contains("CCACHE_EXTRAFILES"));
        assert!(ccache_order(&|_| None).is_empty());
    }
}
