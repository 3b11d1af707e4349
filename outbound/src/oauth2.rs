//! Access tokens by OAuth 2.0 client credentials (RFC 6749 section 4.4), for whatever AWE calls as itself.
//!
//! The client authenticates in the body (`client_secret_post`, section 2.3.1). A token comes [`fresh`] with each
//! call or [`cached`] until shortly before it expires; the latter asks once for any number of callers that wait.
//!
//! [`fresh`]: TokenProvider::fresh
//! [`cached`]: TokenProvider::cached

use crate::client::{Call, Client, Method};
use crate::transport::Failure;
use moka::future::Cache;
use moka::ops::compute::Op;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use url::form_urlencoded;

/// An answer is a few KiB at most; more is not a token.
const MAX_ANSWER: usize = 64 * 1024;
/// Tokens kept at once; the least used leave first.
const MAX_KEPT: u64 = 1_000;
/// A token is given up this long before it expires, or a tenth of its life before, whichever is later.
const MARGIN: Duration = Duration::from_secs(30);
/// No token is kept longer, whatever its issuer promises.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Who asks for a token, and where.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: String,
    /// `client_id`.
    pub client_id: String,
    /// `client_secret`.
    pub client_secret: SecretString,
    /// `scope`, sent only when it is not empty.
    pub scope: Option<String>,
}

/// A token that is fit to be a header's value.
#[derive(Debug, Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// The token itself, for `Authorization: Bearer`.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// Why there is no token. Says nothing that the identity provider wrote, and never the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token endpoint was not reached, or did not answer in time; a retry is safe.
    #[error("the token endpoint gave no answer: {0}")]
    Unreachable(#[from] Failure),
    /// It answered with another status than 200.
    #[error("the token endpoint answered {status}{}", .code.map(|code| format!(" {code}")).unwrap_or_default())]
    Refused {
        /// HTTP status.
        status: u16,
        /// The error code, when it is one of RFC 6749 section 5.2.
        code: Option<&'static str>,
    },
    /// It answered 200 without a token that can be used.
    #[error("the token endpoint answered without a usable token: {0}")]
    Unusable(&'static str),
}

/// Gets tokens, and keeps those that may be kept. Cheap to clone; clones share what is kept.
#[derive(Debug, Clone)]
pub struct TokenProvider {
    client: Client,
    timeout: Duration,
    kept: Cache<[u8; 32], Kept>,
}

#[derive(Debug, Clone)]
struct Kept {
    token: AccessToken,
    lifetime: Duration,
}

/// Each token has a life of its own.
struct Lifetime;

impl moka::Expiry<[u8; 32], Kept> for Lifetime {
    fn expire_after_create(&self, _: &[u8; 32], kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.lifetime)
    }
}

impl TokenProvider {
    /// A provider each of whose calls to a token endpoint ends after `timeout`. Whether a user may have set the
    /// token URL decides which client to pass.
    #[must_use]
    pub fn new(client: Client, timeout: Duration) -> Self {
        let kept = Cache::builder().max_capacity(MAX_KEPT).expire_after(Lifetime).build();
        Self { client, timeout, kept }
    }

    /// A token that nobody has used.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn fresh(&self, credentials: &ClientCredentials) -> Result<AccessToken, TokenError> {
        self.ask(credentials).await.map(|kept| kept.token)
    }

    /// A token that is good for a while. One whose life is not told is not kept.
    ///
    /// # Errors
    /// [`TokenError`]; failures are not kept.
    pub async fn cached(&self, credentials: &ClientCredentials) -> Result<AccessToken, TokenError> {
        let asked = self.kept.try_get_with(key(credentials), self.ask(credentials)).await;
        asked.map(|kept| kept.token).map_err(|error| (*error).clone())
    }

    /// Forgets a token that was refused (401), unless somebody has replaced it already.
    pub async fn invalidate(&self, credentials: &ClientCredentials, refused: &AccessToken) {
        let forget = |entry: Option<moka::Entry<[u8; 32], Kept>>| {
            let same =
                entry.is_some_and(|entry| entry.value().token.0.expose_secret() == refused.0.expose_secret());
            std::future::ready(if same { Op::Remove } else { Op::Nop })
        };
        self.kept.entry(key(credentials)).and_compute_with(forget).await;
    }

    async fn ask(&self, credentials: &ClientCredentials) -> Result<Kept, TokenError> {
        let call = Call::new(Method::Post, &credentials.token_url, self.timeout, MAX_ANSWER)
            .header("accept", "application/json")?
            .body("application/x-www-form-urlencoded", form(credentials).into_bytes());
        let reply = self.client.send(call).await?;
        if reply.status != 200 {
            return Err(TokenError::Refused { status: reply.status, code: error_code(&reply.body) });
        }
        if !reply.complete {
            return Err(TokenError::Unusable("the answer is larger than 64 KiB"));
        }
        read(&reply.body)
    }
}

fn form(credentials: &ClientCredentials) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", &credentials.client_id)
        .append_pair("client_secret", credentials.client_secret.expose_secret());
    if let Some(scope) = credentials.scope.as_deref().filter(|scope| !scope.is_empty()) {
        form.append_pair("scope", scope);
    }
    form.finish()
}

fn read(body: &[u8]) -> Result<Kept, TokenError> {
    let answer = object(body).ok_or(TokenError::Unusable("the answer is not a JSON object"))?;
    let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or(TokenError::Unusable("access_token is missing or empty"))?;
    // Anything else could end the header, or begin another one.
    if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(TokenError::Unusable("access_token cannot be the value of a header"));
    }
    // Some providers write the number as a string.
    let seconds = match answer.get("expires_in") {
        Some(Value::String(text)) => text.trim().parse().ok(),
        other => other.and_then(Value::as_u64),
    };
    let promised = Duration::from_secs(seconds.unwrap_or(0)).min(LONGEST);
    let lifetime = promised.saturating_sub(MARGIN.min(promised / 10));
    Ok(Kept { token: AccessToken(token.into()), lifetime })
}

/// The code alone, and only one that the RFC knows: the rest of the answer may echo what was sent.
fn error_code(body: &[u8]) -> Option<&'static str> {
    const KNOWN: [&str; 6] = [
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    ];
    let refusal = object(body)?;
    let code = refusal.get("error")?.as_str()?;
    KNOWN.into_iter().find(|known| *known == code)
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    serde_json::from_slice(body).ok()
}

/// Other credentials, another entry: also when only the secret changed.
fn key(credentials: &ClientCredentials) -> [u8; 32] {
    let scope = credentials.scope.as_deref().unwrap_or_default();
    let parts =
        [&credentials.token_url, &credentials.client_id, credentials.client_secret.expose_secret(), scope];
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    digest.finalize().into()
}
