//! Compares the rules of a stage as a set: their order decides nothing, and naming somebody twice does not either.

use super::change::{ChangeKind, Found};
use super::{equal, words};
use crate::policy::{Kind, Rule, RuleSource, Stage};
use serde_json::{Value, json};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

/// Every rule once. Of two equal ones, one that requires wins.
struct Distinct<'a> {
    kind: Kind,
    required: bool,
    source: &'a RuleSource,
    /// Equal for equal sources.
    key: String,
}

impl Distinct<'_> {
    fn written(&self) -> Value {
        let (rule_type, rule_value) = match self.source {
            RuleSource::User(user) => ("user", json!({ "user_id": user })),
            RuleSource::Expression(logic) => ("expression", json!({ "logic": logic.source() })),
            RuleSource::External { rule_type, value } => (rule_type.as_str(), value.clone()),
        };
        json!({
            "rule_type": rule_type,
            "rule_value": rule_value,
            "kind": self.kind.as_str(),
            "required": self.required,
        })
    }
}

fn distinct(rules: &[Rule]) -> Vec<Distinct<'_>> {
    let mut all: Vec<Distinct<'_>> = Vec::with_capacity(rules.len());
    let mut positions: HashMap<(Kind, String), usize> = HashMap::new();
    for Rule { kind, required, source, .. } in rules {
        let key = equal::key_of(source);
        match positions.entry((*kind, key.clone())) {
            Entry::Occupied(seen) => all[*seen.get()].required |= required,
            Entry::Vacant(place) => {
                place.insert(all.len());
                all.push(Distinct { kind: *kind, required: *required, source, key });
            }
        }
    }
    all
}

/// Whom a list of rules asks for what: equal for lists that mean the same.
#[derive(PartialEq, Eq)]
pub(super) struct Asks(BTreeSet<(&'static str, bool, String)>);

impl Asks {
    pub(super) fn of(rules: &[Rule]) -> Self {
        Self(distinct(rules).into_iter().map(|rule| (rule.kind.as_str(), rule.required, rule.key)).collect())
    }
}

pub(super) fn of_stage(before: &Stage, after: &Stage, found: &mut Found) {
    let mut place = found.at(after);
    let lists = [
        ("rules", &before.rules, &after.rules, words::Asked::First),
        ("escalation_rules", &before.escalation_rules, &after.escalation_rules, words::Asked::OnBreach),
    ];
    for (field, old, new, asked) in lists {
        let (mut old, mut new) = (distinct(old), distinct(new));
        take_pairs(&mut old, &mut new, |a, b| a.kind == b.kind && a.required == b.required && a.key == b.key);
        for (was, is) in take_pairs(&mut old, &mut new, |a, b| a.key == b.key) {
            let text =
                words::rule_changed(&asked.place(&after.name), is.source, is.kind, is.required, was.kind);
            place.push(ChangeKind::Changed, Some(field), was.written(), is.written(), text);
        }
        for gone in old {
            let text = words::rule_removed(&after.name, gone.source, gone.kind, asked);
            place.push(ChangeKind::Removed, Some(field), gone.written(), Value::Null, text);
        }
        for added in new {
            let text = words::rule_added(&after.name, added.source, added.kind, added.required, asked);
            place.push(ChangeKind::Added, Some(field), Value::Null, added.written(), text);
        }
    }
}

/// Removes from both lists what fits together, and returns it.
fn take_pairs<'a, 'b>(
    old: &mut Vec<Distinct<'a>>,
    new: &mut Vec<Distinct<'b>>,
    fits: impl Fn(&Distinct<'a>, &Distinct<'b>) -> bool,
) -> Vec<(Distinct<'a>, Distinct<'b>)> {
    let (mut pairs, mut rest) = (Vec::new(), Vec::new());
    for is in new.drain(..) {
        match old.iter().position(|was| fits(was, &is)) {
            Some(position) => pairs.push((old.remove(position), is)),
            None => rest.push(is),
        }
    }
    *new = rest;
    pairs
}
