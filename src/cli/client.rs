//! `ccroute install --client`: asks the native compilers once, writes what they said as rules, and
//! takes their places in distcc's masquerade directory.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::hosts::{self, Host};
use super::install::{Arguments, Removal};
use super::look::{count, folded, Progress};
use super::names::installed_versions;
use super::place::{Made, Tree, MARK};
use super::record::record;
use super::trial;
use super::Failure;
use crate::compiler::ask::{ask, Compiler, Family};
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::record::FILE as FACTS;
use crate::compiler::search::{find_launcher, Found, Installed, Search};
use crate::decide::contradiction;
use crate::exit::Exit;
use crate::log;
use crate::os::quote;
use crate::proof::{measure, Measured};
use crate::request::Place;
use crate::rules::matching::RuleSet;
use crate::shim::host;

/// What the native compilers said.
pub(super) const RULES: &str = "/etc/ccroute/rules.d/60-client.rules";
/// Where what stood in the masquerade directory is kept, below its own path.
const REPLACED: &str = "/var/lib/ccroute/replaced";
/// Where distributions have the masquerade directory. Gentoo's `bin` is a link to `.`.
const MASQUERADES: [&str; 4] = [
    "/usr/lib/distcc/bin",
    "/usr/lib/distcc",
    "/usr/lib64/distcc/bin",
    "/usr/lib64/distcc",
];
/// The comment in the rules that says which links were made.
const LINKS: &str = "# links: ";

/// The tools that can be sent. `cc` and `c++` come last: they are another's names.
pub(super) const TOOLS: [Tool; 6] = [
    Tool::Gcc,
    Tool::Gxx,
    Tool::Clang,
    Tool::Clangxx,
    Tool::Cc,
    Tool::Cxx,
];

/// The native compilers of this machine, each with what it said.
struct Native {
    triple: String,
    gcc: Option<Measured>,
    /// The name by which gcc was asked.
    asked: &'static str,
    clang: Option<Measured>,
    /// What `cc` and `c++` mean, where they are installed.
    means: Vec<(Tool, Tool)>,
    /// Native names that may be sent, and those that other defaults keep out.
    names: Vec<CompilerName>,
    kept_out: Vec<String>,
}

/// Sets this machine up as a client.
pub(super) fn install(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let common = &arguments.common;
    // A rules file with a fault would refuse every job: said here and not by the first build.
    let texts = super::load_rules_below(&common.root)?;
    RuleSet::parse(&texts)?;
    let tree = Tree::new(&common.root, common.dry_run, common.verbose)?;
    let program = super::install::program(common)?;
    let masquerade = masquerade(&tree, arguments.masquerade.as_deref())?;
    let native = ask_natives(&tree.real(&masquerade))?;
    let names = links(&native);
    let mut made = Made::default();

    if !common.dry_run {
        // A local compile is held against what its compiler is, not against what this program
        // was built for.
        let search = search_outside(&tree.real(&masquerade));
        let compilers =
            native
                .names
                .iter()
                .filter_map(|name| match search.find(&name.to_string(), &[]) {
                    Found::Yes(found) => Some(found.path),
                    Found::NotExecutable(_) | Found::No => None,
                });
        record(&tree.real(Path::new(FACTS)), &compilers.collect())?;
    }
    let text = rules(&native, &masquerade, &names);
    tree.file(Path::new(RULES), &text, 0o644, &mut made, out)?;
    super::install::forget_index(&tree, &mut made, out)?;
    for name in &names {
        let at = masquerade.join(name);
        tree.take_place(&at, &program, &kept(&at), &mut made, out)?;
    }
    // Links of an earlier run, to compilers that are gone since.
    let stale = tree.links_to_ccroute(&masquerade, &names);
    for name in &stale {
        let at = masquerade.join(name);
        tree.restore(&kept(&at), &at, &mut made, out)?;
    }
    if let Some(launcher) = launcher(&program).filter(|at| !tree.is_packaged(at)) {
        tree.link(&launcher, &program, &mut made, out)?;
    }
    if !arguments.host.is_empty() {
        let (at, text) = (Path::new(hosts::FILE), hosts_file(&arguments.host));
        tree.take_place_of_file(at, &text, &kept(at), &mut made, out)?;
    }
    let linked = count(names.len(), "name");
    let linked = format!("{linked} in {}", masquerade.display());
    writeln!(out, "{linked}: {}", made.in_words(common.dry_run))?;
    tree.summary(out)?;
    for name in &native.kept_out {
        let note = "has other defaults than the main compiler. Its jobs are compiled locally.";
        writeln!(out, "{}", folded(&format!("note: {name} {note}"), 6))?;
    }
    let mut exit = Exit::Success;
    if common.root == Path::new("/") && !common.dry_run && !arguments.host.is_empty() {
        exit = ask_hosts(&arguments.host, &masquerade, &names, out)?;
    }
    next_steps(arguments, &masquerade, out)?;
    Ok(exit)
}

