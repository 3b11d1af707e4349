//! How an evaluation can fail.

use super::bounds::{MAX_MEMORY, MAX_STEPS, MAX_VALUE_DEPTH};

/// Why an expression gave no answer on a context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It could not be read; only what was stored by an earlier version or past AWE.
    #[error("is not well formed: {0}")]
    Malformed(String),
    /// A bound.
    #[error("takes more than {MAX_STEPS} steps, or more than its stages may take together")]
    Steps,
    /// A bound.
    #[error("builds more than {MAX_MEMORY} bytes")]
    Memory,
    /// A bound.
    #[error("puts more than {MAX_VALUE_DEPTH} lists into one another")]
    Depth,
    /// A condition rests on paths that the context does not have.
    #[error(
        "reads {0}, which is absent or null: give `var` a default or ask with `missing` if the condition may rest \
         on that"
    )]
    Absent(String),
    /// It computes with something else.
    #[error("computes with {0}, which is not a number")]
    NotANumber(&'static str),
    /// Neither two numbers nor two texts.
    #[error("compares {0} with {1}")]
    NotComparable(&'static str, &'static str),
    /// An object or null where text is needed.
    #[error("needs a text and is given null or an object")]
    NoText,
    /// A division by zero, or a number too large.
    #[error("operator `{0}` has no finite result")]
    NoResult(&'static str),
    /// An operator without what it works on.
    #[error("operator `{0}` has too few arguments")]
    TooFewArguments(&'static str),
    /// `var` without a path inside `reduce`.
    #[error("`var` inside `reduce` needs a path: `current` or `accumulator`")]
    WholeFold,
    /// A list of user ids holds something else, or what is given is no list.
    #[error("gave something that is neither a user id nor a list of user ids")]
    NoUser,
}
