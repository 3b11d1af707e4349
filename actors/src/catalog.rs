//! What every command is judged against, kept in memory: policies, as of one policy epoch, and delegations. A commit
//! names what it relied on, so a cache that has fallen behind can cause a second look but never a wrong write.

use crate::context_schema::Validations;
use crate::directory::Directory;
use crate::people::Memory;
use crate::{ContextSchema, Error};
use dashmap::DashMap;
use engine::ids::PolicyId;
use engine::policy::Policy;
use parking_lot::RwLock;
use std::sync::Arc;
use store::Store;
use store::policies::LoadedPolicy;

/// Cached policies; past it the cache starts over, since versions in use are few.
const MOST_POLICIES: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Catalog {
    store: Store,
    pub(crate) people: Memory,
    by_id: DashMap<PolicyId, Arc<Version>>,
    snapshot: RwLock<Arc<Snapshot>>,
}

/// A policy version, ready for use.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) policy: Policy,
    /// SHA-256 of the canonical text; a draft has none.
    pub(crate) text_sha256: Option<String>,
    artifact_type: String,
    /// A schema that does not compile was written past the API: it stops creates, and nothing that runs already.
    schema: Result<Option<Arc<ContextSchema>>, String>,
}

impl Version {
    /// Compiles what was written.
    pub(crate) fn new(loaded: LoadedPolicy) -> Self {
        let schema = loaded.context_schema.as_ref().map(ContextSchema::stored).transpose();
        Self {
            schema: schema.map(|schema| schema.map(Arc::new)),
            policy: loaded.policy,
            text_sha256: loaded.text_sha256,
            artifact_type: loaded.artifact_type,
        }
    }

    /// Whether a new request may be about such a thing.
    pub(crate) fn check_artifact_type(&self, given: &str) -> Result<(), Error> {
        if given == self.artifact_type {
            return Ok(());
        }
        let (key, expected) = (self.policy.key.clone(), self.artifact_type.clone());
        Err(Error::ArtifactType { key, expected, given: given.to_owned() })
    }

    /// Whether a new request may have this context.
    pub(crate) async fn check_context(
        &self,
        context: &Arc<serde_json::Value>,
        caller: &str,
        validations: &Validations,
    ) -> Result<(), Error> {
        match &self.schema {
            Ok(None) => Ok(()),
            Ok(Some(schema)) => validations.check(schema, context, caller).await,
            Err(why) => {
                let (key, version) = (&self.policy.key, self.policy.version);
                Err(Error::Internal(format!("context_schema of {key} version {version}: {why}")))
            }
        }
    }
}

/// Everything cached as of one epoch.
#[derive(Debug, Default)]
pub(crate) struct Snapshot {
    pub(crate) epoch: i64,
    active: DashMap<String, PolicyId>,
}

impl Catalog {
    pub(crate) fn new(store: Store, directory: Arc<dyn Directory>) -> Self {
        let people = Memory::new(store.clone(), directory);
        Self { store, people, by_id: DashMap::new(), snapshot: RwLock::default() }
    }

    /// What is cached, read first if nothing is.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let snapshot = Arc::clone(&self.snapshot.read());
        if snapshot.epoch == 0 { self.refresh().await } else { Ok(snapshot) }
    }

    /// Reads again: somebody changed a policy.
    pub(crate) async fn refresh(&self) -> Result<Arc<Snapshot>, Error> {
        let epoch = self.store.policy_epoch().await?;
        let fresh = Arc::new(Snapshot { epoch, active: DashMap::new() });
        let mut held = self.snapshot.write();
        // Two refreshes may cross: the newer one stays.
        if held.epoch < epoch {
            *held = Arc::clone(&fresh);
        }
        Ok(Arc::clone(&held))
    }

    /// The active version of a key, with the snapshot that says so. Having none is never cached.
    pub(crate) async fn active(&self, key: &str) -> Result<(Arc<Snapshot>, Arc<Version>), Error> {
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
        Ok((snapshot, self.version(id).await?))
    }

    /// A started version: immutable, so cached for good.
    pub(crate) async fn version(&self, id: PolicyId) -> Result<Arc<Version>, Error> {
        if let Some(version) = self.by_id.get(&id) {
            return Ok(Arc::clone(&version));
        }
        // Boxed: it is rare, and every command would carry its room.
        let version = Arc::new(Version::new(Box::pin(self.store.load_policy(id)).await?));
        if self.by_id.len() >= MOST_POLICIES {
            self.by_id.clear();
        }
        self.by_id.insert(id, Arc::clone(&version));
        Ok(version)
    }
}
