//! Counts requests by day from the events, some seconds behind them. Only positions count below which no event can
//! appear any more.
//!
//! Authority: the row that says up to which position events are counted, locked by whoever counts.

use crate::Error;
use crate::background::Job;
use std::time::Duration;
use store::Store;
use store::feed::Head;

/// How often it is looked for new events.
const LOOK: Duration = Duration::from_secs(10);

pub(crate) struct Tally {
    store: Store,
    /// How far nothing can follow; `None` until it is known up to where events are counted.
    head: Option<Head>,
}

impl Tally {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, head: None }
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
        let mut head = match self.head.take() {
            Some(head) => head,
            None => Head::at(self.store.tallied().await?),
        };
        let before = head.settled();
        self.store.look(&mut head).await?;
        if head.settled() > before {
            self.count_up_to(head.settled()).await?;
        }
        self.head = Some(head);
        Ok(LOOK)
    }
}
