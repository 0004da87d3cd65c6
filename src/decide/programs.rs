//! The programs that may serve a request, in the order in which they are looked for.

use super::version::major;
use super::{Deciding, Wanted, NATIVE};
use crate::abi::triple::Triple;
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::search::unique;
use crate::request::Place;
use crate::rules::Settings;

/// A program to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// Its file name.
    pub(super) name: String,
    /// The target that it must be told, for a clang that serves every target.
    pub(super) target: Option<String>,
}

impl Deciding<'_> {
    pub(super) fn entries(&mut self, wanted: &Wanted) -> Vec<String> {
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
    pub(super) fn equivalents(&self, wanted: &Wanted, tried: &[String]) -> Vec<String> {
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
    pub(super) fn programs(&self, wanted: &Wanted, entry: &str, tools: &[Tool]) -> Vec<Program> {
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
}

/// The tools that can serve the one asked for: a rule's word, else the tool and its stand-in.
pub(super) fn tools_for(asked: Tool, settings: &Settings) -> Vec<Tool> {
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
