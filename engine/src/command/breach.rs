//! The breach command: acts on the deadlines of tasks that have passed.

use super::payload::{put_delegations, put_ids, put_some_ids};
use super::seating::{self, Answers, MOST_SEATS, Seating};
use super::seats::{is_seat, is_undecided};
use super::work::{NewDecision, Work, time_json};
use super::{advance, reason};
use crate::policy::{Kind, OnBreach};
use crate::request::{Action, EventType, StageState, Task, TaskStatus};
use serde_json::json;
use std::collections::HashSet;

/// Expires every task whose `due_at` has passed, and does what `on_breach` of its stage says.
pub(super) fn breach(w: &mut Work<'_>) {
    let mut acted = false;
    for index in w.stages_in(&[StageState::Active, StageState::Escalating]) {
        if w.request.status.is_terminal() {
            return;
        }
        let now = w.env.now;
        let due = expire_tasks(w, index, |task| task.due_at.is_some_and(|at| at <= now));
        acted |= !due.is_empty();
        let seat_expired = due.iter().any(|&position| w.request.tasks[position].kind == Kind::Approver);
        // A stage that is escalating already waits for the directory. The seats that expire meanwhile leave together
        // with the others.
        if seat_expired && w.request.stages[index].state == StageState::Active {
            apply_on_breach(w, index);
        }
    }
    if acted && !w.request.status.is_terminal() {
        advance::settle(w);
    }
}

fn apply_on_breach(w: &mut Work<'_>, index: usize) {
    let stage = w.stage(index);
    match stage.on_breach {
        OnBreach::Notify => {}
        OnBreach::Escalate if w.request.stages[index].escalated => {}
        OnBreach::Escalate if stage.escalation_rules.iter().any(|rule| rule.source.is_external()) => {
            w.request.stages[index].state = StageState::Escalating;
        }
        OnBreach::Escalate => escalate(w, index, &Answers::new()),
        OnBreach::AutoApprove => {
            decide_for_all(w, index, Action::Approve);
            advance::complete(w, index, Some(reason::AUTO_APPROVE));
        }
        OnBreach::AutoReject => {
            decide_for_all(w, index, Action::Reject);
            advance::reject(w, index, reason::AUTO_REJECT);
        }
    }
}

/// Expires the open tasks of a stage for which `is_due` holds. Returns their positions.
fn expire_tasks(w: &mut Work<'_>, index: usize, is_due: impl Fn(&Task) -> bool) -> Vec<usize> {
    let stage_id = w.request.stages[index].stage_id;
    let expires = |task: &Task| task.stage_id == stage_id && task.status.is_open() && is_due(task);
    let due: Vec<usize> =
        (0..w.request.tasks.len()).filter(|&position| expires(&w.request.tasks[position])).collect();
    for &position in &due {
        w.close_task(position, TaskStatus::Expired);
        let task = &w.request.tasks[position];
        let payload = json!({
            "task_id": task.id.to_string(),
            "assignee": task.assignee,
            "kind": task.kind.as_str(),
            "due_at": time_json(task.due_at),
        });
        let order = task.stage_order;
        w.emit(EventType::TaskExpired, Some(order), None, payload);
    }
    due
}

/// Expires the open tasks of a stage, and records `action` for every seat without a decision.
fn decide_for_all(w: &mut Work<'_>, index: usize, action: Action) {
    expire_tasks(w, index, |_| true);
    for position in 0..w.request.tasks.len() {
        let task = &w.request.tasks[position];
        if is_seat(task, &w.request.stages[index]) && is_undecided(task) {
            w.record(
                position,
                NewDecision {
                    action,
                    comment: None,
                    attachments_ref: None,
                    artifact_digest: None,
                    late: true,
                },
            );
        }
    }
}

/// Replaces the expired seats of a stage by the escalation approvers. When these add nobody, all seats stay as they
/// are.
pub(super) fn escalate(w: &mut Work<'_>, index: usize, answers: &Answers) {
    let stage = w.stage(index);
    w.request.stages[index].state = StageState::Active;
    w.request.stages[index].escalated = true;
    let (leaving, staying) = seats_of(w, index);
    let present: HashSet<String> =
        staying.iter().map(|&position| w.request.tasks[position].assignee.clone()).collect();
    let watching = observers(w, index);

    let mut seating = w.seating(index, &stage.escalation_rules, answers);
    let (known, new): (Vec<_>, Vec<_>) =
        std::mem::take(&mut seating.seats).into_iter().partition(|seat| present.contains(&seat.holder));
    seating.seats = new;
    seating.observers.retain(|user| !present.contains(user) && !watching.contains(user));
    seating.too_many |= staying.len() + seating.seats.len() > MOST_SEATS;
    seating::enforce_bounds(w.request.tasks.len(), std::iter::once(&mut seating));
    if seating.seats.is_empty() || seating.too_many {
        let mut payload = json!({ "stage_name": stage.name, "resolution_errors": seating.errors.to_json() });
        put_some_ids(&mut payload, "unknown_users", &seating.unknown);
        let why = Some(seating.why_nobody());
        w.emit(EventType::StageEscalationFailed, Some(stage.order), why, payload);
        return;
    }
    for &position in &leaving {
        w.request.tasks[position].seated = false;
    }
    let required: HashSet<String> = known.into_iter().filter(|s| s.required).map(|s| s.holder).collect();
    for position in staying {
        let task = &mut w.request.tasks[position];
        task.required |= required.contains(&task.assignee);
    }
    let due_at = w.fresh_due(index);
    w.seat_tasks(index, &seating, due_at);
    emit_escalated(w, index, &leaving, &seating);
}

/// Returns the positions of the seats that leave on escalation (expired and undecided), and of those that stay.
fn seats_of(w: &Work<'_>, index: usize) -> (Vec<usize>, Vec<usize>) {
    let run = &w.request.stages[index];
    let seats = (0..w.request.tasks.len()).filter(|&position| is_seat(&w.request.tasks[position], run));
    seats.partition(|&position| {
        let task = &w.request.tasks[position];
        task.status == TaskStatus::Expired && is_undecided(task)
    })
}

fn emit_escalated(w: &mut Work<'_>, index: usize, leaving: &[usize], seating: &Seating) {
    let stage = w.stage(index);
    let mut payload = json!({
        "stage_name": stage.name,
        "due_at": time_json(w.fresh_due(index)),
        "resolution_errors": seating.errors.to_json(),
    });
    put_ids(&mut payload, "approvers", seating.seats.iter().map(|seat| &*seat.holder));
    put_ids(&mut payload, "left", leaving.iter().map(|&position| &*w.request.tasks[position].assignee));
    put_some_ids(&mut payload, "observers", &seating.observers);
    put_delegations(&mut payload, seating.delegated());
    put_some_ids(&mut payload, "barred", &seating.barred);
    put_some_ids(&mut payload, "unknown_users", &seating.unknown);
    w.emit(EventType::StageEscalated, Some(stage.order), None, payload);
}

fn observers(w: &Work<'_>, index: usize) -> HashSet<String> {
    let stage_id = w.request.stages[index].stage_id;
    let watches = |task: &&Task| task.stage_id == stage_id && task.kind == Kind::Observer && task.seated;
    w.request.tasks.iter().filter(watches).map(|task| task.assignee.clone()).collect()
}
