//! One attempt: have it sent, judge the answer, have the outcome recorded.

use super::breaker::Health;
use super::courier::{Courier, Sent, Signer};
use super::options::WebhookOptions;
use super::recorder::Recorder;
use crate::{Error, clock};
use futures::future::join_all;
use outbound::Failure;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::deliveries::{Attempt, Leased, Next};
use store::secrets::LiveSecrets;
use time::OffsetDateTime;

/// A receiver may ask for more patience than the schedule has, but not for ever.
const MOST_EXTRA_PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// Makes attempts.
pub(super) struct Sender {
    courier: Courier,
    recorder: Recorder,
    options: WebhookOptions,
}

impl Sender {
    pub(super) fn new(courier: Courier, recorder: Recorder, options: WebhookOptions) -> Self {
        Self { courier, recorder, options }
    }

    /// What each of these is signed and sent with, asked for once for all that have the same signer, and for all signers
    /// at the same time.
    pub(super) async fn secrets_of(&self, leased: &[Leased]) -> Vec<Result<Arc<LiveSecrets>, Error>> {
        let signers: HashSet<Signer<'_>> = leased.iter().map(signer).collect();
        let asked = signers
            .into_iter()
            .map(|signer| async move { (signer, self.courier.secrets(signer).await.map(Arc::new)) });
        let known: HashMap<_, _> = join_all(asked).await.into_iter().collect();
        let of = |delivery| known.get(&signer(delivery)).cloned().unwrap_or(Err(Error::Unanswered));
        leased.iter().map(of).collect()
    }

    /// Sends a leased delivery. What is not ready by `start_by` is not sent, since its lease would not outlive it.
    ///
    /// # Errors
    /// Nothing was sent.
    pub(super) async fn send(
        &self,
        delivery: &Leased,
        live: Result<Arc<LiveSecrets>, Error>,
        start_by: Instant,
    ) -> Result<Sent, Error> {
        let live = live?;
        if Instant::now() > start_by {
            return Err(Error::Unanswered);
        }
        Ok(self.courier.send(&delivery.url, &delivery.caller_service, &delivery.event, &live).await)
    }

    /// Has the outcome recorded. `Err`: it was not.
    pub(super) async fn record(&self, delivery: &Leased, sent: Sent) -> Result<(), Error> {
        let jitter = rand::random_range(0.9..=1.1);
        self.recorder.record(outcome(delivery, sent, &self.options, clock::now(), jitter)).await
    }
}

fn signer(delivery: &Leased) -> Signer<'_> {
    let Leased { caller_service, callback_secret_id, .. } = delivery;
    Signer { caller_service, callback_secret_id: *callback_secret_id }
}

/// What the outcome says about the endpoint: one that answers 4xx is alive, whatever it thinks of this webhook.
pub(super) fn health(sent: &Sent) -> Health {
    match &sent.outcome {
        Ok(answer) if answer.status >= 500 || matches!(answer.status, 408 | 429) => Health::Failing,
        Ok(_) => Health::Alive,
        Err(Failure::Timeout(_) | Failure::Connection(_) | Failure::Cut { .. }) => Health::Failing,
        Err(Failure::Refused(_) | Failure::Credential(_) | Failure::Internal(_)) => Health::Nothing,
    }
}

/// What is recorded of an attempt that ended at `now`. `jitter` stretches or shrinks the wait for the next one.
fn outcome(
    delivery: &Leased,
    sent: Sent,
    options: &WebhookOptions,
    now: OffsetDateTime,
    jitter: f64,
) -> Attempt {
    let made = u32::try_from(delivery.attempt).unwrap_or(0) + 1;
    let (error, failed_by, latency_ms) = (sent.error(), sent.failed_by(), sent.latency_ms());
    let answer = sent.outcome.ok();
    let retry_after = answer.as_ref().and_then(|a| a.retry_after.filter(|_| matches!(a.status, 429 | 503)));
    let next = match &error {
        None => Next::Delivered,
        Some(_) if made >= options.max_attempts => Next::Exhausted,
        Some(_) => Next::RetryAt(now + wait(made, &options.backoff, jitter, retry_after)),
    };
    Attempt {
        delivery_id: delivery.id,
        token: delivery.token,
        started_at: sent.at,
        latency_ms,
        status_code: answer.as_ref().map(|a| i32::from(a.status)),
        error,
        failed_by,
        response_headers: answer.as_ref().map(|a| json!(a.headers)),
        response_excerpt: answer.map(|a| a.excerpt),
        next,
    }
}

/// Wait after attempt `made` (from 1): the schedule with jitter, and never earlier than the receiver asked, within
/// bounds. The last step of the schedule repeats.
fn wait(made: u32, schedule: &[Duration], jitter: f64, retry_after: Option<Duration>) -> Duration {
    let step = usize::try_from(made.saturating_sub(1)).unwrap_or(usize::MAX);
    let step = schedule.get(step).or(schedule.last()).copied().unwrap_or(Duration::from_secs(60));
    let planned = step.mul_f64(jitter);
    retry_after.map_or(planned, |asked| planned.max(asked.min(step + MOST_EXTRA_PATIENCE)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(300)];

    #[test]
    fn waits_follow_the_schedule_and_its_last_step_repeats() {
        let waits: Vec<u64> = (1..=4).map(|made| wait(made, &SCHEDULE, 1.0, None).as_secs()).collect();
        assert_eq!(waits, [60, 300, 300, 300]);
    }

    #[test]
    fn jitter_stretches_and_shrinks_a_wait() {
        assert_eq!(wait(1, &SCHEDULE, 0.9, None), Duration::from_secs(54));
        assert_eq!(wait(1, &SCHEDULE, 1.1, None), Duration::from_secs(66));
    }

    #[test]
    fn retry_after_is_honoured_but_not_for_ever() {
        let asked = |secs| Some(Duration::from_secs(secs));
        assert_eq!(wait(1, &SCHEDULE, 1.0, asked(10)).as_secs(), 60);
        assert_eq!(wait(1, &SCHEDULE, 1.0, asked(600)).as_secs(), 600);
        assert_eq!(wait(1, &SCHEDULE, 1.0, asked(999_999)).as_secs(), 60 + 7200);
    }
}
