use super::decide::{find, must_own};
use super::work::Work;
use super::{Caller, Refusal};
use crate::ids::TaskId;
use crate::request::{EventType, TaskStatus};
use serde_json::json;

pub(super) fn claim(w: &mut Work<'_>, caller: &Caller, task_id: TaskId) -> Result<(), Refusal> {
    let at = find(w, task_id)?;
    let now = w.cx.now;
    must_own(caller, &w.request.tasks[at])?;
    w.task_id = Some(task_id);
    let task = &mut w.request.tasks[at];
    match task.status {
        // Nothing to write; so it was before it was kept who claims.
        TaskStatus::Claimed if task.claimed_by.as_ref().is_none_or(|by| *by == caller.subject) => Ok(()),
        TaskStatus::Claimed => Err(Refusal::Conflict(format!("task {task_id} is claimed by somebody else"))),
        TaskStatus::Open => {
            task.status = TaskStatus::Claimed;
            task.claimed_at = Some(now);
            task.claimed_by = Some(caller.subject.clone());
            let payload = json!({ "task_id": task_id.to_string(), "assignee": task.assignee });
            let order = task.stage_order;
            w.emit(EventType::TaskClaimed, Some(order), None, payload);
            Ok(())
        }
        other => Err(Refusal::Conflict(format!("task {task_id} is already {}", other.as_str()))),
    }
}
