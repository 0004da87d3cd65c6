//! `ccroute stats`: what became of the calls that were recorded.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{json, Map, Value};

use super::look::{count, folded, Colour, Look};
use super::{load_rules, Failure};
use crate::exit::Exit;
use crate::log::read::{each, reset, Action, Call};
use crate::log::{usual_file, HELPER_FILE};
use crate::os;
use crate::request::Place;
use crate::rules::matching::RuleSet;
use crate::rules::LogTo;
use crate::why::Why;

#[derive(Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Forget what was recorded
    #[arg(long, conflicts_with = "json")]
    reset: bool,
    /// Read this record [default: the helper's and this user's]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: Vec<PathBuf>,
    /// How many lines of each kind are printed
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let (files, note) = match arguments.file.is_empty() {
        true => recorded_files(),
        false => (arguments.file.clone(), None),
    };
    if arguments.reset {
        for file in &files {
            if reset(file).map_err(|e| failed(file, "remove", &e))? {
                writeln!(out, "removed {}", file.display())?;
            }
        }
        return Ok(Exit::Success);
    }
    let mut counts = Counts::default();
    for file in &files {
        let unread = each(file, &mut |call| counts.add(call));
        counts.unread += unread.map_err(|e| failed(file, "read", &e))?;
    }
    if arguments.json {
        super::json::print(out, "stats", counts.as_json(&files))?;
    } else {
        print(out, &counts, &files, Look::now(), arguments.top)?;
        if let Some(note) = note {
            writeln!(out, "\n{note}")?;
        }
    }
    Ok(Exit::Success)
}

/// The records that calls of this user, and of this machine as a helper, go to; and a note where
/// the rules have them go elsewhere.
pub(super) fn recorded_files() -> (Vec<PathBuf>, Option<&'static str>) {
    let usual = || {
        let own = usual_file(Place::Direct);
        std::iter::once(HELPER_FILE.into()).chain(own).collect()
    };
    // What was recorded can be read, whatever the rules have come to since.
    let texts = load_rules().unwrap_or_default();
    match RuleSet::parse(&texts).map(|rules| rules.program().log) {
        Ok(LogTo::File(file)) => (vec![file], None),
        Ok(LogTo::Off) => (usual(), Some("log = off in the rules: nothing is added")),
        Ok(LogTo::Syslog) => (
            usual(),
            Some("log = syslog in the rules: nothing is added here"),
        ),
        Ok(LogTo::Usual) | Err(_) => (usual(), None),
    }
}

fn failed(file: &std::path::Path, what: &str, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => ": run it as root",
        _ => "",
    };
    Failure::Fault(format!("cannot {what} {}: {error}{hint}", file.display()))
}

/// How many calls came to each action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count([u64; Action::ALL.len()]);

impl Count {
    fn add(&mut self, action: Action) {
        self.0[action as usize] += 1;
    }

    fn of(self, action: Action) -> u64 {
        self.0[action as usize]
    }

    fn all(self) -> u64 {
        self.0.iter().sum()
    }

    fn as_json(self) -> Map<String, Value> {
        let each = Action::ALL.map(|a| (a.word().replace(' ', "_"), json!(self.of(a))));
        let mut map: Map<String, Value> = each.into_iter().collect();
        map.insert("calls".into(), json!(self.all()));
        map
    }
}

type Table = BTreeMap<String, Count>;

/// Everything that is counted.
#[derive(Debug, Default)]
struct Counts {
    all: Count,
    /// The first and the last call, in seconds since 1970.
    first: Option<i64>,
    last: Option<i64>,
    names: Table,
    programs: Table,
    rules: Table,
    reasons: BTreeMap<(Action, Why), u64>,
    clients: Table,
    days: Table,
    /// Lines that are not calls.
    unread: u64,
}

impl Counts {
    fn add(&mut self, call: &Call<'_>) {
        self.all.add(call.action);
        self.first = Some(self.first.map_or(call.seconds, |t| t.min(call.seconds)));
        self.last = Some(self.last.map_or(call.seconds, |t| t.max(call.seconds)));
        let day = moment(call.seconds, false);
        for (table, key) in [
            (&mut self.names, call.name),
            (&mut self.programs, call.program),
            (&mut self.rules, call.rule),
            (&mut self.clients, call.client),
            (&mut self.days, day.as_str()),
        ] {
            if !key.is_empty() {
                table.entry(key.to_owned()).or_default().add(call.action);
            }
        }
        *self.reasons.entry((call.action, call.why)).or_default() += 1;
    }

    fn as_json(&self, files: &[PathBuf]) -> Value {
        let table = |table: &Table, word: &str| {
            let rows = table.iter().map(|(key, count)| {
                let mut map = count.as_json();
                map.insert(word.into(), json!(key));
                Value::Object(map)
            });
            rows.collect::<Vec<Value>>()
        };
        let reasons: Vec<Value> = self
            .reasons
            .iter()
            .map(|((action, why), calls)| {
                let action = action.word().replace(' ', "_");
                json!({"action": action, "code": why.code(), "reason": why.words(), "calls": calls})
            })
            .collect();
        let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
        json!({
            "files": files,
            "since": self.first,
            "until": self.last,
            "total": self.all.as_json(),
            "unreadable_lines": self.unread,
            "names": table(&self.names, "name"),
            "programs": table(&self.programs, "program"),
            "rules": table(&self.rules, "rule"),
            "reasons": reasons,
            "clients": table(&self.clients, "client"),
            "days": table(&self.days, "day"),
        })
    }
}

