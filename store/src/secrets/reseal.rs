//! Sealing every secret under the current master key, in batches. Each batch is one short transaction of its own, so
//! the work may be interrupted, repeated, or done by two processes at once.

use super::SealedRow;
use crate::audit::{self, Actor, Record};
use crate::vault::Vault;
use crate::{Error, Store};
use secrecy::ExposeSecret;
use serde_json::json;
use uuid::Uuid;

/// What a batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Secrets that were sealed under the current key.
    pub moved: u64,
    /// Secrets that no configured key opens; they stay as they are.
    pub unreadable: Vec<Uuid>,
    /// The last secret of the batch; `None` when there was nothing left.
    pub last: Option<Uuid>,
}

impl Store {
    /// How many secrets, of any status, are not sealed under the current master key.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn count_stale_secrets(&self, vault: &Vault) -> Result<u64, Error> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "n!" from callback_secret where substring(secret_ciphertext from 2 for 4) <> $1"#,
            vault.current_key_id().as_slice()
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Seals up to `limit` secrets with an id above `after` under the current master key.
    ///
    /// # Errors
    /// [`Error::Unavailable`], or [`Error::Internal`] when there is no randomness; nothing of this batch is changed
    /// then.
    pub async fn reseal_secrets(
        &self,
        vault: &Vault,
        after: Uuid,
        limit: i64,
        actor: &Actor,
    ) -> Result<Resealed, Error> {
        let mut tx = self.pool.begin().await?;
        let rows = sqlx::query_as!(
            SealedRow,
            "select id, caller_service, secret_ciphertext from callback_secret
             where substring(secret_ciphertext from 2 for 4) <> $1 and id > $2
             order by id limit $3 for no key update",
            vault.current_key_id().as_slice(),
            after,
            limit
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut done = Resealed { last: rows.last().map(|row| row.id), ..Resealed::default() };
        let (mut ids, mut sealed) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
        for row in &rows {
            match row.open(vault) {
                Ok(secret) => {
                    ids.push(row.id);
                    sealed.push(
                        vault.seal(secret.expose_secret(), &super::place(row.id, &row.caller_service))?,
                    );
                }
                Err(error) => {
                    tracing::warn!(secret.id = %row.id, %error, "a callback secret cannot be opened");
                    done.unreadable.push(row.id);
                }
            }
        }
        if !ids.is_empty() {
            done.moved = sqlx::query!(
                "update callback_secret s set secret_ciphertext = n.sealed
                 from unnest($1::uuid[], $2::bytea[]) as n (id, sealed) where s.id = n.id",
                &ids,
                &sealed
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
            let record = Record {
                action: "callback_secret.reseal",
                resource_type: "callback_secret",
                resource_id: "*".to_owned(),
                summary: Some(format!("sealed {} callback secrets under the current master key", ids.len())),
                metadata: Some(json!({"ids": ids, "key_id": hex(vault.current_key_id())})),
                ..Record::default()
            };
            audit::insert(&mut tx, actor, &record).await?;
        }
        tx.commit().await?;
        Ok(done)
    }
}

fn hex(bytes: &[u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(*bytes))
}
