//! Remembers which events were handled, since webhooks and NATS deliver at least once.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Any error of a handler or store.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a store knows of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nobody handles it: the caller does now, and calls `done` or `forget` afterwards.
    New,
    /// It is being handled. Do not acknowledge: if the handler fails, the event has to come again.
    Busy,
    /// It was handled.
    Done,
}

/// Where handled events are remembered. A lasting one writes the id in the transaction of the handler.
///
/// The methods may be written as `async fn`.
pub trait SeenStore: Send + Sync {
    /// Marks an event as being handled, unless it is or was.
    ///
    /// # Errors
    /// Whatever the store cannot do; the event then comes again.
    fn begin(&self, event_id: &str) -> impl Future<Output = Result<Seen, BoxError>> + Send;

    /// The handler has committed.
    ///
    /// # Errors
    /// Whatever the store cannot do; the event then comes again.
    fn done(&self, event_id: &str) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// The handler failed: the next delivery is handled.
    ///
    /// # Errors
    /// Whatever the store cannot do.
    fn forget(&self, event_id: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
}

impl<S: SeenStore> SeenStore for std::sync::Arc<S> {
    fn begin(&self, event_id: &str) -> impl Future<Output = Result<Seen, BoxError>> + Send {
        S::begin(self, event_id)
    }

    fn done(&self, event_id: &str) -> impl Future<Output = Result<(), BoxError>> + Send {
        S::done(self, event_id)
    }

    fn forget(&self, event_id: &str) -> impl Future<Output = Result<(), BoxError>> + Send {
        S::forget(self, event_id)
    }
}

/// Bounded, in this process only; the oldest are forgotten first.
#[derive(Debug)]
pub struct MemorySeenStore {
    most: usize,
    lease: Duration,
    events: Mutex<Events>,
}

#[derive(Debug, Default)]
struct Events {
    by_id: HashMap<String, Entry>,
    /// Ids by the order in which they were last marked.
    by_age: BTreeMap<u64, String>,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    is_done: bool,
    since: Instant,
    age: u64,
}

impl Default for MemorySeenStore {
    /// Remembers 10,000 events; one that was begun and never ended may be begun again after five minutes.
    fn default() -> Self {
        const MOST: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
        Self::new(MOST, Duration::from_secs(300))
    }
}

impl MemorySeenStore {
    /// A store that remembers `most` events. One that was begun and never ended may be begun again after `lease`.
    #[must_use]
    pub fn new(most: NonZeroUsize, lease: Duration) -> Self {
        Self { most: most.get(), lease, events: Mutex::default() }
    }

    /// How many events are remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events().by_id.len()
    }

    /// Whether none is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn begin_at(&self, event_id: &str, now: Instant) -> Seen {
        let mut events = self.events();
        match events.by_id.get(event_id) {
            Some(entry) if entry.is_done => Seen::Done,
            Some(entry) if now.saturating_duration_since(entry.since) < self.lease => Seen::Busy,
            _ => {
                events.put(event_id, false, now, self.most);
                Seen::New
            }
        }
    }

    /// Nothing panics between changes that belong together, so what a panicking thread left is whole.
    fn events(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Events {
    fn put(&mut self, event_id: &str, is_done: bool, since: Instant, most: usize) {
        self.remove(event_id);
        let age = self.next;
        self.next += 1;
        self.by_age.insert(age, event_id.to_owned());
        self.by_id.insert(event_id.to_owned(), Entry { is_done, since, age });
        while self.by_id.len() > most {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_id.remove(&oldest);
        }
    }

    fn remove(&mut self, event_id: &str) {
        if let Some(entry) = self.by_id.remove(event_id) {
            self.by_age.remove(&entry.age);
        }
    }
}

impl SeenStore for MemorySeenStore {
    async fn begin(&self, event_id: &str) -> Result<Seen, BoxError> {
        Ok(self.begin_at(event_id, Instant::now()))
    }

    async fn done(&self, event_id: &str) -> Result<(), BoxError> {
        self.events().put(event_id, true, Instant::now(), self.most);
        Ok(())
    }

    async fn forget(&self, event_id: &str) -> Result<(), BoxError> {
        self.events().remove(event_id);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn begin(store: &MemorySeenStore, event_id: &str) -> Seen {
        store.begin_at(event_id, Instant::now())
    }

    fn done(store: &MemorySeenStore, event_id: &str) {
        store.done(event_id).now_or_never().expect("nothing is waited for").unwrap();
    }

    #[test]
    fn an_event_is_new_busy_and_done() {
        let store = MemorySeenStore::default();
        assert_eq!([begin(&store, "a"), begin(&store, "a")], [Seen::New, Seen::Busy]);
        done(&store, "a");
        assert_eq!(begin(&store, "a"), Seen::Done);
    }

    #[test]
    fn a_forgotten_event_is_new() {
        let store = MemorySeenStore::default();
        begin(&store, "a");
        store.forget("a").now_or_never().expect("nothing is waited for").unwrap();
        assert!(store.is_empty());
        assert_eq!(begin(&store, "a"), Seen::New);
    }

    #[test]
    fn the_oldest_are_forgotten_first() {
        let store = MemorySeenStore::new(NonZeroUsize::new(2).unwrap(), Duration::from_secs(9));
        for event_id in ["a", "b", "c"] {
            begin(&store, event_id);
            done(&store, event_id);
        }
        assert_eq!(store.len(), 2);
        assert_eq!(store.events().by_age.len(), 2);
        assert_eq!(["c", "b", "a"].map(|id| begin(&store, id)), [Seen::Done, Seen::Done, Seen::New]);
    }

    #[test]
    fn a_lease_ends() {
        let store = MemorySeenStore::new(NonZeroUsize::MIN, Duration::from_secs(10));
        let now = Instant::now();
        store.begin_at("a", now);
        assert_eq!(store.begin_at("a", now + Duration::from_millis(9_999)), Seen::Busy);
        assert_eq!(store.begin_at("a", now + Duration::from_secs(10)), Seen::New);
    }

    #[test]
    fn of_many_threads_one_begins() {
        let store = MemorySeenStore::default();
        let new = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..20).map(|_| scope.spawn(|| begin(&store, "a"))).collect();
            threads.into_iter().map(|one| one.join().unwrap()).filter(|s| *s == Seen::New).count()
        });
        assert_eq!(new, 1);
    }
}
