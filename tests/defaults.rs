//! Stating a compiler's own defaults changes nothing: asked of Debian's gcc and its cross compilers.
//!
//! Every compiler here must be installed; a missing one is a failure that names its package.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ccroute::defaults::stated;
use ccroute::target::{verdict, Float, Known, Level, Target};
use ccroute::triple::Triple;

/// A compiler and all that it was configured to assume (`-###`, `-dM -E`).
struct Compiler {
    triple: &'static str,
    package: &'static str,
    defaults: &'static [&'static str],
    cases: &'static [Case],
}

/// Flags of a request, and which of the defaults they take away.
type Case = (&'static [&'static str], &'static [&'static str]);

/// What the requests of every architecture may say.
const COMMON: &[Case] = &[
    (&[], &[]),
    (&["-O2"], &[]),
    (&["-Os", "-fPIC"], &["-fPIE"]),
    (&["-O2", "-fpic"], &["-fPIE"]),
    (&["-O2", "-fpie"], &["-fPIE"]),
    (&["-O2", "-fno-pie"], &["-fPIE"]),
    (&["-O2", "-fno-PIE"], &["-fPIE"]),
    (&["-O2", "-fno-pic"], &["-fPIE"]),
    (&["-O2", "-fPIC", "-fno-PIC"], &["-fPIE"]),
    // The linker's business: gcc compiles the same with all of them.
    (&["-O2", "-static"], &[]),
    (&["-O2", "-static-pie"], &[]),
    (&["-O2", "-shared"], &[]),
    (&["-O2", "-no-pie"], &[]),
    (&["-O2", "-pie"], &[]),
    (&["-O2", "-nostdlib"], &[]),
    (&["-O2", "-ffreestanding"], &[]),
    (&["-O2", "-fstack-protector"], &["-fno-stack-protector"]),
    (
        &["-O2", "-fstack-protector-strong"],
        &["-fno-stack-protector"],
    ),
    (&["-O2", "-fstack-protector-all"], &["-fno-stack-protector"]),
    (&["-O2", "-fno-stack-protector"], &["-fno-stack-protector"]),
    (
        &["-O2", "-fstack-clash-protection"],
        &["-fno-stack-clash-protection"],
    ),
    (&["-O0", "-g"], &[]),
    // A flag's name as another option's value is no flag.
    (&["-O2", "-D", "-fno-pie"], &[]),
];

const ARM_HARD: &[Case] = &[
    (
        &["-O2", "-march=armv6", "-marm", "-mfpu=vfp"],
        &["-march=armv7-a+fp", "-mthumb"],
    ),
    (
        &["-O2", "-march=armv7-a", "-mfpu=neon"],
        &["-march=armv7-a+fp"],
    ),
    (&["-O2", "-mcpu=cortex-a7"], &["-march=armv7-a+fp"]),
    (
        &["-O2", "-mcpu=cortex-a72", "-mfpu=neon-fp-armv8"],
        &["-march=armv7-a+fp"],
    ),
    (&["-O2", "-mtune=cortex-a9"], &[]),
    (&["-O2", "-mfpu=neon-vfpv4"], &[]),
    (&["-O2", "-marm"], &["-mthumb"]),
    (&["-O2", "-mthumb"], &["-mthumb"]),
    (&["-O2", "-mfloat-abi=softfp"], &["-mfloat-abi=hard"]),
    (&["-O2", "-msoft-float"], &["-mfloat-abi=hard"]),
    (&["-O2", "-mhard-float"], &["-mfloat-abi=hard"]),
    (
        &["-O2", "-mtls-dialect=gnu2", "-fPIC"],
        &["-mtls-dialect=gnu", "-fPIE"],
    ),
    (&["-O2", "-mbig-endian"], &[]),
    (&["-O2", "-mabi=aapcs"], &[]),
    // Fails in gcc, and must fail the same way.
    (&["-O2", "-march=armv6"], &["-march=armv7-a+fp"]),
];

