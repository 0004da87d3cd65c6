//! The part of C's library that the shim's path calls, each function a system call and little more.
//!
//! What is declared with `...` in C is entered by way of [`super::start`]: its arguments are in the
//! same registers, but Rust may not define it so.
#![allow(clippy::missing_safety_doc)]

use std::ffi::{c_char, c_int, c_long, c_uint, c_void, CStr};

use ::libc::{
    clockid_t, nfds_t, pollfd, rlimit, size_t, sockaddr, socklen_t, ssize_t, stat64 as Stat,
    statx as Statx, timespec, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, EINVAL, ENOENT, ERANGE,
    O_LARGEFILE, SIGABRT,
};

use super::errors;
use super::start::hand_over;

/// A word that a system call takes or returns.
pub type Word = isize;

extern "C" {
    /// Enters the kernel; defined in [`super::start`] for each architecture.
    fn ccroute_syscall(
        number: c_long,
        a: Word,
        b: Word,
        c: Word,
        d: Word,
        e: Word,
        f: Word,
    ) -> Word;
}

/// A system call as it is: its result, or an error's negative number.
pub unsafe fn raw(number: c_long, arguments: [Word; 6]) -> Word {
    let [a, b, c, d, e, f] = arguments;
    // SAFETY: the caller vouches for what the kernel is told.
    unsafe { ccroute_syscall(number, a, b, c, d, e, f) }
}

/// A system call with C's manners: -1, and the error's number in `errno`.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {{
        let given = [$($argument as Word),*];
        let mut all = [0; 6];
        all[..given.len()].copy_from_slice(&given);
        #[allow(unused_unsafe)]
        // SAFETY: what is passed is what the caller of a C function vouches for.
        failed_or(unsafe { raw($number, all) })
    }};
}

pub(super) use call;

/// The shim has one thread.
static mut ERRNO: c_int = 0;

fn set_errno(error: c_int) {
    // SAFETY: one thread.
    unsafe { ERRNO = error };
}

pub(super) fn failed_or(result: Word) -> Word {
    if !(-4095..0).contains(&result) {
        return result;
    }
    set_errno(-result as c_int);
    -1
}

#[no_mangle]
extern "C" fn __errno_location() -> *mut c_int {
    &raw mut ERRNO
}

/// The environment, as C programs know it. `start` sets it.
#[no_mangle]
pub static mut environ: *const *const c_char = std::ptr::null();

/// What the kernel told of the process: pairs of a kind and a value. `start` sets it.
pub static mut AUXILIARY: *const usize = std::ptr::null();

#[no_mangle]
pub unsafe extern "C" fn getauxval(kind: usize) -> usize {
    // SAFETY: the kernel ends the pairs with one of kind 0.
    unsafe {
        let mut pair = AUXILIARY;
        while *pair != 0 {
            if *pair == kind {
                return *pair.add(1);
            }
            pair = pair.add(2);
        }
    }
    set_errno(ENOENT);
    0
}

#[no_mangle]
unsafe extern "C" fn getenv(name: *const c_char) -> *const c_char {
    // SAFETY: a C string, and a list of C strings that ends with a null pointer.
    unsafe {
        let mut next = environ;
        while !(*next).is_null() {
            // No further than the first difference: values are long, and there are many.
            let mut length = 0;
            while *name.add(length) != 0 && *name.add(length) == *(*next).add(length) {
                length += 1;
            }
            if *name.add(length) == 0 && *(*next).add(length) == b'=' as c_char {
                return (*next).add(length + 1);
            }
            next = next.add(1);
        }
    }
    std::ptr::null()
}

// Processes.

#[no_mangle]
pub extern "C" fn _exit(code: c_int) -> ! {
    loop {
        call!(::libc::SYS_exit_group, code);
    }
}

#[no_mangle]
pub extern "C" fn abort() -> ! {
    call!(::libc::SYS_kill, call!(::libc::SYS_getpid), SIGABRT);
    _exit(128 + SIGABRT)
}

#[no_mangle]
pub unsafe extern "C" fn execve(
    path: *const c_char,
    argv: *const *const c_char,
    env: *const *const c_char,
) -> c_int {
    call!(::libc::SYS_execve, path, argv, env) as c_int
}

