//! `ccroute doctor`: examines the whole set-up of a client or a helper, and reports what is wrong, what
//! follows from it, and the command that fixes it. It changes nothing.

mod client;
mod distccd;
mod helper;
mod stand_ins;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use super::daemon::Daemon;
use super::install::{names, COMMANDS, LINKS};
use super::look::Look;
use super::names::{how_to_install, resolve_all, resolve_linked, Triple};
use super::place::Tree;
use super::report::{self, Finding, Severity};
use super::{client_check, service, Failure};
use crate::compiler::record::FILE as FACTS;
use crate::exit::Exit;
use crate::os::quote;
use crate::rules::matching::RuleSet;
use crate::rules::{self, RulesError};
use crate::shim::host;

#[derive(Args)]
pub(super) struct Arguments {
    /// Examine the helper [default: if it was set up as one]
    #[arg(long)]
    helper: bool,
    /// Examine the client [default: if it was set up as one]
    #[arg(long)]
    client: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Examine only the distccd with this process ID
    #[arg(long, value_name = "PID")]
    distccd: Option<u32>,
    /// Compile nothing, neither here nor on a helper
    #[arg(long)]
    quick: bool,
    /// Examine the system below DIR as if it were /
    #[arg(long, value_name = "DIR", default_value = "/", hide_default_value = true, value_hint = ValueHint::DirPath)]
    root: PathBuf,
}

/// A set-up as the checks see it.
struct Setup<'a> {
    tree: Tree,
    root: PathBuf,
    rules: &'a RuleSet<'a>,
    rules_directories: Vec<PathBuf>,
    rules_files: Vec<PathBuf>,
    triples: Vec<Triple>,
    /// The names that a compiler here serves.
    names: BTreeSet<String>,
    daemons: Vec<Daemon>,
    /// Whether the daemons are all that run here.
    looks_for_daemons: bool,
    facts: PathBuf,
    /// Whether stand-ins may be run.
    compiles: bool,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let tree = Tree::new(&arguments.root, true, false)?;
    let whole = arguments.root == Path::new("/");
    let directories = super::rules_directories(&arguments.root);
    let mut found = Vec::new();
    let texts = match rules::load::load(&directories) {
        Ok(texts) => texts,
        Err(error) => {
            found.push(bad_rules(&error));
            Vec::new()
        }
    };
    let (rules, errors) = RuleSet::parse_all(&texts);
    found.extend(errors.iter().map(bad_rules));
    let facts = match whole {
        true => host::facts_file(),
        false => tree.real(Path::new(FACTS)),
    };
    let triples = resolve_all(&rules, &facts, false);
    let set_up_as_helper = tree.exists(LINKS) || tree.exists(COMMANDS);
    let neither = !arguments.helper && !arguments.client;
    let helper = arguments.helper || (neither && set_up_as_helper);
    let set_up_as_client = || client_check::rules_text(&arguments.root).is_some();
    let client = arguments.client || (neither && set_up_as_client());
    let setup = Setup {
        names: match helper {
            true => names(&resolve_linked(&rules, &facts)),
            false => BTreeSet::new(),
        },
        triples,
        rules: &rules,
        rules_directories: directories.into_iter().filter(|d| d.is_dir()).collect(),
        rules_files: texts.iter().map(|t| t.path.to_path_buf()).collect(),
        daemons: match (arguments.distccd, helper && whole) {
            (Some(id), _) => Daemon::running(Some(id)),
            (None, true) => Daemon::running(None),
            (None, false) => Vec::new(),
        },
        looks_for_daemons: whole || arguments.distccd.is_some(),
        facts,
        compiles: !arguments.quick && errors.is_empty(),
        root: arguments.root.clone(),
        tree,
    };
    if helper {
        helper::findings(&setup, &mut found);
        distccd::findings(&setup, &mut found);
    }
    if client {
        client::findings(&setup, &mut found);
    }
    if !helper && !client {
        found.push(
            Finding::new(
                Severity::Fault,
                "this machine is set up neither as a client nor as a helper",
                "compiler names run the compilers that they always ran",
                setup.install("--helper"),
            )
            .advise(format!("on a client: {}", setup.install("--client"))),
        );
    }
    // The worst first; those of one kind in the order in which they were looked for.
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let roles: Vec<&str> = [(helper, "helper"), (client, "client")]
        .into_iter()
        .filter_map(|(is, role)| is.then_some(role))
        .collect();
    let worst = found.first().map(|f| f.severity);
    match arguments.json {
        true => super::json::print(
            out,
            "doctor",
            json!({
                "roles": roles,
                "worst": worst.map(Severity::word),
                "findings": report::as_json(&found),
            }),
        )?,
        false => print(out, &roles, &found)?,
    }
    Ok(worst.map_or(Exit::Success, Severity::exit))
}

