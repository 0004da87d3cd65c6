//! What can be wrong on a helper.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Setup;
use crate::abi::triple::Triple;
use crate::abi::Target;
use crate::cli::access::{Barrier, User, EXECUTE, READ, WRITE};
use crate::cli::install::{install_distcc, COMMANDS, DISTCCD_USERS, LINKS, WHITELIST};
use crate::cli::list::stand_ins;
use crate::cli::report::{Finding, Severity};
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::record::{self, Stat};
use crate::compiler::search::{is_ccroute, Found, Search};
use crate::helper::guard::{self, GUARD_FILE};
use crate::helper::sandbox::Kernel;
use crate::log::HELPER_DIR;
use crate::os::quote;
use crate::rules::LogTo;
use crate::shim::host;

/// Everything about the helper itself; its distccd is [`super::distccd`]'s.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    if setup.tree.exists(LINKS) {
        names(setup, found);
        for user in users(setup) {
            permissions(setup, &user, found);
        }
        records(setup, found);
    } else {
        // Then all the rest is missing as well.
        found.push(Finding::new(
            Severity::Fault,
            format!(
                "{} does not exist: this machine is not a helper yet",
                setup.shown(LINKS)
            ),
            "clients get 'compiler missing' (exit code 110), or objects for this machine",
            setup.install("--helper"),
        ));
    }
    own_compiler(setup, found);
    super::stand_ins::findings(setup, found);
    let file = setup.tree.real(Path::new(GUARD_FILE));
    if let Some(seconds) = guard::remaining(&file) {
        found.push(Finding::new(
            Severity::Warning,
            format!("the guard is on for another {} min", seconds.div_ceil(60)),
            "jobs for machines of this helper's own kind are refused",
            setup.as_root("ccroute guard off"),
        ));
    }
    let lsm = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    found.extend(contained(Kernel::running(), lsm.trim()));
}

/// The first `gcc` and `g++` on PATH: a toolchain's `bin` directory in front of the system's makes them
/// cross compilers, and this machine's own jobs are refused.
fn own_compiler(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let search = Search::new(
        &host::path_variable(),
        host::this_file().into_iter().collect(),
    );
    let own = Triple::parse(host::NATIVE_TRIPLE)
        .map(|t| Target::of_triple(&t))
        .unwrap_or_default();
    let records = record::read(&setup.facts)
        .ok()
        .flatten()
        .unwrap_or_default();
    for name in ["gcc", "g++"] {
        let Found::Yes(compiler) = search.find(name, &[]) else {
            continue;
        };
        let link = CompilerName::parse(compiler.resolved.as_bytes())
            .ok()
            .and_then(|n| n.triple);
        let recorded = record::lookup(&records, &compiler.path, &Stat::from(&compiler));
        let other = recorded.and_then(|r| r.target()).or_else(|| {
            let parsed = Triple::parse(link.as_deref()?).ok()?;
            Some(Target::of_triple(&parsed))
        });
        let (Some(arch), Some(own)) = (other.and_then(|t| t.architecture()), own.architecture())
        else {
            continue;
        };
        if arch != own && own.sibling() != Some(arch) {
            found.push(Finding::new(
                Severity::Fault,
                format!("{} is a compiler for {arch}, not this machine's own", compiler.path.display()),
                "jobs for this machine's own kind are refused",
                "take its directory off distccd's PATH, or put it last; compilers of other machines are found by 'path =' in their rules",
            ));
        }
    }
}

