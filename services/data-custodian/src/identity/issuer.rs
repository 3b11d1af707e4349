//! One `OpenID` Connect issuer: its addresses, its signing keys, and signing in with it.

use super::{Claims, IdentityError};
use crate::config::Auth;
use anyhow::Context as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use url::Url;

/// Of one call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer at most.
const MOST_BYTES: usize = 1024 * 1024;
/// Keys are fetched again after this.
const MAX_AGE: Duration = Duration::from_secs(600);
/// While the issuer is away, keys serve for this long beyond that.
const STALE: Duration = Duration::from_secs(3600);
/// Pause after a fetch that failed: calls that come meanwhile do not wait for one of their own.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Pause between fetches for keys that are not known: anybody can make up names of keys.
const BETWEEN: Duration = Duration::from_secs(10);

/// Why signing in failed. The text is for logs.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct IssuerError(String);

#[derive(Debug, Clone, Deserialize)]
struct Addresses {
    jwks_uri: String,
    authorization_endpoint: String,
    token_endpoint: String,
}

#[derive(Debug)]
struct Known {
    addresses: Addresses,
    keys: JwkSet,
    fetched: Instant,
}

/// What was fetched, and when fetching failed last and why.
#[derive(Debug, Default)]
struct Slot {
    known: Option<Arc<Known>>,
    failed: Option<(Instant, String)>,
}

/// An issuer. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Issuer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    issuer: String,
    audience: String,
    client_id: String,
    client_secret: SecretString,
    http: reqwest::Client,
    known: Mutex<Slot>,
}

impl Issuer {
    /// As configured; nothing is fetched yet. `None` in development mode.
    ///
    /// # Errors
    /// There can be no HTTP client.
    pub fn new(settings: &Auth) -> anyhow::Result<Option<Self>> {
        if settings.issuer.is_empty() {
            return Ok(None);
        }
        let http =
            reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none()).build();
        Ok(Some(Self(Arc::new(Inner {
            issuer: settings.issuer.trim_end_matches('/').to_owned(),
            audience: settings.audience.clone(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            http: http.context("there can be no HTTP client")?,
            known: Mutex::default(),
        }))))
    }

