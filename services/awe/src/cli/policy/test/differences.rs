//! Compares what a case led to with what it expects.

use super::cases::{Case, ContextIs, Skipped, StageIs};
use super::play::Played;
use engine::command::reason;
use engine::request::{Event, EventType, Request, RequestStatus};
use std::collections::BTreeSet;

/// Every difference, one line each. The case holds when there is none.
pub(super) fn differences(played: &Played<'_>, case: &Case) -> Vec<String> {
    let mut wrong = Wrong(Vec::new());
    match (&played.request, case.expect.context) {
        (None, ContextIs::Accepted) => {
            let why = played.refused.iter().map(|fault| format!("the context is refused: {fault}"));
            wrong.0.extend(why);
        }
        (Some(_), ContextIs::Refused) => {
            wrong.0.push("the context is accepted, and should be refused".to_owned())
        }
        (None, ContextIs::Refused) => {}
        (Some(request), ContextIs::Accepted) => {
            wrong.0.extend(played.surprises.iter().cloned());
            of_request(&mut wrong, played, request, case);
        }
    }
    wrong.0
}

struct Wrong(Vec<String>);

impl Wrong {
    fn people(&mut self, what: &str, expected: Option<&[String]>, got: &[String]) {
        let Some(expected) = expected else { return };
        let sorted = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
        if sorted(expected) != sorted(got) {
            let names = |list: &[String]| format!("[{}]", list.join(", "));
            self.0.push(format!("{what}: expected {}, got {}", names(expected), names(got)));
        }
    }

    /// Compares a word of a fixed list. A word that is not on it is reported as a mistake of the author.
    fn word(&mut self, what: &str, expected: Option<&str>, known: &[&str], got: &str) {
        match expected {
            Some(word) if !known.contains(&word) => {
                self.0.push(format!("{what}: `{word}` is none of {}", known.join(", ")));
            }
            Some(word) if word != got => self.0.push(format!("{what}: expected {word}, got {got}")),
            _ => {}
        }
    }
}

fn of_request(wrong: &mut Wrong, played: &Played<'_>, request: &Request, case: &Case) {
    let expect = &case.expect;
    let statuses: Vec<&str> = RequestStatus::ALL.iter().map(|status| status.as_str()).collect();
    wrong.word("status", expect.status.as_deref(), &statuses, request.status.as_str());
    if let Some(expected) = &expect.reason {
        let ended = played.events.last().filter(|_| request.status.is_terminal());
        let got = ended.and_then(|event| event.reason.clone());
        if *expected != got {
            let text = |reason: Option<String>| reason.unwrap_or_else(|| "none".to_owned());
            wrong.0.push(format!("reason: expected {}, got {}", text(expected.clone()), text(got)));
        }
    }
    let open = request.tasks.iter().filter(|task| task.status.is_open());
    let open: Vec<String> = open.map(|task| task.assignee.clone()).collect();
    wrong.people("open", expect.open.as_deref(), &open);
    for stage in &expect.stages {
        of_stage(wrong, played, request, stage);
    }
}

fn of_stage(wrong: &mut Wrong, played: &Played<'_>, request: &Request, expected: &StageIs) {
    let order = expected.stage_order;
    let Some(index) = played.policy.stages.iter().position(|stage| stage.order == order) else {
        wrong.0.push(format!("stage {order}: the policy has none"));
        return;
    };
    let facts = facts(played, index);
    if let (true, Some((_, rule))) = (facts.simulated, played.silent.iter().find(|(at, _)| *at == order)) {
        wrong
            .0
            .push(format!("stage {order}: the directory of this case does not say who is found by {rule}"));
        return;
    }
    let what = |field: &str| format!("stage {order}, {field}");
    wrong.people(&what("approvers"), expected.approvers.as_deref(), &facts.approvers);
    wrong.people(&what("observers"), expected.observers.as_deref(), &facts.observers);
    let got = facts.skipped.unwrap_or("false");
    match &expected.skipped {
        Some(Skipped::Whether(true)) if facts.skipped.is_none() => {
            wrong.0.push(format!("{}: expected true, got false", what("skipped")));
        }
        Some(Skipped::Whether(false)) => wrong.word(&what("skipped"), Some("false"), &["false"], got),
        Some(Skipped::Why(why)) => {
            wrong.word(&what("skipped"), Some(why), &[reason::SKIP_IF, reason::ON_EMPTY], got);
        }
        _ => {}
    }
    let states: Vec<&str> = engine::request::StageState::ALL.iter().map(|state| state.as_str()).collect();
    wrong.word(&what("state"), expected.state.as_deref(), &states, request.stages[index].state.as_str());
}

struct Facts {
    approvers: Vec<String>,
    observers: Vec<String>,
    skipped: Option<&'static str>,
    simulated: bool,
}

/// How a stage started or, when it did not start, how it would.
fn facts(played: &Played<'_>, index: usize) -> Facts {
    let order = played.policy.stages[index].order;
    let of_stage = |kind| {
        let told = |event: &&Event| event.event_type == kind && event.stage_order == Some(order);
        played.events.iter().find(told)
    };
    if let Some(started) = of_stage(EventType::StageStarted) {
        let list = |key: &str| {
            let names = started.payload.get(key).and_then(|list| list.as_array()).into_iter().flatten();
            names.filter_map(|name| name.as_str()).map(str::to_owned).collect()
        };
        return Facts {
            approvers: list("approvers"),
            observers: list("observers"),
            skipped: None,
            simulated: false,
        };
    }
    let nobody = |skipped| Facts { approvers: Vec::new(), observers: Vec::new(), skipped, simulated: false };
    if let Some(skipped) = of_stage(EventType::StageSkipped) {
        let by_condition = skipped.reason.as_deref() == Some(reason::SKIP_IF);
        return nobody(Some(if by_condition { reason::SKIP_IF } else { reason::ON_EMPTY }));
    }
    let blocked = |event: &&Event| event.reason.as_deref() == Some(reason::NO_APPROVERS);
    if of_stage(EventType::RequestRejected).filter(blocked).is_some() {
        return nobody(None);
    }
    let would = &played.simulated[index];
    Facts {
        approvers: would.resolved_approvers.clone(),
        observers: would.resolved_observers.clone(),
        skipped: would.skip_reason,
        simulated: true,
    }
}
