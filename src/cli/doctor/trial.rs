//! A client's hosts on trial: one small job each, as distcc sends it. Does it come back, and from a
//! compiler of which version?

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use object::{Object, ObjectSection};

use super::finding::{Finding, Severity};
use super::hosts::Host;
use crate::cli::client::COMPILER;
use crate::compiler::ask::{answer, Failure};
use crate::proof::Scratch;
use crate::shim::host;

/// How long a job of one line may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends a job to each host under `name`, a full compiler name that `masquerade` has a link for.
/// `rules` is the text that says of which version this machine's compiler is.
pub(super) fn findings(
    distcc: &Path,
    hosts: &[Host],
    masquerade: &Path,
    name: &str,
    rules: &str,
    found: &mut Vec<Finding>,
) {
    let asked = rules.lines().filter_map(|l| l.strip_prefix(COMPILER));
    let own = asked.filter_map(|l| l.trim().strip_prefix("gcc ")).next();
    for host in hosts {
        let Host::Tcp {
            name: address,
            port,
        } = host
        else {
            continue;
        };
        let address = match address.contains(':') {
            true => format!("[{address}]:{port}"),
            false => format!("{address}:{port}"),
        };
        match send(distcc, &address, masquerade, name) {
            Err(why) => found.push(Finding::new(
                Severity::Fault,
                format!("{address} does not compile for {name}: {why}"),
                "these jobs are compiled here, and distcc leaves that host alone for a minute each time",
                format!("on {address}: ccroute doctor --helper"),
            )),
            Ok(theirs) => {
                let (Some(own), Some(theirs)) = (own, theirs) else {
                    continue;
                };
                let major = |v: &str| v.split('.').next().map(str::to_owned);
                let severity = match major(own) == major(&theirs) {
                    _ if own == theirs => continue,
                    true => Severity::Note,
                    false => Severity::Warning,
                };
                found.push(Finding::new(
                    severity,
                    format!("{address} compiles for {name} with gcc {theirs}; gcc is {own} here"),
                    "objects of one build come from compilers of different versions",
                    format!("on {address}: install gcc {own} for {name}, then: ccroute check"),
                ));
            }
        }
    }
}

/// One job. Gives the version of the gcc that made the object, where it says so.
fn send(
    distcc: &Path,
    host: &str,
    masquerade: &Path,
    name: &str,
) -> Result<Option<String>, String> {
    let scratch = Scratch::new().map_err(|e| e.to_string())?;
    let (source, object) = (scratch.path().join("t.c"), scratch.path().join("t.o"));
    fs::write(&source, "int t;\n").map_err(|e| e.to_string())?;
    let mut path = masquerade.as_os_str().to_owned();
    path.push(":");
    path.push(host::path_variable());
    let mut command = Command::new(distcc);
    command
        .args([OsStr::new(name), OsStr::new("-c"), source.as_os_str()])
        .args([OsStr::new("-o"), object.as_os_str()])
        .env("PATH", path)
        .env("DISTCC_HOSTS", host)
        // A directory of its own: whatever comes of it, no host is left alone because of this.
        .env("DISTCC_DIR", scratch.path())
        .env("DISTCC_FALLBACK", "0")
        .env("DISTCC_SKIP_LOCAL_RETRY", "1")
        .env("DISTCC_IO_TIMEOUT", "10")
        .env("DISTCC_NO_REWRITE_CROSS", "1")
        .env_remove("DISTCC_LOG")
        .env_remove("DISTCC_VERBOSE");
    answer(command, distcc, PATIENCE).map_err(|failure| match failure {
        Failure::Failed { words, .. } => told(&words),
        other => other.to_string(),
    })?;
    let bytes = fs::read(&object).map_err(|e| e.to_string())?;
    Ok(version(&bytes))
}

/// What matters of all that distcc says: the helper's own line, where there is one.
fn told(words: &str) -> String {
    let start = words.find("ccroute on the helper: ").unwrap_or(0);
    let words = &words[start..];
    let end = words.find("; distcc[").unwrap_or(words.len());
    words[..end].trim().to_owned()
}

/// The version in an object's `.comment`: `GCC: (Debian 12.2.0-14) 12.2.0`.
fn version(object: &[u8]) -> Option<String> {
    let file = object::File::parse(object).ok()?;
    let data = file.section_by_name(".comment")?.data().ok()?;
    let texts = data.split(|&b| b == 0);
    texts
        .filter_map(|t| std::str::from_utf8(t).ok())
        .find_map(|text| {
            let rest = text.strip_prefix("GCC: ")?;
            rest.rsplit(' ').next().map(str::to_owned)
        })
}
