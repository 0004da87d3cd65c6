//! The system calls of the shim's path that the standard library does not offer, and all of its
//! unsafe code. Everything here is small, and safe to call with any argument.

pub mod meta;
pub mod process;
pub mod quote;
pub mod replace;
pub mod trusted;

use std::ffi::{c_char, CStr, CString, OsStr, OsString};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use nix::sys::socket::{self, AddressFamily, SockaddrLike, SockaddrStorage};

/// The descriptors that [`peer`] looks at. distccd's compilers inherit fewer than ten.
const LOOKED_AT: std::ops::Range<RawFd> = 3..64;

/// How many links a path may lead through (the kernel's own limit).
pub const MAX_LINKS: usize = 40;

/// A file's identity: device and inode.
pub type FileId = (u64, u64);

/// Bytes as one printable line: escapes what could move a terminal or reorder and hide text, cuts what is long.
pub fn shown(bytes: &[u8]) -> String {
    const MOST: usize = 120;
    let cut = bytes.len() > MOST;
    let text = printable(&bytes[..bytes.len().min(MOST)]);
    if cut {
        text + "…"
    } else {
        text
    }
}

/// Bytes with what is not plain text escaped, so that a client's words cannot act on the terminal that shows them: bytes
/// that are not UTF-8, control characters, and characters that have no width or change the direction of the rest.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                ' '..='~' => text.push(c),
                '\0'..='\u{7f}' => text.extend(std::ascii::escape_default(c as u8).map(char::from)),
                _ if is_invisible(c) || c.is_control() => text.extend(c.escape_default()),
                _ => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            text.extend(std::ascii::escape_default(*byte).map(char::from));
        }
    }
    text
}

/// Unicode's format characters (category Cf), separators of lines, fillers and variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The arguments as the kernel passed them, as slices of the process's own argument block.
///
/// # Safety
/// `argv` must point to `argc` strings that outlive the process's use of them, as those that
/// `main` is given do.
pub unsafe fn arguments(argc: i32, argv: *const *const c_char) -> Vec<&'static OsStr> {
    (0..usize::try_from(argc).unwrap_or(0))
        // SAFETY: the caller vouches for argc entries; the kernel ends each with a NUL.
        .map(|i| unsafe { *argv.add(i) })
        .take_while(|p| !p.is_null())
        .map(|p| OsStr::from_bytes(unsafe { CStr::from_ptr(p) }.to_bytes()))
        .collect()
}

/// The path that this program was executed by (`AT_EXECFN`), for callers without `argv[0]`.
pub fn executed_path() -> Option<&'static OsStr> {
    // SAFETY: getauxval has no preconditions; the kernel's string lives as long as the process.
    unsafe {
        let path = libc::getauxval(libc::AT_EXECFN) as *const c_char;
        (!path.is_null()).then(|| OsStr::from_bytes(CStr::from_ptr(path).to_bytes()))
    }
}

/// Whether the process runs with more rights than its caller (set-user-ID and the like).
pub fn is_secure() -> bool {
    // SAFETY: getauxval has no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The name of the parent process as the kernel shows it (at most 15 bytes).
pub fn parent_name() -> Option<Vec<u8>> {
    let parent = nix::unistd::getppid();
    let mut name = std::fs::read(format!("/proc/{parent}/comm")).ok()?;
    if name.last() == Some(&b'\n') {
        name.pop();
    }
    Some(name)
}

/// The client's end of a TCP connection that this process inherited above standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub fd: RawFd,
    /// An IPv4 address that arrived as an IPv4-mapped IPv6 one is given as IPv4.
    pub address: IpAddr,
}

/// Finds the connection that distccd leaks into its compilers. Two connections to different
/// clients prove nothing, so they give `None`.
pub fn peer() -> Option<Peer> {
    let mut found: Option<Peer> = None;
    for fd in LOOKED_AT {
        let Some(address) = peer_address(fd) else {
            continue;
        };
        match found {
            Some(peer) if peer.address != address => return None,
            Some(_) => {}
            None => found = Some(Peer { fd, address }),
        }
    }
    found
}

