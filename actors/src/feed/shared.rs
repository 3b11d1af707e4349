//! What the reader, the followers and those who pull share.

use super::batch::Batch;
use crate::Error;
use parking_lot::Mutex as Lock;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::feed::Head;
use tokio::sync::{Mutex, Notify, Semaphore, broadcast};

/// Batches that are kept for followers that are behind. Each has at most [`super::batch::BATCH_BYTES`] of payloads, or one event.
const KEPT: usize = 256;
/// Pages that followers read at once: a process that has just started has a thousand of them that are behind.
const READING: usize = 2;
/// Pause before the head is looked at again for a gap.
const AGAIN: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Shared {
    store: Store,
    head: Mutex<Known>,
    batches: broadcast::Sender<Arc<Batch>>,
    watched: Lock<HashMap<String, usize>>,
    reading: Semaphore,
    wake: Arc<Notify>,
}

/// What is known of the head.
#[derive(Debug, Default)]
struct Known {
    head: Option<Head>,
    /// When the last look at it began.
    looked: Option<Instant>,
}

impl Shared {
    pub(super) fn new(store: Store, wake: Arc<Notify>) -> Self {
        Self {
            store,
            head: Mutex::default(),
            batches: broadcast::Sender::new(KEPT),
            watched: Lock::default(),
            reading: Semaphore::new(READING),
            wake,
        }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Is notified when events were committed or a follower came.
    pub(super) fn wake(&self) -> &Arc<Notify> {
        &self.wake
    }

    pub(super) fn batches(&self) -> &broadcast::Sender<Arc<Batch>> {
        &self.batches
    }

    /// Permits to read a page.
    pub(super) fn reading(&self) -> &Semaphore {
        &self.reading
    }

    /// Up to where nothing can be missing, and whether more was seen above a gap. Whoever asks is answered by a look
    /// that began after the question; several who ask at the same moment are answered by one.
    pub(super) async fn settled(&self) -> Result<(i64, bool), Error> {
        let asked = Instant::now();
        let mut known = self.head.lock().await;
        if let Known { head: Some(head), looked: Some(looked) } = &*known
            && *looked > asked
        {
            return Ok((head.settled(), head.waits()));
        }
        let began = Instant::now();
        // Worked on as a copy: a caller that goes away in the middle leaves what was known.
        let mut head = match &known.head {
            Some(head) => head.clone(),
            None => self.store.head().await?,
        };
        self.store.look(&mut head).await?;
        let found = (head.settled(), head.waits());
        *known = Known { head: Some(head), looked: Some(began) };
        Ok(found)
    }

    /// As [`Shared::settled`]; while a gap keeps the head at or below `position`, looks again for `patience`.
    pub(super) async fn settled_beyond(&self, position: i64, patience: Duration) -> Result<i64, Error> {
        let began = Instant::now();
        loop {
            let (settled, waits) = self.settled().await?;
            if !waits || settled > position || began.elapsed() >= patience {
                return Ok(settled);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Notes that a follower wants the events of requests in which `person` has a task.
    pub(super) fn watch(self: &Arc<Self>, person: String) -> Watch {
        *self.watched.lock().entry(person.clone()).or_default() += 1;
        Watch { shared: Arc::clone(self), person }
    }

    /// Everybody for whom that is wanted.
    pub(super) fn watched(&self) -> Vec<String> {
        self.watched.lock().keys().cloned().collect()
    }
}

/// As long as it lives, batches tell which requests concern this person.
#[derive(Debug)]
pub(super) struct Watch {
    shared: Arc<Shared>,
    person: String,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.shared.watched.lock();
        if let Some(count) = watched.get_mut(&self.person) {
            *count -= 1;
            if *count == 0 {
                watched.remove(&self.person);
            }
        }
    }
}
