//! What the history, the resolver and the notifier know about a request, and the request itself does not keep.

use crate::request::{Event, EventType};
use time::{Duration, OffsetDateTime};

/// Facts beside the request. Without them (`default`) an answer lacks the reasons and ends of stages, what resolvers
/// said, and reminders; it is right about everything else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The last event of each of the types in [`Told::TYPES`], for each stage.
    pub told: Vec<Told>,
    /// When a resolver asks (again); `None` when it owes nothing.
    pub resolver_at: Option<OffsetDateTime>,
    /// How long before a deadline people are reminded; `None` = never.
    pub remind_before: Option<Duration>,
}

/// What one event of the history says about a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub event_type: EventType,
    pub stage_order: i32,
    pub reason: Option<String>,
    pub at: OffsetDateTime,
}

impl Told {
    /// The types of events that progress is read from.
    pub const TYPES: [EventType; 4] = [
        EventType::StageCompleted,
        EventType::StageSkipped,
        EventType::StageResolutionFailed,
        EventType::RequestRejected,
    ];

    /// Reads an event; `None` when progress does not depend on it.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let read = Self::TYPES.contains(&event.event_type);
        let stage_order = event.stage_order.filter(|_| read)?;
        let (event_type, reason, at) = (event.event_type, event.reason.clone(), event.occurred_at);
        Some(Self { event_type, stage_order, reason, at })
    }
}

impl Known {
    /// The event with which a stage ended. A stage in which nobody can sit has none of its own, and the end of the
    /// request names it.
    pub(super) fn end_of(&self, stage_order: i32) -> Option<&Told> {
        let ends = [EventType::StageCompleted, EventType::StageSkipped, EventType::RequestRejected];
        let of_stage = |kind| move |told: &&Told| told.stage_order == stage_order && told.event_type == kind;
        ends.into_iter().find_map(|kind| self.told.iter().rev().find(of_stage(kind)))
    }

    /// Why resolvers failed last, if they failed since `since`. One event stands for all stages that are asked about
    /// together.
    pub(super) fn failure_since(&self, since: Option<OffsetDateTime>) -> Option<&str> {
        let failed = |told: &&Told| {
            told.event_type == EventType::StageResolutionFailed && since.is_none_or(|since| told.at >= since)
        };
        let last = self.told.iter().filter(failed).max_by_key(|told| told.at)?;
        last.reason.as_deref()
    }
}
