//! Routes that are open to everybody.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Guarded, Parameters};
use crate::api::{ConfigResponse, ErrorEnvelope, HealthResponse, MeOut, VersionResponse};

/// Whether the service is up
#[utoipa::path(
    get, path = "/v1/awe/health", tag = "system", security(()),
    responses(
        (status = 200, description = "Up", body = HealthResponse),
        (status = 503, description = "AWE-005: starting; AWE-006: no database. Safe to try again",
            body = ErrorEnvelope, headers(("Retry-After" = u32, description = "Seconds to wait"))),
        Parameters,
    ),
)]
fn health() {}

/// Whether the process answers
///
/// Looks at nothing else, the database included: for whoever restarts a process that hangs.
#[utoipa::path(
    get, path = "/v1/awe/health/live", tag = "system", security(()),
    responses((status = 200, description = "It does", body = HealthResponse), Parameters),
)]
fn live() {}

/// Whether calls should be sent here
///
/// As `/health`, and 503 from the stop signal on, for some seconds before the process stops listening
/// (`server.unready_seconds`).
#[utoipa::path(
    get, path = "/v1/awe/health/ready", tag = "system", security(()),
    responses(
        (status = 200, description = "Yes", body = HealthResponse),
        (status = 503, description = "AWE-005: starting or stopping; AWE-006: no database. Safe to try again",
            body = ErrorEnvelope, headers(("Retry-After" = u32, description = "Seconds to wait"))),
        Parameters,
    ),
)]
fn ready() {}

/// Whether the process has started
#[utoipa::path(
    get, path = "/v1/awe/health/startup", tag = "system", security(()),
    responses(
        (status = 200, description = "It has", body = HealthResponse),
        (status = 503, description = "AWE-005: starting. Safe to try again",
            body = ErrorEnvelope, headers(("Retry-After" = u32, description = "Seconds to wait"))),
        Parameters,
    ),
)]
fn startup() {}

/// What is running
#[utoipa::path(
    get, path = "/v1/awe/version", tag = "system", security(()),
    responses((status = 200, description = "Version, build time and commit", body = VersionResponse), Parameters),
)]
fn version() {}

/// Who I am
///
/// What the service reads from the caller's token. Any token.
#[utoipa::path(
    get, path = "/v1/awe/me", tag = "system",
    responses((status = 200, description = "The caller", body = MeOut), Guarded),
)]
fn me() {}

/// How it is configured
///
/// Nothing secret. `sign_in` says what a browser needs to get a token: `issuer` and `client_id`, null where none is
/// configured, and `development`, true when unsigned tokens are accepted.
#[utoipa::path(
    get, path = "/v1/awe/config", tag = "system", security(()),
    responses((status = 200, description = "Configuration", body = ConfigResponse), Parameters),
)]
fn config() {}
