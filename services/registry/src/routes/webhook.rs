//! AWE tells what became of a request.

use crate::app::App;
use crate::error::{ApiError, Code, ErrorBody};
use crate::events::{MOST_ID, News, NewsError, take};
use crate::extract::whole;
use crate::settle::SettleError;
use crate::told;
use awe_client::AnyEvent;
use awe_client::webhook::{VerificationKind, verify};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};

const MOST_BYTES: usize = 1024 * 1024;

#[utoipa::path(post, path = "/v1/registry/awe/webhooks/decision",
    description = "Where AWE sends its webhooks; the signature is the authentication.",
    request_body(content = Object, description = "An event of AWE"),
    responses((status = 200, description = "Known, applied or not needed"), (status = "4XX", body = ErrorBody),
        (status = "5XX", description = "Send it again", body = ErrorBody)))]
// snippet: webhook
pub(super) async fn decision(
    State(app): State<App>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let raw = whole(&app, body, MOST_BYTES).await?;
    let event = verified(&app, &headers, &raw)?;
    let taken = take(&app.db, &News::of(&event)).await;
    told::webhook(&taken);
    match taken {
        Ok(changed) => {
            tracing::info!(event_id = event.event_id(), event_type = event.event_type(), changed, "webhook");
            Ok(StatusCode::OK)
        }
        // Sent again, these succeed: the change request is committed by then, the older change has ended.
        Err(error @ NewsError::NotYetKnown) => {
            Err(ApiError::new(Code::UnknownChangeRequest, error.to_string()).again_after(5))
        }
        Err(error @ NewsError::Settle(SettleError::OlderPending)) => {
            Err(ApiError::new(Code::OlderPending, error.to_string()).again_after(5))
        }
        Err(NewsError::Settle(error)) => Err(error.into()),
    }
}
// end snippet

/// The event, if one of our secrets signed these bytes within five minutes of now.
fn verified(app: &App, headers: &HeaderMap, raw: &[u8]) -> Result<AnyEvent, ApiError> {
    let event = verify(raw, headers, &app.settings.callback_secrets()).map_err(|refused| {
        told::refused_webhook();
        tracing::warn!(kind = refused.kind().as_str(), "a webhook was refused: {refused}");
        match refused.kind() {
            VerificationKind::BadPayload => {
                ApiError::schema("the body is signed, and no event").with_status(StatusCode::BAD_REQUEST)
            }
            _ => ApiError::new(Code::Token, "the webhook is not signed right"),
        }
    })?;
    let id = event.event_id();
    let named = ["webhook-id", "x-approval-event-id"].map(|name| headers.get(name)).into_iter().flatten();
    let is_line = (1..=MOST_ID).contains(&id.chars().count()) && !id.contains(char::is_control);
    if !is_line || named.into_iter().any(|named| named.as_bytes() != id.as_bytes()) {
        let wrong = ApiError::schema("event_id is not the id in the headers");
        return Err(wrong.with_status(StatusCode::BAD_REQUEST));
    }
    Ok(event)
}
