//! The staff directory, for whoever writes policies.

use crate::auth::Viewer;
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use outbound::{ClientEntry, DirectoryError, GroupEntry, RoleEntry, UserEntry};
use schemas::api::{
    DirectoryClientOut, DirectoryGroupOut, DirectoryQuery, DirectoryRoleOut, DirectoryRolesQuery,
    DirectoryUserOut, DirectoryUsersQuery,
};

type Answer<T> = Result<Json<Vec<T>>, ApiError>;

pub(super) async fn users(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryUsersQuery>,
) -> Answer<DirectoryUserOut> {
    let staff = state.staff()?;
    let ids: Vec<_> = query.id.into_iter().chain(query.ids).collect();
    let found = match ids.as_slice() {
        [id] => staff.user(id).await?.into_iter().collect(),
        [_, ..] => staff.users(&ids).await?,
        [] => staff.find_users(&query.q.unwrap_or_default()).await?,
    };
    Ok(Json(found.into_iter().map(user_out).collect()))
}

fn user_out(user: UserEntry) -> DirectoryUserOut {
    DirectoryUserOut {
        id: user.id,
        username: user.username,
        name: user.name,
        email: user.email,
        enabled: user.enabled,
        service_account: user.service_account,
    }
}

pub(super) async fn roles(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryRolesQuery>,
) -> Answer<DirectoryRoleOut> {
    let client = query.client;
    let found = state.staff()?.find_roles(&query.q.unwrap_or_default(), client.as_deref()).await;
    let found = found.map_err(client_refused)?.into_iter();
    Ok(Json(found.map(|role| role_out(role, client.clone())).collect()))
}

/// A client that the directory does not know is a mistake in the query.
fn client_refused(error: DirectoryError) -> ApiError {
    match error {
        DirectoryError::Unknown(why) => ApiError::query("client", why),
        other => other.into(),
    }
}

fn role_out(role: RoleEntry, client: Option<String>) -> DirectoryRoleOut {
    DirectoryRoleOut { name: role.name, client, description: role.description }
}

pub(super) async fn groups(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryGroupOut> {
    let found = state.staff()?.find_groups(&query.q.unwrap_or_default()).await?;
    let out = |group: GroupEntry| DirectoryGroupOut { name: group.name, path: group.path };
    Ok(Json(found.into_iter().map(out).collect()))
}

pub(super) async fn clients(
    State(state): State<AppState>,
    _: Viewer,
    Query(query): Query<DirectoryQuery>,
) -> Answer<DirectoryClientOut> {
    let found = state.staff()?.find_clients(&query.q.unwrap_or_default()).await?;
    let out = |client: ClientEntry| DirectoryClientOut { client_id: client.client_id, name: client.name };
    Ok(Json(found.into_iter().map(out).collect()))
}
