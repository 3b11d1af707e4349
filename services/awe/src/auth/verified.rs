//! A cache of verified tokens: verifying a signature costs more than all else that is done with a token.

use super::identity::Identity;
use moka::Expiry;
use moka::future::Cache;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Seconds that an entry lives at most: a key that the issuer withdraws stops working after that.
const LONGEST: u64 = 60;
/// Entries; the least used leave first.
const MOST: u64 = 20_000;

#[derive(Clone)]
struct Entry {
    identity: Arc<Identity>,
    lifetime: Duration,
}

struct ByLifetime;

impl Expiry<[u8; 32], Entry> for ByLifetime {
    fn expire_after_create(&self, _: &[u8; 32], entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.lifetime)
    }
}

/// Callers by the hash of their token, so that no token stays in memory.
pub(super) struct Verified(Cache<[u8; 32], Entry>);

impl Verified {
    pub(super) fn new() -> Self {
        Self(Cache::builder().max_capacity(MOST).expire_after(ByLifetime).build())
    }

    pub(super) async fn get(&self, token: &str) -> Option<Arc<Identity>> {
        self.0.get(&hash(token)).await.map(|entry| entry.identity)
    }

    pub(super) async fn keep(&self, token: &str, identity: Arc<Identity>, seconds: u64) {
        let lifetime = Duration::from_secs(seconds.min(LONGEST));
        self.0.insert(hash(token), Entry { identity, lifetime }).await;
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
