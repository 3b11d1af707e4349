//! What all request actors of a process share.

use super::options::RequestOptions;
use super::registry::Registry;
use crate::catalog::Catalog;
use crate::context_schema::Validations;
use crate::fresh::Fresh;
use crate::signals::Signals;
use dashmap::DashMap;
use engine::ids::{RequestId, TaskId};
use ractor::ActorCell;
use std::sync::Arc;
use store::Store;
use store::commit::Committer;
use tokio::sync::Notify;

/// Tasks whose request is remembered; some 6 MB.
const KNOWN_TASKS: u64 = 20_000;

/// What all request actors of a process share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) committer: Committer,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) registry: Registry,
    /// Whose task it is: a fact that never changes, so a decision need not ask.
    pub(crate) tasks: moka::sync::Cache<TaskId, RequestId>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) fresh: Arc<Fresh>,
    /// Creates that wait for their first tasks, woken when this process commits something of theirs.
    pub(crate) waiting: DashMap<RequestId, Arc<Notify>>,
    pub(crate) validations: Validations,
    pub(crate) options: RequestOptions,
}

impl Shared {
    pub(crate) fn new(
        store: Store,
        committer: Committer,
        catalog: Catalog,
        signals: Signals,
        supervisors: Vec<ActorCell>,
        options: RequestOptions,
    ) -> Self {
        Self {
            store,
            committer,
            catalog: Arc::new(catalog),
            registry: Registry::new(supervisors),
            tasks: moka::sync::Cache::new(KNOWN_TASKS),
            signals: Arc::new(signals),
            fresh: Arc::default(),
            waiting: DashMap::new(),
            validations: Validations::default(),
            options,
        }
    }
}
