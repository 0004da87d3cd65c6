//! A job's private directory: the only place where its compiler can write, and its TMPDIR. Results are
//! made there and moved to where distccd expects them.
//!
//! The arguments are rewritten here, when the job is run, and not by the decision: the directory's name does
//! not exist before. The decision stays the same for equal jobs, and `explain` shows it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{kill, Signal};
use nix::unistd::{geteuid, mkdtemp, Pid};

use crate::helper::hostile::JobFiles;
use crate::options::{self, Kind};
use crate::os::process;

/// What every private directory's name begins with.
const PREFIX: &str = "ccroute_";

/// How often a directory is made anew because another job took it for one that was left behind.
const ATTEMPTS: usize = 10;

/// The directory. While it exists this process holds a lock on it.
#[derive(Debug)]
pub struct Private {
    path: PathBuf,
    /// Not inherited by the compiler.
    _lock: Flock<File>,
}

impl Private {
    /// Makes one in `parent`, distccd's temporary directory, and removes those whose jobs are gone.
    ///
    /// # Errors
    /// It cannot be made there: the disk is full, or the directory not writable.
    pub fn new(parent: &Path) -> io::Result<Private> {
        sweep(parent);
        for _ in 0..ATTEMPTS {
            let path = mkdtemp(&parent.join(format!("{PREFIX}XXXXXX")))?;
            // Between these two calls another job may have taken it for a directory that was left behind.
            match lock(&path) {
                Ok(lock) => return Ok(Private { path, _lock: lock }),
                Err(_) => continue,
            }
        }
        Err(io::Error::from(Errno::EAGAIN))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it and everything in it, once the job is dead.
    pub fn remove(self) {
        remove(&self.path);
    }
}

/// Opens and locks a directory without waiting.
fn lock(path: &Path) -> io::Result<Flock<File>> {
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW)
        .open(path)?;
    let lock = Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, e)| e)?;
    // It may have been removed, and made anew by somebody else, before it was locked.
    let (locked, found) = (lock.metadata()?, fs::symlink_metadata(path)?);
    match (locked.dev(), locked.ino()) == (found.dev(), found.ino()) && is_ours(&found) {
        true => Ok(lock),
        false => Err(io::Error::from(Errno::ENOENT)),
    }
}

fn is_ours(meta: &fs::Metadata) -> bool {
    meta.uid() == geteuid().as_raw()
}

fn remove(path: &Path) {
    if fs::remove_dir_all(path).is_err() {
        // Without seccomp a job can take its directory's permissions away.
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        let _ = fs::remove_dir_all(path);
    }
}

/// Removes the directories of jobs whose supervisor was killed, and ends what is left of such a job.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !name.as_bytes().starts_with(PREFIX.as_bytes()) {
            continue;
        }
        let path = entry.path();
        // A job that is running holds the lock.
        let Ok(_lock) = lock(&path) else { continue };
        end_processes_of(&path);
        remove(&path);
    }
}

/// Kills the processes whose TMPDIR this is. The kernel kills the compiler's driver together with its
/// supervisor, but what the driver had started goes on.
fn end_processes_of(directory: &Path) {
    let wanted = [b"TMPDIR=", directory.as_os_str().as_bytes()].concat();
    let Ok(processes) = fs::read_dir("/proc") else {
        return;
    };
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|n| n.parse().ok()) else {
            continue;
        };
        // Only processes of this user can be read.
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        if environment.split(|&b| b == 0).any(|v| v == wanted) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// A job whose results are made in its private directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirected {
    /// The compiler's arguments.
    pub args: Vec<OsString>,
    /// The object, and where distccd has made an empty file for it.
    object: Option<Moved>,
    /// The dependency file of a pump job, and where distccd expects it.
    dependencies: Option<Moved>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Moved {
    from: PathBuf,
    to: PathBuf,
    /// distccd makes an empty file for the object beforehand. Whoever calls the shim by hand does not.
    existed: bool,
}

/// What became of a job's object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    Done,
    /// The compiler made none, or nothing that may be sent.
    NoObject,
    /// The client hung up, or nobody asked for one.
    NotWanted,
}

