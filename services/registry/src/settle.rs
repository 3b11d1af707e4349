//! How a change request ends. The register is written here and nowhere else, in the transaction that says so.

use crate::change_request::{ChangeRequest, PENDING};
use crate::error::{ApiError, Code};
use crate::hooks;
use sqlx::PgConnection;

/// What becomes of a change request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Approve { by: String },
    Reject { by: String, reason: Option<String> },
    Cancel { by: String, reason: Option<String> },
}

/// Why it cannot end now.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    #[error("an older change of the same record is still pending")]
    OlderPending,
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<SettleError> for ApiError {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::OlderPending => Self::new(Code::OlderPending, error.to_string()),
            SettleError::Database(error) => error.into(),
        }
    }
}

/// Ends a change request that is locked and pending.
///
/// # Errors
/// Nothing may be committed then.
#[tracing::instrument(skip_all, fields(change_request_id = %change.change_request_id))]
pub async fn settle(
    tx: &mut PgConnection,
    change: &ChangeRequest,
    verdict: &Verdict,
) -> Result<(), SettleError> {
    match verdict {
        Verdict::Approve { by } => {
            if is_behind(tx, change).await? {
                return Err(SettleError::OlderPending);
            }
            write_record(tx, change, by).await?;
            hooks::post_approve(tx, change).await?;
            flip(tx, change, "APPROVED", by, None).await?;
        }
        Verdict::Reject { by, reason } => flip(tx, change, "REJECTED", by, reason.as_deref()).await?,
        Verdict::Cancel { by, reason } => flip(tx, change, "CANCELLED", by, reason.as_deref()).await?,
    }
    Ok(())
}

/// The sequence check: changes of a record take effect in the order in which they were asked for.
async fn is_behind(tx: &mut PgConnection, change: &ChangeRequest) -> Result<bool, sqlx::Error> {
    let query = sqlx::query_scalar(
        "select exists (select from g2p_register_change_request
             where register_mnemonic = $1 and record_id = $2 and seq < $3 and approval_status = 'PENDING')",
    );
    query.bind(&change.register_mnemonic).bind(&change.record_id).bind(change.seq).fetch_one(tx).await
}

async fn flip(
    tx: &mut PgConnection,
    change: &ChangeRequest,
    status: &str,
    by: &str,
    reason: Option<&str>,
) -> Result<(), sqlx::Error> {
    let flipped = sqlx::query(
        "update g2p_register_change_request set approval_status = $2,
             approved_by = case when $2 = 'APPROVED' then $3 end,
             approved_at = case when $2 = 'APPROVED' then now() end,
             rejected_by = case when $2 = 'REJECTED' then $3 end,
             cancelled_by = case when $2 = 'CANCELLED' then $3 end,
             reason = $4
         where change_request_id = $1 and approval_status = $5",
    );
    let flipped = flipped.bind(change.change_request_id).bind(status).bind(by).bind(reason).bind(PENDING);
    match flipped.execute(tx).await?.rows_affected() {
        1 => Ok(()),
        // Only a caller that forgot to lock the row can come here.
        _ => Err(sqlx::Error::RowNotFound),
    }
}

/// The history gets a row, and the live record becomes what that row says: two statements of one transaction.
///
/// `create` sets the whole record, `update` merges its top-level keys (null removes one), `delete` removes it.
async fn write_record(tx: &mut PgConnection, change: &ChangeRequest, by: &str) -> Result<(), sqlx::Error> {
    let history = sqlx::query(
        "insert into register_record_history
             (register_mnemonic, record_id, version, change_request_id, edit_action, data, changed_by)
         select $1, $2,
             coalesce((select max(version) from register_record_history
                       where register_mnemonic = $1 and record_id = $2), 0) + 1,
             $3, $4,
             case $4 when 'create' then p.change_payload
                     when 'update' then (
                         select coalesce(jsonb_object_agg(key, value), '{}')
                         from jsonb_each(coalesce(r.data, '{}') || p.change_payload)
                         where not (value = 'null' and p.change_payload ? key)) end,
             $5
         from g2p_register_change_request_payload p
         left join register_record r on r.register_mnemonic = $1 and r.record_id = $2
         where p.change_request_id = $3",
    );
    let history =
        history.bind(&change.register_mnemonic).bind(&change.record_id).bind(change.change_request_id);
    history.bind(&change.edit_action).bind(by).execute(&mut *tx).await?;
    let live = if change.edit_action == "delete" {
        "delete from register_record r using register_record_history h where h.change_request_id = $1
             and r.register_mnemonic = h.register_mnemonic and r.record_id = h.record_id"
    } else {
        "insert into register_record (register_mnemonic, record_id, data, version)
         select register_mnemonic, record_id, data, version from register_record_history where change_request_id = $1
         on conflict (register_mnemonic, record_id)
         do update set data = excluded.data, version = excluded.version, updated_at = now()"
    };
    sqlx::query(live).bind(change.change_request_id).execute(tx).await?;
    Ok(())
}
