//! Wake-ups between the parts of one process. A signal only shortens a wait: everything also looks by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use time::OffsetDateTime;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// Requests of which resolvers have not been told yet; past it they are left to the poll.
const UNTOLD: usize = 4096;

/// A request that owes an answer, as of its last event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unresolved {
    pub(crate) request_id: Uuid,
    pub(crate) sequence: i64,
}

/// One [`Notify`] per waiting part; each remembers one wake-up that nobody waited for.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Something was committed: events wait for the stream.
    pub(crate) outbox: Arc<Notify>,
    /// A deadline was made or moved.
    pub(crate) deadlines: Arc<Notify>,
    /// A resolver of this process owes an answer.
    pub(crate) resolutions: Arc<Notify>,
    /// Resolvers of any process are to be told.
    unresolved: mpsc::Sender<Unresolved>,
    /// The next deadline that this process waits for, in Unix microseconds.
    next_deadline: AtomicI64,
    /// The earliest deadline committed here since this process last asked for the next one, in Unix microseconds.
    new_deadline: AtomicI64,
    /// Committed here since the last hint to other processes.
    committed: AtomicBool,
    /// Other processes may have to wait less than they think.
    hurry: AtomicBool,
    /// Events were committed that the relay of this process was not handed.
    unread: AtomicBool,
}

impl Signals {
    /// Signals, and what resolvers are to be told.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Unresolved>) {
        let (unresolved, untold) = mpsc::channel(UNTOLD);
        let signals = Self {
            outbox: Arc::default(),
            deadlines: Arc::default(),
            resolutions: Arc::default(),
            unresolved,
            next_deadline: AtomicI64::new(i64::MAX),
            new_deadline: AtomicI64::new(i64::MAX),
            committed: AtomicBool::new(false),
            hurry: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        };
        (signals, untold)
    }

    /// A transition was committed; `deadline` is the next one of its request, `unresolved` what it asks now, `handed`
    /// whether the relay of this process has its events.
    pub(crate) fn committed(
        &self,
        deadline: Option<OffsetDateTime>,
        unresolved: Option<Unresolved>,
        handed: bool,
    ) {
        self.committed.store(true, Ordering::Release);
        if !handed {
            self.unread.store(true, Ordering::Release);
        }
        if let Some(owed) = unresolved {
            // When the queue is full there is plenty to do: the poll finds the rest.
            let _ = self.unresolved.try_send(owed);
        }
        if let Some(at) = deadline.map(micros) {
            // First told, then compared; whoever waits first says for what, then looks: one of the two sees the other.
            self.new_deadline.fetch_min(at, Ordering::SeqCst);
            if at < self.next_deadline.load(Ordering::SeqCst) {
                self.hurry.store(true, Ordering::Release);
                self.deadlines.notify_one();
            }
        }
        self.outbox.notify_one();
    }

    /// Another process committed something.
    pub(crate) fn hinted(&self) {
        self.unread.store(true, Ordering::Release);
        self.outbox.notify_one();
        self.deadlines.notify_one();
    }

    /// The next deadline is about to be asked for: what is committed from now on may be missing in the answer.
    pub(crate) fn ask_for_deadline(&self) {
        self.new_deadline.store(i64::MAX, Ordering::SeqCst);
    }

    /// This process now waits for this deadline; it is woken at once when an earlier one was made while it asked.
    pub(crate) fn wait_for_deadline(&self, deadline: Option<OffsetDateTime>) {
        let waits = deadline.map_or(i64::MAX, micros);
        self.next_deadline.store(waits, Ordering::SeqCst);
        if self.new_deadline.load(Ordering::SeqCst) < waits {
            self.deadlines.notify_one();
        }
    }

    /// Whether events wait in the database that the relay was not handed, asked once per batch.
    pub(crate) fn take_unread(&self) -> bool {
        self.unread.swap(false, Ordering::AcqRel)
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn at(seconds: i64) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(seconds).ok()
    }

    fn woken(signals: &Signals) -> bool {
        signals.deadlines.notified().now_or_never().is_some()
    }

    #[test]
    fn a_deadline_made_while_the_next_one_is_asked_for_wakes_whoever_asks() {
        let (signals, _untold) = Signals::new();
        // It waits for 10, then that one passes and it asks again; the answer does not hold what is committed now.
        signals.wait_for_deadline(at(10));
        signals.ask_for_deadline();
        signals.committed(at(20), None, true);
        assert!(!woken(&signals), "20 is later than what was waited for");
        signals.wait_for_deadline(None);
        assert!(woken(&signals));
    }

    #[test]
    fn only_an_earlier_deadline_wakes() {
        let (signals, _untold) = Signals::new();
        signals.ask_for_deadline();
        signals.wait_for_deadline(at(10));
        signals.committed(at(11), None, true);
        assert!(!woken(&signals));
        signals.committed(at(9), None, true);
        assert!(woken(&signals));
    }
}
