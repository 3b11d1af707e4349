//! Hints to other processes.

use crate::fixtures::{PATIENCE, World, soon};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A hint is not stored, so it is repeated until somebody who has just begun to listen hears it.
async fn is_heard(bus: &bus::Bus, hints: &mut BoxStream<'static, ()>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        bus.hint().await;
        if timeout(Duration::from_millis(50), hints.next()).await.is_ok_and(|hint| hint.is_some()) {
            return true;
        }
    }
    false
}

#[tokio::test]
async fn a_hint_reaches_every_process_and_the_one_that_gives_it() {
    let world = World::new().await;
    let other = world.process().await;
    let (mut here, mut there) = (world.bus.hints().await.unwrap(), other.hints().await.unwrap());
    assert!(is_heard(&world.bus, &mut there).await, "not by the other process");
    soon("the own process hears it", here.next()).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn a_hint_is_in_no_stream() {
    let world = World::new().await;
    let mut hints = world.bus.hints().await.unwrap();
    assert!(is_heard(&world.bus, &mut hints).await);
    assert_eq!((world.last().await, world.waiting_work().await), (0, 0));
    world.end().await;
}
