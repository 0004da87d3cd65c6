//! The real thing: distcc and distccd on loopback, Debian's cross compilers, and what comes back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::common::call::{run, tool_output, Ran, SYSTEM_PATH};
use crate::common::{
    farm, need, raw, rules, shipped_rules, toolbox, without_comment, Client, Distccd, Elf, Scratch,
};

/// Gentoo's name for the compiler of a first Raspberry Pi.
const PI: &str = "armv6j-hardfloat-linux-gnueabi";
/// What that compiler was configured to assume.
const PI_FLAGS: &str = "-march=armv6j -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm -fPIE -fstack-protector-strong";
const DEBIAN: &str = "arm-linux-gnueabihf";
const LITTLE_ENDIAN: &str = "2's complement, little endian";

fn pi_rules() -> String {
    format!("[{PI}]\nuse = {DEBIAN}\ndefaults = {PI_FLAGS}\n")
}

/// A helper whose compilers are the system's.
fn helper(scratch: &Scratch, rules: &Path, names: &[&str]) -> Distccd {
    let farm = farm(scratch, names);
    let path = [&farm, Path::new("/usr/bin"), Path::new("/bin")];
    Distccd::start(scratch, &path, &[("CCROUTE_RULES_DIR", rules.as_os_str())])
}

/// A helper with links under `names`, and a client whose compilers of the same names are `command`.
fn helper_and_client(
    scratch: &Scratch,
    rules: &Path,
    names: &[&str],
    command: &str,
) -> (Distccd, Client) {
    let helper = helper(scratch, rules, names);
    let client = Client::bare(scratch, &helper);
    for name in names {
        let command = match name.contains("++") {
            true => command.replace("gcc", "g++"),
            false => command.to_owned(),
        };
        client.compiler(name, &command);
    }
    (helper, client)
}

/// A job from one of this machine's addresses.
fn job(helper: &Distccd, from: &str, source: &[u8]) -> raw::Reply {
    let words: [&[u8]; 6] = [b"gcc", b"-O2", b"-c", b"t.c", b"-o", b"t.o"];
    raw::send(helper.socket(), from.parse().unwrap(), &words, source).expect("an answer")
}

/// Doubles added by the FPU, one word printed by the kernel: no library takes part, because
/// Debian's are for ARMv7 and would themselves die on an ARMv6. More values are alive than Thumb
/// has low registers for, so a compiler for ARMv7 begins `sum` with a `push.w`, which no ARMv6 has.
const PROGRAM: &str = r#"
static void put(const char *text, unsigned long length)
{
    register long number __asm__("r7") = 4;
    register long fd __asm__("r0") = 1;
    register const char *from __asm__("r1") = text;
    register unsigned long count __asm__("r2") = length;
    __asm__ volatile("svc 0" : "+r"(fd) : "r"(number), "r"(from), "r"(count) : "memory");
}
static void leave(long code)
{
    register long number __asm__("r7") = 1;
    register long status __asm__("r0") = code;
    for (;;) __asm__ volatile("svc 0" : : "r"(number), "r"(status));
}
volatile double one = 1.5, two = 2.25;
volatile int n = 1;
__attribute__((noinline)) double add(double a, double b) { return a + b + n; }
__attribute__((noinline)) double sum(int a, int b, int c, int d)
{
    int e = n, f = n, g = n;
    double s = add(one, two);
    s = add(s, a + b + c + d);
    return add(s, e * a + f * b + g * c + d);
}
void _start(void)
{
    double s = sum(n, n, n, n);
    put("alive\n", 6);
    leave(s == 3.75 + 1 + 4 + 1 + 4 + 1 ? 0 : 1);
}
"#;

fn assert_armv6_hard_float(object: &Elf) {
    assert_eq!(object.class, "ELF32");
    assert_eq!(object.data, LITTLE_ENDIAN);
    assert_eq!(object.machine, "ARM");
    assert_eq!(object.tag("Tag_CPU_arch"), "v6", "{object:?}");
    assert_eq!(object.tag("Tag_FP_arch"), "VFPv2");
    assert!(object.is_hard_float());
    assert_eq!(object.tag("Tag_ARM_ISA_use"), "Yes");
}

