//! Finds who gets the seats of a stage and who observes it, from its rules, bars and delegations.

use super::payload::ErrorList;
use super::reason;
use super::sod::Bars;
use crate::delegation::{Delegations, LookedAt};
use crate::ids::RuleId;
use crate::logic::{Budget, Failure};
use crate::policy::{Kind, Rule, RuleSource, Stage};
use crate::subject;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use time::OffsetDateTime;

/// Most seats of a stage, and most observers. The same bound holds for all stages that start together, because one
/// answer lists their tasks.
pub(crate) const MOST_SEATS: usize = 1_000;
/// Most bytes of user ids in the seats and observers of stages that start together.
pub(crate) const MOST_IDS: usize = 1_000_000;
/// Most tasks of a request, because each command loads all of them.
const MOST_TASKS: usize = 5_000;

/// Users by external rule, as a resolver found them.
pub(crate) type Answers = BTreeMap<RuleId, Vec<String>>;

/// What seating depends on. It is the same for all stages of a group.
#[derive(Clone, Copy)]
pub(crate) struct Seater<'a> {
    pub(crate) context: &'a Value,
    pub(crate) answers: &'a Answers,
    pub(crate) bars: &'a Bars<'a>,
    pub(crate) delegations: &'a Delegations,
    pub(crate) now: OffsetDateTime,
    /// The steps that the expressions of all rules share.
    pub(crate) budget: &'a Budget,
}

/// A seat before its task is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) holder: String,
    pub(crate) required: bool,
    pub(crate) delegated_from: Option<String>,
}

/// Who sits and who observes, and the facts about it for the event.
#[derive(Debug, Default)]
pub(crate) struct Seating {
    pub(crate) seats: Vec<Seat>,
    pub(crate) observers: Vec<String>,
    pub(crate) barred: Vec<String>,
    /// Users named by a rule or a delegation whom the directory does not know, or who are disabled there.
    pub(crate) unknown: Vec<String>,
    pub(crate) looked_at: LookedAt,
    pub(crate) errors: ErrorList,
    /// More people are named than may be seated, so nobody is.
    pub(crate) too_many: bool,
}

impl Seating {
    /// Pairs of a delegate who holds a seat and the owner for whom they hold it.
    pub(crate) fn delegated(&self) -> impl Iterator<Item = (&str, &str)> {
        self.seats.iter().filter_map(|seat| Some((seat.holder.as_str(), seat.delegated_from.as_deref()?)))
    }

    /// The `reason` in events that nobody is seated.
    pub(crate) const fn why_nobody(&self) -> &'static str {
        if self.too_many { reason::TOO_MANY_SEATS } else { reason::NO_APPROVERS }
    }
}

/// Sets `too_many` on each seating that takes the stages starting together beyond a bound. `tasks` is the number of
/// tasks that the request has already.
pub(crate) fn enforce_bounds<'a>(tasks: usize, seatings: impl Iterator<Item = &'a mut Seating>) {
    let (mut seats, mut observers, mut bytes) = (0, 0, 0);
    for seating in seatings {
        seats += seating.seats.len();
        observers += seating.observers.len();
        bytes += seating.seats.iter().map(|seat| seat.holder.len()).sum::<usize>();
        bytes += seating.observers.iter().map(String::len).sum::<usize>();
        let many = seats > MOST_SEATS || observers > MOST_SEATS || bytes > MOST_IDS;
        if many || tasks + seats + observers > MOST_TASKS {
            seating.errors.push(format!(
                "stages that start together have room for {MOST_SEATS} approvers, as many observers and {MOST_IDS} \
                 bytes of their ids, a request for {MOST_TASKS} tasks"
            ));
            seating.too_many = true;
        }
    }
}

