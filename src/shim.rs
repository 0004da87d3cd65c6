//! The shim's path, from top to bottom: request, rules, decision, exec.

use std::ffi::OsStr;

use crate::calls;
use crate::decide::{decide, sections_asked, COMPILER};
use crate::exec;
use crate::exit::Exit;
use crate::request::{Passed, Request, PASSED, SAFEGUARD};
use crate::rules::{matching::RuleSet, sieve::load_for, Place};
use crate::sys;
use crate::world::{self, World};

/// Serves one invocation under a compiler's name. Returns only if nothing took the process over.
pub fn main(called: &OsStr, args: &[&OsStr]) -> Exit {
    let safeguard = std::env::var_os(SAFEGUARD).is_some();
    let passed = Passed::parse(&std::env::var_os(PASSED).unwrap_or_default());
    let request = match Request::new(called, args, safeguard, passed, sys::parent_name) {
        Ok(request) => request,
        Err(error) => {
            exec::say(&error.to_string(), Place::Direct);
            return if safeguard {
                Exit::Refused
            } else {
                Exit::NotFound
            };
        }
    };
    let loaded = load_for(&world::rules_directories(), sections_asked(&request));
    let parsed = loaded.as_ref().map(|texts| RuleSet::parse(texts));
    let rules = match parsed {
        Ok(Ok(rules)) => rules,
        Ok(Err(error)) => return bad_rules(&request, &error),
        Err(error) => return bad_rules(&request, &error),
    };
    let this = world::this_file();
    let passed_on = std::env::var_os(COMPILER);
    let world = World::new(&request, &world::path_variable(), this).with_compiler(
        called,
        passed_on,
        request.place,
    );
    let decision = decide(&request, &rules, &world);
    let log = rules.program();
    calls::record(&log, &request, &decision, || {
        world.client_seen().or_else(sys::first_peer)
    });
    exec::carry_out(&decision, &request, this, &log.log)
}

fn bad_rules(request: &Request<'_>, error: &dyn std::fmt::Display) -> Exit {
    exec::say(&format!("{}: {error}", request.name), request.place);
    Exit::Rules
}