#[no_mangle]
extern "C" fn getpid() -> c_int {
    call!(::libc::SYS_getpid) as c_int
}

#[no_mangle]
extern "C" fn getppid() -> c_int {
    call!(::libc::SYS_getppid) as c_int
}

#[no_mangle]
extern "C" fn geteuid() -> c_uint {
    // As the kernel told it at the start: a shim never becomes another user.
    // SAFETY: `start` has set the pairs.
    unsafe { getauxval(::libc::AT_EUID as usize) as c_uint }
}

#[no_mangle]
extern "C" fn ccroute_libc_prctl(what: c_int, a: Word, b: Word, c: Word, d: Word) -> c_int {
    call!(::libc::SYS_prctl, what, a, b, c, d) as c_int
}

#[no_mangle]
unsafe extern "C" fn getrlimit(which: c_uint, limit: *mut rlimit) -> c_int {
    #[cfg(target_arch = "arm")]
    return call!(::libc::SYS_ugetrlimit, which, limit) as c_int;
    #[cfg(not(target_arch = "arm"))]
    return call!(::libc::SYS_getrlimit, which, limit) as c_int;
}

#[no_mangle]
unsafe extern "C" fn setrlimit(which: c_uint, limit: *const rlimit) -> c_int {
    call!(::libc::SYS_setrlimit, which, limit) as c_int
}

#[no_mangle]
unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
    call!(::libc::SYS_clock_gettime, clock, time) as c_int
}

/// `syscall(2)`: the number and up to six words.
#[no_mangle]
unsafe extern "C" fn ccroute_libc_syscall(
    number: c_long,
    a: Word,
    b: Word,
    c: Word,
    d: Word,
    e: Word,
    f: Word,
) -> Word {
    call!(number, a, b, c, d, e, f)
}

// Files.

#[no_mangle]
unsafe extern "C" fn ccroute_libc_open(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    call!(
        ::libc::SYS_openat,
        AT_FDCWD,
        path,
        flags | O_LARGEFILE,
        mode
    ) as c_int
}

#[no_mangle]
pub extern "C" fn close(fd: c_int) -> c_int {
    call!(::libc::SYS_close, fd) as c_int
}

#[no_mangle]
unsafe extern "C" fn read(fd: c_int, to: *mut c_void, count: size_t) -> ssize_t {
    call!(::libc::SYS_read, fd, to, count)
}

#[no_mangle]
unsafe extern "C" fn pread64(fd: c_int, to: *mut c_void, count: size_t, offset: i64) -> ssize_t {
    #[cfg(target_pointer_width = "32")]
    {
        // A number of 64 bits begins at an even register.
        let (low, high) = (offset, offset >> 32);
        return call!(::libc::SYS_pread64, fd, to, count, 0, low, high);
    }
    #[cfg(target_pointer_width = "64")]
    return call!(::libc::SYS_pread64, fd, to, count, offset);
}

#[no_mangle]
unsafe extern "C" fn fstatfs64(fd: c_int, to: *mut ::libc::statfs64) -> c_int {
    #[cfg(target_pointer_width = "32")]
    return call!(::libc::SYS_fstatfs64, fd, size_of::<::libc::statfs64>(), to) as c_int;
    #[cfg(target_pointer_width = "64")]
    return call!(::libc::SYS_fstatfs, fd, to) as c_int;
}

#[no_mangle]
pub unsafe extern "C" fn write(fd: c_int, from: *const c_void, count: size_t) -> ssize_t {
    call!(::libc::SYS_write, fd, from, count)
}

#[no_mangle]
unsafe extern "C" fn writev(fd: c_int, parts: *const c_void, count: c_int) -> ssize_t {
    call!(::libc::SYS_writev, fd, parts, count)
}

#[no_mangle]
extern "C" fn lseek64(fd: c_int, offset: i64, whence: c_int) -> i64 {
    #[cfg(target_pointer_width = "32")]
    {
        let mut at = 0i64;
        let (high, low) = (offset >> 32, offset);
        let done = call!(::libc::SYS__llseek, fd, high, low, &raw mut at, whence);
        return if done < 0 { -1 } else { at };
    }
    #[cfg(target_pointer_width = "64")]
    return call!(::libc::SYS_lseek, fd, offset, whence) as i64;
}

