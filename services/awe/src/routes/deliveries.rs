//! Webhook deliveries, for operators.

use super::page::{cursor, next_cursor};
use crate::auth::{Admin, Listing, Viewer};
use crate::error::ApiError;
use crate::extract::{DeliveryId, OptionalBody, Query, check_word, unknown_word};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use schemas::api::{
    DeliveryAttemptOut, DeliveryOut, DeliveryStatus, ListDeliveriesQuery, RequeuedOut, RetryDeliveriesIn,
};
use store::deliveries::admin::DeliveryFilter;
use store::page::List;

pub(super) async fn list(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    Query(query): Query<ListDeliveriesQuery>,
) -> Result<(HeaderMap, Json<Vec<DeliveryOut>>), ApiError> {
    let (deliveries, next) = state.store().list_deliveries(&filter(query)?).await?;
    Ok((next_cursor(next), Json(deliveries)))
}

fn filter(query: ListDeliveriesQuery) -> Result<DeliveryFilter, ApiError> {
    check_word("status", query.status.as_deref(), &DeliveryStatus::WORDS)?;
    Ok(DeliveryFilter {
        cursor: cursor(List::Deliveries, query.cursor.as_deref())?,
        status: query.status,
        request_id: query.request_id,
        event_type: query.event_type,
        endpoint: query.endpoint,
        artifact_id: query.artifact_id,
        since: query.since,
        until: query.until,
        limit: query.limit,
        ..DeliveryFilter::default()
    })
}

pub(super) async fn attempts(
    State(state): State<AppState>,
    _: Viewer,
    DeliveryId(id): DeliveryId,
) -> Result<Json<Vec<DeliveryAttemptOut>>, ApiError> {
    Ok(Json(state.store().list_attempts(id).await?))
}

pub(super) async fn retry(
    State(state): State<AppState>,
    Admin(admin): Admin,
    DeliveryId(id): DeliveryId,
) -> Result<Json<DeliveryOut>, ApiError> {
    Ok(Json(state.store().retry_delivery(id, &admin.actor()).await?))
}

pub(super) async fn retry_many(
    State(state): State<AppState>,
    Admin(admin): Admin,
    OptionalBody(body): OptionalBody<RetryDeliveriesIn>,
) -> Result<Json<RequeuedOut>, ApiError> {
    if let Some(message) = body.status.as_deref().and_then(|word| unknown_word(word, &DeliveryStatus::WORDS))
    {
        return Err(ApiError::body("status", message));
    }
    if body.dry_run {
        let (would, more) = state.store().count_retriable(&body).await?;
        return Ok(Json(RequeuedOut::dry(would, more)));
    }
    let requeued = state.store().retry_deliveries(&body, &admin.actor(), |_| ()).await?;
    Ok(Json(RequeuedOut::of(i64::try_from(requeued).unwrap_or(i64::MAX))))
}