/// A day, or a day and a time, where this machine is.
fn moment(seconds: i64, with_time: bool) -> String {
    let Some(m) = os::local_moment(seconds) else {
        return String::new();
    };
    let day = format!("{:04}-{:02}-{:02}", m.year, m.month + 1, m.day);
    match with_time {
        true => format!("{day} {:02}:{:02}", m.hour, m.minute),
        false => day,
    }
}

fn print(
    out: &mut dyn Write,
    counts: &Counts,
    files: &[PathBuf],
    look: Look,
    top: usize,
) -> io::Result<()> {
    let files: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
    let files = files.join(", ");
    let (Some(first), Some(last)) = (counts.first, counts.last) else {
        return writeln!(
            out,
            "{}",
            folded(&format!("no call is recorded in {files}"), 2)
        );
    };
    let number = |n: u64, thing: &str| count(usize::try_from(n).unwrap_or(usize::MAX), thing);
    writeln!(
        out,
        "{} since {}, the last {}",
        number(counts.all.all(), "call"),
        moment(first, true),
        moment(last, true),
    )?;
    writeln!(out, "{}", folded(&format!("  recorded in {files}"), 4))?;
    if counts.unread > 0 {
        let lines = number(counts.unread, "line");
        writeln!(out, "  {lines} cannot be read as calls")?;
    }
    let actions =
        Action::ALL.map(|a| (a.word().to_owned(), counts.all.of(a), a == Action::Refused));
    section(
        out,
        "",
        actions.into_iter().filter(|a| a.1 > 0).collect(),
        look,
        usize::MAX,
    )?;
    let by = |table: &Table| {
        let mut rows: Vec<(String, u64, bool)> = table
            .iter()
            .map(|(key, count)| {
                let refused = count.of(Action::Refused);
                let all = count.all();
                match refused {
                    0 => (key.clone(), all, false),
                    n if n == all => (format!("{key} (refused)"), all, true),
                    n => (format!("{key} ({n} refused)"), all, false),
                }
            })
            .collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.1));
        rows
    };
    let mut reasons: Vec<(String, u64, bool)> = counts
        .reasons
        .iter()
        .map(|((action, why), n)| {
            let text = format!("{}: {}", action.word(), why.words());
            (text, *n, *action == Action::Refused)
        })
        .collect();
    reasons.sort_by_key(|row| std::cmp::Reverse(row.1));
    section(out, "by name", by(&counts.names), look, top)?;
    section(out, "by reason", reasons, look, top)?;
    section(
        out,
        "by compiler or launcher",
        by(&counts.programs),
        look,
        top,
    )?;
    section(out, "by rule", by(&counts.rules), look, top)?;
    section(out, "by client", by(&counts.clients), look, top)?;
    let mut days = by(&counts.days);
    days.sort();
    // The last days are the ones that are asked for.
    let skipped = days.len().saturating_sub(top.max(14));
    let days = days.split_off(skipped);
    section(out, "per day", days, look, usize::MAX)
}

/// A heading, and a bar for each row.
fn section(
    out: &mut dyn Write,
    heading: &str,
    rows: Vec<(String, u64, bool)>,
    look: Look,
    top: usize,
) -> io::Result<()> {
    const BAR: usize = 24;
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out)?;
    if !heading.is_empty() {
        writeln!(out, "{}", look.paint(Colour::Bold, heading))?;
    }
    let most = rows.iter().map(|r| r.1).max().unwrap_or(0);
    let number = most.to_string().len();
    let room = look.width - BAR - number - 6;
    let longest = rows.iter().take(top).map(|r| r.0.len()).max();
    let width = longest.unwrap_or(0).min(room);
    for (text, count, red) in rows.iter().take(top) {
        let bar = look.bar(*count, most, BAR);
        let bar = match red {
            true => look.paint(Colour::Red, &bar),
            false => look.paint(Colour::Green, &bar),
        };
        let text = shortened(text, width);
        writeln!(out, "  {text:<width$}  {count:>number$}  {bar}")?;
    }
    if rows.len() > top {
        writeln!(out, "  and {} more (--top)", rows.len() - top)?;
    }
    Ok(())
}

/// The text in no more columns than these, its middle left out.
fn shortened(text: &str, width: usize) -> String {
    // What is recorded is ASCII.
    if text.len() <= width || width < 8 || !text.is_ascii() {
        return text.to_owned();
    }
    let (head, tail) = ((width - 2) / 2, width - 2 - (width - 2) / 2);
    format!("{}..{}", &text[..head], &text[text.len() - tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_ends() {
        assert_eq!(shortened("short", 10), "short");
        assert_eq!(shortened("0123456789abcdef", 10), "0123..cdef");
    }
}
