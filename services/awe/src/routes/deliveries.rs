//! Webhook deliveries, for operators.

use super::page::{cursor, next_cursor};
use crate::auth::{Admin, Listing, Viewer};
use crate::error::ApiError;
use crate::extract::{DeliveryId, Key, OptionalBody, Query, check_word};
use crate::operations::deliveries;
use crate::operations::once::{self, Answered};
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
    key: Key,
) -> Result<Answered<Json<DeliveryOut>>, ApiError> {
    let once = key.of(&admin, &())?;
    let actor = admin.acting(once.as_ref());
    let retrying = async { Ok(state.store().retry_delivery(id, &actor).await?) };
    Ok(once::answer(&state, once.as_ref(), retrying).await?.map(Json))
}

pub(super) async fn retry_many(
    State(state): State<AppState>,
    Admin(admin): Admin,
    key: Key,
    OptionalBody(body): OptionalBody<RetryDeliveriesIn>,
) -> Result<Answered<Json<RequeuedOut>>, ApiError> {
    // A dry run does nothing that could be done twice.
    let once = if body.dry_run { None } else { key.of(&admin, &body)? };
    let retrying = deliveries::retry(&state, &admin, once.as_ref(), &body);
    Ok(once::answer(&state, once.as_ref(), retrying).await?.map(Json))
}
