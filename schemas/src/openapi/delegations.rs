//! Routes under `/delegations`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Body, Guarded};
use crate::api::{DelegationCreate, DelegationOut, ErrorEnvelope, ListDelegationsQuery};

/// List delegations
///
/// Anyone's for an admin, one's own for everybody else.
#[utoipa::path(
    get, path = "/v1/awe/delegations", tag = "delegations", params(ListDelegationsQuery),
    responses(
        (status = 200, description = "Delegations, newest first", body = Vec<DelegationOut>),
        (status = 403, description = "AWE-008: somebody else's", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn list_delegations() {}

/// Create a delegation
///
/// For anyone by an admin, for oneself by everybody else.
#[utoipa::path(
    post, path = "/v1/awe/delegations", tag = "delegations", request_body = DelegationCreate,
    responses(
        (status = 201, description = "The delegation", body = DelegationOut),
        (status = 400, description = "AWE-010: it ends before it starts, or delegates to the same user",
            body = ErrorEnvelope),
        (status = 403, description = "AWE-008: somebody else's", body = ErrorEnvelope),
        (status = 409, description = "AWE-007: as many delegations as may be", body = ErrorEnvelope),
        Guarded, Body,
    ),
)]
fn create_delegation() {}

/// Delete a delegation
///
/// Anyone's by an admin, one's own by everybody else. Tasks already created stay where they are.
#[utoipa::path(
    delete, path = "/v1/awe/delegations/{delegation_id}", tag = "delegations",
    params(("delegation_id" = Uuid, Path, description = "Id of the delegation")),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "AWE-008: somebody else's", body = ErrorEnvelope),
        (status = 404, description = "AWE-004: no such delegation", body = ErrorEnvelope),
        Guarded,
    ),
)]
fn delete_delegation() {}
