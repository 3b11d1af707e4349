//! Writes of policies: the body is read, the gate is asked, the database written, and the webhook told.

use crate::admission::{Asset, Operation, Write};
use crate::auth::Identity;
use crate::error::{ApiError, Reason};
use crate::extract::PolicyVersion;
use crate::policy;
use crate::state::AppState;
use axum::http::{HeaderMap, header};
use engine::policy::Policy;
use schemas::api::{PolicyCreate, PolicyOut};
use schemas::etag::IfMatch;
use schemas::policy::{Fault, as_written};
use store::once::Once;

const VERSION_ROUTE: &str = "/v1/awe/policies/{policy_key}/versions/{version}";
const ACTIVATE_ROUTE: &str = "/v1/awe/policies/{policy_key}/versions/{version}/activate";

fn write<'a>(operation: Operation, route: &'static str, key: &'a str) -> Write<'a> {
    Write { asset: Asset::Policy, operation, route, name: key }
}

fn read(body: &PolicyCreate, state: &AppState) -> Result<Policy, Vec<Fault>> {
    policy::read(body, state.egress(), Some(&state.config().credentials))
}

fn check_same_key(path: &str, body: &PolicyCreate) -> Result<(), ApiError> {
    if path == body.policy_key {
        return Ok(());
    }
    let text = format!("field policy_key: {} in the body, {path} in the URL", body.policy_key);
    Err(ApiError::new(Reason::PolicyKeyDiffers, text))
}

/// The condition of a write. Several headers are one list (RFC 9110).
fn if_match(headers: &HeaderMap) -> Result<Option<IfMatch>, ApiError> {
    let given = headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().ok());
    let refused = |why: &str| ApiError::invalid(format!("header If-Match: {why}; nothing was done"));
    let given = given.collect::<Option<Vec<&str>>>().ok_or_else(|| refused("must be ASCII"))?;
    if given.is_empty() {
        return Ok(None);
    }
    IfMatch::parse(&given.join(",")).map(Some).map_err(|why| refused(&why))
}

pub(crate) async fn create(
    state: &AppState,
    admin: &Identity,
    once: Option<&Once>,
    headers: &HeaderMap,
    body: &PolicyCreate,
) -> Result<PolicyOut, ApiError> {
    let policy = read(body, state)?;
    let write = write(Operation::Create, "/v1/awe/policies", &body.policy_key);
    state.admission().ask(write, headers, body).await?;
    let created = state.store().create_policy(body, &policy, &admin.acting(once)).await?;
    state.admission().tell(write, &admin.subject, &created);
    Ok(created)
}

pub(crate) async fn add_version(
    state: &AppState,
    admin: &Identity,
    headers: &HeaderMap,
    key: &str,
    body: &PolicyCreate,
) -> Result<PolicyOut, ApiError> {
    check_same_key(key, body)?;
    let policy = read(body, state)?;
    let write = write(Operation::AddVersion, "/v1/awe/policies/{policy_key}", key);
    state.admission().ask(write, headers, body).await?;
    let added = state.store().add_policy_version(body, &policy, &admin.actor()).await?;
    state.admission().tell(write, &admin.subject, &added);
    Ok(added)
}

pub(crate) async fn update_draft(
    state: &AppState,
    admin: &Identity,
    headers: &HeaderMap,
    at: &PolicyVersion,
    body: &PolicyCreate,
) -> Result<PolicyOut, ApiError> {
    let expected = if_match(headers)?;
    check_same_key(&at.key, body)?;
    let policy = read(body, state)?;
    let write = write(Operation::Update, VERSION_ROUTE, &at.key);
    state.admission().ask(write, headers, body).await?;
    let updated = state
        .store()
        .update_draft(&at.key, at.version, body, &policy, expected.as_ref(), &admin.actor())
        .await?;
    state.admission().tell(write, &admin.subject, &updated);
    Ok(updated)
}

/// An activation has no body: the gate judges the stored version, and `activate_judged_policy` refuses to activate any
/// other text than the one that was judged.
pub(crate) async fn activate(
    state: &AppState,
    admin: &Identity,
    once: Option<&Once>,
    headers: &HeaderMap,
    at: &PolicyVersion,
) -> Result<PolicyOut, ApiError> {
    let expected = if_match(headers)?;
    let write = write(Operation::Activate, ACTIVATE_ROUTE, &at.key);
    let policy = state.store().get_policy(&at.key, at.version).await?;
    if policy.status == "draft" {
        check_stored(&policy, state)?;
    }
    if state.admission().asks(Asset::Policy) {
        state.admission().ask(write, headers, &policy).await?;
    }
    let active =
        state.store().activate_judged_policy(&policy, expected.as_ref(), &admin.acting(once)).await?;
    state.admission().tell(write, &admin.subject, &active);
    Ok(active)
}

/// A draft may have been changed by SQL since it was written, so it is checked like a body.
fn check_stored(policy: &PolicyOut, state: &AppState) -> Result<(), ApiError> {
    let unreadable =
        |error: serde_json::Error| ApiError::new(Reason::FaultyPolicy, format!("the stored draft: {error}"));
    let written = serde_json::to_value(as_written(policy)).map_err(unreadable)?;
    let written: PolicyCreate = serde_json::from_value(written).map_err(unreadable)?;
    read(&written, state)?;
    Ok(())
}
