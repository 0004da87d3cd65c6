//! Makes and removes files and links below a root: atomically, idempotently, and never one that
//! somebody else made.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{lchown, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::Failure;

use crate::compiler::search::is_ccroute;
/// The line by which a file is known as ours.
pub(super) use crate::compiler::search::MARK;
use crate::os::replace;

/// What was done, counted.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub(super) made: usize,
    pub(super) removed: usize,
    pub(super) unchanged: usize,
    /// Left alone because somebody else made it.
    pub(super) foreign: usize,
}

impl Made {
    /// In words: `4 made, 2 unchanged`.
    pub(super) fn in_words(&self, dry_run: bool) -> String {
        let kinds = match dry_run {
            true => ["to make", "to remove", "unchanged", "to leave alone"],
            false => ["made", "removed", "unchanged", "left alone"],
        };
        let counts = [self.made, self.removed, self.unchanged, self.foreign];
        let counted = counts.into_iter().zip(kinds).filter(|(n, _)| *n > 0);
        let words: Vec<String> = counted.map(|(n, kind)| format!("{n} {kind}")).collect();
        match words.is_empty() {
            true => "nothing to do".to_owned(),
            false => words.join(", "),
        }
    }
}

/// A file system tree to install into.
#[derive(Debug)]
pub(super) struct Tree {
    root: PathBuf,
    dry_run: bool,
    /// Say each thing that is done.
    verbose: bool,
    /// What a dry run would do, by verb and directory, with the names.
    planned: RefCell<BTreeMap<(&'static str, PathBuf), Vec<String>>>,
}

impl Tree {
    /// The tree below `root`.
    ///
    /// # Errors
    /// `root` is not a directory.
    pub(super) fn new(root: &Path, dry_run: bool, verbose: bool) -> Result<Tree, Failure> {
        if !root.is_dir() {
            return Err(Failure::Usage(format!(
                "--root {}: no such directory",
                root.display()
            )));
        }
        Ok(Tree {
            root: root.to_path_buf(),
            dry_run,
            verbose,
            planned: RefCell::default(),
        })
    }

    /// Prints what a dry run would do, a directory's files together. One that is verbose has said it.
    pub(super) fn summary(&self, out: &mut dyn Write) -> io::Result<()> {
        const FEW: usize = 2;
        for ((verb, dir), names) in self.planned.take() {
            let things = match verb {
                "link" => "links",
                _ => "files",
            };
            match names.len() {
                0..=FEW => {
                    for name in names {
                        writeln!(out, "would {verb} {}", dir.join(name).display())?;
                    }
                }
                more => writeln!(out, "would {verb} {more} {things} in {}", dir.display())?,
            }
        }
        Ok(())
    }

    /// Where `path`, absolute in the tree, is for this process.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    pub(super) fn exists(&self, path: &str) -> bool {
        self.real(Path::new(path)).exists()
    }

    /// Whether anything stands at `path`, a dangling link included.
    pub(super) fn holds(&self, path: &Path) -> bool {
        fs::symlink_metadata(self.real(path)).is_ok()
    }

    /// Whether the file at `path` bears the mark.
    pub(super) fn is_ours(&self, path: &Path) -> bool {
        is_marked(&self.real(path))
    }

    /// Makes a link `at` → `target`. A link to some ccroute is ours; anything else is left alone.
    pub(super) fn link(
        &self,
        at: &Path,
        target: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let real = self.real(at);
        match fs::read_link(&real) {
            Ok(now) if now == target => {
                made.unchanged += 1;
                return Ok(());
            }
            Ok(now) if !is_ccroute(&now) => return foreign(at, made, out),
            Err(_) if self.holds(at) => return foreign(at, made, out),
            _ => {}
        }
        made.made += 1;
        self.act(out, "link", at, &leads_to(target), || {
            make_parent(&real)?;
            replace::link(&real, target)
        })
    }

    /// Whether `path` is a directory, or a link to one.
    pub(super) fn is_dir(&self, path: &str) -> bool {
        self.real(Path::new(path)).is_dir()
    }

