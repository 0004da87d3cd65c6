//! Macros left to the helper, with real distcc: every construct that docs/expand-macros.md lists, in the
//! source and in a header, sent and in every way in which a job is compiled on the client after all. The
//! object is always the one that the compiler makes of the source itself.

use std::fs;
use std::process::{Command, Output};

use crate::common::lab::client::{text, Client};
use crate::common::lab::{Helper, Scratch};

/// What leaves the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// The text with its macros' definitions.
    Unexpanded,
    /// The text with its macros expanded.
    Expanded,
}
use Leaves::{Expanded, Unexpanded};

/// A construct, with the options that it needs.
struct Row {
    name: &'static str,
    flags: &'static str,
    text: &'static str,
    leaves: Leaves,
}

const fn row(name: &'static str, text: &'static str, leaves: Leaves) -> Row {
    Row {
        name,
        flags: "",
        text,
        leaves,
    }
}

const OLD: &str = "-std=c++11";

const ROWS: &[Row] = &[
    row("plain", "#define A(x) #x\n#include <map>\nstd::map<int, const char *> m{{1, A(b)}};\n", Unexpanded),
    row("date", "const char *d = __DATE__ __TIME__;\n", Expanded),
    row("timestamp", "const char *d = __TIMESTAMP__;\n", Expanded),
    row("base", "const char *b = __BASE_FILE__;\n", Expanded),
    row("level", "int l = __INCLUDE_LEVEL__;\n", Expanded),
    row("file", "const char *f = __FILE__; int l = __LINE__;\n", Unexpanded),
    row(
        "push",
        "#define V 1\n#pragma push_macro(\"V\")\n#undef V\n#pragma pop_macro(\"V\")\n\
         #define S(x) #x\n#ifdef V\nint a;\n#endif\nconst char *s = S(V);\n\
         #define T(x) S(x)\nconst char *t = T(V);\n",
        Expanded,
    ),
    row(
        "push_nothing",
        "#pragma push_macro(\"W\")\n#undef W\n#pragma pop_macro(\"W\")\nint W;\n",
        Unexpanded,
    ),
    row(
        "push_operator",
        "#define V 1\n_Pragma(\"push_macro(\\\"V\\\")\")\n#undef V\n#define V 2\n\
         _Pragma(\"pop_macro(\\\"V\\\")\")\n#if V == 1\nint a;\n#else\nint b;\n#endif\n",
        Expanded,
    ),
    row(
        "extname",
        "#pragma redefine_extname before after\nextern \"C\" int before();\nint f() { return before(); }\n",
        Expanded,
    ),
    row("digraph", "%:define V 1\n%:if V\nint a;\n%:else\nint b;\n%:endif\n", Expanded),
    row("skipped_digraph", "#if 1\nint a;\n%:else\nint b;\n#endif\n", Expanded),
    Row {
        name: "trigraph",
        flags: OLD,
        text: "??=define V 1\n??=if V\nint a;\n??=else\nint b;\n??=endif\n",
        leaves: Expanded,
    },
    Row {
        name: "quoted_trigraph",
        flags: OLD,
        text: "const char *s = \"a??/\"b??(\"; const char *t = \"c\";\n",
        leaves: Expanded,
    },
    // Translated once here, it would be translated again there.
    Row {
        name: "parted_trigraph",
        flags: OLD,
        text: "const char *s = \"?\\\n?(\";\n",
        leaves: Unexpanded,
    },
    row("dependency", "_Pragma(\"GCC dependency \\\"older.h\\\"\")\nint a;\n", Expanded),
    row(
        "counter_if",
        "int a = __COUNTER__;\n#if __COUNTER__ == 1\nint b;\n#endif\nint c = __COUNTER__;\n",
        Expanded,
    ),
    row("counter", "int a[] = {__COUNTER__, __COUNTER__};\n", Unexpanded),
    row("apostrophe", "#if 0\nisn't\n#endif\nint a;\n", Expanded),
    row(
        "two_lines",
        "#define V 1\n#pragma push_\\\nmacro(\"V\")\n#undef V\n#pragma pop_\\\nmacro(\"V\")\n\
         #ifdef V\nint a = V;\n#endif\n",
        Expanded,
    ),
    row("message", "#pragma message \"note\"\nint a;\n", Expanded),
    Row {
        name: "command_line",
        flags: "-DWHEN=__DATE__",
        text: "const char *d = WHEN;\n",
        leaves: Expanded,
    },
    Row {
        name: "openmp",
        flags: "-fopenmp",
        text: "void f(int *a) {\n#pragma omp parallel for\nfor (int i = 0; i < 9; i++) a[i] = i;\n}\n",
        leaves: Expanded,
    },
    row(
        "strings",
        "const char *s = R\"(\n#define V 1\n#if x\n a %: ' )\";\n/* isn't\n */ int a = 1'000; // \"\n",
        Unexpanded,
    ),
    row("undefined", "#undef unix\nint unix;\n", Unexpanded),
    // Here the preprocessor warns, and the helper would warn again.
    row(
        "redefined",
        "#undef __FILE__\n#define __FILE__ \"x\"\nconst char *f = __FILE__;\n",
        Expanded,
    ),
    row("quote", "#define A '\nint a;\n", Expanded),
    row("warning", "#warning once\nint a;\n", Unexpanded),
];

