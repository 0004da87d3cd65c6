//! Debian's compilers, their defaults, and requests that override these.

/// A compiler and all that it was configured to assume (`-###`, `-dM -E`).
pub struct Compiler {
    pub triple: &'static str,
    pub package: &'static str,
    pub defaults: &'static [&'static str],
    pub cases: &'static [Case],
}

/// Flags of a request, and which of the defaults they take away.
pub type Case = (&'static [&'static str], &'static [&'static str]);

/// What the requests of every architecture may say.
pub const COMMON: &[Case] = &[
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

pub const ARM_HARD: &[Case] = &[
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

pub const ARM_SOFT: &[Case] = &[
    (&["-O2", "-march=armv7-a"], &["-march=armv5te"]),
    (&["-O2", "-mcpu=arm926ej-s"], &["-march=armv5te"]),
    (
        &["-O2", "-mcpu=arm1176jzf-s", "-mfloat-abi=softfp"],
        &["-march=armv5te", "-mfloat-abi=soft"],
    ),
    (&["-O2", "-mthumb"], &["-marm"]),
    (&["-O2", "-mtune=xscale"], &[]),
];

pub const AARCH64: &[Case] = &[
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

pub const RISCV64: &[Case] = &[
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

pub const X86_64: &[Case] = &[
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
    (&["-O2", "-mavx", "-mno-avx"], &[]),
    (&["-O2", "-mavx2", "-mno-avx"], &[]),
    (&["-O2", "-mno-sse4.2", "-mavx", "-mno-popcnt"], &[]),
    (&["-O2", "-mno-red-zone"], &[]),
];

pub const I686: &[Case] = &[
    (&["-O2", "-march=i486"], &["-march=i686", "-mtune=generic"]),
    (
        &["-O2", "-march=pentium-m", "-mfpmath=sse"],
        &["-march=i686", "-mtune=generic"],
    ),
    (&["-O2", "-mtune=core2"], &["-mtune=generic"]),
    (&["-O2", "-fcf-protection=full"], &["-fcf-protection=none"]),
];

pub const HARDENING: [&str; 3] = [
    "-fPIE",
    "-fno-stack-protector",
    "-fno-stack-clash-protection",
];

pub const COMPILERS: &[Compiler] = &[
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
pub const SOURCE: &str = "
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
