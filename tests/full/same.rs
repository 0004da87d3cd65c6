//! Objects that come back from a helper with ccroute as if they had never left: byte for byte,
//! debug information included. Needs Debian's distcc, gcc, g++, gobjc and clang.

use std::fs;
use std::path::Path;

use crate::common::lab::client::{text, Client};
use crate::common::lab::{native_triple, need};
use crate::common::{farm, Distccd, Scratch};

const C: &str = "#include <stddef.h>\n#include \"sub/h.h\"\n\
    int f(int x) { struct s y = { x }; return y.a + (int)sizeof(size_t); }\n";

/// A helper with ccroute and records of its compilers, and a client as `install --client` makes it.
struct Scene {
    _scratch: Scratch,
    helper: Distccd,
    client: Client,
}

impl Scene {
    fn new(name: &str) -> Scene {
        let scratch = Scratch::new(name);
        let triple = native_triple();
        let tools = ["gcc", "g++", "clang", "clang++"];
        let full: Vec<String> = tools.iter().map(|t| format!("{triple}-{t}")).collect();
        let mut names: Vec<&str> = full.iter().map(String::as_str).collect();
        names.extend(["gcc", "g++", "ccroute"]);
        let farm = farm(&scratch, &names);
        let rules = format!("[{triple}]\nuse = {triple} native\n[native helper]\nuse = native\n");
        scratch.file("rules/50-test.rules", rules);
        let (rules, records) = (scratch.path("rules"), scratch.path("compilers"));
        let env = [
            ("CCROUTE_RULES_DIR", rules.as_os_str()),
            ("CCROUTE_COMPILERS", records.as_os_str()),
        ];
        let mut check = std::process::Command::new(farm.join("ccroute"));
        check.arg("check").env("PATH", "/usr/bin:/bin").envs(env);
        let output = check.output().unwrap();
        let recorded = fs::read_to_string(&records).unwrap_or_default();
        let line = format!("/usr/bin/{triple}-gcc\t");
        assert!(recorded.contains(&line), "{recorded}\n{}", text(&output));
        let path = [&farm, Path::new("/usr/bin"), Path::new("/bin")];
        let helper = Distccd::start(&scratch, &path, &env);
        let client = Client::installed(name, &helper.host());
        // With macros left to the helper, DW_AT_producer names that option: docs/expand-macros.md.
        let macros = format!("[{triple}]\nexpand-macros = client\n");
        client.scratch.file("rules/70-own.rules", &macros);
        client.scratch.file("work/a.c", C);
        client
            .scratch
            .file("work/sub/h.h", "struct s { int a; };\n");
        let cxx =
            format!("#include <vector>\n{C}int g() {{ return std::vector<int>{{f(1)}}[0]; }}\n");
        client.scratch.file("work/a.cc", &cxx);
        let m = "@interface A { int x; }\n- (int)m;\n@end\n\
            @implementation A\n- (int)m { return x; }\n@end\n";
        client.scratch.file("work/a.m", m);
        client.scratch.file("work/a.mm", m);
        Scene {
            _scratch: scratch,
            helper,
            client,
        }
    }

    /// Compiles here and there, and compares every byte.
    #[track_caller]
    fn same(&self, line: &str, sent: bool) {
        let line = line.replace("WORK", self.client.at("work").to_str().unwrap());
        let words: Vec<&str> = line.split(' ').chain(["-o", "out.o"]).collect();
        let want = self.client.natively(&words, "out.o");
        fs::remove_file(self.client.at("work/out.o")).unwrap();
        let said = self.client.verbose(&words);
        assert_eq!(said.contains("exec on 127.0.0.1"), sent, "{line}\n{said}");
        assert!(
            !said.contains("retrying locally"),
            "{line}\n{said}\n{}",
            self.helper.log()
        );
        let got = self.client.read("out.o");
        if got != want {
            fs::write(self.client.at("work/native.o"), &want).unwrap();
            let dump = |file: &str| {
                let file = self.client.at(&format!("work/{file}"));
                crate::common::tool_facts("readelf", &["-W", "--debug-dump=info"], &file)
            };
            let (native, sent) = (dump("native.o"), dump("out.o"));
            let lines = native.lines().zip(sent.lines()).filter(|(a, b)| a != b);
            panic!("{line}: {:#?}", lines.take(10).collect::<Vec<_>>());
        }
    }
}

