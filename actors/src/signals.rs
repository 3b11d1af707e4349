//! Signals between the parts of one process: "look now". A signal only shortens a wait, because every part also looks
//! by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use store::deliveries::Destination;
use time::OffsetDateTime;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// Most requests waiting to be announced to resolvers. The poll of the resolvers finds the others.
const UNTOLD: usize = 4096;

/// Most destinations of new webhooks waiting to be told to the delivery role of this process. The queue and the poll find
/// the others.
const UNDELIVERED: usize = 1024;

/// A request that owes an answer, as of its last event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unresolved {
    pub(crate) request_id: Uuid,
    pub(crate) sequence: i64,
}

/// What the rest of this process should know of a transition that was committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    /// The next deadline of its request.
    pub(crate) deadline: Option<OffsetDateTime>,
    /// The question that it asks now.
    pub(crate) unresolved: Option<Unresolved>,
    /// Where its webhooks go, if it owes any.
    pub(crate) undelivered: Option<Destination>,
    /// Its events are in the relay's queue in memory.
    pub(crate) handed: bool,
}

/// What is told one by one, and taken by loops of this process.
#[derive(Debug)]
pub(crate) struct Told {
    /// Requests to be announced to the resolvers of all processes.
    pub(crate) unresolved: mpsc::Receiver<Unresolved>,
    /// Where new webhooks go, for the delivery role of this process.
    pub(crate) undelivered: mpsc::Receiver<Destination>,
}

/// One [`Notify`] for each part that waits. Each remembers one signal that came while nobody waited.
#[derive(Debug)]
pub(crate) struct Signals {
    /// Events were committed.
    pub(crate) outbox: Arc<Notify>,
    /// The same, for the reader of the feed.
    pub(crate) feed: Arc<Notify>,
    /// A deadline was made or moved.
    pub(crate) deadlines: Arc<Notify>,
    /// A resolver of this process should look.
    pub(crate) resolutions: Arc<Notify>,
    /// Requests to be announced to the resolvers of all processes.
    unresolved: mpsc::Sender<Unresolved>,
    /// Where new webhooks go. Nobody listens in a process without the delivery role.
    undelivered: mpsc::Sender<Destination>,
    /// The deadline that this process waits for, in Unix microseconds.
    next_deadline: AtomicI64,
    /// The earliest deadline committed here since this process last asked the database for the next one, in Unix
    /// microseconds.
    new_deadline: AtomicI64,
    /// Something was committed here since the last hint to other processes.
    committed: AtomicBool,
    /// An earlier deadline was committed, so other processes must be told soon.
    hurry: AtomicBool,
    /// Events were committed that are not in the relay's queue in memory.
    unread: AtomicBool,
    /// This process publishes the events of the installation.
    pub(crate) leads: AtomicBool,
}

impl Signals {
    /// The signals, and what is told by them one by one.
    pub(crate) fn new() -> (Self, Told) {
        let (unresolved, untold) = mpsc::channel(UNTOLD);
        let (undelivered, unsent) = mpsc::channel(UNDELIVERED);
        let signals = Self {
            outbox: Arc::default(),
            feed: Arc::default(),
            deadlines: Arc::default(),
            resolutions: Arc::default(),
            unresolved,
            undelivered,
            next_deadline: AtomicI64::new(i64::MAX),
            new_deadline: AtomicI64::new(i64::MAX),
            committed: AtomicBool::new(false),
            hurry: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            leads: AtomicBool::new(false),
        };
        (signals, Told { unresolved: untold, undelivered: unsent })
    }

    /// Signals that a transition was committed.
    pub(crate) fn committed(&self, news: News) {
        let News { deadline, unresolved, undelivered, handed } = news;
        self.committed.store(true, Ordering::Release);
        if !handed {
            self.unread.store(true, Ordering::Release);
        }
        if let Some(owed) = unresolved {
            // A full queue means that there is plenty to do; the poll finds the rest.
            let _ = self.unresolved.try_send(owed);
        }
        if let Some(to) = undelivered {
            // Refused without the delivery role, and when it has plenty to do; the queue leads there as well.
            let _ = self.undelivered.try_send(to);
        }
        if let Some(at) = deadline.map(micros) {
            // A store-then-load handshake with `wait_for_deadline`. This side stores the new deadline and then loads
            // the one waited for; the other side stores the one that it waits for and then loads the new one. With
            // sequential consistency at least one side sees the other's value, so an earlier deadline is never
            // missed.
            self.new_deadline.fetch_min(at, Ordering::SeqCst);
            if at < self.next_deadline.load(Ordering::SeqCst) {
                self.hurry.store(true, Ordering::Release);
                self.deadlines.notify_one();
            }
        }
        self.outbox.notify_one();
        self.feed.notify_one();
    }

    /// Signals that another process committed something.
    pub(crate) fn hinted(&self) {
        self.unread.store(true, Ordering::Release);
        self.outbox.notify_one();
        self.feed.notify_one();
        self.deadlines.notify_one();
    }

    /// To be called before the database is asked for the next deadline: deadlines committed from now on may be
    /// missing in its answer.
    pub(crate) fn ask_for_deadline(&self) {
        self.new_deadline.store(i64::MAX, Ordering::SeqCst);
    }

    /// Notes the deadline that this process waits for. Signals at once if an earlier one was committed since
    /// [`Signals::ask_for_deadline`].
    pub(crate) fn wait_for_deadline(&self, deadline: Option<OffsetDateTime>) {
        let waits = deadline.map_or(i64::MAX, micros);
        self.next_deadline.store(waits, Ordering::SeqCst);
        if self.new_deadline.load(Ordering::SeqCst) < waits {
            self.deadlines.notify_one();
        }
    }

    /// Whether events were committed that are not in the relay's queue; resets the flag.
    pub(crate) fn take_unread(&self) -> bool {
        self.unread.swap(false, Ordering::AcqRel)
    }

    /// Whether other processes should get a hint; resets the flags. A process that publishes hints only about earlier
    /// deadlines, since the events themselves reach the others.
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
        let (signals, _told) = Signals::new();
        // It waits for 10, then that one passes and it asks again; the answer does not hold what is committed now.
        signals.wait_for_deadline(at(10));
        signals.ask_for_deadline();
        signals.committed(News { deadline: at(20), handed: true, ..News::default() });
        assert!(!woken(&signals), "20 is later than what was waited for");
        signals.wait_for_deadline(None);
        assert!(woken(&signals));
    }

    #[test]
    fn only_an_earlier_deadline_wakes() {
        let (signals, _told) = Signals::new();
        signals.ask_for_deadline();
        signals.wait_for_deadline(at(10));
        signals.committed(News { deadline: at(11), handed: true, ..News::default() });
        assert!(!woken(&signals));
        signals.committed(News { deadline: at(9), handed: true, ..News::default() });
        assert!(woken(&signals));
    }
}
