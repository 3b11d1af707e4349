//! How the process does.

use crate::database;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

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

/// Answers `GET /health/live`. It asks nobody else: a database that is away must not have processes killed.
pub(crate) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// Answers `GET /health/ready`: as `/health`, until the process is asked to stop.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.leaving.is_cancelled() {
        let out = HealthOut { status: "down", database: true, troubles: Vec::new() };
        return (StatusCode::SERVICE_UNAVAILABLE, Json(out)).into_response();
    }
    health(State(app)).await
}

/// Answers `GET /health`.
pub(crate) async fn health(State(app): State<App>) -> Response {
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
