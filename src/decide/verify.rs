//! The target is verified: nothing runs whose target contradicts what is known of the request.

use std::ffi::{OsStr, OsString};

use super::pick::Candidate;
use super::refusal::Refusal;
use super::{Deciding, Refusing, Wanted};
use crate::abi::triple::{Env, Triple};
use crate::abi::{kernel_arches, verdict, Arch, Difference, Level, Target};
use crate::request::Place;
use crate::rules::Settings;

/// What a triple's name says of its target; nothing, for a name that is no triple.
pub(super) fn target_of(triple: &str) -> Target {
    Triple::parse(triple).map_or_else(|_| Target::default(), |t| Target::of_triple(&t))
}

/// What clang makes of a triple. It takes ARM's float ABI from the last field alone, and a vendor
/// `hardfloat` for nothing (seen with clang 14); only SUSE's names it knows otherwise.
pub(super) fn clang_target_of(triple: &str) -> Target {
    let Ok(parsed) = Triple::parse(triple) else {
        return Target::default();
    };
    let target = Target::of_triple(&parsed);
    let suse = parsed.vendor.as_deref() == Some("suse");
    if !target.is(Arch::Arm) || suse {
        return target;
    }
    let float = match Env::of(&parsed.env) {
        Env { abi: "eabihf", .. } => "-mfloat-abi=hard",
        Env {
            libc: "android", ..
        } => "-mfloat-abi=softfp",
        _ => "-mfloat-abi=soft",
    };
    target.refined(&[float])
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
            // The rule states what the client's compiler assumes: that is known, not guessed.
            target = target.refined(&defaults.value);
        }
        Ok(Wanted {
            triple: Some(triple),
            settings,
            target,
            entries: Vec::new(),
        })
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
        // A kernel's path tells the architecture and nothing else; that is checked below.
        let base = match wanted.target == Target::default() {
            true => &candidate.target,
            false => &wanted.target,
        };
        // What a name leaves open, the facts of the compiler of that very name settle.
        let base = match candidate.same_name {
            true => base.strengthened(&candidate.target),
            false => base.clone(),
        };
        let own = base.refined(self.request.args);
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
        if !verdict.unproved.is_empty() {
            let list: Vec<&str> = verdict.unproved.iter().map(|p| p.title()).collect();
            self.note(format!("unproved: {}", list.join(", ")));
        }
        self.check_kernel_compiler(candidate, args)
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
            suggestion: cross_compile(&kernel),
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
            other => kernel_arches(other).to_vec(),
        };
        // arm64's vdso32 is ARM code, for which a build names a compiler of its own.
        let named = self.request.name.triple.is_some();
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

/// What to pass as CROSS_COMPILE for a kernel's architecture: the prefix of Debian's packages,
/// or the plain shape where Debian has none.
fn cross_compile(kernel: &str) -> String {
    let prefix = match kernel {
        "arm" => "arm-linux-gnueabihf-",
        "arm64" => "aarch64-linux-gnu-",
        "riscv" => "riscv64-linux-gnu-",
        "x86" | "um" | "x86_64" => "x86_64-linux-gnu-",
        "i386" => "i686-linux-gnu-",
        "powerpc" => "powerpc64le-linux-gnu-",
        "mips" => "mipsel-linux-gnu-",
        "s390" => "s390x-linux-gnu-",
        _ => "TRIPLE-",
    };
    prefix.into()
}
