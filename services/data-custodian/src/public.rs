//! The public listener: resources, consent pages, health, metrics. The back-channel is not here.

use crate::app::App;
use crate::{consent, database, openapi, resources};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt;
use serde::Serialize;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// How the process does.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthOut {
    /// `ok`, `degraded` (it answers, and something in the background does not run) or `down`.
    pub status: &'static str,
    /// Whether the database answers.
    pub database: bool,
    /// Loops that do not run as they should.
    pub troubles: Vec<TroubleOut>,
}

/// A loop that does not run as it should.
#[derive(Debug, Serialize, ToSchema)]
pub struct TroubleOut {
    /// Its name.
    pub name: &'static str,
}

/// All of the public listener.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(resources::router())
        .merge(consent::router())
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(async || Json(openapi::document())))
        .fallback(async || resources::ResourceError::NotFound)
        .layer(from_fn_with_state(app.clone(), bounded))
        .with_state(app)
}

/// Bounds the time of every answer and gives it an id. A panic is answered and told to the log.
async fn bounded(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = Uuid::new_v4();
    let limit = Duration::from_secs(app.config.server.request_timeout_seconds);
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    let mut response = match tokio::time::timeout(limit, answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!(%id, "a route panicked");
            resources::ResourceError::Fault.into_response()
        }
        Err(_) => resources::ResourceError::Away.into_response(),
    };
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-request-id", id);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn health(State(app): State<App>) -> Response {
    let database = database::is_up(&app.pool).await;
    let troubles = app.loops.troubles();
    for (name, why) in &troubles {
        tracing::warn!(name, why, "a loop does not run as it should");
    }
    let (status, word) = match (database, troubles.is_empty()) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "down"),
        (true, false) => (StatusCode::OK, "degraded"),
        (true, true) => (StatusCode::OK, "ok"),
    };
    let troubles = troubles.into_iter().map(|(name, _)| TroubleOut { name }).collect();
    (status, Json(HealthOut { status: word, database, troubles })).into_response()
}

async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], app.metrics.text()).into_response()
}
