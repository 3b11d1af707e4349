//! The life of a server process: connect, start, serve, stop.
//!
//! The listeners answer from the first moment on (`/health` says that the process is starting); everything else
//! answers once the database is there and the actors run. A stop goes the other way round: no new requests are
//! accepted, those in flight finish, then tasks and actors finish, and last the database closes.

use crate::config::{Config, seconds};
use crate::presence;
use crate::server;
use crate::state::AppState;
use crate::wiring;
use actors::{Role, Roles, System};
use anyhow::{Context as _, bail};
use axum::Router;
use futures::FutureExt as _;
use serving::Metrics;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// Makes a process that is starting. Nothing is connected yet: servers that are away are tried again later.
///
/// # Errors
/// A URL or key that cannot be used.
pub async fn connect(config: Config) -> anyhow::Result<AppState> {
    Ok(AppState::new(wiring::parts(config).await?))
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
    let system = System::start(wiring::system(state, roles)?).await?;
    state.started(&system);
    if roles.contains(Role::Api) {
        // A task of its own: the start must not wait for the gate, and does not depend on what is found.
        state.tasks().spawn(stop.clone().run_until_cancelled_owned(look_at_gate(state.clone())));
    }
    tracing::info!("started");
    Ok(system)
}

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

/// Serves until `stop`, then finishes what is in flight.
///
/// # Errors
/// A listener fails, or what [`start`] fails with.
pub async fn run(
    state: AppState,
    listeners: Vec<(TcpListener, Router)>,
    metrics: Option<Metrics>,
    roles: Roles,
    migrate: bool,
    stop: CancellationToken,
    started: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    // When starting fails, the listeners must end too: dropping this stops them.
    let _end = stop.clone().drop_guard();
    // The listeners go on for a while after a stop signal, so that whoever balances load can look elsewhere first.
    let closing = CancellationToken::new();
    let _close = closing.clone().drop_guard();
    let limits = server::limits(&state.config().server);
    let mut servers = JoinSet::new();
    if let Some(metrics) = metrics {
        servers.spawn(metrics.serve(closing.clone()));
    }
    for (listener, router) in listeners {
        servers.spawn(serving::serve(listener, router, limits, closing.clone()));
    }
    let system = start(&state, roles, migrate, &stop).await?;
    system.loops().spawn("presence", {
        let (state, circuits, stop) = (state.clone(), system.circuits(), stop.clone());
        move || presence::tell(state.clone(), roles, circuits.clone(), stop.clone()).map(Ok)
    });
    started()?;
    tokio::select! {
        () = leave(&state, &stop) => {}
        Some(ended) = servers.join_next() => {
            stop.cancel();
            ended.context("a listener failed")?;
        }
    }
    closing.cancel();
    end(&state, servers, system).await;
    Ok(())
}

/// Waits for the stop signal, and then for as long as calls may still be sent here.
async fn leave(state: &AppState, stop: &CancellationToken) {
    stop.cancelled().await;
    state.leave();
    let unready = seconds(state.config().server.unready_seconds);
    if !unready.is_zero() {
        tracing::info!(seconds = unready.as_secs(), "stopping: telling that nothing new should be sent here");
        tokio::time::sleep(unready).await;
    }
}

/// Ends everything that runs, in order. Each step takes at most `server.shutdown_seconds`.
async fn end(state: &AppState, servers: JoinSet<()>, system: System) {
    state.stopping().cancel();
    let deadline = seconds(state.config().server.shutdown_seconds);
    tracing::info!("stopping: finishing requests in flight");
    if tokio::time::timeout(deadline, servers.join_all()).await.is_err() {
        tracing::warn!("some requests were still in flight after server.shutdown_seconds");
    }
    state.tasks().close();
    if tokio::time::timeout(deadline, state.tasks().wait()).await.is_err() {
        tracing::warn!("some tasks were still under way after server.shutdown_seconds");
    }
    system.stop(deadline).await;
    state.store().close().await;
    tracing::info!("stopped");
}

/// Signals that ask this process to stop. Dropping it stops listening for them.
pub struct StopSignal {
    token: CancellationToken,
    _listening: AbortOnDropHandle<()>,
}

impl StopSignal {
    /// Listens for SIGTERM and SIGINT: the first one cancels [`StopSignal::token`], a second one ends the process at
    /// once.
    ///
    /// # Errors
    /// Signals cannot be listened to.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let token = CancellationToken::new();
        let first = token.clone();
        let listening = tokio::spawn(async move {
            let mut next =
                async || tokio::select! { _ = terminate.recv() => 143, _ = interrupt.recv() => 130 };
            next().await;
            first.cancel();
            std::process::exit(next().await);
        });
        Ok(Self { token, _listening: AbortOnDropHandle::new(listening) })
    }

    /// Is cancelled by the first signal.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }
}
