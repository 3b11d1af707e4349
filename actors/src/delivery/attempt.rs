//! One attempt: send the webhook, judge the answer, record the outcome.

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
use telemetry::{Trace, measure};
use time::OffsetDateTime;
use tracing::{Span, field};

/// How much longer than the schedule says a receiver may make us wait by `Retry-After`.
const MOST_EXTRA_PATIENCE: Duration = Duration::from_secs(2 * 3600);

/// Sends leased deliveries and records the outcomes.
pub(super) struct Sender {
    courier: Courier,
    recorder: Recorder,
    options: WebhookOptions,
}

impl Sender {
    pub(super) fn new(courier: Courier, recorder: Recorder, options: WebhookOptions) -> Self {
        Self { courier, recorder, options }
    }

    /// The live secrets for each of these deliveries. They are read once for each signer, for all signers at the same
    /// time.
    pub(super) async fn secrets_of(&self, leased: &[Leased]) -> Vec<Result<Arc<LiveSecrets>, Error>> {
        let signers: HashSet<Signer<'_>> = leased.iter().map(signer).collect();
        let asked = signers
            .into_iter()
            .map(|signer| async move { (signer, self.courier.secrets(signer).await.map(Arc::new)) });
        let known: HashMap<_, _> = join_all(asked).await.into_iter().collect();
        let of = |delivery| known.get(&signer(delivery)).cloned().unwrap_or(Err(Error::Unanswered));
        leased.iter().map(of).collect()
    }

    /// Sends a leased delivery. One that cannot start by `start_by` is not sent, because its lease could end before
    /// the attempt does.
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
        let sent = self.courier.send(&delivery.url, &delivery.caller_service, &delivery.event, &live);
        // The place of the transition, where no span of ours is recorded.
        let place = match Trace::current() {
            Some(_) => None,
            None => delivery.trace.clone(),
        };
        let sent = Trace::around(place, sent).await;
        let span = Span::current();
        match &sent.outcome {
            Ok(answer) => {
                span.record("http.response.status_code", i64::from(answer.status));
            }
            Err(failure) => {
                span.record("error.type", failure.kind());
            }
        }
        if sent.error().is_some() {
            span.record("otel.status_code", "ERROR");
        }
        Ok(sent)
    }

    /// Records the outcome of an attempt at an endpoint.
    ///
    /// # Errors
    /// It was not recorded; the lease will run out.
    pub(super) async fn record(&self, delivery: &Leased, sent: Sent, endpoint: &str) -> Result<(), Error> {
        let jitter = rand::random_range(0.9..=1.1);
        let took = sent.latency;
        let attempt = outcome(delivery, sent, &self.options, clock::now(), jitter);
        let word = match attempt.next {
            Next::Delivered => "delivered",
            Next::RetryAt(_) => "retried",
            Next::Exhausted => "exhausted",
        };
        measure::attempted(endpoint, word, took);
        self.recorder.record(attempt).await
    }
}

/// The span of an attempt. The first is part of the trace of the transition; a later one, which may come hours after,
/// begins a trace and links to it. Neither is recorded where the transition is not.
pub(super) fn span(delivery: &Leased, endpoint: &str) -> Span {
    let make = || {
        tracing::debug_span!(
            parent: None,
            "deliver",
            otel.kind = "client",
            http.request.method = "POST",
            server.address = endpoint,
            http.request.resend_count = delivery.attempt,
            http.response.status_code = field::Empty,
            error.r#type = field::Empty,
            otel.status_code = field::Empty,
            messaging.message.id = %delivery.event.event_id,
            awe.event.r#type = delivery.event.event_type,
            awe.request.id = %delivery.event.request_id,
        )
    };
    match &delivery.trace {
        Some(trace) if delivery.attempt == 0 => trace.within(make),
        trace => telemetry::trace::about(trace, make),
    }
}

fn signer(delivery: &Leased) -> Signer<'_> {
    let Leased { caller_service, callback_secret_id, .. } = delivery;
    Signer { caller_service, callback_secret_id: *callback_secret_id }
}

/// What the outcome says about the endpoint. One that answers 4xx is alive, whatever it thinks of this webhook.
pub(super) fn health(sent: &Sent) -> Health {
    match &sent.outcome {
        Ok(answer) if answer.status >= 500 || matches!(answer.status, 408 | 429) => Health::Failing,
        Ok(_) => Health::Alive,
        Err(Failure::Timeout(_) | Failure::Connection(_) | Failure::Cut { .. }) => Health::Failing,
        Err(Failure::Refused(_) | Failure::Credential(_) | Failure::Internal(_)) => Health::Nothing,
    }
}

/// The record of an attempt that ended at `now`. The wait for the next attempt is multiplied by `jitter`.
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

/// The wait after attempt number `made` (from 1): the step of the schedule times `jitter`, and not less than the
/// receiver asked for by `Retry-After`, within bounds. The last step of the schedule repeats.
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
