//! How this system starts distccd, with which settings, and what to type so that it starts with
//! ccroute's: for `install --helper` and `doctor`.
//!
//! distccd's own settings differ by distribution. Debian's name this machine alone (distcc 3.4-12,
//! /etc/default/distcc: LISTENER and ALLOWEDNETS are 127.0.0.1, STARTDISTCC is false), and its unit
//! passes several networks as one option and stray words. So ccroute states the networks itself: in a
//! drop-in of the unit, or in the file that the init script's settings read.

use std::fs;
use std::path::{Path, PathBuf};

use ipnet::IpNet;

use super::daemon::Daemon;
use super::install::{COMMANDS, VARIABLES};
use super::place::Tree;
use crate::os::quote;

/// Units that distributions ship for distccd.
pub(super) const UNITS: [&str; 2] = ["distccd.service", "distcc.service"];
const UNIT_DIRS: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];
/// The settings of Debian's init script, and its unit's.
pub(super) const DEBIAN: &str = "/etc/default/distcc";
/// The options that let clients run anything that is installed.
pub(super) const OPEN: &[&str] = &["--enable-tcp-insecure", "--make-me-a-botnet"];

/// What starts distccd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Starter {
    /// systemd runs, and has this unit.
    Systemd(&'static str),
    /// OpenRC's service `distccd`, with its settings in /etc/conf.d/distccd.
    OpenRc,
    /// An init script of this name, with its settings in /etc/default/distcc.
    Script(&'static str),
    /// Somebody by hand.
    Nothing,
}

impl Starter {
    /// What starts distccd on this system.
    pub(super) fn of(tree: &Tree) -> Starter {
        let script = |name: &str| tree.exists(&format!("/etc/init.d/{name}"));
        // A unit alone says nothing: Debian's package has both, and containers often have no systemd.
        if tree.exists("/run/systemd/system") {
            if let Some(unit) = units(tree).first() {
                return Starter::Systemd(unit);
            }
        }
        if script("distccd") && tree.exists("/etc/conf.d/distccd") {
            return Starter::OpenRc;
        }
        match ["distcc", "distccd"].into_iter().find(|name| script(name)) {
            Some(name) => Starter::Script(name),
            None => Starter::Nothing,
        }
    }

    /// The file of settings that has to read [`VARIABLES`], if there is one.
    pub(super) fn settings(self) -> Option<&'static str> {
        match self {
            Starter::OpenRc => Some("/etc/conf.d/distccd"),
            Starter::Script(_) => Some(DEBIAN),
            Starter::Systemd(_) | Starter::Nothing => None,
        }
    }
}

/// The units of distccd that this system has.
pub(super) fn units(tree: &Tree) -> Vec<&'static str> {
    let has = |unit: &&str| {
        let mut dirs = UNIT_DIRS.iter();
        dirs.any(|dir| tree.exists(&format!("{dir}/{unit}")))
    };
    UNITS.into_iter().filter(has).collect()
}

/// The drop-in of a unit that is ours.
pub(super) fn drop_in(unit: &str) -> PathBuf {
    Path::new("/etc/systemd/system").join(format!("{unit}.d/ccroute.conf"))
}

/// The line by which a script's settings read our variables. Without the condition a script would end
/// here when the file is gone.
pub(super) fn reading_line() -> String {
    format!("if [ -r {VARIABLES} ]; then . {VARIABLES}; fi")
}

/// Whether a script's settings read our variables, however that is written.
pub(super) fn reads_variables(settings: &str) -> bool {
    let reads = |l: &str| l.contains(&format!(". {VARIABLES}")) && !l.trim().starts_with('#');
    settings.lines().any(reads)
}

/// A network that may connect, as distccd takes it.
///
/// # Errors
/// Neither an address nor a network.
pub(super) fn network(text: &str) -> Result<String, String> {
    let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
    match text.parse::<IpNet>().or_else(|_| address()) {
        Ok(net) if net.prefix_len() == net.max_prefix_len() => Ok(net.addr().to_string()),
        Ok(net) => Ok(net.trunc().to_string()),
        Err(_) => Err("write a network or an address, such as 192.168.1.0/24".into()),
    }
}

/// The networks that an earlier `install --helper --allow` named.
pub(super) fn recorded_networks(tree: &Tree) -> Vec<String> {
    networks_in(&tree.text(VARIABLES).unwrap_or_default())
}

/// The networks that a text of our variables names, whoever has edited it since.
pub(super) fn networks_in(text: &str) -> Vec<String> {
    let line = text
        .lines()
        .find_map(|l| l.strip_prefix(ALLOWED)?.strip_suffix('"'));
    let words = line.unwrap_or_default().split_ascii_whitespace();
    words.filter_map(|w| network(w).ok()).collect()
}

const ALLOWED: &str = "ALLOWEDNETS=\"";

