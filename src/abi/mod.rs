//! What is known of a target, and whether one compiler may stand in for another.
//!
//! A [`Target`] is a list of properties, each as sure as its source: a name ([`names`]), flags
//! ([`flags`]) or predefined macros ([`macros`]). [`verdict()`] compares two of them.
//!
//! Properties stand on levels; what a mismatch does differs by level:
//!
//! | level | property | a mismatch |
//! |---|---|---|
//! | 0 | architecture, data model, byte order, object format | does not link |
//! | 1 | float ABI, ELF ABI, long double, enum size, NaN encoding | does not link, or fails at run time |
//! | 2 | ISA, FPU | dies with SIGILL where the object needs more |
//! | 3 | mode, tuning, PIE, hardening | changes bytes; non-PIE code fails to link into a PIE |
//! | 5 | C library | changes headers, which the client has already expanded |
//!
//! (Level 4 is the compiler's family and version, which is not the target's.)

mod arch;
pub mod clang;
mod flags;
mod fpu;
mod isa;
mod known;
mod macros;
mod names;
mod riscv;
mod text;
pub mod triple;
mod verdict;
mod words;

pub use arch::{cross_compile, elf_machine, elf_machine_fits, kernel_arches, Arch};
pub use fpu::Fpu;
pub use isa::{Family, Isa};
pub use known::Known;
pub use names::is_processor;
pub use text::TextError;
pub use verdict::{verdict, Difference, Level, Verdict};

use words::words;

words! {
    /// How wide int, long and pointers are, and by which convention: what decides the ELF class.
    Model {
        Ilp32 = "ilp32",
        Lp64 = "lp64",
        /// 64-bit Windows: long is 32 bits.
        Llp64 = "llp64",
        X32 = "x32",
        O32 = "o32",
        N32 = "n32",
        N64 = "n64",
    }
}

impl Model {
    /// Width of a pointer and of the ELF class, in bits.
    pub fn bits(self) -> u32 {
        match self {
            Model::Lp64 | Model::Llp64 | Model::N64 => 64,
            Model::Ilp32 | Model::X32 | Model::O32 | Model::N32 => 32,
        }
    }
}

words! {
    /// Byte order.
    Order { Little = "little", Big = "big" }
}

words! {
    /// Object file format.
    Format { Elf = "elf", Coff = "coff", Macho = "macho" }
}

words! {
    /// The system that the object is for.
    System {
        Linux = "linux",
        Android = "android",
        /// No system: newlib's `none-eabi`, `elf`.
        Bare = "bare",
        Windows = "windows",
        Bsd = "bsd",
        Darwin = "darwin",
        Other = "other",
    }
}

words! {
    /// How floating-point values travel, and what computes them.
    Float {
        /// In integer registers; computed by library calls.
        Soft = "soft",
        /// ARM: in integer registers, computed by the FPU. Links with `soft`.
        Softfp = "softfp",
        /// In floating-point registers.
        Hard = "hard",
        /// RISC-V, LoongArch: only `float` travels in floating-point registers.
        Single = "single",
        /// RISC-V, LoongArch: up to `double`.
        Double = "double",
        /// RISC-V: up to `long double`.
        Quad = "quad",
        /// PowerPC SPE: in the 64-bit integer registers.
        Spe = "spe",
    }
}

words! {
    /// PowerPC64's ELF ABI.
    ElfAbi { V1 = "elfv1", V2 = "elfv2" }
}

words! {
    /// Format of `long double`.
    LongDouble { Bits64 = "64", X87 = "x87", Ibm128 = "ibm128", Ieee128 = "ieee128" }
}

words! {
    /// Size of an enum: an int, or as small as its values allow (AAPCS without `-linux`).
    Enums { Int = "int", Short = "short" }
}

words! {
    /// MIPS's encoding of NaN.
    Nan { Legacy = "legacy", Y2008 = "2008" }
}

words! {
    /// ARM's instruction set mode.
    Mode { Arm = "arm", Thumb = "thumb" }
}

words! {
    /// Position independence that code is compiled for.
    Pie { Off = "no", Pie = "pie", Pic = "pic" }
}

words! {
    /// Stack protector.
    Ssp { Off = "no", On = "on", Strong = "strong", All = "all", Explicit = "explicit" }
}

words! {
    /// Control-flow protection: x86's CET, AArch64's BTI and return-address signing.
    Cf { None = "none", Branch = "branch", Return = "return", Full = "full" }
}

words! {
    /// A choice that is on or off.
    Switch { Off = "no", On = "yes" }
}

words! {
    /// Version of the RISC-V ISA specification that a compiler reads `-march` by.
    IsaSpec { V2_2 = "2.2", V20190608 = "20190608", V20191213 = "20191213" }
}

words! {
    /// C library.
    Libc {
        Glibc = "glibc",
        Musl = "musl",
        Uclibc = "uclibc",
        Bionic = "bionic",
        Newlib = "newlib",
        Mingw = "mingw",
    }
}

