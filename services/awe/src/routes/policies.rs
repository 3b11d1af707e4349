//! Policies: versions, activation and simulation.

use super::requests::check_context;
use crate::admission::{Kind, Operation, Write};
use crate::auth::{Admin, Listing, Viewer};
use crate::config::Credentials;
use crate::error::{ApiError, Reason};
use crate::extract::{Body, PolicyKey, PolicyVersion};
use crate::state::AppState;
use actors::ContextSchema;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use engine::ids::PolicyId;
use engine::policy::{HttpAuth, Policy, http_auth};
use outbound::Egress;
use schemas::api::{PolicyCreate, PolicyOut, PolicyVersionOut, SimulateRequest, SimulateResponse};
use schemas::policy::{Fault, as_written, to_engine};
use uuid::Uuid;

type Answer<T> = Result<Json<T>, ApiError>;
type Made<T> = Result<(StatusCode, Json<T>), ApiError>;

/// The policy as the engine sees it, under fresh ids; or every fault. Without `credentials` it is not known which ones
/// the server has, and their names are not judged.
pub(crate) fn read_policy(
    policy: &PolicyCreate,
    egress: &Egress,
    credentials: Option<&Credentials>,
) -> Result<Policy, Vec<Fault>> {
    // The database gives the number of the version.
    let read = to_engine(policy, PolicyId(Uuid::now_v7()), 1, &mut Uuid::now_v7);
    let mut faults = http_faults(policy, egress, credentials);
    // Anything but an object has its fault already.
    if let Some(Err(message)) =
        policy.context_schema.as_ref().filter(|schema| schema.is_object()).map(ContextSchema::compile)
    {
        faults.push(Fault { stage: None, field: "context_schema".to_owned(), message });
    }
    match read {
        Ok(policy) if faults.is_empty() => Ok(policy),
        read => Err(read.err().into_iter().flatten().chain(faults).collect()),
    }
}

fn read_here(policy: &PolicyCreate, state: &AppState) -> Result<Policy, Vec<Fault>> {
    read_policy(policy, state.egress(), Some(&state.config().credentials))
}

/// A draft may have been changed by SQL since it was written: it must be what could be written now.
fn check_stored(policy: &PolicyOut, state: &AppState) -> Result<(), ApiError> {
    let unreadable =
        |error: serde_json::Error| ApiError::new(Reason::FaultyPolicy, format!("the stored draft: {error}"));
    let written = serde_json::to_value(as_written(policy)).map_err(unreadable)?;
    let written: PolicyCreate = serde_json::from_value(written).map_err(unreadable)?;
    read_here(&written, state)?;
    Ok(())
}

/// `http` rules that would never be answered here: an address that is not allowed, a credential that is not configured.
fn http_faults(policy: &PolicyCreate, egress: &Egress, credentials: Option<&Credentials>) -> Vec<Fault> {
    let mut faults = Vec::new();
    for stage in &policy.stages {
        for (field, rules) in [("rules", &stage.rules), ("escalation_rules", &stage.escalation_rules)] {
            for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.rule_type == "http") {
                let mut fault = |part: &str, message: String| {
                    let field = format!("{field}[{index}].rule_value.{part}");
                    faults.push(Fault { stage: Some(stage.stage_order), field, message });
                };
                let url = rule.rule_value.get("url").and_then(|url| url.as_str());
                if let Some(Err(error)) = url.map(|url| egress.check_url(url)) {
                    fault("url", error.to_string());
                }
                // What is no auth at all is told when the rule is read.
                if let (Ok(auth), Some(known)) = (http_auth(&rule.rule_value), credentials)
                    && let Err(message) = check_credential(auth, known)
                {
                    fault("auth", message);
                }
            }
        }
    }
    faults
}

fn check_credential(auth: HttpAuth<'_>, known: &Credentials) -> Result<(), String> {
    let Some(name) = auth.credential else { return Ok(()) };
    let credential = known.get(name).ok_or_else(|| format!("no credential `{name}` is configured"))?;
    match auth.kind {
        Some(kind) if kind != credential.kind() => {
            Err(format!("credential `{name}` is of type `{}`, not `{kind}`", credential.kind()))
        }
        _ => Ok(()),
    }
}

/// A write that the policy gate is asked about, by the route it came on.
fn write<'a>(operation: Operation, route: &'static str, name: &'a str) -> Write<'a> {
    Write { kind: Kind::Policy, operation, route, name }
}

