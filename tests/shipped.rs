//! The shipped rules: every section has a row in `tests/shipped/table.tsv`, which has the words of
//! the distribution's build file and what an object must then say of itself. The stand-ins that
//! Debian packages compile through the shim; all others are played by programs of their names.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use ccroute::object::Facts;
use ccroute::probe::sources;
use ccroute::rules::load::load;
use ccroute::rules::parse::{parse, words};
use ccroute::rules::Key;
use common::call::{Call, Trace, SYSTEM_PATH};
use common::{farm, raw, shipped_rules, toolbox, Distccd, Scratch, CCROUTE};

/// The stand-ins that `packaging/setup.sh` installs.
const INSTALLED: &[&str] = &[
    "aarch64-linux-gnu",
    "arm-linux-gnueabi",
    "arm-linux-gnueabihf",
    "i686-linux-gnu",
    "mipsel-linux-gnu",
    "powerpc64le-linux-gnu",
    "riscv64-linux-gnu",
    "s390x-linux-gnu",
    "x86_64-linux-gnu",
];

/// A section as it stands in its file.
struct Section {
    pattern: String,
    kernel: Option<String>,
    use_: Vec<String>,
    names: Vec<String>,
    defaults: Option<Vec<String>>,
}

impl Section {
    /// The triples that clients call it by.
    fn names(&self) -> Vec<String> {
        match self.names.is_empty() {
            true => vec![self.pattern.clone()],
            false => self.names.clone(),
        }
    }
}

/// All sections of a text.
fn sections_of(text: &[u8]) -> Vec<Section> {
    let mut faults = Vec::new();
    let parsed = parse(text, &mut |at| {
        faults.push(at);
        true
    });
    assert!(faults.is_empty(), "{faults:?}");
    let list = parsed.sections.iter().map(|section| {
        let value = |key: Key| {
            section
                .entries()
                .find(|e| e.key == key)
                .map(|e| words(e.value))
        };
        Section {
            pattern: section.pattern.to_string(),
            kernel: section
                .conditions
                .as_ref()
                .and_then(|c| c.kernel.map(str::to_owned)),
            use_: value(Key::Use).unwrap_or_default(),
            names: value(Key::Names).unwrap_or_default(),
            defaults: value(Key::Defaults),
        }
    });
    list.collect()
}

fn shipped_texts() -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.d");
    let texts = load(&[dir]).unwrap();
    texts.into_iter().map(|text| text.bytes).collect()
}

fn sections() -> Vec<Section> {
    shipped_texts()
        .iter()
        .flat_map(|t| sections_of(t))
        .collect()
}

/// A row of the table.
struct Row {
    section: &'static str,
    configure: Vec<&'static str>,
    besides: Vec<&'static str>,
    object: Vec<&'static str>,
}

fn table() -> Vec<Row> {
    let lines = include_str!("shipped/table.tsv").lines();
    let rows = lines.filter(|l| !l.starts_with('#')).skip(1);
    rows.map(|line| {
        let [section, configure, besides, object, source] = line
            .split('\t')
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_else(|_| panic!("{line}"));
        assert!(!source.is_empty(), "{section}: no source");
        let words = |text: &'static str| text.split(' ').filter(|w| !w.is_empty()).collect();
        Row {
            section,
            configure: words(configure),
            besides: words(besides),
            object: words(object),
        }
    })
    .collect()
}

/// What a word of gcc's configure makes it assume, by `gcc/config.gcc`.
fn flag(word: &str, mips: bool) -> String {
    let Some((option, value)) = word.split_once('=') else {
        let flag = match word {
            "--enable-default-pie" => "-fPIE",
            "--enable-default-ssp" => "-fstack-protector-strong",
            "--enable-fix-cortex-a53-835769" => "-mfix-cortex-a53-835769",
            "--with-mips-plt" => "-mplt",
            "--with-zarch" => "-mzarch",
            "--with-long-double-128" => "-mlong-double-128",
            _ => panic!("{word}: what does it mean?"),
        };
        return flag.to_string();
    };
    match (option, value) {
        ("--with-arch" | "--with-arch-32", _) => format!("-march={value}"),
        ("--with-tune", _) => format!("-mtune={value}"),
        ("--with-cpu", _) => format!("-mcpu={value}"),
        ("--with-fpu", _) => format!("-mfpu={value}"),
        ("--with-abi", _) => format!("-mabi={value}"),
        ("--with-float", _) if mips => format!("-m{value}-float"),
        ("--with-float", _) => format!("-mfloat-abi={value}"),
        ("--with-mode", "thumb") => "-mthumb".to_string(),
        _ => panic!("{word}: what does it mean?"),
    }
}

