//! One process of the custodian: its listeners and its loops.

use crate::approval::{self, Bus};
use crate::config::Config;
use crate::state::App;
use crate::{backchannel, metrics, public};
use anyhow::Context as _;
use serving::Limits;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often the outbox is looked at without being told.
const OUTBOX_INTERVAL: Duration = Duration::from_secs(2);
const ENDED_WITHIN: Duration = Duration::from_secs(20);

/// A process that serves.
#[derive(Debug)]
pub struct Running {
    /// Where the public listener is.
    pub public: SocketAddr,
    /// Where the back-channel is.
    pub internal: SocketAddr,
    /// What routes share.
    pub app: App,
    serving: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Tells everything to end, and waits for it.
    pub async fn stop(self) {
        self.app.loops.stop().cancel();
        self.ended().await;
    }

    /// Waits until everything has ended; it must have been told to.
    pub async fn ended(self) {
        match tokio::time::timeout(ENDED_WITHIN, self.serving).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => tracing::error!("a listener panicked"),
            Err(_) => tracing::warn!("some requests were not answered in time"),
        }
        self.app.loops.ended(ENDED_WITHIN).await;
        self.app.pool.close().await;
    }
}

/// Starts both listeners and all loops. The database and NATS may be away.
///
/// # Errors
/// A setting makes no sense, or a port is taken.
pub async fn start(config: Config, stop: CancellationToken) -> anyhow::Result<Running> {
    let public = bind(config.public.host, config.public.port).await.context("public.port")?;
    let internal = bind(config.internal.host, config.internal.port).await.context("internal.port")?;
    let (public_at, internal_at) = (public.local_addr()?, internal.local_addr()?);
    let bus = approval::connect(&config.nats).await.context("nats.url")?;
    let app = App::new(config, bus.is_some(), public_at.port(), stop.clone())?;
    run_loops(&app, bus);
    let (server, inner) = (app.config.server, app.clone());
    let limits = Limits::new(server.max_connections, Duration::from_secs(server.idle_timeout_seconds));
    let serving = tokio::spawn(async move {
        tokio::join!(
            serving::serve(public, public::router(inner.clone()), limits, stop.clone()),
            serving::serve(internal, backchannel::router(inner), limits, stop.clone()),
        );
    });
    tracing::info!(public = %public_at, internal = %internal_at, "the data custodian serves");
    Ok(Running { public: public_at, internal: internal_at, app, serving })
}

async fn bind(host: std::net::IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind((host, port)).await.with_context(|| format!("{host}:{port} cannot be listened on"))
}

fn run_loops(app: &App, bus: Option<Bus>) {
    let reaping = Duration::from_secs(app.config.handoff.reap_interval_seconds);
    let shared = app.clone();
    app.loops.every("reaper", reaping, move || {
        let app = shared.clone();
        async move {
            metrics::reaped(app.nonces.reap_ended().await?);
            Ok(app.authorizations.forget_applied().await?)
        }
    });
    reconcile(app);
    let Some(bus) = bus else { return };
    let (shared, told) = (app.clone(), bus.clone());
    app.loops.spawn("events", move |_| {
        let (app, bus) = (shared.clone(), told.clone());
        async move {
            let stop = app.loops.stop().clone();
            approval::listen(&bus, &app.awe, &app.authorizations, stop).await
        }
    });
    let authorizations = app.authorizations.clone();
    app.loops.every("outbox", OUTBOX_INTERVAL, move || {
        let (bus, authorizations) = (bus.clone(), authorizations.clone());
        async move { approval::publish(&bus, &authorizations).await }
    });
}

/// Looks in turn, and at once when somebody has withdrawn what waited.
fn reconcile(app: &App) {
    let interval = Duration::from_secs(app.config.awe.reconcile_interval_seconds);
    let shared = app.clone();
    app.loops.spawn("reconciler", move |watched| {
        let app = shared.clone();
        async move {
            loop {
                match approval::reconcile(&app.awe, &app.authorizations, &app.asked, interval.as_secs_f64())
                    .await
                {
                    Ok(()) => watched.succeeded(),
                    Err(error) => watched.failed(&format!("{error:#}")),
                }
                tokio::select! {
                    () = app.loops.stop().cancelled() => return Ok(()),
                    () = app.changed.notified() => {}
                    () = tokio::time::sleep(interval) => {}
                }
            }
        }
    });
}
