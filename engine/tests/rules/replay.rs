//! What another version of a policy would have made of a request.

use crate::fixture::{World, logic, policy, role, stage, stage_of, user};
use engine::ids::RuleId;
use engine::policy::{Mode, OnBreach, Policy, RejectMode, Stage};
use engine::replay::{Replayed, differences, recorded_answers, replay};
use serde_json::json;
use std::collections::BTreeMap;

/// Replays under `other` with what the recorded seats say; what would have gone otherwise.
fn told(game: &World, other: &Policy) -> (Replayed, Vec<String>) {
    let answers = recorded_answers(&game.policy, &game.request, other);
    let replayed = replay(other, &game.request, &answers);
    let words = differences(&game.policy, &game.request, other, &replayed);
    (replayed, words)
}

fn any(order: i32, n: u32, users: &[&str]) -> Stage {
    Stage { mode: Mode::AnyN(n), ..stage(order, users) }
}

#[test]
fn under_the_same_policy_everything_goes_the_same_way() {
    let text = policy(vec![any(1, 1, &["ann", "bob"]), stage(2, &["cat"])]);
    let mut game = World::start(text.clone());
    game.approve("bob");
    game.approve("cat");
    let (replayed, words) = told(&game, &text);
    assert_eq!((replayed.request.status.as_str(), words), ("approved", Vec::new()));
}

#[test]
fn a_decision_that_is_not_enough_any_more_leaves_it_waiting() {
    let mut game = World::start(policy(vec![any(1, 1, &["ann", "bob"])]));
    game.approve("ann");
    let (_, words) = told(&game, &policy(vec![any(1, 2, &["ann", "bob"])]));
    assert_eq!(
        words,
        [
            "It would still wait for \"stage 1\": 1 of 2 approvals.",
            "\"stage 1\" would have needed 2 approvals instead of 1.",
        ]
    );
}

#[test]
fn a_reject_that_is_no_veto_any_more_ends_nothing() {
    let mut game = World::start(policy(vec![any(1, 1, &["ann", "bob"])]));
    game.reject("ann");
    let lenient = Stage { reject_mode: RejectMode::Unreachable, ..any(1, 1, &["ann", "bob"]) };
    let (_, words) = told(&game, &policy(vec![lenient]));
    assert_eq!(words, ["It would still wait for \"stage 1\": 0 of 1 approvals."]);
}

#[test]
fn stages_that_are_skipped_added_or_asked_of_others_are_named() {
    let mut game = World::start(policy(vec![stage(1, &["ann"]), stage(2, &["bob"])]));
    game.approve("ann");
    game.approve("bob");
    let skipped = Stage { skip_if: Some(logic(&json!({"==": [1, 1]}))), ..stage(1, &["ann"]) };
    let (_, words) = told(&game, &policy(vec![skipped, stage(2, &["bob", "cat"]), stage(3, &["dan"])]));
    assert_eq!(
        words,
        [
            "It would still wait for \"stage 2\": 1 of 2 approvals.",
            "\"stage 1\" would have been skipped.",
            "\"stage 2\" would also have asked cat.",
            "\"stage 2\" would have needed 2 approvals instead of 1.",
        ]
    );
}

#[test]
fn the_recorded_seats_answer_for_a_rule_that_asks_the_same_and_for_no_other() {
    let asks = |name: &str| policy(vec![stage_of(1, vec![role(name), user("zoe")])]);
    let mut game = World::start(asks("officer"));
    game.resolve(&["ann", "bob"]);
    game.approve("ann");
    game.approve("bob");
    game.approve("zoe");
    let (replayed, words) = told(&game, &asks("officer"));
    assert_eq!((replayed.unknown.len(), words), (0, Vec::new()));
    let (replayed, words) = told(&game, &asks("director"));
    assert_eq!(replayed.unknown.len(), 1, "nobody can say who is a director");
    assert_eq!(words, ["It would still wait for an answer who may approve \"stage 1\"."]);
    let other = asks("director");
    let asked: RuleId = other.stages[0].rules[0].id;
    let answers = BTreeMap::from([(asked, vec!["ann".to_owned()])]);
    let replayed = replay(&other, &game.request, &answers);
    assert_eq!(replayed.request.status.as_str(), "approved");
}

#[test]
fn deadlines_pass_as_they_would_have() {
    let mut game = World::start(policy(vec![stage(1, &["ann"])]));
    game.hours_pass(5);
    game.approve("ann");
    let strict = Stage { sla_hours: Some(2), on_breach: OnBreach::AutoReject, ..stage(1, &["ann"]) };
    let (_, words) = told(&game, &policy(vec![strict]));
    assert_eq!(words, ["It would have been rejected instead of approved."]);
}
