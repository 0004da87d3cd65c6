//! Real triples, under gcc's names and clang's: each object that a helper makes is what the name says, or
//! the job is refused. tests/triples/matrix.tsv says what each must be.
//!
//! `make test` asks for every name once. `make test-all` does it again with what `ccroute check` records,
//! and with all of Debian's cross compilers (packaging/setup.sh all).

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::common::call::{Call, SYSTEM_PATH};
use crate::common::{farm, need, rules, shipped_rules, Scratch, CCROUTE};
use ccroute::proof::object::Facts;

const SOURCE: &str = "\
double twice(double x) { return x * 2 + 1; }
int big(const int *p, int n) { int s = 0; for (int i = 0; i < n; i++) s += p[i] * i; return s; }
void _start(void) { }
";

/// ARM: what the attributes say, for "at most".
const ARCHES: &[(&str, u8)] = &[
    ("pre-v4", 0),
    ("v4", 1),
    ("v4T", 2),
    ("v5T", 3),
    ("v5TE", 4),
    ("v5TEJ", 5),
    ("v6", 6),
    ("v6K", 7),
    ("v6KZ", 8),
    ("v6T2", 9),
    ("v7", 10),
    ("v8-A", 14),
];
const UNITS: &[(&str, u8)] = &[
    ("VFPv1", 1),
    ("VFPv2", 2),
    ("VFPv3-D16", 3),
    ("VFPv3", 3),
    ("VFPv4-D16", 4),
    ("VFPv4", 4),
    ("FP-ARMv8", 8),
];

/// `e_machine` (elf.h) by the table's words.
const MACHINES: &[(&str, &[u16])] = &[
    ("arm", &[40]),
    ("aarch64", &[183]),
    ("x86-64", &[62]),
    ("i386", &[3]),
    ("riscv", &[243]),
    ("mips", &[8]),
    ("powerpc", &[20]),
    ("powerpc64", &[21]),
    ("s390", &[22]),
    ("sparc64", &[43]),
    ("sparc", &[2, 18]),
    ("sh", &[42]),
    ("m68k", &[4]),
    ("parisc", &[15]),
    ("alpha", &[0x9026]),
    ("arc", &[93, 195]),
    ("loongarch", &[258]),
    ("avr", &[83]),
    ("or1k", &[92]),
    ("bpf", &[247]),
    ("xtensa", &[94]),
];

struct Row {
    triple: &'static str,
    head: Vec<&'static str>,
    words: Vec<&'static str>,
}

fn table() -> Vec<Row> {
    let lines = include_str!("../triples/matrix.tsv").lines();
    let rows = lines.filter(|l| !l.starts_with('#')).map(|line| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [triple, head, words, ..] = fields[..] else {
            panic!("{line}");
        };
        Row {
            triple,
            head: head.split('/').collect(),
            words: words.split(' ').filter(|w| !w.is_empty()).collect(),
        }
    });
    rows.collect()
}

fn rank(table: &[(&str, u8)], word: &str) -> u8 {
    let row = table.iter().find(|(name, _)| *name == word);
    row.unwrap_or_else(|| panic!("{word}")).1
}

