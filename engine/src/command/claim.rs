//! The claim command: says who works on a task.

use super::decide::{find_task, must_own};
use super::work::Work;
use super::{Caller, Clash, Refusal};
use crate::ids::TaskId;
use crate::request::{EventType, TaskStatus};
use serde_json::json;

/// Notes the caller as working on a task. It binds nobody who may decide the task.
pub(super) fn claim(w: &mut Work<'_>, caller: &Caller, task_id: TaskId) -> Result<(), Refusal> {
    let position = find_task(w, task_id)?;
    let now = w.env.now;
    must_own(caller, &w.request.tasks[position])?;
    w.task_id = Some(task_id);
    let task = &mut w.request.tasks[position];
    match task.status {
        // Claiming one's own task again changes nothing. `claimed_by` is `None` for claims made before it was stored.
        TaskStatus::Claimed if task.claimed_by.as_ref().is_none_or(|by| *by == caller.subject) => Ok(()),
        TaskStatus::Claimed => {
            let text = format!("task {task_id} is claimed by somebody else");
            Err(Refusal::Conflict(Clash::Claimed, text))
        }
        TaskStatus::Open => {
            task.status = TaskStatus::Claimed;
            task.claimed_at = Some(now);
            task.claimed_by = Some(caller.subject.clone());
            let payload = json!({ "task_id": task_id.to_string(), "assignee": task.assignee });
            let order = task.stage_order;
            w.emit(EventType::TaskClaimed, Some(order), None, payload);
            Ok(())
        }
        TaskStatus::Completed => Err(taken(Clash::TaskDecided, task_id, TaskStatus::Completed)),
        other => Err(taken(Clash::TaskClosed, task_id, other)),
    }
}

fn taken(clash: Clash, id: TaskId, status: TaskStatus) -> Refusal {
    Refusal::Conflict(clash, format!("task {id} is already {}", status.as_str()))
}
