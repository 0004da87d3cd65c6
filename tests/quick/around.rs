//! ccroute among other programs: wrappers in front of the masquerade directory, the launcher and the
//! words behind it, no PATH at all.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use crate::common::call::{copy_of_ccroute, Call, SYSTEM_PATH};
use crate::common::Scratch;

/// Not a compiler of this machine.
const NAME: &str = "arm-own-linux-gnueabihf-gcc";

/// Directories for PATH: wrappers, ccroute's links, compilers. Each program prints its own name.
struct Scene {
    scratch: Scratch,
    launcher: PathBuf,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let scratch = Scratch::new(name);
        scratch.dir("rules");
        scratch.dir("front");
        let program = copy_of_ccroute(&scratch.path("opt/ccroute"));
        symlink(&program, scratch.dir("masq").join(NAME)).unwrap();
        let launcher = scratch.path("opt/ccroute-run");
        symlink("ccroute", &launcher).unwrap();
        scratch.script(&format!("bin/{NAME}"), "echo compiler \"$@\"");
        Scene { scratch, launcher }
    }

    fn path(&self) -> String {
        let at = |dir: &str| self.scratch.path(dir).display().to_string();
        // Relative entries are never searched.
        let dirs = [at("front"), ".".into(), at("masq"), at("bin")];
        format!("{}:/usr/bin:/bin", dirs.join(":"))
    }

    fn call(&self, program: &str) -> Call {
        Call::new(&self.scratch.path(program))
            .env("PATH", self.path())
            .rules(&self.scratch.path("rules"))
            .dir(&self.scratch.path("bin"))
    }

    fn launch(&self, words: &[&str]) -> Call {
        self.call(self.launcher.to_str().unwrap()).args(words)
    }
}

#[test]
fn a_wrapper_in_front_that_calls_the_link_by_its_path_does_not_loop() {
    let scene = Scene::new("front");
    let masq = scene.scratch.path("masq").display().to_string();
    for body in [
        format!("echo wrapper; exec {masq}/{NAME} \"$@\""),
        // As ccache does: the next of that name on PATH.
        format!("echo wrapper; PATH={masq}:${{PATH##*masq:}} exec {NAME} \"$@\""),
    ] {
        scene.scratch.script(&format!("front/{NAME}"), &body);
        let wrapper = format!("front/{NAME}");
        let ran = scene.call(&wrapper).args(["-c", "a.c"]).run().expect(0);
        assert_eq!(
            (&*ran.stdout, &*ran.stderr),
            ("wrapper\ncompiler -c a.c\n", "")
        );
    }
    // Called past the wrapper, too.
    let link = format!("masq/{NAME}");
    let ran = scene.call(&link).args(["-v"]).run().expect(0);
    assert_eq!(ran.stdout, "compiler -v\n");
    // A compiler that only stands in front is found there.
    fs::remove_file(scene.scratch.path(&format!("bin/{NAME}"))).unwrap();
    scene
        .scratch
        .script(&format!("front/{NAME}"), "echo in front");
    let ran = scene.call(&link).run().expect(0);
    assert_eq!(ran.stdout, "in front\n");
}

/// A copy of ccache, which nothing tells from a compiler: it runs the first of its name on PATH that it is not.
#[test]
fn a_wrapper_behind_that_searches_from_the_beginning_does_not_loop() {
    let scene = Scene::new("behind");
    let body = "echo wrapper
        for d in $(echo \"$PATH\" | tr : ' '); do
            [ $d/gcc -ef \"$0\" ] || [ ! -x $d/gcc ] || exec $d/gcc \"$@\"
        done"
        .replace("gcc", NAME);
    scene.scratch.script(&format!("copies/{NAME}"), &body);
    let at = |name: &str| scene.scratch.path(name).display().to_string();
    let path = format!(
        "{}:{}:{}:{SYSTEM_PATH}",
        at("masq"),
        at("copies"),
        at("bin")
    );
    let mut call = scene.call(&format!("masq/{NAME}")).args(["-c", "a.c"]);
    call.command.env("PATH", path);
    let ran = call.run().expect(0);
    assert_eq!(
        (&*ran.stdout, &*ran.stderr),
        ("wrapper\nwrapper\ncompiler -c a.c\n", "")
    );
}

#[test]
fn the_launcher_runs_what_is_not_a_compiler_unchanged() {
    let scene = Scene::new("unknown");
    for name in ["nvcc", "tcc", "x.real.br", "ld"] {
        let program = scene
            .scratch
            .script(&format!("front/{name}"), "echo \"$0 $#:$*:$OWN\"; exit 7");
        let path = program.display().to_string();
        for called in [name, &path] {
            let ran = scene
                .launch(&[called, "-c", "a b.cu", ""])
                .env("OWN", "kept")
                .run()
                .expect(7);
            assert_eq!(ran.stdout, format!("{path} 3:-c a b.cu :kept\n"));
            assert_eq!(ran.stderr, "");
        }
    }
    // Rules do not matter to it, not even wrong ones.
    scene.scratch.file("rules/50-bad.rules", "[");
    scene.launch(&["nvcc"]).run().expect(7);
    let ran = scene.launch(&["no-such-program"]).run().expect(127);
    assert!(ran.stderr.contains("no-such-program"), "{}", ran.stderr);
    // On a helper only compilers run.
    let ran = scene
        .launch(&["nvcc"])
        .env("_DISTCC_SAFEGUARD", "1")
        .run()
        .expect(110);
    assert!(ran.stderr.contains("not a compiler name"), "{}", ran.stderr);
    // Nor does a program that calls it again and again go on for ever.
    let again = format!("exec {} again", scene.launcher.display());
    scene.scratch.script("front/again", &again);
    let ran = scene.launch(&["again"]).run().expect(111);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
}

#[test]
fn the_launcher_skips_launchers_and_names_the_order_with_a_cache() {
    let scene = Scene::new("words");
    for words in [
        vec!["distcc", NAME, "-v"],
        vec!["/usr/bin/distcc", "ccroute-run", NAME, "-v"],
    ] {
        let ran = scene.launch(&words).run().expect(0);
        assert_eq!(ran.stdout, "compiler -v\n", "{words:?}");
    }
    let ran = scene
        .launch(&["ccache", "gcc", "-c", "a.c"])
        .run()
        .expect(2);
    let order = "CCACHE_PREFIX=ccroute-run ccache gcc";
    assert!(ran.stderr.contains(order), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 1);
    for words in [&[][..], &["distcc"]] {
        let ran = scene.launch(words).run().expect(2);
        assert!(
            ran.stderr.contains("ccroute-run COMPILER"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn without_a_path_it_compiles_here() {
    let scene = Scene::new("no-path");
    let triple = "x86_64-own-linux-gnu";
    let rules = format!(
        "[native direct]\nas = {triple}\n[{triple}]\nuse = native\nsend = /bin/true\npath = {}\n",
        scene.scratch.path("bin").display()
    );
    scene.scratch.file("rules/50-client.rules", rules);
    scene
        .scratch
        .script("bin/gcc", "echo \"compiled here ${PATH-unset}\"");
    symlink("../opt/ccroute", scene.scratch.path("masq/gcc")).unwrap();
    let words = ["-c", "a.c", "-o", "a.o"];
    let unset = scene.call("masq/gcc").without("PATH");
    let empty = scene.call("masq/gcc").env("PATH", "");
    for call in [unset, empty] {
        let ran = call.args(words).run().expect(0);
        assert!(ran.stdout.starts_with("compiled here"), "{ran:?}");
        assert_eq!(ran.stderr, "");
    }
}
