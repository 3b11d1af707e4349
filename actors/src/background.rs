//! The one shape of background work: a [`Job`] has a `run_once`, and the loop around it only decides when to call it.
//!
//! The loop logs a run that fails or panics and tries again after a pause, so no job can end its own loop. The loop
//! is one of [`Loops`], which reports a job that keeps failing.

use crate::loops::{self, Loops};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

/// Pause after a run that failed. Signals do not shorten it: under load they come all the time.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Work that is done again and again.
pub(crate) trait Job: Send + 'static {
    /// Name of the loop in logs and in `/health`.
    const NAME: &'static str;

    /// Does what is due and returns the longest time until the next run.
    fn run_once(&mut self) -> impl Future<Output = Result<Duration, crate::Error>> + Send;
}

/// Runs a job now, after each pause, and whenever `wake` is notified. When the loops are stopped, the run under way
/// is finished first.
pub(crate) fn start<J: Job>(loops: &Loops, job: J, wake: Arc<Notify>) {
    // The job outlives the loop that runs it: after a fault of the loop, the next one goes on with the same job.
    let job = Arc::new(Mutex::new(job));
    let stop = loops.stop().clone();
    loops.spawn(J::NAME, move || {
        let (job, wake, stop) = (Arc::clone(&job), Arc::clone(&wake), stop.clone());
        async move {
            run(&mut *job.lock().await, &wake, &stop).await;
            Ok(())
        }
    });
}

async fn run<J: Job>(job: &mut J, wake: &Notify, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        loops::beat();
        let fault = match AssertUnwindSafe(job.run_once()).catch_unwind().await {
            Ok(Ok(pause)) => {
                loops::rest();
                Ok(pause)
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(format!("panicked: {}", loops::words(&*panic))),
        };
        let pause = fault.map_err(|why| {
            tracing::warn!(job = J::NAME, why, "a run failed; trying again");
            loops::failed(why);
        });
        tokio::select! {
            () = stop.cancelled() => {}
            () = wake.notified(), if pause.is_ok() => {}
            () = tokio::time::sleep(pause.unwrap_or(AFTER_FAILURE)) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    struct Fails(Arc<AtomicU64>);

    impl Job for Fails {
        const NAME: &'static str = "fails";

        async fn run_once(&mut self) -> Result<Duration, crate::Error> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0 => panic!("the first time"),
                _ => Err(crate::Error::Internal("always".to_owned())),
            }
        }
    }

    #[tokio::test]
    async fn a_job_that_failed_rests_however_often_it_is_woken() {
        let (wake, runs) = (Arc::new(Notify::new()), Arc::new(AtomicU64::new(0)));
        let loops = Loops::new(CancellationToken::new());
        let begun = Instant::now();
        start(&loops, Fails(Arc::clone(&runs)), Arc::clone(&wake));
        while loops.troubles().is_empty() {
            wake.notify_one();
            assert!(begun.elapsed() < Duration::from_secs(20), "a job that goes on failing is told of");
            tokio::time::sleep(Duration::from_millis(3)).await; // the poll of that deadline
        }
        let at_most = 1 + begun.elapsed().as_millis() / AFTER_FAILURE.as_millis();
        let runs = u128::from(runs.load(Ordering::Relaxed));
        assert!((3..=at_most).contains(&runs), "{runs} runs, {at_most} at most");
        assert_eq!(loops.restarts(), 0, "the loop itself goes on");
        loops.stop().cancel();
    }
}
