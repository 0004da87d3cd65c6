//! Makes a file or link, or replaces it, in one step: a reader sees the old one or the whole new one.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{symlink, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// Writes a file with exactly this mode, whatever the umask.
///
/// # Errors
/// The directory cannot be written, or the disk is full; `path` is then as it was.
pub fn file(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    by(path, |new| {
        // O_EXCL: not through a link that somebody put there.
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(mode & 0o700);
        let mut file = options.open(new)?;
        file.write_all(bytes)?;
        file.set_permissions(Permissions::from_mode(mode))
    })
}

/// Makes a symbolic link to `target`.
///
/// # Errors
/// The directory cannot be written; `path` is then as it was.
pub fn link(path: &Path, target: &Path) -> io::Result<()> {
    by(path, |new| symlink(target, new))
}

/// Copies a file with its mode, or a link as a link.
///
/// # Errors
/// `from` cannot be read, or `path` not be written; `path` is then as it was.
pub fn copy(path: &Path, from: &Path) -> io::Result<()> {
    by(path, |new| match fs::read_link(from) {
        Ok(target) => symlink(target, new),
        Err(_) => fs::copy(from, new).map(drop),
    })
}

/// Has `make` make something under a name of its own in the same directory, and renames that.
fn by(path: &Path, make: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}", std::process::id()));
    let new = path.with_file_name(name);
    // Left behind by a process that was killed and had the same number.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let result = make(&new).and_then(|()| fs::rename(&new, path));
    if result.is_err() {
        // The first error is the one that says what is wrong.
        let _ = fs::remove_file(&new);
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_file_is_replaced_whole_or_not_at_all() {
        let dir = std::env::temp_dir().join(format!("ccroute-replace-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("f");
        file(&path, b"one", 0o664).unwrap();
        file(&path, b"two", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o644);
        link(&dir.join("l"), Path::new("f")).unwrap();
        copy(&dir.join("m"), &dir.join("l")).unwrap();
        assert_eq!(fs::read_link(dir.join("m")).unwrap(), Path::new("f"));
        // A directory cannot be replaced by a file: nothing is left of the attempt.
        fs::create_dir(dir.join("d")).unwrap();
        assert!(file(&dir.join("d"), b"x", 0o644).is_err());
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 4);
        fs::remove_dir_all(dir).unwrap();
    }
}
