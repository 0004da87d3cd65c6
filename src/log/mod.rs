//! The record of calls: one line for each, for `ccroute stats`. The shim appends ([`record`]), the
//! commands count ([`read`]).
//!
//! A line is one `write` to a file opened for appending, which the kernel does as a whole: jobs
//! in parallel lose nothing and need no lock. A compile never fails, waits or says a word because
//! of it: where a line cannot be written, there is none.
//!
//! ```text
//! @SECONDS PLACE ACTION CLIENT NAME PROGRAM WHY RULE
//! ```
//!
//! The fields are separated by tabs. What is not plain text is escaped as `\xNN`, and so are `@`
//! and `\`: no name or argument can make a line, or part of one, that this program did not.

pub mod read;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::resource::{getrlimit, Resource};

use crate::decide::{Decision, Outcome};
use crate::os;
use crate::os::meta::Meta;
use crate::request::Place;
use crate::request::Request;
use crate::rules::{LogLevel, LogTo, Origin, Program};
use crate::why::Why;

/// Where a helper records calls. `install --helper` makes the directory, for distccd's user.
pub const HELPER_DIR: &str = "/var/log/ccroute";
/// A helper's record.
pub const HELPER_FILE: &str = "/var/log/ccroute/calls";
/// A user's record, below XDG_STATE_HOME.
const USER_FILE: &str = "ccroute/calls";

/// A file of this size, in bytes, is put away and a new one begun.
pub const SIZE_MAX: u64 = 8 << 20;
/// How many files that were put away are kept: `calls.1`, the youngest, and so on.
const KEPT: u32 = 3;
/// Where a file cannot be put away, it grows no further than this.
const SIZE_STOP: u64 = 2 * SIZE_MAX;

/// The longest field, in bytes as written. A line is below 4096.
const FIELD_MAX: usize = 400;

/// Records a call, as far as the settings want it and the place allows it. `client` is asked only
/// on a helper.
pub fn record(
    settings: &Program,
    request: &Request<'_>,
    decision: &Decision,
    client: impl FnOnce() -> Option<IpAddr>,
) {
    let level = level(request.place, &decision.outcome);
    if settings.log == LogTo::Off || settings.level < level {
        return;
    }
    let path = match &settings.log {
        LogTo::Usual => usual_file(request.place),
        LogTo::File(path) => Some(path.clone()),
        // A helper's refusals are written there in any case.
        LogTo::Syslog if level == LogLevel::Refused && request.place == Place::Helper => return,
        LogTo::Syslog | LogTo::Off => None,
    };
    if is_watched() || (path.is_none() && settings.log != LogTo::Syslog) {
        return;
    }
    let line = || {
        let client = (request.place == Place::Helper).then(client).flatten();
        line(request, decision, client)
    };
    match path {
        // Nobody is told: a compile says nothing but what compilers say.
        Some(path) => drop(append(&path, line)),
        None => os::log(String::from_utf8_lossy(&line()).trim_end()),
    }
}

/// From which level on a call is recorded.
fn level(place: Place, outcome: &Outcome) -> LogLevel {
    match (outcome, place) {
        (Outcome::Refuse(_), _) => LogLevel::Refused,
        (Outcome::Send(_), _) | (Outcome::Run(_), Place::Helper) => LogLevel::Distributed,
        (Outcome::Run(_), Place::Direct | Place::UnderDistcc) => LogLevel::All,
    }
}

/// The file that is written where no rule says another: a helper's own, or the user's. None for
/// a process with more rights than its caller.
pub fn usual_file(place: Place) -> Option<PathBuf> {
    if place == Place::Helper {
        return Some(HELPER_FILE.into());
    }
    if os::is_secure() {
        return None;
    }
    state_home().map(|dir| dir.join(USER_FILE))
}

/// The user's directory for what programs remember (XDG Base Directory Specification 0.8).
fn state_home() -> Option<PathBuf> {
    let absolute = |name: &str| {
        let value = std::env::var_os(name).map(PathBuf::from);
        // A daemon's home is / where it has none.
        value.filter(|dir| dir.is_absolute() && dir != Path::new("/"))
    };
    absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
}

