//! Actors on a real database: one process or two, racing, crashing, resting.

mod deadlines;
mod delivery;
mod feed;
mod fixtures;
mod isolation;
mod people;
mod poison;
mod relay;
mod resolution;
mod stream;

use crate::request::Message;
use engine::ids::RequestId;
use fixtures::{World, approve, caller, world};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_request_is_approved_by_its_only_approver() {
    let world = world(json!([{"mode": "any-n", "mode_value": 1, "users": ["ann", "bob"]}])).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    assert_eq!(created.status, "in_review");
    let task = created.tasks.iter().find(|t| t.assignee == "ann").expect("ann has a task");
    let decision = node.requests().decide(caller("ann"), task.id, approve()).await.expect("decided");
    assert_eq!(decision.actor, "ann");
    let request = world.db.get_request(created.request_id).await.expect("exists");
    assert_eq!(request.status, "approved");
    world.assert_gapless(created.request_id).await;
    node.stop().await;
}

#[tokio::test]
async fn two_processes_deciding_one_seat_make_one_decision() {
    let world = world(json!([{"users": ["ann"]}, {"users": ["bob"]}])).await;
    let (one, two) = (world.node().await, world.node().await);
    for n in 0..50 {
        let created = one.create(&format!("CR-{n}"), None).await;
        let task = created.tasks[0].id;
        let (a, b) = tokio::join!(
            one.requests().decide(caller("ann"), task, approve()),
            two.requests().decide(caller("ann"), task, approve())
        );
        assert_eq!([a.is_ok(), b.is_ok()].iter().filter(|ok| **ok).count(), 1, "{a:?} {b:?}");
        assert_eq!(world.count_events(created.request_id, "stage_completed").await, 1);
        assert_eq!(world.count_events(created.request_id, "stage_started").await, 2);
        world.assert_gapless(created.request_id).await;
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn the_last_two_approvals_in_the_same_instant_finish_the_stage() {
    let world = world(json!([{"users": ["ann", "bob"]}])).await;
    let (one, two) = (world.node().await, world.node().await);
    for n in 0..50 {
        let created = one.create(&format!("CR-{n}"), None).await;
        let (ann, bob) = (created.tasks[0].id, created.tasks[1].id);
        let (a, b) = tokio::join!(
            one.requests().decide(caller("ann"), ann, approve()),
            two.requests().decide(caller("bob"), bob, approve())
        );
        a.expect("ann decided");
        b.expect("bob decided");
        let request = world.db.get_request(created.request_id).await.expect("exists");
        assert_eq!(request.status, "approved");
        assert_eq!(world.count_events(created.request_id, "request_approved").await, 1);
    }
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn concurrent_creates_with_one_key_make_one_request() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let (one, two) = (world.node().await, world.node().await);
    let creates = (0..20).map(|n| if n % 2 == 0 { &one } else { &two }.try_create("CR-1", Some("key-1")));
    let answers = futures::future::join_all(creates).await;
    let answers: Vec<_> = answers.into_iter().map(|a| a.expect("created")).collect();
    assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1);
    assert!(answers.iter().all(|a| a.answer == answers[0].answer), "answers differ: {answers:?}");
    let other = one.try_create("CR-2", Some("key-1")).await;
    assert!(matches!(other, Err(crate::Error::IdempotencyMismatch)), "{other:?}");
    one.stop().await;
    two.stop().await;
}

#[tokio::test]
async fn an_actor_that_crashes_is_reloaded_and_harms_no_other() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let (first, second) = (node.create("CR-1", None).await, node.create("CR-2", None).await);
    let registry = &node.system.shared().registry;
    let other = registry.get(RequestId(second.request_id)).expect("the second is live");
    let actor = registry.get(RequestId(first.request_id)).expect("the first is live");
    actor.send_message(Message::Crash).expect("it is told");
    world.until("it has died", || actor.get_status() == ractor::ActorStatus::Stopped).await;
    node.requests().decide(caller("ann"), first.tasks[0].id, approve()).await.expect("a new actor decides");
    let still = registry.get(RequestId(second.request_id)).expect("the second still lives");
    assert_eq!(still.get_id(), other.get_id());
    node.requests().decide(caller("ann"), second.tasks[0].id, approve()).await.expect("the second decides");
    node.stop().await;
}

