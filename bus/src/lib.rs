//! NATS JetStream: carries events and work. The only room that speaks NATS.
//!
//! Cast: [`Bus`] is one connection that reconnects for ever; [`Bus::publish_events`] sends events in a row and waits for
//! the last one's acknowledgement, [`Bus::publish`] sends a batch and waits for every one; [`Work`] pulls from a work
//! queue. An acknowledgement is not durability (the server acknowledges before fsync): Postgres keeps the truth, and
//! every message may be seen twice.

mod credentials;
mod examine;
mod streams;
mod work;

pub use examine::ServerFacts;
pub use streams::StreamState;
pub use work::{Work, WorkItem};

use crate::credentials::with_credentials;
use async_nats::connection::State;
use async_nats::header::{
    HeaderMap, HeaderName, NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE, NATS_MESSAGE_ID,
};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, Context, ErrorCode, message::PublishMessage};
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::BoxStream;
use schemas::event::{Subjects, WebhookEvent, cloud_event_headers};
use std::sync::atomic::Ordering;
use std::time::Duration;
use uuid::Uuid;

/// How to connect.
#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://host:port`, or several separated by commas.
    pub url: String,
    /// First word of every subject and stream; `awe` in production, one of its own for each test.
    pub prefix: String,
    /// Copies of each stream in a cluster.
    pub replicas: usize,
    /// How long the stream keeps an event for late subscribers; Postgres keeps it for good.
    pub events_kept: Duration,
    /// How much the stream of events may take, in bytes; past it the oldest go. `None` = whatever the server has.
    pub events_max_bytes: Option<i64>,
    /// How long the server remembers message ids.
    pub duplicate_window: Duration,
    /// How long a publish may wait for its acknowledgement.
    pub ack_timeout: Duration,
}

impl Options {
    /// Everything at its default, but the address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            prefix: "awe".to_owned(),
            replicas: 1,
            events_kept: Duration::from_secs(7 * 24 * 3600),
            events_max_bytes: None,
            duplicate_window: Duration::from_secs(120),
            ack_timeout: Duration::from_secs(5),
        }
    }
}

/// What can go wrong on the bus. All of it but a refusal passes when the server is back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is malformed, or the server refuses us.
    #[error("cannot connect to NATS")]
    Connect(#[from] async_nats::ConnectError),
    /// JetStream did not do what was asked.
    #[error("{0}")]
    JetStream(String),
    /// This message is refused for itself, and will be for as long as the server is set as it is.
    #[error("refused: {0}")]
    Refused(String),
}

impl Error {
    fn because(what: &str, error: impl std::fmt::Display) -> Self {
        Self::JetStream(format!("{what}: {error}"))
    }
}

/// One message.
#[derive(Debug, Clone)]
pub struct Message {
    subject: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// A connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    client: async_nats::Client,
    jetstream: Context,
    subjects: Subjects,
    options: Options,
}

impl Bus {
    /// Connects in the background and stays connected: a server that is away is tried again for ever.
    ///
    /// # Errors
    /// [`Error::Connect`] when the URL is malformed.
    pub async fn connect(options: Options) -> Result<Self, Error> {
        let addresses: Vec<&str> = options.url.split(',').map(str::trim).collect();
        let client = with_credentials(async_nats::ConnectOptions::new(), &addresses)
            .name("awe")
            .retry_on_initial_connect()
            .connection_timeout(Duration::from_secs(3))
            .ping_interval(Duration::from_secs(10))
            .event_callback(|event| async move { tracing::info!(%event, "NATS connection") })
            .connect(addresses)
            .await?;
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(options.ack_timeout);
        let subjects = Subjects::new(options.prefix.clone());
        Ok(Self { client, jetstream, subjects, options })
    }

    /// Whether the server answers as far as is known.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Counts connections: as long as it stays the same, the server has not been away.
    #[must_use]
    pub fn connection(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// How long the stream keeps an event.
    #[must_use]
    pub fn events_kept(&self) -> Duration {
        self.options.events_kept
    }

    /// Names under this bus's prefix.
    #[must_use]
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// The message of an event: deduplicated by its event id, a CloudEvent in binary mode.
    #[must_use]
    pub fn event(&self, event: &WebhookEvent) -> Message {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, event.event_id.to_string());
        for (name, value) in cloud_event_headers(event) {
            headers.insert(HeaderName::from_static(name), value);
        }
        Message {
            subject: self.subjects.subject(&event.event_type, &event.artifact_type, event.request_id),
            headers,
            // A struct of strings, numbers and JSON always serialises.
            body: serde_json::to_vec(event).unwrap_or_default(),
        }
    }

    /// The message that calls for a delivery of this request.
    #[must_use]
    pub fn delivery_work(&self, request_id: Uuid, delivery_id: Uuid) -> Message {
        work_message(self.subjects.work_delivery(), request_id, format!("delivery-{delivery_id}"))
    }

