//! The laws that must hold after every step of any history, whatever the policy.

use crate::fixture::World;
use crate::reference::{Expected, Seat, expected, has_quorum};
use engine::command::Transition;
use engine::policy::{Kind, OnBreach};
use engine::request::{Action, Decision, EventType, Request, StageState, Task, TaskStatus};
use std::collections::HashSet;

fn seats(request: &Request, index: usize) -> Vec<Seat> {
    let said = |task| request.decisions.iter().find(|d| d.task_id == task).map(|d| d.action);
    let stage_id = request.stages[index].stage_id;
    let seated = request.tasks.iter().filter(|t| t.stage_id == stage_id && t.seated);
    seated.filter(|t| t.kind == Kind::Approver).map(|t| (t.required, said(t.id))).collect()
}

fn reason_of(world: &World, kind: EventType, order: i32) -> Option<&str> {
    let told = |event: &&engine::request::Event| event.event_type == kind && event.stage_order == Some(order);
    world.log.iter().find(told)?.reason.as_deref()
}

pub(crate) fn invariant_one_decision_per_task(world: &World) {
    let decided: HashSet<_> = world.request.decisions.iter().map(|d| d.task_id).collect();
    assert_eq!(decided.len(), world.request.decisions.len(), "a task is decided twice");
    let linked = world.request.tasks.iter().filter(|t| t.decision_id.is_some()).count();
    assert_eq!(linked, decided.len(), "a decision is lost");
    assert_eq!(world.count(EventType::DecisionRecorded), decided.len());
}

pub(crate) fn invariant_sequence_is_gapless(world: &World) {
    for (index, event) in world.log.iter().enumerate() {
        assert_eq!(usize::try_from(event.sequence), Ok(index + 1));
    }
    assert_eq!(usize::try_from(world.request.last_sequence), Ok(world.log.len()));
    assert_eq!(world.log.last().map(|event| event.status), Some(world.request.status));
}

pub(crate) fn invariant_terminal_is_final(before: &Request, done: &Transition) {
    if before.status.is_terminal() {
        assert!(done.events.is_empty());
        assert_eq!(done.request.as_ref(), before);
    }
}

pub(crate) fn invariant_no_event_means_no_change(before: &Request, done: &Transition) {
    if done.events.is_empty() {
        assert_eq!(done.request.as_ref(), before);
    }
}

pub(crate) fn invariant_ended_requests_leave_nothing_open(world: &World) {
    let request = &world.request;
    assert_eq!(request.status.is_terminal(), request.completed_at.is_some());
    let ends = [
        EventType::RequestApproved,
        EventType::RequestRejected,
        EventType::RequestCancelled,
        EventType::RequestExpired,
    ];
    let told: usize = ends.into_iter().map(|kind| world.count(kind)).sum();
    assert_eq!(told, usize::from(request.status.is_terminal()));
    if request.status.is_terminal() {
        assert!(request.tasks.iter().all(|task| !task.status.is_open()));
        assert!(request.stages.iter().all(|run| run.state.is_final()));
    }
    for task in request.tasks.iter().filter(|task| task.status.is_open()) {
        let run = request.stages.iter().find(|run| run.stage_id == task.stage_id).expect("its stage");
        assert!(matches!(run.state, StageState::Active | StageState::Escalating));
    }
}

pub(crate) fn invariant_quorum_law(world: &World) {
    for (index, stage) in world.policy.stages.iter().enumerate() {
        let (run, seats) = (&world.request.stages[index], seats(&world.request, index));
        let completed = reason_of(world, EventType::StageCompleted, stage.order);
        let waits = |t: &Task| {
            t.stage_id == run.stage_id && t.kind == Kind::Approver && t.status.is_open() && t.due_at.is_some()
        };
        let more = stage.on_breach == OnBreach::Escalate
            && !run.escalated
            && (run.state == StageState::Escalating || world.request.tasks.iter().any(waits));
        match run.state {
            StageState::Active | StageState::Escalating => {
                assert_eq!(expected(stage, &seats, more), Expected::Undecided, "{stage:?} {seats:?}");
            }
            StageState::Approved if completed != Some("auto_approve") => {
                assert!(has_quorum(stage.mode, &seats), "{stage:?} {seats:?}");
            }
            StageState::Rejected if completed.is_some_and(|why| why != "auto_reject") => {
                assert_eq!(expected(stage, &seats, false), Expected::Rejected, "{stage:?} {seats:?}");
            }
            _ => {}
        }
    }
}

pub(crate) fn invariant_required_law(world: &World) {
    for (index, stage) in world.policy.stages.iter().enumerate() {
        let completed = reason_of(world, EventType::StageCompleted, stage.order);
        if world.request.stages[index].state == StageState::Approved && completed != Some("auto_approve") {
            for (required, said) in seats(&world.request, index) {
                assert!(!required || said == Some(Action::Approve), "a required seat did not approve");
            }
        }
    }
}

fn is_barred(world: &World, who: &str, order: i32) -> bool {
    let (policy, request) = (&world.policy, &world.request);
    let index = policy.stages.iter().position(|stage| stage.order == order).expect("a stage of the policy");
    let group_start = policy.stages[policy.group_at(index).start].order;
    let repeats = votes(request).any(|decision| {
        decision.stage_order < group_start
            && decision.action == Action::Approve
            && decision.actor != "system:sla"
            && (decision.actor == who || decision.on_behalf_of.as_deref() == Some(who))
    });
    (policy.forbid_self_approval && who == request.requester) || (policy.forbid_repeat_approvers && repeats)
}

