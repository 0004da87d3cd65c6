//! `ccroute-shim`: the shim alone, without a C library. It is what compiler names lead to.
//!
//! Most of what a call of a small program costs is the C library's: to be found, mapped, bound and
//! set up. The shim needs little of it, so this program brings that little itself: where the
//! process begins ([`start`]), memory ([`memory`]), and some fifty functions of a line or two
//! that enter the kernel ([`libc`]), which Rust's standard library is linked against. What they do not
//! do (starting a process to ask a compiler, time zones, the command line) is the whole
//! program's: [`start::hand_over`] becomes `ccroute` beside this file, which begins the call anew. Both run
//! the same [`ccroute::shim`], so what is decided cannot differ.
//!
//! It is a dynamic program like others, with the usual dynamic loader and no library to be loaded. On
//! an architecture or C library for which there is no `start` it is an ordinary program.
#![no_main]

#[cfg(bare)]
mod bytes;
#[cfg(bare)]
mod directory;
#[cfg(bare)]
mod errors;
#[cfg(bare)]
mod libc;
#[cfg(bare)]
mod memory;
#[cfg(bare)]
mod path;
#[cfg(bare)]
mod start;

use std::ffi::{c_char, c_int};

use ccroute::shim::{self, Called};
use ccroute::sys;

#[cfg(not(bare))]
mod start {
    use super::{c_char, c_int};

    /// Where an ordinary program begins.
    ///
    /// # Safety
    /// Called by the C runtime alone, with the kernel's arguments.
    #[no_mangle]
    pub unsafe extern "C" fn main(argc: c_int, argv: *const *const c_char) -> c_int {
        // SAFETY: these are the arguments that the C runtime hands to `main`.
        unsafe { super::serve(argc, argv) }
    }
}

/// Serves the call; returns the code to exit with.
///
/// # Safety
/// `argv` points to `argc` strings that live as long as the process.
unsafe fn serve(argc: c_int, argv: *const *const c_char) -> c_int {
    // SAFETY: the caller vouches for them.
    let arguments = unsafe { sys::arguments(argc, argv) };
    let exit = match shim::called(&arguments) {
        Called::Compiler(name, arguments) => shim::main(name, arguments),
        #[cfg(bare)]
        Called::Commands(_) | Called::LauncherAlone => start::hand_over(),
        #[cfg(not(bare))]
        Called::Commands(arguments) => ccroute::cli::main(arguments),
        #[cfg(not(bare))]
        Called::LauncherAlone => ccroute::cli::launcher_without_compiler(),
    };
    exit.code()
}