impl Redirected {
    /// Rewrites the arguments of `job` so that its results are made in `private`.
    pub fn new(args: &[OsString], job: &JobFiles, private: &Path) -> Redirected {
        let moved = |to: &Path| {
            let from = private.join(to.file_name().unwrap_or_default());
            let existed = to.symlink_metadata().is_ok();
            let to = to.to_owned();
            Moved { from, to, existed }
        };
        let mut redirected = Redirected::default();
        let mut names_target = false;
        for arg in options::scan(args) {
            let words = &args[arg.index..arg.index + arg.words];
            let (option, result) = match arg.kind {
                Kind::Valued(option @ (b"-o" | b"-MF"), Some(value)) => (option, job.result(value)),
                Kind::Valued(b"-MT" | b"-MQ", _) => {
                    names_target = true;
                    (&b""[..], None)
                }
                _ => (&b""[..], None),
            };
            let Some(to) = result else {
                redirected.args.extend_from_slice(words);
                continue;
            };
            let moved = moved(&to);
            let new = moved.from.as_os_str();
            match arg.words {
                1 => redirected.args.push(joined(option, new)),
                _ => redirected
                    .args
                    .extend([OsStr::from_bytes(option), new].map(OsStr::to_owned)),
            }
            match option {
                b"-MF" => redirected.dependencies = Some(moved),
                _ => redirected.object = Some(moved),
            }
        }
        // distccd looks for its own name of the object in the dependency file. The compiler would
        // write the name that it is given.
        if let (Some(_), Some(object), false) =
            (&redirected.dependencies, &redirected.object, names_target)
        {
            let target = [OsStr::new("-MT"), object.to.as_os_str()].map(OsStr::to_owned);
            // In front, because what follows a `--` is a file.
            redirected.args.splice(0..0, target);
        }
        redirected
    }

    /// Moves the results to where distccd expects them.
    pub fn deliver(&self) -> Delivery {
        let Some(object) = &self.object else {
            return Delivery::NotWanted;
        };
        if object.existed && !is_result(&object.to) {
            return Delivery::NotWanted;
        }
        if !is_result(&object.from) {
            return match object.existed {
                true => Delivery::NoObject,
                false => Delivery::NotWanted,
            };
        }
        let dependencies = self.dependencies.as_ref();
        let dependencies = dependencies.filter(|d| is_result(&d.from));
        if let Some(Moved { from, to, .. }) = dependencies {
            let _ = fs::rename(from, to);
        }
        let delivered = object.replace().is_ok();
        if let (false, Some(Moved { to, .. })) = (delivered, dependencies) {
            let _ = fs::remove_file(to);
        }
        match delivered {
            true => Delivery::Done,
            false => Delivery::NotWanted,
        }
    }
}

/// Removes a job's files where distccd was killed and cannot: input and object, a pump job's tree, and what standard
/// output and standard error were written to.
pub fn discard(job: &JobFiles) {
    for file in job.input.iter().chain(&job.output) {
        let _ = fs::remove_file(file);
    }
    if let Some(tree) = &job.tree {
        let _ = fs::remove_dir_all(tree);
    }
    let parent = job.output.as_deref().and_then(Path::parent);
    for stream in ["/proc/self/fd/1", "/proc/self/fd/2"] {
        let Ok(file) = fs::read_link(stream) else {
            continue;
        };
        let name = file.file_name().map(OsStr::as_bytes).unwrap_or_default();
        if file.parent() == parent && name.starts_with(b"distcc") {
            let _ = fs::remove_file(file);
        }
    }
}

impl Moved {
    /// Puts the new file in the place of distccd's, if that still exists. distccd removes its own as soon as a client
    /// hangs up, and a file that appeared there afterwards would stay for ever.
    fn replace(&self) -> io::Result<()> {
        fs::set_permissions(&self.from, fs::Permissions::from_mode(0o600))?;
        if self.existed {
            match process::exchange(&self.from, &self.to) {
                // A file system that cannot exchange.
                Err(error) if error.raw_os_error() != Some(libc::ENOENT) => {}
                done => return done,
            }
        }
        fs::rename(&self.from, &self.to)
    }
}

/// Whether a file may be sent to the client: not through a link to something else, and ours alone.
fn is_result(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|m| m.is_file() && m.nlink() == 1 && is_ours(&m))
}

