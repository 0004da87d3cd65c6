//! One program, many names. Called by a compiler's name it is the shim; as `ccroute-run` a
//! launcher that is given the compiler as its first argument; as `ccroute` the command line.
#![no_main]

use std::ffi::{c_char, c_int};
use std::os::unix::ffi::OsStrExt;

use ccroute::{cli, shim, sys};

/// A C `main`, because the standard library's start-up would ignore SIGPIPE, and cost time.
///
/// # Safety
/// Called by the C runtime alone, with the kernel's arguments.
#[no_mangle]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments that the C runtime hands to `main`.
    let arguments = unsafe { sys::arguments(argc, argv) };
    let mut called = arguments.first().copied().unwrap_or_default();
    if called.is_empty() {
        called = sys::executed_path().unwrap_or_default();
    }
    let arguments = arguments.get(1..).unwrap_or_default();
    let base = called.as_bytes().rsplit(|&b| b == b'/').next();
    let exit = match base {
        Some(b"ccroute") => cli::main(arguments),
        Some(b"ccroute-run") => match arguments {
            [] => cli::launcher_without_compiler(),
            [compiler, rest @ ..] => shim::main(compiler, rest),
        },
        _ => shim::main(called, arguments),
    };
    exit.code()
}
