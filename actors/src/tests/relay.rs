//! Events that a process hands to its own relay are those that the outbox holds, and overtake none of it.

use super::fixtures::{Node, World, approve, caller, world};
use crate::relay::compared;
use futures::{StreamExt, stream};
use serde_json::json;
use uuid::Uuid;

async fn two_stages() -> World {
    let mut world = world(json!([{"users": ["ann"]}, {"users": ["bob"]}])).await;
    // Nobody listens there; what matters is that webhooks are owed.
    world.callback = Some("http://127.0.0.1:9/".to_owned());
    world
}

async fn decide(node: &Node, world: &World, request: Uuid, who: &str) {
    let loaded = world.db.load_request(request.into()).await.expect("loads").expect("exists");
    let task = loaded.request.tasks.iter().find(|task| task.assignee == who).expect("a task");
    node.requests().decide(caller(who), task.id.0, approve()).await.expect("decided");
}

#[tokio::test]
async fn what_is_handed_over_is_what_the_outbox_holds() {
    let world = two_stages().await;
    // Somebody else delivers, and has to be told.
    let node = world.node_with(|o| (o.bus, o.roles) = (None, o.roles - crate::Role::Delivery)).await;
    let fresh = &node.system.shared().fresh;
    fresh.open();
    let created = node.create("CR-1", None).await;
    decide(&node, &world, created.request_id, "ann").await;
    decide(&node, &world, created.request_id, "bob").await;
    let handed = fresh.take(100).expect("it is open");
    let stored = world.db.all_unpublished(100).await.expect("reads");
    assert!(stored.iter().any(|out| out.delivery_id.is_some()) && stored.len() > 5, "{stored:?}");
    assert_eq!(handed, stored);
    node.stop().await;
}

#[tokio::test]
async fn a_request_that_was_loaded_hands_nothing_over_while_earlier_events_wait() {
    let world = two_stages().await;
    let node = world
        .node_with(|options| {
            options.bus = None;
            options.roles -= crate::Role::Delivery;
            // Nobody stays in memory after a command.
            options.requests.max_live = 0;
        })
        .await;
    let fresh = &node.system.shared().fresh;
    let created = node.create("CR-1", None).await;
    fresh.open();
    decide(&node, &world, created.request_id, "ann").await;
    assert_eq!(fresh.take(100), Some(Vec::new()), "they would overtake the events of the create");
    store::testing::publish_all(&world.db).await;
    decide(&node, &world, created.request_id, "bob").await;
    let stored = world.db.all_unpublished(100).await.expect("reads");
    assert_eq!((fresh.take(100).as_ref(), stored.is_empty()), (Some(&stored), false));
    node.stop().await;
}

#[tokio::test]
async fn what_the_stream_holds_without_anybody_having_noted_it_is_noted_and_not_published_again() {
    let world = two_stages().await;
    let node = world.node_with(|options| options.roles -= crate::Role::Relay).await;
    node.create("CR-1", None).await;
    compared(&world.db, node.bus()).await.expect("the streams are made");
    let waiting = world.db.all_unpublished(100).await.expect("reads");
    let sent = waiting.iter().map(|out| node.bus().event(&out.event)).collect();
    assert!(node.bus().publish(sent).await.iter().all(Result::is_ok));
    assert_eq!(world.db.unpublished_count().await.expect("counts"), 2, "the acknowledgements were lost");
    compared(&world.db, node.bus()).await.expect("compared");
    assert_eq!(world.db.unpublished_count().await.expect("counts"), 0);
    assert_eq!(world.count("select min(stream_seq) * 10 + max(stream_seq) from published_event").await, 12);
    node.stop().await;
}

#[tokio::test]
async fn events_stay_in_order_when_two_processes_take_turns() {
    let world = two_stages().await;
    let (one, other) = (world.node().await, world.node().await);
    let life = async |n: usize| {
        let (first, second) = if n.is_multiple_of(2) { (&one, &other) } else { (&other, &one) };
        let created = first.create(&format!("CR-{n}"), None).await;
        // A third of them stays in one process half-way.
        let third = if n.is_multiple_of(3) { first } else { second };
        decide(third, &world, created.request_id, "ann").await;
        decide(first, &world, created.request_id, "bob").await;
        created.request_id
    };
    // Few at once: what is handed over and what is read take turns as well.
    let requests: Vec<Uuid> = stream::iter(0..60).map(life).buffer_unordered(2).collect().await;
    world.until_published().await;
    for request in requests {
        let expected = world.db.list_events(request, 0).await.expect("exists").0.len();
        let sequences = world.stream_sequences(request).await;
        assert!(sequences.is_sorted() && sequences.len() == expected, "{sequences:?}");
    }
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_relay_whose_session_is_ended_takes_the_lock_again_and_publishes_nothing_twice() {
    let world = two_stages().await;
    let node = world.node().await;
    node.create("CR-1", None).await;
    world.until_published().await;
    let holder = "from pg_locks join pg_database d on d.oid = database
                  where locktype = 'advisory' and datname = current_database()";
    let ended = format!("select count(pg_terminate_backend(pid, 5000)) {holder}");
    assert_eq!(world.count(&ended).await, 1);
    node.create("CR-2", None).await;
    world.until_published().await;
    assert_eq!(world.count(&format!("select count(*) {holder}")).await, 1);
    assert_eq!(node.bus().events_state().await.expect("the stream is there").messages, 4);
    node.stop().await;
}
