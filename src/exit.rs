//! Every code that ccroute itself exits with. A compiler's own code passes through untouched: the shim's
//! process becomes the compiler, or on a helper ends as the compiler ended.

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
    /// The compiler said that all is well but left no object: distcc's own "input or output error".
    NoObject = 107,
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
    /// Every code, in the order of their numbers.
    pub const ALL: [Exit; 12] = [
        Exit::Success,
        Exit::Fault,
        Exit::Usage,
        Exit::Warned,
        Exit::Danger,
        Exit::Rules,
        Exit::NoObject,
        Exit::Refused,
        Exit::Recursion,
        Exit::CannotRun,
        Exit::NotFound,
        Exit::RefusedQuietly,
    ];

    /// The number.
    pub fn code(self) -> i32 {
        i32::from(self as u8)
    }

    /// What it means, for the manual page.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "A command did what it was asked.",
            Exit::Fault => "A command found a fault, or could not do what it was asked.",
            Exit::Usage => "The command line is wrong.",
            Exit::Warned => "doctor found something that could be better, and nothing worse.",
            Exit::Danger => "doctor found that other users or clients can do something that they must not.",
            Exit::Rules => "A rules file is wrong, or is writable by group or others.",
            Exit::NoObject => "On a helper, the compiler ended with 0 but left no object.",
            Exit::Refused => "Refused, a limit ended the job, or nothing on the helper serves the name. distcc compiles locally, or fails the build if it must not.",
            Exit::Recursion => "ccroute found itself again and again on PATH.",
            Exit::CannotRun => "A compiler was found, but cannot be run.",
            Exit::NotFound => "No compiler serves the name (not under distcc).",
            Exit::RefusedQuietly => "Refused with on-refuse = quiet: distcc always compiles locally.",
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        std::process::ExitCode::from(exit as u8)
    }
}
