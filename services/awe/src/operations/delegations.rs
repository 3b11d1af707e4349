//! Delegations: an administrator manages anybody's, everybody else their own.

use super::people::check_known;
use crate::auth::Identity;
use crate::error::{ApiError, Reason};
use crate::state::AppState;
use schemas::api::{DelegationCreate, DelegationOut};
use store::once::Once;
use uuid::Uuid;

fn check_own(caller: &Identity, user_id: &str) -> Result<(), ApiError> {
    if caller.is_admin() || caller.subject == user_id {
        return Ok(());
    }
    let text = "only an administrator may manage delegations of somebody else";
    Err(ApiError::new(Reason::NotYours, text))
}

/// Bounds how often one caller changes delegations. Each change makes the commits that seat this person read their
/// delegations again, so changes without a pause would keep such commits from succeeding.
async fn check_rate(caller: &Identity, state: &AppState) -> Result<(), ApiError> {
    let admitted = caller.is_admin() || state.delegation_changes().admits(&caller.subject).await;
    if admitted { Ok(()) } else { Err(Reason::TooManyRequests.into()) }
}

/// Whose delegations a caller who asks for those of `user_id` is shown; `None` = everybody's.
pub(crate) fn shown_to(caller: Identity, user_id: Option<String>) -> Result<Option<String>, ApiError> {
    match user_id {
        Some(user_id) => check_own(&caller, &user_id).map(|()| Some(user_id)),
        None => Ok((!caller.is_admin()).then_some(caller.subject)),
    }
}

pub(crate) async fn create(
    state: &AppState,
    caller: &Identity,
    once: Option<&Once>,
    body: &DelegationCreate,
) -> Result<DelegationOut, ApiError> {
    check_own(caller, &body.user_id)?;
    if body.starts_at >= body.ends_at {
        return Err(ApiError::invalid("field ends_at: must be after starts_at"));
    }
    if body.user_id == body.delegate_to {
        return Err(ApiError::invalid("field delegate_to: nobody can delegate to themselves"));
    }
    check_rate(caller, state).await?;
    check_known(state, "delegate_to", &body.delegate_to).await?;
    if body.user_id != caller.subject {
        check_known(state, "user_id", &body.user_id).await?;
    }
    Ok(state.store().create_delegation(body, &caller.acting(once)).await?)
}

pub(crate) async fn remove(state: &AppState, caller: &Identity, id: Uuid) -> Result<(), ApiError> {
    check_own(caller, &state.store().get_delegation(id).await?.user_id)?;
    check_rate(caller, state).await?;
    state.store().delete_delegation(id, &caller.actor()).await?;
    Ok(())
}
