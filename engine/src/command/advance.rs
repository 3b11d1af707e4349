//! Moves a request on: starts the next group, ends stages that are decided, ends the request.

use super::payload::{put_delegations, put_ids, put_some_ids};
use super::reason;
use super::seating::{self, Answers, Seating};
use super::seats::{self, Tally, Verdict};
use super::work::{Work, time_json};
use crate::policy::OnEmpty;
use crate::request::{EventType, RequestStatus, StageState, TaskStatus};
use serde_json::json;

const RUNNING: &[StageState] = &[StageState::Active, StageState::Escalating];

/// Starts the next group that is not skipped as a whole. Approves the request when no group is left.
pub(super) fn start_next_group(w: &mut Work<'_>) {
    while let Some(&first) = w.stages_in(&[StageState::Waiting]).first() {
        let group = w.env.policy.group_at(first);
        for index in group.clone() {
            // A condition that fails skips nothing. The event that starts the stage names the failure.
            if seating::skips(w.stage(index), &w.request.context, &w.budget) == Ok(true) {
                skip(w, index, reason::SKIP_IF, &Seating::default());
            }
        }
        let running: Vec<usize> =
            group.filter(|&index| w.request.stages[index].state == StageState::Waiting).collect();
        let asks_outside = |&index: &usize| w.stage(index).rules.iter().any(|rule| rule.source.is_external());
        if running.iter().any(asks_outside) {
            w.request.current_stage_order = first_order(w, running[0]);
            for index in running {
                w.request.stages[index].state = StageState::Resolving;
            }
            return;
        }
        if seat_group(w, &running, &Answers::new()) {
            return;
        }
    }
    approve(w);
}

/// Seats the stages of one group. All seatings are found before the first task is made, so that a stage that blocks
/// the request leaves no task of its neighbours behind.
///
/// Returns false when all stages were skipped, so that the next group must start.
pub(super) fn seat_group(w: &mut Work<'_>, running: &[usize], answers: &Answers) -> bool {
    let mut seatings: Vec<(usize, Seating)> = running
        .iter()
        .map(|&index| {
            let stage = w.stage(index);
            let mut seating = w.seating(index, &stage.rules, answers);
            if let Err(why) = seating::skips(stage, &w.request.context, &w.budget) {
                seating.errors.push(format!("skip_if: {why}"));
            }
            (index, seating)
        })
        .collect();
    seating::enforce_bounds(w.request.tasks.len(), seatings.iter_mut().map(|(_, seating)| seating));
    let blocked = |(index, seating): &&(usize, Seating)| {
        seating.too_many || seating.seats.is_empty() && w.stage(*index).on_empty == OnEmpty::Block
    };
    if let Some((index, seating)) = seatings.iter().find(blocked) {
        block(w, *index, seating);
        return true;
    }
    for (index, seating) in &seatings {
        if seating.seats.is_empty() {
            skip(w, *index, reason::ON_EMPTY, seating);
        } else {
            activate(w, *index, seating);
        }
    }
    judge(w);
    w.request.status.is_terminal() || !w.stages_in(RUNNING).is_empty()
}

/// Ends every running stage that its seats decide, and starts the next group once this one is finished.
pub(super) fn settle(w: &mut Work<'_>) {
    judge(w);
    let unfinished = [StageState::Resolving, StageState::Active, StageState::Escalating];
    if !w.request.status.is_terminal() && w.stages_in(&unfinished).is_empty() {
        start_next_group(w);
    }
}

fn judge(w: &mut Work<'_>) {
    for index in w.stages_in(RUNNING) {
        if w.request.status.is_terminal() {
            return;
        }
        let (stage, run) = (w.stage(index), &w.request.stages[index]);
        let escalation_ahead = seats::escalation_ahead(&w.request, stage, run);
        match Tally::of(&w.request, run).verdict(stage, escalation_ahead) {
            Verdict::Undecided => {}
            Verdict::Approved => complete(w, index, None),
            Verdict::Rejected(why) => reject(w, index, why),
        }
    }
}

