//! The names that this machine's rules speak of, and what serves each: for `list`, `check` and
//! `install`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::rc::Rc;

use super::explain::{DISTCCD_C, DISTCCD_OBJECT};
use crate::compiler::ask::Compiler;
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::search::Search;
use crate::decide::{decide, Decision, Outcome};
use crate::request::Place;
use crate::request::{Passed, Request};
use crate::rules::matching::RuleSet;
use crate::shim::host::{self, Host};

/// Tools that a helper is asked for, in the order of the listing. distcc sends nothing for the
/// others: preprocessing and Fortran stay on the client.
pub(super) const SENT_TOOLS: [Tool; 6] = [
    Tool::Gcc,
    Tool::Gxx,
    Tool::Cc,
    Tool::Cxx,
    Tool::Clang,
    Tool::Clangxx,
];

/// A triple that rules speak of literally.
#[derive(Clone, Debug)]
pub(super) struct Triple {
    pub(super) text: String,
    /// What each of its names comes to on a helper.
    pub(super) names: Vec<(CompilerName, Decision)>,
}

impl Triple {
    /// What is run for its plain `TRIPLE-gcc`, with the argument by which a clang takes the triple.
    pub(super) fn c_compiler(&self) -> Option<(&CompilerName, Compiler)> {
        let plain = |name: &CompilerName| name.tool == Tool::Gcc && name.version.is_none();
        let (name, decision) = self.names.iter().find(|(name, _)| plain(name))?;
        let Outcome::Run(run) = &decision.outcome else {
            return None;
        };
        let target = |arg: &&OsString| arg.as_encoded_bytes().starts_with(b"--target=");
        let compiler = Compiler {
            path: run.compiler.clone(),
            args: run.args.iter().filter(target).cloned().collect(),
        };
        Some((name, compiler))
    }

    /// The names that a compiler serves.
    pub(super) fn served(&self) -> impl Iterator<Item = (&CompilerName, &Path)> {
        self.names
            .iter()
            .filter_map(|(name, decision)| match &decision.outcome {
                Outcome::Run(run) => Some((name, run.compiler.as_path())),
                Outcome::Send(_) | Outcome::Refuse(_) => None,
            })
    }
}

/// The triples that sections name literally, or in `names`, in the order of the text.
pub(super) fn triples(rules: &RuleSet<'_>) -> Vec<String> {
    let mut found = BTreeSet::new();
    for section in rules.sections().filter(|s| !s.is_programs()) {
        let pattern = section.pattern();
        if pattern != "native" && !pattern.contains(['*', '?', '[']) {
            found.insert(pattern.to_owned());
        }
        found.extend(section.names());
    }
    found.into_iter().collect()
}

/// Every triple of the rules and of the compilers installed, with what serves it on this machine as a helper.
pub(super) fn resolve(rules: &RuleSet<'_>) -> Vec<Triple> {
    resolve_all(rules, &host::facts_file(), false)
}

/// The same by what is recorded in this file, and every other real triple that something serves: what
/// distccd needs links for.
pub(super) fn resolve_linked(rules: &RuleSet<'_>, facts: &Path) -> Vec<Triple> {
    resolve_all(rules, facts, true)
}

pub(super) fn resolve_all(rules: &RuleSet<'_>, facts: &Path, real: bool) -> Vec<Triple> {
    let versions = installed_versions();
    let mut texts = triples(rules);
    // What is installed is served under its own name without any rule.
    let own = host::this_file().into_iter().collect();
    let search = Rc::new(Search::new(&host::path_variable(), own));
    for suffix in ["gcc", "g++"] {
        texts.extend(search.triples_with(suffix, &[]));
    }
    texts.retain(|t| crate::abi::triple::Triple::parse(t).is_ok());
    let known: BTreeSet<String> = texts.iter().cloned().collect();
    if real {
        texts.extend(super::spellings::real().map(str::to_owned));
    }
    texts.sort();
    texts.dedup();
    texts
        .into_iter()
        .map(|text| {
            let names = names_of(Some(&text), &versions)
                .into_iter()
                .map(|name| {
                    let decision = on_helper_with(&name, rules, None, facts, &search);
                    (name, decision)
                })
                // A version that nothing serves is no news; a tool that nothing serves is.
                .filter(|(name, decision)| {
                    name.version.is_none() || matches!(decision.outcome, Outcome::Run(_))
                })
                .collect();
            Triple { text, names }
        })
        .filter(|triple| known.contains(&triple.text) || triple.served().next().is_some())
        .collect()
}

