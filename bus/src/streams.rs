//! The shape of our streams, made at start and put right when somebody changed it.

use crate::{Bus, Error};
use async_nats::header;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, RetentionPolicy, StorageType};
use futures::StreamExt;
use std::time::Duration;
use uuid::Uuid;

/// Work older than this is done by the poll anyway.
const WORK_KEPT: Duration = Duration::from_secs(24 * 3600);
/// Bound of a work queue: a nudge more or less is no loss.
const WORK_MESSAGES: i64 = 1_000_000;

/// How long reading the ids of a part of the stream may take.
const READ_WITHIN: Duration = Duration::from_secs(15);

/// The stream of events as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamState {
    /// Its name and moment of creation: a stream that was lost and made anew has another.
    pub incarnation: String,
    /// Sequence of the oldest message; above `last` when there is none.
    pub first: i64,
    /// Sequence of the newest message, or the last that there was; 0 when there never was one.
    pub last: i64,
    /// Messages.
    pub messages: u64,
    /// Bytes.
    pub bytes: u64,
}

impl StreamState {
    fn of(info: &Info) -> Self {
        // A stream that never held anything calls its oldest message 0; sequences begin at 1.
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
    /// Creates the streams, or updates them to their configured shape. Repeating it changes nothing. Gives the state of
    /// the stream of events.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server is away or refuses the shape.
    pub async fn ensure_streams(&self) -> Result<StreamState, Error> {
        self.ensure(self.work_config()).await?;
        self.ensure(self.events_config()).await?;
        self.events_state().await
    }

    async fn ensure(&self, config: Config) -> Result<(), Error> {
        let name = config.name.clone();
        let made = self.jetstream.create_or_update_stream(config).await;
        made.map(|_| ()).map_err(|e| Error::because(&format!("stream {name}"), e))
    }

    /// The stream of events as it is now.
    ///
    /// # Errors
    /// [`Error::JetStream`] when there is none, or the server is away.
    pub async fn events_state(&self) -> Result<StreamState, Error> {
        let name = self.subjects.events_stream();
        let stream = self.jetstream.get_stream(&name).await.map_err(|e| Error::because(&name, e))?;
        Ok(StreamState::of(stream.cached_info()))
    }

    /// Sequence and event id of each message from `from`, 1 at least, to `to`, both included, in order. Only headers
    /// travel.
    ///
    /// # Errors
    /// [`Error::JetStream`] when the server is away, or does not answer in time.
    pub async fn event_ids(&self, from: i64, to: i64) -> Result<Vec<(i64, Uuid)>, Error> {
        let from = from.max(1);
        if from > to {
            return Ok(Vec::new());
        }
        let reading = tokio::time::timeout(READ_WITHIN, self.read_ids(from, to));
        reading.await.map_err(|_| Error::JetStream("reading the stream took too long".to_owned()))?
    }

    async fn read_ids(&self, from: i64, to: i64) -> Result<Vec<(i64, Uuid)>, Error> {
        let because = |e: &dyn std::fmt::Display| Error::because("reading the stream", e);
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
        let consumer =
            self.jetstream.create_consumer_on_stream(config, stream).await.map_err(|e| because(&e))?;
        let mut messages = consumer.messages().await.map_err(|e| because(&e))?;
        let mut ids = Vec::new();
        let mut pending = consumer.cached_info().num_pending;
        while pending > 0 {
            let Some(message) = messages.next().await else { break };
            let message = message.map_err(|e| because(&e))?;
            let info = message.info().map_err(|e| because(&e))?;
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

    /// Deletes both streams with all that is in them: the end of a test.
    ///
    /// # Errors
    /// [`Error::JetStream`] when there are none.
    pub async fn delete_streams(&self) -> Result<(), Error> {
        for name in [self.subjects.events_stream(), self.subjects.work_stream()] {
            self.jetstream.delete_stream(&name).await.map_err(|e| Error::because(&name, e))?;
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
