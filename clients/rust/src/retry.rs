//! When a call is sent again.

use crate::error::{Error, ErrorKind};
use crate::repeat::Retry;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use std::time::{Duration, SystemTime};

/// When a call is sent again: after a failure by which nothing was done, and, if it changes nothing or has an
/// `Idempotency-Key`, also after one by which it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts in all; 1 = never again.
    pub attempts: usize,
    /// Longest wait before the second attempt; it doubles with each. The wait is drawn between half of that and it.
    pub first: Duration,
    /// The wait never grows beyond.
    pub most: Duration,
    /// A `Retry-After` beyond this ends the call with its error.
    pub most_retry_after: Duration,
    /// No attempt begins later than this after the first.
    pub total: Duration,
}

impl Default for RetryPolicy {
    /// Four attempts, 250 ms to 5 s apart, `Retry-After` up to 30 s, all within a minute.
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(250),
            most: Duration::from_secs(5),
            most_retry_after: Duration::from_secs(30),
            total: Duration::from_secs(60),
        }
    }
}

impl RetryPolicy {
    /// The waits between the attempts of one call.
    pub(crate) fn waits(&self) -> ExponentialBackoff {
        // The jitter adds up to as much again, so a wait lies between half of what is said and all of it.
        ExponentialBuilder::new()
            .with_jitter()
            .with_min_delay(self.first.min(self.most) / 2)
            .with_max_delay(self.most / 2)
            .with_max_times(self.attempts.saturating_sub(1))
            .build()
    }

    /// How long to wait until the call is sent again; `None` when it is not. `can_repeat`: it changes nothing or has a key.
    pub(crate) fn wait(
        &self,
        error: &Error,
        can_repeat: bool,
        waits: &mut ExponentialBackoff,
    ) -> Option<Duration> {
        let asked = match error.kind() {
            ErrorKind::Api(refusal) if matches!(refusal.status, 408 | 429 | 502..=504) => refusal.retry_after,
            ErrorKind::Transport { .. } | ErrorKind::Timeout { .. } => None,
            _ => return None,
        };
        let may = match error.retry() {
            Retry::Yes => true,
            Retry::WithKey => can_repeat,
            Retry::No => false,
        };
        let asked = asked.unwrap_or_default();
        if !may || asked > self.most_retry_after {
            return None;
        }
        waits.next().map(|drawn| drawn.max(asked))
    }
}

/// What a `Retry-After` asks for, seconds or a date; `None` when it cannot be read. A date in the past is no wait.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_with_jitter_up_to_a_bound() {
        let policy = RetryPolicy {
            attempts: 20,
            first: Duration::from_secs(1),
            most: Duration::from_secs(8),
            ..RetryPolicy::default()
        };
        let drawn: Vec<Vec<Duration>> = (0..200).map(|_| policy.waits().collect()).collect();
        for (attempt, longest) in [(1, 1.0), (2, 2.0), (4, 8.0), (15, 8.0)] {
            let waits: Vec<f64> = drawn.iter().map(|all| all[attempt - 1].as_secs_f64()).collect();
            assert!(
                waits.iter().all(|wait| (longest / 2.0..=longest).contains(wait)),
                "{attempt}: {waits:?}"
            );
            let (least, most) = waits.iter().fold((9.0_f64, 0.0_f64), |(a, b), w| (a.min(*w), b.max(*w)));
            assert!(most - least > longest / 10.0, "no jitter at attempt {attempt}");
        }
        assert!(drawn.iter().all(|all| all.len() == 19));
    }

    #[test]
    fn one_attempt_has_no_wait() {
        let policy = RetryPolicy { attempts: 1, ..RetryPolicy::default() };
        assert_eq!(policy.waits().next(), None);
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let now = httpdate::parse_http_date("Sat, 31 Jan 2026 08:00:00 GMT").unwrap();
        let cases = [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("99999999999999999999999", Some(u64::MAX)),
            ("Sat, 31 Jan 2026 08:01:30 GMT", Some(90)),
            ("Sat, 31 Jan 2026 07:00:00 GMT", Some(0)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (given, expected) in cases {
            assert_eq!(retry_after(given, now), expected.map(Duration::from_secs), "{given:?}");
        }
    }
}
