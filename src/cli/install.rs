//! `ccroute install --helper` and `uninstall`: what is made, in which order, and what it says.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use nix::sys::stat::{umask, Mode};

use super::client;
use super::daemon::Daemon;
use super::look::count;
use super::names::{installed_versions, names_of, resolve_linked, Triple};
use super::place::{Made, Tree, MARK};
use super::record::{record, rules_directories, serving, unprefixed};
use super::service::{self, drop_in};
use super::Failure;
use crate::compiler::name::Tool;
use crate::compiler::record::FILE as FACTS;
use crate::exit::Exit;
use crate::log::{self, HELPER_DIR, HELPER_FILE};
use crate::rules::matching::RuleSet;

/// Where the links go that distccd finds compilers by. No part of it may be called like distcc:
/// distccd warns, on every job, about links that lead there.
pub(super) const LINKS: &str = "/usr/lib/ccroute/bin";
/// distccd's whitelist of names.
pub(super) const WHITELIST: &str = "/usr/lib/distcc";
/// The list of programs that distccd may run, for DISTCC_CMDLIST.
pub(super) const COMMANDS: &str = "/etc/ccroute/commands";
/// The variables for a distccd that is started by a shell script.
pub(super) const VARIABLES: &str = "/etc/ccroute/distccd.sh";
/// What is in that file, and in the drop-in of a unit: also shipped as examples for those who set
/// distccd up by hand.
const SHELL_VARIABLES: &str = include_str!("../../packaging/snippets/distccd.sh");
const UNIT_VARIABLES: &str = include_str!("../../packaging/snippets/distccd-systemd.conf");
/// The directory for temporary files of a distccd that is started by a shell script.
const TEMPORARY: &str = "/var/lib/ccroute/tmp";
/// Who distccd runs as: Debian's name, everybody else's.
pub(super) const DISTCCD_USERS: &[&str] = &["distccd", "distcc"];
/// What both `install` and `uninstall` take.
#[derive(Args)]
pub(super) struct Common {
    /// Work below DIR as if it were /, with its rules
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true, value_hint = ValueHint::DirPath)]
    pub(super) root: PathBuf,
    /// Print what would be done, each file with -v
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print each link and file
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// What the links lead to [default: this program]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) program: Option<PathBuf>,
}

#[derive(Args)]
pub(super) struct Arguments {
    /// This machine compiles for others
    ///
    /// Makes links for distccd in /usr/lib/ccroute/bin, entries in distccd's
    /// whitelist /usr/lib/distcc, its list of commands, and the variables
    /// that it is started with.
    #[arg(long, verbatim_doc_comment, conflicts_with = "client")]
    helper: bool,
    /// Networks or addresses of the clients
    ///
    /// Stays in force for later runs without it.
    #[arg(long, value_name = "NET", num_args = 1.., requires = "helper", conflicts_with = "client", value_parser = service::network, value_hint = ValueHint::Other)]
    allow: Vec<String>,
    /// Run the commands that remain: distccd starts anew
    #[arg(long, requires = "helper", conflicts_with_all = ["client", "dry_run", "root"])]
    restart: bool,
    /// Other machines compile for this one
    ///
    /// Writes rules, /etc/ccroute/rules.d/60-client.rules, with what the
    /// native compilers assume, and makes links in distcc's masquerade
    /// directory. It keeps what it replaces; uninstall brings that back.
    #[arg(long, verbatim_doc_comment)]
    pub(super) client: bool,
    /// The helpers, as distcc writes them: pc.local:3632/8
    ///
    /// Writes /etc/distcc/hosts, and asks each helper whether it serves this
    /// machine's names.
    #[arg(long, verbatim_doc_comment, value_name = "ADDRESS", num_args = 1.., requires = "client", conflicts_with = "helper", value_parser = super::client::host, value_hint = ValueHint::Hostname)]
    pub(super) host: Vec<String>,
    /// The masquerade directory [default: distcc's]
    #[arg(long, value_name = "DIR", requires = "client", value_hint = ValueHint::DirPath)]
    pub(super) masquerade: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Args)]
pub(super) struct Removal {
    /// This machine no longer compiles for others
    ///
    /// Removes the links, the entries in distccd's whitelist, the list of
    /// commands and the variables. Stop or restart distccd first: a distccd
    /// without its list would run any program.
    #[arg(
        long,
        verbatim_doc_comment,
        required_unless_present = "client",
        conflicts_with = "client"
    )]
    helper: bool,
    /// This machine compiles its own jobs again
    ///
    /// Removes the rules and the links, and brings back what install
    /// replaced.
    #[arg(long, verbatim_doc_comment)]
    client: bool,
    /// The masquerade directory [default: that of install]
    #[arg(long, value_name = "DIR", requires = "client", value_hint = ValueHint::DirPath)]
    pub(super) masquerade: Option<PathBuf>,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What `ccroute install` alone says.
