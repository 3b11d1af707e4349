//! Delivery work of requests that this process has just moved. It need not go by the bus and back: that is for the other
//! processes, who may be the ones with room.

use super::Follower;
use super::gather::{BUSY, GATHER};
use crate::loops::{self, Loops};
use crate::queue;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;

/// Requests taken at once.
const TAKE: usize = 128;

/// Takes until nobody can tell of requests any more, or the loops are stopped.
pub(super) fn follow(loops: &Loops, follower: Follower, undelivered: mpsc::Receiver<Uuid>) {
    let (undelivered, stop) = (Arc::new(Mutex::new(undelivered)), loops.stop().clone());
    loops.spawn("new webhooks", move || {
        let (undelivered, follower, stop) = (Arc::clone(&undelivered), follower.clone(), stop.clone());
        async move {
            let mut undelivered = undelivered.lock().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = take(&follower, &mut undelivered) => {}
            }
            Ok(())
        }
    });
}

async fn take(follower: &Follower, undelivered: &mut mpsc::Receiver<Uuid>) {
    let mut requests = Vec::with_capacity(TAKE);
    while undelivered.recv_many(&mut requests, TAKE).await > 0 {
        loops::beat();
        let busy = requests.len() >= BUSY;
        // What could not be taken is found by the queue and by the poll.
        queue::take(follower, requests.drain(..).collect()).await;
        loops::rest();
        if busy {
            tokio::time::sleep(GATHER).await;
        }
    }
}
