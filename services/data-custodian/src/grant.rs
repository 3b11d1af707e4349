//! A grant: what a customer agreed to, checked and stored as one authorization with its subscriptions.
//!
//! The order of the checks is part of the contract: the first that fails is told, and later ones do not run.

mod check;
mod persist;

pub use check::{Checked, check};
pub use persist::{Stored, persist};

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Characters of a scope at most.
pub const LONGEST_SCOPE: usize = 256;
/// Characters of a URI at most.
pub const LONGEST_URI: usize = 1024;

/// What an authorization server asks us to store.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// An opaque id for logs alone. Only the HTTP layer demands it.
    pub correlation_id: String,
    /// The third party.
    pub client_id: String,
    /// As the customer granted it.
    pub granted_scope: String,
    /// The customer.
    pub retail_customer_id: Option<i64>,
    /// In the order of the request, each once.
    pub selected_usage_point_ids: Vec<Uuid>,
    /// Where data about the customer is; only with personal function blocks.
    pub customer_resource_uri: Option<String>,
    /// SHA-256 over what was asked, lower-case hex.
    pub digest: String,
}

/// A grant that is refused for what it says. `row`: of the table of checks, 1 to 12.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct Refusal {
    /// Which check failed.
    pub row: u8,
    /// Names the field, and its value where that helps.
    pub description: String,
}

impl Refusal {
    /// A refusal of this row.
    pub fn new(row: u8, description: impl Into<String>) -> Self {
        Self { row, description: description.into() }
    }

    pub(crate) fn required(row: u8, field: &str) -> Self {
        Self::new(row, format!("{field} is required"))
    }
}

/// Why a grant was not stored.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// It is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// AWE could not be asked for approval: for people.
    #[error("{0}")]
    Unavailable(String),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// A grant that took effect at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantedOut {
    /// Id of the authorization.
    pub authorization_id: Uuid,
    /// The subscription to energy data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resource_subscription_id: Option<Uuid>,
    /// The subscription to data about the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub customer_subscription_id: Option<Uuid>,
    /// Where energy data is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub resource_uri: Option<String>,
    /// Where the authorization is.
    pub authorization_uri: String,
    /// Where data about the customer is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub customer_resource_uri: Option<String>,
}

/// A grant that waits for approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct PendingOut {
    /// Id of the authorization.
    pub authorization_id: Uuid,
    /// `PENDING`.
    #[schema(example = "PENDING")]
    pub status: &'static str,
    /// The request in AWE.
    pub awe_request_id: Uuid,
    /// Where the authorization is.
    pub authorization_uri: String,
}

/// What a caller learns of a grant that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Provisioned {
    /// 201.
    Granted(GrantedOut),
    /// 202.
    Pending(PendingOut),
}