/// Links without any library and runs on a first Raspberry Pi's processor.
fn link_and_run(dir: &Path, object: &str) -> Ran {
    tool_output(
        &format!("{DEBIAN}-gcc"),
        ["-nostdlib", "-static", "-o", "program", object],
        dir,
    );
    // The shell makes of a signal what a user sees: 128 + its number.
    let text = format!(
        "{} -cpu arm1176 ./program; exit $?",
        need("qemu-arm").display()
    );
    run(Command::new("/bin/sh")
        .args(["-c", &text])
        .current_dir(dir)
        .env("QEMU_CORE", "0"))
}

#[test]
fn a_pi_gets_the_object_that_its_own_compiler_would_make() {
    let scratch = Scratch::new("pi");
    let rules = rules(&scratch, &pi_rules());
    let (gcc, gxx) = (format!("{PI}-gcc"), format!("{PI}-g++"));
    let own = format!("{DEBIAN}-gcc {PI_FLAGS}");
    let (_helper, client) = helper_and_client(&scratch, &rules, &[&gcc, &gxx], &own);
    let library = "#include <stdio.h>\n#include <math.h>\n\
        double hypotenuse(double a, double b) { return sqrt(a * a + b * b); }\n\
        int main(void) { char t[16]; snprintf(t, sizeof t, \"%g\", hypotenuse(3, 4)); return puts(t); }\n";
    let cxx = "#include <vector>\n#include <string>\n\
        double total(const std::vector<double> &v) { double s = 0; for (double x : v) s += x; return s; }\n\
        std::string name() { return std::string(3, 'x'); }\n";
    client.file("program.c", PROGRAM);
    client.file("library.c", library);
    client.file("classes.cpp", cxx);
    let table: &[(&str, &str, &[&str])] = &[
        (&gcc, "program.c", &["-O2"]),
        (&gcc, "library.c", &["-O0"]),
        (&gcc, "library.c", &["-O2", "-g"]),
        (&gcc, "library.c", &["-Os", "-fno-pie"]),
        (&gxx, "classes.cpp", &["-O2"]),
        (&gxx, "classes.cpp", &["-O1", "-fPIC", "-std=c++17"]),
    ];
    for (name, source, flags) in table {
        let args = [&[*name], *flags, &["-c", source, "-o", "sent.o"]].concat();
        client.send(&args).silent();
        let sent = client.dir.join("sent.o");
        assert_armv6_hard_float(&Elf::of(&sent));

        // The same by hand: what the client's compiler preprocesses, compiled with what it assumes.
        let (debian, ending) = match name.ends_with("g++") {
            true => (format!("{DEBIAN}-g++"), "ii"),
            false => (format!("{DEBIAN}-gcc"), "i"),
        };
        let plain = format!("plain.{ending}");
        let preprocess = [*flags, &["-E", source, "-o", &plain]].concat();
        run(client.command(&client.compiler_path(name)).args(preprocess)).silent();
        let direct: Vec<&str> = PI_FLAGS
            .split(' ')
            .filter(|f| *f != "-fPIE" || !(flags.contains(&"-fno-pie") || flags.contains(&"-fPIC")))
            .chain(flags.iter().copied())
            .chain(["-c", &plain, "-o", "direct.o"])
            .collect();
        tool_output(&debian, direct, &client.dir);
        assert!(
            without_comment(&sent, DEBIAN) == without_comment(&client.dir.join("direct.o"), DEBIAN),
            "{source} {flags:?}: the object is another one"
        );
    }
}