/// Whether Portage's sandbox watches this process: it ends a merge for a write that it does not
/// expect, even one that fails.
pub fn is_watched() -> bool {
    let preloads = std::env::var_os("LD_PRELOAD").unwrap_or_default();
    let sandbox = b"libsandbox";
    std::env::var_os("SANDBOX_ON").is_some()
        || preloads
            .as_bytes()
            .windows(sandbox.len())
            .any(|w| w == sandbox)
}

/// A call's line, with its end.
fn line(request: &Request<'_>, decision: &Decision, client: Option<IpAddr>) -> Vec<u8> {
    let place: &[u8] = match request.place {
        Place::Direct => b"direct",
        Place::UnderDistcc => b"under-distcc",
        Place::Helper => b"helper",
    };
    let (action, program): (&[u8], Option<&Path>) = match &decision.outcome {
        Outcome::Run(run) => (b"run", Some(&run.compiler)),
        Outcome::Send(send) => (b"send", Some(&send.launcher)),
        Outcome::Refuse(_) => (b"refuse", None),
    };
    let why = match (request.place, &decision.outcome) {
        (Place::UnderDistcc, Outcome::Run(_)) if request.job.preprocesses => Why::Preprocessing,
        (Place::UnderDistcc, Outcome::Run(_)) if request.job.compiles => Why::LocalAfterAll,
        _ => decision.why,
    };
    let seconds = os::now();
    let client = client.map_or_else(String::new, |a| a.to_string());
    let name = request.name.to_string();
    let rule = rule(decision).map_or_else(String::new, ToString::to_string);
    let program = program.map_or(&b""[..], |p| p.as_os_str().as_bytes());
    let mut line = Vec::with_capacity(256);
    let _ = write!(line, "@{seconds}");
    for field in [
        place,
        action,
        client.as_bytes(),
        name.as_bytes(),
        program,
        why.code().as_bytes(),
        rule.as_bytes(),
    ] {
        line.push(b'\t');
        escape(field, &mut line);
    }
    line.push(b'\n');
    line
}

/// The line of the rules that settled the call: the last that is named.
fn rule(decision: &Decision) -> Option<&Origin> {
    let refused = match &decision.outcome {
        Outcome::Refuse(refused) => refused.why.origin(),
        Outcome::Run(_) | Outcome::Send(_) => None,
    };
    let from_file = |o: &&Origin| matches!(o, Origin::File { .. });
    let mut named = decision
        .reasons
        .iter()
        .rev()
        .filter_map(|r| r.origin.as_ref());
    refused.or_else(|| named.find(from_file))
}

/// Appends a field: plain text as it is, the rest as `\xNN`, cut where it is long.
fn escape(field: &[u8], to: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let end = to.len() + FIELD_MAX;
    for &b in field {
        if to.len() + 4 > end {
            break;
        }
        match b {
            b'@' | b'\\' | 0..=0x1f | 0x7f.. => to.extend_from_slice(&[
                b'\\',
                b'x',
                HEX[usize::from(b >> 4)],
                HEX[usize::from(b & 15)],
            ]),
            _ => to.push(b),
        }
    }
}

/// Appends one line to a file of this user's or root's. The line is not asked for where there is no
/// such file.
///
/// # Errors
/// It cannot be opened or written, is not trusted, or is full.
fn append(path: &Path, line: impl FnOnce() -> Vec<u8>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).mode(0o644);
    // Neither through a link nor waiting for the reader of a pipe.
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(path)?;
            options.create(true).open(path)?
        }
        opened => opened?,
    };
    let meta = Meta::of_open(&file)?;
    // A second name would be another file, that someone wants to see filled.
    let ours = meta.is_file() && meta.links() <= 1 && os::trusted::is_trusted_owner(meta.uid());
    if !ours {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    if meta.size() >= SIZE_MAX {
        put_away(path, &file, &meta);
        if meta.size() >= SIZE_STOP {
            return Err(io::ErrorKind::StorageFull.into());
        }
    }
    let line = line();
    // A write beyond the limit would be a signal's death.
    let (limit, _) = getrlimit(Resource::RLIMIT_FSIZE)?;
    #[allow(clippy::useless_conversion)] // Narrower on 32-bit systems.
    let room = u64::from(limit).saturating_sub(meta.size());
    if room < 2 * line.len() as u64 {
        return Err(io::ErrorKind::StorageFull.into());
    }
    // One write: another's line never comes in between. What is not written of it is passed over
    // by the reader.
    (&file).write(&line).map(drop)?;
    // The exec or the exit that follows closes it.
    let _ = file.into_raw_fd();
    Ok(())
}

