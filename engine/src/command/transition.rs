//! What one command did.

use crate::delegation::LookedAt;
use crate::ids::TaskId;
use crate::request::{Decision, Event, Request, Task};
use std::sync::Arc;

/// What one command did: the new state, its events, and whom it looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// The whole new state. It is shared, because callers keep it for the next command.
    pub request: Arc<Request>,
    /// The new events, by sequence. Empty = nothing changed and nothing must be written.
    pub events: Vec<Event>,
    /// The decision that [`super::Command::Decide`] made.
    pub decision: Option<Decision>,
    /// The task that the command was about; for [`super::Command::Reassign`] the new task.
    pub task_id: Option<TaskId>,
    /// The people whom the command looked at, whether or not that changed anything.
    pub looked_at: LookedAt,
}

/// The difference between two states of one request, which a store must write.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes<'a> {
    pub new_tasks: Vec<&'a Task>,
    /// Tasks that existed before and differ.
    pub changed_tasks: Vec<&'a Task>,
    pub new_decisions: Vec<&'a Decision>,
}

impl<'a> Changes<'a> {
    /// Compares two states; `before` is `None` for a new request. Tasks and decisions are only ever appended, never
    /// removed or reordered.
    #[must_use]
    pub fn between(before: Option<&Request>, after: &'a Request) -> Self {
        let (tasks, decisions) = before.map_or((&[][..], 0), |b| (&b.tasks[..], b.decisions.len()));
        Self {
            new_tasks: after.tasks[tasks.len()..].iter().collect(),
            changed_tasks: after.tasks.iter().zip(tasks).filter(|(a, b)| a != b).map(|(a, _)| a).collect(),
            new_decisions: after.decisions[decisions..].iter().collect(),
        }
    }
}
