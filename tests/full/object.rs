//! Objects of real compilers: what is decoded against what readelf prints, and comparison.

use crate::common::cross::{compile, readelf};
use ccroute::proof::object::{compare, digest, Comparison, Facts, Severity};

const SOURCE: &str = "\
extern int elsewhere(int *);
extern int variable;
double mix(double a, float b) { return a * b + 1.5; }
int call(int n) { variable += n; return elsewhere(&variable); }
const char *text(void) { return \"text\"; }
enum small { LOW, HIGH } one(void) { return HIGH; }
";

struct Row {
    compiler: &'static str,
    flags: &'static [&'static str],
    /// Lines of readelf, in part.
    readelf: &'static [&'static str],
    /// The facts that say the same.
    facts: &'static [(&'static str, &'static str)],
}

const TABLE: &[Row] = &[
    Row {
        compiler: "arm-linux-gnueabihf-gcc",
        flags: &["-O2"],
        readelf: &[
            "Class:                             ELF32",
            "Machine:                           ARM",
            "Flags:                             0x5000000, Version5 EABI",
            "Tag_CPU_arch: v7",
            "Tag_CPU_arch_profile: Application",
            "Tag_THUMB_ISA_use: Thumb-2",
            "Tag_FP_arch: VFPv3-D16",
            "Tag_ABI_PCS_wchar_t: 4",
            "Tag_ABI_FP_number_model: IEEE 754",
            "Tag_ABI_align_needed: 8-byte",
            "Tag_ABI_enum_size: int",
            "Tag_ABI_VFP_args: VFP registers",
            "Tag_CPU_unaligned_access: v6",
        ],
        facts: &[
            ("EABI", "5"),
            ("CPU_arch", "v7"),
            ("CPU_arch_profile", "A"),
            ("THUMB_ISA_use", "Thumb-2"),
            ("FP_arch", "VFPv3-D16"),
            ("ABI_PCS_wchar_t", "4"),
            ("ABI_FP_number_model", "IEEE-754"),
            ("ABI_align_needed", "8-byte"),
            ("ABI_enum_size", "int"),
            ("ABI_VFP_args", "VFP-registers"),
            ("CPU_unaligned_access", "unaligned"),
            ("mode", "Thumb"),
            ("addresses", "relative"),
            ("stack", "none"),
        ],
    },
    Row {
        compiler: "arm-linux-gnueabihf-gcc",
        flags: &["-O2", "-march=armv6j", "-mfpu=vfp", "-marm", "-fno-PIE"],
        readelf: &[
            "Tag_CPU_arch: v6",
            "Tag_FP_arch: VFPv2",
            "Tag_ABI_VFP_args: VFP registers",
        ],
        facts: &[
            ("CPU_arch", "v6"),
            ("FP_arch", "VFPv2"),
            ("ABI_VFP_args", "VFP-registers"),
            ("mode", "ARM"),
            ("addresses", "absolute"),
        ],
    },
    Row {
        compiler: "arm-linux-gnueabihf-gcc",
        flags: &["-O2", "-march=armv7-a", "-mfpu=neon-vfpv4", "-fshort-enums"],
        readelf: &[
            "Tag_FP_arch: VFPv4",
            "Tag_Advanced_SIMD_arch: NEONv1 with Fused-MAC",
            "Tag_ABI_enum_size: small",
        ],
        facts: &[
            ("FP_arch", "VFPv4"),
            ("Advanced_SIMD_arch", "NEONv1-FMA"),
            ("ABI_enum_size", "small"),
        ],
    },
    Row {
        compiler: "arm-linux-gnueabihf-gcc",
        flags: &["-O2", "-march=armv6kz+fp", "-marm"],
        readelf: &["Tag_CPU_arch: v6KZ", "Tag_Virtualization_use: TrustZone"],
        facts: &[("CPU_arch", "v6KZ"), ("Virtualization_use", "TrustZone")],
    },
    Row {
        compiler: "arm-linux-gnueabi-gcc",
        flags: &["-O2"],
        readelf: &["Tag_CPU_arch: v5TE", "Tag_THUMB_ISA_use: Thumb-1"],
        facts: &[
            ("CPU_arch", "v5TE"),
            ("THUMB_ISA_use", "Thumb-1"),
            ("ABI_VFP_args", "core-registers"),
            ("mode", "ARM"),
        ],
    },
    Row {
        compiler: "arm-linux-gnueabi-gcc",
        flags: &["-O2", "-march=armv7-a+fp", "-mfloat-abi=softfp"],
        readelf: &["Tag_FP_arch: VFPv3-D16"],
        facts: &[("FP_arch", "VFPv3-D16"), ("ABI_VFP_args", "core-registers")],
    },
    Row {
        compiler: "clang --target=arm-linux-gnueabihf",
        flags: &["-O2"],
        readelf: &[
            "Tag_CPU_arch: v7",
            "Tag_ABI_VFP_args: VFP registers",
            "Tag_ABI_FP_16bit_format: IEEE 754",
        ],
        facts: &[
            ("CPU_arch", "v7"),
            ("ABI_VFP_args", "VFP-registers"),
            ("ABI_FP_16bit_format", "IEEE-754"),
        ],
    },
    Row {
        compiler: "aarch64-linux-gnu-gcc",
        flags: &["-O2"],
        readelf: &[
            "Machine:                           AArch64",
            "Flags:                             0x0",
        ],
        facts: &[("stack", "none")],
    },
    Row {
        compiler: "aarch64-linux-gnu-gcc",
        flags: &["-O2", "-mbranch-protection=standard"],
        readelf: &["AArch64 feature: BTI, PAC"],
        facts: &[("branch-protection", "BTI+PAC")],
    },
    Row {
        compiler: "riscv64-linux-gnu-gcc",
        flags: &["-O2"],
        readelf: &[
            "Flags:                             0x5, RVC, double-float ABI",
            "Tag_RISCV_stack_align: 16-bytes",
            "Tag_RISCV_arch: \"rv64i2p1_m2p0_a2p1",
        ],
        facts: &[
            ("RVC", "compressed"),
            ("float", "double"),
            ("stack_align", "16"),
        ],
    },
    Row {
        compiler: "riscv64-linux-gnu-gcc",
        flags: &[
            "-O2",
            "-march=rv64ima",
            "-mabi=lp64",
            "-fno-PIE",
            "-mcmodel=medlow",
        ],
        readelf: &["Flags:                             0x0\n"],
        facts: &[("float", "soft"), ("addresses", "absolute")],
    },
    Row {
        compiler: "x86_64-linux-gnu-gcc",
        flags: &["-O2", "-fcf-protection=full"],
        readelf: &["x86 feature: IBT, SHSTK"],
        facts: &[("CET", "IBT+SHSTK"), ("addresses", "relative")],
    },
    Row {
        compiler: "x86_64-linux-gnu-gcc",
        flags: &["-O2", "-mneeded", "-march=x86-64-v3", "-fno-PIE"],
        readelf: &["x86 ISA needed: x86-64-baseline, x86-64-v2, x86-64-v3"],
        facts: &[
            ("addresses", "absolute"),
            ("ISA_needed", "x86-64-baseline+x86-64-v2+x86-64-v3"),
        ],
    },
    Row {
        compiler: "x86_64-linux-gnu-gcc",
        flags: &["-O2", "-mx32"],
        readelf: &[
            "Class:                             ELF32",
            "Advanced Micro Devices X86-64",
        ],
        facts: &[],
    },
    Row {
        compiler: "i686-linux-gnu-gcc",
        flags: &["-O2", "-fno-PIE"],
        readelf: &["Class:                             ELF32", "Intel 80386"],
        facts: &[("addresses", "absolute")],
    },
    Row {
        compiler: "mips64el-linux-gnuabi64-gcc",
        flags: &["-O2"],
        readelf: &[
            "noreorder, pic, cpic, mips64r2",
            "FP ABI: Hard float (double precision)",
        ],
        facts: &[
            ("ABI", "n64"),
            ("ISA", "mips64r2"),
            ("pic", "yes"),
            ("abicalls", "yes"),
            ("ABI_FP", "hard-double"),
            ("fp_abi", "hard-double"),
        ],
    },
    Row {
        compiler: "mipsel-linux-gnu-gcc",
        flags: &["-O2", "-msoft-float", "-march=mips32"],
        readelf: &["o32, mips32", "FP ABI: Soft float"],
        facts: &[
            ("ABI", "o32"),
            ("ISA", "mips32"),
            ("ABI_FP", "soft"),
            ("fp_abi", "soft"),
        ],
    },
    Row {
        compiler: "mipsel-linux-gnu-gcc",
        flags: &["-O2", "-mnan=2008", "-mfp64"],
        readelf: &["nan2008"],
        facts: &[("nan2008", "yes"), ("fp_abi", "64")],
    },
    Row {
        compiler: "powerpc64-linux-gnu-gcc",
        flags: &["-O2"],
        readelf: &[
            "Machine:                           PowerPC64",
            "big endian",
            "Flags:                             0x0\n",
            "Tag_GNU_Power_ABI_FP: hard float",
        ],
        facts: &[("ABI", "ELFv1"), ("ABI_FP", "hard")],
    },
    Row {
        compiler: "powerpc64le-linux-gnu-gcc",
        flags: &["-O2"],
        readelf: &["Flags:                             0x2, abiv2"],
        facts: &[("ABI", "ELFv2")],
    },
    Row {
        compiler: "s390x-linux-gnu-gcc",
        flags: &["-O2"],
        readelf: &["IBM S/390", "big endian"],
        facts: &[("stack", "none")],
    },
];

