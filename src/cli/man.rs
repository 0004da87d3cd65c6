//! `ccroute man`: ccroute(1), made from the same command line that is parsed, and
//! ccroute.rules(5), from the rules' own table.

use std::io::Write;

use clap::{Arg, Args, Command, ValueEnum};

use super::examples::{Example, EXAMPLES};
use super::roff::Roff;
use crate::exit::Exit;
use crate::rules::reference::{keys, Condition, Help};

#[derive(Args)]
pub(super) struct Arguments {
    /// The page
    #[arg(value_enum, default_value = "ccroute")]
    page: Page,
}

#[derive(Clone, Copy, ValueEnum)]
enum Page {
    Ccroute,
    #[value(name = "ccroute.rules")]
    Rules,
}

/// The variables that ccroute reads, or sets for the programs that it runs.
const VARIABLES: &[(&str, &str)] = &[
    (
        "CCROUTE_RULES_DIR",
        "Directories of rules, separated by colons, in place of those below FILES. An empty item stands for the shipped rules, which are left out otherwise. Not looked at in a process with more rights than its caller.",
    ),
    (
        "CCROUTE_COMPILERS",
        "The record of compilers, in place of /var/lib/ccroute/compilers. Not looked at in a process with more rights than its caller.",
    ),
    (
        "_CCROUTE_PASSED, _CCROUTE_COMPILER, _CCROUTE_ADDED",
        "Set by ccroute for the programs that it runs, so that it knows itself again.",
    ),
    (
        "PATH",
        "Where compilers are looked for, after a rule's path. Relative directories are left out.",
    ),
    (
        "_DISTCC_SAFEGUARD",
        "Set by distcc and distccd. With it ccroute never sends.",
    ),
    (
        "DISTCC_FALLBACK, DISTCC_SKIP_LOCAL_RETRY, DISTCC_NO_REWRITE_CROSS",
        "Set for distcc: the first two by fallback = refuse, the third with every job that is sent.",
    ),
    (
        "TMPDIR",
        "On a helper: the directory below which each job has a private directory.",
    ),
    (
        "NO_COLOR",
        "With any value: no colours. There are none off a terminal anyway.",
    ),
];

const FILES: &[(&str, &str)] = &[
    (
        "/etc/ccroute/rules.d/*.rules",
        "The administrator's rules. See ccroute.rules(5) for the other directories.",
    ),
    (
        "/etc/ccroute/rules.d/60-client.rules",
        "Written by install --client.",
    ),
    (
        "/etc/ccroute/commands",
        "Written by install --helper: the programs that distccd may run (DISTCC_CMDLIST).",
    ),
    (
        "/etc/ccroute/distccd.sh",
        "Written by install --helper: the variables that distccd is started with, for an init script.",
    ),
    (
        "/etc/systemd/system/distcc.service.d/ccroute.conf",
        "The same for systemd; or below distccd.service.d.",
    ),
    (
        "/usr/lib/ccroute/bin",
        "Written by install --helper: a link for every name that is served.",
    ),
    (
        "/usr/lib/distcc",
        "distcc's masquerade directory on a client; the whitelist of names on a helper.",
    ),
    (
        "/var/lib/ccroute/compilers",
        "What check and install recorded of the compilers.",
    ),
    (
        "/var/log/ccroute/calls",
        "What became of the calls of clients; a user's own are in ~/.local/state/ccroute/calls. ccroute stats reads both.",
    ),
    (
        "/var/lib/ccroute/tmp",
        "TMPDIR of a distccd that is started with distccd.sh.",
    ),
    (
        "/var/lib/ccroute/replaced",
        "The files of the masquerade directory that install --client replaced.",
    ),
    ("/run/ccroute/guard", "The guard, while it is on."),
];

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let text = match arguments.page {
        Page::Ccroute => commands_page(),
        Page::Rules => rules_page(),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Success)
}

