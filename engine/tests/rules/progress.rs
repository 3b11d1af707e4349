//! What an answer about progress says: one table for each part, and the laws that tie it to the engine.

use crate::fixture::{START, World, away, caller, policy, required, role, stage, stage_of, user};
use crate::laws::Pair;
use crate::plan::{absences, plans, steps};
use engine::command::{Caller, Command, Refusal};
use engine::policy::{Kind, Mode, OnBreach, Policy, Stage};
use engine::progress::{
    Known, Progress, Told, Unblock, UnblockAction, Upcoming, UpcomingKind, WaitKind, progress,
};
use engine::request::{Action, EventType, StageState};
use proptest::prelude::*;
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// What the history tells. The resolver asks again a minute after whatever was told last.
fn known(world: &World) -> Known {
    let asked = world.asked() > 0;
    Known {
        told: world.log.iter().filter_map(Told::of).collect(),
        resolver_at: world.log.last().filter(|_| asked).map(|last| last.occurred_at + Duration::minutes(1)),
        remind_before: None,
    }
}

fn with<T>(world: &World, known: &Known, look: impl FnOnce(&Progress<'_>) -> T) -> T {
    let progress = progress(&world.policy, &world.request, known, world.now).expect("the policy fits");
    look(&progress)
}

fn of<T>(world: &World, look: impl FnOnce(&Progress<'_>) -> T) -> T {
    with(world, &known(world), look)
}

fn summary(world: &World) -> String {
    of(world, |progress| progress.summary.clone())
}

/// Kind, stage, people and missing approvals of an entry of `waiting_for`.
type Wait = (WaitKind, Option<i32>, Vec<String>, Option<u32>);

fn waiting(world: &World) -> Vec<Wait> {
    of(world, |progress| {
        let entry = |w: &engine::progress::WaitingFor<'_>| {
            (w.kind, w.stage_order, w.who.iter().map(|who| (*who).to_owned()).collect(), w.needed)
        };
        progress.waiting_for.iter().map(entry).collect()
    })
}

fn next(world: &World) -> Vec<Upcoming> {
    of(world, |progress| progress.next.clone())
}

fn names(people: &[&str]) -> Vec<String> {
    people.iter().map(|who| (*who).to_owned()).collect()
}

fn finance(mode: Mode, people: &[&str]) -> Stage {
    Stage { name: "Finance".into(), mode, ..stage(1, people) }
}

fn timed(breach: OnBreach, people: &[&str]) -> Stage {
    let escalation_rules = vec![user("boss")];
    Stage { on_breach: breach, sla_hours: Some(24), escalation_rules, ..finance(Mode::AnyN(2), people) }
}

#[test]
fn the_summary_says_what_is_missing_and_what_time_does() {
    let mut world = World::start(policy(vec![timed(OnBreach::Escalate, &["ann", "bob", "cy"])]));
    world.approve("ann");
    assert_eq!(
        summary(&world),
        "Waiting for 1 more approval in \"Finance\" (2 of 3 seats have not decided); at 2030-01-02T08:00Z it \
         escalates."
    );
    assert_eq!(waiting(&world), [(WaitKind::Approvers, Some(1), names(&["bob", "cy"]), Some(1))]);
}

#[test]
fn every_effect_of_a_deadline_has_its_words() {
    let table = [
        (OnBreach::Notify, UpcomingKind::Breach, "the deadline of the stage passes"),
        (OnBreach::Escalate, UpcomingKind::Escalation, "it escalates"),
        (OnBreach::AutoApprove, UpcomingKind::Breach, "it is approved without them"),
        (OnBreach::AutoReject, UpcomingKind::Breach, "the request is rejected"),
    ];
    for (breach, what, words) in table {
        let mut world = World::start(policy(vec![timed(breach, &["ann", "bob"])]));
        let first = next(&world)[0];
        assert_eq!(
            (first.at, first.what, first.effect),
            (START + Duration::hours(24), what, breach.as_str())
        );
        assert!(
            summary(&world).ends_with(&format!("; at 2030-01-02T08:00Z {words}.")),
            "{}",
            summary(&world)
        );
        world.now += Duration::hours(25);
        let due = format!("; since 2030-01-02T08:00Z it is due that {words}.");
        assert!(summary(&world).ends_with(&due), "{}", summary(&world));
    }
}

#[test]
fn nothing_follows_after_the_end_of_the_request() {
    let world = World::start(policy(vec![timed(OnBreach::AutoReject, &["ann", "bob"])]));
    assert_eq!(next(&world).len(), 1, "the request does not live to expire");
    let world = World::start(policy(vec![timed(OnBreach::AutoApprove, &["ann", "bob"])]));
    let kinds: Vec<UpcomingKind> = next(&world).iter().map(|upcoming| upcoming.what).collect();
    assert_eq!(kinds, [UpcomingKind::Breach, UpcomingKind::Expiry]);
}

#[test]
fn a_reminder_comes_before_its_deadline_and_only_ahead_of_now() {
    let mut world = World::start(policy(vec![timed(OnBreach::Notify, &["ann", "bob"])]));
    let known = Known { remind_before: Some(Duration::hours(4)), ..known(&world) };
    let first = with(&world, &known, |progress| progress.next[0]);
    let expected = (START + Duration::hours(20), UpcomingKind::Reminder, Some(1), "remind");
    assert_eq!((first.at, first.what, first.stage_order, first.effect), expected);
    world.now += Duration::hours(21);
    assert_eq!(with(&world, &known, |progress| progress.next[0].what), UpcomingKind::Breach);
    let longer = Known { remind_before: Some(Duration::hours(48)), ..known };
    assert_eq!(with(&world, &longer, |progress| progress.next[0].what), UpcomingKind::Breach);
}

#[test]
fn whose_approval_is_required_is_told_apart() {
    let rules = vec![required("ann"), user("bob"), user("cy")];
    let stage = Stage { name: "Finance".into(), mode: Mode::AnyN(1), ..stage_of(1, rules) };
    let mut world = World::start(policy(vec![stage]));
    assert_eq!(
        waiting(&world),
        [
            (WaitKind::Approvers, Some(1), names(&["ann", "bob", "cy"]), Some(1)),
            (WaitKind::RequiredApprover, Some(1), names(&["ann"]), Some(1)),
        ]
    );
    world.approve("bob");
    assert_eq!(waiting(&world), [(WaitKind::RequiredApprover, Some(1), names(&["ann"]), Some(1))]);
    assert!(summary(&world).starts_with("Waiting for the required approval of \"ann\" in \"Finance\""));
}

#[test]
fn seats_whose_holders_may_not_approve_wait_for_nobody() {
    let mut world = World::start(policy(vec![finance(Mode::All, &["admin", "bob"])]));
    // The administrator uses up the one approval that a stage counts of a person.
    let task = world.task("bob").id;
    world.decide_task("admin", task, Action::Approve).expect("an override is accepted");
    assert_eq!(waiting(&world), [(WaitKind::Nobody, Some(1), Vec::new(), Some(1))]);
    assert!(summary(&world).starts_with("Waiting for an administrator in \"Finance\": 1 approval"));
    let who =
        of(&world, |progress| progress.unblock[0].who.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
    assert_eq!(who, ["AWE_ADMIN"]);
}

#[test]
fn a_resolver_is_waited_for_with_its_error_and_its_next_attempt() {
    let asking = Stage { name: "Finance".into(), ..stage_of(2, vec![role("finance")]) };
    let mut world = World::start(policy(vec![stage(1, &["ann"]), asking]));
    world.now += Duration::hours(1);
    world.approve("ann");
    let fails = |world: &mut World| world.send(Command::ResolutionFailed { reason: "it is down".into() });
    assert!(summary(&world).starts_with("Waiting for a directory to say who approves in \"Finance\"; at"));
    world.now += Duration::hours(1);
    fails(&mut world).expect("a failure is never refused");
    of(&world, |progress| {
        let waiting = &progress.waiting_for[0];
        assert_eq!((waiting.kind, waiting.error), (WaitKind::Resolver, Some("it is down")));
        assert_eq!(waiting.since, Some(START + Duration::hours(1)));
        assert_eq!(progress.next[0].what, UpcomingKind::ResolverRetry);
        let retry: Vec<_> =
            progress.unblock.iter().filter(|u| u.action == UnblockAction::RetryResolver).collect();
        assert_eq!((retry.len(), &retry[0].who), (1, &vec!["system:resolver"]));
    });
    assert_eq!(
        summary(&world),
        "Waiting for a directory to say who approves in \"Finance\" (the last attempt failed: it is down); at \
         2030-01-01T10:01Z the directory is asked again."
    );
}

#[test]
fn an_old_failure_is_not_told_of_a_new_question() {
    let mut world =
        World::start(policy(vec![stage_of(1, vec![role("first")]), stage_of(2, vec![role("second")])]));
    world.send(Command::ResolutionFailed { reason: "it is down".into() }).expect("never refused");
    world.now += Duration::hours(1);
    world.resolve(&["ann"]);
    world.now += Duration::hours(1);
    world.approve("ann");
    assert_eq!(of(&world, |progress| progress.waiting_for[0].error.map(str::to_owned)), None);
}

#[test]
fn an_escalation_that_asks_a_directory_still_takes_late_decisions() {
    let escalation_rules = vec![role("boss")];
    let mut world =
        World::start(policy(vec![Stage { escalation_rules, ..timed(OnBreach::Escalate, &["ann", "bob"]) }]));
    world.hours_pass(25);
    assert_eq!(
        waiting(&world),
        [
            (WaitKind::Resolver, Some(1), Vec::new(), None),
            (WaitKind::Approvers, Some(1), names(&["ann", "bob"]), Some(2)),
        ]
    );
    let since = of(&world, |progress| progress.waiting_for[0].since);
    assert_eq!(since, Some(START + Duration::hours(25)));
}

#[test]
fn a_stage_tells_its_counts_its_moments_and_its_end() {
    let mut world = World::start(policy(vec![finance(Mode::AnyN(1), &["ann", "bob"]), stage(2, &["cy"])]));
    world.now += Duration::hours(1);
    world.approve("ann");
    world.now += Duration::hours(1);
    world.reject("cy");
    of(&world, |progress| {
        let [first, second] = &progress.stages[..] else { panic!("two stages") };
        assert_eq!((first.needed, first.approvals, first.seats), (Some(1), 1, 2));
        assert_eq!((first.started_at, first.completed_at), (Some(START), Some(START + Duration::hours(1))));
        assert_eq!((first.outcome, first.reason), (Some(StageState::Approved), None));
        assert_eq!(
            (second.outcome, second.reason),
            (Some(StageState::Rejected), Some("rejected_by_approver"))
        );
        assert_eq!(second.completed_at, world.request.completed_at);
        assert_eq!(progress.summary, "Rejected at 2030-01-01T10:00Z in \"stage 2\": an approver rejected.");
        assert!(progress.waiting_for.is_empty() && progress.next.is_empty() && progress.unblock.is_empty());
    });
}

#[test]
fn every_end_has_its_words() {
    let skipped = Stage { skip_if: Some(crate::fixture::logic(&json!(true))), ..stage(1, &["ann"]) };
    let blocked = stage_of(1, vec![crate::fixture::observer("ann")]);
    let table: [(Policy, &str); 3] = [
        (policy(vec![]), "Approved at 2030-01-01T08:00Z: the policy has no stages."),
        (policy(vec![skipped]), "Approved at 2030-01-01T08:00Z: every stage was skipped."),
        (policy(vec![blocked]), "Rejected at 2030-01-01T08:00Z in \"stage 1\": nobody holds a seat."),
    ];
    for (policy, words) in table {
        assert_eq!(summary(&World::start(policy)), words);
    }
    let mut world = World::start(policy(vec![stage(1, &["ann"])]));
    let cancelled = world.clone().send(Command::Cancel { caller: caller("registry"), reason: None });
    let cancelled = World { request: (*cancelled.expect("accepted").request).clone(), ..world.clone() };
    assert_eq!(summary(&cancelled), "Cancelled at 2030-01-01T08:00Z.");
    world.now += Duration::days(400);
    world.send(Command::Expire).expect("never refused");
    assert!(summary(&world).ends_with(": it was not decided in time."), "{}", summary(&world));
}

#[test]
fn a_task_tells_which_rules_named_its_holder() {
    let rules = vec![user("ann"), role("finance"), user("dan"), user("ann")];
    let escalation_rules = vec![user("boss")];
    let stage = Stage {
        on_breach: OnBreach::Escalate,
        sla_hours: Some(1),
        escalation_rules,
        ..stage_of(1, rules.clone())
    };
    let mut world = World::start_with(policy(vec![stage]), &[away("dan", "eva")], json!({}));
    world.resolve(&["bob"]);
    world.reassign("bob", "zoe").expect("an admin may");
    world.approve("ann");
    world.hours_pass(2);
    let ids: Vec<_> = rules.iter().map(|rule| rule.id).collect();
    let boss = world.policy.stages[0].escalation_rules[0].id;
    let of_person = |who: &str| {
        of(&world, |progress| {
            let task = progress.stages[0].tasks.iter().rev().find(|task| task.task.assignee == who);
            task.expect("has a task").rules.clone()
        })
    };
    assert_eq!(of_person("ann"), [ids[0], ids[3]]);
    assert_eq!(of_person("eva"), [ids[2]], "a delegate sits for the owner");
    assert_eq!(of_person("bob"), [ids[1]], "only the rule that asks can have named them");
    assert_eq!(of_person("zoe"), [ids[1]], "a reassigned seat keeps its rules");
    assert_eq!(of_person("boss"), [boss]);
}

#[test]
fn another_version_of_the_policy_is_refused() {
    let world = World::start(policy(vec![stage(1, &["ann"])]));
    let (other, known) = (policy(vec![stage(1, &["ann"])]), known(&world));
    let refused = progress(&other, &world.request, &known, world.now).map(|progress| progress.summary);
    assert_eq!(refused, Err(Refusal::WrongPolicy(world.request.policy_id)));
}

/// Does what an action says, as one of those whom it names.
fn carry_out(world: &mut World, action: &Unblock<'_>, who: &str) -> Result<bool, Refusal> {
    let caller = match who {
        // Nobody whom a bar or an earlier approval could stop.
        "AWE_ADMIN" => Caller { subject: "an uninvolved admin".into(), admin: true },
        who => Caller { subject: who.into(), admin: false },
    };
    let comment = Some("said".to_owned());
    let command = match (action.action, action.task_id) {
        (UnblockAction::Decide, Some(task_id)) => Command::decide(caller, task_id, Action::Approve, comment),
        (UnblockAction::Reassign, Some(task_id)) => {
            Command::Reassign { caller, task_id, new_assignee: "somebody new".into(), reason: None }
        }
        (UnblockAction::Cancel, None) => Command::Cancel { caller, reason: None },
        (UnblockAction::RetryResolver, None) => {
            let rules = world.request.pending_rules(&world.policy);
            Command::Resolved { answers: rules.into_iter().map(|rule| (rule, names(&["ann"]))).collect() }
        }
        other => panic!("an action without its task: {other:?}"),
    };
    Ok(!world.send(command)?.events.is_empty())
}

fn every_action_is_accepted(world: &World) {
    of(world, |progress| {
        for action in &progress.unblock {
            assert!(!action.who.is_empty(), "{action:?}");
            for who in &action.who {
                let moved = carry_out(&mut world.clone(), action, who);
                assert_eq!(moved, Ok(true), "{action:?} by {who}");
            }
        }
    });
}

/// Everybody who is waited for may approve, and whoever waits for nobody needs an administrator.
fn who_is_waited_for_may_approve(world: &World) {
    for (kind, _, who, needed) in waiting(world) {
        assert_eq!(who.is_empty(), matches!(kind, WaitKind::Nobody | WaitKind::Resolver));
        assert_eq!(needed.is_none(), kind == WaitKind::Resolver);
        for person in who {
            let mut world = world.clone();
            let run =
                |t: &&engine::request::Task| t.assignee == person && t.kind == Kind::Approver && t.seated;
            let tasks: Vec<_> = world.request.tasks.iter().filter(run).map(|t| t.id).collect();
            let caller = Caller { subject: person.clone(), admin: false };
            let accepted = tasks.into_iter().any(|task_id| {
                let caller = caller.clone();
                let action = Action::Approve;
                let decide = Command::decide(caller, task_id, action, None);
                world.send(decide).is_ok()
            });
            assert!(accepted, "{person} is waited for and may not approve");
        }
    }
}

/// What the clock does to a request at `at`, in the order of the SLA job.
fn time_acts(world: &World, at: OffsetDateTime) -> (World, Vec<EventType>) {
    let mut later = world.clone();
    later.now = at;
    let said = later.log.len();
    for command in [Command::Breach, Command::Expire] {
        later.send(command).expect("the clock is never refused");
    }
    let told = later.log[said..].iter().map(|event| event.event_type).collect();
    (later, told)
}

fn the_next_thing_is_the_next_that_time_causes(world: &World) {
    let next = next(world);
    assert!(next.is_sorted_by_key(|upcoming| upcoming.at), "{next:?}");
    // A resolver is no clock: what it does is known from its row, and the engine cannot bring it about.
    let first = next.iter().find(|upcoming| upcoming.what != UpcomingKind::ResolverRetry);
    let Some(first) = first else {
        let (_, told) = time_acts(world, world.now + Duration::days(4000));
        assert_eq!(told, [], "time causes what was not told");
        return;
    };
    if first.at > world.now {
        let before = (first.at - Duration::nanoseconds(1)).max(world.now);
        assert_eq!(time_acts(world, before).1, [], "time causes something before {first:?}");
    }
    let (later, told) = time_acts(world, first.at);
    let order = first.stage_order;
    let run = later.request.stages.iter().find(|run| Some(run.order) == order);
    let new = &later.log[world.log.len()..];
    let has = |kind| new.iter().any(|event| event.event_type == kind && event.stage_order == order);
    let completed = new.iter().find(|e| e.event_type == EventType::StageCompleted && e.stage_order == order);
    let as_told = match (first.what, first.effect) {
        (UpcomingKind::Expiry, "expire") => told.contains(&EventType::RequestExpired),
        (UpcomingKind::Escalation, "escalate") => {
            has(EventType::StageEscalated)
                || has(EventType::StageEscalationFailed)
                // A stage beside it whose deadline passes too may end the request.
                || has(EventType::TaskExpired)
                    && run.is_some_and(|run| matches!(run.state, StageState::Escalating | StageState::Closed))
        }
        (UpcomingKind::Breach, "notify") => has(EventType::TaskExpired),
        (UpcomingKind::Breach, effect) => {
            completed.is_some_and(|event| event.reason.as_deref() == Some(effect))
        }
        _ => false,
    };
    assert!(as_told, "{first:?} and not {told:?}");
}

fn counts_and_ends_are_those_of_the_history(world: &World) {
    of(world, |progress| {
        for stage in &progress.stages {
            let ended = world.log.iter().find(|event| {
                let kinds = [EventType::StageCompleted, EventType::StageSkipped];
                event.stage_order == Some(stage.order) && kinds.contains(&event.event_type)
            });
            let Some(event) = ended else { continue };
            assert_eq!(
                (stage.completed_at, stage.reason),
                (Some(event.occurred_at), event.reason.as_deref())
            );
            if let Some(approvals) = event.payload.get("approvals") {
                assert_eq!(approvals, stage.approvals);
            }
        }
        let listed: usize = progress.stages.iter().map(|stage| stage.tasks.len()).sum();
        assert_eq!(listed, world.request.tasks.len());
    });
}

fn holds(world: &World) {
    let ended = world.request.status.is_terminal();
    of(world, |progress| {
        assert_eq!(progress.waiting_for.is_empty(), ended, "{:?}", progress.waiting_for);
        assert_eq!(progress.unblock.is_empty(), ended);
        assert!(!ended || progress.next.is_empty());
        assert!(progress.summary.ends_with('.') && progress.summary.len() < 3000, "{}", progress.summary);
    });
    every_action_is_accepted(world);
    who_is_waited_for_may_approve(world);
    the_next_thing_is_the_next_that_time_causes(world);
    counts_and_ends_are_those_of_the_history(world);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(4096) })]

    #[test]
    fn progress_says_what_the_engine_does_in_any_history(
        plan in plans(),
        delegations in absences(),
        steps in steps(),
    ) {
        let mut pair = Pair::start(&plan, &delegations);
        holds(&pair.world);
        for step in &steps {
            let _ = pair.take(step);
            holds(&pair.world);
        }
    }
}
