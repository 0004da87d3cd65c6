//! What a look at the setup finds, as data.

use crate::exit::Exit;

/// How bad a finding is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Works, but not as well as it could, or not for long.
    Warning,
    /// Jobs fail, stay where they are, or come back wrong.
    Fault,
    /// Others can do here what they should not.
    Danger,
}

impl Severity {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Fault => "fault",
            Severity::Danger => "danger",
        }
    }

    /// What `doctor` exits with where this is the worst.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Severity::Note => Exit::Success,
            Severity::Warning => Exit::Warned,
            Severity::Fault => Exit::Fault,
            Severity::Danger => Exit::Danger,
        }
    }
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) severity: Severity,
    /// What is wrong, and where.
    pub(crate) what: String,
    /// How it shows; empty where that goes without saying.
    pub(crate) shows: String,
    /// The command that mends it.
    pub(crate) mend: String,
}

impl Finding {
    pub(crate) fn new(
        severity: Severity,
        what: impl Into<String>,
        shows: impl Into<String>,
        mend: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            what: what.into(),
            shows: shows.into(),
            mend: mend.into(),
        }
    }
}
