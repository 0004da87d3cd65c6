//! What can be wrong on a client.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::finding::{Finding, Severity};
use super::helper::install_distcc;
use super::hosts::{self, Host};
use super::{trial, Setup};
use crate::cli::client::{recorded, search_outside, RULES};
use crate::cli::client_check;
use crate::compiler::search::{find_launcher, Found, Search};
use crate::os::quote::word as quoted;
use crate::shim::host;

/// What is asked of the environment.
type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Everything about a client.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let Some(text) = client_check::rules_text() else {
        found.push(Finding::new(
            Severity::Fault,
            format!(
                "no rules directory has {}: this is no client yet",
                file_name(RULES)
            ),
            "compilers are run here under their own names, and nothing is sent",
            setup.install("--client"),
        ));
        return;
    };
    let variable: Variable = &|name| std::env::var_os(name);
    let masquerade = recorded(&text).map(|(dir, _)| setup.tree.real(&dir));
    if let Some(dir) = &masquerade {
        order_of_path(dir, found);
        portage(setup, dir, found);
    }
    found.extend(client_check::findings(
        &setup.tree,
        &setup.install("--client"),
    ));
    let masquerade = recorded(&text).map(|(dir, names)| (setup.tree.real(&dir), names));
    distcc(setup, variable, masquerade.zip(Some(text)), found);
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether the masquerade directory comes before the compilers.
fn order_of_path(masquerade: &Path, found: &mut Vec<Finding>) {
    let path = host::path_variable();
    let search = Search::new(&path, Vec::new());
    let real = |p: &Path| fs::canonicalize(p).ok();
    let same =
        |dir: &PathBuf| dir == masquerade || (real(dir).is_some() && real(dir) == real(masquerade));
    let dirs = search.path();
    let ours = dirs.iter().position(same);
    let outside = search_outside(masquerade);
    let compiler =
        ["gcc", "cc", "clang"]
            .into_iter()
            .find_map(|name| match outside.find(name, &[]) {
                Found::Yes(compiler) => compiler.path.parent().map(Path::to_path_buf),
                Found::NotExecutable(_) | Found::No => None,
            });
    let theirs = dirs.iter().position(|dir| Some(dir) == compiler.as_ref());
    let shown = masquerade.display();
    let what = match (ours, theirs) {
        (None, _) => format!("{shown} is not on PATH"),
        (Some(ours), Some(theirs)) if ours > theirs => {
            format!("{shown} comes after {} on PATH", dirs[theirs].display())
        }
        _ => return,
    };
    found.push(Finding::new(
        Severity::Fault,
        what,
        "gcc runs this machine's compiler at once, and nothing is sent",
        format!("export PATH={}:$PATH", quoted(&shown.to_string())),
    ));
}

/// A program that Portage's sandbox cannot look into, on a system that has Portage.
fn portage(setup: &Setup<'_>, masquerade: &Path, found: &mut Vec<Finding>) {
    let gentoo = ["/etc/portage", "/usr/bin/emerge"];
    if !gentoo.iter().any(|path| setup.tree.exists(path)) {
        return;
    }
    let links = setup
        .tree
        .links_to_ccroute(masquerade_in(setup, masquerade), &Default::default());
    let program = links
        .first()
        .and_then(|name| fs::canonicalize(masquerade.join(name)).ok());
    if let Some(program) = program.filter(|p| is_static(p) == Some(true)) {
        found.push(Finding::new(
            Severity::Fault,
            format!("{} is a static program, on a system with Portage", program.display()),
            "Portage's sandbox cannot follow it: every compile in an ebuild is traced, which is slow, or ends the merge",
            "make && sudo make install",
        ));
    }
}

/// The masquerade directory as the tree calls it.
fn masquerade_in<'a>(setup: &Setup<'_>, masquerade: &'a Path) -> &'a Path {
    masquerade.strip_prefix(&setup.root).unwrap_or(masquerade)
}

/// Whether an ELF file names no interpreter, which is what loads libraries.
fn is_static(program: &Path) -> Option<bool> {
    use object::read::elf::{FileHeader, ProgramHeader};
    let bytes = fs::read(program).ok()?;
    let data = &*bytes;
    fn none<H: FileHeader<Endian = object::Endianness>>(data: &[u8]) -> Option<bool> {
        let header = H::parse(data).ok()?;
        let endian = header.endian().ok()?;
        let segments = header.program_headers(endian, data).ok()?;
        Some(
            segments
                .iter()
                .all(|s| s.p_type(endian) != object::elf::PT_INTERP),
        )
    }
    none::<object::elf::FileHeader64<object::Endianness>>(data)
        .or_else(|| none::<object::elf::FileHeader32<object::Endianness>>(data))
}

/// distcc itself and its hosts.
fn distcc(
    setup: &Setup<'_>,
    variable: Variable<'_>,
    masquerade: Option<((PathBuf, Vec<String>), String)>,
    found: &mut Vec<Finding>,
) {
    let path = host::path_variable();
    let search = Search::new(&path, Vec::new());
    let Some(distcc) = find_launcher("distcc", search.path(), &[]) else {
        found.push(Finding::new(
            Severity::Fault,
            "distcc is not on PATH",
            "every job that would be sent is refused: exit code 127",
            setup.as_root(&install_distcc()),
        ));
        return;
    };
    let hosts = hosts::list(&distcc);
    if hosts.iter().all(|h| *h == Host::Local) {
        found.push(Finding::new(
            Severity::Fault,
            "distcc's list of hosts names no helper",
            "everything is compiled here",
            "mkdir -p ~/.distcc && echo 'HELPER/8,lzo' >>~/.distcc/hosts",
        ));
    }
    let silent = hosts::unreachable(&hosts);
    if let Some(((dir, names), rules)) = masquerade.filter(|_| setup.compiles) {
        // One that does not answer would not do so here either.
        let answers = |host: &&Host| match host {
            Host::Tcp { name, port } => {
                let title = format!("{name}:{port}");
                silent.iter().all(|(silent, _)| *silent != title)
            }
            Host::Local | Host::Ssh => false,
        };
        let hosts: Vec<Host> = hosts.iter().filter(answers).cloned().collect();
        let full = names.iter().find(|n| n.ends_with("-gcc"));
        if let Some(name) = full.filter(|name| dir.join(name).exists()) {
            trial::findings(&distcc, &hosts, &dir, name, &rules, found);
        }
    }
    for (host, why) in silent {
        let (name, port) = host.rsplit_once(':').unwrap_or((&host, ""));
        found.push(Finding::new(
            Severity::Fault,
            format!("{host} of distcc's hosts: {why}"),
            "every job waits for it, then goes to the next host or is compiled here",
            format!("on {name}: ccroute doctor --helper; ss -ltn 'sport = :{port}'"),
        ));
    }
    for backoff in hosts::backoffs(variable) {
        found.push(Finding::new(
            Severity::Warning,
            format!(
                "distcc leaves {} alone for another {} s",
                backoff.host, backoff.seconds
            ),
            "a job failed there; until then jobs go elsewhere or are compiled here",
            format!("rm {}", quoted(&backoff.file.display().to_string())),
        ));
    }
    if variable("DISTCC_BACKOFF_PERIOD").is_some_and(|v| v == "0") {
        found.push(Finding::new(
            Severity::Warning,
            "DISTCC_BACKOFF_PERIOD=0",
            "distcc 3.4 tries for ever where a helper drops the connection (a rule with 'on-refuse = elsewhere' does)",
            "unset DISTCC_BACKOFF_PERIOD",
        ));
    }
}
