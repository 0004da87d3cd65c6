//! `probe` on a client, `check` on a helper, `verify` through it: what is the same is called
//! identical, and a lie is caught by each, and by the shim once the compilers are recorded.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::call::{unfolded, Call, Ran, SYSTEM_PATH};
use crate::common::{farm, need, toolbox, Client, Distccd, Scratch, CCROUTE};

const PI: &str = "armv6j-hardfloat-linux-gnueabi";

/// What that name's compiler assumes: Gentoo's toolchain.eclass.
const PI_FLAGS: &str = "-march=armv6j -mtune=arm1136j-s -mfpu=vfp -mfloat-abi=hard -marm -fPIE";

/// A client's compiler, played by Debian's with other defaults. It calls itself `triple`.
fn native(scratch: &Scratch, triple: &str, debian: &str, flags: &str) -> PathBuf {
    for (tool, name) in [("gcc", "gcc"), ("g++", "g++")] {
        let real = need(&format!("{debian}-{tool}"));
        let body = format!(
            "[ \"$1\" = -dumpmachine ] && {{ echo {triple}; exit; }}\nexec {} {flags} \"$@\"",
            real.display()
        );
        scratch.script(&format!("native/{name}"), &body);
    }
    scratch.path("native/gcc")
}

/// What `ccroute probe` prints for it.
fn probed(compiler: &Path) -> String {
    let probe = Call::new(Path::new(CCROUTE)).args([OsStr::new("probe"), compiler.as_os_str()]);
    probe.run().expect(0).stdout
}

/// `ccroute check` with these rules, where `compilers` are all there are.
fn check(scratch: &Scratch, rules: &str, compilers: &[&str]) -> Ran {
    let _ = fs::remove_dir_all(scratch.path("only"));
    let only = toolbox(scratch, "only", compilers);
    let rules = crate::common::rules(scratch, rules);
    let mut ran = Call::new(Path::new(CCROUTE))
        .env("PATH", only)
        .env("CCROUTE_COMPILERS", scratch.path("compilers"))
        .rules(&rules)
        .args(["check", "-v"])
        .run();
    ran.stdout = unfolded(&ran.stdout);
    ran
}

const SOFT: &[&str] = &["arm-linux-gnueabi-gcc", "arm-linux-gnueabi-g++"];
const HARD: &[&str] = &["arm-linux-gnueabihf-gcc", "arm-linux-gnueabihf-g++"];

#[test]
fn a_probed_section_alone_is_the_whole_set_up() {
    let scratch = Scratch::new("alone");
    let section = probed(&need("arm-linux-gnueabihf-gcc"));
    let ran = check(&scratch, &section, HARD).expect(0);
    assert!(
        ran.stdout.contains("arm-linux-gnueabihf-gcc: identical\n"),
        "{}",
        ran.stdout
    );
    // Another compiler has to be named, and makes the same.
    let named = format!("{section}\n[arm-linux-gnueabihf]\nuse = arm-linux-gnueabi\n");
    let ran = check(&scratch, &named, SOFT).expect(0);
    assert!(
        ran.stdout.contains("arm-linux-gnueabi-gcc: identical\n"),
        "{}",
        ran.stdout
    );
    // A clang is asked as clang would be called, and says what it cannot do.
    let clang = format!("{section}\n[arm-linux-gnueabihf]\ntool.gcc = clang\n");
    let ran = check(&scratch, &clang, &["clang"]).expect(1);
    for words in [
        "clang --target=arm-linux-gnueabihf: failed",
        "error: ",
        "compiler: gcc ",
    ] {
        assert!(ran.stdout.contains(words), "{words}: {}", ran.stdout);
    }
    // Every compiler that `use` names is held to a proof, not only the one that is taken.
    let [soft, hard] = [SOFT[0], HARD[0]];
    let both = named.replace("use = ", "use = arm-linux-gnueabihf ");
    let ran = check(&scratch, &both, &[soft, hard]).expect(0);
    for gcc in [soft, hard] {
        let line = format!("{gcc}: identical\n");
        assert!(ran.stdout.contains(&line), "{gcc}: {}", ran.stdout);
    }
    // Where the one that is taken will not do, an installed one that would is named.
    let bare: String = named
        .lines()
        .map(|l| l.replace("-mfloat-abi=hard", "") + "\n")
        .collect();
    fs::remove_file(scratch.path("compilers")).unwrap();
    let ran = check(&scratch, &bare, &[soft, hard]).expect(1);
    assert!(
        ran.stdout
            .contains("would do: use = arm-linux-gnueabihf (identical)"),
        "{}",
        ran.stdout
    );
}

