//! A secret that is shown once more, to whoever repeats the call that made it under the same idempotency key.

use super::{SECRET, SealedRow};
use crate::vault::Vault;
use crate::{Error, Store};
use schemas::api::secret::CallbackSecretCreatedOut;
use secrecy::ExposeSecret;

impl Store {
    /// The stored answer of a creation, with the secret that it was stored without.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Internal`] when the secret cannot be opened.
    pub async fn show_again(
        &self,
        stored: CallbackSecretCreatedOut,
        vault: &Vault,
    ) -> Result<CallbackSecretCreatedOut, Error> {
        let sealed = sqlx::query_as!(
            SealedRow,
            "select id, caller_service, secret_ciphertext from callback_secret where id = $1",
            stored.id
        )
        .fetch_optional(&self.pool)
        .await?
        .ok_or(SECRET)?;
        Ok(CallbackSecretCreatedOut { secret: sealed.open(vault)?.expose_secret().to_owned(), ..stored })
    }
}
