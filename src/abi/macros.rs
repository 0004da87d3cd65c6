//! What a compiler's predefined macros say of its target. They are what it compiles by, so all of
//! it is known; except where no macro tells (tuning, PowerPC processors between two macros).

use super::isa::{arm, x86};
use super::*;

/// What the macros said so far; the target is made of it at the end, for their order is free.
#[derive(Default)]
struct Seen {
    arch: Option<Arch>,
    pointer: u32,
    long: u32,
    big: Option<bool>,
    long_double_digits: u32,
    ibm128: bool,
    arm: SeenArm,
    /// `__riscv_xlen`, `_MIPS_SIM` and the like, in their own meaning.
    riscv_float: Option<Float>,
    riscv_isa: u64,
    mips_sim: u32,
    mips_isa: u32,
    mips_release: u32,
    mips_soft: bool,
    mips_2008: bool,
    elf_abi: Option<ElfAbi>,
    ppc_soft: bool,
    ppc_spe: bool,
    loong_float: Option<Float>,
    /// Soft where no macro speaks of an FPU.
    sh_float: Option<Float>,
    /// x86's features, and PowerPC's or s390's, apart: some macros are common to all.
    x86: u64,
    isa: u64,
    pie: u32,
    pic: u32,
    ssp: Option<Ssp>,
    cet: u32,
    bti: bool,
    pac: bool,
    format: Option<Format>,
    system: Option<System>,
    libc: Option<Libc>,
    short_enums: bool,
}

/// ARM's share (ACLE names).
#[derive(Default)]
struct SeenArm {
    /// Feature bits by the `__ARM_ARCH_…__` name.
    isa: u64,
    thumb: bool,
    pcs_vfp: bool,
    soft: bool,
    /// `__ARM_FP`.
    fp: u32,
    neon: bool,
    /// Instructions of the ARMv8 unit: with NEON, gcc tells this one by it.
    maxmin: bool,
    fma: bool,
    crypto: bool,
    idiv: bool,
    crc: bool,
    /// Features of an A64 ISA.
    a64: u64,
}

/// `__ARM_ARCH_…__`: the part between, and the ISA.
const ARM_ARCH: &[(&str, u64)] = &[
    ("4", arm::V4),
    ("4T", arm::V4T),
    ("5T", arm::V5T),
    ("5TE", arm::V5TE),
    ("5TEJ", arm::V5TE | arm::JAZELLE),
    ("6", arm::V6),
    ("6J", arm::V6J),
    ("6K", arm::V6K),
    ("6Z", arm::V6J | arm::SECURITY),
    ("6KZ", arm::V6KZ),
    ("6ZK", arm::V6KZ),
    ("6T2", arm::V6T2),
    ("6M", arm::V6M),
    ("7A", arm::V7A),
    // gcc writes 7VE, clang 7VE or 7A with the division macro.
    ("7VE", arm::V7VE),
    ("7R", arm::V6K | arm::THUMB2 | arm::V7_BIT | arm::REALTIME),
    ("7M", arm::V7M),
    ("7EM", arm::V7EM),
    ("8A", arm::V8A),
    ("8_1A", arm::V8A | arm::CRC | arm::V8_1),
    ("8_2A", arm::V8A | arm::CRC | arm::V8_1 | arm::V8_2),
    ("8M_BASE", arm::V8M),
    ("8M_MAIN", arm::V8M_MAIN),
    ("8_1M_MAIN", arm::V8M_MAIN | arm::M_DSP | arm::M_V8_1),
];

/// `__ARM_FEATURE_…` of A64 and the extension it stands for. The crc one is shared with A32.
const A64: &[(&str, &str)] = &[
    ("ATOMICS", "lse"),
    ("QRDMX", "rdma"),
    ("AES", "aes"),
    ("SHA2", "sha2"),
    ("FP16_VECTOR_ARITHMETIC", "fp16"),
    ("RCPC", "rcpc"),
    ("DOTPROD", "dotprod"),
    ("PAUTH", "pauth"),
    ("BF16", "bf16"),
    ("MATMUL_INT8", "i8mm"),
    ("SVE", "sve"),
    ("SVE2", "sve2"),
];

