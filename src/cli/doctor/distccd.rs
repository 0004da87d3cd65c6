//! What can be wrong with the distccd that runs on a helper: how it was started.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::access::READ;
use super::daemon::Daemon;
use super::finding::{Finding, Severity};
use super::helper::some;
use super::Setup;
use crate::cli::install::{drop_in, next_steps, COMMANDS, LINKS, VARIABLES};
use crate::os::meta::Meta;
use crate::os::quote::word as quoted;
use crate::os::trusted;

/// The options that let clients run anything that is installed.
const OPEN: &[&str] = &["--enable-tcp-insecure", "--make-me-a-botnet"];

/// Everything about the distccd processes.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    if setup.daemons.is_empty() && setup.looks_for_daemons {
        found.push(Finding::new(
            Severity::Warning,
            "no distccd runs here",
            "clients cannot connect, and compile everything themselves",
            setup.start(),
        ));
    }
    started_by_systemd(setup, found);
    started_by_init(setup, found);
    for daemon in &setup.daemons {
        if !daemon.is_readable() {
            found.push(Finding::new(
                Severity::Note,
                format!(
                    "what distccd ({}) was started with can only be seen by root",
                    daemon.id
                ),
                "",
                "sudo ccroute doctor --helper",
            ));
            continue;
        }
        list_of_commands(setup, daemon, found);
        open_to_all(setup, daemon, found);
        path(setup, daemon, found);
        temporary(setup, daemon, found);
    }
}

/// The settings of distccd's unit.
fn started_by_systemd(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let links = setup.tree.exists(LINKS);
    for unit in setup.tree.units().into_iter().filter(|_| links) {
        let file = drop_in(unit);
        if !setup.tree.holds(&file) {
            found.push(Finding::new(
                Severity::Fault,
                format!("{} is not there", setup.tree.real(&file).display()),
                "systemd starts distccd without ccroute's variables: it finds compilers past all rules",
                format!(
                    "{} && {}",
                    setup.install("--helper"),
                    setup.as_root(&format!("systemctl daemon-reload && systemctl restart {unit}"))
                ),
            ));
        }
    }
}

/// The settings of distccd's init script, Debian's (distcc 3.4's postinst) or Gentoo's, on a system
/// without a unit of it.
fn started_by_init(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let settings = ["/etc/default/distcc", "/etc/conf.d/distccd"];
    let Some(file) = settings.into_iter().find(|s| setup.tree.exists(s)) else {
        return;
    };
    let file = setup.tree.real(Path::new(file));
    let text = fs::read_to_string(&file).unwrap_or_default();
    if !setup.tree.units().is_empty() || !setup.tree.exists(LINKS) {
        return;
    }
    let value = |name: &str| {
        let assigned = |l: &str| Some(l.trim().strip_prefix(name)?.strip_prefix('=')?.to_owned());
        let last = text.lines().filter_map(assigned).next_back();
        last.map(|v| v.trim_matches(['"', '\'']).to_owned())
    };
    let shown = quoted(&file.display().to_string());
    let restart = setup.as_root(&setup.restarts().unwrap_or_default());
    let mut add = |severity, what: String, shows: &str, command: String| {
        let mend = format!("{} && {restart}", setup.as_root(&command));
        found.push(Finding::new(severity, what, shows, mend));
    };
    // However it is written: install's own line may have conditions.
    let reads = |l: &str| l.contains(&format!(". {VARIABLES}")) && !l.trim().starts_with('#');
    if !text.lines().any(reads) {
        // The step that install prints, into the file of this tree.
        let mut steps = next_steps(&setup.tree, &[]).into_iter();
        let echo = steps.find_map(|s| Some(s.split_once(">>")?.0.to_owned()));
        let echo = echo.unwrap_or_else(|| format!("echo '. {VARIABLES}' "));
        add(
            Severity::Fault,
            format!("{shown} does not read {VARIABLES}"),
            "distccd is started without ccroute's variables: it finds compilers past all rules",
            format!("{echo}>>{shown}"),
        );
    }
    if value("STARTDISTCC").is_some_and(|v| v != "true") {
        add(
            Severity::Fault,
            format!("STARTDISTCC is not true in {shown}"),
            "distccd is not started: clients compile everything themselves",
            format!("sed -i 's/^STARTDISTCC=.*/STARTDISTCC=\"true\"/' {shown}"),
        );
    }
    let loopback = |v: String| {
        v.split([' ', ','])
            .all(|w| w.starts_with("127.") || w == "::1")
    };
    for (name, shows, other) in [
        ("LISTENER", "no other machine can connect", "0.0.0.0"),
        (
            "ALLOWEDNETS",
            "clients are turned away: failed to write",
            "192.168.0.0/16",
        ),
    ] {
        if value(name).is_some_and(loopback) {
            add(
                Severity::Fault,
                format!("{name} in {shown} is this machine alone"),
                shows,
                format!("sed -i 's|^{name}=.*|{name}=\"{other}\"|' {shown}"),
            );
        }
    }
}

