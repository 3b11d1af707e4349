//! Asks what another version of a policy would have made of a request that has ended: whom it would have asked, and
//! what the decisions that were made would have led to.
//!
//! It is told by the engine's own commands. The request is created anew under the other version, at the moment at
//! which it was created; deadlines pass when they would have, and each recorded decision goes to the task of the same
//! person, if there is one. Nobody's delegations of that time are known, so owners decide for themselves.

mod differ;

pub use differ::differences;

use crate::command::seats::{Tally, is_seat};
use crate::command::{Caller, Command, Create, Environment, apply, create};
use crate::delegation::Delegations;
use crate::ids::{IdSource, RuleId};
use crate::policy::{Kind, Policy, RuleSource};
use crate::request::{Decision, Request, StageState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use time::OffsetDateTime;
use uuid::Uuid;

/// Most deadlines that are let pass in one replay, and most answers that are given.
const MOST_STEPS: usize = 200;

/// One stage of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routed {
    /// `stage_order`.
    pub order: i32,
    pub name: String,
    pub outcome: Course,
    /// Who held its seats: the owners, in order of their names.
    pub approvers: BTreeSet<String>,
    /// Approvals that complete it; `None` while it has no seats.
    pub needed: Option<u32>,
    /// Approvals that it got.
    pub approvals: u32,
}

/// What became of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// It was not reached.
    NotReached,
    Skipped,
    /// It still waits, for decisions or for an answer.
    Waiting,
    Approved,
    Rejected,
}

/// A request under another version of its policy.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// The request as it would be now.
    pub request: Request,
    /// Rules that somebody would have had to be asked about, and nobody could say.
    pub unknown: BTreeSet<RuleId>,
}

/// Replays `recorded` under `policy`. `answers`: what a directory says about the external rules.
#[must_use]
pub fn replay(policy: &Policy, recorded: &Request, answers: &BTreeMap<RuleId, Vec<String>>) -> Replayed {
    let delegations = Delegations::default();
    let mut ids = Numbers(0);
    let env = Environment { policy, delegations: &delegations, now: recorded.created_at };
    let created = create(&env, as_created(recorded), &mut ids);
    let mut again = Again {
        policy,
        delegations: &delegations,
        answers,
        request: created.request,
        unknown: BTreeSet::new(),
        ids,
    };
    again.answer(recorded.created_at);
    for decision in &recorded.decisions {
        again.pass(decision.created_at);
        again.decide(recorded, decision);
    }
    if let Some(end) = recorded.completed_at {
        again.pass(end);
    }
    Replayed { request: Arc::unwrap_or_clone(again.request), unknown: again.unknown }
}

/// The stages of a request, in order, as they went.
#[must_use]
pub fn routes(policy: &Policy, request: &Request) -> Vec<Routed> {
    let stages = request.stages.iter().zip(&policy.stages).map(|(run, stage)| {
        let tally = Tally::of(request, run);
        let seats = request.tasks.iter().filter(|task| task.stage_id == run.stage_id);
        let owners = seats
            .filter(|task| task.kind == Kind::Approver && task.reassigned_from.is_none())
            .map(|task| task.delegated_from.clone().unwrap_or_else(|| task.assignee.clone()));
        let has_seats = request.tasks.iter().any(|task| is_seat(task, run));
        Routed {
            order: stage.order,
            name: stage.name.clone(),
            outcome: course(run.state, has_seats),
            approvers: owners.collect(),
            needed: has_seats.then(|| tally.needed(stage.mode)),
            approvals: tally.approvals,
        }
    });
    stages.collect()
}

fn course(state: StageState, has_seats: bool) -> Course {
    match state {
        StageState::Skipped => Course::Skipped,
        StageState::Approved => Course::Approved,
        StageState::Rejected => Course::Rejected,
        StageState::Waiting => Course::NotReached,
        StageState::Closed if !has_seats => Course::NotReached,
        StageState::Resolving | StageState::Active | StageState::Escalating | StageState::Closed => {
            Course::Waiting
        }
    }
}

