//! `ccroute test`: sends one small job as a build would, and says who compiled it. It cannot succeed
//! if the job stayed here: distcc may not compile it locally, and its log has to name the helper.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use super::client::{recorded, search_outside};
use super::look::folded;
use super::{client_check, hosts, Failure};
use crate::compiler::search::{find_launcher, Found};
use crate::exit::Exit;
use crate::proof::verify::{Launcher, Sample, SampleResult, Status, Verifier};
use crate::shim::host;

#[derive(Args)]
pub(super) struct Arguments {
    /// The helpers to ask [default: distcc's list]
    #[arg(long, value_name = "ADDRESS", num_args = 1.., value_parser = super::client::host, value_hint = ValueHint::Hostname)]
    host: Vec<String>,
    /// The compiler name, as a build calls it
    #[arg(long, value_name = "NAME", default_value = "gcc", value_hint = ValueHint::CommandName)]
    compiler: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let (link, compiler) = names(&arguments.compiler)?;
    let distcc = find_launcher("distcc", host::search_path().path(), &[]).ok_or_else(|| {
        Failure::Fault(format!(
            "distcc is not on PATH. Type:\n  {}",
            super::install::install_distcc()
        ))
    })?;
    let list = match arguments.host.is_empty() {
        true => hosts::shown(&distcc),
        false => arguments.host.join(" "),
    };
    if hosts::parse(&list).iter().all(|h| *h == hosts::Host::Local) {
        return Err(Failure::Fault(
            "distcc's list of hosts names no helper. Type, with the helper's address:\n  sudo ccroute install --client --host ADDRESS"
                .into(),
        ));
    }
    // distcc reads a file's comments, and no variable's.
    let list: Vec<&str> = list
        .lines()
        .flat_map(|l| {
            l.split('#')
                .next()
                .unwrap_or_default()
                .split_ascii_whitespace()
        })
        .collect();
    let launcher = Launcher::Name {
        link,
        hosts: list.join(" "),
    };
    let result = Verifier::new(compiler, launcher)?.check(&Sample::small());
    let sent = result.is_ok();
    match arguments.json {
        true => super::json::print(out, "test", as_json(&result))?,
        false => print(&result, &list.join(" "), out)?,
    }
    Ok(match sent {
        true => Exit::Success,
        false => Exit::Fault,
    })
}

/// The link that a build calls, and the compiler that it stands for.
fn names(name: &str) -> Result<(PathBuf, PathBuf), Failure> {
    let not_set_up =
        "this machine is not set up as a client. Type, with the helper's address:\n  sudo ccroute install --client --host ADDRESS";
    let recorded = client_check::rules_text(Path::new("/")).and_then(|text| recorded(&text));
    let (dir, _) = recorded.ok_or_else(|| Failure::Fault(not_set_up.into()))?;
    let link = dir.join(name);
    if !link.exists() {
        return Err(Failure::Fault(format!(
            "{} does not exist. To make links for the installed compilers, type:\n  sudo ccroute install --client",
            link.display()
        )));
    }
    match search_outside(&dir).find(name, &[]) {
        Found::Yes(compiler) => Ok((link, compiler.path)),
        Found::NotExecutable(_) | Found::No => Err(Failure::Fault(format!(
            "{name} is not installed here: there is no local object to compare with. Install it"
        ))),
    }
}

/// A helper's address, without the options that distcc's list has behind it.
fn address(host: &str) -> &str {
    host.split(['/', ',']).next().unwrap_or(host)
}

fn as_json(result: &SampleResult) -> serde_json::Value {
    let sent = result.sent.as_ref();
    json!({
        "ok": result.is_ok(),
        "helper": sent.map(|s| address(&s.host)),
        "name": sent.map(|s| &s.name),
        "milliseconds": sent.map(|s| u64::try_from(s.time.as_millis()).unwrap_or(u64::MAX)),
        "object": result.status.word(),
        "words": result.status.to_string(),
    })
}

fn print(result: &SampleResult, hosts: &str, out: &mut dyn Write) -> std::io::Result<()> {
    if let Some(sent) = &result.sent {
        let seconds = sent.time.as_secs_f64();
        writeln!(
            out,
            "{} compiled it as {} in {seconds:.2} s",
            address(&sent.host),
            sent.name
        )?;
    }
    match &result.status {
        Status::Same(_) => writeln!(out, "the object is the one that this machine makes"),
        Status::Different { .. } if result.is_ok() => writeln!(
            out,
            "the object is for this machine, but its code differs from a local one:\nthe helper's compiler has probably another version"
        ),
        Status::Different { differences, .. } => {
            writeln!(out, "the object is not for this machine:")?;
            let mut lines = differences.iter().map(|d| folded(&format!("  {d}"), 4));
            lines.try_for_each(|line| writeln!(out, "{line}"))
        }
        Status::NotSent | Status::Failed(_) => {
            let line = format!("no helper compiled it (asked: {hosts})");
            writeln!(out, "{}", folded(&line, 2))?;
            if let Status::Failed(words) = &result.status {
                writeln!(out, "{}", folded(words, 4))?;
            }
            writeln!(out, "To find out why, type:\n  ccroute doctor --client")
        }
    }
}
