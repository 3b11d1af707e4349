//! The words that stand for enum variants in tables, on the wire and in logs. Each enum lists its words once;
//! schemas, documentation and queries read them from there.

/// Gives an enum its words: `ALL`, `WORDS`, `as_str` and `parse`.
macro_rules! names {
    ($ty:ident { $($variant:ident = $name:literal),* $(,)? }) => {
        impl $ty {
            /// All variants.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// All words, in the same order.
            pub const WORDS: &[&str] = &[$($name),*];

            /// The word used in tables, on the wire and in logs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The variant of that word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}
pub(crate) use names;
