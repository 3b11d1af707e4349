//! What somebody could do now to move a request.

use super::facts::{StageFacts, UndecidedSeat};
use super::shape::{ADMIN, Unblock, UnblockAction};
use crate::command::actor::RESOLVER;
use crate::request::Request;

/// The seats of the running stages come first, and ending the request last.
pub(super) fn unblock<'a>(request: &'a Request, facts: &[StageFacts<'a>]) -> Vec<Unblock<'a>> {
    if request.status.is_terminal() {
        return Vec::new();
    }
    let mut actions: Vec<Unblock<'a>> = facts.iter().flat_map(of_seats).collect();
    if let Some(stage) = facts.iter().find(|stage| stage.asks()) {
        let (action, stage_order) = (UnblockAction::RetryResolver, Some(stage.stage.order));
        actions.push(Unblock { action, who: vec![RESOLVER], stage_order, task_id: None });
    }
    let who = vec![request.source_service.as_str(), ADMIN];
    actions.push(Unblock { action: UnblockAction::Cancel, who, stage_order: None, task_id: None });
    actions
}

fn of_seats<'a>(stage: &StageFacts<'a>) -> Vec<Unblock<'a>> {
    let order = Some(stage.stage.order);
    stage.undecided.iter().flat_map(|seat| of_seat(seat, order)).collect()
}

/// A delegation is no part of it: once it has moved a seat, it has no hold over it any more.
fn of_seat<'a>(seat: &UndecidedSeat<'a>, stage_order: Option<i32>) -> [Unblock<'a>; 2] {
    let holder = seat.able.then_some(seat.task.assignee.as_str());
    let action = |action, who| Unblock { action, who, stage_order, task_id: Some(seat.task.id) };
    [
        action(UnblockAction::Decide, holder.into_iter().chain([ADMIN]).collect()),
        action(UnblockAction::Reassign, vec![ADMIN]),
    ]
}