/// What is wrong with an object; empty where it is what the row says.
fn wrong(row: &Row, object: &[u8], path: &Path) -> String {
    if let ["coff", machine] = row.head[..] {
        let found = format!("{:x}", u16::from_le_bytes([object[0], object[1]]));
        return if found == machine {
            String::new()
        } else {
            found
        };
    }
    let [machine, bits, order] = row.head[..] else {
        return "nothing may serve it".to_owned();
    };
    if &object[..4] != b"\x7fELF" {
        return "not ELF".to_owned();
    }
    let big = object[5] == 2;
    let two = [object[18], object[19]];
    let found = if big {
        u16::from_be_bytes(two)
    } else {
        u16::from_le_bytes(two)
    };
    let (_, machines) = MACHINES.iter().find(|(m, _)| *m == machine).unwrap();
    let class = if object[4] == 2 { "64" } else { "32" };
    let data = if big { "big" } else { "little" };
    let either = |wanted: &str, found: &str| wanted == "?" || wanted == found;
    if !machines.contains(&found) || !either(bits, class) || !either(order, data) {
        return format!("machine {found}, {class} bits, {data}");
    }
    if row.words.is_empty() {
        return String::new();
    }
    let facts = Facts::read(object).unwrap();
    let mut faults = Vec::new();
    for word in &row.words {
        let args = facts.get("ABI_VFP_args") == Some("VFP-registers");
        let fits = match word.split_once("<=") {
            Some(("CPU", most)) => {
                rank(ARCHES, facts.get("CPU_arch").unwrap_or("pre-v4")) <= rank(ARCHES, most)
            }
            Some((_, most)) => {
                let unit = facts.get("FP_arch").map_or(0, |unit| rank(UNITS, unit));
                unit <= most.parse().unwrap() && facts.get("Advanced_SIMD_arch").is_none()
                    || row.triple.contains("neon")
                    || row.triple.contains("hnl")
                    || row.triple.starts_with("arm-none-")
                    || most.parse::<u8>().unwrap() >= 4
            }
            None if *word == "hard" => args,
            None if *word == "soft" => !args,
            None if *word == "x87" => !disassembly(path).contains("%xmm"),
            None if *word == "powerpc-soft" => {
                !uses_fpr(&disassembly_by(path, "powerpc64-linux-gnu-objdump"))
            }
            // gcc says it in its attributes, clang in .MIPS.abiflags.
            None if *word == "mips-soft" => {
                let text = facts.to_words();
                let mut said = text.split(' ');
                said.any(|w| w == "ABI_FP:soft" || w == "fp_abi:soft")
            }
            // No installed compiler makes SPE code.
            None if *word == "powerpc-spe" => false,
            None => facts.to_words().split(' ').any(|w| w == *word),
        };
        if !fits {
            faults.push(*word);
        }
    }
    match faults.is_empty() {
        true => String::new(),
        false => format!("not {}: {}", faults.join(", "), facts.to_words()),
    }
}

fn disassembly(path: &Path) -> String {
    disassembly_by(path, "objdump")
}

fn disassembly_by(path: &Path, objdump: &str) -> String {
    let out = Command::new(need(objdump))
        .arg("-d")
        .arg(path)
        .output()
        .unwrap();
    String::from_utf8_lossy(&out.stdout).into_owned()
}

fn uses_fpr(text: &str) -> bool {
    ["fmul", "fadd", "fmadd"].iter().any(|op| text.contains(op))
}

/// Asks for every name with this file of facts; gives how many were served.
fn ask(scratch: &Scratch, facts: &Path) -> (usize, Vec<String>) {
    let rules = shipped_rules();
    let dir = scratch.dir("job");
    scratch.file("job/distccd_1.i", SOURCE);
    let (mut served, mut faults) = (0, Vec::new());
    for row in table() {
        for tool in ["gcc", "clang"] {
            let name = format!("{}-{tool}", row.triple);
            let farm = farm(scratch, &[&name]);
            // distccd makes the empty file; a job gets no other.
            let object = scratch.file("job/distccd_1.o", "");
            let ran = Call::new(&farm.join(&name))
                .env("PATH", format!("{}:{SYSTEM_PATH}", farm.display()))
                .env("_DISTCC_SAFEGUARD", "1")
                .env("CCROUTE_COMPILERS", facts)
                .rules(&rules)
                .dir(&dir)
                .args(["-O2", "-w", "-c", "distccd_1.i", "-o", "distccd_1.o"])
                .run();
            match fs::read(&object) {
                Ok(bytes) if ran.code == Some(0) && !bytes.is_empty() => {
                    served += 1;
                    let what = wrong(&row, &bytes, &object);
                    if !what.is_empty() {
                        faults.push(format!("{name}: {what}"));
                    }
                }
                // Refused, or not known to that compiler: no object, and no success.
                _ => {
                    if ran.code == Some(0) {
                        faults.push(format!("{name}: success without an object"));
                    }
                }
            }
        }
    }
    (served, faults)
}

