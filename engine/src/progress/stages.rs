//! The stages of a request, with the counts of their seats and with their tasks.

use super::facts::StageFacts;
use super::known::Known;
use super::rules;
use super::shape::{StageProgress, TaskProgress};
use crate::ids::DecisionId;
use crate::logic::Budget;
use crate::request::{Decision, Request, StageState};
use std::collections::HashMap;
use time::OffsetDateTime;

pub(super) fn stages<'a>(
    request: &'a Request,
    facts: &[StageFacts<'a>],
    known: &'a Known,
) -> Vec<StageProgress<'a>> {
    let decisions: HashMap<DecisionId, &Decision> = request.decisions.iter().map(|d| (d.id, d)).collect();
    // All expressions of the answer share the steps of one command.
    let budget = Budget::default();
    facts
        .iter()
        .map(|stage| {
            let named = rules::of_tasks(stage, &request.context, &budget);
            let task = |(task, rules): (&&'a crate::request::Task, _)| TaskProgress {
                task,
                decision: task.decision_id.and_then(|id| decisions.get(&id).copied()),
                rules,
            };
            let tasks = stage.tasks.iter().zip(named).map(task).collect();
            StageProgress { tasks, ..counted(request, stage, known) }
        })
        .collect()
}

/// The stage without its tasks.
fn counted<'a>(request: &Request, facts: &StageFacts<'a>, known: &'a Known) -> StageProgress<'a> {
    let (stage, run, tally) = (facts.stage, facts.run, facts.tally);
    let end = known.end_of(stage.order).filter(|_| run.state.is_final());
    let closed = (run.state == StageState::Closed).then_some(request.completed_at).flatten();
    StageProgress {
        stage_id: stage.id,
        order: stage.order,
        name: &stage.name,
        parallel_group: stage.parallel_group,
        state: run.state,
        mode: stage.mode,
        needed: (tally.seats > 0).then(|| tally.needed(stage.mode)),
        approvals: tally.approvals,
        rejections: tally.rejections,
        abstentions: tally.abstentions,
        seats: tally.seats,
        started_at: facts.started_at(),
        completed_at: closed.or_else(|| end.map(|told| told.at)),
        due_at: due_at(facts),
        outcome: run.state.is_final().then_some(run.state),
        reason: end.and_then(|told| told.reason.as_deref()).filter(|_| run.state != StageState::Closed),
        tasks: Vec::new(),
    }
}

fn due_at(facts: &StageFacts<'_>) -> Option<OffsetDateTime> {
    facts.undecided.iter().filter_map(|seat| seat.task.due_at).min()
}
