//! Every setting of this process, for operators.

use crate::auth::{Admin, Viewer};
use crate::error::ApiError;
use crate::extract::{Body, Query};
use crate::operations::system_config;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use schemas::api::{ExportSystemConfigQuery, LogLevel, SystemConfigOut};

type Headers<const N: usize> = [(HeaderName, HeaderValue); N];

fn no_store() -> (HeaderName, HeaderValue) {
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
}

pub(super) async fn read(
    State(state): State<AppState>,
    Viewer(viewer): Viewer,
) -> Result<(Headers<1>, Json<SystemConfigOut>), ApiError> {
    Ok(([no_store()], Json(system_config::read(&state, &viewer).await?)))
}

pub(super) async fn export(
    State(state): State<AppState>,
    Admin(admin): Admin,
    Query(query): Query<ExportSystemConfigQuery>,
) -> Result<(Headers<3>, String), ApiError> {
    let (format, text) = system_config::export(&state, &admin, &query).await?;
    let headers = [
        no_store(),
        (header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static(format.disposition())),
    ];
    Ok((headers, text))
}

pub(super) async fn log_level(_: Viewer) -> Result<Json<LogLevel>, ApiError> {
    Ok(Json(system_config::log_level()?))
}

pub(super) async fn set_log_level(
    State(state): State<AppState>,
    Admin(admin): Admin,
    Body(level): Body<LogLevel>,
) -> Result<Json<LogLevel>, ApiError> {
    Ok(Json(system_config::set_log_level(&state, &admin, &level).await?))
}