/// Macros that each add features to an x86 ISA.
const X86: &[(&str, u64)] = &[
    ("__MMX__", x86::MMX),
    ("__SSE__", x86::SSE),
    ("__SSE2__", x86::SSE2),
    ("__SSE3__", x86::SSE3),
    ("__SSSE3__", x86::SSSE3),
    ("__SSE4_1__", x86::SSE4_1),
    ("__SSE4_2__", x86::SSE4_2),
    ("__POPCNT__", x86::POPCNT),
    ("__AVX__", x86::AVX),
    ("__AVX2__", x86::AVX2),
    ("__BMI__", x86::BMI),
    ("__FMA__", x86::FMA),
    ("__AVX512F__", x86::AVX512),
    ("__AES__", x86::AES),
    // Sixteen-byte compare and exchange: only with -mcx16.
    ("__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16", x86::CX16),
    ("__GCC_HAVE_SYNC_COMPARE_AND_SWAP_8", x86::I586),
    ("__GCC_HAVE_SYNC_COMPARE_AND_SWAP_4", x86::I486),
];

/// Macros that each name a POWER processor or less; all lower ones are defined as well.
const POWER: &[(&str, &str)] = &[
    ("_ARCH_PPC", "powerpc"),
    ("_ARCH_PPC64", "powerpc64"),
    ("_ARCH_PWR4", "power4"),
    ("_ARCH_PWR5", "power5"),
    ("_ARCH_PWR6", "power6"),
    ("_ARCH_PWR7", "power7"),
    ("_ARCH_PWR8", "power8"),
    ("_ARCH_PWR9", "power9"),
    ("_ARCH_PWR10", "power10"),
];

impl Target {
    /// The target that a list of macros, name and value, describes: what `-dM -E` prints, or what a
    /// job preprocessed by the client begins with. Empty where no macro names an architecture.
    ///
    /// Macros do not tell where an ARM compiler has its FPU from. Whoever records facts sets
    /// [`fpu_of_isa`](Target::fpu_of_isa) if `-###` shows no `-mfpu=`.
    pub fn of_macros<'a>(macros: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Target {
        let mut seen = Seen::default();
        for (name, value) in macros {
            if let (Ok(name), Ok(value)) = (std::str::from_utf8(name), std::str::from_utf8(value)) {
                seen.look(name, value.trim());
            }
        }
        seen.target()
    }
}

impl Seen {
    fn look(&mut self, name: &str, value: &str) {
        // 0x80000000 is no number that counts here; a suffix (1L) may stand.
        let number = value.trim_end_matches(['L', 'U']).parse().unwrap_or(0u32);
        match name {
            "__arm__" => self.arch = Some(Arch::Arm),
            "__aarch64__" => self.arch = Some(Arch::Aarch64),
            "__x86_64__" => self.arch = Some(Arch::X86_64),
            "__i386__" => self.arch = Some(Arch::I386),
            "__riscv_xlen" if number == 64 => self.arch = Some(Arch::Riscv64),
            "__riscv_xlen" => self.arch = Some(Arch::Riscv32),
            "__mips__" => self.arch = self.arch.or(Some(Arch::Mips)),
            "__powerpc64__" | "__PPC64__" => self.arch = Some(Arch::Powerpc64),
            "__powerpc__" | "__PPC__" => self.arch = self.arch.or(Some(Arch::Powerpc)),
            "__s390x__" => self.arch = Some(Arch::S390x),
            "__s390__" => self.arch = self.arch.or(Some(Arch::S390)),
            "__sparc__" => self.arch = self.arch.or(Some(Arch::Sparc)),
            "__arch64__" => self.arch = Some(Arch::Sparc64),
            "__sh__" => self.arch = Some(Arch::Sh),
            "__m68k__" => self.arch = Some(Arch::M68k),
            "__hppa__" => self.arch = Some(Arch::Hppa),
            "__alpha__" => self.arch = Some(Arch::Alpha),
            "__ia64__" => self.arch = Some(Arch::Ia64),
            "__loongarch_grlen" if number == 64 => self.arch = Some(Arch::Loongarch64),
            "__loongarch_grlen" => self.arch = Some(Arch::Loongarch32),
            "__arc__" => self.arch = Some(Arch::Arc),
            "__csky__" => self.arch = Some(Arch::Csky),
            "__microblaze__" => self.arch = Some(Arch::Microblaze),
            "__nios2__" => self.arch = Some(Arch::Nios2),
            "__or1k__" => self.arch = Some(Arch::Openrisc),
            "__xtensa__" => self.arch = Some(Arch::Xtensa),
            "__AVR__" => self.arch = Some(Arch::Avr),
            "__MSP430__" => self.arch = Some(Arch::Msp430),
            "__BPF__" | "__bpf__" => self.arch = Some(Arch::Bpf),
            "__hexagon__" => self.arch = Some(Arch::Hexagon),
            "__SIZEOF_POINTER__" => self.pointer = number,
            "__SIZEOF_LONG__" => self.long = number,
            "__BYTE_ORDER__" => self.big = Some(value == "__ORDER_BIG_ENDIAN__"),
            "__LDBL_MANT_DIG__" => self.long_double_digits = number,
            "__LONG_DOUBLE_IBM128__" => self.ibm128 = true,
            "__ELF__" => self.format = Some(Format::Elf),
            "_WIN32" | "__CYGWIN__" => {
                self.format = Some(Format::Coff);
                self.system = Some(System::Windows);
            }
            "__MACH__" => self.format = Some(Format::Macho),
            "__APPLE__" => self.system = Some(System::Darwin),
            "__ANDROID__" => {
                self.system = Some(System::Android);
                self.libc = Some(Libc::Bionic);
            }
            "__linux__" => self.system = self.system.or(Some(System::Linux)),
            "__FreeBSD__" | "__NetBSD__" | "__OpenBSD__" => self.system = Some(System::Bsd),
            "__GLIBC__" => self.libc = self.libc.or(Some(Libc::Glibc)),
            // uClibc claims to be glibc as well.
            "__UCLIBC__" => self.libc = Some(Libc::Uclibc),
            "__PIE__" => self.pie = number,
            "__PIC__" => self.pic = number,
            "__SSP__" => self.ssp = Some(Ssp::On),
            "__SSP_STRONG__" => self.ssp = Some(Ssp::Strong),
            "__SSP_ALL__" => self.ssp = Some(Ssp::All),
            "__SSP_EXPLICIT__" => self.ssp = Some(Ssp::Explicit),
            "__CET__" => self.cet = number,
            "__ARM_FEATURE_BTI_DEFAULT" => self.bti = true,
            "__ARM_FEATURE_PAC_DEFAULT" => self.pac = true,
            _ => self.look_by_architecture(name, value, number),
        }
    }

