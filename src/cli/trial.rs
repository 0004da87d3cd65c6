//! One small job, sent to one host through distcc: does it come back, and from a compiler of which
//! version?

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use object::{Object, ObjectSection};

use crate::compiler::ask::{answer, Failure};
use crate::compiler::name::{CompilerName, Tool};
use crate::proof::Scratch;
use crate::shim::host;

/// How long a job of one line may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Sends a job to a host under `name`, a full compiler name that `masquerade` has a link for. Gives the
/// version of the gcc that made the object, where it says so.
///
/// # Errors
/// It did not come back, in the helper's own words where there are any.
pub(super) fn send(
    distcc: &Path,
    host: &str,
    masquerade: &Path,
    name: &str,
) -> Result<Option<String>, String> {
    let scratch = Scratch::new().map_err(|e| e.to_string())?;
    let tool = CompilerName::parse(name.as_bytes()).map(|n| n.tool);
    let source = match tool {
        Ok(Tool::Gxx | Tool::Cxx | Tool::Clangxx) => "t.cc",
        _ => "t.c",
    };
    let (source, object) = (scratch.path().join(source), scratch.path().join("t.o"));
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
    const OURS: &str = "ccroute on the helper: ";
    let words = words.find(OURS).map_or(words, |at| &words[at..]);
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
