//! A batch turned by ninety degrees: one array per column, as `unnest` wants it. What is long is borrowed.

use super::Commit;
use engine::command::Changes;
use engine::request::Request;
use schemas::api::JsonObject;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use sqlx::types::Json;
use time::OffsetDateTime;
use uuid::Uuid;

type Time = OffsetDateTime;

macro_rules! columns {
    ($(#[$doc:meta])* $name:ident<$a:lifetime> { $($field:ident: $ty:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<$a> { $(pub(super) $field: Vec<$ty>),* }

        impl<$a> $name<$a> {
            fn push(&mut self, ($($field,)*): ($($ty,)*)) { $(self.$field.push($field);)* }

            pub(super) fn bind(self, query: super::statement::Query<$a>) -> super::statement::Query<$a> {
                query$(.bind(self.$field))*
            }
        }
    };
}

columns!(Created<'a> {
    id: Uuid, epoch: Option<i64>, keyed: bool, policy_id: Uuid, policy_key: &'a str, policy_version: i32,
    artifact_type: &'a str, artifact_id: &'a str, source_service: &'a str, requester: &'a str, context: Json<&'a Value>,
    status: &'a str, current_stage_order: i32, stages: Json<Value>, callback_url: Option<&'a str>,
    callback_secret_id: Option<Uuid>, callback_events: Option<Json<&'a [String]>>, expires_at: Option<Time>,
    completed_at: Option<Time>, created_at: Time, last_sequence: i64, resolve_after: Option<Time>,
});
columns!(Keys<'a> {
    subject: &'a str, key: &'a str, body: Json<&'a RawValue>, request_id: Uuid, response: Json<&'a RawValue>,
});
columns!(Moved<'a> {
    id: Uuid, expected: i64, epoch: Option<i64>, status: &'a str, current_stage_order: i32,
    stages: Json<Value>, completed_at: Option<Time>, updated_at: Time, last_sequence: i64,
    resolve_after: Option<Time>, resolve_attempt: i32,
});
columns!(NewTasks<'a> {
    id: Uuid, request_id: Uuid, stage_id: Uuid, stage_order: i32, ordinal: i32, assignee: &'a str,
    kind: &'a str, required: bool, seated: bool, delegated_from: Option<&'a str>,
    reassigned_from: Option<&'a str>, status: &'a str, due_at: Option<Time>, created_at: Time,
    claimed_at: Option<Time>, completed_at: Option<Time>, decision_id: Option<Uuid>,
});
columns!(ChangedTasks<'a> {
    id: Uuid, request_id: Uuid, status: &'a str, seated: bool, claimed_at: Option<Time>,
    completed_at: Option<Time>, decision_id: Option<Uuid>,
});
columns!(Decisions<'a> {
    id: Uuid, request_id: Uuid, task_id: Uuid, stage_order: i32, actor: &'a str, on_behalf_of: Option<&'a str>,
    action: &'a str, comment: Option<&'a str>, attachments_ref: Option<&'a str>, late: bool, created_at: Time,
});
columns!(Events<'a> {
    id: Uuid, request_id: Uuid, sequence: i64, event_type: &'a str, status: &'a str,
    stage_order: Option<i32>, actor: &'a str, reason: Option<&'a str>, payload: Json<&'a JsonObject>, created_at: Time,
});
columns!(Deliveries<'a> {
    id: Uuid, event_id: Uuid, request_id: Uuid, sequence: i64, event_type: &'a str,
    caller_service: &'a str, url: &'a str, created_at: Time,
});
columns!(Audits<'a> {
    id: Uuid, request_id: Uuid, actor: &'a str, action: &'a str, resource_type: &'a str,
    resource_id: &'a str, summary: &'a str, before: Option<Json<&'a Value>>, after: Option<Json<&'a Value>>,
});

columns!(Relied<'a> { request_id: Uuid, user_id: &'a str, version: i64 });

