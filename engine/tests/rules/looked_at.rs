//! Whom a command looks at, and what becomes of people whom the directory does not know.

use crate::fixture::{START, away, logic, policy, required, rita_creates, rule, stage, stage_of, user};
use engine::command::{Environment, Transition, create};
use engine::delegation::{Delegation, Delegations};
use engine::policy::{Kind, OnEmpty, Policy, RuleSource, Stage};
use engine::request::RequestStatus;
use serde_json::{Value, json};

fn created(policy: &Policy, delegations: &[Delegation], unknown: &[&str]) -> Transition {
    let unknown = unknown.iter().map(|user| (*user).to_owned());
    let delegations = Delegations::new(delegations.iter().cloned()).with_unknown(unknown);
    let env = Environment { policy, delegations: &delegations, now: START };
    create(&env, rita_creates(), &mut crate::fixture::Counter(0))
}

fn seated(done: &Transition) -> Vec<&str> {
    done.request.tasks.iter().map(|task| task.assignee.as_str()).collect()
}

fn told(done: &Transition) -> &Value {
    done.events.iter().find_map(|event| event.payload.get("unknown_users")).unwrap_or(&Value::Null)
}

fn looked_at(done: &Transition) -> Vec<&str> {
    done.looked_at.delegations_of.iter().map(String::as_str).collect()
}

#[test]
fn everybody_whose_delegations_counted_is_named_also_where_nobody_sits_for_them() {
    let policy = policy(vec![stage(1, &["ann", "dan"]), stage(2, &["eve"])]);
    assert_eq!(looked_at(&created(&policy, &[], &[])), ["ann", "dan"]);
    let chain = [away("ann", "bob"), away("bob", "cy")];
    assert_eq!(looked_at(&created(&policy, &chain, &[])), ["ann", "bob", "cy", "dan"]);
    let cycle = [away("ann", "bob"), away("bob", "ann")];
    assert_eq!(looked_at(&created(&policy, &cycle, &[])), ["ann", "bob", "dan"]);
}

#[test]
fn a_chain_that_is_too_long_substitutes_nobody() {
    let policy = policy(vec![stage(1, &["u0"])]);
    let chain = |hops: usize| -> Vec<Delegation> {
        (0..hops).map(|n| away(&format!("u{n}"), &format!("u{}", n + 1))).collect()
    };
    assert_eq!(seated(&created(&policy, &chain(100), &[])), ["u100"]);
    assert_eq!(seated(&created(&policy, &chain(101), &[])), ["u0"]);
}

#[test]
fn an_unknown_user_does_not_sit_and_is_told() {
    let policy = policy(vec![stage(1, &["ann", "ghost"])]);
    let done = created(&policy, &[], &["ghost"]);
    assert_eq!((seated(&done), told(&done)), (vec!["ann"], &json!(["ghost"])));
    assert_eq!(told(&created(&policy, &[], &[])), &Value::Null);
}

#[test]
fn an_unknown_user_who_must_approve_keeps_the_seat_or_the_stage_would_go_on_without() {
    let policy = policy(vec![stage_of(1, vec![user("ann"), required("ghost")])]);
    let done = created(&policy, &[], &["ghost"]);
    assert_eq!((seated(&done), told(&done)), (vec!["ann", "ghost"], &json!(["ghost"])));
}

#[test]
fn whoever_somebody_else_than_the_policy_names_is_not_looked_up() {
    let source = RuleSource::Expression(logic(&json!("ghost")));
    let policy = policy(vec![stage_of(1, vec![user("ann"), rule(Kind::Approver, source)])]);
    let done = created(&policy, &[], &["ghost"]);
    assert_eq!((seated(&done), told(&done)), (vec!["ann", "ghost"], &Value::Null));
    assert_eq!(done.looked_at.named.iter().collect::<Vec<_>>(), ["ann"]);
}

#[test]
fn an_unknown_delegate_is_passed_over() {
    let policy = policy(vec![stage(1, &["ann"])]);
    let done = created(&policy, &[away("ann", "ghost")], &["ghost"]);
    assert_eq!((seated(&done), told(&done)), (vec!["ann"], &json!(["ghost"])));
    assert!(done.looked_at.named.contains("ghost"));
}

#[test]
fn a_stage_of_unknown_users_alone_is_empty_and_says_so() {
    let blocked = created(&policy(vec![stage(1, &["ghost"])]), &[], &["ghost"]);
    assert_eq!((blocked.request.status, told(&blocked)), (RequestStatus::Rejected, &json!(["ghost"])));
    let skips = Stage { on_empty: OnEmpty::Skip, ..stage(1, &["ghost"]) };
    let skipped = created(&policy(vec![skips]), &[], &["ghost"]);
    assert_eq!((skipped.request.status, told(&skipped)), (RequestStatus::Approved, &json!(["ghost"])));
}
