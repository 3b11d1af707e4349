//! Random policies, random histories, and what must hold after every step.

use crate::fixture::{START, World, away, caller, logic, observer, policy, required, role, stage_of, user};
use crate::reference::{Expected, Seat, expected, has_quorum};
use engine::command::{Command, Transition};
use engine::delegation::Delegation;
use engine::policy::{Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, Stage};
use engine::request::{Action, EventType, Request, StageState, TaskStatus};
use proptest::prelude::*;
use serde_json::json;
use std::collections::HashSet;
use time::Duration;

const PEOPLE: &[&str] = &["rita", "ann", "bob", "cy", "dan"];

#[derive(Debug, Clone)]
enum Step {
    Decide { task: usize, by_admin: bool, by: usize, action: usize },
    Claim { task: usize },
    Reassign { task: usize, to: usize },
    Resolved { people: Vec<usize> },
    ResolutionFailed,
    HoursPass(i64),
    Breach,
    Cancel,
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let task = 0..12_usize;
    let step = prop_oneof![
        12 => (task.clone(), prop::bool::weighted(0.2), 0..PEOPLE.len(), 0..5_usize)
            .prop_map(|(task, by_admin, by, action)| Step::Decide { task, by_admin, by, action }),
        1 => task.clone().prop_map(|task| Step::Claim { task }),
        3 => (task, 0..PEOPLE.len()).prop_map(|(task, to)| Step::Reassign { task, to }),
        4 => prop::collection::vec(0..PEOPLE.len(), 0..4).prop_map(|people| Step::Resolved { people }),
        1 => Just(Step::ResolutionFailed),
        2 => (1..6_i64).prop_map(Step::HoursPass),
        3 => Just(Step::Breach),
    ];
    let rare = prop_oneof![80 => step, 1 => Just(Step::Cancel), 1 => Just(Step::Expire)];
    prop::collection::vec(rare, 1..30)
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let person = 0..PEOPLE.len();
    let rule = prop_oneof![
        5 => person.clone().prop_map(|i| user(PEOPLE[i])),
        1 => person.clone().prop_map(|i| required(PEOPLE[i])),
        1 => person.prop_map(|i| observer(PEOPLE[i])),
        1 => Just(()).prop_map(|()| role("r")),
    ];
    prop::collection::vec(rule, 1..5)
}

fn stages() -> impl Strategy<Value = Stage> {
    let mode = prop_oneof![
        Just(Mode::All),
        (1..4_u32).prop_map(Mode::AnyN),
        (1..=100_u32).prop_map(Mode::Percentage),
    ];
    let flags = (any::<bool>(), prop::bool::weighted(0.7), 0..4_usize, prop::option::of(1..3_i32), 0..12_u8);
    (rules(), rules(), mode, flags).prop_map(|(rules, escalation_rules, mode, flags)| {
        let (veto, skip_empty, breach, group, condition) = flags;
        Stage {
            mode,
            reject_mode: if veto { RejectMode::Veto } else { RejectMode::Unreachable },
            on_empty: if skip_empty { OnEmpty::Skip } else { OnEmpty::Block },
            sla_hours: Some(2),
            on_breach: OnBreach::ALL[breach],
            parallel_group: group,
            skip_if: match condition {
                0 => Some(logic(&json!(true))),
                1 => Some(logic(&json!({"+": ["x", 1]}))),
                _ => None,
            },
            escalation_rules,
            ..stage_of(1, rules)
        }
    })
}

fn policies() -> impl Strategy<Value = Policy> {
    (prop::collection::vec(stages(), 0..4), any::<bool>(), any::<bool>()).prop_map(
        |(mut stages, own, again)| {
            for (index, stage) in stages.iter_mut().enumerate() {
                stage.order = i32::try_from(index).expect("few") + 1;
            }
            Policy { forbid_self_approval: own, forbid_repeat_approvers: again, ..policy(stages) }
        },
    )
}

fn absences() -> impl Strategy<Value = Vec<Delegation>> {
    let one = (0..PEOPLE.len(), 0..PEOPLE.len()).prop_map(|(from, to)| away(PEOPLE[from], PEOPLE[to]));
    prop::collection::vec(one, 0..3)
}

