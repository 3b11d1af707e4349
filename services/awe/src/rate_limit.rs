//! Bounds how often one user may make calls that are costly or sensitive.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::future::Cache;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Users whose buckets are kept; the least recently used leave first.
const MOST_USERS: u64 = 10_000;

/// One token bucket for each user, in this process alone.
pub struct PerUser {
    quota: Quota,
    users: Cache<String, Arc<DefaultDirectRateLimiter>>,
}

impl PerUser {
    /// Admits `burst` calls at once and one more every `refill`. A `refill` of zero counts as one second.
    #[must_use]
    pub fn new(burst: NonZeroU32, refill: Duration) -> Self {
        let quota =
            Quota::with_period(refill).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
        // A bucket that was not used for this long is full again, so forgetting it changes nothing.
        let full_again = refill.saturating_mul(burst.get()).max(Duration::from_secs(1));
        let users = Cache::builder().max_capacity(MOST_USERS).time_to_idle(full_again).build();
        Self { quota, users }
    }

    /// Whether this user may call now. An admitted call counts.
    pub async fn admits(&self, user: &str) -> bool {
        let full = async { Arc::new(RateLimiter::direct(self.quota)) };
        self.users.get_with_by_ref(user, full).await.check().is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_user_has_so_many_calls_and_gets_them_back() {
        let limit = PerUser::new(NonZeroU32::new(3).unwrap(), Duration::from_millis(500));
        for _ in 0..3 {
            assert!(limit.admits("amina").await);
        }
        assert!(!limit.admits("amina").await);
        assert!(limit.admits("badru").await, "another user has another bucket");
        let back = async {
            while !limit.admits("amina").await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), back).await.unwrap();
    }
}