/// 64-bit numbers alike on every machine, under two names.
#[cfg(target_pointer_width = "64")]
const SYS_FSTATAT: c_long = ::libc::SYS_newfstatat;
#[cfg(target_pointer_width = "32")]
const SYS_FSTATAT: c_long = ::libc::SYS_fstatat64;

#[no_mangle]
unsafe extern "C" fn fstatat64(
    fd: c_int,
    path: *const c_char,
    to: *mut Stat,
    flags: c_int,
) -> c_int {
    call!(SYS_FSTATAT, fd, path, to, flags) as c_int
}

#[no_mangle]
unsafe extern "C" fn stat64(path: *const c_char, to: *mut Stat) -> c_int {
    call!(SYS_FSTATAT, AT_FDCWD, path, to, 0) as c_int
}

#[no_mangle]
unsafe extern "C" fn lstat64(path: *const c_char, to: *mut Stat) -> c_int {
    call!(SYS_FSTATAT, AT_FDCWD, path, to, AT_SYMLINK_NOFOLLOW) as c_int
}

#[no_mangle]
unsafe extern "C" fn fstat64(fd: c_int, to: *mut Stat) -> c_int {
    call!(SYS_FSTATAT, fd, c"".as_ptr(), to, AT_EMPTY_PATH) as c_int
}

#[no_mangle]
unsafe extern "C" fn statx(
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    to: *mut Statx,
) -> c_int {
    call!(::libc::SYS_statx, fd, path, flags, mask, to) as c_int
}

#[no_mangle]
pub unsafe extern "C" fn readlink(path: *const c_char, to: *mut c_char, size: size_t) -> ssize_t {
    call!(::libc::SYS_readlinkat, AT_FDCWD, path, to, size)
}

#[no_mangle]
unsafe extern "C" fn mkdir(path: *const c_char, mode: c_uint) -> c_int {
    call!(::libc::SYS_mkdirat, AT_FDCWD, path, mode) as c_int
}

#[no_mangle]
unsafe extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    call!(::libc::SYS_renameat, AT_FDCWD, from, AT_FDCWD, to) as c_int
}

#[no_mangle]
unsafe extern "C" fn unlink(path: *const c_char) -> c_int {
    call!(::libc::SYS_unlinkat, AT_FDCWD, path, 0) as c_int
}

#[no_mangle]
extern "C" fn flock(fd: c_int, how: c_int) -> c_int {
    call!(::libc::SYS_flock, fd, how) as c_int
}

#[no_mangle]
extern "C" fn ccroute_libc_fcntl(fd: c_int, what: c_int, value: Word) -> c_int {
    #[cfg(target_arch = "arm")]
    return call!(::libc::SYS_fcntl64, fd, what, value) as c_int;
    #[cfg(not(target_arch = "arm"))]
    return call!(::libc::SYS_fcntl, fd, what, value) as c_int;
}

#[no_mangle]
unsafe extern "C" fn getcwd(to: *mut c_char, size: size_t) -> *mut c_char {
    let length = call!(::libc::SYS_getcwd, to, size);
    // A directory outside the root is shown as "(unreachable)/…".
    // SAFETY: the kernel has written at least the NUL.
    match length {
        1.. if unsafe { *to } == b'/' as c_char => to,
        1.. => {
            set_errno(ENOENT);
            std::ptr::null_mut()
        }
        _ => std::ptr::null_mut(),
    }
}