const ARM_SOFT: &[Case] = &[
    (&["-O2", "-march=armv7-a"], &["-march=armv5te"]),
    (&["-O2", "-mcpu=arm926ej-s"], &["-march=armv5te"]),
    (
        &["-O2", "-mcpu=arm1176jzf-s", "-mfloat-abi=softfp"],
        &["-march=armv5te", "-mfloat-abi=soft"],
    ),
    (&["-O2", "-mthumb"], &["-marm"]),
    (&["-O2", "-mtune=xscale"], &[]),
];

const AARCH64: &[Case] = &[
    (&["-O2", "-march=armv8.2-a"], &["-march=armv8-a"]),
    (&["-O2", "-mcpu=cortex-a72"], &["-march=armv8-a"]),
    (&["-O2", "-mtune=cortex-a53"], &[]),
    (&["-O2", "-mno-outline-atomics"], &["-moutline-atomics"]),
    (&["-O2", "-mbig-endian"], &["-mlittle-endian"]),
    (&["-O2", "-mabi=ilp32"], &["-mabi=lp64"]),
    (
        &["-O2", "-mfix-cortex-a53-835769"],
        &["-mno-fix-cortex-a53-835769"],
    ),
    (&["-O2", "-mbranch-protection=standard"], &[]),
];

const RISCV64: &[Case] = &[
    (
        &["-O2", "-march=rv64imac", "-mabi=lp64"],
        &["-march=rv64imafdc_zicsr_zifencei", "-mabi=lp64d"],
    ),
    (
        &["-O2", "-march=rv32gc", "-mabi=ilp32d"],
        &["-march=rv64imafdc_zicsr_zifencei", "-mabi=lp64d"],
    ),
    (
        &["-O2", "-mcpu=sifive-u74"],
        &["-march=rv64imafdc_zicsr_zifencei"],
    ),
    (&["-O2", "-mtune=sifive-7-series"], &[]),
    (&["-O2", "-misa-spec=2.2"], &["-misa-spec=20191213"]),
];

const X86_64: &[Case] = &[
    (
        &["-O2", "-march=x86-64-v3"],
        &["-march=x86-64", "-mtune=generic"],
    ),
    (
        &["-O2", "-march=core2", "-mtune=haswell"],
        &["-march=x86-64", "-mtune=generic"],
    ),
    (&["-O2", "-mtune=haswell"], &["-mtune=generic"]),
    (&["-O2", "-mcpu=haswell"], &["-mtune=generic"]),
    // The 32-bit default is another: i686 here.
    (&["-O2", "-m32"], &["-m64", "-march=x86-64"]),
    (
        &["-O2", "-m32", "-march=i486"],
        &["-m64", "-march=x86-64", "-mtune=generic"],
    ),
    (&["-O2", "-mx32"], &["-m64"]),
    (&["-O2", "-fcf-protection"], &["-fcf-protection=none"]),
    (
        &["-O2", "-fcf-protection=branch"],
        &["-fcf-protection=none"],
    ),
    (&["-O2", "-mavx2"], &[]),
    (&["-O2", "-mno-red-zone"], &[]),
];

const I686: &[Case] = &[
    (&["-O2", "-march=i486"], &["-march=i686", "-mtune=generic"]),
    (
        &["-O2", "-march=pentium-m", "-mfpmath=sse"],
        &["-march=i686", "-mtune=generic"],
    ),
    (&["-O2", "-mtune=core2"], &["-mtune=generic"]),
    (&["-O2", "-fcf-protection=full"], &["-fcf-protection=none"]),
];

const HARDENING: [&str; 3] = [
    "-fPIE",
    "-fno-stack-protector",
    "-fno-stack-clash-protection",
];

