//! The command line as data, with its examples: what help, manual page and completions are made
//! from.

use clap::{Command, CommandFactory};

use super::examples::{Example, EXAMPLES};
use super::Cli;

/// The whole command line.
pub(super) fn command() -> Command {
    let mut command = Cli::command().after_long_help(long_end());
    for (name, examples) in EXAMPLES {
        let text = in_words(examples);
        command = command.mut_subcommand(name, |c| c.after_long_help(text));
    }
    command
}

/// Examples as help shows them.
fn in_words(examples: &[Example]) -> String {
    let mut text = String::from("Examples:");
    for example in examples {
        text += &format!("\n  {}\n    $ {}\n", example.what, example.line);
    }
    text.trim_end().to_owned()
}

fn long_end() -> String {
    let first = EXAMPLES.iter().map(|(_, examples)| &examples[..1]);
    let mut text = in_words(&first.collect::<Vec<_>>().concat());
    text += "\n\nHelp for a command: ccroute COMMAND --help. Manual pages:\nccroute(1), ccroute.rules(5).";
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_has_examples_that_are_right() {
        let all = command();
        for sub in all.get_subcommands() {
            let found = EXAMPLES.iter().find(|(name, _)| *name == sub.get_name());
            let (_, examples) = found.unwrap_or_else(|| panic!("{}", sub.get_name()));
            for example in *examples {
                // What a shell makes of the line is not looked at: only the call itself.
                let call = example
                    .line
                    .trim_start_matches("source <(")
                    .trim_end_matches(')');
                let call = call.split(" >").next().unwrap_or_default();
                let call = call.split(" | ").next().unwrap_or_default();
                let words: Vec<&str> = call.split(' ').filter(|w| *w != "sudo").collect();
                assert_eq!(words.get(..2), Some(&["ccroute", sub.get_name()][..]));
                let read = command().try_get_matches_from(&words);
                assert!(read.is_ok(), "{}: {}", example.line, read.unwrap_err());
            }
        }
        for (name, _) in EXAMPLES {
            assert!(all.find_subcommand(name).is_some(), "{name}");
        }
    }
}
