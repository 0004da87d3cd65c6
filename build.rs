//! Makes the shipped rules part of the program, and tells the linker what keeps starts short.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-check-cfg=cfg(bare, kernel_tls)");
    shipped_rules().expect("rules.d can be read");
    sources().expect("src can be read");
    let gnu = is("CARGO_CFG_TARGET_ENV", "gnu");
    let release = is("PROFILE", "release");
    println!("cargo:rerun-if-env-changed=CCROUTE_BARE");
    let is_bare = gnu && release && can_be_bare() && !is("CCROUTE_BARE", "no");
    if is_bare {
        println!("cargo:rustc-cfg=bare");
        let target = env::var("TARGET").unwrap_or_default();
        if !target.starts_with("armv7") && !target.starts_with("thumbv7") {
            println!("cargo:rustc-cfg=kernel_tls");
        }
        bare().expect("cargo's directory can be written");
    }
    if !gnu || !release {
        return;
    }
    println!("cargo:rustc-link-arg-bin=ccroute=-no-pie");
    // What a shim runs lies together: fewer pages to fault in.
    println!("cargo:rerun-if-changed=packaging/shim.ld");
    let order = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/shim.ld");
    let layout = match is_bare && !is_static() {
        true => layout(&order).expect("packaging/layout.ld can be read"),
        false => order.clone(),
    };
    for (program, script) in [("ccroute", &order), ("ccroute-shim", &layout)] {
        println!("cargo:rustc-link-arg-bin={program}=-Wl,-z,noseparate-code");
        println!(
            "cargo:rustc-link-arg-bin={program}=-Wl,-T,{}",
            script.display()
        );
    }
    unwinder();
}

fn is(name: &str, value: &str) -> bool {
    env::var(name).is_ok_and(|v| v == value)
}

/// Whether `src/bare` knows this machine. A static program must not need to be relocated: nobody
/// would do it. (What is not optimised as a whole refers to too much of the library.)
fn can_be_bare() -> bool {
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let arch = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    ["x86_64", "aarch64", "arm"].contains(&arch.as_str())
        && (!is_static() || flags.contains("relocation-model=static"))
}

fn is_static() -> bool {
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    features.split(',').any(|f| f == "crt-static")
}

/// Links `ccroute-shim` without C's library: it begins at a function of its own, and what is linked by
/// the library's names is empty, so that a function which is missing fails the build.
fn bare() -> io::Result<()> {
    let empty = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("empty");
    let _ = fs::remove_dir_all(&empty);
    fs::create_dir_all(&empty)?;
    for library in ["c", "m", "dl", "rt", "util", "pthread", "gcc_eh"] {
        fs::write(empty.join(format!("lib{library}.a")), "!<arch>\n")?;
    }
    // Dynamic, but at a fixed address. lld makes that where it is shown a library, needed or not, as
    // libgcc_s is here; GNU ld where something might be exported and no loader is named, which
    // `start` does then.
    let nothing = empty.join("exports");
    fs::write(&nothing, "{ local: *; };\n")?;
    let arguments = [
        "-nostartfiles",
        "-no-pie",
        "-Wl,-e,ccroute_start",
        "-Wl,--gc-sections",
        "-Wl,--no-dynamic-linker",
        "-Wl,--export-dynamic",
        // What is nowhere stays nowhere: there is nothing to relocate.
        "-Wl,-z,nodynamic-undefined-weak",
        "-Wl,-z,norelro",
    ];
    for argument in arguments {
        println!("cargo:rustc-link-arg-bin=ccroute-shim={argument}");
    }
    if !is_static() {
        println!("cargo:rustc-link-arg-bin=ccroute-shim=-Wl,-u,ccroute_loader");
    }
    println!(
        "cargo:rustc-link-arg-bin=ccroute-shim=-Wl,--version-script={}",
        nothing.display()
    );
    println!(
        "cargo:rustc-link-arg-bin=ccroute-shim=-L{}",
        empty.display()
    );
    Ok(())
}

