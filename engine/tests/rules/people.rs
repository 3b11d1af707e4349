//! Who may hold a seat, who may decide, and how seats move.

use crate::fixture::{
    World, away, caller, logic, observer, policy, required, role, rule, stage, stage_of, user,
};
use engine::command::{Command, Refusal};
use engine::policy::{Kind, Mode, OnEmpty, Policy, RuleSource, Stage};
use engine::request::{Action, EventType, TaskStatus};
use serde_json::json;

fn no_self(stages: Vec<Stage>) -> Policy {
    Policy { forbid_self_approval: true, ..policy(stages) }
}

fn no_repeat(stages: Vec<Stage>) -> Policy {
    Policy { forbid_repeat_approvers: true, ..policy(stages) }
}

fn forbidden<T>(result: Result<T, Refusal>) -> bool {
    matches!(result, Err(Refusal::Forbidden(..)))
}

fn conflict<T>(result: Result<T, Refusal>) -> bool {
    matches!(result, Err(Refusal::Conflict(..)))
}

#[test]
fn the_requester_holds_no_seat_but_may_watch() {
    let rules = vec![user("rita"), user("ann"), observer("rita")];
    let world = World::start(no_self(vec![stage_of(1, rules)]));
    let tasks: Vec<_> = world.request.tasks.iter().map(|t| (t.assignee.as_str(), t.kind.as_str())).collect();
    assert_eq!(tasks, [("ann", "approver"), ("rita", "observer")]);
}

#[test]
fn a_stage_of_barred_people_only_blocks_or_is_skipped() {
    let world = World::start(no_self(vec![stage(1, &["rita"])]));
    assert_eq!((world.status(), world.why()), ("rejected", Some("no_approvers_resolved")));
    let skip = Stage { on_empty: OnEmpty::Skip, ..stage(1, &["rita"]) };
    let world = World::start(no_self(vec![skip, stage(2, &["ann"])]));
    assert_eq!((world.open(), world.states()), (vec!["ann"], vec!["skipped", "active"]));
}

#[test]
fn who_approved_an_earlier_group_holds_no_seat_later() {
    let mut world = World::start(no_repeat(vec![stage(1, &["ann"]), stage(2, &["ann", "bob"])]));
    world.approve("ann");
    assert_eq!(world.open(), ["bob"]);
}

#[test]
fn whoever_created_the_request_is_barred_like_the_requester_at_all_four_points() {
    // Seating: `registry` created the request in rita's name.
    let mut world = World::start(no_self(vec![stage(1, &["registry", "ann"])]));
    assert_eq!(world.open(), ["ann"]);
    assert_eq!(world.event(EventType::StageStarted).payload["barred"], json!(["registry"]));
    // Reassigning.
    assert!(conflict(world.reassign("ann", "registry")));
    // Deciding, as an administrator.
    world.request.source_service = "admin".into();
    let task = world.task("ann").id;
    assert!(forbidden(world.decide_task("admin", task, Action::Approve)));
    // Delegating: the seat stays with its owner.
    let world = World::start_with(no_self(vec![stage(1, &["ann"])]), &[away("ann", "registry")], json!({}));
    assert_eq!(world.open(), ["ann"]);
    // Without `forbid_self_approval` they hold a seat.
    assert_eq!(World::start(policy(vec![stage(1, &["registry"])])).open(), ["registry"]);
}

#[test]
fn a_stage_never_counts_two_approvals_of_one_person() {
    let seats = || policy(vec![Stage { mode: Mode::AnyN(2), ..stage(1, &["ann", "bob", "admin"]) }]);
    // An administrator decides two seats of others.
    let mut world = World::start(seats());
    let (ann, bob, own) = (world.task("ann").id, world.task("bob").id, world.task("admin").id);
    world.decide_task("admin", ann, Action::Approve).unwrap();
    assert!(conflict(world.decide_task("admin", bob, Action::Approve)));
    // An administrator's own seat, after deciding somebody else's.
    assert!(conflict(world.decide_task("admin", own, Action::Approve)));
    assert_eq!(world.status(), "in_review");
    // Another administrator is another person.
    world.decide_task("admin2", bob, Action::Approve).unwrap();
    assert_eq!(world.status(), "approved");
    // Somebody else's seat, after deciding one's own.
    let mut world = World::start(seats());
    let ann = world.task("ann").id;
    world.approve("admin");
    assert!(conflict(world.decide_task("admin", ann, Action::Approve)));
    // A reject may follow, and ends the stage.
    world.decide_task("admin", ann, Action::Reject).unwrap();
    assert_eq!(world.status(), "rejected");
}

#[test]
fn who_has_approved_in_a_stage_is_given_no_other_seat_there() {
    let mut world = World::start(policy(vec![stage(1, &["ann", "bob"])]));
    let task = world.task("ann").id;
    world.decide_task("admin", task, Action::Approve).unwrap();
    assert!(conflict(world.reassign("bob", "admin")));
    assert!(world.reassign("bob", "cy").is_ok());
}

