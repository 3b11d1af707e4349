//! Wake-ups between the parts of one process. A signal only shortens a wait: everything also looks by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use time::OffsetDateTime;
use tokio::sync::Notify;

/// One [`Notify`] per waiting part; each remembers one wake-up that nobody waited for.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Something was committed: events wait for the stream.
    pub(crate) outbox: Arc<Notify>,
    /// A deadline was made or moved.
    pub(crate) deadlines: Arc<Notify>,
    /// A resolver owes an answer.
    pub(crate) resolutions: Arc<Notify>,
    /// The next deadline that this process waits for, in Unix microseconds.
    next_deadline: AtomicI64,
    /// Committed here since the last hint to other processes.
    committed: AtomicBool,
    /// Other processes may have to wait less than they think.
    hurry: AtomicBool,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            outbox: Arc::default(),
            deadlines: Arc::default(),
            resolutions: Arc::default(),
            next_deadline: AtomicI64::new(i64::MAX),
            committed: AtomicBool::new(false),
            hurry: AtomicBool::new(false),
        }
    }
}

impl Signals {
    /// A transition was committed; `deadline` is the next one of its request.
    pub(crate) fn committed(&self, deadline: Option<OffsetDateTime>, unresolved: bool) {
        self.committed.store(true, Ordering::Release);
        if unresolved {
            self.hurry.store(true, Ordering::Release);
            self.resolutions.notify_one();
        }
        if deadline.is_some_and(|at| micros(at) < self.next_deadline.load(Ordering::Acquire)) {
            self.hurry.store(true, Ordering::Release);
            self.deadlines.notify_one();
        }
        self.outbox.notify_one();
    }

    /// Another process committed something.
    pub(crate) fn hinted(&self) {
        self.outbox.notify_one();
        self.deadlines.notify_one();
        self.resolutions.notify_one();
    }

    /// The deadline that this process now waits for.
    pub(crate) fn waiting_for(&self, deadline: Option<OffsetDateTime>) {
        self.next_deadline.store(deadline.map_or(i64::MAX, micros), Ordering::Release);
    }

    /// Whether others should be told, asked once per round by the relay: always of what it will not publish itself,
    /// else only of what cannot wait.
    pub(crate) fn take_hint(&self, publishes: bool) -> bool {
        let committed = self.committed.swap(false, Ordering::AcqRel);
        let hurry = self.hurry.swap(false, Ordering::AcqRel);
        hurry || (committed && !publishes)
    }
}

fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}