#[test]
fn what_is_linked_from_it_runs_on_an_armv6_and_without_the_flags_dies() {
    let scratch = Scratch::new("runs");
    let gcc = format!("{PI}-gcc");
    let own = format!("{DEBIAN}-gcc {PI_FLAGS}");
    {
        let rules = rules(&scratch, &pi_rules());
        let (_helper, client) = helper_and_client(&scratch, &rules, &[&gcc], &own);
        client.file("program.c", PROGRAM);
        client
            .send(&[&gcc, "-O2", "-c", "program.c", "-o", "program.o"])
            .silent();
        let ran = link_and_run(&client.dir, "program.o").expect(0);
        assert_eq!(ran.stdout, "alive\n");
    }
    // What people do without ccroute: a wrapper under the name that is asked for. Machine and float
    // ABI are right all the same, so it links, and then dies.
    let other = Scratch::new("dies");
    other.script(
        &format!("by-hand/{gcc}"),
        &format!("exec {DEBIAN}-gcc \"$@\""),
    );
    let path = [other.path("by-hand"), "/usr/bin".into(), "/bin".into()];
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let helper = Distccd::start(&other, &path, &[]);
    let client = Client::bare(&other, &helper);
    client.compiler(&gcc, &own);
    client.file("program.c", PROGRAM);
    client
        .send(&[&gcc, "-O2", "-c", "program.c", "-o", "program.o"])
        .silent();
    let object = Elf::of(&client.dir.join("program.o"));
    assert_eq!(object.tag("Tag_CPU_arch"), "v7");
    let ran = link_and_run(&client.dir, "program.o");
    assert_eq!(ran.code, Some(128 + 4), "it should die of SIGILL: {ran:?}");
}

/// The case that distcc alone gets wrong, and its cure.
#[test]
fn a_bare_gcc_is_wrong_with_distcc_alone_and_right_with_a_rule() {
    let source = "int answer(void) { return 42; }\n";
    let own = format!("{DEBIAN}-gcc {PI_FLAGS}");
    {
        let scratch = Scratch::new("alone");
        let system = [Path::new("/usr/bin"), Path::new("/bin")];
        let helper = Distccd::start(&scratch, &system, &[]);
        let client = Client::bare(&scratch, &helper);
        client.compiler("gcc", &own);
        client.file("t.c", source);
        client
            .send(&["gcc", "-O2", "-c", "t.c", "-o", "t.o"])
            .silent();
        let object = Elf::of(&client.dir.join("t.o"));
        if cfg!(target_arch = "x86_64") {
            assert_eq!(object.machine, "Advanced Micro Devices X86-64");
        }
    }
    let scratch = Scratch::new("cured");
    let rules = format!("{}[native from 127.0.0.1]\nas = {PI}\n", pi_rules());
    let rules = crate::common::rules(&scratch, &rules);
    let (_helper, client) = helper_and_client(&scratch, &rules, &["gcc"], &own);
    client.file("t.c", source);
    client
        .send(&["gcc", "-O2", "-c", "t.c", "-o", "t.o"])
        .silent();
    assert_armv6_hard_float(&Elf::of(&client.dir.join("t.o")));
}

/// Without a rule and without a trace of the client's compiler in the source there is no telling.
#[test]
fn a_bare_gcc_that_shows_nothing_is_refused_with_the_line_that_would_settle_it() {
    let scratch = Scratch::new("untold");
    let helper = helper(&scratch, &rules(&scratch, &pi_rules()), &["gcc"]);
    let reply = job(&helper, "127.0.0.7", b"int x;\n");
    assert_eq!(reply.exit(), Some(110), "{reply:?}");
    assert!(reply.object.is_empty());
    let told = reply.stdout_text();
    assert!(
        told.contains("printf '\\n[native from 127.0.0.7]\\nas = "),
        "{told}"
    );
    assert_eq!(reply.stderr, b"");
    let (first, rest) = told.split_once('\n').unwrap();
    assert!(first.starts_with("ccroute on the helper: gcc: "), "{told}");
    assert!(rest.lines().all(|l| l.starts_with("  mkdir -p ")), "{told}");
}

