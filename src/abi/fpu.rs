//! ARM's floating-point units and processors.

use std::borrow::Cow;

use super::isa::{arm, Family, Isa};

/// An ARM floating-point unit as a set of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fpu(pub u32);

const VFP2: u32 = 1;
const VFP3: u32 = 1 << 1;
const FP16: u32 = 1 << 2;
const VFP4: u32 = 1 << 3;
const ARMV8: u32 = 1 << 4;
/// Double precision.
const DOUBLE: u32 = 1 << 5;
/// 32 double registers.
const D32: u32 = 1 << 6;
const NEON: u32 = 1 << 7;
const CRYPTO: u32 = 1 << 8;

const D16_V2: u32 = VFP2 | DOUBLE;
const D16_V3: u32 = D16_V2 | VFP3;
const D16_V4: u32 = D16_V3 | FP16 | VFP4;
const D16_V8: u32 = D16_V4 | ARMV8;

/// Names of `-mfpu=` (gcc's arm-cpus.in); the first name of a set is the one it is written by.
const FPUS: &[(&str, u32)] = &[
    ("none", 0),
    ("vfpv2", D16_V2),
    ("vfp", D16_V2),
    ("vfpv3xd", VFP2 | VFP3),
    ("vfpv3-d16", D16_V3),
    ("vfpv3-d16-fp16", D16_V3 | FP16),
    ("vfpv3", D16_V3 | D32),
    ("vfp3", D16_V3 | D32),
    ("vfpv3-fp16", D16_V3 | FP16 | D32),
    ("neon", D16_V3 | D32 | NEON),
    ("neon-vfpv3", D16_V3 | D32 | NEON),
    ("neon-fp16", D16_V3 | FP16 | D32 | NEON),
    ("vfpv4-d16", D16_V4),
    ("vfpv4", D16_V4 | D32),
    ("neon-vfpv4", D16_V4 | D32 | NEON),
    ("fpv4-sp-d16", VFP2 | VFP3 | FP16 | VFP4),
    ("fpv5-sp-d16", VFP2 | VFP3 | FP16 | VFP4 | ARMV8),
    ("fpv5-d16", D16_V8),
    ("fp-armv8", D16_V8 | D32),
    ("neon-fp-armv8", D16_V8 | D32 | NEON),
    ("crypto-neon-fp-armv8", D16_V8 | D32 | NEON | CRYPTO),
];

impl Fpu {
    /// No unit at all.
    pub const NONE: Fpu = Fpu(0);

    /// The unit that `-mfpu=NAME` means; `None` for `auto` and for unknown names.
    pub fn of_name(name: &str) -> Option<Fpu> {
        let found = FPUS.iter().find(|(n, _)| *n == name);
        found.map(|&(_, bits)| Fpu(bits))
    }

    /// The text form: the unit's name, or its features in hexadecimal after a `~` where no name
    /// has just these.
    pub fn word(self) -> Cow<'static, str> {
        match FPUS.iter().find(|&&(_, bits)| bits == self.0) {
            Some(&(name, _)) => Cow::Borrowed(name),
            None => Cow::Owned(format!("~{:x}", self.0)),
        }
    }

    /// Reads [`word`](Fpu::word)'s form.
    pub fn of_word(word: &str) -> Option<Fpu> {
        match word.strip_prefix('~') {
            Some(hex) => u32::from_str_radix(hex, 16).ok().map(Fpu),
            None => Fpu::of_name(word),
        }
    }

    /// Whether code for `self` runs wherever code for `other` does.
    pub fn runs_on(self, other: Fpu) -> bool {
        self.0 & !other.0 == 0
    }

    /// The unit that ACLE's macros describe: `fp` is `__ARM_FP`, a set of 2 half, 4 single and 8
    /// double precision. No macro tells 32 double registers without NEON; such a unit is taken for
    /// one with 16. An older unit in an ARMv8 processor shows by the missing `maxmin`
    /// (`__ARM_FEATURE_NUMERIC_MAXMIN`), which gcc defines only with NEON.
    pub fn of_macros(isa: Isa, fp: u32, fma: bool, neon: bool, crypto: bool, maxmin: bool) -> Fpu {
        if fp == 0 {
            return Fpu::NONE;
        }
        let v7 = isa.bits & (arm::V7_BIT | arm::M_V7) != 0;
        let v8 = isa.bits & (arm::V8_BIT | arm::M_V8) != 0;
        let features = [
            (true, VFP2),
            (fp & 8 != 0, DOUBLE),
            (v7, VFP3),
            (fp & 2 != 0 && v7, FP16),
            (fma, VFP4 | FP16),
            (v8 && (maxmin || !neon), ARMV8),
            (neon, NEON | D32),
            (crypto, CRYPTO),
        ];
        let has = features.iter().filter(|(has, _)| *has);
        Fpu(has.fold(0, |all, (_, bits)| all | bits))
    }
}

