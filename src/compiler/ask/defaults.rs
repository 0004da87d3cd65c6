//! A compiler's defaults as flags: what has to be stated for another compiler of the same kind to
//! make the same objects.
//!
//! Three sources, none of which is enough: what the driver gives to `cc1` (`-###`: configured
//! ISA, float ABI, mode, tune, and what a distribution put into the specs), the predefined macros
//! (what is compiled into `cc1`: PIE, stack protector, CET, BTI), and the effective options
//! (`-Q --help`: the rest of what is compiled in). `-Q` is never replayed whole: it prints options
//! that the driver rejects, and some that are not settled. Whoever uses the result compiles the
//! probe with it and without; [`super::section`] does.

use super::answers::{Answers, Family, Macros};
use super::clang;

/// The flags, ISA first, in an order in which they can be given.
pub fn defaults(answers: &Answers) -> Vec<String> {
    let mut list = Flags::default();
    match answers.family {
        Family::Gcc => {
            target(answers, &mut list);
            hardening(answers, &mut list);
        }
        Family::Clang => clang::defaults(answers, &mut list),
    }
    list.0
}

/// A list of flags in which each option stands once.
#[derive(Debug, Default)]
pub(super) struct Flags(Vec<String>);

impl Flags {
    /// Adds a flag, unless its option is there already.
    pub(super) fn add(&mut self, flag: impl Into<String>) {
        let flag = flag.into();
        let option = flag.split('=').next().unwrap_or_default();
        if !self.has(option) {
            self.0.push(flag);
        }
    }

    /// Whether an option (`-march`) stands in the list, with any value.
    pub(super) fn has(&self, option: &str) -> bool {
        self.value(option).is_some()
    }

    /// The value of an option; empty for one that has none.
    pub(super) fn value(&self, option: &str) -> Option<&str> {
        self.0.iter().find_map(|flag| {
            let rest = flag.strip_prefix(option)?;
            rest.strip_prefix('=').or(rest.is_empty().then_some(rest))
        })
    }
}

/// The processor that a gcc schedules for when told only the architecture (`config/arm/
/// arm-cpus.in`, `tune for`; measured with gcc 12).
const ARM_TUNE: &[(&str, &str)] = &[
    ("armv4", "arm7tdmi"),
    ("armv4t", "arm7tdmi"),
    ("armv5t", "arm10tdmi"),
    ("armv5te", "arm1026ej-s"),
    ("armv5tej", "arm1026ej-s"),
    ("armv6", "arm1136j-s"),
    ("armv6j", "arm1136j-s"),
    ("armv6k", "mpcore"),
    ("armv6z", "arm1176jz-s"),
    ("armv6kz", "arm1176jz-s"),
    ("armv6zk", "arm1176jz-s"),
    ("armv6t2", "arm1156t2-s"),
    ("armv7", "cortex-a53"),
    ("armv7-a", "cortex-a53"),
    ("armv7ve", "cortex-a53"),
    ("armv8-a", "cortex-a53"),
];

/// The tunes that a compiler may take from its `-march` when nobody names one, the likeliest first;
/// none where it was configured with a tune or a processor, which is a default like any other.
///
/// Such a tune is no default: stated, it would stay when a job gives another `-march` (an ARM
/// kernel does), and the object would be scheduled for another processor.
pub(crate) fn implied_tunes(answers: &Answers, stated: &[String]) -> Vec<String> {
    let stated = Flags(stated.to_vec());
    if answers.family != Family::Gcc || stated.has("-mtune") || stated.has("-mcpu") {
        return Vec::new();
    }
    let macros = &answers.macros;
    let arch = stated.value("-march").unwrap_or_default();
    let tune = if macros.has("__arm__") {
        let arch = arch.split('+').next().unwrap_or_default();
        let row = ARM_TUNE.iter().find(|(name, _)| *name == arch);
        row.map(|(_, tune)| *tune)
    } else if macros.has("__aarch64__") {
        answers.effective.get("-mtune=").map(String::as_str)
    } else if macros.has("__mips__") {
        Some(arch)
    } else {
        None
    };
    let Some(tune) = tune.filter(|tune| !tune.is_empty()) else {
        return Vec::new();
    };
    let tune = format!("-mtune={tune}");
    let others = alternatives(&tune);
    [tune].into_iter().chain(others).collect()
}