    fn look_by_architecture(&mut self, name: &str, value: &str, number: u32) {
        if let Some(rest) = name.strip_prefix("__ARM_") {
            return self.look_arm(rest, value, number);
        }
        match name {
            "__SH_FPU_DOUBLE__" => self.sh_float = Some(Float::Double),
            "__SH_FPU_ANY__" => self.sh_float = self.sh_float.or(Some(Float::Single)),
            "__thumb__" => self.arm.thumb = true,
            "__SOFTFP__" => self.arm.soft = true,
            "__riscv_float_abi_soft" => self.riscv_float = Some(Float::Soft),
            "__riscv_float_abi_single" => self.riscv_float = Some(Float::Single),
            "__riscv_float_abi_double" => self.riscv_float = Some(Float::Double),
            "__riscv_float_abi_quad" => self.riscv_float = Some(Float::Quad),
            "_MIPS_SIM" => self.mips_sim = mips_sim(value, number),
            "__mips" => self.mips_isa = number,
            "__mips_isa_rev" => self.mips_release = number,
            "__mips_soft_float" => self.mips_soft = true,
            "__mips_nan2008" => self.mips_2008 = true,
            "_CALL_ELF" if number == 2 => self.elf_abi = Some(ElfAbi::V2),
            "_CALL_ELF" => self.elf_abi = Some(ElfAbi::V1),
            "_SOFT_FLOAT" => self.ppc_soft = true,
            "__SPE__" => self.ppc_spe = true,
            "__loongarch_soft_float" => self.loong_float = Some(Float::Soft),
            "__loongarch_single_float" => self.loong_float = Some(Float::Single),
            "__loongarch_double_float" => self.loong_float = Some(Float::Double),
            "__ALTIVEC__" => self.isa |= 2,
            "__ARCH__" => self.isa |= s390(number),
            _ => {
                if let Some(extension) = name.strip_prefix("__riscv_") {
                    self.riscv_isa |= riscv::of_macro(extension);
                } else if let Some((_, bits)) = X86.iter().find(|(n, _)| *n == name) {
                    self.x86 |= bits;
                } else if let Some((_, cpu)) = POWER.iter().find(|(n, _)| *n == name) {
                    self.isa |= Isa::of_name(Family::Powerpc, cpu).map_or(0, |i| i.bits);
                } else if matches!(name, "__i686__" | "__pentiumpro__") {
                    self.x86 |= x86::I686;
                }
            }
        }
    }

