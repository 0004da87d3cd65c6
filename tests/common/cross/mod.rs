//! What the tests with real compilers share. A missing compiler fails a test and names the
//! package; it never skips.

use std::path::PathBuf;
use std::process::Command;

/// Debian's package of a program.
fn package(program: &str) -> String {
    if program.starts_with("clang") {
        return "clang".to_string();
    }
    if let Some(triple) = program.strip_suffix("-gcc") {
        return format!("gcc-{}", triple.replace('_', "-"));
    }
    if let Some(triple) = program.strip_suffix("-g++") {
        return format!("g++-{}", triple.replace('_', "-"));
    }
    "binutils".to_string()
}

/// The path of a program on PATH.
pub fn program(name: &str) -> PathBuf {
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .map(|dir| dir.join(name))
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("{name} is missing: apt-get install {}", package(name)))
}

/// Compiles C source and gives the object's bytes. The file names depend on nothing but `name`.
pub fn compile(compiler: &str, flags: &[&str], name: &str, source: &str) -> Vec<u8> {
    let scratch = ccroute::proof::Scratch::new().unwrap();
    let file = scratch.path().join(name);
    std::fs::write(&file, source).unwrap();
    let mut words = compiler.split(' ');
    let output = Command::new(program(words.next().unwrap()))
        .args(words)
        .args(flags)
        .args(["-w", "-c", name, "-o", "out.o"])
        .current_dir(scratch.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{compiler} {flags:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::read(scratch.path().join("out.o")).unwrap()
}

/// What `readelf -h -A -n` prints of an object.
pub fn readelf(object: &[u8]) -> String {
    let scratch = ccroute::proof::Scratch::new().unwrap();
    let file = scratch.path().join("in.o");
    std::fs::write(&file, object).unwrap();
    let output = Command::new(program("readelf"))
        .args(["-W", "-h", "-A", "-n"])
        .arg(&file)
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}
