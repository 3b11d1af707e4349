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
    DirectoryUserOut,
};

type Answer<T> = Result<Json<Vec<T>>, ApiError>;

pub(super) async fn users(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryUserOut> {
    let found = state.keycloak()?.find_users(&query.q.unwrap_or_default()).await?;
    let out = |user: outbound::UserEntry| DirectoryUserOut {
        id: user.id,
        username: user.username,
        name: user.name,
        email: user.email,
        enabled: user.enabled,
    };
    Ok(Json(found.into_iter().map(out).collect()))
}

pub(super) async fn roles(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryRolesQuery>,
) -> Answer<DirectoryRoleOut> {
    let client = query.client;
    let found = state.keycloak()?.find_roles(&query.q.unwrap_or_default(), client.as_deref()).await;
    let found = found.map_err(|error| match error {
        DirectoryError::Unknown(why) => ApiError::query("client", why),
        unavailable @ DirectoryError::Unavailable(_) => unavailable.into(),
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
    let found = state.keycloak()?.find_groups(&query.q.unwrap_or_default()).await?;
    let out = |group: outbound::GroupEntry| DirectoryGroupOut { name: group.name, path: group.path };
    Ok(Json(found.into_iter().map(out).collect()))
}

pub(super) async fn clients(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryClientOut> {
    let found = state.keycloak()?.find_clients(&query.q.unwrap_or_default()).await?;
    let out =
        |client: outbound::ClientEntry| DirectoryClientOut { client_id: client.client_id, name: client.name };
    Ok(Json(found.into_iter().map(out).collect()))
}
