//! The HTTP API, one file a resource. A handler takes what it needs out of the request, makes one call and turns
//! the outcome into an answer; rules live below.

mod audit;
mod delegations;
mod deliveries;
mod directory;
mod evidence;
mod pages;
mod policies;
mod requests;
mod secrets;
mod system;
mod system_config;
mod tasks;

use crate::error::ApiError;
use crate::state::AppState;
use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{delete, get, patch, post, put};

pub use pages::home;
pub(crate) use policies::read_policy;

/// Every route lies under it.
pub const BASE: &str = "/v1/awe";

/// Routes that need no token and answer from the first moment on.
pub fn open() -> Router<AppState> {
    Router::new()
        .route("/v1/awe/health", get(system::health))
        .route("/v1/awe/version", get(system::version))
        .route("/v1/awe/config", get(system::config))
        .merge(pages::router())
}

/// Routes that need a token.
pub fn guarded() -> Router<AppState> {
    Router::new().merge(policy_routes()).merge(request_routes()).merge(task_routes()).merge(admin_routes())
}

fn policy_routes() -> Router<AppState> {
    let version = "/v1/awe/policies/{policy_key}/versions/{version}";
    Router::new()
        .route("/v1/awe/policies", get(policies::list).post(policies::create))
        .route("/v1/awe/policies/{policy_key}", put(policies::add_version))
        .route("/v1/awe/policies/{policy_key}/versions", get(policies::list_versions))
        .route(version, get(policies::read).merge(patch(policies::update)))
        .route(&format!("{version}/activate"), post(policies::activate))
        .route(&format!("{version}/deactivate"), post(policies::deactivate))
        .route(&format!("{version}/simulate"), post(policies::simulate))
}

fn request_routes() -> Router<AppState> {
    Router::new()
        .route("/v1/awe/requests", get(requests::list).post(requests::create))
        .route("/v1/awe/requests/{request_id}", get(requests::read))
        .route("/v1/awe/requests/{request_id}/events", get(requests::events))
        .route("/v1/awe/requests/{request_id}/evidence", get(evidence::read))
        .route("/v1/awe/requests/{request_id}/cancel", post(requests::cancel))
}

fn task_routes() -> Router<AppState> {
    Router::new()
        .route("/v1/awe/tasks", get(tasks::list))
        .route("/v1/awe/tasks/stats", get(tasks::stats))
        .route("/v1/awe/tasks/{task_id}/claim", post(tasks::claim))
        .route("/v1/awe/tasks/{task_id}/decision", post(tasks::decide))
        .route("/v1/awe/tasks/{task_id}/reassign", post(tasks::reassign))
        .route("/v1/awe/delegations", get(delegations::list).post(delegations::create))
        .route("/v1/awe/delegations/{delegation_id}", delete(delegations::remove))
}

fn admin_routes() -> Router<AppState> {
    Router::new()
        .route("/v1/awe/admin/deliveries", get(deliveries::list))
        .route("/v1/awe/admin/deliveries/retry", post(deliveries::retry_many))
        .route("/v1/awe/admin/deliveries/{delivery_id}/attempts", get(deliveries::attempts))
        .route("/v1/awe/admin/deliveries/{delivery_id}/retry", post(deliveries::retry))
        .route("/v1/awe/admin/audit", get(audit::list))
        .route("/v1/awe/admin/system-config", get(system_config::read))
        .route("/v1/awe/admin/system-config/export", get(system_config::export))
        .route("/v1/awe/admin/directory/users", get(directory::users))
        .route("/v1/awe/admin/directory/roles", get(directory::roles))
        .route("/v1/awe/admin/directory/groups", get(directory::groups))
        .route("/v1/awe/admin/directory/clients", get(directory::clients))
        .route("/v1/awe/admin/callback-secrets", get(secrets::list).post(secrets::create))
        .route("/v1/awe/admin/callback-secrets/{secret_id}", delete(secrets::revoke).patch(secrets::update))
        .route("/v1/awe/admin/callback-secrets/{secret_id}/rotate", post(secrets::rotate))
        .route("/v1/awe/admin/callback-secrets/{secret_id}/ping", post(secrets::ping))
}

/// `X-Next-Cursor`, when there is a next page.
fn next_cursor(cursor: Option<String>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(value) = cursor.and_then(|cursor| cursor.parse().ok()) {
        headers.insert("x-next-cursor", value);
    }
    headers
}

/// The cursor of the page before.
fn cursor(text: Option<&str>) -> Result<Option<store::page::Cursor>, ApiError> {
    let malformed = || ApiError::query("cursor", "is not an X-Next-Cursor of this list");
    text.map(|text| store::page::Cursor::parse(text).ok_or_else(malformed)).transpose()
}

/// A filter that knows only some words.
fn word(name: &str, value: Option<&str>, known: &[&str]) -> Result<(), ApiError> {
    match value {
        Some(value) if !known.contains(&value) => {
            Err(ApiError::query(name, format!("must be one of {}", known.join(", "))))
        }
        _ => Ok(()),
    }
}