fn bad_rules(error: &RulesError) -> Finding {
    let fix = match error {
        RulesError::Text { file, line, .. } => {
            format!("${{EDITOR:-vi}} +{line} {}", quote::path(file))
        }
        RulesError::Unsafe { fix, .. } => fix.clone(),
        RulesError::Unreadable { path, .. } => format!("chmod a+rX {}", quote::path(path)),
    };
    Finding::new(
        Severity::Fault,
        error.to_string(),
        "every job is refused with exit code 78",
        fix,
    )
}

fn print(out: &mut dyn Write, roles: &[&str], found: &[Finding]) -> Result<(), Failure> {
    let look = Look::now();
    let roles = match roles {
        [] => "neither client nor helper".to_owned(),
        roles => roles.join(" and "),
    };
    writeln!(out, "{roles}: {}", report::answer(found))?;
    Ok(found.iter().try_for_each(|f| f.print(out, look))?)
}

impl Setup<'_> {
    /// A command that only root may give, as this user types it.
    fn as_root(&self, command: &str) -> String {
        if nix::unistd::geteuid().is_root() || command.is_empty() {
            command.to_owned()
        } else if command.starts_with("sh -c ") {
            format!("sudo {command}")
        } else if command.contains(['>', ';', '&']) {
            format!("sudo sh -c {}", quote::word(command))
        } else {
            format!("sudo {command}")
        }
    }

    /// The command that sets this machine up again.
    fn install(&self, role: &str) -> String {
        self.as_root(&self.install_as_root(role))
    }

    fn install_as_root(&self, role: &str) -> String {
        let mut command = format!("ccroute install {role}");
        if self.root != Path::new("/") {
            command += &format!(" --root {}", quote::path(&self.root));
        }
        if role == "--client" {
            // Where install would look is not always where it was told to.
            let text = client_check::rules_text(&self.root);
            let recorded = text.and_then(|t| super::client::recorded(&t));
            let usual = super::client::masquerade(&self.tree, None).ok();
            if let Some((dir, _)) = recorded.filter(|(dir, _)| Some(dir) != usual.as_ref()) {
                command += &format!(" --masquerade {}", quote::path(&dir));
            }
        }
        command
    }

    /// A path of the tree, as this process calls it.
    fn shown(&self, path: &str) -> String {
        self.tree.real(Path::new(path)).display().to_string()
    }

    /// The command that sets the helper up again and starts distccd with that; `networks` may connect,
    /// those of the last time if none are given.
    fn restart_with(&self, daemon: Option<&Daemon>, networks: &[String]) -> String {
        let mut install = self.install_as_root("--helper");
        if !networks.is_empty() {
            install += &format!(" --allow {}", networks.join(" "));
        }
        if self.root == Path::new("/") {
            return self.as_root(&(install + " --restart"));
        }
        let recorded = service::recorded_networks(&self.tree);
        let networks = if networks.is_empty() {
            &recorded
        } else {
            networks
        };
        let shown = |path: &str| self.shown(path);
        let steps = service::steps(&self.tree, &shown, daemon, networks);
        self.as_root(&format!("{install} && {}", steps.join(" && ")))
    }

    fn restart(&self, daemon: &Daemon) -> String {
        self.restart_with(Some(daemon), &[])
    }

    /// A finding about a compiler that is missing, with what installs it.
    fn missing(&self, finding: Finding, stand_ins: &[String]) -> Finding {
        match how_to_install(stand_ins) {
            // What no package has is no command either.
            Some(advice) if advice.starts_with("build ") => finding.advise(advice),
            Some(command) => Finding {
                fix: self.as_root(&format!(
                    "{command} && {}",
                    self.install_as_root("--helper")
                )),
                ..finding
            },
            None => finding,
        }
    }
}
