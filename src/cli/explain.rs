//! `ccroute explain`: the decision that the shim would carry out, with its reasons.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use serde_json::{json, Value};

use super::install::LINKS;
use super::look::folded;
use super::{load_rules, Failure};
use crate::decide::{decide, Decision, Outcome, Reason};
use crate::exit::Exit;
use crate::options::{scan, Kind};
use crate::os::{printable, quote};
use crate::request::Place;
use crate::request::{Passed, Request};
use crate::rules::{matching::RuleSet, OnRefuse};
use crate::shim::host::{self, Host};

/// Files as distccd names them.
pub(super) const DISTCCD_C: &str = "/tmp/distccd_0.i";
pub(super) const DISTCCD_CXX: &str = "/tmp/distccd_0.ii";
pub(super) const DISTCCD_OBJECT: &str = "/tmp/distccd_0.o";

#[derive(Args)]
pub(super) struct Arguments {
    /// Where: direct, under-distcc or helper [default: direct]
    #[arg(
        long,
        value_enum,
        default_value = "direct",
        hide_possible_values = true,
        hide_default_value = true
    )]
    place: PlaceWord,
    /// The client's address (with --place helper)
    #[arg(long, value_name = "ADDRESS")]
    from: Option<IpAddr>,
    /// The preprocessed source of the job (with --place helper)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    source: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The compiler name
    #[arg(value_hint = ValueHint::CommandName)]
    name: OsString,
    /// The compiler's arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_hint = ValueHint::AnyPath)]
    args: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum PlaceWord {
    Direct,
    UnderDistcc,
    Helper,
}

impl From<PlaceWord> for Place {
    fn from(word: PlaceWord) -> Place {
        match word {
            PlaceWord::Direct => Place::Direct,
            PlaceWord::UnderDistcc => Place::UnderDistcc,
            PlaceWord::Helper => Place::Helper,
        }
    }
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let place = Place::from(arguments.place);
    if place != Place::Helper && (arguments.from.is_some() || arguments.source.is_some()) {
        return Err(Failure::Usage(
            "--from and --source go with --place helper".into(),
        ));
    }
    if let Some(source) = arguments.source.as_ref().filter(|s| !s.is_file()) {
        return Err(Failure::Usage(format!(
            "{}: no such file",
            source.display()
        )));
    }
    let typed: Vec<&OsStr> = arguments.args.iter().map(OsString::as_os_str).collect();
    let args = match place {
        Place::Helper => as_distccd_passes(&typed),
        Place::Direct | Place::UnderDistcc => typed,
    };
    let request = request(arguments, &args, place)?;
    let texts = load_rules()?;
    let rules = RuleSet::parse(&texts)?;
    let mut world = Host::new(&request, &host::path_variable(), host::this_file());
    if let Some(through) = world.leads_here() {
        world = world.called_through(&through);
    }
    if place == Place::Helper {
        // Without --from a client that no rule names.
        let unnamed = IpAddr::from([0, 0, 0, 0]);
        world = world
            .with_client(Some(arguments.from.unwrap_or(unnamed)))
            .with_source(arguments.source.clone());
    }
    let mut decision = decide(&request, &rules, &world);
    decision.reasons.extend(no_link(&request, &decision));
    let exit = exit(&decision, place);
    if arguments.json {
        super::json::print(out, "explain", as_json(&request, &decision, exit))?;
    } else {
        print(out, &request, &decision, exit)?;
    }
    Ok(Exit::Success)
}

/// On a helper that is set up, a name that the decision serves and distccd does not find.
fn no_link(request: &Request<'_>, decision: &Decision) -> Option<Reason> {
    let links = Path::new(LINKS);
    let name = request.name.to_string();
    let served = matches!(decision.outcome, Outcome::Run(_)) && request.place == Place::Helper;
    let lost = served && links.is_dir() && links.join(&name).symlink_metadata().is_err();
    lost.then(|| Reason {
        text: format!(
            "distccd does not find it: {LINKS} has no link {name}; name the triple in a rule ('names ='), then run 'ccroute install --helper'"
        ),
        origin: None,
    })
}

/// The arguments with distccd's temporary names in place of the files that a person types: on a
/// helper, jobs come preprocessed.
fn as_distccd_passes<'a>(typed: &[&'a OsStr]) -> Vec<&'a OsStr> {
    let mut args = Vec::with_capacity(typed.len() + 3);
    let mut input = None;
    for arg in scan(typed) {
        match arg.kind {
            Kind::Valued(b"-o", _) => {}
            Kind::Input(path) => {
                input = Some(match path.rsplit(|&b| b == b'.').next() {
                    Some(b"c" | b"i") => DISTCCD_C,
                    _ => DISTCCD_CXX,
                });
            }
            _ => args.extend_from_slice(&typed[arg.index..arg.index + arg.words]),
        }
    }
    let input = input.unwrap_or(DISTCCD_C);
    args.extend(["-o", DISTCCD_OBJECT, input].map(OsStr::new));
    args
}

