//! Hints: core NATS messages that tell other processes that something was committed.
//!
//! They are not stored and may be lost. Whoever listens also looks at the database from time to time.

use crate::connection::Bus;
use crate::error::Error;
use futures::StreamExt;
use futures::stream::BoxStream;

impl Bus {
    /// Tells all processes that something was committed. Best effort.
    pub async fn hint(&self) {
        if self.is_connected() {
            // A lost hint costs latency only.
            let _ = self.client.publish(self.subjects.hint_commit(), Vec::new().into()).await;
        }
    }

    /// Tells all processes that events were published, for those that do not see every commit's hint: the relay's own
    /// process sends none. Best effort.
    pub async fn hint_events(&self) {
        if self.is_connected() {
            // A lost hint costs latency only.
            let _ = self.client.publish(self.subjects.hint_events(), Vec::new().into()).await;
        }
    }

    /// Hints that events were published.
    ///
    /// # Errors
    /// [`Error::Server`] when the connection is closed.
    pub async fn event_hints(&self) -> Result<BoxStream<'static, ()>, Error> {
        self.subscribed(self.subjects.hint_events()).await
    }

    /// The hints of all processes, including this one.
    ///
    /// # Errors
    /// [`Error::Server`] when the connection is closed.
    pub async fn hints(&self) -> Result<BoxStream<'static, ()>, Error> {
        self.subscribed(self.subjects.hint_commit()).await
    }

    async fn subscribed(&self, subject: String) -> Result<BoxStream<'static, ()>, Error> {
        let subscription = self.client.subscribe(subject).await;
        let subscription = subscription.map_err(|e| Error::server("subscribe to hints", e))?;
        Ok(subscription.map(|_| ()).boxed())
    }
}
