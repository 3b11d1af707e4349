//! The issuer's signing keys, by `kid`: fetched on first use, on age, and when a token names one that is not known.

use super::AuthError;
use super::claims::Claims;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A stranger's token, whose key the issuer does not know either, makes us ask at most this often.
const BETWEEN_FETCHES: Duration = Duration::from_secs(10);
/// While no key is known at all, nothing works: ask more often.
const BETWEEN_FIRST_FETCHES: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_DOCUMENT: usize = 1024 * 1024;

/// One key and the algorithms that it may be used with.
struct Key {
    key: DecodingKey,
    algorithms: &'static [Algorithm],
    /// The set says so itself.
    only: Option<String>,
}

struct KeySet {
    keys: HashMap<String, Arc<Key>>,
    fetched: Instant,
}

/// The last fetch, as far as it was in vain.
#[derive(Default)]
struct LastFetch {
    at: Option<Instant>,
    failed: Option<String>,
}

/// The keys of one issuer. Cheap to clone.
#[derive(Clone)]
pub struct Jwks(Arc<Inner>);

struct Inner {
    url: String,
    max_age: Duration,
    stale: Duration,
    client: reqwest::Client,
    current: RwLock<Option<Arc<KeySet>>>,
    last: Mutex<LastFetch>,
}

impl Jwks {
    /// Keys of `url`; nothing is fetched yet. Past `max_age` they are fetched again; while that fails, they serve for
    /// `stale` longer (RFC 5861 section 4).
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(url: String, max_age: Duration, stale: Duration) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("awe/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let (current, last) = (RwLock::new(None), Mutex::default());
        Ok(Self(Arc::new(Inner { url, max_age, stale, client, current, last })))
    }

    /// The claims of a token that one of the keys signed.
    pub(super) async fn verify(&self, token: &str) -> Result<Claims, AuthError> {
        // Reads the algorithm as one of those it knows, so `none` ends here.
        let header = jsonwebtoken::decode_header(token)
            .map_err(|error| AuthError::malformed(format!("header: {error}")))?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(AuthError::untrusted(format!("algorithm {:?} is not accepted", header.alg)));
        }
        if header.crit.as_ref().is_some_and(|critical| !critical.is_empty()) {
            return Err(AuthError::untrusted("header names critical extensions"));
        }
        let kid = header.kid.ok_or_else(|| AuthError::untrusted("header names no kid"))?;
        let key = self.key(&kid).await?;
        let named = key.only.as_ref().is_none_or(|only| *only == format!("{:?}", header.alg));
        if !named || !key.algorithms.contains(&header.alg) {
            return Err(AuthError::untrusted(format!("algorithm {:?} does not fit key {kid:?}", header.alg)));
        }
        // Only the signature is checked here; what the claims must say is checked in one place for both modes.
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims.clear();
        (validation.validate_exp, validation.validate_nbf, validation.validate_aud) = (false, false, false);
        jsonwebtoken::decode::<Claims>(token, &key.key, &validation)
            .map(|data| data.claims)
            .map_err(|error| AuthError::untrusted(error.to_string()))
    }

    async fn key(&self, kid: &str) -> Result<Arc<Key>, AuthError> {
        if let Some(set) = self.serving()
            && let Some(key) = set.keys.get(kid).cloned()
        {
            if set.fetched.elapsed() > self.0.max_age {
                let jwks = self.clone();
                tokio::spawn(async move { jwks.refresh(&set).await });
            }
            return Ok(key);
        }
        self.fetch_for(kid).await
    }

    /// A key that is not known: asks the issuer, unless that was done just now.
    async fn fetch_for(&self, kid: &str) -> Result<Arc<Key>, AuthError> {
        let mut last = self.0.last.lock().await;
        // Somebody else may have fetched while we waited for our turn.
        let known = |jwks: &Self| jwks.serving().and_then(|set| set.keys.get(kid).cloned());
        if let Some(key) = known(self) {
            return Ok(key);
        }
        let pause = if self.current().is_some() { BETWEEN_FETCHES } else { BETWEEN_FIRST_FETCHES };
        if last.at.is_none_or(|at| at.elapsed() >= pause) {
            self.fetch(&mut last).await;
        }
        match (known(self), &last.failed) {
            (Some(key), _) => {
                // The key was new, and so may the next one be.
                last.at = None;
                Ok(key)
            }
            (None, Some(why)) => Err(AuthError::KeysUnavailable(why.clone())),
            (None, None) => Err(AuthError::untrusted(format!("unknown key {kid:?}"))),
        }
    }

    /// An old set: fetches, unless somebody else has or tried just now. The old keys serve meanwhile.
    async fn refresh(&self, old: &Arc<KeySet>) {
        let Ok(mut last) = self.0.last.try_lock() else { return };
        let is_old = self.current().is_some_and(|set| Arc::ptr_eq(&set, old));
        if is_old && last.at.is_none_or(|at| at.elapsed() >= BETWEEN_FETCHES) {
            self.fetch(&mut last).await;
        }
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The set, unless it is so old that it may say what no longer holds.
    fn serving(&self) -> Option<Arc<KeySet>> {
        self.current().filter(|set| set.fetched.elapsed() <= self.0.max_age + self.0.stale)
    }

    async fn fetch(&self, last: &mut LastFetch) {
        let outcome = self.download().await;
        last.at = Some(Instant::now());
        match outcome {
            Ok(keys) => {
                tracing::info!(keys = keys.len(), "signing keys fetched");
                let set = KeySet { keys, fetched: Instant::now() };
                *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(set));
                last.failed = None;
            }
            Err(why) => {
                tracing::warn!(why, url = self.0.url, "signing keys could not be fetched");
                last.failed = Some(why);
            }
        }
    }

    async fn download(&self) -> Result<HashMap<String, Arc<Key>>, String> {
        let answer =
            self.0.client.get(&self.0.url).send().await.map_err(|error| error.without_url().to_string())?;
        if !answer.status().is_success() {
            return Err(format!("answered {}", answer.status()));
        }
        let mut document = Vec::new();
        let mut answer = answer;
        while let Some(chunk) = answer.chunk().await.map_err(|error| error.without_url().to_string())? {
            document.extend_from_slice(&chunk);
            if document.len() > MAX_DOCUMENT {
                return Err("the key set is too large".to_owned());
            }
        }
        read_set(&document)
    }
}

/// A key that cannot be used, or that this program has no word for, does not spoil its neighbours.
fn read_set(document: &[u8]) -> Result<HashMap<String, Arc<Key>>, String> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }
    let document: Document = serde_json::from_slice(document).map_err(|_| "not a key set".to_owned())?;
    let jwks = document.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(jwks.filter_map(|jwk| Some((jwk.common.key_id.clone()?, Arc::new(usable(&jwk)?)))).collect())
}

fn usable(jwk: &Jwk) -> Option<Key> {
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let algorithms: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(okp) if okp.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        // A shared secret has no place in a public document; other curves are not accepted.
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let only = jwk.common.key_algorithm.map(|algorithm| format!("{algorithm:?}"));
    Some(Key { key, algorithms, only })
}
