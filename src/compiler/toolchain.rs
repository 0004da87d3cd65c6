//! What a compiler runs and reads when it makes an object: the sandbox on a helper allows this and no more.
//!
//! `check` asks the compiler ([`Toolchain::ask`]) and records the answer. Without a record the list follows from the
//! compiler's path ([`Toolchain::of_path`]), by the layouts that gcc, clang and their distributors use. Such a list
//! names what may exist; what does not exist is of no consequence.
//!
//! Programs that only a link needs (`collect2`, `lto-wrapper`, `ld`) are never in it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::ask::{self, ASK};
use super::name::CompilerName;

/// Programs, and files and directories to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Toolchain {
    /// Programs, loaders and interpreters: executed and read.
    pub run: Vec<PathBuf>,
    /// Files, and directories with all that is below them.
    pub read: Vec<PathBuf>,
}

/// gcc's compilers proper.
const PROPER: &[&str] = &[
    "cc1",
    "cc1plus",
    "cc1obj",
    "cc1objplus",
    "f951",
    "d21",
    "gnat1",
];
/// Other programs that a compile without a link starts.
const TOOLS: &[&str] = &["as", "objcopy"];

/// Where gcc keeps its parts below its prefix, by triple and version.
const PARTS: &[&str] = &[
    "lib/gcc",
    "libexec/gcc",
    "lib/gcc-cross",
    "lib64/gcc",
    "libexec/gcc-cross",
];

/// Where a cross compiler's headers are, below the directory of its triple.
const HEADERS: &[&str] = &[
    "include",
    "sys-include",
    "usr/include",
    "sysroot/usr/include",
    "sysroot/include",
    "libc/usr/include",
    "libc/include",
];

impl Toolchain {
    /// The list that follows from a compiler's path and its links.
    pub fn of_path(compiler: &Path) -> Toolchain {
        let real = compiler.canonicalize().unwrap_or_else(|_| compiler.into());
        let mut list = Toolchain::default();
        list.add_program(&real);
        let clang = [compiler, &real].into_iter().any(is_clang);
        let triple = [compiler, &real].into_iter().find_map(triple_of);
        for root in roots(compiler, &real) {
            match clang {
                true => list.add_clang(&root),
                false => list.add_gcc(&root, triple.as_deref()),
            }
        }
        if clang {
            list.add_configuration(compiler, &real);
        }
        list.add_tools_on_path();
        list.finished()
    }

    /// The list as the compiler answers; `None` if it does not.
    pub fn ask(compiler: &Path) -> Option<Toolchain> {
        let real = compiler.canonicalize().ok()?;
        let mut list = Toolchain::default();
        list.add_program(&real);
        let answer = |words: &[&str]| ask::run(compiler, words, Path::new("/"), ASK).ok();
        for name in PROPER.iter().chain(TOOLS) {
            let told = answer(&[&format!("-print-prog-name={name}")])?.stdout;
            list.add_program(Path::new(told.trim()));
        }
        for name in ["include", "include-fixed", "finclude", "specs"] {
            let told = answer(&[&format!("-print-file-name={name}")])?.stdout;
            list.add_absolute(Path::new(told.trim()));
        }
        for language in ["c", "c++"] {
            // A gcc without a C++ compiler has only half of it.
            if let Some(told) = answer(&["-v", "-E", "-x", language, "/dev/null"]) {
                list.add_searched(&told.stderr);
            }
        }
        for program in list.run.clone() {
            list.add_libraries(&program);
        }
        if is_clang(compiler) || is_clang(&real) {
            for root in roots(compiler, &real) {
                list.add_clang(&root);
            }
            list.add_configuration(compiler, &real);
        }
        list.add_tools_on_path();
        list.run.retain(|path| path.exists());
        list.read.retain(|path| path.exists());
        Some(list.finished())
    }

    /// Each path once, and no program that only a link needs.
    fn finished(mut self) -> Toolchain {
        let links = |path: &PathBuf| {
            let name = path.file_name().map(OsStr::as_bytes).unwrap_or_default();
            name == b"collect2"
                || name == b"lto-wrapper"
                || name.starts_with(b"ld.") && !is_loader(name)
        };
        self.run.retain(|path| !links(path));
        for paths in [&mut self.run, &mut self.read] {
            let mut seen = std::collections::HashSet::new();
            paths.retain(|path| seen.insert(path.clone()));
        }
        self
    }