fn peer_address(fd: RawFd) -> Option<IpAddr> {
    let storage: SockaddrStorage = socket::getpeername(fd).ok()?;
    match storage.family()? {
        AddressFamily::Inet => Some(IpAddr::V4(storage.as_sockaddr_in()?.ip())),
        AddressFamily::Inet6 => Some(storage.as_sockaddr_in6()?.ip().to_canonical()),
        _ => None,
    }
}

/// Ends the client's connection in both directions, so that distcc tries its next helper.
pub fn hang_up(peer: Peer) {
    // An error means that the client is gone already, which is what was wanted.
    let _ = socket::shutdown(peer.fd, socket::Shutdown::Both);
}

/// The version of Landlock's interface that the kernel offers; 0 where it has none, or was started without it.
pub fn landlock_version() -> u32 {
    const ASK_VERSION: libc::c_uint = 1;
    let nothing = std::ptr::null::<libc::c_void>();
    let call = libc::SYS_landlock_create_ruleset;
    // SAFETY: with this flag the call takes no structure and only returns a number.
    let version = unsafe { libc::syscall(call, nothing, 0_usize, ASK_VERSION) };
    u32::try_from(version).unwrap_or(0)
}

/// Whether the kernel has seccomp filters that can make a call fail.
pub fn has_seccomp_filters() -> bool {
    const GET_ACTION_AVAIL: libc::c_uint = 2;
    let action: u32 = libc::SECCOMP_RET_ERRNO;
    let pointer = &raw const action;
    // SAFETY: the call reads the number during the call.
    unsafe { libc::syscall(libc::SYS_seccomp, GET_ACTION_AVAIL, 0_u32, pointer) == 0 }
}

/// Where a path leads, links followed, in time that grows with its length.
///
/// # Errors
/// Nothing is there, or /proc is missing.
pub fn real_path(path: &Path) -> io::Result<PathBuf> {
    use nix::fcntl::{open, OFlag};
    let opened = open(
        path,
        OFlag::O_PATH | OFlag::O_CLOEXEC,
        nix::sys::stat::Mode::empty(),
    )?;
    std::fs::read_link(format!("/proc/self/fd/{}", opened.as_raw_fd()))
}

/// Closes every descriptor above standard error.
pub fn close_leaked() {
    // SAFETY: close_range only closes descriptors; nothing of ours above 2 is used afterwards.
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) };
    if result != 0 {
        for fd in 3..1024 {
            // SAFETY: closing a descriptor that is not open is an error and nothing else.
            unsafe { libc::close(fd) };
        }
    }
}

extern "C" {
    /// POSIX's; the libc crate declares it for some C libraries only.
    static environ: *const *const c_char;
}

/// Replaces the process by `program`, which is its own `argv[0]`, with the environment's variables
/// that `keep` wants by their names, and those in `set`. Returns only on failure, with the error.
pub fn exec<S: AsRef<OsStr>>(
    program: &Path,
    args: &[S],
    set: &[(&str, &OsStr)],
    keep: &dyn Fn(&[u8]) -> bool,
) -> io::Error {
    let strings = || -> Result<(Vec<CString>, Vec<CString>), std::ffi::NulError> {
        let mut words = Vec::with_capacity(args.len() + 1);
        words.push(CString::new(program.as_os_str().as_bytes())?);
        for arg in args {
            words.push(CString::new(arg.as_ref().as_bytes())?);
        }
        let variable = |(name, value): &(&str, &OsStr)| {
            CString::new([name.as_bytes(), b"=", value.as_bytes()].concat())
        };
        Ok((words, set.iter().map(variable).collect::<Result<_, _>>()?))
    };
    let (words, variables) = match strings() {
        Ok(strings) => strings,
        Err(error) => return error.into(),
    };
    let pointers = |list: &[CString]| list.iter().map(|s| s.as_ptr()).collect::<Vec<_>>();
    let mut argv = pointers(&words);
    argv.push(std::ptr::null());
    let mut env = pointers(&variables);
    // SAFETY: the list ends with a null pointer and its strings with NUL; the shim has one thread,
    // so nobody changes it meanwhile.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() {
            let entry = CStr::from_ptr(*next).to_bytes();
            let name = entry.split(|&b| b == b'=').next().unwrap_or_default();
            if !set.iter().any(|(n, _)| n.as_bytes() == name) && keep(name) {
                env.push(*next);
            }
            next = next.add(1);
        }
    }
    env.push(std::ptr::null());
    // SAFETY: both lists end with a null pointer, and their strings, each with a NUL, live on.
    unsafe { libc::execve(argv[0], argv.as_ptr(), env.as_ptr()) };
    io::Error::last_os_error()
}

