//! The life of a server process: connect, start, serve, stop.
//!
//! The listeners answer from the first moment on (`/health` says that the process is starting); everything else
//! answers once the database is there and the actors run. Stopping goes the other way round: no new requests, those
//! in flight finish, the actors finish, the database closes.

use crate::admission::Admission;
use crate::auth::Authenticator;
use crate::config::{Config, NamedCredential, seconds};
use crate::presence;
use crate::server;
use crate::staff;
use crate::state::{AppState, Parts};
use actors::{
    Courier, Directories, EndpointOptions, NotifierOptions, Options, RelayOptions, RequestOptions,
    ResolverOptions, RetentionOptions, Roles, SlaOptions, System, WebhookOptions,
};
use anyhow::{Context as _, anyhow, bail};
use axum::Router;
use futures::FutureExt as _;
use outbound::{Client, Credentials, Egress, HttpRules, TokenProvider};
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::vault::Vault;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// Connects to what the configuration names; servers that are away are tried again later.
///
/// # Errors
/// A URL or key that cannot be used.
pub async fn connect(config: Config) -> anyhow::Result<AppState> {
    let store = Store::connect_lazy(&store_options(&config)).context("database.url cannot be used")?;
    let bus = bus::Bus::connect(bus_options(&config)).await.context("nats.url cannot be used")?;
    let authenticator = Authenticator::new(&config).context("tokens cannot be verified")?;
    let vault = Arc::new(vault(&config)?);
    let egress = egress(&config);
    let admission = Admission::new(&config).context("the policy gate cannot be asked")?;
    let credentials = credentials(&config)?;
    let courier = Courier::new(
        store.clone(),
        Arc::clone(&vault),
        egress.clone(),
        credentials.clone(),
        &webhook_options(&config),
    )?;
    let staff = staff::staff(&config)?;
    Ok(AppState::new(Parts {
        config,
        authenticator,
        store,
        vault,
        bus: Some(bus),
        egress,
        credentials,
        courier,
        staff,
        admission,
    }))
}

/// Which addresses the configuration lets a user's URL lead to.
#[must_use]
pub fn egress(config: &Config) -> Egress {
    Egress { allow_loopback: config.is_development(), allow_cidrs: config.egress.allow_cidrs.clone() }
}

/// How the configuration says to reach Postgres.
#[must_use]
pub fn store_options(config: &Config) -> store::Options {
    let database = &config.database;
    store::Options {
        url: database.url.expose_secret().to_owned(),
        max_connections: database.max_connections,
        acquire_timeout: seconds(database.acquire_timeout_seconds),
    }
}

pub(crate) fn bus_options(config: &Config) -> bus::Options {
    let nats = &config.nats;
    bus::Options {
        prefix: nats.prefix.clone(),
        replicas: nats.replicas,
        duplicate_window: seconds(nats.duplicate_window_seconds),
        events_kept: seconds(nats.events_retention_hours * 3600),
        events_max_bytes: (nats.events_max_bytes > 0).then_some(nats.events_max_bytes),
        ..bus::Options::new(nats.url.expose_secret())
    }
}

/// Opens and seals callback secrets with the configured keys.
///
/// # Errors
/// A key cannot be used.
pub(crate) fn vault(config: &Config) -> anyhow::Result<Vault> {
    if let Some(key) = config.master_key()? {
        let previous = config.previous_master_keys()?;
        return Ok(Vault::new(&key).with_old_keys(previous.iter().map(|key| &**key)));
    }
    tracing::warn!("no secrets.master_key: callback secrets made in this run cannot be read by the next");
    Ok(Vault::new(&rand::random()))
}

