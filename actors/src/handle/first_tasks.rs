//! A create is answered with its first tasks when these come soon, and without them otherwise. A create that waits
//! holds no permit of the commands, and the number of waiting creates is bounded.

use super::Requests;
use crate::request::{Applied, NewRequest, Shared};
use crate::{clock, shapes};
use engine::ids::RequestId;
use outbound::Backoff;
use schemas::api::request::CreateRequestOut;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Pauses between two looks. A commit of this process to the request also ends a pause.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_millis(250));

impl Requests {
    /// The answer to a create that was committed.
    pub(super) async fn answer(&self, applied: &Applied, new: &NewRequest) -> CreateRequestOut {
        let at_once = shapes::created(&applied.transition.request, &applied.meta, &applied.version.policy);
        // Nothing is asked outside, so all tasks are known.
        if !applied.unresolved || self.shared.options.create_wait.is_zero() {
            return at_once;
        }
        let Ok(_place) = self.waiting.try_acquire() else { return at_once };
        self.with_tasks(applied, new).await.unwrap_or(at_once)
    }

    async fn with_tasks(&self, applied: &Applied, new: &NewRequest) -> Option<CreateRequestOut> {
        let id = applied.transition.request.id;
        let place = Place::take(&self.shared, id);
        if !place.until_resolved(self.shared.options.create_wait).await {
            return None;
        }
        // The request exists whatever happens from here on; a failure only leaves the tasks out of the answer.
        let loaded = self.shared.store.load_request(id).await.ok()??;
        let answer = shapes::created(&loaded.request, &loaded.meta, &applied.version.policy);
        if let Some(key) = &new.idempotency_key {
            let response = shapes::stored(&answer).ok()?;
            self.shared.store.settle_first_answer(&new.subject, key, &response).await.ok()?;
        }
        Some(answer)
    }
}

/// Registers a create to be woken when this process commits something to its request.
struct Place<'a> {
    shared: &'a Shared,
    id: RequestId,
    wake: Arc<Notify>,
}

impl<'a> Place<'a> {
    fn take(shared: &'a Shared, id: RequestId) -> Self {
        let wake = Arc::<Notify>::default();
        shared.waiting.insert(id, Arc::clone(&wake));
        Self { shared, id, wake }
    }

    /// Waits until the request asks nothing any more, at most `patience`. Returns false at once when the next attempt
    /// to resolve comes later than that.
    async fn until_resolved(&self, patience: Duration) -> bool {
        let (deadline, latest) = (Instant::now() + patience, clock::now() + patience);
        let mut looks = 0;
        loop {
            match self.shared.store.resolution_owed(self.id).await {
                Ok(None) => return true,
                Ok(Some(owed)) if owed.attempt > 0 && owed.at > latest => return false,
                Ok(Some(_)) => {}
                Err(_) => return false,
            }
            let now = Instant::now();
            if now >= deadline {
                return false;
            }
            looks += 1;
            // Whether it was woken or not, the row says how far the request is.
            let _ =
                tokio::time::timeout_at(deadline.min(now + BACKOFF.after(looks)), self.wake.notified()).await;
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.waiting.remove(&self.id);
    }
}