/// What the recorded seats say about the external rules of another version: where a rule of the recorded version asks
/// the same and was the only one of its stage to ask anybody, its answer are the people whom nothing else in the stage
/// names.
#[must_use]
pub fn recorded_answers(
    recorded_policy: &Policy,
    recorded: &Request,
    policy: &Policy,
) -> BTreeMap<RuleId, Vec<String>> {
    let routed = routes(recorded_policy, recorded);
    let mut answers = BTreeMap::new();
    for rule in policy.stages.iter().flat_map(|stage| &stage.rules).filter(|rule| rule.source.is_external()) {
        let known = recorded_policy.stages.iter().zip(&routed).find_map(|(stage, routed)| {
            let mut asking = stage.rules.iter().filter(|rule| !matches!(rule.source, RuleSource::User(_)));
            let only = asking.next().filter(|_| asking.next().is_none())?;
            let asked = matches!(routed.outcome, Course::Approved | Course::Rejected | Course::Waiting);
            (asked && asks_the_same(&only.source, &rule.source) && only.kind == rule.kind).then(|| {
                let named: BTreeSet<&str> = stage.rules.iter().filter_map(named).collect();
                routed.approvers.iter().filter(|who| !named.contains(who.as_str())).cloned().collect()
            })
        });
        if let Some(known) = known {
            answers.insert(rule.id, known);
        }
    }
    answers
}

fn asks_the_same(one: &RuleSource, other: &RuleSource) -> bool {
    match (one, other) {
        (
            RuleSource::External { rule_type, value },
            RuleSource::External { rule_type: other_type, value: other_value },
        ) => rule_type == other_type && value == other_value,
        _ => false,
    }
}

fn named(rule: &crate::policy::Rule) -> Option<&str> {
    match &rule.source {
        RuleSource::User(user) => Some(user),
        _ => None,
    }
}

fn as_created(recorded: &Request) -> Create {
    Create {
        id: recorded.id,
        requester: recorded.requester.clone(),
        source_service: recorded.source_service.clone(),
        context: Arc::clone(&recorded.context),
        context_sha256: String::new(),
        context_told: false,
        expires_at: None,
        policy_sha256: None,
    }
}

/// Ids of a replay, which nobody ever sees.
struct Numbers(u128);

impl IdSource for Numbers {
    fn fresh(&mut self) -> Uuid {
        self.0 += 1;
        Uuid::from_u128(self.0)
    }
}

struct Again<'a> {
    policy: &'a Policy,
    delegations: &'a Delegations,
    answers: &'a BTreeMap<RuleId, Vec<String>>,
    request: Arc<Request>,
    unknown: BTreeSet<RuleId>,
    ids: Numbers,
}

impl Again<'_> {
    /// Gives a command at a moment. What is refused leads nowhere.
    fn give(&mut self, command: Command, now: OffsetDateTime) -> bool {
        let env = Environment { policy: self.policy, delegations: self.delegations, now };
        let Ok(transition) = apply(&env, &self.request, command, &mut self.ids) else { return false };
        let moved = !transition.events.is_empty();
        self.request = transition.request;
        moved
    }

    /// Answers whatever is asked, as long as it is known.
    fn answer(&mut self, now: OffsetDateTime) {
        for _ in 0..MOST_STEPS {
            let asked = self.request.pending_rules(self.policy);
            let unknown: Vec<RuleId> =
                asked.iter().copied().filter(|rule| !self.answers.contains_key(rule)).collect();
            if asked.is_empty() || !unknown.is_empty() {
                self.unknown.extend(unknown);
                return;
            }
            let known = |rule: RuleId| Some((rule, self.answers.get(&rule)?.clone()));
            let answers = asked.into_iter().filter_map(known).collect();
            if !self.give(Command::Resolved { answers }, now) {
                return;
            }
        }
    }

    /// Lets every deadline up to `now` pass, one by one.
    fn pass(&mut self, now: OffsetDateTime) {
        for _ in 0..MOST_STEPS {
            let Some(due) = self.request.next_due().filter(|due| *due <= now) else { return };
            if !self.give(Command::Breach, due) {
                return;
            }
            self.answer(due);
        }
    }

    /// Gives a recorded decision to the first task of whoever held the seat, or decided it.
    fn decide(&mut self, recorded: &Request, decision: &Decision) {
        let Some(seat) = recorded.tasks.iter().find(|task| task.id == decision.task_id) else { return };
        let owner = seat.delegated_from.as_ref().unwrap_or(&seat.assignee);
        let persons =
            [Some(owner), Some(&seat.assignee), seat.reassigned_from.as_ref(), Some(&decision.actor)];
        for person in persons.into_iter().flatten() {
            let open = |task: &&crate::request::Task| {
                task.assignee == *person && crate::command::seats::is_undecided(task)
            };
            let Some(task) = self.request.tasks.iter().find(open) else { continue };
            let command = Command::decide(
                Caller { subject: task.assignee.clone(), admin: false },
                task.id,
                decision.action,
                decision.comment.clone(),
            );
            if self.give(command, decision.created_at) {
                self.answer(decision.created_at);
                return;
            }
        }
    }
}
