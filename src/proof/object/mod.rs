//! What an object file shows of the compiler that made it.
//!
//! [`Facts::read`] decodes what is written down in an ELF object: word size, byte order, machine,
//! flags, build attributes, notes. [`Facts::differences`] holds two objects of the same source
//! against each other and says which differences can make a wrong program. [`compare()`] looks at
//! two objects section by section, and [`digest`] reduces one to a hash that is equal for equal
//! code, wherever and by whichever package it was compiled.
//!
//! Sources: the ELF specifications of each processor ("ELF for the Arm Architecture" and its
//! addenda, the RISC-V, MIPS, Power and LoongArch psABI documents), the Linux extensions to gABI
//! for notes, and binutils' `include/elf/*.h` for GNU's own attributes. Each reader names its own.

mod arm;
mod attributes;
mod canonical;
mod compare;
mod flags;
mod gnu;
mod names;
mod position;
mod raw;
mod riscv;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

pub use canonical::{digest, FORM};
pub use compare::{compare, Comparison, FirstDifference};
pub use names::names_difference;
pub use raw::Unreadable;

use raw::Raw;

/// A machine as ELF numbers it (`e_machine`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine(pub u16);

/// Machines that have a name here; others show as `machine NUMBER`.
const MACHINES: &[(u16, &str)] = &[
    (2, "sparc"),
    (3, "i386"),
    (4, "m68k"),
    (8, "mips"),
    (15, "parisc"),
    (18, "sparc32plus"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390"),
    (40, "arm"),
    (42, "sh"),
    (43, "sparcv9"),
    (50, "ia64"),
    (62, "x86-64"),
    (93, "arc"),
    (94, "xtensa"),
    (164, "hexagon"),
    (183, "aarch64"),
    (189, "microblaze"),
    (195, "arcv2"),
    (243, "riscv"),
    (252, "csky"),
    (258, "loongarch"),
    (0x9026, "alpha"),
];

impl Machine {
    pub const SPARC: Machine = Machine(2);
    pub const I386: Machine = Machine(3);
    pub const MIPS: Machine = Machine(8);
    pub const SPARC32PLUS: Machine = Machine(18);
    pub const PPC: Machine = Machine(20);
    pub const PPC64: Machine = Machine(21);
    pub const S390: Machine = Machine(22);
    pub const ARM: Machine = Machine(40);
    pub const SPARCV9: Machine = Machine(43);
    pub const X86_64: Machine = Machine(62);
    pub const AARCH64: Machine = Machine(183);
    pub const RISCV: Machine = Machine(243);
    pub const LOONGARCH: Machine = Machine(258);

    fn from_word(word: &str) -> Option<Machine> {
        MACHINES
            .iter()
            .find(|(_, name)| *name == word)
            .map(|&(number, _)| Machine(number))
            .or_else(|| word.strip_prefix("machine-")?.parse().ok().map(Machine))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match MACHINES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "machine-{}", self.0),
        }
    }
}

/// What it means when a fact differs between an object wanted and an object offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Both must say the same, or the two do not belong into one program.
    Abi,
    /// Both must say the same where both say something; silence is "does not use it".
    AbiIfUsed,
    /// The object offered may not demand more of the processor or system than the one wanted.
    Demand,
    /// Only the code differs: slower, less hardened or made by another version, but right.
    Code,
}

/// One thing that an object says of itself, in words without blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Where it stands: `ELF header`, or a section's name.
    pub place: &'static str,
    /// What it is called by `readelf` or by the specification: `CPU_arch`.
    pub name: Cow<'static, str>,
    pub words: Cow<'static, str>,
    pub meaning: Meaning,
}

impl Fact {
    fn new(
        place: &'static str,
        name: impl Into<Cow<'static, str>>,
        words: impl Into<Cow<'static, str>>,
        meaning: Meaning,
    ) -> Fact {
        let mut words = words.into();
        // Facts travel as words in a rules file: nothing in them may end a word or a line, or
        // mean something there.
        let plain = |c: char| c.is_ascii_alphanumeric() || "+-_.,/?".contains(c);
        if !words.chars().all(plain) {
            let mend = |c| if plain(c) { c } else { '?' };
            words = Cow::Owned(words.chars().map(mend).collect());
        }
        if words.is_empty() {
            words = Cow::Borrowed("empty");
        }
        Fact {
            place,
            name: name.into(),
            words,
            meaning,
        }
    }
}