/// One helper, two machines that both say "gcc": each gets its own.
#[test]
fn the_client_s_address_tells_equal_names_apart() {
    let scratch = Scratch::new("addresses");
    let text = format!(
        "{}[aarch64-unknown-linux-gnu]\nuse = aarch64-linux-gnu\n\
         [native from 127.0.0.2]\nas = {PI}\n[native from 127.0.0.3]\nas = aarch64-unknown-linux-gnu\n",
        pi_rules()
    );
    let helper = helper(&scratch, &rules(&scratch, &text), &["gcc"]);
    for (from, machine) in [("127.0.0.2", "ARM"), ("127.0.0.3", "AArch64")] {
        let reply = job(&helper, from, b"int f(int x) { return x + 1; }\n");
        assert_eq!(reply.exit(), Some(0), "{reply:?}");
        let object = scratch.file(&format!("{from}.o"), &reply.object);
        assert_eq!(Elf::of(&object).machine, machine);
    }
    let stranger = job(&helper, "127.0.0.4", b"int x;\n");
    assert_eq!(stranger.exit(), Some(110), "{stranger:?}");
}

/// A client's triple, what its compiler is like, and what its objects have to be.
struct Row {
    triple: &'static str,
    debian: &'static str,
    flags: &'static str,
    class: &'static str,
    machine: &'static str,
    flags_of_elf: &'static str,
    /// ARM attributes.
    tags: &'static [(&'static str, &'static str)],
}

const ROWS: &[Row] = &[
    Row {
        triple: "aarch64-unknown-linux-gnu",
        debian: "aarch64-linux-gnu",
        flags: "",
        class: "ELF64",
        machine: "AArch64",
        flags_of_elf: "0x0",
        tags: &[],
    },
    Row {
        triple: "riscv64-unknown-linux-gnu",
        debian: "riscv64-linux-gnu",
        flags: "",
        class: "ELF64",
        machine: "RISC-V",
        flags_of_elf: "0x5, RVC, double-float ABI",
        tags: &[],
    },
    Row {
        triple: "armv7a-hardfloat-linux-gnueabi",
        debian: "arm-linux-gnueabihf",
        flags: "-march=armv7-a -mfpu=vfpv3-d16 -mfloat-abi=hard -marm",
        class: "ELF32",
        machine: "ARM",
        flags_of_elf: "0x5000000, Version5 EABI",
        tags: &[
            ("Tag_CPU_arch", "v7"),
            ("Tag_FP_arch", "VFPv3-D16"),
            ("Tag_ABI_VFP_args", "VFP registers"),
        ],
    },
    Row {
        triple: "armv5tel-softfloat-linux-gnueabi",
        debian: "arm-linux-gnueabi",
        flags: "-march=armv5te -mfloat-abi=soft -marm",
        class: "ELF32",
        machine: "ARM",
        flags_of_elf: "0x5000000, Version5 EABI",
        tags: &[
            ("Tag_CPU_arch", "v5TE"),
            ("Tag_FP_arch", ""),
            ("Tag_ABI_VFP_args", ""),
        ],
    },
    Row {
        triple: "i686-pc-linux-gnu",
        debian: "i686-linux-gnu",
        flags: "-march=i686",
        class: "ELF32",
        machine: "Intel 80386",
        flags_of_elf: "0x0",
        tags: &[],
    },
];

