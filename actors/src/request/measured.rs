//! What a transition means to those who look at numbers.

use crate::clock;
use engine::command::Transition;
use engine::request::{EventType, Request};
use std::time::Duration;
use telemetry::measure;

/// Counts what a committed transition did.
pub(super) fn transition(transition: &Transition) {
    for event in &transition.events {
        match event.event_type {
            EventType::RequestCreated => measure::created(),
            EventType::RequestApproved
            | EventType::RequestRejected
            | EventType::RequestCancelled
            | EventType::RequestExpired => ended(&transition.request),
            EventType::StageCompleted => measure::stage_ended("completed"),
            EventType::StageSkipped => measure::stage_ended("skipped"),
            EventType::StageEscalated => measure::stage_ended("escalated"),
            EventType::StageResolutionFailed => measure::stage_ended("resolution_failed"),
            EventType::TaskExpired => late(&transition.request, event.occurred_at),
            _ => {}
        }
    }
}

fn ended(request: &Request) {
    let at = request.completed_at.unwrap_or_else(clock::now);
    measure::ended(request.status.as_str(), since(at, request.created_at));
}

/// How long after their time tasks expired.
fn late(request: &Request, at: time::OffsetDateTime) {
    let due = request.tasks.iter().filter_map(|task| task.due_at).filter(|due| *due <= at).max();
    if let Some(due) = due {
        measure::fired_late(since(at, due));
    }
}

fn since(at: time::OffsetDateTime, earlier: time::OffsetDateTime) -> Duration {
    // Negative where clocks differ.
    Duration::try_from(at - earlier).unwrap_or_default()
}
