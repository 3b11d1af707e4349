//! Routes under `/policies`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Body, Directory, Guarded};
use crate::api::{
    ErrorEnvelope, PolicyCheckOut, PolicyCreate, PolicyDiffOut, PolicyDiffQuery, PolicyOut, PolicyReplayIn,
    PolicyReplayOut, PolicyVersionOut, SimulateRequest, SimulateResponse,
};

/// List policies
///
/// The newest version of each key. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/policies", tag = "policies",
    responses(
        (status = 200, description = "Newest version of each key", body = Vec<PolicyOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_policies() {}

/// Create a policy
///
/// Version 1, a draft. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/policies", tag = "policies", request_body = PolicyCreate,
    responses(
        (status = 201, description = "Version 1, a draft", body = PolicyOut,
            headers(("ETag" = String, description = "Which state of the version this is; for `If-Match`"))),
        (status = 400, description = "AWE-010: the policy is faulty; the message names stage and field",
            body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin; AWE-011: denied by the policy gate",
            body = ErrorEnvelope),
        (status = 409, description = "AWE-002: the key exists", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn create_policy() {}

/// Check a policy
///
/// Everything that a write would refuse, what cannot be read included, and where; when there is nothing, advice.
/// Whether the key exists is not looked at, and the policy gate is not asked. Nothing is written. Role: viewer.
#[utoipa::path(
    post, path = "/v1/awe/policies/validate", tag = "policies", request_body = PolicyCreate,
    responses(
        (status = 200, description = "What is wrong, also when a write would be refused", body = PolicyCheckOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn validate_policy() {}

/// Add a version
///
/// A new draft beside the versions that exist. Role: admin.
#[utoipa::path(
    put, path = "/v1/awe/policies/{policy_key}", tag = "policies", request_body = PolicyCreate,
    params(("policy_key" = String, Path, description = "Key of the policy")),
    responses(
        (status = 201, description = "The new draft", body = PolicyOut,
            headers(("ETag" = String, description = "Which state of the version this is; for `If-Match`"))),
        (status = 400, description = "AWE-010: the policy is faulty, or its key is not the one in the URL",
            body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin; AWE-011: denied by the policy gate",
            body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such policy", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn add_policy_version() {}

/// List versions
///
/// Newest first. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/policies/{policy_key}/versions", tag = "policies",
    params(("policy_key" = String, Path, description = "Key of the policy")),
    responses(
        (status = 200, description = "Versions, newest first", body = Vec<PolicyVersionOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such policy", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_policy_versions() {}

/// Get a version
///
/// Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/policies/{policy_key}/versions/{version}", tag = "policies",
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Version number, from 1"),
    ),
    responses(
        (status = 200, description = "The version", body = PolicyOut,
            headers(("ETag" = String, description = "Which state of the version this is; for `If-Match`"))),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_policy_version() {}

/// Edit a draft
///
/// Replaces what the draft says; active and archived versions are immutable. Role: admin.
#[utoipa::path(
    patch, path = "/v1/awe/policies/{policy_key}/versions/{version}", tag = "policies",
    request_body = PolicyCreate,
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Version number, from 1"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` of the version as the caller has read it: nothing is done when it has changed since"),
    ),
    responses(
        (status = 200, description = "The draft", body = PolicyOut,
            headers(("ETag" = String, description = "Which state of the version this is; for `If-Match`"))),
        (status = 400, description = "AWE-010: the policy is faulty, its key is not the one in the URL, or `If-Match` is no ETag",
            body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin; AWE-011: denied by the policy gate",
            body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        (status = 412, description = "AWE-013: not what `If-Match` names; somebody else was there first",
            body = ErrorEnvelope),
        (status = 409, description = "AWE-007: not a draft", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn update_policy_version() {}

/// Activate a version
///
/// New requests use it from now on; the version that was active is archived. An archived version may be
/// activated again (a roll-back); activating the active one changes nothing. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/policies/{policy_key}/versions/{version}/activate", tag = "policies",
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Version number, from 1"),
        ("If-Match" = Option<String>, Header,
            description = "`ETag` of the version as the caller has read it: nothing is done when it has changed since"),
    ),
    responses(
        (status = 200, description = "The active version", body = PolicyOut,
            headers(("ETag" = String, description = "Which state of the version this is; for `If-Match`"))),
        (status = 400, description = "AWE-010: the version is faulty, or `If-Match` is no ETag", body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin; AWE-011: denied by the policy gate",
            body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        (status = 412, description = "AWE-013: not what `If-Match` names; somebody else was there first",
            body = ErrorEnvelope),
        (status = 409, description = "AWE-007: changed by somebody else meanwhile", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn activate_policy_version() {}

/// Deactivate a version
///
/// Requests under way go on; new ones are refused. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/policies/{policy_key}/versions/{version}/deactivate", tag = "policies",
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Version number, from 1"),
    ),
    responses(
        (status = 200, description = "The archived version", body = PolicyOut,
            headers(("ETag" = String, description = "Which state of the version this is; for `If-Match`"))),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: the version is not active", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn deactivate_policy_version() {}

/// Compare two versions
///
/// What changes from the version in the path to `with`, in words that a committee understands. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/policies/{policy_key}/versions/{version}/diff", tag = "policies",
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Number of the version that is changed, from 1"),
        PolicyDiffQuery,
    ),
    responses(
        (status = 200, description = "What changes", body = PolicyDiffOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn diff_policy_versions() {}

/// Simulate a version
///
/// Whom each stage would ask, for a case that is made up. A context that does not keep the policy's
/// `context_schema` is refused with 422, as on create. Nothing is written. Role: viewer.
#[utoipa::path(
    post, path = "/v1/awe/policies/{policy_key}/versions/{version}/simulate", tag = "policies",
    request_body = SimulateRequest,
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Version number, from 1"),
    ),
    responses(
        (status = 200, description = "What each stage would do", body = SimulateResponse),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        Guarded, Body,
        (status = 422, description = "AWE-010: a field or parameter is missing, unknown, of a wrong type or out of \
            range; `detail` names it; AWE-010: the context does not keep the policy's schema; `detail` names what is \
            wrong", body = ErrorEnvelope),
        Directory,
    ),
)]
fn simulate_policy_version() {}

/// Replay requests under a version
///
/// What the version would have made of requests of this key that have ended: whom it would have asked, and what the
/// decisions that were made would have led to. Where a rule asks the same as the one that ran, its recorded seats
/// answer; else the staff directory does. Writes nothing. Role: viewer.
#[utoipa::path(
    post, path = "/v1/awe/policies/{policy_key}/versions/{version}/replay", tag = "policies",
    params(
        ("policy_key" = String, Path, description = "Key of the policy"),
        ("version" = i32, Path, description = "Number of the version that is tried, from 1"),
    ),
    request_body = PolicyReplayIn,
    responses(
        (status = 200, description = "Counts, and the requests of which something would have gone otherwise", body = PolicyReplayOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-001: no such version", body = ErrorEnvelope),
        Body,
        Guarded,
    ),
)]
fn replay_policy_version() {}