fn commands_page() -> String {
    let mut command = super::help::command();
    command.build();
    let mut page = Roff::new("CCROUTE", 1, "User Commands");
    page.section("NAME");
    page.text("ccroute, ccroute-run - route compiler names to the right compiler");
    page.section("SYNOPSIS");
    page.bold_line("ccroute COMMAND [ARGUMENT…]");
    page.bold_line("ccroute-run COMPILER [ARGUMENT…]");
    page.bold_line("[TRIPLE-]TOOL[-VERSION] [ARGUMENT…]");
    page.section("DESCRIPTION");
    page.text(
        "ccroute is one program that is installed under every compiler name. It looks at the name it was called by and at its rules, and does one of three things: it runs the right installed compiler, hands the job to distcc under the right name, or refuses and says why. A compiler that runs has the process to itself: its output and its exit code are passed on untouched.",
    );
    page.text(
        "The client is the machine that builds; a helper is a machine that runs distccd and compiles for clients. Under the name ccroute-run it is a launcher, which is given the compiler: for CCACHE_PREFIX, or CMake's CMAKE_C_COMPILER_LAUNCHER. By its own name it is the commands below.",
    );
    page.section("COMMANDS");
    for sub in command.get_subcommands() {
        if sub.get_name() != "help" {
            describe(&mut page, sub);
        }
    }
    page.section("OPTIONS");
    for arg in arguments(&command) {
        option(&mut page, arg);
    }
    page.section("EXIT STATUS");
    page.text("Of ccroute itself. A compiler's own code passes through.");
    for exit in Exit::ALL {
        page.entry(&exit.code().to_string(), exit.meaning());
    }
    page.section("ENVIRONMENT");
    for (name, text) in VARIABLES {
        page.entry(name, text);
    }
    page.section("FILES");
    for (path, text) in FILES {
        page.entry(path, text);
    }
    page.section("SEE ALSO");
    page.text("ccroute.rules(5), distcc(1), distccd(1), gcc(1)");
    page.end()
}

/// A command, its options, its own subcommands, its examples.
fn describe(page: &mut Roff, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage);
    // A command that has commands is called by one of those.
    let mut subs = command.get_subcommands().filter(|s| s.get_name() != "help");
    let first_sub = subs.next();
    page.subsection(usage.trim());
    if let Some(about) = command.get_about() {
        page.text(&sentence(&about.to_string()));
    }
    for arg in arguments(command) {
        option(page, arg);
    }
    for sub in first_sub.into_iter().chain(subs) {
        describe(page, sub);
    }
    let found = EXAMPLES
        .iter()
        .find(|(name, _)| *name == command.get_name());
    if let Some((_, examples)) = found {
        for Example { what, line } in *examples {
            page.text(&format!("{what}:"));
            page.literal(line);
        }
    }
}

/// What is worth saying of a command's options: --help needs no description each time.
fn arguments(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_root = command.get_name() == "ccroute";
    command
        .get_arguments()
        .filter(move |a| !a.is_hide_set() && (is_root || a.get_id() != "help"))
}

fn option(page: &mut Roff, arg: &Arg) {
    let values: Vec<String> = arg
        .get_value_names()
        .unwrap_or_default()
        .iter()
        .map(ToString::to_string)
        .collect();
    let value = values.join(" ");
    let mut names = Vec::new();
    names.extend(arg.get_short().map(|s| format!("-{s}")));
    names.extend(arg.get_long().map(|l| format!("--{l}")));
    let takes = arg.get_action().takes_values();
    let optional = arg.get_num_args().is_some_and(|n| n.min_values() == 0);
    let tag = match (names.is_empty(), takes) {
        (true, _) => value,
        (false, true) if optional => format!("{}[={value}]", names.join(", ")),
        (false, true) => format!("{} {value}", names.join(", ")),
        (false, false) => names.join(", "),
    };
    let long = arg.get_long_help().or(arg.get_help());
    let mut text = sentence(&long.map(ToString::to_string).unwrap_or_default());
    let choices = arg.get_possible_values();
    if !choices.is_empty() && takes && !arg.is_hide_possible_values_set() {
        let words: Vec<&str> = choices.iter().map(|c| c.get_name()).collect();
        text += &format!(" One of: {}.", words.join(", "));
    }
    let default: Vec<String> = arg
        .get_default_values()
        .iter()
        .map(|v| v.to_string_lossy().into_owned())
        .collect();
    if !default.is_empty() && takes && !arg.is_hide_default_value_set() {
        text += &format!(" Without it: {}.", default.join(" "));
    }
    page.entry(&tag, &text);
}