/// What else a flag's option may stand at, where that is compiled in and nothing tells: other
/// versions schedule for other processors.
pub(crate) fn alternatives(flag: &str) -> Vec<String> {
    let values: &[&str] = match flag {
        "-mtune=cortex-a53" => &["generic-armv7-a", "cortex-a8"],
        "-mtune=arm1026ej-s" => &["arm926ej-s", "arm1020e"],
        "-mtune=rocket" => &["generic"],
        "-mtune=power8" => &["power9", "power7", "power4"],
        "-mcpu=power4" => &["powerpc64"],
        _ => &[],
    };
    let option = flag.split('=').next().unwrap_or_default();
    values.iter().map(|v| format!("{option}={v}")).collect()
}

/// ISA, ABI, mode and tune.
fn target(answers: &Answers, list: &mut Flags) {
    let macros = &answers.macros;
    // The last of each option counts, so the list is read from its end.
    let mut injected: Vec<&String> = Vec::new();
    for flag in answers.injected.iter().rev() {
        let option = flag.split('=').next().unwrap_or_default();
        // -mlibarch only finds libraries; -mipsN repeats -march, -mel and -meb the byte order.
        let skipped =
            ["-mlibarch", "-mel", "-meb"].contains(&option) || option.starts_with("-mips");
        let twice = injected
            .iter()
            .any(|f| f.split('=').next().unwrap_or_default() == option);
        if option.starts_with("-m") && !skipped && !twice {
            injected.push(flag);
        }
    }
    // x86 forgets its tune when told an architecture; given first, it stays in every case.
    injected.sort_by_key(|flag| !flag.starts_with("-mtune="));
    let x86 = macros.has("__x86_64__") || macros.has("__i386__");
    if x86 {
        list.add(match (macros.has("__x86_64__"), macros.has("__ILP32__")) {
            (false, _) => "-m32",
            (true, true) => "-mx32",
            (true, false) => "-m64",
        });
    }
    for flag in injected {
        list.add(as_configured(flag, &answers.configured));
    }
    let effective = |name: &str| {
        answers
            .effective
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty() && !value.starts_with('['))
    };
    if macros.has("__arm__") {
        arm(answers, list, effective);
    } else if macros.has("__aarch64__") {
        aarch64(answers, list, effective);
    } else if macros.has("__powerpc__") || macros.has("__PPC__") {
        powerpc(macros, list);
    } else if macros.has("__mips__") {
        list.add(if macros.has("_MIPSEB") || macros.has("__MIPSEB__") {
            "-EB"
        } else {
            "-EL"
        });
        list.add(if macros.has("__mips_soft_float") {
            "-msoft-float"
        } else {
            "-mhard-float"
        });
    } else if macros.has("__riscv") {
        let fixed = answers.fixed.as_ref();
        for model in ["medlow", "medany"] {
            if fixed.is_some_and(|m| m.has(&format!("__riscv_cmodel_{model}"))) {
                list.add(format!("-mcmodel={model}"));
            }
        }
        if let Some(dialect) = effective("-mtls-dialect=") {
            list.add(format!("-mtls-dialect={dialect}"));
        }
        if !list.has("-mcpu") {
            list.add("-mtune=rocket");
        }
    } else if macros.has("__s390__") {
        if let Some(tune) = list.value("-march").map(|arch| format!("-mtune={arch}")) {
            list.add(tune);
        }
        if !list.has("-mlong-double-64") {
            list.add(if macros.has("__LONG_DOUBLE_128__") {
                "-mlong-double-128"
            } else {
                "-mlong-double-64"
            });
        }
    }
}

/// ARM's driver writes the FPU that `--with-fpu` names into the architecture, `armv6` as
/// `armv6+fp`. A user's other `-mfpu` would not take that away again, so the configured name is
/// stated where it is the same but for that.
fn as_configured(flag: &str, configured: &[String]) -> String {
    let Some((architecture, _)) = flag
        .split_once('+')
        .filter(|(a, _)| a.starts_with("-march=arm"))
    else {
        return flag.to_string();
    };
    let name = architecture.replacen("-march=", "--with-arch=", 1);
    match configured.contains(&name) && configured.iter().any(|w| w.starts_with("--with-fpu=")) {
        true => architecture.to_string(),
        false => flag.to_string(),
    }
}

