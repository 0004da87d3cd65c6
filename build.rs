//! Links gcc's unwinder statically. The standard library refers to it even where panics abort, and
//! the shared libgcc_s costs every start of the shim about a third of its time.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| env::var(name).is_ok_and(|v| v == value);
    if !is("CARGO_CFG_TARGET_ENV", "gnu") || !is("PROFILE", "release") {
        return;
    }
    println!("cargo:rustc-link-arg-bin=ccroute=-no-pie");
    println!("cargo:rustc-link-arg-bin=ccroute=-Wl,-z,noseparate-code");
    // What a shim runs lies together: fewer pages to fault in.
    println!("cargo:rerun-if-changed=packaging/shim.ld");
    println!(
        "cargo:rustc-link-arg-bin=ccroute=-Wl,-T,{}/packaging/shim.ld",
        env!("CARGO_MANIFEST_DIR")
    );
    // A cross build names its linker; without one the machine's own compiler is meant.
    let linker = match env::var("RUSTC_LINKER") {
        Ok(linker) => linker,
        Err(_) if env::var("HOST") == env::var("TARGET") => "cc".to_owned(),
        Err(_) => return,
    };
    let output = Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    let Ok(output) = output else { return };
    let Ok(text) = String::from_utf8(output.stdout) else {
        return;
    };
    let archive = Path::new(text.trim());
    // A compiler that has no such file answers with the bare name.
    if archive.is_absolute() && archive.exists() {
        if let Some(dir) = archive.parent() {
            println!("cargo:rustc-link-search=native={}", dir.display());
            println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
        }
    }
}
