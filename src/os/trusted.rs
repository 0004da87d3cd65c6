//! Whether somebody else could have written a file: the one rule for rules files, recorded facts,
//! caches and the guard (DESIGN.md, "Rules").
//!
//! Permission bits alone count, and the group counts, whichever it is. A directory with the sticky bit
//! passes: nobody can replace there what another has made. A link's own bits mean nothing; its
//! directory decides.

use std::fs;
use std::path::Path;

use nix::fcntl::{AtFlags, AT_FDCWD};
use nix::unistd::{faccessat, AccessFlags};
use thiserror::Error;

use super::meta::Meta;

/// Why a file is not trusted.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Untrusted {
    #[error("it is owned by neither root nor the user who runs ccroute")]
    Owner,
    #[error("it is not owned by root")]
    NotRoots,
    #[error("it is writable by group or others")]
    Writable,
}

impl Untrusted {
    /// The command that makes `path` trusted.
    pub fn fix(self, path: &Path) -> String {
        let path = super::quote::path(path);
        match self {
            Untrusted::Owner | Untrusted::NotRoots => format!("chown root {path}"),
            Untrusted::Writable => format!("chmod go-w {path}"),
        }
    }
}

/// Only root or the user who runs ccroute can write it.
///
/// # Errors
/// Somebody else can.
pub fn by_root_or_user(meta: &Meta) -> Result<(), Untrusted> {
    if !is_trusted_owner(meta.uid()) {
        return Err(Untrusted::Owner);
    }
    not_shared(meta)
}

/// Only root can write it.
///
/// # Errors
/// Somebody else can.
pub fn by_root(meta: &Meta) -> Result<(), Untrusted> {
    if meta.uid() != 0 {
        return Err(Untrusted::NotRoots);
    }
    not_shared(meta)
}

/// The rule for what is in one of the four built-in rules directories, and for the directories above.
/// `meta` is of `path`, links not followed.
///
/// In a user namespace that does not map uid 0, root's files appear with the overflow uid, as do those
/// of every other user that it does not map. Such a file counts as root's if this process cannot write
/// it either. Only in a place that is root's on every system does that make a difference that is safe.
///
/// # Errors
/// Somebody else can write it.
pub fn built_in(path: &Path, meta: &Meta) -> Result<(), Untrusted> {
    match by_root_or_user(meta) {
        Err(Untrusted::Owner) if is_unmapped_root(path, meta) => not_shared(meta),
        result => result,
    }
}

/// Whether a file's owner is root or the user who runs ccroute.
pub fn is_trusted_owner(user: u32) -> bool {
    user == 0 || user == nix::unistd::geteuid().as_raw()
}

/// Whether neither group nor others can write it.
fn not_shared(meta: &Meta) -> Result<(), Untrusted> {
    let mode = meta.mode();
    let sticky = meta.is_dir() && mode & 0o1000 != 0;
    match mode & 0o022 != 0 && !sticky && !meta.is_symlink() {
        true => Err(Untrusted::Writable),
        false => Ok(()),
    }
}

fn is_unmapped_root(path: &Path, meta: &Meta) -> bool {
    // The kernel's own file, which is root's everywhere: how it appears shows how root appears.
    let known = Path::new("/proc/sys/kernel/overflowuid");
    let overflow = fs::read_to_string(known).ok();
    let Some(overflow) = overflow.and_then(|text| text.trim().parse().ok()) else {
        return false;
    };
    let appears_so = Meta::of(known).is_ok_and(|m| m.uid() == overflow);
    let map = fs::read_to_string("/proc/self/uid_map");
    let ambiguous = map.map_or(true, |map| has_inside(&map, overflow));
    let own = || {
        let flags = AtFlags::AT_EACCESS;
        faccessat(AT_FDCWD, path, AccessFlags::W_OK, flags).is_ok()
    };
    meta.uid() == overflow && appears_so && !ambiguous && (meta.is_symlink() || !own())
}

/// Whether a user of a user namespace has this uid. A line of the map is the first uid inside, the first
/// outside and their number (user_namespaces(7)).
fn has_inside(map: &str, uid: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map(str::parse::<u64>);
        match (numbers.next(), numbers.nth(1)) {
            (Some(Ok(first)), Some(Ok(count))) => {
                (first..first.saturating_add(count)).contains(&u64::from(uid))
            }
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{symlink, PermissionsExt};

    #[test]
    fn only_what_nobody_else_can_write_is_trusted() {
        let scratch = tempdir();
        let (file, dir, link) = (scratch.join("f"), scratch.join("d"), scratch.join("l"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&dir).unwrap();
        symlink("f", &link).unwrap();
        let verdict = |path: &Path, mode: Option<u32>| {
            if let Some(mode) = mode {
                fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
            }
            by_root_or_user(&Meta::of_link(path).unwrap())
        };
        for mode in [0o600, 0o644, 0o755, 0o444] {
            assert_eq!(verdict(&file, Some(mode)), Ok(()), "{mode:o}");
        }
        for mode in [0o620, 0o602, 0o666, 0o1666] {
            assert_eq!(
                verdict(&file, Some(mode)),
                Err(Untrusted::Writable),
                "{mode:o}"
            );
        }
        assert_eq!(verdict(&dir, Some(0o777)), Err(Untrusted::Writable));
        assert_eq!(verdict(&dir, Some(0o1777)), Ok(()));
        assert_eq!(verdict(&link, None), Ok(()));
        fs::remove_dir_all(scratch).unwrap();
    }

    #[test]
    fn another_users_file_is_not_trusted() {
        // /proc/1 is root's, and this process's own files are its user's.
        let roots = Meta::of_link(Path::new("/proc/sys/kernel/overflowuid")).unwrap();
        assert_eq!(by_root(&roots), Ok(()));
        assert_eq!(
            Untrusted::NotRoots.fix(Path::new("/a b")),
            "chown root '/a b'"
        );
    }

    #[test]
    fn a_map_says_which_users_are_inside() {
        let whole = "         0          0 4294967295\n";
        assert!(has_inside(whole, 65534) && has_inside(whole, 0));
        let two = "         0       1000          1\n     65500          0        100\n";
        assert!(has_inside(two, 65534) && !has_inside(two, 1));
        assert!(!has_inside("      1000          0          1\n", 65534));
        assert!(has_inside("nonsense", 65534));
    }

    fn tempdir() -> std::path::PathBuf {
        let dir = std::env::temp_dir().join(format!("ccroute-trusted-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    }
}