/// Where a construct stands.
const PLACES: [&str; 2] = ["source", "header"];

/// Writes all rows' files.
fn write_rows(client: &Client) {
    client.scratch.file("work/older.h", "\n");
    for row in ROWS {
        let include = format!("#include \"{}.h\"\nint last;\n", row.name);
        for (name, text) in [
            (format!("source_{}.cc", row.name), row.text),
            (format!("{}.h", row.name), row.text),
            (format!("header_{}.cc", row.name), &include),
        ] {
            // No test executes them: see `lab::write`.
            fs::write(client.at("work").join(name), text).unwrap();
        }
    }
    fs::write(
        client.at("work/once.h"),
        "_Pragma(\"once\")\nstatic int V = 1;\n",
    )
    .unwrap();
    let twice = "#include \"once.h\"\n#include \"once.h\"\nint *a = &V;\n";
    fs::write(client.at("work/header_once.cc"), twice).unwrap();
}

/// Every row's compile: its name, its words, and what leaves.
fn jobs(optimised: &str) -> Vec<(String, Vec<String>, Leaves)> {
    let mut jobs = Vec::new();
    let rows = ROWS.iter().map(|r| (r.name, r.flags, r.leaves));
    for (name, flags, leaves) in rows.chain([("once", "", Expanded)]) {
        for place in PLACES.iter().skip(usize::from(name == "once")) {
            let source = format!("{place}_{name}.cc");
            let line = format!("g++ {optimised} {flags} -c {source} -o a.o");
            let words = line.split_whitespace().map(String::from).collect();
            jobs.push((format!("{source} {optimised}"), words, leaves));
        }
    }
    jobs
}

const EPOCH: (&str, &str) = ("SOURCE_DATE_EPOCH", "1700000000");

/// Compiles without ccroute and distcc: the object and what the compiler said.
fn natively(client: &Client, words: &[String]) -> (Vec<u8>, String) {
    let mut command = Command::new("/usr/bin/env");
    command.args(words).current_dir(client.at("work"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .envs([EPOCH]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", text(&output));
    (taken(client), text(&output))
}

fn taken(client: &Client) -> Vec<u8> {
    let object = client.read("a.o");
    fs::remove_file(client.at("work/a.o")).unwrap();
    object
}

/// Compiles as a client does, with more variables; distcc tells what it does in `work/log`.
fn as_client(client: &Client, words: &[String], env: &[(&str, &str)]) -> (Output, String) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let log = client.at("work/log");
    let _ = fs::remove_file(&log);
    let mut command = client.command(&words);
    command.env("DISTCC_VERBOSE", "1").env("DISTCC_LOG", &log);
    command.envs([EPOCH]).envs(env.iter().copied());
    let output = command.output().unwrap();
    let log = fs::read(log).unwrap_or_default();
    (output, String::from_utf8_lossy(&log).into_owned())
}

/// The preprocessed text that distcc left in a directory, which is emptied.
fn left_text(client: &Client) -> Vec<u8> {
    let dir = client.at("temporary");
    let mut texts = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".ii") || name.ends_with(".i") {
            texts.push(fs::read(&path).unwrap());
        }
        let _ = fs::remove_file(path);
    }
    assert_eq!(texts.len(), 1, "one preprocessed text");
    texts.remove(0)
}

