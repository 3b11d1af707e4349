//! The credential that webhooks are sent with: a name in the configuration. What it stands for is never stored here.

use super::{SECRET, record};
use crate::audit::{self, Actor, Record};
use crate::{Clash, Error, Store};
use schemas::api::secret::CallbackSecretOut;
use serde_json::json;
use uuid::Uuid;

impl Store {
    /// Names another credential, or none, for a secret that is not revoked. Naming the same one changes nothing and is
    /// not audited.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it is revoked.
    pub async fn set_secret_credential(
        &self,
        id: Uuid,
        credential: Option<&str>,
        actor: &Actor,
    ) -> Result<CallbackSecretOut, Error> {
        let mut tx = self.pool.begin().await?;
        let mut secret = sqlx::query_as!(
            CallbackSecretOut,
            "select id, caller_service, status, created_at, expires_at, credential from callback_secret
             where id = $1 for update",
            id
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(SECRET)?;
        if secret.status == "revoked" {
            return Err(Error::Conflict(Clash::SecretNotActive, format!("callback secret {id} is revoked")));
        }
        if secret.credential.as_deref() == credential {
            return Ok(secret);
        }
        sqlx::query!(
            "update callback_secret set credential = $2, updated_at = now() where id = $1",
            id,
            credential
        )
        .execute(&mut *tx)
        .await?;
        let entry = Record {
            before: Some(json!({"credential": secret.credential})),
            after: Some(json!({"credential": credential})),
            ..record("callback_secret.update", "changed the credential of", id, &secret.caller_service)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        tx.commit().await?;
        secret.credential = credential.map(str::to_owned);
        Ok(secret)
    }
}