#[test]
fn every_section_has_a_row_and_every_row_a_section() {
    let mut found = BTreeSet::new();
    for section in sections() {
        match (&section.kernel, &section.defaults) {
            (None, Some(_)) => {
                assert!(found.insert(section.pattern.clone()), "{}", section.pattern)
            }
            (Some(kernel), None) => {
                assert_eq!(section.pattern, "native", "{kernel}");
                assert!(KERNELS.iter().any(|k| k.arch == kernel), "{kernel}: no row");
            }
            _ => panic!(
                "{}: a section of no kind that is tested here",
                section.pattern
            ),
        }
    }
    let rows: BTreeSet<String> = table().iter().map(|r| r.section.to_string()).collect();
    assert_eq!(rows.len(), table().len(), "a row stands twice");
    assert_eq!(rows, found);
    let kernels: BTreeSet<Option<String>> = sections().into_iter().map(|s| s.kernel).collect();
    for kernel in KERNELS {
        let arch = Some(kernel.arch.to_string());
        assert!(kernels.contains(&arch), "{}: no section", kernel.arch);
    }
}

#[test]
fn the_defaults_say_what_the_build_files_say() {
    for row in table() {
        let sections = sections();
        let section = sections.iter().find(|s| s.pattern == row.section).unwrap();
        let mips = row.section.starts_with("mips");
        let mut wanted: Vec<String> = row.configure.iter().map(|w| flag(w, mips)).collect();
        wanted.extend(
            row.besides
                .iter()
                .map(|w| w.trim_start_matches('<').to_string()),
        );
        let mut stated = section.defaults.clone().unwrap();
        wanted.sort();
        stated.sort();
        assert_eq!(stated, wanted, "{}", row.section);
    }
}

/// `NAME-gcc` on a helper where `bin` has the only compilers.
fn on_helper(scratch: &Scratch, rules: &Path, bin: &Path, name: &str, dir: &Path) -> Call {
    let farm = farm(scratch, &[name]);
    Call::new(&farm.join(name))
        .env("PATH", format!("{}:{}", farm.display(), bin.display()))
        .env("_DISTCC_SAFEGUARD", "1")
        .rules(rules)
        .dir(dir)
}

/// What the probe's object says, compiled by the shim as `name`.
fn facts(scratch: &Scratch, rules: &Path, bin: &Path, name: &str) -> Facts {
    let dir = scratch.dir("job");
    let (file, text) = sources().next().unwrap();
    scratch.file(&format!("job/{file}"), text);
    // The compiler calls an assembler of the system.
    let path = format!("{}:{SYSTEM_PATH}", bin.display());
    let mut call = on_helper(scratch, rules, bin, name, &dir);
    call.command.env("PATH", path);
    let job = ["-O2", "-w", "-c", file, "-o", "distccd_1.o"];
    call.args(job).run().silent();
    let object = dir.join("distccd_1.o");
    let facts = Facts::read(&fs::read(&object).unwrap()).unwrap();
    fs::remove_file(object).unwrap();
    facts
}

/// Fails unless an object says every word, and none of those with a `!`.
fn says(facts: &Facts, words: &[&str], who: &str) {
    let text = facts.to_words();
    let all: Vec<&str> = text.split(' ').collect();
    assert_eq!(all[0], format!("elf:{}", words[0]), "{who}");
    for word in &words[1..] {
        match word.strip_prefix('!') {
            Some(absent) => assert_eq!(facts.get(absent), None, "{who}: {text}"),
            None => assert!(all.contains(word), "{who}: no {word} in {text}"),
        }
    }
}

