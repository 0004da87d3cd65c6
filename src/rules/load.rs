//! Finds and reads rules files: drop-in directories by systemd's convention, and the check that
//! nobody but root or the user who runs ccroute could have written what is read.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;

use super::error::RulesError;
use super::shipped::{self, Shipped};
use crate::os::{self, meta::Meta, trusted};

/// The directories that are read; a file in an earlier one replaces its namesake in a later one.
pub const STANDARD_DIRS: [&str; 4] = [
    "/etc/ccroute/rules.d",
    "/run/ccroute/rules.d",
    "/usr/local/lib/ccroute/rules.d",
    "/usr/lib/ccroute/rules.d",
];

/// Stands in a list of directories for the rules that are part of the program. An empty item of a
/// list means what is usual, as in MANPATH.
pub const SHIPPED: &str = "";

/// The ending of a rules file's name.
const ENDING: &[u8] = b".rules";

/// The largest rules file, in bytes. More than 10,000 sections fit.
pub const FILE_MAX: u64 = 4 << 20;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 5;

/// A rules file's text.
#[derive(Clone, Debug)]
pub struct Text {
    pub path: Rc<Path>,
    pub bytes: Cow<'static, [u8]>,
}

impl Text {
    /// The text of a file.
    pub fn new(path: &Path, bytes: Vec<u8>) -> Text {
        Text {
            path: path.into(),
            bytes: bytes.into(),
        }
    }
}

/// [`STANDARD_DIRS`] as paths, and then [`SHIPPED`].
pub fn default_dirs() -> Vec<PathBuf> {
    let dirs = STANDARD_DIRS.iter().copied().chain([SHIPPED]);
    dirs.map(PathBuf::from).collect()
}

/// Where a file of rules comes from.
enum Source {
    Shipped(&'static Shipped),
    File {
        path: PathBuf,
        /// It is a link, or the file system does not tell.
        link: bool,
        /// The number of its directory.
        dir: usize,
    },
}

/// Reads the rules files of `dirs`, in the order of their names. One of them may be [`SHIPPED`].
///
/// # Errors
/// A directory or file that cannot be read, or that others could have written.
pub fn load(dirs: &[PathBuf]) -> Result<Vec<Text>, RulesError> {
    let mut sources: Vec<(OsString, Source)> = Vec::new();
    let mut checked: Vec<Checked> = dirs.iter().map(|d| Checked::new(d)).collect();
    for (number, dir) in dirs.iter().enumerate() {
        if dir.as_os_str() == SHIPPED {
            let files = shipped::FILES.iter();
            sources.extend(files.map(|f| (f.name.into(), Source::Shipped(f))));
        } else {
            list(dir, number, &mut checked[number], &mut sources)?;
        }
    }
    // The earlier directory keeps the name: this sort is stable.
    sources.sort_by(|(a, _), (b, _)| a.cmp(b));
    sources.dedup_by(|(later, _), (first, _)| later == first);
    let mut texts = Vec::with_capacity(sources.len());
    for (_, source) in sources {
        match source {
            Source::Shipped(file) => texts.push(file.read()),
            Source::File { path, link, dir } => {
                texts.extend(read(&path, link, &mut checked[dir])?);
            }
        }
    }
    Ok(texts)
}

/// Lists a directory's rules files; none where there is no such directory.
fn list(
    dir: &Path,
    number: usize,
    checked: &mut Checked,
    sources: &mut Vec<(OsString, Source)>,
) -> Result<(), RulesError> {
    let failed = |error: io::Error| unreadable(dir, &error);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let before = sources.len();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        if is_rules_name(entry.file_name().as_bytes()) {
            let source = Source::File {
                path: dir.join(entry.file_name()),
                link: !entry.file_type().is_ok_and(|t| t.is_file()),
                dir: number,
            };
            sources.push((entry.file_name(), source));
        }
    }
    // An empty directory can do no harm, whoever may write to it.
    if sources.len() > before {
        checked.path(dir)?;
    }
    Ok(())
}

/// Whether a file in a rules directory is read. A leading dot hides a file, as editors' temporary files are.
fn is_rules_name(name: &[u8]) -> bool {
    name.ends_with(ENDING) && name.len() > ENDING.len() && name[0] != b'.'
}

