//! Directories, listed as C programs do.

use std::ffi::{c_char, c_int, c_void};

use ::libc::{dirent64, AT_FDCWD, O_CLOEXEC, O_DIRECTORY, O_LARGEFILE, O_RDONLY};

use super::libc::{call, close, failed_or, raw, Word};

/// A directory being listed.
struct Directory {
    fd: c_int,
    next: usize,
    end: usize,
    /// What getdents64(2) wrote: each entry is a [`dirent64`], cut where its name ends.
    entries: Entries,
}

#[repr(align(8))]
struct Entries([u8; 4096]);

#[no_mangle]
unsafe extern "C" fn opendir(path: *const c_char) -> *mut c_void {
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_LARGEFILE;
    let fd = call!(::libc::SYS_openat, AT_FDCWD, path, flags, 0);
    if fd < 0 {
        return std::ptr::null_mut();
    }
    let directory = Directory {
        fd: fd as c_int,
        next: 0,
        end: 0,
        entries: Entries([0; 4096]),
    };
    Box::into_raw(Box::new(directory)).cast()
}

#[no_mangle]
unsafe extern "C" fn readdir64(directory: *mut c_void) -> *const dirent64 {
    /// Where an entry's length stands.
    const LENGTH: usize = 16;
    // SAFETY: only what `opendir` returned is passed.
    let directory = unsafe { &mut *directory.cast::<Directory>() };
    let entries = &mut directory.entries.0;
    if directory.next >= directory.end {
        let (fd, to) = (directory.fd, entries.as_mut_ptr());
        let read = call!(::libc::SYS_getdents64, fd, to, entries.len());
        if read <= 0 {
            return std::ptr::null();
        }
        (directory.next, directory.end) = (0, read as usize);
    }
    let entry = &entries[directory.next..];
    let length = u16::from_ne_bytes([entry[LENGTH], entry[LENGTH + 1]]);
    directory.next += usize::from(length);
    entry.as_ptr().cast()
}

#[no_mangle]
unsafe extern "C" fn dirfd(directory: *const c_void) -> c_int {
    // SAFETY: only what `opendir` returned is passed.
    unsafe { (*directory.cast::<Directory>()).fd }
}

#[no_mangle]
unsafe extern "C" fn closedir(directory: *mut c_void) -> c_int {
    // SAFETY: only what `opendir` returned is passed, once.
    close(unsafe { Box::from_raw(directory.cast::<Directory>()) }.fd)
}
