//! Outcomes of attempts, written many at a time: whoever waits is answered when its own is in the database.

use super::{BUSY, GATHER};
use crate::Error;
use store::Store;
use store::deliveries::Attempt;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

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
    pub(super) fn start(store: Store, tasks: &TaskTracker) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tasks.spawn(write(store, jobs));
        Self { queue }
    }

    /// Waits until the outcome is recorded, or is known to be another's to record.
    pub(super) async fn record(&self, attempt: Attempt) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.queue.send((attempt, reply)).await.map_err(|_| Error::Unavailable)?;
        answer.await.map_err(|_| Error::Unavailable)?
    }
}

async fn write(store: Store, mut jobs: mpsc::Receiver<Job>) {
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let (attempts, replies): (Vec<Attempt>, Vec<_>) = batch.drain(..).unzip();
        let recorded = store.record_attempts(&attempts).await.map_err(Error::from);
        if let Ok(recorded) = &recorded
            && recorded.len() < attempts.len()
        {
            tracing::info!(
                lost = attempts.len() - recorded.len(),
                "leases were lost before their outcome came"
            );
        }
        for reply in replies {
            // A task that was cancelled does not need the answer.
            let _ = reply.send(recorded.as_ref().map(|_| ()).map_err(Clone::clone));
        }
        if attempts.len() >= BUSY {
            tokio::time::sleep(GATHER).await;
        }
    }
}
