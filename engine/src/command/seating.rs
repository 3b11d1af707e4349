//! From rules to people: who gets a seat in a stage, and who watches.

use super::sod::Bars;
use crate::delegation::{Delegations, LookedAt};
use crate::ids::RuleId;
use crate::policy::{Kind, Rule, RuleSource, Stage};
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use time::OffsetDateTime;

/// Users by external rule.
pub(crate) type Answers = BTreeMap<RuleId, Vec<String>>;

/// What seating depends on, the same for all stages of a group.
#[derive(Clone, Copy)]
pub(crate) struct Room<'a> {
    pub(crate) context: &'a Value,
    pub(crate) answers: &'a Answers,
    pub(crate) bars: &'a Bars<'a>,
    pub(crate) delegations: &'a Delegations,
    pub(crate) now: OffsetDateTime,
}

/// One seat to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) holder: String,
    pub(crate) required: bool,
    pub(crate) delegated_from: Option<String>,
}

/// Who sits, who watches, and what the timeline should tell about it.
#[derive(Debug, Default)]
pub(crate) struct Seating {
    pub(crate) seats: Vec<Seat>,
    pub(crate) observers: Vec<String>,
    pub(crate) barred: Vec<String>,
    /// Named by a rule, and unknown to the directory or disabled there.
    pub(crate) unknown: Vec<String>,
    pub(crate) errors: Vec<String>,
    pub(crate) looked_at: LookedAt,
}

impl Room<'_> {
    pub(crate) fn seat(&self, rules: &[Rule]) -> Seating {
        let mut seating = Seating::default();
        let mut watchers = Vec::new();
        for rule in rules {
            for user in self.users(rule, &mut seating.errors) {
                if !rule.source.asks_the_directory() {
                    seating.looked_at.named.insert(user.clone());
                }
                if self.delegations.is_unknown(&user) {
                    seating.note_unknown(&user);
                    // Whoever must approve keeps the seat, or the stage would be approved without: an admin moves it.
                    if !rule.required || rule.kind == Kind::Observer {
                        continue;
                    }
                }
                match rule.kind {
                    Kind::Approver => self.seat_one(&mut seating, user, rule.required),
                    Kind::Observer => watchers.push(user),
                }
            }
        }
        let mut seen: HashSet<String> = seating.seats.iter().map(|seat| seat.holder.clone()).collect();
        seating.observers = watchers.into_iter().filter(|user| seen.insert(user.clone())).collect();
        seating
    }

    fn users(&self, rule: &Rule, errors: &mut Vec<String>) -> Vec<String> {
        let users = match &rule.source {
            RuleSource::User(user) => vec![user.clone()],
            RuleSource::Expression(logic) => logic.users(self.context).unwrap_or_else(|error| {
                errors.push(format!("expression: {error}"));
                Vec::new()
            }),
            RuleSource::External { .. } => self.answers.get(&rule.id).cloned().unwrap_or_default(),
        };
        users.into_iter().filter(|user| !user.trim().is_empty()).collect()
    }

    /// A barred owner holds no seat, so nobody sits for them. A delegate who is barred or unknown is passed over: the
    /// owner keeps it.
    fn seat_one(&self, seating: &mut Seating, owner: String, required: bool) {
        if self.bars.why(&owner).is_some() {
            if !seating.barred.contains(&owner) {
                seating.barred.push(owner);
            }
            return;
        }
        let chain = self.delegations.chain(&owner, self.now);
        seating.looked_at.delegations_of.extend(chain.looked_at.into_iter().map(str::to_owned));
        let delegate = chain.delegates.last().filter(|d| self.bars.why(d).is_none()).map(|d| (*d).to_owned());
        if let Some(delegate) = &delegate {
            seating.looked_at.named.insert(delegate.clone());
        }
        let delegate = delegate.and_then(|delegate| {
            if self.delegations.is_unknown(&delegate) {
                seating.note_unknown(&delegate);
                return None;
            }
            Some(delegate)
        });
        let (holder, delegated_from) = match delegate {
            Some(delegate) => (delegate, Some(owner)),
            None => (owner, None),
        };
        match seating.seats.iter_mut().find(|seat| seat.holder == holder) {
            Some(seat) => seat.required |= required,
            None => seating.seats.push(Seat { holder, required, delegated_from }),
        }
    }
}

impl Seating {
    fn note_unknown(&mut self, user: &str) {
        if !self.unknown.iter().any(|known| known == user) {
            self.unknown.push(user.to_owned());
        }
    }
}

/// Whether the stage's condition says to skip it. One that fails does not.
pub(crate) fn skips(stage: &Stage, context: &Value) -> bool {
    stage.skip_if.as_ref().is_some_and(|logic| logic.truthy(context).unwrap_or(false))
}

/// Why the stage's condition failed, for the timeline.
pub(crate) fn skip_error(stage: &Stage, context: &Value) -> Option<String> {
    Some(format!("skip_if: {}", stage.skip_if.as_ref()?.truthy(context).err()?))
}