    fn add_absolute(&mut self, path: &Path) {
        if path.is_absolute() {
            self.read.push(path.to_owned());
        }
    }

    /// A program with what the kernel starts it by: its ELF loader, or a script's interpreter.
    fn add_program(&mut self, program: &Path) {
        if !program.is_absolute() {
            return;
        }
        self.run.extend(started_by(program));
        self.run.push(program.to_owned());
    }

    /// A gcc's parts below a prefix: those of its triple, or those of every native gcc.
    fn add_gcc(&mut self, root: &Path, triple: Option<&str>) {
        let parts: Vec<PathBuf> = PARTS.iter().map(|part| root.join(part)).collect();
        let of_triple = |t: &&str| parts.iter().any(|part| part.join(t).is_dir());
        let triples = match triple.filter(of_triple) {
            Some(triple) => vec![triple.to_owned()],
            None => {
                let native = parts.iter().filter(|part| part.ends_with("gcc"));
                native.flat_map(|part| names_in(part)).collect()
            }
        };
        for part in &parts {
            for triple in &triples {
                let directory = part.join(triple);
                for version in names_in(&directory) {
                    self.add_version(&directory.join(version));
                }
                self.run.extend(TOOLS.iter().map(|t| directory.join(t)));
            }
        }
        for triple in triples {
            let own = root.join(&triple);
            self.run
                .extend(TOOLS.iter().map(|t| own.join("bin").join(t)));
            let prefixed = TOOLS.iter().map(|t| root.join(format!("bin/{triple}-{t}")));
            self.run.extend(prefixed);
            self.read.extend(HEADERS.iter().map(|h| own.join(h)));
        }
        // The system's own prefixes are not one toolchain's.
        if !is_systems(root) {
            self.read
                .extend(["lib", "lib64", "include"].map(|d| root.join(d)));
        }
    }

    /// One version's directory: headers, and in most layouts programs beside them.
    fn add_version(&mut self, directory: &Path) {
        let programs = PROPER.iter().map(|p| directory.join(p));
        let before = self.run.len();
        self.run.extend(programs.filter(|p| p.exists()));
        let has_programs = self.run.len() > before;
        if let Some(first) = self.run.get(before).cloned() {
            self.run.extend(started_by(&first));
        }
        match has_programs {
            true => self.read.extend(
                ["include", "include-fixed", "finclude", "specs"].map(|d| directory.join(d)),
            ),
            // Programs are elsewhere; here are libraries that they may need.
            false if directory.join("include").is_dir() => self.read.push(directory.to_owned()),
            false => {}
        }
    }

    /// clang's own headers and libraries below its prefix.
    fn add_clang(&mut self, root: &Path) {
        self.read
            .extend(["lib/clang", "lib64/clang"].map(|d| root.join(d)));
        // For any target that it is told: Debian has the headers of cross compilers in a directory for each.
        let targets = names_in(&root.join("lib/gcc-cross")).into_iter();
        self.read
            .extend(targets.map(|t| root.join(t).join("include")));
        if !is_systems(root) {
            self.read
                .extend(["lib", "lib64", "include"].map(|d| root.join(d)));
        }
    }

    /// The files that clang reads options from.
    fn add_configuration(&mut self, compiler: &Path, real: &Path) {
        self.read.push("/etc/clang".into());
        for path in [compiler, real] {
            let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
                continue;
            };
            let name = name.to_string_lossy();
            let triple = name.rsplit_once('-').map(|(triple, _)| triple);
            let names = [Some(&*name), triple, Some("clang")].into_iter().flatten();
            self.read
                .extend(names.map(|n| directory.join(format!("{n}.cfg"))));
        }
    }

    /// The assembler that a driver finds last, on PATH.
    fn add_tools_on_path(&mut self) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        for tool in TOOLS {
            let mut found = std::env::split_paths(&path)
                .filter(|d| d.is_absolute())
                .map(|d| d.join(tool));
            self.run.extend(found.find(|p| p.is_file()));
        }
    }

    /// The directories that a compiler says that it searches for headers.
    fn add_searched(&mut self, told: &str) {
        let mut searched = false;
        for line in told.lines() {
            match line {
                "End of search list." => searched = false,
                _ if line.starts_with("#include ") => searched = true,
                _ if searched => self.add_absolute(Path::new(line.trim())),
                _ => {}
            }
        }
    }

    /// The directories of the libraries that a program is linked with, as its loader tells.
    fn add_libraries(&mut self, program: &Path) {
        let Some(loader) = started_by(program).into_iter().next() else {
            return;
        };
        if !loader.file_name().is_some_and(|n| is_loader(n.as_bytes())) {
            return;
        }
        let words = [OsStr::new("--list"), program.as_os_str()];
        // A program that the loader cannot list has no libraries.
        let Ok(told) = ask::run(&loader, &words, Path::new("/"), ASK) else {
            return;
        };
        let paths = told.stdout.split_ascii_whitespace();
        for library in paths.filter(|w| w.starts_with('/')) {
            if let Some(directory) = Path::new(library).parent() {
                self.add_absolute(directory);
            }
        }
    }
}

