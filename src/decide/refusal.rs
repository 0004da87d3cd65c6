//! Why a request is refused: one line each, with both sides named and what to do.

use std::path::PathBuf;

use thiserror::Error;

use super::AddRule;
use crate::exit::Exit;
use crate::helper::hostile::Hostile;
use crate::request::Place;
use crate::rules::Origin;
use crate::why::Why;

/// A reason to refuse. Its text follows `ccroute: NAME: `.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error(
        "passed through {} shims without reaching a compiler: remove all but one of them from PATH",
        crate::request::MAX_DEPTH
    )]
    Recursion,

    #[error("refused: {reason} (rule {origin})")]
    ByRule { reason: String, origin: Origin },

    #[error("renamed to {first} ({first_origin}), which is renamed to {second} ({second_origin}): only one of these rules may rename; remove the other")]
    RenamedTwice {
        first: String,
        first_origin: Origin,
        second: String,
        second_origin: Origin,
    },

    #[error("{0}")]
    BadTriple(String),

    #[error("no compiler serves it (looked for {looked_for}): install one, or name one with 'use = TRIPLE' in a rule")]
    NotFound { looked_for: String },

    #[error("{} is not executable: make it executable (chmod +x), or remove it", .0.display())]
    NotExecutable(PathBuf),

    #[error("the job asks for {wanted}, but {compiler} would compile for another machine ({differences}): state the client's flags with 'defaults =' in a rule, or install another compiler")]
    WrongTarget {
        wanted: String,
        compiler: String,
        differences: String,
    },

    #[error("{left} contradicts {right} ({differences}): the job contradicts itself")]
    Contradiction {
        left: String,
        right: String,
        differences: String,
    },

    #[error("a kernel for {kernel} cannot be compiled by {compiler}, which compiles for {offered}: {way_out} CROSS_COMPILE={suggestion} to make")]
    KernelForAnother {
        kernel: String,
        compiler: String,
        offered: String,
        way_out: &'static str,
        suggestion: String,
    },

    #[error("a kernel for {kernel} was asked for by a name without a triple, and this helper does not have exactly one compiler for it (installed: {installed}): install one; if there are several, {rule}")]
    KernelUnserved {
        kernel: String,
        installed: String,
        rule: AddRule,
    },

    #[error("the name does not say which machine it is for, and neither does the job: {rule}")]
    UnknownNative { rule: AddRule },

    #[error(
        "in {mode}, a native name does not say which machine it is for: ask for TRIPLE-{tool}"
    )]
    NativeUnsupported { mode: &'static str, tool: String },

    #[error("'{word}-{tool}' is a wrapper around some compiler and names no machine: ask for TRIPLE-{tool}, or compile it locally")]
    Wrapper { word: String, tool: String },

    #[error("'{flag}' would mean the helper's processor: state the client's own, or compile the file locally")]
    HelpersProcessor { flag: String },

    #[error("nothing shows that {compiler} is this helper's own compiler (its link names no triple and it is not recorded): run 'ccroute check' on the helper as root, or name a compiler with 'use = TRIPLE'")]
    NotOwn { compiler: String },

    #[error("{wanted} does not say which ARM processor it is for, and {compiler} is a compiler of another name: state it with 'defaults = -march=...' in a rule, or install that compiler")]
    IsaUnknown { wanted: String, compiler: String },

    #[error("{wanted} is for {isa}, and nothing says which ARM processor {compiler} compiles for: state the client's with 'defaults = -march=...' in a rule")]
    IsaUnstated {
        wanted: String,
        isa: String,
        compiler: String,
    },

    #[error("{triple} says {name} float, but its defaults make {defaults} float ({origin}): correct the rule")]
    FloatWord {
        triple: String,
        name: String,
        defaults: String,
        origin: Origin,
    },

    #[error("a kernel for {kernel} may have either {what}, and neither the flags nor the source says which: {rule}")]
    KernelOpen {
        kernel: String,
        what: &'static str,
        rule: AddRule,
    },

    #[error("the job needs version {wanted} ({policy}), but {compiler} is {offered}: install version {wanted}, or write 'version = any' in a rule")]
    Version {
        wanted: String,
        policy: &'static str,
        compiler: String,
        offered: String,
    },

    #[error("a client may not send this: {0}; compile the file locally")]
    Hostile(Hostile),

    #[error("this helper does not compile for its own machine: its guard is on for another {minutes} min")]
    Guarded { minutes: u64 },

    #[error(
        "the launcher {launcher} is not on PATH (rule {origin}): install it, or set 'send = none'"
    )]
    NoLauncher { launcher: String, origin: Origin },
}

impl Refusal {
    /// The reason without names: what calls are counted by.
    pub fn counted_as(&self) -> Why {
        match self {
            Refusal::Recursion => Why::Recursion,
            Refusal::ByRule { .. } => Why::RefusedByRule,
            Refusal::RenamedTwice { .. } => Why::RenamedTwice,
            Refusal::BadTriple(_) => Why::NoTriple,
            Refusal::NotFound { .. } => Why::NothingServes,
            Refusal::NotExecutable(_) => Why::NotExecutable,
            Refusal::WrongTarget { .. } => Why::WrongTarget,
            Refusal::Contradiction { .. } => Why::Contradiction,
            Refusal::KernelForAnother { .. } => Why::KernelForAnother,
            Refusal::KernelUnserved { .. } => Why::KernelUnserved,
            Refusal::UnknownNative { .. } => Why::UnknownNative,
            Refusal::NativeUnsupported { .. } => Why::NativeWithoutConnection,
            Refusal::Wrapper { .. } => Why::Wrapper,
            Refusal::HelpersProcessor { .. } => Why::HelpersProcessor,
            Refusal::NotOwn { .. } => Why::NotOwn,
            Refusal::IsaUnknown { .. } | Refusal::IsaUnstated { .. } => Why::IsaUnknown,
            Refusal::FloatWord { .. } => Why::FloatWord,
            Refusal::KernelOpen { .. } => Why::KernelOfUnknownOrder,
            Refusal::Version { .. } => Why::WrongVersion,
            Refusal::Hostile(_) => Why::NotFromClients,
            Refusal::Guarded { .. } => Why::Guard,
            Refusal::NoLauncher { .. } => Why::NoLauncher,
        }
    }

    /// The rule that refuses, where it is one.
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Refusal::ByRule { origin, .. }
            | Refusal::NoLauncher { origin, .. }
            | Refusal::FloatWord { origin, .. } => Some(origin),
            Refusal::RenamedTwice { second_origin, .. } => Some(second_origin),
            _ => None,
        }
    }

    /// The code to exit with, before `on-refuse` is applied.
    pub fn exit(&self, place: Place) -> Exit {
        match self {
            Refusal::Recursion => Exit::Recursion,
            Refusal::RenamedTwice { .. } => Exit::Rules,
            Refusal::NotExecutable(_) => Exit::CannotRun,
            Refusal::NotFound { .. } | Refusal::BadTriple(_) | Refusal::NoLauncher { .. }
                if place != Place::Helper =>
            {
                Exit::NotFound
            }
            _ => Exit::Refused,
        }
    }
}