#[test]
fn armv6_on_an_armv7_compiler_is_identical_with_the_defaults_and_wrong_without() {
    let scratch = Scratch::new("armv6");
    let client = native(&scratch, PI, "arm-linux-gnueabi", PI_FLAGS);
    let section = probed(&client);
    assert!(section.contains(&format!("\n[{PI}]\n")), "{section}");
    let named = format!("{section}\n[{PI}]\nuse = arm-linux-gnueabihf\n");
    let ran = check(&scratch, &named, HARD).expect(0);
    assert!(
        ran.stdout.contains("arm-linux-gnueabihf-gcc: identical\n"),
        "{}",
        ran.stdout
    );
    let without: String = named
        .lines()
        .filter(|l| !l.starts_with("defaults"))
        .map(|l| format!("{l}\n"))
        .collect();
    // Known of the compiler or not, it does not get to serve.
    let ran = check(&scratch, &without, HARD).expect(1);
    let words = "(ISA: armv6j wanted, armv7-a offered; ";
    assert!(ran.stdout.contains(words), "{}", ran.stdout);
    fs::remove_file(scratch.path("compilers")).unwrap();
    let ran = check(&scratch, &without, HARD).expect(1);
    let words = "is for armv6j, and nothing says which ARM processor arm-linux-gnueabihf-gcc";
    assert!(ran.stdout.contains(words), "{}", ran.stdout);
}

/// The name promises hard float, the compiler is soft, and the rule does not state it.
#[test]
fn a_lie_is_caught_by_check_by_verify_and_by_the_shim() {
    const LIE: &str =
        "[armv6j-hardfloat-linux-gnueabi]\nuse = arm-linux-gnueabi\ndefaults = -march=armv6j\n";
    let scratch = Scratch::new("lie");
    let compiler = native(&scratch, PI, "arm-linux-gnueabi", PI_FLAGS);
    let ran = check(&scratch, LIE, SOFT).expect(1);
    assert!(
        ran.stdout.contains("target: float ABI hard against soft"),
        "{}",
        ran.stdout
    );
    // It recorded the compilers; a helper where nobody ran it has no records.
    let recorded = scratch.path("compilers");
    assert!(recorded.exists());

    let names = [format!("{PI}-gcc"), format!("{PI}-g++")];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let farm = farm(&scratch, &names);
    let only = scratch.path("only");
    let rules = scratch.path("rules");
    let start = |records: &Path| {
        let env: [(&str, &OsStr); 2] = [
            ("CCROUTE_RULES_DIR", rules.as_os_str()),
            ("CCROUTE_COMPILERS", records.as_os_str()),
        ];
        Distccd::start(&scratch, &[&farm, &only], &env)
    };
    let verify = |helper: &Distccd| {
        let send = format!("shift\nexec {} {PI}-gcc \"$@\"", need("distcc").display());
        let send = scratch.script("send", &send);
        // distcc preprocesses here, with the client's compiler of that name.
        let bin = scratch.dir("client-bin");
        for tool in ["gcc", "g++"] {
            let real = scratch.path(&format!("native/{tool}"));
            let line = format!("exec {} \"$@\"", real.display());
            scratch.script(&format!("client-bin/{PI}-{tool}"), &line);
        }
        Call::new(Path::new(CCROUTE))
            .env("PATH", format!("{}:{SYSTEM_PATH}", bin.display()))
            .env("DISTCC_DIR", scratch.dir("state"))
            .env("DISTCC_HOSTS", helper.host())
            .args([OsStr::new("verify"), OsStr::new("--compiler")])
            .args([&compiler, Path::new("--through"), &send])
            .run()
            .expect(1)
    };
    {
        let helper = start(&scratch.path("no-compilers"));
        let ran = verify(&helper);
        assert!(
            ran.stdout.contains("different") && ran.stdout.contains(&helper.host()),
            "{}",
            ran.stdout
        );
        let words = ".ARM.attributes: ABI_VFP_args VFP-registers against core-registers";
        assert!(ran.stdout.contains(words), "{}", ran.stdout);
    }
    let helper = start(&recorded);
    let client = Client::bare(&scratch, &helper);
    client.compiler(
        &format!("{PI}-gcc"),
        "arm-linux-gnueabi-gcc -mfloat-abi=soft",
    );
    client.file("t.c", "int x;\n");
    let ran = client.send(&[&format!("{PI}-gcc"), "-c", "t.c", "-o", "t.o"]);
    assert_ne!(ran.code, Some(0), "{ran:#?}");
    let words = "float ABI: hard wanted, soft offered";
    assert!(ran.stdout.contains(words), "{ran:#?}");
    assert!(!client.dir.join("t.o").exists());
}