#[tokio::test]
async fn idle_actors_rest_and_are_loaded_again_when_needed() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node_with(|o| o.requests.idle = Duration::from_millis(50)).await;
    let created = node.create("CR-1", None).await;
    world.until("the actor rests", || node.system.live_requests() == 0).await;
    node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
    node.stop().await;
}

#[tokio::test]
async fn no_more_actors_live_than_the_bound_allows_and_none_after_the_end() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node_with(|o| o.requests.max_live = 5).await;
    let mut tasks = Vec::new();
    for n in 0..20 {
        tasks.push(node.create(&format!("CR-{n}"), None).await.tasks[0].id);
    }
    assert!(node.system.live_requests() <= 6, "{} live", node.system.live_requests());
    for task in tasks {
        node.requests().decide(caller("ann"), task, approve()).await.expect("decided");
    }
    assert_eq!(node.system.live_requests(), 0, "finished requests have no actor");
    node.stop().await;
}

#[tokio::test]
async fn a_create_uses_the_version_that_is_active_when_it_commits() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    assert_eq!(node.create("CR-1", None).await.tasks[0].assignee, "ann");
    // The writer waits for the table with the first of these, so the second was decided on and is not written yet.
    let held = world.db.hold("approval_request").await;
    let first = node.try_create("CR-2", None);
    let second = async {
        world.until_some("the writer waits", async || world.waits_for_lock().await.then_some(())).await;
        node.create("CR-3", None).await
    };
    let activate = async {
        world.until_some("both are decided", async || (node.system.live_requests() >= 3).then_some(())).await;
        // The row of the policy key is not what the writer waits for.
        world.activate_next(json!([{"users": ["bob"]}])).await;
        drop(held);
    };
    let (first, second, ()) = tokio::join!(first, second, activate);
    first.expect("created");
    assert_eq!(second.tasks[0].assignee, "bob", "it was decided again");
    node.stop().await;
}

#[tokio::test]
async fn a_delegation_made_elsewhere_applies_to_the_next_task() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    assert_eq!(node.create("CR-1", None).await.tasks[0].assignee, "ann");
    world.delegate("ann", "bob").await;
    let task = node.create("CR-2", None).await.tasks.remove(0);
    assert_eq!((task.assignee.as_str(), task.delegated_from.as_deref()), ("bob", Some("ann")));
    node.stop().await;
}

#[tokio::test]
async fn a_rule_that_nobody_can_answer_leaves_the_request_pending_and_says_why() {
    let world = world(json!([{"rules": [{"rule_type": "role", "rule_value": {"role": "clerk"}}]}])).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    assert_eq!((created.status.as_str(), created.tasks.len()), ("pending", 0));
    world.until_event(created.request_id, "stage_resolution_failed").await;
    let owed = world.resolve_after(created.request_id).await;
    assert!(owed.is_some(), "it is asked again");
    node.stop().await;
}

#[tokio::test]
async fn events_reach_the_stream_in_order_and_are_marked_published() {
    let world: World = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let created = node.create("CR-1", None).await;
    node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
    world.until_published().await;
    assert_eq!(world.stream_sequences(created.request_id).await, [1, 2, 3, 4, 5]);
    node.stop().await;
}

#[tokio::test]
async fn while_there_is_more_to_write_the_group_commit_stays_on_its_connection() {
    let world = world(json!([{"users": ["ann"]}])).await;
    world
        .execute(
            "create table written_by (process int);
             grant insert on written_by to public;
             create function note_process() returns trigger language plpgsql as
                 $$ begin insert into written_by values (pg_backend_pid()); return null; end $$;
             create trigger note_process after insert on approval_request
                 for each row execute function note_process()",
        )
        .await;
    let node = world.node_with(|options| options.requests.commit.batch = 1).await;
    let names: Vec<String> = (0..40).map(|n| format!("CR-{n}")).collect();
    futures::future::join_all(names.iter().map(|name| node.create(name, None))).await;
    assert_eq!(world.count("select count(*) from written_by").await, 40);
    // Not all of them where that takes longer than a connection is kept.
    let most = "select max(n) from (select count(*) as n from written_by group by process) each";
    assert!(world.count(most).await >= 30, "batches were spread over several connections");
    node.stop().await;
}