fn arm<'a>(answers: &Answers, list: &mut Flags, effective: impl Fn(&str) -> Option<&'a str>) {
    let macros = &answers.macros;
    if !list.has("-march") && !list.has("-mcpu") {
        if let Some(arch) = effective("-march=") {
            list.add(format!("-march={arch}"));
        }
    }
    if let Some(fpu) = effective("-mfpu=") {
        list.add(format!("-mfpu={fpu}"));
    }
    // __VFP_FP__ is always there, and clang sets __ARM_PCS for both conventions.
    list.add(if macros.has("__ARM_PCS_VFP") {
        "-mfloat-abi=hard"
    } else if macros.has("__SOFTFP__") {
        "-mfloat-abi=soft"
    } else {
        "-mfloat-abi=softfp"
    });
    if !list.has("-marm") && !list.has("-mthumb") {
        list.add(if macros.has("__thumb__") {
            "-mthumb"
        } else {
            "-marm"
        });
    }
    if let Some(abi) = effective("-mabi=") {
        list.add(format!("-mabi={abi}"));
    }
    if let Some(dialect) = effective("-mtls-dialect=") {
        list.add(format!("-mtls-dialect={dialect}"));
    }
}

fn aarch64<'a>(answers: &Answers, list: &mut Flags, effective: impl Fn(&str) -> Option<&'a str>) {
    if !list.has("-mcpu") {
        if let Some(arch) = effective("-march=") {
            list.add(format!("-march={arch}"));
        }
        match effective("-mcpu=") {
            None | Some("generic") => {}
            Some(cpu) => list.add(format!("-mcpu={cpu}")),
        }
    }
    for option in ["-mabi", "-mcmodel", "-mtls-dialect"] {
        if let Some(value) = effective(&format!("{option}=")) {
            list.add(format!("{option}={value}"));
        }
    }
    match answers
        .effective
        .get("-moutline-atomics")
        .map(String::as_str)
    {
        Some("[enabled]") => list.add("-moutline-atomics"),
        Some("[disabled]") => list.add("-mno-outline-atomics"),
        _ => {}
    }
    // `-Q` prints this one as enabled when nobody asked for it.
    let fix = "fix-cortex-a53-835769";
    if answers.effective.contains_key(&format!("-m{fix}")) {
        let on = answers.configured.contains(&format!("--enable-{fix}"));
        list.add(format!("-m{}{fix}", if on { "" } else { "no-" }));
    }
}

fn powerpc(macros: &Macros, list: &mut Flags) {
    let wide = macros.has("__powerpc64__") || macros.has("__PPC64__");
    list.add(if wide { "-m64" } else { "-m32" });
    if wide && !list.has("-mcpu") {
        list.add("-mtune=power8");
        // Compiled in; nothing but these macros tells.
        let newest = (4..=12)
            .rev()
            .find(|n| macros.has(&format!("_ARCH_PWR{n}")));
        if let Some(level) = newest {
            list.add(format!("-mcpu=power{level}"));
        }
    }
    match macros.get("_CALL_ELF") {
        Some("1") => list.add("-mabi=elfv1"),
        Some("2") => list.add("-mabi=elfv2"),
        _ => {}
    }
    if macros.has("__LONG_DOUBLE_128__") {
        list.add("-mlong-double-128");
        // The option is -mabi a second time, so it cannot go through `add`.
        if macros.has("__LONG_DOUBLE_IEEE128__") {
            list.0.push("-mabi=ieeelongdouble".to_string());
        } else if macros.has("__LONG_DOUBLE_IBM128__") {
            list.0.push("-mabi=ibmlongdouble".to_string());
        }
    } else {
        list.add("-mlong-double-64");
    }
}

