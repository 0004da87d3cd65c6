//! Compiler facts: what `check` and `install` found out about installed compilers, for the shim
//! to read. It cannot ask a compiler itself; that would cost more than the routing.
//!
//! The file is lines of fields separated by tabs:
//!
//! ```text
//! PATH DEVICE INODE MTIME-NS SIZE FAMILY TRIPLE VERSION TARGET DEFAULTS RUN READ
//! ```
//!
//! RUN and READ are what the sandbox lets the compiler execute and read, separated by colons. Files of before
//! the sandbox had them lack both.
//!
//! A record holds only for the very file it was made from; a compiler that was replaced or
//! updated has none until the next `check`. Lines that begin with `#` are comments, lines that
//! are not understood are passed over: an older program may read a newer file.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::abi::Target;
use crate::compiler::ask::{ask, defaults, Compiler, Family};
use crate::compiler::search::Installed;
use crate::compiler::toolchain::Toolchain;
use crate::os;
use crate::os::meta::Meta;
use crate::os::trusted::{by_root_or_user, Untrusted};

/// Where the facts are.
pub const FILE: &str = "/var/lib/ccroute/compilers";

/// More than this is not read: ten thousand compilers take less.
const LIMIT: u64 = 4 << 20;

const FIRST_LINE: &str =
    "# ccroute compilers 1: written by `ccroute check` and `ccroute install`\n";

/// What identifies a compiler's file, links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    pub device: u64,
    pub inode: u64,
    pub mtime_ns: i128,
    pub size: u64,
}

impl Stat {
    /// Of a file, following links.
    ///
    /// # Errors
    /// There is none, or it cannot be reached.
    pub fn of(path: &Path) -> io::Result<Stat> {
        let meta = Meta::of(path)?;
        let (device, inode) = meta.id();
        Ok(Stat {
            device,
            inode,
            mtime_ns: meta.mtime_ns(),
            size: meta.size(),
        })
    }
}

impl From<&Installed> for Stat {
    fn from(compiler: &Installed) -> Stat {
        Stat {
            device: compiler.id.0,
            inode: compiler.id.1,
            mtime_ns: compiler.mtime,
            size: compiler.size,
        }
    }
}

/// What is known of a compiler. The texts lie in the file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub family: Family,
    pub triple: &'a str,
    pub version: &'a str,
    /// What it compiles for without flags, as [`crate::abi`] writes it.
    pub target: &'a str,
    /// Its defaults as flags, separated by blanks.
    pub defaults: &'a str,
    /// Paths, separated by colons; `None` in an older file.
    pub run: Option<&'a str>,
    pub read: Option<&'a str>,
}

impl<'a> Record<'a> {
    /// The target, if this version of the program can read it.
    pub fn target(&self) -> Option<Target> {
        self.target.parse().ok()
    }

    /// What it runs and reads, if that is recorded.
    pub fn toolchain(&self) -> Option<Toolchain> {
        let paths = |list: &str| {
            list.split(':')
                .filter(|p| !p.is_empty())
                .map(PathBuf::from)
                .collect()
        };
        Some(Toolchain {
            run: paths(self.run?),
            read: paths(self.read?),
        })
    }

    /// The defaults, one by one.
    pub fn flags(&self) -> impl Iterator<Item = &'a str> {
        self.defaults.split_ascii_whitespace()
    }
}

/// The record of the compiler at this path, if it was made of this very file. It
/// allocates nothing.
pub fn lookup<'a>(file: &'a [u8], path: &Path, stat: &Stat) -> Option<Record<'a>> {
    let path = path.as_os_str().as_bytes();
    file.split(|b| *b == b'\n')
        .filter(|line| {
            line.strip_prefix(path)
                .is_some_and(|l| l.starts_with(b"\t"))
        })
        .find_map(|line| {
            let (_, found, record) = parse(line)?;
            (found == *stat).then_some(record)
        })
}

/// All records with the path and file that they are of, in the order of the file.
pub fn records(file: &[u8]) -> impl Iterator<Item = (&Path, Stat, Record<'_>)> {
    file.split(|b| *b == b'\n')
        .filter(|line| line.first() == Some(&b'/'))
        .filter_map(parse)
        .map(|(path, stat, record)| (Path::new(std::ffi::OsStr::from_bytes(path)), stat, record))
}

