//! `GET /metrics`, on a listener of its own.

use anyhow::Context as _;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use std::net::SocketAddr;
use telemetry::scrape::{self, Scrape};
use tokio::net::TcpListener;

/// Begins to keep metrics and listens for those who ask.
///
/// # Errors
/// The address is taken, or no address of this machine.
pub(crate) async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, Router, Scrape)> {
    let (host, port) = (address.ip(), address.port());
    let listener = TcpListener::bind(address).await.with_context(|| {
        format!(
            "telemetry.metrics_port: cannot listen on {host} port {port}: choose another with \
             AWE__TELEMETRY__METRICS_PORT, or 0 for no metrics"
        )
    })?;
    let scrape = scrape::install(env!("CARGO_PKG_VERSION")).context("metrics cannot be kept")?;
    let of_process = scrape.clone();
    let render = move || async move { ([(CONTENT_TYPE, scrape::MEDIA_TYPE)], of_process.render()) };
    Ok((listener, Router::new().route("/metrics", get(render)), scrape))
}

/// Keeps what is kept between scrapes small, for ever.
pub(crate) async fn tidy(scrape: Scrape) {
    loop {
        scrape.tidy();
        tokio::time::sleep(scrape::TIDY).await;
    }
}
