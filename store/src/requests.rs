//! Requests: loading one to decide on it.

mod filter;
pub mod list;

pub use filter::RequestFilter;

use crate::commit::Meta;
use crate::{Error, Store};
use engine::ids::{DecisionId, PolicyId, RequestId, StageId, TaskId};
use engine::policy::Kind;
use engine::request::{Action, Decision, Request, RequestStatus, StageRun, StageState, Task, TaskStatus};
use serde::Deserialize;
use sqlx::types::Json;
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// A request as it stands, with the row version that the next commit must name.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub request: Arc<Request>,
    pub meta: Arc<Meta>,
    /// The row version that the next commit must name.
    pub row_version: i64,
    /// When a resolver should ask (again); `None` = there is nothing to resolve.
    pub resolve_after: Option<OffsetDateTime>,
    /// How often resolvers have failed in a row.
    pub resolve_attempt: i32,
    /// Whether the stream has acknowledged all events so far.
    pub published: bool,
}

impl Store {
    /// Loads a request with its tasks and decisions as of one moment; `None` when there is no such request.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or [`Error::Internal`] when a row has a word that the engine does not know.
    pub async fn load_request(&self, id: RequestId) -> Result<Option<Loaded>, Error> {
        let row = sqlx::query!(
            r#"select r.*,
                coalesce((select jsonb_agg(t order by t.ordinal) from approval_task t where t.request_id = r.id),
                    '[]') as "tasks!: Json<Vec<TaskRow>>",
                coalesce((select jsonb_agg(d order by d.created_at, d.id) from approval_task t
                    join approval_decision d on d.task_id = t.id where t.request_id = r.id), '[]') as "decisions!: Json<Vec<DecisionRow>>",
                (select e.position from approval_event e where e.request_id = r.id order by e.sequence desc limit 1)
                    <= (select settled from outbox_batch order by id desc limit 1)
                    and not exists (select from outbox_again) as "published!"
            from approval_request r where r.id = $1"#,
            id.0
        )
        .fetch_optional(&self.hot)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let stages = serde_json::from_value(row.stages).map_err(|e| Error::Internal(Box::new(e)))?;
        let request = Request {
            id,
            policy_id: PolicyId(row.policy_id),
            status: word(RequestStatus::parse, &row.status)?,
            current_stage_order: row.current_stage_order,
            requester: row.requester,
            source_service: row.source_service,
            context: Arc::new(row.context),
            expires_at: row.expires_at,
            created_at: row.created_at,
            completed_at: row.completed_at,
            last_sequence: row.last_sequence,
            stages: each(stages, StageRow::into_run)?,
            tasks: each(row.tasks.0, TaskRow::into_task)?,
            decisions: each(row.decisions.0, DecisionRow::into_decision)?,
        };
        let meta = Meta {
            policy_key: row.policy_key,
            policy_version: row.policy_version,
            artifact_type: row.artifact_type,
            artifact_id: row.artifact_id,
            title: row.title,
            summary: row.summary,
            artifact_url: row.artifact_url,
            callback_url: row.callback_url,
            callback_secret_id: row.callback_secret_id,
            callback_events: row.callback_events,
        };
        Ok(Some(Loaded {
            request: Arc::new(request),
            meta: Arc::new(meta),
            row_version: row.row_version,
            resolve_after: row.resolve_after,
            resolve_attempt: row.resolve_attempt,
            published: row.published,
        }))
    }
}

fn each<R, T>(rows: Vec<R>, read: impl Fn(R) -> Result<T, Error>) -> Result<Vec<T>, Error> {
    rows.into_iter().map(read).collect()
}

fn word<T>(parse: impl Fn(&str) -> Option<T>, word: &str) -> Result<T, Error> {
    parse(word).ok_or_else(|| Error::Internal(format!("unknown word {word:?} in a row").into()))
}

#[derive(Debug, Deserialize)]
struct StageRow {
    stage_id: Uuid,
    order: i32,
    state: String,
    escalated: bool,
}

impl StageRow {
    fn into_run(self) -> Result<StageRun, Error> {
        Ok(StageRun {
            stage_id: StageId(self.stage_id),
            order: self.order,
            state: word(StageState::parse, &self.state)?,
            escalated: self.escalated,
        })
    }
}

#[derive(Debug, Deserialize)]
struct TaskRow {
    id: Uuid,
    stage_id: Uuid,
    stage_order: i32,
    assignee: String,
    kind: String,
    required: bool,
    seated: bool,
    delegated_from: Option<String>,
    reassigned_from: Option<String>,
    status: String,
    #[serde(deserialize_with = "crate::moment::from_json")]
    due_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    claimed_at: Option<OffsetDateTime>,
    #[serde(default)]
    claimed_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    completed_at: Option<OffsetDateTime>,
    decision_id: Option<Uuid>,
}

impl TaskRow {
    fn into_task(self) -> Result<Task, Error> {
        Ok(Task {
            id: TaskId(self.id),
            stage_id: StageId(self.stage_id),
            stage_order: self.stage_order,
            assignee: self.assignee,
            kind: word(Kind::parse, &self.kind)?,
            required: self.required,
            seated: self.seated,
            delegated_from: self.delegated_from,
            reassigned_from: self.reassigned_from,
            status: word(TaskStatus::parse, &self.status)?,
            due_at: self.due_at,
            created_at: self.created_at,
            claimed_at: self.claimed_at,
            claimed_by: self.claimed_by,
            completed_at: self.completed_at,
            decision_id: self.decision_id.map(DecisionId),
        })
    }
}

#[derive(Debug, Deserialize)]
struct DecisionRow {
    id: Uuid,
    task_id: Uuid,
    stage_order: i32,
    actor: String,
    on_behalf_of: Option<String>,
    action: String,
    comment: Option<String>,
    attachments_ref: Option<String>,
    artifact_digest: Option<String>,
    late: bool,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl DecisionRow {
    fn into_decision(self) -> Result<Decision, Error> {
        Ok(Decision {
            id: DecisionId(self.id),
            task_id: TaskId(self.task_id),
            stage_order: self.stage_order,
            actor: self.actor,
            on_behalf_of: self.on_behalf_of,
            action: word(Action::parse, &self.action)?,
            comment: self.comment,
            attachments_ref: self.attachments_ref,
            artifact_digest: self.artifact_digest,
            late: self.late,
            created_at: self.created_at,
        })
    }
}