/// The list of programs that this distccd may run. It is the one thing that fails open.
fn list_of_commands(setup: &Setup<'_>, daemon: &Daemon, found: &mut Vec<Finding>) {
    let id = daemon.id;
    let Some(list) = daemon.variable("DISTCC_CMDLIST") else {
        found.push(Finding::new(
            Severity::Fault,
            format!("distccd ({id}) was started without DISTCC_CMDLIST"),
            "a job that names its compiler by a path, as ccache's and CMake's do (/usr/bin/gcc), comes back as an object for this machine",
            setup.restart(daemon, &[]),
        ));
        return;
    };
    let its = daemon.its(list);
    let file = if its.exists() {
        its
    } else {
        PathBuf::from(list)
    };
    let shows =
        "distccd runs whatever a client asks for, as its own user (distcc 3.4, dcc_remap_compiler)";
    let renew = format!(
        "{} && {}",
        setup.install("--helper"),
        setup.restart(daemon, &[])
    );
    let danger = |what: String, mend: String| Finding::new(Severity::Danger, what, shows, mend);
    let Ok(meta) = Meta::of(&file) else {
        found.push(danger(
            format!("distccd ({id}) is told of {list}, which is not there"),
            renew,
        ));
        return;
    };
    if let Some(at) = daemon.user.kept_out_by(&file, READ) {
        let at = quoted(&at.display().to_string());
        let chmod = setup.as_root(&format!("chmod o+rX {at}"));
        found.push(danger(
            format!(
                "distccd ({id}) is told of {list}, and {at} keeps its user ({}) from reading it",
                daemon.user.uid
            ),
            format!("{chmod} && {}", setup.restart(daemon, &[])),
        ));
    }
    if trusted::by_root(&meta).is_err() {
        let shown = quoted(list);
        let chmod = setup.as_root(&format!("chown root: {shown} && chmod 644 {shown}"));
        found.push(danger(
            format!("{shown}, distccd's list of programs, can be written by others than root"),
            chmod,
        ));
    }
    let changed = daemon
        .started
        .is_some_and(|t| meta.mtime_ns() / 1_000_000_000 > i128::from(t + 1));
    if changed {
        found.push(Finding::new(
            Severity::Warning,
            format!("{list} is younger than distccd ({id})"),
            "its workers go by the old list, or some by the old and some by the new one",
            setup.restart(daemon, &[]),
        ));
    }
    if Path::new(list) != setup.tree.real(Path::new(COMMANDS)) {
        found.push(Finding::new(
            Severity::Warning,
            format!(
                "distccd ({id}) is told of {list}, and not of {}",
                setup.shown(COMMANDS)
            ),
            "names that ccroute serves are unknown to it",
            setup.restart(daemon, &[]),
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
        let (severity, shows) = match listed {
            false => (
                Severity::Danger,
                "any client runs any program of this machine as distccd's user",
            ),
            true => (
                Severity::Warning,
                "nothing is left to stop a client if the list of programs gets lost",
            ),
        };
        found.push(Finding::new(
            severity,
            format!("distccd ({id}) was started with {}", options.join(" ")),
            shows,
            setup.restart(daemon, OPEN),
        ));
    }
    let mut options = daemon.options.iter().map(String::as_str).peekable();
    while let Some(option) = options.next() {
        let network = match option.strip_prefix("--allow=") {
            Some(network) => Some(network),
            None if option == "--allow" || option == "-a" => options.peek().copied(),
            None => None,
        };
        if let Some(network) = network.filter(|n| n.ends_with("/0")) {
            found.push(Finding::new(
                Severity::Danger,
                format!("distccd ({id}) was started with --allow {network}"),
                "whoever reaches this machine can have it compile, and try what else it does",
                format!(
                    "{}, with --allow 192.168.0.0/16 or your own network in its place",
                    setup.restart(daemon, &[])
                ),
            ));
        }
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
    let (mut nowhere, mut elsewhere) = (Vec::new(), Vec::new());
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
    for (names, what, shows) in [
        (
            elsewhere,
            "finds other programs before ccroute's links",
            "they compile clients' jobs without any rule: a native name comes back as an object for this machine",
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
                format!("distccd ({}) {what} on its PATH ({path}): {}", daemon.id, some(&names)),
                shows,
                setup.restart(daemon, &[]),
            ));
        }
    }
}

/// Where the files of its jobs lie.
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
                "the files of distccd's ({}) jobs lie in {dir}, which others can get at",
                daemon.id
            ),
            "a job that guesses a name there reads or replaces what is not its own",
            setup.private_temporary(daemon),
        ));
    }
}
