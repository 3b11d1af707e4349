//! Makes a row for a reminder of each deadline that comes near, page by page.

use crate::Error;
use crate::background::Job;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::notifications::Seen;
use tokio::sync::Notify;

/// Tasks in one statement.
const PAGE: i64 = 500;
/// Pause between two pages, so that decisions come first.
const BETWEEN: Duration = Duration::from_millis(20);

pub(super) struct Reminders {
    store: Store,
    owed: Arc<Notify>,
    within: Duration,
    check_interval: Duration,
    seen: Option<Seen>,
}

impl Reminders {
    pub(super) fn new(store: Store, owed: Arc<Notify>, within: Duration, check_interval: Duration) -> Self {
        Self { store, owed, within, check_interval, seen: None }
    }
}

impl Job for Reminders {
    const NAME: &'static str = "reminders";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        let looked = self.store.queue_reminders(self.within, self.seen, PAGE).await?;
        if looked.queued > 0 {
            self.owed.notify_one();
        }
        self.seen = looked.next;
        Ok(if self.seen.is_some() { BETWEEN } else { self.check_interval })
    }
}
