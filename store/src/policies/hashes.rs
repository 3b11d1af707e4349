//! Hashes of the texts of versions that are or were active.

use super::{checked_hash, read};
use crate::{Error, Store};

impl Store {
    /// Hashes the versions that are or were active and have no hash, because an older program activated them; returns
    /// how many.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub(crate) async fn hash_started_policies(&self) -> Result<usize, Error> {
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query!(
            "select id, policy_key, version from approval_policy
             where status <> 'draft' and text_sha256 is null order by id for no key update"
        )
        .fetch_all(&mut *tx)
        .await?;
        for row in &rows {
            let hash = checked_hash(&read::version(&mut tx, &row.policy_key, row.version).await?)?;
            sqlx::query!("update approval_policy set text_sha256 = $2 where id = $1", row.id, hash)
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(rows.len())
    }

    /// Compares the texts of versions that requests are judged by with the hashes stored at their activation.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn check_policy_texts(&self) -> Result<PolicyTexts, Error> {
        let rows = sqlx::query!(
            "select policy_key, version from approval_policy p
             where status = 'active' or status = 'archived' and exists (
                select from approval_request r where r.policy_id = p.id and r.completed_at is null)
             order by policy_key, version"
        )
        .fetch_all(&self.pool)
        .await?;
        let mut found = PolicyTexts { checked: rows.len(), ..PolicyTexts::default() };
        for row in rows {
            let policy = self.get_policy(&row.policy_key, row.version).await?;
            let name = format!("{} version {}", row.policy_key, row.version);
            match checked_hash(&policy) {
                Ok(_) if policy.text_sha256.is_none() => found.unknown.push(name),
                Ok(_) => {}
                Err(Error::Conflict(..)) => found.changed.push(name),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// What comparing texts with their hashes came to. A version is named by its key and number.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyTexts {
    /// How many versions were compared.
    pub checked: usize,
    /// Versions whose text is not the one that was activated.
    pub changed: Vec<String>,
    /// Versions that were activated without a hash.
    pub unknown: Vec<String>,
}
