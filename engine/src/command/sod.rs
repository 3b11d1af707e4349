//! Separation of duties: who may not hold a seat, and so may not decide.

use super::actor::SLA;
use crate::policy::{Kind, Policy};
use crate::request::{Action, Request};
use std::collections::HashSet;

/// The people whom separation of duties bars from a group of stages.
#[derive(Debug, Default)]
pub(crate) struct Bars<'a> {
    requesters: Vec<&'a str>,
    earlier_approvers: HashSet<&'a str>,
}

impl<'a> Bars<'a> {
    /// Returns the bars as they are before anybody has decided. `requesters` are the requester and the subject that
    /// creates the request: a service that names somebody else as requester must not approve its own request.
    pub(crate) fn before_any_decision(
        policy: &Policy,
        requesters: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let requesters = requesters.into_iter().filter(|_| policy.forbid_self_approval).collect();
        Self { requesters, earlier_approvers: HashSet::new() }
    }

    /// Returns the bars for the group that holds the stage at `index`.
    pub(crate) fn of_group(policy: &Policy, request: &'a Request, index: usize) -> Self {
        let mut bars = Self::before_any_decision(policy, [&*request.requester, &*request.source_service]);
        if policy.forbid_repeat_approvers {
            let first_order = policy.stages[policy.group_at(index).start].order;
            bars.earlier_approvers = approvers_before(request, first_order);
        }
        bars
    }

    /// Returns why this person is barred, or `None`.
    pub(crate) fn why(&self, user: &str) -> Option<&'static str> {
        if self.requesters.contains(&user) {
            Some("the policy forbids that whoever asks, or created the request, approves")
        } else if self.earlier_approvers.contains(user) {
            Some("the policy forbids approving again after an earlier stage")
        } else {
            None
        }
    }
}

/// Returns who has approved before `first_order`: the actor of each approval, and the assignee too if that was an
/// admin on their behalf. An approval by the clock (`system:sla`) bars nobody.
fn approvers_before(request: &Request, first_order: i32) -> HashSet<&str> {
    let observers: HashSet<_> =
        request.tasks.iter().filter(|t| t.kind == Kind::Observer).map(|t| t.id).collect();
    request
        .decisions
        .iter()
        .filter(|d| d.action == Action::Approve && d.stage_order < first_order)
        .filter(|d| !observers.contains(&d.task_id) && d.actor != SLA)
        .flat_map(|d| std::iter::once(d.actor.as_str()).chain(d.on_behalf_of.as_deref()))
        .collect()
}
