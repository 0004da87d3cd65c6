//! Every code that ccroute itself exits with. A compiler's own code passes through untouched,
//! because the shim's process becomes the compiler.

/// An exit code, with what distcc makes of it where distcc sees it (`exitcode.h` of distcc 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// A command did what it was asked.
    Success = 0,
    /// A command found a fault (`check`, `doctor`, `verify`).
    Fault = 1,
    /// A command line that makes no sense.
    Usage = 2,
    /// `doctor` found what could be better, and nothing worse.
    Warned = 3,
    /// `doctor` found that others can do here what they should not.
    Danger = 4,
    /// A rules file or directory is wrong or unsafe (`EX_CONFIG` of sysexits.h).
    Rules = 78,
    /// Refused, or nothing serves the name on a helper: distcc's own "compiler missing". The
    /// client compiles locally, or fails the build if it forbids that.
    Refused = 110,
    /// The shim found itself again: distcc's own "recursion".
    Recursion = 111,
    /// A compiler was found but cannot be run (the shell's convention).
    CannotRun = 126,
    /// No compiler serves the name (the shell's convention).
    NotFound = 127,
    /// Refused so that distcc always compiles locally, whatever the client's settings.
    RefusedQuietly = 200,
}

impl Exit {
    /// The number.
    pub fn code(self) -> i32 {
        i32::from(self as u8)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}
