//! What can be wrong with the compilers of a helper, by its rules and by what clients asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Setup;
use crate::cli::check::probed;
use crate::cli::list::{refusal, stand_ins, why_not};
use crate::cli::names::how_to_install;
use crate::cli::report::{Finding, Severity};
use crate::decide::{rule_for, Refusal};
use crate::log::read::{each, Action};
use crate::log::HELPER_FILE;
use crate::os;
use crate::rules::{shipped, LogTo, Origin};
use crate::why::Why;

/// Refusals that are older than this are no news, in seconds.
const RECENT: i64 = 7 * 24 * 3600;

/// Everything about stand-ins.
pub(super) fn findings(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    served(setup, found);
    if setup.compiles {
        stand_ins_make_what_is_promised(setup, found);
    }
    refused_lately(setup, found);
}

/// Triples of this machine's own rules that nothing serves, or the wrong compiler. Those of the
/// rules that are shipped or packaged need no stand-in here.
fn served(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let mut own: BTreeMap<String, Origin> = BTreeMap::new();
    for section in setup.rules.sections() {
        let origin = section.origin();
        let packaged = match &origin {
            Origin::BuiltIn => true,
            Origin::File { file, .. } => file.starts_with("/usr/") || shipped::is_path(file),
        };
        if !packaged {
            own.entry(section.pattern().to_owned())
                .or_insert(origin.clone());
            for name in section.names().into_iter().chain(section.renames_to()) {
                own.entry(name).or_insert(origin.clone());
            }
        }
    }
    for triple in &setup.triples {
        let wrong = matches!(refusal(triple), Some(Refusal::WrongTarget { .. }));
        let by_rule = matches!(refusal(triple), Some(Refusal::ByRule { .. }));
        let origin = own.get(&triple.text);
        if triple.served().next().is_some() || by_rule || (origin.is_none() && !wrong) {
            continue;
        }
        let rule = origin.map_or(String::new(), |o| format!(" (rule {o})"));
        let stand_ins = stand_ins(triple, setup.rules);
        let finding = match wrong {
            true => Finding::new(
                Severity::Fault,
                format!("{}{rule}: {}", triple.text, why_not(triple)),
                "its jobs are refused",
                "",
            ),
            false => not_served(&triple.text, &rule),
        };
        found.push(setup.missing(finding, &stand_ins));
    }
    // What a rule means by a name without being itself one that is listed.
    let known: BTreeSet<&str> = setup.triples.iter().map(|t| t.text.as_str()).collect();
    for (triple, origin) in own.iter().filter(|(t, _)| !known.contains(t.as_str())) {
        let literal =
            triple != "native" && triple.contains('-') && !triple.contains(['*', '?', '[']);
        let one = std::slice::from_ref(triple);
        if literal && how_to_install(one).is_some() {
            let finding = not_served(triple, &format!(" (rule {origin})"));
            found.push(setup.missing(finding, one));
        }
    }
}

fn not_served(triple: &str, rule: &str) -> Finding {
    Finding::new(
        Severity::Warning,
        format!("no compiler here serves {triple}{rule}"),
        "its jobs get exit code 110, and the client compiles them itself",
        "",
    )
}

/// Stand-ins against what the rules promise of them, compiled.
fn stand_ins_make_what_is_promised(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    for checked in probed(&setup.triples, setup.rules) {
        let (triple, report) = (checked.triple, checked.report);
        if report.outcome.is_ok() {
            continue;
        }
        let mut what = format!("{triple}: {}: {}", report.stand_in, report.outcome);
        for difference in report.differences.iter().take(3) {
            what += &format!("; {difference}");
        }
        for note in report.notes.iter().take(2) {
            what += &format!("; {note}");
        }
        let advice = match report.flags.is_empty() {
            _ if checked.instead.is_some() => format!(
                "in the rule: use = {}; then: ccroute check",
                checked.instead.map_or(String::new(), |(triple, _)| triple)
            ),
            false => format!(
                "add to the rule's defaults: {}; then: ccroute check",
                report.flags.join(" ")
            ),
            true => "on the client: ccroute probe >client.rules; copy that file to this machine's /etc/ccroute/rules.d".into(),
        };
        let effect = "objects link and then crash, or do not link";
        found.push(Finding::new(Severity::Fault, what, effect, "").advise(advice));
    }
}

/// What clients asked for of late and did not get.
fn refused_lately(setup: &Setup<'_>, found: &mut Vec<Finding>) {
    let file = match setup.rules.program().log {
        LogTo::File(file) => file,
        _ => setup.tree.real(Path::new(HELPER_FILE)),
    };
    let since = os::now() - RECENT;
    let mut refused: BTreeMap<(Why, String), u64> = BTreeMap::new();
    let read = each(&file, &mut |call| {
        let news = [Why::NothingServes, Why::UnknownNative, Why::WrongVersion].contains(&call.why);
        if call.action == Action::Refused && news && call.seconds >= since {
            let who = match call.why {
                Why::UnknownNative => call.client,
                _ => call.name,
            };
            *refused.entry((call.why, who.to_owned())).or_default() += 1;
        }
    });
    if let Err(error) = read {
        found.push(Finding::new(
            Severity::Note,
            format!("{}: {error}", file.display()),
            "it is not known what clients asked for in vain",
            setup.as_root("ccroute doctor --helper"),
        ));
    }
    for ((why, who), count) in refused {
        if why == Why::NothingServes && setup.names.contains(&who) {
            continue;
        }
        let triple = crate::compiler::name::CompilerName::parse(who.as_bytes())
            .ok()
            .and_then(|n| n.triple);
        let shown = if who.is_empty() { "a client" } else { &who };
        let finding = Finding::new(
            Severity::Warning,
            format!("{shown}: {}: refused {count} times in the last 7 days", why.words()),
            "the client compiles these jobs itself, and does not use this helper for a minute each time",
            "",
        );
        found.push(match why {
            Why::NothingServes => {
                let asked = triple.unwrap_or(who.clone());
                let listed = setup.triples.iter().find(|t| t.text == asked);
                let stand_ins = listed.map_or(vec![asked], |t| stand_ins(t, setup.rules));
                setup.missing(finding, &stand_ins)
            }
            Why::UnknownNative => finding.advise(format!(
                "run 'gcc -dumpmachine' on that client; then here, with its answer as TRIPLE: {}",
                setup.as_root(&rule_for(&who, "TRIPLE"))
            )),
            _ => finding.advise(
                "install the version that is asked for, or put 'version = any' into the triple's section",
            ),
        });
    }
}
