//! Publishes our own events: at least once, each with its id as `Nats-Msg-Id`, so that the stream keeps one copy.

use super::Bus;
use crate::authorizations::{Authorizations, Unpublished};
use anyhow::Context as _;
use awe_client::nats::async_nats::HeaderMap;
use awe_client::nats::async_nats::jetstream::{self, stream};
use std::time::Duration;
use telemetry::Trace;

const BATCH: i64 = 100;
/// How long events are kept in the stream.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const MOST_BYTES: i64 = 1 << 30;
/// Of one publish.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Publishes what waits.
///
/// # Errors
/// NATS or the database failed; what was not published waits on.
pub async fn publish(bus: &Bus, authorizations: &Authorizations) -> anyhow::Result<()> {
    loop {
        let waiting = authorizations.unpublished(BATCH).await?;
        if waiting.is_empty() {
            return Ok(());
        }
        let context = jetstream::new(bus.connection.clone());
        let config = stream::Config {
            name: bus.stream(),
            subjects: vec![format!("{}.>", bus.prefix)],
            max_age: KEPT,
            max_bytes: MOST_BYTES,
            ..stream::Config::default()
        };
        tokio::time::timeout(TIMEOUT, context.get_or_create_stream(config))
            .await
            .context("NATS is silent")??;
        for Unpublished { position, event_id, subject, body, trace_context } in waiting {
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", event_id.to_string());
            headers.insert("Content-Type", "application/json");
            for (name, value) in
                trace_context.and_then(|text| Trace::from_text(&text)).iter().flat_map(Trace::headers)
            {
                headers.insert(name, value);
            }
            let sending = async {
                let body = serde_json::to_vec(&body)?;
                context.publish_with_headers(subject, headers, body.into()).await?.await?;
                anyhow::Ok(())
            };
            tokio::time::timeout(TIMEOUT, sending).await.context("NATS did not confirm an event")??;
            authorizations.published(&[position]).await?;
        }
    }
}
