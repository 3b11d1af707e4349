//! What replicas cache, and the one number that says whether a cache is still true.

use crate::{Error, Store};
use engine::delegation::{Delegation, Delegations};
use engine::ids::PolicyId;
use time::OffsetDateTime;

impl Store {
    /// The number that moves whenever an active version or a delegation changes.
    ///
    /// # Errors
    /// The database's.
    pub async fn catalog_epoch(&self) -> Result<i64, Error> {
        Ok(sqlx::query_scalar!("select epoch from catalog").fetch_one(&self.pool).await?)
    }

    /// Every delegation that is or will be in force at `now`, and the epoch it belongs to: one statement, one
    /// snapshot.
    ///
    /// # Errors
    /// The database's.
    pub async fn load_delegations(&self, now: OffsetDateTime) -> Result<(i64, Delegations), Error> {
        let rows = sqlx::query!(
            r#"select c.epoch, d.user_id as "user_id?", d.delegate_to as "delegate_to?",
                      d.starts_at as "starts_at?", d.ends_at as "ends_at?", d.created_at as "created_at?"
               from catalog c left join user_delegation d on d.ends_at > $1
               order by d.created_at desc, d.id desc"#,
            now,
        )
        .fetch_all(&self.hot)
        .await?;
        let epoch = rows
            .first()
            .map(|row| row.epoch)
            .ok_or_else(|| Error::Internal("the catalog has no row".into()))?;
        let delegations = rows.into_iter().filter_map(|row| {
            Some(Delegation {
                user_id: row.user_id?,
                delegate_to: row.delegate_to?,
                starts_at: row.starts_at?,
                ends_at: row.ends_at?,
                created_at: row.created_at?,
            })
        });
        Ok((epoch, Delegations::new(delegations)))
    }

    /// The active version of `key` and the epoch it was seen at, in one snapshot.
    ///
    /// # Errors
    /// The database's.
    pub async fn active_policy_with_epoch(&self, key: &str) -> Result<Option<(i64, PolicyId)>, Error> {
        let row = sqlx::query!(
            "select c.epoch, p.id from catalog c cross join approval_policy p
             where p.policy_key = $1 and p.status = 'active'",
            key,
        )
        .fetch_optional(&self.hot)
        .await?;
        Ok(row.map(|row| (row.epoch, PolicyId(row.id))))
    }
}
