//! Listens to the hints by which other processes tell that they committed something.

use crate::loops::Loops;
use crate::signals::Signals;
use bus::Bus;
use futures::{FutureExt, StreamExt};
use std::sync::Arc;
use std::time::Duration;

/// Pause between two looks for what others tell of.
const BETWEEN_HINTS: Duration = Duration::from_millis(100);

/// Passes the hints of other processes on, at most ten a second: they only shorten waits.
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

async fn pass_hints(bus: &Bus, signals: &Signals) -> Result<(), String> {
    let mut hints = bus.hints().await.map_err(|error| error.to_string())?;
    loop {
        hints.next().await.ok_or("the subscription ended")?;
        // One look serves all that have come: else a burst would have its looks for seconds after it.
        while hints.next().now_or_never().flatten().is_some() {}
        signals.hinted();
        tokio::time::sleep(BETWEEN_HINTS).await;
    }
}
