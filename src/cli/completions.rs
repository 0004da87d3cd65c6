//! `ccroute completions`: what a shell completes after `ccroute`.

use std::io::{self, Write};

use clap::{Args, Command, ValueEnum};
use clap_complete::{generate, Shell};

use crate::exit::Exit;

#[derive(Args)]
pub(super) struct Arguments {
    /// The shell
    #[arg(value_enum)]
    shell: Word,
}

#[derive(Clone, Copy, ValueEnum)]
enum Word {
    Bash,
    Zsh,
    Fish,
}

/// clap_complete's fish knows the words of options, not those of arguments.
fn words_of_fish(command: &Command, out: &mut dyn Write) -> io::Result<()> {
    for sub in command.get_subcommands() {
        for arg in sub.get_positionals() {
            let values = arg.get_possible_values();
            let words: Vec<&str> = values.iter().map(|v| v.get_name()).collect();
            if !words.is_empty() {
                writeln!(
                    out,
                    "complete -c ccroute -n \"__fish_seen_subcommand_from {}\" -f -a \"{}\"",
                    sub.get_name(),
                    words.join(" ")
                )?;
            }
        }
    }
    Ok(())
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let shell = match arguments.shell {
        Word::Bash => Shell::Bash,
        Word::Zsh => Shell::Zsh,
        Word::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    let mut command = super::help::command();
    generate(shell, &mut command, "ccroute", &mut text);
    out.write_all(&text)?;
    if let Word::Fish = arguments.shell {
        words_of_fish(&command, out)?;
    }
    Ok(Exit::Success)
}
