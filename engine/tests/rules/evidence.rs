//! What events say about who decided, for whom, why, and about what.

use crate::fixture::{World, away, caller, policy, stage};
use engine::command::{Command, Refusal, Transition};
use engine::policy::{CommentRequired, Mode, Stage};
use engine::request::{Action, EventType};
use serde_json::json;

fn say(
    world: &mut World,
    by: &str,
    of: &str,
    action: Action,
    comment: Option<&str>,
) -> Result<Transition, Refusal> {
    let (task_id, comment) = (world.task(of).id, comment.map(str::to_owned));
    world.send(Command::decide(caller(by), task_id, action, comment))
}

fn demanding(comment_required: CommentRequired) -> World {
    World::start(policy(vec![Stage { comment_required, ..stage(1, &["ann"]) }]))
}

#[test]
fn a_stage_that_demands_a_comment_takes_no_decision_without_one() {
    use Action::{Abstain, Approve, Reject};
    for (required, refused) in [
        (CommentRequired::Never, vec![]),
        (CommentRequired::Reject, vec![Reject]),
        (CommentRequired::Always, vec![Approve, Reject, Abstain]),
    ] {
        for action in [Approve, Reject, Abstain] {
            for nothing in [None, Some(""), Some(" \t\n"), Some("\u{a0}\u{2003}"), Some("\u{200b}\u{feff}")] {
                let mut world = demanding(required);
                let outcome = say(&mut world, "ann", "ann", action, nothing);
                let is_refused = matches!(&outcome, Err(Refusal::Invalid { field: "comment", .. }));
                assert_eq!(
                    is_refused,
                    refused.contains(&action),
                    "{required:?} {action:?} {nothing:?}: {outcome:?}"
                );
                assert_eq!(outcome.is_err(), is_refused);
            }
            assert!(say(&mut demanding(required), "ann", "ann", action, Some(" no ")).is_ok());
        }
    }
}

#[test]
fn an_administrator_says_why_too_and_the_clock_need_not() {
    let mut world = demanding(CommentRequired::Always);
    assert!(matches!(say(&mut world, "admin", "ann", Action::Approve, None), Err(Refusal::Invalid { .. })));
    let by_clock = Stage {
        comment_required: CommentRequired::Always,
        sla_hours: Some(1),
        on_breach: engine::policy::OnBreach::AutoApprove,
        ..stage(1, &["ann"])
    };
    let mut world = World::start(policy(vec![by_clock]));
    world.hours_pass(2);
    assert_eq!(world.status(), "approved");
}

#[test]
fn the_end_of_a_request_says_what_the_decision_that_ended_it_said() {
    let two = || policy(vec![Stage { mode: Mode::AnyN(1), ..stage(1, &["ann"]) }, stage(2, &["bob"])]);
    let mut world = World::start(two());
    say(&mut world, "ann", "ann", Action::Approve, Some("first")).unwrap();
    say(&mut world, "bob", "bob", Action::Approve, Some("second")).unwrap();
    assert_eq!(world.event(EventType::RequestApproved).payload["comment"], json!("second"));

    let mut world = World::start(two());
    say(&mut world, "ann", "ann", Action::Reject, Some("no budget")).unwrap();
    assert_eq!(world.event(EventType::RequestRejected).payload["comment"], json!("no budget"));

    // When a later stage, in which nobody is seated, ends the request, its event repeats no comment of an earlier
    // decision.
    let mut world = World::start(policy(vec![stage(1, &["ann"]), stage(2, &[" "])]));
    say(&mut world, "ann", "ann", Action::Approve, Some("fine")).unwrap();
    assert_eq!(world.status(), "rejected");
    assert!(!world.event(EventType::RequestRejected).payload.contains_key("comment"));
}

#[test]
fn a_decision_says_for_whom_a_delegate_or_a_new_assignee_decided() {
    let mut world =
        World::start_with(policy(vec![stage(1, &["ann", "bob"])]), &[away("ann", "dan")], json!({}));
    let started = &world.event(EventType::StageStarted).payload;
    assert_eq!(started["delegated_from"], json!({"dan": "ann"}));
    world.approve("dan");
    let decided = &world.event(EventType::DecisionRecorded).payload;
    assert_eq!((&decided["delegated_from"], decided.get("on_behalf_of")), (&json!("ann"), None));
    world.reassign("bob", "cy").unwrap();
    let task = world.task("cy").id;
    world.decide_task("admin", task, Action::Approve).unwrap();
    let decided = &world.event(EventType::DecisionRecorded).payload;
    assert_eq!((&decided["reassigned_from"], &decided["on_behalf_of"]), (&json!("bob"), &json!("cy")));
    assert!(!decided.contains_key("delegated_from"));
}

#[test]
fn the_first_event_tells_the_context_and_its_hash() {
    let world = World::start_with(policy(vec![stage(1, &["ann"])]), &[], json!({"amount": 7}));
    let told = &world.event(EventType::RequestCreated).payload;
    assert_eq!(told["context"], json!({"amount": 7}));
    assert_eq!(told["context_sha256"], json!("of-the-context"));
}
