//! Modes, vetoes, required seats, groups of stages.

use crate::fixture::{World, observer, policy, required, stage, stage_of, user};
use engine::policy::{Mode, RejectMode, Stage};
use engine::request::{EventType, TaskStatus};

fn any(n: u32, users: &[&str]) -> Stage {
    Stage { mode: Mode::AnyN(n), ..stage(1, users) }
}

fn counting(stage: Stage) -> Stage {
    Stage { reject_mode: RejectMode::Unreachable, ..stage }
}

#[test]
fn a_single_approver_approves_the_request() {
    let mut world = World::start(policy(vec![stage(1, &["ann"])]));
    assert_eq!((world.status(), world.open()), ("in_review", vec!["ann"]));
    world.approve("ann");
    assert_eq!(world.status(), "approved");
    let events =
        ["request_created", "stage_started", "decision_recorded", "stage_completed", "request_approved"];
    assert_eq!(world.words(), events);
    assert_eq!(world.log.last().map(|e| e.actor.as_str()), Some("ann"));
    assert_eq!(world.why(), None);
}

#[test]
fn sequential_stages_run_one_after_the_other() {
    let mut world = World::start(policy(vec![stage(1, &["ann"]), stage(5, &["bob"]), stage(9, &["cy"])]));
    for (who, order) in [("ann", 1), ("bob", 5), ("cy", 9)] {
        assert_eq!((world.open(), world.request.current_stage_order), (vec![who], order));
        world.approve(who);
    }
    assert_eq!(world.status(), "approved");
}

#[test]
fn parallel_stages_all_approve_before_the_next_group_starts() {
    let legal = Stage { parallel_group: Some(1), ..stage(1, &["lea"]) };
    let finance = Stage { parallel_group: Some(1), ..stage(2, &["fin"]) };
    let mut world = World::start(policy(vec![legal, finance, stage(3, &["dir"])]));
    assert_eq!(world.open(), ["lea", "fin"]);
    world.approve("fin");
    assert_eq!((world.open(), world.request.current_stage_order), (vec!["lea"], 1));
    world.approve("lea");
    assert_eq!((world.open(), world.request.current_stage_order), (vec!["dir"], 3));
}

#[test]
fn a_reject_in_one_parallel_stage_skips_the_tasks_of_its_siblings() {
    let stages = [1, 2].map(|order| Stage { parallel_group: Some(7), ..stage(order, &["ann", "bob"]) });
    let mut world = World::start(policy(stages.into()));
    world.reject("bob");
    assert_eq!((world.status(), world.open().len()), ("rejected", 0));
    assert_eq!(world.states(), ["closed", "rejected"]);
}

#[test]
fn two_of_five_are_enough_and_the_other_tasks_are_skipped() {
    let mut world = World::start(policy(vec![any(2, &["a", "b", "c", "d", "e"])]));
    world.approve("d");
    world.approve("a");
    assert_eq!(world.status(), "approved");
    let skipped = world.request.tasks.iter().filter(|t| t.status == TaskStatus::Skipped).count();
    assert_eq!(skipped, 3);
    assert!(world.decide("b", engine::request::Action::Approve).is_err());
}

#[test]
fn sixty_percent_of_five_are_three() {
    let sixty = Stage { mode: Mode::Percentage(60), ..stage(1, &["a", "b", "c", "d", "e"]) };
    let mut world = World::start(policy(vec![counting(sixty)]));
    world.reject("a");
    world.approve("b");
    world.approve("c");
    assert_eq!(world.status(), "in_review");
    world.approve("d");
    assert_eq!(world.status(), "approved");
}

#[test]
fn a_quorum_waits_for_the_mandatory_signature() {
    let rules = vec![user("a"), user("b"), required("boss")];
    let mut world = World::start(policy(vec![Stage { mode: Mode::AnyN(2), ..stage_of(1, rules) }]));
    world.approve("a");
    world.approve("b");
    assert_eq!((world.status(), world.open()), ("in_review", vec!["boss"]));
    world.approve("boss");
    assert_eq!(world.status(), "approved");
}

#[test]
fn a_mandatory_signature_that_is_refused_or_withheld_rejects_at_once() {
    for (abstains, why) in [(false, "rejected_by_required_approver"), (true, "required_abstained")] {
        let rules = vec![user("a"), user("b"), required("boss")];
        let mode = Mode::AnyN(1);
        let mut world = World::start(policy(vec![counting(Stage { mode, ..stage_of(1, rules) })]));
        if abstains {
            world.abstain("boss")
        } else {
            world.reject("boss")
        }
        assert_eq!((world.status(), world.why()), ("rejected", Some(why)));
    }
}

#[test]
fn one_reject_is_a_veto_by_default() {
    let mut world = World::start(policy(vec![any(1, &["a", "b"])]));
    world.reject("a");
    assert_eq!((world.status(), world.why()), ("rejected", Some("rejected_by_approver")));
}

#[test]
fn without_veto_a_stage_is_rejected_only_when_out_of_reach() {
    let mut world = World::start(policy(vec![counting(any(2, &["a", "b", "c"]))]));
    world.reject("a");
    assert_eq!(world.status(), "in_review");
    world.reject("b");
    assert_eq!((world.status(), world.why()), ("rejected", Some("quorum_unreachable")));
}

#[test]
fn a_quorum_larger_than_the_seats_is_rejected_at_once() {
    let world = World::start(policy(vec![any(3, &["a", "b"])]));
    assert_eq!((world.status(), world.why()), ("rejected", Some("quorum_unreachable")));
    assert!(world.open().is_empty());
}

#[test]
fn all_of_those_who_do_not_abstain_are_enough() {
    let mut world = World::start(policy(vec![stage(1, &["a", "b"])]));
    world.abstain("a");
    world.approve("b");
    assert_eq!(world.status(), "approved");
}

#[test]
fn everyone_abstaining_is_a_rejection_in_every_mode() {
    for mode in [Mode::All, Mode::AnyN(1), Mode::Percentage(10)] {
        let mut world = World::start(policy(vec![Stage { mode, ..stage(1, &["a", "b"]) }]));
        world.abstain("a");
        assert_eq!(world.status(), "in_review", "{mode:?}");
        world.abstain("b");
        assert_eq!((world.status(), world.why()), ("rejected", Some("all_abstained")), "{mode:?}");
    }
}

#[test]
fn an_observer_never_counts_but_is_recorded() {
    let mut world = World::start(policy(vec![stage_of(1, vec![user("a"), observer("eye")])]));
    world.reject("eye");
    assert_eq!((world.status(), world.open()), ("in_review", vec!["a"]));
    assert_eq!(world.request.decisions.len(), 1);
    world.approve("a");
    assert_eq!(world.status(), "approved");
    let outcome = &world.event(EventType::StageCompleted).payload;
    assert_eq!(
        (&outcome["approvals"], &outcome["rejections"], &outcome["seats"]),
        (&1.into(), &0.into(), &1.into())
    );
}

#[test]
fn rules_are_united_in_order_without_doubles_and_a_seat_beats_watching() {
    let rules = vec![user("b"), observer("a"), user("a"), required("b"), observer("c"), observer("c")];
    let world = World::start(policy(vec![stage_of(1, rules)]));
    let tasks: Vec<_> =
        world.request.tasks.iter().map(|t| (t.assignee.as_str(), t.kind.as_str(), t.required)).collect();
    assert_eq!(tasks, [("b", "approver", true), ("a", "approver", false), ("c", "observer", false)]);
}
