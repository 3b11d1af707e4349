//! Streams of its own for each test, and processes that share them.

use crate::cable::Cable;
use async_nats::jetstream::{self, Context};
use bus::{Bus, Options};
use schemas::event::{WebhookEvent, ping};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

/// Longer than anything here takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Two streams under a prefix that no other test has.
pub(crate) struct World {
    prefix: String,
    pub(crate) bus: Bus,
}

impl World {
    pub(crate) async fn new() -> Self {
        let prefix = format!("test_{}", Uuid::now_v7().simple());
        let bus = connected(url(), &prefix).await;
        bus.ensure_streams().await.unwrap();
        Self { prefix, bus }
    }

    /// Another process with the same streams.
    pub(crate) async fn process(&self) -> Bus {
        connected(url(), &self.prefix).await
    }

    /// Another process, whose connection goes through `cable`.
    pub(crate) async fn process_behind(&self, cable: &Cable) -> Bus {
        connected(cable.url(), &self.prefix).await
    }

    /// A client of NATS that knows nothing of AWE, as an operator has.
    pub(crate) async fn operator(&self) -> Context {
        jetstream::new(async_nats::connect(url()).await.unwrap())
    }

    /// Messages in the work stream.
    pub(crate) async fn waiting_work(&self) -> u64 {
        let name = self.bus.subjects().work_stream();
        let mut stream = self.operator().await.get_stream(name).await.unwrap();
        stream.info().await.unwrap().state.messages
    }

    pub(crate) async fn until_work_is(&self, expected: u64) {
        until(&format!("{expected} messages are in the work stream"), async || {
            self.waiting_work().await == expected
        })
        .await;
    }

    /// Event ids in the order of the stream, beginning with sequence `from`.
    pub(crate) async fn ids_from(&self, from: i64) -> Vec<(i64, Uuid)> {
        self.bus.event_ids(from, i64::MAX).await.unwrap()
    }

    /// Sequence of the newest event.
    pub(crate) async fn last(&self) -> i64 {
        self.bus.events_state().await.unwrap().last
    }

    pub(crate) async fn end(self) {
        self.bus.delete_streams().await.unwrap();
    }
}

pub(crate) fn url() -> String {
    std::env::var("NATS_URL").expect("NATS_URL names a NATS server for tests")
}

async fn connected(url: String, prefix: &str) -> Bus {
    let options = Options { prefix: prefix.to_owned(), ..Options::new(url) };
    let bus = Bus::connect(options).await.unwrap();
    until("the bus is connected", async || bus.is_connected()).await;
    bus
}

pub(crate) async fn until(what: &str, mut happened: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !happened().await {
        assert!(Instant::now() < deadline, "it did not happen that {what}");
        sleep(BETWEEN_LOOKS).await;
    }
}

/// What the future gives, in time.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("it did not happen that {what}"))
}

/// An event with an id of its own.
pub(crate) fn event() -> WebhookEvent {
    ping(Uuid::now_v7(), Uuid::now_v7(), "somebody", OffsetDateTime::now_utc())
}

/// An event of this type about this request.
pub(crate) fn event_of(event_type: &str, request_id: Uuid) -> WebhookEvent {
    WebhookEvent { event_type: event_type.to_owned(), request_id, ..event() }
}

/// Sequences from `first` with the ids of these events.
pub(crate) fn places(first: i64, events: &[WebhookEvent]) -> Vec<(i64, Uuid)> {
    (first..).zip(events.iter().map(|event| event.event_id)).collect()
}
