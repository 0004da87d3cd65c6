//! Finds and reads rules files: drop-in directories by systemd's convention, and the check that
//! nobody but root or the user who runs ccroute could have written what is read.
//!
//! Files are opened first and examined through the descriptor, so that nothing can be exchanged in
//! between. A directory's parents are examined from the real path of what was opened: where each
//! of them is safe, nobody could have moved it. Links that lead there are examined as well.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::statvfs::{fstatvfs, statvfs, FsFlags, Statvfs};

use super::error::RulesError;
use super::index::{self, Index};
use super::shipped::{self, Shipped};
use super::sieve::{Sieve, Sifted};
use crate::os;

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

/// A rules file's text, or whole sections of one.
#[derive(Clone, Debug)]
pub struct Text {
    pub path: Rc<Path>,
    pub bytes: Cow<'static, [u8]>,
    /// The file's line with which it begins, from 1.
    pub(super) first: u32,
    /// Where it came with the program, what is known of it.
    pub(super) shipped: Option<&'static Shipped>,
}

impl Text {
    /// The text of a file.
    pub fn new(path: &Path, bytes: Vec<u8>) -> Text {
        Text {
            path: path.into(),
            bytes: bytes.into(),
            first: 1,
            shipped: None,
        }
    }

    /// Nothing yet of a file from this line on.
    pub(super) fn part(path: &Path, first: u32) -> Text {
        let text = Text::new(path, Vec::new());
        Text { first, ..text }
    }
}

/// [`STANDARD_DIRS`] as paths, and then [`SHIPPED`].
pub fn default_dirs() -> Vec<PathBuf> {
    let dirs = STANDARD_DIRS.iter().copied().chain([SHIPPED]);
    dirs.map(PathBuf::from).collect()
}

/// Reads the rules files of `dirs`, in the order of their names. One of them may be [`SHIPPED`].
///
/// # Errors
/// A directory or file that cannot be read, or that others could have written.
pub fn load(dirs: &[PathBuf]) -> Result<Vec<Text>, RulesError> {
    load_through(dirs, None)
}

/// [`load`], with large files read through a sieve where there is one.
pub(super) fn load_through(
    dirs: &[PathBuf],
    mut sieve: Option<&mut Sieve<'_>>,
) -> Result<Vec<Text>, RulesError> {
    // Each with the number of its directory.
    let mut names: Vec<(OsString, usize, Entry)> = Vec::new();
    let mut indexes: Vec<Option<Index>> = Vec::with_capacity(dirs.len());
    let mut checked = Checked::default();
    for (number, dir) in dirs.iter().enumerate() {
        if dir.as_os_str() == SHIPPED {
            let shipped = shipped::FILES.iter();
            names.extend(shipped.map(|f| (f.name.into(), number, Entry::Shipped(f))));
            indexes.push(None);
            continue;
        }
        let listed = list(dir, &mut checked)?;
        let names_here = listed.names.into_iter();
        names.extend(names_here.map(|(name, entry)| (name, number, entry)));
        let index = (listed.indexed && sieve.is_some()).then(|| Index::open(dir));
        indexes.push(index.flatten());
    }
    // The earlier directory keeps the name: this sort is stable.
    names.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    names.dedup_by(|(later, ..), (first, ..)| later == first);
    let mut texts = Vec::with_capacity(names.len());
    for (name, dir, entry) in names {
        if let Entry::Shipped(file) = entry {
            texts.push(file.text());
            continue;
        }
        let path = dirs[dir].join(name);
        let mut sieve = sieve.as_deref_mut();
        if let (Some(index), Some(sieve), Entry::File) = (&mut indexes[dir], &mut sieve, entry) {
            if let Some(known) = index.read(&path, sieve) {
                sieve.used = true;
                texts.extend(known);
                continue;
            }
        }
        texts.extend(read(&path, entry, &mut checked, sieve)?);
    }
    Ok(texts)
}

/// How a directory lists a name.
#[derive(Clone, Copy)]
enum Entry {
    File,
    /// A link, or something that the file system does not tell without asking.
    MaybeLink,
    /// None at all: it is part of the program.
    Shipped(&'static Shipped),
}

/// What a directory holds.
#[derive(Default)]
struct Listed {
    /// The rules files' names.
    names: Vec<(OsString, Entry)>,
    /// Whether there is an index.
    indexed: bool,
}

/// Lists a directory; nothing where there is no such directory.
fn list(dir: &Path, checked: &mut Checked) -> Result<Listed, RulesError> {
    let failed = |error: io::Error| unreadable(dir, &error);
    let (opened, real) = match open_directory(dir) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Listed::default()),
        Err(error) => return Err(failed(error)),
    };
    let mut listed = Listed::default();
    os::list(&opened, &mut |name, kind| {
        // A leading dot hides a file, as editors' temporary files are.
        if is_rules_name(name) {
            let entry = match kind {
                libc::DT_REG => Entry::File,
                _ => Entry::MaybeLink,
            };
            listed
                .names
                .push((OsStr::from_bytes(name).to_os_string(), entry));
        } else if name == index::NAME.as_bytes() {
            listed.indexed = kind == libc::DT_REG;
        }
    })
    .map_err(failed)?;
    // An empty directory can do no harm, whoever may write to it.
    if !listed.names.is_empty() {
        checked.opened(&opened, dir, real)?;
    }
    Ok(listed)
}