const ROLES: &str = "\
A machine can be a helper, a client, or both. Say which of them this machine is.

The helper runs distccd and compiles for clients. NET is the clients' network,
such as 192.168.1.0/24:
  sudo ccroute install --helper --allow NET --restart

The client builds and links. ADDRESS is the helper's, such as 192.168.1.10:
  sudo ccroute install --client --host ADDRESS
  ccroute test

Add --dry-run to see what a command would do. More: ccroute install --help
";

/// Sets up what the arguments name.
pub(super) fn install(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    match (arguments.helper, arguments.client) {
        (_, true) => client::install(arguments, out),
        (true, _) => helper(arguments, out),
        (false, false) => {
            out.write_all(ROLES.as_bytes())?;
            Ok(Exit::Usage)
        }
    }
}

/// The files of a helper, the variables last: distccd must never be told of a list that is not
/// there, because it then runs whatever a client asks for (distcc 3.4, `dcc_remap_compiler`).
fn helper(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let common = &arguments.common;
    let texts = super::load_rules_below(&common.root)?;
    let rules = RuleSet::parse(&texts)?;
    let tree = Tree::new(&common.root, common.dry_run, common.verbose)?;
    // distccd's user has to read all of it, however careful root's umask is.
    umask(Mode::from_bits_truncate(0o022));
    let program = program(common)?;
    let facts = tree.real(Path::new(FACTS));
    if !common.dry_run {
        // Only a machine that was set up has this directory: elsewhere check records nothing.
        facts.parent().map_or(Ok(()), fs::create_dir_all)?;
        record(&facts, &unprefixed())?;
    }
    let mut triples = resolve_linked(&rules, &facts);
    if !common.dry_run {
        // What they say of themselves takes names away: those with another version.
        record(&facts, &serving(&triples))?;
        triples = resolve_linked(&rules, &facts);
    }
    let names = names(&triples);
    let mut made = Made::default();
    let networks = match arguments.allow.is_empty() {
        true => service::recorded_networks(&tree),
        false => arguments.allow.clone(),
    };

    for name in &names {
        tree.link(&Path::new(LINKS).join(name), &program, &mut made, out)?;
    }
    tree.remove_links_except(Path::new(LINKS), &names, &mut made, out)?;
    let distcc = tree.exists(WHITELIST);
    if distcc {
        for name in &names {
            let at = Path::new(WHITELIST).join(name);
            // A name that distcc's package listed itself is fine as it is.
            if !tree.holds(&at) || tree.is_ours(&at) {
                tree.file(&at, &whitelist_entry(name), 0o755, &mut made, out)?;
            }
        }
        tree.remove_files_except(Path::new(WHITELIST), &names, &mut made, out)?;
    }
    let list: Vec<String> = names.iter().map(|n| format!("{LINKS}/{n}\n")).collect();
    let list = list.concat();
    tree.file_without_mark(Path::new(COMMANDS), &list, 0o644, &mut made, out)?;
    // Its jobs' files are nobody else's; nor is what it records of calls.
    let user = tree.user(DISTCCD_USERS);
    let private = user.map_or(0o1777, |_| 0o700);
    tree.directory(Path::new(TEMPORARY), private, user, &mut made, out)?;
    let variables = SHELL_VARIABLES.to_owned() + &service::script_settings(&networks);
    tree.file(Path::new(VARIABLES), &variables, 0o644, &mut made, out)?;
    let unit_variables = UNIT_VARIABLES.to_owned() + &service::unit_settings(&tree, &networks);
    for unit in service::units(&tree) {
        tree.file(&drop_in(unit), &unit_variables, 0o644, &mut made, out)?;
    }
    // Calls are recorded there by distccd's user.
    if user.is_some() {
        tree.directory(Path::new(HELPER_DIR), 0o755, user, &mut made, out)?;
    }
    forget_index(&tree, &mut made, out)?;
    let served = format!("{} served", count(names.len(), "name"));
    writeln!(out, "{served}: {}", made.in_words(common.dry_run))?;
    tree.summary(out)?;
    if !distcc {
        writeln!(
            out,
            "distcc is not installed here. Install it, then run this command again:"
        )?;
        writeln!(out, "  {}", install_distcc())?;
        return Ok(Exit::Success);
    }
    remains(arguments, &tree, &networks, out)
}

