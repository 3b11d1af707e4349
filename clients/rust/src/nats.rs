//! Consumes events from NATS JetStream, at least once.
//!
//! Messages are not signed: ask [`crate::AweClient::confirm`] before something irreversible follows from one.

use crate::event::{AnyEvent, UnreadableEvent};
use crate::receiver::finish;
use crate::seen::{BoxError, MemorySeenStore, Seen, SeenStore};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull};
use async_nats::jetstream::{self, AckKind, Message};
use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::{FutureExt, StreamExt};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval_at, timeout};

pub use async_nats;

/// How long one question for a message waits, and the pause after a failure.
const POLL: Duration = Duration::from_secs(1);
/// When an event comes again that somebody else is handling.
const BUSY: Duration = Duration::from_secs(5);
/// The pauses after which an event comes again whose handler failed.
const AGAIN: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_secs(1))
    .with_max_delay(Duration::from_secs(60))
    .without_max_times();
/// Headers that say to which trace a message belongs.
const TRACED: [&str; 2] = ["traceparent", "tracestate"];
/// After so many questions without a message the server is asked whether the consumer is still there.
const SILENT: u32 = 30;

/// The connection was closed; it will not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection to NATS is closed")]
pub struct ConnectionClosed;

/// A durable consumer of events.
#[derive(Debug)]
pub struct Consumer<S = MemorySeenStore> {
    connection: async_nats::Client,
    durable: String,
    event_types: Vec<String>,
    artifact_type: Option<String>,
    prefix: String,
    is_only_new: bool,
    ack_wait: Duration,
    seen: S,
}

impl Consumer {
    /// A consumer of all events that are kept. `durable`: the name under which the server keeps the place; processes with
    /// one name share the work. Handled events are remembered in memory.
    #[must_use]
    pub fn new(connection: async_nats::Client, durable: impl Into<String>) -> Self {
        Self {
            connection,
            durable: durable.into(),
            event_types: Vec::new(),
            artifact_type: None,
            prefix: "awe".to_owned(),
            is_only_new: false,
            ack_wait: Duration::from_secs(30),
            seen: MemorySeenStore::default(),
        }
    }
}

impl<S: SeenStore> Consumer<S> {
    /// Only events of these types.
    #[must_use]
    pub fn event_types(mut self, event_types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.event_types = event_types.into_iter().map(Into::into).collect();
        self
    }

    /// Only events about this type of artifact.
    #[must_use]
    pub fn artifact_type(mut self, artifact_type: impl Into<String>) -> Self {
        self.artifact_type = Some(artifact_type.into());
        self
    }

    /// `nats.prefix` of the installation; `awe` by default.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// A consumer that does not exist yet begins with what comes from now on, not with the oldest that is kept.
    #[must_use]
    pub fn only_new(mut self) -> Self {
        self.is_only_new = true;
        self
    }

    /// After so long another process gets an event whose handler has died; 30 s by default.
    #[must_use]
    pub fn ack_wait(mut self, ack_wait: Duration) -> Self {
        self.ack_wait = ack_wait;
        self
    }

    /// Another store of handled events.
    #[must_use]
    pub fn seen<T: SeenStore>(self, seen: T) -> Consumer<T> {
        Consumer {
            seen,
            connection: self.connection,
            durable: self.durable,
            event_types: self.event_types,
            artifact_type: self.artifact_type,
            prefix: self.prefix,
            is_only_new: self.is_only_new,
            ack_wait: self.ack_wait,
        }
    }

