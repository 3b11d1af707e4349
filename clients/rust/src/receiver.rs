//! What an endpoint for webhooks does, whatever the framework: verify, drop what was seen, hand on, answer.

use crate::event::AnyEvent;
use crate::seen::{BoxError, MemorySeenStore, Seen, SeenStore};
use crate::webhook::{TOLERANCE, VerificationError, VerifyOptions, verify_with};
use futures_util::FutureExt;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

/// Longest body that should be read, in bytes. AWE's are far shorter.
pub const MOST_BYTES: usize = 4 * 1024 * 1024;
/// When AWE shall send an event again that is being handled.
const BUSY: Duration = Duration::from_secs(5);

/// What to answer a webhook with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// Body, in plain text.
    pub text: &'static str,
    /// What `Retry-After` says.
    pub retry_after: Option<Duration>,
}

impl Reply {
    const fn new(status: u16, text: &'static str) -> Self {
        Self { status, text, retry_after: None }
    }

    /// The answer to a webhook that is not accepted: its kind and no more. The text of the error is for the log.
    #[must_use]
    pub const fn refusal(error: &VerificationError) -> Self {
        Self::new(error.kind().status(), error.kind().as_str())
    }
}

/// Verifies webhooks and hands each event to a handler once.
pub struct Receiver<S = MemorySeenStore> {
    secrets: Vec<String>,
    tolerance: Duration,
    seen: S,
}

impl Receiver {
    /// A receiver with these secrets: one, or several while one is rotated. It remembers handled events in memory.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let secrets = secrets.into_iter().map(Into::into).collect();
        Self { secrets, tolerance: TOLERANCE, seen: MemorySeenStore::default() }
    }
}

impl<S: SeenStore> Receiver<S> {
    /// The same with another store of handled events.
    #[must_use]
    pub fn with_seen<T: SeenStore>(self, seen: T) -> Receiver<T> {
        Receiver { secrets: self.secrets, tolerance: self.tolerance, seen }
    }

    /// The same with another tolerance, see [`VerifyOptions::tolerance`].
    #[must_use]
    pub fn with_tolerance(self, tolerance: Duration) -> Self {
        Self { tolerance, ..self }
    }

    /// The event of a webhook; see [`crate::webhook::verify`].
    ///
    /// # Errors
    /// [`VerificationError`].
    pub fn open<N: AsRef<str>, V: AsRef<[u8]>>(
        &self,
        raw: &[u8],
        headers: impl IntoIterator<Item = (N, V)>,
    ) -> Result<AnyEvent, VerificationError> {
        verify_with(raw, headers, &self.secrets, VerifyOptions { tolerance: self.tolerance, now: None })
    }

    /// Calls the handler with the event, unless that was done before; returns what to answer.
    ///
    /// When the future is dropped while the handler runs, the event counts as being handled until the lease of the store
    /// ends.
    ///
    /// # Errors
    /// What the handler or the store says: answer 500, and AWE sends the event again. A panic of the handler goes on after the
    /// event was forgotten.
    pub async fn handle<N, V, F, E>(
        &self,
        raw: &[u8],
        headers: impl IntoIterator<Item = (N, V)>,
        handler: impl FnOnce(AnyEvent) -> F,
    ) -> Result<Reply, BoxError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
        F: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        match self.open(raw, headers) {
            Ok(event) => self.hand_on(event, handler).await,
            Err(refused) => Ok(Reply::refusal(&refused)),
        }
    }

    /// What follows when an event was verified; see [`Receiver::handle`].
    pub(crate) async fn hand_on<F, E>(
        &self,
        event: AnyEvent,
        handler: impl FnOnce(AnyEvent) -> F,
    ) -> Result<Reply, BoxError>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        let event_id = event.event_id().to_owned();
        match self.seen.begin(&event_id).await? {
            Seen::Done => return Ok(Reply::new(200, "seen before")),
            Seen::Busy => {
                return Ok(Reply { retry_after: Some(BUSY), ..Reply::new(503, "is being handled") });
            }
            Seen::New => {}
        }
        finish(&self.seen, &event_id, async { handler(event).await }).await?;
        Ok(Reply::new(200, "ok"))
    }
}

/// Runs a handler, then tells the store that the event is done, or forgotten when the handler failed or panicked.
pub(crate) async fn finish<S: SeenStore, E: Into<BoxError>>(
    seen: &S,
    event_id: &str,
    handling: impl Future<Output = Result<(), E>>,
) -> Result<(), BoxError> {
    match AssertUnwindSafe(handling).catch_unwind().await {
        Ok(Ok(())) => seen.done(event_id).await,
        Ok(Err(error)) => {
            seen.forget(event_id).await?;
            Err(error.into())
        }
        Err(panic) => {
            // The panic is what has to be told; a store that fails too lets its lease end.
            let _ = seen.forget(event_id).await;
            resume_unwind(panic)
        }
    }
}

impl<S> fmt::Debug for Receiver<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").field("tolerance", &self.tolerance).finish_non_exhaustive()
    }
}
