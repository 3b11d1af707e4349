//! Starts everything that a process with these roles needs, and stops it in order.

use crate::catalog::Catalog;
use crate::context_schema::Validations;
use crate::delivery::Delivery;
use crate::directory::Directory;
use crate::loops::Loops;
use crate::notifier::{self, NotifierOptions};
use crate::relay::{Fresh, Relay};
use crate::request::Shared;
use crate::resolver::Resolver;
use crate::retention::Retention;
use crate::signals::Signals;
use crate::sla::{self, Sla};
use crate::supervisor::{self, Registry};
use crate::{Requests, background, nudge};
use bus::Bus;
use dashmap::DashMap;
use futures::{FutureExt, StreamExt};
use outbound::{Credentials, Egress};
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::commit::{Committer, Limits};
use store::vault::Vault;
use tokio_util::sync::CancellationToken;

/// Tasks whose request is remembered; some 6 MB.
const KNOWN_TASKS: u64 = 20_000;
/// Pause between two looks for what others tell of.
const BETWEEN_HINTS: Duration = Duration::from_millis(100);
/// The loop without which nothing can be written.
pub const COMMIT_WRITER: &str = "commit writer";

/// What a process needs to play its roles.
pub struct Options {
    /// The truth.
    pub store: Store,
    /// The bus; without one, webhooks go out by the poll and events wait in the outbox.
    pub bus: Option<Bus>,
    /// Opens callback secrets.
    pub vault: Arc<Vault>,
    /// Which roles.
    pub roles: Roles,
    /// Request actors.
    pub requests: RequestOptions,
    /// Webhooks.
    pub webhook: WebhookOptions,
    /// Deadlines.
    pub sla: SlaOptions,
    /// Outbox to bus.
    pub relay: RelayOptions,
    /// What is forgotten after a while.
    pub retention: RetentionOptions,
    /// Asking for approvers.
    pub resolver: ResolverOptions,
    /// Where webhooks may go.
    pub egress: Egress,
    /// What webhooks may be sent with.
    pub credentials: Credentials,
    /// Who answers role, group and http rules.
    pub directory: Arc<dyn Directory>,
    /// Mail to people; `None` = they get none.
    pub notifier: Option<NotifierOptions>,
}

/// Parts that a process may play; each scales by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "six independent switches are what this is")]
pub struct Roles {
    /// HTTP API.
    pub api: bool,
    /// Approver resolution.
    pub resolver: bool,
    /// Deadlines.
    pub sla: bool,
    /// Webhook delivery.
    pub delivery: bool,
    /// Outbox to bus.
    pub relay: bool,
    /// E-mail.
    pub notifier: bool,
}

/// Bounds of request actors.
#[derive(Debug, Clone)]
pub struct RequestOptions {
    /// Live actors at most; past it an actor ends after its command.
    pub max_live: usize,
    /// An actor without work ends after this.
    pub idle: Duration,
    /// Commands under way at most; past it callers are told to come back.
    pub max_in_flight: usize,
    /// Requests may name another artifact type than their policy.
    pub any_artifact_type: bool,
    /// Group commit.
    pub commit: Limits,
    /// How long a command may take.
    pub command_timeout: Duration,
    /// How long a create waits for its first tasks; zero = not at all.
    pub create_wait: Duration,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            max_live: 20_000,
            idle: Duration::from_secs(30),
            max_in_flight: 4096,
            any_artifact_type: false,
            commit: Limits::default(),
            command_timeout: Duration::from_secs(20),
            create_wait: Duration::from_secs(2),
        }
    }
}

