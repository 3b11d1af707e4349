//! Levels that are looked at from time to time: of this process, and, in the one process that publishes events, of the
//! whole installation.

use crate::background::Job;
use crate::delivery::Circuits;
use crate::request::Shared;
use crate::{Error, clock};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::Store;
use telemetry::measure::{self, Backlog};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(10);
/// Most circuits that are counted.
const MOST_CIRCUITS: usize = 10_000;

pub(crate) struct Numbers {
    pub(crate) store: Store,
    pub(crate) shared: Arc<Shared>,
    pub(crate) circuits: Circuits,
}

impl Numbers {
    async fn backlog(&self) -> Result<Backlog, Error> {
        let now = self.store.waiting_now().await?;
        let kept = self.store.kept_by_status().await?;
        for (status, n) in [
            ("approved", kept.approved),
            ("rejected", kept.rejected),
            ("cancelled", kept.cancelled),
            ("expired", kept.expired),
        ] {
            measure::requests(status, n);
        }
        let age =
            now.oldest_unpublished.map_or(0.0, |oldest| (clock::now() - oldest).as_seconds_f64().max(0.0));
        Ok(Backlog {
            unpublished: now.unpublished,
            oldest_seconds: age,
            open_tasks: now.tasks,
            overdue_tasks: now.overdue,
            deliveries: now.deliveries,
            exhausted: now.exhausted,
            mails: kept.mails,
            pending: now.pending,
            in_review: (kept.open - now.pending).max(0),
        })
    }
}

impl Job for Numbers {
    const NAME: &'static str = "numbers";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        for (pool, busy, idle) in self.store.connections() {
            measure::connections(pool, busy, idle);
        }
        measure::actors(self.shared.registry.len());
        let circuits = self.circuits.not_closed(MOST_CIRCUITS);
        let open = circuits.iter().filter(|circuit| circuit.state == "open").count();
        measure::breakers(open, circuits.len() - open);
        let leads = self.shared.signals.leads.load(Ordering::Relaxed);
        measure::leads(leads);
        if leads {
            measure::backlog(self.backlog().await?);
        } else {
            measure::backlog(Backlog::default());
            for status in ["approved", "rejected", "cancelled", "expired"] {
                measure::requests(status, 0);
            }
        }
        Ok(EVERY)
    }
}
