//! The transition under construction: the state as changed so far, and the events about it.

use super::sod::Bars;
use super::{Environment, Transition, payload, seating};
use crate::delegation::LookedAt;
use crate::ids::{DecisionId, EventId, IdSource, TaskId};
use crate::logic::Budget;
use crate::policy::{Kind, Stage};
use crate::request::{
    Action, Decision, Event, EventType, Request, RequestStatus, StageState, Task, TaskStatus,
};
use serde_json::Value;
use std::sync::Arc;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) struct Work<'a> {
    pub(super) env: Environment<'a>,
    pub(super) request: Request,
    pub(super) actor: String,
    pub(super) decision: Option<Decision>,
    pub(super) task_id: Option<TaskId>,
    /// The steps that all expressions of this command share.
    pub(super) budget: Budget,
    ids: &'a mut dyn IdSource,
    events: Vec<Event>,
    looked_at: LookedAt,
}

/// Facts of a new task that do not follow from its stage.
pub(super) struct NewTask {
    pub(super) assignee: String,
    pub(super) kind: Kind,
    pub(super) required: bool,
    pub(super) delegated_from: Option<String>,
    pub(super) reassigned_from: Option<String>,
    pub(super) due_at: Option<OffsetDateTime>,
}

impl<'a> Work<'a> {
    pub(super) fn new(
        env: &Environment<'a>,
        request: Request,
        actor: &str,
        ids: &'a mut dyn IdSource,
    ) -> Self {
        Self {
            env: *env,
            request,
            actor: actor.to_owned(),
            decision: None,
            task_id: None,
            budget: Budget::default(),
            ids,
            events: Vec::new(),
            looked_at: LookedAt::default(),
        }
    }

    pub(super) fn finish(self) -> Transition {
        Transition {
            request: Arc::new(self.request),
            events: self.events,
            decision: self.decision,
            task_id: self.task_id,
            looked_at: self.looked_at,
        }
    }

    /// Appends an event. Null members of `payload` are left out.
    pub(super) fn emit(&mut self, kind: EventType, stage: Option<i32>, reason: Option<&str>, payload: Value) {
        let payload = payload::without_nulls(payload);
        self.request.last_sequence += 1;
        self.events.push(Event {
            id: EventId(self.ids.fresh()),
            sequence: self.request.last_sequence,
            event_type: kind,
            status: self.request.status,
            stage_order: stage,
            actor: self.actor.clone(),
            reason: reason.map(str::to_owned),
            payload,
            occurred_at: self.env.now,
        });
    }

