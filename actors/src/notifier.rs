//! Sends people mail about their tasks, and reminders of deadlines. Deciding never waits for it.
//!
//! Cast: the queue of events leads to a row for each mail about a new task; [`Reminders`] makes a row for each
//! deadline that comes near; [`Post`] leases such rows and sends the mails.
//!
//! Authority: the row. It is made at most once, however often it is asked for, so a mail is repeated only when a
//! process dies after the mail server took it and before that was recorded.
//!
//! Failures: a mail that cannot be sent is tried again with growing pauses for some two days.

mod options;
mod post;
mod reminders;

use crate::Error;
use crate::background;
use crate::loops::Loops;
use crate::queue::{self, Follower};
use bus::{Bus, Work};
pub use options::NotifierOptions;
use post::Post;
use reminders::Reminders;
use std::sync::Arc;
use store::Store;
use time::OffsetDateTime;
use tokio::sync::{Notify, OnceCell};
use uuid::Uuid;

/// Starts the notifier role of this process. When it is stopped, mails under way are finished, or taken by another
/// process when their lease runs out.
pub(crate) fn start(store: &Store, bus: Option<&Bus>, notifier: NotifierOptions, loops: &Loops) {
    let owed = Arc::new(Notify::new());
    if let Some(bus) = bus.cloned() {
        let assignments =
            Assignments { store: store.clone(), owed: Arc::clone(&owed), since: OnceCell::new() };
        queue::follow(loops, assignments, bus);
    }
    if let Some(within) = notifier.remind_before {
        let reminders = Reminders::new(store.clone(), Arc::clone(&owed), within, notifier.check_interval);
        background::start(loops, reminders, Arc::default());
    }
    background::start(loops, Post::new(store.clone(), notifier), owed);
}

/// Makes a row for a mail about each open task of the requests that events name.
struct Assignments {
    store: Store,
    owed: Arc<Notify>,
    /// Tasks made before this moment get no mail.
    since: OnceCell<OffsetDateTime>,
}

impl Assignments {
    async fn since(&self) -> Result<OffsetDateTime, Error> {
        Ok(*self.since.get_or_try_init(|| self.store.notified_since()).await?)
    }
}

impl Follower for Assignments {
    const NAME: &'static str = "notifier";

    async fn pull(&self, bus: &Bus) -> Result<Work, Error> {
        // Fixed before the first event is received, so every event names tasks made after it.
        self.since().await?;
        Ok(bus.assignment_queue().await?)
    }

    async fn take(&self, requests: Vec<Uuid>) -> Result<(), Error> {
        if self.store.queue_assignments(&requests, self.since().await?).await? > 0 {
            self.owed.notify_one();
        }
        Ok(())
    }
}
