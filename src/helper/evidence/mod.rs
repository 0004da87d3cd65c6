//! What a job itself shows of its target: the line markers at the head of preprocessed source,
//! the macros that a `-fdirectives-only` job begins with, a kernel's paths.
//!
//! Source text comes from a client and is never trusted to be sane: reading is bounded and
//! survives any bytes. What it names only ever narrows a decision.

pub mod kernel;
pub mod markers;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub use kernel::KernelSeen;
pub use markers::Marker;

use crate::abi::Target;

/// How much is read at a time, in bytes. Nearly every file shows its compiler in the first piece.
const PIECE: usize = 64 * 1024;

/// How much is read at most, in bytes.
const LIMIT: usize = 1024 * 1024;

/// What the head of a preprocessed source shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The compiler whose own headers were read.
    pub compiler: Option<CompilerSeen>,
    /// The triple of the first multiarch directory (`/usr/include/TRIPLE/`), as Debian has them.
    pub multiarch: Option<String>,
    /// Two directories of compilers for different triples: the job contradicts itself.
    pub conflict: Option<(String, String)>,
    /// A kernel compile.
    pub kernel: Option<KernelSeen>,
    /// What the macros tell that a job with unexpanded macros begins with.
    pub macros: Option<MacrosSeen>,
}

/// A compiler that left its own directory in the source's line markers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerSeen {
    /// `None` for clang, whose resource directory names no target.
    pub triple: Option<String>,
    /// As in the directory's name: `12`, `14.0.6`.
    pub version: String,
    pub clang: bool,
}

/// The target and version that a compiler's predefined macros tell, under the job's own flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacrosSeen {
    pub target: Target,
    /// Of `__VERSION__`: `12.2.0`.
    pub version: Option<String>,
}

impl Evidence {
    /// The triple that the source names: its compiler's, else its headers'.
    pub fn triple(&self) -> Option<&str> {
        let compiler = self.compiler.as_ref().and_then(|c| c.triple.as_deref());
        compiler.or(self.multiarch.as_deref())
    }

    /// The version of the client's compiler, where the source shows it.
    pub fn version(&self) -> Option<&str> {
        match &self.compiler {
            Some(compiler) => Some(&compiler.version),
            None => self.macros.as_ref()?.version.as_deref(),
        }
    }

    /// The target that the predefined macros tell, where the job shows them.
    pub fn target(&self) -> Option<&Target> {
        self.macros.as_ref().map(|m| &m.target)
    }

    /// Reads the head of a preprocessed source.
    ///
    /// # Errors
    /// The file cannot be opened or read.
    pub fn read(path: &Path) -> io::Result<Evidence> {
        let file = File::open(path)?;
        let mut text = Vec::with_capacity(PIECE);
        loop {
            let before = text.len();
            (&file).take(PIECE as u64).read_to_end(&mut text)?;
            let ended = text.len() - before < PIECE;
            if ended || text.len() >= LIMIT {
                return Ok(Evidence::of_text(&text));
            }
            // The next piece is worth its time only while nothing names the compiler.
            let evidence = Evidence::of_text(&text);
            if evidence.is_settled() {
                return Ok(evidence);
            }
        }
    }

    /// What `text`, the head of a preprocessed source, shows.
    pub fn of_text(text: &[u8]) -> Evidence {
        let mut evidence = Evidence {
            macros: MacrosSeen::of(&markers::leading_macros(text)),
            ..Evidence::default()
        };
        let mut kernel = kernel::Watch::default();
        for marker in markers::Markers::new(text) {
            kernel.see(&marker);
            if marker.is_system() {
                evidence.see_system(&marker);
            }
        }
        evidence.kernel = kernel.finish();
        evidence
    }

    fn is_settled(&self) -> bool {
        self.compiler.is_some() || self.kernel.is_some() || self.macros.is_some()
    }

    fn see_system(&mut self, marker: &Marker<'_>) {
        if let Some(seen) = markers::compiler_directory(marker.path) {
            match &self.compiler {
                None => self.compiler = Some(seen),
                Some(first) if first.triple != seen.triple && self.conflict.is_none() => {
                    if let (Some(a), Some(b)) = (&first.triple, &seen.triple) {
                        self.conflict = Some((a.clone(), b.clone()));
                    }
                }
                Some(_) => {}
            }
        } else if self.multiarch.is_none() {
            self.multiarch = markers::multiarch_directory(marker.path);
        }
    }
}

impl MacrosSeen {
    fn of(macros: &[(&[u8], &[u8])]) -> Option<MacrosSeen> {
        let version = macros.iter().find(|(name, _)| *name == b"__VERSION__");
        (!macros.is_empty()).then(|| MacrosSeen {
            target: Target::of_macros(macros.iter().copied()),
            version: version.and_then(|(_, value)| version_in(value)),
        })
    }
}