/// The names that are served: whether links, whitelist, list and records are as `install --helper` would
/// make them now. One cause, such as a compiler that came or went, is one finding.
fn names(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    if !setup.tree.exists(WHITELIST) {
        found.push(Finding::new(
            Severity::Fault,
            format!("{} does not exist", setup.shown(WHITELIST)),
            "distccd does not start, or accepts no name",
            setup.as_root(&install_distcc()),
        ));
        return;
    }
    let mut wrong = Vec::new();
    let mut in_the_way = Vec::new();
    let mut links: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut unlisted = Vec::new();
    for name in &setup.names {
        let link = setup.tree.real(&Path::new(LINKS).join(name));
        let what = match fs::read_link(&link) {
            Ok(target) if is_ccroute(&target) && link.exists() => None,
            Ok(target) if is_ccroute(&target) => Some("lead to a missing file"),
            // Somebody else's, which install does not touch.
            Ok(_) => Some("lead to another program"),
            Err(_) if link.exists() => Some("are not links"),
            Err(_) => Some("are missing"),
        };
        if let Some(what) = what {
            links.entry(what).or_default().push(name);
            if matches!(what, "lead to another program" | "are not links") {
                in_the_way.push(link);
            }
        }
        let entry = setup.tree.real(&Path::new(WHITELIST).join(name));
        let passes = fs::metadata(&entry).is_ok_and(|m| m.mode() & 0o111 != 0);
        if !passes {
            unlisted.push(name.as_str());
            if fs::symlink_metadata(&entry).is_ok() {
                in_the_way.push(entry);
            }
        }
    }
    for (what, names) in links {
        wrong.push(format!(
            "links in {} {what}: {}",
            setup.shown(LINKS),
            some(&names)
        ));
    }
    if !unlisted.is_empty() {
        let at = setup.shown(WHITELIST);
        wrong.push(format!(
            "distccd's whitelist {at} lacks {}",
            some(&unlisted)
        ));
    }
    let file = setup.tree.real(Path::new(COMMANDS));
    match fs::read_to_string(&file) {
        Ok(text) => {
            let listed: BTreeSet<&str> =
                text.lines().filter_map(|l| l.rsplit('/').next()).collect();
            let served: BTreeSet<&str> = setup.names.iter().map(String::as_str).collect();
            let missing: Vec<&str> = served.difference(&listed).copied().collect();
            let extra: Vec<&str> = listed.difference(&served).copied().collect();
            let file = file.display();
            if !missing.is_empty() {
                wrong.push(format!(
                    "{file} lacks names that are served: {}",
                    some(&missing)
                ));
            }
            if !extra.is_empty() {
                wrong.push(format!(
                    "{file} has names that are no longer served: {}",
                    some(&extra)
                ));
            }
        }
        Err(error) => wrong.push(format!("{}: {error}", file.display())),
    }
    if wrong.is_empty() {
        return;
    }
    let install = setup.install_as_root("--helper");
    in_the_way.sort();
    in_the_way.dedup();
    let fix = match in_the_way.is_empty() {
        true => install,
        false => format!("rm {} && {install}", quote::words(&in_the_way)),
    };
    found.push(Finding::new(
        Severity::Fault,
        format!("the names are not up to date: {}", wrong.join("; ")),
        "clients that ask for these names are cut off or get exit code 110",
        setup.as_root(&fix),
    ));
}

/// Who distccd runs as: as it does, or as it would.
pub(super) fn users(setup: &Setup<'_>) -> Vec<User> {
    let mut users: Vec<User> = Vec::new();
    for daemon in &setup.daemons {
        if !users.contains(&daemon.user) {
            users.push(daemon.user.clone());
        }
    }
    if users.is_empty() {
        let user = setup.tree.user(DISTCCD_USERS);
        users.extend(user.map(|(uid, gid)| User {
            uid,
            gids: vec![gid],
        }));
    }
    users
}

/// What distccd's user has to get at.
fn permissions(setup: &Setup<'_>, user: &User, found: &mut Vec<Finding>) {
    let mut needed: Vec<(PathBuf, u32)> = Vec::new();
    for name in &setup.names {
        needed.push((setup.tree.real(&Path::new(LINKS).join(name)), EXECUTE));
    }
    for directory in &setup.rules_directories {
        needed.push((directory.clone(), READ | EXECUTE));
    }
    needed.extend(setup.rules_files.iter().map(|f| (f.clone(), READ)));
    needed.push((setup.tree.real(Path::new(COMMANDS)), READ));
    needed.push((setup.facts.clone(), READ));
    let served = setup.triples.iter().flat_map(|t| t.served());
    needed.extend(served.map(|(_, compiler)| (compiler.to_path_buf(), EXECUTE)));
    let mut blocked: BTreeMap<Barrier, Vec<PathBuf>> = BTreeMap::new();
    for (path, wanted) in needed {
        if let Some(barrier) = user.kept_out_by(&path, wanted) {
            blocked.entry(barrier).or_default().push(path);
        }
    }
    for (barrier, paths) in blocked {
        let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        found.push(Finding::new(
            Severity::Fault,
            format!(
                "{} keeps distccd's user ({}) out of {}",
                barrier.at.display(),
                user.uid,
                some(&paths)
            ),
            "jobs fail with exit codes 78, 110 or 126, and the client compiles them itself",
            setup.as_root(&barrier.fix()),
        ));
    }
    for file in &setup.rules_files {
        let owner = fs::metadata(file).map_or(0, |m| m.uid());
        if owner != 0 && owner != user.uid {
            found.push(Finding::new(
                Severity::Fault,
                format!(
                    "{} belongs to user {owner}, whom distccd's user ({}) does not trust",
                    file.display(),
                    user.uid
                ),
                "every job is refused with exit code 78",
                setup.as_root(&format!("chown root: {}", quote::path(file))),
            ));
        }
    }
    let log = setup.tree.real(Path::new(HELPER_DIR));
    let usual = setup.rules.program().log == LogTo::Usual;
    let no_log = !log.is_dir() || user.kept_out_by(&log, WRITE | EXECUTE).is_some();
    if usual && no_log && setup.tree.user(DISTCCD_USERS).is_some() {
        found.push(Finding::new(
            Severity::Note,
            format!(
                "{}, which distccd's user writes to, is missing or not writable",
                log.display()
            ),
            "'ccroute stats' has nothing to count",
            setup.install("--helper"),
        ));
    }
}

