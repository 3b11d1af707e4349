//! A create is answered with its first tasks when these come soon, and else without them: what the directory owes
//! then comes by itself. Waiting takes no place from commands, and only so many wait at once.

use super::{Created, NewRequest, Requests};
use crate::request::{Applied, Shared};
use crate::{Error, shapes};
use engine::ids::RequestId;
use engine::request::RequestStatus;
use schemas::api::request::CreateRequestOut;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// Creates that wait at once; further ones are answered at once.
pub(super) const MOST_WAITING: usize = 256;
/// First pause between two looks, doubled up to the last: a resolver of this process also wakes the create.
const PAUSES: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(250));
/// How much later than its deadline a first answer may have been stored.
const GRACE: Duration = Duration::from_millis(250);

impl Requests {
    /// The answer to a create that was committed.
    pub(super) async fn answer(&self, applied: &Applied, new: &NewRequest) -> CreateRequestOut {
        let at_once = shapes::created(&applied.transition.request, &applied.meta);
        // Nothing is asked outside: everything is known.
        if applied.transition.effects.is_empty() || self.shared.options.create_wait.is_zero() {
            return at_once;
        }
        let Ok(_place) = self.waiting.try_acquire() else { return at_once };
        self.with_tasks(applied.transition.request.id, new).await.unwrap_or(at_once)
    }

    async fn with_tasks(&self, id: RequestId, new: &NewRequest) -> Option<CreateRequestOut> {
        let place = Place::take(&self.shared, id);
        if !place.until_resolved(self.shared.options.create_wait).await {
            return None;
        }
        // The request is there whatever happens from here on: a failure costs the tasks in the answer, no more.
        let loaded = self.shared.store.load_request(id).await.ok()??;
        let answer = shapes::created(&loaded.request, &loaded.meta);
        if let Some(key) = &new.idempotency_key {
            let response = shapes::stored(&answer).ok()?;
            self.shared.store.settle_first_answer(&new.subject, key, &response).await.ok()?;
        }
        Some(answer)
    }

    /// What the first create with this subject and key was answered; `None` when it is the first, or has no key.
    /// While the first one still waits for its tasks, so does this.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`], [`Error::Unavailable`].
    pub async fn first_answer(&self, new: &NewRequest) -> Result<Option<Created>, Error> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        let store = &self.shared.store;
        let body = shapes::body_of(new)?;
        let Some(mut first) = store.first_answer(&new.subject, key, &body).await? else { return Ok(None) };
        if !first.same_body {
            return Err(Error::IdempotencyMismatch);
        }
        loop {
            let mut answer = first.response;
            shapes::show_context(&mut answer, first.context.as_ref());
            let pending = answer.status == RequestStatus::Pending.as_str();
            if !pending || age(answer.request_id) > self.shared.options.create_wait + GRACE {
                return Ok(Some(Created { answer, replayed: true }));
            }
            tokio::time::sleep(PAUSES.0).await;
            match store.first_answer(&new.subject, key, &body).await? {
                Some(again) => first = again,
                None => return Ok(Some(Created { answer, replayed: true })),
            }
        }
    }
}

/// Ids of requests carry the time at which they were made.
fn age(request_id: Uuid) -> Duration {
    let (seconds, nanos) = request_id.get_timestamp().map_or((0, 0), |made| made.to_unix());
    let made = Duration::new(seconds, nanos);
    let now = OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH;
    Duration::try_from(now).unwrap_or_default().saturating_sub(made)
}

/// A place among those that are woken when this process commits something of their request.
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

    /// Whether the request asks nothing any more, within `patience`. Gives up early when the next attempt is later.
    async fn until_resolved(&self, patience: Duration) -> bool {
        let (deadline, latest) = (Instant::now() + patience, OffsetDateTime::now_utc() + patience);
        let mut pause = PAUSES.0;
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
            // Woken or not: the row says how far it is.
            let _ = tokio::time::timeout_at(deadline.min(now + pause), self.wake.notified()).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.waiting.remove(&self.id);
    }
}
