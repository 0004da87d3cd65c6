//! What only concerns a job that clang compiles: facts that gcc takes from the preprocessed source,
//! and clang from where it runs.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use crate::options::table::{LeftOut, Row};
use crate::options::{find, scan, scan_as, Family, Kind};

/// The compilation directory in debug information: clang's is the directory that it runs in, which
/// on a helper is distccd's. Prefix maps of the job apply to a stated one as to its own. `None`
/// without debug information, and where the job states one.
pub fn compilation_directory(args: &[&OsStr], directory: &Path) -> Option<OsString> {
    let mut debug = false;
    for arg in scan(args) {
        let word = match arg.kind {
            Kind::Plain(word) | Kind::Valued(word, _) => word,
            _ => continue,
        };
        let states: [&[u8]; 2] = [b"-fdebug-compilation-dir", b"-ffile-compilation-dir"];
        if states.iter().any(|option| word.starts_with(option)) {
            return None;
        }
        debug |= word.starts_with(b"-g") && word != b"-g0" || word == b"--debug";
    }
    let stated = debug && directory.is_absolute();
    stated.then(|| {
        [
            OsStr::new("-fdebug-compilation-dir="),
            directory.as_os_str(),
        ]
        .into_iter()
        .collect()
    })
}

/// Keeps the helper's clang silent about words that only a preprocessor uses: it reports them as
/// unused, and under `-Werror` refuses the job. distcc takes the commonest out of what it sends, but
/// not these.
pub fn quiet_about_unused(args: &[&OsStr]) -> Option<OsString> {
    const LEFT_IN: [&[u8]; 6] = [
        b"-iquote",
        b"-isysroot",
        b"-F",
        b"-iframework",
        b"-iframeworkwithsysroot",
        b"-cxx-isystem",
    ];
    let unused = scan_as(Family::Clang, args).any(|arg| match arg.kind {
        Kind::Plain(word) => word.starts_with(b"-fmacro-prefix-map="),
        Kind::Valued(option, _) => {
            let spaced = |row: &Row| row.left_out == Some(LeftOut::Spaced);
            let joined = arg.words == 1 && find(Family::Clang, option).is_some_and(spaced);
            joined || LEFT_IN.contains(&option)
        }
        _ => false,
    });
    unused.then(|| OsString::from("-Qunused-arguments"))
}

/// Whether the object names its source's file: a module of Objective-C's old runtime (gcc's, and
/// GNUstep's before 2.0) has its name in it, which on a helper is that of a temporary file.
pub fn names_its_file(args: &[&OsStr]) -> bool {
    let (mut objective_c, mut old) = (false, true);
    for arg in scan(args) {
        match arg.kind {
            Kind::Input(path) => {
                let extension = path.rsplit(|&b| b == b'.').next().unwrap_or_default();
                objective_c |= matches!(extension, b"m" | b"mm" | b"M" | b"mi" | b"mii");
            }
            Kind::Plain(word) => {
                if let Some(runtime) = word.strip_prefix(b"-fobjc-runtime=") {
                    let gnustep = runtime.strip_prefix(b"gnustep-");
                    old = gnustep.is_none_or(|version| version.starts_with(b"1"));
                } else if word == b"-fgnu-runtime" {
                    old = true;
                }
            }
            _ => {}
        }
    }
    objective_c && old
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&OsStr> {
        line.split(' ').map(OsStr::new).collect()
    }

    #[test]
    fn the_directory_is_stated_with_debug_information_only() {
        let work = Path::new("/home/x y");
        let stated = "-fdebug-compilation-dir=/home/x y";
        for (line, want) in [
            ("-g -c a.c", true),
            ("-O2 -ggdb3 -c a.c", true),
            ("-gdwarf-4 -c a.c", true),
            ("-g1 -ffile-prefix-map=/home=. -c a.c", true),
            ("-c a.c", false),
            ("-g0 -c a.c", false),
            ("-g -fdebug-compilation-dir=. -c a.c", false),
            ("-g -fdebug-compilation-dir . -c a.c", false),
            ("-g -ffile-compilation-dir=. -c a.c", false),
            ("-include -g -c a.c", false),
        ] {
            let want = want.then(|| OsString::from(stated));
            assert_eq!(compilation_directory(&words(line), work), want, "{line}");
        }
        // The directory is gone.
        assert_eq!(
            compilation_directory(&words("-g -c a.c"), Path::new("")),
            None
        );
    }

    #[test]
    fn words_of_the_preprocessor_that_distcc_leaves_in_are_not_reported_there() {
        for (line, want) in [
            ("-iquote . -c a.c", true),
            ("-iquote. -c a.c", true),
            ("-isysroot / -c a.c", true),
            ("-isystem. -c a.c", true),
            ("-iwithprefixbefore. -c a.c", true),
            ("-fmacro-prefix-map=a=b -c a.c", true),
            // distcc takes these out.
            ("-isystem . -include h.h -I. -I . -DX -c a.c", false),
            // These the compiler uses.
            ("-ffile-prefix-map=a=b --sysroot=/ -nostdinc -c a.c", false),
            ("-D -iquote -c a.c", false),
        ] {
            assert_eq!(quiet_about_unused(&words(line)).is_some(), want, "{line}");
        }
    }

    #[test]
    fn objective_c_with_the_old_runtime_names_its_file() {
        for (line, want) in [
            ("-c a.m", true),
            ("-c a.mm", true),
            ("-fgnu-runtime -c a.m", true),
            ("-fobjc-runtime=gcc -c a.m", true),
            ("-fobjc-runtime=gnustep-1.9 -c a.m", true),
            ("-fobjc-runtime=gnustep-2.0 -c a.m", false),
            ("-fobjc-runtime=gnustep-2.1 -c a.mm", false),
            ("-fobjc-runtime=gnustep-2.0 -fobjc-runtime=gcc -c a.m", true),
            ("-c a.c", false),
            ("-fobjc-runtime=gcc -c a.cc", false),
        ] {
            assert_eq!(names_its_file(&words(line)), want, "{line}");
        }
    }
}
