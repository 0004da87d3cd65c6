//! Precompiled headers in the files of a pump job. gcc maps `x.h.gch` in place of `x.h`, and clang opens `x.h.pch`,
//! without any option; a forged one runs code in the compiler.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{Harm, Hostile};

/// More files and directories than any job has: the largest of Chromium's read about 10,000.
const MOST: usize = 100_000;

/// Looks for a precompiled header in a job's tree, by the names that compilers look for. Links are not followed: what
/// is in the tree is found anyway, and nothing else can be read but the system's own.
pub fn precompiled(tree: &Path) -> Option<Hostile> {
    look(tree, MOST)
}

fn look(tree: &Path, most: usize) -> Option<Hostile> {
    let refused = |why| {
        Some(Hostile {
            option: "the job's files".into(),
            harm: Harm::Loads,
            why,
        })
    };
    let mut directories: Vec<PathBuf> = vec![tree.to_owned()];
    let mut seen = 0;
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            seen += 1;
            if seen > most {
                return refused("more than 100000 files");
            }
            let name = entry.file_name();
            let end = Path::new(&name).extension().map(OsStr::as_bytes);
            if matches!(end, Some(b"gch" | b"pch" | b"pth")) {
                return refused("a precompiled header among them");
            }
            if entry.file_type().is_ok_and(|t| t.is_dir()) {
                directories.push(entry.path());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directories_of_precompiled_headers_are_found_however_deep() {
        let scratch = crate::proof::Scratch::new().unwrap();
        let at = |name: &str| scratch.path().join(name);
        fs::create_dir_all(at("a/b/c")).unwrap();
        fs::write(at("a/b/x.h"), "").unwrap();
        fs::write(at("a/gch"), "").unwrap();
        std::os::unix::fs::symlink("/", at("a/root")).unwrap();
        assert_eq!(precompiled(scratch.path()), None);
        fs::write(at("a/b/c/x.h.pch"), "").unwrap();
        assert!(precompiled(scratch.path()).is_some());
        fs::remove_file(at("a/b/c/x.h.pch")).unwrap();
        fs::create_dir(at("a/x.hpp.gch")).unwrap();
        assert!(precompiled(scratch.path()).is_some());
    }

    #[test]
    fn a_tree_without_end_is_refused() {
        let scratch = crate::proof::Scratch::new().unwrap();
        for n in 0..5 {
            fs::write(scratch.path().join(n.to_string()), "").unwrap();
        }
        assert_eq!(look(scratch.path(), 5), None);
        assert!(look(scratch.path(), 4).is_some());
    }
}