/// The linker script of a dynamic program without C's library: packaging/layout.ld with the functions that are in `order`.
fn layout(order: &Path) -> io::Result<PathBuf> {
    println!("cargo:rerun-if-changed=packaging/layout.ld");
    let order = fs::read_to_string(order)?;
    let functions: Vec<&str> = order.lines().filter(|l| l.starts_with("    *")).collect();
    let layout = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/layout.ld");
    let layout = fs::read_to_string(layout)?;
    let script = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("layout.ld");
    fs::write(
        &script,
        layout.replace("@FUNCTIONS@", &functions.join("\n")),
    )?;
    Ok(script)
}

/// Links gcc's unwinder statically: the standard library refers to it even where panics abort, and
/// the shared libgcc_s costs every start about a third of its time.
fn unwinder() {
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

/// Gives the program a number that changes with its sources: an index of rules that another one wrote
/// says what that one held to be right.
fn sources() -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=Cargo.lock");
    let mut paths = vec![dir.with_file_name("Cargo.lock")];
    let mut dirs = vec![dir];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                paths.push(path);
            }
        }
    }
    paths.sort();
    // 64 bits by Fowler, Noll and Vo (FNV-1a).
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for path in paths {
        for byte in fs::read(path)? {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    println!("cargo:rustc-env=SOURCES_HASH={hash:016x}");
    Ok(())
}

/// Writes where the sections of the shipped rules are, so that no call has to look. The parser's own
/// test holds its finding against this.
fn shipped_rules() -> io::Result<()> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.d");
    println!("cargo:rerun-if-changed=rules.d");
    let mut paths: Vec<PathBuf> = fs::read_dir(&dir)?
        .map(|entry| entry.map(|e| e.path()))
        .collect::<io::Result<_>>()?;
    paths.retain(|p| p.extension().is_some_and(|e| e == "rules"));
    paths.sort();
    let mut code = String::from("/// Every file, by name.\npub static FILES: &[Shipped] = &[\n");
    for path in paths {
        println!("cargo:rerun-if-changed={}", path.display());
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (sections, conditions) = sections(&fs::read_to_string(&path)?);
        code += &format!(
            "Shipped {{ name: {name:?}, path: \"shipped:{name}\", bytes: include_bytes!({path:?}), \
             sections: &[{sections}], conditions: &[{conditions}] }},\n"
        );
    }
    code += "];\n";
    let to = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .unwrap_or_default();
    fs::write(to.join("shipped.rs"), code)
}

/// A text's sections and their conditions, as Rust.
fn sections(text: &str) -> (String, String) {
    let (mut sections, mut conditions) = (String::new(), String::new());
    let (mut start, mut count) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let header = line.trim_end().strip_prefix('[');
        if let Some(header) = header.and_then(|h| h.strip_suffix(']')) {
            let (pattern, rest) = header.split_once(' ').unwrap_or((header, ""));
            let mut own = u32::MAX;
            if !rest.is_empty() {
                own = count;
                count += 1;
                conditions += &condition(rest);
            }
            sections += &format!(
                "Section {{ start: {}, header: {}, pattern: {}, line: {}, conditions: {own}, glob: {} }},",
                start + 1,
                header.len(),
                pattern.len(),
                number + 1,
                pattern.contains(['*', '?', '[']),
            );
        }
        start += line.len();
    }
    (sections, conditions)
}

/// Conditions as Rust. The shipped rules know no address.
fn condition(text: &str) -> String {
    let [mut tool, mut place, mut kernel, mut source] = ["None"; 4].map(String::from);
    let mut words = text.split(' ');
    while let Some(word) = words.next() {
        let slot = match word {
            "direct" | "helper" => {
                let name = if word == "direct" { "Direct" } else { "Helper" };
                place = format!("Some(super::Place::{name})");
                continue;
            }
            "tool" => &mut tool,
            "kernel" => &mut kernel,
            "source" => &mut source,
            _ => panic!("rules.d: a condition that build.rs does not know: {word}"),
        };
        *slot = format!("Some({:?})", words.next().unwrap_or_default());
    }
    format!("Conditions {{ tool: {tool}, place: {place}, from: None, kernel: {kernel}, source: {source} }},")
}