/// Opens a directory, and its real path where that is known at once: the path itself, where the
/// kernel finds no link in it.
fn open_directory(dir: &Path) -> io::Result<(File, Option<PathBuf>)> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NONBLOCK;
    match os::open_without_links(dir, flags) {
        Ok(opened) => return Ok((opened.into(), Some(dir.components().collect()))),
        Err(Errno::ENOENT) => return Err(Errno::ENOENT.into()),
        Err(_) => {}
    }
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(libc::O_DIRECTORY | libc::O_NONBLOCK);
    Ok((options.open(dir)?, None))
}

/// Whether a file in a rules directory is read.
pub(super) fn is_rules_name(name: &[u8]) -> bool {
    name.ends_with(ENDING) && name.len() > ENDING.len() && name[0] != b'.'
}

/// A file's text, or its parts that are wanted; none where it is masked by a link to /dev/null.
fn read(
    path: &Path,
    entry: Entry,
    checked: &mut Checked,
    mut sieve: Option<&mut Sieve<'_>>,
) -> Result<Vec<Text>, RulesError> {
    for _ in 0..ATTEMPTS {
        let mut options = OpenOptions::new();
        options.read(true);
        // Not to wait for a pipe that is called like a rules file.
        options.custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY);
        let mut file = options.open(path).map_err(|e| unreadable(path, &e))?;
        let meta = file.metadata().map_err(|e| unreadable(path, &e))?;
        if matches!(entry, Entry::MaybeLink) {
            checked.links(path)?;
        }
        if meta.file_type().is_char_device() && is_null(&meta) {
            return Ok(Vec::new());
        }
        if !meta.is_file() {
            return Err(RulesError::Unsafe {
                path: path.into(),
                what: "not a regular file",
                mend: "take it away, or link it to /dev/null to mask a shipped file".into(),
            });
        }
        checked.file(&file, &meta, path, entry)?;
        if meta.len() > FILE_MAX {
            return Err(RulesError::Unsafe {
                path: path.into(),
                what: "larger than 4 MiB",
                mend: "is it a rules file? Split it, or take it away".into(),
            });
        }
        let size = usize::try_from(meta.len()).unwrap_or(0);
        if let Some(sieve) = &mut sieve {
            let sifted = sieve.read(&file, path, size);
            match sifted.map_err(|e| unreadable(path, &e))? {
                Sifted::Sections(texts) => return Ok(texts),
                Sifted::Changed => continue,
                Sifted::Whole => {}
            }
        }
        // One byte more than there should be tells a file that grew from one that did not.
        let mut bytes = vec![0; size + 1];
        let length = read_up_to(&mut file, &mut bytes).map_err(|e| unreadable(path, &e))?;
        if length == size {
            bytes.truncate(size);
            return Ok(vec![Text::new(path, bytes)]);
        }
    }
    Err(RulesError::Unreadable {
        path: path.into(),
        error: "changes while it is read: replace it by renaming a finished file".into(),
    })
}

/// Fills `bytes` as far as the file reaches: one system call for a file that does not change.
fn read_up_to(file: &mut File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < bytes.len() {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(n) => length += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        // One short of the buffer is the size that was announced: no second call to see the end.
        if length + 1 == bytes.len() {
            break;
        }
    }
    Ok(length)
}

fn is_null(meta: &Metadata) -> bool {
    meta.rdev() == libc::makedev(1, 3)
}

