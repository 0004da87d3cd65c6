//! `ccroute-run PROGRAM ARGUMENT…`: ccroute as a launcher, in front of a compiler.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::{exec, host, serve};
use crate::compiler::name::CompilerName;
use crate::compiler::search::find_launcher;
use crate::exit::Exit;
use crate::os;
use crate::request::{Passed, Place, MAX_DEPTH, PASSED, SAFEGUARD};

/// Serves a launcher's call; `words` are the program and its arguments. Returns only if nothing took
/// the process over.
pub fn launch(words: &[&OsStr]) -> Exit {
    let mut words = words;
    while let [first, rest @ ..] = words {
        match base(first) {
            // `CCACHE_PREFIX="ccroute-run distcc"` and the like: ccroute starts distcc itself.
            b"distcc" | b"ccroute-run" => words = rest,
            cache @ (b"ccache" | b"sccache") => return wrong_order(cache, rest),
            _ => break,
        }
    }
    let Some((program, args)) = words.split_first() else {
        let usage = "no compiler given; use it as a launcher: ccroute-run COMPILER ARGUMENT...";
        os::write_all(2, format!("ccroute-run: {usage}\n").as_bytes());
        return Exit::Usage;
    };
    // On a helper nothing runs but compilers.
    let foreign = CompilerName::parse(program.as_bytes()).is_err();
    if foreign && std::env::var_os(SAFEGUARD).is_none() {
        return run_unchanged(program, args);
    }
    serve(program, args, None)
}

/// A cache behind the launcher would store what a helper made under the name of another compiler.
fn wrong_order(cache: &[u8], rest: &[&OsStr]) -> Exit {
    let cache = String::from_utf8_lossy(cache);
    let compiler = rest.first().map_or("gcc".into(), |w| w.to_string_lossy());
    let text = match &*cache {
        "ccache" => format!(
            "ccroute-run {cache}: ccache must come first, and ccroute-run behind it; call it so: CCACHE_PREFIX=ccroute-run ccache {compiler}"
        ),
        _ => format!(
            "ccroute-run {cache}: {cache} distributes jobs itself; use either {cache} or ccroute-run in front of {compiler}"
        ),
    };
    exec::say(&text, Place::Direct);
    Exit::Usage
}

/// Becomes a program that is not a compiler as ccroute knows them: nvcc, tcc, emcc.
fn run_unchanged(program: &OsStr, args: &[&OsStr]) -> Exit {
    let shown = os::shown(program.as_bytes());
    let mut passed = Passed::parse(&std::env::var_os(PASSED).unwrap_or_default());
    if passed.0.len() >= MAX_DEPTH {
        exec::say(
            &format!("{shown}: ccroute-run finds itself again and again"),
            Place::Direct,
        );
        return Exit::Recursion;
    }
    let this = host::this_file();
    let text = passed.with(this.unwrap_or_default());
    passed.0.extend(this);
    let path: Option<PathBuf> = match program.as_bytes().contains(&b'/') {
        true => Some(Path::new(program).to_path_buf()),
        false => {
            let list = host::path_variable();
            let dirs: Vec<PathBuf> = std::env::split_paths(&list).collect();
            find_launcher(&program.to_string_lossy(), &dirs, &passed.0)
        }
    };
    let Some(path) = path else {
        exec::say(&format!("{shown}: no such program on PATH"), Place::Direct);
        return Exit::NotFound;
    };
    let error = os::exec(&path, args, &[(PASSED, OsStr::new(&text))], &|_| true);
    exec::say(
        &format!("{shown}: cannot run {}: {error}", path.display()),
        Place::Direct,
    );
    match error.kind() {
        std::io::ErrorKind::NotFound => Exit::NotFound,
        _ => Exit::CannotRun,
    }
}

fn base(word: &OsStr) -> &[u8] {
    word.as_bytes()
        .rsplit(|&b| b == b'/')
        .next()
        .unwrap_or_default()
}
