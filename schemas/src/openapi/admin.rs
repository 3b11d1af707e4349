//! Routes under `/admin`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Body, Guarded};
use crate::api::{
    AuditActionOut, CallbackPingIn, CallbackPingOut, CallbackSecretCreate, CallbackSecretCreatedOut,
    CallbackSecretOut, CallbackSecretRotate, CallbackSecretUpdate, DeliveryAttemptOut, DeliveryOut,
    EndpointOut, ErrorEnvelope, ExportSystemConfigQuery, ListAuditQuery, ListDeliveriesQuery, LogLevel,
    OverviewOut, PartsHealthOut, RequeuedOut, RetryDeliveriesIn, SystemConfigOut,
};

/// List deliveries
///
/// Newest first. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/deliveries", tag = "admin", params(ListDeliveriesQuery),
    responses(
        (status = 200, description = "Deliveries, newest first", body = Vec<DeliveryOut>,
            headers(("X-Next-Cursor" = String, description = "`cursor` of the next page; absent on the last. A page may hold less than its limit, or nothing, and have one: what no index finds is looked for in steps"))),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_deliveries() {}

/// List a delivery's attempts
///
/// Oldest first. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/deliveries/{delivery_id}/attempts", tag = "admin",
    params(("delivery_id" = Uuid, Path, description = "Id of the delivery")),
    responses(
        (status = 200, description = "Attempts, oldest first", body = Vec<DeliveryAttemptOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such delivery", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_delivery_attempts() {}

/// Retry a delivery
///
/// Due now, with all its attempts before it again. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/admin/deliveries/{delivery_id}/retry", tag = "admin",
    params(("delivery_id" = Uuid, Path, description = "Id of the delivery")),
    responses(
        (status = 200, description = "The delivery", body = DeliveryOut),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such delivery", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: already delivered", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn retry_delivery() {}

/// Retry many deliveries
///
/// Every delivery that all filters match. With `dry_run` none is touched, and the answer says how many it would be.
/// Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/admin/deliveries/retry", tag = "admin", request_body = RetryDeliveriesIn,
    responses(
        (status = 200, description = "How many", body = RequeuedOut),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: delivered ones are not tried again", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn retry_deliveries() {}

/// Read the overview
///
/// Numbers of the whole installation, some seconds old. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/stats/overview", tag = "admin",
    responses(
        (status = 200, description = "Numbers for a home page", body = OverviewOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_overview() {}

/// Read the health of each part
///
/// As the process sees it that answers: the database, NATS, events that wait for the stream, the issuer's keys, the
/// directory, and loops in trouble. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/health", tag = "admin",
    responses(
        (status = 200, description = "How each does", body = PartsHealthOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_parts_health() {}

/// List endpoints
///
/// How the endpoints of webhooks do, those with most to deliver first, at most 500. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/endpoints", tag = "admin",
    responses(
        (status = 200, description = "Endpoints with deliveries that wait or were given up, or with attempts in the last hour", body = Vec<EndpointOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_endpoints() {}

/// List audit actions
///
/// Newest first. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/audit", tag = "admin", params(ListAuditQuery),
    responses(
        (status = 200, description = "Actions, newest first", body = Vec<AuditActionOut>,
            headers(("X-Next-Cursor" = String, description = "`cursor` of the next page; absent on the last. A page may hold less than its limit, or nothing, and have one: what no index finds is looked for in steps"))),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_audit_actions() {}

/// List callback secrets
///
/// Without the secrets. Role: admin.
#[utoipa::path(
    get, path = "/v1/awe/admin/callback-secrets", tag = "admin",
    responses(
        (status = 200, description = "Callback secrets, newest first", body = Vec<CallbackSecretOut>),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_callback_secrets() {}

/// Create a callback secret
///
/// The answer shows the secret, this once. An unknown `credential` is refused with 422. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/admin/callback-secrets", tag = "admin", request_body = CallbackSecretCreate,
    responses(
        (status = 201, description = "The secret", body = CallbackSecretCreatedOut),
        (status = 400, description = "AWE-010: the given secret is malformed or shorter than 24 bytes",
            body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin; AWE-011: denied by the policy gate",
            body = ErrorEnvelope),
        (status = 409, description = "AWE-007: the caller has an active secret; rotate it", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn create_callback_secret() {}

/// Change a callback secret's credential
///
/// The secret itself stays as it is. Every attempt from now on is made with the credential named here; null = with
/// none. An unknown name is refused with 422. Role: admin.
#[utoipa::path(
    patch, path = "/v1/awe/admin/callback-secrets/{secret_id}", tag = "admin",
    request_body = CallbackSecretUpdate,
    params(("secret_id" = Uuid, Path, description = "Id of the secret")),
    responses(
        (status = 200, description = "The secret, without the secret", body = CallbackSecretOut),
        (status = 403, description = "AWE-008: not an admin; AWE-011: denied by the policy gate",
            body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such secret", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: revoked", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn update_callback_secret() {}

/// Rotate a callback secret
///
/// The new one signs at once, the old one beside it until the grace is over; it keeps the credential. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/admin/callback-secrets/{secret_id}/rotate", tag = "admin",
    request_body = CallbackSecretRotate,
    params(("secret_id" = Uuid, Path, description = "Id of the active secret")),
    responses(
        (status = 201, description = "The new secret, shown this once", body = CallbackSecretCreatedOut),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such secret", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: the secret is not active", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn rotate_callback_secret() {}

/// Revoke a callback secret
///
/// It signs nothing any more, from now on. Role: admin.
#[utoipa::path(
    delete, path = "/v1/awe/admin/callback-secrets/{secret_id}", tag = "admin",
    params(("secret_id" = Uuid, Path, description = "Id of the secret")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such secret", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: already revoked", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn revoke_callback_secret() {}

/// Send a test event
///
/// One POST of an event of type `ping` to the URL, at once: the same signing, guard and time limit as every webhook.
/// It is about no request (nil `request_id`, `sequence` 0), is not kept and not tried again. Role: admin.
#[utoipa::path(
    post, path = "/v1/awe/admin/callback-secrets/{secret_id}/ping", tag = "admin",
    request_body = CallbackPingIn,
    params(("secret_id" = Uuid, Path, description = "Id of a secret that signs")),
    responses(
        (status = 200, description = "What came of it, also when it failed", body = CallbackPingOut),
        (status = 400, description = "AWE-010: the URL is not allowed", body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such secret", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: it signs nothing any more", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn ping_callback_secret() {}

/// Show what is logged
///
/// By the process that answers; others may log something else. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/log-level", tag = "admin",
    responses(
        (status = 200, description = "What it logs", body = LogLevel),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn get_log_level() {}

/// Change what is logged
///
/// By the process that answers, until it ends. Audited. Role: admin.
#[utoipa::path(
    put, path = "/v1/awe/admin/log-level", tag = "admin", request_body = LogLevel,
    responses(
        (status = 200, description = "What it logs from now on", body = LogLevel),
        (status = 403, description = "AWE-008: not an admin", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn set_log_level() {}

/// Show every setting
///
/// Grouped, with secrets masked. Audited; 10 times a minute a caller, exports included. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/system-config", tag = "admin",
    responses(
        (status = 200, description = "Settings in groups", body = SystemConfigOut),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded,
        (status = 429, description = "AWE-007: too often; `Retry-After` says when to try again",
            body = ErrorEnvelope),
    ),
)]
fn get_system_config() {}

/// Export every setting
///
/// As a file, with secrets masked (`********`) unless both `include_sensitive` and `confirm_sensitive_export` are
/// true. Master keys are always masked, and in development mode no secret is exported. Audited; 10 times a minute a
/// caller, together with reading. Role: admin.
#[utoipa::path(
    get, path = "/v1/awe/admin/system-config/export", tag = "admin", params(ExportSystemConfigQuery),
    responses(
        (status = 200, description = "The file", content((String = "text/plain"),
            (serde_json::Value = "application/yaml"), (serde_json::Value = "application/json"))),
        (status = 400, description = "AWE-010: `include_sensitive` without `confirm_sensitive_export`",
            body = ErrorEnvelope),
        (status = 403, description = "AWE-008: not an admin, or secrets in development mode", body = ErrorEnvelope),
        Guarded,
        (status = 429, description = "AWE-007: too often; `Retry-After` says when to try again",
            body = ErrorEnvelope),
    ),
)]
fn export_system_config() {}
