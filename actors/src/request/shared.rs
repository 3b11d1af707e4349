//! What all request actors of a process share.

use super::options::RequestOptions;
use super::registry::Registry;
use crate::catalog::Catalog;
use crate::context_schema::Validations;
use crate::delivery::Rooms;
use crate::fresh::Fresh;
use crate::signals::Signals;
use dashmap::DashMap;
use engine::ids::{RequestId, TaskId};
use ractor::ActorCell;
use std::sync::{Arc, OnceLock};
use store::Store;
use store::commit::Committer;
use tokio::sync::Notify;

/// Most tasks whose request is cached, some 6 MB.
const KNOWN_TASKS: u64 = 20_000;

/// What all request actors of a process share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) committer: Committer,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) registry: Registry,
    /// The request of a task. This never changes, so a decision need not look it up.
    pub(crate) tasks: moka::sync::Cache<TaskId, RequestId>,
    pub(crate) signals: Arc<Signals>,
    pub(crate) fresh: Arc<Fresh>,
    /// Where webhooks find room, in a process with the delivery role.
    pub(crate) rooms: OnceLock<Rooms>,
    /// Creates that wait for their first tasks; woken when this process commits to their request.
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
            rooms: OnceLock::new(),
            waiting: DashMap::new(),
            validations: Validations::default(),
            options,
        }
    }
}
