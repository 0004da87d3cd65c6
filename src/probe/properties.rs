//! What a compiler's predefined macros say of its target and its objects do not: on most machines
//! an object does not tell which processor it needs.

use super::ask::{Compiler, Macros};
use super::objects::{Language, NoObjects, ProbeObject};
use super::run::{run, ASK};
use crate::object::{Fact, Facts};
use std::path::Path;

/// x86: extensions that gcc and clang both announce, as `__NAME__`.
const X86: &[&str] = &[
    "i486",
    "i586",
    "i686",
    "MMX",
    "3dNOW",
    "SSE",
    "SSE2",
    "SSE3",
    "SSSE3",
    "SSE4_1",
    "SSE4_2",
    "SSE4A",
    "POPCNT",
    "LZCNT",
    "AES",
    "PCLMUL",
    "SHA",
    "AVX",
    "AVX2",
    "BMI",
    "BMI2",
    "FMA",
    "FMA4",
    "F16C",
    "MOVBE",
    "RDRND",
    "RDSEED",
    "ADX",
    "TBM",
    "XOP",
    "LWP",
    "XSAVE",
    "XSAVEOPT",
    "GFNI",
    "VAES",
    "VPCLMULQDQ",
    "AVXVNNI",
    "AVX512F",
    "AVX512BW",
    "AVX512CD",
    "AVX512DQ",
    "AVX512VL",
    "AVX512VNNI",
    "AVX512VBMI",
    "AVX512BF16",
    "AVX512FP16",
    "AMX_TILE",
    "APX_F",
];

/// AArch64: what goes beyond ARMv8.0, as `__ARM_FEATURE_NAME`. A list, because new versions of
/// compilers announce more and more of what every processor has.
const AARCH64: &[&str] = &[
    "AES",
    "ATOMICS",
    "BF16_SCALAR_ARITHMETIC",
    "BF16_VECTOR_ARITHMETIC",
    "COMPLEX",
    "CRC32",
    "CRYPTO",
    "DOTPROD",
    "FP16_FML",
    "FP16_SCALAR_ARITHMETIC",
    "FP16_VECTOR_ARITHMETIC",
    "FRINT",
    "JCVT",
    "LS64",
    "MATMUL_INT8",
    "MEMORY_TAGGING",
    "MOPS",
    "PAUTH",
    "QRDMX",
    "RCPC",
    "RNG",
    "SHA2",
    "SHA3",
    "SHA512",
    "SM3",
    "SM4",
    "SME",
    "SME2",
    "SVE",
    "SVE2",
    "TME",
];

/// The facts: `isa`, a list of what the processor must have; the sizes that an ABI may choose.
pub fn macro_facts(macros: &Macros) -> Vec<Fact> {
    let isa = isa(macros);
    let mut list = Vec::new();
    if !isa.is_empty() {
        list.push(("isa", isa.join("+")));
    }
    if let Some(digits) = macros.get("__LDBL_MANT_DIG__") {
        list.push(("long-double-digits", digits.to_string()));
    }
    if let Some(size) = macros.get("__SIZEOF_WCHAR_T__") {
        list.push(("wchar-size", size.to_string()));
    }
    let sign = if macros.has("__CHAR_UNSIGNED__") {
        "unsigned"
    } else {
        "signed"
    };
    list.push(("plain-char", sign.to_string()));
    list.into_iter()
        .map(|(name, words)| Fact::from_macros(name, words))
        .collect()
}

fn isa(macros: &Macros) -> Vec<String> {
    let named = |names: &[&str], form: fn(&str) -> String| -> Vec<String> {
        names
            .iter()
            .filter(|name| macros.has(&form(name)))
            .map(|name| name.to_ascii_lowercase())
            .collect()
    };
    if macros.has("__x86_64__") || macros.has("__i386__") {
        named(X86, |name| format!("__{name}__"))
    } else if macros.has("__aarch64__") {
        named(AARCH64, |name| format!("__ARM_FEATURE_{name}"))
    } else if macros.has("__powerpc__") || macros.has("__PPC__") {
        let mut list: Vec<String> = macros
            .names()
            .filter_map(|name| name.strip_prefix("_ARCH_"))
            .filter(|name| name.starts_with("PWR"))
            .map(str::to_ascii_lowercase)
            .collect();
        list.extend(named(&["ALTIVEC", "VSX", "SPE", "MMA"], |name| {
            format!("__{name}__")
        }));
        list
    } else if macros.has("__s390__") {
        // Levels, each of which includes those before it; 5 is the first of 64 bit.
        let mut list: Vec<String> = (5..=macros.number("__ARCH__").min(99))
            .map(|level| format!("arch{level}"))
            .collect();
        list.extend(named(&["VX"], |name| format!("__{name}__")));
        list
    } else if macros.has("__loongarch__") {
        named(&["sx", "asx"], |name| format!("__loongarch_{name}"))
    } else {
        // ARM, RISC-V and MIPS write it into the object.
        Vec::new()
    }
}

/// The macros that a compiler predefines with these flags.
///
/// # Errors
/// It cannot be run, or rejects a flag.
pub fn macros<S: AsRef<str>>(compiler: &Compiler, flags: &[S]) -> Result<Macros, NoObjects> {
    let mut args: Vec<&str> = flags.iter().map(AsRef::as_ref).collect();
    args.extend(["-dM", "-E", "-x", "c", "/dev/null"]);
    let answer = run(&compiler.path, &compiler.with(&args), Path::new("/"), ASK)?;
    Ok(Macros::parse(&answer.stdout))
}

/// Everything measured of a target: what the C object says, and these macros.
pub fn properties(objects: &[ProbeObject], macros: &Macros) -> Option<Facts> {
    let object = objects.iter().find(|o| o.language == Language::C)?;
    let mut facts = object.facts.clone();
    facts.facts.extend(macro_facts(macros));
    Some(facts)
}
