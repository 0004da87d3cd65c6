//! Records what the compilers of this machine are, for the shim to read.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::look::Progress;
use super::names::{installed_versions, names_of, Triple};
use super::Failure;
use crate::compiler::record::{self, Entry, Stat};
use crate::compiler::search::{Found, Search};
use crate::rules::load::SHIPPED;
use crate::shim::host;

/// What recording came to.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    /// How many compilers the file now has.
    pub(super) compilers: usize,
    /// Compilers that did not answer, each with why.
    pub(super) silent: Vec<String>,
}

/// The compilers that serve some name, each once.
pub(super) fn serving(triples: &[Triple]) -> BTreeSet<PathBuf> {
    let served = triples.iter().flat_map(Triple::served);
    served.map(|(_, path)| path.to_path_buf()).collect()
}

/// The unprefixed compilers on PATH, versions included: they have to be recorded before anything is
/// decided, because a `gcc` whose link says nothing is this machine's own only by its record.
pub(super) fn unprefixed() -> BTreeSet<PathBuf> {
    let search = Search::new(
        &host::path_variable(),
        host::this_file().into_iter().collect(),
    );
    let names = names_of(None, &installed_versions()).into_iter();
    let found = names.filter_map(|name| match search.find(&name.to_string(), &[]) {
        Found::Yes(installed) => Some(installed.path),
        _ => None,
    });
    found.collect()
}

/// Asks each compiler and writes the file anew. One that is recorded as it stands is not asked
/// again.
///
/// # Errors
/// The file cannot be written.
pub(super) fn record(file: &Path, paths: &BTreeSet<PathBuf>) -> Result<Recorded, Failure> {
    let before = record::read(file).ok().flatten().unwrap_or_default();
    let mut recorded = Recorded::default();
    let mut entries = Vec::new();
    let mut progress = Progress::new("asking compilers", paths.len());
    for (number, path) in paths.iter().enumerate() {
        progress.at(number);
        match known(&before, path).map_or_else(|| Entry::ask(path), Ok) {
            Ok(entry) => entries.push(entry),
            Err(why) => recorded.silent.push(why),
        }
    }
    // What was recorded for other names stays, as long as it is of the file that is there.
    let others = record::records(&before).filter(|(path, ..)| !paths.contains(*path));
    entries.extend(others.filter_map(|(path, ..)| known(&before, path)));
    recorded.compilers = entries.len();
    // The directory is not there before the first record, nor below a packager's root.
    let made = file.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| record::write(file, &entries))
        .map_err(|error| Failure::Fault(cannot_write(file, &error)))?;
    Ok(recorded)
}

fn cannot_write(file: &Path, error: &io::Error) -> String {
    let hint = match error.kind() {
        io::ErrorKind::PermissionDenied => ": run it as root",
        _ => "",
    };
    format!("cannot write {}: {error}{hint}", file.display())
}

fn known(before: &[u8], path: &Path) -> Option<Entry> {
    let stat = Stat::of(path).ok()?;
    let record = record::lookup(before, path, &stat)?;
    Some(Entry {
        path: path.to_path_buf(),
        stat,
        family: record.family,
        triple: record.triple.to_owned(),
        version: record.version.to_owned(),
        target: record.target.to_owned(),
        defaults: record.flags().map(str::to_owned).collect(),
        // Of an older file: asked again.
        toolchain: record.toolchain()?,
    })
}

/// The directories that rules are read from.
pub(super) fn rules_directories() -> Vec<PathBuf> {
    let mut dirs = host::rules_directories();
    dirs.retain(|dir| dir.as_os_str() != SHIPPED);
    dirs
}
