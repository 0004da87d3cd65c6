//! Request + rules + facts → Decision. A pure function: it runs nothing, writes nothing, and asks
//! the world only through [`Facts`], each question only when the answer matters.

mod add_rule;
mod clang;
pub mod facts;
mod native;
mod pick;
mod programs;
pub mod refusal;
mod send;
mod verify;
mod version;

use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::path::PathBuf;

pub use add_rule::{rule_for, AddRule};
pub use facts::{Facts, Recorded};
pub use refusal::Refusal;
pub use send::COMPILER;
pub(crate) use verify::contradiction;

use crate::abi::triple::Triple;
use crate::abi::{Arch, Family, Isa, Target};
use crate::compiler::name::CompilerName;
use crate::exit::Exit;
use crate::helper::evidence::KernelSeen;
use crate::helper::hostile::{hostile, without, JobFiles};
use crate::helper::limits::Limits;
use crate::options::table::Dropped;
use crate::request::Place;
use crate::request::{Request, MAX_DEPTH};
use crate::rules::matching::RuleSet;
use crate::rules::{OnRefuse, Origin, Sandbox, Settings, Sourced, Subject};
use crate::why::Why;

/// What is to be done with a request, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    pub outcome: Outcome,
    /// In the order in which they were found.
    pub reasons: Vec<Reason>,
    /// What calls are counted by.
    pub why: Why,
}

/// One step of a decision: what was found, and the line that gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    pub text: String,
    pub origin: Option<Origin>,
}

/// The three things that ccroute does.
#[derive(Clone, Debug)]
pub enum Outcome {
    Run(Run),
    Send(Send),
    Refuse(Refused),
}

/// Run an installed compiler in place of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub compiler: PathBuf,
    /// Without `argv[0]`, which is the compiler's path.
    pub args: Vec<OsString>,
    /// Close the descriptors that distccd leaks.
    pub close_leaked: bool,
    /// On a helper, what the compiler is kept from.
    pub confine: Option<Confine>,
    /// The compiler's version, where it is known: `12.2.0`, or `12`.
    pub version: Option<String>,
    /// The preprocessor's text is examined before it leaves: see [`crate::client::examine`].
    pub examine: bool,
}

/// How a client's compile is confined on a helper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confine {
    /// Whether the compiler runs in the sandbox.
    pub sandbox: Sandbox,
    /// Which files are the job's own.
    pub job: JobFiles,
    pub limits: Limits,
    /// Variables that the compiler keeps besides the usual few, from the rule's `environment`.
    pub environment: Vec<String>,
}

/// Hand the job to a launcher in place of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    pub launcher: PathBuf,
    /// Without `argv[0]`; the first is the full compiler name.
    pub args: Vec<OsString>,
    /// Variables to set for the launcher.
    pub env: Vec<(&'static str, OsString)>,
}

/// Refuse: why, and how the client is told.
#[derive(Clone, Debug)]
pub struct Refused {
    pub why: Refusal,
    pub way: OnRefuse,
}

impl Refused {
    /// The code to exit with.
    pub fn exit(&self, place: Place) -> Exit {
        match (self.why.exit(place), self.way, place) {
            (Exit::Refused, OnRefuse::Quiet, Place::Helper) => Exit::RefusedQuietly,
            (exit, ..) => exit,
        }
    }
}

/// Decides what becomes of a request.
pub fn decide(request: &Request<'_>, rules: &RuleSet<'_>, facts: &dyn Facts) -> Decision {
    let mut deciding = Deciding {
        request,
        rules,
        facts,
        reasons: Vec::new(),
        why: Why::ByName,
        way: OnRefuse::Local,
        files: JobFiles::default(),
        own: request.args.to_vec(),
    };
    let outcome = deciding.outcome().unwrap_or_else(|why| {
        Outcome::Refuse(Refused {
            why: *why,
            way: deciding.way,
        })
    });
    let why = match &outcome {
        Outcome::Refuse(refused) => refused.why.counted_as(),
        Outcome::Run(_) | Outcome::Send(_) => deciding.why,
    };
    Decision {
        outcome,
        reasons: deciding.reasons,
        why,
    }
}

/// What a request is for, once that is settled.
#[derive(Clone, Debug, Default)]
struct Wanted {
    /// `None`: this machine's native compiler.
    triple: Option<String>,
    settings: Settings,
    /// What is known of the client's target, before the request's own flags.
    target: Target,
    /// Without a `use`: installed triples to try, most wanted first.
    entries: Vec<String>,
    /// clang's `--target=` names another machine than the name does: then the job is for that one, and
    /// nothing that is known of the name's counts.
    own_target: Option<String>,
}

