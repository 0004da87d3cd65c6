//! What `ccroute probe` prints: a section of a rules file.

use std::fmt::Write;

use super::objects::{probe_objects, Language, NoObjects, ProbeObject};
use super::proof::Proof;
use crate::compiler::ask::defaults::{alternatives, defaults, implied_tunes};
use crate::compiler::ask::{ask, Answers, Compiler, Family};

/// What was measured of a compiler.
#[derive(Clone, Debug)]
pub struct Measured {
    pub answers: Answers,
    /// The flags that change nothing when they are stated to the compiler itself.
    pub defaults: Vec<String>,
    /// Flags that should have been defaults but change the object, or are rejected.
    pub left_out: Vec<String>,
    /// The tune that follows from the architecture, and is no default for that: `-mtune=…`.
    pub implied_tune: Option<String>,
    /// The objects without any flags.
    pub objects: Vec<ProbeObject>,
}

impl Measured {
    /// The proof that goes into a section.
    pub fn proof(&self) -> Proof {
        let compiler = (self.answers.family, self.answers.version.clone());
        Proof::of(&self.objects, self.answers.macros.target(), compiler)
    }
}

/// Asks a compiler, derives its defaults and proves them: the probe must be the same with the
/// flags stated and without. Flags that make a difference are left out, one by one.
///
/// # Errors
/// The compiler cannot be asked, or cannot compile the probe.
pub fn measure(compiler: &Compiler) -> Result<Measured, NoObjects> {
    let answers = ask(compiler)?;
    let wanted = defaults(&answers);
    let none: [&str; 0] = [];
    let objects = probe_objects(compiler, &none)?;
    let neutral = |flags: &[String]| {
        probe_objects(compiler, flags).is_ok_and(|stated| {
            stated.len() == objects.len()
                && stated
                    .iter()
                    .zip(&objects)
                    .all(|(a, b)| a.digest == b.digest)
        })
    };
    let tuned = |tune: &String| [wanted.as_slice(), std::slice::from_ref(tune)].concat();
    let tune = implied_tunes(&answers, &wanted)
        .into_iter()
        .find(|tune| neutral(&tuned(tune)));
    let (mut kept, mut left_out) = (wanted.clone(), Vec::new());
    let mut implied_tune = None;
    if neutral(&wanted) {
        implied_tune = tune;
    } else if let Some(tune) = tune {
        // Not what its -march implies after all.
        kept.push(tune);
    } else {
        kept.clear();
        'flags: for flag in wanted {
            for choice in [flag.clone()].into_iter().chain(alternatives(&flag)) {
                kept.push(choice);
                if neutral(&kept) {
                    continue 'flags;
                }
                kept.pop();
            }
            left_out.push(flag);
        }
    }
    Ok(Measured {
        answers,
        defaults: kept,
        left_out,
        implied_tune,
        objects,
    })
}

/// The section for a compiler's triple: defaults, version, proof, and what was measured as
/// comments. A clang's section holds for clang only: the same triple's gcc has other defaults.
///
/// # Errors
/// As [`measure`].
pub fn section(compiler: &Compiler) -> Result<String, NoObjects> {
    Ok(section_of(&measure(compiler)?))
}

/// The section for what was measured.
pub fn section_of(measured: &Measured) -> String {
    let answers = &measured.answers;
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "# Written by `ccroute probe` on the machine whose compiler this is. Copy it to the \
         helper's rules.d.\n\
         # {} {}\n",
        answers.family, answers.version
    );
    for object in &measured.objects {
        if object.language == Language::C {
            for line in object.facts.to_string().lines() {
                let _ = writeln!(text, "# {line}");
            }
        }
    }
    for flag in &measured.left_out {
        let _ = writeln!(text, "# not a default after all, left out: {flag}");
    }
    if let Some(tune) = &measured.implied_tune {
        let _ = writeln!(
            text,
            "# follows from -march, not stated: {tune} (a stand-in with another tune needs it)"
        );
    }
    if measured.objects.len() < 2 {
        text.push_str("# no C++ compiler is installed: C only\n");
    }
    let condition = match answers.family {
        Family::Gcc => "",
        Family::Clang => " tool clang*",
    };
    let _ = write!(
        text,
        "[{}{condition}]\ndefaults = {}\nversion = major\nproof = {}\n\n\
         # If this machine also sends names without a triple, put its address here:\n\
         #[native from ADDRESS{condition}]\n#as = {}\n",
        answers.triple,
        measured.defaults.join(" "),
        measured.proof(),
        answers.triple
    );
    text
}