/// What a compiler said, without the source's own lines, which no helper has.
fn diagnoses(said: &str) -> Vec<&str> {
    said.lines().filter(|l| !l.starts_with(' ')).collect()
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|w| w == part.as_bytes())
}

/// Whether the text still has macros' definitions.
fn leaves(text: &[u8]) -> Leaves {
    match contains(text, "\n#define __linux__ 1\n") {
        true => Unexpanded,
        false => Expanded,
    }
}

#[test]
fn every_construct_comes_back_as_the_native_object() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("constructs", &helper.hosts());
    write_rows(&client);
    fs::create_dir(client.at("temporary")).unwrap();
    let temporary = client.at("temporary").display().to_string();
    let env = [("DISTCC_SAVE_TEMPS", "1"), ("TMPDIR", &temporary)];
    for optimised in ["-O0", "-O2"] {
        for (label, words, want_leaves) in jobs(optimised) {
            let (want, said) = natively(&client, &words);
            let (output, log) = as_client(&client, &words, &env);
            assert!(output.status.success(), "{label}: {}", text(&output));
            assert!(log.contains("exec on 127.0.0.1"), "{label}: {log}");
            assert!(!log.contains("locally"), "{label}: {log}");
            assert!(taken(&client) == want, "{label}: another object");
            assert_eq!(diagnoses(&text(&output)), diagnoses(&said), "{label}");
            assert_eq!(leaves(&left_text(&client)), want_leaves, "{label}");
        }
    }
}

/// In every way in which distcc compiles on the client, or leaves preprocessing to the helper.
#[test]
fn what_is_compiled_here_after_all_is_native_too() {
    let logs = Scratch::new("broken");
    logs.file("bin/x86_64-linux-gnu-g++", "#!/bin/sh\nexit 1\n");
    let mut mode = Command::new("chmod");
    mode.arg("755").arg(logs.at("bin/x86_64-linux-gnu-g++"));
    assert!(mode.status().unwrap().success());
    let broken = Helper::start(&logs, logs.at("bin").to_str().unwrap());
    let nobody = format!("127.0.0.1:{}", crate::common::lab::free_port());
    let client = Client::installed("here", "");
    write_rows(&client);
    let pump = format!("{},cpp,lzo", broken.hosts());
    for (way, hosts, variable, told) in [
        ("no helper", nobody.as_str(), "X", "Connection refused"),
        ("local slots", "localhost/4", "X", "exec on localhost"),
        ("retry", &broken.hosts(), "X", "retrying locally"),
        (
            "pump mode",
            &pump,
            "INCLUDE_SERVER_PORT",
            "exec on localhost",
        ),
        ("backoff", &nobody, "X", "running locally instead"),
    ] {
        for (label, words, _) in jobs("-O2") {
            let (want, said) = natively(&client, &words);
            if way != "backoff" {
                let _ = fs::remove_dir_all(client.at("state/lock"));
            }
            let env = [("DISTCC_HOSTS", hosts), (variable, "/nonexistent/socket")];
            let (output, log) = as_client(&client, &words, &env);
            assert!(
                output.status.success(),
                "{way}, {label}: {} {log}",
                text(&output)
            );
            assert!(log.contains(told), "{way}, {label}: {log}");
            assert!(taken(&client) == want, "{way}, {label}: another object");
            if matches!(way, "local slots" | "backoff") {
                assert_eq!(text(&output), said, "{way}, {label}");
            }
            let added = log.contains(" -fdirectives-only ");
            assert!(!(added && way == "pump mode"), "{label}: {log}");
        }
    }
}