#[test]
fn facts_agree_with_readelf() {
    for row in TABLE {
        let what = format!("{} {}", row.compiler, row.flags.join(" "));
        let object = compile(row.compiler, row.flags, "a.c", SOURCE);
        let printed = readelf(&object);
        for line in row.readelf {
            assert!(
                printed.contains(line),
                "{what}: readelf lacks {line:?}:\n{printed}"
            );
        }
        let facts = Facts::read(&object).unwrap();
        for (name, words) in row.facts {
            assert_eq!(facts.get(name), Some(*words), "{what}: {name}\n{facts}");
        }
        assert_eq!(facts.is_64, printed.contains("ELF64"), "{what}");
        assert_eq!(facts.big_endian, printed.contains("big endian"), "{what}");
        assert_eq!(facts.differences(&facts), [], "{what}");
        // What travels in a rules file comes back, but for what only concerns the code.
        let words = facts.to_words();
        let back = Facts::from_words(words.split(' ')).unwrap();
        assert_eq!(back, facts.without_code(), "{what}: {words}");
    }
}

/// Whether a difference is fatal, by two calls of compilers and one name.
#[test]
fn differences_are_named_and_weighed() {
    let hf = "arm-linux-gnueabihf-gcc";
    let v6: &[&str] = &["-O2", "-march=armv6j", "-mfpu=vfp", "-marm"];
    // One row a compiler, one column a fact: a type of its own would only hide it.
    #[allow(clippy::type_complexity)]
    let table: &[(&str, &[&str], &str, &[&str], &str, Severity)] = &[
        (
            hf,
            v6,
            hf,
            &["-O2"],
            ".ARM.attributes: CPU_arch v6 against v7",
            Severity::Fatal,
        ),
        (
            hf,
            &["-O2"],
            hf,
            v6,
            ".ARM.attributes: CPU_arch v7 against v6",
            Severity::Benign,
        ),
        (
            hf,
            &["-O2"],
            "arm-linux-gnueabi-gcc",
            &["-O2"],
            ".ARM.attributes: ABI_VFP_args VFP-registers against core-registers",
            Severity::Fatal,
        ),
        (
            hf,
            &["-O2"],
            hf,
            &["-O2", "-marm"],
            "mapping symbols: mode Thumb against ARM",
            Severity::Benign,
        ),
        (
            hf,
            &["-O2"],
            hf,
            &["-O2", "-fshort-enums"],
            ".ARM.attributes: ABI_enum_size int against small",
            Severity::Fatal,
        ),
        (
            hf,
            &["-O2"],
            hf,
            &["-O2", "-fno-PIE"],
            "relocations: addresses relative against absolute",
            Severity::Fatal,
        ),
        (
            hf,
            &["-O2", "-fno-PIE"],
            hf,
            &["-O2"],
            "relocations: addresses absolute against relative",
            Severity::Benign,
        ),
        (
            hf,
            &["-O2"],
            "x86_64-linux-gnu-gcc",
            &["-O2"],
            "ELF header: machine arm against x86-64",
            Severity::Fatal,
        ),
        (
            "x86_64-linux-gnu-gcc",
            &["-O2"],
            "x86_64-linux-gnu-gcc",
            &["-O2", "-mx32"],
            "ELF header: word size 64 against 32",
            Severity::Fatal,
        ),
        (
            "mipsel-linux-gnu-gcc",
            &["-O2"],
            "mipsel-linux-gnu-gcc",
            &["-O2", "-msoft-float"],
            ".gnu.attributes: ABI_FP xx against soft",
            Severity::Fatal,
        ),
        (
            "powerpc64-linux-gnu-gcc",
            &["-O2"],
            "powerpc64-linux-gnu-gcc",
            &["-O2", "-mabi=elfv2"],
            "ELF header: ABI ELFv1 against ELFv2",
            Severity::Fatal,
        ),
        (
            "aarch64-linux-gnu-gcc",
            &["-O2", "-mbranch-protection=bti"],
            "aarch64-linux-gnu-gcc",
            &["-O2"],
            ".note.gnu.property: branch-protection BTI against none",
            Severity::Benign,
        ),
        (
            "riscv64-linux-gnu-gcc",
            &["-O2"],
            "riscv64-linux-gnu-gcc",
            &["-O2", "-march=rv64imafd"],
            "ELF header: RVC compressed against none",
            Severity::Benign,
        ),
    ];
    for (wanted, wanted_flags, offered, offered_flags, words, severity) in table {
        let read = |c: &str, f: &[&str]| Facts::read(&compile(c, f, "a.c", SOURCE)).unwrap();
        let differences = read(wanted, wanted_flags).differences(&read(offered, offered_flags));
        let found = differences.iter().find(|d| d.to_string() == *words);
        let found = found.unwrap_or_else(|| panic!("{words} not in {differences:#?}"));
        assert_eq!(found.severity, *severity, "{words}");
        let sorted = differences
            .windows(2)
            .all(|p| p[0].severity >= p[1].severity);
        assert!(sorted, "{differences:#?}");
    }
}

