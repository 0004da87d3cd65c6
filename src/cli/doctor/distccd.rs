//! What can be wrong with distccd on a helper: how it is started, and with what it runs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::helper::some;
use super::Setup;
use crate::cli::access::READ;
use crate::cli::daemon::Daemon;
use crate::cli::install::{COMMANDS, LINKS, VARIABLES};
use crate::cli::report::{Finding, Severity};
use crate::cli::service::{self, Starter, OPEN};
use crate::os::meta::Meta;
use crate::os::{quote, trusted};

/// Everything about the distccd processes.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    if !setup.tree.exists(LINKS) {
        // Before it is set up there is nothing to compare them with.
        return;
    }
    if setup.daemons.is_empty() && setup.looks_for_daemons {
        found.push(Finding::new(
            Severity::Warning,
            "no distccd runs here",
            "clients cannot connect, and compile everything themselves",
            setup.restart_with(None, &proposed(setup)),
        ));
    }
    settings(setup, found);
    for daemon in &setup.daemons {
        if !daemon.is_readable() {
            found.push(Finding::new(
                Severity::Note,
                format!(
                    "only root can see what distccd ({}) was started with",
                    daemon.id
                ),
                "",
                "sudo ccroute doctor --helper",
            ));
            continue;
        }
        list_of_commands(setup, daemon, found);
        open_to_all(setup, daemon, found);
        reach(setup, daemon, found);
        path(setup, daemon, found);
        temporary(setup, daemon, found);
    }
}

/// The networks to propose where none were named: this machine's own, or those that most homes have.
fn proposed(setup: &Setup<'_>) -> Vec<String> {
    if !service::recorded_networks(&setup.tree).is_empty() {
        return Vec::new();
    }
    let own = service::own_networks().into_iter().next();
    vec![own.unwrap_or_else(|| "192.168.0.0/16".into())]
}

/// What the system starts distccd with: the files of ours that it reads, and whether it reads them.
fn settings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let effect =
        "distccd starts without ccroute's variables: it finds compilers that no rule applies to";
    let mut files = vec![PathBuf::from(VARIABLES)];
    let units = service::units(&setup.tree);
    files.extend(units.iter().map(|unit| service::drop_in(unit)));
    for file in files {
        let real = setup.tree.real(&file);
        let text = fs::read_to_string(&real).unwrap_or_default();
        let what = match () {
            () if !setup.tree.holds(&file) => "is missing",
            () if !text.contains("DISTCC_CMDLIST=") || !text.contains("DISTCCD_PATH=") => {
                "was changed, and no longer sets DISTCC_CMDLIST and DISTCCD_PATH"
            }
            () => continue,
        };
        // With the file the networks go, so they are named again.
        let mut networks = service::recorded_networks(&setup.tree);
        if networks.is_empty() {
            networks = service::networks_in(&text);
        }
        if networks.is_empty() {
            networks = proposed(setup);
        }
        let restart = setup.restart_with(setup.daemons.first(), &networks);
        let remove = setup.as_root(&format!("rm -f {}", quote::path(&real)));
        found.push(Finding::new(
            Severity::Fault,
            format!("{} {what}", real.display()),
            effect,
            match setup.tree.holds(&file) {
                true => format!("{remove} && {restart}"),
                false => restart,
            },
        ));
    }
    let Some(file) = Starter::of(&setup.tree).settings() else {
        return;
    };
    let file = setup.tree.real(Path::new(file));
    let text = fs::read_to_string(&file).unwrap_or_default();
    if !service::reads_variables(&text) {
        found.push(Finding::new(
            Severity::Fault,
            format!("{} does not read {VARIABLES}", file.display()),
            effect,
            setup.restart_with(None, &proposed(setup)),
        ));
        return;
    }
    // Where the networks are recorded, our own variables override these.
    if !service::recorded_networks(&setup.tree).is_empty() {
        return;
    }
    let value = |name: &str| service::assigned(&text, name);
    let loopback = |v: String| {
        let mut words = v.split([' ', ',']).filter(|w| !w.is_empty()).peekable();
        words.peek().is_some() && words.all(service::is_loopback)
    };
    let mut wrong = Vec::new();
    if value("STARTDISTCC").is_some_and(|v| v != "true") {
        wrong.push("STARTDISTCC is not true");
    }
    if value("LISTENER").is_some_and(loopback) {
        wrong.push("LISTENER is this machine only");
    }
    if value("ALLOWEDNETS").is_some_and(loopback) {
        wrong.push("ALLOWEDNETS is this machine only");
    }
    if !wrong.is_empty() {
        found.push(Finding::new(
            Severity::Fault,
            format!("{}: {}", file.display(), wrong.join(", ")),
            "distccd does not start, or no other machine can connect",
            setup.restart_with(None, &proposed(setup)),
        ));
    }
}

