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
mod feed;
mod overview;
mod page;
mod pages;
mod policies;
mod requests;
mod secrets;
mod server_sent;
mod system;
mod system_config;
mod tasks;

use crate::state::AppState;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, patch, post, put};

pub use pages::home;

/// A path, and its handlers by method.
type Route = (&'static str, MethodRouter<AppState>);

/// Routes that need no token and answer from the first moment on.
pub fn open() -> Router<AppState> {
    router(open_routes())
}

/// Routes that need a token.
pub fn guarded() -> Router<AppState> {
    router(guarded_routes())
}

/// The path of every route.
#[must_use]
pub fn paths() -> Vec<&'static str> {
    open_routes().into_iter().chain(guarded_routes()).map(|(path, _)| path).collect()
}

fn router(routes: Vec<Route>) -> Router<AppState> {
    routes.into_iter().fold(Router::new(), |router, (path, handlers)| router.route(path, handlers))
}

fn open_routes() -> Vec<Route> {
    let mut routes = vec![
        ("/v1/awe/health", get(system::health)),
        ("/v1/awe/health/live", get(system::live)),
        ("/v1/awe/health/ready", get(system::ready)),
        ("/v1/awe/health/startup", get(system::startup)),
        ("/v1/awe/version", get(system::version)),
        ("/v1/awe/config", get(system::config)),
    ];
    routes.extend(pages::routes());
    routes
}

fn guarded_routes() -> Vec<Route> {
    [own_routes(), policy_routes(), request_routes(), feed_routes(), task_routes(), admin_routes()].concat()
}

fn own_routes() -> Vec<Route> {
    vec![("/v1/awe/me", get(system::me))]
}

fn policy_routes() -> Vec<Route> {
    vec![
        ("/v1/awe/policies", get(policies::list).post(policies::create)),
        ("/v1/awe/policies/validate", post(policies::validate)),
        ("/v1/awe/policies/{policy_key}", put(policies::add_version)),
        ("/v1/awe/policies/{policy_key}/versions", get(policies::list_versions)),
        (
            "/v1/awe/policies/{policy_key}/versions/{version}",
            get(policies::read).merge(patch(policies::update)),
        ),
        ("/v1/awe/policies/{policy_key}/versions/{version}/activate", post(policies::activate)),
        ("/v1/awe/policies/{policy_key}/versions/{version}/deactivate", post(policies::deactivate)),
        ("/v1/awe/policies/{policy_key}/versions/{version}/diff", get(policies::diff)),
        ("/v1/awe/policies/{policy_key}/versions/{version}/simulate", post(policies::simulate)),
        ("/v1/awe/policies/{policy_key}/versions/{version}/replay", post(policies::replay)),
    ]
}

fn request_routes() -> Vec<Route> {
    vec![
        ("/v1/awe/requests", get(requests::list).post(requests::create)),
        ("/v1/awe/requests/{request_id}", get(requests::read)),
        ("/v1/awe/requests/{request_id}/progress", get(requests::progress)),
        ("/v1/awe/requests/{request_id}/events", get(requests::events)),
        ("/v1/awe/requests/{request_id}/evidence", get(evidence::read)),
        ("/v1/awe/requests/{request_id}/cancel", post(requests::cancel)),
    ]
}

fn feed_routes() -> Vec<Route> {
    vec![("/v1/awe/events", get(feed::list)), ("/v1/awe/stream", get(feed::follow))]
}

fn task_routes() -> Vec<Route> {
    vec![
        ("/v1/awe/tasks", get(tasks::list)),
        ("/v1/awe/tasks/stats", get(tasks::stats)),
        ("/v1/awe/tasks/decisions", post(tasks::decide_many)),
        ("/v1/awe/tasks/{task_id}", get(tasks::read)),
        ("/v1/awe/tasks/{task_id}/claim", post(tasks::claim)),
        ("/v1/awe/tasks/{task_id}/decision", post(tasks::decide)),
        ("/v1/awe/tasks/{task_id}/reassign", post(tasks::reassign)),
        ("/v1/awe/delegations", get(delegations::list).post(delegations::create)),
        ("/v1/awe/delegations/{delegation_id}", delete(delegations::remove)),
    ]
}

fn admin_routes() -> Vec<Route> {
    vec![
        ("/v1/awe/admin/deliveries", get(deliveries::list)),
        ("/v1/awe/admin/deliveries/retry", post(deliveries::retry_many)),
        ("/v1/awe/admin/deliveries/{delivery_id}/attempts", get(deliveries::attempts)),
        ("/v1/awe/admin/deliveries/{delivery_id}/retry", post(deliveries::retry)),
        ("/v1/awe/admin/audit", get(audit::list)),
        ("/v1/awe/admin/endpoints", get(overview::endpoints)),
        ("/v1/awe/admin/health", get(system::parts)),
        ("/v1/awe/stats/overview", get(overview::read)),
        ("/v1/awe/admin/log-level", get(system_config::log_level).put(system_config::set_log_level)),
        ("/v1/awe/admin/system-config", get(system_config::read)),
        ("/v1/awe/admin/system-config/export", get(system_config::export)),
        ("/v1/awe/admin/directory/users", get(directory::users)),
        ("/v1/awe/admin/directory/roles", get(directory::roles)),
        ("/v1/awe/admin/directory/groups", get(directory::groups)),
        ("/v1/awe/admin/directory/clients", get(directory::clients)),
        ("/v1/awe/admin/callback-secrets", get(secrets::list).post(secrets::create)),
        ("/v1/awe/admin/callback-secrets/{secret_id}", delete(secrets::revoke).patch(secrets::update)),
        ("/v1/awe/admin/callback-secrets/{secret_id}/rotate", post(secrets::rotate)),
        ("/v1/awe/admin/callback-secrets/{secret_id}/ping", post(secrets::ping)),
    ]
}
