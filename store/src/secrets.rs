//! Callback secrets, which sign webhooks. A caller has one active secret; a rotated one signs beside it until it
//! expires. They are stored sealed (see [`crate::vault`]) and shown once.

use crate::audit::{self, Actor, Record};
use crate::pool::Connection;
use crate::vault::{Vault, VaultError};
use crate::{Clash, Error, Store, What, once};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemas::api::secret::{CallbackPingOut, CallbackSecretCreatedOut, CallbackSecretOut};
use schemas::webhook::{SECRET_MIN_BYTES, SECRET_PREFIX, show_secret};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

mod again;
mod change;
mod reseal;

pub use reseal::Resealed;

const SECRET: Error = Error::NotFound(What::CallbackSecret);
/// Prefix that Standard Webhooks puts before a secret in configurations.
const VERSION: &str = "v1,";
/// Stands for any OAuth client.
pub const ANY: &str = "*";

/// Why a text cannot be a secret, said of the field that holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnfitSecret {
    /// It has the prefix of the shown form, and something else than padded base64 behind it.
    #[error(
        "begins with {SECRET_PREFIX} but does not go on with standard base64, padded: nothing would verify it"
    )]
    NotBase64,
    /// It has too few bytes.
    #[error("must be at least {SECRET_MIN_BYTES} bytes, is {bytes}")]
    TooShort { bytes: usize },
}

/// Brings a given secret into the form in which it is kept and shown: `whsec_` and base64. A text in that form stays
/// as it is, without a `v1,` before it; any other text is encoded. White space around it is ignored. The secret must
/// have at least 24 bytes.
///
/// # Errors
/// The text is no secret; the error does not repeat it.
pub fn check_secret(given: &str) -> Result<String, UnfitSecret> {
    let given = given.trim();
    let encoded = match given.strip_prefix(VERSION).unwrap_or(given).strip_prefix(SECRET_PREFIX) {
        Some(text) => Some(STANDARD.decode(text).map_err(|_| UnfitSecret::NotBase64)?),
        None => None,
    };
    let bytes = encoded.as_deref().unwrap_or(given.as_bytes());
    if bytes.len() < SECRET_MIN_BYTES {
        return Err(UnfitSecret::TooShort { bytes: bytes.len() });
    }
    Ok(show_secret(bytes))
}

fn fresh_secret() -> SecretString {
    let bytes: [u8; 32] = rand::random();
    SecretString::from(show_secret(&bytes))
}

/// Where a sealed secret belongs: it can be opened only for this row.
fn place(id: Uuid, caller_service: &str) -> String {
    format!("callback_secret/{id}/{caller_service}")
}

impl From<VaultError> for Error {
    fn from(error: VaultError) -> Self {
        Self::Internal(Box::new(error))
    }
}

fn record(action: &'static str, verb: &str, id: Uuid, caller_service: &str) -> Record {
    Record {
        action,
        resource_type: "callback_secret",
        resource_id: id.to_string(),
        summary: Some(format!("{verb} the callback secret of {caller_service}")),
        metadata: Some(json!({"caller_service": caller_service})),
        ..Record::default()
    }
}

/// A secret to be created.
#[derive(Debug, Clone, Copy)]
pub struct NewSecret<'a> {
    /// Subject whose webhooks it signs.
    pub caller_service: &'a str,
    /// The secret; `None` = 32 random bytes.
    pub secret: Option<&'a str>,
    /// Name of the credential in the configuration that webhooks are sent with.
    pub credential: Option<&'a str>,
    /// OAuth clients whose tokens may name it; `*` = any.
    pub clients: &'a [String],
}

impl<'a> NewSecret<'a> {
    /// A random secret without a credential, which only its owner may name.
    #[must_use]
    pub const fn of(caller_service: &'a str) -> Self {
        Self { caller_service, secret: None, credential: None, clients: &[] }
    }
}

/// Who may name a secret in their requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MayName {
    /// Its owner.
    pub caller_service: String,
    /// OAuth clients, by `azp`; `*` = any token.
    pub clients: Vec<String>,
}

