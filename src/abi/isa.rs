//! Instruction sets and floating-point units as sets of features, so that "runs on" is "is a
//! subset of". Features that no compiler emits on its own are left out.

use std::borrow::Cow;

use super::riscv;

/// The architecture that an [`Isa`] is a set of features of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Arm,
    Aarch64,
    /// 32 and 64 bits: i686 code needs less than x86-64 code.
    X86,
    Riscv,
    Mips,
    Powerpc,
    S390,
    Sparc,
}

impl Family {
    /// The family of an architecture; `None` where ISAs are not compared.
    pub fn of(arch: super::Arch) -> Option<Family> {
        use super::Arch::*;
        Some(match arch {
            Arm => Family::Arm,
            Aarch64 => Family::Aarch64,
            I386 | X86_64 => Family::X86,
            Riscv32 | Riscv64 => Family::Riscv,
            Mips | Mips64 => Family::Mips,
            Powerpc | Powerpc64 => Family::Powerpc,
            S390 | S390x => Family::S390,
            Sparc | Sparc64 => Family::Sparc,
            _ => return None,
        })
    }

    const fn table(self) -> &'static [(&'static str, u64)] {
        match self {
            Family::Arm => ARM,
            Family::Aarch64 => AARCH64,
            Family::X86 => X86,
            Family::Riscv => &[],
            Family::Mips => MIPS,
            Family::Powerpc => POWERPC,
            Family::S390 => S390,
            Family::Sparc => SPARC,
        }
    }
}

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Isa {
    pub family: Family,
    /// One bit per feature, by the family's table.
    pub bits: u64,
}

/// Features that this table does not know: never a subset of what is known.
pub const OTHER: u64 = 1 << 63;

impl Isa {
    /// The ISA that `-march=NAME` means, without any `+extension`; `None` if the name is unknown.
    pub fn of_name(family: Family, name: &str) -> Option<Isa> {
        if family == Family::Riscv {
            return riscv::parse(name).map(|(_, bits)| Isa { family, bits });
        }
        let found = family.table().iter().find(|(n, _)| *n == name);
        found.map(|&(_, bits)| Isa { family, bits })
    }

    /// Whether code for `self` runs wherever code for `other` does.
    pub fn runs_on(self, other: Isa) -> bool {
        self.family == other.family && self.bits & !other.bits == 0
    }

    /// With further features.
    pub fn with(self, bits: u64) -> Isa {
        let bits = self.bits | bits;
        Isa { bits, ..self }
    }

    /// The text form: a name of the family's table, or the nearest with `~` and the set's bits in
    /// hexadecimal where no name has just these features.
    pub fn word(self) -> Cow<'static, str> {
        if self.family == Family::Riscv {
            return Cow::Owned(riscv::text(self.bits));
        }
        let table = self.family.table();
        if let Some(&(name, _)) = table.iter().find(|&&(_, bits)| bits == self.bits) {
            return Cow::Borrowed(name);
        }
        let below = table
            .iter()
            .rev()
            .filter(|&&(_, bits)| bits & !self.bits == 0);
        let nearest = below.max_by_key(|&&(_, bits)| bits.count_ones());
        let name = nearest.map_or("", |&(name, _)| name);
        Cow::Owned(format!("{name}~{:x}", self.bits))
    }

    /// Reads [`word`](Isa::word)'s form.
    pub fn of_word(family: Family, word: &str) -> Option<Isa> {
        match word.split_once('~') {
            _ if family == Family::Riscv => riscv::of_text(word).map(|bits| Isa { family, bits }),
            Some((_, hex)) => u64::from_str_radix(hex, 16)
                .ok()
                .map(|bits| Isa { family, bits }),
            _ => Isa::of_name(family, word),
        }
    }
}

/// ARM features, after gcc's arm-cpus.in.
pub mod arm {
    pub const V4: u64 = 1;
    pub const THUMB: u64 = 1 << 1;
    pub const V5: u64 = 1 << 2;
    pub const DSP: u64 = 1 << 3;
    pub const JAZELLE: u64 = 1 << 4;
    pub const V6_BIT: u64 = 1 << 5;
    pub const V6K_BIT: u64 = 1 << 6;
    pub const SECURITY: u64 = 1 << 7;
    pub const THUMB2: u64 = 1 << 8;
    pub const V7_BIT: u64 = 1 << 9;
    pub const APPLICATION: u64 = 1 << 10;
    /// Virtualisation with integer division in both modes.
    pub const VE: u64 = 1 << 11;
    pub const V8_BIT: u64 = 1 << 12;
    pub const CRC: u64 = 1 << 13;
    pub const V8_1: u64 = 1 << 14;
    pub const V8_2: u64 = 1 << 15;
    pub const V9: u64 = 1 << 16;
    pub const M_V6: u64 = 1 << 17;
    pub const M_V7: u64 = 1 << 18;
    pub const M_DSP: u64 = 1 << 19;
    pub const M_V8: u64 = 1 << 20;
    pub const M_V8_MAIN: u64 = 1 << 21;
    pub const M_V8_1: u64 = 1 << 22;
    pub const REALTIME: u64 = 1 << 23;

