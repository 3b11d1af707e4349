//! The connection to NATS.

use crate::credentials::with_credentials;
use crate::error::Error;
use async_nats::connection::State;
use async_nats::jetstream::{self, Context};
use schemas::event::Subjects;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Where the server is, and the shape of the streams.
#[derive(Debug, Clone)]
pub struct Options {
    /// `nats://host:port`, or several addresses separated by commas.
    pub url: String,
    /// First word of every subject and stream name: `awe` in production; each test has a prefix of its own.
    pub prefix: String,
    /// Replicas of each stream in a cluster.
    pub replicas: usize,
    /// How long the stream keeps an event for late subscribers; Postgres keeps it for longer.
    pub events_kept: Duration,
    /// Bytes of the stream of events, beyond which the oldest events are discarded. `None` leaves the limit to the server.
    pub events_max_bytes: Option<i64>,
    /// How long the server remembers deduplication ids.
    pub duplicate_window: Duration,
    /// How long to wait for the acknowledgement of a message.
    pub ack_timeout: Duration,
}

impl Options {
    /// The defaults, with this address.
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

/// A connection to NATS. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bus {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: Context,
    pub(crate) subjects: Subjects,
    pub(crate) options: Options,
}

impl Bus {
    /// Connects in the background and keeps reconnecting for as long as the value lives, so a server that is away is no
    /// error.
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

    /// Whether the connection is up, as far as the client knows.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// How many connections there have been. While the number stays the same, the connection has not broken.
    #[must_use]
    pub fn connection(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    /// How long the stream keeps an event.
    #[must_use]
    pub fn events_kept(&self) -> Duration {
        self.options.events_kept
    }

    /// The names of streams and subjects under the prefix.
    #[must_use]
    pub fn subjects(&self) -> &Subjects {
        &self.subjects
    }

    /// Flushes what is buffered, within two seconds.
    pub async fn close(&self) {
        if self.is_connected() {
            let _ = tokio::time::timeout(Duration::from_secs(2), self.client.flush()).await;
        }
    }
}
