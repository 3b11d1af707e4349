//! New webhooks of this process. Their news need not go by the bus and back: that is for the other processes, who may be
//! the ones with room.

use super::live::LiveEndpoints;
use crate::loops::{self, Loops};
use std::sync::Arc;
use store::deliveries::Destination;
use tokio::sync::{Mutex, mpsc};

/// Tells the actors of these destinations to look, until nobody can name any more, or the loops are stopped.
pub(super) fn follow(loops: &Loops, endpoints: LiveEndpoints, undelivered: mpsc::Receiver<Destination>) {
    let (undelivered, stop) = (Arc::new(Mutex::new(undelivered)), loops.stop().clone());
    loops.spawn("new webhooks", move || {
        let (undelivered, endpoints, stop) = (Arc::clone(&undelivered), endpoints.clone(), stop.clone());
        async move {
            let mut undelivered = undelivered.lock().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = take(&endpoints, &mut undelivered) => {}
            }
            Ok(())
        }
    });
}

async fn take(endpoints: &LiveEndpoints, undelivered: &mut mpsc::Receiver<Destination>) {
    while let Some(to) = undelivered.recv().await {
        loops::beat();
        endpoints.look(&to).await;
        loops::rest();
    }
}
