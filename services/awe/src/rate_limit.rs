//! How often one user may call what is costly or delicate.

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use moka::future::Cache;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

/// Users whose calls are remembered at once; the least active leave first.
const MOST_USERS: u64 = 10_000;

/// A token bucket a user, in this process.
pub struct PerUser {
    quota: Quota,
    users: Cache<String, Arc<DefaultDirectRateLimiter>>,
}

impl PerUser {
    /// `burst` calls at once, and one more every `refill`, which must not be zero: a zero counts as a second.
    #[must_use]
    pub fn new(burst: NonZeroU32, refill: Duration) -> Self {
        let quota =
            Quota::with_period(refill).unwrap_or(Quota::per_second(NonZeroU32::MIN)).allow_burst(burst);
        // A bucket that nobody has touched for so long is full again: forgetting it changes nothing.
        let full_again = refill.saturating_mul(burst.get()).max(Duration::from_secs(1));
        let users = Cache::builder().max_capacity(MOST_USERS).time_to_idle(full_again).build();
        Self { quota, users }
    }

    /// Whether this user may call now; if so, that is one call.
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
