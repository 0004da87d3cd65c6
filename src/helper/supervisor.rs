//! The parent that stays above a compile on a helper: it ends the whole job when distccd says so or when
//! it takes too long, and leaves no process behind.
//!
//! The compiler runs in a process group of its own. The seccomp filter keeps it there, so that one
//! signal to the group reaches every process of the job. What a job orphans becomes a child of the supervisor,
//! which therefore knows when all of it is dead.

use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{getrusage, UsageWho};
use nix::sys::signal::{killpg, SigAction, SigSet, Signal};
use nix::sys::wait::{waitid, waitpid, Id, WaitPidFlag, WaitStatus};
use nix::unistd::{getpid, getppid, setpgid, Pid};

use crate::exit::Exit;
use crate::os::process;

/// How a compile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The compiler exited with this code.
    Exited(i32),
    /// The compiler died from this signal.
    Killed(Signal),
    /// This signal told the supervisor to end the job.
    Told(Signal),
    /// The job took longer than it may.
    TooLong,
}

/// A process that is ready to supervise: signals that would end it wait until they are asked for.
pub struct Supervisor {
    waited_for: SigSet,
    mask: SigSet,
    child_disposition: SigAction,
    parent: Pid,
}

impl Supervisor {
    /// Prepares this process. From here on SIGTERM and its like end nothing until [`Supervisor::run`].
    ///
    /// # Errors
    /// The system refuses.
    pub fn new() -> nix::Result<Supervisor> {
        let mut waited_for = SigSet::empty();
        for signal in [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
            Signal::SIGQUIT,
            Signal::SIGCHLD,
        ] {
            waited_for.add(signal);
        }
        let mask = waited_for.thread_swap_mask(nix::sys::signal::SigmaskHow::SIG_BLOCK)?;
        // With SIGCHLD ignored the kernel would keep no exit code.
        let child_disposition = process::default_disposition(Signal::SIGCHLD)?;
        let parent = getppid();
        prctl::set_child_subreaper(true)?;
        // A job of the same user must not trace this process. The compiler's exec undoes it for the compiler.
        prctl::set_dumpable(false)?;
        // A killed distccd cannot end its jobs.
        prctl::set_pdeathsig(Signal::SIGTERM)?;
        Ok(Supervisor {
            waited_for,
            mask,
            child_disposition,
            parent,
        })
    }

    /// Whether the process that started this one is gone.
    pub fn is_orphan(&self) -> bool {
        getppid() != self.parent
    }

    /// Runs `compile` in a child, which is to exec and returns only if it cannot, and waits until the child and
    /// everything that it started is dead: at the latest after `limit`.
    ///
    /// # Errors
    /// There is no room for another process.
    pub fn run(&self, limit: Duration, compile: impl FnOnce() -> Exit) -> nix::Result<Ended> {
        let supervisor = getpid();
        let Some(child) = process::fork()? else {
            let exit = match self.become_child(supervisor) {
                Ok(()) => compile(),
                Err(_) => Exit::Refused,
            };
            process::exit_now(exit.code());
        };
        // Both sides do this, because either may be first. It fails once the child has exec'ed.
        let _ = setpgid(child, child);
        let cut_short = self.wait(child, limit);
        // The child is not reaped yet, so the number is still the group's.
        let _ = killpg(child, Signal::SIGKILL);
        let ended = reap(child);
        Ok(cut_short.unwrap_or(ended))
    }

    /// Waits for the child's end; `Some` if something else came first.
    fn wait(&self, child: Pid, limit: Duration) -> Option<Ended> {
        let deadline = Instant::now() + limit;
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        loop {
            match waitid(Id::Pid(child), look) {
                Ok(WaitStatus::StillAlive) | Err(Errno::EINTR) => {}
                _ => return None,
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match process::wait_for_signal(&self.waited_for, left) {
                Some(Signal::SIGCHLD) => {}
                Some(signal) => return Some(Ended::Told(signal)),
                None if left.is_zero() => return Some(Ended::TooLong),
                None => {}
            }
        }
    }

    /// What only the child does, before it becomes the compiler.
    fn become_child(&self, supervisor: Pid) -> nix::Result<()> {
        setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != supervisor {
            return Err(Errno::ESRCH);
        }
        process::set_disposition(Signal::SIGCHLD, &self.child_disposition)?;
        self.mask.thread_set_mask()
    }
}

/// Collects every child, and says how this one ended.
fn reap(child: Pid) -> Ended {
    let mut ended = Ended::Exited(Exit::Refused.code());
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => ended = Ended::Exited(code),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                ended = Ended::Killed(signal);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return ended,
        }
    }
}

/// Seconds of processor time that all processes of the job took together.
pub fn processor_seconds() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else {
        return 0;
    };
    let total = usage.user_time() + usage.system_time();
    u64::try_from(total.tv_sec()).unwrap_or(0)
}