    /// The message that calls for resolving approvers of this request, once per attempt.
    #[must_use]
    pub fn resolve_work(&self, request_id: Uuid, sequence: i64) -> Message {
        work_message(self.subjects.work_resolve(), request_id, format!("resolve-{request_id}-{sequence}"))
    }

    /// Publishes events in a row: the first right after the message of sequence `last` (0 = none that there ever was),
    /// each other one right after the one before it. Gives the sequence of the last one.
    ///
    /// The stream refuses an event that would come after anything else: what was sent before it on a connection that
    /// broke may be lost, and then it must not be what comes next. So the acknowledgement of the last one stands for
    /// all, and no other is asked for: their sequences are those before it. An event that is published alone may be a
    /// copy of one that the stream has, whose sequence it then gives.
    ///
    /// # Errors
    /// [`Error::JetStream`]: the stream has not taken all of them in a row; it may have taken some. [`Error::Refused`]:
    /// so it is, and one of them will never be taken.
    pub async fn publish_events(&self, last: u64, events: &[WebhookEvent]) -> Result<u64, Error> {
        let Some((end, others)) = events.split_last() else { return Ok(last) };
        let mut place = (NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
        let sent = tokio::time::timeout(self.options.ack_timeout, async {
            for event in others {
                self.send(self.event(event).after(place)).await?;
                place = (NATS_EXPECTED_LAST_MESSAGE_ID, event.event_id.to_string());
            }
            self.begin_publish(self.event(end).after(place)).await
        });
        let ack = sent.await.map_err(|_| no_connection())??;
        let sequence = ack.await.map_err(not_acknowledged)?.sequence;
        if others.is_empty() || sequence.checked_sub(last) == u64::try_from(events.len()).ok() {
            return Ok(sequence);
        }
        Err(Error::JetStream("publish: the stream has not taken every event".to_owned()))
    }

    /// Publishes all, in order, without waiting in between, and then waits for each acknowledgement. Gives the
    /// stream sequence of each message, or why it was not acknowledged.
    pub async fn publish(&self, messages: Vec<Message>) -> Vec<Result<u64, Error>> {
        let mut pending: Vec<Result<PublishAckFuture, Error>> = Vec::with_capacity(messages.len());
        for message in messages {
            let sent = tokio::time::timeout(self.options.ack_timeout, self.begin_publish(message));
            pending.push(sent.await.unwrap_or_else(|_| Err(no_connection())));
        }
        join_all(pending.into_iter().map(|sent| async {
            let ack = sent?.await.map_err(not_acknowledged)?;
            Ok(ack.sequence)
        }))
        .await
    }

    async fn begin_publish(&self, message: Message) -> Result<PublishAckFuture, Error> {
        let Message { subject, headers, body } = message;
        let publish = PublishMessage::build().payload(body.into()).headers(headers);
        self.jetstream.send_publish(subject, publish).await.map_err(not_acknowledged)
    }

    /// Sends and asks for no acknowledgement: whether the message has arrived must show otherwise.
    ///
    /// # Errors
    /// [`Error::JetStream`] when it cannot be sent.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        let Message { subject, headers, body } = message;
        let sent = self.client.publish_with_headers(subject, headers, body.into());
        let sent = tokio::time::timeout(self.options.ack_timeout, sent).await.map_err(|_| no_connection())?;
        sent.map_err(|e| match e.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => Error::Refused(e.to_string()),
            _ => Error::because("publish", e),
        })
    }

    /// Tells relays and timers of every process that something was committed. Best effort: they also look by
    /// themselves.
    pub async fn hint(&self) {
        if self.is_connected() {
            // Losing a hint costs latency only.
            let _ = self.client.publish(self.subjects.hint_commit(), Vec::new().into()).await;
        }
    }

    /// Hints of all processes, for as long as the connection object lives.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the subscription cannot be registered.
    pub async fn hints(&self) -> Result<BoxStream<'static, ()>, Error> {
        let subscription = self
            .client
            .subscribe(self.subjects.hint_commit())
            .await
            .map_err(|e| Error::because("subscribe to hints", e))?;
        Ok(subscription.map(|_| ()).boxed())
    }

    /// Sends what is buffered and closes.
    pub async fn close(&self) {
        if self.is_connected() {
            let _ = tokio::time::timeout(Duration::from_secs(2), self.client.flush()).await;
        }
    }
}

impl Message {
    /// The stream is to refuse this message anywhere else.
    fn after(mut self, (header, place): (HeaderName, String)) -> Self {
        self.headers.insert(header, place);
        self
    }
}

/// Too large for the server, or for what its operator has set the stream to take.
fn not_acknowledged(error: PublishError) -> Error {
    let code = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .map(jetstream::Error::error_code);
    if error.kind() == PublishErrorKind::MaxPayloadExceeded
        || code == Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
    {
        return Error::Refused(error.to_string());
    }
    Error::because("publish", error)
}

fn no_connection() -> Error {
    Error::JetStream("publish: no connection".to_owned())
}

fn work_message(subject: String, request_id: Uuid, id: String) -> Message {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_MESSAGE_ID, id);
    Message { subject, headers, body: request_id.to_string().into_bytes() }
}