/// Whether other machines can connect to this distccd.
fn reach(setup: &Setup<'_>, daemon: &Daemon, found: &mut Vec<Finding>) {
    let recorded = service::recorded_networks(&setup.tree);
    let listens = daemon.values(&["--listen"]);
    let allowed = daemon.values(&["--allow", "-a"]);
    let missing: Vec<&str> = recorded
        .iter()
        .filter(|n| !service::allows(&allowed, n))
        .map(String::as_str)
        .collect();
    let only_here = !allowed.is_empty() && allowed.iter().all(|a| service::is_loopback(a));
    let mut wrong = Vec::new();
    // The last of them counts.
    if let Some(at) = listens.last().filter(|l| service::is_loopback(l)) {
        wrong.push(format!("listens on {at} only"));
    }
    if !missing.is_empty() && !daemon.has(OPEN) {
        wrong.push(format!("does not allow {}", missing.join(", ")));
    } else if only_here && wrong.is_empty() && !daemon.has(OPEN) {
        wrong.push("allows this machine only".to_owned());
    }
    if wrong.is_empty() {
        return;
    }
    found.push(Finding::new(
        Severity::Fault,
        format!("distccd ({}) {}", daemon.id, wrong.join(", and ")),
        "clients cannot connect, or are refused: distcc says 'failed to write'",
        setup.restart_with(Some(daemon), &proposed(setup)),
    ));
}

/// The list of programs that this distccd may run. Without it distccd runs anything.
fn list_of_commands(setup: &Setup<'_>, daemon: &Daemon, found: &mut Vec<Finding>) {
    let id = daemon.id;
    let Some(list) = daemon.variable("DISTCC_CMDLIST") else {
        found.push(Finding::new(
            Severity::Fault,
            format!("distccd ({id}) was started without DISTCC_CMDLIST"),
            "a job that names its compiler by a path, as ccache's and CMake's do (/usr/bin/gcc), comes back as an object for this machine",
            setup.restart(daemon),
        ));
        return;
    };
    let its = daemon.its(list);
    let file = if its.exists() {
        its
    } else {
        PathBuf::from(list)
    };
    let effect =
        "distccd runs whatever a client asks for, as its own user (distcc 3.4, dcc_remap_compiler)";
    let danger = |what: String, fix: String| Finding::new(Severity::Danger, what, effect, fix);
    let Ok(meta) = Meta::of(&file) else {
        found.push(danger(
            format!("distccd ({id}) uses {list}, which does not exist"),
            setup.restart(daemon),
        ));
        return;
    };
    if let Some(barrier) = daemon.user.kept_out_by(&file, READ) {
        found.push(danger(
            format!(
                "distccd ({id}) uses {list}, but {} keeps its user ({}) from reading it",
                barrier.at.display(),
                daemon.user.uid
            ),
            format!(
                "{} && {}",
                setup.as_root(&barrier.fix()),
                setup.restart(daemon)
            ),
        ));
    }
    if let Err(why) = trusted::by_root(&meta) {
        let list = Path::new(list);
        let own = quote::path(list);
        found.push(danger(
            format!("{}, distccd's list of programs: {why}", list.display()),
            setup.as_root(&format!("chown root: {own} && chmod 644 {own}")),
        ));
    }
    if daemon.is_older_than(&file) {
        found.push(Finding::new(
            Severity::Warning,
            format!("{list} is newer than distccd ({id})"),
            "some of its workers use the old list, some the new one",
            setup.restart(daemon),
        ));
    }
    if Path::new(list) != setup.tree.real(Path::new(COMMANDS)) {
        found.push(Finding::new(
            Severity::Warning,
            format!("distccd ({id}) uses {list}, not {}", setup.shown(COMMANDS)),
            "it does not know the names that ccroute serves",
            setup.restart(daemon),
        ));
    }
}

