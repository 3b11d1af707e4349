//! Progress: what the engine says about a request as it is stored, with what its history and its resolver add.

use super::Requests;
use crate::{Error, clock};
use engine::ids::{RequestId, RuleId};
use engine::progress::{
    Known, Progress, StageProgress, TaskProgress, Unblock, Upcoming, WaitingFor, progress,
};
use engine::request::{Decision, Request};
use schemas::api::progress::{
    ProgressOut, StageProgressOut, TaskDecisionOut, TaskProgressOut, UnblockOut, UpcomingOut, WaitingForOut,
};
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// Most bytes of comments in one answer.
const MOST_COMMENTS: usize = 512 * 1024;

impl Requests {
    /// Why a request waits, who could move it, and what time alone will do. Reads the request as it is stored and
    /// writes nothing. `remind_before` is how long before a deadline people are reminded; `None` = never.
    ///
    /// # Errors
    /// [`Error::UnknownRequest`], [`Error::Overloaded`], [`Error::Unavailable`].
    pub async fn progress(&self, id: Uuid, remind_before: Option<Duration>) -> Result<ProgressOut, Error> {
        let _permit = self.in_flight.try_acquire().map_err(|_| Error::Overloaded)?;
        let (store, id) = (&self.shared.store, RequestId(id));
        let loaded = store.load_request(id).await?.ok_or(Error::UnknownRequest)?;
        let version = self.shared.catalog.version(loaded.request.policy_id).await?;
        let known = Known {
            told: store.told_of_stages(id).await?,
            resolver_at: loaded.resolve_after,
            remind_before: remind_before.and_then(|before| before.try_into().ok()),
        };
        let now = clock::now();
        let progress = progress(&version.policy, &loaded.request, &known, now).map_err(Error::Refused)?;
        Ok(out(&loaded.request, progress, now))
    }
}

fn out(request: &Request, progress: Progress<'_>, as_of: OffsetDateTime) -> ProgressOut {
    let mut room = MOST_COMMENTS;
    ProgressOut {
        request_id: request.id.0,
        status: request.status.as_str().to_owned(),
        round: 1,
        as_of,
        summary: progress.summary,
        stages: progress.stages.into_iter().map(|stage| stage_out(stage, &mut room)).collect(),
        waiting_for: progress.waiting_for.into_iter().map(waiting_out).collect(),
        next: progress.next.into_iter().map(upcoming_out).collect(),
        unblock: progress.unblock.into_iter().map(unblock_out).collect(),
    }
}

fn stage_out(stage: StageProgress<'_>, room: &mut usize) -> StageProgressOut {
    StageProgressOut {
        stage_id: stage.stage_id.0,
        stage_order: stage.order,
        name: stage.name.to_owned(),
        parallel_group: stage.parallel_group,
        state: stage.state.as_str().to_owned(),
        mode: stage.mode.as_str().to_owned(),
        mode_value: stage.mode.value().and_then(|value| value.try_into().ok()),
        needed: stage.needed,
        approvals: stage.approvals,
        rejections: stage.rejections,
        abstentions: stage.abstentions,
        seats: stage.seats,
        started_at: stage.started_at,
        completed_at: stage.completed_at,
        due_at: stage.due_at,
        outcome: stage.outcome.map(|outcome| outcome.as_str().to_owned()),
        reason: stage.reason.map(str::to_owned),
        tasks: stage.tasks.into_iter().map(|task| task_out(task, room)).collect(),
    }
}

fn task_out(TaskProgress { task, decision, rules }: TaskProgress<'_>, room: &mut usize) -> TaskProgressOut {
    TaskProgressOut {
        task_id: task.id.0,
        assignee: task.assignee.clone(),
        delegated_from: task.delegated_from.clone(),
        reassigned_from: task.reassigned_from.clone(),
        kind: task.kind.as_str().to_owned(),
        required: task.required,
        status: task.status.as_str().to_owned(),
        decision: decision.map(|decision| decision_out(decision, room)),
        due_at: task.due_at,
        rules: rules.into_iter().map(|RuleId(id)| id).collect(),
    }
}

/// Takes the comment's bytes from `room`, and leaves out a comment that does not fit.
fn decision_out(decision: &Decision, room: &mut usize) -> TaskDecisionOut {
    let comment = decision.comment.as_ref().filter(|comment| {
        let rest = room.checked_sub(comment.len());
        *room = rest.unwrap_or(*room);
        rest.is_some()
    });
    TaskDecisionOut {
        action: decision.action.as_str().to_owned(),
        actor: decision.actor.clone(),
        on_behalf_of: decision.on_behalf_of.clone(),
        comment: comment.cloned(),
        late: decision.late,
        created_at: decision.created_at,
    }
}

fn waiting_out(waiting: WaitingFor<'_>) -> WaitingForOut {
    WaitingForOut {
        kind: waiting.kind.as_str().to_owned(),
        stage_order: waiting.stage_order,
        who: waiting.who.into_iter().map(str::to_owned).collect(),
        since: waiting.since,
        needed: waiting.needed,
        error: waiting.error.map(str::to_owned),
    }
}

fn upcoming_out(upcoming: Upcoming) -> UpcomingOut {
    UpcomingOut {
        at: upcoming.at,
        what: upcoming.what.as_str().to_owned(),
        stage_order: upcoming.stage_order,
        effect: upcoming.effect.to_owned(),
    }
}

fn unblock_out(unblock: Unblock<'_>) -> UnblockOut {
    UnblockOut {
        action: unblock.action.as_str().to_owned(),
        who: unblock.who.into_iter().map(str::to_owned).collect(),
        stage_order: unblock.stage_order,
        task_id: unblock.task_id.map(|task| task.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::ids::{DecisionId, TaskId};
    use engine::request::Action;

    #[test]
    fn a_comment_that_does_not_fit_is_left_out_and_a_later_one_that_does_is_shown() {
        let mut room = MOST_COMMENTS;
        let shown: Vec<Option<usize>> = [MOST_COMMENTS - 10, 11, 10, 1]
            .into_iter()
            .map(|length| {
                let decision = Decision {
                    id: DecisionId(Uuid::nil()),
                    task_id: TaskId(Uuid::nil()),
                    stage_order: 1,
                    actor: "amina".to_owned(),
                    on_behalf_of: None,
                    action: Action::Approve,
                    comment: Some("x".repeat(length)),
                    attachments_ref: None,
                    artifact_digest: None,
                    late: false,
                    created_at: OffsetDateTime::UNIX_EPOCH,
                };
                decision_out(&decision, &mut room).comment.map(|comment| comment.len())
            })
            .collect();
        assert_eq!(shown, [Some(MOST_COMMENTS - 10), None, Some(10), None]);
    }
}