/// How webhooks are delivered.
#[derive(Debug, Clone)]
pub struct WebhookOptions {
    /// Of one attempt.
    pub timeout: Duration,
    /// Attempts before a delivery is exhausted.
    pub max_attempts: u32,
    /// Waits between attempts; the last one repeats.
    pub backoff: Vec<Duration>,
    /// How often due deliveries are looked for without being told.
    pub poll_interval: Duration,
    /// Deliveries to one endpoint leased by one statement.
    pub batch_size: usize,
    /// Attempts under way at once in this process.
    pub concurrency: usize,
    /// Bounds of each endpoint.
    pub endpoint: EndpointOptions,
    /// Without a secret: send unsigned, rather than not at all.
    pub allow_unsigned: bool,
}

/// What one endpoint (scheme, host and port) may take of a process.
#[derive(Debug, Clone, Copy)]
pub struct EndpointOptions {
    /// Attempts under way at once.
    pub concurrency: usize,
    /// Attempts per second; 0 = without a limit.
    pub rate_per_second: u32,
    /// Failures in a row after which it is left alone.
    pub open_after_failures: u32,
    /// How long it is left alone before one attempt is made to see.
    pub open: Duration,
}

/// How deadlines are watched.
#[derive(Debug, Clone, Copy)]
pub struct SlaOptions {
    /// How often deadlines are looked for without being told.
    pub check_interval: Duration,
}

/// How events leave for the bus.
#[derive(Debug, Clone, Copy)]
pub struct RelayOptions {
    /// How often the stream is compared with the database, besides after every connection and failure.
    pub reconcile_every: Duration,
}

/// What is forgotten after a while, by processes that watch deadlines.
#[derive(Debug, Clone, Copy)]
pub struct RetentionOptions {
    /// How often it is looked for.
    pub check_every: Duration,
    /// How long an idempotency key is remembered.
    pub idempotency_keys: Duration,
    /// How long the attempts of a webhook are kept; `None` = for good.
    pub attempts: Option<Duration>,
    /// How long a finished request is kept with its history; `None` = for good.
    pub requests: Option<Duration>,
}

/// How approvers are asked for.
#[derive(Debug, Clone, Copy)]
pub struct ResolverOptions {
    /// Requests resolved at once.
    pub concurrency: usize,
}

