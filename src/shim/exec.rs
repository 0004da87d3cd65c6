//! Carries a Decision out: becomes the compiler or the launcher, supervises a contained compile, or refuses in
//! one line.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use crate::compiler::record::{self, Stat};
use crate::compiler::toolchain::Toolchain;
use crate::decide::{Confine, Decision, Outcome, Refused, Run, Send};
use crate::exit::Exit;
use crate::helper::private::{discard, Delivery, Private, Redirected};
use crate::helper::sandbox::{self, Kernel, Policy};
use crate::helper::supervisor::{Ended, Supervisor};
use crate::os;
use crate::os::meta::Meta;
use crate::os::process;
use crate::os::FileId;
use crate::request::Place;
use crate::request::{Request, PASSED, SAFEGUARD};
use crate::rules::{LogTo, OnRefuse, Sandbox};
use crate::shim::host::facts_file;
use crate::shim::preprocess::preprocess;

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
        Outcome::Run(run) => become_compiler(run, request, this, passed),
        Outcome::Send(send) => become_launcher(send, request, passed),
        Outcome::Refuse(refused) => refuse(refused, request, log),
    }
}

fn become_compiler(
    run: &Run,
    request: &Request<'_>,
    this: Option<FileId>,
    passed: (&str, &OsStr),
) -> Exit {
    if run.close_leaked {
        os::close_leaked();
    }
    if run.examine {
        return match preprocess(run, request, passed) {
            Ok(exit) => exit,
            Err(error) => cannot_run(&run.compiler.display().to_string(), &error, request),
        };
    }
    if let Some(confine) = &run.confine {
        if let Err(error) = confine.limits.apply() {
            return cannot_contain(request, &error);
        }
        if confine.sandbox != Sandbox::No {
            let lacks = || !Kernel::running().missing().is_empty();
            if confine.sandbox == Sandbox::Require && lacks() {
                let why = "this helper's kernel lacks a part of the sandbox (rule: sandbox = require); see ccroute check";
                return cannot_contain(request, &why);
            }
            return supervise(run, confine, request, passed);
        }
    }
    let path = this
        .filter(|id| request.passed.0.contains(id))
        .and_then(|id| path_without(id, &request.name.to_string()));
    let mut set = vec![passed];
    set.extend(path.as_deref().map(|path| ("PATH", path)));
    let error = os::exec(&run.compiler, &run.args, &set, &|_| true);
    cannot_run(&run.compiler.display().to_string(), &error, request)
}

/// PATH without the directories in which this file has the compiler's name. What was run as the compiler found this
/// file again (a copy of ccache called gcc does), and would for ever.
fn path_without(this: FileId, name: &str) -> Option<OsString> {
    let path = std::env::var_os("PATH")?;
    let is_this = |dir: &Path| Meta::of(&dir.join(name)).is_ok_and(|m| m.id() == this);
    let kept = std::env::split_paths(&path).filter(|dir| !is_this(dir));
    std::env::join_paths(kept).ok()
}

/// What the compiler runs and reads, as recorded or else as its path says.
fn toolchain(compiler: &Path) -> Toolchain {
    let recorded = || {
        let records = record::read(&facts_file()).ok().flatten()?;
        let record = record::lookup(&records, compiler, &Stat::of(compiler).ok()?)?;
        record.toolchain()
    };
    recorded().unwrap_or_else(|| Toolchain::of_path(compiler))
}

