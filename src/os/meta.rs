//! What stat(2) tells of a file. The standard library asks by statx(2), which proot before 5.2 does not
//! translate: it would see the host's files in place of the guest's.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::libc;
use nix::sys::stat::FileStat;

use super::FileId;

/// A file's identity, type, owner, permissions, size and time.
#[derive(Clone, Copy, Debug)]
pub struct Meta(FileStat);

impl Meta {
    /// Of what is at `path`, links followed.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be reached.
    pub fn of(path: &Path) -> io::Result<Meta> {
        Ok(Meta(nix::sys::stat::stat(path)?))
    }

    /// Of what is at `path`, which may be a link.
    ///
    /// # Errors
    /// Nothing is there, or it cannot be reached.
    pub fn of_link(path: &Path) -> io::Result<Meta> {
        Ok(Meta(nix::sys::stat::lstat(path)?))
    }

    /// Of an open file.
    ///
    /// # Errors
    /// The system cannot tell.
    pub fn of_open(file: &File) -> io::Result<Meta> {
        Ok(Meta(nix::sys::stat::fstat(file)?))
    }

    fn is(&self, kind: libc::mode_t) -> bool {
        self.0.st_mode & libc::S_IFMT == kind
    }

    /// A regular file.
    pub fn is_file(&self) -> bool {
        self.is(libc::S_IFREG)
    }

    pub fn is_dir(&self) -> bool {
        self.is(libc::S_IFDIR)
    }

    pub fn is_symlink(&self) -> bool {
        self.is(libc::S_IFLNK)
    }

    /// `/dev/null`, under whatever name.
    pub fn is_null(&self) -> bool {
        self.is(libc::S_IFCHR) && self.0.st_rdev == libc::makedev(1, 3)
    }

    /// A regular file with an executable bit.
    pub fn is_program(&self) -> bool {
        self.is_file() && self.mode() & 0o111 != 0
    }

    /// Type and permission bits.
    pub fn mode(&self) -> u32 {
        self.0.st_mode
    }

    /// The owner's uid.
    pub fn uid(&self) -> u32 {
        self.0.st_uid
    }

    /// The group's id.
    pub fn gid(&self) -> u32 {
        self.0.st_gid
    }

    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // Widths differ between architectures.
    pub fn id(&self) -> FileId {
        (self.0.st_dev.into(), self.0.st_ino.into())
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        u64::try_from(self.0.st_size).unwrap_or(0)
    }

    /// The number of names.
    #[allow(clippy::useless_conversion)] // Widths differ between architectures.
    pub fn links(&self) -> u64 {
        self.0.st_nlink.into()
    }

    /// The last modification, in nanoseconds since 1970.
    pub fn mtime_ns(&self) -> i128 {
        i128::from(self.0.st_mtime) * 1_000_000_000 + i128::from(self.0.st_mtime_nsec)
    }
}