    /// The text of a file that bears the mark.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let path = Path::new(path);
        let ours = self.is_ours(path);
        ours.then(|| fs::read_to_string(self.real(path)).ok())?
    }

    /// Makes a link in place of an existing file, which is kept.
    pub(super) fn take_place(
        &self,
        at: &Path,
        target: &Path,
        kept: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let (from, to) = (self.real(at), self.real(kept));
        let meta = fs::symlink_metadata(&from);
        let is_file = meta.as_ref().is_ok_and(fs::Metadata::is_file);
        let foreign = is_file || meta.is_ok_and(|m| m.is_symlink()) && !self.is_our_link(at);
        if foreign {
            let detail = format!(" as {}", kept.display());
            self.act(out, "keep", at, &detail, || {
                make_parent(&to)?;
                replace::copy(&to, &from)?;
                // The copy is complete, so the place may be taken.
                fs::remove_file(&from)
            })?;
            if self.dry_run {
                made.made += 1;
                return self.act(out, "link", at, &leads_to(target), || Ok(()));
            }
        }
        self.link(at, target, made, out)
    }

    /// Puts what [`Tree::take_place`] put away in its place again, unless somebody else took that.
    pub(super) fn restore(
        &self,
        kept: &Path,
        at: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.put_back(kept, at, self.is_our_link(at), made, out)
    }

    /// The same for [`Tree::take_place_of_file`].
    pub(super) fn restore_file(
        &self,
        kept: &Path,
        at: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.put_back(kept, at, self.is_ours(at), made, out)
    }

    fn put_back(
        &self,
        kept: &Path,
        at: &Path,
        ours: bool,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if !self.holds(kept) {
            return match ours {
                true => self.remove(at, made, out),
                false => Ok(()),
            };
        }
        if self.holds(at) && !ours {
            return self.remove(kept, made, out);
        }
        let (from, to) = (self.real(kept), self.real(at));
        made.removed += 1;
        self.act(out, "restore", at, "", || {
            replace::copy(&to, &from)?;
            fs::remove_file(&from)
        })
    }

    /// The names in a directory, sorted.
    pub(super) fn names_in(&self, dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(self.real(dir)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Removes a link to some ccroute.
    pub(super) fn remove_our_link(
        &self,
        at: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        match self.is_our_link(at) {
            true => self.remove(at, made, out),
            false => Ok(()),
        }
    }

    /// Whether the link at `at` came with the program: those are relative, ours absolute.
    pub(super) fn is_packaged(&self, at: &Path) -> bool {
        fs::read_link(self.real(at))
            .is_ok_and(|target| !target.is_absolute() && is_ccroute(&target))
    }

    fn is_our_link(&self, at: &Path) -> bool {
        fs::read_link(self.real(at)).is_ok_and(|target| is_ccroute(&target))
    }

    /// The names of the links to ccroute in `dir`, without those in `but`.
    pub(super) fn links_to_ccroute(&self, dir: &Path, but: &BTreeSet<String>) -> Vec<String> {
        let mut names = self.names_in(dir);
        names.retain(|name| !but.contains(name) && self.is_our_link(&dir.join(name)));
        names
    }

    /// Makes a file that bears the mark in place of an existing file, which is kept.
    pub(super) fn take_place_of_file(
        &self,
        at: &Path,
        text: &str,
        kept: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.holds(at) && !self.is_ours(at) {
            let (from, to) = (self.real(at), self.real(kept));
            let detail = format!(" as {}", kept.display());
            self.act(out, "keep", at, &detail, || {
                make_parent(&to)?;
                replace::copy(&to, &from)
            })?;
        }
        self.file_without_mark(at, text, 0o644, made, out)
    }

    /// Makes a file that bears the mark.
    pub(super) fn file(
        &self,
        at: &Path,
        text: &str,
        mode: u32,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.holds(at) && !self.is_ours(at) {
            return foreign(at, made, out);
        }
        self.file_without_mark(at, text, mode, made, out)
    }

    /// Makes a file of a form that has no comments; its place alone says that it is ours.
    pub(super) fn file_without_mark(
        &self,
        at: &Path,
        text: &str,
        mode: u32,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let real = self.real(at);
        let same_mode = fs::symlink_metadata(&real)
            .is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o7777 == mode);
        if same_mode && fs::read(&real).is_ok_and(|now| now == text.as_bytes()) {
            made.unchanged += 1;
            return Ok(());
        }
        made.made += 1;
        self.act(out, "write", at, "", || {
            make_parent(&real)?;
            replace::file(&real, text.as_bytes(), mode)
        })
    }

    /// Removes the links to ccroute in `dir` whose names are not in `keep`.
    pub(super) fn remove_links_except(
        &self,
        dir: &Path,
        keep: &BTreeSet<String>,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let ours = |path: &Path| fs::read_link(path).is_ok_and(|target| is_ccroute(&target));
        self.remove_except(dir, keep, &ours, made, out)
    }

    /// Removes the files in `dir` that bear the mark and whose names are not in `keep`.
    pub(super) fn remove_files_except(
        &self,
        dir: &Path,
        keep: &BTreeSet<String>,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        self.remove_except(dir, keep, &is_marked, made, out)
    }

    fn remove_except(
        &self,
        dir: &Path,
        keep: &BTreeSet<String>,
        ours: &dyn Fn(&Path) -> bool,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let entries = fs::read_dir(self.real(dir)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name()).collect();
        names.sort();
        for name in names {
            let kept = name.to_str().is_some_and(|n| keep.contains(n));
            let real = self.real(&dir.join(&name));
            if !kept && ours(&real) {
                self.remove(&dir.join(&name), made, out)?;
            }
        }
        Ok(())
    }

    /// Removes a file if it bears the mark.
    pub(super) fn remove_file(
        &self,
        at: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.is_ours(at) {
            self.remove(at, made, out)
        } else if self.holds(at) {
            foreign(at, made, out)
        } else {
            Ok(())
        }
    }

    /// Removes a file that has no place for the mark.
    pub(super) fn remove_file_of_ours_by_name(
        &self,
        at: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if self.holds(at) {
            self.remove(at, made, out)?;
        }
        Ok(())
    }

    /// Makes a directory with this mode that belongs to this user (and group), if one is given.
    pub(super) fn directory(
        &self,
        at: &Path,
        mode: u32,
        user: Option<(u32, u32)>,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let real = self.real(at);
        let right = |m: fs::Metadata| {
            m.is_dir()
                && m.permissions().mode() & 0o7777 == mode
                && user.is_none_or(|(user, _)| m.uid() == user)
        };
        if fs::symlink_metadata(&real).is_ok_and(right) {
            made.unchanged += 1;
            return Ok(());
        }
        made.made += 1;
        self.act(out, "make", at, "", || {
            fs::create_dir_all(&real)?;
            fs::set_permissions(&real, fs::Permissions::from_mode(mode))?;
            user.map_or(Ok(()), |(user, group)| {
                lchown(&real, Some(user), Some(group))
            })
        })
    }

    /// The first of these users that the tree's /etc/passwd has: user and group.
    pub(super) fn user(&self, names: &[&str]) -> Option<(u32, u32)> {
        let text = fs::read_to_string(self.real(Path::new("/etc/passwd"))).ok()?;
        names.iter().find_map(|name| {
            let mut lines = text.lines().map(|l| l.split(':').collect::<Vec<_>>());
            let fields = lines.find(|f| f.first() == Some(name))?;
            Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?))
        })
    }

    /// Removes a directory of ours with all that is in it.
    pub(super) fn remove_directory(
        &self,
        at: &Path,
        made: &mut Made,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        if !self.holds(at) {
            return Ok(());
        }
        let real = self.real(at);
        made.removed += 1;
        self.act(out, "remove", at, "", || fs::remove_dir_all(&real))
    }

    /// Removes a directory that is empty.
    pub(super) fn remove_empty(&self, dir: &Path) {
        if !self.dry_run {
            // One that is not empty holds something that is not ours.
            let _ = fs::remove_dir(self.real(dir));
        }
    }

    fn remove(&self, at: &Path, made: &mut Made, out: &mut dyn Write) -> Result<(), Failure> {
        let real = self.real(at);
        made.removed += 1;
        self.act(out, "remove", at, "", || fs::remove_file(&real))
    }

    /// Does it, unless this is a dry run; `detail` follows the path in what is said.
    fn act(
        &self,
        out: &mut dyn Write,
        verb: &'static str,
        at: &Path,
        detail: &str,
        action: impl FnOnce() -> io::Result<()>,
    ) -> Result<(), Failure> {
        let what = format!("{verb} {}{detail}", at.display());
        if self.dry_run {
            if self.verbose {
                writeln!(out, "would {what}")?;
            } else {
                let dir = at.parent().unwrap_or(Path::new("/")).to_path_buf();
                let name = at.file_name().unwrap_or_default().to_string_lossy();
                let mut planned = self.planned.borrow_mut();
                planned
                    .entry((verb, dir))
                    .or_default()
                    .push(name.into_owned());
            }
            return Ok(());
        }
        action().map_err(|e| Failure::Fault(format!("cannot {what}: {e}{}", hint(&e))))?;
        if self.verbose {
            writeln!(out, "{what}")?;
        }
        Ok(())
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run it as root",
        _ => "",
    }
}

fn foreign(at: &Path, made: &mut Made, out: &mut dyn Write) -> Result<(), Failure> {
    made.foreign += 1;
    writeln!(out, "left alone: {} (not made by ccroute)", at.display())?;
    Ok(())
}

fn leads_to(target: &Path) -> String {
    format!(" -> {}", target.display())
}

fn is_marked(path: &Path) -> bool {
    let is_file = fs::symlink_metadata(path).is_ok_and(|m| m.is_file() && m.len() < 64 * 1024);
    is_file
        && fs::read(path)
            .is_ok_and(|text| text.split(|&b| b == b'\n').any(|l| l == MARK.as_bytes()))
}

fn make_parent(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), fs::create_dir_all)
}
