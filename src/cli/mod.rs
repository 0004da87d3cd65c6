//! `ccroute` by its own name: the commands.

mod check;
mod client;
mod client_check;
mod completions;
mod doctor;
mod examples;
mod explain;
mod graph;
mod guard;
mod help;
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
mod roff;
mod stats;
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
    /// Look at the whole setup: what is wrong, what to type to mend it
    Doctor(doctor::Arguments),
    /// Set this machine up as a helper or as a client
    Install(install::Arguments),
    /// Undo what install did
    Uninstall(install::Arguments),
    /// Update the names after compilers were installed or removed
    Refresh,
    /// Print a rules section for a compiler: its defaults, their proof
    Probe(probe::Arguments),
    /// Compile samples here and on the helper and compare (client)
    Verify(verify::Arguments),
    /// Count what was routed, sent, run locally and refused
    Stats(stats::Arguments),
    /// Refuse native compiles for clients for a while (helper)
    Guard(guard::Arguments),
    /// Print the completions of a shell
    Completions(completions::Arguments),
    /// Print a manual page
    Man(man::Arguments),
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
        Command::Probe(arguments) => probe::run(&arguments, &mut out),
        Command::Verify(arguments) => verify::run(&arguments, &mut out),
        Command::Stats(arguments) => stats::run(&arguments, &mut out),
        Command::Guard(arguments) => guard::run(&arguments, &mut out),
        Command::Completions(arguments) => completions::run(&arguments, &mut out),
        Command::Man(arguments) => man::run(&arguments, &mut out),
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

/// The texts of the rules that are in force on a system whose root is there.
fn load_rules_below(root: &Path) -> Result<Vec<Text>, Failure> {
    let below = |dir: PathBuf| match dir.strip_prefix("/") {
        Ok(inside) => root.join(inside),
        // The shipped ones are nobody's directory.
        Err(_) => dir,
    };
    let dirs: Vec<PathBuf> = host::rules_directories().into_iter().map(below).collect();
    Ok(rules::load::load(&dirs)?)
}
