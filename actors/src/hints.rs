//! Receives the hints of other processes: "something was committed".

use crate::loops::Loops;
use crate::signals::Signals;
use bus::Bus;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Pause between two hints that are passed on.
const BETWEEN_HINTS: Duration = Duration::from_millis(100);

/// Passes hints on as signals, at most ten a second. Hints only shorten waits, so losing some is harmless.
pub(crate) fn listen(loops: &Loops, bus: Bus, signals: &Arc<Signals>) {
    let (signals, stop) = (Arc::clone(signals), loops.stop().clone());
    loops.spawn("hints", move || {
        let (bus, signals, stop) = (bus.clone(), Arc::clone(&signals), stop.clone());
        async move {
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                ended = pass_hints(&bus, &signals) => ended,
            }
        }
    });
}

/// Wakes the reader of the feed when the relay has published, at most ten times a second.
pub(crate) fn listen_for_events(loops: &Loops, bus: Bus, feed: &Arc<Notify>) {
    let (feed, stop) = (Arc::clone(feed), loops.stop().clone());
    loops.spawn("event_hints", move || {
        let (bus, feed, stop) = (bus.clone(), Arc::clone(&feed), stop.clone());
        async move {
            let hints = bus.event_hints().await.map_err(|error| error.to_string())?;
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                ended = pass(hints, || feed.notify_one()) => ended,
            }
        }
    });
}

async fn pass_hints(bus: &Bus, signals: &Signals) -> Result<(), String> {
    let hints = bus.hints().await.map_err(|error| error.to_string())?;
    pass(hints, || signals.hinted()).await
}

async fn pass(mut hints: BoxStream<'static, ()>, signal: impl Fn()) -> Result<(), String> {
    loop {
        hints.next().await.ok_or("the subscription ended")?;
        // One signal serves all hints that have come; otherwise a burst would cause work for seconds.
        while hints.next().now_or_never().flatten().is_some() {}
        signal();
        tokio::time::sleep(BETWEEN_HINTS).await;
    }
}