fn joined(option: &[u8], value: &OsStr) -> OsString {
    OsString::from_vec([option, value.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<OsString> {
        list.iter().map(OsString::from).collect()
    }

    fn redirected(args: &[&str], cwd: &str) -> Redirected {
        let args = words(args);
        let job = JobFiles::find(&args, Path::new(cwd));
        Redirected::new(&args, &job, Path::new("/t/ccroute_1"))
    }

    #[test]
    fn a_plain_job_makes_its_object_in_the_private_directory() {
        let args = ["-c", "/t/distccd_1.i", "-o", "/t/distccd_2.o"];
        let done = redirected(&args, "/t");
        let new = ["-c", "/t/distccd_1.i", "-o", "/t/ccroute_1/distccd_2.o"];
        assert_eq!(done.args, words(&new));
        let joined = redirected(&["-c", "/t/distccd_1.i", "-o/t/distccd_2.o"], "/t");
        assert_eq!(joined.args[2], "-o/t/ccroute_1/distccd_2.o");
    }

    #[test]
    fn a_pump_jobs_dependencies_keep_the_target_that_distccd_looks_for() {
        let args = [
            "-c",
            "x.c",
            "-o",
            "/t/distccd_2.o",
            "-MMD",
            "-MF",
            "/t/distcc_3.deps",
        ];
        let done = redirected(&args, "/t/distccd_X/home");
        let new = [
            "-MT",
            "/t/distccd_2.o",
            "-c",
            "x.c",
            "-o",
            "/t/ccroute_1/distccd_2.o",
            "-MMD",
            "-MF",
            "/t/ccroute_1/distcc_3.deps",
        ];
        assert_eq!(done.args, words(&new));
        let named = [&args[..], &["-MT", "x.o"]].concat();
        let done = redirected(&named, "/t/distccd_X/home");
        assert_eq!(done.args.iter().filter(|w| *w == "-MT").count(), 1);
    }

    #[test]
    fn files_that_are_not_the_jobs_results_stay_where_the_client_wants_them() {
        // Where the sandbox then keeps the compiler from writing.
        let args = [
            "-c",
            "/t/distccd_1.i",
            "-MF",
            "/t/else.d",
            "-o",
            "/t/distccd_2.o",
        ];
        assert_eq!(redirected(&args, "/t").args[3], "/t/else.d");
    }

    #[test]
    fn directories_of_dead_jobs_are_swept_and_those_of_live_ones_are_not() {
        let scratch = crate::proof::Scratch::new().unwrap();
        let live = Private::new(scratch.path()).unwrap();
        fs::create_dir_all(scratch.path().join("ccroute_dead/deep")).unwrap();
        fs::write(scratch.path().join("ccroute_dead/deep/x"), "x").unwrap();
        fs::write(scratch.path().join("distccd_1.i"), "x").unwrap();
        let other = Private::new(scratch.path()).unwrap();
        let mut left: Vec<_> = fs::read_dir(scratch.path())
            .unwrap()
            .map(|e| e.unwrap().path())
            .collect();
        left.sort();
        let mut want = vec![
            live.path().to_owned(),
            other.path().to_owned(),
            scratch.path().join("distccd_1.i"),
        ];
        want.sort();
        assert_eq!(left, want);
        live.remove();
        other.remove();
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_result_replaces_distccds_file_only_and_never_comes_from_a_link() {
        let scratch = crate::proof::Scratch::new().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let deliver = |from: &str, existed: bool| {
            let (from, to) = (at(from), at("out"));
            let object = Some(Moved { from, to, existed });
            let redirected = Redirected {
                object,
                ..Redirected::default()
            };
            redirected.deliver()
        };
        fs::write(at("new"), "object").unwrap();
        assert_eq!(deliver("new", true), Delivery::NotWanted);
        assert!(!at("out").exists());
        fs::write(at("out"), "").unwrap();
        std::os::unix::fs::symlink("new", at("link")).unwrap();
        assert_eq!(deliver("link", true), Delivery::NoObject);
        fs::hard_link(at("new"), at("second")).unwrap();
        assert_eq!(deliver("new", true), Delivery::NoObject);
        fs::remove_file(at("second")).unwrap();
        assert_eq!(deliver("new", true), Delivery::Done);
        assert_eq!(fs::read(at("out")).unwrap(), b"object");
        assert_eq!(fs::metadata(at("out")).unwrap().mode() & 0o777, 0o600);
        // Called by hand: nobody made the file beforehand.
        fs::remove_file(at("out")).unwrap();
        fs::write(at("new"), "object").unwrap();
        assert_eq!(deliver("new", false), Delivery::Done);
    }
}