    /// The claims of a token that the issuer signed and that has not ended. `audience`: another one than configured.
    ///
    /// # Errors
    /// [`IdentityError`].
    pub async fn verify(&self, token: &str, audience: Option<&str>) -> Result<Claims, IdentityError> {
        let untrusted = |error: jsonwebtoken::errors::Error| IdentityError::Untrusted(error.to_string());
        let header = jsonwebtoken::decode_header(token).map_err(untrusted)?;
        let allowed = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
        if !allowed.contains(&header.alg) {
            return Err(IdentityError::Untrusted(format!("algorithm {:?} is not accepted", header.alg)));
        }
        let kid = header.kid.ok_or_else(|| IdentityError::Untrusted("names no key".to_owned()))?;
        let known = self.with_key(&kid).await?;
        let jwk =
            known.keys.find(&kid).ok_or_else(|| IdentityError::Untrusted("an unknown key".to_owned()))?;
        let key = DecodingKey::from_jwk(jwk).map_err(untrusted)?;
        let mut validation = Validation::new(header.alg);
        validation.set_issuer(&[&self.0.issuer]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        validation.validate_nbf = true;
        match audience.or_else(|| Some(self.0.audience.as_str()).filter(|one| !one.is_empty())) {
            Some(wanted) => validation.set_audience(&[wanted]),
            None => validation.validate_aud = false,
        }
        jsonwebtoken::decode::<Claims>(token, &key, &validation).map(|data| data.claims).map_err(untrusted)
    }

    /// Where the browser goes to sign in.
    ///
    /// # Errors
    /// The issuer is away.
    pub async fn sign_in(&self, redirect_uri: &str, state: &str, nonce: &str) -> Result<Url, IssuerError> {
        let known = self.current().await.map_err(|error| IssuerError(error.to_string()))?;
        let mut url = Url::parse(&known.addresses.authorization_endpoint)
            .map_err(|error| IssuerError(error.to_string()))?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("client_id", &self.0.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("state", state)
            .append_pair("nonce", nonce);
        Ok(url)
    }

    /// The customer who came back with this code.
    ///
    /// # Errors
    /// The issuer is away or refuses the code, or its token names no customer.
    pub async fn customer(&self, code: &str, redirect_uri: &str, nonce: &str) -> Result<i64, IssuerError> {
        #[derive(Deserialize)]
        struct Answer {
            id_token: String,
        }
        let fail = |error: &dyn std::fmt::Display| IssuerError(error.to_string());
        let known = self.current().await.map_err(|error| fail(&error))?;
        let asking = self.0.http.post(&known.addresses.token_endpoint);
        let asking = asking.header("content-type", "application/x-www-form-urlencoded");
        let asking = asking.body(self.exchange(code, redirect_uri));
        let answer: Answer = bounded(asking).await.map_err(|error| IssuerError(format!("{error:#}")))?;
        let claims =
            self.verify(&answer.id_token, Some(&self.0.client_id)).await.map_err(|error| fail(&error))?;
        if claims.nonce.as_deref() != Some(nonce) {
            return Err(fail(&"the token answers another question"));
        }
        claims.customer().map_err(|error| fail(&error))?.ok_or_else(|| fail(&"the token names no customer"))
    }

    /// The form that a code is exchanged with.
    fn exchange(&self, code: &str, redirect_uri: &str) -> String {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("client_id", &self.0.client_id);
        let secret = self.0.client_secret.expose_secret();
        if !secret.is_empty() {
            form.append_pair("client_secret", secret);
        }
        form.finish()
    }

    async fn with_key(&self, kid: &str) -> Result<Arc<Known>, IdentityError> {
        let known = self.current().await?;
        if known.keys.find(kid).is_some() || known.fetched.elapsed() < BETWEEN {
            return Ok(known);
        }
        let mut slot = self.0.known.lock().await;
        match &slot.known {
            // Somebody else has fetched them while this waited for the lock.
            Some(newer) if newer.fetched > known.fetched => Ok(Arc::clone(newer)),
            _ => self.fetch(&mut slot).await,
        }
    }

    async fn current(&self) -> Result<Arc<Known>, IdentityError> {
        let mut slot = self.0.known.lock().await;
        match &slot.known {
            Some(known) if known.fetched.elapsed() < MAX_AGE => Ok(Arc::clone(known)),
            _ => self.fetch(&mut slot).await,
        }
    }

    async fn fetch(&self, slot: &mut Slot) -> Result<Arc<Known>, IdentityError> {
        if slot.failed.as_ref().is_none_or(|(at, _)| at.elapsed() >= AFTER_FAILURE) {
            match self.download().await {
                Ok(known) => {
                    let known = Arc::new(known);
                    *slot = Slot { known: Some(Arc::clone(&known)), failed: None };
                    return Ok(known);
                }
                Err(error) => {
                    tracing::warn!("the issuer's keys could not be fetched: {error:#}");
                    slot.failed = Some((Instant::now(), format!("{error:#}")));
                }
            }
        }
        let why = slot.failed.as_ref().map(|(_, why)| why.clone()).unwrap_or_default();
        let old = slot.known.as_ref().filter(|known| known.fetched.elapsed() < MAX_AGE + STALE);
        old.cloned().ok_or(IdentityError::Away(why))
    }

    async fn download(&self) -> anyhow::Result<Known> {
        let url = format!("{}/.well-known/openid-configuration", self.0.issuer);
        let addresses: Addresses = bounded(self.0.http.get(url)).await?;
        let keys: JwkSet = bounded(self.0.http.get(&addresses.jwks_uri)).await?;
        Ok(Known { addresses, keys, fetched: Instant::now() })
    }
}

/// An answer that is JSON and not too large.
async fn bounded<T: DeserializeOwned>(request: reqwest::RequestBuilder) -> anyhow::Result<T> {
    let mut answer = request.send().await?.error_for_status()?;
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        anyhow::ensure!(body.len() + chunk.len() <= MOST_BYTES, "the answer is too large");
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body)?)
}
