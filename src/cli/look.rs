//! How things look in a terminal: colours only there and never with NO_COLOR, lines and bars of
//! what the locale can show, and lines that fit.

use std::ffi::OsString;
use std::io::{stderr, stdout, IsTerminal};
use std::time::{Duration, Instant};

use crate::os;

/// The longest line of prose, in columns; also the width of a file or pipe.
const LINE: usize = 80;

/// What standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    colours: bool,
    pub(super) unicode: bool,
    /// Columns.
    pub(super) width: usize,
}

/// A colour that is readable on light and on dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    Red,
    Yellow,
    Green,
    Bold,
}

impl Look {
    /// Of standard output, by the terminal and the environment.
    pub(super) fn now() -> Look {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let terminal = stdout().is_terminal();
        let dumb = variable("TERM").is_none_or(|t| t == "dumb");
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
        Look {
            colours: terminal && !dumb && variable("NO_COLOR").is_none(),
            unicode: locale.filter_map(variable).next().is_some_and(is_utf8),
            width: os::terminal_width().unwrap_or(LINE).clamp(60, 160),
        }
    }

    /// Of a file: no colours, and every line that there is.
    pub(super) fn plain() -> Look {
        Look {
            colours: false,
            unicode: true,
            width: 120,
        }
    }

    /// The text in a colour.
    pub(super) fn paint(self, colour: Colour, text: &str) -> String {
        let code = match colour {
            Colour::Red => 31,
            Colour::Yellow => 33,
            Colour::Green => 32,
            Colour::Bold => 1,
        };
        match self.colours {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }

    /// A bar for `count` where `most` is as long as `width` columns. What is not nothing shows.
    pub(super) fn bar(self, count: u64, most: u64, width: usize) -> String {
        const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
        if count == 0 || most == 0 {
            return String::new();
        }
        let eighths = (u128::from(count) * width as u128 * 8 / u128::from(most)) as usize;
        let eighths = eighths.clamp(1, width * 8);
        match self.unicode {
            true => "█".repeat(eighths / 8) + EIGHTHS[eighths % 8],
            false => "#".repeat(eighths.div_ceil(8)),
        }
    }
}

/// A line on standard error for work that takes longer than a second: on a terminal only.
#[derive(Debug)]
pub(super) struct Progress {
    what: &'static str,
    begun: Instant,
    all: usize,
    shown: bool,
}

impl Progress {
    /// Of this many steps of some work, such as `asking compilers`.
    pub(super) fn new(what: &'static str, all: usize) -> Progress {
        Progress {
            what,
            begun: Instant::now(),
            all,
            shown: false,
        }
    }

    /// Step `number`, counted from 0, begins.
    pub(super) fn at(&mut self, number: usize) {
        const SILENT: Duration = Duration::from_secs(1);
        if self.begun.elapsed() > SILENT && stderr().is_terminal() {
            eprint!("\r{}: {} of {}  ", self.what, number + 1, self.all);
            self.shown = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

/// `1 compiler`, `3 compilers`.
pub(super) fn count(number: usize, thing: &str) -> String {
    match number {
        1 => format!("1 {thing}"),
        n => format!("{n} {thing}s"),
    }
}

/// Prose that fits [`LINE`]: broken at spaces, each further line indented by `hang` columns. A longer
/// word has a line to itself. Line breaks of the text stay, and an indented line behind one is left
/// as it is: it is a command to be pasted.
pub(super) fn folded(text: &str, hang: usize) -> String {
    let mut lines = text.split('\n');
    let mut done = folded_at(lines.next().unwrap_or_default(), hang, LINE).join("\n");
    for line in lines {
        done.push('\n');
        match line.starts_with(' ') {
            true => done.push_str(line),
            false => done.push_str(&folded_at(line, hang, LINE).join("\n")),
        }
    }
    done
}

/// One line of text in lines of at most `width` columns.
pub(super) fn folded_at(text: &str, hang: usize, width: usize) -> Vec<String> {
    let start = text.len() - text.trim_start_matches(' ').len();
    let mut lines = vec![text[..start].to_owned()];
    let mut empty = true;
    for word in text[start..].split(' ') {
        let columns = |text: &str| text.chars().count();
        let line = lines.last().map_or(0, |l| columns(l));
        if !empty && line + 1 + columns(word) > width {
            if let Some(line) = lines.last_mut() {
                line.truncate(line.trim_end().len());
            }
            lines.push(" ".repeat(hang));
            empty = true;
        }
        if let Some(line) = lines.last_mut() {
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
        }
        empty = false;
    }
    lines
}

fn is_utf8(locale: OsString) -> bool {
    let text = locale.to_string_lossy().to_ascii_lowercase();
    text.contains("utf-8") || text.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_folded_and_commands_are_not() {
        let word = "x".repeat(90);
        let text = format!("  because {word} {}", "of ".repeat(30).trim_end());
        let lines = folded(&text, 4);
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines[0], "  because");
        assert_eq!(lines[1], format!("    {word}"));
        assert_eq!(lines[2].chars().count(), 78);
        assert!(lines[2].starts_with("    of of "));
        assert_eq!(lines.len(), 4);
        let command = format!("type:\n  {}", "echo ".repeat(40));
        assert_eq!(folded(&command, 2), command);
        assert_eq!(folded("", 2), "");
        assert_eq!(folded_at("a b c d", 0, 3), ["a b", "c d"]);
    }

    #[test]
    fn bars_are_in_proportion_and_never_too_long() {
        let look = |unicode| Look {
            colours: false,
            unicode,
            width: 80,
        };
        assert_eq!(look(false).bar(0, 100, 10), "");
        assert_eq!(look(false).bar(1, 1_000_000, 10), "#");
        assert_eq!(look(false).bar(50, 100, 10), "#####");
        assert_eq!(look(false).bar(u64::MAX, u64::MAX, 10), "##########");
        assert_eq!(look(true).bar(1, 1_000_000, 10), "▏");
        assert_eq!(look(true).bar(55, 100, 10), "█████▌");
    }
}
