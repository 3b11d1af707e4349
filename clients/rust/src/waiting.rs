//! How a caller learns that a request may have changed. The state itself is always read from AWE.

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::future::Future;
use std::time::Duration;

/// Watches one request until it is dropped.
pub trait Watch: Send {
    /// Ends when the request may have changed, at the latest after `at_most`.
    fn changed(&mut self, at_most: Duration) -> impl Future<Output = ()> + Send;
}

/// Makes the watch of a request.
pub trait Watcher: Sync {
    /// What watches.
    type Watch: Watch;

    /// Begins to watch a request.
    fn watch(&self, request_id: &str) -> Self::Watch;
}

/// Asks again after a while that grows by half each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Polling {
    /// The first while.
    pub first: Duration,
    /// It never grows beyond.
    pub most: Duration,
}

impl Default for Polling {
    /// Half a second at first, at most 15 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), most: Duration::from_secs(15) }
    }
}

impl Watcher for Polling {
    type Watch = Pauses;

    fn watch(&self, _request_id: &str) -> Pauses {
        let growing = ExponentialBuilder::new().with_factor(1.5).without_max_times();
        Pauses(growing.with_min_delay(self.first.min(self.most)).with_max_delay(self.most).build())
    }
}

/// The watch of [`Polling`].
#[derive(Debug)]
pub struct Pauses(ExponentialBackoff);

impl Watch for Pauses {
    async fn changed(&mut self, at_most: Duration) {
        tokio::time::sleep(self.0.next().unwrap_or(at_most).min(at_most)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_by_half_up_to_a_bound() {
        let watch = Polling { first: Duration::from_secs(2), most: Duration::from_secs(5) }.watch("id");
        let found: Vec<f64> = watch.0.take(5).map(|pause| pause.as_secs_f64()).collect();
        assert_eq!(found, [2.0, 3.0, 4.5, 5.0, 5.0]);
    }
}