/// Approves the stage and closes its open tasks. `why` is set when something other than its seats approved it.
pub(super) fn complete(w: &mut Work<'_>, index: usize, why: Option<&str>) {
    w.request.stages[index].state = StageState::Approved;
    let stage_id = w.request.stages[index].stage_id;
    for position in 0..w.request.tasks.len() {
        let task = &w.request.tasks[position];
        if task.stage_id == stage_id && task.status.is_open() {
            w.close_task(position, TaskStatus::Skipped);
        }
    }
    emit_completed(w, index, "approved", why);
}

/// Rejects the stage and with it the request.
pub(super) fn reject(w: &mut Work<'_>, index: usize, why: &str) {
    w.request.stages[index].state = StageState::Rejected;
    emit_completed(w, index, "rejected", Some(why));
    let stage = w.stage(index);
    let payload = json!({ "stage_name": stage.name });
    w.end(RequestStatus::Rejected, EventType::RequestRejected, Some(stage.order), Some(why), payload);
}

fn emit_completed(w: &mut Work<'_>, index: usize, outcome: &str, why: Option<&str>) {
    let tally = Tally::of(&w.request, &w.request.stages[index]);
    let stage = w.stage(index);
    let payload = json!({
        "stage_name": stage.name,
        "outcome": outcome,
        "approvals": tally.approvals,
        "rejections": tally.rejections,
        "abstentions": tally.abstentions,
        "seats": tally.seats,
    });
    w.emit(EventType::StageCompleted, Some(stage.order), why, payload);
}

fn activate(w: &mut Work<'_>, index: usize, seating: &Seating) {
    let stage = w.stage(index);
    let due_at = w.fresh_due(index);
    w.request.status = RequestStatus::InReview;
    w.request.current_stage_order = first_order(w, index);
    w.request.stages[index].state = StageState::Active;
    w.seat_tasks(index, seating, due_at);
    let mut payload = json!({
        "stage_name": stage.name,
        "mode": stage.mode.as_str(),
        "mode_value": stage.mode.value(),
        "due_at": time_json(due_at),
        "resolution_errors": seating.errors.to_json(),
    });
    put_ids(&mut payload, "approvers", seating.seats.iter().map(|seat| &*seat.holder));
    put_ids(&mut payload, "observers", seating.observers.iter().map(String::as_str));
    put_delegations(&mut payload, seating.delegated());
    put_some_ids(&mut payload, "barred", &seating.barred);
    put_some_ids(&mut payload, "unknown_users", &seating.unknown);
    w.emit(EventType::StageStarted, Some(stage.order), None, payload);
}

fn skip(w: &mut Work<'_>, index: usize, why: &str, seating: &Seating) {
    let stage = w.stage(index);
    w.request.stages[index].state = StageState::Skipped;
    let mut payload = json!({ "stage_name": stage.name, "resolution_errors": seating.errors.to_json() });
    put_some_ids(&mut payload, "unknown_users", &seating.unknown);
    w.emit(EventType::StageSkipped, Some(stage.order), Some(why), payload);
}

fn block(w: &mut Work<'_>, index: usize, seating: &Seating) {
    let stage = w.stage(index);
    w.request.current_stage_order = first_order(w, index);
    w.request.stages[index].state = StageState::Rejected;
    let mut payload = json!({
        "stage_name": stage.name,
        "resolution_errors": seating.errors.to_json(),
    });
    put_some_ids(&mut payload, "barred", &seating.barred);
    put_some_ids(&mut payload, "unknown_users", &seating.unknown);
    let why = Some(seating.why_nobody());
    w.end(RequestStatus::Rejected, EventType::RequestRejected, Some(stage.order), why, payload);
}

fn approve(w: &mut Work<'_>) {
    let stages = &w.request.stages;
    let why = if stages.is_empty() {
        Some(reason::NO_STAGES)
    } else if stages.iter().all(|run| run.state == StageState::Skipped) {
        Some(reason::ALL_SKIPPED)
    } else {
        None
    };
    w.end(RequestStatus::Approved, EventType::RequestApproved, None, why, json!({}));
}

fn first_order(w: &Work<'_>, index: usize) -> i32 {
    w.stage(w.env.policy.group_at(index).start).order
}
