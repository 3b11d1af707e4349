//! Events that are published as a batch, each right after the one before it.

use crate::fixtures::{World, event, places};
use bus::Error;
use schemas::event::WebhookEvent;
use std::slice::from_ref;

fn events<const N: usize>() -> [WebhookEvent; N] {
    std::array::from_fn(|_| event())
}

#[tokio::test]
async fn a_batch_is_stored_in_a_row_and_acknowledged_by_its_last_event() {
    let world = World::new().await;
    let (first, second) = (events::<3>(), events::<4>());
    assert_eq!(world.bus.publish_events(0, &first).await.unwrap(), 3);
    assert_eq!(world.bus.publish_events(3, &second).await.unwrap(), 7);
    assert_eq!(world.ids_from(1).await, places(1, &[&first[..], &second[..]].concat()));
    world.end().await;
}

#[tokio::test]
async fn a_batch_without_events_asks_nothing_of_the_server() {
    let world = World::new().await;
    assert_eq!(world.bus.publish_events(7, &[] as &[WebhookEvent]).await.unwrap(), 7);
    world.end().await;
}

#[tokio::test]
async fn a_batch_that_would_follow_a_gap_is_refused_as_a_whole_until_its_place_is_corrected() {
    let world = World::new().await;
    let [other, batch @ ..] = events::<4>();
    world.bus.publish_events(0, from_ref(&other)).await.unwrap();
    // The stream has gone on since this process looked, or has lost what this process saw.
    for wrong in [0, 2, 9] {
        world.bus.publish_events(wrong, &batch).await.unwrap_err();
        world.bus.publish_events(wrong, from_ref(&batch[0])).await.unwrap_err();
        assert_eq!(world.last().await, 1, "after {wrong}");
    }
    assert_eq!(world.bus.publish_events(1, &batch).await.unwrap(), 4);
    assert_eq!(world.ids_from(2).await, places(2, &batch));
    world.end().await;
}

#[tokio::test]
async fn nothing_is_stored_behind_an_event_of_the_batch_that_is_missing_there() {
    let world = World::new().await;
    let [held, first, last] = events::<3>();
    world.bus.publish_events(0, from_ref(&held)).await.unwrap();
    // A duplicate is not stored again, so the event behind it would follow a gap.
    world.bus.publish_events(1, &[first.clone(), held.clone(), last]).await.unwrap_err();
    assert_eq!(world.ids_from(1).await, places(1, &[held, first]));
    world.end().await;
}

#[tokio::test]
async fn an_event_that_the_stream_holds_already_is_acknowledged_with_its_place() {
    let world = World::new().await;
    let batch = events::<3>();
    world.bus.publish_events(0, &batch).await.unwrap();
    assert_eq!(world.bus.publish_events(3, from_ref(&batch[1])).await.unwrap(), 2);
    assert_eq!(world.ids_from(1).await, places(1, &batch));
    world.end().await;
}

#[tokio::test]
async fn a_duplicate_at_the_end_of_a_batch_does_not_acknowledge_the_others() {
    let world = World::new().await;
    let [held, fresh] = events::<2>();
    world.bus.publish_events(0, from_ref(&held)).await.unwrap();
    let published = world.bus.publish_events(1, &[fresh, held]).await;
    assert!(matches!(published, Err(Error::Gap)), "{published:?}");
    world.end().await;
}