const COMPILERS: &[Compiler] = &[
    Compiler {
        triple: "arm-linux-gnueabihf",
        package: "gcc-arm-linux-gnueabihf",
        defaults: &[
            "-march=armv7-a+fp",
            "-mfloat-abi=hard",
            "-mthumb",
            "-mtls-dialect=gnu",
        ],
        cases: ARM_HARD,
    },
    Compiler {
        triple: "arm-linux-gnueabi",
        package: "gcc-arm-linux-gnueabi",
        defaults: &[
            "-march=armv5te",
            "-mfloat-abi=soft",
            "-marm",
            "-mtls-dialect=gnu",
        ],
        cases: ARM_SOFT,
    },
    Compiler {
        triple: "aarch64-linux-gnu",
        package: "gcc-aarch64-linux-gnu",
        defaults: &[
            "-march=armv8-a",
            "-mabi=lp64",
            "-mlittle-endian",
            "-moutline-atomics",
            "-mno-fix-cortex-a53-835769",
        ],
        cases: AARCH64,
    },
    Compiler {
        triple: "riscv64-linux-gnu",
        package: "gcc-riscv64-linux-gnu",
        defaults: &[
            "-march=rv64imafdc_zicsr_zifencei",
            "-mabi=lp64d",
            "-misa-spec=20191213",
        ],
        cases: RISCV64,
    },
    Compiler {
        triple: "x86_64-linux-gnu",
        package: "gcc",
        defaults: &[
            "-march=x86-64",
            "-mtune=generic",
            "-m64",
            "-fcf-protection=none",
        ],
        cases: X86_64,
    },
    Compiler {
        triple: "i686-linux-gnu",
        package: "gcc-i686-linux-gnu",
        defaults: &["-march=i686", "-mtune=generic", "-fcf-protection=none"],
        cases: I686,
    },
];

/// Code that shows what a flag does: stack buffers, TLS, a jump table, atomics, floating point,
/// external data and calls, and every macro that counts, as data.
const SOURCE: &str = "
static __thread int local;
extern int other;
extern double call(double);
int integers(int a) {
    volatile char buffer[64];
    buffer[a & 63] = 1;
    local += a;
    switch (a) {
    case 1: return other;
    case 2: return 7;
    case 3: return buffer[9];
    case 4: return a * 3;
    case 5: return buffer[2];
    case 6: return a / (local | 1);
    }
    return __atomic_fetch_add(&other, 1, __ATOMIC_SEQ_CST) + local;
}
double floats(double x, float y, long long n) { return call(x * y + n) + (long long)x; }
float loop(float *p, int n) { float s = 0; for (int i = 0; i < n; i++) s += p[i] * 2; return s; }
void *big(int n) { char a[100000]; extern void use(char *); use(a); return &local + n; }
enum small { A, B };
int size[] = { sizeof(enum small), sizeof(long), sizeof(void *), sizeof(long double) };
";

impl Compiler {
    fn target(&self) -> Target {
        let triple = Triple::parse(self.triple);
        let triple = triple.unwrap_or_else(|e| panic!("{}: {e}", self.triple));
        Target::of_triple(&triple)
    }

    fn defaults(&self) -> Vec<String> {
        let all = self.defaults.iter().chain(&HARDENING);
        all.map(|d| d.to_string()).collect()
    }

    /// Compiles the source; the object's bytes, or nothing where the compiler refuses.
    fn object(&self, directory: &Path, flags: &[String]) -> Option<Vec<u8>> {
        let (source, object) = (directory.join("source.c"), directory.join("source.o"));
        let _ = fs::remove_file(&object);
        let output = Command::new(format!("{}-gcc", self.triple))
            // The debug information's own record of flags is the one place where a stated default
            // shows.
            .args(["-w", "-gno-record-gcc-switches", "-c", "-o"])
            .arg(&object)
            .args(flags)
            .arg(&source)
            .output();
        let output = output.unwrap_or_else(|e| {
            panic!(
                "{}-gcc: {e}: install the package {}",
                self.triple, self.package
            )
        });
        output
            .status
            .success()
            .then(|| fs::read(&object).unwrap_or_else(|e| panic!("{}: {e}", object.display())))
    }

