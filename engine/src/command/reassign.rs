//! The reassign command: moves a task to somebody else.

use super::decide::{find_task, has_approved, must_be_undecided, stage_of};
use super::sod::Bars;
use super::work::{NewTask, Work};
use super::{Barred, Caller, Clash, Refusal};
use crate::ids::TaskId;
use crate::policy::Kind;
use crate::request::{EventType, Task, TaskStatus};
use crate::subject;
use serde_json::json;

/// Moves a task to `to`. Delegations of the new assignee are not followed, because the admin chose this person.
pub(super) fn reassign(
    w: &mut Work<'_>,
    caller: &Caller,
    task_id: TaskId,
    to: &str,
    why: Option<&str>,
) -> Result<(), Refusal> {
    if !caller.admin {
        return Err(Refusal::Forbidden(Barred::Role, "only an admin may reassign a task".into()));
    }
    let position = find_task(w, task_id)?;
    let task = w.request.tasks[position].clone();
    let stage = stage_of(w, &task)?;
    must_be_undecided(w, &task, stage)?;
    must_fit(w, &task, stage, to)?;
    // A task whose deadline has passed gets a full term, or it would be in breach again at once.
    let due_at = if task.status == TaskStatus::Expired { w.fresh_due(stage) } else { task.due_at };
    w.close_task(position, TaskStatus::Reassigned);
    w.request.tasks[position].seated = false;
    let new = NewTask {
        assignee: to.to_owned(),
        kind: task.kind,
        required: task.required,
        delegated_from: None,
        reassigned_from: Some(task.assignee.clone()),
        due_at,
    };
    let new_id = w.add_task(stage, new);
    w.task_id = Some(new_id);
    let payload = json!({
        "task_id": task_id.to_string(),
        "new_task_id": new_id.to_string(),
        "from": task.assignee,
        "to": to,
    });
    w.emit(EventType::TaskReassigned, Some(task.stage_order), why, payload);
    Ok(())
}

fn must_fit(w: &Work<'_>, task: &Task, stage: usize, to: &str) -> Result<(), Refusal> {
    if let Err(why) = subject::check(to) {
        let text = format!("the new assignee cannot hold a seat: the id {why}");
        return Err(Refusal::Conflict(Clash::Unfit, text));
    }
    if to == task.assignee {
        return Err(Refusal::Conflict(
            Clash::Seated,
            format!("task {} is already assigned to {to}", task.id),
        ));
    }
    let same_role = |t: &&Task| t.stage_id == task.stage_id && t.kind == task.kind && t.seated;
    if w.request.tasks.iter().filter(same_role).any(|t| t.assignee == to) {
        let what = if task.kind == Kind::Approver { "holds a seat in" } else { "observes" };
        let text = format!("{to} already {what} stage {}", task.stage_order);
        return Err(Refusal::Conflict(Clash::Seated, text));
    }
    if task.kind == Kind::Approver && has_approved(w, task, to) {
        let order = task.stage_order;
        let text =
            format!("{to} has approved in stage {order} already and could not approve for this seat too");
        return Err(Refusal::Conflict(Clash::HasApproved, text));
    }
    if task.kind == Kind::Approver
        && let Some(why) = Bars::of_group(w.env.policy, &w.request, stage).why(to)
    {
        return Err(Refusal::Conflict(Clash::Unfit, format!("{to} may not hold this seat: {why}")));
    }
    Ok(())
}