/// Makes the directory of a user's record, if the user's home is there and the user's own. Others
/// are made by who administers the machine.
fn make_directory(path: &Path) -> io::Result<()> {
    let Some(dir) = path.parent().filter(|dir| !dir.is_dir()) else {
        return Ok(());
    };
    let usual = usual_file(Place::Direct);
    let homes = ["XDG_STATE_HOME", "HOME"]
        .into_iter()
        .filter_map(std::env::var_os);
    let mut homes = homes.filter(|home| dir.starts_with(home));
    let me = nix::unistd::geteuid().as_raw();
    let mine = homes.any(|home| Meta::of(Path::new(&home)).is_ok_and(|m| m.uid() == me));
    if usual.as_deref() != Some(path) || !mine {
        return Err(io::ErrorKind::NotFound.into());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Renames a full file, and those before it. Nothing is lost by it, whoever else writes: a line
/// goes into the file that was opened, under whatever name. Only who holds the lock of the file that
/// stands at `path` renames.
fn put_away(path: &Path, file: &File, meta: &Meta) {
    let Ok(file) = file.try_clone() else { return };
    let Ok(_locked) = Flock::lock(file, FlockArg::LockExclusiveNonblock) else {
        return;
    };
    if !Meta::of_link(path).is_ok_and(|m| m.id() == meta.id()) {
        return;
    }
    for number in (1..KEPT).rev() {
        let _ = fs::rename(numbered(path, number), numbered(path, number + 1));
    }
    let _ = fs::rename(path, numbered(path, 1));
}

/// A record's files, the youngest first: the one that is written, and those that were put away.
pub fn files(path: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    std::iter::once(path.to_path_buf()).chain((1..=KEPT).map(|number| numbered(path, number)))
}

/// The name of a file that was put away.
fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_field_whatever_is_in_it() {
        let mut to = Vec::new();
        escape(b"a\tb\n@c\\\x1b[31m\xff", &mut to);
        assert_eq!(to, br"a\x09b\x0a\x40c\x5c\x1b[31m\xff");
        to.clear();
        escape(&[b'\n'; 5000], &mut to);
        assert!(to.len() <= FIELD_MAX);
    }

    #[test]
    fn only_who_holds_the_file_that_stands_there_puts_it_away() {
        let dir = std::env::temp_dir().join(format!("ccroute-away-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("calls");
        let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap_or_default();
        let open = || {
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(&path)
                .unwrap();
            let meta = Meta::of_open(&file).unwrap();
            (file, meta)
        };
        fs::write(&path, "full\n").unwrap();
        let (first, meta) = open();
        let (second, _) = open();
        // Another call is about to do it.
        let lock = Flock::lock(second.try_clone().unwrap(), FlockArg::LockExclusive).unwrap();
        put_away(&path, &first, &meta);
        assert_eq!(
            (text("calls"), text("calls.1")),
            ("full\n".into(), String::new())
        );
        drop(lock);
        put_away(&path, &second, &meta);
        drop(second);
        fs::write(&path, "new\n").unwrap();
        // What it holds open is another file by now.
        put_away(&path, &first, &meta);
        assert_eq!(
            (text("calls"), text("calls.1")),
            ("new\n".into(), "full\n".into())
        );
        assert_eq!(text("calls.2"), "");
        let (third, meta) = open();
        put_away(&path, &third, &meta);
        assert_eq!(
            (text("calls.1"), text("calls.2")),
            ("new\n".into(), "full\n".into())
        );
        fs::remove_dir_all(dir).unwrap();
    }
}
