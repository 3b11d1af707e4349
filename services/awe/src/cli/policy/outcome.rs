//! What came of the files that a command was given, as its exit code.

use crate::cli::output;
use std::process::ExitCode;

/// What came of one file. The order is that of badness: of several files, the worst outcome is the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Good,
    /// There are warnings and no faults, and warnings were to count (`--strict`).
    Doubtful,
    Bad,
    /// The file could not be read at all.
    Unusable,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Good => 0,
            Outcome::Bad => 1,
            Outcome::Unusable => 2,
            Outcome::Doubtful => 3,
        })
    }
}

/// Looks at every file and tells of each; the worst outcome is the exit code.
pub(super) fn each<T>(
    all: impl IntoIterator<Item = T>,
    mut look: impl FnMut(T) -> anyhow::Result<Outcome>,
) -> ExitCode {
    let looked = all.into_iter().map(|one| look(one).unwrap_or_else(|error| unusable(&error)));
    // Every file is looked at, whatever came before.
    looked.fold(Outcome::Good, Outcome::max).into()
}

pub(super) fn unusable(error: &anyhow::Error) -> Outcome {
    output::complain(&format!("awe: {error:#}"));
    Outcome::Unusable
}
