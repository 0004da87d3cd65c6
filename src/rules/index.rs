//! An index of a rules directory: which files were found right, and where their sections are. `check`
//! and `install` write it where there are many rules; a call then asks of each file only whether it is
//! still the one that was looked at, and reads of it what the request may ask for.
//!
//! A stale index would mean a wrong compiler. So nothing is believed of a file whose inode, size or
//! times, to the nanosecond, are other ones; what the index does not know, or what is odd about it,
//! is read as if there were none. It is made only of files that were left alone for [`QUIET`], so
//! that whoever changes one afterwards, even at once, gives it another time; and only on this machine's
//! own file systems, because on others' (NFS) what is told of a file can be a minute old.
//!
//! It is [`MAGIC`], and for each file by name: [`Stamp`], the lengths of what follows (4 bytes each), its
//! name, its sections. A section is where its header's line starts, that line's number (4 bytes each), its
//! pattern's length (2), whether that is a glob (1), and the pattern. Numbers begin with their lowest byte.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use nix::sys::statfs::fstatfs;

use super::load::{self, Text};
use super::parse::{Checker, Scan, MARK};
use super::sieve::{self, Sieve, PIECE};

/// Its name in the directory. The leading dot keeps it from being read as rules.
pub const NAME: &str = ".index";

/// With what an index begins that this very program can read: another one's rules may have other keys.
const MAGIC: &[u8] = concat!("ccroute index ", env!("SOURCES_HASH"), "\n").as_bytes();

/// How long files have to be left alone before they are indexed. No file system's times are coarser.
pub const QUIET: Duration = Duration::from_secs(2);

/// By how much two clocks of one file system differ at most.
const SLACK: Duration = Duration::from_millis(50);

/// Up to so many files, if they are small, an index is not worth reading.
const FEW: usize = 8;

/// The longest pattern that is indexed, in bytes. A triple has fewer than a hundred.
const PATTERN_MAX: usize = 4096;

/// File systems that know at once what is changed, as statfs(2) calls them: ext2 to 4, tmpfs, overlayfs,
/// XFS, btrfs, F2FS, ZFS, bcachefs, UBIFS, squashfs and EROFS.
const LOCAL: [u32; 11] = [
    0xef53,
    0x0102_1994,
    0x794c_7630,
    0x5846_5342,
    0x9123_683e,
    0xf2f5_2010,
    0x2fc1_2fc1,
    0xca45_1a4e,
    0x2405_1905,
    0x7371_7368,
    0xe0f5_e1e2,
];

/// What tells whether a file is the one that was looked at: inode, size, and the times of the last
/// change of its text and of anything about it, the latter of which nobody can set.
type Stamp = [u8; 48];

/// A stamp and two lengths.
const ENTRY: usize = size_of::<Stamp>() + 8;

/// What stands before a section's pattern.
const SECTION: usize = 11;

fn stamp(meta: &Metadata) -> Stamp {
    let times = [
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec(),
    ];
    let mut stamp = [0; 48];
    let parts = [meta.ino(), meta.size()].map(u64::to_le_bytes);
    let times = times.map(i64::to_le_bytes);
    for (to, part) in stamp.chunks_exact_mut(8).zip(parts.iter().chain(&times)) {
        to.copy_from_slice(part);
    }
    stamp
}

/// An index that is being read, from its first file to its last.
pub(super) struct Index {
    file: File,
    /// Where the next file's entry is.
    next: u64,
    /// A piece of it, and where that is.
    piece: Vec<u8>,
    at: u64,
    filled: usize,
}

/// What is known of a file.
struct Known {
    stamp: Stamp,
    /// Where its sections are.
    from: u64,
    to: u64,
}

/// Sections that follow each other, and may be asked for.
struct Part {
    start: u64,
    end: u64,
    line: u32,
}

impl Index {
    /// A directory's index, if there is one that can be believed.
    pub fn open(dir: &Path) -> Option<Index> {
        let path = dir.join(NAME);
        let (file, meta) = open(&path)?;
        load::trusted(&path, load::Bits::of(&meta), &file).ok()?;
        let size = usize::try_from(meta.size()).unwrap_or(PIECE);
        let mut index = Index {
            file,
            next: MAGIC.len() as u64,
            piece: vec![0; size.min(PIECE)],
            at: 0,
            filled: 0,
        };
        let fits = meta.is_file() && is_local(&index.file) && index.bytes(0, MAGIC.len())? == MAGIC;
        fits.then_some(index)
    }