/// What is recorded of compilers. One that is gone is a matter of the names.
fn records(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let file = &setup.facts;
    let shown = quote::path(file);
    let shows = "decisions rest on names alone: a compiler for another machine is not noticed";
    match record::read(file) {
        Err(error) => found.push(Finding::new(
            Severity::Warning,
            error.to_string(),
            shows,
            setup.as_root(&format!("chown root: {shown} && chmod 644 {shown}")),
        )),
        Ok(None) if setup.names.iter().any(|n| n.contains('-')) => found.push(Finding::new(
            Severity::Warning,
            format!("no compiler is recorded in {}", file.display()),
            shows,
            setup.install("--helper"),
        )),
        Ok(None) => {}
        Ok(Some(bytes)) => {
            let changed: Vec<String> = record::records(&bytes)
                .filter(|(path, stat, _)| Stat::of(path).is_ok_and(|now| now != *stat))
                .map(|(path, ..)| path.display().to_string())
                .collect();
            if !changed.is_empty() {
                let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
                found.push(Finding::new(
                    Severity::Warning,
                    format!(
                        "changed since they were recorded in {}: {}",
                        file.display(),
                        some(&changed)
                    ),
                    shows,
                    setup.install("--helper"),
                ));
            }
            versions(setup, &bytes, found);
        }
    }
}

/// A C and a C++ compiler of one triple that are of different versions.
fn versions(setup: &Setup<'_>, bytes: &[u8], found: &mut Vec<Finding>) {
    for triple in &setup.triples {
        let version = |tool: Tool| {
            let mut served = triple.served();
            let (_, path) = served.find(|(n, _)| n.tool == tool && n.version.is_none())?;
            let record = record::lookup(bytes, path, &Stat::of(path).ok()?)?;
            Some((path.display().to_string(), record.version))
        };
        let (Some((gcc, c)), Some((gxx, cxx))) = (version(Tool::Gcc), version(Tool::Gxx)) else {
            continue;
        };
        if c != cxx {
            let stand_ins = stand_ins(triple, setup.rules);
            let finding = Finding::new(
                Severity::Warning,
                format!("for {}, {gcc} is {c} and {gxx} is {cxx}", triple.text),
                "C and C++ objects of one build come from compilers of different versions",
                "",
            );
            found.push(setup.missing(finding, &stand_ins));
        }
    }
}

/// What the kernel cannot keep compilers from. No command changes a kernel: advice only.
fn contained(kernel: Kernel, lsm: &str) -> Option<Finding> {
    let missing = kernel.missing();
    if missing.is_empty() {
        return None;
    }
    let (severity, advice) = match kernel.landlock {
        0 if lsm.is_empty() || lsm.contains("landlock") => (
            Severity::Warning,
            "run a kernel of 5.13 or newer with CONFIG_SECURITY_LANDLOCK".to_owned(),
        ),
        0 => (
            Severity::Warning,
            format!("add lsm=landlock,{lsm} to the kernel's command line and reboot"),
        ),
        _ if !kernel.seccomp => (
            Severity::Warning,
            "run a kernel with CONFIG_SECCOMP_FILTER, on x86-64, aarch64 or riscv64".to_owned(),
        ),
        _ => (Severity::Note, "run a kernel of 6.12 or newer".to_owned()),
    };
    let what = format!(
        "this kernel does not keep compilers from {}",
        missing.join("; ")
    );
    let effect = "a client's job can do these things as distccd's user";
    Some(Finding::new(severity, what, effect, "").advise(advice))
}

/// The first few of a list.
pub(super) fn some(list: &[&str]) -> String {
    const MOST: usize = 5;
    let first = list[..list.len().min(MOST)].join(", ");
    match list.len().saturating_sub(MOST) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_without_landlock_is_reported_with_what_switches_it_on() {
        let kernel = |landlock, seccomp| Kernel { landlock, seccomp };
        let found = contained(kernel(0, true), "capability,yama,apparmor").unwrap();
        assert_eq!(found.severity, Severity::Warning);
        assert!(found
            .advice
            .contains("lsm=landlock,capability,yama,apparmor"));
        assert!(found.what.contains("reading, writing and listing files"));
        assert!(!found.what.contains("network"));
        let old = contained(kernel(0, true), "").unwrap();
        assert!(old.advice.contains("5.13"));
        let signals = contained(kernel(5, true), "landlock").unwrap();
        assert_eq!(signals.severity, Severity::Note);
        assert!(signals
            .what
            .ends_with("signals to distccd and to other jobs"));
        let network = contained(kernel(7, false), "landlock").unwrap();
        assert_eq!(network.severity, Severity::Warning);
        assert!(network.what.contains("network"));
        assert_eq!(contained(kernel(6, true), "landlock"), None);
    }

    #[test]
    fn a_long_list_is_cut_short() {
        assert_eq!(some(&["a", "b"]), "a, b");
        assert_eq!(
            some(&["a", "b", "c", "d", "e", "f", "g"]),
            "a, b, c, d, e and 2 more"
        );
    }
}
