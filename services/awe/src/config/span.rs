//! Spans of time as the configuration writes them: whole numbers of the unit that the key ends with.

use std::time::Duration;

/// The value of a key that ends with `_seconds`.
#[must_use]
pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The value of a key that ends with `_hours`.
pub(super) const fn hours(hours: u64) -> Duration {
    seconds(hours * 3600)
}

/// The value of a key that ends with `_days`; 0 means that there is no limit.
pub(super) fn days(days: u32) -> Option<Duration> {
    (days > 0).then(|| hours(u64::from(days) * 24))
}
