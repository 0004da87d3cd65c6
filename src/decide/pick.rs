//! Picks the installed compiler that serves what is wanted, and puts its arguments together.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::refusal::Refusal;
use super::{merged_arguments, Confine, Deciding, Recorded, Refusing, Run, Wanted, NATIVE};
use crate::abi::triple::Triple;
use crate::abi::{clang, Target};
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::search::{unique, Found, Installed};
use crate::compiler::stated;
use crate::helper::hostile::JobFiles;
use crate::helper::limits::Limits;
use crate::request::Place;
use crate::rules::{Origin, Sandbox, Settings, Sourced, VersionMatch};

/// An installed compiler that may serve.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) installed: Installed,
    /// What it compiles for before any flag.
    pub(super) target: Target,
    pub(super) version: Option<String>,
    /// Whether its objects are for this machine, in either word size.
    native: bool,
    /// Whether it was looked for as this machine's own compiler, by no prefix or by its triple.
    pub(super) local: bool,
    /// Whether it is installed under the very name that was asked for.
    pub(super) exact: bool,
    /// The same, and its link leads to no compiler of another name: it is what was asked for, and its
    /// facts are the client's.
    pub(super) own_name: bool,
    /// The flags that it is recorded to assume.
    assumes: Vec<String>,
    /// Flags it needs first: clang's `--target`, and what states to clang what the name means.
    pub(super) first: Vec<String>,
}

/// What was looked at in vain.
#[derive(Default)]
struct Tried {
    /// Programs that are not installed.
    looked_for: Vec<String>,
    /// Why the first that is installed does not serve.
    fault: Option<Refusing>,
}

