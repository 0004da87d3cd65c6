//! How sure a property is.

/// A property's value, by how sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Known<T> {
    /// Settled: by a flag, by a predefined macro, or by a name that can mean nothing else.
    Known(T),
    /// Likely: what a name suggests. It refuses what contradicts it and proves nothing.
    Hint(T),
    /// Nothing says.
    #[default]
    Unknown,
}

impl<T> Known<T> {
    /// The value, sure or not.
    pub fn value(&self) -> Option<&T> {
        match self {
            Known::Known(v) | Known::Hint(v) => Some(v),
            Known::Unknown => None,
        }
    }

    /// Whether the value is settled.
    pub fn is_known(&self) -> bool {
        matches!(self, Known::Known(_))
    }

    /// The same with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Known::Known(v) => Known::Known(f(v)),
            Known::Hint(v) => Known::Hint(f(v)),
            Known::Unknown => Known::Unknown,
        }
    }

    /// A hint for `Some`, nothing for `None`.
    pub fn hint(value: Option<T>) -> Known<T> {
        value.map_or(Known::Unknown, Known::Hint)
    }

    /// Takes over `other` where it is surer than this.
    pub fn strengthen(&mut self, other: Known<T>) {
        let rank = |k: &Known<T>| match k {
            Known::Unknown => 0,
            Known::Hint(_) => 1,
            Known::Known(_) => 2,
        };
        if rank(&other) > rank(self) {
            *self = other;
        }
    }
}