#[test]
fn parallel_stages_and_observers_count_an_administrator_anew() {
    let stages = [1, 2].map(|order| Stage { parallel_group: Some(1), ..stage(order, &["ann"]) });
    let mut world = World::start(policy(stages.into()));
    let tasks: Vec<_> = world.request.tasks.iter().map(|task| task.id).collect();
    for task in tasks {
        world.decide_task("admin", task, Action::Approve).unwrap();
    }
    assert_eq!(world.status(), "approved");

    let rules = vec![user("ann"), user("bob"), observer("oto")];
    let mut world = World::start(policy(vec![stage_of(1, rules)]));
    for assignee in ["oto", "ann"] {
        let task = world.task(assignee).id;
        world.decide_task("admin", task, Action::Approve).unwrap();
    }
}

const NOBODY: &[&str] = &[
    "",
    " ",
    "\t",
    " ann",
    "ann ",
    "ann\u{a0}",
    "an\u{0}n",
    "an\nn",
    "system:",
    "system:sla",
    "System:resolver",
];

#[test]
fn an_id_that_can_be_nobodys_is_seated_by_no_rule_and_told() {
    let long = "x".repeat(201);
    for id in NOBODY.iter().copied().chain([long.as_str()]) {
        let context = json!({ "who": [id, "bob"] });
        let expression = rule(Kind::Approver, RuleSource::Expression(logic(&json!({"var": "who"}))));
        let watching = rule(Kind::Observer, RuleSource::Expression(logic(&json!({"var": "who"}))));
        let rules = vec![user(id), expression, watching];
        let world = World::start_with(policy(vec![stage_of(1, rules)]), &[], context);
        assert_eq!(world.open(), ["bob"], "{id:?}");
        let told =
            world.event(EventType::StageStarted).payload["resolution_errors"].as_array().unwrap().len();
        assert_eq!(told, 3, "{id:?}");

        let mut world = World::start(policy(vec![stage_of(1, vec![role("officer")])]));
        world.resolve(&[id, "bob"]);
        assert_eq!(world.open(), ["bob"], "{id:?}");
        let told = world.event(EventType::StageStarted).payload["resolution_errors"][0].to_string();
        assert!(told.contains("role: the user id"), "{told}");

        let mut world = World::start_with(policy(vec![stage(1, &["ann"])]), &[away("ann", id)], json!({}));
        assert_eq!(world.open(), ["ann"], "{id:?}");
        let told = world.event(EventType::StageStarted).payload["resolution_errors"][0].to_string();
        assert!(told.contains("delegation of"), "{told}");
        assert!(conflict(world.reassign("ann", id)), "{id:?}");
    }
    let longest = "ä".repeat(200);
    let world = World::start(policy(vec![stage(1, &[&longest, "system", "systems:x", "a b"])]));
    assert_eq!(world.open(), [longest.as_str(), "system", "systems:x", "a b"]);
}

#[test]
fn two_parallel_stages_may_share_a_person() {
    let stages = [1, 2].map(|order| Stage { parallel_group: Some(1), ..stage(order, &["ann"]) });
    let mut world = World::start(no_repeat(stages.into()));
    let tasks: Vec<_> = world.request.tasks.iter().map(|task| task.id).collect();
    for task in tasks {
        world.decide_task("ann", task, Action::Approve).unwrap();
    }
    assert_eq!(world.status(), "approved");
}

#[test]
fn an_admin_decides_on_behalf_and_has_then_approved() {
    let two = Stage { mode: Mode::AnyN(1), ..stage(2, &["ann", "admin", "bob"]) };
    let mut world = World::start(no_repeat(vec![stage(1, &["ann"]), two]));
    let task = world.task("ann").id;
    let decision = world.decide_task("admin", task, Action::Approve).unwrap().decision.unwrap();
    assert_eq!((decision.actor.as_str(), decision.on_behalf_of.as_deref()), ("admin", Some("ann")));
    assert_eq!(world.open(), ["bob"]);
    let task = world.task("bob").id;
    assert!(forbidden(world.decide_task("admin", task, Action::Approve)));
    assert!(world.decide_task("admin2", task, Action::Approve).is_ok());
}

#[test]
fn an_admin_who_is_the_requester_may_not_decide() {
    let mut world = World::start(no_self(vec![stage(1, &["ann"])]));
    world.request.requester = "admin".into();
    let task = world.task("ann").id;
    assert!(forbidden(world.decide_task("admin", task, Action::Approve)));
}

#[test]
fn only_the_assignee_or_an_admin_decides_and_only_once() {
    let mut world = World::start(policy(vec![stage(1, &["ann", "bob"])]));
    let task = world.task("ann").id;
    assert!(forbidden(world.decide_task("bob", task, Action::Approve)));
    assert!(world.decide_task("ann", task, Action::Approve).is_ok());
    assert!(conflict(world.decide_task("ann", task, Action::Approve)));
    let unknown = engine::ids::TaskId(crate::fixture::uuid());
    assert_eq!(
        world.decide_task("ann", unknown, Action::Approve).unwrap_err(),
        Refusal::UnknownTask(unknown)
    );
}

