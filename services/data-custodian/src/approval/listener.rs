//! Learns from AWE's events how requests ended. All replicas share one durable consumer; each event is applied once, since
//! its id is stored in the transaction of what it changes.

use super::{ARTIFACT_TYPE, Awe, Bus};
use crate::authorizations::{Applied, Authorizations, Outcome};
use crate::metrics;
use anyhow::Context as _;
use awe_client::nats::Consumer;
use awe_client::{AnyEvent, EventType, WebhookEvent};
use std::time::Duration;
use telemetry::Trace;
use telemetry::trace::{TRACEPARENT, TRACESTATE};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use uuid::Uuid;

/// After so long another replica gets an event whose handler has died.
const ACK_WAIT: Duration = Duration::from_secs(15);

/// Applies events until `stop`.
///
/// # Errors
/// The connection was closed.
pub async fn listen(
    bus: &Bus,
    awe: &Awe,
    authorizations: &Authorizations,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let consumer = Consumer::new(bus.connection.clone(), &bus.durable)
        .artifact_type(ARTIFACT_TYPE)
        .prefix(&bus.awe_prefix)
        .ack_wait(ACK_WAIT);
    let stopped = async move { stop.cancelled().await };
    let handle = |event: AnyEvent| async move {
        traced(event, awe, authorizations).await.map_err(|error| format!("{error:#}"))
    };
    Ok(consumer.run_until(stopped, handle).await?)
}

/// Applies an event as a part of the trace that it belongs to.
async fn traced(event: AnyEvent, awe: &Awe, authorizations: &Authorizations) -> anyhow::Result<()> {
    let Some(event) = event.known() else { return Ok(()) };
    let said = |name| event.carrier.get(name).map(String::as_str);
    let place = Trace::from_headers(said(TRACEPARENT), said(TRACESTATE));
    Trace::around(place, async {
        let span = tracing::info_span!(
            "process",
            otel.kind = "consumer",
            messaging.system = "nats",
            messaging.message.id = event.event_id,
            awe.event.type = event.event_type.as_str(),
        );
        apply(event, awe, authorizations).instrument(span).await
    })
    .await
}

async fn apply(event: &WebhookEvent, awe: &Awe, authorizations: &Authorizations) -> anyhow::Result<()> {
    let outcome = match event.event_type {
        EventType::RequestApproved => Outcome::Active,
        EventType::RequestRejected | EventType::RequestCancelled | EventType::RequestExpired => {
            Outcome::Revoked
        }
        _ => return Ok(()),
    };
    let Ok(request) = Uuid::parse_str(&event.request_id) else { return Ok(()) };
    // Messages on NATS are not signed, and this one gives data away.
    if !is_genuine(awe, event).await? {
        tracing::error!(event_id = event.event_id, "an event is not AWE's; it changes nothing");
        metrics::forged();
        return Ok(());
    }
    let applied = authorizations.apply(request, outcome, Some(&event.event_id)).await?;
    if applied == Applied::Changed {
        metrics::approval(outcome.word());
        metrics::lag((OffsetDateTime::now_utc() - event.occurred_at).try_into().unwrap_or_default());
        tracing::info!(%request, ?outcome, event_id = event.event_id, "an authorization no longer waits");
    }
    Ok(())
}

async fn is_genuine(awe: &Awe, event: &WebhookEvent) -> anyhow::Result<bool> {
    match awe.client().context("no AWE is configured")?.confirm(event).await {
        Ok(is_known) => Ok(is_known),
        // Not even its request is known: asking again would lead nowhere.
        Err(error) if error.status() == Some(404) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