/// Why a process could not start its part.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An actor could not be started.
    #[error("an actor could not be started")]
    Spawn(#[from] ractor::SpawnErr),
    /// The HTTP client could not be set up.
    #[error("outbound HTTP cannot be set up")]
    Transport(#[source] outbound::SetupError),
}

/// Everything that runs in this process.
pub struct System {
    requests: Requests,
    shared: Arc<Shared>,
    loops: Loops,
    /// Ends the writers, last of all.
    written: CancellationToken,
    delivery: Option<Delivery>,
    resolver: Option<Resolver>,
}

impl System {
    /// Starts it. Returns at once: servers that are away are tried again in the background.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(mut options: Options) -> Result<Self, StartError> {
        let supervisors = supervisor::start().await?;
        let top = supervisors[0].clone();
        let (loops, written) = (Loops::new(CancellationToken::new()), CancellationToken::new());
        let (signals, unresolved) = Signals::new();
        let shared = Arc::new(Shared {
            committer: start_committer(&options, &loops, &written),
            catalog: Catalog::new(options.store.clone(), Arc::clone(&options.directory)),
            registry: Registry::new(supervisors),
            signals,
            fresh: Fresh::default(),
            waiting: DashMap::new(),
            tasks: moka::sync::Cache::new(KNOWN_TASKS),
            validations: Validations::default(),
            max_live: options.requests.max_live,
            options: options.requests.clone(),
            store: options.store.clone(),
        });
        let requests = Requests::new(Arc::clone(&shared), Arc::clone(&options.directory));
        start_background(&options, &shared, &requests, &loops);
        let delivery = options.roles.delivery.then(|| Delivery::start(&options, &loops, top)).transpose()?;
        let resolver = options.roles.resolver.then(|| Resolver::start(&options, &requests, &loops));
        if let Some(notifier) = options.notifier.take().filter(|_| options.roles.notifier) {
            notifier::start(&options, notifier, &loops);
        }
        nudge::start(&loops, options.bus.clone(), unresolved, &shared);
        if let Some(bus) = options.bus.clone() {
            listen(&loops, bus, &shared);
        }
        Ok(Self { requests, shared, loops, written, delivery, resolver })
    }

    /// The door to requests.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The loops of this process, and how they do.
    #[must_use]
    pub fn loops(&self) -> &Loops {
        &self.loops
    }

    /// Live request actors.
    #[must_use]
    pub fn live_requests(&self) -> usize {
        self.shared.registry.len()
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Stops: background first, then requests after the commands they have, each within `deadline`.
    pub async fn stop(self, deadline: Duration) {
        self.loops.stop().cancel();
        if let Some(resolver) = self.resolver {
            resolver.stop(deadline).await;
        }
        if let Some(delivery) = self.delivery {
            delivery.stop(deadline).await;
        }
        self.shared.registry.stop(deadline).await;
        self.written.cancel();
        self.loops.ended(deadline).await;
    }
}

fn start_committer(options: &Options, loops: &Loops, written: &CancellationToken) -> Committer {
    let (committer, writers) = Committer::new(&options.store, options.requests.commit);
    for writer in writers {
        let written = written.clone();
        loops.spawn(COMMIT_WRITER, move || {
            let (writer, written) = (writer.clone(), written.clone());
            async move {
                tokio::select! {
                    () = writer.run() => {}
                    () = written.cancelled() => {}
                }
                Ok(())
            }
        });
    }
    committer
}

fn start_background(options: &Options, shared: &Arc<Shared>, requests: &Requests, loops: &Loops) {
    let store = || options.store.clone();
    let signals = &shared.signals;
    background::start(loops, Janitor { shared: Arc::clone(shared) }, Arc::default());
    if let Some(bus) = options.bus.clone() {
        let every = options.relay.reconcile_every;
        let relay = Relay::new(store(), bus, options.roles.relay, every, Arc::clone(shared));
        background::start(loops, relay, Arc::clone(&signals.outbox));
    }
    if options.roles.sla {
        let retention = Retention { store: store(), options: options.retention };
        background::start(loops, retention, Arc::default());
        sla::listen(loops, shared);
        let sla = Sla::new(requests.clone(), Arc::clone(shared), options.sla.check_interval);
        background::start(loops, sla, Arc::clone(&signals.deadlines));
    }
}

/// Passes the hints of other processes on, at most ten a second: they only shorten waits.
fn listen(loops: &Loops, bus: Bus, shared: &Arc<Shared>) {
    let (shared, stop) = (Arc::clone(shared), loops.stop().clone());
    loops.spawn("hints", move || {
        let (bus, shared, stop) = (bus.clone(), Arc::clone(&shared), stop.clone());
        async move {
            tokio::select! {
                () = stop.cancelled() => Ok(()),
                ended = pass_hints(&bus, &shared) => ended,
            }
        }
    });
}

async fn pass_hints(bus: &Bus, shared: &Shared) -> Result<(), String> {
    let mut hints = bus.hints().await.map_err(|error| error.to_string())?;
    loop {
        hints.next().await.ok_or("the subscription ended")?;
        // One look serves all that have come: else a burst would have its looks for seconds after it.
        while hints.next().now_or_never().flatten().is_some() {}
        shared.signals.hinted();
        tokio::time::sleep(BETWEEN_HINTS).await;
    }
}

/// Sends idle request actors to rest.
struct Janitor {
    shared: Arc<Shared>,
}

impl background::Job for Janitor {
    const NAME: &'static str = "janitor";

    async fn run_once(&mut self) -> Result<Duration, crate::Error> {
        let idle = self.shared.options.idle;
        let rested = self.shared.registry.passivate(idle);
        if rested > 0 {
            tracing::debug!(rested, live = self.shared.registry.len(), "idle request actors rest");
        }
        Ok(idle / 2)
    }
}