    /// A macro `__ARM_REST`.
    fn look_arm(&mut self, rest: &str, value: &str, number: u32) {
        let arm = &mut self.arm;
        match rest {
            "PCS_VFP" => arm.pcs_vfp = true,
            "FP" => {
                let hex = value.strip_prefix("0x");
                arm.fp = hex
                    .map_or(Some(number), |h| u32::from_str_radix(h, 16).ok())
                    .unwrap_or(0);
            }
            "NEON" => arm.neon = true,
            "FEATURE_FMA" => arm.fma = true,
            "FEATURE_NUMERIC_MAXMIN" => arm.maxmin = true,
            "FEATURE_CRYPTO" => {
                arm.crypto = true;
                arm.a64 |= isa::aarch64_extension("crypto");
            }
            "FEATURE_IDIV" => arm.idiv = true,
            "FEATURE_CRC32" => {
                arm.crc = true;
                arm.a64 |= isa::aarch64_extension("crc");
            }
            "SIZEOF_MINIMAL_ENUM" => self.short_enums = number == 1,
            "ARCH" if number >= 9 => arm.a64 |= isa::A64_V9,
            _ => {
                if let Some(feature) = rest.strip_prefix("FEATURE_") {
                    let found = A64.iter().find(|(n, _)| *n == feature);
                    arm.a64 |= found.map_or(0, |(_, name)| isa::aarch64_extension(name));
                }
                let arch = rest
                    .strip_prefix("ARCH_")
                    .and_then(|r| r.strip_suffix("__"));
                if let Some(arch) = arch {
                    let found = ARM_ARCH.iter().find(|(n, _)| *n == arch);
                    arm.isa |= found.map_or(0, |&(_, bits)| bits);
                }
            }
        }
    }

    fn target(self) -> Target {
        let mut target = Target::default();
        let Some(arch) = self.arch else {
            return target;
        };
        // The o32 macros are those of a 64-bit processor as well: the convention decides.
        let arch = match (arch, self.mips_sim) {
            (Arch::Mips, 2 | 3) => Arch::Mips64,
            (Arch::Hppa, _) if self.pointer == 8 => Arch::Hppa64,
            (other, _) => other,
        };
        target.arch = Known::Known(arch);
        let bare = self.format == Some(Format::Elf) && self.system.is_none();
        target.system = Known::Known(match self.system {
            Some(system) => system,
            None if bare => System::Bare,
            None => System::Other,
        });
        target.format = known(self.format);
        target.libc = known(self.libc);
        target.order = known(self.big.map(|b| if b { Order::Big } else { Order::Little }));
        target.model = known(self.model(arch));
        target.long_double = known(match self.long_double_digits {
            53 => Some(LongDouble::Bits64),
            64 => Some(LongDouble::X87),
            106 => Some(LongDouble::Ibm128),
            113 => Some(LongDouble::Ieee128),
            _ if self.ibm128 => Some(LongDouble::Ibm128),
            _ => None,
        });
        target.pie = Known::Known(match (self.pie, self.pic) {
            (1.., _) => Pie::Pie,
            (0, 1..) => Pie::Pic,
            (0, 0) => Pie::Off,
        });
        target.ssp = Known::Known(self.ssp.unwrap_or(Ssp::Off));
        if arch.is_x86() {
            target.cf = Known::Known(match self.cet & 3 {
                0 => Cf::None,
                1 => Cf::Branch,
                2 => Cf::Return,
                _ => Cf::Full,
            });
        }
        if arch == Arch::Aarch64 {
            target.float = Known::Known(Float::Hard);
            target.cf = Known::Known(match (self.bti, self.pac) {
                (false, false) => Cf::None,
                (true, false) => Cf::Branch,
                (false, true) => Cf::Return,
                (true, true) => Cf::Full,
            });
        }
        self.instructions(arch, &mut target);
        target
    }

