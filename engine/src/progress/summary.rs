//! Tells progress in plain English. It is bounded: a few clauses, a few names.

use super::shape::{StageProgress, Upcoming, UpcomingKind, WaitKind, WaitingFor};
use crate::command::reason;
use crate::policy::OnBreach;
use crate::request::{Request, RequestStatus, StageState};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Most things that one sentence lists.
const MOST_CLAUSES: usize = 3;
/// Most people whom one clause names.
const MOST_NAMES: usize = 3;
/// Most characters that an error takes up.
const MOST_ERROR: usize = 200;

pub(super) fn summary(
    request: &Request,
    stages: &[StageProgress<'_>],
    waiting: &[WaitingFor<'_>],
    next: &[Upcoming],
    now: OffsetDateTime,
) -> String {
    if request.status.is_terminal() {
        return ended(request, stages);
    }
    let mut clauses: Vec<String> =
        waiting.iter().take(MOST_CLAUSES).map(|waiting| clause(waiting, stages)).collect();
    let left_out = waiting.len().saturating_sub(MOST_CLAUSES);
    if left_out > 0 {
        clauses.push(format!("{left_out} more"));
    }
    let upcoming = next.iter().find(|upcoming| upcoming.what != UpcomingKind::Reminder);
    let then = upcoming.map(|upcoming| format!("; {}", consequence(upcoming, stages, now)));
    format!("Waiting for {}{}.", clauses.join(", and for "), then.unwrap_or_default())
}

fn clause(waiting: &WaitingFor<'_>, stages: &[StageProgress<'_>]) -> String {
    let Some(stage) = stages.iter().find(|stage| Some(stage.order) == waiting.stage_order) else {
        return "an operator, since no stage runs".to_owned();
    };
    let (name, needed) = (stage.name, waiting.needed.unwrap_or_default());
    let approvals = if needed == 1 { "approval" } else { "approvals" };
    match waiting.kind {
        WaitKind::Approvers => {
            let open = stage.seats - stage.approvals - stage.rejections - stage.abstentions;
            let have = if open == 1 { "has" } else { "have" };
            let seats = if stage.seats == 1 { "seat" } else { "seats" };
            format!(
                "{needed} more {approvals} in \"{name}\" ({open} of {} {seats} {have} not decided)",
                stage.seats
            )
        }
        WaitKind::RequiredApprover => {
            format!("the required {approvals} of {} in \"{name}\"", people(&waiting.who))
        }
        WaitKind::Resolver => {
            let who =
                if stage.state == StageState::Escalating { "to whom it escalates" } else { "who approves" };
            let failed = waiting.error.map(|error| format!(" (the last attempt failed: {})", short(error)));
            format!("a directory to say {who} in \"{name}\"{}", failed.unwrap_or_default())
        }
        WaitKind::Nobody => {
            format!(
                "an administrator in \"{name}\": {needed} {approvals} can come from no holder of a seat, since they \
                 may not approve"
            )
        }
    }
}

fn people(names: &[&str]) -> String {
    let shown =
        names.iter().take(MOST_NAMES).map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn short(text: &str) -> String {
    let shown: String = text.chars().take(MOST_ERROR).collect();
    if shown.len() < text.len() { format!("{shown}...") } else { shown }
}

fn consequence(upcoming: &Upcoming, stages: &[StageProgress<'_>], now: OffsetDateTime) -> String {
    let running =
        |stage: &&StageProgress<'_>| matches!(stage.state, StageState::Active | StageState::Escalating);
    let several = stages.iter().filter(running).count() > 1;
    let named = stages.iter().find(|stage| several && Some(stage.order) == upcoming.stage_order);
    let it = named.map_or_else(|| "it".to_owned(), |stage| format!("\"{}\"", stage.name));
    let what = match upcoming.what {
        UpcomingKind::Escalation => format!("{it} escalates"),
        UpcomingKind::Expiry => "the request expires".to_owned(),
        UpcomingKind::ResolverRetry => "the directory is asked again".to_owned(),
        UpcomingKind::Reminder => "people are reminded".to_owned(),
        UpcomingKind::Breach => match OnBreach::parse(upcoming.effect) {
            Some(OnBreach::AutoApprove) => format!("{it} is approved without them"),
            Some(OnBreach::AutoReject) => "the request is rejected".to_owned(),
            _ => format!("the deadline of {} passes", if named.is_some() { &it } else { "the stage" }),
        },
    };
    if upcoming.at > now {
        format!("at {} {what}", moment(upcoming.at))
    } else {
        format!("since {} it is due that {what}", moment(upcoming.at))
    }
}

fn ended(request: &Request, stages: &[StageProgress<'_>]) -> String {
    let word = match request.status {
        RequestStatus::Approved => "Approved",
        RequestStatus::Rejected => "Rejected",
        RequestStatus::Cancelled => "Cancelled",
        _ => "Expired",
    };
    let at = request.completed_at.map(|at| format!(" at {}", moment(at))).unwrap_or_default();
    format!("{word}{at}{}.", why(request, stages))
}

fn why(request: &Request, stages: &[StageProgress<'_>]) -> String {
    match request.status {
        RequestStatus::Approved if stages.is_empty() => ": the policy has no stages".to_owned(),
        RequestStatus::Approved if stages.iter().all(|stage| stage.state == StageState::Skipped) => {
            ": every stage was skipped".to_owned()
        }
        RequestStatus::Rejected => {
            let Some(stage) = stages.iter().find(|stage| stage.state == StageState::Rejected) else {
                return String::new();
            };
            let why = stage.reason.map(|reason| format!(": {}", in_words(reason)));
            format!(" in \"{}\"{}", stage.name, why.unwrap_or_default())
        }
        RequestStatus::Expired => ": it was not decided in time".to_owned(),
        _ => String::new(),
    }
}

fn in_words(reason: &str) -> &str {
    match reason {
        reason::NO_APPROVERS => "nobody holds a seat",
        reason::TOO_MANY_SEATS => "the rules name more people than a stage may seat",
        reason::REJECTED => "an approver rejected",
        reason::REQUIRED_REJECTED => "somebody whose approval is required rejected",
        reason::REQUIRED_ABSTAINED => "somebody whose approval is required abstained",
        reason::ALL_ABSTAINED => "everybody abstained",
        reason::UNREACHABLE => "the approvals that it needs can no longer be reached",
        reason::AUTO_REJECT => "the deadline passed",
        other => other,
    }
}

/// To the second, and without the seconds where these are zero.
fn moment(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    let text = whole.format(&Rfc3339).unwrap_or_else(|_| whole.to_string());
    match text.strip_suffix(":00Z") {
        Some(minutes) => format!("{minutes}Z"),
        None => text,
    }
}
