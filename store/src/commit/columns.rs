//! A batch turned by ninety degrees: one array per column, as `unnest` wants it.

use super::Commit;
use engine::command::Changes;
use engine::request::Request;
use serde_json::{Value, json};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

type Time = OffsetDateTime;

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name { $(pub(super) $field: Vec<$ty>),* }

        impl $name {
            fn push(&mut self, ($($field,)*): ($($ty,)*)) { $(self.$field.push($field);)* }

            pub(super) fn bind<'q>(self, query: super::statement::Query<'q>) -> super::statement::Query<'q> {
                query$(.bind(self.$field))*
            }
        }
    };
}

columns!(Created {
    id: Uuid, epoch: Option<i64>, keyed: bool, policy_id: Uuid, policy_key: String, policy_version: i32,
    artifact_type: String, artifact_id: String, source_service: String, requester: String, context: Json<Value>,
    status: &'static str, current_stage_order: i32, stages: Json<Value>, callback_url: Option<String>,
    callback_secret_id: Option<Uuid>, callback_events: Option<Json<Vec<String>>>, expires_at: Option<Time>,
    completed_at: Option<Time>, created_at: Time, last_sequence: i64, resolve_after: Option<Time>,
});
columns!(Keys { subject: String, key: String, body: Json<Value>, request_id: Uuid, response: Json<Value> });
columns!(Moved {
    id: Uuid, expected: i64, epoch: Option<i64>, status: &'static str, current_stage_order: i32,
    stages: Json<Value>, completed_at: Option<Time>, updated_at: Time, last_sequence: i64,
    resolve_after: Option<Time>, resolve_attempt: i32,
});
columns!(NewTasks {
    id: Uuid, request_id: Uuid, stage_id: Uuid, stage_order: i32, ordinal: i32, assignee: String,
    kind: &'static str, required: bool, seated: bool, delegated_from: Option<String>,
    reassigned_from: Option<String>, status: &'static str, due_at: Option<Time>, created_at: Time,
    claimed_at: Option<Time>, completed_at: Option<Time>, decision_id: Option<Uuid>,
});
columns!(ChangedTasks {
    id: Uuid, request_id: Uuid, status: &'static str, seated: bool, claimed_at: Option<Time>,
    completed_at: Option<Time>, decision_id: Option<Uuid>,
});
columns!(Decisions {
    id: Uuid, request_id: Uuid, task_id: Uuid, stage_order: i32, actor: String, on_behalf_of: Option<String>,
    action: &'static str, comment: Option<String>, attachments_ref: Option<String>, late: bool, created_at: Time,
});
columns!(Events {
    id: Uuid, request_id: Uuid, sequence: i64, event_type: &'static str, status: &'static str,
    stage_order: Option<i32>, actor: String, reason: Option<String>, payload: Json<Value>, created_at: Time,
});
columns!(Deliveries {
    id: Uuid, event_id: Uuid, request_id: Uuid, sequence: i64, event_type: &'static str,
    caller_service: String, url: String, created_at: Time,
});
columns!(Audits {
    id: Uuid, request_id: Uuid, actor: String, action: &'static str, resource_type: &'static str,
    resource_id: String, summary: String, before: Option<Json<Value>>, after: Option<Json<Value>>,
});

/// All rows of one batch.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) created: Created,
    pub(super) keys: Keys,
    pub(super) moved: Moved,
    pub(super) new_tasks: NewTasks,
    pub(super) changed_tasks: ChangedTasks,
    pub(super) decisions: Decisions,
    pub(super) events: Events,
    pub(super) deliveries: Deliveries,
    pub(super) audits: Audits,
}

impl Batch {
    pub(super) fn of(commits: &[&Commit]) -> Self {
        let mut batch = Self::default();
        for commit in commits {
            match &commit.before {
                None => batch.push_created(commit),
                Some((_, expected)) => batch.push_moved(commit, *expected),
            }
            batch.push_tasks(commit);
            batch.push_events(commit);
            batch.push_audit(commit);
        }
        batch
    }

