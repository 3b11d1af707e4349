//! Supervision of what runs in the background. A loop that panics or ends is started again with growing pauses and told of
//! by `/health`, so that nothing stops silently.

use futures::FutureExt;
use parking_lot::Mutex;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Failures in a row after which a loop counts as failing: one or two happen whenever a server is restarted.
const FAILING: u32 = 3;

/// Starts loops and knows how each does. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Loops {
    all: Arc<Mutex<Vec<Arc<Watched>>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// One loop, as it tells of itself.
#[derive(Debug)]
pub struct Watched {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    is_down: bool,
    failures: u32,
    why: String,
}

impl Watched {
    /// It has done its work.
    pub fn succeeded(&self) {
        self.state.lock().failures = 0;
    }

    /// What it tried has failed, and it goes on.
    pub fn failed(&self, why: &dyn std::fmt::Display) {
        tracing::warn!(name = self.name, %why, "a round failed");
        let mut state = self.state.lock();
        state.failures = state.failures.saturating_add(1);
        state.why = why.to_string();
    }
}

impl Loops {
    /// Runs nothing yet; cancelling `stop` ends all.
    #[must_use]
    pub fn new(stop: CancellationToken) -> Self {
        Self { all: Arc::default(), tasks: TaskTracker::new(), stop }
    }

    /// Whether the process is stopping.
    #[must_use]
    pub const fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a loop until the process stops, again whenever it ends before.
    pub fn spawn<F, R>(&self, name: &'static str, run: F)
    where
        F: Fn(Arc<Watched>) -> R + Send + Sync + 'static,
        R: Future<Output = anyhow::Result<()>> + Send,
    {
        let watched = Arc::new(Watched { name, state: Mutex::default() });
        self.all.lock().push(Arc::clone(&watched));
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let mut pause = FIRST_PAUSE;
            while !stop.is_cancelled() {
                let running = AssertUnwindSafe(async { run(Arc::clone(&watched)).await }).catch_unwind();
                let why = match running.await {
                    Ok(Ok(())) if stop.is_cancelled() => return,
                    Ok(Ok(())) => "ended".to_owned(),
                    Ok(Err(error)) => format!("{error:#}"),
                    Err(_) => "panicked".to_owned(),
                };
                tracing::error!(name, why, ?pause, "a loop ended; it is started again");
                *watched.state.lock() = State { is_down: true, failures: 0, why };
                let _ = tokio::time::timeout(pause, stop.cancelled()).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
                watched.state.lock().is_down = false;
            }
        });
    }

    /// Runs `round` every `interval`; a round that fails is told of and tried again.
    pub fn every<F, R>(&self, name: &'static str, interval: Duration, round: F)
    where
        F: Fn() -> R + Clone + Send + Sync + 'static,
        R: Future<Output = anyhow::Result<()>> + Send,
    {
        let stop = self.stop.clone();
        self.spawn(name, move |watched| {
            let (stop, round) = (stop.clone(), round.clone());
            async move {
                loop {
                    match round().await {
                        Ok(()) => watched.succeeded(),
                        Err(error) => watched.failed(&format!("{error:#}")),
                    }
                    if tokio::time::timeout(interval, stop.cancelled()).await.is_ok() {
                        return Ok(());
                    }
                }
            }
        });
    }

    /// Name and state of every loop that does not run as it should.
    #[must_use]
    pub fn troubles(&self) -> Vec<(&'static str, String)> {
        let all = self.all.lock();
        let bad = all.iter().filter_map(|watched| {
            let state = watched.state.lock();
            (state.is_down || state.failures >= FAILING).then(|| (watched.name, state.why.clone()))
        });
        bad.collect()
    }

    /// Waits until every loop has ended, at most so long.
    pub async fn ended(&self, within: Duration) {
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!(loops = self.tasks.len(), "some loops did not end in time");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Instant;

    async fn until(mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "it never came to hold");
            tokio::time::sleep(Duration::from_millis(5)).await; // the poll of that deadline
        }
    }

    #[tokio::test]
    async fn a_loop_that_panics_is_told_of_and_started_again() {
        let (loops, runs) = (Loops::new(CancellationToken::new()), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&runs);
        loops.spawn("shaky", move |_| {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                assert!(run > 0, "the first time");
                std::future::pending().await
            }
        });
        until(|| loops.troubles() == [("shaky", "panicked".to_owned())]).await;
        until(|| runs.load(Ordering::Relaxed) == 2 && loops.troubles().is_empty()).await;
        loops.stop().cancel();
    }

    #[tokio::test]
    async fn a_round_that_fails_three_times_is_told_of() {
        let loops = Loops::new(CancellationToken::new());
        loops.every("failing", Duration::from_millis(1), || async { anyhow::bail!("no luck") });
        until(|| loops.troubles() == [("failing", "no luck".to_owned())]).await;
        loops.stop().cancel();
        loops.ended(Duration::from_secs(20)).await;
    }
}
