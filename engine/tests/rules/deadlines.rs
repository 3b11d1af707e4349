//! What happens when `due_at` passes.

use crate::fixture::{World, observer, policy, required, role, stage, stage_of, user};
use engine::policy::{Mode, OnBreach, RejectMode, Rule, Stage};
use engine::request::{Action, EventType, StageState, TaskStatus};

fn due(on_breach: OnBreach, stage: Stage) -> Stage {
    Stage { sla_hours: Some(4), on_breach, ..stage }
}

fn escalating(to: Vec<Rule>, stage: Stage) -> Stage {
    Stage { escalation_rules: to, ..due(OnBreach::Escalate, stage) }
}

#[test]
fn nothing_happens_before_the_deadline_and_once_at_it() {
    let mut world = World::start(policy(vec![due(OnBreach::Notify, stage(1, &["ann", "bob"]))]));
    assert_eq!(world.request.next_due(), Some(crate::fixture::START + time::Duration::hours(4)));
    let told = world.log.len();
    world.hours_pass(3);
    assert_eq!(world.log.len(), told);
    world.hours_pass(1);
    assert_eq!(world.count(EventType::TaskExpired), 2);
    world.hours_pass(100);
    assert_eq!(world.count(EventType::TaskExpired), 2);
    assert_eq!(world.request.next_due(), None);
}

#[test]
fn after_notify_everybody_may_still_decide_late() {
    let mut world = World::start(policy(vec![due(OnBreach::Notify, stage(1, &["ann", "bob"]))]));
    world.approve("ann");
    world.hours_pass(5);
    assert_eq!(world.status(), "in_review");
    let decision = world.decide("bob", Action::Approve).unwrap().decision.unwrap();
    assert!(decision.late);
    assert!(!world.request.decisions[0].late);
    assert_eq!(world.status(), "approved");
}

#[test]
fn a_decision_after_the_deadline_is_late_though_nobody_noticed_it_yet() {
    let mut world = World::start(policy(vec![due(OnBreach::Notify, stage(1, &["ann"]))]));
    world.now += time::Duration::hours(4);
    assert!(world.decide("ann", Action::Approve).unwrap().decision.unwrap().late);
}

#[test]
fn an_auto_decision_ends_the_stage_in_every_mode_whatever_is_required() {
    for mode in [Mode::All, Mode::AnyN(2), Mode::Percentage(100)] {
        for (on_breach, status) in [(OnBreach::AutoApprove, "approved"), (OnBreach::AutoReject, "rejected")] {
            let rules = vec![required("ann"), user("bob"), observer("eye")];
            let mut world = World::start(policy(vec![due(on_breach, Stage { mode, ..stage_of(1, rules) })]));
            world.hours_pass(4);
            assert_eq!(world.status(), status, "{mode:?}");
            assert_eq!(world.why(), (status == "rejected").then_some("auto_reject"));
            let who: Vec<_> = world
                .request
                .decisions
                .iter()
                .map(|d| (d.actor.as_str(), d.on_behalf_of.as_deref()))
                .collect();
            assert_eq!(who, [("system:sla", Some("ann")), ("system:sla", Some("bob"))]);
            assert_eq!(world.event(EventType::StageCompleted).actor, "system:sla");
            assert_eq!(world.count(EventType::TaskExpired), 3);
        }
    }
}

#[test]
fn a_holder_for_whom_the_clock_approved_may_sit_again() {
    let mut stages = vec![due(OnBreach::AutoApprove, stage(1, &["ann"])), stage(2, &["ann"])];
    stages[0].sla_hours = Some(1);
    let mut world = World::start(engine::policy::Policy { forbid_repeat_approvers: true, ..policy(stages) });
    world.hours_pass(1);
    assert_eq!(world.open(), ["ann"]);
}

#[test]
fn escalation_replaces_the_seats_that_expired_and_all_completes() {
    let mut world = World::start(policy(vec![escalating(vec![user("chief")], stage(1, &["ann", "bob"]))]));
    world.approve("ann");
    world.hours_pass(4);
    assert_eq!(world.open(), ["chief"]);
    assert_eq!(world.task("chief").due_at, Some(world.now + time::Duration::hours(4)));
    assert!(world.decide("bob", Action::Approve).is_err(), "bob's seat has left");
    world.approve("chief");
    assert_eq!(world.status(), "approved");
    assert_eq!(world.event(EventType::StageCompleted).payload["seats"], 2);
}

