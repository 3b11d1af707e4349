//! Deletes what has reached its configured age: idempotency keys, attempts of webhooks, finished requests.

use crate::background::Job;
use crate::{Error, clock};
use std::time::Duration;
use store::Store;
use telemetry::measure;

/// Keys or attempts in one statement.
const ROWS: i64 = 1000;
/// Requests in one transaction; each has some twenty rows.
const REQUESTS: i64 = 100;
/// Pause between two batches, so that decisions come first.
const BETWEEN: Duration = Duration::from_millis(50);

/// What is deleted at which age, by processes with the role `sla`.
#[derive(Debug, Clone, Copy)]
pub struct RetentionOptions {
    /// How often it is looked for.
    pub check_every: Duration,
    /// How long an idempotency key is kept.
    pub idempotency_keys: Duration,
    /// How long attempts of webhooks are kept; `None` = for ever.
    pub attempts: Option<Duration>,
    /// How long a finished request is kept with its history; `None` = for ever.
    pub requests: Option<Duration>,
}

pub(crate) struct Retention {
    pub(crate) store: Store,
    pub(crate) options: RetentionOptions,
}

impl Retention {
    /// Deletes one batch of each kind. Returns whether there may be more.
    async fn sweep(&self) -> Result<bool, Error> {
        let now = clock::now();
        let options = &self.options;
        let keys = self.store.sweep_idempotency_keys(now - options.idempotency_keys, ROWS).await?;
        let attempts = match options.attempts {
            Some(kept) => self.store.sweep_attempts(now - kept, ROWS).await?,
            None => 0,
        };
        let requests = match options.requests {
            Some(kept) => self.store.sweep_requests(now - kept, REQUESTS).await?,
            None => 0,
        };
        for (what, rows) in [("idempotency_key", keys), ("delivery_attempt", attempts), ("request", requests)]
        {
            measure::removed(what, rows);
        }
        if keys + attempts + requests > 0 {
            tracing::debug!(keys, attempts, requests, "swept");
        }
        let full = |swept: u64, most: i64| i64::try_from(swept).unwrap_or(i64::MAX) >= most;
        Ok(full(keys, ROWS) || full(attempts, ROWS) || full(requests, REQUESTS))
    }
}

impl Job for Retention {
    const NAME: &'static str = "retention";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        Ok(if self.sweep().await? { BETWEEN } else { self.options.check_every })
    }
}
