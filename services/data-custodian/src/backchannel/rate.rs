//! How fast one client may ask for grants.

use crate::config::Backchannel;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::sync::Cache;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Clients whose pace is remembered; the least used are forgotten first.
const MOST: u64 = 10_000;
/// A client that is silent for so long has all its tokens back.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A bucket of tokens for each client.
#[derive(Debug, Clone)]
pub struct Rates {
    quota: Quota,
    buckets: Cache<String, Arc<DefaultDirectRateLimiter>>,
}

impl Rates {
    /// As configured.
    #[must_use]
    pub fn new(settings: &Backchannel) -> Self {
        let some = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(some(settings.rate_per_second)).allow_burst(some(settings.burst));
        Self { quota, buckets: Cache::builder().max_capacity(MOST).time_to_idle(FORGOTTEN).build() }
    }

    /// Takes a token of this client's.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub fn take(&self, client_id: &str) -> Result<(), Duration> {
        // A name that is too long is nobody's, and is not kept.
        let name: String = client_id.chars().take(256).collect();
        let bucket = self.buckets.get_with(name, || Arc::new(RateLimiter::direct(self.quota)));
        bucket.check().map_err(|early| early.wait_time_from(DefaultClock::default().now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_let_through_and_what_follows_waits_without_holding_up_others() {
        let settings = Backchannel {
            client_id: "as".to_owned(),
            client_secret: "secret".into(),
            rate_per_second: 1,
            burst: 3,
        };
        let rates = Rates::new(&settings);
        for _ in 0..3 {
            assert_eq!(rates.take("a"), Ok(()));
        }
        assert!(rates.take("a").is_err_and(|wait| wait > Duration::ZERO && wait <= Duration::from_secs(1)));
        assert_eq!(rates.take("b"), Ok(()));
    }
}
