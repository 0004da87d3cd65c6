//! The three ways to refuse, against a real distcc with one and with two helpers and each of its
//! fallback variables. The table in docs/refusing.md is this test's output.

use std::ffi::OsStr;
use std::path::Path;

use crate::common::{farm, rules, told, Client, Distccd, Scratch};

/// Where the job ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// Compiled on the client.
    Local,
    /// Compiled by the second helper.
    Second,
    /// Not compiled; the build stops with this code.
    Failed(i32),
}

struct Case {
    way: &'static str,
    helpers: usize,
    env: &'static [(&'static str, &'static str)],
    ended: Ended,
    /// Whether the first helper is in backoff afterwards.
    backoff: bool,
    /// Whether the line is on the user's standard output.
    line: bool,
}

const NONE: &[(&str, &str)] = &[];
const SKIP: &[(&str, &str)] = &[("DISTCC_SKIP_LOCAL_RETRY", "1")];
const NO_FALLBACK: &[(&str, &str)] = &[("DISTCC_FALLBACK", "0")];
const BOTH: &[(&str, &str)] = &[("DISTCC_FALLBACK", "0"), ("DISTCC_SKIP_LOCAL_RETRY", "1")];

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { way: "local", helpers: 1, env: NONE, ended: Ended::Local, backoff: true, line: true },
    Case { way: "local", helpers: 1, env: SKIP, ended: Ended::Failed(110), backoff: false, line: true },
    Case { way: "local", helpers: 1, env: NO_FALLBACK, ended: Ended::Failed(110), backoff: true, line: true },
    Case { way: "local", helpers: 1, env: BOTH, ended: Ended::Failed(110), backoff: false, line: true },
    Case { way: "local", helpers: 2, env: NONE, ended: Ended::Local, backoff: true, line: true },
    Case { way: "local", helpers: 2, env: SKIP, ended: Ended::Failed(110), backoff: false, line: true },
    Case { way: "local", helpers: 2, env: NO_FALLBACK, ended: Ended::Failed(110), backoff: true, line: true },
    Case { way: "local", helpers: 2, env: BOTH, ended: Ended::Failed(110), backoff: false, line: true },
    Case { way: "quiet", helpers: 1, env: NONE, ended: Ended::Local, backoff: true, line: true },
    Case { way: "quiet", helpers: 1, env: SKIP, ended: Ended::Local, backoff: true, line: true },
    Case { way: "quiet", helpers: 1, env: NO_FALLBACK, ended: Ended::Failed(200), backoff: true, line: true },
    Case { way: "quiet", helpers: 1, env: BOTH, ended: Ended::Failed(200), backoff: true, line: true },
    Case { way: "quiet", helpers: 2, env: NONE, ended: Ended::Local, backoff: true, line: true },
    Case { way: "quiet", helpers: 2, env: SKIP, ended: Ended::Local, backoff: true, line: true },
    Case { way: "quiet", helpers: 2, env: NO_FALLBACK, ended: Ended::Failed(200), backoff: true, line: true },
    Case { way: "quiet", helpers: 2, env: BOTH, ended: Ended::Failed(200), backoff: true, line: true },
    Case { way: "elsewhere", helpers: 1, env: NONE, ended: Ended::Local, backoff: true, line: false },
    Case { way: "elsewhere", helpers: 1, env: SKIP, ended: Ended::Local, backoff: true, line: false },
    Case { way: "elsewhere", helpers: 1, env: NO_FALLBACK, ended: Ended::Failed(116), backoff: true, line: false },
    Case { way: "elsewhere", helpers: 1, env: BOTH, ended: Ended::Failed(116), backoff: true, line: false },
    Case { way: "elsewhere", helpers: 2, env: NONE, ended: Ended::Second, backoff: true, line: false },
    Case { way: "elsewhere", helpers: 2, env: SKIP, ended: Ended::Second, backoff: true, line: false },
    Case { way: "elsewhere", helpers: 2, env: NO_FALLBACK, ended: Ended::Second, backoff: true, line: false },
    Case { way: "elsewhere", helpers: 2, env: BOTH, ended: Ended::Second, backoff: true, line: false },
];

fn helper(name: &str, text: &str) -> (Scratch, Distccd) {
    let scratch = Scratch::new(name);
    let farm = farm(&scratch, &["gcc"]);
    let dir = rules(&scratch, text);
    let distccd = Distccd::start(
        &scratch,
        &[&farm, Path::new("/usr/bin")],
        &[("CCROUTE_RULES_DIR", dir.as_os_str() as &OsStr)],
    );
    (scratch, distccd)
}

#[test]
fn each_way_ends_where_the_table_says() {
    let mut wrong = Vec::new();
    println!("| on-refuse | helpers | client's variables | ends | backoff | line |");
    for way in ["local", "quiet", "elsewhere"] {
        let refusing = format!("[native helper]\nrefuse = not here\non-refuse = {way}\n");
        let (_a, first) = helper("refusing", &refusing);
        let (_b, second) = helper("serving", "[native helper]\nas = arm-linux-gnueabihf\n");
        for case in CASES.iter().filter(|c| c.way == way) {
            let scratch = Scratch::new("refused");
            let hosts: &[&Distccd] = match case.helpers {
                1 => &[&first],
                _ => &[&first, &second],
            };
            let mut client = Client::new(&scratch, "arm-linux-gnueabihf", &[], hosts);
            for (name, value) in case.env {
                client.set(name, value);
            }
            client.file("a.c", "int f(void) { return 1; }\n");
            let output = client.distcc(&["gcc", "-c", "a.c", "-o", "a.o"]);
            let log = client.log();
            let object = client.dir.join("a.o");
            let size = std::fs::metadata(&object).map_or(0, |m| m.len());
            let ended = match output.status.code() {
                Some(0) if log.contains(&format!("on {} completed ok", second.host())) => {
                    Ended::Second
                }
                Some(0) => Ended::Local,
                code => Ended::Failed(code.unwrap_or(-1)),
            };
            if output.status.success() {
                assert!(size > 0, "an empty object\n{}", told(&output));
            }
            let port = first.port.to_string();
            let backoff = client.backoff().iter().any(|f| f.contains(&port));
            let line = String::from_utf8_lossy(&output.stdout).contains("refused: not here");
            let env: Vec<&str> = case.env.iter().map(|(n, _)| *n).collect();
            println!(
                "| `{way}` | {} | {} | {ended:?} | {} | {} |",
                case.helpers,
                if env.is_empty() {
                    "none".into()
                } else {
                    env.join(", ")
                },
                if backoff { "yes" } else { "no" },
                if line { "shown" } else { "lost" },
            );
            if (ended, backoff, line) != (case.ended, case.backoff, case.line) {
                wrong.push(format!(
                    "{way} {} {env:?}: {ended:?} backoff {backoff} line {line}\n{}",
                    case.helpers,
                    told(&output)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