    fn push_created(&mut self, commit: &Commit) {
        let (r, meta) = (&commit.transition.request, &commit.meta);
        self.created.push((
            r.id.0,
            commit.epoch,
            commit.idempotency.is_some(),
            r.policy_id.0,
            meta.policy_key.clone(),
            meta.policy_version,
            meta.artifact_type.clone(),
            meta.artifact_id.clone(),
            r.source_service.clone(),
            r.requester.clone(),
            Json(r.context.clone()),
            r.status.as_str(),
            r.current_stage_order,
            Json(progress(r)),
            meta.callback_url.clone(),
            meta.callback_secret_id,
            meta.callback_events.clone().map(Json),
            r.expires_at,
            r.completed_at,
            r.created_at,
            r.last_sequence,
            commit.resolve_after,
        ));
        if let Some(key) = &commit.idempotency {
            self.keys.push((
                key.subject.clone(),
                key.key.clone(),
                Json(key.body.clone()),
                r.id.0,
                Json(key.response.clone()),
            ));
        }
    }

    fn push_moved(&mut self, commit: &Commit, expected: i64) {
        let r = &commit.transition.request;
        // A transition without events writes nothing and never comes here.
        let now = commit.transition.events.last().map_or(r.created_at, |e| e.occurred_at);
        self.moved.push((
            r.id.0,
            expected,
            commit.epoch,
            r.status.as_str(),
            r.current_stage_order,
            Json(progress(r)),
            r.completed_at,
            now,
            r.last_sequence,
            commit.resolve_after,
            commit.resolve_attempt,
        ));
    }

    fn push_tasks(&mut self, commit: &Commit) {
        let r = &commit.transition.request;
        let before = commit.before.as_ref().map(|(request, _)| request.as_ref());
        let changes = Changes::between(before, r);
        let first = r.tasks.len() - changes.new_tasks.len();
        for (ordinal, t) in (first..).zip(&changes.new_tasks) {
            self.new_tasks.push((
                t.id.0,
                r.id.0,
                t.stage_id.0,
                t.stage_order,
                // Tasks of one request never come near 2^31.
                i32::try_from(ordinal).unwrap_or(i32::MAX),
                t.assignee.clone(),
                t.kind.as_str(),
                t.required,
                t.seated,
                t.delegated_from.clone(),
                t.reassigned_from.clone(),
                t.status.as_str(),
                t.due_at,
                t.created_at,
                t.claimed_at,
                t.completed_at,
                t.decision_id.map(|d| d.0),
            ));
        }
        for t in &changes.changed_tasks {
            let decision = t.decision_id.map(|d| d.0);
            self.changed_tasks.push((
                t.id.0,
                r.id.0,
                t.status.as_str(),
                t.seated,
                t.claimed_at,
                t.completed_at,
                decision,
            ));
        }
        for d in &changes.new_decisions {
            self.decisions.push((
                d.id.0,
                r.id.0,
                d.task_id.0,
                d.stage_order,
                d.actor.clone(),
                d.on_behalf_of.clone(),
                d.action.as_str(),
                d.comment.clone(),
                d.attachments_ref.clone(),
                d.late,
                d.created_at,
            ));
        }
    }

    fn push_events(&mut self, commit: &Commit) {
        let (r, meta) = (&commit.transition.request, &commit.meta);
        for (e, delivery) in commit.transition.events.iter().zip(&commit.deliveries) {
            let event_type = e.event_type.as_str();
            self.events.push((
                e.id.0,
                r.id.0,
                e.sequence,
                event_type,
                e.status.as_str(),
                e.stage_order,
                e.actor.clone(),
                e.reason.clone(),
                Json(Value::Object(e.payload.clone())),
                e.occurred_at,
            ));
            if let (Some(id), Some(url)) = (delivery, &meta.callback_url) {
                self.deliveries.push((
                    *id,
                    e.id.0,
                    r.id.0,
                    e.sequence,
                    event_type,
                    r.source_service.clone(),
                    url.clone(),
                    e.occurred_at,
                ));
            }
        }
    }

    fn push_audit(&mut self, commit: &Commit) {
        let Some(audit) = &commit.audit else { return };
        self.audits.push((
            Uuid::now_v7(),
            commit.transition.request.id.0,
            audit.actor.clone(),
            audit.action,
            audit.resource_type,
            audit.resource_id.clone(),
            audit.summary.clone(),
            audit.before.clone().map(Json),
            audit.after.clone().map(Json),
        ));
    }
}

/// The `stages` column.
fn progress(request: &Request) -> Value {
    let stage = |s: &engine::request::StageRun| json!({"stage_id": s.stage_id.0, "order": s.order, "state": s.state.as_str(), "escalated": s.escalated});
    request.stages.iter().map(stage).collect()
}
