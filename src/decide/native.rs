//! Native names on a helper: `gcc` from a client means the client's machine, not this one. What it
//! means is settled by a rule for the client's address, by the job's evidence, by a rule without
//! an address, in that order; otherwise the request is refused.

use super::refusal::Refusal;
use super::verify::{contradiction, target_of};
use super::{AddRule, Deciding, Refusing, Wanted, NATIVE};
use crate::abi::triple::Triple;
use crate::abi::{clang, Arch, Known, Target};
use crate::rules::Settings;
use crate::why::Why;

impl Deciding<'_> {
    /// A native name is served only to plain distcc jobs over TCP: in pump mode the source is not
    /// preprocessed and shows nothing, over ssh there is no address.
    pub(super) fn native_may_be_served(&self) -> Result<(), Refusing> {
        let job = &self.request.job;
        let mode = if job.distccd_input().is_none() && !job.inputs.is_empty() {
            "pump mode"
        } else if self.facts.client().is_none() {
            "a job without a TCP connection (ssh, inetd)"
        } else {
            return Ok(());
        };
        Err(Refusal::NativeUnsupported {
            mode,
            tool: self.request.name.tool.to_string(),
        }
        .into())
    }

    /// Settles a native name that no rule renames.
    pub(super) fn native_on_helper(&mut self, settings: Settings) -> Result<Wanted, Refusing> {
        if let Some(wanted) = self.wanted_by_statement(&settings) {
            return Ok(wanted);
        }
        self.native_may_be_served()?;
        if settings.refuse.is_some() {
            return Ok(Wanted {
                settings,
                ..Wanted::default()
            });
        }
        if self.kernel_targets().is_some() {
            return self.native_kernel(settings);
        }
        if let Some(use_) = settings.use_.clone() {
            self.why = Why::RuleForNativeNames;
            let target = match use_.value.first().map(String::as_str) {
                Some(NATIVE) | None => self.native_target(),
                Some(triple) => target_of(triple),
            };
            let wanted = Wanted {
                target,
                settings,
                ..Wanted::default()
            };
            self.evidence_agrees(&wanted)?;
            self.headers_agree(&wanted)?;
            return Ok(wanted);
        }
        if let Some(triple) = self.evidence().triple().map(str::to_owned) {
            self.why = Why::SourceNamesTarget;
            self.note(format!("the source names {triple}"));
            let settings = self.settings(Some(&triple));
            let wanted = self.wanted_triple(triple, settings)?;
            self.evidence_agrees(&wanted)?;
            return Ok(wanted);
        }
        if let Some(target) = self.evidence().target().cloned() {
            self.why = Why::MacrosTellTarget;
            self.note("the macros that the client's compiler predefined tell its target");
            let entries = self.installed_for(&|t| contradiction(&target, t).is_none());
            return self.only_one(entries, target, settings);
        }
        Err(self.unknown_native())
    }

    /// clang under a native name says its target itself: `-target TRIPLE`, as distcc adds it.
    fn wanted_by_statement(&mut self, settings: &Settings) -> Option<Wanted> {
        let triple = self.stated_target()?.to_owned();
        let parsed = Triple::parse(&triple).ok()?;
        self.why = Why::StatesTarget;
        self.note(format!("the request states its target, {triple}"));
        Some(Wanted {
            target: clang::reads(&parsed),
            settings: settings.clone(),
            entries: vec![NATIVE.into()],
            own_target: Some(triple),
            ..Wanted::default()
        })
    }

    /// A kernel under a native name: this machine's own compiler where it compiles for that
    /// architecture, what a rule names, or the only installed compiler that does.
    fn native_kernel(&mut self, settings: Settings) -> Result<Wanted, Refusing> {
        let arches = self.kernel_targets().unwrap_or_default();
        let arch = self.kernel().map_or(String::new(), |k| k.arch.clone());
        self.why = Why::KernelKnown;
        self.note(format!("a kernel compile for {arch}"));
        let target = self.kernel_target(&arches)?;
        let fits = |offered: &Target| {
            let offered = offered.refined(self.request.args);
            offered.arch.value().is_some_and(|a| arches.contains(a))
                && contradiction(&target.strengthened(&offered), &offered).is_none()
        };
        let mut entries = Vec::new();
        if fits(&self.native_target()) {
            entries.push(NATIVE.to_owned());
        } else if settings.use_.is_none() {
            entries = self.installed_for(&|t| fits(t));
            if entries.len() != 1 {
                return Err(Refusal::KernelUnserved {
                    kernel: arch,
                    installed: match entries.len() {
                        0 => "none found".into(),
                        _ => entries.join(", "),
                    },
                    rule: self.add_rule(entries),
                }
                .into());
            }
        }
        Ok(Wanted {
            target,
            settings,
            entries,
            ..Wanted::default()
        })
    }

    /// What a kernel under a native name shows of its machine: architecture, word size and byte order
    /// by its flags, else by the headers or the macros of the client's compiler. Flags and source
    /// that leave one of two open are no answer: the compiler here would settle it by its own default.
    fn kernel_target(&self, arches: &[Arch]) -> Result<Target, Refusing> {
        let args = self.request.args;
        let of_client = match (self.evidence().target(), self.evidence().triple()) {
            (Some(target), _) => target.clone(),
            (None, Some(triple)) => target_of(triple).refined(args),
            (None, None) => Target::default(),
        };
        let fits = |t: &Target| t.arch.value().is_some_and(|a| arches.contains(a));
        let mut target = Target::default();
        if fits(&of_client) {
            target.arch = of_client.arch;
            target.model = of_client.model;
            target.order = of_client.order;
            target.elf_abi = of_client.elf_abi;
            return Ok(target);
        }
        let Some(&first) = arches.first() else {
            return Ok(target);
        };
        // The flags alone, on a compiler that has no order and no word size.
        let mut open = Target {
            arch: Known::Known(first),
            ..Target::default()
        };
        open = open.refined(args);
        // A compiler for PA-RISC makes one of them; a 64-bit kernel is built by full name.
        let two_sizes =
            first != Arch::Hppa64 && first.sibling().is_some_and(|s| arches.contains(&s));
        let what = if first.kernel_order_is_open() && open.order == Known::Unknown {
            "byte order"
        } else if two_sizes && open.model == Known::Unknown {
            "word size"
        } else {
            target.model = open.model;
            target.order = open.order;
            if first == Arch::Hppa64 {
                target.arch = Known::Known(Arch::Hppa);
            } else if two_sizes || arches.len() == 1 {
                target.arch = open.arch;
            }
            return Ok(target);
        };
        Err(Refusal::KernelOpen {
            kernel: self.kernel().map_or(String::new(), |k| k.arch.clone()),
            what,
            rule: self.add_rule(
                self.installed_for(&|t| t.arch.value().is_some_and(|a| arches.contains(a))),
            ),
        }
        .into())
    }

    /// The compilers installed whose triple's target passes; bare-metal ones only if no other does.
    fn installed_for(&self, fits: &dyn Fn(&Target) -> bool) -> Vec<String> {
        let suffix = self.request.name.with_triple(None).to_string();
        let mut found = self.facts.triples_with(&suffix, &[]);
        found.retain(|triple| fits(&target_of(triple)));
        if found.iter().any(|t| t.contains("linux")) {
            found.retain(|t| t.contains("linux"));
        }
        found
    }

    /// What is wanted where the macros alone tell the target.
    fn only_one(
        &self,
        mut entries: Vec<String>,
        target: Target,
        settings: Settings,
    ) -> Result<Wanted, Refusing> {
        if contradiction(&target, &self.native_target()).is_none() {
            entries = vec![NATIVE.into()];
        }
        if entries.is_empty() {
            return Err(self.unknown_native());
        }
        Ok(Wanted {
            target,
            settings,
            entries,
            ..Wanted::default()
        })
    }

    /// A rule's compiler against the headers that the source shows: with a native name these are
    /// the only sign of a client that is not like the others.
    pub(super) fn headers_agree(&self, wanted: &Wanted) -> Result<(), Refusing> {
        let Some(seen) = self.evidence().multiarch.as_deref() else {
            return Ok(());
        };
        let args = self.request.args;
        match contradiction(&wanted.target.refined(args), &target_of(seen).refined(args)) {
            None => Ok(()),
            Some(differences) => Err(Refusal::Contradiction {
                left: "the rule for native names".into(),
                right: format!("the source, which includes headers for {seen}"),
                differences,
            }
            .into()),
        }
    }

    fn unknown_native(&self) -> Refusing {
        let triples = self.installed_for(&|_| true);
        let rule = self.add_rule(triples);
        Refusal::UnknownNative { rule }.into()
    }

    /// The rule that would settle a native name. `explain` without an address asks as 0.0.0.0.
    fn add_rule(&self, triples: Vec<String>) -> AddRule {
        AddRule {
            client: self.facts.client().filter(|c| !c.is_unspecified()),
            triples,
        }
    }
}
