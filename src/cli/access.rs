//! Whether another user can use a file, by the modes of it and of the directories above it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::os::quote;

/// Another user, as the kernel sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gids: Vec<u32>,
}

/// What is to be done with a file: the bits of its mode.
pub(super) const READ: u32 = 4;
pub(super) const WRITE: u32 = 2;
pub(super) const EXECUTE: u32 = 1;

/// A file or directory that keeps a user out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Barrier {
    pub(super) at: PathBuf,
    /// The change of mode that lets the user pass, as chmod(1) takes it.
    change: String,
}

impl Barrier {
    /// The command that lets the user pass.
    pub(super) fn fix(&self) -> String {
        format!("chmod {} {}", self.change, quote::path(&self.at))
    }
}

impl User {
    /// The first file or directory on the way to `path`, links followed, that keeps this user from it.
    /// `None`: nothing does, or there is no such file.
    pub(super) fn kept_out_by(&self, path: &Path, wanted: u32) -> Option<Barrier> {
        let real = fs::canonicalize(path).ok()?;
        let above: Vec<&Path> = real.ancestors().skip(1).collect();
        let steps = above.into_iter().rev().map(|dir| (dir, EXECUTE));
        let barrier = |(at, wanted): (&Path, u32)| {
            let meta = fs::metadata(at).ok()?;
            (!self.may(&meta, wanted)).then(|| self.barrier(at, &meta, wanted))
        };
        let found = steps.chain([(real.as_path(), wanted)]).find_map(barrier);
        found
    }

    fn barrier(&self, at: &Path, meta: &Metadata, wanted: u32) -> Barrier {
        let class = match self.class(meta) {
            6 => 'u',
            3 => 'g',
            _ => 'o',
        };
        // A program that cannot be read may be a script; a directory is listed as well as passed.
        let wanted = if wanted & EXECUTE != 0 {
            wanted | READ
        } else {
            wanted
        };
        let bits = [(READ, 'r'), (WRITE, 'w'), (EXECUTE, 'x')];
        let bits: String = bits
            .iter()
            .filter(|(b, _)| wanted & b != 0)
            .map(|(_, c)| c)
            .collect();
        Barrier {
            at: at.to_path_buf(),
            change: format!("{class}+{bits}"),
        }
    }

    /// How far the bits of the class that counts for this user are from the right.
    fn class(&self, meta: &Metadata) -> u32 {
        if meta.uid() == self.uid {
            6
        } else if self.gids.contains(&meta.gid()) {
            3
        } else {
            0
        }
    }

    fn may(&self, meta: &Metadata, wanted: u32) -> bool {
        let mode = meta.mode();
        if self.uid == 0 {
            return wanted != EXECUTE || meta.is_dir() || mode & 0o111 != 0;
        }
        mode >> self.class(meta) & wanted == wanted
    }
}
