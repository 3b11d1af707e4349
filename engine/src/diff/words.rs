//! The sentences of differences. They are for people who have never seen a policy's fields.

use crate::policy::{
    CommentRequired, Kind, Mode, OnBreach, OnEmpty, Policy, RejectMode, Rule, RuleSource, Stage,
};
use serde_json::{Value, json};

/// Most rules and stages that one sentence lists.
const MOST_LISTED: usize = 3;

/// When the people of a rule are asked.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    First,
    OnBreach,
}

impl Asked {
    /// The stage, or its escalation.
    pub(super) fn place(self, name: &str) -> String {
        match self {
            Self::First => name.to_owned(),
            Self::OnBreach => format!("the escalation of {name}"),
        }
    }
}

/// A stage as a value: enough to find it.
pub(super) fn named(stage: &Stage) -> Value {
    json!({ "stage_order": stage.order, "name": stage.name })
}

pub(super) fn added(stage: &Stage, policy: &Policy, position: usize) -> String {
    let others: Vec<String> = policy
        .group_at(position)
        .filter(|other| *other != position)
        .map(|other| policy.stages[other].name.clone())
        .collect();
    let place = match others.is_empty() {
        true => place(policy, position),
        false => format!("together with {}", listed(&others, "and")),
    };
    format!("{} is new, {place}: it needs {}", stage.name, what_it_needs(stage))
}

pub(super) fn removed(stage: &Stage) -> String {
    format!("{} is gone: it needed {}", stage.name, what_it_needs(stage))
}

pub(super) fn moved(name: &str, policy: &Policy, position: usize) -> String {
    format!("{name} now comes {}", place(policy, position))
}

fn place(policy: &Policy, position: usize) -> String {
    match position.checked_sub(1).and_then(|before| policy.stages.get(before)) {
        Some(before) => format!("after {}", before.name),
        None => "first".to_owned(),
    }
}

fn what_it_needs(stage: &Stage) -> String {
    let asked = stage.rules.iter().filter(|rule| rule.kind == Kind::Approver);
    let asked: Vec<String> = asked.map(|rule: &Rule| who(&rule.source)).collect();
    format!("{} from {}", needs(stage.mode), listed(&asked, "and"))
}

fn listed(items: &[String], last: &str) -> String {
    let shown = &items[..items.len().min(MOST_LISTED)];
    match (items.len() - shown.len(), shown) {
        (0, []) => "nobody".to_owned(),
        (0, [one]) => one.clone(),
        (0, [rest @ .., end]) => format!("{} {last} {end}", rest.join(", ")),
        (more, _) => format!("{} {last} {more} more", shown.join(", ")),
    }
}

fn approvals(count: u32) -> String {
    format!("{count} approval{}", if count == 1 { "" } else { "s" })
}

fn needs(mode: Mode) -> String {
    match mode {
        Mode::All => "every approval".to_owned(),
        Mode::AnyN(count) => approvals(count),
        Mode::Percentage(percent) => format!("{percent} percent of the approvals"),
    }
}

pub(super) fn mode(name: &str, before: Mode, after: Mode) -> String {
    match (before, after) {
        (Mode::AnyN(before), Mode::AnyN(after)) => {
            format!("{name} now needs {} instead of {before}", approvals(after))
        }
        (before, after) => format!("{name} now needs {} instead of {}", needs(after), needs(before)),
    }
}

pub(super) fn reject_mode(name: &str, after: RejectMode) -> String {
    match after {
        RejectMode::Veto => format!("One rejection now ends {name}"),
        RejectMode::Unreachable => {
            format!(
                "One rejection no longer ends {name}: it goes on while enough approvals are still possible"
            )
        }
    }
}

pub(super) fn deadline(name: &str, before: Option<i32>, after: Option<i32>) -> String {
    let hours = |hours: i32| format!("{hours} hour{}", if hours == 1 { "" } else { "s" });
    match (before, after) {
        (Some(before), Some(after)) => {
            format!("The deadline of {name} is now {} instead of {}", hours(after), hours(before))
        }
        (None, Some(after)) => format!("{name} now has a deadline of {}", hours(after)),
        (before, None) => {
            let was = before.map(|before| format!(" (it was {})", hours(before)));
            format!("{name} has no deadline any more{}", was.unwrap_or_default())
        }
    }
}

pub(super) fn on_breach(name: &str, before: OnBreach, after: OnBreach) -> String {
    let follows = |breach| match breach {
        OnBreach::Notify => "nothing follows and late decisions count",
        OnBreach::Escalate => "others are asked",
        OnBreach::AutoApprove => "it is approved by itself",
        OnBreach::AutoReject => "the request is rejected by itself",
    };
    let (before, after) = (follows(before), follows(after));
    format!("When the deadline of {name} passes, {after}; before, {before}")
}