/// The names of a triple: each tool that distcc sends, plain and in every installed version.
pub(super) fn names_of(
    triple: Option<&str>,
    versions: &BTreeMap<Tool, BTreeSet<String>>,
) -> Vec<CompilerName> {
    let mut names = Vec::new();
    for tool in SENT_TOOLS {
        let plain = CompilerName::new(triple, tool, None);
        let versioned = versions.get(&tool).into_iter().flatten();
        names.extend(versioned.map(|version| plain.with_version(Some(version))));
        names.push(plain);
    }
    names.sort_by_key(|n| (n.tool, n.version.clone()));
    names
}

/// The versions for which some `…TOOL-VERSION` stands on PATH.
pub(super) fn installed_versions() -> BTreeMap<Tool, BTreeSet<String>> {
    let mut versions: BTreeMap<Tool, BTreeSet<String>> = BTreeMap::new();
    let search = Search::new(&host::path_variable(), Vec::new());
    for dir in search.path() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let Ok(name) = CompilerName::of_path(Path::new(&entry.file_name())) else {
                continue;
            };
            if let Some(version) = name.version.clone().filter(|_| !name.is_special()) {
                versions.entry(name.tool).or_default().insert(version);
            }
        }
    }
    versions
}

/// What a name comes to on a helper for a job that shows nothing of itself, from a client's address.
pub(super) fn on_helper_from(
    name: &CompilerName,
    rules: &RuleSet<'_>,
    client: Option<IpAddr>,
) -> Decision {
    let own = host::this_file().into_iter().collect();
    let search = Rc::new(Search::new(&host::path_variable(), own));
    on_helper_with(name, rules, client, &host::facts_file(), &search)
}

/// The same by what is recorded in a file; without an address, for a job that comes by no connection.
fn on_helper_with(
    name: &CompilerName,
    rules: &RuleSet<'_>,
    client: Option<IpAddr>,
    facts: &Path,
    search: &Rc<Search>,
) -> Decision {
    let args = ["-c", "-o", DISTCCD_OBJECT, DISTCCD_C].map(OsStr::new);
    let request = Request {
        name: name.clone(),
        args: &args,
        place: Place::Helper,
        job: crate::request::Job::of_args(&args),
        passed: Passed::default(),
        examined: false,
        steered_by: None,
    };
    let world = Host::new(&request, &host::path_variable(), host::this_file())
        .with_client(client)
        .with_facts(facts)
        .with_search(search.clone())
        .with_source(None)
        .without_guard();
    decide(&request, rules, &world)
}

/// What to type to install a compiler for one of these triples, on this distribution.
pub(super) fn how_to_install(stand_ins: &[String]) -> Option<String> {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    how_to_install_on(&release, stand_ins)
}

/// The same for the distribution that an os-release text is of (os-release(5)).
fn how_to_install_on(release: &str, stand_ins: &[String]) -> Option<String> {
    let named = |key: &str| release.lines().find_map(|l| l.strip_prefix(key));
    let words = |key: &str| named(key).unwrap_or_default().trim_matches(['"', '\'']);
    // The distribution itself, then those it is like.
    let ids = words("ID=").split(' ').chain(words("ID_LIKE=").split(' '));
    let by_package = ids.filter(|id| !id.is_empty()).find_map(|id| match id {
        "debian" | "ubuntu" => packaged(stand_ins, DEBIAN_CROSS).map(|triple| {
            let package = triple.replace('_', "-");
            format!("apt install gcc-{package} g++-{package}")
        }),
        "gentoo" => {
            let triple = stand_ins.first()?;
            Some(format!("crossdev --stable --target {triple}"))
        }
        "arch" | "archarm" => {
            packaged(stand_ins, ARCH_CROSS).map(|triple| format!("pacman -S {triple}-gcc"))
        }
        // Alpine itself packages no cross compilers for Linux.
        "postmarketos" => postmarketos(stand_ins),
        _ => None,
    });
    let triple = stand_ins.first()?;
    Some(by_package.unwrap_or_else(|| format!("build {triple} with crosstool-NG")))
}

