//! `ccroute verify`: compiles samples with this machine's own compiler and through the launcher,
//! and compares the objects.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{json, Value};

use super::look::{count, folded, Progress};
use super::probe::find_compiler;
use super::Failure;
use crate::exit::Exit;
use crate::proof::verify::{Launcher, Sample, SampleResult, Status, Verifier};

#[derive(Args)]
pub(super) struct Arguments {
    /// A name on PATH, or a path [default: cc or gcc]
    #[arg(long, value_name = "COMPILER", value_hint = ValueHint::CommandName)]
    compiler: Option<OsString>,
    /// What sends a job, instead of ccroute-run
    #[arg(long, value_name = "COMMAND", value_hint = ValueHint::CommandName)]
    through: Option<OsString>,
    /// Compile FILES with this: --flag=-O3 --flag=-g
    #[arg(long = "flag", value_name = "FLAG", allow_hyphen_values = true)]
    flags: Vec<OsString>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Files to compile in addition to the samples
    #[arg(value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let launcher = match &arguments.through {
        Some(command) => Launcher::Command(find_compiler_or_launcher(command)?),
        None => Launcher::Itself,
    };
    let verifier = Verifier::new(find_compiler(arguments.compiler.as_ref())?, launcher)?;
    let mut samples = Sample::own();
    for file in &arguments.files {
        samples.push(Sample::file(file, &arguments.flags)?);
    }
    let mut progress = Progress::new("compiling samples", samples.len());
    let mut results: Vec<SampleResult> = Vec::new();
    for (number, sample) in samples.iter().enumerate() {
        progress.at(number);
        results.push(verifier.check(sample));
    }
    drop(progress);
    if arguments.json {
        let report = json!({
            "compiler": verifier.compiler().display().to_string(),
            "samples": results.iter().map(in_json).collect::<Vec<Value>>(),
            "ok": results.iter().all(SampleResult::is_ok),
        });
        super::json::print(out, "verify", report)?;
    } else {
        table(&results, out)?;
    }
    Ok(if results.iter().all(SampleResult::is_ok) {
        Exit::Success
    } else {
        Exit::Fault
    })
}

/// A launcher by name or path. distcc and ccache are welcome here.
fn find_compiler_or_launcher(command: &OsString) -> Result<PathBuf, Failure> {
    let path = Path::new(command);
    let candidates: Vec<PathBuf> = if path.components().count() > 1 {
        vec![std::path::absolute(path)?]
    } else {
        std::env::split_paths(&crate::shim::host::path_variable())
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(path))
            .collect()
    };
    candidates
        .into_iter()
        .find(|path| fs::metadata(path).is_ok_and(|meta| meta.is_file()))
        .ok_or_else(|| Failure::Fault(format!("no such launcher: {}", command.to_string_lossy())))
}

fn in_json(result: &SampleResult) -> Value {
    let (section, offset) = match &result.status {
        Status::Different { first, .. } => (Some(first.section.as_str()), first.offset),
        _ => (None, None),
    };
    json!({
        "file": result.name,
        "result": result.status.word(),
        "helper": result.sent.as_ref().map(|s| &s.host),
        "words": result.status.to_string(),
        "section": section,
        "offset": offset,
        "matters": !result.is_ok(),
    })
}

/// One line for each sample, differences indented below theirs.
fn table(results: &[SampleResult], out: &mut dyn Write) -> io::Result<()> {
    let wrong = results.iter().filter(|r| !r.is_ok()).count();
    let samples = count(results.len(), "sample");
    match wrong {
        0 => writeln!(
            out,
            "nothing is wrong: {samples} compiled here and on a helper"
        )?,
        n => writeln!(out, "{}: {samples} compiled", count(n, "fault"))?,
    }
    let width = |text: &dyn Fn(&SampleResult) -> usize| results.iter().map(text).max().unwrap_or(0);
    let names = width(&|r| r.name.chars().count());
    let words = width(&|r| r.status.word().len());
    for result in results {
        let helper = result.sent.as_ref().map_or("?", |s| &s.host);
        let line = format!(
            "{:names$}  {:words$}  {helper}",
            result.name,
            result.status.word()
        );
        writeln!(out, "{}", line.trim_end())?;
        let details = result.status.to_string();
        for detail in details.lines().filter(|d| *d != result.status.word()) {
            writeln!(out, "{}", folded(&format!("    {detail}"), 6))?;
        }
    }
    Ok(())
}
