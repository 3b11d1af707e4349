//! What AWE was asked for, until the grant is stored or the request is known to be gone: an answer may be lost, and a
//! process may die before it has stored what was answered.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

/// After so long nobody can be waiting for AWE's answer any more.
const ABANDONED_SECONDS: f64 = 60.0;

/// What AWE was asked for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Asked {
    pool: PgPool,
}

impl Asked {
    /// In this database.
    #[must_use]
    pub const fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// AWE is about to be asked for approval of what will be stored under this id.
    ///
    /// # Errors
    /// What the database says: AWE must not be asked then.
    pub async fn note(&self, id: Uuid) -> sqlx::Result<()> {
        let insert = "insert into approvals_asked (authorization_id) values ($1)";
        sqlx::query(insert).bind(id).execute(&self.pool).await.map(drop)
    }

    /// There is no request of this id at AWE, or it has been told that nobody waits.
    ///
    /// # Errors
    /// What the database says.
    pub async fn forget(&self, id: Uuid) -> sqlx::Result<()> {
        let delete = "delete from approvals_asked where authorization_id = $1";
        sqlx::query(delete).bind(id).execute(&self.pool).await.map(drop)
    }

    /// Nothing will be stored under this id. If this cannot be noted, it is taken for abandoned after a while.
    pub async fn give_up(&self, id: Uuid) {
        let update = "update approvals_asked set given_up = true where authorization_id = $1";
        if let Err(error) = sqlx::query(update).bind(id).execute(&self.pool).await {
            tracing::warn!(%error, authorization_id = %id, "that a grant was given up could not be noted");
        }
    }

    /// Takes what was given up or abandoned and was not looked at for a while, at most `most`: ids, and how long ago each
    /// was asked for, in seconds. What is taken can be stored no more.
    ///
    /// # Errors
    /// What the database says.
    pub async fn take_given_up(&self, rested_seconds: f64, most: i64) -> sqlx::Result<Vec<(Uuid, f64)>> {
        sqlx::query_as(
            "update approvals_asked set given_up = true, looked_at = now() where authorization_id in (
                select authorization_id from approvals_asked
                where (given_up or asked_at < now() - make_interval(secs => $3))
                  and (looked_at is null or looked_at < now() - make_interval(secs => $1))
                order by looked_at nulls first limit $2 for update skip locked
             ) returning authorization_id, extract(epoch from now() - asked_at)::float8",
        )
        .bind(rested_seconds)
        .bind(most)
        .bind(ABANDONED_SECONDS)
        .fetch_all(&self.pool)
        .await
    }
}

/// Whether what was asked for may be stored, in the transaction that does so: nobody has given it up.
pub(crate) async fn take(connection: &mut PgConnection, id: Uuid) -> sqlx::Result<bool> {
    let delete = "delete from approvals_asked where authorization_id = $1 and not given_up";
    Ok(sqlx::query(delete).bind(id).execute(connection).await?.rows_affected() == 1)
}
