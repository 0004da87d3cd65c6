//! What compiler flags make of a target. Flags are read as gcc reads them: of two that contradict
//! the later wins, except that on ARM and AArch64 `-march` wins over `-mcpu` wherever it stands.

use std::ffi::OsStr;

use super::fpu::arm_processor;
use super::isa::{aarch64_extension, x86};
use super::*;
use crate::abi::triple::Triple;
use crate::options::{scan, Kind};

/// Flags that only count together, once all are read.
#[derive(Default)]
struct Stated<'a> {
    march: Option<&'a str>,
    mcpu: Option<&'a str>,
    mtune: Option<&'a str>,
    /// x86's `-mNAME` and `-mno-NAME` in order. gcc forgets an earlier one of the same name, with
    /// all that it implied.
    features: Vec<(&'a str, bool)>,
    /// `-mabi=` chose 128 bits of IEEE or IBM format: `-mlong-double-128` only then says which.
    ieee: Option<bool>,
}

impl Target {
    /// The target that a compiler for this one compiles for when it is given these flags. What the
    /// flags state is known. Unknown flags, and values that are no text, change nothing.
    pub fn refined(&self, flags: &[impl AsRef<OsStr>]) -> Target {
        let mut target = self.clone();
        let mut stated = Stated::default();
        for arg in scan(flags) {
            if let Some(name) = arg.target() {
                target.retarget(name);
            }
            let Kind::Plain(word) = arg.kind else {
                continue;
            };
            let Ok(word) = std::str::from_utf8(word) else {
                continue;
            };
            if let Some(name) = word.strip_prefix("-f") {
                target.code_generation(name);
            } else if let Some(name) = word.strip_prefix("-m") {
                target.machine(name, &mut stated);
            } else if word == "-EL" {
                target.order = Known::Known(Order::Little);
            } else if word == "-EB" {
                target.order = Known::Known(Order::Big);
            }
        }
        target.apply(&stated);
        target
    }

    /// clang's `--target=`: another target altogether. What is known of this one's hardening
    /// belongs to the distribution's configuration and stays.
    fn retarget(&mut self, name: &[u8]) {
        let text = std::str::from_utf8(name).ok();
        if let Some(triple) = text.and_then(|t| Triple::parse(t).ok()) {
            let new = Target::of_triple(&triple);
            let old = std::mem::replace(self, new);
            (self.pie, self.ssp, self.cf) = (old.pie, old.ssp, old.cf);
            self.stack_clash = old.stack_clash;
        }
    }

    /// `-fNAME`.
    fn code_generation(&mut self, name: &str) {
        match name {
            "pie" | "PIE" => self.pie = Known::Known(Pie::Pie),
            "pic" | "PIC" => self.pie = Known::Known(Pie::Pic),
            "no-pie" | "no-PIE" | "no-pic" | "no-PIC" => self.pie = Known::Known(Pie::Off),
            "stack-protector" => self.ssp = Known::Known(Ssp::On),
            "stack-protector-strong" => self.ssp = Known::Known(Ssp::Strong),
            "stack-protector-all" => self.ssp = Known::Known(Ssp::All),
            "stack-protector-explicit" => self.ssp = Known::Known(Ssp::Explicit),
            "no-stack-protector" => self.ssp = Known::Known(Ssp::Off),
            "stack-clash-protection" => self.stack_clash = Known::Known(Switch::On),
            "no-stack-clash-protection" => self.stack_clash = Known::Known(Switch::Off),
            "cf-protection" => self.cf = Known::Known(Cf::Full),
            "no-cf-protection" => self.cf = Known::Known(Cf::None),
            "short-enums" => self.enums = Known::Known(Enums::Short),
            "no-short-enums" => self.enums = Known::Known(Enums::Int),
            _ => {
                let value = name.strip_prefix("cf-protection=");
                if let Some(cf) = value.and_then(Cf::of_word) {
                    self.cf = Known::Known(cf);
                }
            }
        }
    }