/// A processor of `-mcpu=`: its ISA and the unit that it has where `-mfpu` does not say.
const CPUS: &[(&str, u64, &str)] = &[
    ("arm7tdmi", arm::V4T, "none"),
    ("arm9tdmi", arm::V4T, "none"),
    ("arm920t", arm::V4T, "none"),
    ("arm922t", arm::V4T, "none"),
    ("strongarm", arm::V4, "none"),
    ("arm926ej-s", arm::V5TE | arm::JAZELLE, "vfpv2"),
    ("arm1020e", arm::V5TE, "vfpv2"),
    ("xscale", arm::V5TE, "none"),
    ("arm1136j-s", arm::V6J, "none"),
    ("arm1136jf-s", arm::V6J, "vfpv2"),
    ("arm1156t2-s", arm::V6T2, "none"),
    ("arm1176jz-s", arm::V6KZ, "none"),
    ("arm1176jzf-s", arm::V6KZ, "vfpv2"),
    ("mpcorenovfp", arm::V6K, "none"),
    ("mpcore", arm::V6K, "vfpv2"),
    ("generic-armv7-a", arm::V7A, "vfpv3-d16"),
    ("cortex-a5", arm::V7A, "neon-vfpv4"),
    ("cortex-a7", arm::V7VE, "neon-vfpv4"),
    ("cortex-a8", arm::V7A, "neon"),
    ("cortex-a9", arm::V7A, "neon-fp16"),
    ("cortex-a12", arm::V7VE, "neon-vfpv4"),
    ("cortex-a15", arm::V7VE, "neon-vfpv4"),
    ("cortex-a17", arm::V7VE, "neon-vfpv4"),
    ("marvell-pj4", arm::V7A, "vfpv3-d16"),
    ("cortex-a32", arm::V8A | arm::CRC, "neon-fp-armv8"),
    ("cortex-a35", arm::V8A | arm::CRC, "neon-fp-armv8"),
    ("cortex-a53", arm::V8A | arm::CRC, "neon-fp-armv8"),
    ("cortex-a57", arm::V8A | arm::CRC, "neon-fp-armv8"),
    ("cortex-a72", arm::V8A | arm::CRC, "neon-fp-armv8"),
    ("cortex-a73", arm::V8A | arm::CRC, "neon-fp-armv8"),
    ("cortex-m0", arm::V6M, "none"),
    ("cortex-m0plus", arm::V6M, "none"),
    ("cortex-m3", arm::V7M, "none"),
    ("cortex-m4", arm::V7EM, "fpv4-sp-d16"),
    ("cortex-m7", arm::V7EM, "fpv5-d16"),
];

/// Reads `-march=VALUE` or `-mcpu=VALUE` for ARM: the ISA, and the unit that comes with it. A plain
/// architecture has none (`-march=armv6`), which is why `-mfloat-abi=hard` beside it fails in gcc 8
/// and later; `+fp`, `+simd` and the like add one.
pub fn arm_processor(value: &str) -> Option<(Isa, Fpu)> {
    let family = Family::Arm;
    let mut words = value.split('+');
    let name = words.next()?;
    let (mut isa, mut fpu) = match CPUS.iter().find(|(n, ..)| *n == name) {
        Some(&(_, bits, fpu)) => (Isa { family, bits }, Fpu::of_name(fpu)?),
        None => (Isa::of_name(family, name)?, Fpu::NONE),
    };
    for word in words {
        let has = |bits: u64| isa.bits & bits != 0;
        match word {
            "crc" => isa = isa.with(arm::CRC),
            "sec" => isa = isa.with(arm::SECURITY),
            "dsp" => isa = isa.with(arm::M_DSP),
            "nofp" => fpu = Fpu::NONE,
            "nosimd" => fpu = Fpu(fpu.0 & !(NEON | CRYPTO)),
            "fp" if has(arm::V8_BIT) => fpu = Fpu(D16_V8 | D32),
            "fp" | "vfpv4-d16" if has(arm::VE) => fpu = Fpu(D16_V4),
            "fp" | "vfpv3-d16" if has(arm::V7_BIT) => fpu = Fpu(D16_V3),
            "fp" if has(arm::M_V7) => fpu = Fpu(VFP2 | VFP3 | FP16 | VFP4),
            "fp" | "vfpv2" => fpu = Fpu(D16_V2),
            "fp.dp" => fpu = Fpu(D16_V8),
            "simd" if has(arm::V8_BIT) => fpu = Fpu(D16_V8 | D32 | NEON),
            "simd" if has(arm::VE) => fpu = Fpu(D16_V4 | D32 | NEON),
            "simd" => fpu = Fpu(D16_V3 | D32 | NEON),
            "crypto" => fpu = Fpu(D16_V8 | D32 | NEON | CRYPTO),
            other => match Fpu::of_name(other) {
                Some(named) => fpu = named,
                None => isa = isa.with(super::isa::OTHER),
            },
        }
    }
    Some((isa, fpu))
}