/// Everything that an object file says of its target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub is_64: bool,
    pub big_endian: bool,
    pub machine: Machine,
    /// In a fixed order: header, then attributes, notes, symbols, relocations.
    pub facts: Vec<Fact>,
}

/// How much a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The program is right all the same.
    Benign,
    /// It can make a program that does not link, does not run, or runs wrong.
    Fatal,
}

/// One difference between an object wanted (the client's own) and one offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// A section, `ELF header`, or `target` for what compilers themselves say.
    pub place: &'static str,
    pub name: String,
    pub wanted: String,
    pub offered: String,
    pub severity: Severity,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} {} against {}",
            self.place, self.name, self.wanted, self.offered
        )
    }
}

/// What a fact that is absent is called.
const NONE: &str = "none";

impl Facts {
    /// Reads an object's facts.
    ///
    /// # Errors
    /// The bytes are no ELF file, or a broken one. Attributes that cannot be read are no error:
    /// they become a fact of their own, which then differs from every readable one.
    pub fn read(bytes: &[u8]) -> Result<Facts, Unreadable> {
        Ok(Facts::of(&Raw::parse(bytes)?))
    }

    fn of(raw: &Raw<'_>) -> Facts {
        let machine = Machine(raw.machine);
        let mut facts = Vec::new();
        flags::read(raw, &mut facts);
        match machine {
            Machine::ARM => arm::read(raw, &mut facts),
            Machine::RISCV => riscv::read(raw, &mut facts),
            _ => {}
        }
        gnu::attributes(raw, &mut facts);
        gnu::mips_abiflags(raw, &mut facts);
        gnu::properties(raw, &mut facts);
        gnu::stack(raw, &mut facts);
        position::read(raw, &mut facts);
        Facts {
            is_64: raw.is_64,
            big_endian: raw.big,
            machine,
            facts: each_once(facts),
        }
    }

