//! What can be wrong on a helper.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::access::{User, EXECUTE, READ, WRITE};
use super::finding::{Finding, Severity};
use super::Setup;
use crate::cli::install::{COMMANDS, DISTCCD_USERS, LINKS, WHITELIST};
use crate::cli::list::stand_ins;
use crate::cli::names::how_to_install;
use crate::compiler::name::Tool;
use crate::compiler::record::{self, Stat};
use crate::compiler::search::is_ccroute;
use crate::helper::guard::{self, GUARD_FILE};
use crate::helper::sandbox::Kernel;
use crate::log::HELPER_DIR;
use crate::os::quote::word as quoted;
use crate::rules::LogTo;

/// Everything about the helper itself; its distccd is [`super::distccd`]'s.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    links(setup, found);
    // Where nothing is installed all the rest is missing as well.
    if setup.tree.exists(LINKS) {
        whitelist(setup, found);
        list_of_commands(setup, found);
        for user in users(setup) {
            permissions(setup, &user, found);
        }
        records(setup, found);
    }
    super::stand_ins::findings(setup, found);
    let file = setup.tree.real(Path::new(GUARD_FILE));
    if let Some(seconds) = guard::remaining(&file) {
        found.push(Finding::new(
            Severity::Warning,
            format!("the guard is on for another {} min", seconds.div_ceil(60)),
            "jobs for this machine's own kind are refused",
            setup.as_root("ccroute guard off"),
        ));
    }
    let lsm = fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default();
    found.extend(contained(Kernel::running(), lsm.trim()));
}

/// The links by which distccd finds compilers.
fn links(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let mend = setup.install("--helper");
    if !setup.tree.exists(LINKS) {
        found.push(Finding::new(
            Severity::Fault,
            format!("{} is not there: this is no helper yet", setup.shown(LINKS)),
            "clients get 'compiler missing' (exit code 110), or objects for this machine",
            mend,
        ));
        return;
    }
    let mut wrong: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for name in &setup.names {
        let link = setup.tree.real(&Path::new(LINKS).join(name));
        let what = match fs::read_link(&link) {
            Ok(_) if !link.exists() => "lead nowhere",
            Ok(target) if !is_ccroute(&target) => "lead elsewhere",
            Ok(_) => continue,
            Err(_) if link.exists() => "are no links",
            Err(_) => "are missing",
        };
        wrong.entry(what).or_default().push(name);
    }
    for (what, names) in wrong {
        found.push(Finding::new(
            Severity::Fault,
            format!("links in {} {what}: {}", setup.shown(LINKS), some(&names)),
            "the names get 'compiler missing' (exit code 110), or whatever else is called so",
            mend.clone(),
        ));
    }
}

/// The names that distccd lets pass where it has no list of commands.
fn whitelist(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let shows =
        "distccd: CRITICAL! NAME not in /usr/lib/distcc or ... whitelist; the client is cut off";
    if !setup.tree.exists(WHITELIST) {
        found.push(Finding::new(
            Severity::Fault,
            format!("{} is not there", setup.shown(WHITELIST)),
            "distccd does not start, or lets no name pass",
            setup.as_root(&install_distcc()),
        ));
        return;
    }
    let (mut missing, mut blocked) = (Vec::new(), Vec::new());
    for name in &setup.names {
        let entry = setup.tree.real(&Path::new(WHITELIST).join(name));
        match fs::metadata(&entry) {
            Ok(meta) if meta.mode() & 0o111 != 0 => {}
            Ok(_) => blocked.push(entry),
            Err(_) => missing.push(name.as_str()),
        }
    }
    if !missing.is_empty() {
        let at = setup.shown(WHITELIST);
        found.push(Finding::new(
            Severity::Fault,
            format!(
                "names that are not in distccd's whitelist {at}: {}",
                some(&missing)
            ),
            shows,
            setup.install("--helper"),
        ));
    }
    for entry in blocked {
        let shown = quoted(&entry.display().to_string());
        found.push(Finding::new(
            Severity::Fault,
            format!("{shown} is not executable, so that its name does not pass"),
            shows,
            format!(
                "{} && {}",
                setup.as_root(&format!("rm {shown}")),
                setup.install("--helper")
            ),
        ));
    }
}

/// What to type for distcc itself, by the package manager that is there.
pub(super) fn install_distcc() -> String {
    let managers = [
        ("apt-get", "apt-get install -y distcc"),
        ("emerge", "emerge sys-devel/distcc"),
        ("pacman", "pacman -S distcc"),
        ("apk", "apk add distcc"),
        ("dnf", "dnf install distcc-server"),
    ];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let here = |name: &str| std::env::split_paths(&path).any(|d| d.join(name).is_file());
    let command = managers.into_iter().find(|(name, _)| here(name));
    command.map_or("install distcc", |(_, c)| c).to_owned()
}

