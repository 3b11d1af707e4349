//! Who calls. Tokens are those that AWE accepts, since they are forwarded to it: signed with a key of the issuer, or, in
//! development mode, not signed at all.

use crate::config::Settings;
use crate::error::{ApiError, Code};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use tokio::sync::Mutex;

pub const VIEW: &str = "changeRequest:view";
pub const CREATE: &str = "changeRequest:create";
pub const DECIDE: &str = "changeRequest:decide";
pub const APPROVE: &str = "changeRequest:approve";

/// What algorithms an issuer may sign with; `none` and shared secrets are not among them.
const ALGORITHMS: [Algorithm; 4] = [Algorithm::RS256, Algorithm::PS256, Algorithm::ES256, Algorithm::EdDSA];
const MOST_TOKEN_BYTES: usize = 16 * 1024;
const MOST_KEYS_BYTES: usize = 1024 * 1024;
const KEYS_TIMEOUT: Duration = Duration::from_secs(5);
/// Keys are fetched again past this age, and at most so often because of an unknown key.
const KEYS_AGE: Duration = Duration::from_secs(300);
const BETWEEN_FETCHES: Duration = Duration::from_secs(5);

/// The person or service that a token stands for.
#[derive(Debug, Clone)]
pub struct Caller {
    pub subject: String,
    roles: Vec<String>,
    /// As it came, to be forwarded to AWE.
    pub token: SecretString,
}

impl Caller {
    #[must_use]
    pub fn has(&self, role: &str) -> bool {
        self.roles.iter().any(|one| one == role)
    }

    /// `approve` and `decide` each imply `view`; neither implies the other.
    #[must_use]
    pub fn may_view(&self) -> bool {
        [VIEW, DECIDE, APPROVE].into_iter().any(|role| self.has(role))
    }

    /// # Errors
    /// REG-005 without the role.
    pub fn needs(&self, role: &str) -> Result<(), ApiError> {
        if self.has(role) { Ok(()) } else { Err(ApiError::permission(role)) }
    }
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Value,
    #[serde(default)]
    iss: Value,
    #[serde(default)]
    aud: Value,
    #[serde(default)]
    exp: Value,
    #[serde(default)]
    nbf: Value,
    #[serde(default)]
    realm_access: Value,
    #[serde(default)]
    resource_access: Value,
}

#[derive(Default)]
struct Keys {
    by_id: HashMap<String, Arc<Jwk>>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

/// Turns bearer tokens into callers.
pub struct Authenticator {
    issuer: String,
    keys_url: String,
    audience: String,
    role_client: String,
    leeway: i64,
    http: reqwest::Client,
    keys: Mutex<Keys>,
}

fn refused(why: &str) -> ApiError {
    ApiError::new(Code::Token, format!("the token is not accepted: {why}"))
}

impl Authenticator {
    /// # Errors
    /// No HTTP client can be made.
    pub fn new(settings: &Settings) -> anyhow::Result<Self> {
        let auth = &settings.auth;
        if settings.is_development() {
            tracing::warn!(
                "DEVELOPMENT MODE: auth.issuer is empty, so unsigned tokens are accepted and anybody can be anybody"
            );
        }
        let keys_url = match auth.jwks_url.as_str() {
            "" => format!("{}/protocol/openid-connect/certs", auth.issuer),
            url => url.to_owned(),
        };
        Ok(Self {
            issuer: auth.issuer.clone(),
            keys_url,
            audience: auth.audience.clone(),
            role_client: auth.role_client.clone(),
            leeway: auth.leeway_seconds.into(),
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(KEYS_TIMEOUT)
                .build()?,
            keys: Mutex::default(),
        })
    }

    /// # Errors
    /// REG-006: 401 for a bad token, 503 while the issuer's keys cannot be fetched.
    pub async fn caller(&self, token: &str) -> Result<Caller, ApiError> {
        if token.len() > MOST_TOKEN_BYTES {
            return Err(refused("it is too long"));
        }
        let is_development = self.issuer.is_empty();
        let claims = if is_development { unsigned(token)? } else { self.signed(token).await? };
        self.check_times(&claims, !is_development)?;
        if !is_development {
            self.check_parties(&claims)?;
        }
        let subject =
            claims.sub.as_str().filter(|sub| is_subject(sub)).ok_or_else(|| refused("sub is none"))?;
        let named = |access: &Value| {
            let roles = access["roles"].as_array().into_iter().flatten();
            roles.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let mut roles = named(&claims.realm_access);
        roles.extend(named(&claims.resource_access[&self.role_client]));
        Ok(Caller { subject: subject.to_owned(), roles, token: token.into() })
    }

    fn check_times(&self, claims: &Claims, exp_needed: bool) -> Result<(), ApiError> {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let moment = |claim: &Value| match claim {
            Value::Null => Ok(None),
            // A fraction is cut off, and what lies beyond all times saturates.
            #[expect(clippy::cast_possible_truncation, reason = "saturates, which compares as it should")]
            Value::Number(number) => {
                Ok(number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64)))
            }
            _ => Err(refused("exp or nbf is no number")),
        };
        match (moment(&claims.exp)?, moment(&claims.nbf)?) {
            (None, _) if exp_needed => Err(refused("exp is missing")),
            (Some(exp), _) if now >= exp.saturating_add(self.leeway) => Err(refused("it has expired")),
            (_, Some(nbf)) if now < nbf.saturating_sub(self.leeway) => Err(refused("it is not valid yet")),
            _ => Ok(()),
        }
    }