#[test]
fn a_stack_that_must_be_executable_is_fatal() {
    let gcc = "x86_64-linux-gnu-gcc";
    let plain = Facts::read(&compile(gcc, &["-O2"], "a.c", SOURCE)).unwrap();
    let nested = "int f(int (*g)(void)); int h(int a) { int g(void) { return a; } return f(g); }";
    let nested = Facts::read(&compile(gcc, &["-O2"], "a.c", nested)).unwrap();
    assert_eq!(nested.get("stack"), Some("executable"));
    let differences = plain.differences(&nested);
    assert!(differences
        .iter()
        .any(|d| d.name == "stack" && d.severity == Severity::Fatal));
}

#[test]
fn only_what_counts_is_compared() {
    let gcc = "arm-linux-gnueabihf-gcc";
    let object = |flags: &[&str], name: &str| compile(gcc, flags, name, SOURCE);
    let plain = object(&["-O2"], "a.c");
    assert_eq!(
        compare(&plain, &object(&["-O2"], "a.c")),
        Ok(Comparison::Identical)
    );

    let no_comment = object(&["-O2", "-fno-ident"], "a.c");
    let aside = Comparison::Equivalent(vec![".comment".to_string()]);
    assert_eq!(compare(&plain, &no_comment), Ok(aside));
    // The file's name is only a name.
    let renamed = object(&["-O2"], "another-name.c");
    assert!(matches!(
        compare(&plain, &renamed),
        Ok(Comparison::Equivalent(_))
    ));
    // Debug information does not count, and brings symbols, sections and relocations along.
    let debug = object(&["-O2", "-g"], "a.c");
    assert!(matches!(
        compare(&plain, &debug),
        Ok(Comparison::Equivalent(_))
    ));
    let hash = digest(&plain).unwrap();
    assert_eq!(hash.len(), 32);
    for same in [&no_comment, &renamed, &debug] {
        assert_eq!(digest(same).unwrap(), hash);
    }
}

