//! `ccroute completions`: what a shell completes after `ccroute`.

use std::io::Write;

use clap::{Args, ValueEnum};
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

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let shell = match arguments.shell {
        Word::Bash => Shell::Bash,
        Word::Zsh => Shell::Zsh,
        Word::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    generate(shell, &mut super::help::command(), "ccroute", &mut text);
    out.write_all(&text)?;
    Ok(Exit::Success)
}