/// Each name of each section, compiled by each of its stand-ins that Debian has.
#[test]
fn the_stand_ins_make_objects_for_the_client() {
    let scratch = Scratch::new("shipped");
    let rules = shipped_rules(&scratch);
    let mut runs = 0;
    for row in table() {
        let sections = sections();
        let section = sections.iter().find(|s| s.pattern == row.section).unwrap();
        let here = section
            .use_
            .iter()
            .filter(|u| INSTALLED.contains(&u.as_str()));
        let mut served = 0;
        for stand_in in here {
            let gcc = format!("{stand_in}-gcc");
            let bin = toolbox(&scratch, &format!("only-{stand_in}"), &[&gcc]);
            for name in section.names() {
                let who = format!("{name} by {stand_in}");
                let found = facts(&scratch, &rules, &bin, &format!("{name}-gcc"));
                says(&found, &row.object, &who);
                let pie = section.defaults.as_ref().unwrap();
                let pie = pie.iter().any(|f| f == "-fPIE");
                let relative = found.get("addresses") == Some("relative");
                // The others' code hardly ever has absolute addresses.
                let shows = ["arm/", "i386/"]
                    .iter()
                    .any(|m| row.object[0].starts_with(m));
                let right = relative == pie || (relative && !shows) || who.starts_with("mips");
                assert!(right, "{who}: {}", found.to_words());
                served += 1;
            }
        }
        assert!(served > 0, "{}: nothing tests it", row.section);
        runs += served;
    }
    println!("{runs} objects");
}

/// Every stand-in of every section, alone on the helper: it is run, with the client's defaults.
#[test]
fn every_stand_in_that_is_named_serves() {
    let scratch = Scratch::new("named");
    let rules = shipped_rules(&scratch);
    let dir = scratch.dir("job");
    scratch.file("job/x.i", "int x;\n");
    for section in sections() {
        let Some(defaults) = &section.defaults else {
            continue;
        };
        for stand_in in &section.use_ {
            // The native compiler serves where it is for the same machine: the tests run on x86-64.
            let (bin, program) = match stand_in.as_str() {
                "native" => ("native".to_string(), "gcc".to_string()),
                triple => (format!("one-{triple}"), format!("{triple}-gcc")),
            };
            for name in section.names() {
                let at = scratch.path(&format!("{bin}/{program}"));
                let _ = fs::remove_dir_all(scratch.path(&bin));
                let compiler = Trace::compiler(&at);
                let bin = scratch.path(&bin);
                let job = ["-O2", "-c", "x.i", "-o", "distccd_1.o"];
                on_helper(&scratch, &rules, &bin, &format!("{name}-gcc"), &dir)
                    .args(job)
                    .run()
                    .silent();
                let wanted = format!("{} {}\n", defaults.join(" "), job.join(" "));
                assert_eq!(compiler.arguments(), wanted, "{name} by {stand_in}");
            }
        }
    }
}

/// The sections that stand in comments as examples, as a user would write them.
#[test]
fn the_examples_in_comments_work() {
    let scratch = Scratch::new("examples");
    let shipped = shipped_rules(&scratch);
    let expected: &[(&str, &[&str])] = &[
        (
            "arm-linux-gnueabihf",
            &[
                "arm/32/little",
                "CPU_arch:v6",
                "FP_arch:VFPv2",
                "ABI_VFP_args:VFP-registers",
            ],
        ),
        (
            "armv7l-unknown-linux-gnueabihf",
            &[
                "arm/32/little",
                "CPU_arch:v7",
                "FP_arch:VFPv3",
                "Advanced_SIMD_arch:NEONv1",
                "ABI_VFP_args:VFP-registers",
            ],
        ),
    ];
    let texts = shipped_texts();
    let examples: Vec<String> = texts
        .iter()
        .map(|text| {
            let text = std::str::from_utf8(text).unwrap();
            let lines = text.lines().filter_map(|l| l.strip_prefix("#   "));
            // Tables of names are set in as well.
            let lines = lines.filter(|l| l.starts_with('[') || l.contains(" = "));
            lines.map(|l| format!("{l}\n")).collect()
        })
        .collect();
    let own = scratch.file("own/50-client.rules", examples.concat());
    let found = sections_of(&fs::read(&own).unwrap());
    let found: Vec<&str> = found.iter().map(|s| s.pattern.as_str()).collect();
    let names: Vec<&str> = expected.iter().map(|(name, _)| *name).collect();
    assert_eq!(found, names);

    let dirs = std::env::join_paths([own.parent().unwrap(), &shipped]).unwrap();
    let (file, text) = sources().next().unwrap();
    scratch.file(file, text);
    for (name, words) in expected {
        let job = ["-O2", "-w", "-c", file, "-o", "x.o"];
        let ran = Call::new(Path::new(CCROUTE))
            .env("CCROUTE_RULES_DIR", &dirs)
            .args(["explain", "--place", "helper", "--from", "192.168.1.20"])
            .args([format!("{name}-gcc")])
            .args(job)
            .run()
            .expect(0);
        let after = |mark: &str| {
            let line = ran.stdout.lines().find_map(|l| l.split_once(mark));
            line.unwrap_or_else(|| panic!("{}", ran.stdout))
                .1
                .to_string()
        };
        let mut compiler = Call::new(Path::new(&after(": run ")));
        // explain shows the job under the names that distccd gives it.
        let args = after("arguments: ").replace("/tmp/distccd_0.i", file);
        compiler = compiler.args(args.replace("/tmp/distccd_0.o", "x.o").split(' '));
        compiler.dir(&scratch.0).run().silent();
        let found = Facts::read(&fs::read(scratch.path("x.o")).unwrap()).unwrap();
        says(&found, words, name);
    }
}

