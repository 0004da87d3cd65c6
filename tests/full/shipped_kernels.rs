//! Kernels that a helper is asked for under a native name: each compiler that the shipped rules name
//! for an architecture serves it, and no other does.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::common::shipped::{says, sections, INSTALLED};
use crate::common::{farm, raw, shipped_rules, toolbox, Distccd, Scratch};
use ccroute::proof::object::Facts;

/// A kernel's architecture: Debian's cross compilers for it, and what a kernel of one kind states.
struct Kernel {
    arch: &'static str,
    /// Debian 12's and 13's packages, gcc-NAME, and other toolchains of these rules.
    served_by: &'static [&'static str],
    /// The flags of `arch/ARCH/Makefile` for one configuration, and the object's first word.
    flags: &'static str,
    object: &'static str,
}

const KERNELS: &[Kernel] = &[
    Kernel {
        arch: "arm",
        served_by: &[
            "arm-linux-gnueabihf",
            "arm-linux-gnueabi",
            "armv7a-unknown-linux-gnueabihf",
            "armv6j-hardfloat-linux-gnueabi",
            "armv6-rpi-linux-gnueabi",
            "arm-none-linux-gnueabihf",
        ],
        flags: "-march=armv7-a -msoft-float -mabi=aapcs-linux",
        object: "arm/32/little",
    },
    Kernel {
        arch: "arm64",
        served_by: &[
            "aarch64-linux-gnu",
            "aarch64-unknown-linux-gnu",
            "aarch64-none-linux-gnu",
        ],
        flags: "-mlittle-endian -mgeneral-regs-only",
        object: "aarch64/64/little",
    },
    Kernel {
        arch: "riscv",
        served_by: &["riscv64-linux-gnu", "riscv64-unknown-linux-gnu"],
        flags: "-mabi=lp64 -march=rv64imac",
        object: "riscv/64/little",
    },
    Kernel {
        arch: "mips",
        served_by: &[
            "mips64el-linux-gnuabi64",
            "mips64-linux-gnuabi64",
            "mipsel-linux-gnu",
            "mips-linux-gnu",
        ],
        flags: "-EB -mabi=32 -march=mips32r2 -msoft-float -mno-abicalls -fno-pic",
        object: "mips/32/big",
    },
    Kernel {
        arch: "powerpc",
        served_by: &[
            "powerpc64le-linux-gnu",
            "powerpc64-linux-gnu",
            "powerpc-linux-gnu",
        ],
        flags: "-m64 -mlittle-endian -mabi=elfv2 -mcpu=power8 -msoft-float -mno-altivec -mno-vsx",
        object: "powerpc64/64/little",
    },
    Kernel {
        arch: "s390",
        served_by: &["s390x-linux-gnu"],
        flags: "-m64 -march=z196 -msoft-float",
        object: "s390/64/big",
    },
    Kernel {
        arch: "sparc",
        served_by: &["sparc64-linux-gnu"],
        flags: "-m64 -mcpu=ultrasparc",
        object: "",
    },
    Kernel {
        arch: "m68k",
        served_by: &["m68k-linux-gnu"],
        flags: "-m68040",
        object: "",
    },
    Kernel {
        arch: "sh",
        served_by: &["sh4-linux-gnu"],
        flags: "-m4-nofpu -ml",
        object: "",
    },
    Kernel {
        arch: "parisc",
        // A 64-bit kernel is built by hppa64-linux-gnu-gcc, never by gcc.
        served_by: &["hppa-linux-gnu"],
        flags: "-mdisable-fpregs",
        object: "",
    },
    Kernel {
        arch: "alpha",
        served_by: &["alpha-linux-gnu"],
        flags: "-mno-fp-regs",
        object: "",
    },
    Kernel {
        arch: "loongarch",
        served_by: &["loongarch64-linux-gnu"],
        flags: "-mabi=lp64s",
        object: "",
    },
    Kernel {
        arch: "arc",
        served_by: &["arc-linux-gnu"],
        flags: "-mcpu=archs",
        object: "",
    },
];

