//! Counts requests by day from the events, some seconds behind them. Only positions count below which no event can
//! appear any more.
//!
//! Authority: the row that says up to which position events are counted, locked by whoever counts.

use crate::Error;
use crate::background::Job;
use std::time::Duration;
use store::Store;

/// How often it is looked for new events.
const LOOK: Duration = Duration::from_secs(10);

pub(crate) struct Tally {
    store: Store,
    /// A position that was seen, and the id of the next transaction after it was: every transaction that could have
    /// drawn a lower position has an id below.
    seen: Option<(i64, i64)>,
}

impl Tally {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, seen: None }
    }

    async fn count_up_to(&self, position: i64) -> Result<(), Error> {
        while let Some(counted) = self.store.tally(position).await? {
            if counted >= position {
                break;
            }
            crate::loops::beat();
        }
        Ok(())
    }
}

impl Job for Tally {
    const NAME: &'static str = "tally";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        // The position first: whoever drew a lower one has begun before the transactions are looked at.
        let newest = self.store.newest_position().await?;
        if self.seen.is_some_and(|(position, _)| position == newest) && self.store.tallied().await? >= newest
        {
            return Ok(LOOK);
        }
        let (oldest, next) = self.store.transactions().await?;
        if let Some((position, before)) = self.seen {
            if before > oldest {
                return Ok(LOOK);
            }
            self.count_up_to(position).await?;
        }
        self.seen = Some((newest, next));
        Ok(LOOK)
    }
}
