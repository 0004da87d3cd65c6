//! The guard: for a while, a helper refuses to compile for its own machine. It is a file that only
//! root can make, with a deadline on the boot-time clock and the boot's identity, so that setting
//! the clock changes nothing and a reboot ends it. Nothing needs cleaning up after a crash.

use std::fs;
use std::io;
use std::path::Path;

use crate::os;
use crate::os::meta::Meta;

/// Where the guard lives.
pub const GUARD_FILE: &str = "/run/ccroute/guard";

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The longest guard, in seconds: a day. Longer is not a temporary refusal but a rule.
pub const LONGEST: u64 = 24 * 60 * 60;

/// How many seconds the guard at `file` still lasts. A file that others than root could have
/// written, of another boot, or that cannot be read as a guard, is none.
pub fn remaining(file: &Path) -> Option<u64> {
    let meta = Meta::of_link(file).ok()?;
    if !meta.is_file() || os::trusted::by_root(&meta).is_err() {
        return None;
    }
    let text = fs::read_to_string(file).ok()?;
    let (deadline, boot) = text.trim_end().split_once(' ')?;
    if boot != boot_id()? {
        return None;
    }
    let deadline: u64 = deadline.parse().ok()?;
    let left = deadline.checked_sub(os::boot_seconds())?;
    (left > 0 && left <= LONGEST).then_some(left)
}

/// Turns the guard on for `seconds` (at most [`LONGEST`]).
///
/// # Errors
/// The file cannot be written.
pub fn turn_on(file: &Path, seconds: u64) -> io::Result<()> {
    let deadline = os::boot_seconds() + seconds.min(LONGEST);
    let boot = boot_id().ok_or_else(|| io::Error::other(format!("cannot read {BOOT_ID}")))?;
    if let Some(dir) = file.parent() {
        fs::create_dir_all(dir)?;
    }
    os::replace::file(file, format!("{deadline} {boot}\n").as_bytes(), 0o644)
}

/// Turns the guard off. `false`: it was not on.
///
/// # Errors
/// The file cannot be removed.
pub fn turn_off(file: &Path) -> io::Result<bool> {
    let was_on = remaining(file).is_some();
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(was_on),
    }
}

fn boot_id() -> Option<String> {
    let text = fs::read_to_string(BOOT_ID).ok()?;
    Some(text.trim_end().to_owned())
}