    /// What the compiler predefines when it is given these flags.
    fn macros(&self, flags: &[&str]) -> Target {
        let output = Command::new(format!("{}-gcc", self.triple))
            .args(flags)
            .args(["-dM", "-E", "-x", "c", "/dev/null"])
            .output();
        let output = output.unwrap_or_else(|e| {
            panic!(
                "{}-gcc: {e}: install the package {}",
                self.triple, self.package
            )
        });
        let lines = output.stdout.split(|&b| b == b'\n');
        Target::of_macros(lines.filter_map(|line| {
            let definition = line.strip_prefix(b"#define ".as_slice())?;
            let at = definition.iter().position(|&b| b == b' ')?;
            Some((&definition[..at], &definition[at + 1..]))
        }))
    }
}

/// A directory of its own per compiler, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let base = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = base.join(format!("defaults-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let source = path.join("source.c");
        fs::write(&source, SOURCE).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| w.to_string()).collect()
}

#[test]
fn a_compilers_own_defaults_stated_change_not_one_byte() {
    for compiler in COMPILERS {
        let scratch = Scratch::new(compiler.triple);
        let defaults = compiler.defaults();
        for (user, dropped) in COMMON.iter().chain(compiler.cases) {
            let what = format!("{} {user:?}", compiler.triple);
            let kept = stated(&compiler.target(), &defaults, user);
            let gone: Vec<&str> = defaults
                .iter()
                .map(String::as_str)
                .filter(|d| !kept.iter().any(|k| k == d))
                .collect();
            let mut want = dropped.to_vec();
            want.sort_by_key(|w| defaults.iter().position(|d| d == w));
            assert_eq!(gone, want, "{what}");
            let user = strings(user);
            let alone = compiler.object(&scratch.0, &user);
            let with = compiler.object(&scratch.0, &[kept, user].concat());
            assert!(alone == with, "{what}: the objects differ");
        }
    }
}

#[test]
fn what_is_not_dropped_would_change_the_object() {
    // The case that gave the rule its weight: a -march left beside the user's -mcpu wins.
    let Some(arm) = COMPILERS.first() else {
        panic!("no compilers");
    };
    let scratch = Scratch::new("wrong");
    let user = strings(&["-O2", "-marm", "-mcpu=cortex-a15"]);
    let wrong = [strings(&["-march=armv7-a+fp"]), user.clone()].concat();
    assert!(arm.object(&scratch.0, &user) != arm.object(&scratch.0, &wrong));
}

#[test]
fn stack_protector_goes_where_there_is_no_library_to_fail_in() {
    let target = Target::default();
    let defaults = strings(&["-fstack-protector-strong"]);
    for flag in [
        "-ffreestanding",
        "-nostdlib",
        "-nodefaultlibs",
        "-fno-stack-protector",
    ] {
        assert!(stated(&target, &defaults, &[flag]).is_empty(), "{flag}");
    }
    for flag in [
        "-static",
        "-nostartfiles",
        "-fno-builtin",
        "-fstack-clash-protection",
    ] {
        assert_eq!(stated(&target, &defaults, &[flag]), defaults, "{flag}");
    }
}

