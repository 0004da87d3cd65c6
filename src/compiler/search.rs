//! Which compilers are installed: finds a program by name in given directories and on PATH,
//! passing over ccroute itself and other wrappers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use once_cell::unsync::OnceCell;

use crate::os::meta::Meta;
use crate::os::FileId;
use crate::os::MAX_LINKS;

/// Programs that pretend to be compilers. A candidate that resolves to one is passed over; another
/// copy of ccroute is one too.
const WRAPPERS: &[&[u8]] = &[b"distcc", b"ccache", b"icecc", b"sccache", OURSELVES];

const OURSELVES: &[u8] = b"ccroute";

/// The file names of the program: today's, and that of 0.1's shim, whose links `install` repairs.
pub const PROGRAMS: [&str; 2] = ["ccroute", "ccroute-shim"];

/// Whether a path is of one of [`PROGRAMS`], by its last part.
pub fn is_ccroute(path: &Path) -> bool {
    let name = path.file_name();
    PROGRAMS
        .iter()
        .any(|program| name == Some(OsStr::new(program)))
}

/// The line by which a file that `install` made is known.
pub const MARK: &str = "# Made by ccroute install; ccroute uninstall removes it.";

/// No file of ours that stands for a compiler's name is as large, in bytes; every compiler is larger.
const OURS_MAX: u64 = 512;

/// A compiler as found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    /// Where it was found, links unresolved: gcc finds its cc1 by it, clang its target.
    pub path: PathBuf,
    /// The base name at the end of its links: `arm-linux-gnueabihf-gcc-12`.
    pub resolved: OsString,
    pub id: FileId,
    /// Modification time in nanoseconds since the epoch.
    pub mtime: i128,
    /// Size in bytes.
    pub size: u64,
}

/// Where a launcher's own children find a full name on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// With this PATH they find the local compiler itself.
    Outside(OsString),
    /// They find ccroute, which has to be told of the local compiler.
    ThroughShim,
    /// They find nothing, or something else.
    Nowhere,
    /// There is no PATH that they could look along.
    NoPath,
}

/// What looking for a name came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Yes(Installed),
    /// A file of that name that cannot be executed.
    NotExecutable(PathBuf),
    No,
}

/// What the file system said of a path.
#[derive(Clone, Debug)]
struct Seen {
    is_file: bool,
    executable: bool,
    id: FileId,
    mtime: i128,
    size: u64,
    /// See [`Search::resolved`].
    resolved: OnceCell<OsString>,
}

/// Where to look, and what to pass over.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// One decision asks about the same few paths several times; the answers do not change under it.
    seen: RefCell<HashMap<OsString, Option<Rc<Seen>>>>,
    /// The names on PATH that end in a version, read at most once.
    names: OnceCell<Vec<String>>,
    /// The directories of PATH; relative ones and empty ones are left out.
    path: Vec<PathBuf>,
    /// How many of them stand before the place to look first: up to and including the directory that
    /// ccroute was called through.
    passed: usize,
    /// ccroute itself and the shims already passed.
    skip: Vec<FileId>,
}

impl Search {
    /// A search along `path` (a PATH variable's text) that passes over the files in `skip`.
    pub fn new(path: &OsStr, skip: Vec<FileId>) -> Search {
        let dirs = path.as_bytes().split(|&b| b == b':');
        Search {
            path: dirs
                .filter(|d| d.first() == Some(&b'/'))
                .map(|d| PathBuf::from(OsStr::from_bytes(d)))
                .collect(),
            passed: 0,
            skip,
            seen: RefCell::default(),
            names: OnceCell::new(),
        }
    }

    /// The same search, told beforehand that the file `id`, which is passed over, stands at `path`.
    pub fn with_own(self, path: &Path, id: FileId) -> Search {
        let own = Seen {
            is_file: true,
            executable: true,
            id,
            mtime: 0,
            size: 0,
            resolved: OnceCell::new(),
        };
        let key = path.as_os_str().to_os_string();
        self.seen.borrow_mut().insert(key, Some(Rc::new(own)));
        self
    }

