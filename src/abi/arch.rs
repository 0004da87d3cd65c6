//! Architectures: their names here, in ELF headers, and in the kernel's `arch/`.

use super::words::words;
use super::{Model, Order};

words! {
    /// What a processor's machine code is for. 32 and 64 bits are two architectures where gcc has
    /// two names for them; the data model tells the rest (x32, n32, ilp32).
    Arch {
        Arm = "arm",
        Aarch64 = "aarch64",
        I386 = "i386",
        X86_64 = "x86_64",
        Riscv32 = "riscv32",
        Riscv64 = "riscv64",
        /// MIPS with the o32 calling convention, whatever the processor's width.
        Mips = "mips",
        /// MIPS with n32 or n64.
        Mips64 = "mips64",
        Powerpc = "powerpc",
        Powerpc64 = "powerpc64",
        S390 = "s390",
        S390x = "s390x",
        Sparc = "sparc",
        Sparc64 = "sparc64",
        Sh = "sh",
        M68k = "m68k",
        Hppa = "hppa",
        Hppa64 = "hppa64",
        Alpha = "alpha",
        Ia64 = "ia64",
        Loongarch32 = "loongarch32",
        Loongarch64 = "loongarch64",
        Arc = "arc",
        Csky = "csky",
        Microblaze = "microblaze",
        Nios2 = "nios2",
        Openrisc = "or1k",
        Xtensa = "xtensa",
        Hexagon = "hexagon",
        Avr = "avr",
        Msp430 = "msp430",
        Bpf = "bpf",
    }
}

/// One architecture's facts.
struct Row {
    arch: Arch,
    /// Directory below the kernel's `arch/`; empty where Linux does not run on it.
    kernel: &'static str,
    /// `e_machine` of a relocatable object (elf.h).
    machine: u16,
    /// Data model of a plain name; `None` where the name leaves it open.
    model: Option<Model>,
    /// Byte order of a plain name; `None` where both are called the same.
    order: Option<Order>,
    /// The same processors with the other word size.
    sibling: Option<Arch>,
    /// The prefix of a compiler for a kernel: Debian's, where Debian has one.
    cross: &'static str,
}

type Facts = (
    Arch,
    &'static str,
    u16,
    Option<Model>,
    Option<Order>,
    Option<Arch>,
    &'static str,
);

const fn row(facts: Facts) -> Row {
    let (arch, kernel, machine, model, order, sibling, cross) = facts;
    Row {
        arch,
        kernel,
        machine,
        model,
        order,
        sibling,
        cross,
    }
}

const ILP32: Option<Model> = Some(Model::Ilp32);
const LP64: Option<Model> = Some(Model::Lp64);
const O32: Option<Model> = Some(Model::O32);
const LE: Option<Order> = Some(Order::Little);
const BE: Option<Order> = Some(Order::Big);

use Arch::*;