fn is_loader(name: &[u8]) -> bool {
    name.starts_with(b"ld-") || name.starts_with(b"ld.so") || name.starts_with(b"ld64.so")
}

fn is_clang(program: &Path) -> bool {
    let name = program.file_name().map(OsStr::as_bytes).unwrap_or_default();
    name.windows(5).any(|w| w == b"clang")
}

fn triple_of(program: &Path) -> Option<String> {
    CompilerName::of_path(program).ok()?.triple
}

/// Prefixes that many packages share.
pub fn is_systems(root: &Path) -> bool {
    root == Path::new("/") || root == Path::new("/usr")
}

/// The prefixes that a compiler may have its parts in: above the directory of each of its names, as far as there are
/// parts of compilers. Gentoo's real path is deeper (`/usr/TRIPLE/gcc-bin/VERSION`).
fn roots(compiler: &Path, real: &Path) -> Vec<PathBuf> {
    const DEEPEST: usize = 4;
    let mut found: Vec<PathBuf> = Vec::new();
    for program in [compiler, real] {
        let above = program.ancestors().skip(2).take(DEEPEST);
        let has_parts = |root: &&Path| {
            let clang = ["lib/clang", "lib64/clang"];
            PARTS
                .iter()
                .chain(&clang)
                .any(|part| root.join(part).is_dir())
        };
        // A compiler far below the top is not of the system's own layout.
        let in_place = |root: &&Path| root.parent().is_some() || program.starts_with("/bin");
        if let Some(root) = above.filter(in_place).find(has_parts) {
            if !found.iter().any(|f| f == root) {
                found.push(root.to_owned());
            }
        }
    }
    found
}

fn names_in(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|e| e.file_name().into_string().ok())
        .collect()
}

/// What the kernel starts a program by.
fn started_by(program: &Path) -> Vec<PathBuf> {
    let Ok(mut file) = File::open(program) else {
        return Vec::new();
    };
    let mut head = Vec::new();
    if file.by_ref().take(4096).read_to_end(&mut head).is_err() {
        return Vec::new();
    }
    match head.strip_prefix(b"#!") {
        Some(line) => interpreter(line),
        None => loader(&file, &head).into_iter().collect(),
    }
}

/// A script's interpreter with its own loader.
fn interpreter(line: &[u8]) -> Vec<PathBuf> {
    let line = line.split(|&b| b == b'\n').next().unwrap_or_default();
    let word = line.trim_ascii().split(|b| b.is_ascii_whitespace()).next();
    let path = Path::new(OsStr::from_bytes(word.unwrap_or_default()));
    if !path.is_absolute() {
        return Vec::new();
    }
    let mut head = Vec::new();
    let file = File::open(path);
    let Ok(mut file) = file else {
        return Vec::new();
    };
    // A script as the interpreter of a script is nobody's compiler.
    let _ = file.by_ref().take(4096).read_to_end(&mut head);
    let mut list: Vec<PathBuf> = loader(&file, &head).into_iter().collect();
    list.push(path.to_owned());
    list
}