/// All rows of one batch.
#[derive(Debug, Default)]
pub(super) struct Batch<'a> {
    pub(super) created: Created<'a>,
    pub(super) keys: Keys<'a>,
    pub(super) moved: Moved<'a>,
    pub(super) new_tasks: NewTasks<'a>,
    pub(super) changed_tasks: ChangedTasks<'a>,
    pub(super) decisions: Decisions<'a>,
    pub(super) events: Events<'a>,
    pub(super) deliveries: Deliveries<'a>,
    pub(super) audits: Audits<'a>,
    pub(super) relied: Relied<'a>,
}

impl<'a> Batch<'a> {
    pub(super) fn of(commits: &[&'a Commit]) -> Self {
        let mut batch = Self::default();
        for commit in commits {
            match &commit.before {
                None => batch.push_created(commit),
                Some((_, expected)) => batch.push_moved(commit, *expected),
            }
            batch.push_tasks(commit);
            batch.push_events(commit);
            batch.push_audit(commit);
            for (user, version) in &commit.relied {
                batch.relied.push((commit.request_id().0, user, *version));
            }
        }
        batch
    }

    fn push_created(&mut self, commit: &'a Commit) {
        let (r, meta) = (&commit.transition.request, &commit.meta);
        self.created.push((
            r.id.0,
            commit.epoch,
            commit.idempotency.is_some(),
            r.policy_id.0,
            &meta.policy_key,
            meta.policy_version,
            &meta.artifact_type,
            &meta.artifact_id,
            &r.source_service,
            &r.requester,
            Json(&*r.context),
            r.status.as_str(),
            r.current_stage_order,
            Json(progress(r)),
            meta.callback_url.as_deref(),
            meta.callback_secret_id,
            meta.callback_events.as_deref().map(Json),
            r.expires_at,
            r.completed_at,
            r.created_at,
            r.last_sequence,
            commit.resolve_after,
        ));
        if let Some(key) = &commit.idempotency {
            self.keys.push((&key.subject, &key.key, Json(key.body.raw()), r.id.0, Json(key.response.raw())));
        }
    }

    fn push_moved(&mut self, commit: &'a Commit, expected: i64) {
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

    fn push_tasks(&mut self, commit: &'a Commit) {
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
                &t.assignee,
                t.kind.as_str(),
                t.required,
                t.seated,
                t.delegated_from.as_deref(),
                t.reassigned_from.as_deref(),
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
                &d.actor,
                d.on_behalf_of.as_deref(),
                d.action.as_str(),
                d.comment.as_deref(),
                d.attachments_ref.as_deref(),
                d.late,
                d.created_at,
            ));
        }
    }

    fn push_events(&mut self, commit: &'a Commit) {
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
                &e.actor,
                e.reason.as_deref(),
                Json(&e.payload),
                e.occurred_at,
            ));
            if let (Some(id), Some(url)) = (delivery, &meta.callback_url) {
                self.deliveries.push((
                    *id,
                    e.id.0,
                    r.id.0,
                    e.sequence,
                    event_type,
                    &r.source_service,
                    url,
                    e.occurred_at,
                ));
            }
        }
    }

    fn push_audit(&mut self, commit: &'a Commit) {
        let Some(audit) = &commit.audit else { return };
        self.audits.push((
            Uuid::now_v7(),
            commit.transition.request.id.0,
            &audit.actor,
            audit.action,
            audit.resource_type,
            &audit.resource_id,
            &audit.summary,
            audit.before.as_ref().map(Json),
            audit.after.as_ref().map(Json),
        ));
    }
}

/// The `stages` column.
fn progress(request: &Request) -> Value {
    let stage = |s: &engine::request::StageRun| json!({"stage_id": s.stage_id.0, "order": s.order, "state": s.state.as_str(), "escalated": s.escalated});
    request.stages.iter().map(stage).collect()
}