/// What is added to the variables of a script, so that these networks can connect.
pub(super) fn script_settings(networks: &[String]) -> String {
    if networks.is_empty() {
        return String::new();
    }
    let list = networks.join(" ");
    let options = allow_options(networks);
    format!(
        "# Who may connect: \"ccroute install --helper --allow\" writes these. The first three are for\n\
         # Debian's init script, the last is for OpenRC's.\n\
         STARTDISTCC=\"true\"\nLISTENER=\"\"\n{ALLOWED}{list}\"\n\
         DISTCCD_OPTS=\"${{DISTCCD_OPTS-}} {options}\"\n"
    )
}

/// What is added to the drop-in of a unit, so that these networks can connect.
pub(super) fn unit_settings(tree: &Tree, networks: &[String]) -> String {
    if networks.is_empty() {
        return String::new();
    }
    let text = fs::read_to_string(tree.real(Path::new(DEBIAN))).unwrap_or_default();
    let mut options = allow_options(networks);
    for (name, option) in [("JOBS", "--jobs"), ("NICE", "--nice")] {
        let number = assigned(&text, name).and_then(|v| v.parse::<u32>().ok());
        if let Some(number) = number {
            options += &format!(" {option} {number}");
        }
    }
    let programs = [
        "/usr/bin/distccd",
        "/usr/sbin/distccd",
        "/usr/local/bin/distccd",
    ];
    let program = programs.into_iter().find(|p| tree.exists(p));
    let program = program.unwrap_or(programs[0]);
    format!(
        "# Who may connect: \"ccroute install --helper --allow\" writes this. The unit's own line may name\n\
         # this machine alone.\nExecStart=\nExecStart={program} --daemon --no-detach {options}\n"
    )
}

fn allow_options(networks: &[String]) -> String {
    let options: Vec<String> = networks.iter().map(|n| format!("--allow {n}")).collect();
    options.join(" ")
}

/// The value that a file of settings assigns last.
pub(super) fn assigned(settings: &str, name: &str) -> Option<String> {
    let value = |l: &str| Some(l.trim().strip_prefix(name)?.strip_prefix('=')?.to_owned());
    let last = settings.lines().filter_map(value).next_back();
    last.map(|v| v.trim_matches(['"', '\'']).to_owned())
}

/// The commands after which distccd runs with ccroute's settings. `shown` is how this process calls a
/// path of the tree; `daemon` is the distccd that runs, for a system that has no service of it.
pub(super) fn steps(
    tree: &Tree,
    shown: &dyn Fn(&str) -> String,
    daemon: Option<&Daemon>,
    networks: &[String],
) -> Vec<String> {
    let starter = Starter::of(tree);
    let mut steps = Vec::new();
    if let Some(settings) = starter.settings() {
        let text = fs::read_to_string(tree.real(Path::new(settings))).unwrap_or_default();
        if !reads_variables(&text) {
            let file = quote::word(&shown(settings));
            steps.push(format!("echo '{}' >>{file}", reading_line()));
        }
    }
    match starter {
        Starter::Systemd(unit) => steps.push(format!(
            "systemctl daemon-reload && systemctl enable {unit} && systemctl restart {unit}"
        )),
        Starter::OpenRc => {
            steps.push("rc-update add distccd default && rc-service distccd restart".into())
        }
        Starter::Script(name) if is_command("service") => {
            steps.push(format!("service {name} restart"))
        }
        Starter::Script(name) => {
            steps.push(format!("{} restart", shown(&format!("/etc/init.d/{name}"))))
        }
        Starter::Nothing => steps.push(by_hand(shown, daemon, networks)),
    }
    steps
}

/// How distccd is started by hand: as it runs now, but with our variables and networks.
fn by_hand(shown: &dyn Fn(&str) -> String, daemon: Option<&Daemon>, networks: &[String]) -> String {
    let variables = quote::word(&shown(VARIABLES));
    let mut words: Vec<String> = match daemon {
        Some(daemon) => kept_options(&daemon.options, !networks.is_empty()),
        None => vec!["--daemon".into()],
    };
    for network in networks {
        words.extend(["--allow".into(), network.clone()]);
    }
    let stop = daemon.map_or(String::new(), |daemon| {
        // distccd ends at once, but its port is free only then.
        let id = daemon.id;
        format!("kill {id}; while kill -0 {id}; do sleep 1; done 2>/dev/null; ")
    });
    let script = format!(
        "{stop}. {variables} && exec distccd {}",
        quote::words(&words)
    );
    format!("sh -c {}", quote::word(&script))
}

/// A distccd's options without those that let everybody in, or that keep our networks out.
fn kept_options(options: &[String], networks: bool) -> Vec<String> {
    let mut kept = Vec::new();
    let mut options = options.iter().peekable();
    while let Some(option) = options.next() {
        let (name, joined) = option.split_once('=').unwrap_or((option, ""));
        let valued = matches!(name, "--allow" | "-a" | "--listen");
        let value = match valued && joined.is_empty() && !option.contains('=') {
            true => options.next().map_or("", String::as_str),
            false => joined,
        };
        let everybody = matches!(name, "--allow" | "-a") && value.ends_with("/0");
        let in_the_way = networks && (matches!(name, "--allow" | "-a") || is_loopback(value));
        if OPEN.contains(&name) || everybody || (valued && in_the_way) {
            continue;
        }
        kept.push(option.clone());
        if valued && joined.is_empty() && !option.contains('=') {
            kept.push(value.to_owned());
        }
    }
    kept
}

