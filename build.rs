//! Makes the shipped rules part of the program.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    shipped_rules().expect("rules.d can be read");
    sources().expect("src can be read");
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
