//! The issuer's signing keys, by `kid`: fetched on first use, on age, and when a token names one that is not known.

use super::claims::Claims;
use super::refusal::AuthError;
use anyhow::Context as _;
use axum::http::StatusCode;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use outbound::{Call, Client, Failure, Method, Reply};
use parking_lot::RwLock;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

/// Pause between fetches for keys that are not known: anybody can send tokens that name made-up keys.
const BETWEEN_FETCHES: Duration = Duration::from_secs(10);
/// The same pause while no key is known at all: no caller is let in then, so it is shorter.
const BETWEEN_FIRST_FETCHES: Duration = Duration::from_secs(1);
/// Of one fetch.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a key set.
const MAX_DOCUMENT: usize = 1024 * 1024;

/// One key and the algorithms that it may be used with.
struct Key {
    key: DecodingKey,
    algorithms: &'static [Algorithm],
    /// The one algorithm that the set itself allows for this key, by name.
    only: Option<String>,
}

struct KeySet {
    keys: HashMap<String, Arc<Key>>,
    fetched: Instant,
}

/// When the last fetch was, and why it failed if it did.
#[derive(Default)]
struct LastFetch {
    at: Option<Instant>,
    failed: Option<String>,
}

/// The keys of one issuer. A clone shares them.
#[derive(Clone)]
pub(super) struct Jwks(Arc<Inner>);

struct Inner {
    url: String,
    max_age: Duration,
    stale: Duration,
    client: Client,
    tasks: TaskTracker,
    current: RwLock<Option<Arc<KeySet>>>,
    last: Mutex<LastFetch>,
}

impl Jwks {
    /// Keys of `url`; nothing is fetched yet. Past `max_age` they are fetched again; while that fails, they serve for
    /// `stale` longer (RFC 5861 section 4).
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub(super) fn new(
        url: String,
        max_age: Duration,
        stale: Duration,
        tasks: TaskTracker,
    ) -> anyhow::Result<Self> {
        let client = Client::trusted().context("outbound HTTP cannot be set up")?;
        let (current, last) = (RwLock::new(None), Mutex::default());
        Ok(Self(Arc::new(Inner { url, max_age, stale, client, tasks, current, last })))
    }

    /// How long ago the keys were fetched that serve now.
    pub(super) fn age(&self) -> Option<Duration> {
        self.current().map(|set| set.fetched.elapsed())
    }

    /// The claims of a token that one of the keys signed.
    pub(super) async fn verify(&self, token: &str) -> Result<Claims, AuthError> {
        // The library parses the algorithm as one of those it knows, so `none` is refused here.
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
                self.0.tasks.spawn(async move { jwks.refresh(&set).await });
            }
            return Ok(key);
        }
        self.fetch_for(kid).await
    }

    /// A key that is not known: fetches the set, unless that was done within the pause.
    async fn fetch_for(&self, kid: &str) -> Result<Arc<Key>, AuthError> {
        let mut last = self.0.last.lock().await;
        // Another call may have fetched the key while this one waited for the lock.
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
                // The fetch found a new key, so a fetch for the next unknown key may find one too: no pause.
                last.at = None;
                Ok(key)
            }
            (None, Some(why)) => Err(AuthError::KeysUnavailable(why.clone())),
            (None, None) => Err(AuthError::untrusted(format!("unknown key {kid:?}"))),
        }
    }

    /// Fetches again in the place of an old set, which goes on serving meanwhile. Does nothing while another call
    /// fetches, or within the pause.
    async fn refresh(&self, old: &Arc<KeySet>) {
        let Ok(mut last) = self.0.last.try_lock() else { return };
        let is_old = self.current().is_some_and(|set| Arc::ptr_eq(&set, old));
        if is_old && last.at.is_none_or(|at| at.elapsed() >= BETWEEN_FETCHES) {
            self.fetch(&mut last).await;
        }
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        self.0.current.read().clone()
    }

    /// The set, unless it is so old that keys in it may have been withdrawn.
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
                *self.0.current.write() = Some(Arc::new(set));
                last.failed = None;
            }
            Err(error) => {
                let why = error.to_string();
                tracing::warn!(why, url = self.0.url, "signing keys could not be fetched");
                last.failed = Some(why);
            }
        }
    }

    async fn download(&self) -> Result<HashMap<String, Arc<Key>>, FetchError> {
        let call = Call::new(Method::Get, &self.0.url, TIMEOUT, MAX_DOCUMENT);
        let Reply { status, body, complete } = self.0.client.send(call).await?;
        match StatusCode::from_u16(status) {
            Ok(status) if status.is_success() && complete => read_set(&body),
            Ok(status) if status.is_success() => Err(FetchError::TooLarge),
            Ok(status) => Err(FetchError::Status(status)),
            Err(_) => Err(FetchError::Malformed),
        }
    }
}

/// Why the key set could not be fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Call(#[from] Failure),
    #[error("answered {0}")]
    Status(StatusCode),
    #[error("the key set is too large")]
    TooLarge,
    #[error("not a key set")]
    Malformed,
}

/// Reads a key set. A key that cannot be used, or whose kind this program does not know, is left out and does not keep
/// the others from being used.
fn read_set(document: &[u8]) -> Result<HashMap<String, Arc<Key>>, FetchError> {
    #[derive(Deserialize)]
    struct Document {
        keys: Vec<Value>,
    }
    let document: Document = serde_json::from_slice(document).map_err(|_| FetchError::Malformed)?;
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
        // A shared secret must not be in a public document; other curves are not accepted.
        _ => return None,
    };
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let only = jwk.common.key_algorithm.map(|algorithm| format!("{algorithm:?}"));
    Some(Key { key, algorithms, only })
}
