//! The distccd processes of this machine: with which options and variables, as whom, since when.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::access::User;

/// A running distccd; not its workers.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    pub(super) id: u32,
    pub(super) user: User,
    pub(super) options: Vec<String>,
    /// `None` where this user may not read it.
    variables: Option<BTreeMap<String, String>>,
    /// Seconds since 1970.
    pub(super) started: Option<i64>,
}

impl Daemon {
    /// Those that run here, or only the one with this id.
    pub(super) fn running(only: Option<u32>) -> Vec<Daemon> {
        let all = fs::read_dir("/proc").into_iter().flatten().flatten();
        let ids = all.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
        ids.filter(|id| only.is_none_or(|o| o == *id))
            .filter_map(Daemon::of)
            .collect()
    }

    fn of(id: u32) -> Option<Daemon> {
        let status = Status::of(id).filter(|s| s.name == "distccd")?;
        // A worker is the child of another.
        if Status::of(status.parent).is_some_and(|p| p.name == "distccd") {
            return None;
        }
        let list = |name: &str| -> Option<Vec<String>> {
            let bytes = fs::read(format!("/proc/{id}/{name}")).ok()?;
            let texts = bytes.split(|&b| b == 0).filter(|t| !t.is_empty());
            Some(
                texts
                    .map(|t| String::from_utf8_lossy(t).into_owned())
                    .collect(),
            )
        };
        let variables = list("environ").map(|texts| {
            let pairs = texts.iter().filter_map(|t| t.split_once('='));
            pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
        });
        Some(Daemon {
            id,
            user: status.user,
            // That of a process that has ended, and that nobody has waited for, is empty.
            options: list("cmdline")?.get(1..)?.to_vec(),
            variables,
            started: started(id),
        })
    }

    /// A variable that it was started with.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        self.variables.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether its variables can be read.
    pub(super) fn is_readable(&self) -> bool {
        self.variables.is_some()
    }

    /// Where its jobs look for compilers.
    pub(super) fn path(&self) -> Vec<PathBuf> {
        let path = self.variable("DISTCCD_PATH").or(self.variable("PATH"));
        std::env::split_paths(path.unwrap_or_default()).collect()
    }

    /// Whether it was started with one of these options.
    pub(super) fn has(&self, options: &[&str]) -> bool {
        self.options.iter().any(|o| options.contains(&o.as_str()))
    }

    /// The values of options of these names, joined by `=` or as the next word.
    pub(super) fn values(&self, names: &[&str]) -> Vec<&str> {
        let mut values = Vec::new();
        let mut options = self.options.iter().map(String::as_str);
        while let Some(option) = options.next() {
            match option.split_once('=') {
                Some((name, value)) if names.contains(&name) => values.push(value),
                None if names.contains(&option) => values.extend(options.next()),
                _ => {}
            }
        }
        values
    }

    /// Whether a file was changed after this distccd was started. Its start is known to a second.
    pub(super) fn is_older_than(&self, file: &std::path::Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let changed = fs::metadata(file).map(|m| m.mtime());
        self.started
            .zip(changed.ok())
            .is_some_and(|(started, changed)| changed > started + 1)
    }

    /// A file as this process sees it, which may have another file system.
    pub(super) fn its(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.id))
    }
}

/// What the kernel says of a process.
struct Status {
    name: String,
    parent: u32,
    user: User,
}

impl Status {
    fn of(id: u32) -> Option<Status> {
        let text = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let field = |name: &str| {
            let mut lines = text.lines().filter_map(|l| l.split_once(':'));
            lines.find(|(n, _)| *n == name).map(|(_, v)| v.trim())
        };
        let numbers = |name: &str| -> Vec<u32> {
            let words = field(name).unwrap_or_default().split_ascii_whitespace();
            words.filter_map(|w| w.parse().ok()).collect()
        };
        // Real, effective, saved, of files: files are opened by the last.
        let mut gids = numbers("Groups");
        gids.extend(numbers("Gid").get(3));
        Some(Status {
            name: field("Name")?.to_owned(),
            parent: field("PPid")?.parse().ok()?,
            user: User {
                uid: *numbers("Uid").get(3)?,
                gids,
            },
        })
    }
}

/// When a process was started, by the clock on the wall.
fn started(id: u32) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The second field is the name in parentheses, and may hold anything; the 22nd is the time.
    let rest = stat.rsplit_once(')')?.1;
    let ticks: i64 = rest.split_ascii_whitespace().nth(19)?.parse().ok()?;
    let per_second = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
    let boot = fs::read_to_string("/proc/stat").ok()?;
    let boot = boot.lines().find_map(|l| l.strip_prefix("btime "))?;
    #[allow(clippy::useless_conversion)] // Narrower on 32-bit systems.
    let seconds = ticks / i64::from(per_second);
    Some(boot.trim().parse::<i64>().ok()? + seconds)
}
