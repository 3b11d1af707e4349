//! What is wrong with a document, and where.

use std::fmt;
use std::path::Path;

/// Flaws of one document that are reported at most.
pub(super) const MOST_FLAWS: usize = 100;

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) at: Position,
    pub(crate) message: String,
}

/// A line and a column of a file, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(super) line: u64,
    pub(super) column: u64,
}

impl Position {
    /// Where a file begins: for flaws of the file as a whole.
    pub(super) const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Every flaw of a file, one line each: `FILE:LINE:COLUMN: MESSAGE`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Flawed(String);

impl Flawed {
    pub(super) fn new(file: &Path, flaws: &[Flaw]) -> Self {
        let line = |flaw: &Flaw| format!("{}:{}: {}", file.display(), flaw.at, flaw.message);
        Self(flaws.iter().map(line).collect::<Vec<_>>().join("\n"))
    }
}

/// The message without control characters: a file could otherwise send commands to the terminal that shows it.
pub(crate) fn printable(message: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    message.chars().map(shown).collect()
}
