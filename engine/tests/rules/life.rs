//! Creation, skipping, resolution, cancelling, expiry, simulation.

use crate::fixture::{World, away, caller, logic, observer, policy, role, rule, stage, stage_of, user};
use engine::command::{Changes, Command, Environment, Refusal};
use engine::delegation::Delegations;
use engine::policy::{Kind, OnEmpty, Policy, RuleSource, Stage};
use engine::request::{Action, EventType};
use engine::simulate::simulate;
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn skipping(order: i32, condition: &Value) -> Stage {
    Stage { skip_if: Some(logic(condition)), ..stage(order, &["ann"]) }
}

fn expression(source: &Value) -> Vec<engine::policy::Rule> {
    vec![rule(Kind::Approver, RuleSource::Expression(logic(source)))]
}

#[test]
fn a_policy_without_stages_approves_at_once() {
    let world = World::start(policy(vec![]));
    assert_eq!((world.status(), world.why()), ("approved", Some("no_stages")));
    assert_eq!(world.request.current_stage_order, 0);
    assert!(world.request.completed_at.is_some());
}

#[test]
fn all_stages_skipped_approves_at_once_and_says_so() {
    let empty = Stage { on_empty: OnEmpty::Skip, ..stage_of(2, expression(&json!({"var": "nobody"}))) };
    let world = World::start(policy(vec![skipping(1, &json!(true)), empty]));
    assert_eq!((world.status(), world.why()), ("approved", Some("all_stages_skipped")));
    let reasons: Vec<_> = world.log.iter().filter_map(|e| e.reason.as_deref()).collect();
    assert_eq!(reasons, ["skip_if", "on_empty", "all_stages_skipped"]);
}

#[test]
fn an_approval_after_some_skipped_stages_gives_no_such_reason() {
    let mut world = World::start(policy(vec![skipping(1, &json!(true)), stage(2, &["bob"])]));
    world.approve("bob");
    assert_eq!((world.status(), world.why()), ("approved", None));
}

#[test]
fn the_amount_routes_to_exactly_one_of_three_tiers() {
    for (amount, tier) in [(50, 1), (500, 2), (5000, 3)] {
        let stages = vec![
            skipping(1, &json!({">=": [{"var": "amount"}, 100]})),
            skipping(2, &json!({"!": [{"<=": [100, {"var": "amount"}, 999]}]})),
            skipping(3, &json!({"<": [{"var": "amount"}, 1000]})),
        ];
        let world = World::start_with(policy(stages), &[], json!({ "amount": amount }));
        assert_eq!((world.open().len(), world.request.current_stage_order), (1, tier), "{amount}");
    }
}

#[test]
fn a_condition_that_fails_does_not_skip_and_is_told() {
    let world = World::start(policy(vec![skipping(1, &json!({"+": ["x", 1]}))]));
    assert_eq!(world.open(), ["ann"]);
    assert!(world.event(EventType::StageStarted).payload["resolution_errors"][0].is_string());
}

#[test]
fn an_expression_that_fails_seats_nobody_and_is_told() {
    let mut rules = expression(&json!({"var": "amount"}));
    let context = json!({"amount": 5});
    let world = World::start_with(policy(vec![stage_of(1, rules.clone())]), &[], context.clone());
    assert_eq!((world.status(), world.why()), ("rejected", Some("no_approvers_resolved")));
    assert!(world.event(EventType::RequestRejected).payload["resolution_errors"][0].is_string());
    rules.push(user("ann"));
    let world = World::start_with(policy(vec![stage_of(1, rules)]), &[], context);
    assert!(world.event(EventType::StageStarted).payload["resolution_errors"][0].is_string());
}

#[test]
fn a_blocked_stage_leaves_no_sibling_task() {
    let blocked = stage_of(2, expression(&json!(null)));
    let stages = [stage(1, &["ann"]), blocked, stage(3, &["bob"])];
    let stages = stages.map(|stage| Stage { parallel_group: Some(1), ..stage });
    let world = World::start(policy(stages.into()));
    assert_eq!((world.status(), world.request.tasks.len()), ("rejected", 0));
    assert_eq!(world.states(), ["closed", "rejected", "closed"]);
}

#[test]
fn a_stage_that_asks_outside_stays_pending_until_answered() {
    let stages = [stage_of(1, vec![role("r"), user("ann")]), stage(2, &["bob"])]
        .map(|s| Stage { parallel_group: Some(1), ..s });
    let mut world = World::start(policy(stages.into()));
    assert_eq!((world.status(), world.states()), ("pending", vec!["resolving", "resolving"]));
    assert_eq!(world.asked(), 1);
    world.send(Command::ResolutionFailed { reason: "directory is down".into() }).unwrap();
    assert_eq!(world.why(), Some("directory is down"));
    assert_eq!(world.asked(), 1, "and is asked again");
    world.send(Command::Resolved { answers: BTreeMap::new() }).unwrap();
    assert_eq!((world.status(), world.asked()), ("pending", 1), "an answer to something else");
    world.resolve(&["zoe", "ann"]);
    assert_eq!((world.status(), world.open()), ("in_review", vec!["zoe", "ann", "bob"]));
    let told = world.log.len();
    world.resolve(&["zoe"]);
    world.send(Command::ResolutionFailed { reason: "late".into() }).unwrap();
    assert_eq!(world.log.len(), told, "a second answer changes nothing");
}

