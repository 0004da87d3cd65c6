//! The sandbox around a compiler on a helper: it runs and reads its toolchain, reads the job's own files, writes in the
//! job's private directory, and can do nothing else.
//!
//! Two parts of the kernel do this. Landlock (5.13 and later) is for files, and covers what no look at arguments can:
//! `.incbin "/etc/passwd"` in inline assembly, `#include` of an absolute path. A seccomp filter is for the system
//! calls that Landlock does not know. Either alone leaves about half of [`PROMISES`] open, so a kernel that lacks
//! one breaks the promises that name it; `check` and `doctor` say which.
//!
//! Rights to execute stop a driver that starts a linker, not code that already runs: the ELF loader runs whatever
//! can be read. Therefore rights to read are narrow as well.
//!
//! **Not covered**: existence and metadata of files whose names are guessed (`stat`), and what all processes of a
//! job take together. SECURITY.md says what helps.

// The crate of filters knows these machines.
#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
mod seccomp;
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
#[path = "no_seccomp.rs"]
mod seccomp;

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, ABI,
};
use thiserror::Error;

use crate::compiler::toolchain::Toolchain;
use crate::helper::hostile::JobFiles;
use crate::os;
pub use os::landlock_version;

/// What every compiler reads, where it exists: the loader's files and the system's headers. None of it is anybody's
/// secret.
const SYSTEM: &[&str] = &[
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/dev/urandom",
    "/usr/include",
    "/usr/local/include",
    "/usr/lib/locale",
];

/// Libraries, where the system sorts them by machine ...
#[cfg(target_arch = "x86_64")]
const MULTIARCH: &[&str] = &["x86_64-linux-gnu", "i386-linux-gnu", "x86_64-linux-gnux32"];
#[cfg(target_arch = "aarch64")]
const MULTIARCH: &[&str] = &["aarch64-linux-gnu", "arm-linux-gnueabihf"];
#[cfg(target_arch = "arm")]
const MULTIARCH: &[&str] = &["arm-linux-gnueabihf", "arm-linux-gnueabi"];
#[cfg(target_arch = "riscv64")]
const MULTIARCH: &[&str] = &["riscv64-linux-gnu"];
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "arm",
    target_arch = "riscv64"
)))]
const MULTIARCH: &[&str] = &["i386-linux-gnu", "powerpc64le-linux-gnu", "s390x-linux-gnu"];
/// ... and where it does not, or for the other word size.
const LIBRARIES: &[&str] = &["/usr/lib", "/lib", "/usr/lib64", "/lib64"];
const OTHER_LIBRARIES: &[&str] = &["/usr/lib32", "/lib32", "/usr/libx32", "/libx32"];

/// clang lists these to find gcc's C++ headers.
const LISTED: &[&str] = &["/usr/lib/gcc", "/usr/lib/gcc-cross", "/usr/lib64/gcc"];

/// The time zone, for `__TIME__`: a plain job is preprocessed already.
const TIME_ZONE: &str = "/etc/localtime";

/// The newest version of Landlock whose rights this program knows.
const NEWEST: u32 = 9;

/// What the compiler may do. What does not exist is left out, but for the private directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Programs to execute and read.
    pub run: Vec<PathBuf>,
    /// Files to read, and directories with all that is below them.
    pub read: Vec<PathBuf>,
    /// Directories whose names, and those below, it lists.
    pub list: Vec<PathBuf>,
    /// The directory to make, read and write files in.
    pub private: PathBuf,
    /// Use only what this kernel would have. For tests.
    pub pretend: Option<Kernel>,
}

/// The parts of the sandbox that a kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernel {
    /// The version of Landlock's interface; 0 for none.
    pub landlock: u32,
    /// Whether there is a seccomp filter for this machine.
    pub seccomp: bool,
}

/// What the sandbox keeps a job from, and the parts that this needs.
struct Promise {
    text: &'static str,
    landlock: u32,
    seccomp: bool,
}

const PROMISES: &[Promise] = &[
    Promise {
        text: "reading, writing and listing files that are not its own",
        landlock: 1,
        seccomp: false,
    },
    Promise {
        text: "using the network and sockets",
        landlock: 0,
        seccomp: true,
    },
    Promise {
        text: "leaving processes behind",
        landlock: 0,
        seccomp: true,
    },
    Promise {
        text: "changing modes, owners and times of distccd's files",
        landlock: 0,
        seccomp: true,
    },
    Promise {
        text: "watching directories, tracing processes, namespaces, io_uring, keys and the like",
        landlock: 0,
        seccomp: true,
    },
    Promise {
        text: "sending signals to distccd and to other jobs",
        landlock: 6,
        seccomp: false,
    },
];

