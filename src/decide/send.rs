//! What goes to a launcher: under which name, with which arguments and variables.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::refusal::Refusal;
use super::{Deciding, Refusing, Run, Send, Wanted};
use crate::client::clang;
use crate::client::deps::{dependencies, Dependencies};
use crate::client::local::{local_reason, Call, LocalReason};
use crate::client::macros;
use crate::compiler::name::{CompilerName, Tool};
use crate::compiler::search::Reach;
use crate::helper::hostile::without;
use crate::options::table::Dropped;
use crate::options::{scan, Kind};
use crate::rules::{ExpandMacros, Fallback, Origin, VersionMatch};
use crate::why::Why;

/// The variable that tells ccroute under a launcher which compiler the request meant.
pub const COMPILER: &str = "_CCROUTE_COMPILER";

/// The words that ccroute adds to leave a job's macros to the helper.
#[derive(Default)]
struct Added {
    words: Vec<OsString>,
    /// ccroute has to be the launcher's preprocessor, and look at what it prints.
    examined: bool,
}

impl<'a> Deciding<'a> {
    /// What goes to a launcher, where a rule sends direct requests and this one can be sent.
    pub(super) fn send(&mut self, wanted: &Wanted) -> Result<Option<Send>, Refusing> {
        self.why = Why::NoSendRule;
        let Some(send) = wanted.settings.send.clone() else {
            return Ok(None);
        };
        if send.value == "none" || wanted.triple.is_none() {
            return Ok(None);
        }
        let request = self.request;
        let sent = without(request.args, &[Dropped::Everywhere]);
        let call = |args| Call {
            tool: request.name.tool,
            args,
            kernel: request.job.kernel.is_some(),
            directory: self.facts.working_directory(),
            steered_by: request.steered_by,
        };
        let native = match local_reason(&call(&sent)) {
            None => None,
            Some(reason @ LocalReason::Native(_)) => Some(reason),
            Some(reason) => {
                self.why = reason.counted_as();
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
            expanded = self.facts.expanded(&local.compiler, &sent);
            if expanded.is_none() {
                self.why = reason.counted_as();
                self.note(format!("compiled here: {reason}, and cannot be expanded"));
                return Ok(None);
            }
            self.note(format!("{reason}, and is expanded"));
        }
        let name = self.sent_name(wanted);
        let mark = self.reasons.len();
        let args = match &expanded {
            Some(own) => {
                let own: Vec<&OsStr> = own.iter().map(OsString::as_os_str).collect();
                self.arguments_of(wanted, &wanted.target, Vec::new(), &own)
            }
            None => self.arguments_of(wanted, &wanted.target, Vec::new(), &sent),
        };
        let own: Vec<&OsStr> = args.iter().map(OsString::as_os_str).collect();
        // A rule's flags can keep a job here as well as the request's own.
        if let Some(reason) = local_reason(&call(&own)) {
            self.why = reason.counted_as();
            self.note(format!("compiled here: {reason}, which a rule adds"));
            return Ok(None);
        }
        let Dependencies::State(dependencies) = dependencies(name.tool, &own) else {
            self.why = Why::Dependencies;
            self.note(format!("compiled here: {}", self.why.words()));
            return Ok(None);
        };
        if name.tool.is_clang() && clang::names_its_file(&own) {
            self.why = Why::NamesItsFile;
            self.note("compiled here: Objective-C's old runtime names the file that is compiled");
            return Ok(None);
        }
        if self.is_named_by_the_text_alone(&own) {
            self.why = Why::NamesItsFile;
            self.note(
                "compiled here: the text names no file, and the object would name the helper's",
            );
            return Ok(None);
        }
        let of_clang = match name.tool.is_clang() {
            true => [
                clang::compilation_directory(&own, self.facts.named_directory()),
                clang::quiet_about_unused(&own),
            ],
            false => [None, None],
        };
        let mut env = vec![("DISTCC_NO_REWRITE_CROSS", OsString::from("1"))];
        let added = self.macros_left(wanted, &name, &local, &own);
        let reach = match added.examined {
            true => Reach::ThroughShim,
            false => self.facts.reach(&name.to_string(), &local.compiler),
        };
        match reach {
            Reach::Outside(path) => env.push(("PATH", path)),
            Reach::ThroughShim => {
                env.push((COMPILER, local.compiler.into()));
                if !added.words.is_empty() {
                    env.push((macros::ADDED, added.words.len().to_string().into()));
                }
            }
            Reach::NoPath => {
                self.reasons.truncate(mark);
                self.why = Why::NoPath;
                self.note("compiled here: PATH is not set, and distcc needs it");
                return Ok(None);
            }
            Reach::Nowhere => {
                self.reasons.truncate(mark);
                self.why = Why::NameMissing;
                self.note(format!(
                    "compiled here: {name} is not to be found on this machine; 'ccroute install --client' makes the link"
                ));
                return Ok(None);
            }
        }
        let mut words = vec![OsString::from(name.to_string())];
        words.extend(added.words);
        words.extend(args);
        words.extend(dependencies);
        words.extend(of_clang.into_iter().flatten());
        self.why = Why::Sent;
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

    /// Whether the source is preprocessed text without a line marker. distcc sends it as it is, and the
    /// helper's file has another name.
    fn is_named_by_the_text_alone(&self, args: &[&OsStr]) -> bool {
        let preprocessed = |path: &&[u8]| {
            let extension = path.rsplit(|&b| b == b'.').next().unwrap_or_default();
            matches!(extension, b"i" | b"ii" | b"mi" | b"mii")
        };
        let mut inputs = scan(args).filter_map(|arg| match arg.kind {
            Kind::Input(path) => Some(path),
            _ => None,
        });
        inputs.find(preprocessed).is_some_and(|path| {
            let text = self.facts.source(OsStr::from_bytes(path));
            text.is_some_and(|text| !text.starts_with(b"# "))
        })
    }

    /// The words that leave a job's macros to the helper; none where they are expanded here. Without
    /// a rule, kernels and C++ are left: C gains nothing.
    fn macros_left(
        &mut self,
        wanted: &Wanted,
        name: &CompilerName,
        local: &Run,
        args: &[&OsStr],
    ) -> Added {
        let rule = wanted.settings.expand_macros.clone();
        if rule
            .as_ref()
            .is_some_and(|r| r.value == ExpandMacros::Client)
        {
            return Added::default();
        }
        let kernel = self.request.job.kernel.is_some();
        let candidate = macros::candidate(name.tool, args, kernel);
        let major = |v: &String| v.split('.').next()?.parse().ok();
        let version: Option<u32> = local.version.as_ref().and_then(major);
        let understood = match &rule {
            Some(_) => version.is_none_or(|v| v >= macros::FIRST_VERSION),
            None => version.is_some_and(|v| v >= macros::FIRST_VERSION),
        };
        let usual = kernel || candidate.as_ref().is_some_and(|c| c.cxx);
        if rule.is_none() && !(usual && understood) {
            return Added::default();
        }
        let origin = rule.map_or(Origin::BuiltIn, |r| r.origin);
        let left = candidate
            .filter(|_| understood)
            .ok_or("under these options they could be others on the helper")
            .and_then(|candidate| self.leaves_macros(&candidate, name, args));
        match left {
            Ok(added) => {
                self.because("macros are expanded on the helper", &origin);
                added
            }
            Err(why) => {
                self.because(format!("macros are expanded here: {why}"), &origin);
                Added::default()
            }
        }
    }

    /// What is added for a candidate, or why nothing is.
    fn leaves_macros(
        &self,
        candidate: &macros::Candidate<'_>,
        name: &CompilerName,
        args: &[&OsStr],
    ) -> Result<Added, &'static str> {
        if self.facts.pumps() {
            return Err("pump mode sends the source itself");
        }
        let examined = candidate.is_examined();
        if examined && !self.facts.leads_here(&name.to_string()) {
            return Err("the launcher would find another program than ccroute to preprocess with");
        }
        let source = self.facts.source(OsStr::from_bytes(candidate.source));
        let content = source.ok_or("the source cannot be read")?;
        if let Some(found) = candidate.unsound(args, &content) {
            return Err(found);
        }
        let built = match candidate.says_date() {
            true => Some(
                self.facts
                    .built()
                    .ok_or("SOURCE_DATE_EPOCH is not a time")?,
            ),
            false => None,
        };
        Ok(Added {
            words: candidate.arguments(built.as_ref()),
            examined,
        })
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