#[rustfmt::skip] // One line each.
const ROWS: &[Row] = &[
    row((Arm, "arm", 40, ILP32, LE, Some(Aarch64), "arm-linux-gnueabihf-")),
    row((Aarch64, "arm64", 183, LP64, LE, Some(Arm), "aarch64-linux-gnu-")),
    row((I386, "x86", 3, ILP32, LE, Some(X86_64), "i686-linux-gnu-")),
    row((X86_64, "x86", 62, LP64, LE, Some(I386), "x86_64-linux-gnu-")),
    row((Riscv32, "riscv", 243, ILP32, LE, Some(Riscv64), "riscv64-linux-gnu-")),
    row((Riscv64, "riscv", 243, LP64, LE, Some(Riscv32), "riscv64-linux-gnu-")),
    row((Mips, "mips", 8, O32, BE, Some(Mips64), "mipsel-linux-gnu-")),
    // gcc's default for mips64-linux-gnu is n32, clang's and crosstool-NG's n64.
    row((Mips64, "mips", 8, None, BE, Some(Mips), "mips64el-linux-gnuabi64-")),
    row((Powerpc, "powerpc", 20, ILP32, BE, Some(Powerpc64), "powerpc-linux-gnu-")),
    row((Powerpc64, "powerpc", 21, LP64, BE, Some(Powerpc), "powerpc64le-linux-gnu-")),
    row((S390, "s390", 22, ILP32, BE, Some(S390x), "s390x-linux-gnu-")),
    row((S390x, "s390", 22, LP64, BE, Some(S390), "s390x-linux-gnu-")),
    row((Sparc, "sparc", 2, ILP32, BE, Some(Sparc64), "sparc64-linux-gnu-")),
    row((Sparc64, "sparc", 43, LP64, BE, Some(Sparc), "sparc64-linux-gnu-")),
    row((Sh, "sh", 42, ILP32, LE, None, "sh4-linux-gnu-")),
    row((M68k, "m68k", 4, ILP32, BE, None, "m68k-linux-gnu-")),
    row((Hppa, "parisc", 15, ILP32, BE, Some(Hppa64), "hppa-linux-gnu-")),
    row((Hppa64, "parisc", 15, LP64, BE, Some(Hppa), "hppa64-linux-gnu-")),
    row((Alpha, "alpha", 0x9026, LP64, LE, None, "alpha-linux-gnu-")),
    row((Ia64, "ia64", 50, LP64, LE, None, "ia64-linux-gnu-")),
    row((Loongarch32, "loongarch", 258, ILP32, LE, Some(Loongarch64), "loongarch64-linux-gnu-")),
    row((Loongarch64, "loongarch", 258, LP64, LE, Some(Loongarch32), "loongarch64-linux-gnu-")),
    // ARCompact is 93 and ARCv2 195; every ARC that Linux still runs on is the latter or both.
    row((Arc, "arc", 195, ILP32, LE, None, "arc-linux-gnu-")),
    row((Csky, "csky", 252, ILP32, LE, None, "csky-linux-gnuabiv2-")),
    row((Microblaze, "microblaze", 189, ILP32, BE, None, "microblaze-linux-gnu-")),
    row((Nios2, "nios2", 113, ILP32, LE, None, "nios2-linux-gnu-")),
    row((Openrisc, "openrisc", 92, ILP32, BE, None, "or1k-linux-gnu-")),
    // The order belongs to the configured core.
    row((Xtensa, "xtensa", 94, ILP32, None, None, "xtensa-linux-gnu-")),
    row((Hexagon, "hexagon", 164, ILP32, LE, None, "hexagon-linux-musl-")),
    // Pointers of 16 bits in an object of 32.
    row((Avr, "", 83, None, LE, None, "")),
    row((Msp430, "", 105, None, LE, None, "")),
    row((Bpf, "", 247, LP64, LE, None, "")),
];

/// Names that the kernel's `ARCH=` has besides its directories.
const KERNEL_ALIASES: &[(&str, &[Arch])] = &[
    // Boot code is 32 and 16 bits in a 64-bit build too.
    ("x86_64", &[X86_64, I386]),
    ("i386", &[I386]),
    ("ppc", &[Powerpc, Powerpc64]),
    ("sparc32", &[Sparc]),
    ("sparc64", &[Sparc64]),
    ("parisc64", &[Hppa64]),
];

