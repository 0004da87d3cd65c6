//! `ccroute` by its own name: the commands.

mod access;
mod check;
mod client;
mod client_check;
mod completions;
mod daemon;
mod doctor;
mod examples;
mod explain;
mod graph;
mod guard;
mod help;
mod hosts;
mod install;
mod json;
mod list;
mod look;
mod man;
mod names;
mod place;
mod probe;
mod record;
mod refresh;
mod report;
mod roff;
mod service;
mod spellings;
mod stats;
mod test;
mod trial;
mod verify;

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{FromArgMatches, Parser, Subcommand};

use crate::exit::Exit;
use crate::rules::load::Text;
use crate::rules::{self, RulesError};
use crate::shim::host;

/// Routes compiler names to the right compiler, to distcc, or to a refusal.
#[derive(Parser)]
#[command(name = "ccroute", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print the decision for a call and every reason; run nothing
    Explain(explain::Arguments),
    /// Print every name and what serves it, or why nothing does
    List(list::Arguments),
    /// Validate the rules and try the compilers that they name
    Check(check::Arguments),
    /// Report what is wrong with the set-up, and how to fix it
    Doctor(doctor::Arguments),
    /// Set this machine up as a helper or as a client
    Install(install::Arguments),
    /// Undo what install did
    Uninstall(install::Removal),
    /// Send one small job and say who compiled it (client)
    Test(test::Arguments),
    /// Update the names after compilers were installed or removed
    #[command(hide = true)]
    Refresh,
    /// Print a rules section for a compiler: its defaults, their proof
    Probe(probe::Arguments),
    /// Compile samples here and on the helper and compare (client)
    Verify(verify::Arguments),
    /// Count what was routed, sent, run locally and refused
    Stats(stats::Arguments),
    /// Refuse jobs for this helper's own kind of machine for a while
    Guard(guard::Arguments),
    /// Print the completions of a shell
    Completions(completions::Arguments),
    /// Print a manual page
    Man(man::Arguments),
    /// Print the version
    #[command(hide = true)]
    Version,
}

/// Runs the command line. `args` come without the program's name.
pub fn main(args: &[&OsStr]) -> Exit {
    let words = std::iter::once(OsStr::new("ccroute")).chain(args.iter().copied());
    let matches = help::command().try_get_matches_from(words);
    let cli = match matches.and_then(|m| Cli::from_arg_matches(&m)) {
        Ok(cli) => cli,
        Err(error) => {
            // Coloured on a terminal, unless NO_COLOR is set.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
        }
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    let result = match cli.command {
        Command::Explain(arguments) => explain::run(&arguments, &mut out),
        Command::List(arguments) => list::run(&arguments, &mut out),
        Command::Check(arguments) => check::run(&arguments, &mut out),
        Command::Doctor(arguments) => doctor::run(&arguments, &mut out),
        Command::Install(arguments) => install::install(&arguments, &mut out),
        Command::Uninstall(arguments) => install::uninstall(&arguments, &mut out),
        Command::Refresh => refresh::run(&mut out),
        Command::Test(arguments) => test::run(&arguments, &mut out),
        Command::Probe(arguments) => probe::run(&arguments, &mut out),
        Command::Verify(arguments) => verify::run(&arguments, &mut out),
        Command::Stats(arguments) => stats::run(&arguments, &mut out),
        Command::Guard(arguments) => guard::run(&arguments, &mut out),
        Command::Completions(arguments) => completions::run(&arguments, &mut out),
        Command::Man(arguments) => man::run(&arguments, &mut out),
        Command::Version => writeln!(out, "ccroute {}", env!("CARGO_PKG_VERSION"))
            .map(|()| Exit::Success)
            .map_err(Failure::from),
    };
    let result = result.and_then(|exit| out.flush().map(|()| exit).map_err(Failure::from));
    match result {
        Ok(exit) => exit,
        // Whoever reads us has seen enough.
        Err(Failure::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Success,
        Err(failure) => {
            eprintln!("ccroute: {failure}");
            failure.exit()
        }
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Rules(#[from] RulesError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Fault(String),
}

impl Failure {
    fn exit(&self) -> Exit {
        match self {
            Failure::Rules(_) => Exit::Rules,
            Failure::Usage(_) => Exit::Usage,
            Failure::Io(_) | Failure::Fault(_) => Exit::Fault,
        }
    }
}

/// What a command comes to.
type Outcome = Result<Exit, Failure>;

/// The texts of the rules in force.
fn load_rules() -> Result<Vec<Text>, Failure> {
    load_rules_below(Path::new("/"))
}

/// The texts of the rules in force on the system below `root`.
fn load_rules_below(root: &Path) -> Result<Vec<Text>, Failure> {
    Ok(rules::load::load(&rules_directories(root))?)
}

/// The rules directories of the system below `root`; those of CCROUTE_RULES_DIR, where it is set, as
/// they are.
fn rules_directories(root: &Path) -> Vec<PathBuf> {
    let dirs = host::rules_directories();
    if root == Path::new("/") || std::env::var_os("CCROUTE_RULES_DIR").is_some() {
        return dirs;
    }
    let below = |dir: PathBuf| match dir.strip_prefix("/") {
        Ok(dir) => root.join(dir),
        // The rules that are part of the program.
        Err(_) => dir,
    };
    dirs.into_iter().map(below).collect()
}
