//! A test event: noted in the audit trail, signed and sent as a webhook is.

use super::once;
use crate::auth::Identity;
use crate::error::ApiError;
use crate::state::AppState;
use actors::Signer;
use schemas::api::CallbackPingOut;
use store::once::Once;
use time::OffsetDateTime;
use uuid::Uuid;

/// Sends one to `url`, signed with the secret `id`. The audit row is written first, so that it exists whatever comes of
/// the call; a key is noted with it, so that the call is made once whatever becomes of this process.
pub(crate) async fn ping(
    state: &AppState,
    admin: &Identity,
    once: Option<&Once>,
    id: Uuid,
    url: &str,
) -> Result<CallbackPingOut, ApiError> {
    state.egress().check_url(url).map_err(|why| ApiError::invalid(format!("field url: {why}")))?;
    let (event_id, actor) = (Uuid::now_v7(), admin.acting(once));
    let caller_service = state.store().note_ping(id, event_id, url, &actor).await?;
    let event = schemas::event::ping(event_id, id, &actor.subject, OffsetDateTime::now_utc());
    let signer = Signer { caller_service: &caller_service, callback_secret_id: Some(id) };
    let live = state.courier().secrets(signer).await?;
    let sent = state.courier().send(url, &caller_service, &event, &live).await;
    let answer = sent.outcome.as_ref().ok();
    let outcome = CallbackPingOut {
        event_id,
        delivered: sent.error().is_none(),
        status_code: answer.map(|answer| i32::from(answer.status)),
        latency_ms: i64::from(sent.latency_ms()),
        error: sent.error(),
        failed_by: sent.failed_by().map(str::to_owned),
        response_excerpt: answer.map(|answer| answer.excerpt.clone()),
    };
    once::settle(state, once, &outcome).await?;
    Ok(outcome)
}