    /// Hands each event to `handler`, one after the other in the order of the stream, and acknowledges it when the handler
    /// has returned; it should have committed by then.
    ///
    /// When the handler fails, the event comes again after a while that grows to a minute; later ones overtake it, so let
    /// nothing with a lower `sequence` undo what a higher one did. A message that is no event is told to the log and taken
    /// off. When the server or its stream is away, this waits for it.
    ///
    /// # Errors
    /// [`ConnectionClosed`]. A panic of the handler goes on after the event was forgotten.
    pub async fn run<F, E>(&self, handler: impl FnMut(AnyEvent) -> F) -> Result<(), ConnectionClosed>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        self.run_until(std::future::pending(), handler).await
    }

    /// Like [`Consumer::run`], until `stop` ends; the event at hand is handled to its end.
    ///
    /// # Errors
    /// As of [`Consumer::run`].
    pub async fn run_until<F, E>(
        &self,
        stop: impl Future<Output = ()>,
        mut handler: impl FnMut(AnyEvent) -> F,
    ) -> Result<(), ConnectionClosed>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        let mut stop = pin!(stop);
        loop {
            // JetStream or the stream may be away. AWE makes the stream anew and publishes again what was lost.
            let failure = match self.consumer().await {
                Ok(consumer) => {
                    let mut silent = 0;
                    loop {
                        if stop.as_mut().now_or_never().is_some() {
                            return Ok(());
                        }
                        match self.next(&consumer, &mut silent).await {
                            Ok(Some(message)) => self.handle(&message, &mut handler).await,
                            Ok(None) => {}
                            Err(failure) => break failure,
                        }
                    }
                }
                Err(failure) => failure,
            };
            if self.is_closed().await {
                return Err(ConnectionClosed);
            }
            tracing::warn!(failure, durable = self.durable, "events cannot be fetched");
            if timeout(POLL, stop.as_mut()).await.is_ok() {
                return Ok(());
            }
        }
    }

    /// The subjects that carry the wanted events.
    fn subjects(&self) -> Vec<String> {
        let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
        let artifact =
            self.artifact_type.as_ref().map_or_else(|| "*".to_owned(), |one| one.chars().map(keep).collect());
        let subject = |event_type: &str| format!("{}.events.{event_type}.{artifact}.*", self.prefix);
        match self.event_types.as_slice() {
            [] => vec![subject("*")],
            some => some.iter().map(|one| subject(one)).collect(),
        }
    }

    fn stream(&self) -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
        format!("{}_EVENTS", self.prefix.chars().map(keep).collect::<String>())
    }

    /// The consumer on the server, made or brought up to date.
    async fn consumer(&self) -> Result<PullConsumer, BoxError> {
        let mut config = pull::Config {
            durable_name: Some(self.durable.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.ack_wait,
            deliver_policy: if self.is_only_new { DeliverPolicy::New } else { DeliverPolicy::All },
            ..pull::Config::default()
        };
        match <[String; 1]>::try_from(self.subjects()) {
            Ok([only]) => config.filter_subject = only,
            Err(several) => config.filter_subjects = several,
        }
        let context = jetstream::new(self.connection.clone());
        Ok(context.create_consumer_on_stream(config, self.stream()).await?)
    }

    async fn next(&self, consumer: &PullConsumer, silent: &mut u32) -> Result<Option<Message>, BoxError> {
        let mut batch = consumer.fetch().max_messages(1).expires(POLL).messages().await?;
        // A server that is gone sends no end of the batch.
        let message = timeout(POLL * 5, batch.next()).await?.transpose()?;
        *silent = if message.is_some() { 0 } else { *silent + 1 };
        if *silent >= SILENT {
            // A consumer that is gone may be told by nothing but silence.
            *silent = 0;
            consumer.get_info().await?;
        }
        Ok(message)
    }

    /// Whether the connection was closed for good; one that is only away reconnects by itself.
    async fn is_closed(&self) -> bool {
        matches!(timeout(POLL, self.connection.flush()).await, Ok(Err(_)))
    }

    async fn handle<F, E>(&self, message: &Message, handler: &mut impl FnMut(AnyEvent) -> F)
    where
        F: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        let answer = match read(message) {
            Err(fault) => {
                tracing::error!(subject = %message.subject, "a message is no event: {fault}");
                AckKind::Term
            }
            Ok(event) if self.is_of_another_type(&event) => AckKind::Ack,
            Ok(event) => {
                let event_id = event.event_id().to_owned();
                self.hand_on(message, event, handler).await.unwrap_or_else(|error| {
                    let again = pause_after(message);
                    tracing::error!(event_id, error, ?again, "the handler failed, and the event comes again");
                    AckKind::Nak(Some(again))
                })
            }
        };
        if let Err(error) = message.ack_with(answer).await {
            // It comes again when its time to be acknowledged is over.
            tracing::warn!(error, subject = %message.subject, "a message could not be acknowledged");
        }
    }

    async fn hand_on<F, E>(
        &self,
        message: &Message,
        event: AnyEvent,
        handler: &mut impl FnMut(AnyEvent) -> F,
    ) -> Result<AckKind, BoxError>
    where
        F: Future<Output = Result<(), E>>,
        E: Into<BoxError>,
    {
        let event_id = event.event_id().to_owned();
        match self.seen.begin(&event_id).await? {
            Seen::Done => return Ok(AckKind::Ack),
            Seen::Busy => return Ok(AckKind::Nak(Some(BUSY))),
            Seen::New => {}
        }
        let mut handling = pin!(finish(&self.seen, &event_id, async { handler(event).await }));
        let half = (self.ack_wait / 2).max(Duration::from_millis(1));
        let mut telling = interval_at(tokio::time::Instant::now() + half, half);
        telling.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                ended = &mut handling => return ended.map(|()| AckKind::Ack),
                _ = telling.tick() => {
                    // When this is lost the event comes again, and the store knows that it is being handled.
                    let _ = message.ack_with(AckKind::Progress).await;
                }
            }
        }
    }

    /// Types that differ only in characters a subject cannot have share one.
    fn is_of_another_type(&self, event: &AnyEvent) -> bool {
        let wanted = self.artifact_type.as_deref();
        wanted.zip(event.known()).is_some_and(|(wanted, event)| event.artifact_type != wanted)
    }
}

fn read(message: &Message) -> Result<AnyEvent, UnreadableEvent> {
    let mut event = AnyEvent::parse(&message.payload)?;
    if let (AnyEvent::Known(event), Some(headers)) = (&mut event, &message.headers) {
        let said = |name: &&str| Some(((*name).to_owned(), headers.get(*name)?.as_str().to_owned()));
        event.carrier = TRACED.iter().filter_map(said).collect();
    }
    let named = message.headers.as_ref().and_then(|headers| headers.get("Nats-Msg-Id"));
    match named {
        Some(named) if named.as_str() != event.event_id() => {
            Err(UnreadableEvent("Nats-Msg-Id is another than event_id".to_owned()))
        }
        _ => Ok(event),
    }
}

fn pause_after(message: &Message) -> Duration {
    // Six pauses reach the longest; a message that does not tell its deliveries is taken for a first one.
    let before = message.info().map_or(0, |info| info.delivered.clamp(1, 10) - 1);
    AGAIN.build().nth(usize::try_from(before).unwrap_or_default()).unwrap_or(POLL)
}
