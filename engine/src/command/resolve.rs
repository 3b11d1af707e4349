//! The answers of resolvers.

use super::seating::Answers;
use super::work::Work;
use super::{advance, breach};
use crate::policy::Rule;
use crate::request::{EventType, StageState};
use serde_json::json;

const ASKING: &[StageState] = &[StageState::Resolving, StageState::Escalating];

/// Seats the people whom a resolver found. An answer that comes late or twice changes nothing, because no stage waits
/// for it.
pub(super) fn resolved(w: &mut Work<'_>, answers: &Answers) {
    let resolving = w.stages_in(&[StageState::Resolving]);
    if !resolving.is_empty() {
        let complete = resolving.iter().all(|&index| answered(&w.stage(index).rules, answers));
        if complete && !advance::seat_group(w, &resolving, answers) {
            advance::start_next_group(w);
        }
        return;
    }
    for index in w.stages_in(&[StageState::Escalating]) {
        if w.request.status.is_terminal() {
            return;
        }
        if answered(&w.stage(index).escalation_rules, answers) {
            breach::escalate(w, index, answers);
            advance::settle(w);
        }
    }
}

/// Appends the event that a resolver could not answer, for the first stage that waits for an answer.
pub(super) fn failed(w: &mut Work<'_>, why: &str) {
    let asking = w.stages_in(ASKING);
    let Some(&first) = asking.first() else { return };
    let orders: Vec<i32> = asking.iter().map(|&index| w.stage(index).order).collect();
    let payload = json!({ "stage_name": w.stage(first).name, "stage_orders": orders });
    w.emit(EventType::StageResolutionFailed, Some(orders[0]), Some(why), payload);
}

fn answered(rules: &[Rule], answers: &Answers) -> bool {
    rules.iter().all(|rule| !rule.source.is_external() || answers.contains_key(&rule.id))
}