/// A helper, as distcc writes hosts: with a number of jobs and compression where none is given.
///
/// # Errors
/// It is no such text.
pub(super) fn host(text: &str) -> Result<String, String> {
    let text = match text.parse::<std::net::Ipv6Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) => text.to_owned(),
    };
    let [Host::Tcp { .. }] = hosts::parse(&text)[..] else {
        return Err("write a helper as distcc does, such as 192.168.1.10 or pc.local/8,lzo".into());
    };
    let limit = if text.contains('/') { "" } else { "/8" };
    let compress = if text.contains(',') { "" } else { ",lzo" };
    let (address, options) = text.split_at(text.find(',').unwrap_or(text.len()));
    Ok(format!("{address}{limit}{options}{compress}"))
}

fn hosts_file(hosts: &[String]) -> String {
    format!(
        "{MARK}\n# The helpers: \"ccroute install --client --host\" writes them.\n{}\n",
        hosts.join("\n")
    )
}

/// Asks each helper whether it serves this machine's names, with one small job a name. A fault where
/// none of them serves any.
fn ask_hosts(
    hosts: &[String],
    masquerade: &Path,
    names: &BTreeSet<String>,
    out: &mut dyn Write,
) -> super::Outcome {
    let Some(distcc) = find_launcher("distcc", host::search_path().path(), &[]) else {
        return Ok(Exit::Fault);
    };
    let full = |name: &&String| {
        let parsed = CompilerName::parse(name.as_bytes());
        parsed.is_ok_and(|n| n.triple.is_some())
    };
    let mut served_any = false;
    for host in hosts::parse(&hosts.join("\n")) {
        let Some(address) = host.address() else {
            continue;
        };
        if let Some((_, why)) = hosts::unreachable(&[host]).into_iter().next() {
            let line = format!("{address}: {why}. To find out why, type on that machine:");
            writeln!(out, "{}", folded(&line, 2))?;
            writeln!(out, "  sudo ccroute doctor --helper")?;
            continue;
        }
        let mut served = Vec::new();
        let names: Vec<&String> = names.iter().filter(full).collect();
        let mut progress = Progress::new("asking the helper", names.len());
        for (number, name) in names.into_iter().enumerate() {
            progress.at(number);
            match trial::send(&distcc, &address, masquerade, name) {
                Ok(_) => served.push(name.as_str()),
                Err(why) => {
                    let line = format!("{address} does not serve {name}: {why}");
                    writeln!(out, "{}", folded(&line, 2))?;
                }
            }
        }
        served_any |= !served.is_empty();
        if !served.is_empty() {
            let line = format!("{address} serves {}", served.join(", "));
            writeln!(out, "{}", folded(&line, 2))?;
        }
    }
    Ok(match served_any {
        true => Exit::Success,
        false => Exit::Fault,
    })
}