#[test]
fn the_first_difference_is_found() {
    let gcc = "x86_64-linux-gnu-gcc";
    let first = |a: &str, b: &str| {
        let (a, b) = (
            compile(gcc, &["-O2"], "a.c", a),
            compile(gcc, &["-O2"], "a.c", b),
        );
        assert_ne!(digest(&a).unwrap(), digest(&b).unwrap());
        match compare(&a, &b) {
            Ok(Comparison::Different(first)) => first,
            other => panic!("{other:?}"),
        }
    };
    let code = first("int f(void) { return 1; }", "int f(void) { return 2; }");
    assert_eq!((code.section.as_str(), code.offset), (".text", Some(1)));
    assert!(
        code.words.starts_with("01 00 00 00 against 02 00 00 00"),
        "{}",
        code.words
    );
    let data = first("int a[] = {1, 2};", "int a[] = {1, 3};");
    assert_eq!((data.section.as_str(), data.offset), (".data", Some(4)));
    let call = first(
        "void a(void), b(void); void f(void) { a(); }",
        "void a(void), b(void); void f(void) { b(); }",
    );
    assert_eq!(call.section, ".rela.text");
    assert!(
        call.words.contains("(a)") && call.words.contains("(b)"),
        "{}",
        call.words
    );
    let name = first("int one;", "int two;");
    assert_eq!(name.section, "symbols");
    let size = first("char a[4];", "char a[5];");
    assert_eq!(size.section, ".bss");
    let machine = compare(
        &compile(gcc, &[], "a.c", SOURCE),
        &compile("aarch64-linux-gnu-gcc", &[], "a.c", SOURCE),
    );
    assert!(matches!(machine, Ok(Comparison::Different(f)) if f.section == "ELF header"));
}
