//! Versions of compilers: which is asked for, and whether another serves.

use super::pick::Candidate;
use super::refusal::Refusal;
use super::{Deciding, Refusing, Wanted};
use crate::compiler::name::CompilerName;
use crate::compiler::search::Installed;
use crate::request::Place;
use crate::rules::{Origin, VersionMatch};

impl Deciding<'_> {
    /// The version of the client's compiler that the source shows. clang reads gcc's headers of C++,
    /// whose version says nothing of clang's.
    pub(super) fn version_seen(&self) -> Option<&str> {
        match self.request.name.tool.is_clang() {
            true => None,
            false => self.evidence().version(),
        }
    }

    /// Checks the compiler's version against the one asked for or shown.
    pub(super) fn check_version(
        &mut self,
        wanted: &Wanted,
        candidate: &Candidate,
    ) -> Result<(), Refusing> {
        let shown = self.version_seen().map(str::to_owned);
        let Some(asked) = self.request.name.version.clone().or(shown) else {
            return Ok(());
        };
        let rule = wanted.settings.version.clone();
        let lto = self.request.place == Place::Helper && self.request.job.lto;
        let policy = match &rule {
            _ if lto => VersionMatch::Exact,
            Some(rule) => rule.value,
            None => VersionMatch::Major,
        };
        let word = match policy {
            VersionMatch::Any => return Ok(()),
            VersionMatch::Major => "version = major",
            VersionMatch::Exact if lto => "-flto needs the very same compiler",
            VersionMatch::Exact => "version = exact",
        };
        let origin = rule.map_or(Origin::BuiltIn, |r| r.origin);
        match &candidate.version {
            Some(have) if versions_match(&asked, have, policy) => {
                self.because(format!("version {have} serves {asked}"), &origin);
                Ok(())
            }
            None if policy == VersionMatch::Major => {
                self.because(
                    format!("version {asked} is unproved: 'ccroute check' records versions"),
                    &origin,
                );
                Ok(())
            }
            have => Err(Refusal::Version {
                wanted: asked,
                policy: word,
                compiler: self.display(candidate),
                offered: have.clone().unwrap_or_else(|| "of unknown version".into()),
            }
            .into()),
        }
    }
}

/// The version at the end of the program's own name or of the file that its links lead to.
pub(super) fn version_in_names(installed: &Installed) -> Option<String> {
    let of = |name: &std::ffi::OsStr| {
        CompilerName::of_path(std::path::Path::new(name))
            .ok()
            .and_then(|n| n.version)
    };
    installed
        .path
        .file_name()
        .and_then(of)
        .or_else(|| of(&installed.resolved))
}

/// Compares two versions as far as both are known: `12` and `12.2.0` are equal.
fn versions_match(asked: &str, have: &str, policy: VersionMatch) -> bool {
    let equal = |a: &str, b: &str| a.split('.').zip(b.split('.')).all(|(x, y)| x == y);
    match policy {
        VersionMatch::Any => true,
        VersionMatch::Exact => equal(asked, have),
        VersionMatch::Major => equal(major(asked), major(have)),
    }
}

/// The part of a version that changes what code is made: `12` of 12.2.0, `4.7` of 4.7.3 (gcc's
/// numbering before 5).
pub(super) fn major(version: &str) -> &str {
    let fields = if version.starts_with("4.") { 2 } else { 1 };
    let end = version
        .match_indices('.')
        .nth(fields - 1)
        .map_or(version.len(), |(i, _)| i);
    &version[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_far_as_they_are_known() {
        use VersionMatch::*;
        let table = [
            ("12", "12.2.0", Major, true),
            ("12.1.0", "12.2.0", Major, true),
            ("12", "13.2.0", Major, false),
            ("4.7.3", "4.7.1", Major, true),
            ("4.7.3", "4.9.3", Major, false),
            ("12.1.0", "12.2.0", Exact, false),
            ("12", "12.2.0", Exact, true),
            ("12", "14", Any, true),
        ];
        for (asked, have, policy, want) in table {
            assert_eq!(
                versions_match(asked, have, policy),
                want,
                "{asked} {have} {policy:?}"
            );
        }
    }
}
