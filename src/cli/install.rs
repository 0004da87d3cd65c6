//! `ccroute install --helper` and `uninstall`: what is made, in which order, and what it says.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Args;
use nix::sys::stat::{umask, Mode};

use super::client;
use super::names::{installed_versions, names_of, resolve_with, Triple};
use super::place::{Made, Tree, MARK};
use super::record::{record, rules_directories, serving, unprefixed};
use super::{load_rules_below, Failure};
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
/// Units that distributions ship for distccd.
const UNITS: [&str; 2] = ["distccd.service", "distcc.service"];
const UNIT_DIRS: [&str; 2] = ["/usr/lib/systemd/system", "/lib/systemd/system"];

#[derive(Args)]
pub(super) struct Arguments {
    /// This machine compiles for others
    ///
    /// That takes links for distccd in /usr/lib/ccroute/bin, entries in its
    /// whitelist /usr/lib/distcc, its list of commands, and the variables
    /// that it is started with.
    #[arg(
        long,
        verbatim_doc_comment,
        required_unless_present = "client",
        conflicts_with = "client"
    )]
    helper: bool,
    /// This machine has others compile
    ///
    /// That takes rules, /etc/ccroute/rules.d/60-client.rules, with what
    /// the native compilers assume, and links in distcc's masquerade
    /// directory. What stood there is kept, and comes back with uninstall.
    #[arg(long, verbatim_doc_comment)]
    pub(super) client: bool,
    /// The masquerade directory [default: distcc's]
    #[arg(long, value_name = "DIR", requires = "client")]
    pub(super) masquerade: Option<PathBuf>,
    /// Work below DIR as if it were /
    #[arg(long, value_name = "DIR", default_value = "/")]
    pub(super) root: PathBuf,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Say each link and file that is made
    #[arg(long, short)]
    pub(super) verbose: bool,
    /// What the links lead to [default: this program]
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The files of a helper, the variables last: distccd must never be told of a list that is not
/// there, because it then runs whatever a client asks for (distcc 3.4, `dcc_remap_compiler`).
pub(super) fn install(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    if arguments.client {
        return client::install(arguments, out);
    }
    let texts = load_rules_below(&arguments.root)?;
    let rules = RuleSet::parse(&texts)?;
    let tree = Tree::new(&arguments.root, arguments.dry_run, arguments.verbose)?;
    // distccd's user has to get at all of it, however careful root's umask is.
    umask(Mode::from_bits_truncate(0o022));
    let program = program(arguments)?;
    if !arguments.dry_run {
        // Only a machine that was set up has this directory: elsewhere check records nothing.
        let facts = tree.real(Path::new(FACTS));
        facts.parent().map_or(Ok(()), fs::create_dir_all)?;
        record(&facts, &unprefixed())?;
    }
    let triples = resolve_with(&rules, &tree.real(Path::new(FACTS)));
    let names = names(&triples);
    let mut made = Made::default();

    for name in &names {
        tree.link(&Path::new(LINKS).join(name), &program, &mut made, out)?;
    }
    tree.remove_links_except(Path::new(LINKS), &names, &mut made, out)?;
    if tree.exists(WHITELIST) {
        for name in &names {
            let at = Path::new(WHITELIST).join(name);
            // A name that distcc's package listed itself is fine as it is.
            if !tree.holds(&at) || tree.is_ours(&at) {
                tree.file(&at, &whitelist_entry(name), 0o755, &mut made, out)?;
            }
        }
        tree.remove_files_except(Path::new(WHITELIST), &names, &mut made, out)?;
    } else {
        writeln!(
            out,
            "note: no {WHITELIST}: install distcc, then run this again"
        )?;
    }
    let list: Vec<String> = names.iter().map(|n| format!("{LINKS}/{n}\n")).collect();
    let list = list.concat();
    tree.file_without_mark(Path::new(COMMANDS), &list, 0o644, &mut made, out)?;
    // Its jobs' files are nobody else's; nor is what it records of calls.
    let user = tree.user(DISTCCD_USERS);
    let private = user.map_or(0o1777, |_| 0o700);
    tree.directory(Path::new(TEMPORARY), private, user, &mut made, out)?;
    tree.file(Path::new(VARIABLES), SHELL_VARIABLES, 0o644, &mut made, out)?;
    let units = tree.units();
    for unit in &units {
        tree.file(&drop_in(unit), UNIT_VARIABLES, 0o644, &mut made, out)?;
    }
    // Calls are recorded there by whoever distccd runs as.
    if user.is_some() {
        tree.directory(Path::new(HELPER_DIR), 0o755, user, &mut made, out)?;
    }
    if !arguments.dry_run {
        let facts = tree.real(Path::new(FACTS));
        let recorded = record(&facts, &serving(&triples))?;
        writeln!(out, "{} compilers recorded in {FACTS}", recorded.compilers)?;
    }
    forget_index(&tree, &mut made, out)?;
    writeln!(
        out,
        "{} names served; {} made, {} removed, {} unchanged, {} left alone",
        names.len(),
        made.made,
        made.removed,
        made.unchanged,
        made.foreign
    )?;
    if made.made + made.removed > 0 {
        writeln!(out, "next:")?;
        for step in next_steps(&tree, &units) {
            writeln!(out, "  {step}")?;
        }
    }
    Ok(Exit::Success)
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
pub(super) fn uninstall(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    if arguments.client {
        return client::uninstall(arguments, out);
    }
    let tree = Tree::new(&arguments.root, arguments.dry_run, arguments.verbose)?;
    let mut made = Made::default();
    for unit in UNITS {
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
            "distccd (process {}) still relies on {COMMANDS}, and would run anything without it: restart distccd, then run 'ccroute uninstall --helper' again",
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
    writeln!(out, "{} removed, {} left alone", made.removed, made.foreign)?;
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
pub(super) fn program(arguments: &Arguments) -> Result<PathBuf, Failure> {
    let program = match &arguments.program {
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

pub(super) fn drop_in(unit: &str) -> PathBuf {
    Path::new("/etc/systemd/system").join(format!("{unit}.d/ccroute.conf"))
}

/// What is left to do so that distccd goes by all this.
pub(super) fn next_steps(tree: &Tree, units: &[&str]) -> Vec<String> {
    // Without the condition a script would end here when the file is gone.
    let line = format!("if [ -r {VARIABLES} ]; then . {VARIABLES}; fi");
    let mut steps = Vec::new();
    let mut init = false;
    for settings in ["/etc/default/distcc", "/etc/conf.d/distccd"] {
        if tree.exists(settings) && units.is_empty() {
            init = true;
            let text = fs::read_to_string(tree.real(Path::new(settings))).unwrap_or_default();
            if !text.lines().any(|l| l.trim() == line) {
                steps.push(format!("echo '{line}' >>{settings}"));
            }
        }
    }
    steps.push(match units.first() {
        Some(unit) => format!("systemctl daemon-reload && systemctl restart {unit}"),
        None if init => "service distcc restart".into(),
        None => format!("start distccd with the variables of {VARIABLES}"),
    });
    steps
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

impl Tree {
    /// The units of distccd that this system has.
    pub(super) fn units(&self) -> Vec<&'static str> {
        UNITS
            .into_iter()
            .filter(|unit| {
                UNIT_DIRS
                    .iter()
                    .any(|dir| self.exists(&format!("{dir}/{unit}")))
            })
            .collect()
    }
}
