//! `ccroute doctor`: looks at the whole setup of a client or a helper and says what is wrong, how it
//! shows, and what to type to mend it. It changes nothing.

mod access;
mod client;
mod daemon;
mod distccd;
pub(in crate::cli) mod finding;
mod helper;
mod hosts;
mod stand_ins;
mod trial;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{json, Value};

use super::install::{names, next_steps, COMMANDS, LINKS, VARIABLES};
use super::look::{Colour, Look};
use super::names::{resolve, Triple};
use super::place::Tree;
use super::{client_check, Failure};
use crate::compiler::record::FILE as FACTS;
use crate::exit::Exit;
use crate::os::quote::word as quoted;
use crate::rules::matching::RuleSet;
use crate::rules::{self, RulesError};
use crate::shim::host;
use daemon::Daemon;
use finding::{Finding, Severity};

#[derive(Args)]
pub(super) struct Arguments {
    /// As a helper [default: if it was set up so]
    #[arg(long)]
    helper: bool,
    /// As a client [default: if it was set up so]
    #[arg(long)]
    client: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Look at this distccd and no other
    #[arg(long, value_name = "PROCESS")]
    distccd: Option<u32>,
    /// Compile nothing, neither here nor on a host
    #[arg(long)]
    quick: bool,
    /// Look below DIR as if it were /
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,
}

/// A setup as the checks see it.
struct Setup<'a> {
    tree: Tree,
    root: PathBuf,
    rules: &'a RuleSet<'a>,
    rules_directories: Vec<PathBuf>,
    rules_files: Vec<PathBuf>,
    triples: Vec<Triple>,
    /// The names that something here serves.
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
    let directories = host::rules_directories();
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
    let triples = resolve(&rules);
    let set_up_as_helper = tree.exists(LINKS) || tree.exists(COMMANDS);
    let neither = !arguments.helper && !arguments.client;
    let helper = arguments.helper || (neither && set_up_as_helper);
    let client = arguments.client || (neither && client_check::rules_text().is_some());
    let setup = Setup {
        names: names(&triples),
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
        facts: match whole {
            true => host::facts_file(),
            false => tree.real(Path::new(FACTS)),
        },
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
        found.push(Finding::new(
            Severity::Fault,
            "this machine is set up neither as a client nor as a helper",
            "compiler names mean what they meant before",
            format!(
                "{}, or {}",
                setup.install("--helper"),
                setup.install("--client")
            ),
        ));
    }
    // The worst first; those of one kind in the order in which they were looked for.
    found.sort_by_key(|f| std::cmp::Reverse(f.severity));
    let roles: Vec<&str> = [(helper, "helper"), (client, "client")]
        .into_iter()
        .filter_map(|(is, role)| is.then_some(role))
        .collect();
    let exit = found.first().map_or(Exit::Success, |f| f.severity.exit());
    match arguments.json {
        true => super::json::print(out, "doctor", as_json(&roles, &found))?,
        false => print(out, &roles, &found, Look::now())?,
    }
    Ok(exit)
}

fn bad_rules(error: &RulesError) -> Finding {
    let mend = match error {
        RulesError::Text { file, line, .. } => {
            format!(
                "${{EDITOR:-vi}} +{line} {}",
                quoted(&file.display().to_string())
            )
        }
        RulesError::Unsafe { fix, .. } => fix.clone(),
        RulesError::Unreadable { path, .. } => {
            format!("chmod a+rX {}", quoted(&path.display().to_string()))
        }
    };
    Finding::new(
        Severity::Fault,
        error.to_string(),
        "every job is refused with exit code 78",
        mend,
    )
}

fn as_json(roles: &[&str], found: &[Finding]) -> Value {
    let list: Vec<Value> = found
        .iter()
        .map(|f| {
            json!({
                "severity": f.severity.word(),
                "what": f.what,
                "shows": f.shows,
                "mend": f.mend,
            })
        })
        .collect();
    json!({
        "roles": roles,
        "worst": found.first().map(|f| f.severity.word()),
        "findings": list,
    })
}

fn print(
    out: &mut dyn Write,
    roles: &[&str],
    found: &[Finding],
    look: Look,
) -> Result<(), Failure> {
    for finding in found {
        let colour = match finding.severity {
            Severity::Note => Colour::Bold,
            Severity::Warning => Colour::Yellow,
            Severity::Fault | Severity::Danger => Colour::Red,
        };
        let word = look.paint(colour, finding.severity.word());
        writeln!(out, "{word}: {}", plain(&finding.what))?;
        if !finding.shows.is_empty() {
            writeln!(out, "  shows as: {}", plain(&finding.shows))?;
        }
        writeln!(out, "  mend it:  {}", plain(&finding.mend))?;
    }
    let roles = match roles {
        [] => "neither client nor helper".to_owned(),
        roles => roles.join(" and "),
    };
    match found.len() {
        0 => writeln!(out, "{roles}: nothing is wrong")?,
        n => writeln!(out, "{roles}: {n} findings")?,
    }
    Ok(())
}

