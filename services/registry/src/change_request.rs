//! Change requests as rows.
//!
//! Statements are checked when they run, not when they are compiled: each is executed by the tests, and a second cache of
//! described queries (`.sqlx`) would be more than a caller needs.

use crate::error::{ApiError, Code};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, PgExecutor};
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

pub const PENDING: &str = "PENDING";

/// JSON as PostgreSQL keeps it: a number has all the digits that it came with.
pub type Document = Json<Box<RawValue>>;

/// What a change does to its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EditAction {
    Create,
    Update,
    Delete,
}

impl EditAction {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// A part of a register, and who has to agree to its changes.
#[derive(Debug, Clone, FromRow)]
pub struct Section {
    pub auto_approval: bool,
    pub awe_policy_key: Option<String>,
    pub awe_context_fields: Vec<String>,
}

/// A proposed change of one record.
#[derive(Debug, Clone, FromRow, Serialize, ToSchema)]
pub struct ChangeRequest {
    pub change_request_id: Uuid,
    pub register_mnemonic: String,
    pub section_id: String,
    pub record_id: String,
    /// `create`, `update` or `delete`.
    pub edit_action: String,
    /// Subject of whoever asked for it.
    pub requester: String,
    /// `PENDING`, `APPROVED`, `REJECTED` or `CANCELLED`.
    pub approval_status: String,
    pub approved_by: Option<String>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub approved_at: Option<OffsetDateTime>,
    pub rejected_by: Option<String>,
    pub cancelled_by: Option<String>,
    pub reason: Option<String>,
    pub override_by: Option<String>,
    pub override_reason: Option<String>,
    /// Null: not gated by AWE.
    pub awe_request_id: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Place in the order of all.
    #[serde(skip)]
    pub seq: i64,
}

impl ChangeRequest {
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.approval_status == PENDING
    }

    /// # Errors
    /// REG-007: it has ended.
    pub fn must_be_pending(&self) -> Result<(), ApiError> {
        let ended = || format!("the change request is {} already", self.approval_status);
        if self.is_pending() { Ok(()) } else { Err(ApiError::new(Code::Terminal, ended())) }
    }
}

/// # Errors
/// REG-002 when there is none, or the database.
pub async fn section(db: impl PgExecutor<'_>, register: &str, section: &str) -> Result<Section, ApiError> {
    let found = sqlx::query_as(
        "select auto_approval, awe_policy_key, awe_context_fields from g2p_register_sections
         where register_mnemonic = $1 and section_id = $2",
    );
    let found = found.bind(register).bind(section).fetch_optional(db).await?;
    found.ok_or_else(|| {
        ApiError::new(Code::UnknownSection, format!("there is no section {register}/{section}"))
    })
}

/// # Errors
/// REG-001 when there is none, or the database.
pub async fn read(db: impl PgExecutor<'_>, id: Uuid) -> Result<ChangeRequest, ApiError> {
    let query = sqlx::query_as("select * from g2p_register_change_request where change_request_id = $1");
    let found = query.bind(id).fetch_optional(db).await?;
    found.ok_or_else(|| ApiError::new(Code::UnknownChangeRequest, "there is no such change request"))
}

/// The change request, locked until the transaction ends: whoever settles it looks at it so.
///
/// # Errors
/// REG-001 when there is none, or the database.
pub async fn lock(tx: &mut PgConnection, id: Uuid) -> Result<ChangeRequest, ApiError> {
    let query =
        sqlx::query_as("select * from g2p_register_change_request where change_request_id = $1 for update");
    let found = query.bind(id).fetch_optional(tx).await?;
    found.ok_or_else(|| ApiError::new(Code::UnknownChangeRequest, "there is no such change request"))
}

/// The change request of this request of AWE, locked: only an id that was stored here is trusted.
///
/// # Errors
/// The database.
pub async fn lock_by_request(
    tx: &mut PgConnection,
    awe_request_id: &str,
) -> Result<Option<ChangeRequest>, sqlx::Error> {
    let query =
        sqlx::query_as("select * from g2p_register_change_request where awe_request_id = $1 for update");
    query.bind(awe_request_id).fetch_optional(tx).await
}

/// A change request before it is stored.
pub struct New<'a> {
    pub id: Uuid,
    pub register_mnemonic: &'a str,
    pub section_id: &'a str,
    pub record_id: &'a str,
    pub edit_action: EditAction,
    pub requester: &'a str,
    pub body_sha256: &'a [u8],
    /// The payload as it came: a number keeps all its digits.
    pub change_payload: &'a str,
}

/// Inserts the change request and its payload; `None` when its id is there already.
///
/// # Errors
/// The database.
pub async fn insert(tx: &mut PgConnection, new: &New<'_>) -> Result<Option<ChangeRequest>, sqlx::Error> {
    let query = sqlx::query_as(
        "insert into g2p_register_change_request
             (change_request_id, register_mnemonic, section_id, record_id, edit_action, requester, body_sha256)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (change_request_id) do nothing returning *",
    );
    let query = query.bind(new.id).bind(new.register_mnemonic).bind(new.section_id).bind(new.record_id);
    let query = query.bind(new.edit_action.as_str()).bind(new.requester).bind(new.body_sha256);
    let inserted: Option<ChangeRequest> = query.fetch_optional(&mut *tx).await?;
    if inserted.is_some() {
        sqlx::query("insert into g2p_register_change_request_payload values ($1, $2::text::jsonb)")
            .bind(new.id)
            .bind(new.change_payload)
            .execute(tx)
            .await?;
    }
    Ok(inserted)
}

/// # Errors
/// The database.
pub async fn payload(db: impl PgExecutor<'_>, id: Uuid) -> Result<Document, sqlx::Error> {
    let query = sqlx::query_scalar(
        "select change_payload from g2p_register_change_request_payload where change_request_id = $1",
    );
    query.bind(id).fetch_one(db).await
}

/// A record of the live register.
#[derive(Debug, Clone, FromRow, Serialize, ToSchema)]
pub struct Record {
    pub record_id: String,
    #[schema(value_type = Object)]
    pub data: Document,
    pub version: i64,
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
}

/// # Errors
/// The database.
pub async fn record(
    db: impl PgExecutor<'_>,
    register: &str,
    record_id: &str,
) -> Result<Option<Record>, sqlx::Error> {
    let query = sqlx::query_as(
        "select record_id, data, version, updated_at from register_record
         where register_mnemonic = $1 and record_id = $2",
    );
    query.bind(register).bind(record_id).fetch_optional(db).await
}
