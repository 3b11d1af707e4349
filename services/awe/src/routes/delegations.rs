//! Who sits for whom while they are away.

use crate::auth::{Identity, Listing};
use crate::error::ApiError;
use crate::extract::{Body, DelegationId, Key, Query};
use crate::operations::delegations;
use crate::operations::once::{self, Answered};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemas::api::{DelegationCreate, DelegationOut, ListDelegationsQuery};

pub(super) async fn list(
    State(state): State<AppState>,
    caller: Identity,
    _: Listing,
    Query(query): Query<ListDelegationsQuery>,
) -> Result<Json<Vec<DelegationOut>>, ApiError> {
    let user_id = delegations::shown_to(caller, query.user_id)?;
    Ok(Json(state.store().list_delegations(user_id.as_deref(), query.limit).await?))
}

pub(super) async fn create(
    State(state): State<AppState>,
    caller: Identity,
    key: Key,
    Body(body): Body<DelegationCreate>,
) -> Result<Answered<(StatusCode, Json<DelegationOut>)>, ApiError> {
    let once = key.of(&caller, &body)?;
    let creating = delegations::create(&state, &caller, once.as_ref(), &body);
    let created = once::answer(&state, once.as_ref(), creating).await?;
    Ok(created.map(|created| (StatusCode::CREATED, Json(created))))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    caller: Identity,
    DelegationId(id): DelegationId,
) -> Result<StatusCode, ApiError> {
    delegations::remove(&state, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