/// What AWE makes itself known with to services that users name. Token endpoints are the operator's to set.
fn credentials(config: &Config) -> anyhow::Result<Credentials> {
    let client = Client::trusted().context("outbound HTTP cannot be set up")?;
    let tokens = TokenProvider::new(client, seconds(config.resolver.http_timeout_seconds));
    let usable = |(name, credential): (&String, &NamedCredential)| (name.clone(), credential.usable());
    Ok(Credentials::new(config.credentials.iter().map(usable).collect(), tokens))
}

/// Whoever answers rules that need somebody outside.
fn directories(state: &AppState) -> anyhow::Result<Directories> {
    let config = state.config();
    let (credentials, timeout) = (state.credentials(), seconds(config.resolver.http_timeout_seconds));
    let http = HttpRules::new(state.egress().clone(), credentials.tokens().clone(), timeout);
    Ok(Directories {
        staff: state.staff().ok().cloned(),
        http: http.context("outbound HTTP cannot be set up")?,
        credentials: credentials.clone(),
        store: state.store().clone(),
        vault: state.shared_vault(),
        allow_unsigned: config.allows_unsigned_webhooks(),
    })
}

/// Waits for the database, brings it up to date if asked to, and starts the actors.
///
/// # Errors
/// The schema is missing, a migration or an actor fails, or `stop` comes first.
pub async fn start(
    state: &AppState,
    roles: Roles,
    migrate: bool,
    stop: &CancellationToken,
) -> anyhow::Result<System> {
    await_database(state.store(), stop).await?;
    if migrate {
        state.store().migrate().await.context("the database could not be migrated")?;
    }
    if let Err(error @ store::Error::Internal(_)) = state.store().policy_epoch().await {
        return Err(error).context("the database has no schema of this version: run `awe migrate`");
    }
    let system = System::start(system_options(state, roles)?).await?;
    state.started(system.requests().clone(), system.loops().clone());
    if roles.api {
        tokio::spawn(look_at_gate(state.clone()));
    }
    tracing::info!("started");
    Ok(system)
}

/// Beside the start, which does not depend on what is found.
async fn look_at_gate(state: AppState) {
    state.admission().look(seconds(state.config().server.request_timeout_seconds)).await;
}

async fn await_database(store: &Store, stop: &CancellationToken) -> anyhow::Result<()> {
    loop {
        match store.ping().await {
            Ok(()) => return Ok(()),
            Err(store::Error::Unavailable(_, cause)) => tracing::warn!(%cause, "waiting for the database"),
            Err(other) => return Err(other).context("the database cannot be used"),
        }
        tokio::select! {
            () = stop.cancelled() => bail!("stopped while waiting for the database"),
            () = tokio::time::sleep(BETWEEN_ATTEMPTS) => {}
        }
    }
}

fn system_options(state: &AppState, roles: Roles) -> anyhow::Result<Options> {
    let config = state.config();
    let requests = &config.requests;
    Ok(Options {
        store: state.store().clone(),
        bus: state.bus().cloned(),
        vault: state.shared_vault(),
        roles,
        requests: RequestOptions {
            max_live: requests.max_live,
            idle: seconds(requests.idle_seconds),
            max_in_flight: requests.max_in_flight,
            any_artifact_type: requests.any_artifact_type,
            commit: store::commit::Limits {
                writers: config.database.commit_writers,
                batch: config.database.commit_batch,
                ..store::commit::Limits::default()
            },
            command_timeout: seconds(requests.command_timeout_seconds),
            create_wait: seconds(config.resolver.create_wait_seconds),
        },
        webhook: webhook_options(config),
        resolver: ResolverOptions { concurrency: config.resolver.concurrency },
        sla: SlaOptions { check_interval: seconds(config.sla.check_interval_seconds) },
        relay: RelayOptions { reconcile_every: seconds(config.nats.reconcile_interval_seconds) },
        retention: RetentionOptions {
            check_every: seconds(config.retention.check_interval_seconds),
            idempotency_keys: seconds(u64::from(config.idempotency.retention_hours) * 3600),
            attempts: days(config.retention.attempts_days),
            requests: days(config.retention.requests_days),
        },
        egress: state.egress().clone(),
        credentials: state.credentials().clone(),
        directory: Arc::new(directories(state)?),
        notifier: if roles.notifier { notifier(state)? } else { None },
    })
}

