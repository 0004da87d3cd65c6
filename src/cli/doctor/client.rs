//! What can be wrong on a client.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::Setup;
use crate::cli::client::{recorded, search_outside, COMPILER, RULES};
use crate::cli::hosts::{self, Host};
use crate::cli::install::install_distcc;
use crate::cli::report::{Finding, Severity};
use crate::cli::{client_check, trial};
use crate::compiler::search::{find_launcher, Found};
use crate::os::quote;
use crate::shim::host;

/// What is asked of the environment.
type Variable<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Everything about a client.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let Some(text) = client_check::rules_text(&setup.root) else {
        found.push(Finding::new(
            Severity::Fault,
            format!(
                "no rules directory has {}: this machine is not a client yet",
                file_name(RULES)
            ),
            "compilers run here under their own names, and nothing is sent",
            setup.install("--client"),
        ));
        return;
    };
    let variable: Variable = &|name| std::env::var_os(name);
    let masquerade = recorded(&text).map(|(dir, _)| setup.tree.real(&dir));
    if let Some(dir) = &masquerade {
        match hosts::sudo_user() {
            None => order_of_path(setup, dir, found),
            Some(user) => found.push(
                Finding::note(format!(
                    "the PATH and variables of {user}'s builds are not examined"
                ))
                .advise("as that user: ccroute doctor --client"),
            ),
        }
        portage(setup, dir, found);
    }
    found.extend(client_check::findings(
        &setup.tree,
        &setup.root,
        &setup.install("--client"),
    ));
    let masquerade = recorded(&text).map(|(dir, names)| (setup.tree.real(&dir), names));
    distcc(setup, variable, masquerade.zip(Some(text)), found);
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Whether the masquerade directory comes before the compilers.
fn order_of_path(setup: &Setup<'_>, masquerade: &Path, found: &mut Vec<Finding>) {
    // With ccache in front it is the prefix that sends, and ccache has to find the compilers.
    let prefix = std::env::var_os("CCACHE_PREFIX").map(PathBuf::from);
    if prefix.is_some_and(|p| p.file_name().is_some_and(|n| n == "ccroute-run")) {
        return;
    }
    let search = host::search_path();
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
    // These set PATH for what they build, by their own settings.
    let builders = [
        ("/etc/portage", "Portage (FEATURES=distcc)"),
        ("/etc/makepkg.conf", "makepkg (BUILDENV=(distcc))"),
        (
            "/etc/abuild.conf",
            "abuild (USE_CCACHE=, PATH in /etc/abuild.conf)",
        ),
    ];
    let builder = builders.iter().find(|(file, _)| setup.tree.exists(file));
    let severity = match builder {
        Some(_) => Severity::Note,
        None => Severity::Fault,
    };
    let finding = Finding::new(
        severity,
        what,
        "gcc runs this machine's compiler directly, and nothing is sent",
        format!("export PATH={}:$PATH", quote::path(masquerade)),
    );
    found.push(match builder {
        Some((_, builder)) => finding.advise(format!("{builder} sets PATH itself")),
        None => finding,
    });
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
            "",
        )
        .advise("build ccroute with Portage, or with 'make', which links it dynamically"));
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
    let search = host::search_path();
    let Some(distcc) = find_launcher("distcc", search.path(), &[]) else {
        found.push(Finding::new(
            Severity::Fault,
            "distcc is not on PATH",
            "every job that would be sent is refused with exit code 127",
            setup.as_root(&install_distcc()),
        ));
        return;
    };
    let hosts = hosts::list(&distcc);
    let source = hosts::source(variable);
    if hosts.iter().all(|h| *h == Host::Local) {
        found.push(
            Finding::new(
                Severity::Fault,
                format!("distcc's list of hosts ({source}) names no helper"),
                "everything is compiled here",
                "",
            )
            .advise(format!(
                "with the helper's address: {} --host ADDRESS",
                setup.install("--client")
            )),
        );
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
        let full = names.iter().find(|n| n.ends_with("-gcc"));
        if let Some(name) = full.filter(|name| dir.join(name).exists()) {
            for address in hosts.iter().filter(answers).filter_map(Host::address) {
                found.extend(on_trial(&distcc, &address, &dir, name, &rules));
            }
        }
    }
    for (host, why) in silent {
        let (name, port) = host.rsplit_once(':').unwrap_or((&host, ""));
        found.push(
            Finding::new(
                Severity::Fault,
                format!("{host}, from {source}: {why}"),
                "jobs wait for it, then go to the next host or are compiled here",
                "",
            )
            .advise(format!(
                "on {name}: ccroute doctor --helper; a firewall there has to let port {port} through"
            )),
        );
    }
    for backoff in hosts::backoffs(variable) {
        found.push(Finding::new(
            Severity::Warning,
            format!(
                "distcc does not use {} for another {} s",
                backoff.host, backoff.seconds
            ),
            "a job failed there; until then jobs go elsewhere or are compiled here",
            format!("rm {}", quote::path(&backoff.file)),
        ));
    }
    if variable("DISTCC_BACKOFF_PERIOD").is_some_and(|v| v == "0") {
        found.push(Finding::new(
            Severity::Warning,
            "DISTCC_BACKOFF_PERIOD=0",
            "distcc 3.4 tries again without end where a helper drops the connection (a rule with 'on-refuse = elsewhere' does)",
            "unset DISTCC_BACKOFF_PERIOD",
        ));
    }
}

/// A host that gets one small job under `name`, a full compiler name. `rules` is the text that says
/// which version this machine's compiler has.
fn on_trial(distcc: &Path, address: &str, dir: &Path, name: &str, rules: &str) -> Option<Finding> {
    let asked = rules.lines().filter_map(|l| l.strip_prefix(COMPILER));
    let own = asked.filter_map(|l| l.trim().strip_prefix("gcc ")).next();
    match trial::send(distcc, address, dir, name) {
        Err(why) => Some(
            Finding::new(
                Severity::Fault,
                format!("{address} does not compile for {name}: {why}"),
                "these jobs are compiled here, and distcc does not use that host for a minute each time",
                "",
            )
            .advise(format!("on {address}: ccroute doctor --helper")),
        ),
        Ok(theirs) => {
            let (own, theirs) = (own?, theirs?);
            let major = |v: &str| v.split('.').next().map(str::to_owned);
            let severity = match major(own) == major(&theirs) {
                _ if own == theirs => return None,
                true => Severity::Note,
                false => Severity::Warning,
            };
            Some(
                Finding::new(
                    severity,
                    format!("{address} compiles for {name} with gcc {theirs}; gcc is {own} here"),
                    "objects of one build come from compilers of different versions",
                    "",
                )
                .advise(format!("on {address}: install gcc {own} for {name}, then: ccroute check")),
            )
        }
    }
}