/// The version in `__VERSION__`, which clang and distributions put words around.
fn version_in(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?.trim_matches('"');
    let mut words = text.split(' ');
    let word = words.find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
    Some(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Evidence {
        Evidence::of_text(text.as_bytes())
    }

    #[test]
    fn the_compilers_own_directory_names_triple_and_version() {
        let table = [
            // Debian native, Debian cross, Gentoo C++, crosstool-NG's unnormalised path, Alpine.
            (
                "/usr/lib/gcc/arm-linux-gnueabihf/12/include/stddef.h",
                "arm-linux-gnueabihf",
                "12",
            ),
            (
                "/usr/lib/gcc-cross/aarch64-linux-gnu/14/include/stdarg.h",
                "aarch64-linux-gnu",
                "14",
            ),
            (
                "/usr/lib/gcc/armv6j-unknown-linux-gnueabihf/13/include/g++-v13/cstdio",
                "armv6j-unknown-linux-gnueabihf",
                "13",
            ),
            (
                "/opt/x-tools/bin/../lib/gcc/armv6-rpi-linux-gnueabi/8.3.0/include/stddef.h",
                "armv6-rpi-linux-gnueabi",
                "8.3.0",
            ),
            (
                "/usr/lib/gcc/x86_64-alpine-linux-musl/12.2.1/include/stddef.h",
                "x86_64-alpine-linux-musl",
                "12.2.1",
            ),
        ];
        for (path, triple, version) in table {
            let e = of(&format!("# 0 \"x.c\"\n# 1 \"{path}\" 1 3 4\n"));
            assert_eq!(e.triple(), Some(triple), "{path}");
            assert_eq!(e.version(), Some(version), "{path}");
        }
    }

    #[test]
    fn clangs_directory_names_a_version_only() {
        let e = of("# 1 \"/usr/lib/llvm-14/lib/clang/14.0.6/include/stddef.h\" 1 3 4\n");
        assert_eq!(
            e.compiler,
            Some(CompilerSeen {
                triple: None,
                version: "14.0.6".into(),
                clang: true
            })
        );
    }

    #[test]
    fn multiarch_headers_name_a_triple() {
        let e = of(
            "# 1 \"/usr/include/stdio.h\" 1 3 4\n# 1 \"/usr/include/riscv64-linux-gnu/bits/libc-header-start.h\" 1 3 4\n",
        );
        assert_eq!(e.triple(), Some("riscv64-linux-gnu"));
        assert_eq!(e.version(), None);
    }

    #[test]
    fn what_is_no_evidence() {
        for text in [
            "# 0 \"x.c\"\n# 1 \"/usr/include/stdc-predef.h\" 1 3 4\nint x;\n",
            // Not a system header: somebody's own directory.
            "# 1 \"/home/me/lib/gcc/arm-linux-gnueabihf/12/include/x.h\" 1\n",
            // Text that looks like a marker inside a line.
            "char *s = \"# 1 \\\"/usr/lib/gcc/a-b-c/12/include/x.h\\\" 1 3\";\n",
            "# 1 \"/usr/include/c++/12/iostream\" 1 3\n",
            "# 1 \"/usr/include/sys/types.h\" 1 3\n",
            "",
        ] {
            let e = of(text);
            assert_eq!(e.triple(), None, "{text}");
            assert_eq!(e.version(), None, "{text}");
        }
    }

    #[test]
    fn two_compilers_in_one_source_conflict() {
        let e = of("# 1 \"/usr/lib/gcc/arm-linux-gnueabihf/12/include/a.h\" 1 3\n# 1 \"/usr/lib/gcc/x86_64-linux-gnu/12/include/a.h\" 1 3\n");
        assert_eq!(
            e.conflict,
            Some(("arm-linux-gnueabihf".into(), "x86_64-linux-gnu".into()))
        );
    }

    #[test]
    fn leading_macros_are_a_fingerprint() {
        let e = of("# 1 \"x.c\"\n# 1 \"<built-in>\"\n#define __STDC__ 1\n#define __arm__ 1\n#define __ARM_ARCH 6\n#define __ARM_PCS_VFP 1\n#define __VERSION__ \"12.2.0\"\n# 1 \"x.c\"\n#define __ARM_ARCH 9\n");
        assert_eq!(
            e.target().unwrap().to_string().split(' ').next(),
            Some("arch=arm")
        );
        assert_eq!(e.version(), Some("12.2.0"));
        // A source that defines macros of its own is not such a job.
        assert!(of("# 1 \"x.c\"\nint x;\n#define __ARM_ARCH 6\n")
            .macros
            .is_none());
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut state = 1u64;
        let pieces: [&[u8]; 8] = [
            b"# 1 \"",
            b"/usr/lib/gcc/",
            b"\" 1 3\n",
            b"\\\"",
            b"#define __X",
            b"\n",
            b"\xff\0",
            b"arch/arm/include/",
        ];
        for _ in 0..2000 {
            let mut text = Vec::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
                text.extend_from_slice(pieces[(state >> 60) as usize % pieces.len()]);
            }
            let _ = Evidence::of_text(&text);
        }
    }
}