fn take(world: &mut World, step: &Step) -> Option<Transition> {
    let nth = |world: &World, n: usize| {
        let tasks = &world.request.tasks;
        (!tasks.is_empty()).then(|| tasks[tasks.len() - 1 - n % tasks.len()].clone())
    };
    let command = match step {
        Step::Decide { task, by_admin, by, action } => {
            let task = nth(world, *task)?;
            // Mostly the assignee, sometimes an admin who may be anybody.
            let subject = if *by_admin { PEOPLE[*by].to_owned() } else { task.assignee };
            let action = *Action::ALL.get(*action).unwrap_or(&Action::Approve);
            let mut caller = caller(&subject);
            caller.admin = *by_admin;
            Command::Decide { caller, task_id: task.id, action, comment: None, attachments_ref: None }
        }
        Step::Claim { task } => {
            let task = nth(world, *task)?;
            Command::Claim { caller: caller(&task.assignee), task_id: task.id }
        }
        Step::Reassign { task, to } => {
            let (task_id, new_assignee) = (nth(world, *task)?.id, PEOPLE[*to].to_owned());
            Command::Reassign { caller: caller("admin"), task_id, new_assignee, reason: None }
        }
        Step::Resolved { people } => {
            let users: Vec<String> = people.iter().map(|i| PEOPLE[*i].to_owned()).collect();
            let rules = world.request.pending_rules(&world.policy);
            Command::Resolved { answers: rules.into_iter().map(|rule| (rule, users.clone())).collect() }
        }
        Step::ResolutionFailed => Command::ResolutionFailed { reason: "down".into() },
        Step::HoursPass(hours) => {
            world.now += Duration::hours(*hours);
            return None;
        }
        Step::Breach => Command::Breach,
        Step::Cancel => Command::Cancel { caller: caller("admin"), reason: None },
        Step::Expire => {
            world.now = START + Duration::days(400);
            Command::Expire
        }
    };
    world.send(command).ok()
}

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

fn invariant_one_decision_per_task(world: &World) {
    let decided: HashSet<_> = world.request.decisions.iter().map(|d| d.task_id).collect();
    assert_eq!(decided.len(), world.request.decisions.len(), "a task is decided twice");
    let linked = world.request.tasks.iter().filter(|t| t.decision_id.is_some()).count();
    assert_eq!(linked, decided.len(), "a decision is lost");
    assert_eq!(world.count(EventType::DecisionRecorded), decided.len());
}

fn invariant_sequence_is_gapless(world: &World) {
    for (index, event) in world.log.iter().enumerate() {
        assert_eq!(usize::try_from(event.sequence), Ok(index + 1));
    }
    assert_eq!(usize::try_from(world.request.last_sequence), Ok(world.log.len()));
    assert_eq!(world.log.last().map(|event| event.status), Some(world.request.status));
}

fn invariant_terminal_is_final(before: &Request, done: Option<&Transition>) {
    if before.status.is_terminal()
        && let Some(done) = done
    {
        assert!(done.events.is_empty() && done.effects.is_empty());
        assert_eq!(&done.request, before);
    }
}

fn invariant_no_event_means_no_change(before: &Request, done: Option<&Transition>) {
    if let Some(done) = done.filter(|done| done.events.is_empty()) {
        assert_eq!(&done.request, before);
    }
}