#[test]
fn delegations_are_followed_to_the_end_of_the_chain() {
    let chain = [away("ann", "bob"), away("bob", "cy")];
    let world = World::start_with(policy(vec![stage(1, &["ann"])]), &chain, json!({}));
    let task = world.task("cy");
    assert_eq!((task.delegated_from.as_deref(), world.open()), (Some("ann"), vec!["cy"]));
}

#[test]
fn a_cycle_of_delegations_substitutes_nobody() {
    let cycle = [away("ann", "bob"), away("bob", "ann")];
    let world = World::start_with(policy(vec![stage(1, &["ann"])]), &cycle, json!({}));
    assert_eq!(world.open(), ["ann"]);
}

#[test]
fn a_delegate_with_a_seat_keeps_one_and_inherits_the_duty() {
    let rules = vec![user("bob"), required("ann")];
    let world = World::start_with(policy(vec![stage_of(1, rules)]), &[away("ann", "bob")], json!({}));
    assert_eq!(world.open(), ["bob"]);
    assert!(world.task("bob").required);
}

#[test]
fn a_barred_delegate_is_passed_over_and_a_barred_owner_has_no_seat_to_give() {
    let rules = vec![user("ann"), user("rita")];
    let absent = [away("ann", "rita"), away("rita", "bob")];
    let world = World::start_with(no_self(vec![stage_of(1, rules)]), &absent[..1], json!({}));
    assert_eq!(world.open(), ["ann"]);
    let world = World::start_with(no_self(vec![stage(1, &["rita", "ann"])]), &absent[1..], json!({}));
    assert_eq!(world.open(), ["ann"]);
}

#[test]
fn a_delegation_counts_only_inside_its_window() {
    let mut early = away("ann", "bob");
    early.ends_at = crate::fixture::START;
    let world = World::start_with(policy(vec![stage(1, &["ann"])]), &[early], json!({}));
    assert_eq!(world.open(), ["ann"]);
}

#[test]
fn a_reassigned_seat_keeps_its_duty_and_the_stage_still_completes() {
    let mut world = World::start(policy(vec![Stage {
        sla_hours: Some(4),
        ..stage_of(1, vec![required("ann"), user("bob")])
    }]));
    let due = world.task("ann").due_at;
    let done = world.reassign("ann", "cy").unwrap();
    assert_eq!(done.task_id, Some(world.task("cy").id));
    let new = world.task("cy");
    assert_eq!((new.required, new.due_at, new.reassigned_from.as_deref()), (true, due, Some("ann")));
    assert_eq!(world.task("ann").status, TaskStatus::Reassigned);
    assert!(conflict(world.decide("ann", Action::Approve)));
    world.approve("cy");
    world.approve("bob");
    assert_eq!(world.status(), "approved");
}

#[test]
fn reassignment_is_refused_to_the_seated_the_barred_and_by_anybody_but_an_admin() {
    let mut world = World::start(no_self(vec![stage(1, &["ann", "bob", "cy"])]));
    world.approve("cy");
    for taken in ["bob", "cy", "ann", "rita", " "] {
        assert!(conflict(world.reassign("ann", taken)), "{taken}");
    }
    let task_id = world.task("ann").id;
    let command =
        Command::Reassign { caller: caller("ann"), task_id, new_assignee: "dan".into(), reason: None };
    assert!(forbidden(world.send(command)));
    assert!(conflict(world.reassign("cy", "dan")), "decided already");
    assert!(world.reassign("ann", "dan").is_ok());
}

#[test]
fn who_approved_before_gets_no_seat_by_reassignment() {
    let mut world = World::start(no_repeat(vec![stage(1, &["ann"]), stage(2, &["bob"])]));
    world.approve("ann");
    assert!(conflict(world.reassign("bob", "ann")));
}

#[test]
fn a_claim_is_told_once() {
    let mut world = World::start(policy(vec![stage(1, &["ann"])]));
    let task_id = world.task("ann").id;
    let claim = |by| Command::Claim { caller: caller(by), task_id };
    assert!(forbidden(world.send(claim("bob"))));
    assert_eq!(world.send(claim("ann")).unwrap().events.len(), 1);
    assert_eq!(world.send(claim("ann")).unwrap().events.len(), 0);
    assert_eq!(world.task("ann").status, TaskStatus::Claimed);
    // Somebody else's claim is refused, also an administrator's.
    assert!(conflict(world.send(claim("admin"))));
    world.approve("ann");
    assert!(conflict(world.send(claim("ann"))));
    assert_eq!(world.count(EventType::TaskClaimed), 1);

    let mut world = World::start(policy(vec![stage(1, &["ann"])]));
    let task_id = world.task("ann").id;
    let claim = |by| Command::Claim { caller: caller(by), task_id };
    assert_eq!(world.send(claim("admin")).unwrap().events.len(), 1);
    assert_eq!(world.send(claim("admin")).unwrap().events.len(), 0);
    assert!(conflict(world.send(claim("ann"))));
    // A claim from before `claimed_by` was stored may be repeated by anybody.
    world.request.tasks[0].claimed_by = None;
    assert_eq!(world.send(claim("ann")).unwrap().events.len(), 0);
    world.approve("ann");
}