#[test]
fn every_shipped_stand_in_makes_objects_for_the_client() {
    let scratch = Scratch::new("table");
    let rules = shipped_rules();
    let names: Vec<String> = ROWS
        .iter()
        .flat_map(|r| [format!("{}-gcc", r.triple), format!("{}-g++", r.triple)])
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let helper = helper(&scratch, &rules, &names);
    let client = Client::bare(&scratch, &helper);
    client.file(
        "t.c",
        "#include <stdlib.h>\n#include <string.h>\nfloat scale(float a, double b) { return a * b; }\nsize_t n(const char *s) { return strlen(s); }\n",
    );
    client.file(
        "t.cpp",
        "#include <map>\n#include <string>\nint look(const std::map<std::string, int> &m) { return m.at(\"x\"); }\ndouble scale(double a) { return a * 2; }\n",
    );
    for row in ROWS {
        for (tool, source) in [("gcc", "t.c"), ("g++", "t.cpp")] {
            let name = format!("{}-{tool}", row.triple);
            client.compiler(&name, &format!("{}-{tool} {}", row.debian, row.flags));
            let out = format!("{}.{source}.o", row.triple);
            client
                .send(&[&name, "-O2", "-c", source, "-o", &out])
                .silent();
            let object = Elf::of(&client.dir.join(out));
            assert_eq!(object.class, row.class, "{name}");
            assert_eq!(object.data, LITTLE_ENDIAN);
            assert_eq!(object.machine, row.machine, "{name}");
            assert_eq!(object.flags, row.flags_of_elf, "{name}");
            for (tag, value) in row.tags {
                assert_eq!(object.tag(tag), *value, "{name} {tag}");
            }
        }
    }
}

// ---------------------------------------------------------------------------------------------
// A kernel

/// The files that are compiled.
const KERNEL_OBJECTS: [&str; 3] = [
    "kernel/time/timeconv.o",
    "kernel/time/time.o",
    "kernel/time/timer.o",
];

/// Debian's kernel source, unpacked and configured for the smallest ARM machine. It is kept below
/// target/: unpacking takes half a minute.
fn kernel_tree() -> PathBuf {
    let archive = fs::read_dir("/usr/src")
        .into_iter()
        .flatten()
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with("linux-source-") && n.ends_with(".tar.xz"))
        .max()
        .expect("no kernel source is installed: apt-get install linux-source");
    let name = archive.trim_end_matches(".tar.xz");
    let tree = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if tree.join(".ready").exists() {
        return tree;
    }
    let _ = fs::remove_dir_all(&tree);
    fs::create_dir_all(&tree).unwrap();
    // The parts that no file of ours reads; drivers keep their Kconfig files.
    let skipped = [
        "*/Documentation/*.rst",
        "*/drivers/*.[chS]",
        "*/sound/*.[ch]",
        "*/fs/*.c",
        "*/net/*.c",
        "*/tools/testing/*",
        "*/tools/perf/*",
        "*/boot/dts/*.dts*",
    ];
    let mut args = vec![format!("--file=/usr/src/{archive}")];
    args.extend(["--extract".into(), "--strip-components=1".into()]);
    args.extend(skipped.iter().map(|s| format!("--exclude={s}")));
    need("xz");
    tool_output("tar", args, &tree);
    for program in ["flex", "bison", "bc"] {
        need(program);
    }
    for target in ["tinyconfig", "prepare"] {
        make_kernel(&tree, None, &[target]).expect(0);
    }
    fs::write(tree.join(".ready"), "").unwrap();
    tree
}

/// `make` in the kernel's tree; `client`: its `gcc`, through distcc, is the compiler.
fn make_kernel(tree: &Path, client: Option<&Client>, targets: &[&str]) -> Ran {
    let mut command = match client {
        Some(client) => client.command(&need("make")),
        None => {
            let mut command = Command::new(need("make"));
            command.env_clear().env("PATH", SYSTEM_PATH);
            command
        }
    };
    command
        .current_dir(tree)
        .args(["-s", "ARCH=arm", &format!("CROSS_COMPILE={DEBIAN}-")])
        .args(["HOSTCC=/usr/bin/gcc", "KCONFIG_NOSILENTUPDATE="])
        .args(client.map(|_| "CC=distcc gcc"))
        .args(targets);
    run(&mut command)
}