impl MayName {
    /// Returns whether a token of this subject and OAuth client may name the secret.
    #[must_use]
    pub fn allows(&self, subject: &str, client: Option<&str>) -> bool {
        let named = |known: &String| known == ANY || client.is_some_and(|client| client == known);
        self.caller_service == subject || self.clients.iter().any(named)
    }
}

/// The row of a caller's new active secret.
struct ActiveRow<'a> {
    caller_service: &'a str,
    secret: &'a SecretString,
    credential: Option<&'a str>,
    clients: &'a [String],
}

async fn insert_active(
    connection: &mut Connection,
    row: &ActiveRow<'_>,
    actor: &Actor,
    vault: &Vault,
) -> Result<CallbackSecretCreatedOut, Error> {
    let ActiveRow { caller_service, secret, credential, clients } = *row;
    let id = Uuid::now_v7();
    let sealed = vault.seal(secret.expose_secret(), &place(id, caller_service))?;
    let created_at = sqlx::query_scalar!(
        "insert into callback_secret (id, caller_service, status, secret_ciphertext, created_by, credential, clients)
         values ($1, $2, 'active', $3, $4, $5, $6) returning created_at",
        id,
        caller_service,
        sealed,
        actor.subject,
        credential,
        clients,
    )
    .fetch_one(connection)
    .await
    .map_err(|error| match error.into() {
        Error::Constraint(name) if name == "callback_secret_one_active" => {
            let text = format!("{caller_service} has an active callback secret: rotate or revoke it");
            Error::Conflict(Clash::SecretExists, text)
        }
        other => other,
    })?;
    Ok(CallbackSecretCreatedOut {
        id,
        caller_service: caller_service.to_owned(),
        status: "active".to_owned(),
        created_at,
        expires_at: None,
        credential: credential.map(str::to_owned),
        clients: clients.to_vec(),
        secret: secret.expose_secret().to_owned(),
    })
}

/// The answer as it is stored under an idempotency key: without the secret, which its row has, sealed.
fn unshown(created: &CallbackSecretCreatedOut) -> CallbackSecretCreatedOut {
    CallbackSecretCreatedOut { secret: String::new(), ..created.clone() }
}

struct SealedRow {
    id: Uuid,
    caller_service: String,
    secret_ciphertext: Vec<u8>,
}

impl SealedRow {
    fn open(&self, vault: &Vault) -> Result<SecretString, VaultError> {
        vault.open(&self.secret_ciphertext, &place(self.id, &self.caller_service))
    }
}

struct LiveRow {
    id: Uuid,
    caller_service: String,
    secret_ciphertext: Vec<u8>,
    credential: Option<String>,
}

/// A secret that signs.
#[derive(Debug)]
pub struct LiveSecret {
    pub id: Uuid,
    /// The secret, in the form in which it was shown.
    pub secret: SecretString,
    /// Name of the credential that webhooks are sent with.
    pub credential: Option<String>,
}

/// What the webhooks of a caller are signed and sent with.
#[derive(Debug, Default)]
pub struct LiveSecrets {
    /// The secrets that sign, the active one first.
    pub secrets: Vec<SecretString>,
    /// Name of the credential; `None` = webhooks are sent without one.
    pub credential: Option<String>,
    /// Why a secret that should sign cannot be opened. Nothing may be sent then: a receiver that verifies with that
    /// secret would take the webhook for a forged one.
    pub closed: Option<VaultError>,
}

