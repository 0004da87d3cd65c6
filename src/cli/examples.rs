//! Examples of every command, for help and manual page.

/// An example.
#[derive(Clone, Copy, Debug)]
pub(super) struct Example {
    /// What it is for, one line.
    pub(super) what: &'static str,
    /// What to type.
    pub(super) line: &'static str,
}

const fn example(what: &'static str, line: &'static str) -> Example {
    Example { what, line }
}

/// By command; the first of each also stands in `ccroute --help`.
pub(super) const EXAMPLES: &[(&str, &[Example])] = &[
    (
        "explain",
        &[
            example(
                "What becomes of a compile here, and why",
                "ccroute explain gcc -O2 -c hello.c",
            ),
            example(
                "What a helper makes of a client's plain gcc",
                "ccroute explain --place helper --from 192.168.1.20 gcc -c hello.c",
            ),
            example(
                "For a program",
                "ccroute explain --json --place helper arm-linux-gnueabihf-g++ -c a.cc",
            ),
        ],
    ),
    (
        "list",
        &[
            example("Who is served, and by which compiler", "ccroute list"),
            example("As a picture", "ccroute list --graph=svg -o routes.svg"),
            example("For a program", "ccroute list --json"),
        ],
    ),
    (
        "check",
        &[
            example(
                "Are the rules right, and the stand-ins what they promise",
                "sudo ccroute check",
            ),
            example("Only the rules' text", "ccroute check --rules-only"),
        ],
    ),
    (
        "doctor",
        &[
            example(
                "What is wrong on this machine, and the commands that fix it",
                "sudo ccroute doctor",
            ),
            example(
                "For a program, without compiling",
                "ccroute doctor --quick --json",
            ),
        ],
    ),
    (
        "install",
        &[
            example(
                "Make this machine a helper for a network",
                "sudo ccroute install --helper --allow 192.168.1.0/24 --restart",
            ),
            example(
                "Make this machine a client of a helper",
                "sudo ccroute install --client --host 192.168.1.10",
            ),
            example("What would be done", "ccroute install --helper --dry-run"),
        ],
    ),
    (
        "refresh",
        &[example(
            "After compilers were installed or removed",
            "sudo ccroute refresh",
        )],
    ),
    (
        "uninstall",
        &[
            example(
                "This machine no longer compiles for others",
                "sudo ccroute uninstall --helper",
            ),
            example(
                "This machine compiles its own jobs again",
                "sudo ccroute uninstall --client",
            ),
        ],
    ),
    (
        "test",
        &[
            example("Who compiles this machine's jobs", "ccroute test"),
            example(
                "The same of one helper, with C++",
                "ccroute test --host 192.168.1.10 --compiler g++",
            ),
        ],
    ),
    (
        "probe",
        &[
            example(
                "This client's compiler, as rules for its helper",
                "ccroute probe >50-pi.rules",
            ),
            example(
                "A clang for another machine",
                "ccroute probe clang --target=aarch64-linux-gnu",
            ),
        ],
    ),
    (
        "verify",
        &[
            example(
                "Does what the helper makes equal what is made here",
                "ccroute verify",
            ),
            example(
                "The same for a file and flags of yours",
                "ccroute verify --flag=-O3 --flag=-g source.c",
            ),
        ],
    ),
    (
        "stats",
        &[
            example("What became of the calls until now", "ccroute stats"),
            example("Forget them", "sudo ccroute stats --reset"),
        ],
    ),
    (
        "guard",
        &[
            example(
                "No compiles for this helper's own machine for a while",
                "sudo ccroute guard on --for 90m",
            ),
            example("How long it lasts", "ccroute guard status"),
            example("End it", "sudo ccroute guard off"),
        ],
    ),
    (
        "completions",
        &[example(
            "For the bash that is running",
            "source <(ccroute completions bash)",
        )],
    ),
    (
        "man",
        &[
            example("Read ccroute(1)", "ccroute man | man -l -"),
            example(
                "Read ccroute.rules(5)",
                "ccroute man ccroute.rules | man -l -",
            ),
        ],
    ),
    (
        "version",
        &[example("Which ccroute this is", "ccroute version")],
    ),
];
