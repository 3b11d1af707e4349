//! What time alone does to a request.

use super::facts::StageFacts;
use super::known::Known;
use super::shape::{Upcoming, UpcomingKind};
use crate::policy::OnBreach;
use crate::request::Request;
use time::OffsetDateTime;

pub(super) fn upcoming(
    request: &Request,
    facts: &[StageFacts<'_>],
    known: &Known,
    now: OffsetDateTime,
) -> Vec<Upcoming> {
    if request.status.is_terminal() {
        return Vec::new();
    }
    let mut next = Vec::new();
    for stage in facts.iter().filter(|stage| stage.runs()) {
        next.extend(breaches(stage));
        next.extend(reminder(stage, known, now));
    }
    next.extend(retry(facts, known));
    let expires = request.expires_at;
    next.extend(expires.map(|at| Upcoming {
        at,
        what: UpcomingKind::Expiry,
        stage_order: None,
        effect: "expire",
    }));
    // Deadlines that pass together with `expires_at` are acted on before it.
    next.sort_by_key(|upcoming| (upcoming.at, upcoming.what));
    if let Some(last) = next.iter().position(ends_the_request) {
        next.truncate(last + 1);
    }
    next
}

fn ends_the_request(upcoming: &Upcoming) -> bool {
    upcoming.what == UpcomingKind::Expiry || upcoming.effect == OnBreach::AutoReject.as_str()
}

/// The nearest deadline of a seat and, before it, the nearest one of an observer, which only tells.
fn breaches(stage: &StageFacts<'_>) -> Vec<Upcoming> {
    let breach = |at, effect: OnBreach| {
        let what = if effect == OnBreach::Escalate { UpcomingKind::Escalation } else { UpcomingKind::Breach };
        Upcoming { at, what, stage_order: Some(stage.stage.order), effect: effect.as_str() }
    };
    let seat = stage.seat_deadline();
    let first = stage.deadlines().map(|(at, _)| at).min();
    let observer = first.filter(|at| seat.is_none_or(|seat| *at < seat));
    let observer = observer.map(|at| breach(at, OnBreach::Notify));
    observer.into_iter().chain(seat.map(|at| breach(at, stage.effect_of_breach()))).collect()
}

/// The next reminder. A task that was made with less time left gets none.
fn reminder(stage: &StageFacts<'_>, known: &Known, now: OffsetDateTime) -> Option<Upcoming> {
    let before = known.remind_before?;
    let ahead = stage.deadlines().filter_map(|(due, task)| {
        let at = due.checked_sub(before)?;
        (at > now && at >= task.created_at).then_some(at)
    });
    let (what, stage_order) = (UpcomingKind::Reminder, Some(stage.stage.order));
    ahead.min().map(|at| Upcoming { at, what, stage_order, effect: "remind" })
}

/// One answer is asked for, whichever stages wait for it.
fn retry(facts: &[StageFacts<'_>], known: &Known) -> Option<Upcoming> {
    let stage = facts.iter().find(|stage| stage.asks())?;
    let (what, stage_order) = (UpcomingKind::ResolverRetry, Some(stage.stage.order));
    Some(Upcoming { at: known.resolver_at?, what, stage_order, effect: "retry" })
}
