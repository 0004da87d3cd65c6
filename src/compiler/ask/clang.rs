//! A clang's defaults, from the command line of its `-cc1` step.
//!
//! A clang compiles for every target, so its triple carries most of what gcc has configured:
//! `armv7-unknown-linux-gnueabihf`. Only what other clangs might do differently with the same
//! triple is stated.

use super::answers::Answers;
use super::defaults::{branch_protection, stack_protector, Flags};

/// Adds the flags.
pub(super) fn defaults(answers: &Answers, list: &mut Flags) {
    let cc1 = &answers.injected;
    let macros = &answers.macros;
    let value = |option: &str| -> Option<&str> {
        let at = cc1.iter().position(|word| word == option)?;
        cc1.get(at + 1).map(String::as_str)
    };
    let feature = |name: &str| {
        cc1.windows(2)
            .rev()
            .find(|pair| {
                pair[0] == "-target-feature" && pair[1].get(1..).is_some_and(|rest| rest == name)
            })
            .is_some_and(|pair| pair[1].starts_with('+'))
    };
    let cpu = value("-target-cpu").unwrap_or("generic");
    if macros.has("__x86_64__") || macros.has("__i386__") {
        list.add(if !macros.has("__x86_64__") {
            "-m32"
        } else if macros.has("__ILP32__") {
            "-mx32"
        } else {
            "-m64"
        });
        list.add(format!("-march={cpu}"));
        if let Some(tune) = value("-tune-cpu") {
            list.add(format!("-mtune={tune}"));
        }
        match macros.number("__CET__") & 3 {
            3 => list.add("-fcf-protection=full"),
            2 => list.add("-fcf-protection=return"),
            1 => list.add("-fcf-protection=branch"),
            _ => list.add("-fcf-protection=none"),
        }
    } else if macros.has("__arm__") {
        if cpu == "generic" || cpu.is_empty() {
            let arch = value("-triple").unwrap_or_default();
            let arch = arch.split('-').next().unwrap_or_default();
            if arch == "armv7" || arch == "thumbv7" {
                list.add("-march=armv7-a");
            } else if arch.starts_with("armv") {
                list.add(format!("-march={arch}"));
            }
        } else {
            list.add(format!("-mcpu={cpu}"));
        }
        // The widest unit whose features are all on.
        let fpu = [
            ("neon-fp-armv8", ["fp-armv8", "neon"]),
            ("fp-armv8", ["fp-armv8", "d32"]),
            ("neon-vfpv4", ["vfp4", "neon"]),
            ("vfpv4", ["vfp4", "d32"]),
            ("vfpv4-d16", ["vfp4d16", "fp64"]),
            ("neon", ["vfp3", "neon"]),
            ("vfpv3", ["vfp3", "d32"]),
            ("vfpv3-d16", ["vfp3d16", "fp64"]),
            ("vfpv2", ["vfp2", "vfp2"]),
        ]
        .iter()
        .find(|(_, features)| features.iter().all(|f| feature(f)))
        .map(|(name, _)| *name);
        if let Some(fpu) = fpu {
            list.add(format!("-mfpu={fpu}"));
        }
        if let Some(abi) = value("-mfloat-abi") {
            // cc1 knows only how code is made; `softfp` is soft calls with a unit in use.
            let abi = match (abi, macros.has("__SOFTFP__")) {
                ("soft", false) => "softfp",
                (abi, _) => abi,
            };
            list.add(format!("-mfloat-abi={abi}"));
        }
        list.add(if macros.has("__thumb__") {
            "-mthumb"
        } else {
            "-marm"
        });
    } else if macros.has("__riscv") {
        if let Some(abi) = value("-target-abi") {
            list.add(format!("-mabi={abi}"));
        }
    } else if macros.has("__aarch64__") {
        if cpu != "generic" && !cpu.is_empty() {
            list.add(format!("-mcpu={cpu}"));
        }
        list.add(if feature("outline-atomics") {
            "-moutline-atomics"
        } else {
            "-mno-outline-atomics"
        });
        list.add(format!("-mbranch-protection={}", branch_protection(macros)));
    } else if (macros.has("__powerpc__") || macros.has("__s390__")) && !cpu.is_empty() {
        let option = if macros.has("__s390__") {
            "-march"
        } else {
            "-mcpu"
        };
        if cpu != "generic" {
            list.add(format!("{option}={cpu}"));
        }
    }

    let pie = cc1.iter().any(|word| word == "-pic-is-pie");
    list.add(match (value("-pic-level"), pie) {
        (Some("2"), true) => "-fPIE",
        (Some("1"), true) => "-fpie",
        (Some("2"), false) => "-fPIC",
        (Some("1"), false) => "-fpic",
        _ => "-fno-PIE",
    });
    list.add(stack_protector(macros));
    // The option is older than this program's oldest clang, its absence from cc1 means "off".
    let tables = cc1
        .iter()
        .any(|word| word == "-funwind-tables=2" || word == "-munwind-tables");
    list.add(if tables {
        "-fasynchronous-unwind-tables"
    } else {
        "-fno-asynchronous-unwind-tables"
    });
}
