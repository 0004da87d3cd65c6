//! Kernel compiles: Linux and U-Boot, known by their arguments where those arrive, and by the
//! head of the preprocessed source on a helper.
//!
//! Many things mention `arch/ARCH` without being a compile for it: perf reads the headers of seven
//! architectures, `peci-cpu.h` includes x86's on ARM, U-Boot keeps aarch64 under `arch/arm`. So a
//! path counts only beside the forced `kconfig.h`, and only the first that is neither below
//! `tools/` nor reached from elsewhere through `../`.

use super::markers::Marker;
use crate::options::{Arg, Kind};

/// A kernel compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelSeen {
    /// The architecture in the kernel's spelling: the directory's name below `arch/`.
    pub arch: String,
    /// U-Boot or another kernel-like tree, where `arch/arm` holds aarch64 too.
    pub uboot: bool,
    /// A part that is compiled for the architecture's 32-bit sibling (arm64's vdso32 is ARM code).
    pub compat: bool,
}

/// Follows a source's markers.
#[derive(Debug, Default)]
pub struct Watch {
    kconfig: bool,
    compiler_types: bool,
    compat: bool,
    um: bool,
    arch: Option<String>,
    depth: u32,
    forced_from: bool,
    seen_first: bool,
}

impl Watch {
    /// Takes the next marker.
    pub fn see(&mut self, marker: &Marker<'_>) {
        let path = marker.path;
        if !self.seen_first {
            self.seen_first = true;
            self.compat = is_compat(path);
        }
        if marker.enters() {
            let forced = self.depth == 0 && self.forced_from;
            self.kconfig |= forced && path.ends_with(b"include/linux/kconfig.h");
            self.compiler_types |= forced && path.ends_with(b"include/linux/compiler_types.h");
            self.depth = self.depth.saturating_add(1);
        } else if marker.returns() {
            self.depth = self.depth.saturating_sub(1);
        }
        if self.depth == 0 {
            // gcc enters forced includes from <command-line>, clang from <built-in>.
            self.forced_from = path.starts_with(b"<");
        }
        if let Some(arch) = arch_of_path(path) {
            self.um |= arch == "um";
            if self.arch.is_none() {
                self.arch = Some(arch.to_owned());
            }
        }
    }

    /// What was seen, once the head has been read.
    pub fn finish(self) -> Option<KernelSeen> {
        let arch = self.arch.filter(|_| self.kconfig)?;
        Some(KernelSeen {
            // User-mode Linux includes the host architecture's headers as well as its own.
            arch: if self.um { "um".into() } else { arch },
            uboot: !self.compiler_types,
            compat: self.compat,
        })
    }
}

/// Follows a job's arguments; for places where `-D` and `-I` arrive.
#[derive(Debug, Default)]
pub struct ArgWatch {
    kernel: bool,
    uboot: bool,
    compat: bool,
    target: bool,
    um: bool,
    arch: Option<String>,
}

impl ArgWatch {
    /// Takes the next argument.
    pub fn see(&mut self, arg: &Arg<'_>) {
        // Whoever states a target means it: samples/bpf passes -D__KERNEL__ to make BPF.
        self.target |= arg.target().is_some();
        match arg.kind {
            Kind::Valued(b"-D", Some(value)) => {
                let name = value.split(|&b| b == b'=').next().unwrap_or_default();
                self.kernel |= name == b"__KERNEL__";
                self.uboot |= name == b"__UBOOT__";
                self.compat |= name.starts_with(b"BUILD_VDSO32") || name == b"ENABLE_COMPAT_VDSO";
                self.um |= name == b"__arch_um__";
            }
            Kind::Valued(b"-I" | b"-isystem", Some(value)) => {
                if let Some(arch) = arch_of_path(value) {
                    self.um |= arch == "um";
                    if self.arch.is_none() {
                        self.arch = Some(arch.to_owned());
                    }
                }
            }
            Kind::Input(path) => self.compat |= is_compat(path),
            _ => {}
        }
    }

    /// What was seen, once every argument has been read.
    pub fn finish(self) -> Option<KernelSeen> {
        if !self.kernel || self.target {
            return None;
        }
        Some(KernelSeen {
            arch: if self.um { "um".into() } else { self.arch? },
            uboot: self.uboot,
            compat: self.compat,
        })
    }
}

fn is_compat(path: &[u8]) -> bool {
    let mut parts = path.split(|&b| b == b'/');
    parts.any(|p| p == b"vdso32" || p == b"compat_vdso")
}

