//! The sandbox around a compiler on a helper: it reads its toolchain and the system's libraries and
//! headers, reads and writes the job's temporary directory, and touches nothing else.
//!
//! Landlock does this where the kernel has it (5.13, in Debian since 12); the newer the kernel, the more
//! ([`Status::missing`]). It covers what no look at arguments can: `.incbin "/etc/passwd"` in
//! inline assembly, `#include` of an absolute path.
//!
//! **Without Landlock** only NO_NEW_PRIVS and the resource limits are left, and nothing in this
//! program can stand in for the rest. Searching the source for `.incbin` would not: the assembler's
//! text is put together from string literals (`".inc" "bin"`), escapes (`"\x2eincbin"`) and the
//! assembler's own macros after any search. What then limits a job is distccd's user; `check`
//! and `doctor` say so.
//!
//! **Not covered** by Landlock, on any version: the other files in distccd's temporary directory if
//! a job guesses their names (it cannot list them); existence and metadata of files (`stat`); Unix
//! sockets with a path; UDP; code that is already readable.

mod landlock;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::IntoRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::helper::hostile::JobFiles;
pub use landlock::abi;
use landlock::{fs, Ruleset};

/// What every compiler reads and runs, where it exists: programs, libraries and headers.
const SYSTEM_DIRS: &[&str] = &["/usr", "/opt"];
/// The same on systems that have not merged them into /usr. Where the first is a link there, all are
/// (file-hierarchy(7)).
const UNMERGED_DIRS: &[&str] = &["/lib", "/bin", "/lib32", "/lib64", "/libx32", "/sbin"];

/// What it reads besides: the loader's files, which are nobody's secret. Compilers do without what else they ask
/// for: of /dev/urandom gcc and clang make names that need only differ, else of the time and the process;
/// by /proc/meminfo C libraries of before 2021 told gcc how often to collect garbage.
const SYSTEM_FILES: &[&str] = &["/etc/ld.so.cache", "/etc/ld.so.preload"];

/// The time zone, for `__TIME__`: a plain job is preprocessed already.
const TIME_ZONE: &str = "/etc/localtime";

/// The distribution's name: clang chooses defaults by it, gcc does not ask.
const RELEASE_FILES: &[&str] = &[
    "/etc/os-release",
    "/etc/lsb-release",
    "/etc/debian_version",
    "/etc/redhat-release",
    "/etc/gentoo-release",
];

/// What the compiler may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Directories to read and execute. One that does not exist is left out.
    pub read: Vec<PathBuf>,
    /// Files to read and execute. One that does not exist is left out.
    pub files: Vec<&'static str>,
    /// Files to read, and directories with all that is below them: the job's own.
    pub job: Vec<PathBuf>,
    /// Directories to read and write files in; nothing there can be executed or listed. One that
    /// does not exist is an error.
    pub write: Vec<PathBuf>,
    /// Use no newer version of Landlock than this. For tests.
    pub max_abi: Option<u32>,
}

/// How much of the sandbox the kernel gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The version of Landlock that was applied; 0 for none.
    pub abi: u32,
}

impl Status {
    /// What this kernel cannot keep a compiler from, in the words of `check`.
    pub fn missing(self) -> &'static [&'static str] {
        const ALL: &[&str] = &[
            "signals to other processes and abstract sockets",
            "device controls",
            "TCP connections",
            "truncating files that it may not write",
            "reading and writing other files",
        ];
        match self.abi {
            0 => ALL,
            1 | 2 => &ALL[..4],
            3 => &ALL[..3],
            4 => &ALL[..2],
            5 => &ALL[..1],
            _ => &[],
        }
    }
}

/// Why a compiler cannot be put into its sandbox, on a kernel that could.
#[derive(Debug, Error)]
pub enum SandboxError {
    #[error("cannot give up privileges: {0}")]
    Privileges(io::Error),
    #[error("cannot make the sandbox: {0}")]
    Ruleset(io::Error),
    #[error("cannot allow {0} in the sandbox: {1}")]
    Rule(PathBuf, io::Error),
}

impl Policy {
    /// The policy for a job that `compiler` (an absolute path) is about to compile, with the
    /// directories of a rule's `path` key. `tmpdir` is where the compiler puts its own temporary
    /// files: TMPDIR, or `/tmp`.
    pub fn for_job(
        job: &JobFiles,
        compiler: &Path,
        path_dirs: &[PathBuf],
        private: &Path,
    ) -> Policy {
        let mut read: Vec<PathBuf> = SYSTEM_DIRS.iter().map(PathBuf::from).collect();
        if !is_below_usr(UNMERGED_DIRS[0]) {
            let own = UNMERGED_DIRS.iter().filter(|dir| !is_below_usr(dir));
            read.extend(own.map(PathBuf::from));
        }
        let real = compiler.canonicalize().ok();
        let programs = [Some(compiler), real.as_deref()];
        let mut files = SYSTEM_FILES.to_vec();
        if job.tree.is_some() {
            files.push(TIME_ZONE);
        }
        let clang = |program: &Path| {
            program
                .as_os_str()
                .as_bytes()
                .windows(5)
                .any(|w| w == b"clang")
        };
        if programs.into_iter().flatten().any(clang) {
            files.extend(RELEASE_FILES);
        }
        let beside = real.as_deref().and_then(Path::parent);
        let bins = [
            compiler.parent(),
            beside.filter(|dir| compiler.parent() != Some(dir)),
        ];
        for bin in bins
            .into_iter()
            .flatten()
            .chain(path_dirs.iter().map(PathBuf::as_path))
        {
            if is_systems(bin) || read.iter().any(|dir| dir == bin) {
                continue;
            }
            let root = toolchain_root(bin);
            if !is_systems(root) && !read.iter().any(|dir| dir == root) {
                read.push(root.to_owned());
            }
        }
        let write = vec![private.to_owned()];
        let job = [&job.input, &job.tree]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        Policy {
            read,
            files,
            job,
            write,
            ..Policy::default()
        }
    }
}

