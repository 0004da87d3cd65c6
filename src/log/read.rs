//! Reads the record of calls. What is read is somebody's text: nothing in it is trusted but to be
//! counted, and what is not of the form is counted as such.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::why::Why;

/// The longest line that is looked at, in bytes.
const LINE_MAX: u64 = 4096;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// On a helper: given to a compiler, for a client.
    Routed,
    /// On a client: given to the launcher.
    Sent,
    /// On a client: compiled here.
    Local,
    /// On a client: what the launcher has done here, such as preprocessing.
    ForLauncher,
    Refused,
}

impl Action {
    /// All of them, in the order of reports.
    pub const ALL: [Action; 5] = [
        Action::Routed,
        Action::Sent,
        Action::Local,
        Action::ForLauncher,
        Action::Refused,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Action::Routed => "routed",
            Action::Sent => "sent",
            Action::Local => "run locally",
            Action::ForLauncher => "run for the launcher",
            Action::Refused => "refused",
        }
    }
}

/// A call as recorded, its texts as written (plain ASCII, the rest escaped).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// Since 1970.
    pub seconds: i64,
    pub action: Action,
    /// Empty where there is none or it was not known.
    pub client: &'a str,
    pub name: &'a str,
    /// The compiler or launcher; empty for a refusal.
    pub program: &'a str,
    pub why: Why,
    /// `FILE:LINE`, or empty.
    pub rule: &'a str,
}

impl<'a> Call<'a> {
    /// Reads a line. A disk that was full may have left a part of another in front of it.
    pub fn parse(line: &'a [u8]) -> Option<Call<'a>> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let start = line.iter().rposition(|&b| b == b'@')? + 1;
        let line = &line[start..];
        if line
            .iter()
            .any(|&b| !(b' '..=b'~').contains(&b) && b != b'\t')
        {
            return None;
        }
        let mut fields = std::str::from_utf8(line).ok()?.split('\t');
        let seconds = fields.next()?.parse().ok()?;
        let (place, action) = (fields.next()?, fields.next()?);
        let call = Call {
            seconds,
            action: match (place, action) {
                ("direct" | "under-distcc" | "helper", "refuse") => Action::Refused,
                ("helper", "run") => Action::Routed,
                ("direct", "send") => Action::Sent,
                ("direct", "run") => Action::Local,
                ("under-distcc", "run") => Action::ForLauncher,
                _ => return None,
            },
            client: fields.next()?,
            name: fields.next()?,
            program: fields.next()?,
            why: Why::read(fields.next()?)?,
            rule: fields.next()?,
        };
        fields.next().is_none().then_some(call)
    }
}

/// Tells every call of a record, the files that were put away included, oldest file first. Gives
/// the number of lines that are none.
///
/// # Errors
/// A file is there and cannot be read, or is no regular file.
pub fn each(path: &Path, tell: &mut dyn FnMut(&Call<'_>)) -> io::Result<u64> {
    // Opened from the youngest on, so that none slips through while they are being renamed.
    // Renamed meanwhile, one may be met again under its next name.
    let mut files: Vec<(File, (u64, u64))> = Vec::new();
    for name in super::files(path) {
        match open(&name) {
            Ok(found) if files.iter().any(|(_, id)| *id == found.1) => {}
            Ok(found) => files.push(found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    let mut unread = 0;
    for (file, _) in files.into_iter().rev() {
        unread += each_line(BufReader::new(file), tell)?;
    }
    Ok(unread)
}

fn each_line(mut from: impl BufRead, tell: &mut dyn FnMut(&Call<'_>)) -> io::Result<u64> {
    let mut line = Vec::new();
    let mut unread = 0;
    loop {
        line.clear();
        if from.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(unread);
        }
        match Call::parse(&line) {
            Some(call) if line.ends_with(b"\n") => tell(&call),
            _ => unread += 1,
        }
    }
}

fn open(path: &Path) -> io::Result<(File, (u64, u64))> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    let meta = file.metadata()?;
    match meta.is_file() {
        true => Ok((file, (meta.dev(), meta.ino()))),
        false => Err(io::Error::other("no regular file")),
    }
}

/// Removes a record and what was put away of it. `false`: there was none.
///
/// # Errors
/// A file cannot be removed.
pub fn reset(path: &Path) -> io::Result<bool> {
    let mut was = false;
    // The youngest first: without it nothing is renamed meanwhile.
    for name in super::files(path) {
        match std::fs::remove_file(name) {
            Ok(()) => was = true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(was)
}

/// Removes a user's record with the directories that were made for it, as far as they are empty.
/// `false`: there was none.
///
/// # Errors
/// A file cannot be removed.
pub fn forget(path: &Path) -> io::Result<bool> {
    let was = reset(path)?;
    // .local/state/ccroute, or what XDG_STATE_HOME has in the place of the first two.
    for dir in path.ancestors().skip(1).take(if was { 3 } else { 0 }) {
        if std::fs::remove_dir(dir).is_err() {
            break;
        }
    }
    Ok(was)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] =
        b"@1700000000\thelper\trun\t192.168.1.20\tgcc\t/usr/bin/x-gcc\trenamed-by-rule\t/r:3\n";

    fn all(text: &[u8]) -> (Vec<String>, u64) {
        let mut names = Vec::new();
        let unread = each_line(text, &mut |call| names.push(call.name.to_owned())).unwrap();
        (names, unread)
    }

    #[test]
    fn a_line_is_read_whole_or_not_at_all() {
        let call = Call::parse(LINE).unwrap();
        assert_eq!(call.seconds, 1_700_000_000);
        assert_eq!((call.action, call.client), (Action::Routed, "192.168.1.20"));
        assert_eq!((call.why, call.rule), (Why::RenamedByRule, "/r:3"));
        for end in 0..LINE.len() - 4 {
            let (names, unread) = all(&LINE[..end]);
            assert!(names.is_empty() && unread <= 1, "{end}");
        }
        let more = [&LINE[..LINE.len() - 1], b"\tmore\n"].concat();
        assert_eq!(Call::parse(&more), None);
        let by_name = |action| format!("@1\thelper\t{action}\t\tgcc\t\tby-name\t\n");
        assert!(Call::parse(by_name("run").as_bytes()).is_some());
        assert_eq!(Call::parse(by_name("send").as_bytes()), None);
        assert_eq!(Call::parse(b"@1\thelper\trun\t\tgcc\t\tbecause\t\n"), None);
        assert_eq!(
            Call::parse(b"@1\thelper\trun\t\tg\x1bc\t\tby-name\t\n"),
            None
        );
    }

    #[test]
    fn what_a_full_disk_left_of_a_line_hides_no_other() {
        let torn = [&LINE[..20], LINE, b"junk\n", LINE].concat();
        assert_eq!(all(&torn), (vec!["gcc".into(), "gcc".into()], 1));
        let endless = [&[b'x'; 100_000][..], b"\n", LINE].concat();
        assert_eq!(all(&endless).0, ["gcc"]);
    }
}
