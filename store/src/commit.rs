//! Group commit: transitions of many requests in one statement, and so in one transaction.
//!
//! Callers hand a [`Commit`] to the [`Committer`] and wait. A writer takes whatever is queued (it never waits for
//! more) and writes it with one round trip. Under light load a transition is written alone and at once; under heavy
//! load batches grow by themselves. One writer makes the largest batches.
//!
//! The row version decides. A transition whose request has moved on is not written and its caller gets
//! [`Error::Stale`]; the other transitions of the batch are written. A transition that PostgreSQL refuses for its own
//! sake (a poisoned one) fails the whole statement. Every transition of that batch is then tried alone, so that only
//! the poisoned one fails.

mod columns;
mod rows;
mod statement;
mod transition;

pub use transition::{Audit, Commit, Committed, Idempotency, Meta};

use crate::pool::{Kept, Pool};
use crate::{Clash, Error, Store};
use futures::FutureExt;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use telemetry::{Trace, measure};
use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{Instrument, Span};

/// A commit, and the channel for its outcome. The commit is shared with its caller, who needs it again once it is
/// written.
type Job = (Arc<Commit>, oneshot::Sender<Result<Committed, Error>>);

/// Entrance to the queue of the writers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Committer {
    queue: mpsc::Sender<Job>,
}

/// Sizes of the group commit.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Writers; each has one statement under way at a time.
    pub writers: usize,
    /// Most transitions in one statement.
    pub batch: usize,
    /// Most transitions that wait; beyond that, callers wait for room in the queue.
    pub queue: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { writers: 1, batch: 256, queue: 4096 }
    }
}

impl Committer {
    /// Makes the entrance and the writers. The caller must run every [`Writer`].
    #[must_use]
    pub fn new(store: &Store, limits: Limits) -> (Self, Vec<Writer>) {
        let (queue, jobs) = mpsc::channel(limits.queue);
        let writer =
            Writer { pool: store.hot.clone(), jobs: Arc::new(Mutex::new(jobs)), most: limits.batch.max(1) };
        (Self { queue }, vec![writer; limits.writers.max(1)])
    }

    /// Writes one transition durably.
    ///
    /// # Errors
    /// [`Error::Stale`]: the caller must decide again; [`Error::Conflict`]: the idempotency key is taken;
    /// [`Error::Unavailable`]: it is unknown whether the transition was written, so the caller must reload first.
    pub async fn commit(&self, commit: Arc<Commit>) -> Result<Committed, Error> {
        let (reply, answer) = oneshot::channel();
        measure::commit_queue(self.queue.max_capacity() - self.queue.capacity());
        self.queue.send((commit, reply)).await.map_err(|_| Error::gone())?;
        answer.await.map_err(|_| Error::gone())?
    }
}

/// Writes what callers hand to a [`Committer`].
#[derive(Debug, Clone)]
pub struct Writer {
    pool: Pool,
    jobs: Arc<Mutex<mpsc::Receiver<Job>>>,
    most: usize,
}

impl Writer {
    /// Writes until the last clone of the committer is dropped and the queue is empty. May be called again after it
    /// has panicked: the queue is still there.
    pub async fn run(&self) {
        write_batches(Kept::new(self.pool.clone()), &self.jobs, self.most).await;
    }
}

async fn write_batches(mut connection: Kept, jobs: &Mutex<mpsc::Receiver<Job>>, most: usize) {
    loop {
        let batch = next_batch(jobs, most, &mut connection).await;
        if batch.is_empty() {
            return;
        }
        // One statement cannot update a row twice, so a second transition of the same request is written after the
        // first.
        let mut seen = HashSet::new();
        let (batch, rest): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|(commit, _)| seen.insert(commit.request_id()));
        write_batch(&mut connection, batch).await;
        for job in rest {
            write_batch(&mut connection, vec![job]).await;
        }
    }
}

/// Takes up to `most` queued jobs, and waits for a first one when none is queued. Returns nothing once the channel is
/// closed. The connection goes back to the pool while this waits.
async fn next_batch(jobs: &Mutex<mpsc::Receiver<Job>>, most: usize, connection: &mut Kept) -> Vec<Job> {
    // The lock is held only until the first job arrives: the writer that gets it takes what is queued and releases
    // the lock.
    let mut jobs = match jobs.try_lock() {
        Ok(jobs) => jobs,
        Err(_) => {
            connection.release();
            jobs.lock().await
        }
    };
    if jobs.is_empty() {
        connection.release();
    }
    let mut batch = Vec::new();
    jobs.recv_many(&mut batch, most).await;
    batch
}

async fn write_batch(connection: &mut Kept, batch: Vec<Job>) {
    let commits: Vec<&Commit> = batch.iter().map(|(commit, _)| &**commit).collect();
    let (span, began) = (span_of(&commits), Instant::now());
    let executed = execute(connection, &commits).instrument(span).await;
    measure::committed(batch.len(), began.elapsed());
    match executed {
        Ok(mut written) => {
            for (commit, reply) in batch {
                // A caller that has gone away does not need the answer.
                let _ = reply.send(outcome(&commit, &mut written));
            }
        }
        Err(error @ (Error::Internal(_) | Error::Constraint(_) | Error::Stale)) if batch.len() > 1 => {
            tracing::warn!(%error, batch.size = batch.len(), "a batch was refused; writing its transitions alone");
            for job in batch {
                Box::pin(write_batch(connection, vec![job])).await;
            }
        }
        Err(error) => {
            let mut error = Some(error);
            for (_, reply) in batch {
                let _ = reply.send(Err(error.take().unwrap_or_else(Error::gone)));
            }
        }
    }
}

/// The span of a batch. It belongs to no trace of its members, which it links to, and is recorded if one of them is.
fn span_of(commits: &[&Commit]) -> Span {
    let traces: Vec<Trace> =
        commits.iter().filter_map(|commit| Trace::from_text(commit.trace.as_deref()?)).collect();
    telemetry::trace::about(&traces, || {
        tracing::debug_span!(
            parent: None,
            "commit",
            otel.kind = "client",
            db.system.name = "postgresql",
            db.query.summary = "group commit",
            db.operation.batch.size = commits.len()
        )
    })
}

/// A transition whose values cannot be encoded panics deep in a library. The panic becomes an error, so that the
/// batch is handled as if PostgreSQL had refused it.
async fn execute(connection: &mut Kept, commits: &[&Commit]) -> Result<statement::Written, Error> {
    let executing = AssertUnwindSafe(async { statement::execute(connection, commits).await });
    executing.catch_unwind().await.unwrap_or_else(|_| Err(Error::Internal("writing a batch panicked".into())))
}

fn outcome(commit: &Commit, written: &mut statement::Written) -> Result<Committed, Error> {
    let id = commit.request_id().0;
    if let Some((positions, leased)) = written.done.remove(&id) {
        let row_version = commit.before.as_ref().map_or(1, |(_, version)| version + 1);
        return Ok(Committed { row_version, positions, leased });
    }
    if written.outdated.contains(&id) {
        return Err(Error::Stale);
    }
    // A create that was not written although everything it relied on still holds: its idempotency key is taken.
    if commit.before.is_none() && commit.epoch.is_none_or(|epoch| epoch == written.epoch) {
        return Err(Error::Conflict(Clash::KeyTaken, "idempotency key is in use".to_owned()));
    }
    Err(Error::Stale)
}
