//! Where a registry does what else follows from an approved change.

use crate::change_request::ChangeRequest;
use sqlx::PgConnection;

/// Runs in the transaction that applies the change, after the register is written: what it writes by `tx` happens with
/// the change or not at all. It runs again when that transaction fails, so it calls nobody outside; it writes a row that
/// says what is owed, as AWE does with webhooks.
///
/// # Errors
/// The change is not applied then.
pub async fn post_approve(tx: &mut PgConnection, change: &ChangeRequest) -> Result<(), sqlx::Error> {
    // This registry owes nobody anything.
    let _ = tx;
    tracing::debug!(change_request_id = %change.change_request_id, "approved");
    Ok(())
}