    pub const V4T: u64 = V4 | THUMB;
    pub const V5T: u64 = V4T | V5;
    pub const V5TE: u64 = V5T | DSP;
    pub const V6: u64 = V5TE | V6_BIT;
    pub const V6J: u64 = V6 | JAZELLE;
    pub const V6K: u64 = V6J | V6K_BIT;
    pub const V6KZ: u64 = V6K | SECURITY;
    pub const V6T2: u64 = V6J | THUMB2;
    pub const V7A: u64 = V6KZ | THUMB2 | V7_BIT | APPLICATION;
    pub const V7VE: u64 = V7A | VE;
    pub const V8A: u64 = V7VE | V8_BIT;
    pub const V6M: u64 = THUMB | M_V6;
    pub const V7M: u64 = V6M | M_V7;
    pub const V7EM: u64 = V7M | M_DSP;
    pub const V8M: u64 = V6M | M_V8;
    pub const V8M_MAIN: u64 = V8M | V7M | M_V8_MAIN;
}

use arm as a;

/// The first name of a set is the one it is written by.
const ARM: &[(&str, u64)] = &[
    ("armv4", a::V4),
    ("armv4t", a::V4T),
    ("armv5t", a::V5T),
    ("armv5te", a::V5TE),
    ("armv5tej", a::V5TE | a::JAZELLE),
    ("armv6", a::V6),
    ("armv6j", a::V6J),
    ("armv6k", a::V6K),
    ("armv6z", a::V6J | a::SECURITY),
    ("armv6kz", a::V6KZ),
    ("armv6zk", a::V6KZ),
    ("armv6t2", a::V6T2),
    ("armv7-a", a::V7A),
    ("armv7a", a::V7A),
    ("armv7ve", a::V7VE),
    ("armv7-r", a::V6K | a::THUMB2 | a::V7_BIT | a::REALTIME),
    ("armv8-a", a::V8A),
    ("armv8-a+crc", a::V8A | a::CRC),
    ("armv8.1-a", a::V8A | a::CRC | a::V8_1),
    ("armv8.2-a", a::V8A | a::CRC | a::V8_1 | a::V8_2),
    ("armv9-a", a::V8A | a::CRC | a::V8_1 | a::V8_2 | a::V9),
    ("armv6-m", a::V6M),
    ("armv6s-m", a::V6M),
    ("armv7-m", a::V7M),
    ("armv7e-m", a::V7EM),
    ("armv8-m.base", a::V8M),
    ("armv8-m.main", a::V8M_MAIN),
    ("armv8-m.main+dsp", a::V8M_MAIN | a::M_DSP),
    ("armv8.1-m.main", a::V8M_MAIN | a::M_DSP | a::M_V8_1),
    ("iwmmxt", a::V5TE | OTHER),
];

/// A64: the base, then one bit per extension that changes code; versions are sets of them.
const AARCH64: &[(&str, u64)] = &[
    ("armv8-a", 1),
    ("armv8.1-a", V81),
    ("armv8.2-a", V82),
    ("armv8.3-a", V83),
    ("armv8.4-a", V84),
    ("armv8.5-a", V85),
    ("armv8.6-a", V86),
    ("armv9-a", V9),
    ("armv8-a+crc", 1 | CRC),
    ("armv8-a+crc+crypto", 1 | CRC | CRYPTO),
];

const CRC: u64 = 1 << 1;
const LSE: u64 = 1 << 2;
const RDMA: u64 = 1 << 3;
const CRYPTO: u64 = 1 << 4;
const V8_2: u64 = 1 << 5;
const PAUTH: u64 = 1 << 6;
const RCPC: u64 = 1 << 7;
const FLAGM: u64 = 1 << 8;
const DOTPROD: u64 = 1 << 9;
const V8_5: u64 = 1 << 10;
const BF16: u64 = 1 << 11;
const I8MM: u64 = 1 << 12;
const SVE: u64 = 1 << 13;
const SVE2: u64 = 1 << 14;
const FP16: u64 = 1 << 15;
const V81: u64 = 1 | CRC | LSE | RDMA;
const V82: u64 = V81 | V8_2;
const V83: u64 = V82 | PAUTH | RCPC;
const V84: u64 = V83 | FLAGM | DOTPROD;
const V85: u64 = V84 | V8_5;
const V86: u64 = V85 | BF16 | I8MM;
const V9: u64 = V85 | FP16 | SVE | SVE2;