    /// The same search, which looks behind the directory `through` of PATH first: a wrapper in front
    /// of it has called ccroute, and would be found again. Where PATH does not have that directory,
    /// nothing changes.
    pub fn behind(mut self, through: &Path) -> Search {
        let same = |dir: &PathBuf| without_slashes(dir) == without_slashes(through);
        self.passed = self.path.iter().position(same).map_or(0, |at| at + 1);
        self
    }

    /// The directory of PATH through which `name` leads to ccroute.
    pub fn through(&self, name: &str) -> Option<PathBuf> {
        let executed = |dir: &&PathBuf| {
            let seen = self.see(&dir.join(name));
            seen.is_some_and(|s| s.is_file && s.executable)
        };
        let dir = self.path.iter().find(executed)?;
        self.is_ours(&dir.join(name)).then(|| dir.clone())
    }

    /// What stands at `path`, links followed; `None` if nothing does.
    fn see(&self, path: &Path) -> Option<Rc<Seen>> {
        if let Some(seen) = self.seen.borrow().get(path.as_os_str()) {
            return seen.clone();
        }
        let seen = Meta::of(path).ok().map(|meta| {
            Rc::new(Seen {
                is_file: meta.is_file(),
                executable: meta.is_program(),
                id: meta.id(),
                mtime: meta.mtime_ns(),
                size: meta.size(),
                resolved: OnceCell::new(),
            })
        });
        let key = path.as_os_str().to_os_string();
        self.seen.borrow_mut().insert(key, seen.clone());
        seen
    }

