//! What another version of a policy would have made of requests that have ended.

use super::limits;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

/// Which requests to replay: the newest `last`, or those created at `since` or later, at most 1,000.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyReplayIn {
    /// At most this many, the newest: 1 to 1,000; 100 when absent, 1,000 with `since`.
    #[serde(default, deserialize_with = "limits::opt_last")]
    #[schema(minimum = 1, maximum = 1_000, example = 100)]
    pub last: Option<u32>,
    /// Only created at this moment (RFC 3339) or later.
    #[serde(
        default,
        serialize_with = "time::serde::rfc3339::option::serialize",
        deserialize_with = "crate::moment::deserialize_option"
    )]
    #[schema(example = "2026-01-01T00:00:00Z")]
    pub since: Option<OffsetDateTime>,
}

/// What the version would have made of them. Nothing is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyReplayOut {
    /// The policy.
    #[schema(example = "registry.change-request")]
    pub policy_key: String,
    /// The version that was tried.
    #[schema(example = 3)]
    pub version: i32,
    /// Finished requests that were replayed, whatever version they ran under.
    #[schema(example = 100)]
    pub looked_at: i64,
    /// There are more: the replay took its bound of 20 s.
    #[schema(example = false)]
    pub stopped_early: bool,
    /// Would have ended in the same way.
    #[schema(example = 92)]
    pub same: i64,
    /// Would have ended in another way.
    #[schema(example = 3)]
    pub different: i64,
    /// Would still wait after all the decisions that were made.
    #[schema(example = 5)]
    pub undecided: i64,
    /// Nobody can say who would have been asked: the directory does not answer, or a service would have to be called.
    #[schema(example = 0)]
    pub unknown: i64,
    /// Requests of which something would have gone otherwise, newest first, at most 100.
    pub requests: Vec<ReplayedRequestOut>,
}

/// A request of which something would have gone otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedRequestOut {
    /// The request.
    pub request_id: Uuid,
    /// Its artifact.
    #[schema(example = "CR-2041")]
    pub artifact_id: String,
    /// The version that it ran under.
    #[schema(example = 2)]
    pub policy_version: i32,
    /// How it ended.
    #[schema(example = "approved")]
    pub status: String,
    /// `same`, `different`, `undecided` or `unknown`.
    #[schema(example = "undecided")]
    pub outcome: String,
    /// How it would have gone, by stage.
    pub stages: Vec<ReplayedStageOut>,
    /// What would have gone otherwise, in words.
    #[schema(example = json!(["It would still wait for \"Finance\": 1 of 2 approvals."]))]
    pub words: Vec<String>,
}

/// A stage of a replayed request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplayedStageOut {
    /// Order of activation.
    #[schema(example = 1)]
    pub stage_order: i32,
    /// Shown to people.
    #[schema(example = "Finance")]
    pub name: String,
    /// `skipped`, `waiting`, `approved`, `rejected` or `not_reached`.
    #[schema(example = "waiting")]
    pub state: String,
    /// Who would have held its seats (subject ids), before delegations, at most 100.
    #[schema(example = json!(["f3b8f0f0-6d8b-4a52-9b0b-0d7f0f4f1c11"]))]
    pub approvers: Vec<String>,
    /// Approvals that it would have needed; null without seats.
    #[schema(example = 2)]
    pub needed: Option<u32>,
    /// Approvals that it would have got.
    #[schema(example = 1)]
    pub approvals: u32,
}
