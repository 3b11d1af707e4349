//! Pull consumers on queues of requests that need attention. Any number of processes may pull from one queue; each item
//! goes to one of them at a time.

use crate::connection::Bus;
use crate::error::Error;
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

/// A request that needs attention. An item that is not acknowledged in time is delivered again.
pub struct WorkItem {
    /// Id of the request.
    pub request_id: Uuid,
    message: jetstream::Message,
}

/// Items that may be unacknowledged in all processes together.
const MAX_UNACKNOWLEDGED: i64 = 4096;
/// Acknowledgement timeout of a work item, after which it is delivered again.
const ACK_WAIT: Duration = Duration::from_secs(60);
/// Acknowledgement timeout of an event. It is shorter, since no poll finds what an event says, and noting one takes
/// milliseconds.
const EVENT_ACK_WAIT: Duration = Duration::from_secs(20);

impl Bus {
    /// The queue of webhook deliveries that are due.
    ///
    /// # Errors
    /// [`Error::Server`] when the server is away.
    pub async fn delivery_queue(&self) -> Result<Work, Error> {
        self.queue("delivery", self.subjects.work_delivery()).await
    }

    /// The queue of requests whose approvers must be resolved.
    ///
    /// # Errors
    /// [`Error::Server`] when the server is away.
    pub async fn resolve_queue(&self) -> Result<Work, Error> {
        self.queue("resolver", self.subjects.work_resolve()).await
    }

    /// The requests in which somebody was assigned a task, read from the stream of events by a durable consumer. It starts
    /// with the oldest event that the stream holds.
    ///
    /// # Errors
    /// [`Error::Server`] when the server is away.
    pub async fn assignment_queue(&self) -> Result<Work, Error> {
        let config = pull::Config {
            durable_name: Some("notifier".to_owned()),
            ack_wait: EVENT_ACK_WAIT,
            filter_subjects: self.subjects.assignments(),
            ..common_config()
        };
        self.pull(config, self.subjects.events_stream(), named_by_subject).await
    }

    async fn queue(&self, name: &str, filter_subject: String) -> Result<Work, Error> {
        let config = pull::Config {
            durable_name: Some(name.to_owned()),
            ack_wait: ACK_WAIT,
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
            .map_err(|e| Error::server(format!("consumer {name}"), e))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(256)
            .heartbeat(Duration::from_secs(5))
            .expires(Duration::from_secs(30))
            .messages()
            .await
            .map_err(|e| Error::server(format!("pull {name}"), e))?;
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

/// The request of a work item: its payload.
fn named_by_payload(message: &jetstream::Message) -> Option<Uuid> {
    std::str::from_utf8(&message.payload).ok()?.parse().ok()
}

/// The request of an event: the end of its subject, `awe.events.<event_type>.<artifact_type>.<request_id>`.
fn named_by_subject(message: &jetstream::Message) -> Option<Uuid> {
    message.subject.rsplit('.').next()?.parse().ok()
}

impl Work {
    /// Waits for the next item, then takes what else has arrived, up to `most` items.
    ///
    /// # Errors
    /// [`Error::PullEnded`] or [`Error::Server`]: the queue must be pulled from anew.
    pub async fn next(&mut self, most: usize) -> Result<Vec<WorkItem>, Error> {
        let mut ready = self.messages.by_ref().ready_chunks(most.max(1));
        let Some(chunk) = ready.next().await else {
            return Err(Error::PullEnded);
        };
        let mut items = Vec::with_capacity(chunk.len());
        for message in chunk {
            let message = message.map_err(|e| Error::server("pull", e))?;
            match (self.request_of)(&message) {
                Some(request_id) => items.push(WorkItem { request_id, message }),
                None => {
                    tracing::error!(subject = %message.subject, "a message that names no request is dropped");
                    let _ = message.ack_with(AckKind::Term).await;
                }
            }
        }
        Ok(items)
    }
}

impl WorkItem {
    /// Acknowledges the item. If the acknowledgement is lost, the item is delivered again, which does no harm.
    pub async fn done(self) {
        let _ = self.message.ack().await;
    }

    /// Rejects the item (NAK): it is delivered again after `pause`.
    pub async fn again(self, pause: Duration) {
        // If this is lost, the acknowledgement timeout brings the item back.
        let _ = self.message.ack_with(AckKind::Nak(Some(pause))).await;
    }
}
