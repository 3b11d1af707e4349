//! Turns commits into the rows of one statement.

use super::columns::{
    AuditRow, Batch, ChangedTaskRow, CreatedRow, DecisionRow, DeliveryRow, EventRow, KeyRow, MovedRow,
    NewTaskRow, ReliedRow,
};
use super::transition::{Commit, Idempotency};
use engine::command::Changes;
use engine::request::{Request, Task};
use serde_json::{Value, json};
use sqlx::types::Json;
use uuid::Uuid;

impl<'a> Batch<'a> {
    pub(super) fn of(commits: &[&'a Commit]) -> Self {
        let mut batch = Self::default();
        for commit in commits {
            match &commit.before {
                None => batch.push_created(commit),
                Some((_, expected)) => batch.push_moved(commit, *expected),
            }
            batch.push_key(commit);
            batch.push_changes(commit);
            batch.push_events(commit);
            batch.push_audit(commit);
            for (user_id, version) in &commit.relied {
                let request_id = commit.request_id().0;
                batch.relied.push(ReliedRow { request_id, user_id, version: *version });
            }
        }
        batch
    }

    fn push_created(&mut self, commit: &'a Commit) {
        let (r, meta) = (&commit.transition.request, &commit.meta);
        self.created.push(CreatedRow {
            id: r.id.0,
            epoch: commit.epoch,
            keyed: commit.idempotency.is_some(),
            policy_id: r.policy_id.0,
            policy_key: &meta.policy_key,
            policy_version: meta.policy_version,
            artifact_type: &meta.artifact_type,
            artifact_id: &meta.artifact_id,
            title: meta.title.as_deref(),
            summary: meta.summary.as_deref(),
            artifact_url: meta.artifact_url.as_deref(),
            source_service: &r.source_service,
            requester: &r.requester,
            context: Json(&*r.context),
            status: r.status.as_str(),
            current_stage_order: r.current_stage_order,
            stages: Json(progress(r)),
            callback_url: meta.callback_url.as_deref(),
            callback_secret_id: meta.callback_secret_id,
            callback_events: meta.callback_events.as_deref().map(Json),
            expires_at: r.expires_at,
            completed_at: r.completed_at,
            created_at: r.created_at,
            last_sequence: r.last_sequence,
            resolve_after: commit.resolve_after,
        });
    }

    fn push_key(&mut self, commit: &'a Commit) {
        let Some(Idempotency { once, response }) = &commit.idempotency else { return };
        self.keys.push(KeyRow {
            subject: &once.subject,
            key: &once.key,
            body: Json(once.asked.raw()),
            request_id: commit.request_id().0,
            response: Json(response.raw()),
        });
    }

    fn push_moved(&mut self, commit: &'a Commit, expected: i64) {
        let r = &commit.transition.request;
        self.moved.push(MovedRow {
            id: r.id.0,
            expected,
            epoch: commit.epoch,
            keyed: commit.idempotency.is_some(),
            status: r.status.as_str(),
            current_stage_order: r.current_stage_order,
            stages: Json(progress(r)),
            completed_at: r.completed_at,
            // A transition always has an event: one without would change nothing and is never committed.
            updated_at: commit.transition.events.last().map_or(r.created_at, |event| event.occurred_at),
            last_sequence: r.last_sequence,
            resolve_after: commit.resolve_after,
            resolve_attempt: commit.resolve_attempt,
        });
    }

    fn push_changes(&mut self, commit: &'a Commit) {
        let r = &commit.transition.request;
        let before = commit.before.as_ref().map(|(request, _)| request.as_ref());
        let changes = Changes::between(before, r);
        let first = r.tasks.len() - changes.new_tasks.len();
        for (ordinal, task) in (first..).zip(&changes.new_tasks) {
            self.push_new_task(r.id.0, ordinal, task);
        }
        for task in &changes.changed_tasks {
            self.changed_tasks.push(ChangedTaskRow {
                id: task.id.0,
                request_id: r.id.0,
                status: task.status.as_str(),
                seated: task.seated,
                claimed_at: task.claimed_at,
                completed_at: task.completed_at,
                decision_id: task.decision_id.map(|decision| decision.0),
                claimed_by: task.claimed_by.as_deref(),
            });
        }
        for decision in &changes.new_decisions {
            self.decisions.push(DecisionRow {
                id: decision.id.0,
                request_id: r.id.0,
                task_id: decision.task_id.0,
                stage_order: decision.stage_order,
                actor: &decision.actor,
                on_behalf_of: decision.on_behalf_of.as_deref(),
                action: decision.action.as_str(),
                comment: decision.comment.as_deref(),
                attachments_ref: decision.attachments_ref.as_deref(),
                artifact_digest: decision.artifact_digest.as_deref(),
                late: decision.late,
                created_at: decision.created_at,
            });
        }
    }

    fn push_new_task(&mut self, request_id: Uuid, ordinal: usize, task: &'a Task) {
        self.new_tasks.push(NewTaskRow {
            id: task.id.0,
            request_id,
            stage_id: task.stage_id.0,
            stage_order: task.stage_order,
            // The engine bounds the tasks of a request far below 2^31.
            ordinal: i32::try_from(ordinal).unwrap_or(i32::MAX),
            assignee: &task.assignee,
            kind: task.kind.as_str(),
            required: task.required,
            seated: task.seated,
            delegated_from: task.delegated_from.as_deref(),
            reassigned_from: task.reassigned_from.as_deref(),
            status: task.status.as_str(),
            due_at: task.due_at,
            created_at: task.created_at,
            claimed_at: task.claimed_at,
            completed_at: task.completed_at,
            decision_id: task.decision_id.map(|decision| decision.0),
        });
    }

    fn push_events(&mut self, commit: &'a Commit) {
        let (r, meta) = (&commit.transition.request, &commit.meta);
        for event in &commit.transition.events {
            let event_type = event.event_type.as_str();
            self.events.push(EventRow {
                id: event.id.0,
                request_id: r.id.0,
                sequence: event.sequence,
                event_type,
                status: event.status.as_str(),
                stage_order: event.stage_order,
                actor: &event.actor,
                reason: event.reason.as_deref(),
                payload: Json(&event.payload),
                created_at: event.occurred_at,
                trace_context: commit.trace.as_deref(),
            });
            if let (Some(id), Some(url)) = (commit.delivery_of(event.id), &meta.callback_url) {
                self.deliveries.push(DeliveryRow {
                    id,
                    event_id: event.id.0,
                    request_id: r.id.0,
                    sequence: event.sequence,
                    event_type,
                    caller_service: &r.source_service,
                    url,
                    created_at: event.occurred_at,
                    lease_token: commit.lease.map(|lease| lease.token),
                    lease_seconds: commit.lease.map(|lease| lease.lasts.as_secs_f64()),
                });
            }
        }
    }

    fn push_audit(&mut self, commit: &'a Commit) {
        let Some(audit) = &commit.audit else { return };
        self.audits.push(AuditRow {
            id: Uuid::now_v7(),
            request_id: commit.request_id().0,
            actor: &audit.actor,
            action: audit.action,
            resource_type: audit.resource_type,
            resource_id: &audit.resource_id,
            summary: &audit.summary,
            before: audit.before.as_ref().map(Json),
            after: audit.after.as_ref().map(Json),
        });
    }
}

/// The value of the `stages` column: the state of each stage.
fn progress(request: &Request) -> Value {
    let stages = request.stages.iter().map(|stage| {
        json!({
            "stage_id": stage.stage_id.0,
            "order": stage.order,
            "state": stage.state.as_str(),
            "escalated": stage.escalated,
        })
    });
    stages.collect()
}
