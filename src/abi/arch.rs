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
}

const fn row(
    arch: Arch,
    kernel: &'static str,
    machine: u16,
    model: Option<Model>,
    order: Option<Order>,
) -> Row {
    Row {
        arch,
        kernel,
        machine,
        model,
        order,
    }
}

const ILP32: Option<Model> = Some(Model::Ilp32);
const LP64: Option<Model> = Some(Model::Lp64);
const LITTLE: Option<Order> = Some(Order::Little);
const BIG: Option<Order> = Some(Order::Big);

const ROWS: &[Row] = &[
    row(Arch::Arm, "arm", 40, ILP32, LITTLE),
    row(Arch::Aarch64, "arm64", 183, LP64, LITTLE),
    row(Arch::I386, "x86", 3, ILP32, LITTLE),
    row(Arch::X86_64, "x86", 62, LP64, LITTLE),
    row(Arch::Riscv32, "riscv", 243, ILP32, LITTLE),
    row(Arch::Riscv64, "riscv", 243, LP64, LITTLE),
    row(Arch::Mips, "mips", 8, Some(Model::O32), BIG),
    // gcc's default for mips64-linux-gnu is n32, clang's and crosstool-NG's n64.
    row(Arch::Mips64, "mips", 8, None, BIG),
    row(Arch::Powerpc, "powerpc", 20, ILP32, BIG),
    row(Arch::Powerpc64, "powerpc", 21, LP64, BIG),
    row(Arch::S390, "s390", 22, ILP32, BIG),
    row(Arch::S390x, "s390", 22, LP64, BIG),
    row(Arch::Sparc, "sparc", 2, ILP32, BIG),
    row(Arch::Sparc64, "sparc", 43, LP64, BIG),
    row(Arch::Sh, "sh", 42, ILP32, LITTLE),
    row(Arch::M68k, "m68k", 4, ILP32, BIG),
    row(Arch::Hppa, "parisc", 15, ILP32, BIG),
    row(Arch::Hppa64, "parisc", 15, LP64, BIG),
    row(Arch::Alpha, "alpha", 0x9026, LP64, LITTLE),
    row(Arch::Ia64, "ia64", 50, LP64, LITTLE),
    row(Arch::Loongarch32, "loongarch", 258, ILP32, LITTLE),
    row(Arch::Loongarch64, "loongarch", 258, LP64, LITTLE),
    // ARCompact is 93 and ARCv2 195; every ARC that Linux still runs on is the latter or both.
    row(Arch::Arc, "arc", 195, ILP32, LITTLE),
    row(Arch::Csky, "csky", 252, ILP32, LITTLE),
    row(Arch::Microblaze, "microblaze", 189, ILP32, BIG),
    row(Arch::Nios2, "nios2", 113, ILP32, LITTLE),
    row(Arch::Openrisc, "openrisc", 92, ILP32, BIG),
    // Xtensa and Microblaze come in both orders; xtensa's belongs to the configured core.
    row(Arch::Xtensa, "xtensa", 94, ILP32, None),
    row(Arch::Hexagon, "hexagon", 164, ILP32, LITTLE),
    row(Arch::Avr, "", 83, ILP32, LITTLE),
    row(Arch::Msp430, "", 105, ILP32, LITTLE),
    row(Arch::Bpf, "", 247, LP64, LITTLE),
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

    /// Whether this is x86 of any width.
    pub fn is_x86(self) -> bool {
        matches!(self, Arch::I386 | Arch::X86_64)
    }

    /// Whether this is RISC-V of any width.
    pub fn is_riscv(self) -> bool {
        matches!(self, Arch::Riscv32 | Arch::Riscv64)
    }

    /// Whether this is MIPS of any width.
    pub fn is_mips(self) -> bool {
        matches!(self, Arch::Mips | Arch::Mips64)
    }

    /// Whether this is PowerPC of any width.
    pub fn is_powerpc(self) -> bool {
        matches!(self, Arch::Powerpc | Arch::Powerpc64)
    }
}

/// `e_machine` of objects for `arch`. 32-bit SPARC objects of v9 code carry 18 (SPARC32PLUS)
/// instead, and old ARC ones 93: see [`elf_machine_fits`].
pub fn elf_machine(arch: Arch) -> u16 {
    arch.row().map_or(0, |r| r.machine)
}

/// Whether an object with this `e_machine` can be one for `arch`.
pub fn elf_machine_fits(arch: Arch, machine: u16) -> bool {
    machine == elf_machine(arch)
        || matches!(
            (arch, machine),
            (Arch::Sparc, 18) | (Arch::Sparc64, 43) | (Arch::Arc, 93)
        )
}

/// The architectures that a kernel's `arch/NAME`, or its `ARCH=`, can compile for. Empty for a name
/// that says nothing (`um` runs on the machine it is built on) or that is unknown.
pub fn kernel_arches(kernel_arch: &str) -> &'static [Arch] {
    use Arch::*;
    match kernel_arch {
        // U-Boot keeps 64-bit boards under arch/arm as well, but tells them apart by flags that
        // an `arch/arm` in a path does not show; Linux means 32 bits.
        "arm" => &[Arm],
        "arm64" => &[Aarch64],
        // Boot code is 32 and 16 bits in a 64-bit build too.
        "x86" => &[X86_64, I386],
        "x86_64" => &[X86_64, I386],
        "i386" => &[I386],
        "riscv" => &[Riscv64, Riscv32],
        "powerpc" | "ppc" => &[Powerpc64, Powerpc],
        "mips" => &[Mips64, Mips],
        "s390" => &[S390x, S390],
        "sparc" => &[Sparc64, Sparc],
        "sparc32" => &[Sparc],
        "sparc64" => &[Sparc64],
        "sh" => &[Sh],
        "loongarch" => &[Loongarch64, Loongarch32],
        "m68k" => &[M68k],
        "parisc" => &[Hppa, Hppa64],
        "parisc64" => &[Hppa64],
        "alpha" => &[Alpha],
        "ia64" => &[Ia64],
        "arc" => &[Arc],
        "csky" => &[Csky],
        "microblaze" => &[Microblaze],
        "nios2" => &[Nios2],
        "openrisc" => &[Openrisc],
        "xtensa" => &[Xtensa],
        "hexagon" => &[Hexagon],
        _ => &[],
    }
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
