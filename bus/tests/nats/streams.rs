//! The streams as the server holds them.

use crate::fixtures::{World, event, places};
use async_nats::jetstream::stream::Config;
use bus::Error;
use std::slice::from_ref;
use std::time::Duration;

#[tokio::test]
async fn an_empty_stream_begins_after_its_end() {
    let world = World::new().await;
    let state = world.bus.events_state().await.unwrap();
    assert_eq!((state.first, state.last, state.messages), (1, 0, 0));
    world.bus.publish_events(0, &[event(), event()]).await.unwrap();
    let state = world.bus.events_state().await.unwrap();
    assert_eq!((state.first, state.last, state.messages), (1, 2, 2));
    world.end().await;
}

#[tokio::test]
async fn a_stream_that_was_created_again_has_another_incarnation() {
    let world = World::new().await;
    world.bus.publish_events(0, from_ref(&event())).await.unwrap();
    let before = world.bus.events_state().await.unwrap();
    // As every process does at its start.
    assert_eq!(world.bus.ensure_streams().await.unwrap(), before);
    world.bus.delete_streams().await.unwrap();
    assert!(matches!(world.bus.events_state().await, Err(Error::Server { .. })));
    assert!(matches!(world.bus.publish_events(1, &[event()]).await, Err(Error::Server { .. })));
    let after = world.bus.ensure_streams().await.unwrap();
    assert_ne!(after.incarnation, before.incarnation);
    assert_eq!(after.last, 0);
    world.end().await;
}

#[tokio::test]
async fn a_stream_that_somebody_changed_is_found_and_put_right() {
    let world = World::new().await;
    assert_eq!(world.bus.misshapen().await.unwrap(), [""; 0]);
    let operator = world.operator().await;
    let name = world.bus.subjects().events_stream();
    let config = operator.get_stream(&name).await.unwrap().cached_info().config.clone();
    let hour = Duration::from_secs(3600);
    let changed = Config { max_age: hour, max_bytes: 1_000_000, ..config };
    operator.update_stream(changed).await.unwrap();
    let found = world.bus.misshapen().await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with(&format!("{name}: max_age is 3600s")), "{found:?}");
    assert!(found[1].starts_with(&format!("{name}: max_bytes is 1000000")), "{found:?}");
    world.bus.ensure_streams().await.unwrap();
    assert_eq!(world.bus.misshapen().await.unwrap(), [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn ids_are_read_from_one_place_to_another_and_only_of_events() {
    let world = World::new().await;
    let events = [event(), event(), event(), event()];
    world.bus.publish_events(0, &events[..2]).await.unwrap();
    // Somebody else's message, at place 3.
    let subject = world.bus.subjects().subject("request_created", "x", events[0].request_id);
    world.operator().await.publish(subject, "{}".into()).await.unwrap().await.unwrap();
    world.bus.publish_events(3, &events[2..]).await.unwrap();
    let all = [places(1, &events[..2]), places(4, &events[2..])].concat();
    for (from, to, expected) in
        [(1, 5, &all[..]), (-9, 99, &all[..]), (2, 4, &all[1..3]), (3, 3, &[]), (5, 4, &[]), (6, 9, &[])]
    {
        assert_eq!(world.bus.event_ids(from, to).await.unwrap(), expected, "{from} to {to}");
    }
    world.end().await;
}

#[tokio::test]
async fn the_server_tells_its_version_and_its_time() {
    let world = World::new().await;
    let facts = world.bus.server_facts().await.unwrap();
    assert!(facts.version.starts_with("2.") && facts.jetstream && facts.now.is_some(), "{facts:?}");
    world.end().await;
}