    /// The base name at the end of the links at `path`, which `seen` is of.
    fn resolved<'s>(&self, path: &Path, seen: &'s Seen) -> &'s OsStr {
        seen.resolved.get_or_init(|| last_link(path))
    }

    /// Whether `path`, which `seen` is of, is ccroute itself, a shim already passed, or a wrapper. The
    /// identity is known already, the links are not.
    fn passed_over(&self, path: &Path, seen: &Seen) -> bool {
        self.skip.contains(&seen.id) || is_wrapper(self.resolved(path, seen))
    }

    /// The directories of PATH that are searched.
    pub fn path(&self) -> &[PathBuf] {
        &self.path
    }

    /// Looks for `name` in `first` (absolute directories, globs allowed), then on PATH: behind the
    /// directory that ccroute was called through, then before it.
    pub fn find(&self, name: &str, first: &[String]) -> Found {
        let mut blocked = None;
        for dir in self.directories(first) {
            match self.at(&dir.join(name)) {
                Found::Yes(installed) => return Found::Yes(installed),
                Found::NotExecutable(path) => blocked = blocked.or(Some(path)),
                Found::No => {}
            }
        }
        blocked.map_or(Found::No, Found::NotExecutable)
    }

    /// The directories to search: those given first, then PATH's, from behind the one that ccroute was
    /// called through.
    fn directories<'s>(&'s self, first: &'s [String]) -> impl Iterator<Item = PathBuf> + 's {
        let globbed = first.iter().flat_map(|pattern| expand(pattern));
        let (before, behind) = self.path.split_at(self.passed);
        globbed.chain(behind.iter().chain(before).cloned())
    }

    /// Every program called `name`, in the order in which [`find`](Search::find) looks.
    pub fn find_all(&self, name: &str, first: &[String]) -> Vec<Installed> {
        let found = self.directories(first).map(|dir| self.at(&dir.join(name)));
        let usable = found.filter_map(|found| match found {
            Found::Yes(installed) => Some(installed),
            _ => None,
        });
        usable.collect()
    }

    /// The versions for which a program `NAME-VERSION` is installed, the newest first. Reads whole
    /// directories; for rare decisions only.
    pub fn versions_of(&self, name: &str, first: &[String]) -> Vec<String> {
        let given = first.iter().flat_map(|pattern| expand(pattern));
        let given: Vec<String> = given.flat_map(|dir| file_names(&dir)).collect();
        let on_path = self
            .names
            .get_or_init(|| self.path.iter().flat_map(|dir| file_names(dir)).collect());
        let version = |text: &String| {
            let version = text.strip_prefix(name)?.strip_prefix('-')?;
            let digits = version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            (digits && !version.is_empty()).then(|| version.to_owned())
        };
        let mut versions: Vec<String> = given.iter().chain(on_path).filter_map(version).collect();
        let number =
            |v: &String| -> Vec<u32> { v.split('.').filter_map(|n| n.parse().ok()).collect() };
        versions.sort_by_key(|v| std::cmp::Reverse(number(v)));
        versions.dedup();
        versions
    }

    /// What stands at `path`, if it may serve.
    pub fn at(&self, path: &Path) -> Found {
        let Some(seen) = self.see(path) else {
            return Found::No;
        };
        if !seen.is_file || self.passed_over(path, &seen) {
            return Found::No;
        }
        if seen.size < OURS_MAX && is_whitelist_entry(path) {
            return Found::No;
        }
        if !seen.executable {
            return Found::NotExecutable(path.to_path_buf());
        }
        Found::Yes(Installed {
            path: path.to_path_buf(),
            resolved: self.resolved(path, &seen).to_os_string(),
            id: seen.id,
            mtime: seen.mtime,
            size: seen.size,
        })
    }

    /// Whether `path` is ccroute itself, or a wrapper, under a compiler's name.
    fn is_masked(&self, path: &Path) -> bool {
        self.see(path)
            .is_some_and(|seen| seen.is_file && self.passed_over(path, &seen))
    }

    /// Where the children of a launcher find `full` (a program's name) on the PATH `path`, if it
    /// is to be the compiler at `local`. The directories that hold ccroute or a wrapper under the
    /// name `called` or `full` in front of that compiler are taken off, and those before the one that
    /// ccroute was called through that hold anything of the name `full`.
    pub fn reach(&self, path: &OsStr, called: &str, full: &str, local: &Path) -> Reach {
        let Found::Yes(local) = self.at(local) else {
            return Reach::Nowhere;
        };
        let mut kept: Vec<&[u8]> = Vec::new();
        let mut first: Option<Reach> = None;
        let mut passed = self.path[..self.passed].iter().peekable();
        let mut entries = path.as_bytes().split(|&b| b == b':');
        while let Some(entry) = entries.next() {
            let dir = Path::new(OsStr::from_bytes(entry));
            let there = dir.join(full);
            let before = passed.next_if(|d| d.as_os_str() == dir.as_os_str());
            let in_front = before.is_some() && self.see(&there).is_some_and(|s| s.executable);
            let masked = self.is_masked(&there);
            if masked {
                let ours = self.is_ours(&there);
                first.get_or_insert(if ours {
                    Reach::ThroughShim
                } else {
                    Reach::Nowhere
                });
            }
            let masks = masked || in_front || self.is_masked(&dir.join(called));
            // Where there is an assembler other tools are, and gcc looks for them on PATH.
            if masks && self.see(&dir.join("as")).is_none() {
                continue;
            }
            kept.push(entry);
            // What execvp would find, relative directories included.
            if !self.see(&there).is_some_and(|s| s.is_file && s.executable) {
                continue;
            }
            if matches!(self.at(&there), Found::Yes(found) if found.id == local.id) {
                kept.extend(entries);
                return Reach::Outside(OsStr::from_bytes(&kept.join(&b':')).to_os_string());
            }
            break;
        }
        first.unwrap_or(Reach::Nowhere)
    }

    /// Whether the first program called `full` on the PATH `path` is ccroute.
    pub fn leads_here(&self, path: &OsStr, full: &str) -> bool {
        let dirs = path.as_bytes().split(|&b| b == b':');
        let places = dirs.map(|dir| Path::new(OsStr::from_bytes(dir)).join(full));
        let runs = |at: &PathBuf| self.see(at).is_some_and(|s| s.is_file && s.executable);
        places
            .into_iter()
            .find(runs)
            .is_some_and(|at| self.is_ours(&at))
    }

    fn is_ours(&self, path: &Path) -> bool {
        self.see(path).is_some_and(|s| {
            self.skip.contains(&s.id) || is_ccroute(Path::new(self.resolved(path, &s)))
        })
    }

    /// The triples for which a program `TRIPLE-suffix` stands on PATH or in `first`: the compilers
    /// installed, in PATH's order, each once. Reads whole directories; for rare decisions only.
    pub fn triples_with(&self, suffix: &str, first: &[String]) -> Vec<String> {
        let mut triples: Vec<String> = Vec::new();
        for dir in self.directories(first) {
            let mut here: Vec<String> = fs::read_dir(&dir)
                .into_iter()
                .flatten()
                .flatten()
                .filter_map(|entry| entry.file_name().into_string().ok())
                .filter_map(|name| {
                    let triple = name.strip_suffix(suffix)?.strip_suffix('-')?.to_owned();
                    (triple.contains('-') && matches!(self.at(&dir.join(name)), Found::Yes(_)))
                        .then_some(triple)
                })
                .collect();
            here.sort();
            triples.extend(here);
        }
        unique(triples)
    }
}

