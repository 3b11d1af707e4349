//! Outcomes of attempts, written many at a time: whoever waits is answered when its own is in the database.

use super::gather::{BUSY, GATHER};
use crate::Error;
use crate::loops::{self, Loops};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use store::Store;
use store::deliveries::Attempt;
use tokio::sync::{Mutex, mpsc, oneshot};

/// Outcomes in one statement.
const BATCH: usize = 128;
/// Outcomes waiting; past it attempts wait too.
const QUEUE: usize = 1024;

type Job = (Attempt, oneshot::Sender<Result<(), Error>>);

#[derive(Debug, Clone)]
pub(super) struct Recorder {
    queue: mpsc::Sender<Job>,
}

impl Recorder {
    /// Ends when the last clone of what it gives is dropped and everything is written.
    pub(super) fn start(store: Store, loops: &Loops) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let jobs = Arc::new(Mutex::new(jobs));
        loops.spawn("webhook recorder", move || {
            let (store, jobs) = (store.clone(), Arc::clone(&jobs));
            async move {
                write(&store, &mut *jobs.lock().await).await;
                Ok(())
            }
        });
        Self { queue }
    }

    /// Waits until the outcome is recorded, or is known to be another's to record.
    pub(super) async fn record(&self, attempt: Attempt) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.queue.send((attempt, reply)).await.map_err(|_| Error::Unanswered)?;
        answer.await.map_err(|_| Error::Unanswered)?
    }
}

async fn write(store: &Store, jobs: &mut mpsc::Receiver<Job>) {
    let mut batch = Vec::new();
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        loops::beat();
        let busy = batch.len() >= BUSY;
        write_batch(store, std::mem::take(&mut batch)).await;
        loops::rest();
        if busy {
            tokio::time::sleep(GATHER).await;
        }
    }
}

/// An outcome that the database refuses for itself fails alone: then the others are written one by one.
async fn write_batch(store: &Store, batch: Vec<Job>) {
    let (attempts, replies): (Vec<Attempt>, Vec<_>) = batch.into_iter().unzip();
    let recorded = record(store, &attempts).await;
    if let Err(Error::Internal(why)) = &recorded
        && attempts.len() > 1
    {
        tracing::warn!(why, outcomes = attempts.len(), "outcomes were refused together; writing each alone");
        for (attempt, reply) in attempts.iter().zip(replies) {
            let _ = reply.send(record(store, std::slice::from_ref(attempt)).await);
        }
        return;
    }
    for reply in replies {
        // A task that was cancelled does not need the answer.
        let _ = reply.send(recorded.clone());
    }
}

async fn record(store: &Store, attempts: &[Attempt]) -> Result<(), Error> {
    let recording = AssertUnwindSafe(store.record_attempts(attempts)).catch_unwind().await;
    let recorded = recording
        .map_err(|panic| Error::Internal(format!("recording panicked: {}", loops::words(&*panic))))??;
    let lost = attempts.len().saturating_sub(recorded.len());
    if lost > 0 {
        tracing::info!(lost, "leases were lost before their outcome came");
    }
    Ok(())
}
