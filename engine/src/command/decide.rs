//! The decide command, and the checks of a task that other commands share.

use super::sod::Bars;
use super::work::{NewDecision, Work};
use super::{Barred, Caller, Clash, Refusal, advance, seats};
use crate::ids::TaskId;
use crate::policy::{CommentRequired, Kind};
use crate::request::{Action, StageState, Task, TaskStatus};

/// Records the decision of a task, and ends its stage and request where it decides them.
pub(super) fn decide(
    w: &mut Work<'_>,
    caller: &Caller,
    task_id: TaskId,
    new: NewDecision,
) -> Result<(), Refusal> {
    let position = find_task(w, task_id)?;
    let task = &w.request.tasks[position];
    must_own(caller, task)?;
    let stage = stage_of(w, task)?;
    if task.kind == Kind::Approver
        && let Some(why) = Bars::of_group(w.env.policy, &w.request, stage).why(&caller.subject)
    {
        let text = format!("{} may not decide this task: {why}", caller.subject);
        return Err(Refusal::Forbidden(Barred::Duties, text));
    }
    must_be_undecided(w, task, stage)?;
    if new.action == Action::Approve && task.kind == Kind::Approver && has_approved(w, task, &caller.subject)
    {
        return Err(Refusal::Conflict(
            Clash::HasApproved,
            format!(
                "{} has approved in stage {} already: it never counts two approvals of one person",
                caller.subject, task.stage_order
            ),
        ));
    }
    must_say_why(w.stage(stage).comment_required, &new)?;
    let counts = task.kind == Kind::Approver;
    // The deadline itself makes a decision late, whether or not the breach has been acted on.
    let late = task.status == TaskStatus::Expired || task.due_at.is_some_and(|due| due <= w.env.now);
    w.close_task(position, TaskStatus::Completed);
    let decision = w.record(position, NewDecision { late, ..new });
    w.decision = Some(decision);
    w.task_id = Some(task_id);
    if counts {
        advance::settle(w);
    }
    Ok(())
}

fn must_say_why(required: CommentRequired, new: &NewDecision) -> Result<(), Refusal> {
    let asked = match required {
        CommentRequired::Never => false,
        CommentRequired::Reject => new.action == Action::Reject,
        CommentRequired::Always => true,
    };
    if !asked || new.comment.as_deref().is_some_and(says_something) {
        return Ok(());
    }
    let message = match required {
        CommentRequired::Always => "every decision of this stage must say why",
        _ => "a reject in this stage must say why",
    };
    Err(Refusal::Invalid { field: "comment", message: message.into() })
}

/// Returns whether a comment has a visible character.
fn says_something(comment: &str) -> bool {
    let is_invisible =
        |c: char| matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}');
    comment.chars().any(|c| !c.is_whitespace() && !c.is_control() && !is_invisible(c))
}

/// Returns whether `actor` has approved in the stage of this task, for whichever seat.
pub(super) fn has_approved(w: &Work<'_>, task: &Task, actor: &str) -> bool {
    seats::approvers(&w.request, task.stage_id).contains(actor)
}

/// Returns the position of a task in the request.
pub(super) fn find_task(w: &Work<'_>, id: TaskId) -> Result<usize, Refusal> {
    w.request.tasks.iter().position(|task| task.id == id).ok_or(Refusal::UnknownTask(id))
}

/// Returns the index of the task's stage.
pub(super) fn stage_of(w: &Work<'_>, task: &Task) -> Result<usize, Refusal> {
    let of_task = |run: &crate::request::StageRun| run.stage_id == task.stage_id;
    w.request.stages.iter().position(of_task).ok_or(Refusal::UnknownTask(task.id))
}

/// Refuses everybody but the assignee and admins. An admin may stand in for any assignee, as the way out of an
/// emergency.
pub(super) fn must_own(caller: &Caller, task: &Task) -> Result<(), Refusal> {
    if caller.admin || caller.subject == task.assignee {
        return Ok(());
    }
    Err(Refusal::Forbidden(Barred::Owner, format!("task {} is assigned to somebody else", task.id)))
}

/// Refuses a task that is decided or closed, or whose stage or request is not running.
pub(super) fn must_be_undecided(w: &Work<'_>, task: &Task, stage: usize) -> Result<(), Refusal> {
    let status = w.request.status;
    if status.is_terminal() {
        return Err(Refusal::Conflict(
            Clash::RequestFinished,
            format!("request is already {}", status.as_str()),
        ));
    }
    if task.decision_id.is_some() {
        return Err(Refusal::Conflict(Clash::TaskDecided, format!("task {} is already decided", task.id)));
    }
    let state = w.request.stages[stage].state;
    if !matches!(state, StageState::Active | StageState::Escalating) {
        let text = format!("stage {} is already {}", task.stage_order, state.as_str());
        return Err(Refusal::Conflict(Clash::StageFinished, text));
    }
    if seats::is_undecided(task) {
        return Ok(());
    }
    let text = match task.status {
        TaskStatus::Expired => format!("task {} expired and was escalated to others", task.id),
        other => format!("task {} is already {}", task.id, other.as_str()),
    };
    Err(Refusal::Conflict(Clash::TaskClosed, text))
}
