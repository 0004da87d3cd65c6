//! What `check` and `doctor` report, as text and as JSON.

use std::io::{self, Write};

use serde_json::{json, Map, Value};

use super::look::{count, folded, Colour, Look};
use crate::exit::Exit;

/// How bad a finding is, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Worth knowing; nothing is wrong.
    Note,
    /// Works, but not as well as it could, or not for long.
    Warning,
    /// Jobs fail, stay where they are, or come back wrong.
    Fault,
    /// Others can do here what they should not.
    Danger,
}

impl Severity {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Fault => "fault",
            Severity::Danger => "danger",
        }
    }

    /// What `doctor` exits with where this is the worst.
    pub(super) fn exit(self) -> Exit {
        match self {
            Severity::Note => Exit::Success,
            Severity::Warning => Exit::Warned,
            Severity::Fault => Exit::Fault,
            Severity::Danger => Exit::Danger,
        }
    }
}

/// One thing that is not as it should be, or that is worth knowing.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// What is wrong, and where.
    pub(super) what: String,
    /// What follows from it; empty where that is plain.
    pub(super) effect: String,
    /// The command that fixes it, ready to be typed; empty where no command does.
    pub(super) fix: String,
    /// What to know or to do where a command does not suffice.
    pub(super) advice: String,
    /// For programs: the command's own fields.
    pub(super) fields: Map<String, Value>,
}

impl Finding {
    pub(super) fn new(
        severity: Severity,
        what: impl Into<String>,
        effect: impl Into<String>,
        fix: impl Into<String>,
    ) -> Finding {
        Finding {
            severity,
            what: what.into(),
            effect: effect.into(),
            fix: fix.into(),
            advice: String::new(),
            fields: Map::new(),
        }
    }

    /// A note without effect or fix.
    pub(super) fn note(what: impl Into<String>) -> Finding {
        Finding::new(Severity::Note, what, "", "")
    }

    /// The same with advice.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Finding {
        self.advice = advice.into();
        self
    }

    /// The same with the fields of an object, for programs.
    pub(super) fn with(mut self, fields: Value) -> Finding {
        if let Value::Object(fields) = fields {
            self.fields.extend(fields);
        }
        self
    }

    /// Prints it: a line of what is wrong, then indented lines.
    pub(super) fn print(&self, out: &mut dyn Write, look: Look) -> io::Result<()> {
        let colour = match self.severity {
            Severity::Note => Colour::Bold,
            Severity::Warning => Colour::Yellow,
            Severity::Fault | Severity::Danger => Colour::Red,
        };
        let word = self.severity.word();
        // A compiler's report has a line for each difference.
        let mut lines = self.what.split('\n').map(plain);
        let first = format!("{word}: {}", lines.next().unwrap_or_default());
        let first = folded(&first, word.len() + 2);
        writeln!(out, "{}{}", look.paint(colour, word), &first[word.len()..])?;
        lines.try_for_each(|line| writeln!(out, "{}", folded(&line, 4)))?;
        for (title, text) in [("effect", &self.effect), ("advice", &self.advice)] {
            if !text.is_empty() {
                let line = format!("  {title}: {}", plain(text));
                writeln!(out, "{}", folded(&line, 10))?;
            }
        }
        // On one line, to be pasted.
        if !self.fix.is_empty() {
            writeln!(out, "  fix:    {}", plain(&self.fix))?;
        }
        Ok(())
    }

    /// The same for programs.
    pub(super) fn as_json(&self) -> Value {
        let mut value = json!({
            "severity": self.severity.word(),
            "what": self.what,
            "effect": self.effect,
            "fix": self.fix,
            "advice": self.advice,
        });
        if let Some(object) = value.as_object_mut() {
            object.extend(self.fields.clone());
        }
        value
    }
}

/// What the findings come to: `nothing is wrong`, `2 faults, 1 warning`.
pub(super) fn answer(findings: &[Finding]) -> String {
    let of = |severity: Severity| findings.iter().filter(|f| f.severity == severity).count();
    let kinds = [Severity::Danger, Severity::Fault, Severity::Warning];
    let found = kinds.into_iter().filter(|severity| of(*severity) > 0);
    let found: Vec<String> = found
        .map(|severity| count(of(severity), severity.word()))
        .collect();
    let mut answer = match found.is_empty() {
        true => "nothing is wrong".to_owned(),
        false => found.join(", "),
    };
    if of(Severity::Note) > 0 {
        answer += &format!(", {}", count(of(Severity::Note), "note"));
    }
    answer
}

/// A list of findings for programs.
pub(super) fn as_json(findings: &[Finding]) -> Vec<Value> {
    findings.iter().map(Finding::as_json).collect()
}

/// What others named, without what could move a terminal.
fn plain(text: &str) -> String {
    let escaped = |c: char| match c.is_control() {
        true => c.escape_default().to_string(),
        false => c.to_string(),
    };
    text.chars().map(escaped).collect()
}
