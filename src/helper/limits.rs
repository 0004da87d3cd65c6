//! What a client's job may use up, and how a job that used it up is known.
//!
//! The limits are the kernel's, per process, so that one job cannot fill the machine by accident or with a simple
//! trick. What all processes of a job take together only a control group can limit: see SECURITY.md.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::time::Duration;

use nix::sys::resource::{getrlimit, rlim_t, setrlimit, Resource};
use nix::sys::signal::Signal;
use thiserror::Error;

use crate::exit::Exit;
use crate::helper::supervisor::{processor_seconds, Ended};
use crate::os::process;

/// What a job may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of address space of one process.
    pub memory: u64,
    /// Seconds of processor time of one process.
    pub cpu_seconds: u64,
    /// Bytes of one file that is written.
    pub file_size: u64,
    /// Processes of distccd's user, all jobs together.
    pub processes: u64,
}

/// Several times what the largest sources need (Chromium's and LLVM's: about 3 GiB and five minutes on a slow
/// core, objects of 300 MB with debug information), and less than a helper has.
impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: 8 << 30,
            cpu_seconds: 30 * 60,
            file_size: 1 << 30,
            // Six processes for each of 300 jobs.
            processes: 2048,
        }
    }
}

/// Seconds of processor time for ccroute's own work on a job, until the rules say what the job may take.
/// It needs milliseconds.
const OWN_WORK: rlim_t = 10;

/// Seconds between the signal that a process may catch and the one that it cannot.
const GRACE: u64 = 2;

/// A job's time by the clock is this many times its processor time, because other jobs run as well ...
const WAITING: u64 = 3;
/// ... and never less than this, in seconds.
const SHORTEST: u64 = 10 * 60;

/// A limit that the system refused to set.
#[derive(Debug, Error)]
#[error("cannot limit {what}: {error}")]
pub struct CannotLimit {
    what: &'static str,
    error: io::Error,
}

impl Limits {
    /// Sets the limits on this process and all that it starts. A limit that is lower already stays. A crash leaves
    /// no core file: it would hold what the compiler had read.
    ///
    /// # Errors
    /// The system refuses.
    pub fn apply(&self) -> Result<(), CannotLimit> {
        limit(Resource::RLIMIT_AS, "memory", self.memory, 0)?;
        let cpu = self.cpu_seconds;
        limit(Resource::RLIMIT_CPU, "processor time", cpu, GRACE)?;
        limit(Resource::RLIMIT_FSIZE, "file size", self.file_size, 0)?;
        limit(Resource::RLIMIT_NPROC, "processes", self.processes, 0)?;
        limit(Resource::RLIMIT_CORE, "core files", 0, 0)
    }

    /// How long a job may last by the clock.
    pub fn wall_clock(&self) -> Duration {
        Duration::from_secs(self.cpu_seconds.saturating_mul(WAITING).max(SHORTEST))
    }

    /// Which limit ended a job, in the words of a message; `None`: it ended by itself.
    pub fn reached(&self, ended: Ended) -> Option<String> {
        let cpu = format!("{} s of processor time (limit-cpu)", self.cpu_seconds);
        let size = format!("files of {} MiB (limit-file-size)", self.file_size >> 20);
        let memory = format!("{} MiB of memory (limit-memory)", self.memory >> 20);
        match ended {
            Ended::Exited(0) | Ended::Told(_) => None,
            Ended::TooLong => Some(format!("{} s by the clock", self.wall_clock().as_secs())),
            Ended::Killed(Signal::SIGXCPU) => Some(cpu),
            Ended::Killed(Signal::SIGXFSZ) => Some(size),
            _ if processor_seconds() >= self.cpu_seconds => Some(cpu),
            // A driver outlives the compiler proper, and only says what became of it.
            _ => match Cause::said()? {
                Cause::FileSize => Some(size),
                Cause::Memory => Some(memory),
            },
        }
    }
}

