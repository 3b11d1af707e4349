//! Compares the fields of policies and stages.

use super::change::Found;
use super::matching::Pair;
use super::version::Version;
use super::{equal, words};
use crate::policy::{Mode, Policy, Stage};
use serde_json::{Value, json};
use std::collections::BTreeSet;

pub(super) fn of_policy(before: Version<'_>, after: Version<'_>, found: &mut Found) {
    let mut place = found.policy();
    let mut text = |field, old: Option<&str>, new: Option<&str>, words: String| {
        if old.unwrap_or_default() != new.unwrap_or_default() {
            place.changed(field, json!(old), json!(new), words);
        }
    };
    text("name", Some(before.name), Some(after.name), format!("The policy is now called {}", after.name));
    text("description", before.description, after.description, "The description has changed".to_owned());
    let words = format!("The policy is now for {} instead of {}", after.artifact_type, before.artifact_type);
    text("artifact_type", Some(before.artifact_type), Some(after.artifact_type), words);
    let (old, new) = (before.policy.forbid_self_approval, after.policy.forbid_self_approval);
    if old != new {
        place.changed("forbid_self_approval", json!(old), json!(new), words::self_approval(new).to_owned());
    }
    let (old, new) = (before.policy.forbid_repeat_approvers, after.policy.forbid_repeat_approvers);
    if old != new {
        let words = words::repeat_approvers(new).to_owned();
        place.changed("forbid_repeat_approvers", json!(old), json!(new), words);
    }
    let (old, new) = (before.context_schema, after.context_schema);
    if !equal::optional_json(old, new) {
        place.changed("context_schema", json!(old), json!(new), words::schema(old, new).to_owned());
    }
}

pub(super) fn of_stage(before: &Stage, after: &Stage, found: &mut Found) {
    let mut place = found.at(after);
    let name = &*after.name;
    if before.name != after.name {
        let words = format!("{} is now called {name}", before.name);
        place.changed("name", json!(before.name), json!(name), words);
    }
    if !equal::mode(before.mode, after.mode) {
        let words = words::mode(name, before.mode, after.mode);
        place.changed("mode", mode(before.mode), mode(after.mode), words);
    }
    if before.reject_mode != after.reject_mode {
        let words = words::reject_mode(name, after.reject_mode);
        place.changed(
            "reject_mode",
            json!(before.reject_mode.as_str()),
            json!(after.reject_mode.as_str()),
            words,
        );
    }
    if before.sla_hours != after.sla_hours {
        let words = words::deadline(name, before.sla_hours, after.sla_hours);
        place.changed("sla_hours", json!(before.sla_hours), json!(after.sla_hours), words);
    }
    if before.on_breach != after.on_breach {
        let words = words::on_breach(name, before.on_breach, after.on_breach);
        place.changed("on_breach", json!(before.on_breach.as_str()), json!(after.on_breach.as_str()), words);
    }
    let (old, new) =
        (before.skip_if.as_ref().map(|l| l.source()), after.skip_if.as_ref().map(|l| l.source()));
    if !equal::optional_json(old, new) {
        place.changed("skip_if", json!(old), json!(new), words::skip_if(name, old, new));
    }
    if before.on_empty != after.on_empty {
        let words = words::on_empty(name, after.on_empty);
        place.changed("on_empty", json!(before.on_empty.as_str()), json!(after.on_empty.as_str()), words);
    }
    if before.comment_required != after.comment_required {
        let (old, new) = (before.comment_required, after.comment_required);
        place.changed(
            "comment_required",
            json!(old.as_str()),
            json!(new.as_str()),
            words::comment(name, new),
        );
    }
}

fn mode(mode: Mode) -> Value {
    json!({ "mode": mode.as_str(), "mode_value": mode.value() })
}

/// Compares with whom a stage runs together. The number of the group says nothing by itself.
pub(super) fn of_group(
    before: &Policy,
    after: &Policy,
    matched: &[Pair],
    (old, new): (usize, usize),
    found: &mut Found,
) {
    let kept = |pair: &Pair| match *pair {
        Pair::Kept { before, after, .. } => Some((before, after)),
        _ => None,
    };
    let pairs: Vec<(usize, usize)> = matched.iter().filter_map(kept).collect();
    let (was, is) = (before.group_at(old), after.group_at(new));
    let partners_before: BTreeSet<usize> =
        pairs.iter().filter(|(old, _)| was.contains(old)).map(|(_, new)| *new).collect();
    let partners_after: BTreeSet<usize> =
        pairs.iter().map(|(_, new)| *new).filter(|n| is.contains(n)).collect();
    // With a stage that is new or gone it runs together or not: that stage's own change says so.
    let alone = (was.len() == 1, is.len() == 1);
    if partners_before == partners_after && alone.0 == alone.1 {
        return;
    }
    let (group_before, group_after) = (before.stages[old].parallel_group, after.stages[new].parallel_group);
    let others = is.filter(|other| *other != new).map(|other| after.stages[other].name.as_str());
    let words = words::group(&after.stages[new].name, &others.collect::<Vec<_>>());
    let shown = |group: Option<i32>, alone: bool| json!(group.filter(|_| !alone));
    found.at(&after.stages[new]).changed(
        "parallel_group",
        shown(group_before, alone.0),
        shown(group_after, alone.1),
        words,
    );
}
