//! What a name says of its target. Architecture and byte order are sure; float ABI, ISA and FPU
//! are only ever hints: one name has meant hard in one year and soft in the next.

use super::arch::{CPUS, OTHER_CPUS};
use super::isa::arm;
use super::*;
use crate::abi::triple::{ArmCpu, Env, Triple};

impl Target {
    /// What the name alone says.
    pub fn of_triple(triple: &Triple) -> Target {
        let mut target = Target::default();
        let env = Env::of(&triple.env);
        let vendor = triple.vendor.as_deref().unwrap_or("");
        let Some((arch, order)) = processor(&triple.cpu) else {
            return target;
        };
        target.arch = Known::Known(arch);
        if let Some(order) = order.or(arch.usual_order()) {
            target.order = Known::Known(order);
        }
        target.model = match arch.usual_model() {
            Some(model) => Known::Known(model),
            None => Known::Unknown,
        };
        system(&mut target, &triple.kernel, env);
        if arch.usual_model() == Some(Model::Lp64) && target.system == Known::Known(System::Windows)
        {
            // Cygwin's and MSYS2's long has 64 bits, mingw's 32, on every processor.
            let unix = ["cygwin", "msys"]
                .iter()
                .any(|k| triple.kernel.starts_with(k));
            target.model = Known::Known(if unix { Model::Lp64 } else { Model::Llp64 });
        }
        match arch {
            Arch::Arm => of_arm(&mut target, &triple.cpu, vendor, env),
            Arch::Aarch64 => {
                target.float = Known::Known(Float::Hard);
                if env.abi.ends_with("ilp32") {
                    target.model = Known::Known(Model::Ilp32);
                }
            }
            Arch::X86_64 | Arch::I386 => of_x86(&mut target, &triple.cpu, vendor, env),
            Arch::Mips | Arch::Mips64 => of_mips(&mut target, &triple.cpu, vendor, env),
            Arch::Powerpc | Arch::Powerpc64 => of_powerpc(&mut target, vendor, env),
            Arch::Riscv32 | Arch::Riscv64 => {
                if target.system == Known::Known(System::Linux) {
                    target.float = Known::Hint(Float::Double);
                }
                target.isa = Known::hint(riscv_isa(&triple.cpu));
            }
            Arch::Sh => target.float = Known::Hint(sh_float(&triple.cpu)),
            Arch::Sparc | Arch::Sparc64 => {
                target.isa = Known::hint(sparc_isa(&triple.cpu, vendor));
            }
            Arch::Loongarch32 | Arch::Loongarch64 => {
                target.float = Known::Hint(match env.abi {
                    "sf" => Float::Soft,
                    "f32" => Float::Single,
                    _ => Float::Double,
                });
            }
            _ => {}
        }
        target
    }
}

/// Whether a word is the processor field of a triple. `musl` in `musl-gcc` is not.
pub fn is_processor(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    processor(&word).is_some() || OTHER_CPUS.contains(&word.as_str())
}

/// Architecture and, where the name deviates from the usual one, byte order.
fn processor(cpu: &str) -> Option<(Arch, Option<Order>)> {
    if let Some(&(_, _, arch, order)) = CPUS.iter().find(|(name, ..)| *name == cpu) {
        return Some((arch, order));
    }
    if let Some(arm) = ArmCpu::of(cpu) {
        return Some((Arch::Arm, arm.big.then_some(Order::Big)));
    }
    let bytes = cpu.as_bytes();
    if bytes.len() == 4 && bytes[0] == b'i' && cpu.ends_with("86") && bytes[1].is_ascii_digit() {
        return Some((Arch::I386, None));
    }
    // riscv64gc, riscv32imac: Rust's spelling.
    for (name, arch) in [("riscv64", Arch::Riscv64), ("riscv32", Arch::Riscv32)] {
        if let Some(rest) = cpu.strip_prefix(name) {
            let big = rest.starts_with("be");
            return Some((arch, big.then_some(Order::Big)));
        }
    }
    // mipsisa32r6el, mipsisa64r6.
    if let Some(rest) = cpu.strip_prefix("mipsisa") {
        let arch = match rest.starts_with("64") {
            true => Arch::Mips64,
            false => Arch::Mips,
        };
        return Some((arch, rest.ends_with("el").then_some(Order::Little)));
    }
    if cpu == "sh"
        || cpu
            .strip_prefix("sh")
            .is_some_and(|r| r.starts_with(['1', '2', '3', '4']))
    {
        return Some((Arch::Sh, cpu.ends_with("eb").then_some(Order::Big)));
    }
    if cpu == "shle" || cpu == "sheb" {
        let order = if cpu == "sheb" {
            Order::Big
        } else {
            Order::Little
        };
        return Some((Arch::Sh, Some(order)));
    }
    [("alpha", Arch::Alpha), ("xtensa", Arch::Xtensa)]
        .into_iter()
        .find(|(prefix, _)| cpu.starts_with(prefix))
        .map(|(_, arch)| (arch, None))
}

