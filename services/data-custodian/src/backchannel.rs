//! The back-channel: authorization servers have grants stored that customers agreed to. It has a listener of its own, on
//! which nothing is answered before the credential was seen.

mod answer;
mod body;
mod credential;
mod rate;

pub use answer::{ErrorOut, Failure};
pub use credential::Credential;
pub use rate::Rates;

use crate::grant::{Grant, GrantError, PendingOut, Provisioned, Refusal, check, persist};
use crate::state::App;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use uuid::Uuid;

/// Where grants are sent.
pub const SUBSCRIPTIONS: &str = "/internal/backchannel/v1/subscriptions";
/// Where operators read the settings.
pub const SETTINGS: &str = "/internal/system/v1/config";

/// All of the internal listener.
pub fn router(app: App) -> Router {
    Router::new()
        .route(SUBSCRIPTIONS, post(subscriptions))
        .route(SETTINGS, get(settings))
        .method_not_allowed_fallback(async || Failure::method())
        .fallback(async || Failure::no_such_path())
        .layer(from_fn_with_state(app.clone(), guarded))
        .with_state(app)
}

/// The credential first: before a path is looked up, and before a byte of the body is read.
async fn guarded(State(app): State<App>, request: Request, next: Next) -> Response {
    if !app.credential.fits(request.headers()) {
        app.metrics.credentials_refused.add(1);
        return Failure::unauthorized().into_response();
    }
    let limit = Duration::from_secs(app.config.server.request_timeout_seconds);
    match tokio::time::timeout(limit, AssertUnwindSafe(next.run(request)).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a route of the back-channel panicked");
            Failure::fault().into_response()
        }
        Err(_) => {
            Failure::unavailable("the call took too long; whether it was done is not known").into_response()
        }
    }
}

async fn settings(State(app): State<App>) -> Response {
    Json(&*app.config).into_response()
}

async fn subscriptions(State(app): State<App>, request: Request) -> Response {
    match provision(&app, request).await {
        Ok(Provisioned::Granted(out)) => (StatusCode::CREATED, Json(out)).into_response(),
        Ok(Provisioned::Pending(out)) => (StatusCode::ACCEPTED, Json(out)).into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn provision(app: &App, request: Request) -> Result<Provisioned, Failure> {
    let grant = match body::read(request, &app.config.server).await {
        Err(failure) => {
            app.metrics.grants_refused.add(1);
            return Err(failure);
        }
        Ok(members) => {
            if let Some(client_id) = members.get("client_id").and_then(serde_json::Value::as_str)
                && let Err(wait) = app.rates.take(client_id)
            {
                app.metrics.grants_limited.add(1);
                return Err(Failure::limited(wait));
            }
            body::grant(members)
        }
    };
    let grant = grant.map_err(|refusal| refused(app, &refusal))?;
    let (correlation, client) = (logged(&grant.correlation_id), grant.client_id.clone());
    let points = grant.selected_usage_point_ids.len();
    match store(app, grant).await {
        Ok(provisioned) => {
            let (id, status) = match &provisioned {
                Provisioned::Granted(out) => (out.authorization_id, "ACTIVE"),
                Provisioned::Pending(out) => (out.authorization_id, "PENDING"),
            };
            tracing::info!(correlation, authorization_id = %id, client, points, status, "a grant was stored");
            Ok(provisioned)
        }
        Err(GrantError::Refused(refusal)) => Err(refused(app, &refusal)),
        Err(GrantError::Unavailable(why)) => {
            app.metrics.grants_unavailable.add(1);
            Err(Failure::unavailable(&why))
        }
        Err(GrantError::Database(error)) => Err(Failure::of_database(&error)),
    }
}

/// Checks and stores a grant: whatever way it came, nothing is stored unless all of it is.
///
/// # Errors
/// [`GrantError`].
pub async fn store(app: &App, grant: Grant) -> Result<Provisioned, GrantError> {
    let mut transaction = app.pool.begin().await?;
    let checked = check(&mut transaction, grant).await?;
    let id = Uuid::new_v4();
    let uris = app.authorizations.uris();
    let Some(policy_key) = checked.policy_key.clone() else {
        let stored = persist(&mut transaction, &checked, id, None, uris).await?;
        transaction.commit().await?;
        app.metrics.grants_active.add(1);
        return Ok(Provisioned::Granted(stored.out));
    };
    // No transaction is open while somebody else is asked.
    transaction.rollback().await?;
    let asked = app.awe.ask(&checked, id, &policy_key, uris).await;
    let awe_request_id = asked.map_err(|error| {
        tracing::warn!(%error, source = ?std::error::Error::source(&error).map(ToString::to_string), policy_key, "approval could not be asked for");
        GrantError::Unavailable(format!("{error}; nothing was stored, so the call may be sent again"))
    })?;
    match store_pending(app, &checked, id, awe_request_id).await {
        Ok(out) => {
            app.metrics.grants_pending.add(1);
            Ok(Provisioned::Pending(out))
        }
        Err(error) => {
            let awe = app.awe.clone();
            // Nobody waits for it. If this is lost too, the request expires by itself.
            tokio::spawn(async move {
                if let Err(error) = awe.cancel(awe_request_id, "the grant could not be stored").await {
                    tracing::warn!(%awe_request_id, "a request that nobody waits for could not be cancelled: {error:#}");
                }
            });
            Err(error)
        }
    }
}

async fn store_pending(
    app: &App,
    checked: &crate::grant::Checked,
    id: Uuid,
    awe_request_id: Uuid,
) -> Result<PendingOut, GrantError> {
    let mut transaction = app.pool.begin().await?;
    // What was true before AWE was asked may have changed.
    let checked = check(&mut transaction, checked.grant.clone()).await?;
    let stored = app.authorizations.store_pending(&mut transaction, &checked, id, awe_request_id).await?;
    transaction.commit().await?;
    let authorization_uri = stored.out.authorization_uri;
    Ok(PendingOut { authorization_id: id, status: "PENDING", awe_request_id, authorization_uri })
}

fn refused(app: &App, refusal: &Refusal) -> Failure {
    app.metrics.grants_refused.add(1);
    tracing::info!(row = refusal.row, why = refusal.description, "a grant was refused");
    Failure::invalid(&refusal.description)
}

/// A text of a stranger as it may stand in a log: bounded, without control characters.
fn logged(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}
