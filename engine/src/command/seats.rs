//! Counts the decisions on the seats of a stage, and derives the verdict.

use super::reason;
use crate::ids::{StageId, TaskId};
use crate::policy::{Kind, Mode, OnBreach, RejectMode, Stage};
use crate::request::{Action, Request, StageRun, StageState, Task, TaskStatus};
use std::collections::{HashMap, HashSet};

/// What the decisions on the seats amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Undecided,
    Approved,
    Rejected(&'static str),
}

/// The seats of a stage, counted by decision. Invariant: `seats = approvals + rejections + abstentions + open`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) seats: u32,
    pub(crate) approvals: u32,
    pub(crate) rejections: u32,
    pub(crate) abstentions: u32,
    open: u32,
    required_open: u32,
    required_rejections: u32,
    required_abstentions: u32,
}

/// Returns whether a task is a seat of this stage now.
pub(crate) fn is_seat(task: &Task, run: &StageRun) -> bool {
    task.stage_id == run.stage_id && task.kind == Kind::Approver && task.seated
}

/// Returns whether a task by itself may still be decided: it is open, or it expired and is still seated.
pub(crate) fn is_undecided(task: &Task) -> bool {
    task.status.is_open() || (task.status == TaskStatus::Expired && task.seated && task.decision_id.is_none())
}

/// Returns who has approved in this stage, for whichever seat.
pub(crate) fn approvers(request: &Request, stage_id: StageId) -> HashSet<&str> {
    let seats = request.tasks.iter().filter(|t| t.stage_id == stage_id && t.kind == Kind::Approver);
    let seats: HashSet<TaskId> = seats.map(|seat| seat.id).collect();
    let approvals = request.decisions.iter().filter(|d| d.action == Action::Approve);
    approvals.filter(|d| seats.contains(&d.task_id)).map(|d| d.actor.as_str()).collect()
}

impl Tally {
    pub(crate) fn of(request: &Request, run: &StageRun) -> Self {
        let actions: HashMap<_, _> = request.decisions.iter().map(|d| (d.task_id, d.action)).collect();
        let mut tally = Self::default();
        for seat in request.tasks.iter().filter(|task| is_seat(task, run)) {
            let required = u32::from(seat.required);
            tally.seats += 1;
            match actions.get(&seat.id) {
                None => {
                    tally.open += 1;
                    tally.required_open += required;
                }
                Some(Action::Approve) => tally.approvals += 1,
                Some(Action::Reject) => {
                    tally.rejections += 1;
                    tally.required_rejections += required;
                }
                Some(Action::Abstain) => {
                    tally.abstentions += 1;
                    tally.required_abstentions += required;
                }
            }
        }
        tally
    }

    /// Approvals that complete the stage as its seats have decided so far.
    pub(crate) fn needed(&self, mode: Mode) -> u32 {
        let counting = self.seats - self.abstentions;
        let needed = match mode {
            Mode::All => counting,
            Mode::AnyN(n) => n,
            Mode::Percentage(p) => {
                u32::try_from((u64::from(p) * u64::from(counting)).div_ceil(100)).unwrap_or(u32::MAX)
            }
        };
        needed.max(1)
    }

    /// Returns whether the stage can still be approved. An escalation that is still ahead may add any number of
    /// seats.
    fn reachable(&self, mode: Mode, escalation_ahead: bool) -> bool {
        let every_vote_counts = matches!(mode, Mode::All | Mode::Percentage(100));
        if escalation_ahead {
            // Added seats raise what is needed as much as what is open, so they never make up for a reject.
            !every_vote_counts || self.rejections == 0
        } else {
            self.approvals + self.open >= self.needed(mode)
        }
    }

    pub(crate) fn verdict(&self, stage: &Stage, escalation_ahead: bool) -> Verdict {
        if self.required_rejections > 0 {
            Verdict::Rejected(reason::REQUIRED_REJECTED)
        } else if self.required_abstentions > 0 {
            Verdict::Rejected(reason::REQUIRED_ABSTAINED)
        } else if stage.reject_mode == RejectMode::Veto && self.rejections > 0 {
            Verdict::Rejected(reason::REJECTED)
        } else if self.approvals >= self.needed(stage.mode) {
            if self.required_open == 0 { Verdict::Approved } else { Verdict::Undecided }
        } else if self.reachable(stage.mode, escalation_ahead) {
            Verdict::Undecided
        } else if self.seats > 0 && self.abstentions == self.seats {
            Verdict::Rejected(reason::ALL_ABSTAINED)
        } else {
            Verdict::Rejected(reason::UNREACHABLE)
        }
    }
}

/// Returns whether an escalation may still add seats. Only the deadline of an open seat starts one; without such a
/// seat it never comes, and a stage that waited for it would hang.
pub(crate) fn escalation_ahead(request: &Request, stage: &Stage, run: &StageRun) -> bool {
    let waits_for_deadline =
        |task: &Task| is_seat(task, run) && task.status.is_open() && task.due_at.is_some();
    stage.on_breach == OnBreach::Escalate
        && stage.sla_hours.is_some()
        && !run.escalated
        && (run.state == StageState::Escalating || request.tasks.iter().any(waits_for_deadline))
}
