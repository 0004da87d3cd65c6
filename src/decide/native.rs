//! Native names on a helper: `gcc` from a client means the client's machine, not this one. What it
//! means is settled by a rule for the client's address, by the job's evidence, by a rule without
//! an address, in that order; otherwise the request is refused.

use super::refusal::{client_text, Refusal};
use super::verify::{contradiction, target_of};
use super::{Deciding, Refusing, Wanted, NATIVE};
use crate::abi::Target;
use crate::rules::Settings;

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
        if let Some(wanted) = self.stated_target(&settings) {
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
            self.kind = "a rule for native names";
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
            self.kind = "the source names its target";
            self.note(format!("the source names {triple}"));
            let settings = self.settings(Some(&triple));
            let wanted = self.wanted_triple(triple, settings)?;
            self.evidence_agrees(&wanted)?;
            return Ok(wanted);
        }
        if let Some(target) = self.evidence().target().cloned() {
            self.kind = "the source's macros tell its target";
            self.note("the macros that the client's compiler predefined tell its target");
            let entries = self.installed_for(&|t| contradiction(&target, t).is_none());
            return self.only_one(entries, target, settings);
        }
        Err(self.unknown_native())
    }

    /// clang under a native name says its target itself: `-target TRIPLE`, as distcc adds it.
    fn stated_target(&mut self, settings: &Settings) -> Option<Wanted> {
        let stated = self.request.job.target?;
        let triple = std::str::from_utf8(stated).ok()?;
        if !self.request.name.tool.is_clang() || crate::abi::triple::Triple::parse(triple).is_err()
        {
            return None;
        }
        self.kind = "the request states its target";
        self.note(format!("the request states its target, {triple}"));
        Some(Wanted {
            triple: None,
            target: super::verify::clang_target_of(triple),
            settings: settings.clone(),
            entries: vec![NATIVE.into()],
        })
    }

    /// A kernel under a native name: this machine's own compiler where it compiles for that
    /// architecture, what a rule names, or the only installed compiler that does.
    fn native_kernel(&mut self, settings: Settings) -> Result<Wanted, Refusing> {
        let arches = self.kernel_targets().unwrap_or_default();
        let arch = self.kernel().map_or(String::new(), |k| k.arch.clone());
        self.kind = "a kernel for a known architecture";
        self.note(format!("a kernel compile for {arch}"));
        let fits = |target: &Target| {
            let target = target.refined(self.request.args);
            target.arch.value().is_some_and(|a| arches.contains(a))
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
                    client: client_text(self.facts.client()),
                }
                .into());
            }
        }
        Ok(Wanted {
            settings,
            entries,
            ..Wanted::default()
        })
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
            triple: None,
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
        Refusal::UnknownNative {
            client: client_text(self.facts.client()),
        }
        .into()
    }
}