fn parse(line: &[u8]) -> Option<(&[u8], Stat, Record<'_>)> {
    let end = line.iter().position(|b| *b == b'\t')?;
    let (path, rest) = line.split_at(end);
    let mut fields = std::str::from_utf8(rest.get(1..)?).ok()?.split('\t');
    let stat = Stat {
        device: fields.next()?.parse().ok()?,
        inode: fields.next()?.parse().ok()?,
        mtime_ns: fields.next()?.parse().ok()?,
        size: fields.next()?.parse().ok()?,
    };
    let record = Record {
        family: Family::parse(fields.next()?)?,
        triple: fields.next()?,
        version: fields.next()?,
        target: fields.next()?,
        defaults: fields.next()?,
        run: fields.next(),
        read: fields.next(),
    };
    Some((path, stat, record))
}

/// Why the facts are not used.
#[derive(Debug, Error)]
pub enum NoFacts {
    #[error("{path}: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{0}: not a regular file")]
    NoFile(PathBuf),
    /// Someone else could have written what is in it.
    #[error("{path} is not trusted: {why}")]
    Untrusted { path: PathBuf, why: Untrusted },
}

/// Reads the facts file for [`lookup`]. `Ok(None)`: there is none, which is usual.
///
/// # Errors
/// It cannot be read, or it or its directory can be written by someone who is neither root nor
/// the user that runs this. The caller goes on without facts, and may say so.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, NoFacts> {
    let unreadable = |error| NoFacts::Unreadable {
        path: path.to_path_buf(),
        error,
    };
    let trust = |path: &Path, meta: &Meta| {
        by_root_or_user(meta).map_err(|why| NoFacts::Untrusted {
            path: path.to_path_buf(),
            why,
        })
    };
    // Not through a link, and not waiting for a writer if somebody put a pipe there.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let meta = Meta::of_open(&file).map_err(unreadable)?;
    if !meta.is_file() {
        return Err(NoFacts::NoFile(path.to_path_buf()));
    }
    trust(path, &meta)?;
    if let Some(directory) = path.parent().filter(|d| !d.as_os_str().is_empty()) {
        let meta = Meta::of(directory).map_err(unreadable)?;
        trust(directory, &meta)?;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.size().min(LIMIT)).unwrap_or(0));
    file.take(LIMIT)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    Ok(Some(bytes))
}

/// A record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: PathBuf,
    pub stat: Stat,
    pub family: Family,
    pub triple: String,
    pub version: String,
    pub target: String,
    pub defaults: Vec<String>,
    pub toolchain: Toolchain,
}

impl Entry {
    /// Asks a compiler for what is recorded of it.
    ///
    /// # Errors
    /// It cannot be run, or its file cannot be looked at; the words say which.
    pub fn ask(path: &Path) -> Result<Entry, String> {
        let stat = Stat::of(path).map_err(|e| format!("{}: {e}", path.display()))?;
        let compiler = Compiler::new(path);
        let answers = ask(&compiler).map_err(|e| e.to_string())?;
        Ok(Entry {
            path: path.to_path_buf(),
            stat,
            family: answers.family,
            target: answers.target().to_string(),
            defaults: defaults(&answers),
            toolchain: Toolchain::ask(path).unwrap_or_else(|| Toolchain::of_path(path)),
            triple: answers.triple,
            version: answers.version,
        })
    }
}

/// Why a record cannot be written.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BadEntry {
    /// A field contains a tab or line feed, or the path is not absolute.
    #[error("{0}: cannot be written as a line")]
    NotALine(String),
}

