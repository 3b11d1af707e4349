//! What every command is judged against, cached in memory: policies, as of one policy epoch, and delegations.
//!
//! Authority: Postgres. A commit names the epoch and the delegation versions it relied on and is refused when they
//! are outdated, so a stale cache costs a second attempt and never causes a wrong write.

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

/// Most policy versions cached. The cache is emptied when it is full: few versions are in use at a time.
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
    /// SHA-256 of the canonical text, in hexadecimal; `None` for a draft.
    pub(crate) text_sha256: Option<String>,
    artifact_type: String,
    /// `Err`: the schema does not compile, so it was written past the API. Such a version refuses creates; requests
    /// that run already go on.
    schema: Result<Option<Arc<ContextSchema>>, String>,
}

impl Version {
    /// Compiles the context schema.
    pub(crate) fn new(loaded: LoadedPolicy) -> Self {
        let schema = loaded.context_schema.as_ref().map(ContextSchema::stored).transpose();
        Self {
            schema: schema.map(|schema| schema.map(Arc::new)),
            policy: loaded.policy,
            text_sha256: loaded.text_sha256,
            artifact_type: loaded.artifact_type,
        }
    }

    /// Refuses a new request for another artifact type than the policy's.
    pub(crate) fn check_artifact_type(&self, given: &str) -> Result<(), Error> {
        if given == self.artifact_type {
            return Ok(());
        }
        let (key, expected) = (self.policy.key.clone(), self.artifact_type.clone());
        Err(Error::ArtifactType { key, expected, given: given.to_owned() })
    }

    /// Refuses a new request whose context violates the policy's schema.
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

    /// The cached snapshot; reads it when there is none yet.
    async fn snapshot(&self) -> Result<Arc<Snapshot>, Error> {
        let snapshot = Arc::clone(&self.snapshot.read());
        if snapshot.epoch == 0 { self.refresh().await } else { Ok(snapshot) }
    }

    /// Reads the policy epoch and starts a new snapshot when it has moved.
    pub(crate) async fn refresh(&self) -> Result<Arc<Snapshot>, Error> {
        let epoch = self.store.policy_epoch().await?;
        let fresh = Arc::new(Snapshot { epoch, active: DashMap::new() });
        let mut held = self.snapshot.write();
        // Two refreshes may run at the same time: the newer epoch stays.
        if held.epoch < epoch {
            *held = Arc::clone(&fresh);
        }
        Ok(Arc::clone(&held))
    }

    /// The active version of a policy key, with the snapshot that it belongs to. "No active version" is never cached.
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

    /// A version that has been activated. It can no longer change, so it stays cached.
    pub(crate) async fn version(&self, id: PolicyId) -> Result<Arc<Version>, Error> {
        if let Some(version) = self.by_id.get(&id) {
            return Ok(Arc::clone(&version));
        }
        // Boxed, because loading is rare and the future of every command would have to reserve room for it.
        let version = Arc::new(Version::new(Box::pin(self.store.load_policy(id)).await?));
        if self.by_id.len() >= MOST_POLICIES {
            self.by_id.clear();
        }
        self.by_id.insert(id, Arc::clone(&version));
        Ok(version)
    }
}