    /// The words of a fact, by its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.facts
            .iter()
            .find(|f| f.name == name)
            .map(|f| f.words.as_ref())
    }

    /// The word for the word size.
    pub fn bits(&self) -> &'static str {
        if self.is_64 {
            "64"
        } else {
            "32"
        }
    }

    /// The word for the byte order.
    pub fn order(&self) -> &'static str {
        if self.big_endian {
            "big"
        } else {
            "little"
        }
    }

    /// How `offered` differs from this object, which is the one wanted: the worst first. Both
    /// must come from the same source, or differences of the code itself are taken for the
    /// compiler's.
    pub fn differences(&self, offered: &Facts) -> Vec<Difference> {
        let header = [
            (
                "machine",
                self.machine.to_string(),
                offered.machine.to_string(),
            ),
            (
                "word size",
                self.bits().to_string(),
                offered.bits().to_string(),
            ),
            (
                "byte order",
                self.order().to_string(),
                offered.order().to_string(),
            ),
        ];
        let mut list: Vec<Difference> = header
            .into_iter()
            .filter(|(_, wanted, offered)| wanted != offered)
            .map(|(name, wanted, offered)| Difference {
                place: flags::HEADER,
                name: name.to_string(),
                wanted,
                offered,
                severity: Severity::Fatal,
            })
            .collect();
        if !list.is_empty() {
            // Flags and attributes of another machine mean nothing here.
            return list;
        }
        for fact in &self.facts {
            let other = offered.get(&fact.name).unwrap_or(NONE);
            list.extend(self.judge(fact, &fact.words, other));
        }
        for fact in &offered.facts {
            if self.get(&fact.name).is_none() {
                list.extend(self.judge(fact, NONE, &fact.words));
            }
        }
        list.sort_by_key(|d| std::cmp::Reverse(d.severity));
        list
    }

    /// These facts without those that only concern the code.
    #[must_use]
    pub fn without_code(&self) -> Facts {
        let mut facts = self.clone();
        facts.facts.retain(|f| f.meaning != Meaning::Code);
        facts
    }

    fn judge(&self, fact: &Fact, wanted: &str, offered: &str) -> Option<Difference> {
        if wanted == offered {
            return None;
        }
        let fatal = match fact.meaning {
            Meaning::Abi => true,
            Meaning::AbiIfUsed => wanted != NONE && offered != NONE,
            Meaning::Demand => {
                let allowed = self.demands(&fact.name, wanted);
                !self.demands(&fact.name, offered).is_subset(&allowed)
            }
            Meaning::Code => false,
        };
        Some(Difference {
            place: fact.place,
            name: fact.name.to_string(),
            wanted: wanted.to_string(),
            offered: offered.to_string(),
            severity: if fatal {
                Severity::Fatal
            } else {
                Severity::Benign
            },
        })
    }

    /// What a fact's words demand of the processor or system, as a set: an object may stand in
    /// for another if its set lies within the other's.
    fn demands(&self, name: &str, words: &str) -> BTreeSet<String> {
        if words == NONE {
            return BTreeSet::new();
        }
        let known = match self.machine {
            Machine::ARM => arm::demands(name, words),
            Machine::RISCV => riscv::demands(name, words),
            Machine::MIPS => flags::mips_demands(name, words),
            _ => None,
        };
        known
            .or_else(|| position::demands(name, words))
            // `a+b`: a list of features; a single word demands itself.
            .unwrap_or_else(|| words.split('+').map(str::to_string).collect())
    }

    /// The facts as words for a rules file: `elf:arm/32/little CPU_arch:v6 …`. What only
    /// concerns the code is left out.
    pub fn to_words(&self) -> String {
        use fmt::Write;
        let mut text = format!("elf:{}/{}/{}", self.machine, self.bits(), self.order());
        for fact in self.facts.iter().filter(|f| f.meaning != Meaning::Code) {
            // Writing to a string cannot fail.
            let _ = write!(text, " {}:{}", fact.name, fact.words);
        }
        text
    }

    /// Reads what [`Facts::to_words`] wrote; `None` if there is no `elf:` word or it is
    /// malformed. Words that mean nothing to this program are kept and compared literally.
    pub fn from_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Facts> {
        let mut words = words.into_iter();
        let mut head = words
            .by_ref()
            .find_map(|w| w.strip_prefix("elf:"))?
            .split('/');
        let machine = Machine::from_word(head.next()?)?;
        let is_64 = match head.next()? {
            "32" => false,
            "64" => true,
            _ => return None,
        };
        let big_endian = match head.next()? {
            "little" => false,
            "big" => true,
            _ => return None,
        };
        if head.next().is_some() {
            return None;
        }
        let facts = words
            .map(|word| {
                let (name, words) = word.split_once(':')?;
                let (place, meaning) = known(machine, name);
                Some(Fact::new(
                    place,
                    name.to_string(),
                    words.to_string(),
                    meaning,
                ))
            })
            .collect::<Option<Vec<Fact>>>()?;
        Some(Facts {
            is_64,
            big_endian,
            machine,
            facts: each_once(facts),
        })
    }
}

/// Each name once. An attribute that is given again overrides.
fn each_once(facts: Vec<Fact>) -> Vec<Fact> {
    let mut list: Vec<Fact> = Vec::with_capacity(facts.len());
    for fact in facts {
        match list.iter_mut().find(|f| f.name == fact.name) {
            Some(earlier) => *earlier = fact,
            None => list.push(fact),
        }
    }
    list
}

/// Where a fact of this name stands and what it means when it differs.
fn known(machine: Machine, name: &str) -> (&'static str, Meaning) {
    let found = match machine {
        Machine::ARM => arm::known(name),
        Machine::RISCV => riscv::known(name),
        _ => None,
    };
    found
        .or_else(|| gnu::known(name))
        .or_else(|| position::known(name))
        .or_else(|| flags::known(name))
        .unwrap_or((flags::HEADER, Meaning::Abi))
}

/// One line for the header, then one for each place: `.ARM.attributes: CPU_arch v6, …`.
impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}, {} bit, {} endian",
            self.machine,
            self.bits(),
            self.order()
        )?;
        let mut place = "";
        for fact in &self.facts {
            if fact.place == place {
                f.write_str(",")?;
            } else {
                place = fact.place;
                write!(f, "\n{place}:")?;
            }
            write!(f, " {} {}", fact.name, fact.words)?;
        }
        Ok(())
    }
}