/// A file's text; none where it is masked by a link to /dev/null.
fn read(path: &Path, link: bool, checked: &mut Checked) -> Result<Option<Text>, RulesError> {
    for _ in 0..ATTEMPTS {
        let mut options = OpenOptions::new();
        options.read(true);
        // Not to wait for a pipe that is called like a rules file.
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let file = options.open(path).map_err(|e| unreadable(path, &e))?;
        let meta = Meta::of_open(&file).map_err(|e| unreadable(path, &e))?;
        if link {
            checked.path(path)?;
        }
        if meta.is_null() {
            return Ok(None);
        }
        let unsafe_file = |what: &str, fix: &str| {
            Err(RulesError::Unsafe {
                path: path.into(),
                what: what.into(),
                fix: fix.into(),
            })
        };
        if !meta.is_file() {
            let fix = "remove it, or link it to /dev/null to mask a shipped file";
            return unsafe_file("it is not a regular file", fix);
        }
        if meta.size() > FILE_MAX {
            return unsafe_file("it is larger than 4 MiB", "split it, or remove it");
        }
        checked.file(path, &meta)?;
        let mut bytes = Vec::with_capacity(meta.size() as usize + 1);
        let mut bounded = (&file).take(FILE_MAX + 1);
        let read = bounded.read_to_end(&mut bytes);
        read.map_err(|e| unreadable(path, &e))?;
        if bytes.len() as u64 == meta.size() {
            return Ok(Some(Text::new(path, bytes)));
        }
    }
    Err(RulesError::Unreadable {
        path: path.into(),
        error: "changes while it is read: replace it by renaming a finished file".into(),
    })
}

fn unreadable(path: &Path, error: &io::Error) -> RulesError {
    let error = match error.raw_os_error() {
        Some(libc::ENOTDIR) => "it is not a directory: remove it".into(),
        Some(libc::EACCES) => {
            format!(
                "{error}: let everyone read it (chmod a+rX {})",
                path.display()
            )
        }
        _ => error.to_string(),
    };
    RulesError::Unreadable {
        path: path.into(),
        error,
    }
}

/// The check that nobody else could have written what one rules directory holds.
#[derive(Default)]
struct Checked {
    /// One of [`STANDARD_DIRS`]: see [`trusted::built_in`].
    built_in: bool,
    /// Real paths of directories that are safe: files share them, and they are examined once.
    directories: Vec<PathBuf>,
}

impl Checked {
    fn new(dir: &Path) -> Checked {
        Checked {
            built_in: STANDARD_DIRS.iter().any(|d| Path::new(d) == dir),
            directories: Vec::new(),
        }
    }

    /// Examines every directory of a path and the links that it leads through: whoever can replace one
    /// of them chooses what is read, or masks it. What the path ends in is examined when it is open.
    fn path(&mut self, path: &Path) -> Result<(), RulesError> {
        let failed = |error: io::Error| unreadable(path, &error);
        let mut hops = 0;
        let mut at = PathBuf::from("/");
        let mut parts = vec![std::path::absolute(path).map_err(failed)?];
        while let Some(part) = parts.pop() {
            let mut names = part.components();
            let Some(first) = names.next() else { continue };
            parts.push(names.as_path().to_path_buf());
            let next = match first {
                Component::RootDir | Component::Prefix(_) => PathBuf::from("/"),
                Component::CurDir => continue,
                Component::ParentDir => {
                    at.pop();
                    continue;
                }
                Component::Normal(name) => at.join(name),
            };
            if !self.directories.contains(&next) {
                let meta = Meta::of_link(&next).map_err(failed)?;
                if !meta.is_dir() && !meta.is_symlink() {
                    return Ok(());
                }
                self.file(&next, &meta)?;
                if meta.is_symlink() {
                    hops += 1;
                    if hops > os::MAX_LINKS {
                        return Err(failed(Errno::ELOOP.into()));
                    }
                    parts.push(fs::read_link(&next).map_err(failed)?);
                    continue;
                }
                self.directories.push(next.clone());
            }
            at = next;
        }
        Ok(())
    }

    /// Examines one file, directory or link.
    fn file(&self, path: &Path, meta: &Meta) -> Result<(), RulesError> {
        let trusted = match self.built_in {
            true => trusted::built_in(path, meta),
            false => trusted::by_root_or_user(meta),
        };
        trusted.map_err(|why| RulesError::Unsafe {
            path: path.into(),
            what: why.to_string(),
            fix: why.fix(path),
        })
    }
}
