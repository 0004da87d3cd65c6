//! Whether one target's compiler may stand in for another's.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt;

use super::*;

/// How far a stand-in serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Would give an object that does not link, or that runs into instructions that the client
    /// does not have.
    Incompatible,
    /// Serves, and only because of the flags it is given in addition.
    CompatibleWithFlags,
    /// Serves; the code may differ (PIE, tuning, a smaller ISA).
    Compatible,
    /// The same target, proved: nothing differs, with or without flags, and nothing that matters
    /// rests on a name.
    Same,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Same => "same",
            Level::Compatible => "compatible",
            Level::CompatibleWithFlags => "compatible-with-flags",
            Level::Incompatible => "incompatible",
        })
    }
}

/// A property in which the two sides differ, flags included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    pub property: Property,
    /// What the request needs.
    pub wanted: String,
    /// What the stand-in gives.
    pub offered: String,
    /// Whether this alone refuses.
    pub fatal: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.property.title();
        write!(
            f,
            "{title}: {} wanted, {} offered",
            self.wanted, self.offered
        )
    }
}

/// The outcome of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub level: Level,
    /// What differs, what refuses first.
    pub differences: Vec<Difference>,
    /// What matters (levels 0 to 2) and is not known of both sides: agreement there is an
    /// assumption.
    pub unproved: Vec<Property>,
}

impl Verdict {
    /// The difference that refuses, if the verdict is [`Level::Incompatible`].
    pub fn refusal(&self) -> Option<&Difference> {
        self.differences.iter().find(|d| d.fatal)
    }
}

/// How one property compares.
enum Match {
    Equal,
    /// Nothing is known of one side or both.
    Open,
    /// Differs, and still serves: runs everywhere the wanted code does.
    Serves,
    /// Contradicts.
    Refuses,
}

/// Compares what a request wants with what a compiler offers. `offered` is the compiler before
/// `flags`, which are those that it will be given in addition to the request's own; the request's
/// own flags belong into both sides ([`Target::refined`]).
///
/// What a name only hints at refuses where it contradicts, on either side: a compiler called armv7a
/// is not taken for armv6 on the chance that its name is wrong. Silence refuses nothing: a name
/// that states no ISA is served, and the ISA is reported as unproved. Only the data model, which
/// decides the ELF class, must not be known on one side and open on the other.
pub fn verdict(wanted: &Target, offered: &Target, flags: &[impl AsRef<OsStr>]) -> Verdict {
    let with_flags = offered.refined(flags);
    let mut differences = Vec::new();
    let mut unproved = Vec::new();
    let mut needed_flags = false;
    for &property in Property::ALL {
        let outcome = compare(property, wanted, &with_flags);
        if !flags.is_empty() && !matches!(outcome, Match::Refuses) {
            needed_flags |= was_needed(property, wanted, offered, &outcome);
        }
        if property.level() <= 2 && !proved(property, wanted, &with_flags) {
            unproved.push(property);
        }
        let fatal = match outcome {
            Match::Equal | Match::Open => continue,
            Match::Serves => false,
            Match::Refuses => true,
        };
        let side = |t: &Target| match t.word(property).value() {
            Some(word) => word.to_string(),
            None => "unknown".to_string(),
        };
        differences.push(Difference {
            property,
            wanted: side(wanted),
            offered: side(&with_flags),
            fatal,
        });
    }
    differences.extend(impossible(&with_flags));
    // Stable: among those that refuse, the lowest level comes first by the order of properties.
    differences.sort_by_key(|d| !d.fatal);
    let level = if differences.iter().any(|d| d.fatal) {
        Level::Incompatible
    } else if needed_flags {
        Level::CompatibleWithFlags
    } else if unproved.is_empty() && wanted == offered && *offered == with_flags {
        Level::Same
    } else {
        Level::Compatible
    };
    Verdict {
        level,
        differences,
        unproved,
    }
}

