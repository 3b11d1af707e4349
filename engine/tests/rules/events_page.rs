//! `docs/events.md` lists every fact that an event carries, and no others.

use crate::fixture::{
    Counter, World, away, caller, observer, policy, rita_creates, role, stage, stage_of, user,
};
use engine::command::{Command, Create, Environment, create, reason};
use engine::delegation::Delegations;
use engine::policy::{Kind, Mode, OnBreach, OnEmpty, Policy, Stage};
use engine::request::{Action, Event, EventType, RequestStatus, StageState, TaskStatus};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../docs/events.md");

/// A documented fact: its type, and whether every event of its type has it.
struct Fact {
    kind: &'static str,
    always: bool,
}

/// The facts that the page lists for one type of event, by name.
fn documented(event_type: EventType) -> BTreeMap<&'static str, Fact> {
    let heading = format!("### `{}`\n", event_type.as_str());
    let section = PAGE.split(&heading).nth(1).unwrap_or_else(|| panic!("docs/events.md lacks {heading}"));
    let section = section.split("\n### ").next().unwrap_or_default();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split(" | ").collect();
        let fact = Fact { kind: cells[1], always: cells[2].starts_with("always") };
        (cells[0].trim_end_matches('`'), fact)
    })
    .collect()
}

fn is_of(kind: &str, value: &Value) -> bool {
    match kind {
        "text" | "id" | "time" => value.is_string(),
        "number" => value.is_i64() || value.is_u64(),
        "yes or no" => value.is_boolean(),
        "object" => value.is_object(),
        "list of texts" => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
        "list of numbers" => value.as_array().is_some_and(|items| items.iter().all(Value::is_number)),
        other => panic!("docs/events.md knows no type `{other}`"),
    }
}

/// Users of all sorts: one who delegates, one who is barred, one whom the directory does not know, and an id that is
/// no subject id.
fn all_sorts() -> [engine::policy::Rule; 4] {
    [user("ann"), user("rita"), user("ghost"), user(" ")]
}

/// A world that is in its second stage. The first stage, of `zed`, is there because `World` is given its delegations
/// only after the request has started.
fn second(stage: Stage) -> World {
    let stages = vec![crate::fixture::stage(1, &["zed"]), stage];
    let mut world = World::start(Policy { forbid_self_approval: true, ..policy(stages) });
    world.delegations =
        Delegations::new([away("ann", "dan"), away("bob", "bea")]).with_unknown(["ghost".to_owned()]);
    world.approve("zed");
    world
}

fn say(world: &mut World, by: &str, of: &str, action: Action) {
    let (task_id, text) = (world.task(of).id, Some("because".to_owned()));
    let (comment, attachments_ref, artifact_digest) = (text.clone(), text.clone(), text);
    let said =
        Command::Decide { caller: caller(by), task_id, action, comment, attachments_ref, artifact_digest };
    world.send(said).expect("the decision is accepted");
}

/// A stage with delegations, errors, an escalation, and decisions on somebody's behalf.
fn eventful() -> World {
    let mut world = second(Stage {
        mode: Mode::AnyN(1),
        sla_hours: Some(4),
        on_breach: OnBreach::Escalate,
        escalation_rules: [&[user("bob"), observer("eye2")][..], &all_sorts()[1..]].concat(),
        ..stage_of(2, [&all_sorts()[..], &[observer("eye")]].concat())
    });
    let claim = Command::Claim { caller: caller("dan"), task_id: world.task("dan").id };
    world.send(claim).expect("the claim is accepted");
    world.hours_pass(4);
    say(&mut world, "admin", "eye2", Action::Abstain);
    say(&mut world, "admin", "bea", Action::Approve);
    world
}

