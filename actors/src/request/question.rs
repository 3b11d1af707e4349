//! When a request's next question to the directory is due.

use engine::command::Command;
use engine::policy::Policy;
use engine::request::Request;
use outbound::Backoff;
use std::time::Duration;
use store::requests::Loaded;
use time::OffsetDateTime;

/// Pauses of a question that was not answered.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(60));

/// When a resolver owes its next answer.
pub(super) struct Due {
    /// `None`: the request asks nothing.
    pub(super) at: Option<OffsetDateTime>,
    /// How often resolvers have failed in a row.
    pub(super) attempt: i32,
}

/// The same question as before keeps its time, one that failed waits, another one is due at once.
pub(super) fn next(
    policy: &Policy,
    before: &Loaded,
    after: &Request,
    command: &Command,
    now: OffsetDateTime,
) -> Due {
    let asks = after.pending_rules(policy);
    if asks.is_empty() {
        return Due { at: None, attempt: 0 };
    }
    if matches!(command, Command::ResolutionFailed { .. }) {
        let attempt = before.resolve_attempt.saturating_add(1);
        return Due { at: Some(now + BACKOFF.after(u32::try_from(attempt).unwrap_or(0))), attempt };
    }
    match before.resolve_after {
        Some(at) if asks == before.request.pending_rules(policy) => {
            Due { at: Some(at), attempt: before.resolve_attempt }
        }
        _ => Due { at: Some(now), attempt: 0 },
    }
}