/// A kernel's architecture: Debian's cross compilers for it, and what a kernel of one kind states.
struct Kernel {
    arch: &'static str,
    /// Debian 12's and 13's packages, gcc-NAME, and other toolchains of these rules.
    served_by: &'static [&'static str],
    /// The flags of `arch/ARCH/Makefile` for one configuration, and the object's first word.
    flags: &'static str,
    object: &'static str,
}

const KERNELS: &[Kernel] = &[
    Kernel {
        arch: "arm",
        served_by: &[
            "arm-linux-gnueabihf",
            "arm-linux-gnueabi",
            "armv7a-unknown-linux-gnueabihf",
            "armv6j-hardfloat-linux-gnueabi",
            "armv6-rpi-linux-gnueabi",
            "arm-none-linux-gnueabihf",
        ],
        flags: "-march=armv7-a -msoft-float -mabi=aapcs-linux",
        object: "arm/32/little",
    },
    Kernel {
        arch: "arm64",
        served_by: &[
            "aarch64-linux-gnu",
            "aarch64-unknown-linux-gnu",
            "aarch64-none-linux-gnu",
        ],
        flags: "-mlittle-endian -mgeneral-regs-only",
        object: "aarch64/64/little",
    },
    Kernel {
        arch: "riscv",
        served_by: &["riscv64-linux-gnu", "riscv64-unknown-linux-gnu"],
        flags: "-mabi=lp64 -march=rv64imac",
        object: "riscv/64/little",
    },
    Kernel {
        arch: "mips",
        served_by: &[
            "mips64el-linux-gnuabi64",
            "mips64-linux-gnuabi64",
            "mipsel-linux-gnu",
            "mips-linux-gnu",
        ],
        flags: "-EB -mabi=32 -march=mips32r2 -msoft-float -mno-abicalls -fno-pic",
        object: "mips/32/big",
    },
    Kernel {
        arch: "powerpc",
        served_by: &[
            "powerpc64le-linux-gnu",
            "powerpc64-linux-gnu",
            "powerpc-linux-gnu",
        ],
        flags: "-m64 -mlittle-endian -mabi=elfv2 -mcpu=power8 -msoft-float -mno-altivec -mno-vsx",
        object: "powerpc64/64/little",
    },
    Kernel {
        arch: "s390",
        served_by: &["s390x-linux-gnu"],
        flags: "-m64 -march=z196 -msoft-float",
        object: "s390/64/big",
    },
    Kernel {
        arch: "sparc",
        served_by: &["sparc64-linux-gnu"],
        flags: "-m64 -mcpu=ultrasparc",
        object: "",
    },
    Kernel {
        arch: "m68k",
        served_by: &["m68k-linux-gnu"],
        flags: "-m68040",
        object: "",
    },
    Kernel {
        arch: "sh",
        served_by: &["sh4-linux-gnu"],
        flags: "-m4-nofpu -ml",
        object: "",
    },
    Kernel {
        arch: "parisc",
        served_by: &["hppa-linux-gnu", "hppa64-linux-gnu"],
        flags: "-mdisable-fpregs",
        object: "",
    },
    Kernel {
        arch: "alpha",
        served_by: &["alpha-linux-gnu"],
        flags: "-mno-fp-regs",
        object: "",
    },
    Kernel {
        arch: "loongarch",
        served_by: &["loongarch64-linux-gnu"],
        flags: "-mabi=lp64s",
        object: "",
    },
    Kernel {
        arch: "arc",
        served_by: &["arc-linux-gnu"],
        flags: "-mcpu=archs",
        object: "",
    },
];

