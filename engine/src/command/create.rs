//! The creation of a request.

use super::advance;
use super::work::Work;
use super::{Create, Environment, Transition};
use crate::ids::IdSource;
use crate::request::{EventType, Request, RequestStatus, StageRun, StageState};
use serde_json::json;

/// Creates a request and starts its first group. Never refused, because every stored policy can be started.
pub fn create(env: &Environment<'_>, create: Create, ids: &mut dyn IdSource) -> Transition {
    let policy = env.policy;
    let waiting = |stage: &crate::policy::Stage| StageRun {
        stage_id: stage.id,
        order: stage.order,
        state: StageState::Waiting,
        escalated: false,
    };
    let request = Request {
        id: create.id,
        policy_id: policy.id,
        status: RequestStatus::Pending,
        current_stage_order: 0,
        requester: create.requester,
        source_service: create.source_service,
        context: create.context,
        expires_at: create.expires_at,
        created_at: env.now,
        completed_at: None,
        last_sequence: 0,
        stages: policy.stages.iter().map(waiting).collect(),
        tasks: Vec::new(),
        decisions: Vec::new(),
    };
    let actor = request.source_service.clone();
    let payload = json!({
        "context_sha256": create.context_sha256,
        "context": create.context_told.then_some(&*request.context),
        "policy_key": policy.key,
        "policy_version": policy.version,
        "policy_sha256": create.policy_sha256,
        "requester": request.requester,
        "source_service": request.source_service,
    });
    let mut w = Work::new(env, request, &actor, ids);
    w.emit(EventType::RequestCreated, None, None, payload);
    advance::start_next_group(&mut w);
    w.finish()
}
