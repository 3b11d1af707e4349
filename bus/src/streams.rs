//! The streams: their configuration, which is restored at start when somebody changed it, and their state.

use crate::connection::Bus;
use crate::error::Error;
use async_nats::header;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use futures::StreamExt;
use std::time::Duration;
use uuid::Uuid;

/// How long a work item is kept. What is older was found by polling the database.
const WORK_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Messages in the work stream. Losing one costs latency only, since the database is polled too.
const WORK_MESSAGES: i64 = 1_000_000;

/// Timeout for reading the event ids of a part of the stream.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// The state of the stream of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// Name and time of creation. A stream that was deleted and created again has another incarnation.
    pub incarnation: String,
    /// Sequence of the oldest message; greater than `last` when the stream is empty.
    pub first: i64,
    /// Sequence of the last message that was stored, even if it is gone; 0 when there never was one.
    pub last: i64,
    /// Number of messages.
    pub messages: u64,
    /// Size in bytes.
    pub bytes: u64,
}

impl StreamState {
    fn of(info: &Info) -> Self {
        // A stream that never held a message reports 0; sequences begin at 1.
        let first = info.state.first_sequence.max(1);
        Self {
            incarnation: format!("{} {}", info.config.name, info.created),
            first: i64::try_from(first).unwrap_or(i64::MAX),
            last: i64::try_from(info.state.last_sequence).unwrap_or(i64::MAX),
            messages: info.state.messages,
            bytes: info.state.bytes,
        }
    }
}

impl Bus {
    /// Creates the streams or updates them to their configuration; idempotent. Returns the state of the stream of events.
    ///
    /// # Errors
    /// [`Error::Server`] when the server is away or rejects the configuration.
    pub async fn ensure_streams(&self) -> Result<StreamState, Error> {
        self.ensure(self.work_config()).await?;
        self.ensure(self.events_config()).await?;
        self.events_state().await
    }

    async fn ensure(&self, config: Config) -> Result<(), Error> {
        let name = config.name.clone();
        let made = self.jetstream.create_or_update_stream(config).await;
        made.map(|_| ()).map_err(|e| Error::server(format!("stream {name}"), e))
    }

    /// The current state of the stream of events.
    ///
    /// # Errors
    /// [`Error::Server`] when there is no such stream or the server is away.
    pub async fn events_state(&self) -> Result<StreamState, Error> {
        let name = self.subjects.events_stream();
        let stream = self.jetstream.get_stream(&name).await.map_err(|e| Error::server(&name, e))?;
        Ok(StreamState::of(stream.cached_info()))
    }

    /// Sequence and event id of each message from sequence `from` to `to`, both included, in order. Messages that are no
    /// events are left out. Only headers are transferred.
    ///
    /// # Errors
    /// [`Error::Server`] or [`Error::ReadTimeout`].
    pub async fn event_ids(&self, from: i64, to: i64) -> Result<Vec<(i64, Uuid)>, Error> {
        let from = from.max(1);
        if from > to {
            return Ok(Vec::new());
        }
        let reading = tokio::time::timeout(READ_WITHIN, self.read_ids(from, to));
        reading.await.map_err(|_| Error::ReadTimeout)?
    }

    async fn read_ids(&self, from: i64, to: i64) -> Result<Vec<(i64, Uuid)>, Error> {
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: u64::try_from(from).unwrap_or(1),
            },
            ack_policy: AckPolicy::None,
            headers_only: true,
            memory_storage: true,
            inactive_threshold: READ_WITHIN * 2,
            ..pull::Config::default()
        };
        let stream = self.subjects.events_stream();
        let consumer = self.jetstream.create_consumer_on_stream(config, stream).await.map_err(failed)?;
        let mut messages = consumer.messages().await.map_err(failed)?;
        let mut ids = Vec::new();
        let mut pending = consumer.cached_info().num_pending;
        while pending > 0 {
            let Some(message) = messages.next().await else { break };
            let message = message.map_err(failed)?;
            let info = message.info().map_err(failed)?;
            let sequence = i64::try_from(info.stream_sequence).unwrap_or(i64::MAX);
            pending = info.pending;
            if sequence > to {
                break;
            }
            let id = message.headers.as_ref().and_then(|headers| headers.get(header::NATS_MESSAGE_ID));
            if let Some(id) = id.and_then(|id| id.as_str().parse().ok()) {
                ids.push((sequence, id));
            }
        }
        Ok(ids)
    }

    /// Deletes both streams with their messages: the end of a test.
    ///
    /// # Errors
    /// [`Error::Server`] when there are none.
    pub async fn delete_streams(&self) -> Result<(), Error> {
        for name in [self.subjects.events_stream(), self.subjects.work_stream()] {
            self.jetstream.delete_stream(&name).await.map_err(|e| Error::server(&name, e))?;
        }
        Ok(())
    }

    pub(crate) fn events_config(&self) -> Config {
        Config {
            name: self.subjects.events_stream(),
            description: Some("Every event of every approval request".to_owned()),
            subjects: vec![self.subjects.events()],
            retention: RetentionPolicy::Limits,
            max_age: self.options.events_kept,
            max_bytes: self.options.events_max_bytes.unwrap_or(-1),
            ..self.common_config()
        }
    }

    pub(crate) fn work_config(&self) -> Config {
        Config {
            name: self.subjects.work_stream(),
            description: Some("Work for resolvers and delivery workers".to_owned()),
            subjects: vec![self.subjects.work()],
            retention: RetentionPolicy::WorkQueue,
            max_age: WORK_KEPT,
            max_messages: WORK_MESSAGES,
            ..self.common_config()
        }
    }

    fn common_config(&self) -> Config {
        Config {
            storage: StorageType::File,
            discard: DiscardPolicy::Old,
            num_replicas: self.options.replicas,
            duplicate_window: self.options.duplicate_window,
            ..Config::default()
        }
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::server("reading the stream", error)
}
