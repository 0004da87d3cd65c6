//! A target's text form, `arch=arm model=ilp32 float=hard? …`: one line, one word per property that
//! is known; a question mark where it is only a hint. Facts are recorded in it.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::*;

/// Why a text is not a target.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TextError {
    #[error("`{0}` is not `property=value`")]
    Form(String),
    #[error("unknown property `{0}`")]
    Property(String),
    #[error("`{1}` is not a known {0}")]
    Value(&'static str, String),
    #[error("`{0}` is given twice")]
    Twice(&'static str),
}

/// Marks an FPU that comes with the ISA.
const OF_ISA: &str = "isa:";

/// A property's word, without allocating where the value is one of a fixed few.
pub(super) type Word<'a> = Known<Cow<'a, str>>;

fn fixed<T: Copy>(value: Known<T>, word: fn(T) -> &'static str) -> Word<'static> {
    value.map(|v| Cow::Borrowed(word(v)))
}

impl Target {
    /// A property as text.
    pub(super) fn word(&self, property: Property) -> Word<'_> {
        match property {
            Property::Arch => fixed(self.arch, Arch::word),
            Property::Model => fixed(self.model, Model::word),
            Property::Order => fixed(self.order, Order::word),
            Property::Format => fixed(self.format, Format::word),
            Property::System => fixed(self.system, System::word),
            Property::Float => fixed(self.float, Float::word),
            Property::ElfAbi => fixed(self.elf_abi, ElfAbi::word),
            Property::LongDouble => fixed(self.long_double, LongDouble::word),
            Property::Enums => fixed(self.enums, Enums::word),
            Property::Nan => fixed(self.nan, Nan::word),
            Property::Isa => self.isa.map(Isa::word),
            Property::Fpu => self.fpu.map(Fpu::word),
            Property::Mode => fixed(self.mode, Mode::word),
            Property::Pie => fixed(self.pie, Pie::word),
            Property::Ssp => fixed(self.ssp, Ssp::word),
            Property::Cf => fixed(self.cf, Cf::word),
            Property::StackClash => fixed(self.stack_clash, Switch::word),
            Property::Atomics => fixed(self.atomics, Switch::word),
            Property::Erratum => fixed(self.erratum, Switch::word),
            Property::IsaSpec => fixed(self.isa_spec, IsaSpec::word),
            Property::Tune => match &self.tune {
                Known::Known(t) => Known::Known(Cow::Borrowed(t)),
                Known::Hint(t) => Known::Hint(Cow::Borrowed(t)),
                Known::Unknown => Known::Unknown,
            },
            Property::Libc => fixed(self.libc, Libc::word),
        }
    }

    /// Sets a property from text; `None` if the word means nothing. The architecture comes first:
    /// an ISA's name belongs to one.
    fn set_word(&mut self, property: Property, word: Known<&str>) -> Option<()> {
        match property {
            Property::Arch => self.arch = of(word, Arch::of_word)?,
            Property::Model => self.model = of(word, Model::of_word)?,
            Property::Order => self.order = of(word, Order::of_word)?,
            Property::Format => self.format = of(word, Format::of_word)?,
            Property::System => self.system = of(word, System::of_word)?,
            Property::Float => self.float = of(word, Float::of_word)?,
            Property::ElfAbi => self.elf_abi = of(word, ElfAbi::of_word)?,
            Property::LongDouble => self.long_double = of(word, LongDouble::of_word)?,
            Property::Enums => self.enums = of(word, Enums::of_word)?,
            Property::Nan => self.nan = of(word, Nan::of_word)?,
            Property::Isa => {
                let family = Family::of(self.architecture()?)?;
                self.isa = of(word, |w| Isa::of_word(family, w))?;
            }
            Property::Fpu => {
                let bare = |w: &str| w.strip_prefix(OF_ISA).unwrap_or(w).to_string();
                self.fpu_of_isa = word.value().is_some_and(|w| w.starts_with(OF_ISA));
                self.fpu = of(word, |w| Fpu::of_word(&bare(w)))?;
            }
            Property::Mode => self.mode = of(word, Mode::of_word)?,
            Property::Pie => self.pie = of(word, Pie::of_word)?,
            Property::Ssp => self.ssp = of(word, Ssp::of_word)?,
            Property::Cf => self.cf = of(word, Cf::of_word)?,
            Property::StackClash => self.stack_clash = of(word, Switch::of_word)?,
            Property::Atomics => self.atomics = of(word, Switch::of_word)?,
            Property::Erratum => self.erratum = of(word, Switch::of_word)?,
            Property::IsaSpec => self.isa_spec = of(word, IsaSpec::of_word)?,
            Property::Tune => self.tune = of(word, |w| Some(Box::from(w)))?,
            Property::Libc => self.libc = of(word, Libc::of_word)?,
        }
        Some(())
    }
}

fn of<T>(word: Known<&str>, read: impl Fn(&str) -> Option<T>) -> Option<Known<T>> {
    Some(match word {
        Known::Known(w) => Known::Known(read(w)?),
        Known::Hint(w) => Known::Hint(read(w)?),
        Known::Unknown => Known::Unknown,
    })
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for &property in Property::ALL {
            let word = self.word(property);
            if let Some(value) = word.value() {
                let of_isa = property == Property::Fpu && self.fpu_of_isa;
                let mark = if of_isa { OF_ISA } else { "" };
                let doubt = if word.is_known() { "" } else { "?" };
                write!(f, "{space}{property}={mark}{value}{doubt}")?;
                space = " ";
            }
        }
        Ok(())
    }
}

impl FromStr for Target {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Target, TextError> {
        let mut target = Target::default();
        for item in text.split_ascii_whitespace() {
            let form = || TextError::Form(item.to_string());
            let (key, value) = item.split_once('=').ok_or_else(form)?;
            let property =
                Property::of_word(key).ok_or_else(|| TextError::Property(key.to_string()))?;
            if target.word(property).value().is_some() {
                return Err(TextError::Twice(property.word()));
            }
            let word = match value.strip_suffix('?') {
                Some(hint) => Known::Hint(hint),
                None => Known::Known(value),
            };
            if word.value().is_none_or(|w| w.is_empty()) {
                return Err(form());
            }
            target
                .set_word(property, word)
                .ok_or_else(|| TextError::Value(property.title(), value.to_string()))?;
        }
        Ok(target)
    }
}