    fn model(&self, arch: Arch) -> Option<Model> {
        match (self.mips_sim, self.pointer) {
            (1, _) => return Some(Model::O32),
            (2, _) => return Some(Model::N32),
            (3, _) => return Some(Model::N64),
            _ => {}
        }
        Some(match (self.pointer, self.long) {
            (8, 4) => Model::Llp64,
            (8, _) => Model::Lp64,
            (4, _) if arch == Arch::X86_64 => Model::X32,
            (4, _) => Model::Ilp32,
            _ => return None,
        })
    }

    fn instructions(&self, arch: Arch, target: &mut Target) {
        let Some(family) = Family::of(arch) else {
            target.float = match arch {
                Arch::Sh => Known::Known(self.sh_float.unwrap_or(Float::Soft)),
                _ => known(self.loong_float),
            };
            return;
        };
        let mut bits = self.isa;
        match family {
            Family::Arm => return self.arm(target),
            Family::Aarch64 => bits = self.arm.a64 | 1,
            Family::X86 => {
                bits = self.x86;
                if arch == Arch::X86_64 {
                    bits |= x86::V1;
                }
                if bits & (x86::SSE | x86::LONG) != 0 {
                    bits |= x86::I686 | x86::MMX;
                }
                bits |= x86::I386;
            }
            Family::Riscv => {
                target.float = known(self.riscv_float);
                bits = self.riscv_isa;
            }
            Family::Mips => {
                let soft = self.mips_soft;
                target.float = Known::Known(if soft { Float::Soft } else { Float::Hard });
                let nan = if self.mips_2008 {
                    Nan::Y2008
                } else {
                    Nan::Legacy
                };
                target.nan = Known::Known(nan);
                let name = match self.mips_release {
                    0 => format!("mips{}", self.mips_isa),
                    1 => format!("mips{}", self.mips_isa),
                    release => format!("mips{}r{release}", self.mips_isa),
                };
                bits = Isa::of_name(family, &name).map_or(0, |isa| isa.bits);
            }
            Family::Powerpc => {
                target.float = Known::Known(match (self.ppc_spe, self.ppc_soft) {
                    (true, _) => Float::Spe,
                    (_, true) => Float::Soft,
                    _ => Float::Hard,
                });
                target.elf_abi = known(self.elf_abi.filter(|_| arch == Arch::Powerpc64));
            }
            Family::S390 | Family::Sparc => {}
        }
        if bits != 0 {
            target.isa = Known::Known(Isa { family, bits });
        }
    }

    fn arm(&self, target: &mut Target) {
        let seen = &self.arm;
        target.float = Known::Known(match (seen.pcs_vfp, seen.soft) {
            (true, _) => Float::Hard,
            (_, true) => Float::Soft,
            _ => Float::Softfp,
        });
        let mode = if seen.thumb { Mode::Thumb } else { Mode::Arm };
        target.mode = Known::Known(mode);
        let enums = if self.short_enums {
            Enums::Short
        } else {
            Enums::Int
        };
        target.enums = Known::Known(enums);
        if seen.isa == 0 {
            return;
        }
        let mut bits = seen.isa;
        if bits & arm::APPLICATION != 0 && seen.idiv {
            bits |= arm::VE;
        }
        if seen.crc {
            bits |= arm::CRC;
        }
        let family = Family::Arm;
        let isa = Isa { family, bits };
        target.isa = Known::Known(isa);
        target.fpu = Known::Known(Fpu::of_macros(
            isa,
            seen.fp,
            seen.fma,
            seen.neon,
            seen.crypto,
            seen.maxmin,
        ));
    }
}

fn known<T>(value: Option<T>) -> Known<T> {
    value.map_or(Known::Unknown, Known::Known)
}

/// `_MIPS_SIM`: gcc gives the macro's name, clang's and expanded text the number.
fn mips_sim(value: &str, number: u32) -> u32 {
    match value {
        "_ABIO32" | "_MIPS_SIM_ABI32" => 1,
        "_ABIN32" | "_MIPS_SIM_NABI32" => 2,
        "_ABI64" | "_MIPS_SIM_ABI64" => 3,
        _ => number,
    }
}

/// `__ARCH__` counts s390's generations from 5, the z900.
fn s390(number: u32) -> u64 {
    const NAMES: [&str; 10] = [
        "z900", "z990", "z9-109", "z10", "z196", "zEC12", "z13", "z14", "z15", "z16",
    ];
    let name = number.checked_sub(5).and_then(|n| NAMES.get(n as usize));
    let isa = name.and_then(|n| Isa::of_name(Family::S390, n));
    isa.map_or(0, |isa| isa.bits)
}
