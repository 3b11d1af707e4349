//! Turns passed deadlines into commands. Deadlines are rows; this job sleeps until the next one and is woken when an
//! earlier one is made. The row version lets one replica win each breach.

use crate::background::Job;
use crate::request::Shared;
use crate::{Error, Requests};
use engine::command::Command;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use time::OffsetDateTime;

/// Requests in one round, so that a day of downtime is caught up without starving decisions.
const BATCH: i64 = 100;

pub(crate) struct Sla {
    pub(crate) store: Store,
    pub(crate) requests: Requests,
    pub(crate) shared: Arc<Shared>,
    pub(crate) check_interval: Duration,
}

impl Sla {
    async fn breach(&self, now: OffsetDateTime) -> Result<usize, Error> {
        let due = self.store.due_requests(now, BATCH).await?;
        for id in &due {
            for command in [Command::Breach, Command::Expire] {
                match self.requests.apply(*id, command, None).await {
                    Ok(_) | Err(Error::Refused(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(due.len())
    }
}

impl Job for Sla {
    const NAME: &'static str = "sla";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        while self.breach(OffsetDateTime::now_utc()).await? > 0 {
            tokio::task::yield_now().await;
        }
        let next = self.store.next_deadline().await?;
        self.shared.signals.waiting_for(next);
        let wait = next.map(|at| at - OffsetDateTime::now_utc());
        Ok(wait.map_or(self.check_interval, |wait| {
            // Negative: it has passed in the meantime.
            Duration::try_from(wait).unwrap_or(Duration::ZERO).min(self.check_interval)
        }))
    }
}
