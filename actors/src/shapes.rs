//! Turns the engine's state into the bodies of the API.

use crate::Error;
use crate::request::Applied;
use engine::command::Command;
use engine::ids::TaskId;
use engine::policy::Policy;
use engine::request::{Decision, Request, Task};
use schemas::api::decision::DecisionOut;
use schemas::api::request::{CreateRequestIn, CreateRequestOut, RequestOut};
use schemas::api::task::TaskOut;
use schemas::json::RawJson;
use store::commit::{Idempotency, Meta};
use store::once::Once;
use time::OffsetDateTime;

/// Most bytes of context that an answer may repeat.
const MOST_REPEATED: usize = 512 * 1024;

pub(crate) fn created(request: &Request, meta: &Meta, policy: &Policy) -> CreateRequestOut {
    let context = RawJson::of(&request.context).ok();
    let mut answer = CreateRequestOut {
        request_id: request.id.0,
        status: request.status.as_str().to_owned(),
        current_stage_order: request.current_stage_order,
        tasks: request.tasks.iter().map(|t| task((request, meta, policy), t, None)).collect(),
    };
    show_context(&mut answer, context.as_ref());
    answer
}

/// Adds the context to each task of an answer, unless that would repeat too many bytes.
pub(crate) fn show_context(answer: &mut CreateRequestOut, context: Option<&RawJson>) {
    let repeated = context.map_or(0, |context| context.text().len().saturating_mul(answer.tasks.len()));
    for task in &mut answer.tasks {
        task.context = context.filter(|_| repeated <= MOST_REPEATED).cloned();
    }
}

/// The form in which an answer is stored for a repeated create: without the context, which the request has.
pub(crate) fn stored(answer: &CreateRequestOut) -> Result<RawJson, Error> {
    let mut answer = answer.clone();
    show_context(&mut answer, None);
    written(&answer)
}

/// The key of a command with its answer, as it is stored: without the context, which the request has. `None` for a
/// command that no caller gives.
pub(crate) fn keyed(once: &Once, command: &Command, applied: &Applied) -> Result<Option<Idempotency>, Error> {
    let (transition, meta) = (&applied.transition, &*applied.meta);
    let of = (&*transition.request, meta, &applied.version.policy);
    let response = match command {
        Command::Decide { .. } => {
            transition.decision.as_ref().map(|d| written(&decision(&transition.request, d)))
        }
        Command::Claim { .. } | Command::Reassign { .. } => {
            let seen = transition.request.tasks.iter().find(|task| Some(task.id) == transition.task_id);
            seen.map(|seen| written(&task(of, seen, None)))
        }
        Command::Cancel { .. } => Some(written(&cancelled(applied)?)),
        Command::Resolved { .. } | Command::ResolutionFailed { .. } | Command::Breach | Command::Expire => {
            None
        }
    };
    let Some(response) = response.transpose()? else { return Ok(None) };
    Ok(Some(Idempotency { once: once.clone(), response }))
}

fn cancelled(applied: &Applied) -> Result<RequestOut, Error> {
    let answer = request(&applied.transition.request, &applied.meta, applied.updated_at)?;
    Ok(RequestOut { context: written(&serde_json::Value::Null)?, ..answer })
}

fn written(value: &impl serde::Serialize) -> Result<RawJson, Error> {
    RawJson::of(value).map_err(|error| Error::Internal(error.to_string()))
}

pub(crate) fn task_by_id(request: &Request, id: TaskId, meta: &Meta, policy: &Policy) -> Option<TaskOut> {
    let context = RawJson::of(&request.context).ok();
    request.tasks.iter().find(|t| t.id == id).map(|t| task((request, meta, policy), t, context))
}

/// The name of the assignee is left out: the directory knows it.
fn task(
    (request, meta, policy): (&Request, &Meta, &Policy),
    task: &Task,
    context: Option<RawJson>,
) -> TaskOut {
    let decided = task.decision_id.and_then(|id| request.decisions.iter().find(|d| d.id == id));
    let stage = policy.stages.iter().find(|stage| stage.id == task.stage_id);
    TaskOut {
        id: task.id.0,
        request_id: request.id.0,
        stage_id: task.stage_id.0,
        stage_order: task.stage_order,
        assignee: task.assignee.clone(),
        kind: task.kind.as_str().to_owned(),
        delegated_from: task.delegated_from.clone(),
        reassigned_from: task.reassigned_from.clone(),
        status: task.status.as_str().to_owned(),
        claimed_at: task.claimed_at,
        completed_at: task.completed_at,
        due_at: task.due_at,
        decision_id: task.decision_id.map(|d| d.0),
        decision_action: decided.map(|d| d.action.as_str().to_owned()),
        decision_comment: decided.and_then(|d| d.comment.clone()),
        created_at: task.created_at,
        context,
        artifact_type: Some(meta.artifact_type.clone()),
        policy_key: Some(meta.policy_key.clone()),
        artifact_id: Some(meta.artifact_id.clone()),
        requester: Some(request.requester.clone()),
        title: meta.title.clone(),
        summary: meta.summary.clone(),
        artifact_url: meta.artifact_url.clone(),
        stage_name: stage.map(|stage| stage.name.clone()),
        comment_required: stage.map(|stage| stage.comment_required.as_str().to_owned()),
        request_status: Some(request.status.as_str().to_owned()),
        assignee_name: None,
    }
}

pub(crate) fn decision(request: &Request, decision: &Decision) -> DecisionOut {
    let task = request.tasks.iter().find(|task| task.id == decision.task_id);
    DecisionOut {
        id: decision.id.0,
        request_id: request.id.0,
        task_id: decision.task_id.0,
        stage_order: decision.stage_order,
        actor: decision.actor.clone(),
        action: decision.action.as_str().to_owned(),
        comment: decision.comment.clone(),
        attachments_ref: decision.attachments_ref.clone(),
        artifact_digest: decision.artifact_digest.clone(),
        late: decision.late,
        on_behalf_of: decision.on_behalf_of.clone(),
        delegated_from: task.and_then(|task| task.delegated_from.clone()),
        reassigned_from: task.and_then(|task| task.reassigned_from.clone()),
        created_at: decision.created_at,
    }
}

/// `updated_at` is the time of the last event, as in the row.
pub(crate) fn request(r: &Request, meta: &Meta, updated_at: OffsetDateTime) -> Result<RequestOut, Error> {
    Ok(RequestOut {
        id: r.id.0,
        policy_id: r.policy_id.0,
        policy_key: meta.policy_key.clone(),
        policy_version: meta.policy_version,
        artifact_type: meta.artifact_type.clone(),
        artifact_id: meta.artifact_id.clone(),
        title: meta.title.clone(),
        summary: meta.summary.clone(),
        artifact_url: meta.artifact_url.clone(),
        source_service: r.source_service.clone(),
        requester: Some(r.requester.clone()),
        context: written(&r.context)?,
        status: r.status.as_str().to_owned(),
        current_stage_order: r.current_stage_order,
        callback_url: meta.callback_url.clone(),
        callback_events: meta.callback_events.clone(),
        expires_at: r.expires_at,
        completed_at: r.completed_at,
        created_at: r.created_at,
        updated_at,
    })
}

/// The body of a create, as compared with a later one under the same idempotency key.
pub(crate) fn body_of(body: &CreateRequestIn) -> Result<RawJson, Error> {
    written(body)
}
