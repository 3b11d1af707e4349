//! Rate limit: how many attempts per second an endpoint is sent.

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

type Bucket<C> = RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// A token bucket that holds the tokens of one second. Tokens that were drawn and not used are used first next time.
#[derive(Debug)]
pub(super) struct Pace<C: Clock = DefaultClock> {
    bucket: Option<Bucket<C>>,
    clock: C,
    drawn: usize,
}

impl Pace {
    /// `per_second` attempts; 0 = unlimited.
    pub(super) fn new(per_second: u32) -> Self {
        Self::with_clock(per_second, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Pace<C> {
    fn with_clock(per_second: u32, clock: C) -> Self {
        let bucket = NonZeroU32::new(per_second)
            .map(|rate| RateLimiter::direct_with_clock(Quota::per_second(rate), clock.clone()));
        Self { bucket, clock, drawn: 0 }
    }

    /// How many of `wanted` attempts may start now (at least one), or how long to wait for the next token.
    pub(super) fn draw(&mut self, wanted: usize) -> Result<usize, Duration> {
        let Some(bucket) = &self.bucket else { return Ok(wanted) };
        while self.drawn < wanted {
            match bucket.check() {
                Ok(()) => self.drawn += 1,
                Err(_) if self.drawn > 0 => break,
                Err(not_yet) => return Err(not_yet.wait_time_from(self.clock.now())),
            }
        }
        Ok(self.drawn.min(wanted))
    }

    /// Notes that so many attempts have started.
    pub(super) fn used(&mut self, attempts: usize) {
        self.drawn = self.drawn.saturating_sub(attempts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use governor::clock::FakeRelativeClock;

    #[test]
    fn a_second_s_worth_may_go_at_once_and_then_one_at_a_time() {
        let clock = FakeRelativeClock::default();
        let mut pace = Pace::with_clock(10, clock.clone());
        assert_eq!(pace.draw(64), Ok(10));
        pace.used(10);
        assert_eq!(pace.draw(64), Err(Duration::from_millis(100)));
        clock.advance(Duration::from_millis(100));
        assert_eq!(pace.draw(64), Ok(1));
    }

    #[test]
    fn what_was_drawn_and_not_used_is_not_lost() {
        let mut pace = Pace::with_clock(10, FakeRelativeClock::default());
        assert_eq!(pace.draw(10), Ok(10));
        pace.used(3);
        assert_eq!(pace.draw(64), Ok(7));
    }

    #[test]
    fn without_a_limit_everything_may_go() {
        assert_eq!(Pace::new(0).draw(1000), Ok(1000));
    }
}
