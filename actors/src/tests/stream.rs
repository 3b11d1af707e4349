//! A stream that lost what it had acknowledged is filled again from the database.

use super::fixtures::{Node, World, approve, caller, world};
use crate::RelayOptions;
use schemas::event::{WebhookEvent, ping};
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

async fn node(world: &World) -> Node {
    let relay = RelayOptions { reconcile_every: Duration::from_millis(100) };
    world.node_with(|options| options.relay = relay).await
}

/// Requests that were decided and published.
async fn published(world: &World, node: &Node) -> Vec<Uuid> {
    let mut requests = Vec::new();
    for n in 0..3 {
        let created = node.create(&format!("CR-{n}"), None).await;
        node.requests().decide(caller("ann"), created.tasks[0].id, approve()).await.expect("decided");
        requests.push(created.request_id);
    }
    world.until_published().await;
    requests
}

/// Event ids in the order of the stream; none as long as there is no stream.
async fn in_stream(node: &Node) -> Vec<Uuid> {
    let Ok(state) = node.bus().events_state().await else { return Vec::new() };
    let ids = node.bus().event_ids(state.first, state.last).await.unwrap_or_default();
    ids.into_iter().map(|(_, id)| id).collect()
}

async fn until_honest(world: &World, node: &Node, requests: &[Uuid]) {
    world
        .until_some("the stream holds every event, in order", async || {
            let there = in_stream(node).await;
            for request in requests {
                let (events, _) = world.db.list_events(*request, 0).await.expect("exists");
                let wanted: Vec<Uuid> = events.iter().map(|event| event.id).collect();
                let found: Vec<Uuid> = there.iter().copied().filter(|id| wanted.contains(id)).collect();
                if found != wanted {
                    return None;
                }
            }
            (world.db.unpublished_count().await.expect("counts") == 0).then_some(())
        })
        .await;
}

#[tokio::test]
async fn a_stream_that_was_lost_is_filled_again_in_order() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = node(&world).await;
    let requests = published(&world, &node).await;
    node.bus().delete_streams().await.expect("deleted");
    until_honest(&world, &node, &requests).await;
    node.stop().await;
}

#[tokio::test]
async fn a_stream_that_never_held_anything_is_compared_and_published_to() {
    let world = world(json!([{"users": ["ann"]}])).await;
    // Compared in every round: as when a new installation rests for a while before its first request.
    let node = world.node_with(|options| options.relay.reconcile_every = Duration::ZERO).await;
    world
        .until_some("the empty stream is remembered", async || {
            world.db.outbox_status().await.expect("reads").incarnation
        })
        .await;
    let state = node.bus().events_state().await.expect("there is a stream");
    assert!(state.first > state.last, "{state:?}");
    let requests = published(&world, &node).await;
    until_honest(&world, &node, &requests).await;
    node.stop().await;
}

#[tokio::test]
async fn a_mark_beyond_the_end_of_the_stream_is_taken_back_and_made_true() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = node(&world).await;
    let requests = published(&world, &node).await;
    let last = node.bus().events_state().await.expect("there is a stream").last;
    store::testing::execute(
        &world.db,
        "update outbox_batch set stream_seqs = array(select seq + 10 from unnest(stream_seqs) seq), last_seq = last_seq + 10
         where id = (select max(id) from outbox_batch)",
    )
    .await;
    world
        .until_some("no event claims what the stream does not have", async || {
            let beyond = format!("select count(*) from published_event where stream_seq > {last}");
            (store::testing::count(&world.db, &beyond).await == 0).then_some(())
        })
        .await;
    until_honest(&world, &node, &requests).await;
    node.stop().await;
}

#[tokio::test]
async fn an_event_whose_place_in_the_stream_another_has_taken_is_published_again() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = node(&world).await;
    let requests = published(&world, &node).await;
    // Both claim one place: as when the stream went back, and grew again before anybody looked.
    let displaced = "update outbox_batch set stream_seqs = array(select 1 from unnest(stream_seqs))
                     where id = (select max(id) from outbox_batch)";
    store::testing::execute(&world.db, displaced).await;
    world
        .until_some("every event claims a place of its own", async || {
            let places = "select count(*) - count(distinct stream_seq) from published_event";
            (store::testing::count(&world.db, places).await == 0).then_some(())
        })
        .await;
    until_honest(&world, &node, &requests).await;
    node.stop().await;
}

/// An event that no request has.
fn stray() -> WebhookEvent {
    ping(Uuid::now_v7(), Uuid::now_v7(), "somebody", crate::clock::now())
}

#[tokio::test]
async fn the_stream_takes_an_event_only_right_after_the_one_before_it() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = node(&world).await;
    published(&world, &node).await;
    let bus = node.bus();
    let held = bus.events_state().await.expect("there is a stream").last;
    let last = u64::try_from(held).expect("not negative");
    let events = [stray(), stray(), stray(), stray()];
    // Somebody else came first.
    bus.publish(vec![bus.event(&stray())]).await.remove(0).expect("taken");
    bus.publish_events(last, &events[..1]).await.expect_err("refused");
    bus.publish_events(last, &events[..3]).await.expect_err("refused");
    assert_eq!(bus.events_state().await.expect("there is a stream").last, held + 1);
    assert_eq!(bus.publish_events(last + 1, &events).await.expect("taken"), last + 5);
    let there = bus.event_ids(held + 2, held + 5).await.expect("reads");
    assert_eq!(there, (held + 2..).zip(events.iter().map(|event| event.event_id)).collect::<Vec<_>>());
    // A copy keeps its place, and nothing may follow it elsewhere.
    let (copy, more) = (events[1].clone(), [stray(), stray(), stray()]);
    assert_eq!(bus.publish_events(last + 5, std::slice::from_ref(&copy)).await.expect("copied"), last + 3);
    let row = [more[0].clone(), copy.clone(), more[1].clone()];
    bus.publish_events(last + 5, &row).await.expect_err("refused");
    // At the end of a row it is acknowledged, which says nothing about the others.
    bus.publish_events(last + 6, &[more[2].clone(), copy]).await.expect_err("not taken in a row");
    let there = bus.event_ids(held + 6, i64::MAX).await.expect("reads");
    assert_eq!(there, [(held + 6, more[0].event_id), (held + 7, more[2].event_id)]);
    node.stop().await;
}

/// As when an operator has events published again that the stream still holds, further back than is compared.
#[tokio::test]
async fn copies_of_what_the_stream_holds_are_noted_without_another_comparison() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let mut requests = published(&world, &node).await;
    let held = node.bus().events_state().await.expect("there is a stream").last;
    let comparisons = "select comparison from outbox_stream";
    let before = world.count(comparisons).await;
    store::testing::execute(
        &world.db,
        "insert into outbox_again select position from approval_event where sequence > 2",
    )
    .await;
    world.until_published().await;
    assert_eq!(node.bus().events_state().await.expect("there is a stream").last, held);
    requests.extend(published(&world, &node).await);
    assert_eq!(world.count(comparisons).await, before);
    until_honest(&world, &node, &requests).await;
    node.stop().await;
}

#[tokio::test]
async fn what_somebody_else_puts_into_the_stream_holds_nothing_up() {
    let world = world(json!([{"users": ["ann"]}])).await;
    let node = world.node().await;
    let mut requests = published(&world, &node).await;
    for ack in node.bus().publish(vec![node.bus().event(&stray())]).await {
        ack.expect("taken");
    }
    requests.extend(published(&world, &node).await);
    until_honest(&world, &node, &requests).await;
    node.stop().await;
}
