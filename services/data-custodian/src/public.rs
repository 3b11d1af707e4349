//! The public listener: resources, consent pages, health, metrics. The back-channel is not here.

use crate::state::App;
use crate::{consent, health, metrics, openapi, resources};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use uuid::Uuid;

/// All of the public listener.
pub fn router(app: App) -> Router {
    Router::new()
        .merge(resources::router())
        .merge(consent::router())
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/metrics", get(metrics::text))
        .route("/openapi.json", get(async || Json(openapi::document())))
        .fallback(async || resources::ResourceError::NotFound)
        .layer(from_fn_with_state(app.clone(), bounded))
        .layer(from_fn(traced))
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

/// What operators are told of a call: its span, in the caller's trace, and how long it took.
pub(crate) async fn traced(route: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let call = telemetry::Call::begin(&request, route.as_ref().map(MatchedPath::as_str));
    call.answer(next.run(request)).await
}
