//! Real triples and real stand-ins as test vectors: every row of the tables in `tests/triples/`
//! is checked.

use std::collections::HashMap;

use ccroute::abi::triple::Triple;
use ccroute::abi::{
    elf_machine_fits, kernel_arches, verdict, Arch, Family, Float, Format, Fpu, Isa, Known, Level,
    Order, Pie, Property, Ssp, Target,
};

/// Rows of `routes.tsv` that the model judges otherwise: requested, installed, flags; its verdict;
/// why that one is right.
const EXCEPTIONS: &[(&str, &str, &str, Level, &str)] = &[(
    "armv6j-hardfloat-linux-gnueabi",
    "clang --target=armv6-unknown-linux-gnueabihf",
    "-march=armv6 -mfpu=vfp -mfloat-abi=hard -marm HARDEN",
    Level::Compatible,
    "clang assumes exactly these flags for that name, so none is needed; that its code differs \
     from gcc's is the compiler's family, not the target",
)];

fn table(name: &str, text: &'static str, columns: usize) -> Vec<Vec<&'static str>> {
    let rows = text.lines().filter(|l| !l.starts_with('#')).skip(1);
    rows.map(|line| {
        let row: Vec<&str> = line.split('\t').collect();
        assert_eq!(row.len(), columns, "{name}: {line}");
        row
    })
    .collect()
}

fn triples() -> Vec<Vec<&'static str>> {
    table("triples.tsv", include_str!("../triples/triples.tsv"), 8)
}

fn routes() -> Vec<Vec<&'static str>> {
    table("routes.tsv", include_str!("../triples/routes.tsv"), 4)
}

/// The triple of a name that may carry a qualifier or be clang's.
fn bare(name: &str) -> Triple {
    let name = name.strip_prefix("clang --target=").unwrap_or(name);
    let first = match name.split_whitespace().next() {
        // "arm kernel build": any ARM client's kernel, musl's for one.
        Some("arm") => "arm-openwrt-linux-muslgnueabi",
        Some(word) => word,
        None => panic!("an empty name"),
    };
    Triple::parse(first).unwrap_or_else(|e| panic!("{name}: {e}"))
}