impl Store {
    /// Creates a secret for a caller: the given one (see [`check_secret`]), or 32 random bytes.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the caller has an active one; [`Error::Constraint`] `callback_secret_form` when the
    /// given one fails [`check_secret`].
    pub async fn create_secret(
        &self,
        new: &NewSecret<'_>,
        actor: &Actor,
        vault: &Vault,
    ) -> Result<CallbackSecretCreatedOut, Error> {
        let NewSecret { caller_service, credential, clients, .. } = *new;
        let secret = match new.secret {
            Some(text) => {
                let kept = check_secret(text);
                SecretString::from(kept.map_err(|_| Error::Constraint("callback_secret_form".to_owned()))?)
            }
            None => fresh_secret(),
        };
        let row = ActiveRow { caller_service, secret: &secret, credential, clients };
        let mut tx = self.pool.begin().await?;
        let created = insert_active(&mut tx, &row, actor, vault).await?;
        let entry = Record {
            after: Some(json!({"status": "active", "credential": credential, "clients": clients})),
            ..record("callback_secret.create", "created", created.id, caller_service)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        once::commit(tx, actor.once.as_ref(), &unshown(&created)).await?;
        Ok(created)
    }

    /// All secrets, of any status, without the secret itself, newest first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn list_secrets(&self) -> Result<Vec<CallbackSecretOut>, Error> {
        let rows = sqlx::query_as!(
            CallbackSecretOut,
            "select id, caller_service, status, created_at, expires_at, credential, clients from callback_secret
             order by created_at desc, id desc",
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rows)
    }

