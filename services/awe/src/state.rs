//! What every handler can use: configuration, clients, and, once the process has started, its actors.

use crate::admission::Admission;
use crate::auth::Authenticator;
use crate::config::Config;
use crate::error::{ApiError, Reason};
use crate::places::Places;
use crate::rate_limit::PerUser;
use actors::{Courier, Feed, Loops, Requests, System};
use outbound::{Credentials, Egress, Staff};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use store::Store;
use store::vault::Vault;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often one user may read the whole configuration: 10 times in a minute.
const CONFIG_READS: NonZeroU32 = NonZeroU32::MIN.saturating_add(9);
const CONFIG_READ_EVERY: Duration = Duration::from_secs(6);

/// How often one user may change delegations: once a second, after 300 at once.
const DELEGATION_CHANGES: NonZeroU32 = NonZeroU32::MIN.saturating_add(299);
const DELEGATION_CHANGE_EVERY: Duration = Duration::from_secs(1);

/// Shared by all handlers; a clone is a reference.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// What an [`AppState`] is made of.
pub struct Parts {
    /// The configuration of this process.
    pub config: Config,
    /// Verifies tokens.
    pub authenticator: Authenticator,
    /// Reads and administrative writes.
    pub store: Store,
    /// Opens and seals callback secrets.
    pub vault: Arc<Vault>,
    /// NATS; absent when this process has none.
    pub bus: Option<bus::Bus>,
    /// Decides which addresses a URL that a user set may lead to.
    pub egress: Egress,
    /// Credentials that AWE sends to other services, by name.
    pub credentials: Credentials,
    /// Sends test events as webhooks are sent.
    pub courier: Courier,
    /// The policy gate before writes, and the webhook after them.
    pub admission: Admission,
    /// The staff directory; absent when none is configured.
    pub staff: Option<Staff>,
    /// Tasks of this process that no actor owns; awaited when it stops.
    pub tasks: TaskTracker,
}

struct Inner {
    parts: Parts,
    places: Places,
    config_reads: PerUser,
    delegation_changes: PerUser,
    running: OnceLock<Running>,
    stopping: CancellationToken,
    leaving: AtomicBool,
}

/// What runs once the process has started.
struct Running {
    requests: Requests,
    loops: Loops,
    feed: Feed,
}

impl AppState {
    /// The state of a process that is starting: only routes without a token answer.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let places = Places::new(&parts.config.server);
        let config_reads = PerUser::new(CONFIG_READS, CONFIG_READ_EVERY);
        let delegation_changes = PerUser::new(DELEGATION_CHANGES, DELEGATION_CHANGE_EVERY);
        let running = OnceLock::new();
        Self(Arc::new(Inner {
            parts,
            places,
            config_reads,
            delegation_changes,
            running,
            stopping: CancellationToken::new(),
            leaving: AtomicBool::new(false),
        }))
    }

    /// Called once the actors run: from now on every route answers.
    pub fn started(&self, system: &System) {
        let (requests, loops) = (system.requests().clone(), system.loops().clone());
        // A second call changes nothing.
        let _ = self.0.running.set(Running { requests, loops, feed: system.feed().clone() });
    }

    /// Whether every route answers.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.running.get().is_some()
    }

    /// The configuration of this process.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.parts.config
    }

    /// Verifies tokens.
    #[must_use]
    pub fn authenticator(&self) -> &Authenticator {
        &self.0.parts.authenticator
    }

    /// Reads and administrative writes.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    /// Opens and seals callback secrets.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.0.parts.vault
    }

    /// The vault for a part that keeps it.
    #[must_use]
    pub fn shared_vault(&self) -> Arc<Vault> {
        Arc::clone(&self.0.parts.vault)
    }

    /// NATS; `None` when this process has none.
    #[must_use]
    pub fn bus(&self) -> Option<&bus::Bus> {
        self.0.parts.bus.as_ref()
    }

    /// Decides which addresses a URL that a user set may lead to.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.0.parts.egress
    }

    /// Credentials that AWE sends to other services, by name.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.0.parts.credentials
    }

    /// The policy gate before writes, and the webhook after them.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.0.parts.admission
    }

    /// Sends test events as webhooks are sent.
    #[must_use]
    pub fn courier(&self) -> &Courier {
        &self.0.parts.courier
    }

    /// The staff directory.
    ///
    /// # Errors
    /// [`Reason::NoDirectory`] when none is configured.
    pub fn staff(&self) -> Result<&Staff, ApiError> {
        self.0.parts.staff.as_ref().ok_or_else(|| Reason::NoDirectory.into())
    }

    /// Sends commands to requests.
    ///
    /// # Errors
    /// [`Reason::Starting`] while the actors do not run yet.
    pub fn requests(&self) -> Result<&Requests, ApiError> {
        self.running().map(|running| &running.requests)
    }

    /// The supervised loops of this process.
    ///
    /// # Errors
    /// [`Reason::Starting`] while the actors do not run yet.
    pub fn loops(&self) -> Result<&Loops, ApiError> {
        self.running().map(|running| &running.loops)
    }

    /// The feed of all events.
    ///
    /// # Errors
    /// [`Reason::Starting`] while the actors do not run yet.
    pub fn feed(&self) -> Result<&Feed, ApiError> {
        self.running().map(|running| &running.feed)
    }

    fn running(&self) -> Result<&Running, ApiError> {
        self.0.running.get().ok_or_else(|| Reason::Starting.into())
    }

    /// From now on nothing new should be sent here, though it would still be answered.
    pub fn leave(&self) {
        self.0.leaving.store(true, Ordering::Relaxed);
    }

    /// Whether this process was asked to stop.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.0.leaving.load(Ordering::Relaxed)
    }

    /// Ends what would go on for ever: cancelled when the process stops, so that streams do not hold it up.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.0.stopping
    }

    /// Tasks of this process that no actor owns; awaited when it stops.
    pub(crate) fn tasks(&self) -> &TaskTracker {
        &self.0.parts.tasks
    }

    /// How often one user may read the whole configuration.
    pub(crate) fn config_reads(&self) -> &PerUser {
        &self.0.config_reads
    }

    /// How often one user may change delegations.
    pub(crate) fn delegation_changes(&self) -> &PerUser {
        &self.0.delegation_changes
    }

    /// Bounds how many requests are worked on at once.
    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }
}