/// Mail to people, where it is enabled.
fn notifier(state: &AppState) -> anyhow::Result<Option<NotifierOptions>> {
    let notifier = &state.config().notifier;
    if !notifier.enabled {
        return Ok(None);
    }
    let directory = state.staff().map_err(|_| anyhow!("the notifier needs keycloak.base_url"))?.clone();
    Ok(Some(NotifierOptions {
        mailer: notifier.mailer().context("mail cannot be sent")?,
        letters: Arc::new(notifier.letters().context("a mail template")?),
        directory,
        timeout: seconds(notifier.timeout_seconds),
        remind_before: (notifier.reminder_hours > 0)
            .then(|| seconds(u64::from(notifier.reminder_hours) * 3600)),
        check_interval: seconds(notifier.check_interval_seconds),
    }))
}

/// 0 = for good.
fn days(days: u32) -> Option<Duration> {
    (days > 0).then(|| seconds(u64::from(days) * 86_400))
}

fn webhook_options(config: &Config) -> WebhookOptions {
    let webhook = &config.webhook;
    WebhookOptions {
        timeout: seconds(webhook.timeout_seconds),
        max_attempts: webhook.max_attempts,
        backoff: webhook.backoff_seconds.iter().copied().map(seconds).collect(),
        poll_interval: seconds(webhook.poll_interval_seconds),
        batch_size: webhook.batch_size,
        concurrency: webhook.concurrency,
        endpoint: EndpointOptions {
            concurrency: webhook.endpoint_concurrency,
            rate_per_second: webhook.endpoint_rate_per_second,
            open_after_failures: webhook.endpoint_open_after_failures,
            open: seconds(webhook.endpoint_open_seconds),
        },
        allow_unsigned: config.allows_unsigned_webhooks(),
    }
}

/// Serves until `stop`, then finishes what is in flight.
///
/// # Errors
/// A listener fails, or what [`start`] fails with.
pub async fn run(
    state: AppState,
    listeners: Vec<(TcpListener, Router)>,
    roles: Roles,
    migrate: bool,
    stop: CancellationToken,
    started: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let deadline = seconds(state.config().server.shutdown_seconds);
    // Also when starting fails: whoever waits on the listeners must come to an end.
    let _end = stop.clone().drop_guard();
    let limits = server::Limits::of(&state.config().server);
    let mut servers = JoinSet::new();
    for (listener, router) in listeners {
        servers.spawn(server::serve(listener, router, limits, stop.clone()));
    }
    let system = start(&state, roles, migrate, &stop).await?;
    system.loops().spawn("presence", {
        let (state, stop) = (state.clone(), stop.clone());
        move || presence::tell(state.clone(), roles, stop.clone()).map(Ok)
    });
    started()?;
    tokio::select! {
        () = stop.cancelled() => {}
        Some(ended) = servers.join_next() => {
            stop.cancel();
            ended.context("a listener failed")?;
        }
    }
    tracing::info!("stopping: finishing requests in flight");
    if tokio::time::timeout(deadline, servers.join_all()).await.is_err() {
        tracing::warn!("some requests were still in flight after server.shutdown_seconds");
    }
    system.stop(deadline).await;
    state.store().close().await;
    tracing::info!("stopped");
    Ok(())
}

/// Cancelled by the first SIGTERM or SIGINT; a second one ends the process at once.
///
/// # Errors
/// Signals cannot be listened to.
pub fn stop_signal() -> std::io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        let mut next = async || tokio::select! { _ = terminate.recv() => 143, _ = interrupt.recv() => 130 };
        next().await;
        token.cancel();
        std::process::exit(next().await);
    });
    Ok(stop)
}
