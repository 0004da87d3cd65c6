//! Carries a Decision out: becomes the compiler or the launcher, or refuses in one line.

use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;

use crate::decide::{Confine, Decision, Outcome, Refused, Run, Send};
use crate::exit::Exit;
use crate::helper::sandbox::{self, Policy, SandboxError};
use crate::os;
use crate::os::FileId;
use crate::request::Place;
use crate::request::{Request, PASSED};
use crate::rules::{LogTo, OnRefuse};

/// Carries a decision out. Returns, with the code to exit with, only where no other program took
/// this process over.
pub fn carry_out(
    decision: &Decision,
    request: &Request<'_>,
    this: Option<FileId>,
    log: &LogTo,
) -> Exit {
    let passed = request.passed.with(this.unwrap_or_default());
    let passed = (PASSED, passed.as_ref());
    match &decision.outcome {
        Outcome::Run(run) => become_compiler(run, request, passed),
        Outcome::Send(send) => become_launcher(send, request, passed),
        Outcome::Refuse(refused) => refuse(refused, request, log),
    }
}

fn become_compiler(run: &Run, request: &Request<'_>, passed: (&str, &OsStr)) -> Exit {
    if let Some(confine) = &run.confine {
        if let Err(error) = confine_to_job(confine, run) {
            say(&format!("{}: {error}", request.name), request.place);
            return Exit::Refused;
        }
    }
    if run.close_leaked {
        os::close_leaked();
    }
    let error = os::exec(&run.compiler, &run.args, &[passed]);
    cannot_run(&run.compiler.display().to_string(), &error, request)
}

/// Puts this process where the compiler may do no more than compile.
fn confine_to_job(confine: &Confine, run: &Run) -> Result<(), SandboxError> {
    if !confine.sandbox {
        return confine.limits.apply();
    }
    let temporary = std::env::var_os("TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let mut policy = Policy::for_job(&confine.job, &run.compiler, &confine.toolchain, &temporary);
    policy.limits = confine.limits;
    sandbox::apply(&policy).map(|_| ())
}

fn become_launcher(send: &Send, request: &Request<'_>, passed: (&str, &OsStr)) -> Exit {
    let mut env = vec![passed];
    env.extend(
        send.env
            .iter()
            .map(|(name, value)| (*name, value.as_os_str())),
    );
    let error = os::exec(&send.launcher, &send.args, &env);
    cannot_run(&send.launcher.display().to_string(), &error, request)
}

fn cannot_run(program: &str, error: &io::Error, request: &Request<'_>) -> Exit {
    let what = match error.raw_os_error() {
        Some(libc::E2BIG) => "the arguments are too long for the kernel: ",
        Some(libc::ENOEXEC) => "not a program for this machine: ",
        _ => "",
    };
    say(
        &format!("{}: cannot run {program}: {what}{error}", request.name),
        request.place,
    );
    match error.kind() {
        io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::CannotRun,
    }
}

fn refuse(refused: &Refused, request: &Request<'_>, log: &LogTo) -> Exit {
    let text = format!("{}: {}", request.name, refused.why);
    show(&text, request.place);
    // The system log is for who runs a helper, and `log = off` is for who wants none.
    if request.place == Place::Helper && *log != LogTo::Off {
        os::log(&text);
    }
    if request.place == Place::Helper && refused.way == OnRefuse::Elsewhere {
        if let Some(peer) = os::peer() {
            os::hang_up(peer);
        }
    }
    refused.exit(request.place)
}

/// One line for whoever has to act; on a helper to the system log as well.
pub fn say(text: &str, place: Place) {
    show(text, place);
    if place == Place::Helper {
        os::log(text);
    }
}

/// One line on standard error. On a helper it goes to standard output too, the only thing that
/// distcc lets through to the user.
fn show(text: &str, place: Place) {
    let line = match place {
        Place::Helper => format!("ccroute on the helper: {text}\n"),
        Place::Direct | Place::UnderDistcc => format!("ccroute: {text}\n"),
    };
    os::write_all(2, line.as_bytes());
    if place == Place::Helper {
        os::write_all(1, line.as_bytes());
    }
}