    /// `-mNAME`.
    fn machine<'a>(&mut self, name: &'a str, stated: &mut Stated<'a>) {
        if let Some((key, value)) = name.split_once('=') {
            match key {
                "arch" => stated.march = Some(value),
                "cpu" => stated.mcpu = Some(value),
                "tune" => stated.mtune = Some(value),
                "abi" => self.abi(value, stated),
                "float-abi" => {
                    if let Some(float @ (Float::Soft | Float::Softfp | Float::Hard)) =
                        Float::of_word(value)
                    {
                        self.float = Known::Known(float);
                    }
                }
                "fpu" if value == "auto" => self.fpu_of_isa = true,
                "fpu" => {
                    self.fpu_of_isa = false;
                    self.fpu = Fpu::of_name(value).map_or(Known::Unknown, Known::Known);
                }
                "nan" if value == "2008" => self.nan = Known::Known(Nan::Y2008),
                "nan" => self.nan = Known::Known(Nan::Legacy),
                "isa-spec" => {
                    self.isa_spec = IsaSpec::of_word(value).map_or(Known::Unknown, Known::Known);
                }
                "branch-protection" => {
                    self.cf = Known::Known(match value.split('+').next() {
                        Some("none") => Cf::None,
                        Some("bti") if !value.contains("pac") => Cf::Branch,
                        Some("pac-ret") if !value.contains("bti") => Cf::Return,
                        _ => Cf::Full,
                    });
                }
                _ => {}
            }
            return;
        }
        match name {
            "32" | "16" | "31" | "64" | "x32" => self.width(name),
            "arm" if self.is(Arch::Arm) => self.mode = Known::Known(Mode::Arm),
            "thumb" if self.is(Arch::Arm) => self.mode = Known::Known(Mode::Thumb),
            "soft-float" => self.float = self.switched_float(Float::Soft),
            "hard-float" => self.float = self.switched_float(Float::Hard),
            "little-endian" | "little" | "el" => self.order = Known::Known(Order::Little),
            "big-endian" | "big" | "eb" => self.order = Known::Known(Order::Big),
            _ if self.is(Arch::Sh) && name.starts_with('4') => {
                self.float = Known::Known(match name {
                    "4" | "4a" | "4-200" | "4-300" => Float::Double,
                    n if n.contains("single") => Float::Single,
                    _ => Float::Soft,
                });
            }
            "l" if self.is(Arch::Sh) => self.order = Known::Known(Order::Little),
            "b" if self.is(Arch::Sh) => self.order = Known::Known(Order::Big),
            "outline-atomics" => self.atomics = Known::Known(Switch::On),
            "no-outline-atomics" => self.atomics = Known::Known(Switch::Off),
            "fix-cortex-a53-835769" => self.erratum = Known::Known(Switch::On),
            "no-fix-cortex-a53-835769" => self.erratum = Known::Known(Switch::Off),
            "long-double-64" => self.long_double = Known::Known(LongDouble::Bits64),
            "long-double-80" => self.long_double = Known::Known(LongDouble::X87),
            "long-double-128" => self.long_double = self.wide_long_double(stated),
            _ if self.architecture().is_some_and(Arch::is_x86) => {
                let (feature, on) = match name.strip_prefix("no-") {
                    Some(feature) => (feature, false),
                    None => (name, true),
                };
                if x86::feature(feature).is_some() {
                    stated.features.retain(|(earlier, _)| *earlier != feature);
                    stated.features.push((feature, on));
                }
            }
            // -mips32r2, -mips4: the ISA by its own name.
            _ if self.architecture().is_some_and(Arch::is_mips) => {
                if let Some(isa) = mips_short(name) {
                    stated.march = Some(isa);
                }
            }
            _ => {}
        }
    }

    /// What `-msoft-float` and `-mhard-float` mean here. On x86 and s390 they forbid instructions
    /// and leave the calling convention alone; elsewhere they choose it.
    fn switched_float(&self, to: Float) -> Known<Float> {
        match self.architecture() {
            Some(Arch::Arm | Arch::Mips | Arch::Mips64 | Arch::Powerpc | Arch::Powerpc64) => {
                Known::Known(to)
            }
            _ => self.float,
        }
    }

    fn wide_long_double(&self, stated: &Stated<'_>) -> Known<LongDouble> {
        match (self.architecture(), stated.ieee) {
            (Some(Arch::Powerpc | Arch::Powerpc64), Some(true)) => {
                Known::Known(LongDouble::Ieee128)
            }
            (Some(Arch::Powerpc | Arch::Powerpc64), Some(false)) => {
                Known::Known(LongDouble::Ibm128)
            }
            (Some(Arch::Powerpc | Arch::Powerpc64), None) => Known::Hint(LongDouble::Ibm128),
            _ => Known::Known(LongDouble::Ieee128),
        }
    }

    /// `-m32`, `-m64`, `-mx32`, `-m16`, `-m31`. A width that is not the configured one has another
    /// configured ISA, of which nothing is known.
    fn width(&mut self, flag: &str) {
        let narrow = flag != "64" && flag != "x32";
        let Some(now) = self.architecture() else {
            return;
        };
        use Arch::{Powerpc, Powerpc64, S390x, Sparc, Sparc64, I386, S390, X86_64};
        let is_wide = matches!(now, X86_64 | Powerpc64 | S390x | Sparc64);
        let arch = match now {
            I386 | Powerpc | S390 | Sparc | X86_64 | Powerpc64 | S390x | Sparc64 => {
                match is_wide == narrow {
                    true => now.sibling().unwrap_or(now),
                    false => now,
                }
            }
            _ => return,
        };
        if !self.is(arch) {
            // SPARC's 64-bit processors stay what they are; others have one of their own per width
            // (--with-arch-32).
            if arch != Sparc {
                self.isa = Known::Unknown;
            }
            self.arch = Known::Known(arch);
            self.elf_abi = Known::hint((arch == Arch::Powerpc64).then_some(ElfAbi::V1));
        }
        self.model = Known::Known(match (arch, flag) {
            (Arch::X86_64, "x32") => Model::X32,
            (_, "64") if self.system == Known::Known(System::Windows) => Model::Llp64,
            (_, "64") => Model::Lp64,
            _ => Model::Ilp32,
        });
    }

    /// `-mabi=VALUE`.
    fn abi(&mut self, value: &str, stated: &mut Stated<'_>) {
        let Some(arch) = self.architecture() else {
            return;
        };
        match value {
            "aapcs-linux" => self.enums = Known::Known(Enums::Int),
            "aapcs" if arch == Arch::Arm => self.enums = Known::Known(Enums::Short),
            "ilp32" if arch == Arch::Aarch64 => self.model = Known::Known(Model::Ilp32),
            "lp64" if arch == Arch::Aarch64 => self.model = Known::Known(Model::Lp64),
            "elfv1" => self.elf_abi = Known::Known(ElfAbi::V1),
            "elfv2" => self.elf_abi = Known::Known(ElfAbi::V2),
            "spe" => self.float = Known::Known(Float::Spe),
            "ieeelongdouble" | "ibmlongdouble" => {
                let ieee = value == "ieeelongdouble";
                stated.ieee = Some(ieee);
                let wide = if ieee {
                    LongDouble::Ieee128
                } else {
                    LongDouble::Ibm128
                };
                self.long_double = Known::Known(wide);
            }
            "ms" | "sysv" => {}
            _ if arch.is_mips() => {
                let (arch, model) = match value {
                    "32" | "o32" => (Arch::Mips, Model::O32),
                    "n32" => (Arch::Mips64, Model::N32),
                    "64" | "n64" => (Arch::Mips64, Model::N64),
                    _ => return,
                };
                if !self.is(arch) {
                    // --with-arch-32 and --with-arch-64 differ, and so do the ABIs.
                    self.isa = Known::Unknown;
                    self.long_double = Known::Unknown;
                }
                self.arch = Known::Known(arch);
                self.model = Known::Known(model);
            }
            _ => self.lettered_abi(arch, value),
        }
    }

    /// `lp64d`, `ilp32f`, `lp64s`: RISC-V's and LoongArch's form.
    fn lettered_abi(&mut self, arch: Arch, value: &str) {
        let (wide, letter) = match (value.strip_prefix("lp64"), value.strip_prefix("ilp32")) {
            (Some(letter), _) => (true, letter),
            (_, Some(letter)) => (false, letter),
            _ => return,
        };
        let float = match letter {
            "" | "s" | "e" => Float::Soft,
            "f" => Float::Single,
            "d" => Float::Double,
            "q" => Float::Quad,
            _ => return,
        };
        let arch = match (arch, wide) {
            (Arch::Riscv32 | Arch::Riscv64, true) => Arch::Riscv64,
            (Arch::Riscv32 | Arch::Riscv64, false) => Arch::Riscv32,
            (Arch::Loongarch32 | Arch::Loongarch64, true) => Arch::Loongarch64,
            (Arch::Loongarch32 | Arch::Loongarch64, false) => Arch::Loongarch32,
            _ => return,
        };
        self.arch = Known::Known(arch);
        self.model = Known::Known(if wide { Model::Lp64 } else { Model::Ilp32 });
        self.float = Known::Known(float);
    }

    /// The unit that comes with the `-march` or `-mcpu` stated. A stated `-mfpu` stays. One without
    /// a unit takes away the one that the configured ISA came with, but not a configured `-mfpu`,
    /// which nobody may know of.
    fn fpu_of(&mut self, unit: Option<Fpu>) {
        let lost = self.fpu_of_isa && self.fpu.is_known();
        if unit.is_some_and(|u| u != Fpu::NONE) && (lost || !self.fpu.is_known()) {
            self.fpu_of_isa = true;
            self.fpu = unit.map_or(Known::Unknown, Known::Known);
        } else if lost {
            self.fpu = unit.map_or(Known::Unknown, Known::Known);
        }
    }

    /// Processor flags, once all are read.
    fn apply(&mut self, stated: &Stated<'_>) {
        let Some(arch) = self.architecture() else {
            return;
        };
        let tune = match arch {
            // An old spelling of -mtune, on x86 alone.
            Arch::I386 | Arch::X86_64 => stated.mtune.or(stated.mcpu),
            _ => stated.mtune,
        };
        if let Some(tune) = tune.filter(|t| !t.is_empty()) {
            self.tune = Known::Known(Box::from(tune));
        }
        let known = |isa: Option<Isa>| isa.map_or(Known::Unknown, Known::Known);
        let Some(family) = Family::of(arch) else {
            return;
        };
        let chosen = match family {
            Family::X86 | Family::Mips | Family::S390 => stated.march,
            Family::Powerpc | Family::Sparc => stated.mcpu,
            Family::Arm | Family::Aarch64 | Family::Riscv => stated.march.or(stated.mcpu),
        };
        match (family, chosen) {
            (_, None) => {}
            (Family::Arm, Some(name)) => {
                let processor = arm_processor(name);
                self.isa = known(processor.map(|(isa, _)| isa));
                self.fpu_of(processor.map(|(_, fpu)| fpu));
            }
            (Family::Aarch64, Some(name)) => self.isa = known(aarch64_isa(name)),
            (Family::Riscv, Some(name)) => self.isa = known(Isa::of_name(family, name)),
            (_, Some(name)) => {
                self.isa = known(Isa::of_name(family, name));
                // Release 6 has the one encoding only.
                if family == Family::Mips && name.ends_with("r6") {
                    self.nan = Known::Known(Nan::Y2008);
                }
            }
        }
        for &(feature, on) in &stated.features {
            let (adds, removes) = x86::feature(feature).unwrap_or_default();
            self.isa = self.isa.map(|isa| Isa {
                family,
                bits: if on {
                    isa.bits | adds
                } else {
                    isa.bits & !removes
                },
            });
        }
    }
}

