//! Words that a driver hands on: to the compiler proper, the assembler, LLVM and the linker.

use super::{refuse, slash_is_harmless, spellings, split_value, Check, Harm, Hostile};

/// Longest list that is taken apart out of one word, in items; nobody sends as many.
const ITEMS_MAX: usize = 4096;

impl Check<'_> {
    /// What `-Xclang`, `-Xpreprocessor` and `-Wp,` hand to the compiler proper.
    pub(super) fn compiler_proper(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        for (i, item) in items.iter().enumerate() {
            let next = items.get(i + 1).map(Vec::as_slice);
            if let Some(found) = self.response(item) {
                return Some(found);
            }
            let before = item_before(items, i);
            if item.len() > 1 && item[0] == b'-' {
                for spelling in spellings(item) {
                    if let Some(found) = self.option(item, &spelling, next) {
                        return Some(found);
                    }
                }
                if let Some(found) = self.slash(item) {
                    return Some(found);
                }
                if item == b"-mllvm" {
                    let value = items.get(i + 1).map(std::slice::from_ref);
                    if let Some(found) = self.llvm(value.unwrap_or_default()) {
                        return Some(found);
                    }
                }
            } else if matches!(before, b"-MD" | b"-MMD") && !self.job.owns(item) {
                // Unlike the driver's, these take the file's name.
                return refuse(before, Harm::Writes, "writes dependencies to a file");
            } else if item.contains(&b'/') && !self.job.owns(item) && !slash_is_harmless(before) {
                return refuse(before, Harm::Reads, "hands a path to the compiler proper");
            }
        }
        None
    }

    /// What `-Wa,` and `-Xassembler` hand to the assembler, which takes any unambiguous beginning
    /// of its long options, with one dash or two.
    pub(super) fn assembler(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        for (i, item) in items.iter().enumerate() {
            if let Some(found) = self.response(item) {
                return Some(found);
            }
            let before = item_before(items, i);
            let option = item.strip_prefix(b"-").unwrap_or_default();
            let option = option.strip_prefix(b"-").unwrap_or(option);
            if item.first() != Some(&b'-') {
                let is_value = [&b"--def"[..], b"-def", b"--debug-prefix-map"]
                    .iter()
                    .any(|option| before.starts_with(option));
                if !item.is_empty() && !is_value {
                    return refuse(b"-Wa,FILE", Harm::Reads, "assembles another file");
                }
            } else if item == b"--" {
                return refuse(b"-Wa,--", Harm::Reads, "makes files of what follows");
            } else if option.starts_with(b"a") && item.contains(&b'=') {
                return refuse(b"-Wa,-a=FILE", Harm::Writes, "writes a listing to a file");
            } else if option.starts_with(b"MD") || item.starts_with(b"--M") {
                return refuse(b"-Wa,--MD", Harm::Writes, "writes dependencies to a file");
            } else if option.starts_with(b"I") {
                return refuse(b"-Wa,-I", Harm::Reads, "searches a directory for includes");
            } else if option.starts_with(b"it") {
                let why = "reads a table of instructions";
                return refuse(b"-Wa,--itbl", Harm::Loads, why);
            } else if asks_assembler(option) {
                return refuse(b"-Wa,--help", Harm::NoObject, "only prints");
            } else if item.starts_with(b"-o") {
                return refuse(b"-Wa,-o", Harm::Writes, "names another object");
            } else if item.contains(&b'/') && !option.starts_with(b"debug-prefix-map") {
                return refuse(b"-Wa", Harm::Reads, "hands a path to the assembler");
            }
        }
        None
    }

    /// What `-Wl,` and `-Xlinker` hand to the linker, which does not run: only words that name a
    /// program, a plug-in or a file are refused.
    pub(super) fn linker(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        #[rustfmt::skip]
        const FILES: &[&[u8]] = &[
            b"default-script", b"dependency-file", b"dynamic-list", b"just-symbols", b"Map",
            b"out-implib", b"output", b"plugin", b"plugin-opt", b"retain-symbols-file", b"script",
            b"version-script",
        ];
        for (i, item) in items.iter().enumerate() {
            if let Some(found) = self.response(item) {
                return Some(found);
            }
            let before = item_before(items, i);
            let option = item.strip_prefix(b"-").unwrap_or_default();
            let single = option.first().is_some_and(|&b| b != b'-');
            let name = split_value(option.strip_prefix(b"-").unwrap_or(option)).0;
            // Any unambiguous beginning of a long option will do.
            let file = |full: &&[u8]| full.starts_with(name) && name.len() > 3 || name == *full;
            let script = option.starts_with(b"T")
                && ![&b"Ttext"[..], b"Tdata", b"Tbss"]
                    .iter()
                    .any(|t| name.starts_with(t));
            if name != b"version" && FILES.iter().any(file)
                || single && (script || option.starts_with(b"o"))
            {
                return refuse(
                    b"-Wl",
                    Harm::Runs,
                    "names a file or a plug-in to the linker",
                );
            }
            let searched = [
                &b"rpath"[..],
                b"rpath-link",
                b"dynamic-linker",
                b"I",
                b"L",
                b"h",
            ];
            let before = before.strip_prefix(b"-").unwrap_or_default();
            let before = before.strip_prefix(b"-").unwrap_or(before);
            if !item.starts_with(b"-") && item.contains(&b'/') && !searched.contains(&before) {
                return refuse(b"-Wl", Harm::Reads, "hands a path to the linker");
            }
        }
        None
    }

    /// What `-mllvm` hands to LLVM, which has thousands of options: one that speaks of files or
    /// holds a path is refused.
    pub(super) fn llvm(&self, items: &[Vec<u8>]) -> Option<Hostile> {
        const FILES: &[&[u8]] = &[
            b"load",
            b"plugin",
            b"plugins",
            b"output",
            b"outfile",
            b"file",
            b"filename",
            b"path",
            b"dir",
            b"view",
            b"dump",
            b"dot",
            b"write",
            b"save",
        ];
        for item in items {
            let name = item.split(|&b| b == b'=').next().unwrap_or_default();
            let bare = name.trim_ascii_start();
            let bare = bare.strip_prefix(b"-").unwrap_or(bare);
            let bare = bare.strip_prefix(b"-").unwrap_or(bare);
            if bare == b"h" || bare == b"version" || bare.starts_with(b"help") {
                return refuse(b"-mllvm -help", Harm::NoObject, "only prints");
            }
            let mut parts = name.split(|&b| b == b'-' || b == b'_');
            if item.contains(&b'/') || parts.any(|p| FILES.contains(&p)) {
                return refuse(b"-mllvm", Harm::Writes, "speaks of files to LLVM");
            }
        }
        None
    }
}