fn system(target: &mut Target, kernel: &str, env: Env<'_>) {
    let (format, system) = match kernel {
        "linux" if env.libc == "android" => (Format::Elf, System::Android),
        "linux" | "uclinux" => (Format::Elf, System::Linux),
        "none" => (Format::Elf, System::Bare),
        k if k.starts_with("cygwin") || k.starts_with("msys") => (Format::Coff, System::Windows),
        "windows" | "uefi" => (Format::Coff, System::Windows),
        k if k.starts_with("mingw") => (Format::Coff, System::Windows),
        k if k.starts_with("darwin") || k.starts_with("macos") => (Format::Macho, System::Darwin),
        k if k.contains("bsd") || k.starts_with("dragonfly") => (Format::Elf, System::Bsd),
        _ => (Format::Elf, System::Other),
    };
    target.format = Known::Known(format);
    target.system = Known::Known(system);
    target.libc = Known::hint(match (system, env.libc) {
        (System::Linux, "gnu") => Some(Libc::Glibc),
        (System::Linux, "musl") => Some(Libc::Musl),
        (System::Linux, "uclibc") => Some(Libc::Uclibc),
        (System::Android, _) => Some(Libc::Bionic),
        (System::Windows, _) => Some(Libc::Mingw),
        _ => None,
    });
}

/// ISA of a 32-bit ARM name, by what the name has after `arm`.
const ARM_ISAS: &[(&str, u64)] = &[
    ("v4", arm::V4),
    ("v4t", arm::V4T),
    ("v5", arm::V5T),
    ("v5t", arm::V5T),
    ("v5te", arm::V5TE),
    ("v5tej", arm::V5TE | arm::JAZELLE),
    ("v6", arm::V6),
    ("v6j", arm::V6J),
    ("v6k", arm::V6K),
    ("v6z", arm::V6KZ),
    ("v6kz", arm::V6KZ),
    ("v6zk", arm::V6KZ),
    ("v6t2", arm::V6T2),
    ("v7", arm::V7A),
    ("v7a", arm::V7A),
    ("v7ve", arm::V7VE),
    // Every core that runs it for Linux has the CRC instructions, and gcc assumes them by -mcpu.
    ("v8", arm::V8A | arm::CRC),
    ("v8a", arm::V8A | arm::CRC),
    ("v6m", arm::V6M),
    ("v7m", arm::V7M),
    ("v7em", arm::V7EM),
    ("v8m.base", arm::V8M),
    ("v8m.main", arm::V8M_MAIN),
];

fn of_arm(target: &mut Target, cpu: &str, vendor: &str, env: Env<'_>) {
    let arm = ArmCpu::of(cpu);
    let isa = arm.map_or("", |a| a.isa);
    let rpm = arm.map_or("", |a| a.rpm);
    let bits = match cpu {
        "xscale" => Some(arm::V5TE),
        _ => ARM_ISAS.iter().find(|(n, _)| *n == isa).map(|&(_, b)| b),
    };
    let family = Family::Arm;
    target.isa = Known::hint(bits.map(|bits| Isa { family, bits }));
    let hard = ["hardfloat", "hardfp", "hardrpi"];
    let hard = hard.iter().any(|word| vendor.contains(word));
    target.float = Known::hint(if vendor.contains("softfp") {
        Some(Float::Softfp)
    } else if vendor.contains("softfloat") {
        Some(Float::Soft)
    } else if hard || env.abi.ends_with("hf") || !rpm.is_empty() {
        Some(Float::Hard)
    } else if env.libc == "android" {
        Some(Float::Softfp)
    } else {
        None
    });
    target.fpu = Known::hint(match (target.float.value(), bits) {
        _ if rpm == "hn" => Fpu::of_name("neon"),
        // The one unit that ARMv5 and v6 cores have. From v7 on a name leaves the choice open.
        (Some(Float::Hard), Some(b)) if b & (arm::V7_BIT | arm::M_V6) == 0 => Fpu::of_name("vfpv2"),
        _ => None,
    });
    if arm.is_some_and(|a| a.thumb) {
        target.mode = Known::Hint(Mode::Thumb);
    }
    if env.abi.starts_with("eabi") {
        let linux = target.system != Known::Known(System::Bare);
        let enums = if linux { Enums::Int } else { Enums::Short };
        target.enums = Known::Hint(enums);
    }
}

