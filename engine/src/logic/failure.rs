//! How an evaluation can fail.

use super::bounds::{MAX_MEMORY, MAX_STEPS, MAX_VALUE_DEPTH};

/// Why an expression gave no result on a context.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The expression cannot be compiled. Only one that was stored by an earlier version, or past AWE, can fail so.
    #[error("is not well formed: {0}")]
    Malformed(String),
    /// The bound on steps is exceeded, or the budget of the command is used up.
    #[error("takes more than {MAX_STEPS} steps, or more than its stages may take together")]
    Steps,
    #[error("builds more than {MAX_MEMORY} bytes")]
    Memory,
    #[error("puts more than {MAX_VALUE_DEPTH} lists into one another")]
    Depth,
    /// A condition reads paths that the context does not have. They are listed in words.
    #[error(
        "reads {0}, which is absent or null: give `var` a default or ask with `missing` if the condition may rest \
         on that"
    )]
    Absent(String),
    /// Arithmetic on a value of another kind.
    #[error("computes with {0}, which is not a number")]
    NotANumber(&'static str),
    /// A comparison of neither two numbers nor two texts.
    #[error("compares {0} with {1}")]
    NotComparable(&'static str, &'static str),
    /// An object or null where text is needed.
    #[error("needs a text and is given null or an object")]
    NoText,
    /// A division by zero, or a result that is too large.
    #[error("operator `{0}` has no finite result")]
    NoResult(&'static str),
    #[error("operator `{0}` has too few arguments")]
    TooFewArguments(&'static str),
    /// `var` without a path inside `reduce`.
    #[error("`var` inside `reduce` needs a path: `current` or `accumulator`")]
    WholeFold,
    /// The result is neither a user id nor a list of user ids.
    #[error("gave something that is neither a user id nor a list of user ids")]
    NoUser,
}
