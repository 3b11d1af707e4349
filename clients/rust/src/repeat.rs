//! Whether a call may be sent again.

/// Whether a call that failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retry {
    /// Nothing was done: the same call may be sent again.
    Yes,
    /// It is not known what was done: a create may be sent again with its key; a decision, claim or cancellation is done
    /// once at most.
    WithKey,
    /// It will fail again.
    No,
}
