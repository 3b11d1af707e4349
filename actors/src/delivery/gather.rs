//! When a busy part waits a moment, so that one statement does the work of several.

use std::time::Duration;

/// A lease or a record of at least this many is probably followed by more: waiting for them costs less than a
/// statement for each few.
pub(super) const BUSY: usize = 4;
/// How long a busy part waits.
pub(super) const GATHER: Duration = Duration::from_millis(5);
