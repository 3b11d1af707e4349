//! A queue in memory from the commits of this process to its relay, which then need not read these events from the
//! database.
//!
//! Authority: the database. An event that is not in this queue, or is thrown away with it, is read from there.
//!
//! Order: a request may hand over its events only if all its earlier events were published, were handed over too, or
//! will be read before anything is taken from the queue. The relay guarantees the last: it reads the database after
//! each time it opens the queue, and only then takes from it.

use parking_lot::Mutex;
use std::collections::VecDeque;
use store::outbox::Outgoing;

/// Most events kept, some 10 MB. A full queue is closed, and the database is read instead.
const MOST: usize = 8192;

/// A queue that is closed until a relay opens it, and that closes itself when it is full.
#[derive(Debug, Default)]
pub(crate) struct Fresh(Mutex<Option<VecDeque<Outgoing>>>);

impl Fresh {
    /// Hands over events that were just committed. Returns false when the relay has to read them from the database.
    pub(crate) fn hand(&self, events: impl FnOnce() -> Vec<Outgoing>) -> bool {
        let mut queue = self.0.lock();
        let Some(waiting) = queue.as_mut() else { return false };
        if waiting.len() >= MOST {
            *queue = None;
            return false;
        }
        waiting.extend(events());
        true
    }

    /// Empties and opens the queue. The caller must read the database next: events that were committed before are
    /// only there.
    pub(crate) fn open(&self) {
        *self.0.lock() = Some(VecDeque::new());
    }

    /// Closes the queue, because nobody takes from it for a while.
    pub(crate) fn close(&self) {
        *self.0.lock() = None;
    }

    /// Takes the oldest events, at most `most`. `None`: the queue is closed, so the database must be read.
    pub(crate) fn take(&self, most: usize) -> Option<Vec<Outgoing>> {
        let mut queue = self.0.lock();
        let waiting = queue.as_mut()?;
        let count = most.min(waiting.len());
        Some(waiting.drain(..count).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::event::ping;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn event() -> Outgoing {
        let event = ping(Uuid::now_v7(), Uuid::nil(), "somebody", OffsetDateTime::UNIX_EPOCH);
        Outgoing { position: 1, event, delivery_id: None, trace: None }
    }

    #[test]
    fn nothing_is_taken_from_a_queue_that_is_closed() {
        let fresh = Fresh::default();
        assert!(!fresh.hand(|| vec![event()]));
        assert_eq!(fresh.take(1), None);
        fresh.open();
        assert!(fresh.hand(|| vec![event()]));
        fresh.close();
        assert_eq!(fresh.take(1), None);
    }

    #[test]
    fn the_oldest_come_first_and_an_opened_queue_is_empty() {
        let (fresh, events) = (Fresh::default(), [event(), event(), event()]);
        fresh.open();
        fresh.hand(|| events[..2].to_vec());
        fresh.hand(|| events[2..].to_vec());
        assert_eq!(fresh.take(2).as_deref(), Some(&events[..2]));
        assert_eq!(fresh.take(2).as_deref(), Some(&events[2..]));
        fresh.hand(|| events.to_vec());
        fresh.open();
        assert_eq!(fresh.take(2), Some(Vec::new()));
    }

    #[test]
    fn a_full_queue_takes_nothing_more_until_it_is_opened() {
        let fresh = Fresh::default();
        fresh.open();
        let taken = (0..2 * MOST).take_while(|_| fresh.hand(|| vec![event()])).count();
        assert_eq!(taken, MOST);
        assert!(!fresh.hand(|| vec![event()]), "events after those that were left out would overtake them");
        assert_eq!(fresh.take(1), None);
        fresh.open();
        assert!(fresh.hand(|| vec![event()]));
    }
}