/// What others named, without what could move a terminal.
fn plain(text: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}

impl Setup<'_> {
    /// A command that only root may give, as this user types it.
    fn as_root(&self, command: &str) -> String {
        let advice = command.is_empty() || command.starts_with("build ");
        if nix::unistd::geteuid().is_root() || advice {
            command.to_owned()
        } else if command.starts_with("sh -c ") {
            format!("sudo {command}")
        } else if command.contains(['>', ';']) {
            format!("sudo sh -c {}", quoted(command))
        } else {
            format!("sudo {}", command.replace(" && ", " && sudo "))
        }
    }

    /// The command that sets this machine up again.
    fn install(&self, role: &str) -> String {
        let mut command = format!("ccroute install {role}");
        if self.root != Path::new("/") {
            let root = self.root.display().to_string();
            command += &format!(" --root {}", quoted(&root));
        }
        if role == "--client" {
            // Where install would look by itself is not always where it was told to.
            let recorded = client_check::rules_text().and_then(|t| super::client::recorded(&t));
            let usual = super::client::masquerade(&self.tree, None).ok();
            if let Some((dir, _)) = recorded.filter(|(dir, _)| Some(dir) != usual.as_ref()) {
                command += &format!(" --masquerade {}", quoted(&dir.display().to_string()));
            }
        }
        self.as_root(&command)
    }

    /// A path of the tree, as this process calls it.
    fn shown(&self, path: &str) -> String {
        self.tree.real(Path::new(path)).display().to_string()
    }

    /// How distccd is started by the system, if the system does.
    fn start(&self) -> String {
        match self.restarts() {
            Some(command) => self.as_root(&command),
            None => self.as_root(&format!(
                "sh -c '. {} && exec distccd --daemon --user distccd --allow 192.168.0.0/16'",
                self.shown(VARIABLES)
            )),
        }
    }

    /// The system's command to start distccd anew; `None` where the system knows of none. That the
    /// settings of an init script read the variables is a finding of its own.
    fn restarts(&self) -> Option<String> {
        let mut steps = next_steps(&self.tree, &self.tree.units()).into_iter();
        steps.find(|s| s.starts_with("systemctl") || s.starts_with("service"))
    }

    /// How this distccd is started anew with the variables of `install --helper`, and without some
    /// options.
    fn restart(&self, daemon: &Daemon, without: &[&str]) -> String {
        let given = without.iter().find(|o| daemon.has(&[o]));
        if let Some(command) = self.restarts() {
            let command = self.as_root(&command);
            return match given {
                None => command,
                Some(option) => format!("take {option} out of distccd's options, then: {command}"),
            };
        }
        let options = daemon
            .options
            .iter()
            .filter(|o| !without.contains(&o.as_str()));
        let options: Vec<String> = options.map(|o| quoted(o)).collect();
        let id = daemon.id;
        let variables = self.shown(VARIABLES);
        // distccd ends at once, but its port is free only then.
        self.as_root(&format!(
            "sh -c 'kill {id}; while kill -0 {id}; do sleep 1; done 2>/dev/null; . {variables} && exec distccd {}'",
            options.join(" ").replace('\'', "'\\''")
        ))
    }

    /// How its jobs get a directory of their own.
    fn private_temporary(&self, daemon: &Daemon) -> String {
        let unit = self.tree.units();
        if let Some(unit) = unit.first() {
            let dir = format!("/etc/systemd/system/{unit}.d");
            return self.as_root(&format!(
                "sh -c 'mkdir -p {dir}; printf \"[Service]\\nPrivateTmp=yes\\n\" >{dir}/tmp.conf; systemctl daemon-reload; systemctl restart {unit}'"
            ));
        }
        let dir = "/var/lib/distcc-jobs";
        let settings = ["/etc/default/distcc", "/etc/conf.d/distccd"];
        let settings = settings.into_iter().find(|s| self.tree.exists(s));
        let user = daemon.user.uid;
        let make = format!("install -d -m 700 -o {user} {dir}");
        self.as_root(&match settings {
            Some(settings) => format!(
                "sh -c '{make}; echo export TMPDIR={dir} >>{settings}; service distcc restart'"
            ),
            None => format!(
                "sh -c '{make}'; export TMPDIR={dir}; {}",
                self.restart(daemon, &[])
            ),
        })
    }
}
