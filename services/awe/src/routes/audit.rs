//! The audit trail.

use crate::auth::{Listing, Viewer};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use schemas::api::{AuditActionOut, ListAuditQuery};
use store::audit::AuditFilter;

pub(super) async fn list(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    Query(query): Query<ListAuditQuery>,
) -> Result<Json<Vec<AuditActionOut>>, ApiError> {
    Ok(Json(state.store().list_audit(&filter(query)).await?))
}

fn filter(query: ListAuditQuery) -> AuditFilter {
    AuditFilter {
        actor: query.actor,
        action: query.action,
        resource_type: query.resource_type,
        resource_id: query.resource_id,
        since: query.since,
        until: query.until,
        limit: query.limit,
    }
}
