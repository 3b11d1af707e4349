//! The back-channel: authorization servers have grants stored that customers agreed to. It has a listener of its own, on
//! which nothing is answered before the credential was seen.

mod answer;
mod body;
mod credential;
mod rate;

pub use answer::{ErrorOut, Failure};
pub use credential::Credential;
pub use rate::Rates;

use crate::database;
use crate::grant::{Checked, Grant, GrantError, PendingOut, Provisioned, Refusal, check, persist};
use crate::metrics;
use crate::public::traced;
use crate::state::App;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn, from_fn_with_state};
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
        .layer(from_fn(traced))
        .with_state(app)
}

/// The credential first: before a path is looked up, and before a byte of the body is read.
async fn guarded(State(app): State<App>, request: Request, next: Next) -> Response {
    if !app.credential.fits(request.headers()) {
        metrics::grant("unauthorized");
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
            metrics::grant("refused");
            return Err(failure);
        }
        Ok(members) => {
            if let Some(client_id) = members.get("client_id").and_then(serde_json::Value::as_str)
                && let Err(wait) = app.rates.take(client_id)
            {
                metrics::grant("limited");
                return Err(Failure::limited(wait));
            }
            body::grant(members)
        }
    };
    let grant = grant.map_err(|refusal| refused(&refusal))?;
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
        Err(GrantError::Refused(refusal)) => Err(refused(&refusal)),
        Err(GrantError::Unavailable(why)) => {
            metrics::grant("unavailable");
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
    let mut transaction = database::begin(&app.pool).await?;
    let checked = check(&mut transaction, grant).await?;
    let id = Uuid::new_v4();
    let uris = app.authorizations.uris();
    let Some(policy_key) = checked.policy_key.clone() else {
        let stored = persist(&mut transaction, &checked, id, None, uris).await?;
        transaction.commit().await?;
        metrics::grant("active");
        return Ok(Provisioned::Granted(stored.out));
    };
    // No transaction is open while somebody else is asked.
    transaction.rollback().await?;
    let stored = wait_for_approval(app, &checked, id, &policy_key).await;
    if stored.is_err() {
        // Whatever AWE was asked for, nobody waits for it.
        app.asked.give_up(id).await;
        app.changed.notify_one();
    }
    stored
}

/// Asks AWE and stores the grant as pending. That it is being asked is noted first: whatever happens until the grant is
/// stored, the reconciler knows that there may be a request that nobody waits for.
async fn wait_for_approval(
    app: &App,
    checked: &Checked,
    id: Uuid,
    policy_key: &str,
) -> Result<Provisioned, GrantError> {
    app.asked.note(id).await?;
    let asked = app.awe.ask(checked, id, policy_key, app.authorizations.uris()).await;
    let awe_request_id = match asked {
        Ok(awe_request_id) => awe_request_id,
        Err(error) => {
            if !error.may_have_been_done() {
                app.asked.forget(id).await?;
            }
            tracing::warn!(%error, source = ?std::error::Error::source(&error).map(ToString::to_string), policy_key, "approval could not be asked for");
            let why = format!("{error}; nothing was stored, so the call may be sent again");
            return Err(GrantError::Unavailable(why));
        }
    };
    let mut transaction = database::begin(&app.pool).await?;
    // What was true before AWE was asked may have changed.
    let checked = check(&mut transaction, checked.grant.clone()).await?;
    let Some(stored) =
        app.authorizations.store_pending(&mut transaction, &checked, id, awe_request_id).await?
    else {
        let why = "it took too long; nothing was stored, so the call may be sent again";
        return Err(GrantError::Unavailable(why.to_owned()));
    };
    transaction.commit().await?;
    metrics::grant("pending");
    let authorization_uri = stored.out.authorization_uri;
    Ok(Provisioned::Pending(PendingOut {
        authorization_id: id,
        status: "PENDING",
        awe_request_id,
        authorization_uri,
    }))
}

fn refused(refusal: &Refusal) -> Failure {
    metrics::grant("refused");
    tracing::info!(row = refusal.row, why = refusal.description, "a grant was refused");
    Failure::invalid(&refusal.description)
}

/// A text of a stranger as it may stand in a log: bounded, without control characters.
fn logged(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}
