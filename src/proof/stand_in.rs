//! Whether a stand-in makes what the client's own compiler would: the part of `check` that
//! compiles.

use std::fmt;

use super::objects::{probe_objects, Language};
use super::proof::Proof;
use crate::abi::{verdict, Target};
use crate::compiler::ask::{ask, macros, Compiler};
use crate::proof::object::{Difference, Facts, Severity};

/// What came out for one stand-in, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// It makes the same objects as the client's compiler.
    Identical,
    /// There is no proof to compare with, and nothing contradicts what is promised.
    Unproved,
    /// The objects differ, but no program goes wrong by it.
    Harmless,
    /// A program can go wrong by it.
    Wrong,
    /// It did not compile the probe.
    Failed,
}

impl Outcome {
    /// Whether `check` passes it.
    pub fn is_ok(self) -> bool {
        self < Outcome::Wrong
    }

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Identical => "identical",
            Outcome::Unproved => "unproved",
            Outcome::Harmless => "harmless differences",
            Outcome::Wrong => "wrong",
            Outcome::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stand-in, checked.
#[derive(Clone, Debug)]
pub struct Report {
    /// The compiler as it was called.
    pub stand_in: String,
    pub outcome: Outcome,
    /// What differs, the worst first.
    pub differences: Vec<Difference>,
    /// What else is worth knowing: versions, a missing C++ compiler, the error of a failure.
    pub notes: Vec<String>,
    /// Flags that would mend a difference, to be added to `defaults`.
    pub flags: Vec<String>,
    /// What its C object says, compiled with the defaults; `None` after a failure.
    pub facts: Option<Facts>,
    /// What its macros say with the defaults; `None` after a failure.
    pub target: Option<Target>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.stand_in, self.outcome)?;
        for difference in &self.differences {
            let mark = match difference.severity {
                Severity::Fatal => "",
                Severity::Benign => " (harmless)",
            };
            write!(f, "\n  {difference}{mark}")?;
        }
        for note in &self.notes {
            write!(f, "\n  {note}")?;
        }
        if !self.flags.is_empty() {
            write!(f, "\n  add to its defaults: {}", self.flags.join(" "))?;
        }
        Ok(())
    }
}

/// Compiles the probe with a stand-in and a section's `defaults`, and holds the objects and the
/// compiler's macros against the section's `proof` and against what is promised otherwise: the
/// target of the triple with the defaults. A promise that says nothing of a property is kept by
/// any value.
pub fn check_stand_in(
    compiler: &Compiler,
    defaults: &[String],
    proof: Option<&Proof>,
    promised: Option<&Target>,
) -> Report {
    let mut report = Report {
        stand_in: compiler.to_string(),
        outcome: Outcome::Failed,
        differences: Vec::new(),
        notes: Vec::new(),
        flags: Vec::new(),
        facts: None,
        target: None,
    };
    let measured = probe_objects(compiler, defaults)
        .and_then(|objects| Ok((objects, macros(compiler, defaults)?.target())));
    let (objects, target) = match measured {
        Ok(measured) => measured,
        Err(error) => {
            report.notes.push(error.to_string());
            // Flags of another family are the usual reason.
            report
                .notes
                .extend(proof.and_then(|p| other_compiler(compiler, p)));
            return report;
        }
    };
    report.facts = objects
        .iter()
        .find(|o| o.language == Language::C)
        .map(|o| o.facts.clone());

    let mut identical = false;
    if let Some(proof) = proof {
        if let (Some(wanted), Some(offered)) = (&proof.facts, &report.facts) {
            // The proof's words leave out what only concerns the code.
            report.differences = wanted.differences(&offered.without_code());
        }
        if proof.is_current() {
            let pairs: Vec<(Language, bool)> = objects
                .iter()
                .filter_map(|o| Some((o.language, proof.digest(o.language)? == o.digest)))
                .collect();
            identical = !pairs.is_empty() && pairs.iter().all(|(_, same)| *same);
            for (language, same) in &pairs {
                if !same && report.differences.is_empty() {
                    report
                        .notes
                        .push(format!("other code for the {language} probe"));
                }
            }
            let cxx = objects.iter().any(|o| o.language == Language::Cxx);
            if proof.cxx.is_some() && !cxx {
                report
                    .notes
                    .push("it has no C++ compiler; only C was compared".to_string());
            }
        } else {
            report.notes.push(
                "the proof was made by another version of ccroute; its digests cannot be compared"
                    .to_string(),
            );
        }
    }

    for wanted in proof
        .and_then(|p| p.target.as_ref())
        .into_iter()
        .chain(promised)
    {
        for difference in target_differences(wanted, &target) {
            if !report.differences.contains(&difference) {
                report.differences.push(difference);
            }
        }
    }
    report.target = Some(target);

    let fatal = report
        .differences
        .iter()
        .any(|d| d.severity == Severity::Fatal);
    let compared = proof.is_some_and(|p| p.is_current() && p.c.is_some());
    report.outcome = match (fatal, identical) {
        (true, _) => Outcome::Wrong,
        (false, true) => Outcome::Identical,
        (false, false) if compared || !report.differences.is_empty() => Outcome::Harmless,
        (false, false) => Outcome::Unproved,
    };
    if report.outcome != Outcome::Identical {
        if let Some(words) = proof.and_then(|p| other_compiler(compiler, p)) {
            report.notes.push(words);
        }
        report.flags = report
            .differences
            .iter()
            .filter_map(mending_flag)
            .filter(|flag| !defaults.contains(flag))
            .collect();
        report.flags.dedup();
    }
    report
        .differences
        .sort_by_key(|d| std::cmp::Reverse(d.severity));
    report
}