/// With macros expanded on the client, both are errors on every helper: comments are gone, and an
/// expanded macro is the source's own text.
#[test]
fn warnings_are_those_of_the_source() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("warnings", &helper.hosts());
    let source = "#include <cassert>\nint g();\nint f(int x) {\n  assert(x != x);\n  switch (x) {\n  case 1: \
         g(); /* fall through */\n  case 2: return g();\n  }\n  return 0;\n}\n";
    fs::write(client.at("work/a.cc"), source).unwrap();
    let line = "g++ -Wall -Wextra -Werror -O2 -c a.cc -o a.o";
    let words: Vec<String> = line.split(' ').map(String::from).collect();
    let (want, _) = natively(&client, &words);
    let (output, log) = as_client(&client, &words, &[]);
    assert!(output.status.success(), "{}", text(&output));
    assert!(
        log.contains("exec on 127.0.0.1") && !log.contains("locally"),
        "{log}"
    );
    assert!(taken(&client) == want);
    assert_eq!(text(&output), "");
    // Without, the helper refuses it, and distcc compiles it again on the client.
    let rule = "[*]\nexpand-macros = client\n";
    client.scratch.file("rules/70-own.rules", rule);
    let (_, log) = as_client(&client, &words, &[]);
    assert!(log.contains("locally"), "{log}");
}

/// A kernel's text is not examined, and its name and dates are stated instead.
#[test]
fn a_kernels_jobs_are_the_native_objects_too() {
    let logs = Scratch::new("helper");
    let helper = Helper::start(&logs, "/usr/bin:/bin");
    let client = Client::installed("kernel", &helper.hosts());
    let header = "const char *base = __BASE_FILE__;\n#define A(x) #x\n";
    for (name, text) in [
        ("include/linux/kconfig.h", "#define CONFIG_A 1\n"),
        ("include/base.h", header),
        (
            "kernel/plain.c",
            "#include \"base.h\"\nint g(void);\nint f(int x) {\n  switch (x) {\n  case 1: g(); \
             /* fall through */\n  case 2: return g();\n  }\n  return 0;\n}\nconst char *a = A(b);\n",
        ),
        ("kernel/counter.c", "int a = __COUNTER__;\n#if __COUNTER__\nint b;\n#endif\n"),
        ("kernel/stamp.c", "const char *a = __TIMESTAMP__;\n"),
        ("kernel/date.c", "const char *a = __DATE__;\n"),
    ] {
        client.scratch.file(&format!("work/{name}"), text);
    }
    let nobody = format!("127.0.0.1:{}", crate::common::lab::free_port());
    for optimised in ["-O0", "-O2"] {
        for (source, sent_so) in [("plain", true), ("counter", false), ("stamp", false)] {
            let line = format!(
                "gcc -Wextra -Werror {optimised} -Werror=date-time -D__KERNEL__ -Iinclude -I./arch/x86/include \
                 -include ./include/linux/kconfig.h -fmacro-prefix-map=./= -c kernel/{source}.c -o a.o"
            );
            let words: Vec<String> = line.split_whitespace().map(String::from).collect();
            if source == "stamp" {
                // An error in a kernel, here as there.
                let (output, _) = as_client(&client, &words, &[]);
                assert!(!output.status.success() && text(&output).contains("date-time"));
                continue;
            }
            let (want, said) = natively(&client, &words);
            for hosts in [helper.hosts(), "localhost/4".into(), nobody.clone()] {
                let _ = fs::remove_dir_all(client.at("state/lock"));
                let (output, log) = as_client(&client, &words, &[("DISTCC_HOSTS", &hosts)]);
                assert!(output.status.success(), "{source}: {}", text(&output));
                assert!(
                    taken(&client) == want,
                    "{source} {optimised} {hosts}: another object"
                );
                assert_eq!(
                    log.contains(" -fdirectives-only "),
                    sent_so,
                    "{source}: {log}"
                );
                if hosts == helper.hosts() {
                    assert!(!log.contains("locally"), "{log}");
                    assert_eq!(text(&output), said);
                }
            }
        }
    }
}
