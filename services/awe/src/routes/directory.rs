//! The staff directory, for whoever writes policies.

use crate::auth::Viewer;
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use outbound::DirectoryError;
use schemas::api::{
    DirectoryClientOut, DirectoryGroupOut, DirectoryQuery, DirectoryRoleOut, DirectoryRolesQuery,
    DirectoryUserOut, DirectoryUsersQuery,
};

type Answer<T> = Result<Json<Vec<T>>, ApiError>;

/// Refuses somebody of whom the directory says that they do not exist or are disabled. Where there is no directory, or
/// it does not answer in time, nobody is refused.
pub(super) async fn known(state: &AppState, field: &str, user: &str) -> Result<(), ApiError> {
    if state.requests()?.may_sit(user).await == Some(false) {
        let why = format!("the staff directory knows no enabled user {user:?}");
        return Err(ApiError::body(field, why));
    }
    Ok(())
}

pub(super) async fn users(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryUsersQuery>,
) -> Answer<DirectoryUserOut> {
    let staff = state.staff()?;
    let found = match query.id {
        Some(id) => staff.user(&id).await?.into_iter().collect(),
        None => staff.find_users(&query.q.unwrap_or_default()).await?,
    };
    let out = |user: outbound::UserEntry| DirectoryUserOut {
        id: user.id,
        username: user.username,
        name: user.name,
        email: user.email,
        enabled: user.enabled,
        service_account: user.service_account,
    };
    Ok(Json(found.into_iter().map(out).collect()))
}

pub(super) async fn roles(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryRolesQuery>,
) -> Answer<DirectoryRoleOut> {
    let client = query.client;
    let found = state.staff()?.find_roles(&query.q.unwrap_or_default(), client.as_deref()).await;
    let found = found.map_err(|error| match error {
        DirectoryError::Unknown(why) => ApiError::query("client", why),
        other => other.into(),
    })?;
    let out = |role: outbound::RoleEntry| DirectoryRoleOut {
        name: role.name,
        client: client.clone(),
        description: role.description,
    };
    Ok(Json(found.into_iter().map(out).collect()))
}

pub(super) async fn groups(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryGroupOut> {
    let found = state.staff()?.find_groups(&query.q.unwrap_or_default()).await?;
    let out = |group: outbound::GroupEntry| DirectoryGroupOut { name: group.name, path: group.path };
    Ok(Json(found.into_iter().map(out).collect()))
}

pub(super) async fn clients(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryClientOut> {
    let found = state.staff()?.find_clients(&query.q.unwrap_or_default()).await?;
    let out =
        |client: outbound::ClientEntry| DirectoryClientOut { client_id: client.client_id, name: client.name };
    Ok(Json(found.into_iter().map(out).collect()))
}
