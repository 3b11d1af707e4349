//! Seats of the reference model: who gets them, and what their decisions amount to.

use super::{Answers, Model, ModelTask};
use crate::plan::{PEOPLE, Quorum, Who};
use engine::policy::OnBreach;

/// More seats than any escalation here adds. If not even so many suffice, approval is out of reach.
const MANY: usize = 400;

#[derive(Debug, Clone, Default)]
pub(crate) struct Seating {
    /// Holder, whether the approval is required, and the owner when delegated.
    pub(crate) approvers: Vec<(String, bool, Option<String>)>,
    pub(crate) observers: Vec<String>,
}

impl Model {
    /// Finds who would get a seat in a stage now, by its rules or by those of its escalation.
    pub(crate) fn seats_of(&self, stage: usize, escalation: bool, answers: &Answers) -> Seating {
        let plan = &self.plan.stages[stage];
        let mut seating = Seating::default();
        let mut watchers = Vec::new();
        for rule in if escalation { &plan.escalation } else { &plan.rules } {
            let found: Vec<String> = match &rule.who {
                Who::User(person) => vec![PEOPLE[*person].to_owned()],
                Who::People(list) => list.iter().map(|person| PEOPLE[*person].to_owned()).collect(),
                Who::Nobody => Vec::new(),
                Who::Role(name) => answers.get(name).cloned().unwrap_or_default(),
            };
            if rule.observer {
                watchers.extend(found);
                continue;
            }
            for owner in found.into_iter().filter(|owner| !self.is_barred(owner, stage)) {
                let sitter = self.who_sits_for(&owner, stage);
                let delegated_from = (sitter != owner).then_some(owner);
                match seating.approvers.iter_mut().find(|(holder, ..)| *holder == sitter) {
                    Some((_, required, _)) => *required = *required || rule.required,
                    None => seating.approvers.push((sitter, rule.required, delegated_from)),
                }
            }
        }
        for watcher in watchers {
            let sits = seating.approvers.iter().any(|(holder, ..)| *holder == watcher);
            if !sits && !seating.observers.contains(&watcher) {
                seating.observers.push(watcher);
            }
        }
        seating
    }

    /// Returns the end of the chain of delegations, or the owner when the chain is a cycle or leads to somebody who
    /// is barred.
    pub(crate) fn who_sits_for(&self, owner: &str, stage: usize) -> String {
        let mut chain = vec![owner.to_owned()];
        loop {
            let last = chain[chain.len() - 1].clone();
            let in_force = self
                .delegations
                .iter()
                .filter(|d| d.user_id == last && d.starts_at <= self.now && self.now < d.ends_at);
            let Some(newest) = in_force.max_by_key(|d| d.created_at) else {
                return if self.is_barred(&last, stage) { owner.to_owned() } else { last };
            };
            if chain.contains(&newest.delegate_to) {
                return owner.to_owned();
            }
            chain.push(newest.delegate_to.clone());
        }
    }

    pub(super) fn sit_down(&mut self, stage: usize, seating: Seating) {
        let due = self.fresh_due(stage);
        let approvers =
            seating.approvers.into_iter().map(|(who, required, from)| (who, false, required, from));
        let observers = seating.observers.into_iter().map(|who| (who, true, false, None));
        for (who, observer, required, delegated_from) in approvers.chain(observers) {
            self.tasks.push(ModelTask {
                stage,
                who,
                claimed_by: None,
                observer,
                required,
                seated: true,
                delegated_from,
                reassigned_from: None,
                status: "open",
                due,
            });
        }
    }

    /// Positions of the tasks that are seats of a stage now.
    pub(super) fn seats(&self, stage: usize) -> Vec<usize> {
        let is_seat = |task: &ModelTask| task.stage == stage && !task.observer && task.seated;
        (0..self.tasks.len()).filter(|at| is_seat(&self.tasks[*at])).collect()
    }

    fn said(&self, seats: &[usize], action: &str) -> usize {
        seats.iter().filter(|at| self.decision_of(**at).is_some_and(|d| d.action == action)).count()
    }

    /// Returns whether an escalation is still to come: the directory is asked, or a seat waits for the deadline that
    /// starts it.
    fn escalation_ahead(&self, stage: usize) -> bool {
        let plan = &self.plan.stages[stage];
        let waits = |at: &usize| {
            let task = &self.tasks[*at];
            ["open", "claimed"].contains(&task.status) && task.due.is_some()
        };
        plan.breach == OnBreach::Escalate
            && plan.hours.is_some()
            && !self.escalated[stage]
            && (self.stages[stage] == "escalating" || self.seats(stage).iter().any(waits))
    }

    /// Returns what the seats decide: nothing yet, approval, or rejection with its reason.
    pub(super) fn verdict(&self, stage: usize) -> Option<Result<(), &'static str>> {
        let plan = &self.plan.stages[stage];
        let seats = self.seats(stage);
        let (approvals, rejections) = (self.said(&seats, "approve"), self.said(&seats, "reject"));
        let abstentions = self.said(&seats, "abstain");
        let open = seats.len() - approvals - rejections - abstentions;
        let required: Vec<usize> = seats.iter().copied().filter(|at| self.tasks[*at].required).collect();
        if self.said(&required, "reject") > 0 {
            return Some(Err("rejected_by_required_approver"));
        }
        if self.said(&required, "abstain") > 0 {
            return Some(Err("required_abstained"));
        }
        if plan.veto && rejections > 0 {
            return Some(Err("rejected_by_approver"));
        }
        if enough(plan.quorum, seats.len(), approvals, abstentions) {
            return (self.said(&required, "approve") == required.len()).then_some(Ok(()));
        }
        // Tries every way in which the open seats may still decide, with every number of seats that may still join.
        let joining = if self.escalation_ahead(stage) { MANY } else { 0 };
        let reachable = (0..=open).any(|more_approvals| {
            (0..=open - more_approvals).any(|more_abstentions| {
                (0..=joining).any(|joined| {
                    let approvals = approvals + more_approvals + joined;
                    enough(plan.quorum, seats.len() + joined, approvals, abstentions + more_abstentions)
                })
            })
        });
        match reachable {
            true => None,
            false if !seats.is_empty() && abstentions == seats.len() => Some(Err("all_abstained")),
            false => Some(Err("quorum_unreachable")),
        }
    }
}

/// The arithmetic of `mode`, as docs/policies.md explains it under "Stages".
pub(crate) fn enough(quorum: Quorum, seats: usize, approvals: usize, abstentions: usize) -> bool {
    let counting = seats - abstentions;
    match quorum {
        Quorum::All => approvals == counting && approvals >= 1,
        Quorum::Any(n) => approvals >= n,
        Quorum::Percent(p) => approvals * 100 >= p * counting && approvals >= 1,
    }
}