/// A directory's letters without the slashes that it may end in.
fn without_slashes(dir: &Path) -> &[u8] {
    let letters = dir.as_os_str().as_bytes();
    let end = letters.iter().rposition(|&b| b != b'/');
    &letters[..end.map_or(0, |at| at + 1)]
}

/// The names of a directory's files that end in a digit; nothing for one that cannot be read.
fn file_names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|n| n.ends_with(|c: char| c.is_ascii_digit()))
        .collect()
}

/// A short list without its repetitions, the first of each kept.
pub fn unique(list: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(list.len());
    for item in list {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

/// The directories that a pattern stands for; nothing for one that is relative or wrong.
pub fn expand(pattern: &str) -> Vec<PathBuf> {
    if !pattern.starts_with('/') {
        return Vec::new();
    }
    if !pattern.contains(['*', '?', '[']) {
        return vec![PathBuf::from(pattern)];
    }
    let Ok(paths) = glob::glob(pattern) else {
        return Vec::new();
    };
    paths.filter_map(Result::ok).collect()
}

/// The base name at the end of a chain of links; the file's own where there is none.
fn last_link(path: &Path) -> OsString {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(target) => {
                // A relative target is relative to the link's directory.
                path = path.parent().unwrap_or(Path::new("/")).join(target);
                if is_wrapper(path.file_name().unwrap_or_default()) {
                    break;
                }
            }
            Err(_) => break,
        }
    }
    path.file_name().unwrap_or_default().to_os_string()
}

/// The file that lets a name pass distccd's whitelist leads back to ccroute. A helper that is a
/// client too has its directory on PATH.
fn is_whitelist_entry(path: &Path) -> bool {
    fs::read(path).is_ok_and(|text| text.split(|&b| b == b'\n').any(|l| l == MARK.as_bytes()))
}

/// distcc, ccache and their like, also with a suffix (`ccache-4`, `distcc.real`).
fn is_wrapper(name: &OsStr) -> bool {
    let name = name.as_bytes();
    WRAPPERS.iter().any(|wrapper| {
        name.strip_prefix(*wrapper)
            .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphabetic))
    })
}

