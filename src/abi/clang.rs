//! What clang makes of a triple, and the flags that state to it what the name means.
//!
//! clang reads a name by rules of its own (seen with clang 14 of Debian 12, which its maintainers have
//! taught `armhf` besides): ARM's float ABI from the last field alone, ARMv7 for any `gnueabihf`, a
//! Pentium 4 for any 32-bit x86, no vendor at all except SUSE's.

use super::triple::{Env, Triple};
use super::*;

/// What clang compiles for when it is told this triple and nothing else, as far as that is sure.
pub fn reads(triple: &Triple) -> Target {
    let mut target = Target::of_triple(triple);
    let env = Env::of(&triple.env);
    let suse = triple.vendor.as_deref() == Some("suse");
    match target.architecture() {
        Some(Arch::Arm) if !suse => {
            let float = match env {
                Env { abi: "eabihf", .. }
                    if !triple.env.contains("cgnu") && !triple.env.contains("lgnu") =>
                {
                    Float::Hard
                }
                Env {
                    libc: "android", ..
                } => Float::Softfp,
                _ => Float::Soft,
            };
            target.float = Known::Known(float);
            target.isa = Known::Unknown;
            target.fpu = Known::Unknown;
            // armebv7, not armv7eb and not armv7b.
            let big = triple.cpu.starts_with("armeb") || triple.cpu.starts_with("thumbeb");
            target.order = Known::Known(if big { Order::Big } else { Order::Little });
        }
        Some(Arch::I386) if env.libc != "android" => {
            target.isa = Known::hint(Isa::of_name(Family::X86, "pentium4"));
        }
        Some(Arch::Mips | Arch::Mips64) => {
            target.float = Known::Known(Float::Hard);
            if target.is(Arch::Mips64) && !target.model.is_known() {
                target.model = Known::Known(Model::N64);
            }
        }
        Some(Arch::Powerpc | Arch::Powerpc64) => target.float = Known::Known(Float::Hard),
        _ => {}
    }
    target
}

/// The flags that make clang mean what the name means, where it would not by itself.
pub fn stated(triple: &Triple) -> Vec<String> {
    let means = Target::of_triple(triple);
    let reads = reads(triple);
    let mut flags = Vec::new();
    if Env::of(&triple.env).libc == "android" {
        // These names are clang's own.
        return flags;
    }
    let Some(arch) = means.architecture() else {
        return flags;
    };
    let soft = means.float.value() == Some(&Float::Soft);
    match arch {
        Arch::Arm => {
            if means.order != reads.order && means.order.value() == Some(&Order::Big) {
                flags.push("-mbig-endian".to_string());
            }
            if let Some(isa) = means.isa.value() {
                flags.push(format!("-march={}", isa.word()));
            }
            match (means.fpu.value(), means.isa.value()) {
                (Some(fpu), _) => flags.push(format!("-mfpu={}", fpu.word())),
                // Every ARMv7-A with an FPU has this one; clang may assume NEON.
                (None, Some(isa)) if !soft && is_v7(*isa) => {
                    flags.push("-mfpu=vfpv3-d16".to_string());
                }
                _ => {}
            }
            if let Some(float) = means.float.value() {
                flags.push(format!("-mfloat-abi={float}"));
            }
        }
        Arch::I386 => {
            // Debian's i386-linux-gnu is an i686; elsewhere i386 is as old as its name.
            let word = means.isa.value().map(|isa| isa.word());
            let march = match (word, triple.cpu.as_str(), triple.vendor.as_deref()) {
                (Some(word), ..) => Some(word),
                (None, "i386", None) => Some("i686".into()),
                (None, "i386", _) => Some("i386".into()),
                _ => None,
            };
            flags.extend(march.map(|m| format!("-march={m}")));
        }
        _ if (arch.is_mips() || arch.is_powerpc()) && soft => {
            flags.push("-msoft-float".to_string());
        }
        _ => {}
    }
    flags
}

/// ARMv7-A without what only later processors have.
fn is_v7(isa: Isa) -> bool {
    isa.bits & isa::arm::V7_BIT != 0 && isa.bits & isa::arm::V8_BIT == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_state_what_clang_would_not_read() {
        for (name, flags) in [
            (
                "armv6l-unknown-linux-gnueabihf",
                "-march=armv6 -mfpu=vfpv2 -mfloat-abi=hard",
            ),
            (
                "armv6j-hardfloat-linux-gnueabi",
                "-march=armv6j -mfpu=vfpv2 -mfloat-abi=hard",
            ),
            (
                "armv7a-softfloat-linux-gnueabi",
                "-march=armv7-a -mfloat-abi=soft",
            ),
            (
                "armv7a-softfp-linux-gnueabi",
                "-march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=softfp",
            ),
            (
                "armv7b-unknown-linux-gnueabihf",
                "-mbig-endian -march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard",
            ),
            (
                "armv7hnl-redhat-linux-gnueabi",
                "-march=armv7-a -mfpu=neon -mfloat-abi=hard",
            ),
            ("arm-cortexa5-linux-uclibcgnueabihf", "-mfloat-abi=hard"),
            ("arm-linux-gnueabi", ""),
            ("armv7a-linux-androideabi21", ""),
            ("mips-openwrt-linux-musl", "-msoft-float"),
            ("mipsel-linux-muslsf", "-msoft-float"),
            ("mipsel-linux-gnu", ""),
            ("powerpc-unknown_nofpu-linux-gnu", "-msoft-float"),
            ("i586-pc-linux-gnu", "-march=i586"),
            ("i386-linux-gnu", "-march=i686"),
            ("x86_64-pc-linux-gnu", ""),
            ("aarch64-unknown-linux-gnu", ""),
        ] {
            let triple = Triple::parse(name).unwrap();
            assert_eq!(stated(&triple).join(" "), flags, "{name}");
        }
    }

    #[test]
    fn what_clang_reads_is_not_always_what_the_name_means() {
        for (name, property, word) in [
            ("armv6j-hardfloat-linux-gnueabi", Property::Float, "soft"),
            ("arm-linux-muslgnueabihf", Property::Float, "soft"),
            ("arm-linux-musleabihf", Property::Float, "hard"),
            ("armv7hl-suse-linux-gnueabi", Property::Float, "hard"),
            ("armv7b-linux-gnueabihf", Property::Order, "little"),
            ("armeb-unknown-linux-gnueabi", Property::Order, "big"),
            ("mips-linux-muslsf", Property::Float, "hard"),
            ("i586-pc-linux-gnu", Property::Isa, "pentium-m"),
            ("mips64-unknown-linux-gnu", Property::Model, "n64"),
        ] {
            let target = reads(&Triple::parse(name).unwrap());
            assert_eq!(
                target.word(property).value().map(|w| &**w),
                Some(word),
                "{name}"
            );
        }
    }
}
