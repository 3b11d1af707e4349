//! Messages that are published independently of each other.

use crate::fixtures::{World, event, places};
use async_nats::jetstream::stream::Config;
use bus::Error;
use schemas::event::WebhookEvent;
use serde_json::Value;

#[tokio::test]
async fn messages_are_stored_in_their_order_and_acknowledged_with_their_places() {
    let world = World::new().await;
    let events: Vec<_> = (0..20).map(|_| event()).collect();
    let acks = world.bus.publish(events.iter().map(|event| world.bus.event(event)).collect()).await;
    let sequences: Vec<u64> = acks.into_iter().map(Result::unwrap).collect();
    assert_eq!(sequences, (1..=20).collect::<Vec<_>>());
    assert_eq!(world.ids_from(1).await, places(1, &events));
    world.end().await;
}

#[tokio::test]
async fn a_message_that_is_published_again_keeps_its_place() {
    let world = World::new().await;
    let (first, second) = (event(), event());
    for (event, sequence) in [(&first, 1), (&second, 2), (&first, 1)] {
        let mut acks = world.bus.publish(vec![world.bus.event(event)]).await;
        assert_eq!(acks.remove(0).unwrap(), sequence);
    }
    assert_eq!(world.ids_from(1).await, places(1, &[first, second]));
    world.end().await;
}

#[tokio::test]
async fn an_event_is_a_cloud_event_on_the_subject_of_its_request() {
    let world = World::new().await;
    let event = event();
    world.bus.publish(vec![world.bus.event(&event)]).await.remove(0).unwrap();
    let stream = world.operator().await.get_stream(world.bus.subjects().events_stream()).await.unwrap();
    let stored = stream.get_raw_message(1).await.unwrap();
    let subject = world.bus.subjects().subject(&event.event_type, &event.artifact_type, event.request_id);
    assert_eq!(stored.subject.as_str(), subject);
    assert_eq!(stored.headers.get("ce-id").unwrap().as_str(), event.event_id.to_string());
    assert_eq!(serde_json::from_slice::<WebhookEvent>(&stored.payload).unwrap(), event);
    world.end().await;
}

/// An event whose message has more than `bytes`.
fn large(bytes: usize) -> WebhookEvent {
    let mut event = event();
    event.payload.insert("filler".to_owned(), Value::from("x".repeat(bytes)));
    event
}

#[tokio::test]
async fn a_message_that_the_server_never_takes_is_refused_and_holds_up_no_other() {
    let world = World::new().await;
    let (too_large, small) = (large(2 * 1024 * 1024), event());
    let messages = vec![world.bus.event(&too_large), world.bus.event(&small)];
    let acks = world.bus.publish(messages).await;
    assert!(matches!(acks[0], Err(Error::Refused(_))), "{acks:?}");
    assert_eq!(*acks[1].as_ref().unwrap(), 1);
    let sent = world.bus.send(world.bus.event(&too_large)).await;
    assert!(matches!(sent, Err(Error::Refused(_))), "{sent:?}");
    world.end().await;
}

#[tokio::test]
async fn a_message_that_the_operator_has_the_stream_refuse_is_refused() {
    let world = World::new().await;
    let operator = world.operator().await;
    let name = world.bus.subjects().events_stream();
    let config = operator.get_stream(&name).await.unwrap().cached_info().config.clone();
    operator.update_stream(Config { max_message_size: 2000, ..config }).await.unwrap();
    let large = large(2000);
    let sent = world.bus.publish(vec![world.bus.event(&large)]).await.remove(0);
    assert!(matches!(sent, Err(Error::Refused(_))), "{sent:?}");
    let batch = world.bus.publish_events(0, &[large]).await;
    assert!(matches!(batch, Err(Error::Refused(_))), "{batch:?}");
    assert_eq!(world.bus.publish_events(0, &[event()]).await.unwrap(), 1);
    world.end().await;
}