/// The file's text. Later entries of the same path replace earlier ones.
///
/// # Errors
/// A field cannot stand in a line.
pub fn format(entries: &[Entry]) -> Result<Vec<u8>, BadEntry> {
    let mut bytes = FIRST_LINE.as_bytes().to_vec();
    for (index, entry) in entries.iter().enumerate() {
        if entries.iter().skip(index + 1).any(|e| e.path == entry.path) {
            continue;
        }
        let path = entry.path.as_os_str().as_bytes();
        let mut fields = String::new();
        // Writing to a string cannot fail.
        let _ = write!(
            fields,
            "\t{}\t{}\t{}\t{}",
            entry.stat.device, entry.stat.inode, entry.stat.mtime_ns, entry.stat.size
        );
        let texts = [
            entry.family.as_str(),
            &entry.triple,
            &entry.version,
            &entry.target,
            &entry.defaults.join(" "),
            &joined(&entry.toolchain.run),
            &joined(&entry.toolchain.read),
        ];
        for text in texts {
            if text.contains(['\t', '\n']) {
                return Err(BadEntry::NotALine(text.to_string()));
            }
            fields.push('\t');
            fields.push_str(text);
        }
        let plain = path.starts_with(b"/") && !path.iter().any(|b| b"\t\n".contains(b));
        if !plain {
            return Err(BadEntry::NotALine(entry.path.display().to_string()));
        }
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(fields.as_bytes());
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Paths in one field. One that cannot stand there is left out: the compiler is then kept from it.
fn joined(paths: &[PathBuf]) -> String {
    let texts = paths.iter().filter_map(|p| p.to_str());
    let fit = texts.filter(|t| !t.contains([':', '\t', '\n']));
    fit.collect::<Vec<_>>().join(":")
}

/// Replaces the facts file at once: whoever reads it sees the old or the new one. Mode 0644,
/// because distccd's user reads it too.
///
/// # Errors
/// The directory cannot be written, or a field cannot stand in a line.
pub fn write(path: &Path, entries: &[Entry]) -> io::Result<()> {
    let bytes = format(entries).map_err(io::Error::other)?;
    os::replace::file(path, &bytes, 0o644)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    fn entry(path: &str) -> Entry {
        Entry {
            path: PathBuf::from(path),
            stat: Stat {
                device: 1,
                inode: 2,
                mtime_ns: -3,
                size: 4,
            },
            family: Family::Gcc,
            triple: "arm-linux-gnueabihf".to_string(),
            version: "12.2.0".to_string(),
            target: "arm 32 little hard".to_string(),
            defaults: vec!["-march=armv6".to_string(), "-marm".to_string()],
            toolchain: Toolchain {
                run: vec!["/usr/bin/as".into()],
                read: vec!["/usr/include".into(), "/opt/x:y".into()],
            },
        }
    }

    #[test]
    fn what_is_written_is_found_for_the_very_file_only() {
        let file = format(&[entry("/usr/bin/gcc"), entry("/usr/bin/gcc-12")]).unwrap();
        let stat = entry("/").stat;
        let record = lookup(&file, Path::new("/usr/bin/gcc"), &stat).unwrap();
        assert_eq!(record.triple, "arm-linux-gnueabihf");
        let toolchain = record.toolchain().unwrap();
        assert_eq!(toolchain.run, [Path::new("/usr/bin/as")]);
        assert_eq!(toolchain.read, [Path::new("/usr/include")]);
        assert_eq!(
            record.flags().collect::<Vec<_>>(),
            ["-march=armv6", "-marm"]
        );
        for change in [
            Stat { inode: 9, ..stat },
            Stat {
                mtime_ns: 9,
                ..stat
            },
            Stat { size: 9, ..stat },
            Stat { device: 9, ..stat },
        ] {
            assert_eq!(lookup(&file, Path::new("/usr/bin/gcc"), &change), None);
        }
        assert_eq!(lookup(&file, Path::new("/usr/bin/gc"), &stat), None);
        assert_eq!(records(&file).count(), 2);
    }

    #[test]
    fn a_later_entry_replaces_an_earlier_one() {
        let mut newer = entry("/a/gcc");
        newer.version = "13.1.0".to_string();
        let file = format(&[entry("/a/gcc"), newer]).unwrap();
        let found: Vec<&str> = records(&file).map(|r| r.2.version).collect();
        assert_eq!(found, ["13.1.0"]);
    }

    #[test]
    fn fields_that_would_break_a_line_are_refused() {
        assert!(format(&[entry("relative/gcc")]).is_err());
        assert!(format(&[entry("/a\tb")]).is_err());
        let mut bad = entry("/a");
        bad.target = "x\ny".to_string();
        assert!(format(&[bad]).is_err());
    }

    #[test]
    fn broken_lines_are_passed_over() {
        let mut file = b"/usr/bin/gcc\t1\n/usr/bin/gcc\t\n\n\t\t\n\xff\xff\t1\n".to_vec();
        file.extend(format(&[entry("/usr/bin/gcc")]).unwrap());
        file.extend(b"/usr/bin/gcc\t1\t2\t-3\t4\tgcc\t\xff");
        assert!(lookup(&file, Path::new("/usr/bin/gcc"), &entry("/").stat).is_some());
        for end in 0..file.len() {
            let _ = lookup(&file[..end], Path::new("/usr/bin/gcc"), &entry("/").stat);
        }
    }

    #[test]
    fn a_file_is_written_whole_and_trusted_only_if_nobody_else_writes_it() {
        let scratch = crate::proof::Scratch::new().unwrap();
        let path = scratch.path().join("compilers");
        assert!(read(&path).unwrap().is_none());
        write(&path, &[entry("/usr/bin/gcc")]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        assert_eq!(records(&read(&path).unwrap().unwrap()).count(), 1);

        for mode in [0o664, 0o646] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert!(
                error.to_string().contains("writable by group or others"),
                "{error}"
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(read(&path), Err(NoFacts::Untrusted { .. })));
        fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert!(read(&path).unwrap().is_some());

        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(read(&link).is_err());
        assert!(read(scratch.path()).is_err());
    }
}
