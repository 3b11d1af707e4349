//! The loops of a process. Each is supervised: one that panics, or ends though nobody stopped it, is started again with
//! growing pauses, counted, and told by `/health`, so that nothing stops silently.
//!
//! Cast: [`Loops`] starts loops and reports on them; inside a loop, [`beat`], [`failed`] and [`rest`] tell how it does.

use futures::FutureExt;
use outbound::Backoff;
use parking_lot::Mutex;
use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pauses before a loop that ended is started again.
const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
/// A loop that ran for so long ended for a new reason: the pauses begin anew.
const SOUND: Duration = Duration::from_secs(60);
/// Failures in a row after which a loop counts as failing: one or two happen whenever a server is restarted.
const FAILING: u32 = 3;
/// A loop at work that shows no sign of life for so long has stalled; every call that it makes has a shorter timeout.
const STALLED: Duration = Duration::from_secs(300);

/// Starts loops, and knows how each does. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Loops {
    all: Arc<Mutex<Vec<Arc<Watched>>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A loop that does not run as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which loop.
    pub name: &'static str,
    /// What is wrong: `restarting`, `failing` or `stalled`.
    pub state: &'static str,
    /// How often it had to be started again.
    pub restarts: u64,
    /// What it last failed with; for logs and operators, not for callers.
    pub why: String,
}

#[derive(Debug)]
struct Watched {
    name: &'static str,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    running: bool,
    restarts: u64,
    failures: u32,
    why: String,
    /// When it last showed a sign of life; `None` while it waits for work.
    busy_since: Option<Instant>,
}

tokio::task_local! {
    static CURRENT: Arc<Watched>;
}

/// The current loop makes progress.
pub(crate) fn beat() {
    with_current(|state| state.busy_since = Some(Instant::now()));
}

/// The current loop has done its work without a fault and waits for more.
pub(crate) fn rest() {
    with_current(|state| {
        state.busy_since = None;
        state.failures = 0;
    });
}

/// The current loop goes on, but what it tried has failed.
pub(crate) fn failed(why: String) {
    with_current(|state| {
        state.busy_since = None;
        state.failures = state.failures.saturating_add(1);
        state.why = why;
    });
}

fn with_current(note: impl FnOnce(&mut State)) {
    // Code that a loop shares with others may run outside of any.
    let _ = CURRENT.try_with(|watched| note(&mut watched.state.lock()));
}

impl Loops {
    /// None yet. Cancelling `stop` is what ends loops; nothing else does.
    pub(crate) fn new(stop: CancellationToken) -> Self {
        Self { all: Arc::default(), tasks: TaskTracker::new(), stop }
    }

    /// Whether the process is stopping.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Runs a loop, and again whenever it panics or ends with an error. One that ends with `Ok` has no more to do.
    pub fn spawn<F, R>(&self, name: &'static str, run: F)
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send,
    {
        let state = State { running: true, restarts: 0, failures: 0, why: String::new(), busy_since: None };
        let watched = Arc::new(Watched { name, state: Mutex::new(state) });
        self.all.lock().push(Arc::clone(&watched));
        let stop = self.stop.clone();
        self.tasks
            .spawn(CURRENT.scope(Arc::clone(&watched), async move { supervise(&watched, &stop, run).await }));
    }

    /// Every loop that does not run as it should.
    #[must_use]
    pub fn troubles(&self) -> Vec<Trouble> {
        self.all.lock().iter().filter_map(|watched| watched.trouble()).collect()
    }

    /// How often loops had to be started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.all.lock().iter().map(|watched| watched.state.lock().restarts).sum()
    }

    /// Waits until every loop has ended, at most `deadline`. Stop them first.
    pub(crate) async fn ended(&self, deadline: Duration) {
        self.tasks.close();
        if tokio::time::timeout(deadline, self.tasks.wait()).await.is_err() {
            tracing::warn!(loops = self.tasks.len(), "some loops did not end in time");
        }
    }
}