/// A kernel's preprocessed file, as its head shows it under distccd.
fn kernel_source(arch: &str) -> String {
    format!(
        r##"# 0 "kernel/x.c"
# 0 "<built-in>"
# 0 "<command-line>"
# 1 "././include/linux/kconfig.h" 1
# 0 "<command-line>" 2
# 1 "././include/linux/compiler_types.h" 1
# 0 "<command-line>" 2
# 1 "kernel/x.c"
# 1 "./arch/{arch}/include/asm/page.h" 1
typedef unsigned long word;
# 2 "kernel/x.c" 2
word f(word *p) {{ return *p + sizeof(void *); }}
"##
    )
}

/// A compiler whose object is its own name.
fn fake(scratch: &Scratch, name: &str) {
    let body = r#"while [ "$1" != -o ]; do shift; done; echo "${0##*/}" >"$2""#;
    scratch.script(&format!("bin/{name}"), body);
}

/// Each compiler that a kernel's section names, alone on a helper that is asked for plain `gcc`;
/// and a helper with compilers for other machines only.
#[test]
fn a_kernel_is_served_by_each_compiler_named_and_by_no_other() {
    let scratch = Scratch::new("kernels");
    let rules = shipped_rules(&scratch);
    let bin = scratch.dir("bin");
    let path = [farm(&scratch, &["gcc"]), bin.clone()];
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let helper = Distccd::start(&scratch, &path, &[("CCROUTE_RULES_DIR", rules.as_os_str())]);
    let only = |names: &[String], real: bool| {
        fs::remove_dir_all(&bin).unwrap();
        scratch.dir("bin");
        for name in names {
            match real {
                true => drop(toolbox(&scratch, "bin", &[name])),
                false => fake(&scratch, name),
            }
        }
    };
    for kernel in KERNELS {
        let sections = sections();
        let section = sections
            .iter()
            .find(|s| s.kernel.as_deref() == Some(kernel.arch));
        assert_eq!(section.unwrap().use_, kernel.served_by, "{}", kernel.arch);
        let job = format!("gcc {} -O2 -c kernel/x.c -o kernel/x.o", kernel.flags);
        let job: Vec<&[u8]> = job.split(' ').map(str::as_bytes).collect();
        let source = kernel_source(kernel.arch);
        let send = || {
            raw::send(
                helper.socket(),
                Ipv4Addr::LOCALHOST,
                &job,
                source.as_bytes(),
            )
        };
        for triple in kernel.served_by {
            let gcc = format!("{triple}-gcc");
            only(&[gcc.clone()], false);
            let reply = send().unwrap();
            assert_eq!(reply.exit(), Some(0), "{triple}: {}", reply.stdout_text());
            let by = String::from_utf8_lossy(&reply.object);
            assert_eq!(by.trim(), gcc, "{}", kernel.arch);

            if INSTALLED.contains(triple) {
                only(&[gcc], true);
                let reply = send().unwrap();
                assert_eq!(reply.exit(), Some(0), "{triple}: {}", helper.log());
                let found = Facts::read(&reply.object).unwrap();
                says(&found, &[kernel.object], triple);
            }
        }
        let other = match kernel.arch {
            "arm64" => "riscv64-linux-gnu-gcc",
            _ => "aarch64-linux-gnu-gcc",
        };
        only(&["gcc".to_string(), other.to_string()], false);
        let reply = send().unwrap();
        let told = reply.stdout_text();
        assert_eq!((reply.exit(), reply.object.len()), (Some(110), 0), "{told}");
        assert!(told.starts_with("ccroute on the helper: gcc: "), "{told}");
    }
}
