//! `ccroute guard`: the temporary refusal of native compiles on a helper.

use std::io::Write;
use std::path::Path;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Failure;
use crate::exit::Exit;
use crate::helper::guard::{self, GUARD_FILE, LONGEST};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Refuse native compiles for clients from now on
    On {
        /// How long, such as 90m or 2h (at most 24h)
        #[arg(long = "for", value_name = "TIME", default_value = "2h", value_parser = seconds)]
        time: u64,
    },
    /// End it
    Off,
    /// Say whether it is on, and for how long
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let file = Path::new(GUARD_FILE);
    let failed = |what: &str, error: std::io::Error| {
        Failure::Fault(format!(
            "cannot {what} {GUARD_FILE}: {error}: run it as root"
        ))
    };
    match &arguments.action {
        Action::On { time } => {
            guard::turn_on(file, *time).map_err(|e| failed("write", e))?;
            writeln!(out, "guard on for {}", words(*time))?;
        }
        Action::Off => {
            let was_on = guard::turn_off(file).map_err(|e| failed("remove", e))?;
            writeln!(
                out,
                "{}",
                if was_on { "guard off" } else { "guard was off" }
            )?;
        }
        Action::Status { json } => {
            let left = guard::remaining(file);
            match (json, left) {
                (true, _) => super::json::print(
                    out,
                    "guard status",
                    json!({"on": left.is_some(), "seconds": left}),
                )?,
                (false, Some(left)) => writeln!(out, "guard on for another {}", words(left))?,
                (false, None) => writeln!(out, "guard off")?,
            }
        }
    }
    Ok(Exit::Success)
}

/// `90`, `90s`, `90m`, `2h` in seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let (digits, factor) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    let time = digits
        .parse::<u64>()
        .ok()
        .and_then(|n| n.checked_mul(factor));
    match time {
        Some(time) if (1..=LONGEST).contains(&time) => Ok(time),
        _ => Err("write a time from 1s to 24h, such as 90m".into()),
    }
}

fn words(seconds: u64) -> String {
    match (seconds / 3600, seconds % 3600 / 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, 0) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}
