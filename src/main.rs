//! One program, many names. Called by a compiler's name it is the shim; as `ccroute-run` a
//! launcher that is given the compiler as its first argument; as `ccroute` the command line.
#![no_main]

use std::ffi::{c_char, c_int};

use ccroute::shim::{self, Called};
use ccroute::{cli, os};

/// A C `main`, because the standard library's start-up would ignore SIGPIPE, and cost time.
///
/// # Safety
/// Called by the C runtime alone, with the kernel's arguments.
#[no_mangle]
pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments that the C runtime hands to `main`.
    let arguments = unsafe { os::arguments(argc, argv) };
    let exit = match shim::called(&arguments) {
        Called::Commands(arguments) => cli::main(arguments),
        Called::Launcher(words) => shim::launch(words),
        Called::Compiler(name, arguments) => shim::main(name, arguments),
    };
    exit.code()
}
