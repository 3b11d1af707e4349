//! The audit trail.

use super::page::{cursor, next_cursor};
use crate::auth::{Listing, Viewer};
use crate::error::ApiError;
use crate::extract::Query;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use schemas::api::{AuditActionOut, ListAuditQuery};
use store::audit::AuditFilter;
use store::page::List;

pub(super) async fn list(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    Query(query): Query<ListAuditQuery>,
) -> Result<(HeaderMap, Json<Vec<AuditActionOut>>), ApiError> {
    let (rows, next) = state.store().list_audit(&filter(query)?).await?;
    Ok((next_cursor(next), Json(rows)))
}

fn filter(query: ListAuditQuery) -> Result<AuditFilter, ApiError> {
    Ok(AuditFilter {
        cursor: cursor(List::Audit, query.cursor.as_deref())?,
        actor: query.actor,
        action: query.action,
        resource_type: query.resource_type,
        resource_id: query.resource_id,
        since: query.since,
        until: query.until,
        search_text: query.search_text,
        limit: query.limit,
    })
}
