//! Simulates a policy on a context without a request, by the engine's own skipping, seating and bars.

use crate::command::Environment;
use crate::command::reason;
use crate::command::seating::{MOST_IDS, Seater, skips};
use crate::command::sod::Bars;
use crate::delegation::LookedAt;
use crate::ids::RuleId;
use crate::logic::Budget;
use crate::policy::{OnEmpty, Policy, Rule};
use serde_json::Value;
use std::collections::BTreeMap;

/// One stage as it would start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulatedStage {
    /// `stage_order`.
    pub order: i32,
    pub name: String,
    /// The holders of the seats, after bars and delegations, in order.
    pub resolved_approvers: Vec<String>,
    /// The observers, in order.
    pub resolved_observers: Vec<String>,
    pub skipped: bool,
    /// `skip_if` or `on_empty`, when skipped.
    pub skip_reason: Option<&'static str>,
    /// Users named by a rule or a delegation whom the directory does not know, or who are disabled there. They get no
    /// seat, except where their approval is required.
    pub unknown_users: Vec<String>,
    /// The people whom seating this stage looked at.
    pub looked_at: LookedAt,
    /// The errors met while people were looked for, as the event `stage_started` would list them.
    pub resolution_errors: Vec<String>,
}

/// Returns the rules that resolvers would be asked about for a request with this context, escalations aside.
#[must_use]
pub fn asks<'a>(policy: &'a Policy, context: &Value) -> Vec<&'a Rule> {
    let budget = Budget::default();
    let running = policy.stages.iter().filter(|stage| skips(stage, context, &budget) != Ok(true));
    let rules = running.flat_map(|stage| &stage.rules);
    rules.filter(|rule| rule.source.is_external()).collect()
}

/// Simulates every stage, in order. `requesters` are the requester and the subject that would create the request, and
/// `answers` what a directory says about the external rules. Nobody has approved anything yet, so
/// `forbid_repeat_approvers` bars nobody here. A stage that is neither skipped nor has approvers would block the
/// request.
#[must_use]
pub fn simulate(
    env: &Environment<'_>,
    context: &Value,
    requesters: &[&str],
    answers: &BTreeMap<RuleId, Vec<String>>,
) -> Vec<SimulatedStage> {
    let bars = Bars::before_any_decision(env.policy, requesters.iter().copied());
    let budget = Budget::default();
    let seater =
        Seater { context, answers, bars: &bars, delegations: env.delegations, now: env.now, budget: &budget };
    let stages = env.policy.stages.iter().map(|stage| {
        let mut simulated = SimulatedStage {
            order: stage.order,
            name: stage.name.clone(),
            resolved_approvers: Vec::new(),
            resolved_observers: Vec::new(),
            skipped: false,
            skip_reason: None,
            unknown_users: Vec::new(),
            looked_at: LookedAt::default(),
            resolution_errors: Vec::new(),
        };
        let skips = skips(stage, context, &budget);
        if skips == Ok(true) {
            simulated.skip_reason = Some(reason::SKIP_IF);
        } else {
            let mut seating = seater.seat(&stage.rules);
            if let Err(why) = skips {
                seating.errors.push(format!("skip_if: {why}"));
            }
            if seating.seats.is_empty() && !seating.too_many && stage.on_empty == OnEmpty::Skip {
                simulated.skip_reason = Some(reason::ON_EMPTY);
            }
            simulated.resolution_errors = seating.errors.lines();
            simulated.resolved_approvers = seating.seats.into_iter().map(|seat| seat.holder).collect();
            simulated.resolved_observers = seating.observers;
            simulated.unknown_users = seating.unknown;
            simulated.looked_at = seating.looked_at;
        }
        simulated.skipped = simulated.skip_reason.is_some();
        simulated
    });
    let mut stages: Vec<SimulatedStage> = stages.collect();
    shorten(&mut stages);
    stages
}

/// Replaces the people of further stages by their number once the answer has as many bytes of ids as it may.
fn shorten(stages: &mut [SimulatedStage]) {
    let mut left = MOST_IDS;
    for stage in stages {
        let named = || stage.resolved_approvers.iter().chain(&stage.resolved_observers);
        let (people, bytes) = (named().count(), named().map(String::len).sum::<usize>());
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => {
                stage.resolved_approvers.clear();
                stage.resolved_observers.clear();
                stage
                    .resolution_errors
                    .push(format!("{people} people are left out: the answer would be too long"));
            }
        }
    }
}
