//! Tells people of their tasks by mail, and reminds them of deadlines. Nobody who decides ever waits for it.
//!
//! Cast: the queue hears of events by which somebody got a task and owes mails for them; [`Reminders`] owes mails for
//! deadlines that come near; [`Post`] takes what is owed and sends it. What is owed is a row, made at most once however
//! often and by how many it is asked for, so that a mail is repeated only when a process dies after the mail server took
//! it and before that was recorded. A mail that cannot be sent is tried again with growing pauses, for some two days.

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

/// Starts the notifier role of this process. Mails under way when it is stopped are finished, or taken again when their
/// lease is over.
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

/// Owes a mail for each open task of the requests that events tell of.
struct Assignments {
    store: Store,
    owed: Arc<Notify>,
    /// Whoever got a task before is not told of it.
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
        // Before anything is heard: what is heard of first was made after it.
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
