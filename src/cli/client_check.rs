//! What `check` says of a client: links that a distcc update took, compilers that changed, and
//! ways of using ccache that give old objects.

use std::collections::BTreeMap;
use std::path::Path;

use super::client::{recorded, search_outside, COMPILER, RULES};
use super::hosts;
use super::place::Tree;
use super::report::{Finding, Severity};
use crate::compiler::ask::{ask, Compiler};
use crate::compiler::search::{find_launcher, is_ccroute, Found, Search};
use crate::os::quote::word as quoted;
use crate::shim::host;

/// The rules that `install --client` wrote, where they are in force; `None` on a machine that is no
/// client. `root`: the system's, `/` for this one.
pub(super) fn rules_text(root: &Path) -> Option<String> {
    let name = Path::new(RULES).file_name().unwrap_or_default();
    let files = super::rules_directories(root);
    let mut files = files
        .iter()
        .map(|dir| std::fs::read_to_string(dir.join(name)));
    files.find_map(Result::ok)
}

/// What on this client is not as `install --client` left it; nothing on a machine that is no client.
/// `install` is the command to type.
pub(super) fn findings(tree: &Tree, root: &Path, install: &str) -> Vec<Finding> {
    let Some(text) = rules_text(root) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    if let Some((dir, names)) = recorded(&text) {
        let real = tree.real(&dir);
        findings.extend(lost_links(&real, &names, install));
        findings.extend(changed_compilers(&text, &search_outside(&real), install));
    }
    // Under sudo the environment is root's, and says nothing of the user's builds.
    if hosts::sudo_user().is_none() {
        let variable = |name: &str| std::env::var(name).ok();
        findings.extend(ccache_order(&variable, ccache_asks()));
    }
    findings
}

/// Links that a distcc update removed or replaced.
fn lost_links(dir: &Path, names: &[String], install: &str) -> Vec<Finding> {
    let mut lost: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in names {
        let link = dir.join(name);
        let what = match std::fs::read_link(&link) {
            Ok(target) if is_ccroute(&target) => match link.exists() {
                true => continue,
                false => "is a link to a missing file",
            },
            Ok(target) => match target.file_name().and_then(|n| n.to_str()) {
                Some("distcc") => "is a link to distcc again",
                _ => "is another program's link",
            },
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => "is missing",
            Err(_) => "is not a link",
        };
        lost.entry(what).or_default().push(name);
    }
    lost.iter()
        .map(|(what, names)| {
            Finding::new(
                Severity::Fault,
                format!("{}: {what}: {}", dir.display(), names.join(", ")),
                "no rule applies to these names: distcc sends them as a helper's own compiler, or nothing is sent",
                install,
            )
        })
        .collect()
}

/// Compilers of another version than the rules were written for.
fn changed_compilers(text: &str, search: &Search, install: &str) -> Vec<Finding> {
    let asked = text.lines().filter_map(|l| l.strip_prefix(COMPILER));
    let asked = asked.filter_map(|l| l.trim().split_once(' '));
    asked
        .filter_map(|(name, version)| {
            let now = match search.find(name, &[]) {
                Found::Yes(found) => ask(&Compiler::new(&found.path)).ok().map(|a| a.version),
                Found::NotExecutable(_) | Found::No => None,
            };
            let what = match now {
                Some(now) if now == version => return None,
                Some(now) => {
                    format!("{name} is version {now}; the client's rules are for {version}")
                }
                None => format!(
                    "{name} {version} is no longer installed; the client's rules are for it"
                ),
            };
            Some(Finding::new(
                Severity::Warning,
                what,
                "jobs state the defaults of a compiler that is no longer here",
                install,
            ))
        })
        .collect()
}

/// What ccache goes by to know that a compiler is another: the value of its `compiler_check`. `None`
/// without ccache.
fn ccache_asks() -> Option<String> {
    let search = host::search_path();
    let ccache = find_launcher("ccache", search.path(), &[])?;
    let mut command = std::process::Command::new(ccache);
    let output = command.args(["--get-config", "compiler_check"]).output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    Some(text.trim().to_owned())
}

/// Ways of using ccache that give old objects, or that no rule sees. `asks`: see [`ccache_asks`].
fn ccache_order(variable: &dyn Fn(&str) -> Option<String>, asks: Option<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(prefix) = variable("CCACHE_PREFIX") {
        let first = prefix.split(' ').next().unwrap_or_default();
        let base = first.rsplit('/').next().unwrap_or_default();
        if base == "distcc" {
            findings.push(Finding::new(
                Severity::Fault,
                "CCACHE_PREFIX=distcc sends absolute paths, to which no rule applies",
                "helpers run their own /usr/bin/gcc for these jobs",
                "export CCACHE_PREFIX=ccroute-run",
            ));
        }
        // ccache hashes the compiler, not what the rules make of the call.
        if base == "ccroute-run" && variable("CCACHE_EXTRAFILES").is_none() {
            findings.push(Finding::new(
                Severity::Warning,
                "ccache does not see when a rule changes",
                "it returns objects that were made with the earlier rules",
                format!("export CCACHE_EXTRAFILES={RULES}"),
            ));
        }
    }
    let path = variable("PATH").unwrap_or_default();
    let dirs: Vec<&str> = path.split(':').collect();
    let end = |dir: &str| std::fs::canonicalize(Path::new(dir).join("gcc")).unwrap_or_default();
    let ccache = dirs.iter().position(|d| end(d).ends_with("ccache"));
    let ours = dirs.iter().position(|d| is_ccroute(&end(d)));
    // A command that runs the compiler tells one from the other; a file's time or content is ccroute's.
    let asks_it = asks.as_ref().is_some_and(|a| a.contains("%compiler%"));
    let used = asks.is_some() || ccache.is_some();
    let Some(ours) = ours.filter(|_| used && !asks_it) else {
        return findings;
    };
    let (severity, what, shows) = match ccache {
        Some(ccache) if ccache < ours => (
            Severity::Fault,
            "ccache takes ccroute for the compiler".to_owned(),
            "it returns old objects, even for another machine, when a compiler or a rule changes",
        ),
        Some(_) => (
            Severity::Warning,
            format!(
                "{} comes before ccache on PATH, so ccache is never used",
                dirs[ours]
            ),
            "every object is compiled again",
        ),
        None => (
            Severity::Warning,
            "ccache takes ccroute for the compiler where a build calls it, as Meson does"
                .to_owned(),
            "it returns old objects, even for another machine, when a compiler or a rule changes",
        ),
    };
    let fix = match ccache {
        None => format!("export CCACHE_COMPILERCHECK='%compiler% -v' CCACHE_EXTRAFILES={RULES}"),
        Some(_) => {
            let kept: Vec<&str> = dirs.iter().copied().filter(|d| *d != dirs[ours]).collect();
            format!(
                "export PATH={} CCACHE_PREFIX=ccroute-run CCACHE_EXTRAFILES={RULES}",
                quoted(&kept.join(":"))
            )
        }
    };
    findings.push(Finding::new(severity, what, shows, fix));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_ways_of_using_ccache_are_reported() {
        let found = ccache_order(
            &|name| (name == "CCACHE_PREFIX").then(|| "distcc".into()),
            None,
        );
        assert_eq!(found.len(), 1);
        let found = ccache_order(
            &|name| (name == "CCACHE_PREFIX").then(|| "ccroute-run distcc".into()),
            None,
        );
        assert!(found.len() == 1 && found[0].fix.contains("CCACHE_EXTRAFILES"));
        assert!(ccache_order(&|_| None, Some("mtime".into())).is_empty());
    }
}