/// Processor fields of a triple that are one fixed word: the word, the spelling that means the same
/// (config.sub's aliases), the architecture, and the byte order where it is not the usual one.
#[rustfmt::skip]
pub(super) const CPUS: &[(&str, &str, Arch, Option<Order>)] = &[
    ("x86_64", "x86_64", X86_64, None),
    ("amd64", "x86_64", X86_64, None),
    ("x64", "x86_64", X86_64, None),
    ("aarch64", "aarch64", Aarch64, None),
    ("arm64", "aarch64", Aarch64, None),
    ("aarch64_be", "aarch64_be", Aarch64, BE),
    ("aarch64be", "aarch64_be", Aarch64, BE),
    ("aarch64eb", "aarch64_be", Aarch64, BE),
    ("arm64_be", "aarch64_be", Aarch64, BE),
    ("xscale", "xscale", Arm, None),
    ("mips", "mips", Mips, None),
    ("mipseb", "mips", Mips, None),
    ("mipsel", "mipsel", Mips, LE),
    ("mips64", "mips64", Mips64, None),
    ("mips64eb", "mips64", Mips64, None),
    ("mips64el", "mips64el", Mips64, LE),
    ("powerpc", "powerpc", Powerpc, None),
    ("ppc", "powerpc", Powerpc, None),
    ("powerpcle", "powerpcle", Powerpc, LE),
    ("ppcle", "powerpcle", Powerpc, LE),
    ("powerpc64", "powerpc64", Powerpc64, None),
    ("ppc64", "powerpc64", Powerpc64, None),
    ("powerpc64le", "powerpc64le", Powerpc64, LE),
    ("ppc64le", "powerpc64le", Powerpc64, LE),
    ("ppc64el", "powerpc64le", Powerpc64, LE),
    ("s390", "s390", S390, None),
    ("s390x", "s390x", S390x, None),
    ("sparc", "sparc", Sparc, None),
    ("sparcv8", "sparcv8", Sparc, None),
    ("sparcv9", "sparcv9", Sparc64, None),
    ("sparc64", "sparc64", Sparc64, None),
    ("m68k", "m68k", M68k, None),
    ("hppa", "hppa", Hppa, None),
    ("hppa1.1", "hppa1.1", Hppa, None),
    ("hppa2.0", "hppa2.0", Hppa, None),
    ("parisc", "hppa", Hppa, None),
    ("hppa64", "hppa64", Hppa64, None),
    ("parisc64", "hppa64", Hppa64, None),
    ("ia64", "ia64", Ia64, None),
    ("loongarch32", "loongarch32", Loongarch32, None),
    ("loongarch64", "loongarch64", Loongarch64, None),
    ("arc", "arc", Arc, None),
    ("arceb", "arceb", Arc, BE),
    ("csky", "csky", Csky, None),
    ("microblaze", "microblaze", Microblaze, None),
    ("microblazeeb", "microblazeeb", Microblaze, None),
    ("microblazeel", "microblazeel", Microblaze, LE),
    ("nios2", "nios2", Nios2, None),
    ("or1k", "or1k", Openrisc, None),
    ("openrisc", "openrisc", Openrisc, None),
    ("hexagon", "hexagon", Hexagon, None),
    ("avr", "avr", Avr, None),
    ("msp430", "msp430", Msp430, None),
    ("bpf", "bpf", Bpf, None),
];

/// Processors that gcc or clang has and of which nothing is compared here. A name that begins with
/// one is a triple all the same (the list is config.sub's, where a compiler exists).
pub(super) const OTHER_CPUS: &[&str] = &[
    "amdgcn",
    "avr32",
    "bfin",
    "bpfeb",
    "bpfel",
    "c6x",
    "cris",
    "crisv32",
    "epiphany",
    "fr30",
    "frv",
    "ft32",
    "h8300",
    "iq2000",
    "lm32",
    "m32c",
    "m32r",
    "m32rle",
    "m6811",
    "m68hc11",
    "mcore",
    "mep",
    "mmix",
    "mn10300",
    "moxie",
    "nds32",
    "nds32be",
    "nds32le",
    "nvptx",
    "nvptx64",
    "pdp11",
    "pru",
    "riscv",
    "rl78",
    "rx",
    "spu",
    "tic6x",
    "tilegx",
    "tilegxbe",
    "tilepro",
    "tricore",
    "v850",
    "v850e",
    "vax",
    "visium",
    "wasm32",
    "wasm64",
    "xstormy16",
    "z80",
    "e2k",
    "ez80",
    "m88k",
    "score",
    "spirv64",
    "kvx",
    "k1om",
    "le32",
    "arcompact",
];