impl Kernel {
    /// The running kernel's.
    pub fn running() -> Kernel {
        Kernel {
            landlock: landlock_version(),
            seccomp: seccomp::is_known_here() && os::has_seccomp_filters(),
        }
    }

    /// What a compiler here is not kept from, in the words of `check`.
    pub fn missing(self) -> Vec<&'static str> {
        let broken = |p: &&Promise| self.landlock < p.landlock || (p.seccomp && !self.seccomp);
        PROMISES.iter().filter(broken).map(|p| p.text).collect()
    }
}

/// Why a compiler cannot be put into its sandbox, on a kernel that could.
#[derive(Debug, Error)]
pub enum SandboxError {
    #[error("cannot give up privileges: {0}")]
    Privileges(io::Error),
    #[error("cannot make the sandbox: {0}")]
    Ruleset(#[from] RulesetError),
    #[error("cannot filter system calls: {0}")]
    Filter(#[from] seccompiler::Error),
    #[error("cannot allow {0} in the sandbox")]
    Rule(PathBuf),
}

impl Policy {
    /// The policy for a job that a compiler with this toolchain is about to compile in `private`.
    pub fn for_job(job: &JobFiles, toolchain: Toolchain, private: &Path) -> Policy {
        let paths = |list: &[&str]| -> Vec<PathBuf> { list.iter().map(PathBuf::from).collect() };
        let Toolchain { run, mut read } = toolchain;
        read.extend(paths(SYSTEM));
        let multiarch: Vec<PathBuf> = MULTIARCH
            .iter()
            .flat_map(|m| [format!("/usr/lib/{m}"), format!("/lib/{m}")])
            .map(PathBuf::from)
            .filter(|d| d.is_dir())
            .collect();
        read.extend(match multiarch.is_empty() {
            true => paths(LIBRARIES),
            false => multiarch,
        });
        read.extend(paths(OTHER_LIBRARIES));
        let library_path = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
        read.extend(std::env::split_paths(&library_path).filter(|d| d.is_absolute()));
        read.extend(job.input.clone());
        if let Some(tree) = &job.tree {
            read.push(tree.clone());
            read.push(TIME_ZONE.into());
        }
        Policy {
            run,
            read,
            list: paths(LISTED),
            private: private.to_owned(),
            pretend: None,
        }
    }
}

/// Puts this thread, and all that it starts or becomes, into the sandbox: call it just before
/// exec. Where the kernel lacks a part the rest is done; the answer says what there was.
///
/// # Errors
/// Where the kernel could and it failed nevertheless: nothing may run then.
pub fn apply(policy: &Policy) -> Result<Kernel, SandboxError> {
    nix::sys::prctl::set_no_new_privs().map_err(|e| SandboxError::Privileges(e.into()))?;
    let kernel = policy.pretend.unwrap_or_else(Kernel::running);
    if kernel.landlock > 0 {
        let abi = ABI::from(i32::try_from(kernel.landlock.min(NEWEST)).unwrap_or(0));
        confine_files(policy, abi)?;
    }
    // Last, because it denies what the steps before need.
    if let Some(program) = seccomp::program().filter(|_| kernel.seccomp) {
        seccompiler::apply_filter(&program)?;
    }
    Ok(kernel)
}

fn confine_files(policy: &Policy, abi: ABI) -> Result<(), SandboxError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(abi))?;
    if abi >= ABI::V4 {
        rules = rules.handle_access(AccessNet::from_all(abi))?;
    }
    if abi >= ABI::V6 {
        rules = rules.scope(Scope::from_all(abi))?;
    }
    let mut rules = rules.create()?;
    let run = AccessFs::Execute | AccessFs::ReadFile;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    for path in &policy.run {
        rules = allow(rules, path, run)?;
    }
    for path in &policy.read {
        rules = allow(rules, path, read)?;
    }
    for path in &policy.list {
        rules = allow(rules, path, AccessFs::ReadDir.into())?;
    }
    let write = AccessFs::WriteFile | AccessFs::Truncate;
    rules = allow(rules, Path::new("/dev/null"), write | AccessFs::ReadFile)?;
    // Neither directories, links, sockets nor devices can be made, so one flat listing removes all of it.
    let own = read | write | AccessFs::MakeReg | AccessFs::RemoveFile;
    let private =
        PathFd::new(&policy.private).map_err(|_| SandboxError::Rule(policy.private.clone()))?;
    rules = rules.add_rule(PathBeneath::new(private, own & AccessFs::from_all(abi)))?;
    rules.restrict_self()?;
    Ok(())
}

/// Adds a rule for what exists. Rights that only a directory has are left out for a file.
fn allow(
    rules: RulesetCreated,
    path: &Path,
    rights: BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    match PathFd::new(path) {
        Ok(file) => rules.add_rule(PathBeneath::new(file, rights)),
        Err(_) => Ok(rules),
    }
}
