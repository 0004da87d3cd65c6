//! The target is verified: nothing runs whose target contradicts what is known of the request.

use std::ffi::{OsStr, OsString};

use super::pick::Candidate;
use super::refusal::Refusal;
use super::{Deciding, Refusing, Wanted};
use crate::abi::triple::Triple;
use crate::abi::{
    cross_compile, kernel_arches, verdict, Arch, Difference, Float, Level, System, Target,
};
use crate::request::Place;
use crate::rules::{Settings, Sourced};

/// What a triple's name says of its target; nothing, for a name that is no triple.
pub(super) fn target_of(triple: &str) -> Target {
    Triple::parse(triple).map_or_else(|_| Target::default(), |t| Target::of_triple(&t))
}

impl Deciding<'_> {
    /// What is wanted when a triple is.
    pub(super) fn wanted_triple(
        &mut self,
        triple: String,
        settings: Settings,
    ) -> Result<Wanted, Refusing> {
        let parsed =
            Triple::parse(&triple).map_err(|e| Refusal::BadTriple(format!("{triple}: {e}")))?;
        let mut target = Target::of_triple(&parsed);
        if let Some(defaults) = &settings.defaults {
            self.float_word_holds(&triple, &target, defaults)?;
            // The rule states what the client's compiler assumes: that is known, not guessed.
            target = target.refined(&defaults.value);
        }
        Ok(Wanted {
            triple: Some(triple),
            settings,
            target,
            ..Wanted::default()
        })
    }

    /// Defaults against the float word of the name (`softfloat`, `softfp`, `hf`): one of them is wrong,
    /// and either would link or run wrongly. Soft-float code may stand in for softfp's.
    fn float_word_holds(
        &self,
        triple: &str,
        named: &Target,
        defaults: &Sourced<Vec<String>>,
    ) -> Result<(), Refusing> {
        let stated = named.refined(&defaults.value).float;
        let (Some(&word), Some(&made)) = (named.float.value(), stated.value()) else {
            return Ok(());
        };
        if !named.is(Arch::Arm) || word == made || (word, made) == (Float::Softfp, Float::Soft) {
            return Ok(());
        }
        Err(Refusal::FloatWord {
            triple: triple.to_owned(),
            name: word.to_string(),
            defaults: made.to_string(),
            origin: defaults.origin.clone(),
        }
        .into())
    }

    /// Holds what is wanted against what the job shows of itself.
    pub(super) fn evidence_agrees(&mut self, wanted: &Wanted) -> Result<(), Refusing> {
        let evidence = self.evidence().clone();
        if let Some((left, right)) = &evidence.conflict {
            return Err(Refusal::Contradiction {
                left: format!("the source's {left} headers"),
                right: format!("its {right} headers"),
                differences: "two compilers".into(),
            }
            .into());
        }
        // A multiarch directory may be on the include path of a cross build, so only the
        // compiler's own directory speaks against a triple that was asked for or ruled.
        let compiler = evidence.compiler.as_ref();
        let seen = compiler.and_then(|c| c.triple.as_deref());
        let args = self.request.args;
        let left = match &wanted.triple {
            Some(triple) => triple.clone(),
            None => "this machine's own compiler".into(),
        };
        let ours = wanted.target.refined(args);
        if let Some(triple) = seen {
            if let Some(differences) = contradiction(&ours, &target_of(triple).refined(args)) {
                return Err(Refusal::Contradiction {
                    left,
                    right: format!("the source, which was read by a compiler for {triple}"),
                    differences,
                }
                .into());
            }
            self.note(format!("the source was read by a compiler for {triple}"));
        }
        if let Some(theirs) = evidence.target() {
            if let Some(differences) = contradiction(&ours, theirs) {
                return Err(Refusal::Contradiction {
                    left,
                    right: "the macros that the client's compiler predefined".into(),
                    differences,
                }
                .into());
            }
            self.note("the macros that the client's compiler predefined agree");
        }
        Ok(())
    }

    /// Holds a compiler, with the arguments it is about to get, against what is wanted.
    pub(super) fn check_target(
        &mut self,
        wanted: &Wanted,
        candidate: &Candidate,
        args: &[OsString],
    ) -> Result<(), Refusing> {
        let flags = self.request.args;
        let base = match (candidate.own_name, &wanted.settings.defaults) {
            // A kernel's path tells the architecture and nothing else; that is checked below.
            _ if wanted.triple.is_none() && self.kernel_targets().is_some() => {
                wanted.target.strengthened(&candidate.target)
            }
            // Under its own name a compiler is what it is.
            (true, None) => candidate.target.strengthened(&wanted.target),
            (true, Some(defaults)) => candidate
                .target
                .strengthened(&wanted.target)
                .refined(&defaults.value),
            (false, _) => wanted.target.clone(),
        };
        let own = base.refined(flags);
        let known = match self.evidence().target() {
            Some(seen) => seen.strengthened(&own),
            None => own,
        };
        let verdict = verdict(&known, &candidate.target, args);
        if verdict.level == Level::Incompatible {
            return Err(Refusal::WrongTarget {
                wanted: self.full_name(wanted).to_string(),
                compiler: self.display(candidate),
                differences: join(&fatal(verdict.differences)),
            }
            .into());
        }
        self.isa_is_stated(wanted, candidate, &known, args)?;
        if !verdict.unproved.is_empty() {
            let list: Vec<&str> = verdict.unproved.iter().map(|p| p.title()).collect();
            self.note(format!("unproved: {}", list.join(", ")));
        }
        self.check_kernel_compiler(candidate, args)
    }

    /// An ARM name that states no ISA means another one to each who uses it: only the compiler of that
    /// very name knows which. That is no guess either: it says "unproved". The same name on the compiler's
    /// side says as little: such a compiler is told the ISA, or its record has it.
    fn isa_is_stated(
        &self,
        wanted: &Wanted,
        candidate: &Candidate,
        known: &Target,
        args: &[OsString],
    ) -> Result<(), Refusing> {
        let bare = known.system.value() == Some(&System::Bare);
        // A client's own compiler is what its rules say.
        let local = candidate.local && self.request.place != Place::Helper;
        // clang reads a target that the job names the same way on both machines.
        let own = wanted.own_target.is_some();
        let settled = candidate.exact || local || own || bare || wanted.triple.is_none();
        if settled || !known.is(Arch::Arm) {
            return Ok(());
        }
        let compiler = self.display(candidate);
        let name = self.full_name(wanted).to_string();
        let why = match known.isa.value() {
            None => Refusal::IsaUnknown {
                wanted: name,
                compiler,
            },
            Some(isa) if candidate.target.refined(args).isa.value().is_none() => {
                Refusal::IsaUnstated {
                    wanted: name,
                    isa: isa.word().into_owned(),
                    compiler,
                }
            }
            Some(_) => return Ok(()),
        };
        Err(why.into())
    }

    /// A kernel for another architecture never reaches the compiler, whatever its name.
    fn check_kernel_compiler(
        &self,
        candidate: &Candidate,
        args: &[OsString],
    ) -> Result<(), Refusing> {
        let Some(arches) = self.kernel_targets() else {
            return Ok(());
        };
        let offered = candidate.target.refined(args);
        match offered.arch.value() {
            Some(arch) if !arches.contains(arch) => {
                Err(self.kernel_for_another(self.display(candidate), arch.to_string()))
            }
            _ => Ok(()),
        }
    }

    fn kernel_for_another(&self, compiler: String, offered: String) -> Refusing {
        let kernel = self.kernel().map_or(String::new(), |k| k.arch.clone());
        let way_out = match self.request.place {
            Place::Helper => "correct the rule for this client, or pass",
            Place::Direct | Place::UnderDistcc => "pass",
        };
        Refusal::KernelForAnother {
            way_out,
            suggestion: cross_compile(&kernel).to_owned(),
            kernel,
            compiler,
            offered,
        }
        .into()
    }

    /// On the client, a kernel for another machine is refused before anything is looked for.
    pub(super) fn check_kernel_request(&mut self, wanted: &Wanted) -> Result<(), Refusing> {
        if self.request.place == Place::Helper {
            return Ok(());
        }
        let Some(arches) = self.kernel_targets() else {
            return Ok(());
        };
        let target = wanted.target.refined(self.request.args);
        match target.arch.value() {
            Some(arch) if !arches.contains(arch) => {
                let compiler = self.full_name(wanted).to_string();
                Err(self.kernel_for_another(compiler, arch.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// The architectures that a kernel compile may be for; `None` where it is none, or where the
    /// directory's name is not an architecture's (U-Boot's `sandbox`).
    pub(super) fn kernel_targets(&self) -> Option<Vec<Arch>> {
        let kernel = self.kernel()?;
        let mut arches = match kernel.arch.as_str() {
            // User-mode Linux runs on x86 alone, and is compiled as any program there.
            "um" => vec![Arch::X86_64, Arch::I386],
            // U-Boot keeps aarch64 under arch/arm; the flags tell one from the other.
            "arm" if kernel.uboot => arm_or_aarch64(self.request.args),
            other => kernel_arches(other),
        };
        // arm64's vdso32 is ARM code, for which a build names a compiler of its own.
        let named = self.request.name.triple.is_some() || self.stated_target().is_some();
        if kernel.compat && kernel.arch == "arm64" && named {
            arches.push(Arch::Arm);
        }
        (!arches.is_empty()).then_some(arches)
    }
}

/// Which of the two a job's flags are for, as far as only one of them has the flag.
fn arm_or_aarch64(args: &[&OsStr]) -> Vec<Arch> {
    const ARM: &[&str] = &[
        "-marm",
        "-mthumb",
        "-mfloat-abi=",
        "-mfpu=",
        "-mabi=aapcs",
        "-mabi=apcs",
        "-march=armv4",
        "-march=armv5",
        "-march=armv6",
        "-march=armv7",
        "-msoft-float",
    ];
    const AARCH64: &[&str] = &[
        "-mgeneral-regs-only",
        "-mstrict-align",
        "-mabi=lp64",
        "-mcmodel=",
        "-mbranch-protection=",
    ];
    let has = |flags: &[&str]| {
        let texts = args.iter().filter_map(|a| a.to_str());
        texts
            .into_iter()
            .any(|a| flags.iter().any(|f| a.starts_with(f)))
    };
    match (has(ARM), has(AARCH64)) {
        (true, false) => vec![Arch::Arm],
        (false, true) => vec![Arch::Aarch64],
        _ => vec![Arch::Arm, Arch::Aarch64],
    }
}

/// What two sides contradict each other in, among what no flag of a build changes unsaid:
/// architecture, word size, byte order, ABI. `None` where they agree as far as both are known.
pub(crate) fn contradiction(left: &Target, right: &Target) -> Option<String> {
    let none: [&str; 0] = [];
    let differences: Vec<_> = verdict(left, right, &none)
        .differences
        .into_iter()
        .filter(|d| d.fatal && d.property.level() <= 1)
        .collect();
    (!differences.is_empty()).then(|| join(&differences))
}

/// The differences that refuse.
fn fatal(mut differences: Vec<Difference>) -> Vec<Difference> {
    differences.retain(|d| d.fatal);
    differences
}

fn join(differences: &[Difference]) -> String {
    let list: Vec<String> = differences.iter().map(|d| d.to_string()).collect();
    list.join("; ")
}