/// Sends one line to the system log, as `ccroute` with the process's id.
pub fn log(line: &str) {
    let Ok(text) = CString::new(line) else { return };
    // SAFETY: all three strings end in NUL, "%s" takes exactly one, and the tag is static.
    unsafe {
        libc::openlog(c"ccroute".as_ptr(), libc::LOG_PID, libc::LOG_DAEMON);
        libc::syslog(libc::LOG_NOTICE, c"%s".as_ptr(), text.as_ptr());
    }
}

/// Writes all of `bytes` to a descriptor; errors are ignored, because nobody is left to tell.
pub fn write_all(fd: RawFd, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the pointer and length describe `bytes`.
        let written = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(n) if n > 0 => bytes = &bytes[n.min(bytes.len())..],
            _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// A moment as clocks on walls show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub year: i64,
    /// From 0.
    pub month: usize,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
}

/// Seconds since 1970 in UTC, or without them this moment in the local time zone.
pub fn moment(seconds: Option<i64>) -> Option<Moment> {
    match seconds {
        Some(seconds) => broken_down(seconds, false),
        None => broken_down(now(), true),
    }
}

/// Seconds since 1970 in the local time zone.
pub fn local_moment(seconds: i64) -> Option<Moment> {
    broken_down(seconds, true)
}

// The libc crate announces a wider alias for musl's by a deprecation.
#[allow(deprecated)]
fn broken_down(seconds: i64, local: bool) -> Option<Moment> {
    let time = libc::time_t::try_from(seconds).ok()?;
    // SAFETY: all zero is a valid `tm`; both functions fill it from a number and nothing else. The
    // time zone is read from the environment, which no other thread changes.
    let tm = unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        let done = match local {
            false => libc::gmtime_r(&time, &mut tm),
            true => libc::localtime_r(&time, &mut tm),
        };
        (!done.is_null()).then_some(tm)?
    };
    Some(Moment {
        year: i64::from(tm.tm_year) + 1900,
        month: usize::try_from(tm.tm_mon).ok()?,
        day: u8::try_from(tm.tm_mday).ok()?,
        hour: u8::try_from(tm.tm_hour).ok()?,
        minute: u8::try_from(tm.tm_min).ok()?,
        second: u8::try_from(tm.tm_sec).ok()?,
    })
}

/// Seconds since 1970, by the clock on the wall.
pub fn now() -> i64 {
    #[allow(clippy::useless_conversion)] // Narrower on 32-bit systems.
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME)
        .map(|t| i64::from(t.tv_sec()))
        .unwrap_or(0)
}

/// Seconds since boot, suspended time included: setting the clock does not change it.
pub fn boot_seconds() -> u64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME)
        .ok()
        .and_then(|t| u64::try_from(t.tv_sec()).ok())
        .unwrap_or(0)
}

/// How many columns the terminal at standard output has.
pub fn terminal_width() -> Option<usize> {
    // SAFETY: all zero is a valid `winsize`, which the call fills.
    let size = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(1, libc::TIOCGWINSZ, &mut size) == 0).then_some(size)?
    };
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Turns bytes into an owned OS string.
pub fn os(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_stays_on_one_line() {
        assert_eq!(shown(b"a\n\x1b[31m\xff"), "a\\n\\x1b[31m\\xff");
        assert_eq!(
            shown("é\u{202e}x\u{200b}".as_bytes()),
            "é\\u{202e}x\\u{200b}"
        );
        assert!(shown(&[b'x'; 4096]).len() < 130);
    }
}