fn of_x86(target: &mut Target, cpu: &str, vendor: &str, env: Env<'_>) {
    let android = target.system == Known::Known(System::Android);
    if target.is(Arch::X86_64) && env.abi == "x32" {
        target.model = Known::Known(Model::X32);
    }
    // Bionic differs from the psABI: 128-bit long double on x86-64, 64-bit on i686.
    target.long_double = Known::Hint(match (android, target.is(Arch::X86_64)) {
        (false, _) => LongDouble::X87,
        (true, true) => LongDouble::Ieee128,
        (true, false) => LongDouble::Bits64,
    });
    // Red Hat's names say less than its compilers need: i686 ones use SSE2, x86_64 ones v2 or v3,
    // by release. Alpine's i586 needs a Pentium M. And i386 is also what the architecture is
    // called, as in Debian's i386-linux-gnu, which is i686.
    let isa = match (cpu, vendor) {
        (_, "redhat") | ("i586", "alpine") | ("i386", _) => None,
        ("i486" | "i586" | "i686", _) => Isa::of_name(Family::X86, cpu),
        _ if target.is(Arch::X86_64) => Isa::of_name(Family::X86, "x86-64"),
        _ => None,
    };
    target.isa = Known::hint(isa);
}

fn of_mips(target: &mut Target, cpu: &str, vendor: &str, env: Env<'_>) {
    if target.is(Arch::Mips64) {
        target.model = match (env.abi, env.libc) {
            ("abi64", _) => Known::Known(Model::N64),
            ("abin32", _) => Known::Known(Model::N32),
            // musl has no other port under the plain name.
            (_, "musl") => Known::Hint(Model::N64),
            _ => Known::Unknown,
        };
    }
    // OpenWrt builds for MIPS without FPU; the AR2315 has none.
    let soft = env.abi.ends_with("sf") || vendor.contains("nofpu");
    let soft = soft || vendor == "openwrt" || vendor == "ar2315";
    target.float = Known::Hint(if soft { Float::Soft } else { Float::Hard });
    let r6 = cpu.starts_with("mipsisa") && cpu.contains("r6");
    target.nan = if r6 {
        Known::Known(Nan::Y2008)
    } else {
        Known::Hint(Nan::Legacy)
    };
    let isa = cpu.strip_prefix("mipsisa").map(|rest| {
        let release = rest.trim_end_matches("el");
        Isa::of_name(Family::Mips, &format!("mips{release}"))
    });
    target.isa = Known::hint(isa.flatten());
}

fn of_powerpc(target: &mut Target, vendor: &str, env: Env<'_>) {
    target.float = match env.abi {
        "spe" => Known::Known(Float::Spe),
        "sf" => Known::Hint(Float::Soft),
        _ if vendor.contains("nofpu") => Known::Hint(Float::Soft),
        _ => Known::Hint(Float::Hard),
    };
    let musl = env.libc == "musl";
    if target.system == Known::Known(System::Linux) {
        // glibc's is IBM's format, IEEE's in distributions that moved lately.
        let format = if musl {
            LongDouble::Bits64
        } else {
            LongDouble::Ibm128
        };
        target.long_double = Known::Hint(format);
    }
    if target.is(Arch::Powerpc64) {
        target.elf_abi = if target.order == Known::Known(Order::Little) {
            Known::Known(ElfAbi::V2)
        } else if musl || env.abi == "elfv2" {
            Known::Hint(ElfAbi::V2)
        } else {
            Known::Hint(ElfAbi::V1)
        };
    }
}

/// The ISA in Rust's spelling, `riscv64gc`; a bare `riscv64` says nothing.
fn riscv_isa(cpu: &str) -> Option<Isa> {
    let isa = cpu.strip_prefix("riscv")?;
    (isa.len() > 2 && !isa.ends_with("be"))
        .then(|| Isa::of_name(Family::Riscv, &format!("rv{isa}")))
        .flatten()
}

/// SuperH's FPU: `sh4_nofpu`, `sh4a-nofpu` and all before SH-4 have none, an `e` is single precision.
fn sh_float(cpu: &str) -> Float {
    let core = cpu.trim_end_matches("eb").trim_end_matches("le");
    if core.contains("nofpu") {
        Float::Soft
    } else if core.contains("single") || core == "sh2e" || core == "sh3e" {
        Float::Single
    } else if core.starts_with("sh4") || core == "sh2a" {
        Float::Double
    } else if core == "sh" {
        // gcc's sh-linux is an SH-3 or an SH-4, by its configuration.
        Float::Double
    } else {
        Float::Soft
    }
}

/// LEON is a V8; 64-bit names are V9. Debian's `sparc-linux-gnu` is a V9 with 32 bits, so that the
/// plain name says nothing.
fn sparc_isa(cpu: &str, vendor: &str) -> Option<Isa> {
    let name = match cpu {
        _ if vendor.contains("leon") => "v8",
        "sparcv8" => "v8",
        "sparcv9" | "sparc64" => "v9",
        _ => return None,
    };
    Isa::of_name(Family::Sparc, name)
}
