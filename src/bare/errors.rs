//! The C library's words for the kernel's errors, as far as opening, reading and executing files
//! meets them.

use std::ffi::c_int;

use ::libc::*;

const TEXTS: &[(c_int, &str)] = &[
    (EPERM, "Operation not permitted"),
    (ENOENT, "No such file or directory"),
    (EINTR, "Interrupted system call"),
    (EIO, "Input/output error"),
    (ENXIO, "No such device or address"),
    (E2BIG, "Argument list too long"),
    (ENOEXEC, "Exec format error"),
    (EBADF, "Bad file descriptor"),
    (EAGAIN, "Resource temporarily unavailable"),
    (ENOMEM, "Cannot allocate memory"),
    (EACCES, "Permission denied"),
    (EFAULT, "Bad address"),
    (EBUSY, "Device or resource busy"),
    (EEXIST, "File exists"),
    (ENODEV, "No such device"),
    (ENOTDIR, "Not a directory"),
    (EISDIR, "Is a directory"),
    (EINVAL, "Invalid argument"),
    (ENFILE, "Too many open files in system"),
    (EMFILE, "Too many open files"),
    (ETXTBSY, "Text file busy"),
    (EFBIG, "File too large"),
    (ENOSPC, "No space left on device"),
    (EROFS, "Read-only file system"),
    (EMLINK, "Too many links"),
    (EPIPE, "Broken pipe"),
    (ENAMETOOLONG, "File name too long"),
    (ENOSYS, "Function not implemented"),
    (ELOOP, "Too many levels of symbolic links"),
    (EOVERFLOW, "Value too large for defined data type"),
    (ELIBBAD, "Accessing a corrupted shared library"),
    (EOPNOTSUPP, "Operation not supported"),
    (ETIMEDOUT, "Connection timed out"),
    (EHOSTDOWN, "Host is down"),
    (ESTALE, "Stale file handle"),
    (EDQUOT, "Disk quota exceeded"),
    (ENOKEY, "Required key not available"),
    (EKEYREJECTED, "Key was rejected by service"),
];

/// An error's text. `io::Error` adds its number.
pub fn text(error: c_int) -> &'static str {
    let known = TEXTS.iter().find(|(number, _)| *number == error);
    known.map_or("Unknown error", |(_, text)| text)
}