/// A decision in the making.
struct Deciding<'a> {
    request: &'a Request<'a>,
    rules: &'a RuleSet<'a>,
    facts: &'a dyn Facts,
    reasons: Vec<Reason>,
    why: Why,
    way: OnRefuse,
    /// On a helper, the job's files.
    files: JobFiles,
    /// The request's arguments; on a helper without those that only make files that nobody gets.
    own: Vec<&'a OsStr>,
}

/// A refusal on its way out; boxed because it is rare and large.
type Refusing = Box<Refusal>;

impl Deciding<'_> {
    fn outcome(&mut self) -> Result<Outcome, Refusing> {
        if self.request.passed.0.len() >= MAX_DEPTH {
            return Err(Refusal::Recursion.into());
        }
        if self.request.place == Place::Helper {
            self.own = without(&self.own, &[Dropped::OnHelper, Dropped::Everywhere]);
            self.files = JobFiles::find(&self.own, self.facts.working_directory());
            if let Some(found) = hostile(self.request.name.tool, &self.own, &self.files) {
                return Err(Refusal::Hostile(found).into());
            }
            let precompiled = self
                .files
                .tree
                .as_deref()
                .and_then(|t| self.facts.precompiled(t));
            if let Some(found) = precompiled {
                return Err(Refusal::Hostile(found).into());
            }
            if let Some(word) = &self.request.name.wrapper {
                return Err(Refusal::Wrapper {
                    word: word.clone(),
                    tool: self.request.name.tool.to_string(),
                }
                .into());
            }
        }
        let wanted = self.settle()?;
        if let Some(reason) = &wanted.settings.refuse {
            return Err(Refusal::ByRule {
                reason: reason.value.clone(),
                origin: reason.origin.clone(),
            }
            .into());
        }
        self.check_kernel_request(&wanted)?;
        if self.request.place == Place::Direct {
            if let Some(send) = self.send(&wanted)? {
                return Ok(Outcome::Send(send));
            }
        }
        self.run(&wanted).map(Outcome::Run)
    }

    /// Finds out what the request is for.
    fn settle(&mut self) -> Result<Wanted, Refusing> {
        let wanted = self.settle_name()?;
        Ok(self.of_own_target(wanted))
    }

    /// What the name means, by rules and evidence.
    fn settle_name(&mut self) -> Result<Wanted, Refusing> {
        let asked = self.request.name.triple.as_deref();
        let settings = self.settings(asked);
        if let Some(rename) = settings.as_.clone() {
            return self.renamed(asked, rename);
        }
        let wanted = match asked {
            Some(triple) => self.wanted_triple(triple.to_owned(), settings)?,
            None if self.request.place == Place::Helper => self.native_on_helper(settings)?,
            None => Wanted {
                target: self.native_target(),
                entries: vec![NATIVE.into()],
                settings,
                ..Wanted::default()
            },
        };
        if asked.is_some() {
            self.evidence_agrees(&wanted)?;
        }
        Ok(wanted)
    }

    /// Follows `as`, which renames a request once.
    fn renamed(
        &mut self,
        asked: Option<&str>,
        rename: Sourced<String>,
    ) -> Result<Wanted, Refusing> {
        let triple = rename.value.clone();
        self.why = Why::RenamedByRule;
        self.because(format!("the request means {triple}"), &rename.origin);
        if asked.is_none() && self.request.place == Place::Helper {
            self.native_may_be_served()?;
        }
        let settings = self.settings(Some(&triple));
        if let Some(again) = settings.as_.as_ref().filter(|a| a.value != triple) {
            return Err(Refusal::RenamedTwice {
                first: triple,
                first_origin: rename.origin,
                second: again.value.clone(),
                second_origin: again.origin.clone(),
            }
            .into());
        }
        let wanted = self.wanted_triple(triple, settings)?;
        self.evidence_agrees(&wanted)?;
        if asked.is_none() {
            self.headers_agree(&wanted)?;
        }
        Ok(wanted)
    }

    /// The merged rules for a triple (`None`: for native names), and how to refuse from now on. Where no
    /// section tells of it as it is spelled, those of an equivalent spelling hold.
    fn settings(&mut self, triple: Option<&str>) -> Settings {
        let mut settings = self.settings_as_spelled(triple);
        let says = settings.use_.is_some()
            || settings.defaults.is_some()
            || settings.as_.is_some()
            || settings.refuse.is_some();
        let silent = triple.filter(|_| !says);
        if let Some((spelling, found)) = silent.and_then(|t| self.settings_of_another(t)) {
            self.note(format!(
                "the rules for {spelling} hold, which means the same"
            ));
            settings = found;
        }
        if let Some(way) = &settings.on_refuse {
            self.way = way.value;
        }
        settings
    }

    fn settings_as_spelled(&self, triple: Option<&str>) -> Settings {
        self.rules.settings(&AskedAs {
            deciding: self,
            triple,
        })
    }

    /// The rules for the first equivalent spelling whose defaults the name does not contradict. A
    /// vendor that says nothing may still stand for a distribution with newer processors, so an ISA
    /// must be one that the name states, or its architecture's first. A name without a vendor is
    /// Debian's, whose compilers need nothing stated; an ARM name without an ISA is everybody's.
    fn settings_of_another(&self, triple: &str) -> Option<(String, Settings)> {
        let parsed = Triple::parse(triple).ok()?;
        let named = Target::of_triple(&parsed);
        if parsed.vendor.is_none() || named.is(Arch::Arm) && named.isa.value().is_none() {
            return None;
        }
        let least = named.isa.value().copied().or(match named.architecture()? {
            Arch::Aarch64 => Isa::of_name(Family::Aarch64, "armv8-a"),
            Arch::Riscv64 => Isa::of_name(Family::Riscv, "rv64gc"),
            _ => None,
        });
        let spellings = parsed.spellings().into_iter();
        let spoken = spellings.filter(|s| self.rules.speak_of(s));
        let mut found = spoken.map(|s| (s.clone(), self.settings_as_spelled(Some(&s))));
        found.find(|(_, settings)| {
            let defaults = settings.defaults.as_ref().map(|d| d.value.as_slice());
            let stated = named.refined(defaults.unwrap_or_default());
            let isa = stated.isa.value();
            let runs = isa.is_none_or(|isa| least.is_some_and(|least| isa.runs_on(least)));
            runs && (named.float.value().is_none() || stated.float.value() == named.float.value())
        })
    }

    fn because(&mut self, text: impl Into<String>, origin: &Origin) {
        self.reasons.push(Reason {
            text: text.into(),
            origin: Some(origin.clone()),
        });
    }

    fn note(&mut self, text: impl Into<String>) {
        self.reasons.push(Reason {
            text: text.into(),
            origin: None,
        });
    }

    /// The kernel compile that this request is, by its arguments or its source.
    fn kernel(&self) -> Option<&KernelSeen> {
        self.request
            .job
            .kernel
            .as_ref()
            .or_else(|| self.evidence().kernel.as_ref())
    }

    /// The source's evidence; on a client's side nothing is read.
    fn evidence(&self) -> &crate::helper::evidence::Evidence {
        match self.request.place {
            Place::Helper => self.facts.evidence(),
            Place::Direct | Place::UnderDistcc => facts::nothing_seen(),
        }
    }

    fn native_target(&self) -> Target {
        verify::target_of(self.facts.native_triple())
    }

    /// The name of the compiler asked for, with the triple that was settled on.
    fn full_name(&self, wanted: &Wanted) -> CompilerName {
        self.request.name.with_triple(wanted.triple.as_deref())
    }
}

