//! Checks a policy as a whole, and reports what is wrong by stage and field. Values that cannot be represented at all
//! (an unknown mode, malformed JSONLogic) are refused earlier, by the `parse` functions of [`crate::policy`].
//!
//! [`check`] finds faults, for which a policy is refused. [`advise`] and [`about_variables`] find what is legal and
//! probably not meant. They count only people who are known before there is a request: those of `user` rules, and of
//! expressions that read no context.

mod advice;
mod declared;
mod variables;

pub use advice::advise;
pub use variables::about_variables;

use crate::logic::Failure;
use crate::policy::{Kind, Mode, OnBreach, Policy, Rule, RuleSource, Stage};
use crate::subject;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::fmt;

/// A century. A longer one would take `due_at` beyond the calendar.
const LONGEST_SLA_HOURS: i32 = 24 * 366 * 100;

/// One thing that is wrong with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `stage_order` of the stage; `None` when it is about the policy as a whole.
    pub stage: Option<i32>,
    /// Position of that stage in the policy that was checked, from 0. It tells two stages of one order apart; `None`
    /// where there are no two.
    pub index: Option<usize>,
    /// The field, as named on the wire.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

impl Fault {
    /// A fault of the policy as a whole.
    #[must_use]
    pub fn of_policy(field: &str, message: impl Into<String>) -> Self {
        Self { stage: None, index: None, field: field.to_owned(), message: message.into() }
    }

    /// A fault of the one stage with this order.
    #[must_use]
    pub fn of_stage(order: i32, field: &str, message: impl Into<String>) -> Self {
        Self { stage: Some(order), ..Self::of_policy(field, message) }
    }

    fn at(index: usize, stage: &Stage, field: &str, message: impl Into<String>) -> Self {
        Self { index: Some(index), ..Self::of_stage(stage.order, field, message) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(stage) = self.stage {
            write!(f, "stage {stage}, ")?;
        }
        write!(f, "field {}: {}", self.field, self.message)
    }
}

/// Returns every fault for which a policy is refused. Empty = it may be stored and activated. The stages may be in any
/// order.
#[must_use]
pub fn check(policy: &Policy) -> Vec<Fault> {
    let mut faults = Vec::new();
    orders(policy, &mut faults);
    parallel_groups(policy, &mut faults);
    for (index, stage) in policy.stages.iter().enumerate() {
        let mut fault = |field: &str, message: String| faults.push(Fault::at(index, stage, field, message));
        mode(stage, &mut fault);
        deadline(stage, &mut fault);
        rules(stage, &mut fault);
        reachable(stage, &mut fault);
    }
    faults
}

fn orders(policy: &Policy, faults: &mut Vec<Fault>) {
    let mut seen = HashSet::new();
    for (index, stage) in policy.stages.iter().enumerate() {
        let mut fault = |message: String| faults.push(Fault::at(index, stage, "stage_order", message));
        if stage.order < 1 {
            fault(format!("stage_order must be at least 1, not {}", stage.order));
        }
        if !seen.insert(stage.order) {
            fault(format!("stage_order {} is used by more than one stage", stage.order));
        }
    }
}

fn parallel_groups(policy: &Policy, faults: &mut Vec<Fault>) {
    // Sorted here too, because in an unsorted policy neighbours would look separated.
    let mut stages: Vec<(usize, &Stage)> = policy.stages.iter().enumerate().collect();
    stages.sort_by_key(|(_, stage)| stage.order);
    let mut closed = HashSet::new();
    let mut current = None;
    for (index, stage) in stages {
        if stage.parallel_group != current {
            closed.extend(current);
            current = stage.parallel_group;
        }
        if let Some(group) = current.filter(|group| closed.contains(group)) {
            let message = format!(
                "stages of parallel_group {group} must be neighbours: another stage lies between them"
            );
            faults.push(Fault::at(index, stage, "parallel_group", message));
        }
    }
}

fn mode(stage: &Stage, fault: &mut impl FnMut(&str, String)) {
    match stage.mode {
        Mode::AnyN(0) => fault("mode_value", "any-n needs at least 1 approval".into()),
        Mode::Percentage(p) if !(1..=100).contains(&p) => {
            fault("mode_value", format!("a percentage is between 1 and 100, not {p}"));
        }
        _ => {}
    }
}

fn deadline(stage: &Stage, fault: &mut impl FnMut(&str, String)) {
    match stage.sla_hours {
        Some(hours) if !(1..=LONGEST_SLA_HOURS).contains(&hours) => {
            fault("sla_hours", format!("sla_hours must be between 1 and {LONGEST_SLA_HOURS}, not {hours}"));
        }
        None if stage.on_breach != OnBreach::Notify => {
            let word = stage.on_breach.as_str();
            fault(
                "on_breach",
                format!("on_breach `{word}` needs sla_hours: without a deadline it never acts"),
            );
        }
        _ => {}
    }
    let seats_somebody = stage.escalation_rules.iter().any(|rule| rule.kind == Kind::Approver);
    if stage.on_breach == OnBreach::Escalate && !seats_somebody {
        fault("escalation_rules", "on_breach `escalate` needs an escalation rule of kind approver".into());
    }
}

fn rules(stage: &Stage, fault: &mut impl FnMut(&str, String)) {
    if !stage.rules.iter().any(|rule| rule.kind == Kind::Approver) {
        fault("rules", "a stage needs at least one rule of kind approver".into());
    }
    for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
        for (index, rule) in rules.iter().enumerate() {
            if let RuleSource::User(user) = &rule.source
                && let Err(why) = subject::check(user)
            {
                let field = format!("{field}[{index}].rule_value.user_id");
                fault(&field, format!("can be nobody's id: it {why}"));
            }
            if rule.required && rule.kind == Kind::Observer {
                let message = "an observer never decides, so it cannot be required";
                fault(&format!("{field}[{index}].required"), message.into());
            }
        }
    }
}

