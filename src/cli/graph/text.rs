//! The routes for the terminal: a bracket for each compiler.

use std::io::{self, Write};

use super::{cut, in_few_words, shortened, Graph, Row};
use crate::cli::look::{folded, Colour, Look};

/// The longest name that is printed whole, in columns.
const TITLE: usize = 40;
const TOOLS: usize = 18;
/// What is always left for a compiler.
const ROOM: usize = 24;
const BETWEEN: usize = 7;

/// Signs for lines.
struct Signs {
    only: &'static str,
    first: &'static str,
    middle: &'static str,
    last: &'static str,
    refused: &'static str,
}

const DRAWN: Signs = Signs {
    only: "───",
    first: "─┬─",
    middle: "─┤",
    last: "─┘",
    refused: "─✕ ",
};

const TYPED: Signs = Signs {
    only: "---",
    first: "-+-",
    middle: "-+",
    last: "-+",
    refused: "-x ",
};

pub(super) fn draw(graph: &Graph, out: &mut dyn Write, look: Look) -> io::Result<()> {
    let signs = if look.unicode { &DRAWN } else { &TYPED };
    let plain = |text: String| match look.unicode {
        true => text,
        false => text.replace('…', "~"),
    };
    let served = graph.rows.iter().filter(|r| !r.routes.is_empty());
    let longest = served.map(|r| marked(r).chars().count()).max();
    // Between the columns are spaces and signs.
    let others = look.width.saturating_sub(TOOLS + BETWEEN);
    let width = longest
        .unwrap_or(0)
        .min(TITLE)
        .min(others.saturating_sub(ROOM));
    let room = others.saturating_sub(width);
    let started = |title: &str, tools: &str| {
        plain(format!(
            "{:width$}  {:TOOLS$} ",
            printable(&shortened(title, width)),
            printable(&cut(tools, TOOLS)),
        ))
    };
    let start = |row: &Row, tools: &str| started(&marked(row), tools);
    writeln!(out, "{}", graph.summary())?;
    let mut bracket = true;
    for (index, compiler) in graph.compilers.iter().enumerate() {
        let programs = in_few_words(&compiler.programs);
        let end = format!("{}  {}: {programs}", compiler.title, compiler.directory);
        let end = plain(printable(&cut(&end, room)));
        let rows: Vec<_> = graph.rows_of(index).collect();
        // A bracket has empty lines around it; single lines may follow each other.
        if rows.len() > 1 || std::mem::replace(&mut bracket, rows.len() > 1) {
            writeln!(out)?;
        }
        bracket = rows.len() > 1;
        for (number, (_, row)) in rows.iter().enumerate() {
            let tools = in_few_words(&row.routes[0].tools);
            let start = start(row, &tools);
            match (number, rows.len()) {
                (0, 1) => writeln!(out, "{start}{} {end}", signs.only)?,
                (0, _) => writeln!(out, "{start}{} {end}", signs.first)?,
                (n, all) if n + 1 == all => writeln!(out, "{start}{}", signs.last)?,
                _ => writeln!(out, "{start}{}", signs.middle)?,
            }
        }
        // Where it serves only what others serve first.
        let also: Vec<_> = graph
            .rows
            .iter()
            .filter_map(|row| row.routes.iter().skip(1).find(|r| r.to == index))
            .collect();
        if let Some(first) = also.first() {
            let title = match also.len() {
                1 => "1 of the others".to_owned(),
                n => format!("{n} of the others"),
            };
            let start = started(&title, &in_few_words(&first.tools));
            writeln!(out, "{start}{} {end}", signs.only)?;
        }
    }
    let mut gap = true;
    for row in graph.rows.iter().filter(|r| !r.routes.is_empty()) {
        let Some(refused) = &row.refused else {
            continue;
        };
        if std::mem::take(&mut gap) {
            writeln!(out)?;
        }
        let why = plain(printable(&cut(&refused.why, room)));
        let line = format!(
            "{}{}{why}",
            start(row, &in_few_words(&refused.tools)),
            signs.refused
        );
        writeln!(out, "{}", look.paint(Colour::Red, line.trim_end()))?;
    }
    for group in &graph.unserved {
        let title = format!("not served: {}", printable(&group.title));
        let title = folded(&plain(title), 4);
        writeln!(out, "\n{}", look.paint(Colour::Red, &title))?;
        let names = group.rows.iter().map(|&row| marked(&graph.rows[row]));
        for line in wrapped(names, look.width) {
            writeln!(out, "{}", plain(printable(&line)))?;
        }
    }
    if graph.any_asked() {
        writeln!(out, "\n* a client asked for it")?;
    }
    Ok(())
}

/// A name, with a star if a client asked for it.
fn marked(row: &Row) -> String {
    let star = if row.asked { "*" } else { "" };
    format!("{}{star}", row.title)
}

/// Names in indented lines no wider than `width` columns; a longer name has its own line.
fn wrapped(names: impl Iterator<Item = String>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 2 + name.chars().count() <= width => {
                *line += "  ";
                *line += &name;
            }
            _ => lines.push(format!("  {name}")),
        }
    }
    lines
}

/// Without what could move a terminal: paths may hold anything.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}