/// What two targets differ in, in the words of a report.
fn target_differences(wanted: &Target, offered: &Target) -> Vec<Difference> {
    let no_flags: [&str; 0] = [];
    verdict(wanted, offered, &no_flags)
        .differences
        .into_iter()
        .map(|d| Difference {
            place: "target",
            name: d.property.title().to_string(),
            wanted: d.wanted,
            offered: d.offered,
            severity: if d.fatal {
                Severity::Fatal
            } else {
                Severity::Benign
            },
        })
        .collect()
}

/// How the stand-in's family or version differs from that of the compiler that gave the proof.
fn other_compiler(compiler: &Compiler, proof: &Proof) -> Option<String> {
    let (family, version) = proof.compiler.as_ref()?;
    let answers = ask(compiler).ok()?;
    let wanted = format!("{family} {version}");
    let offered = format!("{} {}", answers.family, answers.version);
    if wanted == offered {
        return None;
    }
    let words = if *family == answers.family {
        "version"
    } else {
        "compiler"
    };
    Some(format!("{words}: {wanted} against {offered}"))
}

/// The flag that gives the wanted side of a difference, where one does.
fn mending_flag(difference: &Difference) -> Option<String> {
    let wanted = difference.wanted.as_str();
    let flag = match (difference.name.as_str(), wanted) {
        ("CPU_arch", "v4T") => "-march=armv4t".to_string(),
        ("CPU_arch", "v5T") => "-march=armv5t".to_string(),
        ("CPU_arch", "v5TE") => "-march=armv5te".to_string(),
        ("CPU_arch", "v6") => "-march=armv6".to_string(),
        ("CPU_arch", "v6K") => "-march=armv6k".to_string(),
        ("CPU_arch", "v6KZ") => "-march=armv6kz".to_string(),
        ("CPU_arch", "v6T2") => "-march=armv6t2".to_string(),
        ("CPU_arch", "v7") => "-march=armv7-a".to_string(),
        ("CPU_arch", "v8-A") => "-march=armv8-a".to_string(),
        ("FP_arch", "VFPv2") => "-mfpu=vfp".to_string(),
        ("FP_arch", "VFPv3-D16") => "-mfpu=vfpv3-d16".to_string(),
        ("FP_arch", "VFPv3") => "-mfpu=vfpv3".to_string(),
        ("FP_arch", "VFPv4") => "-mfpu=vfpv4".to_string(),
        ("FP_arch", "VFPv4-D16") => "-mfpu=vfpv4-d16".to_string(),
        ("ABI_VFP_args", "VFP-registers") => "-mfloat-abi=hard".to_string(),
        ("ABI_VFP_args", "core-registers") => "-mfloat-abi=soft".to_string(),
        ("ABI_enum_size", "int") => "-mabi=aapcs-linux".to_string(),
        ("addresses", "relative") => "-fPIE".to_string(),
        ("word size", "32") => "-m32".to_string(),
        ("word size", "64") => "-m64".to_string(),
        ("PIE", "pie") => "-fPIE".to_string(),
        ("float ABI", "hard") => "-mfloat-abi=hard".to_string(),
        ("float ABI", "soft") => "-mfloat-abi=soft".to_string(),
        ("float", "double") => "-mabi=lp64d".to_string(),
        ("fp_abi" | "ABI_FP", "soft") => "-msoft-float".to_string(),
        ("fp_abi" | "ABI_FP", "hard-double") => "-mhard-float".to_string(),
        ("ABI", "ELFv1" | "ELFv2") => format!("-mabi={}", wanted.to_lowercase()),
        _ => return None,
    };
    Some(flag)
}
