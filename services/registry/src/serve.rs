//! The life of the server process.

use crate::app::App;
use crate::told::{METRICS, PROGRAM};
use crate::{reconcile, routes};
use anyhow::Context as _;
use serving::{Limits, Metrics};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Serves until SIGTERM or SIGINT, then finishes the calls in flight.
///
/// # Errors
/// The port is taken, or the listener fails.
pub async fn run(app: App) -> anyhow::Result<()> {
    let stop = on_signal()?;
    let server = &app.settings.server;
    let place = (server.host, server.port);
    let listener = TcpListener::bind(place).await.with_context(|| {
        format!(
            "cannot listen on {place:?}: choose another with REGISTRY__SERVER__HOST, REGISTRY__SERVER__PORT"
        )
    })?;
    tracing::info!(address = %listener.local_addr()?, awe = app.settings.awe.enabled, "listening");
    let reconciling =
        app.settings.awe.enabled.then(|| tokio::spawn(reconcile::run(app.clone(), stop.clone())));
    if let Some(metrics) = Metrics::listen(app.settings.telemetry.metrics(), &PROGRAM, &METRICS).await? {
        tokio::spawn(metrics.serve(stop.clone()));
    }
    let patience = Duration::from_secs(server.shutdown_seconds);
    let limits = Limits::new(server.max_connections, Duration::from_secs(server.idle_timeout_seconds));
    tokio::select! {
        () = serving::serve(listener, routes::router(app.clone()), limits, stop.clone()) => {}
        () = async { stop.cancelled().await; tokio::time::sleep(patience).await } => {
            tracing::warn!("calls in flight were cut off");
        }
    }
    stop.cancel();
    if let Some(reconciling) = reconciling {
        // It only ends by `stop`; a round that is under way is dropped, and repeated at the next start.
        let _ = tokio::time::timeout(patience, reconciling).await;
    }
    app.db.close().await;
    Ok(())
}

fn on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopping = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        stopping.cancel();
    });
    Ok(stop)
}
