//! Pulling from a work queue. Any number of processes pull from one queue; each item goes to one of them at a time.

use crate::{Bus, Error};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, AckKind};
use futures::StreamExt;
use std::time::Duration;
use uuid::Uuid;

/// A pull on one work queue.
pub struct Work {
    messages: pull::Stream,
}

/// One item: the request that needs attention. Not acknowledging it brings it back after a while.
pub struct WorkItem {
    /// The request.
    pub request_id: Uuid,
    message: jetstream::Message,
}

/// How many items one process may hold unacknowledged.
const MAX_UNACKNOWLEDGED: i64 = 4096;

impl Bus {
    /// Pulls deliveries to attempt.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server is away.
    pub async fn delivery_queue(&self) -> Result<Work, Error> {
        self.queue("delivery", self.subjects.work_delivery()).await
    }

    /// Pulls requests whose approvers must be resolved.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server is away.
    pub async fn resolve_queue(&self) -> Result<Work, Error> {
        self.queue("resolver", self.subjects.work_resolve()).await
    }

    async fn queue(&self, name: &str, filter_subject: String) -> Result<Work, Error> {
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: Duration::from_secs(60),
            max_ack_pending: MAX_UNACKNOWLEDGED,
            filter_subject,
            ..pull::Config::default()
        };
        let consumer = self
            .jetstream
            .create_consumer_on_stream(config, self.subjects.work_stream())
            .await
            .map_err(|e| Error::because(&format!("consumer {name}"), e))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(256)
            .heartbeat(Duration::from_secs(5))
            .expires(Duration::from_secs(30))
            .messages()
            .await
            .map_err(|e| Error::because(&format!("pull {name}"), e))?;
        Ok(Work { messages })
    }
}

impl Work {
    /// Waits for the next item, then takes what else is there, up to `most`.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the pull has broken and must be made anew.
    pub async fn next(&mut self, most: usize) -> Result<Vec<WorkItem>, Error> {
        let mut ready = self.messages.by_ref().ready_chunks(most.max(1));
        let Some(chunk) = ready.next().await else {
            return Err(Error::JetStream("the pull has ended".to_owned()));
        };
        let mut items = Vec::with_capacity(chunk.len());
        for message in chunk {
            let message = message.map_err(|e| Error::because("pull", e))?;
            match std::str::from_utf8(&message.payload).ok().and_then(|id| id.parse().ok()) {
                Some(request_id) => items.push(WorkItem { request_id, message }),
                None => {
                    tracing::error!(subject = %message.subject, "a work item that names no request was dropped");
                    let _ = message.ack_with(AckKind::Term).await;
                }
            }
        }
        Ok(items)
    }
}

impl WorkItem {
    /// Done: it will not come back. Losing the acknowledgement brings it back, which does no harm.
    pub async fn done(self) {
        let _ = self.message.ack().await;
    }
}
