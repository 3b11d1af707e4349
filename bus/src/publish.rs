//! Publishing, and what its acknowledgements say.

use crate::connection::Bus;
use crate::error::Error;
use crate::message::{Message, Told};
use async_nats::header::{NATS_EXPECTED_LAST_MESSAGE_ID, NATS_EXPECTED_LAST_SEQUENCE};
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{self, ErrorCode, message::PublishMessage};
use futures::future::join_all;

impl Bus {
    /// Publishes events as one batch: the first must come right after the message with sequence `last` (0 for a stream
    /// that never held any), each other one right after the one before it. Returns the sequence of the last event.
    ///
    /// The events are sent without waiting in between. When the connection breaks half-way, events already sent may be
    /// lost, and the ones behind them must not overtake them. So each message names the one that it must follow, and the
    /// stream refuses it after a gap. The acknowledgement of the last event therefore stands for the whole batch, and no
    /// other is requested; the sequences of the others are those right before it.
    ///
    /// An event that is published alone may be a duplicate of one that the stream holds. Then the sequence of that one is
    /// returned.
    ///
    /// # Errors
    /// [`Error::Gap`] and other errors: the stream does not hold the whole batch, but it may hold a part. [`Error::Refused`]:
    /// the same, and one of the events will never be taken.
    pub async fn publish_events(&self, last: u64, events: &[impl Told]) -> Result<u64, Error> {
        let Some((end, others)) = events.split_last() else { return Ok(last) };
        let mut place = (NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
        let sent = tokio::time::timeout(self.options.ack_timeout, async {
            for event in others {
                self.send(self.event(event).after(place)).await?;
                place = (NATS_EXPECTED_LAST_MESSAGE_ID, event.event().event_id.to_string());
            }
            self.begin_publish(self.event(end).after(place)).await
        });
        let ack = sent.await.map_err(|_| Error::NotSent)??;
        let sequence = ack.await.map_err(not_acknowledged)?.sequence;
        if others.is_empty() || sequence.checked_sub(last) == u64::try_from(events.len()).ok() {
            return Ok(sequence);
        }
        Err(Error::Gap)
    }

    /// Publishes messages in order without waiting in between, then waits for each acknowledgement. Returns the stream
    /// sequence of each message, or why it was not acknowledged.
    pub async fn publish(&self, messages: Vec<Message>) -> Vec<Result<u64, Error>> {
        let mut pending: Vec<Result<PublishAckFuture, Error>> = Vec::with_capacity(messages.len());
        for message in messages {
            let sent = tokio::time::timeout(self.options.ack_timeout, self.begin_publish(message));
            pending.push(sent.await.unwrap_or_else(|_| Err(Error::NotSent)));
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

    /// Sends a message without requesting an acknowledgement.
    ///
    /// # Errors
    /// [`Error::NotSent`] or [`Error::Server`] when the message cannot be handed to the connection, [`Error::Refused`] when
    /// it is larger than the server takes.
    pub async fn send(&self, message: Message) -> Result<(), Error> {
        let Message { subject, headers, body } = message;
        let sent = self.client.publish_with_headers(subject, headers, body.into());
        let sent = tokio::time::timeout(self.options.ack_timeout, sent).await.map_err(|_| Error::NotSent)?;
        sent.map_err(|e| match e.kind() {
            async_nats::client::PublishErrorKind::MaxPayloadExceeded => Error::Refused(e.to_string()),
            _ => Error::server("publish", e),
        })
    }
}

/// A message that exceeds the limit of the server or of the stream is refused for good; anything else may pass later.
fn not_acknowledged(error: PublishError) -> Error {
    let code = std::error::Error::source(&error)
        .and_then(|source| source.downcast_ref::<jetstream::Error>())
        .map(jetstream::Error::error_code);
    if error.kind() == PublishErrorKind::MaxPayloadExceeded
        || code == Some(ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM)
    {
        return Error::Refused(error.to_string());
    }
    Error::server("publish", error)
}