fn unreadable(path: &Path, error: &io::Error) -> RulesError {
    let error = match error.raw_os_error() {
        Some(libc::ENOTDIR) => "not a directory: take it away".into(),
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

/// What has been found safe, so that directories that files share are examined once.
#[derive(Default)]
struct Checked {
    /// Real paths of safe directories.
    directories: Vec<PathBuf>,
}

impl Checked {
    /// Examines a directory that was opened, and all above it.
    fn opened(
        &mut self,
        opened: &File,
        path: &Path,
        real: Option<PathBuf>,
    ) -> Result<(), RulesError> {
        let real = match real {
            Some(real) => real,
            None => real_path(opened, path)?,
        };
        let meta = opened.metadata().map_err(|e| unreadable(path, &e))?;
        trusted(&real, Bits::of(&meta), opened)?;
        self.parents(&real)?;
        if real != path {
            // Some part of the path is a link.
            path.ancestors()
                .filter(|p| !p.as_os_str().is_empty())
                .try_for_each(|part| self.links(part))?;
        }
        self.directories.push(real);
        Ok(())
    }

    /// Examines the links that `path` leads through, none if it is no link: whoever can replace
    /// one of them chooses what is read, or masks it.
    fn links(&mut self, path: &Path) -> Result<(), RulesError> {
        let failed = |error| unreadable(path, &error);
        let mut link = path.to_path_buf();
        for hop in 0..os::MAX_LINKS {
            let meta = fs::symlink_metadata(&link).map_err(failed)?;
            if !meta.is_symlink() {
                break;
            }
            trusted(&link, Bits::of(&meta), link.as_path())?;
            let dir = link.parent().unwrap_or(Path::new("/"));
            if hop > 0 {
                // The first one's directory is examined as what it is.
                self.parents(&fs::canonicalize(dir).map_err(failed)?.join("link"))?;
            }
            link = dir.join(fs::read_link(&link).map_err(failed)?);
        }
        Ok(())
    }

    /// Examines a file that was opened. Its directory is examined already unless it is reached by
    /// a link.
    fn file(
        &mut self,
        file: &File,
        meta: &Metadata,
        path: &Path,
        entry: Entry,
    ) -> Result<(), RulesError> {
        trusted(path, Bits::of(meta), file)?;
        match entry {
            Entry::File | Entry::Shipped(_) => Ok(()),
            Entry::MaybeLink => self.parents(&real_path(file, path)?),
        }
    }

    /// Examines every directory above `real`, which has no links in it.
    fn parents(&mut self, real: &Path) -> Result<(), RulesError> {
        for dir in real.ancestors().skip(1) {
            if self.directories.iter().any(|d| d == dir) {
                break;
            }
            let meta = fs::symlink_metadata(dir).map_err(|e| unreadable(dir, &e))?;
            trusted(dir, Bits::of(&meta), dir)?;
            self.directories.push(dir.to_path_buf());
        }
        Ok(())
    }
}

/// Whether nobody but root and the user who runs ccroute can write `path`. Permission bits
/// alone count; the group does too, whichever it is.
pub(super) fn trusted(path: &Path, bits: Bits, on: impl OnMount) -> Result<(), RulesError> {
    let owner = bits.owner;
    if !os::trusted::is_trusted_owner(owner) && !is_roots_elsewhere(owner, on) {
        return Err(RulesError::Unsafe {
            path: path.into(),
            what: "owned by neither root nor the user who runs ccroute",
            mend: format!("chown root {}", path.display()),
        });
    }
    // In a sticky directory nobody can replace what another has made.
    let directory = bits.mode & libc::S_IFMT == libc::S_IFDIR;
    let sticky = directory && bits.mode & 0o1000 != 0;
    // A link's own bits mean nothing.
    let link = bits.mode & libc::S_IFMT == libc::S_IFLNK;
    if bits.mode & 0o022 != 0 && !sticky && !link {
        return Err(RulesError::Unsafe {
            path: path.into(),
            what: "others than its owner can write to it",
            mend: format!("chmod go-w {}", path.display()),
        });
    }
    Ok(())
}

/// What decides who can write to a file.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    owner: u32,
    mode: u32,
}

impl Bits {
    pub fn of(meta: &Metadata) -> Bits {
        Bits {
            owner: meta.uid(),
            mode: meta.mode(),
        }
    }
}

/// The path of an open file without links.
fn real_path(file: &File, path: &Path) -> Result<PathBuf, RulesError> {
    fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .or_else(|_| fs::canonicalize(path))
        .map_err(|e| unreadable(path, &e))
}

/// Something that lies on a mount.
pub(super) trait OnMount {
    fn mount(&self) -> nix::Result<Statvfs>;
}

impl OnMount for &Path {
    fn mount(&self) -> nix::Result<Statvfs> {
        statvfs(*self)
    }
}

impl OnMount for &File {
    fn mount(&self) -> nix::Result<Statvfs> {
        fstatvfs(self)
    }
}

/// In a user namespace files of users that it does not map, root's among them, show the overflow
/// user as owner. On a read-only mount nobody in there can have made them.
fn is_roots_elsewhere(owner: u32, on: impl OnMount) -> bool {
    let overflow = fs::read_to_string("/proc/sys/kernel/overflowuid")
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(65534);
    owner == overflow
        && on
            .mount()
            .is_ok_and(|m| m.flags().contains(FsFlags::ST_RDONLY))
}
