//! Numbers for the home page and for operators.

use crate::auth::{Listing, Viewer};
use crate::error::ApiError;
use crate::extract::KnownQuery;
use crate::operations::overview;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemas::api::{EndpointOut, OverviewOut};

pub(super) async fn read(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    _: KnownQuery,
) -> Result<Json<OverviewOut>, ApiError> {
    Ok(Json(overview::overview(&state).await?))
}

pub(super) async fn endpoints(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    _: KnownQuery,
) -> Result<Json<Vec<EndpointOut>>, ApiError> {
    Ok(Json(overview::endpoints(&state).await?))
}
