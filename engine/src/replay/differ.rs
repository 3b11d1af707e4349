//! How a replayed request differs from the recorded one, in words.

use super::{Course, Replayed, Routed, routes};
use crate::policy::Policy;
use crate::request::{Request, RequestStatus};
use std::collections::BTreeSet;

/// Names in one line.
const MOST_NAMED: usize = 10;

/// What would have gone otherwise: first how the request would have ended, then each stage. Empty when nothing would.
#[must_use]
pub fn differences(
    recorded_policy: &Policy,
    recorded: &Request,
    policy: &Policy,
    replayed: &Replayed,
) -> Vec<String> {
    let (before, after) = (routes(recorded_policy, recorded), routes(policy, &replayed.request));
    let mut words = Vec::new();
    words.extend(ending(recorded.status, &replayed.request, &after));
    for stage in &after {
        match before.iter().find(|other| other.name == stage.name) {
            Some(other) => words.extend(of_stage(other, stage)),
            None if stage.outcome == Course::Skipped => {
                words.push(format!("The new stage \"{}\" would have been skipped.", stage.name));
            }
            None if stage.outcome == Course::NotReached => {}
            None => {
                words.push(format!("\"{}\" would have been asked: {}.", stage.name, people(&stage.approvers)))
            }
        }
    }
    for stage in before.iter().filter(|stage| !after.iter().any(|other| other.name == stage.name)) {
        if !stage.approvers.is_empty() {
            words.push(format!(
                "\"{}\" would not have been asked: {}.",
                stage.name,
                people(&stage.approvers)
            ));
        }
    }
    words
}

fn ending(recorded: RequestStatus, replayed: &Request, stages: &[Routed]) -> Option<String> {
    if recorded == replayed.status {
        return None;
    }
    if replayed.status.is_terminal() {
        return Some(format!(
            "It would have been {} instead of {}.",
            replayed.status.as_str(),
            recorded.as_str()
        ));
    }
    let waiting = stages.iter().find(|stage| stage.outcome == Course::Waiting);
    Some(match waiting {
        Some(Routed { name, needed: Some(needed), approvals, .. }) => {
            format!("It would still wait for \"{name}\": {approvals} of {needed} approvals.")
        }
        Some(stage) => format!("It would still wait for an answer who may approve \"{}\".", stage.name),
        None => "It would still wait.".to_owned(),
    })
}

fn of_stage(before: &Routed, after: &Routed) -> Vec<String> {
    let name = &after.name;
    let was_skipped = before.outcome == Course::Skipped;
    match (was_skipped, after.outcome == Course::Skipped) {
        (false, true) => return vec![format!("\"{name}\" would have been skipped.")],
        (true, false) if after.outcome != Course::NotReached => {
            return vec![format!("\"{name}\" would not have been skipped: {}.", people(&after.approvers))];
        }
        _ => {}
    }
    let mut words = Vec::new();
    // A stage that was never reached had nobody to ask.
    if !before.approvers.is_empty() && !after.approvers.is_empty() {
        let more: BTreeSet<String> = after.approvers.difference(&before.approvers).cloned().collect();
        let fewer: BTreeSet<String> = before.approvers.difference(&after.approvers).cloned().collect();
        if !more.is_empty() {
            words.push(format!("\"{name}\" would also have asked {}.", people(&more)));
        }
        if !fewer.is_empty() {
            words.push(format!("\"{name}\" would not have asked {}.", people(&fewer)));
        }
        if let (Some(old), Some(new)) = (before.needed, after.needed)
            && old != new
        {
            words.push(format!("\"{name}\" would have needed {new} approvals instead of {old}."));
        }
    }
    words
}

fn people(who: &BTreeSet<String>) -> String {
    if who.is_empty() {
        return "nobody".to_owned();
    }
    let named: Vec<&str> = who.iter().take(MOST_NAMED).map(String::as_str).collect();
    let more = who.len() - named.len();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}