#[test]
fn an_escalated_seat_that_is_late_too_may_still_decide() {
    let mut world = World::start(policy(vec![escalating(vec![user("chief")], stage(1, &["ann"]))]));
    world.hours_pass(4);
    world.hours_pass(4);
    assert_eq!(world.count(EventType::StageEscalated), 1);
    assert_eq!(world.task("chief").status, TaskStatus::Expired);
    world.approve("chief");
    assert_eq!(world.status(), "approved");
}

#[test]
fn an_escalation_to_nobody_new_is_told_and_leaves_the_seats() {
    let mut world = World::start(policy(vec![escalating(vec![user("bob")], stage(1, &["ann", "bob"]))]));
    world.approve("bob");
    world.hours_pass(4);
    assert_eq!(world.count(EventType::StageEscalationFailed), 1);
    world.approve("ann");
    assert_eq!(world.status(), "approved");
}

#[test]
fn an_escalation_that_asks_outside_waits_for_the_answer_and_lets_the_late_decide() {
    let mut world = World::start(policy(vec![escalating(vec![role("chief")], stage(1, &["ann", "bob"]))]));
    world.hours_pass(4);
    assert_eq!(world.state(0), StageState::Escalating);
    assert_eq!(world.asked(), 1);
    world.approve("ann");
    world.resolve(&["carl"]);
    assert_eq!((world.state(0), world.open()), (StageState::Active, vec!["carl"]));
    assert!(world.decide("bob", Action::Approve).is_err());
    world.approve("carl");
    assert_eq!(world.status(), "approved");
}

#[test]
fn an_unreachable_quorum_waits_for_an_escalation_that_is_ahead() {
    let base = Stage { mode: Mode::AnyN(2), ..stage(1, &["ann", "bob"]) };
    let base = Stage { reject_mode: RejectMode::Unreachable, ..base };
    let mut world = World::start(policy(vec![escalating(vec![user("c"), user("d")], base)]));
    world.reject("ann");
    assert_eq!(world.status(), "in_review");
    world.hours_pass(4);
    world.approve("c");
    world.approve("d");
    assert_eq!(world.status(), "approved");
}

#[test]
fn an_escalation_that_can_never_come_is_not_waited_for() {
    let base = Stage { mode: Mode::AnyN(2), ..stage(1, &["ann", "bob"]) };
    let base = Stage { reject_mode: RejectMode::Unreachable, ..base };
    let mut world = World::start(policy(vec![escalating(vec![user("c"), user("d")], base)]));
    world.reject("ann");
    world.approve("bob");
    assert_eq!((world.status(), world.why()), ("rejected", Some("quorum_unreachable")));
}

#[test]
fn a_reject_where_all_must_approve_is_final_though_an_escalation_is_ahead() {
    let base = Stage { reject_mode: RejectMode::Unreachable, ..stage(1, &["ann", "bob"]) };
    let mut world = World::start(policy(vec![escalating(vec![user("c")], base)]));
    world.reject("ann");
    assert_eq!((world.status(), world.why()), ("rejected", Some("quorum_unreachable")));
}

#[test]
fn a_late_observer_breaches_nothing() {
    let rules = vec![user("ann"), observer("eye")];
    let mut world = World::start(policy(vec![due(OnBreach::AutoReject, stage_of(1, rules))]));
    world.request.tasks[0].due_at = None;
    world.hours_pass(4);
    assert_eq!((world.status(), world.count(EventType::TaskExpired)), ("in_review", 1));
}

#[test]
fn moving_an_expired_seat_gives_a_full_term() {
    let mut world = World::start(policy(vec![due(OnBreach::Notify, stage(1, &["ann"]))]));
    world.hours_pass(6);
    world.reassign("ann", "bob").unwrap();
    assert_eq!(world.task("bob").due_at, Some(world.now + time::Duration::hours(4)));
    world.approve("bob");
    assert_eq!(world.status(), "approved");
}

#[test]
fn stages_of_a_group_escalate_together_with_one_question() {
    let stages = [1, 2].map(|order| Stage {
        parallel_group: Some(1),
        ..escalating(vec![role("chief")], stage(order, &["ann"]))
    });
    let mut world = World::start(policy(stages.into()));
    world.hours_pass(4);
    assert_eq!(world.asked(), 2);
    world.resolve(&["carl"]);
    assert_eq!(world.open(), ["carl", "carl"]);
}
