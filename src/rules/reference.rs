//! What every key and condition of a rules file means: the words of ccroute.rules(5) and of the
//! faults. The parser knows no key and no condition that is not here.

use super::error::Fault;
use super::keys::{Key, SPELLINGS};

/// What is said of a key or condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Help {
    /// What stands after it: a placeholder, or the words to choose from. Empty: nothing.
    pub value: &'static str,
    /// What it does.
    pub text: &'static str,
}

const fn help(value: &'static str, text: &'static str) -> Help {
    Help { value, text }
}

/// A condition: a word of a section's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Tool,
    Direct,
    Helper,
    From,
    Kernel,
    Source,
}

impl Condition {
    /// Every condition, in the order of the page.
    pub const ALL: [Condition; 6] = [
        Condition::Tool,
        Condition::Direct,
        Condition::Helper,
        Condition::From,
        Condition::Kernel,
        Condition::Source,
    ];

    /// As written.
    pub const fn word(self) -> &'static str {
        match self {
            Condition::Tool => "tool",
            Condition::Direct => "direct",
            Condition::Helper => "helper",
            Condition::From => "from",
            Condition::Kernel => "kernel",
            Condition::Source => "source",
        }
    }

    /// The condition written so.
    ///
    /// # Errors
    /// No such condition.
    pub fn parse(word: &str) -> Result<Condition, Fault> {
        let found = Condition::ALL.into_iter().find(|c| c.word() == word);
        found.ok_or_else(|| Fault::UnknownCondition(word.into()))
    }

    /// What it means.
    pub const fn help(self) -> Help {
        match self {
            Condition::Tool => help("GLOB", "The tool's name, without triple and version, matches."),
            Condition::Direct => help(
                "",
                "The call comes from a person or a build, not from distcc. Such a call may be sent.",
            ),
            Condition::Helper => help("", "The call comes from distccd, for a client."),
            Condition::From => help(
                "ADDRESS",
                "The client has this address or is in this network (192.168.1.0/24). On a helper only.",
            ),
            Condition::Kernel => help(
                "GLOB",
                "The job is a compile of a Linux or U-Boot kernel for this architecture, in the kernel's spelling: arm, arm64, x86; * for any.",
            ),
            Condition::Source => help(
                "GLOB",
                "The line markers or predefined macros of the preprocessed source name such a triple. On a helper only.",
            ),
        }
    }
}

/// The conditions, for a message.
pub(super) fn condition_words() -> String {
    Condition::ALL.map(Condition::word).join(", ")
}

/// Every key as written, in the order of the page.
pub fn keys() -> impl Iterator<Item = (&'static str, Key)> {
    let tool = std::iter::once(("tool.NAME", Key::Tool));
    SPELLINGS.iter().copied().chain(tool)
}

impl Key {
    /// What it means. Where there is a choice of words, `value` lists them, separated by commas.
    pub const fn help(self) -> Help {
        match self {
            Key::Use => help(
                "TRIPLE…",
                "The installed compilers to try, in this order, by the triples in their names. The word native means the own compiler, without a triple.",
            ),
            Key::Path => help(
                "DIRECTORY…",
                "The directories to search before PATH. They are absolute; * and ? match any text.",
            ),
            Key::Names => help(
                "TRIPLE…",
                "The triples to make links for, where the section's pattern is a glob.",
            ),
            Key::Defaults => help(
                "FLAGS",
                "The defaults of the client's own compiler. The stand-in gets each of these flags, unless the job states another.",
            ),
            Key::Proof => help(
                "WORDS",
                "The hash that the probe's object must have, compiled with these defaults. ccroute probe writes it; ccroute check compares.",
            ),
            Key::Flags => help("FLAGS", "Flags to put before the job's own. The job's own win."),
            Key::ForceFlags => help("FLAGS", "Flags to put after the job's own. These win."),
            Key::DropFlags => help("GLOB…", "Flags to remove from the job."),
            Key::Tool => help(
                "TOOL",
                "The tool that serves the name NAME: tool.cc = gcc.",
            ),
            Key::Version => help(
                "any, major, exact",
                "How closely the stand-in's version must match the version that the name asks for or the source shows. Default: major, if a version is known.",
            ),
            Key::As => help(
                "TRIPLE",
                "The triple that this request means. The sections of that triple then apply.",
            ),
            Key::Send => help(
                "COMMAND",
                "The launcher for jobs on the client, such as distcc. With none, jobs are compiled locally.",
            ),
            Key::ExpandMacros => help(
                "client, helper",
                "Where the macros of a job that is sent to gcc are expanded. On the helper saves the client's time; a job that this would change is expanded on the client all the same. Without it: helper for C++ and kernels with gcc 11 or later, otherwise client.",
            ),
            Key::Fallback => help(
                "allow, refuse",
                "Whether distcc may compile on the client if the helper fails. With refuse the build stops instead. Default: what distcc's own variables say.",
            ),
            Key::Refuse => help(
                "REASON",
                "Refuse, with this reason. A later use cancels it, and a later refuse cancels a use.",
            ),
            Key::OnRefuse => help(
                "local, quiet, elsewhere",
                "How a helper refuses. With local, distcc compiles on the client, or fails if the client forbids that (exit 110). With quiet, it always compiles on the client (exit 200). With elsewhere, it tries the next helper. Default: local.",
            ),
            Key::Sandbox => help(
                "yes, no, require",
                "Whether a compiler on a helper runs in the sandbox (see Security). With require the helper refuses all jobs if its kernel lacks a part of the sandbox. Without it: yes.",
            ),
            Key::Log => help(
                "off | syslog | FILE",
                "The record of calls, for ccroute stats: this file, the system's log, or none. Only in the section [ccroute]. Without it: in /var/log/ccroute/calls on a helper, in ~/.local/state/ccroute/calls otherwise.",
            ),
            Key::LogLevel => help(
                "refused, distributed, all",
                "Which calls are recorded: refused; distributed (refused, sent, and served to clients); all. Only in the section [ccroute]. Without it: all.",
            ),
            Key::Environment => help(
                "NAME…",
                "Variables that a compiler in the sandbox keeps besides PATH, HOME, LANG, LC_*, TZ and LD_LIBRARY_PATH.",
            ),
            Key::LimitMemory => help(
                "SIZE",
                "The address space of each process of a client's compile on a helper: 512M, 2G. Without it: 8G.",
            ),
            Key::LimitCpu => help(
                "TIME",
                "The processor time of each process of a client's compile on a helper: 90s, 10m, 1h. The job may last three times as long by the clock, and at least 10 minutes. Without it: 30m.",
            ),
            Key::LimitFileSize => help(
                "SIZE",
                "The largest file that a client's compile on a helper may write: 512M, 2G. Without it: 1G.",
            ),
        }
    }
}