/// PIE, stack protector, CET, branch protection and the like.
fn hardening(answers: &Answers, list: &mut Flags) {
    let macros = &answers.macros;
    // MIPS code is position independent in part (abicalls) without being asked.
    let pic_by_nature = macros.has("__mips__") || macros.has("__powerpc64__");
    list.add(match (macros.number("__PIE__"), macros.number("__PIC__")) {
        (0, pic) if pic == 0 || pic_by_nature => "-fno-PIE",
        (0, 1) => "-fpic",
        (0, _) => "-fPIC",
        (1, _) => "-fpie",
        _ => "-fPIE",
    });
    list.add(stack_protector(macros));
    let enabled = |name: &str| match answers.effective.get(name).map(String::as_str) {
        Some("[enabled]") => Some(true),
        Some("[disabled]") => Some(false),
        _ => None,
    };
    for option in ["stack-clash-protection", "asynchronous-unwind-tables"] {
        match enabled(&format!("-f{option}")) {
            Some(true) => list.add(format!("-f{option}")),
            Some(false) => list.add(format!("-fno-{option}")),
            None => {}
        }
    }
    if macros.has("__x86_64__") || macros.has("__i386__") {
        match macros.number("__CET__") & 3 {
            3 => list.add("-fcf-protection=full"),
            2 => list.add("-fcf-protection=return"),
            1 => list.add("-fcf-protection=branch"),
            _ if answers.effective.contains_key("-fcf-protection=") => {
                list.add("-fcf-protection=none");
            }
            _ => {}
        }
    }
    if macros.has("__aarch64__") && answers.effective.contains_key("-mbranch-protection=") {
        list.add(format!("-mbranch-protection={}", branch_protection(macros)));
    }
    // Defaults of hardened distributions, stated only where they are in force.
    for (option, off) in [
        ("-ftrivial-auto-var-init", "uninitialized"),
        ("-fzero-call-used-regs", "skip"),
    ] {
        match answers.effective.get(&format!("{option}=")) {
            Some(value) if !value.is_empty() && !value.starts_with('[') && value != off => {
                list.add(format!("{option}={value}"));
            }
            _ => {}
        }
    }
}

/// The stack protector's flag, by gcc's and clang's macros.
pub(super) fn stack_protector(macros: &Macros) -> &'static str {
    if macros.has("__SSP_ALL__") {
        "-fstack-protector-all"
    } else if macros.has("__SSP_STRONG__") {
        "-fstack-protector-strong"
    } else if macros.has("__SSP_EXPLICIT__") {
        "-fstack-protector-explicit"
    } else if macros.has("__SSP__") {
        "-fstack-protector"
    } else {
        "-fno-stack-protector"
    }
}

/// The value of `-mbranch-protection`, by the ACLE macros: `__ARM_FEATURE_PAC_DEFAULT` has bit 0
/// for the A key, 1 for the B key, 2 for leaf functions.
pub(super) fn branch_protection(macros: &Macros) -> String {
    let pac = macros.number("__ARM_FEATURE_PAC_DEFAULT");
    let mut parts = Vec::new();
    if macros.has("__ARM_FEATURE_BTI_DEFAULT") {
        parts.push("bti");
    }
    if pac & 3 != 0 {
        parts.push("pac-ret");
    }
    if pac & 4 != 0 {
        parts.push("leaf");
    }
    if pac & 2 != 0 {
        parts.push("b-key");
    }
    if macros.has("__ARM_FEATURE_GCS_DEFAULT") {
        parts.push("gcs");
    }
    if parts.is_empty() {
        "none".to_string()
    } else {
        parts.join("+")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_fpu_that_was_configured_apart_is_not_in_the_architecture() {
        let words = |list: &[&str]| list.iter().map(|w| (*w).to_string()).collect::<Vec<_>>();
        let apart = words(&["--with-arch=armv6", "--with-fpu=vfp", "--with-float=hard"]);
        assert_eq!(as_configured("-march=armv6+fp", &apart), "-march=armv6");
        assert_eq!(
            as_configured("-march=armv7-a+fp", &apart),
            "-march=armv7-a+fp"
        );
        let together = words(&["--with-arch=armv7-a+fp"]);
        assert_eq!(
            as_configured("-march=armv7-a+fp", &together),
            "-march=armv7-a+fp"
        );
        assert_eq!(
            as_configured("-march=armv8-a+crc", &[]),
            "-march=armv8-a+crc"
        );
        assert_eq!(as_configured("-mthumb", &apart), "-mthumb");
    }
}