    fn check_parties(&self, claims: &Claims) -> Result<(), ApiError> {
        if claims.iss.as_str() != Some(&self.issuer) {
            return Err(refused("it is of another issuer"));
        }
        let wanted = Some(self.audience.as_str()).filter(|audience| !audience.is_empty());
        let mut named = claims.aud.as_array().into_iter().flatten().chain([&claims.aud]);
        match wanted {
            Some(wanted) if !named.any(|one| one.as_str() == Some(wanted)) => {
                Err(refused("it is for another audience"))
            }
            _ => Ok(()),
        }
    }

    async fn signed(&self, token: &str) -> Result<Claims, ApiError> {
        let header = decode_header(token).map_err(|_| refused("it is no signed JWT"))?;
        let kid = header.kid.ok_or_else(|| refused("its header names no key"))?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(refused("its algorithm is not accepted"));
        }
        let jwk = self.key(&kid).await?;
        let fits =
            jwk.common.key_algorithm.is_none_or(|named| format!("{named:?}") == format!("{:?}", header.alg));
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| refused("its key cannot be used"))?;
        // Only the signature here: what claims must say is checked in one place for both modes. The library refuses an
        // algorithm that is not of the key's family.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        let verified = decode::<Claims>(token, &key, &validation);
        verified
            .ok()
            .filter(|_| fits)
            .map(|data| data.claims)
            .ok_or_else(|| refused("its signature is wrong"))
    }

    /// The key of this id. One fetch at a time; whoever waits for it finds its outcome.
    async fn key(&self, kid: &str) -> Result<Arc<Jwk>, ApiError> {
        let mut keys = self.keys.lock().await;
        let is_fresh = keys.fetched.is_some_and(|at| at.elapsed() < KEYS_AGE);
        if let Some(key) = keys.by_id.get(kid).filter(|_| is_fresh) {
            return Ok(key.clone());
        }
        if keys.tried.is_none_or(|at| at.elapsed() >= BETWEEN_FETCHES) {
            keys.tried = Some(Instant::now());
            match self.fetch().await {
                Ok(by_id) => (keys.by_id, keys.fetched) = (by_id, Some(Instant::now())),
                Err(error) => {
                    tracing::warn!(%error, url = self.keys_url, "signing keys could not be fetched")
                }
            }
        }
        match (keys.by_id.get(kid), keys.fetched) {
            // Old keys serve on for a while when the issuer is away.
            (Some(key), Some(at)) if at.elapsed() < KEYS_AGE * 12 => Ok(key.clone()),
            (None, Some(at)) if at.elapsed() < KEYS_AGE => Err(refused("its key is not known")),
            _ => Err(ApiError::new(Code::Token, "the keys of the issuer cannot be fetched").again_after(5)),
        }
    }

    async fn fetch(&self) -> anyhow::Result<HashMap<String, Arc<Jwk>>> {
        let mut answer = self.http.get(&self.keys_url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(piece) = answer.chunk().await? {
            anyhow::ensure!(body.len() + piece.len() <= MOST_KEYS_BYTES, "the key set is too large");
            body.extend_from_slice(&piece);
        }
        let document: Value = serde_json::from_slice(&body)?;
        let listed = document["keys"].as_array().cloned().unwrap_or_default().into_iter();
        // A key of a kind that is not known here does not keep the others from being used.
        let known = listed.filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        let signing =
            known.filter(|key| !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption)));
        Ok(signing.filter_map(|key| Some((key.common.key_id.clone()?, Arc::new(key)))).collect())
    }
}

/// The claims of a token whose signature is not looked at.
fn unsigned(token: &str) -> Result<Claims, ApiError> {
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts[..] else { return Err(refused("it is no JWT")) };
    let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| refused("it is no JWT"))?;
    serde_json::from_slice(&bytes).map_err(|_| refused("it is no JWT"))
}

/// What AWE takes for a subject, too: a short line without control characters.
fn is_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 200 && !text.contains(char::is_control)
}

/// A token that only development mode accepts, good for an hour.
#[must_use]
pub fn unsigned_token(subject: &str, roles: &[&str]) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let exp = OffsetDateTime::now_utc().unix_timestamp() + 3600;
    let claims = json!({"sub": subject, "exp": exp, "realm_access": {"roles": roles}});
    format!("{}.{}.", part(json!({"alg": "none", "typ": "JWT"})), part(claims))
}
