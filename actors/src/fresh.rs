//! Events on their way from a commit of this process to its relay, which so need not read them again.
//!
//! The database stays the authority: what is not handed over, or is thrown away here, waits there and is read.
//!
//! Order: a request hands its events over only when all that it had before were published, were handed over, or will
//! be read before what is handed over is taken: the relay reads whenever it has opened, and takes only then.

use parking_lot::Mutex;
use std::collections::VecDeque;
use store::outbox::Outgoing;

/// Events kept; past it they are left to the database. Some 10 MB.
const MOST: usize = 8192;

/// A queue that is closed until a relay opens it, and closes by itself when it is full.
#[derive(Debug, Default)]
pub(crate) struct Fresh(Mutex<Option<VecDeque<Outgoing>>>);

impl Fresh {
    /// Hands events that were just committed to the relay; false when it has to read them.
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

    /// Empty and open from now on. Whoever opens reads the database next: what was committed until now is there only.
    pub(crate) fn open(&self) {
        *self.0.lock() = Some(VecDeque::new());
    }

    /// Nobody takes anything for a while.
    pub(crate) fn close(&self) {
        *self.0.lock() = None;
    }

    /// The oldest events, at most so many; `None` when it is closed, and the database must be read.
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
        Outgoing { event, delivery_id: None }
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
