//! What an administrator may change of a secret: the name of the credential that webhooks are sent with (the
//! credential itself is never stored here), and the clients that may name the secret.

use super::{SECRET, record};
use crate::audit::{self, Actor, Record};
use crate::{Clash, Error, Store};
use schemas::api::secret::{CallbackSecretOut, CallbackSecretUpdate};
use serde_json::json;
use uuid::Uuid;

impl Store {
    /// Changes the given fields of a secret that is not revoked. `check` judges the result before it is written. If
    /// nothing changes, nothing is written or audited.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is revoked, or `check` refuses.
    pub async fn update_secret(
        &self,
        id: Uuid,
        change: &CallbackSecretUpdate,
        check: impl FnOnce(&CallbackSecretOut) -> Result<(), String> + Send,
        actor: &Actor,
    ) -> Result<CallbackSecretOut, Error> {
        let mut tx = self.pool.begin().await?;
        let before = sqlx::query_as!(
            CallbackSecretOut,
            "select id, caller_service, status, created_at, expires_at, credential, clients from callback_secret
             where id = $1 for update",
            id
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(SECRET)?;
        if before.status == "revoked" {
            return Err(Error::Conflict(Clash::SecretNotActive, format!("callback secret {id} is revoked")));
        }
        let mut after = before.clone();
        if let Some(credential) = &change.credential {
            after.credential.clone_from(credential);
        }
        if let Some(clients) = &change.clients {
            after.clients.clone_from(clients);
        }
        check(&after).map_err(|why| Error::Conflict(Clash::SecretUnfit, why))?;
        if after == before {
            return Ok(before);
        }
        sqlx::query!(
            "update callback_secret set credential = $2, clients = $3, updated_at = now() where id = $1",
            id,
            after.credential,
            &after.clients
        )
        .execute(&mut *tx)
        .await?;
        // The audit row names only what has changed.
        let facts = |secret: &CallbackSecretOut| {
            let mut facts = json!({});
            if before.credential != after.credential {
                facts["credential"] = json!(secret.credential);
            }
            if before.clients != after.clients {
                facts["clients"] = json!(secret.clients);
            }
            Some(facts)
        };
        let entry = Record {
            before: facts(&before),
            after: facts(&after),
            ..record("callback_secret.update", "changed", id, &before.caller_service)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        tx.commit().await?;
        Ok(after)
    }
}
