//! Policies: versions, activation and simulation.

use crate::auth::{Admin, Listing, Viewer};
use crate::error::ApiError;
use crate::extract::{Body, Key, PolicyKey, PolicyVersion, Query};
use crate::operations::once::{self, Answered};
use crate::operations::requests::check_context;
use crate::operations::{policies, policy_check, policy_diff};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::api::{
    PolicyCheckOut, PolicyCreate, PolicyDiffOut, PolicyDiffQuery, PolicyOut, PolicyReplayIn, PolicyReplayOut,
    PolicyVersionOut, SimulateRequest, SimulateResponse,
};
use schemas::json::RawJson;
use schemas::policy::entity_tag;

type Answer<T> = Result<Json<T>, ApiError>;

/// One version of a policy, with its `ETag`.
#[derive(Debug)]
pub(super) struct Version(PolicyOut);

impl IntoResponse for Version {
    fn into_response(self) -> Response {
        let tag = entity_tag(&self.0).map_err(|error| error.to_string());
        let tag = tag.and_then(|tag| HeaderValue::try_from(tag).map_err(|error| error.to_string()));
        match tag {
            Ok(tag) => ([(header::ETAG, tag)], Json(self.0)).into_response(),
            Err(cause) => ApiError::internal(cause).into_response(),
        }
    }
}

pub(super) async fn list(State(state): State<AppState>, _: Viewer, _: Listing) -> Answer<Vec<PolicyOut>> {
    Ok(Json(state.store().list_policies().await?))
}

pub(super) async fn create(
    State(state): State<AppState>,
    Admin(admin): Admin,
    key: Key,
    headers: HeaderMap,
    Body(body): Body<PolicyCreate>,
) -> Result<Answered<(StatusCode, Version)>, ApiError> {
    let once = key.of(&admin, &body)?;
    let creating = policies::create(&state, &admin, once.as_ref(), &headers, &body);
    let created = once::answer(&state, once.as_ref(), creating).await?;
    Ok(created.map(|created| (StatusCode::CREATED, Version(created))))
}

pub(super) async fn validate(
    State(state): State<AppState>,
    _: Viewer,
    _: Listing,
    Body(written): Body<RawJson>,
) -> Answer<PolicyCheckOut> {
    Ok(Json(policy_check::check(&state, written).await?))
}

pub(super) async fn add_version(
    State(state): State<AppState>,
    Admin(admin): Admin,
    PolicyKey(key): PolicyKey,
    headers: HeaderMap,
    Body(body): Body<PolicyCreate>,
) -> Result<(StatusCode, Version), ApiError> {
    let added = policies::add_version(&state, &admin, &headers, &key, &body).await?;
    Ok((StatusCode::CREATED, Version(added)))
}

pub(super) async fn list_versions(
    State(state): State<AppState>,
    _: Viewer,
    PolicyKey(key): PolicyKey,
) -> Answer<Vec<PolicyVersionOut>> {
    Ok(Json(state.store().list_versions(&key).await?))
}

pub(super) async fn read(
    State(state): State<AppState>,
    _: Viewer,
    at: PolicyVersion,
) -> Result<Version, ApiError> {
    Ok(Version(state.store().get_policy(&at.key, at.version).await?))
}

pub(super) async fn update(
    State(state): State<AppState>,
    Admin(admin): Admin,
    at: PolicyVersion,
    headers: HeaderMap,
    Body(body): Body<PolicyCreate>,
) -> Result<Version, ApiError> {
    Ok(Version(policies::update_draft(&state, &admin, &headers, &at, &body).await?))
}

pub(super) async fn activate(
    State(state): State<AppState>,
    Admin(admin): Admin,
    at: PolicyVersion,
    key: Key,
    headers: HeaderMap,
) -> Result<Answered<Version>, ApiError> {
    let once = key.of(&admin, &())?;
    let activating = policies::activate(&state, &admin, once.as_ref(), &headers, &at);
    Ok(once::answer(&state, once.as_ref(), activating).await?.map(Version))
}

pub(super) async fn deactivate(
    State(state): State<AppState>,
    Admin(admin): Admin,
    at: PolicyVersion,
    key: Key,
) -> Result<Answered<Version>, ApiError> {
    let once = key.of(&admin, &())?;
    let actor = admin.acting(once.as_ref());
    let deactivating = async { Ok(state.store().deactivate_policy(&at.key, at.version, &actor).await?) };
    Ok(once::answer(&state, once.as_ref(), deactivating).await?.map(Version))
}

pub(super) async fn diff(
    State(state): State<AppState>,
    _: Viewer,
    at: PolicyVersion,
    Query(query): Query<PolicyDiffQuery>,
) -> Answer<PolicyDiffOut> {
    Ok(Json(policy_diff::compare(&state, at, query.with).await?))
}

pub(super) async fn replay(
    State(state): State<AppState>,
    Viewer(viewer): Viewer,
    _: Listing,
    at: PolicyVersion,
    Body(body): Body<PolicyReplayIn>,
) -> Answer<PolicyReplayOut> {
    Ok(Json(state.requests()?.replay_policy(&viewer.subject, &at.key, at.version, body).await?))
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