impl Deciding<'_> {
    /// Finds the compiler and checks that it fits.
    pub(super) fn run(&mut self, wanted: &Wanted) -> Result<Run, Refusing> {
        let entries = self.entries(wanted);
        let tools = tools_for(self.request.name.tool, &wanted.settings);
        let mut tried = Tried::default();
        if let Some(run) = self.first_that_fits(wanted, &entries, &tools, &mut tried) {
            return Ok(run);
        }
        // What follows is rarely needed, and dear; and nobody looks for it by name.
        let looked_for = std::mem::take(&mut tried.looked_for);
        let others = self.equivalents(wanted, &entries);
        if let Some(run) = self.first_that_fits(wanted, &others, &tools, &mut tried) {
            return Ok(run);
        }
        let all: Vec<String> = entries.into_iter().chain(others).collect();
        if let Some(run) = self.by_version_alone(wanted, &all, &tools, &mut tried) {
            return Ok(run);
        }
        // A triple that has no gcc: cc is clang there.
        let clang: &[Tool] = match self.request.name.tool {
            Tool::Cc if tools.len() > 1 => &[Tool::Clang],
            Tool::Cxx if tools.len() > 1 => &[Tool::Clangxx],
            _ => &[],
        };
        if let Some(run) = self.first_that_fits(wanted, &all, clang, &mut tried) {
            return Ok(run);
        }
        Err(tried.fault.unwrap_or_else(|| {
            let mut looked_for = looked_for;
            looked_for.dedup();
            Refusal::NotFound {
                looked_for: looked_for.join(", "),
            }
            .into()
        }))
    }

    fn first_that_fits(
        &mut self,
        wanted: &Wanted,
        entries: &[String],
        tools: &[Tool],
        tried: &mut Tried,
    ) -> Option<Run> {
        for entry in entries {
            for program in self.programs(wanted, entry, tools) {
                if let Some(run) = self.program_that_fits(wanted, entry, &program, tried) {
                    return Some(run);
                }
            }
        }
        None
    }

    /// Where only names with a version are installed (openSUSE's cross compilers, Debian's without the
    /// packages that make the links): the newest whose version serves.
    fn by_version_alone(
        &mut self,
        wanted: &Wanted,
        entries: &[String],
        tools: &[Tool],
        tried: &mut Tried,
    ) -> Option<Run> {
        if self.request.name.version.is_some() {
            return None;
        }
        let none = Vec::new();
        let first = wanted.settings.path.as_ref().map_or(&none, |p| &p.value);
        for entry in entries {
            let prefix = (entry != NATIVE).then_some(entry.as_str());
            for tool in tools.iter().filter(|t| !t.is_clang()) {
                let plain = CompilerName::new(prefix, *tool, None);
                for version in self.facts.versions_of(&plain.to_string(), first) {
                    let program = Program {
                        name: plain.with_version(Some(&version)).to_string(),
                        target: None,
                    };
                    if let Some(run) = self.program_that_fits(wanted, entry, &program, tried) {
                        return Some(run);
                    }
                }
            }
        }
        None
    }

    /// The program, where it is installed and serves: from the first directory, or from the first whose
    /// version serves.
    fn program_that_fits(
        &mut self,
        wanted: &Wanted,
        entry: &str,
        program: &Program,
        tried: &mut Tried,
    ) -> Option<Run> {
        let none = Vec::new();
        let first = wanted.settings.path.as_ref().map_or(&none, |p| &p.value);
        let installed = match self.facts.find(&program.name, first) {
            Found::Yes(installed) => installed,
            Found::NotExecutable(path) => {
                let why = Refusal::NotExecutable(path);
                tried.fault.get_or_insert(why.into());
                return None;
            }
            Found::No => {
                tried.looked_for.push(program.name.clone());
                return None;
            }
        };
        let id = installed.id;
        let why = match self.installed_that_fits(wanted, entry, program, installed) {
            Ok(run) => return Some(run),
            Err(why) => why,
        };
        let other_version = matches!(*why, Refusal::Version { .. });
        tried.fault.get_or_insert(why);
        if !other_version {
            return None;
        }
        let mut others = self.facts.find_all(&program.name, first);
        others.retain(|other| other.id != id);
        others
            .into_iter()
            .find_map(|other| self.installed_that_fits(wanted, entry, program, other).ok())
    }

    fn installed_that_fits(
        &mut self,
        wanted: &Wanted,
        entry: &str,
        program: &Program,
        installed: Installed,
    ) -> Result<Run, Refusing> {
        let candidate = self.candidate(wanted, entry, program, installed)?;
        let fits = self.fits(wanted, &candidate);
        if fits.is_err() {
            self.note(format!(
                "{} does not serve",
                candidate.installed.path.display()
            ));
        }
        fits
    }

    /// The installed triples to try first: those of `use`, else what is wanted.
    fn entries(&mut self, wanted: &Wanted) -> Vec<String> {
        if let Some(use_) = &wanted.settings.use_ {
            let text = format!("served by {}", use_.value.join(", "));
            let origin = use_.origin.clone();
            self.because(text, &origin);
            let mut entries = use_.value.clone();
            // What a kernel's path alone asks for may also be served by the only compiler for it.
            entries.extend(
                wanted
                    .entries
                    .iter()
                    .filter(|e| wanted.triple.is_none() && !use_.value.contains(e))
                    .cloned(),
            );
            return entries;
        }
        let mut entries = wanted.entries.clone();
        entries.extend(wanted.triple.clone());
        unique(entries)
    }

    /// What is to be tried under its usual other spellings, those in `tried` left out.
    fn equivalents(&self, wanted: &Wanted, tried: &[String]) -> Vec<String> {
        let of = |t: &str| Triple::parse(t).ok();
        let mut entries: Vec<String> = Vec::new();
        for entry in tried {
            let Some(parsed) = of(entry) else {
                continue;
            };
            entries.extend(parsed.spellings());
            let native = of(self.facts.native_triple());
            if wanted.settings.use_.is_none() && native.is_some_and(|n| n.equivalent(&parsed)) {
                entries.push(NATIVE.into());
            }
        }
        entries.retain(|e| !tried.contains(e));
        unique(entries)
    }

    /// The programs that can serve the tool asked for with an entry's compiler, best first.
    fn programs(&self, wanted: &Wanted, entry: &str, tools: &[Tool]) -> Vec<Program> {
        let asked = &self.request.name;
        let prefix = (entry != NATIVE).then_some(entry);
        let mut programs: Vec<Program> = Vec::new();
        let mut push = |name: CompilerName, target: Option<&str>| {
            let program = Program {
                name: name.to_string(),
                target: target.map(str::to_owned),
            };
            if !programs.contains(&program) {
                programs.push(program);
            }
        };
        // What clang is told where it is found without a triple. A job's own target it has already.
        // On a helper, `clang` alone would be whatever that was built for.
        let target = match (prefix, self.request.place) {
            (Some(prefix), _) => Some(wanted.triple.as_deref().unwrap_or(prefix)),
            (None, Place::Helper) => Some(self.facts.native_triple()),
            (None, _) => None,
        };
        let seen = self.version_seen();
        for &tool in tools {
            let named = asked.with_triple(prefix).with_tool(tool);
            let mut versions = vec![asked.version.as_deref(), None];
            // The source's version chooses among the versions installed.
            if let (None, Some(version)) = (&asked.version, seen) {
                versions.extend([Some(version), Some(major(version))]);
            }
            let names: Vec<CompilerName> = std::iter::once(named.clone())
                .chain(versions.iter().map(|v| named.with_version(*v)))
                .collect();
            let told = tool.is_clang() && target.is_some();
            for name in names.iter().filter(|_| prefix.is_some() || !told) {
                push(name.clone(), None);
            }
            for name in names.iter().filter(|_| told) {
                push(name.with_triple(None), target);
            }
        }
        programs
    }

    /// The program as installed.
    fn candidate(
        &self,
        wanted: &Wanted,
        entry: &str,
        program: &Program,
        installed: Installed,
    ) -> Result<Candidate, Refusing> {
        let recorded = self.facts.recorded(&installed);
        let version = recorded
            .as_ref()
            .map(|r| r.version.clone())
            .or_else(|| version_in_names(&installed));
        let assumes = recorded
            .as_ref()
            .map_or_else(Vec::new, |r| r.defaults.clone());
        let mut flags = Vec::new();
        let target = match (&wanted.own_target, &program.target) {
            (Some(own), _) => {
                Triple::parse(own).map_or_else(|_| Target::default(), |t| clang::reads(&t))
            }
            (None, Some(told)) => {
                flags.push(format!("--target={told}"));
                let parsed = Triple::parse(told).ok();
                flags.extend(parsed.iter().flat_map(|t| self.stated_to_clang(wanted, t)));
                parsed.map_or_else(Target::default, |t| clang::reads(&t))
            }
            (None, None) => match self.target_of(entry, &installed, recorded) {
                Some(target) => target,
                None => {
                    let compiler = program.name.clone();
                    return Err(Refusal::NotOwn { compiler }.into());
                }
            },
        };
        let exact = wanted.own_target.is_none()
            && match &program.target {
                Some(told) => wanted.triple.as_ref() == Some(told),
                None => wanted.triple.as_deref() == Some(entry),
            };
        let link = link_triple(&installed);
        let of = |t: &str| Triple::parse(t).ok();
        let own = of(self.facts.native_triple());
        Ok(Candidate {
            native: self.is_own(&target.refined(self.request.args)),
            own_name: exact
                && program.target.is_none()
                && link.is_none_or(|l| Triple::parse(entry).is_ok_and(|e| e.equivalent(&l))),
            local: program.target.is_none()
                && (entry == NATIVE || of(entry).zip(own).is_some_and(|(a, b)| a.equivalent(&b))),
            exact,
            target,
            version,
            assumes,
            first: flags,
            installed,
        })
    }

    /// What an installed compiler compiles for: its record says most; where that is silent, the name
    /// at the end of its links, else the name that it was found by. `None` for an unprefixed compiler
    /// on a helper of which neither says anything: it may be a cross compiler.
    fn target_of(
        &self,
        entry: &str,
        installed: &Installed,
        recorded: Option<Recorded>,
    ) -> Option<Target> {
        let named = match (link_triple(installed), entry) {
            (Some(link), _) => Target::of_triple(&link),
            (None, NATIVE) if self.request.place == Place::Helper => Target::default(),
            (None, NATIVE) => self.native_target(),
            (None, triple) => super::verify::target_of(triple),
        };
        let target = recorded.map_or_else(|| named.clone(), |r| r.target.strengthened(&named));
        (entry != NATIVE || target.architecture().is_some()).then_some(target)
    }

    /// Whether an object for this target is one for this machine: for its processor with either word
    /// size.
    fn is_own(&self, target: &Target) -> bool {
        let own = self.native_target();
        let (Some(own_arch), Some(arch)) = (own.architecture(), target.architecture()) else {
            return false;
        };
        (arch == own_arch || own_arch.sibling() == Some(arch))
            && target.order.value() == own.order.value()
            && target
                .format
                .value()
                .is_none_or(|f| Some(f) == own.format.value())
    }

    /// What has to be stated to clang for a triple, less what a rule or the job states itself.
    fn stated_to_clang(&self, wanted: &Wanted, triple: &Triple) -> Vec<String> {
        let settings = &wanted.settings;
        let lists = [&settings.defaults, &settings.flags, &settings.force_flags];
        let ruled = lists.into_iter().flatten().flat_map(|list| &list.value);
        let mut theirs: Vec<&OsStr> = ruled.map(OsStr::new).collect();
        theirs.extend(self.request.args);
        stated::stated(&Target::of_triple(triple), &clang::stated(triple), &theirs)
    }

    /// Holds a candidate against what is wanted.
    fn fits(&mut self, wanted: &Wanted, candidate: &Candidate) -> Result<Run, Refusing> {
        // On the client they are this compiler's own: stated they change nothing, and clang warns of
        // those that a link does not use. They only tell what it compiles for.
        let own = self.is_local_own(wanted, candidate)
            && self.request.place != Place::Helper
            && wanted.settings.defaults.is_some();
        let mark = self.reasons.len();
        let mut args = self.arguments(wanted, &candidate.target, candidate.first.clone());
        if own {
            self.reasons.truncate(mark);
        }
        // What clang makes of its --target is in the candidate's target already.
        let told = candidate.first.first();
        let told = args
            .iter()
            .position(|a| told.is_some_and(|t| a == t.as_str()));
        let mut flags = args.clone();
        told.map(|at| flags.remove(at));
        if self.request.place == Place::Helper {
            let words = args.iter().filter_map(|a| a.to_str());
            if let Some(flag) = words.into_iter().find(|a| means_this_processor(a)) {
                return Err(Refusal::HelpersProcessor { flag: flag.into() }.into());
            }
        }
        self.check_target(wanted, candidate, &flags)?;
        self.check_version(wanted, candidate)?;
        if self.request.place == Place::Helper && self.is_for_this_machine(candidate, &args) {
            if let Some(seconds) = self.facts.guard() {
                return Err(Refusal::Guarded {
                    minutes: seconds.div_ceil(60),
                }
                .into());
            }
        }
        if own {
            args = merged_arguments(
                &wanted.settings,
                Vec::new(),
                candidate.first.clone(),
                &self.own,
            );
        }
        if self.request.place == Place::Helper {
            let assumed: Vec<OsString> = args
                .drain(..stated::assumed_words(&args, &candidate.assumes))
                .collect();
            if !assumed.is_empty() {
                let words = assumed.join(OsStr::new(" "));
                self.note(format!("assumed by it: {}", words.to_string_lossy()));
            }
        }
        self.note(format!("runs {}", candidate.installed.path.display()));
        if self.request.examined {
            self.note("its text is examined: macros are left to the helper");
        }
        if self.request.place == Place::Helper {
            // No linker runs then, whatever the compiler makes of the other words; -S still wins.
            args.insert(0, "-c".into());
        }
        Ok(Run {
            compiler: candidate.installed.path.clone(),
            args,
            close_leaked: self.request.place == Place::Helper,
            confine: (self.request.place == Place::Helper)
                .then(|| confine(&wanted.settings, self.files.clone())),
            version: candidate.version.clone(),
            examine: self.request.examined,
        })
    }

    /// Whether the defaults of a client's rules are this very compiler's: it is the machine's own, and
    /// they are of the same word size.
    fn is_local_own(&self, wanted: &Wanted, candidate: &Candidate) -> bool {
        let own = self.native_target();
        candidate.local && wanted.target.arch == own.arch && wanted.target.model == own.model
    }

    /// Whether the object would be one of this machine's own kind or of its processor's other word size, whichever
    /// compiler makes it and whatever names the target: the compiler's name, `--target`, `-m32`.
    fn is_for_this_machine(&self, candidate: &Candidate, args: &[OsString]) -> bool {
        let stated = self
            .request
            .job
            .target
            .and_then(|t| std::str::from_utf8(t).ok());
        let target = match stated {
            Some(triple) => super::verify::target_of(triple).refined(args),
            None => candidate.target.refined(args),
        };
        let own = self.native_target().architecture();
        match (target.architecture(), own) {
            (Some(made), Some(own)) => made == own || Some(made) == own.sibling(),
            // Nothing says what it would be.
            _ => candidate.native,
        }
    }

    /// The request's arguments with what the rules add and drop.
    pub(super) fn arguments(
        &mut self,
        wanted: &Wanted,
        target: &Target,
        first: Vec<String>,
    ) -> Vec<OsString> {
        let own = self.own.clone();
        self.arguments_of(wanted, target, first, &own)
    }

    /// The same for other arguments than the request's.
    pub(super) fn arguments_of(
        &mut self,
        wanted: &Wanted,
        target: &Target,
        first: Vec<String>,
        own: &[&OsStr],
    ) -> Vec<OsString> {
        let settings = &wanted.settings;
        let stated = match &settings.defaults {
            Some(list) => {
                let stated = stated::stated(target, &list.value, own);
                let origin = list.origin.clone();
                self.because(
                    format!("the client's defaults: {}", stated.join(" ")),
                    &origin,
                );
                stated
            }
            None => Vec::new(),
        };
        merged_arguments(settings, stated, first, own)
    }

    /// The version of the client's compiler that the source shows. clang reads gcc's headers of C++,
    /// whose version says nothing of clang's.
    fn version_seen(&self) -> Option<&str> {
        match self.request.name.tool.is_clang() {
            true => None,
            false => self.evidence().version(),
        }
    }

    /// Checks the compiler's version against the one asked for or shown.
    fn check_version(&mut self, wanted: &Wanted, candidate: &Candidate) -> Result<(), Refusing> {
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

    /// A compiler in a message: its path, or to a client only its name.
    pub(super) fn display(&self, candidate: &Candidate) -> String {
        let path = &candidate.installed.path;
        match self.request.place {
            Place::Helper => path
                .file_name()
                .map_or_else(String::new, |n| n.to_string_lossy().into_owned()),
            Place::Direct | Place::UnderDistcc => path.display().to_string(),
        }
    }
}

