//! Picks the installed compiler that serves what is wanted, and puts its arguments together.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::programs::{tools_for, Program};
use super::refusal::Refusal;
use super::version::version_in_names;
use super::{merged_arguments, Confine, Deciding, Recorded, Refusing, Run, Wanted, NATIVE};
use crate::abi::triple::Triple;
use crate::abi::{clang, Target};
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::search::{Found, Installed};
use crate::compiler::stated;
use crate::helper::hostile::JobFiles;
use crate::helper::limits::Limits;
use crate::request::Place;
use crate::rules::{Sandbox, Settings, Sourced};

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
