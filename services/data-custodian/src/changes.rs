//! The history of authorizations: every status that one had, with what brought it about.

use sqlx::PgConnection;
use uuid::Uuid;

/// Notes a change, in the transaction that makes it.
pub(crate) async fn note_change(
    connection: &mut PgConnection,
    id: Uuid,
    status: &str,
    cause: &str,
) -> sqlx::Result<()> {
    sqlx::query("insert into authorization_changes (authorization_id, status, cause) values ($1, $2, $3)")
        .bind(id)
        .bind(status)
        .bind(cause)
        .execute(connection)
        .await
        .map(drop)
}