fn limit(resource: Resource, what: &'static str, to: u64, grace: u64) -> Result<(), CannotLimit> {
    let failed = |error: nix::Error| CannotLimit {
        what,
        error: error.into(),
    };
    // 32-bit systems count in narrower numbers.
    let narrow = |n: u64| nix::libc::rlim_t::try_from(n).unwrap_or(nix::libc::RLIM_INFINITY);
    let (soft, hard) = getrlimit(resource).map_err(failed)?;
    let (to, most) = (narrow(to), narrow(to.saturating_add(grace)));
    setrlimit(resource, soft.min(to), hard.min(most)).map_err(failed)
}

/// What a compiler said of its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    FileSize,
    Memory,
}

/// How gcc, clang, the assemblers and their C++ library speak of a limit.
const SAID: &[(&str, Cause)] = &[
    ("File size limit exceeded", Cause::FileSize),
    ("File too large", Cause::FileSize),
    ("out of memory", Cause::Memory),
    ("memory exhausted", Cause::Memory),
    ("Cannot allocate memory", Cause::Memory),
    ("bad_alloc", Cause::Memory),
];

impl Cause {
    /// Looks at the end of standard error, which is a file on a helper.
    fn said() -> Option<Cause> {
        const TAIL: u64 = 4096;
        let mut file = File::open("/proc/self/fd/2").ok()?;
        let meta = file.metadata().ok().filter(|m| m.is_file())?;
        let from = meta.len().saturating_sub(TAIL);
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut tail = Vec::new();
        file.take(TAIL).read_to_end(&mut tail).ok()?;
        Cause::of(&String::from_utf8_lossy(&tail))
    }

    fn of(text: &str) -> Option<Cause> {
        let found = SAID.iter().find(|(words, _)| text.contains(words));
        found.map(|&(_, cause)| cause)
    }
}

/// The limit on ccroute's own work, while it lasts.
pub struct OwnWork {
    before: Option<(rlim_t, rlim_t)>,
}

impl OwnWork {
    /// Limits the processor time of this process. If it is used up the process says so and ends as a refusal.
    pub fn begin() -> OwnWork {
        let line =
            "ccroute on the helper: refused: reading the job takes too much processor time\n";
        process::at_cpu_limit(line, Exit::Refused.code());
        let before = getrlimit(Resource::RLIMIT_CPU).ok();
        if let Some((soft, hard)) = before {
            // Where this fails the job's own limits are still to come.
            let _ = setrlimit(Resource::RLIMIT_CPU, soft.min(OWN_WORK), hard);
        }
        OwnWork { before }
    }

    /// Lifts the limit again.
    pub fn end(self) {
        if let Some((soft, hard)) = self.before {
            let _ = setrlimit(Resource::RLIMIT_CPU, soft, hard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compilers_words_for_a_limit_are_known() {
        for (text, cause) in [
            (
                "gcc: fatal error: File size limit exceeded signal terminated program as",
                Some(Cause::FileSize),
            ),
            (
                "Fatal error: can't write 4096 bytes to section .text of x.o: 'File too large'",
                Some(Cause::FileSize),
            ),
            (
                "cc1: out of memory allocating 65536 bytes after a total of 1 bytes",
                Some(Cause::Memory),
            ),
            (
                "virtual memory exhausted: Cannot allocate memory",
                Some(Cause::Memory),
            ),
            ("x.c:1: error: expected ';'", None),
        ] {
            assert_eq!(Cause::of(text), cause, "{text}");
        }
    }

    #[test]
    fn the_clock_is_never_tighter_than_ten_minutes() {
        let of = |cpu_seconds| {
            Limits {
                cpu_seconds,
                ..Limits::default()
            }
            .wall_clock()
            .as_secs()
        };
        assert_eq!(of(2), 600);
        assert_eq!(of(1800), 5400);
        assert_eq!(of(u64::MAX), u64::MAX);
    }
}
