//! Processes: forking once, waiting for signals with a time limit, ending as another process ended.

use std::ffi::{c_int, OsStr};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::memfd::{memfd_create, MFdFlags};
use nix::sys::prctl;
use nix::sys::resource::{setrlimit, Resource};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal};
use nix::sys::time::TimeSpec;
use nix::sys::wait::{waitpid, WaitStatus};
use nix::unistd::{dup2_stderr, getpid, getppid, ForkResult, Pid};

use super::{exec, write_all};

/// Forks this process, which must have one thread. `None` in the child.
///
/// # Errors
/// The system has no room for another process.
pub fn fork() -> nix::Result<Option<Pid>> {
    // SAFETY: the shim has one thread, so no lock is held by another that the child lacks.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Child => Ok(None),
        ForkResult::Parent { child } => Ok(Some(child)),
    }
}

/// Ends this process at once, without the C library's clean-up: a forked child's buffers are its parent's.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: takes a number and does not return.
    unsafe { libc::_exit(code) }
}

/// Gives a signal its default disposition, and returns the one that it had.
///
/// # Errors
/// Not a signal whose disposition can be set.
pub fn default_disposition(signal: Signal) -> nix::Result<SigAction> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    set_disposition(signal, &default)
}

/// Sets a signal's disposition to one that [`default_disposition`] returned.
///
/// # Errors
/// Not a signal whose disposition can be set.
pub fn set_disposition(signal: Signal, action: &SigAction) -> nix::Result<SigAction> {
    // SAFETY: the program installs no handler of its own but the one of `at_cpu_limit`, which only makes
    // calls that are safe in a handler.
    unsafe { nix::sys::signal::sigaction(signal, action) }
}

/// Waits for one of these signals, which must be blocked. `None`: none came within the time.
pub fn wait_for_signal(signals: &SigSet, time: Duration) -> Option<Signal> {
    let limit = TimeSpec::from_duration(time);
    loop {
        // SAFETY: both structures are valid for reads during the call.
        let number =
            unsafe { libc::sigtimedwait(signals.as_ref(), std::ptr::null_mut(), limit.as_ref()) };
        match number {
            -1 if Errno::last() == Errno::EINTR => {}
            -1 => return None,
            number => return Signal::try_from(number).ok(),
        }
    }
}

/// Ends this process by a signal, without a core file, as a program that it ran has ended.
pub fn end_by(signal: Signal) -> ! {
    // Best effort throughout: the exit code below says the same to whoever looks at codes.
    let _ = setrlimit(Resource::RLIMIT_CORE, 0, 0);
    let _ = default_disposition(signal);
    let mut set = SigSet::empty();
    set.add(signal);
    let _ = set.thread_unblock();
    let _ = nix::sys::signal::raise(signal);
    exit_now(128 + signal as i32)
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(Signal),
}

/// Runs a program as [`exec`] does, in a child, and waits for its end. Everything that a child
/// inherits passes through unchanged, except standard error, which goes to `errors` if that is given.
/// If this process dies first, the child is sent SIGTERM.
///
/// # Errors
/// The child cannot be made or waited for. A program that cannot be started ends with code 127.
pub fn run<S: AsRef<OsStr>>(
    program: &Path,
    args: &[S],
    set: &[(&str, &OsStr)],
    errors: Option<&File>,
) -> io::Result<Ended> {
    let parent = getpid();
    let Some(child) = fork()? else {
        let redirected = errors.map_or(Ok(()), dup2_stderr);
        // The parent may have died before the child could say that it wants to know.
        let told = prctl::set_pdeathsig(Signal::SIGTERM);
        if redirected.is_ok() && told.is_ok() && getppid() == parent {
            let error = exec(program, args, set, &|_| true);
            write_all(2, format!("{}: {error}\n", program.display()).as_bytes());
        }
        exit_now(127)
    };
    loop {
        match waitpid(child, None) {
            Ok(WaitStatus::Exited(_, code)) => return Ok(Ended::Code(code)),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(Ended::Signal(signal)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A file without a name, in memory.
///
/// # Errors
/// The kernel has none to give.
pub fn memory_file() -> io::Result<File> {
    let name = c"ccroute";
    Ok(File::from(memfd_create(name, MFdFlags::MFD_CLOEXEC)?))
}

/// Exchanges two files of one file system, both of which must exist (renameat2(2)).
///
/// # Errors
/// One of them is gone, or the file system cannot exchange.
pub fn exchange(one: &std::path::Path, other: &std::path::Path) -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let one = std::ffi::CString::new(one.as_os_str().as_bytes())?;
    let other = std::ffi::CString::new(other.as_os_str().as_bytes())?;
    // SAFETY: both strings end with NUL and live during the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_renameat2,
            libc::AT_FDCWD,
            one.as_ptr(),
            libc::AT_FDCWD,
            other.as_ptr(),
            libc::RENAME_EXCHANGE,
        )
    };
    match done {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

static LINE: AtomicPtr<u8> = AtomicPtr::new(std::ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
static CODE: AtomicI32 = AtomicI32::new(0);

/// From now on this process, when its soft limit of processor time is used up (SIGXCPU), writes `line` to
/// standard output and standard error and exits with `code`. Programs that it becomes do not.
pub fn at_cpu_limit(line: &'static str, code: i32) {
    LINE.store(line.as_ptr().cast_mut(), Ordering::Relaxed);
    LENGTH.store(line.len(), Ordering::Relaxed);
    CODE.store(code, Ordering::Relaxed);
    let handler = SigHandler::Handler(cpu_limit_reached);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // Without it the signal ends the process, which the job's client sees as well.
    let _ = set_disposition(Signal::SIGXCPU, &action);
}

extern "C" fn cpu_limit_reached(_: c_int) {
    let (line, length) = (LINE.load(Ordering::Relaxed), LENGTH.load(Ordering::Relaxed));
    // SAFETY: pointer and length are those of a text that lives for ever; write(2) and _exit(2) may be
    // called in a handler.
    unsafe {
        libc::write(1, line.cast_const().cast(), length);
        libc::write(2, line.cast_const().cast(), length);
        libc::_exit(CODE.load(Ordering::Relaxed));
    }
}
