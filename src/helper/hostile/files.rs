//! The job that a helper compiles: which files are its own.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::options::{self, Kind};
use crate::os;

/// A job as distccd lays it out. A plain job is one preprocessed file; distccd runs the compiler
/// in its temporary directory, which the jobs share. A pump job has a tree of its own there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFiles {
    /// The directory that the compiler runs in.
    pub cwd: PathBuf,
    /// Of a pump job: the directory that stands for the client's root.
    pub tree: Option<PathBuf>,
    /// The source as distccd named it: `…/distccd_HEX.i`.
    pub input: Option<PathBuf>,
    /// The object as distccd named it: `…/distccd_HEX.o`.
    pub output: Option<PathBuf>,
}

impl JobFiles {
    /// Reads the job off its arguments: distccd's own `-o` and input.
    pub fn find<S: AsRef<OsStr>>(args: &[S], cwd: &Path) -> JobFiles {
        let mut job = JobFiles {
            cwd: cwd.to_owned(),
            ..JobFiles::default()
        };
        for arg in options::scan(args) {
            match arg.kind {
                // distccd puts its own name in the place of the client's, wherever `-o` stands.
                Kind::Valued(b"-o", Some(value)) => {
                    if let Some(path) = distccd_file(cwd, value) {
                        job.output = Some(path);
                    }
                }
                Kind::Input(word) => {
                    if let Some(path) = distccd_file(cwd, word) {
                        job.input = Some(path);
                    }
                }
                _ => {}
            }
        }
        job.find_tree();
        let dir =
            |file: &Option<PathBuf>| file.as_deref().and_then(Path::parent).map(PathBuf::from);
        // Only a plain job's input bears distccd's name, and it lies beside the object. In a pump job
        // such a name is the client's doing, and means another job's file.
        if job.tree.is_some() || dir(&job.input) != dir(&job.output) {
            job.input = None;
        }
        job
    }

    /// Finds the `distccd_XXXXXX` directory beside the object that the compiler runs in.
    fn find_tree(&mut self) {
        let Some(tmp) = self.output.as_deref().and_then(Path::parent) else {
            return;
        };
        // The working directory comes from the kernel, without links; distccd names its files by
        // TMPDIR as it was set. Its spelling is the one that arguments are compared with.
        let below = match self.cwd.strip_prefix(tmp) {
            Ok(below) => below.to_owned(),
            Err(_) => {
                let real = tmp.canonicalize().ok();
                let below = real.and_then(|r| Some(self.cwd.strip_prefix(r).ok()?.to_owned()));
                let Some(below) = below else { return };
                below
            }
        };
        let Some(Component::Normal(first)) = below.components().next() else {
            return;
        };
        if first.as_bytes().starts_with(b"distccd_") {
            let (tree, cwd) = (tmp.join(first), tmp.join(&below));
            self.tree = Some(tree);
            self.cwd = cwd;
        }
    }

    /// Whether a file that an argument names is the job's own.
    pub fn owns(&self, name: &[u8]) -> bool {
        if name.is_empty() || name == b"-" || name == b"/dev/null" {
            return true;
        }
        let path = normal(&self.cwd.join(OsStr::from_bytes(name)));
        self.is_own_file(&path) || self.tree.as_deref().is_some_and(|tree| within(tree, &path))
    }

    /// The path of a result that distccd expects of the job, if this names one: the object, or a pump job's
    /// list of dependencies.
    pub fn result(&self, name: &[u8]) -> Option<PathBuf> {
        let path = normal(&self.cwd.join(OsStr::from_bytes(name)));
        let ours = self.output.as_deref() == Some(&path) || self.is_dependencies(&path);
        ours.then_some(path)
    }

    /// Whether this is the list of dependencies that distccd asks of a pump job.
    fn is_dependencies(&self, path: &Path) -> bool {
        let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
        let beside_tree = self.tree.as_deref().and_then(Path::parent) == path.parent();
        self.tree.is_some()
            && beside_tree
            && name.starts_with(b"distcc_")
            && name.ends_with(b".deps")
    }

    /// Whether a directory that an argument names lies in the job's tree.
    pub fn owns_dir(&self, name: &[u8]) -> bool {
        // A plain job has no tree, and nothing in it is looked for in a directory.
        let Some(tree) = self.tree.as_deref() else {
            return true;
        };
        within(tree, &normal(&self.cwd.join(OsStr::from_bytes(name))))
    }

    /// The input, the object, what the compiler writes beside them (`distccd_HEX.su`, `.dwo`), and
    /// the list of dependencies that distccd asks of a pump job.
    fn is_own_file(&self, path: &Path) -> bool {
        let (Some(dir), Some(name)) = (path.parent(), path.file_name()) else {
            return false;
        };
        let name = name.as_bytes();
        let own = |of: &Option<PathBuf>| {
            let Some((of, stem)) = of.as_deref().and_then(|p| Some((p, p.file_stem()?))) else {
                return false;
            };
            of.parent() == Some(dir)
                && name
                    .strip_prefix(stem.as_bytes())
                    .is_some_and(|rest| matches!(rest.first(), None | Some(b'.' | b'-')))
        };
        own(&self.output) || own(&self.input) || self.is_dependencies(path)
    }
}

/// The path of a file that distccd named.
fn distccd_file(cwd: &Path, name: &[u8]) -> Option<PathBuf> {
    let path = normal(&cwd.join(OsStr::from_bytes(name)));
    let ours = path.file_name()?.as_bytes().starts_with(b"distccd_");
    ours.then_some(path)
}

/// The path without `.` and `..`, by its letters alone.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// Whether `path` lies in `tree`, by its letters and, as far as it exists, in truth: a pump client sends
/// symbolic links as well as files, and one may point anywhere. What does not exist cannot be read, and the
/// sandbox lets nothing be made there.
///
/// The kernel resolves both, because it takes time in proportion to the path's length. `realpath` looks at
/// every part by its whole path, which is the square of that; a client chooses the length.
fn within(tree: &Path, path: &Path) -> bool {
    if !path.starts_with(tree) {
        return false;
    }
    let real = os::real_path(path).or_else(|missing| match path.parent() {
        // A file that is to be made, and not a link to nothing, is where its directory is.
        Some(parent) if !path.is_symlink() => os::real_path(parent),
        Some(_) => Ok(PathBuf::new()),
        None => Err(missing),
    });
    match (os::real_path(tree), real) {
        (Ok(tree), Ok(path)) => path.starts_with(tree),
        // Where /proc is missing the letters have to do.
        _ => true,
    }
}
