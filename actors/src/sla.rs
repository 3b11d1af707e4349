//! Turns deadlines that have passed into commands. Deadlines are rows. This job sleeps until the next one and is
//! woken when an earlier one is committed here, when another process sends a hint, or when somebody changes a
//! deadline by SQL.
//!
//! Authority: the row version lets one replica win each breach; the others find nothing left to do.
//!
//! Failures: a request that fails is set aside with growing pauses, so that it does not block the others.

use crate::background::Job;
use crate::handle::Requests;
use crate::loops::Loops;
use crate::signals::Signals;
use crate::{Error, clock};
use engine::command::Command;
use engine::ids::RequestId;
use futures::StreamExt;
use outbound::Backoff;
use rand::seq::SliceRandom;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use store::timers::Due;
use time::OffsetDateTime;

/// Requests in one round, so that a day of downtime is caught up in steps.
const BATCH: i64 = 500;
/// Commands of a round under way at once. These keep the group commit busy; with more of them a storm of deadlines ends
/// little sooner, and decisions wait for it (`./dev bench sla`).
const AT_ONCE: usize = 8;
/// Pauses of a request that failed.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// Requests set aside at once; with more than that something else is wrong.
const MOST_ASIDE: usize = 10_000;
/// Pause before listening again after the database went away.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// How deadlines are watched.
#[derive(Debug, Clone, Copy)]
pub struct SlaOptions {
    /// How often deadlines are looked for without a signal.
    pub check_interval: Duration,
}

pub(crate) struct Sla {
    store: Store,
    requests: Requests,
    signals: Arc<Signals>,
    options: SlaOptions,
    aside: HashMap<RequestId, Aside>,
}

/// A request that is due and did not change.
struct Aside {
    failures: u32,
    until: Instant,
}

impl Sla {
    pub(crate) fn new(store: Store, requests: Requests, signals: Arc<Signals>, options: SlaOptions) -> Self {
        Self { store, requests, signals, options, aside: HashMap::new() }
    }

    /// Acts on one batch of what is due at `now`. Returns whether there was anything.
    async fn act(&mut self, now: OffsetDateTime) -> Result<bool, Error> {
        let resting: Vec<RequestId> = self.resting().map(|(id, _)| *id).collect();
        if resting.len() >= MOST_ASIDE {
            return Err(Error::Internal(format!("{} requests that are due do not move", resting.len())));
        }
        let mut due = self.store.due_requests(now, &resting, BATCH).await?;
        let found = !due.is_empty();
        // In random order, so that replicas that read the same batch collide less often.
        due.shuffle(&mut rand::rng());
        let requests = self.requests.clone();
        let mut outcomes = futures::stream::iter(due)
            .map(|due| {
                let requests = requests.clone();
                async move { (due.request, breach(&requests, &due).await) }
            })
            .buffer_unordered(AT_ONCE);
        while let Some((id, outcome)) = outcomes.next().await {
            match outcome {
                Ok(true) => drop(self.aside.remove(&id)),
                Ok(false) => self.set_aside(id, None),
                Err(error) => self.set_aside(id, Some(&error)),
            }
        }
        Ok(found)
    }

    /// Without an error, another replica has usually just acted on the request, and it is not due any more after the
    /// pause.
    fn set_aside(&mut self, id: RequestId, error: Option<&Error>) {
        let failures = self.aside.get(&id).map_or(1, |aside| aside.failures.saturating_add(1));
        let pause = BACKOFF.after(failures);
        match error {
            Some(error) => {
                tracing::warn!(request.id = %id, %error, ?pause, "a deadline could not be acted on; trying again");
            }
            None if failures > 2 => {
                tracing::warn!(request.id = %id, ?pause, "a deadline has passed and nothing follows from it");
            }
            None => {}
        }
        self.aside.insert(id, Aside { failures, until: Instant::now() + pause });
    }

    fn resting(&self) -> impl Iterator<Item = (&RequestId, &Aside)> {
        let now = Instant::now();
        self.aside.iter().filter(move |(_, aside)| aside.until > now)
    }

    /// Forgets requests whose pause is over.
    fn forget_settled(&mut self) {
        let now = Instant::now();
        self.aside.retain(|_, aside| aside.until > now);
    }
}

/// Sends the commands for what has passed, in the order of the deadlines. Returns whether anything changed.
async fn breach(requests: &Requests, due: &Due) -> Result<bool, Error> {
    let mut passed = [(due.task_due_at, Command::Breach), (due.expires_at, Command::Expire)];
    passed.sort_by_key(|(at, _)| *at);
    let mut moved = false;
    for (_, command) in passed.into_iter().filter(|(at, _)| at.is_some()) {
        let applied = requests.apply(due.request, command).await?;
        moved |= !applied.transition.events.is_empty();
    }
    Ok(moved)
}

impl Job for Sla {
    const NAME: &'static str = "sla";

    async fn run_once(&mut self) -> Result<Duration, Error> {
        let now = clock::now();
        if self.act(now).await? {
            // One batch in each run, so that stopping need not wait for all of them.
            return Ok(Duration::ZERO);
        }
        self.forget_settled();
        let again =
            self.resting().map(|(_, aside)| aside.until.saturating_duration_since(Instant::now())).min();
        self.signals.ask_for_deadline();
        let next = self.store.next_deadline(now).await?;
        self.signals.wait_for_deadline(next);
        // Negative if the deadline has passed meanwhile.
        let wait = next.map(|at| Duration::try_from(at - clock::now()).unwrap_or_default());
        Ok([wait, again].into_iter().flatten().fold(self.options.check_interval, Duration::min))
    }
}

/// Wakes the job when somebody changes a deadline by SQL.
pub(crate) fn listen(loops: &Loops, store: &Store, signals: &Arc<Signals>) {
    let (store, signals, stop) = (store.clone(), Arc::clone(signals), loops.stop().clone());
    loops.spawn("moved deadlines", move || {
        let (store, signals, stop) = (store.clone(), Arc::clone(&signals), stop.clone());
        async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = follow(&store, &signals) => {}
            }
            Ok(())
        }
    });
}

async fn follow(store: &Store, signals: &Signals) {
    loop {
        if let Err(error) = follow_until_broken(store, signals).await {
            tracing::debug!(%error, "moved deadlines are not heard of; the job still looks by itself");
        }
        tokio::time::sleep(LISTEN_AGAIN).await;
    }
}

async fn follow_until_broken(store: &Store, signals: &Signals) -> Result<(), store::Error> {
    let mut moved = store.moved_deadlines().await?;
    loop {
        // Also at the start, because a deadline may have been changed before anybody listened.
        signals.deadlines.notify_one();
        moved.next().await?;
    }
}
