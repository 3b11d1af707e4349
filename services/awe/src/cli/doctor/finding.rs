//! One finding of the doctor, and how far a clock may be off.

use serde::Serialize;
use time::{Duration, OffsetDateTime};

/// A clock that differs by more is a warning.
const SKEW_TOLD: Duration = Duration::SECOND;
/// A clock that differs by more is a failure: it breaks signatures, tokens and deadlines.
const SKEW_BAD: Duration = Duration::seconds(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Warning,
    Failure,
}

/// The result of one check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    pub(super) status: Status,
    pub(super) message: String,
    /// What to do about it; absent when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, message: message.into(), advice: None }
    }

    pub(super) fn warning(
        check: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, status: Status::Warning, message: message.into(), advice: Some(advice.into()) }
    }

    pub(super) fn failure(
        check: &'static str,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, status: Status::Failure, message: message.into(), advice: Some(advice.into()) }
    }
}

/// Judges the clock of a server that was asked between `before` and `after`, both by our clock.
pub(super) fn clock(
    check: &'static str,
    theirs: OffsetDateTime,
    before: OffsetDateTime,
    after: OffsetDateTime,
) -> Finding {
    let half: Duration = (after - before) / 2;
    let skew: Duration = theirs - (before + half);
    let skew = skew.abs();
    let message = format!("differs from ours by {} ms", skew.whole_milliseconds());
    let advice = "let both machines follow the same time server (NTP)";
    if skew > SKEW_BAD {
        Finding::failure(check, message, advice)
    } else if skew > SKEW_TOLD {
        Finding::warning(check, message, advice)
    } else {
        Finding::ok(check, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let now = OffsetDateTime::now_utc();
        let off = |seconds| clock("clock", now + Duration::seconds(seconds), now, now).status;
        assert_eq!([off(0), off(-5), off(120)], [Status::Ok, Status::Warning, Status::Failure]);
    }
}
