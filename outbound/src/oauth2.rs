//! Access tokens of the OAuth 2.0 client credentials grant (RFC 6749 section 4.4).
//!
//! The client authenticates in the request body (`client_secret_post`, section 2.3.1). A caching provider keeps a token
//! until shortly before it expires and asks the token endpoint once for any number of concurrent callers; one without a
//! cache asks for each call.

use crate::client::{Call, Client, Method};
use crate::failure::Failure;
use moka::future::Cache;
use moka::ops::compute::Op;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use telemetry::measure;
use url::form_urlencoded;

/// A token response has a few KiB at most.
const MAX_ANSWER: usize = 64 * 1024;
/// Tokens cached at once; the least used are evicted first.
const MAX_CACHED: u64 = 1_000;
/// A cached token is dropped this long before it expires, or a tenth of its lifetime before, whichever is shorter.
const MARGIN: Duration = Duration::from_secs(30);
/// The longest time in the cache, whatever `expires_in` says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The client that asks for a token, and the token endpoint.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// URL of the token endpoint.
    pub token_url: String,
    /// Value of `client_id`.
    pub client_id: String,
    /// Value of `client_secret`.
    pub client_secret: SecretString,
    /// Value of `scope`, sent only when it is not empty.
    pub scope: Option<String>,
}

/// An access token; it is known to be valid in a header.
#[derive(Debug, Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// The token itself, for `Authorization: Bearer`.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// Why no access token was issued. The text holds neither the secret nor anything that the identity provider wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token endpoint gave no answer in time; a retry is safe.
    #[error("the token endpoint gave no answer: {0}")]
    Unreachable(#[from] Failure),
    /// The token endpoint answered with another status than 200.
    #[error("the token endpoint answered {status}{}", .code.map(|code| format!(" {code}")).unwrap_or_default())]
    Refused {
        /// HTTP status.
        status: u16,
        /// The error code, when it is one of RFC 6749 section 5.2.
        code: Option<&'static str>,
    },
    /// The token endpoint answered 200 without a usable token.
    #[error("the token endpoint answered without a usable token: {0}")]
    Unusable(&'static str),
}

/// Provides access tokens. Cheap to clone; clones share the cache.
#[derive(Debug, Clone)]
pub struct TokenProvider {
    client: Client,
    timeout: Duration,
    cache: Option<Cache<Key, Issued>>,
}

/// A digest of everything that is sent to the token endpoint.
type Key = [u8; 32];

/// A token, and how long it may be cached.
#[derive(Debug, Clone)]
struct Issued {
    token: AccessToken,
    lifetime: Duration,
}

/// Lets each cached token expire by its own lifetime.
struct Lifetime;

impl moka::Expiry<Key, Issued> for Lifetime {
    fn expire_after_create(&self, _: &Key, issued: &Issued, _: Instant) -> Option<Duration> {
        Some(issued.lifetime)
    }
}

impl TokenProvider {
    /// A provider that caches tokens. Each call to a token endpoint ends after `timeout`. Pass a guarded client where a
    /// user may have set the token URL.
    #[must_use]
    pub fn new(client: Client, timeout: Duration) -> Self {
        let cache = Cache::builder().max_capacity(MAX_CACHED).expire_after(Lifetime).build();
        Self { client, timeout, cache: Some(cache) }
    }

    /// A provider that asks the token endpoint each time.
    #[must_use]
    pub const fn without_cache(client: Client, timeout: Duration) -> Self {
        Self { client, timeout, cache: None }
    }

    /// Whether tokens are cached.
    pub(crate) const fn is_caching(&self) -> bool {
        self.cache.is_some()
    }

    /// A token: from the cache, or issued now. A token whose lifetime the issuer does not tell is not cached.
    ///
    /// # Errors
    /// [`TokenError`]; errors are not cached.
    pub async fn token(&self, credentials: &ClientCredentials) -> Result<AccessToken, TokenError> {
        let Some(cache) = &self.cache else { return self.fresh(credentials).await };
        let issued = cache.try_get_with(key(credentials), self.ask(credentials)).await;
        issued.map(|issued| issued.token).map_err(|error| (*error).clone())
    }

    /// A token that is issued now, whatever the cache holds.
    ///
    /// # Errors
    /// [`TokenError`].
    pub async fn fresh(&self, credentials: &ClientCredentials) -> Result<AccessToken, TokenError> {
        self.ask(credentials).await.map(|issued| issued.token)
    }

    /// Removes a token that was refused with 401 from the cache, unless another one has replaced it already.
    pub async fn invalidate(&self, credentials: &ClientCredentials, refused: &AccessToken) {
        let Some(cache) = &self.cache else { return };
        let forget = |entry: Option<moka::Entry<Key, Issued>>| {
            let same =
                entry.is_some_and(|entry| entry.value().token.0.expose_secret() == refused.0.expose_secret());
            std::future::ready(if same { Op::Remove } else { Op::Nop })
        };
        cache.entry(key(credentials)).and_compute_with(forget).await;
    }

    async fn ask(&self, credentials: &ClientCredentials) -> Result<Issued, TokenError> {
        let issued = self.ask_endpoint(credentials).await;
        measure::token_fetched(if issued.is_ok() { "fetched" } else { "failed" });
        issued
    }

    async fn ask_endpoint(&self, credentials: &ClientCredentials) -> Result<Issued, TokenError> {
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

fn read(body: &[u8]) -> Result<Issued, TokenError> {
    let answer = object(body).ok_or(TokenError::Unusable("the answer is not a JSON object"))?;
    let token = answer.get("access_token").and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or(TokenError::Unusable("access_token is missing or empty"))?;
    // Other bytes could end the header line and start another one.
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
    Ok(Issued { token: AccessToken(token.into()), lifetime })
}

/// The error code, if the RFC defines it. The rest of the response is ignored: it may echo what was sent.
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

/// The cache key. It covers the secret, so that a changed secret does not reuse an old token. Lengths separate the parts.
fn key(credentials: &ClientCredentials) -> Key {
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
