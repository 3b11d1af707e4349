//! What must come for a request to go on.

use super::facts::{StageFacts, UndecidedSeat};
use super::known::Known;
use super::shape::{WaitKind, WaitingFor};
use crate::request::{Request, StageState, TaskStatus};
use time::OffsetDateTime;

pub(super) fn waiting_for<'a>(
    request: &'a Request,
    facts: &[StageFacts<'a>],
    known: &'a Known,
) -> Vec<WaitingFor<'a>> {
    if request.status.is_terminal() {
        return Vec::new();
    }
    let mut waiting = Vec::new();
    for (index, stage) in facts.iter().enumerate() {
        if stage.asks() {
            let since = asked_since(request, facts, index);
            waiting.push(WaitingFor {
                error: known.failure_since(since),
                ..wait(WaitKind::Resolver, stage, since)
            });
        }
        if stage.runs() {
            waiting.extend(votes(stage));
        }
    }
    if waiting.is_empty() {
        // A state that was written past the rules. It must not look as if it had ended.
        let (kind, stage_order, who) = (WaitKind::Nobody, None, Vec::new());
        waiting.push(WaitingFor { kind, stage_order, who, since: None, needed: None, error: None });
    }
    waiting
}

fn wait<'a>(kind: WaitKind, stage: &StageFacts<'a>, since: Option<OffsetDateTime>) -> WaitingFor<'a> {
    let stage_order = Some(stage.stage.order);
    WaitingFor { kind, stage_order, who: Vec::new(), since, needed: None, error: None }
}

/// What the seats of a running stage still owe.
fn votes<'a>(stage: &StageFacts<'a>) -> Vec<WaitingFor<'a>> {
    let holders = |wanted: &dyn Fn(&UndecidedSeat<'a>) -> bool| -> Vec<&'a str> {
        let seats = stage.undecided.iter().filter(|seat| wanted(seat));
        seats.map(|seat| seat.task.assignee.as_str()).collect()
    };
    let able = holders(&|seat| seat.able);
    let required = holders(&|seat| seat.able && seat.task.required);
    let stuck = count(&holders(&|seat| !seat.able && seat.task.required));
    let missing = stage.missing();
    // What the seats cannot give an escalation may still bring, so it is told only where nothing else would be.
    let told = stage.asks() || !able.is_empty();
    let short = if stage.escalation_ahead && told { 0 } else { missing.saturating_sub(count(&able)) };
    let since = stage.started_at();
    let entry = |kind, who: Vec<&'a str>, needed| WaitingFor {
        who,
        needed: Some(needed),
        ..wait(kind, stage, since)
    };
    let mut waiting = Vec::new();
    if missing > 0 && !able.is_empty() {
        waiting.push(entry(WaitKind::Approvers, able, missing));
    }
    if !required.is_empty() {
        let needed = count(&required);
        waiting.push(entry(WaitKind::RequiredApprover, required, needed));
    }
    if short.max(stuck) > 0 {
        waiting.push(entry(WaitKind::Nobody, Vec::new(), short.max(stuck)));
    }
    waiting
}

fn count(people: &[&str]) -> u32 {
    u32::try_from(people.len()).unwrap_or(u32::MAX)
}

/// When the resolver was asked first: at the breach, or when the group before ended.
fn asked_since(request: &Request, facts: &[StageFacts<'_>], index: usize) -> Option<OffsetDateTime> {
    let stage = &facts[index];
    if stage.run.state == StageState::Escalating {
        let expired = stage.undecided.iter().filter(|seat| seat.task.status == TaskStatus::Expired);
        return expired.filter_map(|seat| seat.task.completed_at).min().or_else(|| stage.started_at());
    }
    let earlier = facts[..index].iter().flat_map(|stage| &stage.tasks);
    earlier.filter_map(|task| task.completed_at).max().or(Some(request.created_at))
}
