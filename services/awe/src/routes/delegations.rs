//! Delegations: anyone's for an administrator, one's own for everybody else.

use super::directory::known;
use crate::auth::{Identity, Listing};
use crate::error::{ApiError, Reason};
use crate::extract::{Body, DelegationId, Query};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use schemas::api::{DelegationCreate, DelegationOut, ListDelegationsQuery};

fn own(caller: &Identity, user_id: &str) -> Result<(), ApiError> {
    if caller.is_admin() || caller.subject == user_id {
        return Ok(());
    }
    let text = "only an administrator may manage delegations of somebody else";
    Err(ApiError::new(Reason::NotYours, text))
}

/// Whoever seats a person looks again at their delegations when these have changed meanwhile: without a bound, one who
/// changes them without a pause would keep others from seating them.
async fn not_too_often(caller: &Identity, state: &AppState) -> Result<(), ApiError> {
    let admitted = caller.is_admin() || state.delegation_changes().admits(&caller.subject).await;
    if admitted { Ok(()) } else { Err(Reason::TooManyRequests.into()) }
}

pub(super) async fn list(
    State(state): State<AppState>,
    caller: Identity,
    _: Listing,
    Query(query): Query<ListDelegationsQuery>,
) -> Result<Json<Vec<DelegationOut>>, ApiError> {
    let user_id = match query.user_id {
        Some(user_id) => own(&caller, &user_id).map(|()| Some(user_id))?,
        None => (!caller.is_admin()).then_some(caller.subject),
    };
    Ok(Json(state.store().list_delegations(user_id.as_deref(), query.limit).await?))
}

pub(super) async fn create(
    State(state): State<AppState>,
    caller: Identity,
    Body(body): Body<DelegationCreate>,
) -> Result<(StatusCode, Json<DelegationOut>), ApiError> {
    own(&caller, &body.user_id)?;
    if body.starts_at >= body.ends_at {
        return Err(ApiError::invalid("field ends_at: must be after starts_at"));
    }
    if body.user_id == body.delegate_to {
        return Err(ApiError::invalid("field delegate_to: nobody can delegate to themselves"));
    }
    not_too_often(&caller, &state).await?;
    known(&state, "delegate_to", &body.delegate_to).await?;
    if body.user_id != caller.subject {
        known(&state, "user_id", &body.user_id).await?;
    }
    let created = state.store().create_delegation(&body, &caller.actor()).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn remove(
    State(state): State<AppState>,
    caller: Identity,
    DelegationId(id): DelegationId,
) -> Result<StatusCode, ApiError> {
    own(&caller, &state.store().get_delegation(id).await?.user_id)?;
    not_too_often(&caller, &state).await?;
    state.store().delete_delegation(id, &caller.actor()).await?;
    Ok(StatusCode::NO_CONTENT)
}