#[test]
fn with_debug_information_gcc_s_objects_are_the_native_ones() {
    let scene = Scene::new("same-gcc");
    for line in [
        "gcc -O2 -g -c a.c",
        "cc -g -c a.c",
        "gcc -O2 -g -fPIC -c a.c",
        "gcc -g -fno-pie -march=x86-64-v2 -c a.c",
        "gcc -g -ffile-prefix-map=WORK=. -c a.c",
        "gcc -g -gdwarf-4 -fdebug-prefix-map=WORK=/src -c WORK/a.c",
        // The columns behind a macro are those of its expansion: docs/proof.md.
        "g++ -O2 -g -gno-column-info -std=c++17 -c a.cc",
        "c++ -O1 -g -gno-column-info -c a.cc",
    ] {
        scene.same(line, true);
    }
}

#[test]
fn clang_s_debug_information_has_the_client_s_directory() {
    need("clang", "clang");
    let scene = Scene::new("same-clang");
    // DWARF 5 of clang has checksums of the sources, which only the client has.
    for line in [
        "clang -O2 -c a.c",
        "clang -O2 -g -gdwarf-4 -c a.c",
        "clang -g -gdwarf-4 -ffile-prefix-map=WORK=/src -c a.c",
        "clang -g -gdwarf-4 -fdebug-prefix-map=WORK=. -c a.c",
        "clang -g -gdwarf-4 -fdebug-compilation-dir=. -c a.c",
        "clang++ -g -gdwarf-4 -gno-column-info -c a.cc",
    ] {
        scene.same(line, true);
    }
}

/// distcc leaves words of the preprocessor in what it sends; clang reports them as unused.
#[test]
fn clang_s_werror_is_about_the_source_alone() {
    need("clang", "clang");
    let scene = Scene::new("same-unused");
    for words in [
        "-iquote .",
        "-iquoteWORK",
        "-isystem.",
        "-isysroot /",
        "-fmacro-prefix-map=WORK=.",
        "-cxx-isystem .",
    ] {
        scene.same(&format!("clang -Werror {words} -c a.c"), true);
    }
}

/// Text that names no file: its object names the file that was compiled.
#[test]
fn preprocessed_text_leaves_if_it_names_its_source() {
    let scene = Scene::new("same-text");
    scene.client.scratch.file("work/bare.i", "int a;\n");
    scene.same("gcc -c bare.i", false);
    scene
        .client
        .scratch
        .file("work/named.i", "# 0 \"named.c\"\nint a;\n");
    scene.same("gcc -c named.i", true);
}

#[test]
fn objective_c_leaves_where_its_object_does_not_name_the_file() {
    need("clang", "clang");
    let scene = Scene::new("same-objc");
    scene.same("clang -Wno-objc-root-class -c a.m", false);
    scene.same(
        "clang -Wno-objc-root-class -fobjc-runtime=gnustep-2.0 -c a.m",
        true,
    );
    scene.same("gcc -O2 -c a.m", true);
    scene.same("g++ -O2 -c a.mm", true);
}

/// What a client without ccroute sends: a native name, and distcc's own file of Objective-C.
#[test]
fn objective_c_under_a_native_name_is_not_pump_mode() {
    let scene = Scene::new("native-objc");
    for (tool, file) in [("gcc", "a.m"), ("g++", "a.mm")] {
        let want = scene
            .client
            .natively(&[tool, "-c", file, "-o", "out.o"], "out.o");
        let mut distcc = scene
            .client
            .command(&["distcc", tool, "-c", file, "-o", "out.o"]);
        let output = distcc
            .env("PATH", "/usr/bin:/bin")
            .env("DISTCC_NO_REWRITE_CROSS", "1")
            .env("DISTCC_FALLBACK", "0")
            .output()
            .unwrap();
        let log = scene.helper.log();
        assert!(output.status.success(), "{}\n{log}", text(&output));
        assert!(scene.client.read("out.o") == want, "{file}: another object");
    }
}
