//! Prints decision events from the stream, in Rust with `async-nats` alone: no part of AWE is needed to subscribe.
//!
//! `cargo run -p bus --example subscribe -- nats://127.0.0.1:4222 [COUNT] [REQUEST_ID] [STREAM]`
//!
//! Starts with the oldest event that the stream keeps and ends after COUNT events (0 = never). Events may come twice:
//! `event_id` tells, and `sequence` is their order within a request.

use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use futures::StreamExt;
use serde_json::Value;
use std::collections::HashSet;
use std::error::Error;
use std::io::Write;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let url = words.next().unwrap_or_else(|| "nats://127.0.0.1:4222".to_owned());
    let count: usize = words.next().map_or(Ok(0), |word| word.parse())?;
    let request = words.next().unwrap_or_else(|| "*".to_owned());
    let name = words.next().unwrap_or_else(|| "AWE_EVENTS".to_owned());

    let jetstream = jetstream::new(async_nats::connect(url).await?);
    let stream = jetstream.get_stream(&name).await?;
    // Subjects are `awe.events.<event_type>.<artifact_type>.<request_id>`.
    let prefix = name.trim_end_matches("_EVENTS").to_lowercase();
    let consumer = stream
        .create_consumer(pull::Config {
            filter_subject: format!("{prefix}.events.*.*.{request}"),
            deliver_policy: DeliverPolicy::All,
            // A service that acts on events names a durable consumer and acknowledges what it has done.
            ack_policy: AckPolicy::None,
            ..pull::Config::default()
        })
        .await?;

    let (mut seen, mut out) = (HashSet::new(), std::io::stdout());
    let mut messages = consumer.messages().await?;
    while let Some(message) = messages.next().await {
        let event: Value = serde_json::from_slice(&message?.payload)?;
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        if !seen.insert(text("event_id")) {
            continue;
        }
        writeln!(out, "event {} {} status={}", event["sequence"], text("event_type"), text("status"))?;
        if seen.len() == count {
            break;
        }
    }
    Ok(())
}