/// The reverse of [`install`]: what stood in the masquerade directory stands there again.
pub(super) fn uninstall(arguments: &Removal, out: &mut dyn Write) -> super::Outcome {
    let common = &arguments.common;
    let tree = Tree::new(&common.root, common.dry_run, common.verbose)?;
    let mut made = Made::default();
    let recorded = tree.text(RULES).as_deref().and_then(recorded);
    let masquerade = match (&arguments.masquerade, recorded) {
        (Some(dir), _) => dir.clone(),
        (None, Some((dir, _))) => dir,
        (None, None) => masquerade(&tree, None)?,
    };
    // The links go first: without the rules they would run every compiler here, and well.
    let mut names: BTreeSet<String> = tree.names_in(&kept(&masquerade)).into_iter().collect();
    names.extend(tree.links_to_ccroute(&masquerade, &BTreeSet::new()));
    for name in &names {
        let at = masquerade.join(name);
        tree.restore(&kept(&at), &at, &mut made, out)?;
    }
    let hosts_file = Path::new(hosts::FILE);
    tree.restore_file(&kept(hosts_file), hosts_file, &mut made, out)?;
    tree.remove_file(Path::new(RULES), &mut made, out)?;
    tree.remove_file_of_ours_by_name(Path::new(FACTS), &mut made, out)?;
    super::install::forget_index(&tree, &mut made, out)?;
    let program = super::install::program(common)?;
    if let Some(launcher) = launcher(&program).filter(|at| !tree.is_packaged(at)) {
        tree.remove_our_link(&launcher, &mut made, out)?;
    }
    for kept in [kept(&masquerade), kept(Path::new("/etc/distcc"))] {
        for dir in kept.ancestors().filter(|dir| dir.starts_with(REPLACED)) {
            tree.remove_empty(dir);
        }
    }
    // Below another root nothing was recorded, and the user's home is not of that tree.
    if common.root == Path::new("/") && !common.dry_run {
        let record = log::usual_file(Place::Direct);
        if record.is_some_and(|file| log::read::forget(&file).unwrap_or(false)) {
            made.removed += 1;
        }
    }
    for dir in ["/etc/ccroute/rules.d", "/etc/ccroute", "/var/lib/ccroute"] {
        tree.remove_empty(Path::new(dir));
    }
    writeln!(out, "{}", made.in_words(common.dry_run))?;
    tree.summary(out)?;
    Ok(Exit::Success)
}

/// The link beside the program that makes it a launcher.
fn launcher(program: &Path) -> Option<PathBuf> {
    program.parent().map(|dir| dir.join("ccroute-run"))
}

/// Where what stood at `at` is kept.
fn kept(at: &Path) -> PathBuf {
    Path::new(REPLACED).join(at.strip_prefix("/").unwrap_or(at))
}

/// The directory whose names stand before the compilers' on PATH.
pub(super) fn masquerade(tree: &Tree, given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(dir) = given {
        if !dir.is_absolute() {
            return Err(Failure::Usage(format!(
                "--masquerade {}: give an absolute path",
                dir.display()
            )));
        }
        return Ok(dir.to_path_buf());
    }
    let found = MASQUERADES.into_iter().find(|dir| tree.is_dir(dir));
    found.map(PathBuf::from).ok_or_else(|| {
        Failure::Fault(
            "no masquerade directory such as /usr/lib/distcc: install distcc, or give --masquerade DIR"
                .into(),
        )
    })
}

