//! Exponential backoff.

use std::time::Duration;

/// A pause that doubles with each failed attempt, up to a bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first attempt.
    pub first: Duration,
    /// The longest pause.
    pub most: Duration,
}

impl Backoff {
    /// A backoff that begins with `first` and never pauses longer than `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The pause after failed attempt number `attempt`, counted from 1; attempt 0 counts as the first.
    #[must_use]
    pub fn after(self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1);
        self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.most)
    }

    /// The pause of [`Backoff::after`], shortened to `share` of it (0 to 1). A random share keeps callers that failed
    /// together from retrying together; it is an argument so that this stays a pure function.
    #[must_use]
    pub fn jittered(self, attempt: u32, share: f64) -> Duration {
        let pause = self.after(attempt);
        // Only a share that is not a number, or a pause near the largest duration, cannot be multiplied.
        let shortened = Duration::try_from_secs_f64(pause.as_secs_f64() * share.clamp(0.0, 1.0));
        shortened.map_or(pause, |shortened| shortened.min(pause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));

    #[test]
    fn the_pause_doubles_from_the_first_to_the_longest() {
        let pauses: Vec<u64> = (1..=6).map(|attempt| BACKOFF.after(attempt).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
    }

    #[test]
    fn every_number_of_attempts_has_a_pause() {
        assert_eq!(BACKOFF.after(0), BACKOFF.first);
        assert_eq!(BACKOFF.after(u32::MAX), BACKOFF.most);
        let unbounded = Backoff::new(Duration::from_secs(1), Duration::MAX);
        assert!(unbounded.after(u32::MAX) > unbounded.after(20));
        assert_eq!(Backoff::new(Duration::from_secs(9), Duration::from_secs(3)).after(1).as_secs(), 3);
    }

    #[test]
    fn jitter_shortens_a_pause_and_never_lengthens_it() {
        let shares = [(0.0, 0), (0.5, 10), (1.0, 20), (7.0, 20), (-1.0, 0), (f64::NAN, 20)];
        for (share, expected) in shares {
            assert_eq!(BACKOFF.jittered(3, share).as_secs(), expected, "{share}");
        }
        let unbounded = Backoff::new(Duration::MAX, Duration::MAX);
        assert_eq!(unbounded.jittered(1, 1.0), Duration::MAX);
    }
}
