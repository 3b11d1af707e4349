//! The HTTP API, one file a resource.
//!
//! The rule of this folder: a handler takes what it needs out of the request, makes one call and turns the outcome into
//! an answer, in at most 15 lines. The call is one of a room below, or of [`crate::operations`] where there is more to
//! do than that. Who may call at all is said by the extractors of [`crate::auth`].

mod audit;
mod delegations;
mod deliveries;
mod directory;
mod evidence;
mod page;
mod pages;
mod policies;
mod requests;
mod secrets;
mod system;
mod system_config;
mod tasks;

use crate::state::AppState;
use axum::Router;
use axum::routing::{delete, get, patch, post, put};

pub use pages::home;

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