/// A program to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    /// Its file name.
    name: String,
    /// The target that it must be told, for a clang that serves every target.
    target: Option<String>,
}

/// The triple in the name at the end of a compiler's links, where it has one.
fn link_triple(installed: &Installed) -> Option<Triple> {
    let name = CompilerName::parse(installed.resolved.as_bytes()).ok()?;
    Triple::parse(&name.triple?).ok()
}

/// Whether a word asks for the processor of the machine that compiles.
fn means_this_processor(word: &str) -> bool {
    let value = ["-march=", "-mtune=", "-mcpu="]
        .iter()
        .find_map(|o| word.strip_prefix(o));
    value.is_some_and(|v| v == "native" || v.starts_with("native+"))
}

/// How a client's compile is confined: in the sandbox, unless a rule says otherwise.
fn confine(settings: &Settings, job: JobFiles) -> Confine {
    let value = |limit: &Option<Sourced<u64>>, default: u64| {
        limit.as_ref().map_or(default, |limit| limit.value)
    };
    let usual = Limits::default();
    Confine {
        sandbox: settings.sandbox.as_ref().map_or(Sandbox::Yes, |s| s.value),
        job,
        limits: Limits {
            memory: value(&settings.limit_memory, usual.memory),
            cpu_seconds: value(&settings.limit_cpu, usual.cpu_seconds),
            file_size: value(&settings.limit_file_size, usual.file_size),
            ..usual
        },
        environment: settings
            .environment
            .as_ref()
            .map_or(Vec::new(), |e| e.value.clone()),
    }
}

/// The tools that can serve the one asked for: a rule's word, else the tool and its stand-in.
fn tools_for(asked: Tool, settings: &Settings) -> Vec<Tool> {
    let rule = settings
        .tools
        .iter()
        .find(|(name, _)| name == asked.as_str());
    if let Some(tool) = rule.and_then(|(_, tool)| Tool::parse(&tool.value)) {
        return vec![tool];
    }
    match asked {
        Tool::Cc => vec![Tool::Cc, Tool::Gcc],
        Tool::Cxx => vec![Tool::Cxx, Tool::Gxx],
        tool => vec![tool],
    }
}

/// The version at the end of the program's own name or of the file that its links lead to.
fn version_in_names(installed: &Installed) -> Option<String> {
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
fn major(version: &str) -> &str {
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