    /// The sections of a file that may be asked for. Files are asked for in the order of their names;
    /// none of one that is not the one that was indexed.
    pub fn read(&mut self, path: &Path, sieve: &Sieve<'_>) -> Option<Vec<Text>> {
        let known = self.find(path.file_name()?)?;
        let parts = self.wanted(&known, sieve)?;
        if parts.is_empty() {
            let meta = fs::symlink_metadata(path).ok()?;
            return known.is(path, &meta, path).then(Vec::new);
        }
        let (file, meta) = open(path)?;
        let known = known.is(path, &meta, &file);
        let texts = parts.iter().map(|part| {
            let mut text = Text::part(path, part.line);
            let bytes = text.bytes.to_mut();
            bytes.resize(usize::try_from(part.end - part.start).ok()?, 0);
            file.read_exact_at(bytes, part.start).ok()?;
            Some(text)
        });
        known.then(|| texts.collect())?
    }

    /// What is known of the file of this name.
    fn find(&mut self, name: &OsStr) -> Option<Known> {
        loop {
            let entry: [u8; ENTRY] = *self.bytes(self.next, ENTRY)?.first_chunk()?;
            let (stamp, lengths) = entry.split_first_chunk()?;
            let named = self.next + ENTRY as u64;
            let length = u32_at(lengths, 0)?;
            let found = self.bytes(named, length as usize)?.cmp(name.as_bytes());
            if found.is_gt() {
                return None;
            }
            let from = named + u64::from(length);
            let to = from + u64::from(u32_at(lengths, 4)?);
            self.next = to;
            if found.is_eq() {
                let stamp = *stamp;
                return Some(Known { stamp, from, to });
            }
        }
    }

    /// The parts of a file that may be asked for.
    fn wanted(&mut self, known: &Known, sieve: &Sieve<'_>) -> Option<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        let (mut at, mut on) = (known.from, false);
        while at < known.to {
            let section: [u8; SECTION] = *self.bytes(at, SECTION)?.first_chunk()?;
            let length = usize::from(u16::from_le_bytes([section[8], section[9]]));
            let pattern = self.bytes(at + SECTION as u64, length)?;
            let wanted = sieve.wants(pattern, section[10] != 0);
            if wanted != on {
                let start = u64::from(u32_at(&section, 0)?);
                match parts.last_mut() {
                    Some(part) if on => part.end = start,
                    _ => parts.push(Part {
                        start,
                        end: known.size(),
                        line: u32_at(&section, 4)?,
                    }),
                }
            }
            on = wanted;
            at += (SECTION + length) as u64;
        }
        let sound = |part: &Part| part.start <= part.end && part.end <= known.size();
        parts.iter().all(sound).then_some(parts)
    }

    /// Bytes of the index; none where it ends before them.
    fn bytes(&mut self, at: u64, length: usize) -> Option<&[u8]> {
        let within = at.checked_sub(self.at).map(usize::try_from);
        let within = within.and_then(Result::ok);
        let known = within.filter(|from| from.saturating_add(length) <= self.filled);
        let from = match known {
            Some(from) => from,
            None => {
                self.filled = self.file.read_at(&mut self.piece, at).ok()?;
                self.at = at;
                0
            }
        };
        self.piece[..self.filled].get(from..from + length)
    }
}

impl Known {
    /// Whether it is this file, which nobody else can have written.
    fn is(&self, path: &Path, meta: &Metadata, on: impl load::OnMount) -> bool {
        meta.is_file()
            && stamp(meta) == self.stamp
            && load::trusted(path, load::Bits::of(meta), on).is_ok()
    }

    fn size(&self) -> u64 {
        let size = self.stamp[8..].first_chunk().copied();
        u64::from_le_bytes(size.unwrap_or_default()).min(load::FILE_MAX)
    }
}

/// Opens what stands there, if it is no link.
fn open(path: &Path) -> Option<(File, Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY);
    let file = options.open(path).ok()?;
    let meta = file.metadata().ok()?;
    Some((file, meta))
}

/// Whether a file lies on a file system that knows at once what is changed.
fn is_local(file: &File) -> bool {
    fstatfs(file).is_ok_and(|on| LOCAL.contains(&(on.filesystem_type().0 as u32)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let number = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*number))
}

/// What became of a directory's index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// There are so few rules that reading them costs less, or it could not be believed where they are;
    /// there is none now.
    Unneeded,
    /// It is right as it stands.
    Unchanged,
    /// It was made, of so many files.
    Made(usize),
}

/// Makes a directory's index, if that is worth it and it is not right as it stands. Where files were
/// just changed it waits until they are [`QUIET`]. Files with faults, links and what is changed meanwhile
/// are left out: calls read them.
///
/// # Errors
/// The directory cannot be read or written.
pub fn write(dir: &Path) -> io::Result<Written> {
    match state(dir)? {
        State::Unneeded => return remove(dir).map(|_| Written::Unneeded),
        State::Right => return Ok(Written::Unchanged),
        State::Due => {}
    }
    let temporary = dir.join(format!("{NAME}.{}", std::process::id()));
    let made = fill(dir, &temporary).and_then(|count| {
        fs::rename(&temporary, dir.join(NAME))?;
        Ok(Written::Made(count))
    });
    if made.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    made
}

