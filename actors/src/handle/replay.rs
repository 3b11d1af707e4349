//! Answers a repeated create with the first answer under its idempotency key.

use super::Requests;
use crate::request::{Created, NewRequest};
use crate::{Error, shapes};
use engine::request::RequestStatus;
use schemas::api::request::CreateRequestOut;
use std::time::{Duration, SystemTime};
use uuid::Uuid;

/// Pause between two looks at an answer that is still being completed.
const PAUSE: Duration = Duration::from_millis(25);
/// How long after the deadline for first tasks an answer may still be completed.
const GRACE: Duration = Duration::from_millis(250);

impl Requests {
    /// What the first create with this subject and key was answered; `None` when this is the first, or has no key.
    /// While the first one waits for its tasks, so does this one.
    ///
    /// # Errors
    /// [`Error::IdempotencyMismatch`], [`Error::Unavailable`].
    pub async fn first_answer(&self, new: &NewRequest) -> Result<Option<Created>, Error> {
        let Some(key) = &new.idempotency_key else { return Ok(None) };
        let store = &self.shared.store;
        let body = shapes::body_of(&new.body)?;
        let Some(mut first) = store.first_answer::<CreateRequestOut>(&new.subject, key, &body).await? else {
            return Ok(None);
        };
        loop {
            let Some(mut answer) = first.response else { return Err(Error::IdempotencyMismatch) };
            shapes::show_context(&mut answer, first.context.as_ref());
            let pending = answer.status == RequestStatus::Pending.as_str();
            if !pending || age(answer.request_id) > self.shared.options.create_wait + GRACE {
                return Ok(Some(Created { answer, replayed: true }));
            }
            tokio::time::sleep(PAUSE).await;
            match store.first_answer(&new.subject, key, &body).await? {
                Some(again) => first = again,
                None => return Ok(Some(Created { answer, replayed: true })),
            }
        }
    }
}

/// How long ago a request was made. Its id is a UUIDv7 and carries the time of the system's clock.
fn age(request_id: Uuid) -> Duration {
    let (seconds, nanos) = request_id.get_timestamp().map_or((0, 0), |made| made.to_unix());
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    now.saturating_sub(Duration::new(seconds, nanos))
}
