//! What every command is judged against, kept in memory: policies and delegations, as of one catalog epoch. A commit
//! names the epoch, so a cache that has fallen behind can cause a second look but never a wrong write.

use crate::Error;
use dashmap::DashMap;
use engine::delegation::Delegations;
use engine::ids::PolicyId;
use engine::policy::Policy;
use std::sync::{Arc, RwLock};
use store::Store;
use time::OffsetDateTime;

/// Cached policies; past it the cache starts over, since versions in use are few.
const MOST_POLICIES: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Catalog {
    store: Store,
    by_id: DashMap<PolicyId, Arc<Policy>>,
    snapshot: RwLock<Arc<Snapshot>>,
}

/// Everything cached as of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) epoch: i64,
    pub(crate) delegations: Delegations,
    active: DashMap<String, PolicyId>,
}

impl Catalog {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, by_id: DashMap::new(), snapshot: RwLock::default() }
    }

    /// What is cached, read first if nothing is.
    pub(crate) async fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let snapshot = Arc::clone(&self.read());
        if snapshot.epoch == 0 { self.refresh().await } else { Ok(snapshot) }
    }

    /// Reads again: somebody changed a policy or a delegation.
    pub(crate) async fn refresh(&self) -> Result<Arc<Snapshot>, Error> {
        let (epoch, delegations) = self.store.load_delegations(OffsetDateTime::now_utc()).await?;
        let fresh = Arc::new(Snapshot { epoch, delegations, active: DashMap::new() });
        let mut held = self.snapshot.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Two refreshes may cross: the newer one stays.
        if held.epoch < epoch {
            *held = Arc::clone(&fresh);
        }
        Ok(Arc::clone(&held))
    }

    /// The active version of a key, with the snapshot that says so. Having none is never cached.
    pub(crate) async fn active(&self, key: &str) -> Result<(Arc<Snapshot>, Arc<Policy>), Error> {
        let mut snapshot = self.snapshot().await?;
        let known = snapshot.active.get(key).map(|id| *id);
        let id = match known {
            Some(id) => id,
            None => {
                let found = self.store.active_policy_with_epoch(key).await?;
                let (epoch, id) = found.ok_or_else(|| Error::NoActivePolicy(key.to_owned()))?;
                if epoch != snapshot.epoch {
                    snapshot = self.refresh().await?;
                }
                if epoch == snapshot.epoch {
                    snapshot.active.insert(key.to_owned(), id);
                }
                id
            }
        };
        Ok((snapshot, self.policy(id).await?))
    }

    /// A started version: immutable, so cached for good.
    pub(crate) async fn policy(&self, id: PolicyId) -> Result<Arc<Policy>, Error> {
        if let Some(policy) = self.by_id.get(&id) {
            return Ok(Arc::clone(&policy));
        }
        let policy = Arc::new(self.store.load_engine_policy(id).await?);
        if self.by_id.len() >= MOST_POLICIES {
            self.by_id.clear();
        }
        self.by_id.insert(id, Arc::clone(&policy));
        Ok(policy)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Arc<Snapshot>> {
        // The lock guards one pointer: a panic while it was held cannot have left it half written.
        self.snapshot.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