/// Reports a stage that needs more approvals than there are people to give them. Delegation and reassignment move
/// seats and add none.
fn reachable(stage: &Stage, fault: &mut impl FnMut(&str, String)) {
    let Mode::AnyN(needed) = stage.mode else { return };
    let Some(users) = everybody(stage) else { return };
    if !users.is_empty() && needed as usize > users.len() {
        let message = format!(
            "{needed} approvals can never be reached: the rules name {} and nothing adds more",
            people(users.len()),
        );
        fault("mode_value", message);
    }
}

/// Returns whom a rule names on every context; `None` when that is not known before there is a request.
fn known_users(rule: &Rule) -> Option<Vec<String>> {
    let users = match &rule.source {
        RuleSource::User(user) => vec![user.clone()],
        RuleSource::Expression(logic) if !logic.reads_context() => {
            match logic.users(&Value::Null, &logic.trial()) {
                // An evaluation for a request has more steps than this trial, and may succeed.
                Err(Failure::Steps) => return None,
                // An expression that fails names nobody.
                users => users.unwrap_or_default(),
            }
        }
        RuleSource::Expression(_) | RuleSource::External { .. } => return None,
    };
    Some(users.into_iter().filter(|user| subject::check(user).is_ok()).collect())
}

/// Returns the approvers whom these rules name; `None` unless all of them are known.
fn known_approvers<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Option<BTreeSet<String>> {
    let approvers = rules.into_iter().filter(|rule| rule.kind == Kind::Approver);
    approvers.map(known_users).collect::<Option<Vec<_>>>().map(|lists| lists.into_iter().flatten().collect())
}

fn escalates(stage: &Stage) -> bool {
    stage.on_breach == OnBreach::Escalate && stage.sla_hours.is_some()
}

/// Returns everybody who may ever get a seat by the rules, including by escalation; `None` unless all are known.
fn everybody(stage: &Stage) -> Option<BTreeSet<String>> {
    let added = if escalates(stage) { stage.escalation_rules.as_slice() } else { &[] };
    known_approvers(stage.rules.iter().chain(added))
}

fn people(count: usize) -> String {
    format!("{count} different user{}", if count == 1 { "" } else { "s" })
}