fn compare(property: Property, wanted: &Target, offered: &Target) -> Match {
    let (w, o) = (wanted.word(property), offered.word(property));
    let (Some(wanted_word), Some(offered_word)) = (w.value(), o.value()) else {
        // One side without any word: only the data model must not be guessed.
        let both = w.value().is_none() && o.value().is_none();
        return if property == Property::Model && !both {
            Match::Refuses
        } else {
            Match::Open
        };
    };
    if wanted_word == offered_word {
        return Match::Equal;
    }
    let serves = match property {
        Property::Isa => runs(wanted.isa, offered.isa, Isa::runs_on),
        // Soft-float code needs no FPU, whatever the compiler assumes there is.
        Property::Fpu => {
            offered.float.value() == Some(&Float::Soft)
                || runs(wanted.fpu, offered.fpu, Fpu::runs_on)
        }
        // The same calling convention, computed in software.
        Property::Float => {
            (wanted_word, offered_word) == (&Cow::from("softfp"), &Cow::from("soft"))
        }
        // Bare metal's ELF objects link into anything; those of one system not into another's.
        Property::System => {
            let bare = Some(&System::Bare);
            wanted.system.value() == bare || offered.system.value() == bare
        }
        _ => property.level() >= 3,
    };
    match serves {
        true => Match::Serves,
        false => Match::Refuses,
    }
}

fn runs<T: Copy>(wanted: Known<T>, offered: Known<T>, runs_on: fn(T, T) -> bool) -> bool {
    match (wanted.value(), offered.value()) {
        (Some(&wanted), Some(&offered)) => runs_on(offered, wanted),
        _ => true,
    }
}

/// Whether the flags made this property agree: it did not without them. A property that nothing was
/// known of counts on levels 0 to 2, where the flags settle what could have gone wrong.
fn was_needed(property: Property, wanted: &Target, offered: &Target, outcome: &Match) -> bool {
    let before = compare(property, wanted, offered);
    match (before, outcome) {
        (Match::Refuses, _) => true,
        (Match::Serves, Match::Equal) => property.level() <= 3,
        (Match::Open, Match::Equal) => property.level() <= 2,
        _ => false,
    }
}

/// Whether agreement is more than an assumption.
fn proved(property: Property, wanted: &Target, offered: &Target) -> bool {
    let (w, o) = (wanted.word(property), offered.word(property));
    (w.is_known() && o.is_known()) || !concerns(property, wanted, offered)
}

/// Whether a property exists on the architecture and can go wrong there.
fn concerns(property: Property, wanted: &Target, offered: &Target) -> bool {
    let Some(arch) = wanted.architecture() else {
        return property == Property::Arch;
    };
    match property {
        Property::Arch | Property::Model | Property::Order | Property::Format => true,
        Property::Float => {
            let loong = matches!(arch, Arch::Loongarch32 | Arch::Loongarch64);
            let other = matches!(arch, Arch::Arm | Arch::Sh);
            other || arch.is_riscv() || arch.is_mips() || arch.is_powerpc() || loong
        }
        Property::ElfAbi => arch == Arch::Powerpc64,
        Property::LongDouble => arch.is_powerpc(),
        Property::Nan => arch.is_mips(),
        Property::Enums => false,
        Property::Isa => Family::of(arch).is_some(),
        Property::Fpu => arch == Arch::Arm && offered.float.value() != Some(&Float::Soft),
        _ => false,
    }
}

/// What no compiler compiles: gcc says so only once it has the source, after a helper has taken the
/// job.
fn impossible(offered: &Target) -> Option<Difference> {
    if !offered.is(Arch::Arm) || offered.float != Known::Known(Float::Hard) {
        return None;
    }
    if offered.fpu == Known::Known(Fpu::NONE) {
        return Some(Difference {
            property: Property::Fpu,
            wanted: "one for hard float".to_string(),
            offered: "none".to_string(),
            fatal: true,
        });
    }
    let thumb1 = |isa: &Isa| isa.bits & isa::arm::THUMB2 == 0 && isa.bits & isa::arm::V4 != 0;
    if offered.mode == Known::Known(Mode::Thumb) && offered.isa.value().is_some_and(thumb1) {
        return Some(Difference {
            property: Property::Mode,
            wanted: "ARM or Thumb-2 for hard float".to_string(),
            offered: "Thumb-1".to_string(),
            fatal: true,
        });
    }
    None
}