#[test]
fn other_architectures_drop_by_their_own_tables() {
    type Row = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
    );
    let table: &[Row] = &[
        (
            "mipsel-linux-gnu",
            &["-march=mips32r2", "-mfpxx"],
            &["-mips4"],
            &["-mfpxx"],
        ),
        (
            "mipsel-linux-gnu",
            &["-march=mips32r2", "-mfpxx"],
            &["-msoft-float"],
            &["-march=mips32r2"],
        ),
        (
            "mipsel-linux-gnu",
            &["-march=mips32r2"],
            &["-mips16"],
            &["-march=mips32r2"],
        ),
        (
            "mips64el-linux-gnuabi64",
            &["-march=mips64r2", "-mabi=64"],
            &["-mabi=32"],
            &[],
        ),
        (
            "mips64el-linux-gnuabi64",
            &["-march=mips64r2", "-mabi=64"],
            &["-mabi=n32"],
            &["-march=mips64r2"],
        ),
        (
            "powerpc64le-linux-gnu",
            &["-mcpu=power8", "-mtune=power9"],
            &["-mcpu=power9"],
            &[],
        ),
        (
            "powerpc64-linux-gnu",
            &["-mabi=elfv1", "-mabi=ibmlongdouble"],
            &["-mabi=elfv2"],
            &["-mabi=ibmlongdouble"],
        ),
        (
            "powerpc64-linux-gnu",
            &["-mlong-double-128"],
            &["-mlong-double-64"],
            &[],
        ),
        (
            "s390x-linux-gnu",
            &["-march=z196", "-mtune=z13"],
            &["-march=z14"],
            &[],
        ),
        ("sparc64-linux-gnu", &["-mcpu=ultrasparc"], &["-m32"], &[]),
        (
            "loongarch64-linux-gnu",
            &["-march=la464", "-mabi=lp64d"],
            &["-march=loongarch64"],
            &["-mabi=lp64d"],
        ),
        (
            "x86_64-linux-gnu",
            &["-D_FORTIFY_SOURCE=2", "-DX"],
            &["-U_FORTIFY_SOURCE"],
            &["-DX"],
        ),
        (
            "x86_64-linux-gnu",
            &["--param", "ssp-buffer-size=4"],
            &["-O2"],
            &["--param", "ssp-buffer-size=4"],
        ),
        (
            "x86_64-linux-gnu",
            &["-mcld", "-mfpmath=sse"],
            &["-mno-cld", "-mfpmath=387"],
            &[],
        ),
    ];
    for (name, defaults, user, kept) in table {
        let triple = Triple::parse(name).unwrap_or_else(|e| panic!("{name}: {e}"));
        let found = stated(&Target::of_triple(&triple), &strings(defaults), user);
        assert_eq!(found, *kept, "{name} {defaults:?} {user:?}");
    }
}

#[test]
fn macros_and_flags_tell_the_same_of_a_compiler() {
    for compiler in COMPILERS {
        let all: Vec<&str> = compiler
            .defaults
            .iter()
            .chain(&HARDENING)
            .copied()
            .collect();
        let mut facts = compiler.macros(&[]);
        // No macro tells that; `-###` does: no -mfpu among these defaults.
        facts.fpu_of_isa = facts.fpu.is_known();
        let flags = compiler.target().refined(&all);
        for (user, _) in COMMON.iter().chain(compiler.cases) {
            let macros = compiler.macros(user);
            if macros == Target::default() {
                // The compiler refused the flags.
                continue;
            }
            let what = format!(
                "{} {user:?}\n macros {macros}\n flags  {}",
                compiler.triple,
                flags.refined(user)
            );
            let found = verdict(&flags.refined(user), &macros, &[] as &[&str]);
            assert!(
                found.level >= Level::Compatible,
                "{what}\n {:?}",
                found.refusal()
            );
            let found = verdict(&facts.refined(user), &macros, &[] as &[&str]);
            assert!(
                found.level >= Level::Compatible,
                "{what}\n {:?}",
                found.refusal()
            );
        }
    }
}

#[test]
fn float_abi_by_macros() {
    let [hard, soft, ..] = COMPILERS else {
        panic!("two ARM compilers");
    };
    assert_eq!(hard.macros(&[]).float, Known::Known(Float::Hard));
    assert_eq!(
        hard.macros(&["-mfloat-abi=softfp"]).float,
        Known::Known(Float::Softfp)
    );
    assert_eq!(soft.macros(&[]).float, Known::Known(Float::Soft));
}