/// Asks every native compiler who it is; the principal ones also what they assume.
fn ask_natives(masquerade: &Path) -> Result<Native, Failure> {
    let search = search_outside(masquerade);
    let find = |name: &str| match search.find(name, &[]) {
        Found::Yes(installed) => Some(installed),
        Found::NotExecutable(_) | Found::No => None,
    };
    let mut progress = Progress::new("asking compilers", TOOLS.len());
    let measured = |name: &str| match find(name) {
        Some(found) => measure(&Compiler::new(&found.path))
            .map(Some)
            .map_err(|e| Failure::Fault(format!("{}: {e}", found.path.display()))),
        None => Ok(None),
    };
    // Where only the C++ compiler is left, it says the same.
    let (gcc, asked) = match measured("gcc")? {
        None => (measured("g++")?, "g++"),
        gcc => (gcc, "gcc"),
    };
    let mut clang = measured("clang")?;
    // A clang for another machine than gcc's is no native compiler.
    if let Some(gcc) = &gcc {
        clang = clang.filter(|clang| {
            let differ = contradiction(&gcc.answers.target(), &clang.answers.target());
            differ.is_none()
        });
    }
    let Some(first) = gcc.as_ref().or(clang.as_ref()) else {
        return Err(Failure::Fault(
            "no native compiler on PATH: neither gcc nor clang (distcc and ccache do not count)"
                .into(),
        ));
    };
    let triple = first.answers.triple.clone();
    let versions = installed_versions();
    let (mut means, mut names, mut kept_out) = (Vec::new(), Vec::new(), Vec::new());
    for (number, tool) in TOOLS.into_iter().enumerate() {
        progress.at(number);
        let plain = CompilerName::new(None, tool, None);
        let versioned = versions.get(&tool).into_iter().flatten();
        let all = versioned.map(|version| plain.with_version(Some(version)));
        for name in std::iter::once(plain.clone()).chain(all) {
            let Some(found) = find(&name.to_string()) else {
                continue;
            };
            let Some(family) = family_of(&found, &gcc, &clang) else {
                kept_out.push(name.to_string());
                continue;
            };
            if name.version.is_none() && matches!(tool, Tool::Cc | Tool::Cxx) {
                means.push((tool, meaning(tool, family)));
            }
            names.push(name);
        }
    }
    Ok(Native {
        triple,
        gcc,
        asked,
        clang,
        means,
        names,
        kept_out,
    })
}

/// PATH without the masquerade directory: somebody's wrapper script may stand there still.
pub(super) fn search_outside(masquerade: &Path) -> Search {
    let same = |dir: &Path| {
        let real = |p: &Path| std::fs::canonicalize(p).ok();
        dir == masquerade || real(dir).is_some_and(|d| Some(d) == real(masquerade))
    };
    let path = host::path_variable();
    let kept: Vec<_> = std::env::split_paths(&path).filter(|d| !same(d)).collect();
    let path = std::env::join_paths(kept).unwrap_or(path);
    Search::new(&path, host::this_file().into_iter().collect())
}

/// The family of a compiler, if it assumes what the principal one of that family does.
fn family_of(
    found: &Installed,
    gcc: &Option<Measured>,
    clang: &Option<Measured>,
) -> Option<Family> {
    let answers = ask(&Compiler::new(&found.path)).ok()?;
    let principal = match answers.family {
        Family::Gcc => gcc,
        Family::Clang => clang,
    };
    let principal = principal.as_ref()?;
    let same = crate::compiler::ask::defaults(&answers)
        == crate::compiler::ask::defaults(&principal.answers)
        && answers.triple == principal.answers.triple;
    same.then_some(answers.family)
}

fn meaning(tool: Tool, family: Family) -> Tool {
    match (tool, family) {
        (Tool::Cxx, Family::Gcc) => Tool::Gxx,
        (Tool::Cxx, Family::Clang) => Tool::Clangxx,
        (_, Family::Gcc) => Tool::Gcc,
        (_, Family::Clang) => Tool::Clang,
    }
}

/// The names of the links: the native names, and the full names under which their jobs leave.
fn links(native: &Native) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for name in &native.names {
        names.insert(name.to_string());
        let tool = match native.means.iter().find(|(tool, _)| *tool == name.tool) {
            Some((_, meaning)) => *meaning,
            None => name.tool,
        };
        let full = name.with_triple(Some(&native.triple)).with_tool(tool);
        names.insert(full.to_string());
    }
    names
}