/// ARCH where `path` lies below (or is) `arch/ARCH/include`, in a kernel's own way of naming it.
fn arch_of_path(path: &[u8]) -> Option<&str> {
    let mut parts = path.split(|&b| b == b'/').peekable();
    // Whether a named directory stands before this point: `include/linux/../../arch` climbs out of
    // one, `../../arch` (a build directory below the source) does not.
    let mut named = false;
    let mut climbed = false;
    while let Some(part) = parts.next() {
        match part {
            b"tools" => return None,
            b".." => climbed |= named,
            b"." | b"" => {}
            b"arch" => {
                let arch = parts.next()?;
                if parts.peek() == Some(&&b"include"[..])
                    || (arch == b"um" && parts.peek().is_some())
                {
                    return std::str::from_utf8(arch)
                        .ok()
                        .filter(|a| !climbed && is_arch(a));
                }
                named = true;
            }
            _ => named = true,
        }
    }
    None
}

fn is_arch(text: &str) -> bool {
    !text.is_empty()
        && text.len() < 32
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helper::evidence::Evidence;
    use crate::options::scan;

    const HEAD: &str = "# 0 \"kernel/fork.c\"\n# 1 \"/root/linux//\"\n# 0 \"<built-in>\"\n# 0 \"<command-line>\"\n# 1 \"././include/linux/compiler-version.h\" 1\n# 0 \"<command-line>\" 2\n# 1 \"././include/linux/kconfig.h\" 1\n# 1 \"./include/generated/autoconf.h\" 1\n# 6 \"././include/linux/kconfig.h\" 2\n# 0 \"<command-line>\" 2\n# 1 \"././include/linux/compiler_types.h\" 1\n# 0 \"<command-line>\" 2\n# 1 \"kernel/fork.c\"\n";

    fn kernel(tail: &str) -> Option<KernelSeen> {
        Evidence::of_text(format!("{HEAD}{tail}").as_bytes()).kernel
    }

    #[test]
    fn the_first_arch_beside_the_forced_kconfig_counts() {
        let seen = kernel("# 1 \"./arch/arm/include/asm/linkage.h\" 1\n").unwrap();
        assert_eq!((seen.arch.as_str(), seen.uboot), ("arm", false));
        let seen =
            kernel("# 1 \"/src/linux/arch/arm64/include/asm/linkage.h\" 1\n# 1 \"./arch/x86/include/asm/a.h\" 1\n");
        assert_eq!(seen.unwrap().arch, "arm64");
        // A build directory below the source.
        let seen = kernel("# 1 \"../arch/riscv/include/asm/linkage.h\" 1\n");
        assert_eq!(seen.unwrap().arch, "riscv");
    }

    #[test]
    fn what_misleads() {
        // include/linux/peci-cpu.h on ARM.
        assert_eq!(
            kernel("# 1 \"./include/linux/../../arch/x86/include/asm/intel-family.h\" 1\n"),
            None
        );
        // perf and other tools.
        assert_eq!(
            kernel("# 1 \"tools/arch/x86/include/uapi/asm/perf_regs.h\" 1\n"),
            None
        );
        // No forced kconfig.h: a project that keeps an arch directory.
        let text = "# 0 \"a.c\"\n# 0 \"<command-line>\"\n# 1 \"a.c\"\n# 1 \"./arch/arm/include/a.h\" 1\n# 1 \"include/linux/kconfig.h\" 1\n";
        assert_eq!(Evidence::of_text(text.as_bytes()).kernel, None);
        // User-mode Linux includes x86's headers.
        let seen =
            kernel("# 1 \"./arch/x86/include/asm/a.h\" 1\n# 1 \"./arch/um/include/asm/b.h\" 1\n");
        assert_eq!(seen.unwrap().arch, "um");
    }

    #[test]
    fn arguments_show_a_kernel_compile() {
        let see = |line: &str| {
            let words: Vec<&str> = line.split(' ').collect();
            let mut watch = ArgWatch::default();
            for arg in scan(&words) {
                watch.see(&arg);
            }
            watch.finish().map(|k| k.arch)
        };
        let table = [
            ("-I./arch/arm/include -D__KERNEL__ -c a.c", Some("arm")),
            ("-D__KERNEL__ -I ../arch/x86/include -c a.c", Some("x86")),
            ("-I./arch/arm/include -c a.c", None),
            ("-D__KERNEL__ -c a.c", None),
            ("-D__KERNEL__ -I./tools/arch/arm/include -c a.c", None),
            (
                "-D__KERNEL__ -I./arch/x86/include --target=bpf -c a.c",
                None,
            ),
            ("-D__KERNEL__ -I./arch/x86/include -target bpf -c a.c", None),
            (
                "-I./arch/um/include -I./arch/x86/include -D__KERNEL__ -c a.c",
                Some("um"),
            ),
        ];
        for (line, want) in table {
            assert_eq!(see(line).as_deref(), want, "{line}");
        }
    }

    #[test]
    fn compat_parts_are_marked() {
        let text = HEAD.replace("kernel/fork.c", "arch/arm64/kernel/vdso32/note.c")
            + "# 1 \"./arch/arm64/include/asm/a.h\" 1\n";
        let seen = Evidence::of_text(text.as_bytes()).kernel.unwrap();
        assert!(seen.compat);
        assert_eq!(seen.arch, "arm64");
    }
}
