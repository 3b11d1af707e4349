//! A change is approved, rejected or cancelled.

use crate::app::{self, App};
use crate::auth::{APPROVE, Caller, DECIDE};
use crate::change_request::{self, ChangeRequest};
use crate::error::{ApiError, ErrorBody};
use crate::extract::{Body, prose};
use crate::gate;
use crate::reconcile;
use crate::settle::{Verdict, settle};
use awe_client::models::DecisionAction;
use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What somebody says about a change request.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DecideIn {
    change_request_id: Uuid,
    /// Told to AWE with an approval.
    #[schema(max_length = 2000)]
    comment: Option<String>,
    /// Why: told to AWE with a rejection, kept with a direct one, needed with `override`.
    #[schema(max_length = 2000)]
    reason: Option<String>,
    /// Past AWE, at once (break-glass).
    #[serde(default, rename = "override")]
    is_override: bool,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CancelIn {
    change_request_id: Uuid,
    #[schema(max_length = 2000)]
    reason: Option<String>,
}

/// What the change request says now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecideOut {
    change_request_id: Uuid,
    approval_status: String,
    /// The decision that AWE recorded; null when AWE was not asked.
    awe: Option<AweDecision>,
}

#[derive(Debug, Serialize, ToSchema)]
struct AweDecision {
    task_id: String,
    decision_id: String,
    action: String,
    /// Further tasks that the caller could decide on this change request.
    more: usize,
}

#[utoipa::path(post, path = "/v1/registry/change-requests/approve_change_request", request_body = DecideIn,
    responses((status = 200, body = DecideOut), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn approve(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<DecideIn>,
) -> Result<Json<DecideOut>, ApiError> {
    decide(&app, &caller, body, DecisionAction::Approve).await
}

#[utoipa::path(post, path = "/v1/registry/change-requests/reject_change_request", request_body = DecideIn,
    responses((status = 200, body = DecideOut), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn reject(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<DecideIn>,
) -> Result<Json<DecideOut>, ApiError> {
    decide(&app, &caller, body, DecisionAction::Reject).await
}

// snippet: decide
async fn decide(
    app: &App,
    caller: &Caller,
    body: DecideIn,
    action: DecisionAction,
) -> Result<Json<DecideOut>, ApiError> {
    prose("comment", body.comment.as_deref())?;
    prose("reason", body.reason.as_deref())?;
    let change = change_request::read(&app.db, body.change_request_id).await?;
    match &change.awe_request_id {
        // The row stays PENDING: the webhook flips it when AWE has heard enough people.
        Some(request_id) if !body.is_override => {
            caller.needs(DECIDE)?;
            change.must_be_pending()?;
            let comment = match action {
                DecisionAction::Reject => body.reason.or(body.comment),
                _ => body.comment,
            };
            let decided = gate::decide(app, caller, request_id, action, comment).await?;
            answer(app, change.change_request_id, Some(decided)).await
        }
        gated => {
            caller.needs(APPROVE)?;
            let verdict = match action {
                DecisionAction::Reject => Verdict::Reject {
                    by: caller.subject.clone(),
                    reason: body.reason.clone().or(body.comment),
                },
                _ => Verdict::Approve { by: caller.subject.clone() },
            };
            let glass = gated.as_ref().map(|_| broken_glass(caller, body.reason)).transpose()?;
            directly(app, change.change_request_id, &verdict, glass.as_ref()).await?;
            answer(app, change.change_request_id, None).await
        }
    }
}
// end snippet

/// Who went past AWE, and why.
struct BrokenGlass {
    by: String,
    reason: String,
}

fn broken_glass(caller: &Caller, reason: Option<String>) -> Result<BrokenGlass, ApiError> {
    let reason = reason.filter(|reason| !reason.trim().is_empty());
    let reason = reason.ok_or_else(|| ApiError::schema("reason is needed with override"))?;
    Ok(BrokenGlass { by: caller.subject.clone(), reason })
}

/// Ends the change request here. What AWE has to be told is written in the same transaction, and told at once if AWE is
/// there, else by reconciliation.
async fn directly(
    app: &App,
    id: Uuid,
    verdict: &Verdict,
    glass: Option<&BrokenGlass>,
) -> Result<(), ApiError> {
    let mut tx = app::begin(&app.db).await?;
    let change = change_request::lock(&mut tx, id).await?;
    change.must_be_pending()?;
    settle(&mut tx, &change, verdict).await?;
    if let Some(BrokenGlass { by, reason }) = glass {
        let query = sqlx::query(
            "update g2p_register_change_request set override_by = $2, override_reason = $3, awe_cancel_owed = $4
             where change_request_id = $1",
        );
        let owed = format!("override by {by}: {reason}");
        query.bind(id).bind(by).bind(reason).bind(owed).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    if glass.is_some()
        && let Err(error) = reconcile::pay_cancel(app, id).await
    {
        tracing::warn!(?error, change_request_id = %id, "AWE has still to be told of an override");
    }
    Ok(())
}

#[utoipa::path(post, path = "/v1/registry/change-requests/cancel_change_request", request_body = CancelIn,
    responses((status = 200, body = DecideOut), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Body(body): Body<CancelIn>,
) -> Result<Json<DecideOut>, ApiError> {
    prose("reason", body.reason.as_deref())?;
    let change = change_request::read(&app.db, body.change_request_id).await?;
    let is_creator = change.requester == caller.subject;
    if !is_creator {
        caller.needs(APPROVE)?;
    }
    change.must_be_pending()?;
    if let Some(request_id) = &change.awe_request_id {
        // AWE lets the creator of a request cancel it, and administrators.
        let client = if is_creator { app.awe_as(&caller.token) } else { app.service.clone() };
        let by = format!("cancelled by {}", caller.subject);
        let reason = body.reason.as_ref().map_or_else(|| by.clone(), |reason| format!("{by}: {reason}"));
        if !gate::cancel(&app, &client, request_id, &reason).await? {
            // It had ended already: that is what counts.
            reconcile::catch_up(&app, &change).await?;
        }
    }
    cancel_here(&app, &change, &caller, body.reason).await?;
    answer(&app, change.change_request_id, None).await
}

/// Unless AWE's webhook was quicker.
async fn cancel_here(
    app: &App,
    change: &ChangeRequest,
    caller: &Caller,
    reason: Option<String>,
) -> Result<(), ApiError> {
    let mut tx = app::begin(&app.db).await?;
    let now = change_request::lock(&mut tx, change.change_request_id).await?;
    if now.approval_status == "CANCELLED" {
        return Ok(());
    }
    now.must_be_pending()?;
    settle(&mut tx, &now, &Verdict::Cancel { by: caller.subject.clone(), reason }).await?;
    Ok(tx.commit().await?)
}

async fn answer(app: &App, id: Uuid, decided: Option<gate::Decided>) -> Result<Json<DecideOut>, ApiError> {
    let change = change_request::read(&app.db, id).await?;
    let awe = decided.map(|gate::Decided { decision, more }| AweDecision {
        task_id: decision.task_id,
        decision_id: decision.id,
        action: decision.action,
        more,
    });
    Ok(Json(DecideOut { change_request_id: id, approval_status: change.approval_status, awe }))
}