    pub(super) fn stage(&self, index: usize) -> &'a Stage {
        &self.env.policy.stages[index]
    }

    /// Indexes of the stages in one of these states.
    pub(super) fn stages_in(&self, states: &[StageState]) -> Vec<usize> {
        let runs = self.request.stages.iter().enumerate();
        runs.filter(|(_, run)| states.contains(&run.state)).map(|(index, _)| index).collect()
    }

    /// Finds who would sit in the stage at `index` by these rules now, and notes whom that looked at.
    pub(super) fn seating(
        &mut self,
        index: usize,
        rules: &[crate::policy::Rule],
        answers: &seating::Answers,
    ) -> seating::Seating {
        let bars = Bars::of_group(self.env.policy, &self.request, index);
        let seater = seating::Seater {
            context: &self.request.context,
            answers,
            bars: &bars,
            delegations: self.env.delegations,
            now: self.env.now,
            budget: &self.budget,
        };
        let mut seating = seater.seat(rules);
        self.looked_at.extend(std::mem::take(&mut seating.looked_at));
        seating
    }

    /// The deadline of a task that starts now; `None` when the stage has no `sla_hours`.
    pub(super) fn fresh_due(&self, index: usize) -> Option<OffsetDateTime> {
        let hours = self.stage(index).sla_hours?;
        self.env.now.checked_add(time::Duration::hours(i64::from(hours)))
    }

    pub(super) fn add_task(&mut self, index: usize, new: NewTask) -> TaskId {
        let id = TaskId(self.ids.fresh());
        let stage = self.stage(index);
        self.request.tasks.push(Task {
            id,
            stage_id: stage.id,
            stage_order: stage.order,
            assignee: new.assignee,
            kind: new.kind,
            required: new.required,
            seated: true,
            delegated_from: new.delegated_from,
            reassigned_from: new.reassigned_from,
            status: TaskStatus::Open,
            due_at: new.due_at,
            created_at: self.env.now,
            claimed_at: None,
            claimed_by: None,
            completed_at: None,
            decision_id: None,
        });
        id
    }

    pub(super) fn seat_tasks(
        &mut self,
        index: usize,
        seating: &seating::Seating,
        due_at: Option<OffsetDateTime>,
    ) {
        for seat in &seating.seats {
            let (assignee, delegated_from) = (seat.holder.clone(), seat.delegated_from.clone());
            let (kind, required) = (Kind::Approver, seat.required);
            let new = NewTask { assignee, kind, required, delegated_from, reassigned_from: None, due_at };
            self.add_task(index, new);
        }
        for observer in &seating.observers {
            let (assignee, kind) = (observer.clone(), Kind::Observer);
            let new = NewTask {
                assignee,
                kind,
                required: false,
                delegated_from: None,
                reassigned_from: None,
                due_at,
            };
            self.add_task(index, new);
        }
    }

    /// Ends a task, which is open, claimed or expired.
    pub(super) fn close_task(&mut self, position: usize, status: TaskStatus) {
        let now = self.env.now;
        let task = &mut self.request.tasks[position];
        task.status = status;
        task.completed_at = Some(now);
    }

    /// Appends the one decision of the task at `position`, and its event. The caller sets the task's status.
    pub(super) fn record(&mut self, position: usize, new: NewDecision) -> Decision {
        let (id, now) = (DecisionId(self.ids.fresh()), self.env.now);
        let task = &mut self.request.tasks[position];
        task.decision_id = Some(id);
        let decision = Decision {
            id,
            task_id: task.id,
            stage_order: task.stage_order,
            actor: self.actor.clone(),
            on_behalf_of: Some(task.assignee.clone()).filter(|assignee| *assignee != self.actor),
            action: new.action,
            comment: new.comment,
            attachments_ref: new.attachments_ref,
            artifact_digest: new.artifact_digest,
            late: new.late,
            created_at: now,
        };
        let payload = serde_json::json!({
            "task_id": decision.task_id.to_string(),
            "decision_id": id.to_string(),
            "action": decision.action.as_str(),
            "assignee": task.assignee,
            "kind": task.kind.as_str(),
            "on_behalf_of": decision.on_behalf_of,
            "delegated_from": task.delegated_from,
            "reassigned_from": task.reassigned_from,
            "comment": decision.comment,
            "attachments_ref": decision.attachments_ref,
            "artifact_digest": decision.artifact_digest,
            "late": decision.late,
        });
        self.emit(EventType::DecisionRecorded, Some(decision.stage_order), None, payload);
        self.request.decisions.push(decision.clone());
        decision
    }

    /// Adds the comment of the decision that ended the request to the event of its end.
    fn with_deciding_comment(&self, mut payload: Value, status: RequestStatus, stage: Option<i32>) -> Value {
        let decides = |decision: &&Decision| match status {
            RequestStatus::Approved => decision.action == Action::Approve,
            // A later stage that nobody can sit in rejects the request for a reason of its own.
            RequestStatus::Rejected => stage == Some(decision.stage_order),
            _ => false,
        };
        if let Some(comment) = self.decision.as_ref().filter(decides).and_then(|d| d.comment.as_ref()) {
            payload["comment"] = comment.as_str().into();
        }
        payload
    }

    /// Ends the request, after closing its open tasks and unfinished stages.
    pub(super) fn end(
        &mut self,
        status: RequestStatus,
        kind: EventType,
        stage: Option<i32>,
        reason: Option<&str>,
        payload: Value,
    ) {
        for position in 0..self.request.tasks.len() {
            if self.request.tasks[position].status.is_open() {
                self.close_task(position, TaskStatus::Skipped);
            }
        }
        for run in &mut self.request.stages {
            if !run.state.is_final() {
                run.state = StageState::Closed;
            }
        }
        self.request.status = status;
        self.request.completed_at = Some(self.env.now);
        let payload = self.with_deciding_comment(payload, status, stage);
        self.emit(kind, stage, reason, payload);
    }
}

/// A decision that is about to be recorded.
pub(super) struct NewDecision {
    pub(super) action: Action,
    pub(super) comment: Option<String>,
    pub(super) attachments_ref: Option<String>,
    pub(super) artifact_digest: Option<String>,
    pub(super) late: bool,
}

/// A moment as RFC 3339 text in JSON; null for `None`.
pub(super) fn time_json(time: Option<OffsetDateTime>) -> Value {
    time.and_then(|t| t.format(&Rfc3339).ok()).map_or(Value::Null, Value::String)
}