/// The rules file.
fn rules(native: &Native, masquerade: &Path, names: &BTreeSet<String>) -> String {
    let triple = &native.triple;
    let mut text = format!("{MARK}\n");
    let asked = [(native.asked, &native.gcc), ("clang", &native.clang)];
    for (name, measured) in asked {
        if let Some(measured) = measured {
            let version = &measured.answers.version;
            text.push_str(&format!("{COMPILER} {name} {version}\n"));
        }
    }
    let list: Vec<&str> = names.iter().map(String::as_str).collect();
    text.push_str(&format!(
        "{LINKS}{} {}\n",
        masquerade.display(),
        list.join(" ")
    ));
    // On a machine that is a helper too, a native name from elsewhere must not mean this machine.
    text.push_str(&format!(
        "\n[native direct]\nas = {triple}\n\n[{triple}]\nuse = native\nsend = distcc\n"
    ));
    for (name, tool) in &native.means {
        text.push_str(&format!("tool.{name} = {tool}\n"));
    }
    let gcc = native.gcc.as_ref().map(|m| m.defaults.join(" "));
    let clang = native.clang.as_ref().map(|m| m.defaults.join(" "));
    if let Some(flags) = gcc.as_ref().or(clang.as_ref()) {
        text.push_str(&format!("defaults = {flags}\n"));
    }
    if let (Some(_), Some(flags)) = (&gcc, &clang) {
        let mut conditions = vec!["clang*".to_string()];
        let of_clang = native.means.iter().filter(|(_, tool)| tool.is_clang());
        conditions.extend(of_clang.map(|(name, _)| name.to_string()));
        for condition in conditions {
            text.push_str(&format!(
                "\n[{triple} tool {condition}]\ndefaults = {flags}\n"
            ));
        }
    }
    text
}

/// The comment that says which compiler was asked.
pub(super) const COMPILER: &str = "# asked:";

/// The masquerade directory and the links that a rules file speaks of.
pub(super) fn recorded(text: &str) -> Option<(PathBuf, Vec<String>)> {
    let line = text.lines().find_map(|l| l.strip_prefix(LINKS))?;
    let mut words = line.split(' ').map(str::to_owned);
    Some((PathBuf::from(words.next()?), words.collect()))
}

/// Says what is left to do.
fn next_steps(
    arguments: &Arguments,
    masquerade: &Path,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let mut steps = Vec::new();
    let search = host::search_path();
    let distcc = find_launcher("distcc", search.path(), &[]);
    if distcc.is_none() {
        steps.push(super::install::install_distcc());
    }
    if !search.path().iter().any(|dir| dir == masquerade) {
        steps.push(format!("export PATH={}:$PATH", quote::path(masquerade)));
    }
    let own = |name: &str| std::env::var_os(name);
    let source = hosts::source(&own);
    let whole = arguments.common.root == Path::new("/");
    if !arguments.host.is_empty() && whole && source != hosts::FILE {
        let note = format!(
            "note: distcc takes its hosts from {source}, not from {}",
            hosts::FILE
        );
        writeln!(out, "{}", folded(&note, 6))?;
    }
    let named = || distcc.is_some_and(|d| hosts::list(&d).iter().any(|h| *h != Host::Local));
    if arguments.host.is_empty() && !named() {
        steps.push("ccroute install --client --host ADDRESS".into());
    }
    steps.push("ccroute test".into());
    writeln!(out, "Next:")?;
    for step in steps {
        writeln!(out, "  {step}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_helper_is_written_as_distcc_reads_it() {
        for (given, written) in [
            ("192.168.1.10", "192.168.1.10/8,lzo"),
            ("pc.local:4000/16", "pc.local:4000/16,lzo"),
            ("pc/4,cpp,lzo", "pc/4,cpp,lzo"),
            ("pc,cpp,lzo", "pc/8,cpp,lzo"),
            ("fd00::1", "[fd00::1]/8,lzo"),
        ] {
            assert_eq!(host(given).as_deref(), Ok(written));
        }
        for bad in ["", "localhost", "a b", "me@pc", "--randomize", "pc:port"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_the_rules_record_is_read_back() {
        let text = format!("{MARK}\n{LINKS}/usr/lib/distcc cc gcc\n[native direct]\n");
        let (dir, names) = recorded(&text).unwrap();
        assert_eq!(dir, Path::new("/usr/lib/distcc"));
        assert_eq!(names, ["cc", "gcc"]);
        assert_eq!(recorded("[native]\n"), None);
    }
}