/// Runs a client's compile in its sandbox, below this process, and ends as it ended. Returns only if it
/// could not be run.
fn supervise(run: &Run, confine: &Confine, request: &Request<'_>, passed: (&str, &OsStr)) -> Exit {
    // Before there is anything that a signal could leave behind.
    let supervisor = match Supervisor::new() {
        Ok(supervisor) => supervisor,
        Err(error) => return cannot_contain(request, &error),
    };
    // Beside the object, so that it can be moved there without copying.
    let parent = confine.job.output.as_deref().and_then(Path::parent);
    let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
    let private = match Private::new(&parent) {
        Ok(private) => private,
        Err(error) => {
            let why = format!("cannot make a directory in {}: {error}", parent.display());
            return cannot_contain(request, &why);
        }
    };
    let redirected = Redirected::new(&run.args, &confine.job, private.path());
    let policy = Policy::for_job(&confine.job, toolchain(&run.compiler), private.path());
    let set = [("TMPDIR", private.path().as_os_str()), passed];
    let ended = supervisor.run(confine.limits.wall_clock(), || {
        if let Err(error) = sandbox::apply(&policy) {
            return cannot_contain(request, &error);
        }
        let keep = |name: &[u8]| is_kept(name, &confine.environment);
        let error = os::exec(&run.compiler, &redirected.args, &set, &keep);
        cannot_run(&run.compiler.display().to_string(), &error, request)
    });
    let ended = match ended {
        Ok(ended) => ended,
        Err(error) => {
            private.remove();
            let why =
                format!("cannot start a process: {error}: run fewer jobs at once (distccd --jobs)");
            return cannot_contain(request, &why);
        }
    };
    let delivery = match ended {
        Ended::Exited(0) => redirected.deliver(),
        _ => Delivery::NotWanted,
    };
    if matches!(ended, Ended::Told(_)) && supervisor.is_orphan() {
        discard(&confine.job);
    }
    private.remove();
    let tell = |what: &str| say(&format!("{}: {what}", request.name), request.place);
    if let Some(limit) = confine.limits.reached(ended) {
        tell(&format!("refused: the job takes more than {limit}"));
        return Exit::Refused;
    }
    match ended {
        Ended::Exited(0) if delivery == Delivery::NoObject => {
            tell("the compiler made no object");
            Exit::NoObject
        }
        Ended::Exited(code) => process::exit_now(code),
        Ended::Killed(signal) | Ended::Told(signal) => process::end_by(signal),
        // A limit, see above.
        Ended::TooLong => Exit::Refused,
    }
}

/// Variables that a contained compiler keeps besides those of `LC_*` and those that a rule names.
/// A shim that a script calls has to know that it is on a helper.
const KEPT: &[&str] = &["PATH", "HOME", "LANG", "TZ", "LD_LIBRARY_PATH", SAFEGUARD];

fn is_kept(name: &[u8], by_rule: &[String]) -> bool {
    let named = || by_rule.iter().any(|n| n.as_bytes() == name);
    KEPT.iter().any(|k| k.as_bytes() == name) || name.starts_with(b"LC_") || named()
}

/// Nothing runs uncontained because containing it failed.
fn cannot_contain(request: &Request<'_>, error: &dyn std::fmt::Display) -> Exit {
    let text = format!("{}: refused: {error}", request.name);
    say(&text, request.place);
    Exit::Refused
}

fn become_launcher(send: &Send, request: &Request<'_>, passed: (&str, &OsStr)) -> Exit {
    let mut env = vec![passed];
    env.extend(
        send.env
            .iter()
            .map(|(name, value)| (*name, value.as_os_str())),
    );
    let error = os::exec(&send.launcher, &send.args, &env, &|_| true);
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
        log_line(&text);
    }
    if request.place == Place::Helper && refused.way == OnRefuse::Elsewhere {
        if let Some(peer) = os::peer() {
            os::hang_up(peer);
        }
    }
    refused.exit(request.place)
}

/// Says something to the user who has to act; on a helper to the system log as well.
pub fn say(text: &str, place: Place) {
    show(text, place);
    if place == Place::Helper {
        log_line(text);
    }
}

/// Sends a text to the system log, which has lines.
fn log_line(text: &str) {
    os::log(&printable(text).replace(COMMAND, " mkdir "));
}

/// What begins the lines of a proposed command (`decide::AddRule`).
const COMMAND: &str = "\n  mkdir ";

/// A text without what could move a terminal, because parts of it are a client's or a caller's words; only
/// proposed commands have lines of their own.
fn printable(text: &str) -> String {
    let parts = text
        .split(COMMAND)
        .map(|part| os::printable(part.as_bytes()).to_string());
    parts.collect::<Vec<_>>().join(COMMAND)
}

/// Shows a text on standard error; on a helper on standard output, the only stream that distcc passes
/// on in every case. On both, the user would see it twice.
fn show(text: &str, place: Place) {
    let text = printable(text);
    match place {
        Place::Helper => os::write_all(1, format!("ccroute on the helper: {text}\n").as_bytes()),
        Place::Direct | Place::UnderDistcc => {
            os::write_all(2, format!("ccroute: {text}\n").as_bytes());
        }
    }
}
