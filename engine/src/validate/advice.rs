//! Advice about what is legal in a policy and probably not meant. It refuses nothing.

use super::{Fault, escalates, everybody, known_approvers, known_users, people};
use crate::logic::Failure;
use crate::policy::{Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, Stage};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The end of messages about bars, because moving a seat can avoid them.
const MOVED: &str = "unless a delegation or a reassignment put somebody else there";

/// Returns advice for the author, in the order of the stages. The policy must be one in which [`super::check`] finds
/// no fault.
#[must_use]
pub fn advise(policy: &Policy) -> Vec<Fault> {
    let mut warnings = Vec::new();
    if policy.stages.is_empty() {
        warnings.push(Fault::of_policy("stages", "there is none: every request is approved at once"));
    }
    // Who has approved an earlier stage if nobody abstained, with the order of that stage.
    let mut earlier: BTreeMap<String, i32> = BTreeMap::new();
    let mut index = 0;
    while index < policy.stages.len() {
        let group = policy.group_at(index);
        let before = earlier.clone();
        for stage in &policy.stages[group.clone()] {
            let mut warn =
                |field: &str, message: String| warnings.push(Fault::of_stage(stage.order, field, message));
            about_stage(stage, &mut warn);
            if policy.forbid_self_approval {
                own_requests(stage, &mut warn);
            }
            if policy.forbid_repeat_approvers {
                repeated_approvers(stage, &before, &mut warn);
                let sure = sure_approvers(stage, &before);
                earlier.extend(sure.into_iter().map(|user| (user, stage.order)));
            }
        }
        index = group.end;
    }
    warnings
}

fn about_stage(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    condition(stage, warn);
    named_twice(stage, warn);
    nobody(stage, warn);
    votes(stage, warn);
    escalation(stage, warn);
}

/// Warns of a condition that is the same for every request.
fn condition(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    let Some(logic) = stage.skip_if.as_ref().filter(|logic| !logic.reads_context()) else { return };
    let message = match logic.truthy(&Value::Null, &logic.trial()) {
        Ok(true) => "holds on every context: the stage never runs".to_owned(),
        Ok(false) => "holds on no context: the stage is never skipped".to_owned(),
        Err(Failure::Steps) => return,
        Err(why) => format!("fails on every context, and one that fails does not skip: {why}"),
    };
    warn("skip_if", message);
}

fn named_twice(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
        let mut approvers = BTreeSet::new();
        let deciding = rules.iter().filter(|rule| rule.kind == Kind::Approver);
        let mut observers: BTreeSet<String> = deciding.filter_map(known_users).flatten().collect();
        for (index, rule) in rules.iter().enumerate() {
            let (seen, what) = match rule.kind {
                Kind::Approver => (&mut approvers, "one person holds one seat, however often named"),
                Kind::Observer => (&mut observers, "nobody observes who decides or observes already"),
            };
            for user in known_users(rule).unwrap_or_default() {
                if !seen.insert(user.clone()) {
                    warn(&format!("{field}[{index}]"), format!("`{user}` is named twice: {what}"));
                }
            }
        }
    }
}

fn nobody(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
        for (index, rule) in rules.iter().enumerate() {
            if known_users(rule).is_some_and(|users| users.is_empty()) {
                let message = "names nobody on any context: the expression reads none of it".to_owned();
                warn(&format!("{field}[{index}].rule_value"), message);
            }
        }
    }
    if known_approvers(&stage.rules).is_some_and(|users| users.is_empty()) {
        warn("rules", format!("seat nobody on any context: {}", when_empty(stage)));
    }
}

fn when_empty(stage: &Stage) -> &'static str {
    match stage.on_empty {
        OnEmpty::Block => "the request is rejected with `no_approvers_resolved`",
        OnEmpty::Skip => "the stage is skipped",
    }
}

fn votes(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    let required = required_users(stage);
    if let Mode::AnyN(needed) = stage.mode
        && required.len() > needed as usize
    {
        let message =
            format!("{needed} never suffices: {} are required by name on top of the mode", required.len());
        warn("mode_value", message);
    }
    let every_vote_counts = matches!(stage.mode, Mode::All | Mode::Percentage(100));
    if stage.reject_mode == RejectMode::Unreachable && every_vote_counts {
        let message =
            "changes nothing where everybody must approve: the first reject ends the stage".to_owned();
        warn("reject_mode", message);
    }
    if stage.on_breach == OnBreach::AutoApprove && stage.rules.iter().any(|rule| rule.required) {
        let message = "approves at the deadline without those whose approval is required".to_owned();
        warn("on_breach", message);
    }
}

