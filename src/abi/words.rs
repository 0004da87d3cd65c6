//! Properties whose values are a few fixed words.

/// Declares an enum, each of whose values has one word; the word is its text form everywhere.
macro_rules! words {
    (
        $(#[$meta:meta])*
        $name:ident { $( $(#[$doc:meta])* $value:ident = $word:literal ),+ $(,)? }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $( $(#[$doc])* $value ),+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &'static [$name] = &[ $( $name::$value ),+ ];

            /// The value's word.
            pub fn word(self) -> &'static str {
                match self { $( $name::$value => $word ),+ }
            }

            /// The value of a word.
            pub fn of_word(word: &str) -> Option<$name> {
                match word { $( $word => Some($name::$value), )+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;