impl Seater<'_> {
    pub(crate) fn seat(&self, rules: &[Rule]) -> Seating {
        let mut seating = Seating::default();
        let mut seats = Seats::default();
        let mut watchers = Vec::new();
        for rule in rules {
            for user in self.users(rule, &mut seating.errors) {
                if self.is_left_out(rule, &user, &mut seating) {
                    continue;
                }
                match rule.kind {
                    Kind::Approver => self.seat_one(&mut seats, &mut seating, user, rule.required),
                    Kind::Observer => watchers.push(user),
                }
            }
        }
        if seats.list.len() > MOST_SEATS {
            seating.errors.push(format!("the rules name more than {MOST_SEATS} approvers"));
            seating.too_many = true;
            return seating;
        }
        let mut seen: HashSet<String> = seats.positions.into_keys().collect();
        seating.seats = seats.list;
        seating.observers = watchers.into_iter().filter(|user| seen.insert(user.clone())).collect();
        if seating.observers.len() > MOST_SEATS {
            let left_out = seating.observers.len() - MOST_SEATS;
            seating.observers.truncate(MOST_SEATS);
            seating.errors.push(format!("{left_out} observers are left out: {MOST_SEATS} are the most"));
        }
        seating
    }

    /// Notes the person of a `user` rule as unknown if the directory does not know them, and returns whether they get
    /// no task. What a directory or service answered is believed. An approver who is required keeps the seat even so,
    /// or the stage could be approved without them; an admin can reassign it.
    fn is_left_out(&self, rule: &Rule, user: &str, seating: &mut Seating) -> bool {
        if !matches!(rule.source, RuleSource::User(_)) {
            return false;
        }
        seating.looked_at.named.insert(user.to_owned());
        if !self.delegations.is_unknown(user) {
            return false;
        }
        seating.note_unknown(user);
        !rule.required || rule.kind == Kind::Observer
    }

    fn users(&self, rule: &Rule, errors: &mut ErrorList) -> Vec<String> {
        let (kind, users) = match &rule.source {
            RuleSource::User(user) => ("user", vec![user.clone()]),
            RuleSource::Expression(logic) => {
                let users = logic.users(self.context, self.budget).unwrap_or_else(|error| {
                    errors.push(format!("expression: {error}"));
                    Vec::new()
                });
                ("expression", users)
            }
            RuleSource::External { rule_type, .. } => {
                (rule_type.as_str(), self.answers.get(&rule.id).cloned().unwrap_or_default())
            }
        };
        let is_subject = |user: &String| match subject::check(user) {
            Ok(()) => true,
            Err(why) => {
                errors.push(format!("{kind}: the user id \"{user}\" {why}"));
                false
            }
        };
        users.into_iter().filter(is_subject).collect()
    }

    /// Gives a seat to the owner, or to the delegate who stands in for them. A barred owner has no seat that could be
    /// delegated. If the delegate is barred or unknown, the owner keeps the seat.
    fn seat_one(&self, seats: &mut Seats, seating: &mut Seating, owner: String, required: bool) {
        if self.bars.why(&owner).is_some() {
            if seats.barred.insert(owner.clone()) {
                seating.barred.push(owner);
            }
            return;
        }
        let delegate = self.delegate_of(&owner, seating);
        let (holder, delegated_from) = match delegate {
            Some(delegate) => (delegate, Some(owner)),
            None => (owner, None),
        };
        seats.add(Seat { holder, required, delegated_from });
    }

    fn delegate_of(&self, owner: &str, seating: &mut Seating) -> Option<String> {
        let chain = self.delegations.chain(owner, self.now);
        seating.looked_at.delegations_of.extend(chain.looked_at.into_iter().map(str::to_owned));
        let delegate = (*chain.delegates.last()?).to_owned();
        if let Err(why) = subject::check(&delegate) {
            seating.errors.push(format!("delegation of \"{owner}\": the user id \"{delegate}\" {why}"));
            return None;
        }
        if self.bars.why(&delegate).is_some() {
            return None;
        }
        seating.looked_at.named.insert(delegate.clone());
        if self.delegations.is_unknown(&delegate) {
            seating.note_unknown(&delegate);
            return None;
        }
        Some(delegate)
    }
}

/// Seats in the order of the rules, at most one for each person.
#[derive(Debug, Default)]
struct Seats {
    list: Vec<Seat>,
    positions: HashMap<String, usize>,
    barred: HashSet<String>,
}

impl Seats {
    fn add(&mut self, seat: Seat) {
        match self.positions.get(&seat.holder) {
            Some(&position) => self.list[position].required |= seat.required,
            // One seat beyond the bound is kept, to show that it is exceeded.
            None if self.list.len() > MOST_SEATS => {}
            None => {
                self.positions.insert(seat.holder.clone(), self.list.len());
                self.list.push(seat);
            }
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

/// Returns whether the stage's `skip_if` holds. Callers do not skip a stage whose condition fails.
pub(crate) fn skips(stage: &Stage, context: &Value, budget: &Budget) -> Result<bool, Failure> {
    stage.skip_if.as_ref().map_or(Ok(false), |logic| logic.holds(context, budget))
}
