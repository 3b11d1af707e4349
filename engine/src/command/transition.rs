//! What comes of a command that is not refused.

use crate::delegation::LookedAt;
use crate::ids::TaskId;
use crate::request::{Decision, Event, Request, Task};
use std::sync::Arc;

/// What a command did. `request` is the whole new state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// State after, shared with whoever keeps it for the next command.
    pub request: Arc<Request>,
    /// New events, in sequence. Empty = nothing changed and nothing must be written.
    pub events: Vec<Event>,
    /// The decision made, for [`super::Command::Decide`].
    pub decision: Option<Decision>,
    /// The task that the command was about, or the new one for [`super::Command::Reassign`].
    pub task_id: Option<TaskId>,
    /// Whom it looked at, whether that changed anything or not.
    pub looked_at: LookedAt,
}

/// What differs between two states of one request: what a store must write.
#[derive(Debug, Clone, PartialEq)]
pub struct Changes<'a> {
    /// Tasks that are new.
    pub new_tasks: Vec<&'a Task>,
    /// Tasks that existed and differ.
    pub changed_tasks: Vec<&'a Task>,
    /// Decisions that are new.
    pub new_decisions: Vec<&'a Decision>,
}

impl<'a> Changes<'a> {
    /// Compares. Tasks and decisions are only ever appended, never removed or reordered.
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