fn request<'a>(
    arguments: &Arguments,
    args: &'a [&'a OsStr],
    place: Place,
) -> Result<Request<'a>, Failure> {
    let mut request = Request::new(&arguments.name, args, false, Passed::default(), || None)
        .map_err(|e| Failure::Usage(e.to_string()))?;
    request.place = place;
    request.steered_by = host::steering_variable();
    Ok(request)
}

/// The code that the shim would exit with; `None` where a program takes it over.
fn exit(decision: &Decision, place: Place) -> Option<Exit> {
    match &decision.outcome {
        Outcome::Refuse(refused) => Some(refused.exit(place)),
        Outcome::Run(_) | Outcome::Send(_) => None,
    }
}

fn print(
    out: &mut dyn Write,
    request: &Request<'_>,
    decision: &Decision,
    exit: Option<Exit>,
) -> Result<(), Failure> {
    // Whoever asks about a client's job has the client's words on the terminal.
    // A refusal has lines of their own for the commands that it proposes.
    let mut hanging = |text: String, hang: usize| {
        let lines = text.split('\n').map(|line| printable(line.as_bytes()));
        let text = lines.collect::<Vec<String>>().join("\n");
        writeln!(out, "{}", folded(&text, hang))
    };
    let mut line = |text: String| hanging(text, 4);
    match &decision.outcome {
        Outcome::Run(run) => {
            line(format!("{}: run {}", request.name, run.compiler.display()))?;
            line(format!("  arguments: {}", quote::words(&run.args)))?;
        }
        Outcome::Send(send) => {
            line(format!(
                "{}: send through {}",
                request.name,
                send.launcher.display()
            ))?;
            line(format!("  arguments: {}", quote::words(&send.args)))?;
            for (name, value) in &send.env {
                line(format!("  {name}={}", value.to_string_lossy()))?;
            }
        }
        Outcome::Refuse(refused) => {
            line(format!("{}: refuse: {}", request.name, refused.why))?;
            let way = way(refused.way);
            let code = exit.map_or(0, Exit::code);
            line(format!("  on-refuse: {way}, exit {code}"))?;
        }
    }
    for reason in &decision.reasons {
        match &reason.origin {
            Some(origin) => line(format!("  because {} ({origin})", reason.text))?,
            None => line(format!("  because {}", reason.text))?,
        }
    }
    Ok(())
}

fn way(way: OnRefuse) -> &'static str {
    match way {
        OnRefuse::Local => "local",
        OnRefuse::Quiet => "quiet",
        OnRefuse::Elsewhere => "elsewhere",
    }
}

fn as_json(request: &Request<'_>, decision: &Decision, exit: Option<Exit>) -> Value {
    // Arguments are bytes; JSON is text. What is not UTF-8 is shown with escapes.
    let text = |arg: &OsString| match arg.to_str() {
        Some(text) => text.to_owned(),
        None => arg.as_bytes().escape_ascii().to_string(),
    };
    let list = |args: &[OsString]| args.iter().map(text).collect::<Vec<_>>();
    let outcome = match &decision.outcome {
        Outcome::Run(run) => json!({
            "action": "run",
            "compiler": run.compiler.display().to_string(),
            "arguments": list(&run.args),
        }),
        Outcome::Send(send) => json!({
            "action": "send",
            "launcher": send.launcher.display().to_string(),
            "arguments": list(&send.args),
            "environment": send.env.iter()
                .map(|(name, value)| ((*name).to_owned(), Value::from(text(value))))
                .collect::<serde_json::Map<_, _>>(),
        }),
        Outcome::Refuse(refused) => json!({
            "action": "refuse",
            "reason": refused.why.to_string(),
            "on_refuse": way(refused.way),
            "exit": exit.map(Exit::code),
        }),
    };
    let reasons: Vec<Value> = decision
        .reasons
        .iter()
        .map(|reason| {
            json!({
                "text": reason.text,
                "origin": reason.origin.as_ref().map(ToString::to_string),
            })
        })
        .collect();
    json!({
        "name": request.name.to_string(),
        "decision": outcome,
        "reasons": reasons,
    })
}