/// Where a launcher (`distcc`, or an absolute path) is. Unlike a compiler it may be a wrapper.
pub fn find_launcher(name: &str, path: &[PathBuf], skip: &[FileId]) -> Option<PathBuf> {
    let usable = |p: &Path| {
        let meta = Meta::of(p).ok()?;
        (meta.is_program() && !skip.contains(&meta.id())).then(|| p.to_path_buf())
    };
    if name.contains('/') {
        return Path::new(name)
            .is_absolute()
            .then(|| usable(Path::new(name)))?;
    }
    path.iter().find_map(|dir| usable(&dir.join(name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{symlink, PermissionsExt};

    fn farm(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("toolchain-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        dir
    }

    fn program(path: &Path, mode: u32) {
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn wrappers_and_oneself_are_passed_over() {
        let dir = farm("skip");
        for sub in ["a", "b", "c", "d"] {
            fs::create_dir(dir.join(sub)).unwrap();
        }
        program(&dir.join("shim"), 0o755);
        program(&dir.join("distcc"), 0o755);
        symlink("../shim", dir.join("a/gcc")).unwrap();
        symlink("../distcc", dir.join("b/gcc")).unwrap();
        program(&dir.join("c/gcc"), 0o644);
        program(&dir.join("d/gcc-12"), 0o755);
        symlink("gcc-12", dir.join("d/gcc")).unwrap();
        let own = Meta::of(&dir.join("shim")).unwrap().id();
        let path: Vec<String> = ["a", "b", "c", "d"]
            .iter()
            .map(|s| dir.join(s).display().to_string())
            .collect();
        let search = Search::new(OsStr::new(&path.join(":")), vec![own]);
        let Found::Yes(found) = search.find("gcc", &[]) else {
            panic!("not found")
        };
        assert_eq!(found.path, dir.join("d/gcc"));
        assert_eq!(found.resolved, "gcc-12");
        let search = Search::new(OsStr::new(&path[..3].join(":")), vec![own]);
        assert_eq!(
            search.find("gcc", &[]),
            Found::NotExecutable(dir.join("c/gcc"))
        );
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn relative_directories_are_never_searched() {
        let search = Search::new(OsStr::new(".::bin:/nonexistent"), vec![]);
        assert_eq!(search.path(), [PathBuf::from("/nonexistent")]);
        assert_eq!(search.find("gcc", &["bin".into()]), Found::No);
    }

    #[test]
    fn the_search_begins_behind_the_directory_that_ccroute_was_called_through() {
        let dir = farm("behind");
        for (at, mode) in [
            ("front/gcc", 0o755),
            ("front/cpp", 0o755),
            ("back/gcc", 0o755),
        ] {
            fs::create_dir_all(dir.join(at).parent().unwrap()).unwrap();
            program(&dir.join(at), mode);
        }
        fs::create_dir_all(dir.join("masq")).unwrap();
        program(&dir.join("shim"), 0o755);
        symlink("../shim", dir.join("masq/gcc")).unwrap();
        let id = Meta::of(&dir.join("shim")).unwrap().id();
        let at = |name: &str| dir.join(name).display().to_string();
        let search = |path: &str| {
            let path = path.replace('D', &dir.display().to_string());
            Search::new(OsStr::new(&path), vec![id])
        };
        let found = |search: &Search, name: &str| match search.find(name, &[]) {
            Found::Yes(found) => found.path.display().to_string(),
            other => panic!("{name}: {other:?}"),
        };
        let path = "D/front:.:D/masq/:D/back";
        for through in ["masq", "masq/"] {
            let search = search(path).behind(Path::new(&at(through)));
            assert_eq!(found(&search, "gcc"), at("back/gcc"), "{through}");
            // Only where nothing is behind it.
            assert_eq!(found(&search, "cpp"), at("front/cpp"));
        }
        // A directory that PATH does not have.
        let search = search(path).behind(Path::new("/nonexistent"));
        assert_eq!(found(&search, "gcc"), at("front/gcc"));
        // The wrapper in front is executed first, so the name does not lead to ccroute.
        assert_eq!(search.through("gcc"), None);
        let search = Search {
            path: search.path[1..].to_vec(),
            ..search
        };
        assert_eq!(search.through("gcc"), Some(at("masq/").into()));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn directories_given_first_may_be_globs() {
        let dir = farm("glob");
        fs::create_dir_all(dir.join("x/arm/bin")).unwrap();
        program(&dir.join("x/arm/bin/arm-x-gcc"), 0o755);
        let search = Search::new(OsStr::new(""), vec![]);
        let pattern = format!("{}/x/*/bin", dir.display());
        assert!(matches!(
            search.find("arm-x-gcc", &[pattern]),
            Found::Yes(_)
        ));
        fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_wrapper_is_known_by_its_whole_name() {
        for name in ["distcc", "ccache-4", "sccache", "icecc"] {
            assert!(is_wrapper(OsStr::new(name)), "{name}");
        }
        for name in ["gcc", "distccish", "my-ccache"] {
            assert!(!is_wrapper(OsStr::new(name)), "{name}");
        }
    }
}