/// Whether [`write`] would make an index: there is none yet, or files have changed since.
pub fn is_due(dir: &Path) -> bool {
    matches!(state(dir), Ok(State::Due))
}

enum State {
    Unneeded,
    Right,
    Due,
}

fn state(dir: &Path) -> io::Result<State> {
    let files = match stamps(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Unneeded),
        files => files?,
    };
    let total: u64 = files.iter().map(|(_, meta)| meta.size()).sum();
    let many = files.len() > FEW || total > sieve::ROOM as u64;
    Ok(match many && is_local(&File::open(dir)?) {
        false => State::Unneeded,
        true if is_right(dir, &files) => State::Right,
        true => State::Due,
    })
}

/// Removes a directory's index; whether there was one.
///
/// # Errors
/// It cannot be removed.
pub fn remove(dir: &Path) -> io::Result<bool> {
    match fs::remove_file(dir.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
    }
}

/// A directory's rules files that are no links, by name.
fn stamps(dir: &Path) -> io::Result<Vec<(OsString, Metadata)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if load::is_rules_name(name.as_bytes()) {
            // One that is gone meanwhile is none.
            let meta = entry.metadata().ok().filter(Metadata::is_file);
            files.extend(meta.map(|meta| (name, meta)));
        }
    }
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(files)
}

/// Whether the index that is there knows just these files.
fn is_right(dir: &Path, files: &[(OsString, Metadata)]) -> bool {
    let Some(mut index) = Index::open(dir) else {
        return false;
    };
    let mut known = files.iter().all(|(name, meta)| {
        let known = index.find(name);
        known.is_some_and(|known| known.stamp == stamp(meta))
    });
    known &= index.bytes(index.next, 1).is_none();
    known
}

/// Writes an index into this file, which is new; of how many files.
fn fill(dir: &Path, temporary: &Path) -> io::Result<usize> {
    let _ = fs::remove_file(temporary);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).open(temporary)?;
    file.set_permissions(Permissions::from_mode(0o644))?;
    // By the file system's own clock, as the files' times are.
    let now = |mut file: &File| {
        file.write_all(MAGIC)?;
        let meta = file.metadata()?;
        Ok::<i128, io::Error>(at(meta.mtime(), meta.mtime_nsec()))
    };
    let quiet = QUIET.as_nanos() as i128;
    let changed = |meta: &Metadata| at(meta.ctime(), meta.ctime_nsec());
    let mut time = now(&file)?;
    let mut before = stamps(dir)?;
    let newest = before.iter().map(|(_, meta)| changed(meta)).max();
    let wait = newest.map_or(0, |newest| newest + quiet - time);
    // One that is from the future is not waited for. (One clock may be coarser than the other.)
    if (1..=quiet + SLACK.as_nanos() as i128).contains(&wait) {
        std::thread::sleep(QUIET + SLACK);
        file.rewind()?;
        time = now(&file)?;
        before = stamps(dir)?;
    }
    before.retain(|(_, meta)| changed(meta) + quiet <= time);
    let texts = load::load(&[dir.to_path_buf()]).map_err(|e| io::Error::other(e.to_string()))?;
    let after = stamps(dir)?;
    let mut index = Vec::new();
    let mut count = 0;
    for (name, meta) in before {
        let same = after.iter().find(|(other, _)| *other == name);
        let same = same.is_some_and(|(_, other)| stamp(other) == stamp(&meta));
        let text = texts.iter().find(|t| t.path.file_name() == Some(&name));
        let Some(sections) = text.filter(|_| same).and_then(|t| sections(&t.bytes)) else {
            continue;
        };
        index.extend(stamp(&meta));
        for part in [name.as_bytes(), &sections] {
            index.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        }
        index.extend(name.as_bytes());
        index.extend(sections);
        count += 1;
    }
    file.write_all(&index)?;
    Ok(count)
}

/// A time in nanoseconds.
fn at(seconds: i64, nanoseconds: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(nanoseconds)
}

/// The sections of a text without faults, as the index has them.
fn sections(text: &[u8]) -> Option<Vec<u8>> {
    let lines = text.strip_prefix(MARK).unwrap_or(text);
    let mark = text.len() - lines.len();
    let mut scan = Scan::new(lines, Checker::new(1));
    let mut list = Vec::new();
    while let Some(found) = scan.next() {
        let (section, _) = found.ok()?;
        let start = section.start as usize;
        let pattern = &lines[start..start + section.pattern as usize];
        let length = u16::try_from(pattern.len()).ok()?;
        if pattern.len() > PATTERN_MAX {
            return None;
        }
        list.extend(u32::try_from(mark + scan.started).ok()?.to_le_bytes());
        list.extend(section.line.to_le_bytes());
        list.extend(length.to_le_bytes());
        list.push(section.glob.into());
        list.extend(pattern);
    }
    Some(list)
}