/// What lets everybody in.
fn open_to_all(setup: &Setup<'_>, daemon: &Daemon, found: &mut Vec<Finding>) {
    let id = daemon.id;
    let listed = daemon.variable("DISTCC_CMDLIST").is_some();
    if daemon.has(OPEN) {
        let options = daemon.options.iter().filter(|o| OPEN.contains(&o.as_str()));
        let options: Vec<&str> = options.map(String::as_str).collect();
        let (severity, effect) = match listed {
            false => (
                Severity::Danger,
                "any client runs any program of this machine as distccd's user",
            ),
            true => (
                Severity::Warning,
                "if the list of programs is lost, any client runs any program",
            ),
        };
        found.push(
            Finding::new(
                severity,
                format!("distccd ({id}) was started with {}", options.join(" ")),
                effect,
                setup.restart_with(Some(daemon), &proposed(setup)),
            )
            .advise(
                "if the option comes from the system's own settings of distccd, remove it there",
            ),
        );
    }
    let everybody = daemon
        .values(&["--allow", "-a"])
        .into_iter()
        .find(|n| n.ends_with("/0"));
    if let Some(network) = everybody {
        found.push(Finding::new(
            Severity::Danger,
            format!("distccd ({id}) was started with --allow {network}"),
            "every machine that reaches this one can send it jobs",
            setup.restart_with(Some(daemon), &proposed(setup)),
        ));
    }
}

/// Where its jobs find compilers.
fn path(setup: &Setup<'_>, daemon: &Daemon, found: &mut Vec<Finding>) {
    let dirs = daemon.path();
    let links = setup.tree.real(Path::new(LINKS));
    if !links.is_dir() {
        return;
    }
    let executable =
        |path: &Path| fs::metadata(path).is_ok_and(|m| m.is_file() && m.mode() & 0o111 != 0);
    let id = |path: &Path| fs::metadata(path).map(|m| (m.dev(), m.ino())).ok();
    let (mut elsewhere, mut nowhere) = (Vec::new(), Vec::new());
    for name in &setup.names {
        let ours = id(&links.join(name));
        let first = dirs.iter().map(|d| d.join(name)).find(|p| executable(p));
        match first {
            Some(first) if ours.is_some() && id(&first) == ours => {}
            Some(first) => elsewhere.push(first.display().to_string()),
            None if ours.is_some() => nowhere.push(name.as_str()),
            None => {}
        }
    }
    let path = daemon.variable("DISTCCD_PATH").or(daemon.variable("PATH"));
    let path = path.unwrap_or_default();
    let elsewhere: Vec<&str> = elsewhere.iter().map(String::as_str).collect();
    for (names, what, effect) in [
        (
            elsewhere,
            "finds other programs before ccroute's links",
            "no rule applies to these jobs: gcc comes back as an object for this machine",
        ),
        (
            nowhere,
            "does not find names that ccroute serves",
            "clients get 'compiler missing' (exit code 110), and compile these jobs themselves",
        ),
    ] {
        if !names.is_empty() {
            found.push(Finding::new(
                Severity::Fault,
                format!(
                    "distccd ({}) {what} on its PATH ({path}): {}",
                    daemon.id,
                    some(&names)
                ),
                effect,
                setup.restart(daemon),
            ));
        }
    }
}

/// Where the files of its jobs are.
fn temporary(setup: &Setup<'_>, daemon: &Daemon, found: &mut Vec<Finding>) {
    let dir = daemon.variable("TMPDIR").unwrap_or("/tmp");
    let Ok(meta) = Meta::of(&daemon.its(dir)) else {
        return;
    };
    let outside = Meta::of(Path::new(dir)).map(|m| m.id()).ok();
    let shared = meta.mode() & 0o007 != 0 && outside == Some(meta.id());
    if shared {
        found.push(Finding::new(
            Severity::Warning,
            format!(
                "the files of distccd's ({}) jobs are in {dir}, which other users can use",
                daemon.id
            ),
            "a job that guesses a name there can read or replace another's files",
            setup.restart(daemon),
        ));
    }
}