words! {
    /// Names of the properties: the keys of the text form.
    Property {
        Arch = "arch",
        Model = "model",
        Order = "order",
        Format = "format",
        System = "system",
        Float = "float",
        ElfAbi = "elfabi",
        LongDouble = "longdouble",
        Enums = "enums",
        Nan = "nan",
        Isa = "isa",
        Fpu = "fpu",
        Mode = "mode",
        Pie = "pie",
        Ssp = "ssp",
        Cf = "cf",
        StackClash = "stackclash",
        Atomics = "outline-atomics",
        Erratum = "fix-835769",
        IsaSpec = "isaspec",
        Tune = "tune",
        Libc = "libc",
    }
}

impl Property {
    /// The level that a mismatch stands on: see the module's table.
    pub fn level(self) -> u8 {
        use Property::*;
        match self {
            Arch | Model | Order | Format => 0,
            Float | ElfAbi | LongDouble | Enums | Nan => 1,
            Isa | Fpu => 2,
            System | Mode | Pie | Ssp | Cf | StackClash | Atomics | Erratum | IsaSpec | Tune => 3,
            Libc => 5,
        }
    }

    /// The property in words for people.
    pub fn title(self) -> &'static str {
        use Property::*;
        match self {
            Arch => "architecture",
            Model => "data model",
            Order => "byte order",
            Format => "object format",
            System => "system",
            Float => "float ABI",
            ElfAbi => "ELF ABI",
            LongDouble => "long double",
            Enums => "enum size",
            Nan => "NaN encoding",
            Isa => "ISA",
            Fpu => "FPU",
            Mode => "mode",
            Pie => "PIE",
            Ssp => "stack protector",
            Cf => "control-flow protection",
            StackClash => "stack clash protection",
            Atomics => "outline atomics",
            Erratum => "Cortex-A53 erratum 835769",
            IsaSpec => "ISA specification",
            Tune => "tuning",
            Libc => "C library",
        }
    }
}

/// What is known of a target. A property that an architecture does not have stays unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    pub arch: Known<Arch>,
    pub model: Known<Model>,
    pub order: Known<Order>,
    pub format: Known<Format>,
    pub system: Known<System>,
    /// ARM, AArch64, RISC-V, MIPS, PowerPC, LoongArch.
    pub float: Known<Float>,
    /// PowerPC64.
    pub elf_abi: Known<ElfAbi>,
    pub long_double: Known<LongDouble>,
    pub enums: Known<Enums>,
    /// MIPS.
    pub nan: Known<Nan>,
    pub isa: Known<Isa>,
    /// ARM.
    pub fpu: Known<Fpu>,
    /// The FPU is the one that comes with `-march` or `-mcpu` (gcc's `-mfpu=auto`), so that another
    /// `-march` takes it away.
    pub fpu_of_isa: bool,
    /// ARM.
    pub mode: Known<Mode>,
    pub pie: Known<Pie>,
    pub ssp: Known<Ssp>,
    /// x86, AArch64.
    pub cf: Known<Cf>,
    pub stack_clash: Known<Switch>,
    /// AArch64: atomics by calls into libgcc (gcc 10 and later).
    pub atomics: Known<Switch>,
    /// AArch64: `-mfix-cortex-a53-835769`.
    pub erratum: Known<Switch>,
    /// RISC-V.
    pub isa_spec: Known<IsaSpec>,
    /// `-mtune=`, as the compiler spells it.
    pub tune: Known<Box<str>>,
    pub libc: Known<Libc>,
}

impl Target {
    /// Takes over every property of which `other` is surer: what a name leaves open, a compiler's
    /// facts settle. For a compiler asked for by its own name, whose name is no promise of its own.
    pub fn strengthened(&self, other: &Target) -> Target {
        let mut all = self.clone();
        let o = other.clone();
        if o.fpu.is_known() && !all.fpu.is_known() {
            all.fpu_of_isa = o.fpu_of_isa;
        }
        all.arch.strengthen(o.arch);
        all.model.strengthen(o.model);
        all.order.strengthen(o.order);
        all.format.strengthen(o.format);
        all.system.strengthen(o.system);
        all.float.strengthen(o.float);
        all.elf_abi.strengthen(o.elf_abi);
        all.long_double.strengthen(o.long_double);
        all.enums.strengthen(o.enums);
        all.nan.strengthen(o.nan);
        all.isa.strengthen(o.isa);
        all.fpu.strengthen(o.fpu);
        all.mode.strengthen(o.mode);
        all.pie.strengthen(o.pie);
        all.ssp.strengthen(o.ssp);
        all.cf.strengthen(o.cf);
        all.stack_clash.strengthen(o.stack_clash);
        all.atomics.strengthen(o.atomics);
        all.erratum.strengthen(o.erratum);
        all.isa_spec.strengthen(o.isa_spec);
        all.tune.strengthen(o.tune);
        all.libc.strengthen(o.libc);
        all
    }

    /// The architecture, sure or not.
    pub fn architecture(&self) -> Option<Arch> {
        self.arch.value().copied()
    }

    /// Whether the architecture is this one.
    pub fn is(&self, arch: Arch) -> bool {
        self.architecture() == Some(arch)
    }
}