impl Arch {
    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|r| r.arch == self)
    }

    /// The directory below the kernel's `arch/`, which is also its `ARCH=`; empty where Linux has
    /// none. U-Boot keeps aarch64 under `arm`.
    pub fn kernel_name(self) -> &'static str {
        self.row().map_or("", |r| r.kernel)
    }

    /// The data model that a plain name of this architecture means, if it means one.
    pub fn usual_model(self) -> Option<Model> {
        self.row().and_then(|r| r.model)
    }

    /// The byte order that a plain name of this architecture means, if it means one.
    pub fn usual_order(self) -> Option<Order> {
        self.row().and_then(|r| r.order)
    }

    /// The architecture of the same processors with the other word size.
    pub fn sibling(self) -> Option<Arch> {
        self.row().and_then(|r| r.sibling)
    }

    /// Whether this is x86 of any width.
    pub fn is_x86(self) -> bool {
        matches!(self, I386 | X86_64)
    }

    /// Whether this is RISC-V of any width.
    pub fn is_riscv(self) -> bool {
        matches!(self, Riscv32 | Riscv64)
    }

    /// Whether this is MIPS of any width.
    pub fn is_mips(self) -> bool {
        matches!(self, Mips | Mips64)
    }

    /// Whether this is PowerPC of any width.
    pub fn is_powerpc(self) -> bool {
        matches!(self, Powerpc | Powerpc64)
    }

    /// Whether a kernel of either byte order is compiled with words that do not say which: MIPS's
    /// Makefile states it only to a compiler of the other order, older PowerPC ones not at all.
    pub fn kernel_order_is_open(self) -> bool {
        self.is_mips() || self.is_powerpc()
    }
}

/// `e_machine` of objects for `arch`. 32-bit SPARC objects of v9 code carry 18 (SPARC32PLUS)
/// instead, and old ARC ones 93: see [`elf_machine_fits`].
pub fn elf_machine(arch: Arch) -> u16 {
    arch.row().map_or(0, |r| r.machine)
}

/// Whether an object with this `e_machine` can be one for `arch`.
pub fn elf_machine_fits(arch: Arch, machine: u16) -> bool {
    machine == elf_machine(arch) || matches!((arch, machine), (Sparc, 18) | (Arc, 93))
}

/// The architectures that a kernel's `arch/NAME`, or its `ARCH=`, can compile for, the wide one first.
/// Empty for a name that says nothing (`um` runs on the machine it is built on) or that is unknown.
/// U-Boot keeps 64-bit boards under arch/arm as well, but tells them apart by flags that an `arch/arm`
/// in a path does not show; Linux means 32 bits.
pub fn kernel_arches(kernel_arch: &str) -> Vec<Arch> {
    if let Some((_, arches)) = KERNEL_ALIASES.iter().find(|(name, _)| *name == kernel_arch) {
        return arches.to_vec();
    }
    let rows = ROWS
        .iter()
        .filter(|r| !kernel_arch.is_empty() && r.kernel == kernel_arch);
    let mut arches: Vec<Arch> = rows.map(|r| r.arch).collect();
    arches.reverse();
    arches
}

/// What to pass as CROSS_COMPILE for a kernel's architecture: the prefix of Debian's packages, or the
/// plain shape where nothing is known of it.
pub fn cross_compile(kernel_arch: &str) -> &'static str {
    let arch = match kernel_arch {
        "um" => Some(X86_64),
        // Nearly every MIPS kernel of today is little-endian with 32 bits.
        "mips" => Some(Mips),
        other => kernel_arches(other).first().copied(),
    };
    let cross = arch.and_then(Arch::row).map_or("", |r| r.cross);
    if cross.is_empty() {
        return "TRIPLE-";
    }
    cross
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_has_a_row_and_its_kernel_directory_leads_back() {
        for &arch in Arch::ALL {
            assert!(arch.row().is_some(), "{arch}");
            let kernel = arch.kernel_name();
            assert!(
                kernel.is_empty() || kernel_arches(kernel).contains(&arch),
                "{arch} {kernel}"
            );
        }
        assert!(kernel_arches("um").is_empty());
    }
}