/// Says, or does, what is left to do until clients reach this helper.
fn remains(
    arguments: &Arguments,
    tree: &Tree,
    networks: &[String],
    out: &mut dyn Write,
) -> super::Outcome {
    let whole = arguments.common.root == Path::new("/");
    let daemons = match whole {
        true => Daemon::running(None),
        false => Vec::new(),
    };
    if networks.is_empty() && !reachable(tree, &daemons) {
        let guess = service::own_networks().into_iter().next();
        writeln!(
            out,
            "Clients cannot connect yet: distccd allows this machine only.\nName the clients' network:"
        )?;
        writeln!(
            out,
            "  ccroute install --helper --allow {} --restart",
            guess.as_deref().unwrap_or("192.168.1.0/24")
        )?;
        return Ok(Exit::Success);
    }
    // One that was started by hand beside the system's own is none of ours to judge.
    let mut states = daemons
        .iter()
        .map(|d| service::not_as_installed(d, tree, networks));
    if let Some(None) = states.find(Option::is_none) {
        writeln!(
            out,
            "distccd runs with these settings: nothing remains to be done"
        )?;
        return Ok(Exit::Success);
    }
    let shown = |path: &str| path.to_owned();
    let steps = service::steps(tree, &shown, daemons.first(), networks);
    if !arguments.restart {
        let how = match whole {
            true => " ('ccroute install --helper --restart' does it)",
            false => "",
        };
        writeln!(out, "Next{how}:")?;
        for step in steps {
            writeln!(out, "  {step}")?;
        }
        return Ok(Exit::Success);
    }
    for step in steps {
        writeln!(out, "{step}")?;
        out.flush()?;
        // Not to its own standard output: a package manager wants silence.
        let done = Command::new("sh").args(["-c", &step]).output()?;
        out.write_all(&done.stdout)?;
        out.write_all(&done.stderr)?;
        if !done.status.success() {
            return Err(Failure::Fault(format!("{step}: failed ({})", done.status)));
        }
    }
    confirm(tree, networks, out)
}