#[test]
fn nobody_in_the_directory_is_an_empty_stage() {
    let mut world = World::start(policy(vec![stage_of(1, vec![role("r")])]));
    world.resolve(&[]);
    assert_eq!((world.status(), world.why()), ("rejected", Some("no_approvers_resolved")));
    let skip = Stage { on_empty: OnEmpty::Skip, ..stage_of(1, vec![role("r")]) };
    let mut world = World::start(policy(vec![skip]));
    world.resolve(&[]);
    assert_eq!((world.status(), world.why()), ("approved", Some("all_stages_skipped")));
    assert_eq!(world.log.last().map(|e| e.actor.as_str()), Some("system:resolver"));
}

#[test]
fn cancelling_is_for_the_creating_service_and_admins_and_final() {
    for who in ["registry", "admin"] {
        let mut world = World::start(policy(vec![stage(1, &["ann"])]));
        let cancel = |by: &str| Command::Cancel { caller: caller(by), reason: Some("typo".into()) };
        assert!(matches!(world.send(cancel("rita")), Err(Refusal::Forbidden(..))));
        world.send(cancel(who)).unwrap();
        assert_eq!((world.status(), world.why(), world.open().len()), ("cancelled", Some("typo"), 0));
        assert!(matches!(world.send(cancel(who)), Err(Refusal::Conflict(..))));
        assert!(matches!(world.decide("ann", Action::Approve), Err(Refusal::Conflict(..))));
    }
}

#[test]
fn a_request_expires_when_its_time_is_up_and_not_before() {
    let mut world = World::start(policy(vec![stage(1, &["ann"])]));
    assert!(world.send(Command::Expire).unwrap().events.is_empty());
    world.now += time::Duration::days(365);
    assert_eq!(world.send(Command::Expire).unwrap().events.len(), 1);
    assert_eq!((world.status(), world.open().len()), ("expired", 0));
    assert!(world.send(Command::Expire).unwrap().events.is_empty());
}

#[test]
fn a_request_stays_with_the_version_it_started_with() {
    let mut world = World::start(policy(vec![stage(1, &["ann"])]));
    let pinned = world.request.policy_id;
    world.policy = policy(vec![stage(1, &["bob"])]).into();
    assert_eq!(world.decide("ann", Action::Approve).unwrap_err(), Refusal::WrongPolicy(pinned));
}

#[test]
fn changes_name_what_a_store_must_write() {
    let mut world = World::start(policy(vec![stage(1, &["ann", "bob"]), stage(2, &["cy"])]));
    assert_eq!(Changes::between(None, &world.request).new_tasks.len(), 2);
    world.approve("ann");
    let before = world.request.clone();
    world.approve("bob");
    let changes = Changes::between(Some(&before), &world.request);
    assert_eq!(changes.new_tasks.len(), 1);
    assert_eq!((changes.changed_tasks.len(), changes.new_decisions.len()), (1, 1));
}

#[test]
fn a_simulation_shows_what_would_happen() {
    let ask = role("r");
    let answers = BTreeMap::from([(ask.id, vec!["zoe".to_owned(), "rita".to_owned()])]);
    let stages = vec![
        stage_of(1, vec![ask, user("ann"), observer("eye")]),
        skipping(2, &json!({"==": [{"var": "kind"}, "small"]})),
        Stage { on_empty: OnEmpty::Skip, ..stage(3, &["rita"]) },
        stage(4, &["rita"]),
    ];
    let policy = Policy { forbid_self_approval: true, ..policy(stages) };
    let delegations = Delegations::new([away("ann", "bob")]);
    let env = Environment { policy: &policy, delegations: &delegations, now: crate::fixture::START };
    let seen = simulate(&env, &json!({"kind": "small"}), &["rita"], &answers);
    let told: Vec<_> = seen.iter().map(|s| (s.order, s.skipped, s.skip_reason)).collect();
    let expected =
        [(1, false, None), (2, true, Some("skip_if")), (3, true, Some("on_empty")), (4, false, None)];
    assert_eq!(told, expected);
    assert_eq!(seen[0].resolved_approvers, ["zoe", "bob"]);
    assert_eq!(seen[0].resolved_observers, ["eye"]);
    assert!(seen[3].resolved_approvers.is_empty());
}