    /// Creates a new secret for the caller of the active secret `id`, with the same credential and clients. The old
    /// one signs beside it for `grace_hours`.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when `id` is not active.
    pub async fn rotate_secret(
        &self,
        id: Uuid,
        grace_hours: u32,
        actor: &Actor,
        vault: &Vault,
    ) -> Result<CallbackSecretCreatedOut, Error> {
        let mut tx = self.pool.begin().await?;
        let old = sqlx::query!(
            "select caller_service, status, credential, clients from callback_secret where id = $1 for update",
            id
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(SECRET)?;
        if old.status != "active" {
            return Err(Error::Conflict(
                Clash::SecretNotActive,
                format!("callback secret {id} is {}, not active", old.status),
            ));
        }
        sqlx::query!(
            "update callback_secret
             set status = 'rotated', expires_at = now() + make_interval(hours => $2), updated_at = now()
             where id = $1",
            id,
            i32::try_from(grace_hours).unwrap_or(i32::MAX),
        )
        .execute(&mut *tx)
        .await?;
        let (caller_service, credential) = (old.caller_service.as_str(), old.credential.as_deref());
        let row = ActiveRow { caller_service, secret: &fresh_secret(), credential, clients: &old.clients };
        let created = insert_active(&mut tx, &row, actor, vault).await?;
        let entry = Record {
            before: Some(json!({"id": id, "status": "active"})),
            after: Some(json!({"id": created.id, "status": "active", "grace_hours": grace_hours})),
            ..record("callback_secret.rotate", "rotated", id, &old.caller_service)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        once::commit(tx, actor.once.as_ref(), &unshown(&created)).await?;
        Ok(created)
    }

    /// Stops a secret from signing, at once and for good. Revoking a revoked one changes nothing and is not audited.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub async fn revoke_secret(&self, id: Uuid, actor: &Actor) -> Result<(), Error> {
        let mut tx = self.pool.begin().await?;
        let old =
            sqlx::query!("select caller_service, status from callback_secret where id = $1 for update", id)
                .fetch_optional(&mut *tx)
                .await?
                .ok_or(SECRET)?;
        if old.status == "revoked" {
            return Ok(());
        }
        sqlx::query!("update callback_secret set status = 'revoked', updated_at = now() where id = $1", id)
            .execute(&mut *tx)
            .await?;
        let entry = Record {
            before: Some(json!({"status": old.status})),
            after: Some(json!({"status": "revoked"})),
            ..record("callback_secret.revoke", "revoked", id, &old.caller_service)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Notes that a test event is about to be signed with a secret; returns the caller whose secret it is.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Conflict`] when it no longer signs.
    pub async fn note_ping(
        &self,
        id: Uuid,
        event_id: Uuid,
        url: &str,
        actor: &Actor,
    ) -> Result<String, Error> {
        let mut tx = self.pool.begin().await?;
        let secret = sqlx::query!(
            r#"select caller_service, status,
                   (status = 'active' or (status = 'rotated' and expires_at > now())) as "signs!"
               from callback_secret where id = $1"#,
            id
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(SECRET)?;
        if !secret.signs {
            let text = format!("callback secret {id} is {} and signs nothing", secret.status);
            return Err(Error::Conflict(Clash::SecretNotActive, text));
        }
        let entry = Record {
            summary: Some(format!("sent a test event for {} to {url}", secret.caller_service)),
            metadata: Some(json!({"url": url, "event_id": event_id})),
            ..record("callback_secret.ping", "tried", id, &secret.caller_service)
        };
        audit::insert(&mut tx, actor, &entry).await?;
        once::commit(tx, actor.once.as_ref(), &CallbackPingOut::unknown(event_id)).await?;
        Ok(secret.caller_service)
    }

    /// The caller whose secret this is; `None` when it is unknown or revoked.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn secret_caller(&self, id: Uuid) -> Result<Option<String>, Error> {
        let caller = sqlx::query_scalar!(
            "select caller_service from callback_secret where id = $1 and status <> 'revoked'",
            id,
        )
        .fetch_optional(&self.hot)
        .await?;
        Ok(caller)
    }

    /// Who may name a secret; `None` when it is unknown or revoked.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn secret_may_name(&self, id: Uuid) -> Result<Option<MayName>, Error> {
        Ok(sqlx::query_as!(
            MayName,
            "select caller_service, clients from callback_secret where id = $1 and status <> 'revoked'",
            id,
        )
        .fetch_optional(&self.pool)
        .await?)
    }

    /// The secrets that sign at `now`: the active one first, then rotated ones that have not expired, newest first.
    /// With a `callback_secret_id`, those of that secret's caller, so that a request may name a secret that was
    /// rotated since; none when it is revoked. The credential is that of the named secret while it signs, else that
    /// of the first.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn live_secrets(
        &self,
        caller_service: &str,
        callback_secret_id: Option<Uuid>,
        now: OffsetDateTime,
        vault: &Vault,
    ) -> Result<LiveSecrets, Error> {
        let caller = match callback_secret_id {
            None => caller_service.to_owned(),
            Some(id) => match self.secret_caller(id).await? {
                Some(caller) => caller,
                None => return Ok(LiveSecrets::default()),
            },
        };
        let mut found = self.live_secrets_for(std::slice::from_ref(&caller), now, vault).await?;
        let live = match found.remove(&caller).transpose() {
            Ok(live) => live.unwrap_or_default(),
            Err(error) => return Ok(LiveSecrets { closed: Some(error), ..LiveSecrets::default() }),
        };
        let named = live.iter().find(|secret| Some(secret.id) == callback_secret_id).or(live.first());
        let credential = named.and_then(|secret| secret.credential.clone());
        let secrets = live.into_iter().map(|live| live.secret).collect();
        Ok(LiveSecrets { secrets, credential, closed: None })
    }

    /// [`Store::live_secrets`] of many callers in one statement. A caller without secrets is absent; one whose
    /// secrets cannot be opened does not affect the others.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    pub async fn live_secrets_for(
        &self,
        callers: &[String],
        now: OffsetDateTime,
        vault: &Vault,
    ) -> Result<HashMap<String, Result<Vec<LiveSecret>, VaultError>>, Error> {
        let rows = sqlx::query_as!(
            LiveRow,
            "select id, caller_service, secret_ciphertext, credential from callback_secret
             where caller_service = any($1)
               and (status = 'active' or (status = 'rotated' and expires_at > $2))
             order by caller_service, (status = 'active') desc, created_at desc, id desc",
            callers,
            now,
        )
        .fetch_all(&self.hot)
        .await?;
        let mut found: HashMap<String, Result<Vec<LiveSecret>, VaultError>> = HashMap::new();
        for LiveRow { id, caller_service, secret_ciphertext, credential } in rows {
            let sealed = SealedRow { id, caller_service, secret_ciphertext };
            let opened = sealed.open(vault).map(|secret| LiveSecret { id, secret, credential });
            let entry = found.entry(sealed.caller_service).or_insert_with(|| Ok(Vec::new()));
            match (entry.as_mut(), opened) {
                (Ok(secrets), Ok(secret)) => secrets.push(secret),
                (Ok(_), Err(error)) => *entry = Err(error),
                (Err(_), _) => {}
            }
        }
        Ok(found)
    }
}
