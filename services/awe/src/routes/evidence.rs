//! Everything that is known of one request, for auditors.

use crate::auth::{Listing, Viewer};
use crate::error::ApiError;
use crate::evidence::redact;
use crate::extract::RequestId;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use schemas::api::EvidenceOut;

pub(super) async fn read(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    RequestId(id): RequestId,
) -> Result<([(HeaderName, HeaderValue); 1], Json<EvidenceOut>), ApiError> {
    let mut evidence = state.store().snapshot_evidence().await?.of_request(id).await?;
    redact(&mut evidence);
    Ok(([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(evidence)))
}
