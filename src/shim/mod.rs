//! The shim's path, from top to bottom: request, rules, decision, exec.

pub mod exec;
pub mod host;
mod launch;
mod preprocess;

pub use launch::launch;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::client::macros::ADDED;
use crate::decide::{decide, Facts, COMPILER};
use crate::exit::Exit;
use crate::helper::limits::OwnWork;
use crate::log;
use crate::os;
use crate::request::Place;
use crate::request::{Passed, Request, PASSED, SAFEGUARD};
use crate::rules::{load::load, matching::RuleSet};
use host::Host;

/// What the program is, by the name that it was called by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called<'a> {
    /// The command line, with its arguments.
    Commands(&'a [&'a OsStr]),
    /// A launcher, with the words behind its name.
    Launcher(&'a [&'a OsStr]),
    /// A compiler by this name or path, with its arguments.
    Compiler(&'a OsStr, &'a [&'a OsStr]),
}

/// Reads what a process was called by: its own name is the command line, `ccroute-run` a launcher that
/// is given the compiler as its first argument, any other name a compiler's.
pub fn called<'a>(arguments: &'a [&'static OsStr]) -> Called<'a> {
    let (mut name, rest) = arguments
        .split_first()
        .map_or((OsStr::new(""), arguments), |(n, r)| (*n, r));
    if name.is_empty() {
        name = os::executed_path().unwrap_or_default();
    }
    let base = name.as_bytes().rsplit(|&b| b == b'/').next();
    match (base, rest) {
        (Some(b"ccroute"), _) => Called::Commands(rest),
        (Some(b"ccroute-run"), _) => Called::Launcher(rest),
        _ => Called::Compiler(name, rest),
    }
}

/// Serves one invocation under a compiler's name. Returns only if nothing took the process over.
pub fn main(called: &OsStr, args: &[&OsStr]) -> Exit {
    let executed = os::executed_path().map(Path::new);
    let through = executed.and_then(Path::parent);
    serve(called, args, through)
}

/// The same; `through` is the directory in which the kernel found the name, if the name was executed.
fn serve(called: &OsStr, args: &[&OsStr], through: Option<&Path>) -> Exit {
    let safeguard = std::env::var_os(SAFEGUARD).is_some();
    // Words, paths and source of a job are a client's choice.
    let own_work = safeguard.then(OwnWork::begin);
    let passed = Passed::parse(&std::env::var_os(PASSED).unwrap_or_default());
    let mut request = match Request::new(called, args, safeguard, passed, os::parent_name) {
        Ok(request) => request.with_added(added()),
        Err(error) => {
            exec::say(&error.to_string(), Place::Direct);
            return if safeguard {
                Exit::Refused
            } else {
                Exit::NotFound
            };
        }
    };
    request.steered_by = host::steering_variable();
    let this = host::this_file();
    let passed_on = std::env::var_os(COMPILER);
    let mut host = Host::new(&request, &host::path_variable(), this).with_compiler(
        called,
        passed_on,
        request.place,
    );
    if let Some(through) = through {
        host = host.called_through(through);
    }
    let loaded = load(&host::rules_directories());
    let parsed = loaded.as_ref().map(|texts| RuleSet::parse(texts));
    let rules = match parsed {
        Ok(Ok(rules)) => rules,
        Ok(Err(error)) => return bad_rules(&request, &error),
        Err(error) => return bad_rules(&request, &error),
    };
    let decision = decide(&request, &rules, &host);
    let log = rules.program();
    log::record(&log, &request, &decision, || host.client());
    if let Some(own_work) = own_work {
        own_work.end();
    }
    exec::carry_out(&decision, &request, this, &log.log)
}

/// How many words ccroute put before this job's arguments: see [`ADDED`].
fn added() -> usize {
    let text = std::env::var(ADDED).ok();
    text.and_then(|t| t.parse().ok()).unwrap_or(0)
}

fn bad_rules(request: &Request<'_>, error: &dyn std::fmt::Display) -> Exit {
    exec::say(&format!("{}: {error}", request.name), request.place);
    Exit::Rules
}
