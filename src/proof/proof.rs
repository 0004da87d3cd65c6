//! The value of a section's `proof`:
//! `c:HASH c++:HASH probe:ID gcc:VERSION PROPERTY=VALUE… elf:MACHINE/BITS/ORDER NAME:WORDS…`.
//!
//! Digests alone can say "equal" or "not equal". The target and the facts of the C object travel
//! with them, so that a machine that has only the rules file can say what differs, in words.

use std::fmt;

use super::objects::{Language, ProbeObject};
use crate::abi::Target;
use crate::compiler::ask::Family;
use crate::proof::object::Facts;

/// A proof, as measured or as read from a rules file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// Digest of the C probe.
    pub c: Option<String>,
    /// Digest of the C++ probe.
    pub cxx: Option<String>,
    /// Which probe and canonical form they are of.
    pub probe: Option<String>,
    /// The compiler that made them.
    pub compiler: Option<(Family, String)>,
    /// What its macros say that it compiles for.
    pub target: Option<Target>,
    /// What the C object says of it.
    pub facts: Option<Facts>,
}

impl Proof {
    /// The proof of these objects.
    pub fn of(objects: &[ProbeObject], target: Target, compiler: (Family, String)) -> Proof {
        let find = |language| objects.iter().find(|o| o.language == language);
        let c = find(Language::C);
        Proof {
            c: c.map(|o| o.digest.clone()),
            cxx: find(Language::Cxx).map(|o| o.digest.clone()),
            probe: Some(super::probe_id()),
            compiler: Some(compiler),
            target: Some(target),
            facts: c.map(|o| o.facts.clone()),
        }
    }

    /// Reads a `proof`. A single word without a colon is the digest of the C probe; words that
    /// mean nothing here are left out.
    pub fn parse(text: &str) -> Proof {
        let mut proof = Proof::default();
        let mut words = text.split_ascii_whitespace();
        let mut properties = Vec::new();
        for word in words.by_ref() {
            let equals = word.find('=').unwrap_or(usize::MAX);
            if equals < word.find(':').unwrap_or(usize::MAX) {
                properties.push(word);
                continue;
            }
            match word.split_once(':') {
                None => proof.c = Some(word.to_string()),
                Some(("c", hash)) => proof.c = Some(hash.to_string()),
                Some(("c++", hash)) => proof.cxx = Some(hash.to_string()),
                Some(("probe", id)) => proof.probe = Some(id.to_string()),
                Some(("elf", _)) => {
                    // The facts are the rest of the line.
                    proof.facts = Facts::from_words([word].into_iter().chain(words));
                    break;
                }
                Some((family, version)) => {
                    if let Some(family) = Family::parse(family) {
                        proof.compiler = Some((family, version.to_string()));
                    }
                }
            }
        }
        // One that a newer program wrote may have properties that are unknown here.
        if !properties.is_empty() {
            proof.target = properties.join(" ").parse().ok();
        }
        proof
    }

    /// The digest for a language.
    pub fn digest(&self, language: Language) -> Option<&str> {
        match language {
            Language::C => self.c.as_deref(),
            Language::Cxx => self.cxx.as_deref(),
        }
    }

    /// Whether its digests are of this program's probe. One that does not say is taken for it.
    pub fn is_current(&self) -> bool {
        self.probe
            .as_ref()
            .is_none_or(|id| *id == super::probe_id())
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Vec::new();
        words.extend(self.c.as_ref().map(|h| format!("c:{h}")));
        words.extend(self.cxx.as_ref().map(|h| format!("c++:{h}")));
        words.extend(self.probe.as_ref().map(|id| format!("probe:{id}")));
        words.extend(self.compiler.as_ref().map(|(f, v)| format!("{f}:{v}")));
        words.extend(self.target.as_ref().map(Target::to_string));
        words.extend(self.facts.as_ref().map(Facts::to_words));
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_read_back_as_written() {
        let text = "c:00ff c++:11ee probe:12345678 gcc:12.2.0 arch=arm isa=armv6 \
                    fpu=isa:vfpv2 elf:arm/32/little EABI:5 CPU_arch:v6 FP_arch:VFPv2 ABI_VFP_args:VFP-registers stack:none";
        let proof = Proof::parse(text);
        assert_eq!(proof.digest(Language::Cxx), Some("11ee"));
        assert_eq!(proof.compiler, Some((Family::Gcc, "12.2.0".to_string())));
        assert_eq!(proof.facts.as_ref().unwrap().get("CPU_arch"), Some("v6"));
        assert_eq!(proof.to_string(), text);
        assert_eq!(Proof::parse("00ff").c.as_deref(), Some("00ff"));
        assert_eq!(Proof::parse(""), Proof::default());
        assert_eq!(Proof::parse("elf:x elf:arm/32/middle"), Proof::default());
    }
}
