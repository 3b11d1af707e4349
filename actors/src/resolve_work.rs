//! Tells resolvers of any process that a request owes an answer, by a work message sent once its cause is committed.
//! A message that is lost costs the resolvers' poll interval, no more.

use crate::loops::Loops;
use crate::signals::{Signals, Unresolved};
use bus::Bus;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

/// Messages published at once.
const BATCH: usize = 128;

/// Publishes until the loops are stopped. Without a bus that takes the message, this process's own resolver is woken instead.
pub(crate) fn start(
    loops: &Loops,
    bus: Option<Bus>,
    unresolved: mpsc::Receiver<Unresolved>,
    signals: &Arc<Signals>,
) {
    let (unresolved, signals) = (Arc::new(Mutex::new(unresolved)), Arc::clone(signals));
    let stop = loops.stop().clone();
    loops.spawn("resolver work", move || {
        let (bus, unresolved, signals) = (bus.clone(), Arc::clone(&unresolved), Arc::clone(&signals));
        let stop = stop.clone();
        async move {
            run(bus.as_ref(), &mut *unresolved.lock().await, &signals, &stop).await;
            Ok(())
        }
    });
}

async fn run(
    bus: Option<&Bus>,
    unresolved: &mut mpsc::Receiver<Unresolved>,
    signals: &Signals,
    stop: &CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            received = unresolved.recv_many(&mut batch, BATCH) => if received == 0 { return },
        }
        let told = match bus {
            Some(bus) if bus.is_connected() => publish(bus, &batch).await,
            _ => false,
        };
        if !told {
            signals.resolutions.notify_one();
        }
        batch.clear();
    }
}

async fn publish(bus: &Bus, batch: &[Unresolved]) -> bool {
    let messages = batch.iter().map(|owed| bus.resolve_work(owed.request_id, owed.sequence)).collect();
    let answers = bus.publish(messages).await;
    let lost = answers.iter().filter_map(|answer| answer.as_ref().err()).next();
    if let Some(error) = lost {
        tracing::debug!(%error, "resolvers were not told; they also look by themselves");
    }
    lost.is_none()
}