/// Help lines end without a full stop; in a page they are sentences.
fn sentence(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|p| {
            let line = p.split_whitespace().collect::<Vec<_>>().join(" ");
            match line.ends_with(['.', ']', ':']) {
                true => line,
                false => format!("{line}."),
            }
        })
        .collect();
    paragraphs.join(" ")
}

fn rules_page() -> String {
    let mut page = Roff::new("CCROUTE.RULES", 5, "File Formats");
    page.section("NAME");
    page.text("ccroute.rules - which compiler serves which name");
    page.section("SYNOPSIS");
    for dir in crate::rules::load::STANDARD_DIRS {
        page.bold_line(&format!("{dir}/*.rules"));
    }
    page.section("DESCRIPTION");
    page.text(
        "A rules file is text in UTF-8. A line is a section's header, KEY = VALUE, KEY += VALUE, a comment after #, or empty. Quotes of either kind keep blanks and # within a value.",
    );
    page.text(
        "A file in an earlier directory replaces one of the same name in a later one; a link to /dev/null switches it off. All files count in the order of their names, whatever their directory. The files that come with ccroute are numbered 10 to 40 and are part of the program, below all directories; messages name their lines as shipped:FILE:LINE. Their text is in share/ccroute/rules.d, to read and to copy from: what is changed there changes nothing.",
    );
    page.text(
        "Every section that holds for a request counts, in that order; the later wins, key by key. += adds to a list. A key appears at most once in a section.",
    );
    page.text(
        "A file with a fault is never skipped: ccroute refuses to work (exit 78) and names file, line and column. So it does if someone other than root or the user who runs ccroute can write to a file or its directory. ccroute check shows all faults, ccroute explain which line decided a call.",
    );
    page.section("SECTIONS");
    page.bold_line("[PATTERN CONDITION…]");
    page.text(
        "The pattern is a glob over the triple of the name that was asked for, or the word native: a name without a triple, which * never matches. All conditions must hold. Each appears at most once. The section [ccroute] is about the program itself: it takes no conditions, and only the keys that say so.",
    );
    for condition in Condition::ALL {
        let Help { value, text } = condition.help();
        page.entry(format!("{} {value}", condition.word()).trim_end(), text);
    }
    page.section("KEYS");
    page.text("Keys with … or FLAGS as their value are lists, and take +=.");
    for (word, key) in keys() {
        let Help { value, text } = key.help();
        page.entry(&format!("{word} = {}", value.replace(", ", " | ")), text);
    }
    page.section("WHAT A NATIVE NAME MEANS");
    page.text(
        "On a helper gcc says nothing about the machine that asks. It is settled, in this order, by a rule with the client's address (as in [native from 192.168.1.20]), by what the job itself shows, by a rule without an address ([native helper]). Where two of these disagree, or none says anything, ccroute refuses and prints the line that would settle it.",
    );
    page.section("EXAMPLES");
    page.text("A Raspberry Pi with Gentoo, on the workstation that compiles for it:");
    page.literal(EXAMPLE_PI);
    page.text("A network of equal machines: a plain gcc is this machine's own.");
    page.literal("[native helper]\nuse = native");
    page.text("On a client: never compile here what was meant to be sent.");
    page.literal("[*]\nfallback = refuse");
    page.section("SEE ALSO");
    page.text("ccroute(1), gcc(1)");
    page.end()
}

const EXAMPLE_PI: &str = "\
[armv6j-hardfloat-linux-gnueabi]
use      = armv6-rpi-linux-gnueabi arm-linux-gnueabihf
path     = /opt/x-tools/*/bin
defaults = -march=armv6j -mfpu=vfp -mfloat-abi=hard -marm -fPIE

[native from 192.168.1.20]
as = armv6j-hardfloat-linux-gnueabi";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::parse::parse;

    #[test]
    fn the_examples_of_the_rules_page_are_rules() {
        let page = rules_page();
        let mut sections = 0;
        for example in page.split(".nf\n").skip(1) {
            let text = example.split("\n.fi").next().unwrap_or_default();
            // As man(7) shows it.
            let text = text
                .replace("\\-", "-")
                .replace("\\&", "")
                .replace("\\e", "\\");
            let parsed = parse(text.as_bytes(), &mut |at| panic!("{text}: {at:?}"));
            sections += parsed.len();
        }
        assert_eq!(sections, 4);
    }
}