/// The word in `use` that stands for the unprefixed local compiler.
pub(crate) const NATIVE: &str = "native";

/// A request under a triple that need not be the one in its name.
struct AskedAs<'a, 'b> {
    deciding: &'a Deciding<'b>,
    triple: Option<&'a str>,
}

impl Subject for AskedAs<'_, '_> {
    fn triple(&self) -> Option<&str> {
        self.triple
    }

    fn tool(&self) -> &str {
        self.deciding.request.name.tool.as_str()
    }

    fn place(&self) -> Place {
        self.deciding.request.place
    }

    fn from(&self) -> Option<IpAddr> {
        match self.deciding.request.place {
            Place::Helper => self.deciding.facts.client(),
            Place::Direct | Place::UnderDistcc => None,
        }
    }

    fn kernel(&self) -> Option<&str> {
        self.deciding.kernel().map(|k| k.arch.as_str())
    }

    fn source(&self) -> Option<&str> {
        self.deciding.evidence().triple()
    }
}

/// The arguments with what the rules add and drop: `flags`, the client's `defaults` as far as the
/// request leaves them standing, the request's own, `force-flags`.
fn merged_arguments(
    settings: &Settings,
    defaults: Vec<String>,
    first: Vec<String>,
    own: &[&OsStr],
) -> Vec<OsString> {
    let list =
        |s: &Option<Sourced<Vec<String>>>| s.as_ref().map_or(Vec::new(), |s| s.value.clone());
    let drop: Vec<glob::Pattern> = list(&settings.drop_flags)
        .iter()
        .filter_map(|p| glob::Pattern::new(p).ok())
        .collect();
    let dropped = |arg: &OsStr| {
        arg.to_str()
            .is_some_and(|text| drop.iter().any(|p| p.matches(text)))
    };
    let mut args = Vec::with_capacity(own.len() + defaults.len() + 8);
    args.extend(first.into_iter().map(OsString::from));
    args.extend(defaults.into_iter().map(OsString::from));
    args.extend(list(&settings.flags).into_iter().map(OsString::from));
    args.extend(own.iter().filter(|a| !dropped(a)).map(|a| a.to_os_string()));
    args.extend(list(&settings.force_flags).into_iter().map(OsString::from));
    args
}