/// Asks for every name, with these records: most are served, none wrongly.
fn none_is_wrong(scratch: &Scratch, facts: &Path) {
    let (served, faults) = ask(scratch, facts);
    println!("{served} objects of {} names", 2 * table().len());
    assert!(
        faults.is_empty(),
        "{} wrong:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(served >= 250, "{served}");
}

#[test]
fn no_name_gets_an_object_for_another_machine() {
    let scratch = Scratch::new("names");
    assert!(table().len() >= 200);
    none_is_wrong(&scratch, &scratch.path("none"));
}

#[test]
#[ignore = "make test-all: the same again with what check records"]
fn nor_with_what_check_records() {
    let scratch = Scratch::new("recorded");
    let facts = scratch.path("facts");
    Call::new(Path::new(CCROUTE))
        .env("CCROUTE_COMPILERS", &facts)
        .rules(&shipped_rules())
        .args(["check"])
        .run();
    assert!(facts.is_file());
    none_is_wrong(&scratch, &facts);
}

/// Objects for ARMv6 with hard float run on the processor of the first Raspberry Pi.
#[test]
fn objects_for_armv6_run_on_one() {
    const PROGRAM: &str = "\
static double twice(volatile double *x) { return *x * 2 + 1; }
void _start(void) {
    volatile double x = 20.5;
    register int code __asm__(\"r0\") = (int)twice(&x);
    register int call __asm__(\"r7\") = 1;
    __asm__ volatile(\"svc 0\" : : \"r\"(code), \"r\"(call));
}
";
    let scratch = Scratch::new("armv6");
    let rules = shipped_rules();
    let dir = scratch.dir("job");
    scratch.file("job/distccd_1.i", PROGRAM);
    let mut ran = 0;
    for row in table() {
        if !row.words.iter().any(|w| w.starts_with("CPU<=v6")) || !row.words.contains(&"hard") {
            continue;
        }
        for tool in ["gcc", "clang"] {
            let name = format!("{}-{tool}", row.triple);
            let farm = farm(&scratch, &[&name]);
            scratch.file("job/distccd_1.o", "");
            let call = Call::new(&farm.join(&name))
                .env("PATH", format!("{}:{SYSTEM_PATH}", farm.display()))
                .env("_DISTCC_SAFEGUARD", "1")
                .rules(&rules)
                .dir(&dir)
                .args(["-O2", "-w", "-c", "distccd_1.i", "-o", "distccd_1.o"]);
            match call.run().code {
                Some(0) => {}
                // No section says how another compiler would serve it.
                Some(110) if tool == "gcc" => continue,
                other => panic!("{name}: {other:?}"),
            }
            let link = Command::new(need("arm-linux-gnueabihf-ld"))
                .args(["distccd_1.o", "-o", "x"])
                .current_dir(&dir)
                .status();
            assert!(link.unwrap().success(), "{name}");
            let qemu = ["qemu-arm", "qemu-arm-static"].iter().find(|q| {
                let found = Command::new(q).arg("--version").output();
                found.is_ok_and(|o| o.status.success())
            });
            let run = Command::new(qemu.unwrap())
                .args(["-cpu", "arm1176", "./x"])
                .current_dir(&dir)
                .status();
            assert_eq!(run.unwrap().code(), Some(42), "{name}");
            ran += 1;
        }
    }
    assert!(ran >= 20, "{ran}");
}

/// Without the client's flags an ARMv7 compiler would make an object that dies there, whether `check` recorded the
/// compiler or not.
#[test]
fn without_defaults_an_armv7_compiler_does_not_serve_armv6() {
    let scratch = Scratch::new("no-defaults");
    let dir = scratch.dir("job");
    scratch.file("job/distccd_1.i", SOURCE);
    let name = "armv6j-hardfloat-linux-gnueabi-gcc";
    let farm = farm(&scratch, &[name]);
    let facts = scratch.path("facts");
    let text = "[armv6j-hardfloat-linux-gnueabi]\nuse = arm-linux-gnueabihf\n";
    let rules = rules(&scratch, text);
    for recorded in [false, true] {
        if recorded {
            Call::new(Path::new(CCROUTE))
                .env("CCROUTE_COMPILERS", &facts)
                .rules(&rules)
                .args(["check"])
                .run();
            assert!(facts.is_file());
        }
        let object = scratch.file("job/distccd_1.o", "");
        let ran = Call::new(&farm.join(name))
            .env("PATH", format!("{}:{SYSTEM_PATH}", farm.display()))
            .env("_DISTCC_SAFEGUARD", "1")
            .env("CCROUTE_COMPILERS", &facts)
            .rules(&rules)
            .dir(&dir)
            .args(["-O2", "-c", "distccd_1.i", "-o", "distccd_1.o"])
            .run()
            .expect(110);
        let says = ["armv6j", "arm-linux-gnueabihf-gcc", "defaults ="];
        assert!(
            says.iter().all(|s| ran.stdout.contains(s)),
            "{}",
            ran.stdout
        );
        assert_eq!(fs::read(object).unwrap(), b"");
    }
}