/// The path without links. The result is never freed.
#[no_mangle]
unsafe extern "C" fn realpath(path: *const c_char, to: *mut c_char) -> *mut c_char {
    const MOST: usize = 4096;
    if !to.is_null() {
        // Rust's library lets it be allocated.
        hand_over();
    }
    let mut text = [0u8; MOST];
    // SAFETY: a C string.
    let asked = unsafe { CStr::from_ptr(path) }.to_bytes();
    let mut whole = Vec::with_capacity(MOST);
    if asked.first() != Some(&b'/') {
        if asked.is_empty() {
            set_errno(ENOENT);
            return std::ptr::null_mut();
        }
        // SAFETY: the buffer has the size that is told.
        if unsafe { getcwd(text.as_mut_ptr().cast(), MOST) }.is_null() {
            return std::ptr::null_mut();
        }
        whole.extend(text.iter().take_while(|&&b| b != 0));
        whole.push(b'/');
    }
    whole.extend_from_slice(asked);
    let found = super::path::resolved(&whole, &mut |at| {
        let name = [at, b"\0"].concat();
        let length = call!(
            ::libc::SYS_readlinkat,
            AT_FDCWD,
            name.as_ptr(),
            text.as_mut_ptr(),
            MOST
        );
        match usize::try_from(length) {
            Ok(length) => Ok(Some(text[..length].to_vec())),
            // SAFETY: one thread.
            Err(_) => match unsafe { ERRNO } {
                EINVAL => Ok(None),
                error => Err(error),
            },
        }
    });
    match found {
        Ok(mut found) => {
            found.push(0);
            Box::leak(found.into_boxed_slice()).as_mut_ptr().cast()
        }
        Err(error) => {
            set_errno(error);
            std::ptr::null_mut()
        }
    }
}

/// Memory of [`realpath`]'s, and of nobody else's: Rust's own comes from [`super::memory`].
#[no_mangle]
extern "C" fn free(_: *mut c_void) {}

// Connections.

#[no_mangle]
unsafe extern "C" fn getpeername(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> c_int {
    call!(::libc::SYS_getpeername, fd, address, length) as c_int
}

/// Looks, and does not wait: nobody here does.
#[no_mangle]
unsafe extern "C" fn poll(asked: *mut pollfd, count: nfds_t, _wait: c_int) -> c_int {
    let at_once = [0 as c_long; 2];
    call!(::libc::SYS_ppoll, asked, count, at_once.as_ptr(), 0) as c_int
}

#[no_mangle]
extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    call!(::libc::SYS_shutdown, fd, how) as c_int
}

/// The name that lines in the system log begin with; `syslog` takes it as it is.
static mut IDENTITY: *const c_char = c"".as_ptr();

#[no_mangle]
unsafe extern "C" fn openlog(identity: *const c_char, _options: c_int, _facility: c_int) {
    // SAFETY: one thread; the string is static, as openlog(3) asks.
    unsafe { IDENTITY = identity };
}

/// One line to the system log, whose daemon adds the time. The only format is `%s`.
#[no_mangle]
unsafe extern "C" fn ccroute_libc_syslog(
    priority: c_int,
    _format: *const c_char,
    text: *const c_char,
) {
    use ::libc::{AF_UNIX, LOG_DAEMON, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_DGRAM};
    // SAFETY: both are C strings.
    let (identity, text) = unsafe { (CStr::from_ptr(IDENTITY), CStr::from_ptr(text)) };
    let mut line = format!("<{}>", priority | LOG_DAEMON).into_bytes();
    line.extend_from_slice(identity.to_bytes());
    line.extend_from_slice(format!("[{}]: ", getpid()).as_bytes());
    line.extend_from_slice(text.to_bytes());
    let mut address = [0u8; 2 + 10];
    address[..2].copy_from_slice(&(AF_UNIX as u16).to_ne_bytes());
    address[2..10].copy_from_slice(b"/dev/log");
    let fd = call!(::libc::SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    // Where nobody listens, nobody is told.
    let connected = call!(::libc::SYS_connect, fd, address.as_ptr(), address.len());
    if fd >= 0 && connected == 0 {
        let (from, count) = (line.as_ptr(), line.len());
        call!(::libc::SYS_sendto, fd, from, count, MSG_NOSIGNAL, 0, 0);
    }
    if fd >= 0 {
        close(fd as c_int);
    }
}

// Words.

#[no_mangle]
unsafe extern "C" fn __xpg_strerror_r(error: c_int, to: *mut c_char, size: size_t) -> c_int {
    let text = errors::text(error);
    if text.len() >= size {
        return if size == 0 { EINVAL } else { ERANGE };
    }
    // SAFETY: the caller's buffer has `size` bytes.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), to, text.len());
        *to.add(text.len()) = 0;
    }
    0
}

/// Nothing is loaded that could be looked in.
#[no_mangle]
extern "C" fn dlsym(_: *mut c_void, _: *const c_char) -> *mut c_void {
    std::ptr::null_mut()
}