/// Whether an address or network is this machine alone.
pub(super) fn is_loopback(text: &str) -> bool {
    text.starts_with("127.") || text == "::1" || text == "localhost"
}

/// Whether a program is on PATH.
pub(super) fn is_command(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
}

/// What keeps this distccd from going by what `install --helper` wrote; `None` where nothing does.
pub(super) fn not_as_installed(
    daemon: &Daemon,
    tree: &Tree,
    networks: &[String],
) -> Option<String> {
    let list = tree.real(Path::new(COMMANDS));
    if daemon.variable("DISTCC_CMDLIST").map(Path::new) != Some(&list) {
        return Some("it was started without ccroute's variables".into());
    }
    if daemon.is_older_than(&list) {
        return Some("it was started before the list of commands changed".into());
    }
    if let Some(listen) = daemon
        .values(&["--listen"])
        .into_iter()
        .find(|l| is_loopback(l))
    {
        return Some(format!("it listens on {listen} only"));
    }
    let allowed = daemon.values(&["--allow", "-a"]);
    let missing: Vec<&str> = networks
        .iter()
        .filter(|n| !allows(&allowed, n))
        .map(String::as_str)
        .collect();
    if !missing.is_empty() {
        return Some(format!("it does not allow {}", missing.join(", ")));
    }
    // Without any such option distccd refuses everybody, or (as root) lets only private networks in.
    if allowed.iter().all(|a| is_loopback(a)) && !daemon.has(OPEN) {
        return Some("it allows this machine only".into());
    }
    None
}

/// Whether one of these networks contains that one.
pub(super) fn allows(allowed: &[&str], network: &str) -> bool {
    let parse = |text: &str| {
        let address = || text.parse::<std::net::IpAddr>().map(IpNet::from);
        text.parse::<IpNet>().or_else(|_| address()).ok()
    };
    let Some(wanted) = parse(network) else {
        return false;
    };
    allowed
        .iter()
        .filter_map(|a| parse(a))
        .any(|a| a.contains(&wanted))
}

/// The networks of this machine, to propose: those of its interfaces, without the loopback's and those
/// between this machine and one container.
pub(super) fn own_networks() -> Vec<String> {
    let mut networks: Vec<String> = Vec::new();
    for interface in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let ipv4 = |a: Option<nix::sys::socket::SockaddrStorage>| {
            a.and_then(|a| a.as_sockaddr_in().map(|a| a.ip()))
        };
        let (Some(address), Some(mask)) = (ipv4(interface.address), ipv4(interface.netmask)) else {
            continue;
        };
        let name = interface.interface_name.as_str();
        let inner = ["docker", "br-", "veth", "virbr"];
        if address.is_loopback() || inner.iter().any(|i| name.starts_with(i)) {
            continue;
        }
        let length = u8::try_from(u32::from(mask).count_ones()).unwrap_or(32);
        if let Ok(net) = ipnet::Ipv4Net::new(address, length) {
            let text = net.trunc().to_string();
            if !networks.contains(&text) {
                networks.push(text);
            }
        }
    }
    networks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn networks_are_written_as_distccd_reads_them() {
        for (given, written) in [
            ("192.168.1.20/24", "192.168.1.0/24"),
            ("192.168.1.20", "192.168.1.20"),
            ("192.168.1.20/32", "192.168.1.20"),
            ("fd00::1/8", "fd00::/8"),
        ] {
            assert_eq!(network(given).as_deref(), Ok(written));
        }
        for bad in ["", "pi", "192.168.1.0/33", "1.2.3", "1.2.3.4;reboot"] {
            assert!(network(bad).is_err(), "{bad}");
        }
        assert!(allows(&["10.0.0.0/8"], "10.1.0.0/16"));
        assert!(!allows(&["10.1.0.0/16"], "10.0.0.0/8"));
        assert!(!allows(&["127.0.0.1"], "192.168.1.0/24"));
    }

    #[test]
    fn a_daemons_options_without_those_in_the_way() {
        let options =
            list("--daemon --allow 127.0.0.1 --listen=127.0.0.1 --nice 10 --make-me-a-botnet");
        assert_eq!(kept_options(&options, true), list("--daemon --nice 10"));
        let without = list("--daemon --allow 127.0.0.1 --listen=127.0.0.1 --nice 10");
        assert_eq!(kept_options(&options, false), without);
        assert_eq!(
            kept_options(&list("--allow 0.0.0.0/0 --daemon"), false),
            list("--daemon")
        );
    }

    #[test]
    fn the_last_assignment_counts() {
        let text = "# JOBS=\"1\"\nJOBS=\"2\"\nJOBS='3'\nLISTENER=\n";
        assert_eq!(assigned(text, "JOBS").as_deref(), Some("3"));
        assert_eq!(assigned(text, "LISTENER").as_deref(), Some(""));
        assert_eq!(assigned(text, "NICE"), None);
    }
}
