//! What goes to a launcher: under which name, with which arguments and variables.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::refusal::Refusal;
use super::{Deciding, Refusing, Send, Wanted};
use crate::client::deps::{dependencies, Dependencies};
use crate::client::local::{local_reason, LocalReason};
use crate::client::macros;
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::search::Reach;
use crate::rules::{ExpandMacros, Fallback, VersionMatch};

/// The variable that tells ccroute under a launcher which compiler the request meant.
pub const COMPILER: &str = "_CCROUTE_COMPILER";

impl<'a> Deciding<'a> {
    /// What goes to a launcher, where a rule sends direct requests and this one can be sent.
    pub(super) fn send(&mut self, wanted: &Wanted) -> Result<Option<Send>, Refusing> {
        self.kind = "no rule sends it";
        let Some(send) = wanted.settings.send.clone() else {
            return Ok(None);
        };
        if send.value == "none" || wanted.triple.is_none() {
            return Ok(None);
        }
        let request = self.request;
        let kernel = request.job.kernel.is_some();
        let native = match local_reason(request.name.tool, request.args, kernel) {
            None => None,
            Some(reason @ LocalReason::Native(_)) => Some(reason),
            Some(reason) => {
                self.kind = reason.kind();
                self.note(format!("compiled here: {reason}"));
                return Ok(None);
            }
        };
        let Some(launcher) = self.facts.launcher(&send.value) else {
            return Err(Refusal::NoLauncher {
                launcher: send.value,
                origin: send.origin,
            }
            .into());
        };
        // The local compiler preprocesses, and compiles when the helper fails: it has to fit too.
        let mark = self.reasons.len();
        let local = self.run(wanted)?;
        self.reasons.truncate(mark);
        let mut expanded = None;
        if let Some(reason) = native {
            expanded = self.facts.expanded(&local.compiler, request.args);
            if expanded.is_none() {
                self.kind = reason.kind();
                self.note(format!("compiled here: {reason}, and cannot be expanded"));
                return Ok(None);
            }
            self.note(format!("{reason}, and is expanded"));
        }
        let name = self.sent_name(wanted);
        let mut env = vec![("DISTCC_NO_REWRITE_CROSS", OsString::from("1"))];
        match self.facts.reach(&name.to_string(), &local.compiler) {
            Reach::Outside(path) => env.push(("PATH", path)),
            Reach::ThroughShim => env.push((COMPILER, local.compiler.into())),
            Reach::Nowhere => {
                self.kind = "its full name is not on this machine";
                self.note(format!(
                    "compiled here: {name} is not to be found on this machine; 'ccroute install --client' makes the link"
                ));
                return Ok(None);
            }
        }
        let args = match &expanded {
            Some(own) => {
                let own: Vec<&OsStr> = own.iter().map(OsString::as_os_str).collect();
                self.arguments_of(wanted, &wanted.target, Vec::new(), &own)
            }
            None => self.arguments(wanted, &wanted.target, Vec::new()),
        };
        let own: Vec<&OsStr> = args.iter().map(OsString::as_os_str).collect();
        // A rule's flags can keep a job here as well as the request's own.
        if let Some(reason) = local_reason(request.name.tool, &own, kernel) {
            self.kind = reason.kind();
            self.note(format!("compiled here: {reason}, which a rule adds"));
            return Ok(None);
        }
        let Dependencies::State(dependencies) = dependencies(name.tool, &own) else {
            self.kind = "dependencies that distcc would write elsewhere";
            self.note(format!("compiled here: {}", self.kind));
            return Ok(None);
        };
        let mut words = vec![OsString::from(name.to_string())];
        words.extend(
            self.expands_there(wanted, name.tool, &own)
                .unwrap_or_default(),
        );
        words.extend(args);
        words.extend(dependencies);
        self.kind = "can be distributed";
        self.because(format!("sent through {}", launcher.display()), &send.origin);
        if let Some(fallback) = &wanted.settings.fallback {
            if fallback.value == Fallback::Refuse {
                env.push(("DISTCC_FALLBACK", "0".into()));
                env.push(("DISTCC_SKIP_LOCAL_RETRY", "1".into()));
                let origin = fallback.origin.clone();
                self.because(
                    "must not be compiled locally when the helper fails",
                    &origin,
                );
            }
        }
        Ok(Some(Send {
            launcher,
            args: words,
            env,
        }))
    }

    /// The arguments that have the macros expanded on the helper, where a rule wants that and nothing
    /// speaks against it.
    fn expands_there(
        &mut self,
        wanted: &Wanted,
        tool: Tool,
        args: &[&OsStr],
    ) -> Option<Vec<OsString>> {
        let rule = wanted.settings.expand_macros.clone()?;
        if rule.value != ExpandMacros::Helper {
            return None;
        }
        let words = macros::candidate(tool, args)
            .filter(|c| self.facts.expands_elsewhere(OsStr::from_bytes(c.source)))
            .and_then(|candidate| {
                if candidate.dateless {
                    return Some(candidate.arguments(None));
                }
                let built = self.facts.built()?;
                Some(candidate.arguments(Some(&built)))
            });
        let text = match words {
            Some(_) => "macros are expanded on the helper",
            None => "macros are expanded here: on the helper they could be others",
        };
        self.because(text, &rule.origin);
        words
    }

    /// The full name under which the job leaves. A helper without ccroute has no `TRIPLE-cc`; so
    /// the tool is named that `cc` means here. The version stays, for it is another compiler.
    fn sent_name(&self, wanted: &Wanted) -> CompilerName {
        let mut name = self.full_name(wanted);
        let mut rules = wanted.settings.tools.iter();
        let rule = rules.find(|(asked, _)| asked == name.tool.as_str());
        let tool = match (
            rule.and_then(|(_, tool)| Tool::parse(&tool.value)),
            name.tool,
        ) {
            (Some(tool), _) => tool,
            (None, Tool::Cc) => Tool::Gcc,
            (None, Tool::Cxx) => Tool::Gxx,
            (None, tool) => tool,
        };
        name = name.with_tool(tool);
        let any = |v: &crate::rules::Sourced<VersionMatch>| v.value == VersionMatch::Any;
        if wanted.settings.version.as_ref().is_some_and(any) {
            name = name.with_version(None);
        }
        name
    }
}