/// Waits until a distccd runs as it was set up, and says so.
fn confirm(tree: &Tree, networks: &[String], out: &mut dyn Write) -> super::Outcome {
    const PATIENCE: Duration = Duration::from_secs(5);
    let until = Instant::now() + PATIENCE;
    loop {
        let daemons = Daemon::running(None);
        let states: Vec<Option<String>> = daemons
            .iter()
            .map(|d| service::not_as_installed(d, tree, networks))
            .collect();
        if states.contains(&None) {
            writeln!(out, "distccd runs with these settings")?;
            return Ok(Exit::Success);
        }
        if Instant::now() > until {
            let why = states.into_iter().flatten().next();
            let why = why.map_or_else(|| "none runs".to_owned(), |why| format!("but {why}"));
            return Err(Failure::Fault(format!(
                "distccd was restarted, {why}; ccroute doctor --helper says more"
            )));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Whether other machines can connect to distccd as the system's own settings are.
fn reachable(tree: &Tree, daemons: &[Daemon]) -> bool {
    let open = |d: &Daemon| {
        let listens = d.values(&["--listen"]);
        let allowed = d.values(&["--allow", "-a"]);
        !listens.iter().any(|l| service::is_loopback(l))
            && (d.has(service::OPEN) || allowed.iter().any(|a| !service::is_loopback(a)))
    };
    if daemons.iter().any(open) {
        return true;
    }
    let text = fs::read_to_string(tree.real(Path::new(service::DEBIAN))).unwrap_or_default();
    let value = |name: &str| service::assigned(&text, name).unwrap_or_default();
    let allowed = value("ALLOWEDNETS");
    let mut allowed = allowed.split_ascii_whitespace();
    allowed.any(|a| !service::is_loopback(a)) && !service::is_loopback(&value("LISTENER"))
}

/// What to type for distcc itself, by the package manager that is there.
pub(super) fn install_distcc() -> String {
    let managers = [
        ("apt-get", "apt-get install -y distcc"),
        ("emerge", "emerge sys-devel/distcc"),
        ("pacman", "pacman -S --noconfirm distcc"),
        ("apk", "apk add distcc"),
        ("dnf", "dnf install -y distcc-server"),
    ];
    let here = |(name, _): &(&str, &str)| service::is_command(name);
    let command = managers.into_iter().find(here);
    command.map_or("install distcc", |(_, c)| c).to_owned()
}

/// The index of rules that ccroute 0.1 kept in their directory; nothing reads it any more.
const INDEX: &str = ".index";

/// Removes 0.1's index of rules.
pub(super) fn forget_index(
    tree: &Tree,
    made: &mut Made,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut dirs = rules_directories().into_iter();
    dirs.try_for_each(|dir| tree.remove_file_of_ours_by_name(&dir.join(INDEX), made, out))
}

/// The reverse of [`install`]: the variables first, the list only when no distccd relies on it.
pub(super) fn uninstall(arguments: &Removal, out: &mut dyn Write) -> super::Outcome {
    if arguments.client {
        return client::uninstall(arguments, out);
    }
    let common = &arguments.common;
    let tree = Tree::new(&common.root, common.dry_run, common.verbose)?;
    let mut made = Made::default();
    for unit in service::UNITS {
        let at = drop_in(unit);
        tree.remove_file(&at, &mut made, out)?;
        at.parent()
            .into_iter()
            .for_each(|dir| tree.remove_empty(dir));
    }
    tree.remove_file(Path::new(VARIABLES), &mut made, out)?;
    let users = distccd_using(tree.real(Path::new(COMMANDS)));
    if !users.is_empty() {
        let list: Vec<String> = users.iter().map(u32::to_string).collect();
        return Err(Failure::Fault(format!(
            "distccd (process {}) still uses {COMMANDS}, and would run any program without it. Restart distccd, then type again:\n  ccroute uninstall --helper",
            list.join(", ")
        )));
    }
    tree.remove_file_of_ours_by_name(Path::new(COMMANDS), &mut made, out)?;
    tree.remove_file_of_ours_by_name(Path::new(FACTS), &mut made, out)?;
    forget_index(&tree, &mut made, out)?;
    tree.remove_directory(Path::new(TEMPORARY), &mut made, out)?;
    for file in log::files(Path::new(HELPER_FILE)) {
        tree.remove_file_of_ours_by_name(&file, &mut made, out)?;
    }
    let none = BTreeSet::new();
    tree.remove_files_except(Path::new(WHITELIST), &none, &mut made, out)?;
    tree.remove_links_except(Path::new(LINKS), &none, &mut made, out)?;
    for dir in [
        HELPER_DIR,
        LINKS,
        "/usr/lib/ccroute",
        "/etc/ccroute",
        "/var/lib/ccroute",
    ] {
        tree.remove_empty(Path::new(dir));
    }
    writeln!(out, "{}", made.in_words(common.dry_run))?;
    tree.summary(out)?;
    Ok(Exit::Success)
}

/// Every name that a client may ask for and something here serves: the full names, and the native
/// names, which are settled job by job.
pub(super) fn names(triples: &[Triple]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = triples
        .iter()
        .flat_map(|t| {
            t.served()
                .map(|(name, _)| name.to_string())
                .collect::<Vec<_>>()
        })
        .collect();
    let versions = installed_versions();
    let clang = names.iter().any(|n| n.ends_with("-clang")) || versions.contains_key(&Tool::Clang);
    names.extend(
        names_of(None, &versions)
            .iter()
            .filter(|n| clang || !n.tool.is_clang())
            .map(ToString::to_string),
    );
    names
}

/// What the links lead to.
pub(super) fn program(common: &Common) -> Result<PathBuf, Failure> {
    let program = match &common.program {
        Some(program) => program.clone(),
        None => fs::read_link("/proc/self/exe")?,
    };
    if !program.is_absolute() {
        return Err(Failure::Usage(format!(
            "{}: give the program's absolute path",
            program.display()
        )));
    }
    Ok(program)
}

/// A file that lets a name pass distccd's whitelist. It is no link, because Debian's
/// update-distcc-symlinks removes links whose names are not in /usr/bin, whoever made them; and it
/// works, in case this directory is on somebody's PATH.
fn whitelist_entry(name: &str) -> String {
    format!("#!/bin/sh\n{MARK}\nexec {LINKS}/{name} \"$@\"\n")
}

/// The running distccd processes that were told of this list.
pub(super) fn distccd_using(list: impl AsRef<Path>) -> Vec<u32> {
    let mut entry = OsString::from("DISTCC_CMDLIST=");
    entry.push(list.as_ref());
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter_map(|dir| {
            let id: u32 = dir.file_name().to_str()?.parse().ok()?;
            let name = fs::read(dir.path().join("comm")).ok()?;
            let environment = fs::read(dir.path().join("environ")).ok()?;
            let told = environment
                .split(|&b| b == 0)
                .any(|v| v == entry.as_bytes());
            (name.trim_ascii() == b"distccd" && told).then_some(id)
        })
        .collect()
}