pub(super) fn skip_if(name: &str, before: Option<&Value>, after: Option<&Value>) -> String {
    match (before, after) {
        (None, _) => format!("{name} is now skipped under a condition"),
        (_, None) => format!("{name} is no longer skipped under a condition"),
        _ => format!("{name} is skipped under another condition than before"),
    }
}

pub(super) fn on_empty(name: &str, after: OnEmpty) -> String {
    let follows = match after {
        OnEmpty::Block => "the request is now rejected",
        OnEmpty::Skip => "it is now skipped",
    };
    format!("When nobody can sit in {name}, {follows}")
}

pub(super) fn comment(name: &str, after: CommentRequired) -> String {
    match after {
        CommentRequired::Never => format!("Decisions in {name} need not say why any more"),
        CommentRequired::Reject => format!("Rejections in {name} must say why, other decisions need not"),
        CommentRequired::Always => format!("Every decision in {name} must now say why"),
    }
}

pub(super) fn group(name: &str, others: &[&str]) -> String {
    if others.is_empty() {
        return format!("{name} now runs alone");
    }
    let others: Vec<String> = others.iter().map(|other| (*other).to_owned()).collect();
    format!("{name} now runs together with {}", listed(&others, "and"))
}

pub(super) const fn self_approval(forbidden: bool) -> &'static str {
    if forbidden {
        "Whoever asks for approval may no longer approve it"
    } else {
        "Whoever asks for approval may now approve it too"
    }
}

pub(super) const fn repeat_approvers(forbidden: bool) -> &'static str {
    if forbidden {
        "Whoever approved in an earlier stage may no longer approve in a later one"
    } else {
        "Whoever approved in an earlier stage may now approve in a later one too"
    }
}

pub(super) const fn schema(before: Option<&Value>, after: Option<&Value>) -> &'static str {
    match (before, after) {
        (None, _) => "The facts of a request are now checked against a schema",
        (_, None) => "The facts of a request are no longer checked against a schema",
        _ => "The schema that the facts of a request must match has changed",
    }
}

/// Whom a rule names, in words.
fn who(source: &RuleSource) -> String {
    let (rule_type, value) = match source {
        RuleSource::User(user) => return format!("user {user}"),
        RuleSource::Expression(_) => return "whom an expression names".to_owned(),
        RuleSource::External { rule_type, value } => (rule_type.as_str(), value),
    };
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    match rule_type {
        "role" if text("client").is_empty() => format!("role {}", text("role")),
        "role" => format!("role {} of {}", text("role"), text("client")),
        "group" => format!("group {}", text("group")),
        // The query of a URL may hold a secret.
        _ => format!("whom {} names", text("url").split(['?', '#']).next().unwrap_or_default()),
    }
}

pub(super) fn rule_added(
    name: &str,
    source: &RuleSource,
    kind: Kind,
    required: bool,
    asked: Asked,
) -> String {
    let who = who(source);
    match (kind, asked, required) {
        (Kind::Observer, Asked::First, _) => format!("{name} is now watched by {who}"),
        (Kind::Observer, Asked::OnBreach, _) => format!("When {name} escalates, {who} now watches"),
        (Kind::Approver, Asked::First, false) => format!("{name} now also asks {who}"),
        (Kind::Approver, Asked::First, true) => format!("{name} now also asks {who}, who must approve"),
        (Kind::Approver, Asked::OnBreach, false) => format!("When {name} escalates, {who} is now asked"),
        (Kind::Approver, Asked::OnBreach, true) => {
            format!("When {name} escalates, {who} is now asked and must approve")
        }
    }
}

pub(super) fn rule_removed(name: &str, source: &RuleSource, kind: Kind, asked: Asked) -> String {
    let who = who(source);
    match (kind, asked) {
        (Kind::Observer, Asked::First) => format!("{name} is no longer watched by {who}"),
        (Kind::Observer, Asked::OnBreach) => format!("When {name} escalates, {who} no longer watches"),
        (Kind::Approver, Asked::First) => format!("{name} no longer asks {who}"),
        (Kind::Approver, Asked::OnBreach) => format!("When {name} escalates, {who} is no longer asked"),
    }
}

pub(super) fn rule_changed(name: &str, source: &RuleSource, kind: Kind, required: bool, was: Kind) -> String {
    let who = who(source);
    match (was, kind, required) {
        (Kind::Approver, Kind::Observer, _) => format!("In {name}, {who} now watches instead of deciding"),
        (Kind::Observer, Kind::Approver, _) => format!("In {name}, {who} now decides instead of watching"),
        (_, _, true) => format!("In {name}, {who} must now approve"),
        (_, _, false) => format!("In {name}, {who} need no longer approve"),
    }
}