fn escalation(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    if !escalates(stage) {
        if !stage.escalation_rules.is_empty() {
            let message = format!("are not used: on_breach is `{}`", stage.on_breach.as_str());
            warn("escalation_rules", message);
        }
        return;
    }
    let asked = known_approvers(&stage.rules);
    let added = known_approvers(&stage.escalation_rules);
    if let (Some(asked), Some(added)) = (asked, added)
        && added.is_subset(&asked)
    {
        warn("escalation_rules", "name nobody who is not asked already".to_owned());
    }
}

fn required_users(stage: &Stage) -> BTreeSet<String> {
    let required = |rule: &&Rule| rule.required && rule.kind == Kind::Approver;
    stage.rules.iter().filter(required).flat_map(|rule| known_users(rule).unwrap_or_default()).collect()
}

/// Warns of what `forbid_self_approval` leaves of a stage when one of its approvers is the requester.
fn own_requests(stage: &Stage, warn: &mut impl FnMut(&str, String)) {
    for user in required_users(stage) {
        let message = format!("what `{user}` asks for does not wait for `{user}`, who holds no seat in it");
        warn("rules", message);
    }
    let Some(seated) = known_approvers(&stage.rules).filter(|seated| !seated.is_empty()) else { return };
    if let (1, Some(only)) = (seated.len(), seated.first()) {
        let message = format!("when `{only}` asks, nobody is left to approve: {}", when_empty(stage));
        warn("rules", message);
    } else if let (Mode::AnyN(needed), Some(all)) = (stage.mode, everybody(stage))
        && needed as usize == all.len()
    {
        let message = format!(
            "when one of {} asks, only {} may approve, and {needed} approvals are out of reach",
            people(all.len()),
            all.len() - 1
        );
        warn("mode_value", message);
    }
}

/// Warns of what `forbid_repeat_approvers` leaves of a stage when those in `before`, who must have approved an
/// earlier stage by then, hold no seat.
fn repeated_approvers(stage: &Stage, before: &BTreeMap<String, i32>, warn: &mut impl FnMut(&str, String)) {
    for user in required_users(stage) {
        if let Some(order) = before.get(&user) {
            let message = format!(
                "`{user}` has approved stage {order} by then and holds no seat here: the required approval is not \
                 waited for, {MOVED}"
            );
            warn("rules", message);
        }
    }
    let Some(seated) = known_approvers(&stage.rules).filter(|seated| !seated.is_empty()) else { return };
    if seated.iter().all(|user| before.contains_key(user)) {
        let message = format!(
            "everybody named here has approved an earlier stage by then, which forbid_repeat_approvers bars: {}, \
             {MOVED}",
            when_empty(stage)
        );
        warn("rules", message);
    } else if let (Mode::AnyN(needed), Some(all)) = (stage.mode, everybody(stage)) {
        let left = all.iter().filter(|user| !before.contains_key(*user)).count();
        if needed as usize > left {
            let message = format!(
                "{needed} approvals are out of reach: forbid_repeat_approvers leaves {} who has not approved an \
                 earlier stage by then, {MOVED}",
                people(left)
            );
            warn("mode_value", message);
        }
    }
}

/// Returns who must have approved this stage once it is approved, if nobody abstains and no seat is moved.
fn sure_approvers(stage: &Stage, before: &BTreeMap<String, i32>) -> BTreeSet<String> {
    let may_be_skipped = stage
        .skip_if
        .as_ref()
        .is_some_and(|logic| logic.reads_context() || logic.truthy(&Value::Null, &logic.trial()) == Ok(true));
    let others_may_decide = matches!(stage.on_breach, OnBreach::Escalate | OnBreach::AutoApprove);
    if may_be_skipped || others_may_decide {
        return BTreeSet::new();
    }
    let approvers = stage.rules.iter().filter(|rule| rule.kind == Kind::Approver);
    let named = approvers.flat_map(|rule| known_users(rule).unwrap_or_default());
    let named: BTreeSet<String> = named.filter(|user| !before.contains_key(user)).collect();
    match stage.mode {
        Mode::All | Mode::Percentage(100) => named,
        Mode::AnyN(needed) if known_approvers(&stage.rules).is_some() && needed as usize == named.len() => {
            named
        }
        Mode::AnyN(_) | Mode::Percentage(_) => {
            required_users(stage).into_iter().filter(|user| !before.contains_key(user)).collect()
        }
    }
}