fn invariant_ended_requests_leave_nothing_open(world: &World) {
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

fn invariant_quorum_law(world: &World) {
    for (index, stage) in world.policy.stages.iter().enumerate() {
        let (run, seats) = (&world.request.stages[index], seats(&world.request, index));
        let completed = reason_of(world, EventType::StageCompleted, stage.order);
        let waits = |t: &engine::request::Task| {
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

fn invariant_required_law(world: &World) {
    for (index, stage) in world.policy.stages.iter().enumerate() {
        let completed = reason_of(world, EventType::StageCompleted, stage.order);
        if world.request.stages[index].state == StageState::Approved && completed != Some("auto_approve") {
            for (required, said) in seats(&world.request, index) {
                assert!(!required || said == Some(Action::Approve), "a required seat did not approve");
            }
        }
    }
}

fn invariant_separation_of_duties(world: &World) {
    let (policy, request) = (&world.policy, &world.request);
    let observers: HashSet<_> =
        request.tasks.iter().filter(|t| t.kind == Kind::Observer).map(|t| t.id).collect();
    let votes = || request.decisions.iter().filter(|d| !observers.contains(&d.task_id));
    let group_start = |order: i32| {
        let index = policy.stages.iter().position(|s| s.order == order).expect("a stage of the policy");
        policy.stages[policy.group_at(index).start].order
    };
    let barred = |who: &str, order: i32| {
        let earlier = |d: &&engine::request::Decision| {
            d.stage_order < group_start(order) && d.action == Action::Approve && d.actor != "system:sla"
        };
        let repeats =
            votes().filter(earlier).any(|d| d.actor == who || d.on_behalf_of.as_deref() == Some(who));
        (policy.forbid_self_approval && who == request.requester)
            || (policy.forbid_repeat_approvers && repeats)
    };
    for decision in votes() {
        assert!(!barred(&decision.actor, decision.stage_order), "a barred person decided: {decision:?}");
    }
    for task in request.tasks.iter().filter(|task| task.kind == Kind::Approver) {
        assert!(!barred(&task.assignee, task.stage_order), "a barred person sits: {task:?}");
    }
}

fn invariant_nobody_holds_two_seats_in_a_stage(world: &World) {
    let mut holders = HashSet::new();
    for task in world.request.tasks.iter().filter(|task| task.seated) {
        assert!(holders.insert((task.stage_id, task.kind, &task.assignee)), "two seats: {task:?}");
    }
}

fn invariant_reassigning_conserves_seats(
    before: &Request,
    world: &World,
    step: &Step,
    done: Option<&Transition>,
) {
    if !matches!(step, Step::Reassign { .. }) || done.is_none() {
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

/// No stuck state: somebody can decide, or something outside is being asked.
fn invariant_liveness(world: &World) {
    let request = &world.request;
    let decidable = |task: &engine::request::Task| {
        task.kind == Kind::Approver
            && task.seated
            && task.decision_id.is_none()
            && (task.status.is_open() || task.status == TaskStatus::Expired)
    };
    let alive = request.tasks.iter().any(decidable) || !request.pending_rules(&world.policy).is_empty();
    assert!(alive || request.status.is_terminal(), "nobody can move {request:#?}");
}

fn holds(before: &Request, world: &World, step: &Step, done: Option<&Transition>) {
    invariant_terminal_is_final(before, done);
    invariant_no_event_means_no_change(before, done);
    invariant_reassigning_conserves_seats(before, world, step, done);
    holds_always(world);
}

fn holds_always(world: &World) {
    invariant_one_decision_per_task(world);
    invariant_sequence_is_gapless(world);
    invariant_ended_requests_leave_nothing_open(world);
    invariant_quorum_law(world);
    invariant_required_law(world);
    invariant_separation_of_duties(world);
    invariant_nobody_holds_two_seats_in_a_stage(world);
    invariant_liveness(world);
}

/// Whoever can move the request does so, until it ends. Approving always, it ends soon.
fn everybody_approves(world: &mut World) {
    for _ in 0..200 {
        if world.request.status.is_terminal() {
            return;
        }
        if !world.request.pending_rules(&world.policy).is_empty() {
            world.resolve(&["ann", "eva"]);
            continue;
        }
        let waiting = |t: &&engine::request::Task| {
            t.kind == Kind::Approver && t.seated && t.decision_id.is_none() && t.status != TaskStatus::Skipped
        };
        let running = |t: &&engine::request::Task| {
            let run = world.request.stages.iter().find(|run| run.stage_id == t.stage_id);
            run.is_some_and(|run| !run.state.is_final())
        };
        let task = world.request.tasks.iter().filter(waiting).find(running).expect("somebody can move it");
        let (by, id) = (task.assignee.clone(), task.id);
        world.decide_task(&by, id, Action::Approve).expect("a seat may be used");
    }
    panic!("the request does not end: {:#?}", world.request);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_laws_hold_after_every_step_of_any_history(
        policy in policies(),
        delegations in absences(),
        steps in steps(),
    ) {
        let mut world = World::start_with(policy, &delegations, json!({}));
        holds_always(&world);
        for step in &steps {
            let before = world.request.clone();
            let done = take(&mut world, step);
            holds(&before, &world, step, done.as_ref());
        }
        everybody_approves(&mut world);
        holds_always(&world);
    }

    #[test]
    fn the_same_arguments_give_the_same_transition(policy in policies(), steps in steps()) {
        let mut one = World::start(policy.clone());
        let mut two = World::start(policy);
        two.request.id = one.request.id;
        for step in &steps {
            let (a, b) = (take(&mut one, step), take(&mut two, step));
            prop_assert_eq!(a, b);
        }
    }
}