/// The one command by which make compiled `object`, with the client's `distcc gcc` in place of the
/// compiler that make was told of.
fn send(tree: &Path, client: &Client, object: &str) -> Ran {
    let (dir, file) = object.rsplit_once('/').unwrap();
    let record = fs::read_to_string(tree.join(format!("{dir}/.{file}.cmd"))).unwrap();
    // 6.5 and later say savedcmd_.
    let line = record
        .lines()
        .find(|l| l.contains(&format!("cmd_{object} := ")));
    let command = line.unwrap().split_once(" := ").unwrap().1;
    let command = command.split(" ; ").next().unwrap();
    let arguments = command.strip_prefix(&format!("{DEBIAN}-gcc ")).unwrap();
    let text = format!("distcc gcc {}", arguments.replace("$(pound)", "#"));
    run(client
        .command(Path::new("/bin/sh"))
        .args(["-c", &text])
        .current_dir(tree))
}

/// The objects, without what names the compiler's package; and none is left.
fn take_objects(tree: &Path) -> Vec<Vec<u8>> {
    KERNEL_OBJECTS
        .iter()
        .map(|name| {
            let path = tree.join(name);
            let bytes = without_comment(&path, DEBIAN);
            assert_eq!(Elf::of(&path).machine, "ARM");
            fs::remove_file(&path).unwrap();
            bytes
        })
        .collect()
}

#[test]
fn an_arm_kernel_sent_as_plain_gcc_is_routed_and_refused_when_nothing_serves_it() {
    let tree = kernel_tree();
    for object in KERNEL_OBJECTS {
        let _ = fs::remove_file(tree.join(object));
    }
    make_kernel(&tree, None, &KERNEL_OBJECTS).expect(0);
    let direct = take_objects(&tree);

    // No rule says what this client is; its sources do.
    let scratch = Scratch::new("kernel");
    let rules = shipped_rules();
    let cross = format!("{DEBIAN}-gcc");
    {
        let (helper, client) = helper_and_client(&scratch, &rules, &["gcc"], &cross);
        for object in KERNEL_OBJECTS {
            send(&tree, &client, object).silent();
            assert_sent(&helper, object);
        }
        assert!(take_objects(&tree) == direct, "the objects are others");
    }

    // A helper with nothing but its own compiler.
    let bare = Scratch::new("bare");
    let path = [farm(&bare, &["gcc"]), toolbox(&bare, "only", &["gcc"])];
    let path: Vec<&Path> = path.iter().map(PathBuf::as_path).collect();
    let rules = shipped_rules();
    let env = [("CCROUTE_RULES_DIR", rules.as_os_str())];
    let helper = Distccd::start(&bare, &path, &env);
    let client = Client::bare(&bare, &helper);
    client.compiler("gcc", &cross);
    let ran = send(&tree, &client, KERNEL_OBJECTS[0]).expect(110);
    assert!(
        ran.stdout.starts_with("ccroute on the helper: gcc: ")
            && ran.stdout.contains("arm")
            && ran.stdout.lines().count() == 1,
        "{ran:#?}"
    );
    assert!(!tree.join(KERNEL_OBJECTS[0]).exists());

    // A build as users start it. It also compiles sources that show nothing (an empty file), so
    // here a rule has to say what the client is.
    let build = Scratch::new("build");
    let rules = format!("[native from 127.0.0.1]\nas = {DEBIAN}\n");
    let rules = crate::common::rules(&build, &rules);
    let (helper, client) = helper_and_client(&build, &rules, &["gcc"], &cross);
    let ran = make_kernel(&tree, Some(&client), &KERNEL_OBJECTS).expect(0);
    assert_eq!(ran.stderr, "");
    for object in KERNEL_OBJECTS {
        assert_sent(&helper, object);
    }
    assert!(take_objects(&tree) == direct, "the objects are others");
}

/// distccd writes its summary after it has answered.
fn assert_sent(helper: &Distccd, object: &str) {
    let source = object.replace(".o", ".c");
    let end = format!(" gcc {source}");
    let done = |log: &str| {
        log.lines()
            .any(|l| l.contains("COMPILE_OK") && l.ends_with(&end))
    };
    let sent = (0..100).any(|_| {
        done(&helper.log()) || {
            std::thread::sleep(Duration::from_millis(50));
            false
        }
    });
    assert!(sent, "{source} was not compiled by the helper");
}