/// The loader that an ELF program of this machine names (PT_INTERP).
fn loader(file: &File, head: &[u8]) -> Option<PathBuf> {
    const PT_INTERP: u64 = 3;
    if !head.starts_with(b"\x7fELF") {
        return None;
    }
    let wide = *head.get(4)? == 2;
    // Of this machine, so in its byte order.
    let number = |at: usize, size: usize| -> Option<u64> {
        let bytes = head.get(at..at + size)?;
        Some(match size {
            2 => u16::from_ne_bytes(bytes.try_into().ok()?).into(),
            4 => u32::from_ne_bytes(bytes.try_into().ok()?).into(),
            _ => u64::from_ne_bytes(bytes.try_into().ok()?),
        })
    };
    let size = |at: u64| usize::try_from(at).ok();
    let (table, each, count) = match wide {
        true => (number(32, 8)?, number(54, 2)?, number(56, 2)?),
        false => (number(28, 4)?, number(42, 2)?, number(44, 2)?),
    };
    for n in 0..count {
        let at = size(table + n * each)?;
        if number(at, 4)? != PT_INTERP {
            continue;
        }
        let (offset, length) = match wide {
            true => (number(at + 8, 8)?, number(at + 32, 8)?),
            false => (number(at + 4, 4)?, number(at + 16, 4)?),
        };
        let mut name = vec![0; size(length.min(4096))?];
        file.read_exact_at(&mut name, offset).ok()?;
        name.retain(|&b| b != 0);
        return Some(PathBuf::from(OsStr::from_bytes(&name)));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> crate::proof::Scratch {
        let scratch = crate::proof::Scratch::new().unwrap();
        for file in files {
            let file = scratch.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        scratch
    }

    #[test]
    fn a_toolchain_of_its_own_prefix_is_found_and_no_linker() {
        let scratch = tree(&[
            "x/bin/arm-x-gcc",
            "x/arm-x/bin/as",
            "x/arm-x/bin/ld",
            "x/libexec/gcc/arm-x/12/cc1",
            "x/libexec/gcc/arm-x/12/collect2",
            "x/lib/gcc/arm-x/12/include/stddef.h",
        ]);
        let root = scratch.path().canonicalize().unwrap().join("x");
        let list = Toolchain::of_path(&root.join("bin/arm-x-gcc"));
        for program in ["bin/arm-x-gcc", "libexec/gcc/arm-x/12/cc1", "arm-x/bin/as"] {
            assert!(
                list.run.contains(&root.join(program)),
                "{program}: {list:?}"
            );
        }
        let names = ["ld", "collect2", "lto-wrapper"].map(OsStr::new);
        let linker = |p: &&PathBuf| p.file_name().is_some_and(|n| names.contains(&n));
        assert_eq!(list.run.iter().find(linker), None);
        let headers = root.join("arm-x/sysroot/usr/include");
        assert!(list.read.contains(&headers), "{list:?}");
        let inside = |p: &&PathBuf| p.starts_with(&root) && !p.starts_with(root.join("bin"));
        assert!(list.read.iter().filter(inside).count() > 3);
        assert!(!list.read.contains(&root));
    }

    #[test]
    fn gentoos_real_path_leads_to_the_systems_prefix() {
        let scratch = tree(&[
            "usr/T-pc-x/gcc-bin/13/x86_64-pc-linux-gnu-gcc",
            "usr/libexec/gcc/x86_64-pc-linux-gnu/13/cc1",
        ]);
        let usr = scratch.path().canonicalize().unwrap().join("usr");
        fs::create_dir_all(usr.join("bin")).unwrap();
        let link = usr.join("bin/x86_64-pc-linux-gnu-gcc");
        std::os::unix::fs::symlink("../T-pc-x/gcc-bin/13/x86_64-pc-linux-gnu-gcc", &link).unwrap();
        let list = Toolchain::of_path(&link);
        let cc1 = usr.join("libexec/gcc/x86_64-pc-linux-gnu/13/cc1");
        assert!(list.run.contains(&cc1), "{list:?}");
    }

    #[test]
    fn a_compiler_beside_other_things_shows_only_itself() {
        let scratch = tree(&["home/bin/gcc", "home/lib/secret"]);
        let home = scratch.path().canonicalize().unwrap().join("home");
        let list = Toolchain::of_path(&home.join("bin/gcc"));
        assert!(!list.read.iter().any(|p| p.starts_with(&home)), "{list:?}");
        assert!(list.run.contains(&home.join("bin/gcc")));
    }

    #[test]
    fn a_scripts_interpreter_runs_as_well() {
        let scratch = tree(&[]);
        let script = scratch.path().join("gcc");
        fs::write(&script, "#! /bin/sh -e\nexec x\n").unwrap();
        let list = Toolchain::of_path(&script);
        assert!(list.run.contains(&PathBuf::from("/bin/sh")), "{list:?}");
        // The shell's loader, which a program of the same machine has as well.
        let own = started_by(Path::new("/bin/sh"));
        assert!(own.iter().all(|l| list.run.contains(l)), "{own:?}");
    }
}
