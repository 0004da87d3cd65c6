//! How things look in a terminal: colours only there and never with NO_COLOR, lines and bars of
//! what the locale can show.

use std::ffi::OsString;
use std::io::{stderr, stdout, IsTerminal};
use std::time::{Duration, Instant};

use crate::os;

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
            width: os::terminal_width().unwrap_or(100).clamp(60, 160),
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
    begun: Instant,
    all: usize,
    shown: bool,
}

impl Progress {
    /// Of this many steps.
    pub(super) fn new(all: usize) -> Progress {
        Progress {
            begun: Instant::now(),
            all,
            shown: false,
        }
    }

    /// Step `number`, counted from 0, begins.
    pub(super) fn at(&mut self, number: usize) {
        const SILENT: Duration = Duration::from_secs(1);
        if self.begun.elapsed() > SILENT && stderr().is_terminal() {
            eprint!("\r{} of {}  ", number + 1, self.all);
            self.shown = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            eprint!("\r                    \r");
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

fn is_utf8(locale: OsString) -> bool {
    let text = locale.to_string_lossy().to_ascii_lowercase();
    text.contains("utf-8") || text.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::*;

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