/// Whether this is a link into /usr, as `/lib` is on most systems.
fn is_below_usr(dir: &str) -> bool {
    let target = Path::new(dir).read_link();
    target.is_ok_and(|t| Path::new("/").join(t).starts_with("/usr"))
}

/// Whether a directory is the system's own, or below one of those.
fn is_systems(dir: &Path) -> bool {
    let mut own = SYSTEM_DIRS.iter().chain(UNMERGED_DIRS);
    let below = |rest: &[u8]| matches!(rest.first(), None | Some(b'/'));
    let dir = dir.as_os_str().as_bytes();
    own.any(|system| dir.strip_prefix(system.as_bytes()).is_some_and(below))
}

/// The directory that a compiler in `bin` has its parts in: the one above, if compilers keep their
/// parts there, and never more than that (`/home/me/bin/gcc` is no reason to show `/home/me`, nor
/// `/tools/gcc` to show everything because there is a `/lib/gcc`).
fn toolchain_root(bin: &Path) -> &Path {
    // Where every package has a prefix of its own and finds the others by absolute paths.
    for store in ["/nix/store", "/gnu/store"] {
        if bin.starts_with(store) {
            return Path::new(store);
        }
    }
    const PARTS: &[&str] = &[
        "lib/gcc",
        "lib/gcc-cross",
        "lib64/gcc",
        "libexec/gcc",
        "lib/clang",
        "lib64/clang",
    ];
    match bin.parent() {
        Some(root)
            if root.parent().is_some() && PARTS.iter().any(|part| root.join(part).is_dir()) =>
        {
            root
        }
        _ => bin,
    }
}

/// Puts this thread, and all that it starts or becomes, into the sandbox: call it just before
/// exec. Where the kernel lacks Landlock the rest is done, and [`Status`] says so.
///
/// # Errors
/// Where the kernel could and it failed nevertheless: nothing may run then.
pub fn apply(policy: &Policy) -> Result<Status, SandboxError> {
    nix::sys::prctl::set_no_new_privs().map_err(|e| SandboxError::Privileges(e.into()))?;
    let newest = Ruleset::newest(policy.max_abi.unwrap_or(u32::MAX));
    let Some((rules, abi)) = newest.map_err(SandboxError::Ruleset)? else {
        return Ok(Status { abi: 0 });
    };
    let known = fs::known(abi);
    let read = fs::READ_FILE | fs::READ_DIR | fs::EXECUTE;
    // Neither executing nor listing: a job of pump mode brings files, and a plain job shares the
    // directory with others.
    let write = fs::READ_FILE
        | fs::READ_DIR
        | fs::WRITE_FILE
        | fs::TRUNCATE
        | fs::MAKE_REG
        | fs::REMOVE_FILE;
    for path in &policy.read {
        allow(&rules, path, read & known, true)?;
    }
    for path in &policy.files {
        allow(&rules, Path::new(path), read & fs::OF_A_FILE & known, true)?;
    }
    for path in &policy.job {
        allow(&rules, path, (fs::READ_FILE | fs::READ_DIR) & known, true)?;
    }
    for path in &policy.write {
        allow(&rules, path, write & known, false)?;
    }
    allow(
        &rules,
        Path::new("/dev/null"),
        write & fs::OF_A_FILE & known,
        true,
    )?;
    rules.restrict_self().map_err(SandboxError::Ruleset)?;
    Ok(Status { abi })
}

/// Adds one rule. `optional`: what does not exist, or may not be looked at, needs no rule.
fn allow(rules: &Ruleset, path: &Path, rights: u64, optional: bool) -> Result<(), SandboxError> {
    let failed = |error| SandboxError::Rule(path.to_owned(), error);
    let open = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_CLOEXEC)
        .open(path);
    let file: File = match open {
        Ok(file) => file,
        Err(_) if optional => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    let done = match rules.allow(&file, rights) {
        // It is no directory: the kernel takes no rights over what is below it.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
            rules.allow(&file, rights & fs::OF_A_FILE)
        }
        done => done,
    };
    // The exec that follows closes it.
    let _ = file.into_raw_fd();
    done.map_err(failed)
}
