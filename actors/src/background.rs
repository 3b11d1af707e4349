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

/// How long a job that failed rests.
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
            Ok(Ok(pause)) => pause,
            Ok(Err(error)) => {
                tracing::warn!(job = J::NAME, %error, "a run failed; trying again");
                AFTER_FAILURE
            }
            Err(_) => {
                tracing::error!(job = J::NAME, "a run panicked; trying again");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            () = state.stop.cancelled() => me.stop(None),
            () = state.wake.notified() => me.send_message(Run)?,
            () = tokio::time::sleep(pause) => me.send_message(Run)?,
        }
        Ok(())
    }
}
