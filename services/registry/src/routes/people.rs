//! What the portal has to know of who uses it, and of how they sign in.

use crate::app::App;
use crate::auth::{APPROVE, CREATE, Caller, DECIDE, VIEW};
use crate::error::ErrorBody;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// How a browser signs people in here.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SignIn {
    /// Of tokens, for sign-in by authorization code with PKCE; null in development mode.
    issuer: Option<String>,
    /// The public client of the portal.
    client_id: Option<String>,
    /// Unsigned tokens are accepted: whoever uses the page says who they are.
    development: bool,
}

#[utoipa::path(get, path = "/v1/registry/config", responses((status = 200, body = SignIn)))]
pub(super) async fn config(State(app): State<App>) -> Json<SignIn> {
    let auth = &app.settings.auth;
    let signed = !app.settings.is_development();
    Json(SignIn {
        issuer: signed.then(|| auth.issuer.clone()),
        client_id: signed.then(|| auth.role_client.clone()),
        development: !signed,
    })
}

/// Who the caller is, and what they may do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Me {
    subject: String,
    /// `changeRequest:view`, also where another role implies it, `changeRequest:create`, `changeRequest:decide`,
    /// `changeRequest:approve`.
    permissions: Vec<&'static str>,
}

#[utoipa::path(get, path = "/v1/registry/me",
    responses((status = 200, body = Me), (status = "4XX", body = ErrorBody)), security(("bearer" = [])))]
pub(super) async fn me(caller: Caller) -> Json<Me> {
    let roles = [CREATE, DECIDE, APPROVE].into_iter().filter(|role| caller.has(role));
    let permissions = roles.chain(caller.may_view().then_some(VIEW)).collect();
    Json(Me { subject: caller.subject, permissions })
}