/// ARMv9 for A64.
pub const A64_V9: u64 = V9;

/// What `+NAME` adds to an A64 ISA (gcc's aarch64-option-extensions.def).
const AARCH64_EXTENSIONS: &[(&str, u64)] = &[
    ("crc", CRC),
    ("lse", LSE),
    ("rdma", RDMA),
    ("crypto", CRYPTO),
    ("aes", CRYPTO),
    ("sha2", CRYPTO),
    ("fp", 0),
    ("simd", 0),
    ("fp16", FP16),
    ("rcpc", RCPC),
    ("dotprod", DOTPROD),
    ("pauth", PAUTH),
    ("flagm", FLAGM),
    ("bf16", BF16),
    ("i8mm", I8MM),
    ("sve", SVE | FP16),
    ("sve2", SVE2 | SVE | FP16),
];

/// What an extension of `-march` adds to an A64 ISA; [`OTHER`] for one that is not in the table.
pub fn aarch64_extension(name: &str) -> u64 {
    let found = AARCH64_EXTENSIONS.iter().find(|(n, _)| *n == name);
    found.map_or(OTHER, |&(_, bits)| bits)
}

/// x86 features, one step of the ladder each (psABI levels; gcc's i386-common).
pub mod x86 {
    pub const I386: u64 = 1;
    pub const I486: u64 = I386 | (1 << 1);
    pub const I586: u64 = I486 | (1 << 2);
    pub const MMX: u64 = 1 << 3;
    pub const CMOV: u64 = 1 << 4;
    pub const SSE: u64 = 1 << 5;
    pub const SSE2: u64 = 1 << 6;
    pub const SSE3: u64 = 1 << 7;
    pub const SSSE3: u64 = 1 << 8;
    pub const SSE4_1: u64 = 1 << 9;
    pub const SSE4_2: u64 = 1 << 10;
    pub const CX16: u64 = 1 << 11;
    pub const AVX: u64 = 1 << 12;
    pub const AVX2: u64 = 1 << 13;
    pub const BMI: u64 = 1 << 14;
    pub const FMA: u64 = 1 << 15;
    pub const AVX512: u64 = 1 << 16;
    pub const POPCNT: u64 = 1 << 17;
    pub const LONG: u64 = 1 << 18;
    pub const AES: u64 = 1 << 19;
    pub const SKYLAKE: u64 = 1 << 20;

    pub const I686: u64 = I586 | CMOV;
    pub const PENTIUM3: u64 = I686 | MMX | SSE;
    pub const PENTIUM_M: u64 = PENTIUM3 | SSE2;
    pub const V1: u64 = PENTIUM_M | LONG;
    pub const CORE2: u64 = V1 | SSE3 | SSSE3 | CX16;
    pub const V2: u64 = CORE2 | SSE4_1 | SSE4_2 | POPCNT;
    pub const V3: u64 = V2 | AVX | AVX2 | BMI | FMA;
    pub const V4: u64 = V3 | AVX512;

    const UP_TO_SSSE3: u64 = MMX | SSE | SSE2 | SSE3 | SSSE3;
    const UP_TO_SSE4_2: u64 = UP_TO_SSSE3 | SSE4_1 | SSE4_2 | POPCNT;

    /// `-mNAME`, its own feature, and all that it switches on (gcc's i386-common).
    pub const FLAGS: &[(&str, u64, u64)] = &[
        ("mmx", MMX, MMX),
        ("sse", SSE, MMX | SSE),
        ("sse2", SSE2, MMX | SSE | SSE2),
        ("sse3", SSE3, MMX | SSE | SSE2 | SSE3),
        ("ssse3", SSSE3, UP_TO_SSSE3),
        ("sse4.1", SSE4_1, UP_TO_SSSE3 | SSE4_1),
        ("sse4.2", SSE4_2, UP_TO_SSE4_2),
        ("sse4", SSE4_2, UP_TO_SSE4_2),
        ("popcnt", POPCNT, POPCNT),
        ("cx16", CX16, CX16),
        ("aes", AES, MMX | SSE | SSE2 | AES),
        ("avx", AVX, UP_TO_SSE4_2 | AVX),
        ("avx2", AVX2, UP_TO_SSE4_2 | AVX | AVX2),
        ("bmi", BMI, BMI),
        ("bmi2", BMI, BMI),
        ("fma", FMA, UP_TO_SSE4_2 | AVX | FMA),
        ("avx512f", AVX512, UP_TO_SSE4_2 | AVX | AVX2 | AVX512),
    ];