/// Whether an assembler's option (without its dashes), or what is the beginning of only that one,
/// has it print and do nothing else.
fn asks_assembler(option: &[u8]) -> bool {
    const ONLY_PRINT: &[&[u8]] = &[b"version", b"help", b"target-help", b"dump-config"];
    option.len() > 1 && ONLY_PRINT.iter().any(|o| o.starts_with(option))
}

/// Words for the command lines of other programs.
#[derive(Default)]
pub(super) struct Inner {
    pub(super) cc1: Vec<Vec<u8>>,
    pub(super) assembler: Vec<Vec<u8>>,
    pub(super) llvm: Vec<Vec<u8>>,
    pub(super) linker: Vec<Vec<u8>>,
}

impl Inner {
    /// Takes what an option in one spelling hands on.
    pub(super) fn collect(&mut self, spelling: &[u8], next: Option<&[u8]>) {
        let items = |list: &[u8]| -> Vec<Vec<u8>> {
            let items = list.split(|&b| b == b',').take(ITEMS_MAX);
            items.map(<[u8]>::to_vec).collect()
        };
        // The value, joined (with or without `=`) or the next word.
        let value = |rest: &[u8]| {
            let rest = rest.strip_prefix(b"=").unwrap_or(rest);
            let next = || next.unwrap_or_default();
            if rest.is_empty() { next() } else { rest }.to_vec()
        };
        if let Some(list) = spelling.strip_prefix(b"-Wp,") {
            self.cc1.extend(items(list));
        } else if let Some(list) = spelling.strip_prefix(b"-Wa,") {
            self.assembler.extend(items(list));
        } else if let Some(list) = spelling.strip_prefix(b"-Wl,") {
            self.linker.extend(items(list));
        } else if let Some(rest) = spelling.strip_prefix(b"-Xlinker") {
            self.linker.push(value(rest));
        } else if let Some(rest) = spelling.strip_prefix(b"-Xassembler") {
            self.assembler.push(value(rest));
        } else if let Some(rest) = spelling.strip_prefix(b"-mllvm") {
            self.llvm.push(value(rest));
        } else if let Some(rest) = spelling
            .strip_prefix(b"-Xclang")
            .or_else(|| spelling.strip_prefix(b"-Xpreprocessor"))
        {
            self.cc1.push(value(rest));
        } else if [&b"-Xarch_"[..], b"-Xanalyzer", b"-Xopenmp-target"]
            .iter()
            .any(|p| spelling.starts_with(p))
        {
            self.cc1.push(value(b""));
        }
    }
}

/// The item before the one at `at`; empty for the first.
fn item_before(items: &[Vec<u8>], at: usize) -> &[u8] {
    let before = at.checked_sub(1).and_then(|before| items.get(before));
    before.map(Vec::as_slice).unwrap_or_default()
}