fn same_key(path: &str, body: &PolicyCreate) -> Result<(), ApiError> {
    if path == body.policy_key {
        return Ok(());
    }
    let text = format!("field policy_key: {} in the body, {path} in the URL", body.policy_key);
    Err(ApiError::new(Reason::PolicyKeyDiffers, text))
}

pub(super) async fn list(State(state): State<AppState>, _: Viewer, _: Listing) -> Answer<Vec<PolicyOut>> {
    Ok(Json(state.store().list_policies().await?))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Admin(admin): Admin,
    headers: HeaderMap,
    Body(body): Body<PolicyCreate>,
) -> Made<PolicyOut> {
    let policy = read_here(&body, &state)?;
    let write = write(Operation::Create, "/v1/awe/policies", &body.policy_key);
    state.admission().ask(write, &headers, &body).await?;
    let created = state.store().create_policy(&body, &policy, &admin.actor()).await?;
    state.admission().tell(write, &admin.subject, &created);
    Ok((StatusCode::CREATED, Json(created)))
}

pub(super) async fn add_version(
    State(state): State<AppState>,
    Admin(admin): Admin,
    PolicyKey(key): PolicyKey,
    headers: HeaderMap,
    Body(body): Body<PolicyCreate>,
) -> Made<PolicyOut> {
    same_key(&key, &body)?;
    let policy = read_here(&body, &state)?;
    let write = write(Operation::AddVersion, "/v1/awe/policies/{policy_key}", &key);
    state.admission().ask(write, &headers, &body).await?;
    let added = state.store().add_policy_version(&body, &policy, &admin.actor()).await?;
    state.admission().tell(write, &admin.subject, &added);
    Ok((StatusCode::CREATED, Json(added)))
}

pub(super) async fn list_versions(
    State(state): State<AppState>,
    _: Viewer,
    PolicyKey(key): PolicyKey,
) -> Answer<Vec<PolicyVersionOut>> {
    Ok(Json(state.store().list_versions(&key).await?))
}

pub(super) async fn read(State(state): State<AppState>, _: Viewer, at: PolicyVersion) -> Answer<PolicyOut> {
    Ok(Json(state.store().get_policy(&at.key, at.version).await?))
}

pub(super) async fn update(
    State(state): State<AppState>,
    Admin(admin): Admin,
    at: PolicyVersion,
    headers: HeaderMap,
    Body(body): Body<PolicyCreate>,
) -> Answer<PolicyOut> {
    same_key(&at.key, &body)?;
    let policy = read_here(&body, &state)?;
    let write = write(Operation::Update, "/v1/awe/policies/{policy_key}/versions/{version}", &at.key);
    state.admission().ask(write, &headers, &body).await?;
    let updated = state.store().update_draft(&at.key, at.version, &body, &policy, &admin.actor()).await?;
    state.admission().tell(write, &admin.subject, &updated);
    Ok(Json(updated))
}

pub(super) async fn activate(
    State(state): State<AppState>,
    Admin(admin): Admin,
    at: PolicyVersion,
    headers: HeaderMap,
) -> Answer<PolicyOut> {
    let route = "/v1/awe/policies/{policy_key}/versions/{version}/activate";
    let write = write(Operation::Activate, route, &at.key);
    // There is no body: what would come into force is judged, and nothing else comes into force.
    let policy = state.store().get_policy(&at.key, at.version).await?;
    if policy.status == "draft" {
        check_stored(&policy, &state)?;
    }
    if state.admission().asks(Kind::Policy) {
        state.admission().ask(write, &headers, &policy).await?;
    }
    let active = state.store().activate_judged_policy(&policy, &admin.actor()).await?;
    state.admission().tell(write, &admin.subject, &active);
    Ok(Json(active))
}

pub(super) async fn deactivate(
    State(state): State<AppState>,
    Admin(admin): Admin,
    at: PolicyVersion,
) -> Answer<PolicyOut> {
    Ok(Json(state.store().deactivate_policy(&at.key, at.version, &admin.actor()).await?))
}

pub(super) async fn simulate(
    State(state): State<AppState>,
    Viewer(viewer): Viewer,
    at: PolicyVersion,
    Body(mut body): Body<SimulateRequest>,
) -> Answer<SimulateResponse> {
    check_context(&body.context, &state)?;
    body.requester.get_or_insert_with(|| viewer.subject.clone());
    Ok(Json(state.requests()?.simulate(&viewer.subject, &at.key, at.version, body).await?))
}
