//! What holds for any name and any flags.

use ccroute::abi::triple::Triple;
use ccroute::abi::{verdict, Level, Property, Target};

fn triple(text: &str) -> Triple {
    Triple::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// A deterministic generator (xorshift64), so that a failure repeats.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }
}

const CPUS: &[&str] = &[
    "arm",
    "armeb",
    "armv5tel",
    "armv6j",
    "armv7l",
    "armv7hnl",
    "armv7b",
    "thumbv7em",
    "armv8b",
    "arm64",
    "aarch64_be",
    "amd64",
    "x86_64",
    "i486",
    "i686",
    "mips64el",
    "mipsisa32r6el",
    "mips",
    "ppc64le",
    "powerpc64",
    "riscv64gc",
    "riscv32",
    "s390x",
    "sh4",
    "avr",
    "zzz",
    "armhl",
    "armv",
];
const VENDORS: &[&str] = &[
    "unknown",
    "pc",
    "hardfloat",
    "softfp",
    "pc_t64",
    "unknown_nofpu",
    "rpi",
    "none",
    "linux",
    "redhat",
    "suse",
    "w64",
    "_",
    "ubuntu22.04",
    "cortexa9_neon",
];
const KERNELS: &[&str] = &[
    "linux",
    "none",
    "uclinux",
    "mingw32",
    "freebsd13.0",
    "elf",
    "eabi",
];
const ENVS: &[&str] = &[
    "gnu",
    "gnueabihf",
    "musl",
    "muslgnueabi",
    "gnueabihft64",
    "gnux32",
    "gnuabin32",
    "abi64",
    "androideabi21",
    "uclibceabi",
    "gnu_ilp32",
    "gnusf",
    "elf",
    "eabi",
    "t64",
];
const FLAGS: &[&str] = &[
    "-m32",
    "-m64",
    "-mx32",
    "-march=armv7-a+simd",
    "-march=x86-64-v3",
    "-march=rv64gcv_zba_zfoo",
    "-mcpu=cortex-a72",
    "-mfpu=neon-vfpv4",
    "-mfloat-abi=hard",
    "-msoft-float",
    "-mthumb",
    "-EB",
    "-mabi=n32",
    "-mabi=ilp32",
    "-mabi=elfv2",
    "-mabi=lp64d",
    "-fPIE",
    "-fno-pic",
    "-mavx2",
    "-fstack-protector-strong",
    "-fcf-protection",
    "-mtune=generic",
    "-mlong-double-64",
    "-mips4",
    "--target=riscv64-linux-gnu",
    "-march=armv8.2-a+sve+foo",
    "-misa-spec=2.2",
    "-mnan=2008",
];

/// A random name of one to four fields.
fn any_triple(dice: &mut Dice) -> String {
    let fields = [
        dice.pick(CPUS),
        dice.pick(VENDORS),
        dice.pick(KERNELS),
        dice.pick(ENVS),
    ];
    match dice.roll(6) {
        0 => fields[0].to_string(),
        1 => [fields[0], fields[2]].join("-"),
        2 => [fields[0], fields[1], fields[2]].join("-"),
        3 => [fields[0], fields[2], fields[3]].join("-"),
        _ => fields.join("-"),
    }
}

#[test]
fn properties_hold_for_random_names_and_flags() {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    for _ in 0..4_000 {
        let name = any_triple(&mut dice);
        let parsed = triple(&name);
        assert_eq!(parsed.to_string(), name, "prints as it was written");
        let canonical = parsed.canonical();
        for spelling in parsed.spellings() {
            assert!(triple(&spelling).equivalent(&parsed), "{name}: {spelling}");
        }
        assert_eq!(triple(&canonical).canonical(), canonical, "{name}");
        let flags: Vec<&str> = (0..dice.roll(5)).map(|_| dice.pick(FLAGS)).collect();
        let target = Target::of_triple(&parsed).refined(&flags);
        let text = target.to_string();
        assert_eq!(text.parse(), Ok(target.clone()), "{name} {flags:?}: {text}");
        let own = verdict(&target, &target, &[] as &[&str]);
        // What no compiler compiles (hard float without an FPU) is refused even to itself.
        let fatal: Vec<Property> = own.differences.iter().map(|d| d.property).collect();
        let impossible = matches!(fatal.as_slice(), [Property::Fpu] | [Property::Mode]);
        assert!(
            own.level >= Level::Compatible || impossible,
            "{name} {flags:?}: {own:?}"
        );
        // Flags stated once more change nothing.
        assert_eq!(target.refined(&[] as &[&str]), target, "{name} {flags:?}");
    }
}

/// Names that fuzzing found: their canonical form was no name, or had another canonical form.
#[test]
fn canonical_forms_are_names_and_fixed_points() {
    let table = [
        // Of a vendor of neutral words nothing is left.
        ("x86x64-pc_-ni", "x86x64-ni"),
        ("x86_64-unknown_pc-linux-gnu", "x86_64-linux-gnu"),
        ("x86_64-pc_t64-linux-gnu", "x86_64-t64-linux-gnu"),
        // A vendor does not become a kernel.
        ("sh4-linux_-6464", "sh4-linux_-6464"),
        ("sh4-linux_pc-6464", "sh4-linux_pc-6464"),
        // However many words mean nothing.
        ("arm-v2m-lplmx-android____2", "arm-v2m-lplmx-android"),
        ("arm-linux-muslgnu_gnueabi", "arm-linux-musleabi"),
        ("aarch64-linux-gnu__ilp32", "aarch64-linux-gnu_ilp32"),
        // The byte order behind `te` is one letter.
        ("armv5teb-linux-gnueabi", "armv5teb-linux-gnueabi"),
        ("armv5tb-linux-gnueabi", "armv5tb-linux-gnueabi"),
        ("armebv5t-linux-gnueabi", "armv5tb-linux-gnueabi"),
        ("armebv5te-linux-gnueabi", "armv5teb-linux-gnueabi"),
        ("thumbv7teb-eabmbv7em-ihf", "thumbv7teb-eabmbv7em-ihf"),
        // What says its byte order twice is no ARM.
        ("armv7lll-linux-gnueabi", "armv7lll-linux-gnueabi"),
    ];
    for (name, want) in table {
        let canonical = triple(name).canonical();
        assert_eq!(canonical, want, "{name}");
        assert_eq!(triple(&canonical).canonical(), want, "{name}");
    }
}

/// What is known of a RISC-V without a base, which fuzzing found not to be read back.
#[test]
fn any_set_of_extensions_prints_and_parses() {
    for name in [
        "riscv64ow-arm-n-le",
        "riscv64p-linux-gnu",
        "riscv32imac-none-elf",
    ] {
        let target = Target::of_triple(&triple(name));
        assert_eq!(target.to_string().parse(), Ok(target), "{name}");
    }
    let macros = [
        ("__riscv", "1"),
        ("__riscv_xlen", "64"),
        ("__riscv_zba", "1"),
    ];
    let macros = macros.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()));
    let target = Target::of_macros(macros);
    assert!(target.to_string().contains("isa="), "{target}");
    assert_eq!(target.to_string().parse(), Ok(target));
}
