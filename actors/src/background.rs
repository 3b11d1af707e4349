//! The one shape of background actors: a [`Job`] has a `run_once`; the actor around it only schedules.
//!
//! A run that fails or panics is logged and tried again after a while: nothing that a job does may end its loop.

use futures::FutureExt;
use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How long a job that failed rests, whatever wakes it: under load it is woken all the time.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Work that is done again and again.
pub(crate) trait Job: Send + 'static {
    /// For logs.
    const NAME: &'static str;

    /// Does what there is to do and says when to look again at the latest.
    fn run_once(&mut self) -> impl Future<Output = Result<Duration, crate::Error>> + Send;
}

/// Runs a job: now, when its pause has passed, and when it is woken.
pub(crate) struct Background<J>(std::marker::PhantomData<fn() -> J>);

pub(crate) struct State<J> {
    job: J,
    wake: Arc<Notify>,
    stop: CancellationToken,
}

pub(crate) struct Run;

impl<J: Job> Background<J> {
    /// Starts the job's actor under `supervisor`. Cancelling `stop` ends it after the run under way.
    pub(crate) async fn start(
        job: J,
        wake: Arc<Notify>,
        stop: CancellationToken,
        supervisor: ActorCell,
    ) -> Result<ActorCell, ractor::SpawnErr> {
        let state = State { job, wake, stop };
        let (actor, _) = Actor::spawn_linked(None, Self(std::marker::PhantomData), state, supervisor).await?;
        Ok(actor.get_cell())
    }
}

impl<J: Job> Actor for Background<J> {
    type Msg = Run;
    type State = State<J>;
    type Arguments = State<J>;

    async fn pre_start(&self, me: ActorRef<Run>, state: State<J>) -> Result<State<J>, ActorProcessingErr> {
        me.send_message(Run)?;
        Ok(state)
    }

    async fn handle(
        &self,
        me: ActorRef<Run>,
        _: Run,
        state: &mut State<J>,
    ) -> Result<(), ActorProcessingErr> {
        let pause = match AssertUnwindSafe(state.job.run_once()).catch_unwind().await {
            Ok(Ok(pause)) => Some(pause),
            Ok(Err(error)) => {
                tracing::warn!(job = J::NAME, %error, "a run failed; trying again");
                None
            }
            Err(_) => {
                tracing::error!(job = J::NAME, "a run panicked; trying again");
                None
            }
        };
        tokio::select! {
            () = state.stop.cancelled() => me.stop(None),
            () = state.wake.notified(), if pause.is_some() => me.send_message(Run)?,
            () = tokio::time::sleep(pause.unwrap_or(AFTER_FAILURE)) => me.send_message(Run)?,
        }
        Ok(())
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
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(crate::Error::Internal("always".to_owned()))
        }
    }

    #[tokio::test]
    async fn a_job_that_failed_rests_however_often_it_is_woken() {
        let (wake, stop, runs) =
            (Arc::new(Notify::new()), CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let supervisor = crate::supervisor::start().await.expect("starts").swap_remove(0);
        let begun = Instant::now();
        let job = Fails(Arc::clone(&runs));
        let started = Background::start(job, Arc::clone(&wake), stop.clone(), supervisor).await;
        started.expect("starts");
        for _ in 0..100 {
            wake.notify_one();
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
        let at_most = 1 + begun.elapsed().as_millis() / AFTER_FAILURE.as_millis();
        let runs = u128::from(runs.load(Ordering::Relaxed));
        assert!((1..=at_most).contains(&runs), "{runs} runs, {at_most} at most");
        stop.cancel();
    }
}