async fn supervise<F, R>(watched: &Watched, stop: &CancellationToken, run: F)
where
    F: Fn() -> R,
    R: Future<Output = Result<(), String>>,
{
    let mut ended = 0;
    loop {
        let began = Instant::now();
        // Started inside the guard: what makes the loop may panic too.
        let outcome = AssertUnwindSafe(async { run().await }).catch_unwind().await;
        let why = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(why)) => why,
            Err(panic) => format!("panicked: {}", words(&*panic)),
        };
        if began.elapsed() > SOUND {
            ended = 0;
        }
        ended += 1;
        let pause = BACKOFF.after(ended);
        tracing::error!(name = watched.name, why, ?pause, "a loop ended; it is started again");
        watched.ended(why);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        watched.state.lock().running = true;
    }
}

/// What a panic said.
pub(crate) fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without words")
}

impl Watched {
    fn ended(&self, why: String) {
        let mut state = self.state.lock();
        state.running = false;
        state.restarts += 1;
        state.busy_since = None;
        state.why = why;
    }

    fn trouble(&self) -> Option<Trouble> {
        let state = self.state.lock();
        let word = if !state.running {
            "restarting"
        } else if state.failures >= FAILING {
            "failing"
        } else if state.busy_since.is_some_and(|since| since.elapsed() > STALLED) {
            "stalled"
        } else {
            return None;
        };
        Some(Trouble { name: self.name, state: word, restarts: state.restarts, why: state.why.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    async fn until(mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !holds() {
            assert!(Instant::now() < deadline, "it never came to hold");
            tokio::time::sleep(Duration::from_millis(5)).await; // the poll of that deadline
        }
    }

    #[tokio::test]
    async fn a_loop_that_panics_or_ends_is_told_of_and_started_again() {
        let (loops, runs) = (Loops::new(CancellationToken::new()), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&runs);
        loops.spawn("shaky", move || {
            let run = counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match run {
                    0 => panic!("first"),
                    1 => Err("second".to_owned()),
                    _ => std::future::pending().await,
                }
            }
        });
        until(|| loops.troubles().first().is_some_and(|trouble| trouble.why.contains("first"))).await;
        assert_eq!(loops.troubles()[0].state, "restarting");
        until(|| runs.load(Ordering::Relaxed) == 3 && loops.troubles().is_empty()).await;
        assert_eq!(loops.restarts(), 2);
    }

    #[tokio::test]
    async fn a_loop_that_fails_again_and_again_is_told_of_until_it_succeeds() {
        let (loops, mends) = (Loops::new(CancellationToken::new()), Arc::new(tokio::sync::Notify::new()));
        let wait = Arc::clone(&mends);
        loops.spawn("failing", move || {
            let wait = Arc::clone(&wait);
            async move {
                for _ in 0..FAILING {
                    failed("no luck".to_owned());
                }
                wait.notified().await;
                rest();
                std::future::pending().await
            }
        });
        until(|| loops.troubles().first().is_some_and(|trouble| trouble.state == "failing")).await;
        mends.notify_one();
        until(|| loops.troubles().is_empty()).await;
    }

    #[tokio::test]
    async fn a_loop_that_waits_is_not_stalled_and_a_busy_one_without_a_beat_is() {
        let loops = Loops::new(CancellationToken::new());
        loops.spawn("busy", || async {
            beat();
            std::future::pending().await
        });
        until(|| loops.all.lock()[0].state.lock().busy_since.is_some()).await;
        assert_eq!(loops.troubles(), Vec::new());
        let Some(long_ago) = Instant::now().checked_sub(STALLED * 2) else { return };
        loops.all.lock()[0].state.lock().busy_since = Some(long_ago);
        assert_eq!(loops.troubles()[0].state, "stalled");
    }

    #[tokio::test]
    async fn loops_end_when_they_are_stopped() {
        let stop = CancellationToken::new();
        let loops = Loops::new(stop.clone());
        loops.spawn("never", || async { Err("always".to_owned()) });
        until(|| loops.restarts() > 0).await;
        stop.cancel();
        let begun = Instant::now();
        loops.ended(Duration::from_secs(20)).await;
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}
