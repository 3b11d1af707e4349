//! Change requests are looked at.

use crate::app::App;
use crate::auth::{Caller, VIEW};
use crate::change_request::{self, ChangeRequest, Document, Record};
use crate::error::{ApiError, Code, ErrorBody};
use crate::extract::{Id, Query, line};
use crate::gate;
use awe_client::models::{EventOut, ProgressOut, RequestOut, TaskOut};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use futures::{StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use utoipa::{IntoParams, ToSchema};

const STATUSES: [&str; 4] = ["PENDING", "APPROVED", "REJECTED", "CANCELLED"];
/// Events of one request that are shown.
const MOST_EVENTS: usize = 1000;

/// Which change requests, newest first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListQuery {
    /// `PENDING`, `APPROVED`, `REJECTED` or `CANCELLED`.
    status: Option<String>,
    register: Option<String>,
    section: Option<String>,
    requester: Option<String>,
    /// `me`: only those on which the caller holds an open task.
    awaiting: Option<String>,
    /// 1 to 200, 50 when absent.
    limit: Option<i64>,
    /// `X-Next-Cursor` of the page before.
    cursor: Option<i64>,
}

impl ListQuery {
    fn check(&self) -> Result<(), ApiError> {
        let words =
            [("register", &self.register), ("section", &self.section), ("requester", &self.requester)];
        for (name, value) in words {
            value.as_deref().map_or(Ok(()), |text| line(name, text, 200))?;
        }
        if self.status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
            return Err(ApiError::schema(format!("status must be one of {}", STATUSES.join(", "))));
        }
        if self.awaiting.as_deref().is_some_and(|who| who != "me") {
            return Err(ApiError::schema("awaiting must be `me`"));
        }
        if self.limit.is_some_and(|limit| !(1..=200).contains(&limit)) {
            return Err(ApiError::schema("limit must be 1 to 200"));
        }
        Ok(())
    }
}

#[utoipa::path(get, path = "/v1/registry/change-requests", params(ListQuery),
    responses((status = 200, body = [ChangeRequest], headers(("X-Next-Cursor" = String))), (status = "4XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Vec<ChangeRequest>>), ApiError> {
    query.check()?;
    let awaited = match &query.awaiting {
        Some(_) => Some(request_ids(&gate::tasks(&app, &caller, gate::mine("actionable")).await?)),
        None => None,
    };
    // Without a role that views, one sees one's own, and what awaits oneself.
    let only_own = (!caller.may_view() && awaited.is_none()).then_some(&caller.subject);
    let limit = query.limit.unwrap_or(50);
    let rows = sqlx::query_as(
        "select * from g2p_register_change_request
         where ($1::text is null or approval_status = $1) and ($2::text is null or register_mnemonic = $2)
           and ($3::text is null or section_id = $3) and ($4::text is null or requester = $4)
           and ($5::text is null or requester = $5) and ($6::text[] is null or awe_request_id = any($6))
           and ($7::bigint is null or seq < $7)
         order by seq desc limit $8 + 1",
    );
    let rows = rows.bind(&query.status).bind(&query.register).bind(&query.section).bind(&query.requester);
    let rows = rows.bind(only_own).bind(awaited).bind(query.cursor).bind(limit);
    let mut found: Vec<ChangeRequest> = rows.fetch_all(&app.db).await?;
    let mut headers = HeaderMap::new();
    if found.len() > usize::try_from(limit).unwrap_or(usize::MAX) {
        found.pop();
        let last = found.last().map_or(0, |change| change.seq);
        headers.insert("x-next-cursor", HeaderValue::from(last));
    }
    Ok((headers, Json(found)))
}

fn request_ids(tasks: &[TaskOut]) -> Vec<String> {
    tasks.iter().map(|task| task.request_id.clone()).collect()
}

/// Whoever views all, the requester, and whoever AWE has asked.
async fn may_read(app: &App, caller: &Caller, change: &ChangeRequest) -> Result<(), ApiError> {
    if caller.may_view() || change.requester == caller.subject {
        return Ok(());
    }
    match &change.awe_request_id {
        Some(request_id) if gate::is_assignee(app, caller, request_id).await? => Ok(()),
        _ => Err(ApiError::permission(VIEW)),
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Detail {
    #[serde(flatten)]
    change_request: ChangeRequest,
    #[schema(value_type = Object)]
    change_payload: Document,
    /// The live record; null when there is none.
    record: Option<Record>,
}

#[utoipa::path(get, path = "/v1/registry/change-requests/{change_request_id}",
    params(("change_request_id" = String, Path)),
    responses((status = 200, body = Detail), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn detail(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Detail>, ApiError> {
    let change_request = change_request::read(&app.db, id).await?;
    may_read(&app, &caller, &change_request).await?;
    let change_payload = change_request::payload(&app.db, id).await?;
    let ChangeRequest { register_mnemonic, record_id, .. } = &change_request;
    let record = change_request::record(&app.db, register_mnemonic, record_id).await?;
    Ok(Json(Detail { change_request, change_payload, record }))
}

/// What AWE says of the request: for a sidebar that shows who decided and who is awaited.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Approval {
    #[schema(value_type = Object)]
    request: RequestOut,
    #[schema(value_type = Object)]
    progress: ProgressOut,
    /// The first 1,000 in order.
    #[schema(value_type = Vec<Object>)]
    events: Vec<EventOut>,
}

#[utoipa::path(get, path = "/v1/registry/change-requests/{change_request_id}/approval",
    params(("change_request_id" = String, Path)),
    responses((status = 200, body = Approval), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn approval(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Approval>, ApiError> {
    let change = change_request::read(&app.db, id).await?;
    may_read(&app, &caller, &change).await?;
    let not_gated = || ApiError::new(Code::NotGated, "AWE was not asked about this change request");
    let request_id = change.awe_request_id.as_deref().ok_or_else(not_gated)?;
    let awe = app.awe_as(&caller.token);
    let asking = async {
        let request = awe.get(request_id).await?;
        let progress = awe.get_request_progress(request_id).await?;
        let events = awe.events(request_id, 0).take(MOST_EVENTS).try_collect().await?;
        Ok(Approval { request, progress, events })
    };
    Ok(Json(gate::in_time(&app, asking).await?))
}

/// A task of the caller, with what it is about.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MyApproval {
    #[schema(value_type = Object)]
    task: TaskOut,
    change_request: ChangeRequest,
}

#[utoipa::path(get, path = "/v1/registry/my-approvals",
    description = "The caller's open tasks on change requests of this registry, newest first, at most 1,000.",
    responses((status = 200, body = [MyApproval]), (status = "4XX", body = ErrorBody), (status = "5XX", body = ErrorBody)),
    security(("bearer" = [])))]
pub(super) async fn my_approvals(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<Vec<MyApproval>>, ApiError> {
    let tasks = gate::tasks(&app, &caller, gate::mine("actionable")).await?;
    let rows = sqlx::query_as("select * from g2p_register_change_request where awe_request_id = any($1)");
    let rows: Vec<ChangeRequest> = rows.bind(request_ids(&tasks)).fetch_all(&app.db).await?;
    let by_request: HashMap<Option<String>, ChangeRequest> =
        rows.into_iter().map(|change| (change.awe_request_id.clone(), change)).collect();
    let joined = tasks.into_iter().filter_map(|task| {
        let change_request = by_request.get(&Some(task.request_id.clone()))?.clone();
        Some(MyApproval { task, change_request })
    });
    Ok(Json(joined.collect()))
}