fn packaged<'a>(stand_ins: &'a [String], packages: &[&str]) -> Option<&'a String> {
    stand_ins.iter().find(|t| packages.contains(&t.as_str()))
}

/// postmarketOS calls its cross compilers by Alpine's names for processors.
fn postmarketos(stand_ins: &[String]) -> Option<String> {
    let arch = stand_ins.iter().find_map(|triple| {
        let (cpu, rest) = triple.split_once('-')?;
        let arch = match cpu {
            "armv6" => "armhf",
            "armv7" => "armv7",
            "aarch64" => "aarch64",
            "riscv64" => "riscv64",
            _ => return None,
        };
        rest.contains("alpine").then_some(arch)
    })?;
    Some(format!("apk add gcc-{arch} g++-{arch}"))
}

/// The triples that Arch packages cross compilers for (in `extra`).
const ARCH_CROSS: &[&str] = &["aarch64-linux-gnu", "riscv64-linux-gnu"];

/// The triples that Debian packages cross compilers for (Debian 12 and 13).
const DEBIAN_CROSS: &[&str] = &[
    "aarch64-linux-gnu",
    "arm-linux-gnueabi",
    "arm-linux-gnueabihf",
    "i686-linux-gnu",
    "mips64el-linux-gnuabi64",
    "mipsel-linux-gnu",
    "powerpc64le-linux-gnu",
    "riscv64-linux-gnu",
    "s390x-linux-gnu",
    "x86_64-linux-gnu",
    "sparc64-linux-gnu",
    "m68k-linux-gnu",
    "sh4-linux-gnu",
    "hppa-linux-gnu",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_install_depends_on_the_distribution() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12\"\nID=debian\n";
        let raspbian = "ID=raspbian\nID_LIKE=debian\n";
        let mint = "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n";
        let gentoo = "ID=gentoo\n";
        let arch = "ID=arch\n";
        let endeavour = "ID=endeavouros\nID_LIKE=\"arch\"\n";
        let alpine = "ID=alpine\n";
        let postmarket = "ID=\"postmarketos\"\nID_LIKE=\"alpine\"\n";
        let pi = ["armv6-rpi-linux-gnueabi", "arm-linux-gnueabihf"].as_slice();
        let amd64 = ["x86_64-linux-gnu"].as_slice();
        let musl = ["armv7-alpine-linux-musleabihf"].as_slice();
        let arm64 = ["aarch64-linux-gnu"].as_slice();
        for (release, stand_ins, want) in [
            (
                debian,
                pi,
                "apt install gcc-arm-linux-gnueabihf g++-arm-linux-gnueabihf",
            ),
            (
                raspbian,
                amd64,
                "apt install gcc-x86-64-linux-gnu g++-x86-64-linux-gnu",
            ),
            (
                mint,
                arm64,
                "apt install gcc-aarch64-linux-gnu g++-aarch64-linux-gnu",
            ),
            (
                debian,
                musl,
                "build armv7-alpine-linux-musleabihf with crosstool-NG",
            ),
            (
                gentoo,
                pi,
                "crossdev --stable --target armv6-rpi-linux-gnueabi",
            ),
            (arch, arm64, "pacman -S aarch64-linux-gnu-gcc"),
            (endeavour, arm64, "pacman -S aarch64-linux-gnu-gcc"),
            (arch, pi, "build armv6-rpi-linux-gnueabi with crosstool-NG"),
            (
                alpine,
                musl,
                "build armv7-alpine-linux-musleabihf with crosstool-NG",
            ),
            (postmarket, musl, "apk add gcc-armv7 g++-armv7"),
            ("", arm64, "build aarch64-linux-gnu with crosstool-NG"),
        ] {
            let stand_ins: Vec<String> = stand_ins.iter().map(|s| (*s).to_owned()).collect();
            let found = how_to_install_on(release, &stand_ins);
            assert_eq!(found.as_deref(), Some(want), "{release}");
        }
    }
}