/// The list of programs that distccd may run, as it stands; who uses it is told of distccd.
fn list_of_commands(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let file = setup.tree.real(Path::new(COMMANDS));
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => {
            found.push(Finding::new(
                Severity::Fault,
                format!("{}: {error}", file.display()),
                "a distccd that is told of it runs whatever a client asks for",
                setup.install("--helper"),
            ));
            return;
        }
    };
    let listed: BTreeSet<&str> = text.lines().filter_map(|l| l.rsplit('/').next()).collect();
    let served: BTreeSet<&str> = setup.names.iter().map(String::as_str).collect();
    let missing: Vec<&str> = served.difference(&listed).copied().collect();
    let extra: Vec<&str> = listed.difference(&served).copied().collect();
    for (names, what, shows) in [
        (
            missing,
            "lacks names that are served",
            "clients that ask for them are cut off",
        ),
        (
            extra,
            "has names that nothing serves any more",
            "clients that ask for them get exit code 110",
        ),
    ] {
        if !names.is_empty() {
            found.push(Finding::new(
                Severity::Fault,
                format!(
                    "{} is out of date: it {what}: {}",
                    file.display(),
                    some(&names)
                ),
                shows,
                setup.install("--helper"),
            ));
        }
    }
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
    let mut blocked: BTreeMap<PathBuf, Vec<PathBuf>> = BTreeMap::new();
    for (path, wanted) in needed {
        if let Some(at) = user.kept_out_by(&path, wanted) {
            blocked.entry(at).or_default().push(path);
        }
    }
    for (at, paths) in blocked {
        let shown = quoted(&at.display().to_string());
        let open = if at.is_dir() { "o+rx" } else { "o+rX" };
        let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        found.push(Finding::new(
            Severity::Fault,
            format!(
                "{shown} keeps distccd's user ({}) out of {}",
                user.uid,
                some(&paths)
            ),
            "jobs fail with exit codes 78, 110 or 126, and the client compiles them itself",
            setup.as_root(&format!("chmod {open} {shown}")),
        ));
    }
    for file in &setup.rules_files {
        let owner = fs::metadata(file).map_or(0, |m| m.uid());
        if owner != 0 && owner != user.uid {
            let shown = quoted(&file.display().to_string());
            found.push(Finding::new(
                Severity::Fault,
                format!(
                    "{shown} belongs to user {owner}, whom distccd's user ({}) does not trust",
                    user.uid
                ),
                "every job is refused with exit code 78",
                setup.as_root(&format!("chown root: {shown}")),
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
                "{} is not there for distccd's user to write to",
                log.display()
            ),
            "'ccroute stats' has nothing to count",
            setup.install("--helper"),
        ));
    }
}

/// What is recorded of compilers.
fn records(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let file = &setup.facts;
    let shown = quoted(&file.display().to_string());
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
            format!("no compiler is recorded in {shown}"),
            shows,
            setup.install("--helper"),
        )),
        Ok(None) => {}
        Ok(Some(bytes)) => {
            let changed: Vec<String> = record::records(&bytes)
                .filter(|(path, stat, _)| Stat::of(path).ok() != Some(*stat))
                .map(|(path, ..)| path.display().to_string())
                .collect();
            if !changed.is_empty() {
                let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
                found.push(Finding::new(
                    Severity::Warning,
                    format!(
                        "changed since they were recorded in {shown}: {}",
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
            found.push(Finding::new(
                Severity::Warning,
                format!("for {}, {gcc} is {c} and {gxx} is {cxx}", triple.text),
                "C and C++ objects of one build come from compilers of different versions",
                setup.as_root(&how_to_install(&stand_ins).unwrap_or_default()),
            ));
        }
    }
}

/// What the kernel cannot keep compilers from.
fn contained(kernel: Kernel, lsm: &str) -> Option<Finding> {
    let missing = kernel.missing();
    if missing.is_empty() {
        return None;
    }
    let (severity, mend) = match kernel.landlock {
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
    Some(Finding::new(
        severity,
        format!(
            "this kernel does not keep compilers from {}",
            missing.join("; ")
        ),
        "a client's job can do these things as distccd's user",
        mend,
    ))
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
        assert!(found.mend.contains("lsm=landlock,capability,yama,apparmor"));
        assert!(found.what.contains("reading, writing and listing files"));
        assert!(!found.what.contains("network"));
        let old = contained(kernel(0, true), "").unwrap();
        assert!(old.mend.contains("5.13"));
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
