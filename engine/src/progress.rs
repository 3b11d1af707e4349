//! Says why a request waits, who could move it, and what time alone will do to it.
//!
//! Everything is counted and judged by the functions that commands use, so an answer cannot disagree with what a
//! command would do.

mod facts;
mod known;
mod next;
mod rules;
mod shape;
mod stages;
mod summary;
mod unblock;
mod waiting;

pub use known::{Known, Told};
pub use shape::{
    ADMIN, Progress, StageProgress, TaskProgress, Unblock, UnblockAction, Upcoming, UpcomingKind, WaitKind,
    WaitingFor,
};

use crate::command::{Refusal, must_fit};
use crate::policy::Policy;
use crate::request::Request;
use facts::StageFacts;
use time::OffsetDateTime;

/// Returns the progress of a request at `now`. `known` adds what the request itself does not keep.
///
/// # Errors
/// [`Refusal::WrongPolicy`] if `policy` is another version than the one that the request keeps.
pub fn progress<'a>(
    policy: &'a Policy,
    request: &'a Request,
    known: &'a Known,
    now: OffsetDateTime,
) -> Result<Progress<'a>, Refusal> {
    must_fit(policy, request)?;
    let facts: Vec<StageFacts<'a>> =
        (0..policy.stages.len()).map(|index| StageFacts::of(policy, request, index)).collect();
    let waiting_for = waiting::waiting_for(request, &facts, known);
    let next = next::upcoming(request, &facts, known, now);
    let stages = stages::stages(request, &facts, known);
    Ok(Progress {
        summary: summary::summary(request, &stages, &waiting_for, &next, now),
        unblock: unblock::unblock(request, &facts),
        stages,
        waiting_for,
        next,
    })
}
