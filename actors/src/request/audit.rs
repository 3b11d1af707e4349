//! The audit row of an administrative command, derived from the very states that were decided on and written.

use engine::command::{Caller, Command};
use engine::ids::TaskId;
use engine::request::Request;
use serde_json::{Value, json};
use store::commit::Audit;

/// The row that is written with the transition; `None` for commands that anybody gives.
pub(super) fn of(command: &Command, before: &Request, after: &Request) -> Option<Audit> {
    let (caller, action, (kind, id), summary) = match command {
        Command::Decide { caller, task_id, action, .. } => {
            let assignee = assignee(before, *task_id).filter(|assignee| *assignee != caller.subject)?;
            let summary = format!("{} instead of {assignee}", action.as_str());
            (caller, "task.decide_override", task(*task_id), summary)
        }
        Command::Reassign { caller, task_id, new_assignee, .. } => {
            (caller, "task.reassign", task(*task_id), format!("to {new_assignee}"))
        }
        Command::Cancel { caller, reason } => {
            let request = ("request", after.id.to_string());
            (caller, "request.cancel", request, reason.clone().unwrap_or_default())
        }
        Command::Claim { .. }
        | Command::Resolved { .. }
        | Command::ResolutionFailed { .. }
        | Command::Breach
        | Command::Expire => return None,
    };
    let Caller { subject, .. } = caller;
    Some(Audit {
        actor: subject.clone(),
        action,
        resource_type: kind,
        resource_id: id,
        summary,
        before: Some(view(before)),
        after: Some(view(after)),
    })
}

fn task(id: TaskId) -> (&'static str, String) {
    ("task", id.to_string())
}

fn assignee(request: &Request, id: TaskId) -> Option<&str> {
    request.tasks.iter().find(|task| task.id == id).map(|task| task.assignee.as_str())
}

/// What an auditor sees of a request.
fn view(request: &Request) -> Value {
    let tasks: Vec<Value> = request
        .tasks
        .iter()
        .map(|t| json!({"id": t.id.0, "assignee": t.assignee, "status": t.status.as_str()}))
        .collect();
    json!({"status": request.status.as_str(), "tasks": tasks})
}