/// `-mips4`, `-mips32r2`, `-mips64r6`, as `machine` sees them: without the dash and the m.
fn mips_short(name: &str) -> Option<&'static str> {
    Some(match name {
        "ips1" => "mips1",
        "ips2" => "mips2",
        "ips3" => "mips3",
        "ips4" => "mips4",
        "ips32" => "mips32",
        "ips32r2" => "mips32r2",
        "ips32r3" => "mips32r3",
        "ips32r5" => "mips32r5",
        "ips32r6" => "mips32r6",
        "ips64" => "mips64",
        "ips64r2" => "mips64r2",
        "ips64r3" => "mips64r3",
        "ips64r5" => "mips64r5",
        "ips64r6" => "mips64r6",
        _ => return None,
    })
}

/// `-march=armv8-a+crc`, and the processors of the boards that cross compilers are configured for.
fn aarch64_isa(value: &str) -> Option<Isa> {
    let family = Family::Aarch64;
    let mut words = value.split('+');
    let name = words.next()?;
    let base = match name {
        "generic" => "armv8-a",
        "cortex-a35" | "cortex-a53" | "cortex-a57" | "cortex-a72" | "cortex-a73" => "armv8-a+crc",
        "cortex-a55" | "cortex-a75" | "cortex-a76" | "neoverse-n1" => "armv8.2-a",
        "neoverse-v1" => "armv8.4-a",
        "cortex-a710" | "neoverse-n2" | "neoverse-v2" => "armv9-a",
        other => other,
    };
    let mut isa = Isa::of_name(family, base)?;
    for word in words {
        match word.strip_prefix("no") {
            Some(gone) => isa.bits &= !aarch64_extension(gone),
            None => isa = isa.with(aarch64_extension(word)),
        }
    }
    Some(isa)
}
