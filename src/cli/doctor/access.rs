//! Whether another user gets at a file, by the modes of it and of the directories above it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Somebody else, as the kernel sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gids: Vec<u32>,
}

/// What is to be done with a file: the bits of its mode.
pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXECUTE: u32 = 1;

impl User {
    /// The first file or directory on the way to `path`, links followed, that keeps this user from it.
    /// `None`: nothing does, or nothing is there.
    pub(super) fn kept_out_by(&self, path: &Path, wanted: u32) -> Option<PathBuf> {
        let real = fs::canonicalize(path).ok()?;
        let above: Vec<&Path> = real.ancestors().skip(1).collect();
        for dir in above.into_iter().rev() {
            if !self.may(&fs::metadata(dir).ok()?, EXECUTE) {
                return Some(dir.to_path_buf());
            }
        }
        (!self.may(&fs::metadata(&real).ok()?, wanted)).then_some(real)
    }

    fn may(&self, meta: &Metadata, wanted: u32) -> bool {
        let mode = meta.mode();
        let bits = if self.uid == 0 {
            return wanted != EXECUTE || meta.is_dir() || mode & 0o111 != 0;
        } else if meta.uid() == self.uid {
            mode >> 6
        } else if self.gids.contains(&meta.gid()) {
            mode >> 3
        } else {
            mode
        };
        bits & wanted == wanted
    }
}
