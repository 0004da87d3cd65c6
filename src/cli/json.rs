//! The envelope of every `--json`: docs/json.md says what is in it.

use std::io::{self, Write};

use serde_json::{json, Value};

/// The shape's version. A field that is added leaves it as it is; one that goes, or changes its
/// type or meaning, raises it.
pub(super) const VERSION: u32 = 2;

/// Prints what a command found: `fields`, an object, within the envelope.
pub(super) fn print(out: &mut dyn Write, command: &str, fields: Value) -> io::Result<()> {
    let mut report = json!({
        "ccroute": env!("CARGO_PKG_VERSION"),
        "command": command,
        "version": VERSION,
    });
    if let (Some(report), Value::Object(fields)) = (report.as_object_mut(), fields) {
        report.extend(fields);
    }
    writeln!(out, "{report:#}")
}
