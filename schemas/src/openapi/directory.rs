//! Routes under `/admin/directory`.
#![expect(dead_code, reason = "each function carries the description of a route")]

use super::answers::{Directory, Guarded};
use crate::api::{
    DirectoryClientOut, DirectoryGroupOut, DirectoryQuery, DirectoryRoleOut, DirectoryRolesQuery,
    DirectoryUserOut, DirectoryUsersQuery, ErrorEnvelope,
};

/// Find users
///
/// Whose login name, name or mail address holds `q`, at most 50; or the one with this `id`. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/directory/users", tag = "admin", params(DirectoryUsersQuery),
    responses(
        (status = 200, description = "What was found", body = Vec<DirectoryUserOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded, Directory,
    ),
)]
fn find_users() {}

/// Find roles
///
/// Of the realm, or of one client. At most 50. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/directory/roles", tag = "admin", params(DirectoryRolesQuery),
    responses(
        (status = 200, description = "What was found", body = Vec<DirectoryRoleOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded, Directory,
    ),
)]
fn find_roles() {}

/// Find groups
///
/// At any depth; those at the top without `q`. At most 50. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/directory/groups", tag = "admin", params(DirectoryQuery),
    responses(
        (status = 200, description = "What was found", body = Vec<DirectoryGroupOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded, Directory,
    ),
)]
fn find_groups() {}

/// Find clients
///
/// Whose roles a policy can name. At most 50. Role: viewer.
#[utoipa::path(
    get, path = "/v1/awe/admin/directory/clients", tag = "admin", params(DirectoryQuery),
    responses(
        (status = 200, description = "What was found", body = Vec<DirectoryClientOut>),
        (status = 403, description = "AWE-008: not a viewer", body = ErrorEnvelope),
        Guarded, Directory,
    ),
)]
fn find_clients() {}
