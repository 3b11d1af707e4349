//! Pulling from a queue of requests that need attention. Any number of processes pull from one queue; each item goes to
//! one of them at a time.

use crate::{Bus, Error};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::{self, AckKind};
use futures::StreamExt;
use std::time::Duration;
use uuid::Uuid;

/// A pull on one queue.
pub struct Work {
    messages: pull::Stream,
    request_of: fn(&jetstream::Message) -> Option<Uuid>,
}

/// One item: the request that needs attention. Not acknowledging it brings it back after a while.
pub struct WorkItem {
    /// The request.
    pub request_id: Uuid,
    message: jetstream::Message,
}

/// How many items may be unacknowledged, in all processes together.
const MAX_UNACKNOWLEDGED: i64 = 4096;
/// After so long an item that was not acknowledged comes back.
const BACK_AFTER: Duration = Duration::from_secs(60);
/// The same for events: nothing else finds what they tell of, and taking note of one is a matter of milliseconds.
const EVENT_BACK_AFTER: Duration = Duration::from_secs(20);

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

    /// Pulls requests in which somebody got a task, by the events that say so: every one that the stream still has, once
    /// it is acknowledged never again.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server is away.
    pub async fn assignment_queue(&self) -> Result<Work, Error> {
        let config = pull::Config {
            durable_name: Some("notifier".to_owned()),
            ack_wait: EVENT_BACK_AFTER,
            filter_subjects: self.subjects.assignments(),
            ..common_config()
        };
        self.pull(config, self.subjects.events_stream(), named_by_subject).await
    }

    async fn queue(&self, name: &str, filter_subject: String) -> Result<Work, Error> {
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            ack_wait: BACK_AFTER,
            filter_subject,
            ..common_config()
        };
        self.pull(config, self.subjects.work_stream(), named_by_payload).await
    }

    async fn pull(
        &self,
        config: pull::Config,
        stream: String,
        request_of: fn(&jetstream::Message) -> Option<Uuid>,
    ) -> Result<Work, Error> {
        let name = config.durable_name.clone().unwrap_or_default();
        let consumer = self
            .jetstream
            .create_consumer_on_stream(config, stream)
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
        Ok(Work { messages, request_of })
    }
}

fn common_config() -> pull::Config {
    pull::Config {
        ack_policy: AckPolicy::Explicit,
        max_ack_pending: MAX_UNACKNOWLEDGED,
        ..pull::Config::default()
    }
}

/// Of a work message.
fn named_by_payload(message: &jetstream::Message) -> Option<Uuid> {
    std::str::from_utf8(&message.payload).ok()?.parse().ok()
}

/// Of an event: `awe.events.<event_type>.<artifact_type>.<request_id>`.
fn named_by_subject(message: &jetstream::Message) -> Option<Uuid> {
    message.subject.rsplit('.').next()?.parse().ok()
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
            match (self.request_of)(&message) {
                Some(request_id) => items.push(WorkItem { request_id, message }),
                None => {
                    tracing::error!(subject = %message.subject, "a message that names no request was dropped");
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

    /// Not done: it comes back after `pause`.
    pub async fn again(self, pause: Duration) {
        // Losing this brings it back too, only later.
        let _ = self.message.ack_with(AckKind::Nak(Some(pause))).await;
    }
}