/// The decisions that count: those of approvers.
fn votes(request: &Request) -> impl Iterator<Item = &Decision> {
    let observes = |id| request.tasks.iter().any(|task| task.id == id && task.kind == Kind::Observer);
    request.decisions.iter().filter(move |decision| !observes(decision.task_id))
}

pub(crate) fn invariant_separation_of_duties(world: &World) {
    for vote in votes(&world.request) {
        assert!(!is_barred(world, &vote.actor, vote.stage_order), "a barred person decided: {vote:?}");
    }
    for task in world.request.tasks.iter().filter(|task| task.kind == Kind::Approver) {
        assert!(!is_barred(world, &task.assignee, task.stage_order), "a barred person sits: {task:?}");
    }
}

pub(crate) fn invariant_nobody_holds_two_seats_in_a_stage(world: &World) {
    let mut holders = HashSet::new();
    for task in world.request.tasks.iter().filter(|task| task.seated) {
        assert!(holders.insert((task.stage_id, task.kind, &task.assignee)), "two seats: {task:?}");
    }
}

pub(crate) fn invariant_reassigning_conserves_seats(before: &Request, world: &World, done: &Transition) {
    let moved = |event: &engine::request::Event| event.event_type == EventType::TaskReassigned;
    if !done.events.iter().any(moved) {
        return;
    }
    let unordered = |request: &Request, index| {
        let mut seats = seats(request, index);
        seats.sort_by_key(|seat| (seat.0, seat.1.map(Action::as_str)));
        seats
    };
    for index in 0..before.stages.len() {
        assert_eq!(unordered(before, index), unordered(&world.request, index));
    }
}

/// A delegation gives nobody a second seat and loses nobody's seat: an owner whose seat was delegated holds no other
/// seat of the stage, unless an admin moved it there.
pub(crate) fn invariant_delegation_conserves_seats(world: &World) {
    for started in world.log.iter().filter(|event| event.event_type == EventType::StageStarted) {
        let of_stage = |task: &&Task| Some(task.stage_order) == started.stage_order;
        let at_first =
            |task: &&Task| task.created_at == started.occurred_at && task.reassigned_from.is_none();
        let tasks: Vec<&Task> = world.request.tasks.iter().filter(of_stage).filter(at_first).collect();
        let seats: Vec<&&Task> = tasks.iter().filter(|task| task.kind == Kind::Approver).collect();
        let owners: HashSet<&str> =
            seats.iter().map(|task| task.delegated_from.as_deref().unwrap_or(&task.assignee)).collect();
        assert_eq!(owners.len(), seats.len(), "one owner, two seats: {seats:?}");
    }
}

/// No request is stuck: somebody may decide, a deadline is ahead, or a resolver is asked.
pub(crate) fn invariant_liveness(world: &World) {
    let request = &world.request;
    let running = |task: &Task| {
        let run = request.stages.iter().find(|run| run.stage_id == task.stage_id).expect("its stage");
        matches!(run.state, StageState::Active | StageState::Escalating)
    };
    let decidable = |task: &Task| {
        task.kind == Kind::Approver
            && task.seated
            && task.decision_id.is_none()
            && (task.status.is_open() || task.status == TaskStatus::Expired)
            && running(task)
            && !is_barred(world, &task.assignee, task.stage_order)
    };
    let alive = request.tasks.iter().any(decidable) || !request.pending_rules(&world.policy).is_empty();
    assert!(alive || request.status.is_terminal(), "nobody can move {request:#?}");
}

/// The name of a law, and its check, which panics when the law does not hold.
pub(crate) type Law<'a> = (&'static str, Box<dyn Fn() + 'a>);

/// The laws of every state.
pub(crate) fn always(world: &World) -> Vec<Law<'_>> {
    let law = |name, check: fn(&World)| -> Law<'_> { (name, Box::new(move || check(world))) };
    vec![
        law("one decision per task", invariant_one_decision_per_task),
        law("the sequence is gapless", invariant_sequence_is_gapless),
        law("ended requests leave nothing open", invariant_ended_requests_leave_nothing_open),
        law("quorum law", invariant_quorum_law),
        law("required law", invariant_required_law),
        law("separation of duties", invariant_separation_of_duties),
        law("nobody holds two seats in a stage", invariant_nobody_holds_two_seats_in_a_stage),
        law("delegation conserves seats", invariant_delegation_conserves_seats),
        law("liveness", invariant_liveness),
    ]
}

/// The laws of every transition.
pub(crate) fn after<'a>(before: &'a Request, world: &'a World, done: &'a Transition) -> Vec<Law<'a>> {
    vec![
        ("terminal is final", Box::new(move || invariant_terminal_is_final(before, done))),
        ("no event means no change", Box::new(move || invariant_no_event_means_no_change(before, done))),
        (
            "reassigning conserves seats",
            Box::new(move || invariant_reassigning_conserves_seats(before, world, done)),
        ),
    ]
}

pub(crate) fn holds_after(before: &Request, world: &World, done: Option<&Transition>) {
    for (_, check) in done.into_iter().flat_map(|done| after(before, world, done)) {
        check();
    }
    holds_always(world);
}

pub(crate) fn holds_always(world: &World) {
    for (_, check) in always(world) {
        check();
    }
}