fn triple(text: &str) -> Triple {
    Triple::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

#[test]
fn what_a_name_says_is_true_and_no_surer_than_it_may_be() {
    let mut checked = 0;
    for row in triples() {
        let name = row[0];
        let target = Target::of_triple(&bare(name));
        assert_eq!(
            target.arch.value().map(|a| a.word()),
            Some(row[1]),
            "{name}"
        );
        assert!(target.arch.is_known(), "{name}");
        assert_eq!(
            target.order.value().map(|o| o.word()),
            Some(row[2]),
            "{name}"
        );
        match row[3] {
            "?" => assert_eq!(target.model, Known::Unknown, "{name}"),
            bits => {
                let found = target.model.value().map(|m| m.bits().to_string());
                assert_eq!(found.as_deref(), Some(bits), "{name}");
            }
        }
        let elf = target.format == Known::Known(Format::Elf);
        assert_eq!(elf, row[4] != "-", "{name}");
        if let (true, Some(&arch)) = (elf, target.arch.value()) {
            let machine = row[4].parse().unwrap_or(0);
            assert!(elf_machine_fits(arch, machine), "{name}");
            // The class is the pointer's width on every system here.
            assert_eq!(row[5], row[3], "{name}");
        }
        let sure = match target.float {
            Known::Known(_) => "known",
            Known::Hint(_) => "hint",
            Known::Unknown => "unknown",
        };
        match row[7] {
            "-" => assert_eq!(sure, "unknown", "{name}"),
            want => {
                assert_eq!(sure, want, "{name}");
                if let Some(float) = target.float.value() {
                    assert_eq!(float.word(), row[6], "{name}");
                }
            }
        }
        // ARM's ISA is nothing that a name can promise.
        let arm = target.arch == Known::Known(Arch::Arm);
        assert!(
            !(arm && (target.isa.is_known() || target.fpu.is_known())),
            "{name}"
        );
        checked += 1;
    }
    assert_eq!(checked, 100);
}

#[test]
fn canonical_forms_are_stable_and_spellings_equivalent() {
    for row in triples().iter().chain(&routes()) {
        let first = bare(row[0]);
        let once = triple(&first.canonical());
        assert_eq!(once.canonical(), first.canonical(), "{}", row[0]);
        assert!(first.equivalent(&once), "{}", row[0]);
        let (by_name, by_canonical) = (Target::of_triple(&first), Target::of_triple(&once));
        assert_eq!(by_name.arch, by_canonical.arch, "{}", row[0]);
        assert_eq!(by_name.model, by_canonical.model, "{}", row[0]);
        assert_eq!(by_name.float, by_canonical.float, "{}", row[0]);
        for spelling in first.spellings() {
            assert!(
                first.equivalent(&triple(&spelling)),
                "{} {spelling}",
                row[0]
            );
        }
    }
}

#[test]
fn equivalence_keeps_what_carries_the_abi() {
    let same = [
        ("aarch64-linux-gnu", "aarch64-unknown-linux-gnu"),
        ("aarch64-linux-gnu", "arm64-linux-gnu"),
        ("aarch64-redhat-linux", "aarch64-linux-gnu"),
        ("amd64-pc-linux-gnu", "x86_64-linux-gnu"),
        ("x86_64-pc-linux", "x86_64-suse-linux"),
        ("armv7a-unknown-linux-gnueabihf", "armv7l-linux-gnueabihf"),
        (
            "arm-openwrt-linux-muslgnueabi",
            "arm-openwrt-linux-musleabi",
        ),
        ("armv7a-linux-androideabi21", "armv7a-linux-androideabi"),
        ("ppc64le-linux-gnu", "powerpc64le-unknown-linux-gnu"),
        ("arm-none-eabi", "arm-eabi"),
    ];
    for (a, b) in same {
        assert!(triple(a).equivalent(&triple(b)), "{a} {b}");
    }
    let different = [
        (
            "armv6j-hardfloat-linux-gnueabi",
            "armv6j-unknown-linux-gnueabi",
        ),
        (
            "armv7hl-redhat-linux-gnueabi",
            "armv7l-redhat-linux-gnueabi",
        ),
        ("i686-pc_t64-linux-gnu", "i686-pc-linux-gnu"),
        (
            "armv7a-unknown-linux-gnueabihft64",
            "armv7a-unknown-linux-gnueabihf",
        ),
        (
            "powerpc-unknown_nofpu-linux-gnu",
            "powerpc-unknown-linux-gnu",
        ),
        ("arm-cortexa9_neon-linux-gnueabihf", "arm-linux-gnueabihf"),
        (
            "armv6-nommu-linux-uclibcgnueabi",
            "armv6-linux-uclibcgnueabi",
        ),
        (
            "arm-bcm2708hardfp-linux-gnueabi",
            "arm-bcm2708-linux-gnueabi",
        ),
        ("armeb-linux-gnueabi", "arm-linux-gnueabi"),
        ("x86_64-linux-gnux32", "x86_64-linux-gnu"),
        ("aarch64-linux-gnu_ilp32", "aarch64-linux-gnu"),
        ("arm-none-eabi", "arm-none-linux-gnueabi"),
    ];
    for (a, b) in different {
        assert!(!triple(a).equivalent(&triple(b)), "{a} {b}");
    }
    let spellings = triple("aarch64-linux-gnu").spellings();
    for want in [
        "aarch64-unknown-linux-gnu",
        "arm64-linux-gnu",
        "aarch64-redhat-linux",
    ] {
        assert!(
            spellings.iter().any(|s| s == want),
            "{want} in {spellings:?}"
        );
    }
}

#[test]
fn what_is_no_triple_is_refused() {
    for text in [
        "",
        "-",
        "a--",
        "a---b",
        "a-b--c",
        "a-b-c-d-e",
        "arm/linux",
        "arm linux",
        "ärm-linux",
    ] {
        assert!(Triple::parse(text).is_err(), "{text}");
    }
    assert!(Triple::parse(&"a".repeat(1000)).is_err());
}

/// A compiler by its name in the tables, with what compilers.tsv says of it.
fn compiler(name: &str, facts: &HashMap<&str, Vec<&str>>) -> Target {
    let target = Target::of_triple(&bare(name));
    match facts.get(name) {
        Some(flags) => target.refined(flags),
        None => {
            assert!(!name.contains(['[', '(']), "compilers.tsv lacks {name}");
            target
        }
    }
}

/// What HARDEN stands for: the client's PIE and stack protector as far as they are known.
fn harden(wanted: &Target) -> Vec<String> {
    let mut flags = Vec::new();
    match wanted.pie {
        Known::Known(Pie::Off) => flags.push("-fno-PIE"),
        Known::Known(Pie::Pie) => flags.push("-fPIE"),
        _ => {}
    }
    match wanted.ssp {
        Known::Known(Ssp::Off) => flags.push("-fno-stack-protector"),
        Known::Known(Ssp::Strong) => flags.push("-fstack-protector-strong"),
        _ => {}
    }
    flags.into_iter().map(str::to_string).collect()
}

#[test]
fn every_route_has_its_verdict() {
    let facts = table("compilers.tsv", include_str!("../triples/compilers.tsv"), 3);
    let facts: HashMap<&str, Vec<&str>> = facts
        .iter()
        .map(|row| (row[0], row[1].split_whitespace().collect()))
        .collect();
    let mut checked = 0;
    let mut excepted = 0;
    let mut wrong = Vec::new();
    for row in routes() {
        let exception = EXCEPTIONS
            .iter()
            .find(|(r, i, f, ..)| (*r, *i, *f) == (row[0], row[1], row[3]));
        let want = match exception {
            Some((.., level, _)) => {
                excepted += 1;
                level.to_string()
            }
            None => row[2].to_string(),
        };
        for requested in alternatives(row[0]) {
            for installed in alternatives(row[1]) {
                let wanted = compiler(&requested, &facts);
                let offered = compiler(&installed, &facts);
                let mut flags: Vec<String> = Vec::new();
                for flag in row[3].split_whitespace() {
                    match flag {
                        "HARDEN" => flags.extend(harden(&wanted)),
                        flag => flags.push(flag.to_string()),
                    }
                }
                let found = verdict(&wanted, &offered, &flags);
                if found.level.to_string() != want {
                    let text: Vec<String> =
                        found.differences.iter().map(|d| d.to_string()).collect();
                    wrong.push(format!(
                        "{requested} <- {installed} [{}]: {want}, found {}: {}\n  wanted  {wanted}\n  offered {offered}\n  flagged {}",
                        row[3], found.level, text.join("; "), offered.refined(&flags)
                    ));
                }
                checked += 1;
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} wrong",
        wrong.join("\n"),
        wrong.len()
    );
    assert_eq!(excepted, EXCEPTIONS.len());
    assert!(checked >= 77, "{checked}");
}

/// `a / b (q)` stands for `a (q)` and `b (q)`.
fn alternatives(name: &str) -> Vec<String> {
    let Some((a, b)) = name.split_once(" / ") else {
        return vec![name.to_string()];
    };
    let qualifier = b.find(' ').map_or("", |at| &b[at..]);
    vec![format!("{a}{qualifier}"), b.to_string()]
}

#[test]
fn differences_read_as_plain_words() {
    let wanted = Target::of_triple(&triple("armv6j-hardfloat-linux-gnueabi"));
    let offered = Target::of_triple(&triple("arm-linux-gnueabi")).refined(&["-mfloat-abi=soft"]);
    let found = verdict(&wanted, &offered, &[] as &[&str]);
    let text = found.refusal().map(|d| d.to_string());
    assert_eq!(
        text.as_deref(),
        Some("float ABI: hard wanted, soft offered")
    );
    assert!(found.unproved.contains(&Property::Isa));
}

#[test]
fn an_unstated_isa_is_served_and_called_unproved() {
    let name = Target::of_triple(&triple("arm-linux-gnueabihf"));
    let facts = name.refined(&["-march=armv7-a+fp", "-mfloat-abi=hard", "-mthumb"]);
    let found = verdict(&name, &facts, &[] as &[&str]);
    assert_eq!(found.level, Level::Compatible);
    assert!(found.unproved.contains(&Property::Isa));
    // Asked for by its own name, the compiler's facts are what is wanted.
    let own = name.strengthened(&facts);
    assert_eq!(verdict(&own, &facts, &[] as &[&str]).level, Level::Same);
}

#[test]
fn kernel_directories_name_sets_of_architectures() {
    assert_eq!(kernel_arches("arm"), [Arch::Arm]);
    assert!(kernel_arches("x86").contains(&Arch::I386));
    assert_eq!(kernel_arches("um"), []);
    assert_eq!(kernel_arches("../etc"), []);
    assert_eq!(Arch::Aarch64.kernel_name(), "arm64");
}

#[test]
fn isas_are_ordered() {
    let orders: &[(Family, &[&str])] = &[
        (
            Family::Arm,
            &[
                "armv4t", "armv5te", "armv6", "armv6j", "armv6k", "armv6kz", "armv7-a", "armv7ve",
                "armv8-a",
            ],
        ),
        (
            Family::X86,
            &[
                "i386",
                "i486",
                "i586",
                "i686",
                "pentium3",
                "pentium-m",
                "x86-64",
                "x86-64-v2",
                "x86-64-v3",
                "x86-64-v4",
            ],
        ),
        (
            Family::Aarch64,
            &["armv8-a", "armv8.1-a", "armv8.2-a", "armv9-a"],
        ),
        (Family::Riscv, &["rv64i", "rv64imac", "rv64gc", "rv64gcv"]),
        (
            Family::Mips,
            &["mips1", "mips2", "mips32", "mips32r2", "mips64r2"],
        ),
        (
            Family::Powerpc,
            &["powerpc64", "power4", "power8", "power10"],
        ),
    ];
    for (family, names) in orders {
        let isas: Vec<Isa> = names
            .iter()
            .filter_map(|n| Isa::of_name(*family, n))
            .collect();
        assert_eq!(isas.len(), names.len(), "{family:?}");
        for pair in isas.windows(2) {
            assert!(
                pair[0].runs_on(pair[1]) && !pair[1].runs_on(pair[0]),
                "{pair:?}"
            );
        }
    }
    let fpu = |n| Fpu::of_name(n).unwrap_or(Fpu::NONE);
    for (less, more) in [
        ("vfpv2", "vfpv3-d16"),
        ("vfpv3-d16", "vfpv3"),
        ("vfpv3-d16", "neon"),
        ("vfpv3", "vfpv4"),
        ("neon", "neon-vfpv4"),
    ] {
        assert!(
            fpu(less).runs_on(fpu(more)) && !fpu(more).runs_on(fpu(less)),
            "{less} {more}"
        );
    }
    assert!(!fpu("neon").runs_on(fpu("vfpv4-d16")));
}

#[test]
fn bad_texts_of_targets_are_refused() {
    for text in [
        "arch",
        "arch=",
        "arch=?",
        "foo=1",
        "arch=arm arch=arm",
        "isa=armv6",
        "pie=maybe",
    ] {
        assert!(text.parse::<Target>().is_err(), "{text}");
    }
    assert_eq!("".parse(), Ok(Target::default()));
}

#[test]
fn macros_settle_what_a_name_only_hints_at() {
    let hard: &[(&[u8], &[u8])] = &[
        (b"__arm__", b"1"),
        (b"__ARM_ARCH_6J__", b"1"),
        (b"__ARM_PCS_VFP", b"1"),
        (b"__ARM_FP", b"12"),
        (b"__BYTE_ORDER__", b"__ORDER_LITTLE_ENDIAN__"),
        (b"__SIZEOF_POINTER__", b"4"),
        (b"__SIZEOF_LONG__", b"4"),
        (b"__ELF__", b"1"),
        (b"__linux__", b"1"),
        (b"\xff", b"\xfe"),
    ];
    let target = Target::of_macros(hard.iter().copied());
    assert_eq!(target.float, Known::Known(Float::Hard));
    assert_eq!(target.order, Known::Known(Order::Little));
    assert_eq!(
        target.isa.map(|i| i.word().into_owned()),
        Known::Known("armv6j".to_string())
    );
    assert_eq!(target.fpu.value(), Fpu::of_name("vfpv2").as_ref());
    assert_eq!(Target::of_macros([].into_iter()), Target::default());
}

#[test]
fn flags_of_another_width_or_release_take_the_abi_with_them() {
    let facts =
        "arch=mips64 model=n64 order=little float=hard longdouble=ieee128 nan=legacy isa=mips64r2";
    let facts: Target = facts.parse().unwrap_or_else(|e| panic!("{e}"));
    let o32 = facts.refined(&["-mabi=32"]);
    assert_eq!(
        (o32.arch, o32.long_double),
        (Known::Known(Arch::Mips), Known::Unknown)
    );
    let r6 = facts.refined(&["-mips64r6"]).to_string();
    assert!(
        r6.contains("nan=2008") && r6.contains("isa=mips64r6"),
        "{r6}"
    );
    // Of x86's features the last word counts, and one takes along what needs it.
    let x86 = Target::of_triple(&triple("x86_64-linux-gnu"));
    let off = x86
        .refined(&["-march=x86-64-v3", "-mno-avx"])
        .isa
        .map(Isa::word);
    assert!(
        off.value().is_some_and(|i| i.starts_with("x86-64-v2~")),
        "{off:?}"
    );
    // As gcc does: the same flag's earlier word is forgotten, another's implications stay.
    assert_eq!(x86.refined(&["-mavx", "-mno-avx"]), x86);
    let stays = x86.refined(&["-mavx2", "-mno-avx"]);
    assert_eq!(stays, x86.refined(&["-msse4.2"]));
}
