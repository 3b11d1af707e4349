//! Delegations: who sits for whom while they are away.

use super::limits;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A delegation to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DelegationCreate {
    /// Who is away (a subject id).
    #[serde(deserialize_with = "limits::subject")]
    #[schema(min_length = 1, max_length = 200, example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub user_id: String,
    /// Who sits instead (a subject id).
    #[serde(deserialize_with = "limits::subject")]
    #[schema(min_length = 1, max_length = 200, example = "0c0f4c0e-6a1f-4a6b-8f44-2f8b0c7e9d21")]
    pub delegate_to: String,
    /// First moment.
    #[serde(
        serialize_with = "time::serde::rfc3339::serialize",
        deserialize_with = "crate::moment::deserialize"
    )]
    #[schema(example = "2026-02-01T00:00:00Z")]
    pub starts_at: OffsetDateTime,
    /// First moment after.
    #[serde(
        serialize_with = "time::serde::rfc3339::serialize",
        deserialize_with = "crate::moment::deserialize"
    )]
    #[schema(example = "2026-03-01T00:00:00Z")]
    pub ends_at: OffsetDateTime,
    /// Why.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 10_000>")]
    #[schema(max_length = 10_000, example = "Annual leave.")]
    pub reason: Option<String>,
}

/// A delegation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DelegationOut {
    /// Id.
    pub id: Uuid,
    /// Who is away.
    #[schema(example = "f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11")]
    pub user_id: String,
    /// Who sits instead.
    #[schema(example = "0c0f4c0e-6a1f-4a6b-8f44-2f8b0c7e9d21")]
    pub delegate_to: String,
    /// First moment.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-02-01T00:00:00Z")]
    pub starts_at: OffsetDateTime,
    /// First moment after.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-03-01T00:00:00Z")]
    pub ends_at: OffsetDateTime,
    /// Why.
    #[schema(example = "Annual leave.")]
    pub reason: Option<String>,
    /// Subject that created it.
    pub created_by: Option<String>,
    /// When it was created.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    #[schema(example = "2026-01-31T08:15:00Z")]
    pub updated_at: OffsetDateTime,
}

/// Filters of `GET /delegations`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListDelegationsQuery {
    /// Only of this user; a user who is no administrator sees only their own.
    #[serde(default, deserialize_with = "limits::opt_text::<_, 0, 200>")]
    #[param(max_length = 200)]
    pub user_id: Option<String>,
    /// At most this many: 1 to 500, 50 when absent.
    #[serde(default = "limits::limit_default", deserialize_with = "limits::limit")]
    #[param(default = 50, minimum = 1, maximum = 500)]
    pub limit: u32,
}