fn histories() -> Vec<World> {
    let nobody = || stage_of(2, all_sorts()[1..].to_vec());
    let skipped = second(Stage { on_empty: OnEmpty::Skip, ..nobody() });
    let blocked = second(nobody());
    let escalating = Stage { sla_hours: Some(1), on_breach: OnBreach::Escalate, ..stage(2, &["ann"]) };
    let mut in_vain = second(Stage { escalation_rules: all_sorts()[1..].to_vec(), ..escalating });
    in_vain.hours_pass(1);

    let mut moved = World::start(policy(vec![stage(1, &["ann"])]));
    moved.reassign("ann", "eve").expect("the task is moved");
    say(&mut moved, "eve", "eve", Action::Reject);

    let mut stuck = World::start(policy(vec![stage_of(1, vec![role("officer")])]));
    stuck.send(Command::ResolutionFailed { reason: "away".into() }).expect("a failure is told");
    stuck.send(Command::Cancel { caller: caller("admin"), reason: None }).expect("it is cancelled");

    let mut late = World::start(policy(vec![stage(1, &["ann"])]));
    late.now = late.request.expires_at.expect("it expires");
    late.send(Command::Expire).expect("it expires");

    let many: Vec<String> = (0..1000).map(|n| format!("{n:0>100}")).collect();
    let crowd = World::start(policy(vec![stage(1, &many.iter().map(String::as_str).collect::<Vec<_>>())]));
    vec![eventful(), skipped, blocked, in_vain, moved, stuck, late, crowd]
}

/// The event of a creation with the hash of the policy's text.
fn hashed() -> Event {
    let policy = policy(vec![stage(1, &["ann"])]);
    let delegations = Delegations::default();
    let env = Environment { policy: &policy, delegations: &delegations, now: crate::fixture::START };
    let asked = Create { policy_sha256: Some("of-the-text".into()), ..rita_creates() };
    create(&env, asked, &mut Counter(0)).events.remove(0)
}

#[test]
fn every_fact_of_every_event_is_on_the_page_and_no_other() {
    let events: Vec<Event> = histories().into_iter().flat_map(|world| world.log).chain([hashed()]).collect();
    for event_type in EventType::ALL {
        let (documented, mut seen) = (documented(*event_type), BTreeSet::new());
        let word = event_type.as_str();
        let of_type: Vec<_> = events.iter().filter(|event| event.event_type == *event_type).collect();
        assert!(!of_type.is_empty(), "no history here tells {word}: add one");
        for event in of_type {
            for (name, fact) in documented.iter().filter(|(_, fact)| fact.always) {
                let value = event.payload.get(*name).unwrap_or(&Value::Null);
                assert!(is_of(fact.kind, value), "{word} always tells {name}: {}", json!(event.payload));
            }
            for (name, value) in &event.payload {
                // The counts of omitted ids are explained once, with `approvers_omitted`.
                if !documented.contains_key(name.as_str()) && name.ends_with("_omitted") {
                    continue;
                }
                let fact = documented.get(name.as_str());
                let fact = fact.unwrap_or_else(|| panic!("docs/events.md lacks `{name}` of {word}"));
                assert!(is_of(fact.kind, value), "{word}: {name} is no {}: {value}", fact.kind);
                seen.insert(name.as_str());
            }
        }
        let unseen: Vec<_> = documented.keys().filter(|name| !seen.contains(*name)).collect();
        assert!(unseen.is_empty(), "docs/events.md tells of {unseen:?} of {word}, which no history here has");
    }
}

#[test]
fn every_word_of_the_engine_that_answers_and_events_say_is_on_the_page() {
    let words = [RequestStatus::WORDS, TaskStatus::WORDS, StageState::WORDS, Action::WORDS, Kind::WORDS];
    for word in words.into_iter().flatten() {
        assert!(PAGE.contains(&format!("`{word}`")), "docs/events.md lacks the word `{word}`");
    }
}

#[test]
fn a_reason_that_the_page_names_is_one_of_the_engine() {
    // The reasons are explained in `policies.md`, which a test of its own checks.
    let named =
        ["skip_if", "on_empty", "no_approvers_resolved", "too_many_seats", "all_stages_skipped", "no_stages"];
    for word in named {
        assert!(reason::ALL.contains(&word) && PAGE.contains(&format!("`{word}`")), "{word}");
    }
}
