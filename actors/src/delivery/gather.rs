//! When something busy waits a moment, so that one statement does the work of several.

use std::time::Duration;

/// A lease, or a record, of this many was not the last: more attempts are about to end, and waiting for them costs less
/// than a statement for each few.
pub(super) const BUSY: usize = 4;
/// How long a busy endpoint, or recorder, waits.
pub(super) const GATHER: Duration = Duration::from_millis(5);