/// A kernel's preprocessed file, as its head shows it under distccd.
fn kernel_source(arch: &str) -> String {
    format!(
        r##"# 0 "kernel/x.c"
# 0 "<built-in>"
# 0 "<command-line>"
# 1 "././include/linux/kconfig.h" 1
# 0 "<command-line>" 2
# 1 "././include/linux/compiler_types.h" 1
# 0 "<command-line>" 2
# 1 "kernel/x.c"
# 1 "./arch/{arch}/include/asm/page.h" 1
typedef unsigned long word;
# 2 "kernel/x.c" 2
word f(word *p) {{ return *p + sizeof(void *); }}
"##
    )
}

#[test]
fn every_kernel_section_has_a_row_and_every_row_a_section() {
    let mut found: Vec<String> = sections()
        .into_iter()
        .filter_map(|section| {
            let kernel = section.kernel?;
            assert_eq!(section.pattern, "native", "{kernel}");
            Some(kernel)
        })
        .collect();
    let mut rows: Vec<&str> = KERNELS.iter().map(|k| k.arch).collect();
    found.sort();
    rows.sort_unstable();
    assert_eq!(found, rows);
}

/// A compiler whose object is its own name.
fn fake(scratch: &Scratch, name: &str) {
    let body = r#"while [ "$1" != -o ]; do shift; done; echo "${0##*/}" >"$2""#;
    scratch.script(&format!("bin/{name}"), body);
}

/// Each compiler that a kernel's section names, alone on a helper that is asked for plain `gcc`;
/// and a helper with compilers for other machines only.
#[test]
fn a_kernel_is_served_by_each_compiler_named_and_by_no_other() {
    let scratch = Scratch::new("kernels");
    let rules = shipped_rules();
    let bin = scratch.dir("bin");
    let path = [farm(&scratch, &["gcc"]), bin.clone()];
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let helper = Distccd::start(&scratch, &path, &[("CCROUTE_RULES_DIR", rules.as_os_str())]);
    let only = |names: &[String], real: bool| {
        fs::remove_dir_all(&bin).unwrap();
        scratch.dir("bin");
        for name in names {
            match real {
                true => drop(toolbox(&scratch, "bin", &[name])),
                false => fake(&scratch, name),
            }
        }
    };
    for kernel in KERNELS {
        let sections = sections();
        let section = sections
            .iter()
            .find(|s| s.kernel.as_deref() == Some(kernel.arch));
        assert_eq!(section.unwrap().use_, kernel.served_by, "{}", kernel.arch);
        let job = format!("gcc {} -O2 -c kernel/x.c -o kernel/x.o", kernel.flags);
        let job: Vec<&[u8]> = job.split(' ').map(str::as_bytes).collect();
        let source = kernel_source(kernel.arch);
        let send = || {
            raw::send(
                helper.socket(),
                Ipv4Addr::LOCALHOST,
                &job,
                source.as_bytes(),
            )
        };
        for triple in kernel.served_by {
            let gcc = format!("{triple}-gcc");
            only(std::slice::from_ref(&gcc), false);
            let reply = send().unwrap();
            assert_eq!(reply.exit(), Some(0), "{triple}: {}", reply.stdout_text());
            let by = String::from_utf8_lossy(&reply.object);
            assert_eq!(by.trim(), gcc, "{}", kernel.arch);

            if INSTALLED.contains(triple) {
                only(&[gcc], true);
                let reply = send().unwrap();
                assert_eq!(reply.exit(), Some(0), "{triple}: {}", helper.log());
                let found = Facts::read(&reply.object).unwrap();
                says(&found, &[kernel.object], triple);
            }
        }
        let other = match kernel.arch {
            "arm64" => "riscv64-linux-gnu-gcc",
            _ => "aarch64-linux-gnu-gcc",
        };
        only(&["gcc".to_string(), other.to_string()], false);
        let reply = send().unwrap();
        let told = reply.stdout_text();
        assert_eq!((reply.exit(), reply.object.len()), (Some(110), 0), "{told}");
        assert!(told.starts_with("ccroute on the helper: gcc: "), "{told}");
    }
}