    /// What `-mNAME` adds and `-mno-NAME` takes away, with all that needs it; `None` for a flag
    /// that is no such feature.
    pub fn feature(name: &str) -> Option<(u64, u64)> {
        let &(_, own, adds) = FLAGS.iter().find(|(n, ..)| *n == name)?;
        // SSE switches MMX on, and SSE4.2 POPCNT, but neither needs it.
        let needed = own & (MMX | POPCNT) == 0;
        let needing = FLAGS
            .iter()
            .filter(|&&(_, its, all)| its == own || needed && all & own != 0);
        Some((adds, needing.fold(0, |bits, (_, own, _)| bits | own)))
    }
}

const X86: &[(&str, u64)] = &[
    ("i386", x86::I386),
    ("i486", x86::I486),
    ("i586", x86::I586),
    ("pentium", x86::I586),
    ("pentium-mmx", x86::I586 | x86::MMX),
    ("i686", x86::I686),
    ("pentiumpro", x86::I686),
    ("pentium2", x86::I686 | x86::MMX),
    ("pentium3", x86::PENTIUM3),
    ("pentium-m", x86::PENTIUM_M),
    ("pentium4", x86::PENTIUM_M),
    ("prescott", x86::PENTIUM_M | x86::SSE3),
    ("x86-64", x86::V1),
    ("k8", x86::V1),
    ("nocona", x86::V1 | x86::SSE3 | x86::CX16),
    ("core2", x86::CORE2),
    ("x86-64-v2", x86::V2),
    ("nehalem", x86::V2),
    ("westmere", x86::V2 | x86::AES),
    ("sandybridge", x86::V2 | x86::AES | x86::AVX),
    ("x86-64-v3", x86::V3),
    ("haswell", x86::V3 | x86::AES),
    ("skylake", x86::V3 | x86::AES | x86::SKYLAKE),
    ("x86-64-v4", x86::V4),
    ("skylake-avx512", x86::V4 | x86::AES | x86::SKYLAKE),
];

const MIPS64: u64 = 0x1f;
const MIPS: &[(&str, u64)] = &[
    ("mips1", 1),
    ("mips2", 3),
    ("mips3", 7),
    ("mips4", 0xf),
    ("mips32", 0x13),
    ("4kc", 0x13),
    ("mips32r2", 0x33),
    ("24kc", 0x33),
    ("34kc", 0x33),
    ("74kc", 0x33 | (1 << 9)),
    ("mips32r3", 0x73),
    ("mips32r5", 0xf3),
    ("mips64", MIPS64),
    ("mips64r2", MIPS64 | 0x20),
    ("octeon", MIPS64 | 0x20 | (1 << 10)),
    ("octeon+", MIPS64 | 0x20 | (3 << 10)),
    ("loongson3a", MIPS64 | 0x20 | (1 << 12)),
    ("mips64r3", MIPS64 | 0x60),
    ("mips64r5", MIPS64 | 0xe0),
    // Release 6 removed instructions: no superset of anything before it.
    ("mips32r6", 1 << 20),
    ("mips64r6", 3 << 20),
];

const POWERPC: &[(&str, u64)] = &[
    ("powerpc", 1),
    ("603", 1),
    ("604", 1),
    ("750", 1),
    ("G3", 1),
    ("7400", 3),
    ("G4", 3),
    ("powerpc64", 1 | 4),
    ("power4", 1 | 0xc),
    ("970", 3 | 0xc),
    ("G5", 3 | 0xc),
    ("power5", 1 | 0x1c),
    ("power6", 3 | 0x3c),
    ("power7", 3 | 0x7c),
    ("power8", 3 | 0xfc),
    ("powerpc64le", 3 | 0xfc),
    ("power9", 3 | 0x1fc),
    ("power10", 3 | 0x3fc),
    ("e500mc", 1 | (1 << 20)),
    ("e5500", 1 | 4 | (1 << 20)),
    ("e6500", 3 | 4 | (1 << 20)),
    ("8540", 1 << 30),
    ("8548", 3 << 30),
];

const S390: &[(&str, u64)] = &[
    ("g5", 1),
    ("z900", 3),
    ("z990", 7),
    ("z9-109", 0xf),
    ("z9-ec", 0x1f),
    ("z10", 0x3f),
    ("z196", 0x7f),
    ("zEC12", 0xff),
    ("z13", 0x1ff),
    ("z14", 0x3ff),
    ("z15", 0x7ff),
    ("z16", 0xfff),
];

const SPARC: &[(&str, u64)] = &[
    ("v7", 1),
    ("cypress", 1),
    ("v8", 3),
    ("supersparc", 3),
    ("leon3", 3 | (1 << 10)),
    ("v9", 7),
    ("ultrasparc", 0xf),
    ("ultrasparc3", 0x1f),
    ("niagara", 0xf | (1 << 11)),
    ("niagara4", 0x1f | (3 << 11)),
];
