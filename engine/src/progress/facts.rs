//! What is counted and judged once for each stage, by the functions that commands use.

use crate::command::seats::{self, Tally, escalation_ahead, is_seat, is_undecided};
use crate::command::sod::Bars;
use crate::policy::{Kind, OnBreach, Policy, Stage};
use crate::request::{Request, StageRun, StageState, Task};
use time::OffsetDateTime;

/// One stage of a request.
pub(super) struct StageFacts<'a> {
    pub(super) stage: &'a Stage,
    pub(super) run: &'a StageRun,
    /// Its tasks, oldest first.
    pub(super) tasks: Vec<&'a Task>,
    pub(super) tally: Tally,
    /// The seats that have not decided; empty unless the stage runs.
    pub(super) undecided: Vec<UndecidedSeat<'a>>,
    /// An escalation may still add seats.
    pub(super) escalation_ahead: bool,
}

/// A seat that has not decided in a stage that runs.
pub(super) struct UndecidedSeat<'a> {
    pub(super) task: &'a Task,
    /// The holder may approve. Who may not is barred, or has approved here for another seat.
    pub(super) able: bool,
}

impl<'a> StageFacts<'a> {
    pub(super) fn of(policy: &'a Policy, request: &'a Request, index: usize) -> Self {
        let (stage, run) = (&policy.stages[index], &request.stages[index]);
        let tasks: Vec<&Task> = request.tasks.iter().filter(|task| task.stage_id == run.stage_id).collect();
        let mut facts = Self {
            stage,
            run,
            // A policy may have many stages that have not started, and counting reads every decision.
            tally: if tasks.is_empty() { Tally::default() } else { Tally::of(request, run) },
            undecided: Vec::new(),
            escalation_ahead: escalation_ahead(request, stage, run),
            tasks,
        };
        if facts.runs() {
            facts.undecided = facts.undecided_seats(policy, request, index);
        }
        facts
    }

    fn undecided_seats(&self, policy: &Policy, request: &'a Request, index: usize) -> Vec<UndecidedSeat<'a>> {
        let bars = Bars::of_group(policy, request, index);
        let approved = seats::approvers(request, self.run.stage_id);
        let able =
            |task: &Task| bars.why(&task.assignee).is_none() && !approved.contains(task.assignee.as_str());
        let undecided = self.tasks.iter().filter(|task| is_seat(task, self.run) && is_undecided(task));
        undecided.map(|task| UndecidedSeat { task, able: able(task) }).collect()
    }

    /// Returns whether tasks of the stage can be decided.
    pub(super) fn runs(&self) -> bool {
        matches!(self.run.state, StageState::Active | StageState::Escalating)
    }

    /// Returns whether a resolver is asked about the stage.
    pub(super) fn asks(&self) -> bool {
        matches!(self.run.state, StageState::Resolving | StageState::Escalating)
    }

    /// When the first tasks were made.
    pub(super) fn started_at(&self) -> Option<OffsetDateTime> {
        self.tasks.iter().map(|task| task.created_at).min()
    }

    /// Approvals that are missing.
    pub(super) fn missing(&self) -> u32 {
        self.tally.needed(self.stage.mode).saturating_sub(self.tally.approvals)
    }

    /// The open tasks with a deadline: approvers' and observers'.
    pub(super) fn deadlines(&self) -> impl Iterator<Item = (OffsetDateTime, &'a Task)> {
        let open = self.tasks.iter().filter(|task| task.status.is_open());
        open.filter_map(|task| Some((task.due_at?, *task)))
    }

    /// What the deadline of a seat does to the stage.
    pub(super) fn effect_of_breach(&self) -> OnBreach {
        let escalates = self.stage.on_breach == OnBreach::Escalate;
        let spent = self.run.state == StageState::Escalating || escalates && self.run.escalated;
        if spent { OnBreach::Notify } else { self.stage.on_breach }
    }

    /// The nearest deadline of a seat.
    pub(super) fn seat_deadline(&self) -> Option<OffsetDateTime> {
        self.deadlines().filter(|(_, task)| task.kind == Kind::Approver).map(|(at, _)| at).min()
    }
}
