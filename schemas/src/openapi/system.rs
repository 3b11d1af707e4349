//! Routes that are open to everybody.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::Parameters;
use crate::api::{ConfigResponse, ErrorEnvelope, HealthResponse, VersionResponse};

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

/// What is running
#[utoipa::path(
    get, path = "/v1/awe/version", tag = "system", security(()),
    responses((status = 200, description = "Version, build time and commit", body = VersionResponse), Parameters),
)]
fn version() {}

/// How it is configured
///
/// Nothing secret; says whether the service runs in dev mode.
#[utoipa::path(
    get, path = "/v1/awe/config", tag = "system", security(()),
    responses((status = 200, description = "Configuration", body = ConfigResponse), Parameters),
)]
fn config() {}
