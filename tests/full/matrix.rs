//! Clients of five architectures, each at its own address, ask one helper for everything under
//! every kind of name. Every object that comes back is for the client's machine, or the job was
//! refused: not one wrong object.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use crate::common::{farm, need, raw, rules, shipped_rules, Distccd, Scratch};

/// (address, name in the table, triple, flags of the client's compiler, ELF: machine, class, data)
struct Machine {
    address: [u8; 4],
    triple: &'static str,
    kernel: &'static str,
    kernel_flags: &'static [&'static str],
    machine: u16,
    class: u8,
}

const CLIENTS: &[Machine] = &[
    Machine {
        address: [127, 0, 0, 11],
        triple: "arm-linux-gnueabihf",
        kernel: "arm",
        kernel_flags: &["-march=armv7-a", "-msoft-float", "-mabi=aapcs-linux"],
        machine: 40,
        class: 1,
    },
    Machine {
        address: [127, 0, 0, 12],
        triple: "aarch64-linux-gnu",
        kernel: "arm64",
        kernel_flags: &["-mgeneral-regs-only"],
        machine: 183,
        class: 2,
    },
    Machine {
        address: [127, 0, 0, 13],
        triple: "riscv64-linux-gnu",
        kernel: "riscv",
        kernel_flags: &["-march=rv64imac", "-mabi=lp64"],
        machine: 243,
        class: 2,
    },
    Machine {
        address: [127, 0, 0, 14],
        triple: "i686-linux-gnu",
        kernel: "x86",
        kernel_flags: &["-m32", "-march=i686"],
        machine: 3,
        class: 1,
    },
    Machine {
        address: [127, 0, 0, 15],
        triple: "x86_64-linux-gnu",
        kernel: "x86",
        kernel_flags: &["-m64", "-mno-red-zone"],
        machine: 62,
        class: 2,
    },
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum File {
    C,
    Cxx,
    Kernel,
    NoInclude,
}

/// A kernel tree in miniature, with the forced headers and the paths of the real one.
fn kernel_tree(scratch: &Scratch, arch: &str) {
    scratch.file("linux/include/linux/kconfig.h", "");
    scratch.file("linux/include/linux/compiler_types.h", "");
    scratch.file(
        &format!("linux/arch/{arch}/include/asm/page.h"),
        "typedef unsigned long word;\n",
    );
    scratch.file(
        &format!("linux/kernel/{arch}.c"),
        "#include <asm/page.h>\nword f(word *p) { return *p + sizeof(void *); }\n",
    );
}

/// The client's own preprocessing, as distcc's client does it.
fn preprocessed(scratch: &Scratch, client: &Machine, file: File) -> Vec<u8> {
    let tool = if file == File::Cxx { "g++" } else { "gcc" };
    let mut command = Command::new(need(&format!("{}-{tool}", client.triple)));
    command.arg("-E").env("LC_ALL", "C");
    match file {
        File::C => {
            let source = scratch.file(
                "a.c",
                "#include <stdio.h>\nint f(void) { return puts(\"x\"); }\n",
            );
            command.arg(source);
        }
        File::Cxx => {
            let source = scratch.file(
                "a.cc",
                "#include <string>\nstd::string f(int n) { return std::string(n, 'x'); }\n",
            );
            command.arg(source);
        }
        File::Kernel => {
            kernel_tree(scratch, client.kernel);
            command
                .current_dir(scratch.path("linux"))
                .args(["-nostdinc", "-D__KERNEL__"])
                .args(["-include", "./include/linux/kconfig.h"])
                .args(["-include", "./include/linux/compiler_types.h"])
                .arg(format!("-I./arch/{}/include", client.kernel))
                .args(client.kernel_flags)
                .arg(format!("kernel/{}.c", client.kernel));
        }
        File::NoInclude => {
            let source = scratch.file("n.c", "long f(void) { return sizeof(void *); }\n");
            command.arg(source);
        }
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", crate::common::told(&output));
    as_on_the_client(&output.stdout, client.triple)
}

/// A cross compiler's paths name its triple everywhere. On the client the same files lie where its
/// own distribution has them.
fn as_on_the_client(source: &[u8], triple: &str) -> Vec<u8> {
    let text = String::from_utf8(source.to_vec()).unwrap();
    text.replace("/usr/lib/gcc-cross/", "/usr/lib/gcc/")
        .replace(
            &format!("/usr/{triple}/include/stdc-predef.h"),
            "/usr/include/stdc-predef.h",
        )
        .replace(
            &format!("/usr/{triple}/include/stdio.h"),
            "/usr/include/stdio.h",
        )
        .replace(
            &format!("/usr/{triple}/include/"),
            &format!("/usr/include/{triple}/"),
        )
        .into_bytes()
}

/// What the header of an object says: (class, machine); little-endian machines only.
fn elf(object: &[u8]) -> (u8, u16) {
    assert_eq!(&object[..4], b"\x7fELF");
    assert_eq!(object[5], 1, "little-endian");
    (object[4], u16::from_le_bytes([object[18], object[19]]))
}

fn run(by_address: bool) -> (Vec<String>, usize, usize) {
    let scratch = Scratch::new("matrix");
    let mut names: Vec<String> = ["gcc", "g++"].map(String::from).to_vec();
    for client in CLIENTS {
        for tool in ["gcc", "g++"] {
            names.push(format!("{}-{tool}", client.triple));
        }
    }
    let links: Vec<&str> = names.iter().map(String::as_str).collect();
    let farm = farm(&scratch, &links);
    let mut text = String::new();
    if by_address {
        for client in CLIENTS {
            let address = Ipv4Addr::from(client.address);
            text += &format!("[native from {address}]\nas = {}\n", client.triple);
        }
    }
    let own = rules(&scratch, &text);
    let dirs = std::env::join_paths([own, shipped_rules()]).unwrap();
    // `/usr/bin/gcc` from a client reaches the shim through distccd's list of commands.
    let list: Vec<String> = links
        .iter()
        .map(|n| format!("{}/{n}\n", farm.display()))
        .collect();
    let list = scratch.file("commands", list.concat());
    let helper = Distccd::start_at(
        "127.0.0.1",
        &scratch,
        &[&farm, Path::new("/usr/bin"), Path::new("/bin")],
        &[
            ("CCROUTE_RULES_DIR", &dirs),
            ("DISTCC_CMDLIST", list.as_os_str()),
        ],
        &[],
    );
    let mut table = Vec::new();
    let (mut served, mut refused) = (0, 0);
    for client in CLIENTS {
        for file in [File::C, File::Cxx, File::Kernel, File::NoInclude] {
            let source = preprocessed(&scratch, client, file);
            let tool = if file == File::Cxx { "g++" } else { "gcc" };
            let extension = if file == File::Cxx { "cc" } else { "c" };
            for compiler in [
                format!("{}-{tool}", client.triple),
                tool.to_owned(),
                format!("/usr/bin/{tool}"),
            ] {
                let mut words = vec![compiler.clone(), "-O2".into()];
                if file == File::Kernel {
                    words.extend(client.kernel_flags.iter().map(|f| (*f).to_owned()));
                }
                words.extend(["-c", &format!("x.{extension}"), "-o", "x.o"].map(String::from));
                let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
                let from = Ipv4Addr::from(client.address);
                let reply = raw::send(helper.socket(), from, &words, &source)
                    .unwrap_or_else(|| panic!("hung up\n{}", helper.log()));
                let what = if reply.object.is_empty() {
                    assert_eq!(reply.exit(), Some(110), "{}", reply.stdout_text());
                    // Once, with the command to type on a line of its own where there is one.
                    let text = reply.stdout_text();
                    assert!(text.starts_with("ccroute on the helper: "), "{text}");
                    assert_eq!(text.matches("ccroute on the helper: ").count(), 1, "{text}");
                    assert!(text.lines().count() <= 2, "{text}");
                    refused += 1;
                    "refused"
                } else {
                    assert_eq!(reply.exit(), Some(0));
                    assert_eq!(
                        elf(&reply.object),
                        (client.class, client.machine),
                        "a wrong object for {} {file:?} as {compiler}",
                        client.triple
                    );
                    served += 1;
                    "object"
                };
                table.push(format!(
                    "{:<20} {:<10} {:<26} {what}",
                    client.triple,
                    format!("{file:?}"),
                    compiler
                ));
                // Only a file that shows nothing of its machine, under a name that does not
                // either, and without a rule, may be refused.
                let silent = file == File::NoInclude && !compiler.contains("linux");
                assert_eq!(
                    what == "refused",
                    silent && !by_address,
                    "{}",
                    table.last().unwrap()
                );
            }
        }
    }
    (table, served, refused)
}

#[test]
fn every_object_is_for_the_client_or_the_job_is_refused() {
    for by_address in [true, false] {
        let (table, served, refused) = run(by_address);
        println!("rule by address: {by_address}: {served} objects, {refused} refused, 0 wrong");
        for row in &table {
            println!("  {row}");
        }
        assert_eq!(table.len(), CLIENTS.len() * 4 * 3);
    }
}

#[test]
fn a_job_from_an_address_without_a_rule_tells_the_rule_to_add() {
    let scratch = Scratch::new("unknown");
    let farm = farm(&scratch, &["gcc"]);
    let own = rules(
        &scratch,
        "[native from 127.0.0.11]\nas = aarch64-linux-gnu\n",
    );
    let helper = Distccd::start(
        &scratch,
        &[&farm, Path::new("/usr/bin")],
        &[("CCROUTE_RULES_DIR", own.as_os_str() as &OsStr)],
    );
    let words: [&[u8]; 5] = [b"gcc", b"-c", b"x.c", b"-o", b"x.o"];
    let reply = raw::send(
        helper.socket(),
        Ipv4Addr::new(127, 0, 0, 99),
        &words,
        b"int x;\n",
    )
    .unwrap();
    assert_eq!(reply.exit(), Some(110));
    let line = reply.stdout_text();
    let command = "printf '\\n[native from 127.0.0.99]\\nas = TRIPLE\\n' >>/etc/ccroute/rules.d/";
    assert!(line.contains(command), "{line}");
}
