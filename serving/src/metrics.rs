//! `GET /metrics`, on a listener of its own.

use crate::listen::{Limits, serve_hyper};
use anyhow::Context as _;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::time::Duration;
use telemetry::Program;
use telemetry::scrape::{self, Metric, Scrape};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Whoever scrapes comes alone, and soon again.
const CONNECTIONS: usize = 32;
const IDLE: Duration = Duration::from_secs(60);

/// The metrics of this process, and the listener on which they are found, if there is one.
#[derive(Debug)]
pub struct Metrics {
    listener: Option<TcpListener>,
    scrape: Scrape,
}

impl Metrics {
    /// Begins to keep them and listens; `None` without an address.
    ///
    /// # Errors
    /// The address is taken, or no address of this machine. A process keeps metrics once.
    pub async fn listen(
        address: Option<SocketAddr>,
        program: &Program,
        metrics: &[Metric],
    ) -> anyhow::Result<Option<Self>> {
        match address {
            Some(_) => Ok(Some(Self::keep(address, program, metrics).await?)),
            None => Ok(None),
        }
    }

    /// Begins to keep them for a route of the program's own, and listens if there is an address.
    ///
    /// # Errors
    /// As [`Metrics::listen`].
    pub async fn keep(
        address: Option<SocketAddr>,
        program: &Program,
        metrics: &[Metric],
    ) -> anyhow::Result<Self> {
        let listener = match address {
            Some(address) => Some(bind(address).await?),
            None => None,
        };
        let scrape = scrape::install(program, metrics).context("metrics cannot be kept")?;
        Ok(Self { listener, scrape })
    }

    /// Where the text for Prometheus comes from.
    #[must_use]
    pub fn scrape(&self) -> &Scrape {
        &self.scrape
    }

    /// Serves until `stop`, and keeps what is kept between scrapes small.
    pub async fn serve(self, stop: CancellationToken) {
        let Self { listener, scrape } = self;
        let of_process = scrape.clone();
        let answer = service_fn(move |request| ready(Ok::<_, Infallible>(answer(&request, &of_process))));
        let tidying = async {
            loop {
                scrape.tidy();
                tokio::time::sleep(scrape::TIDY).await;
            }
        };
        let serving = async {
            match listener {
                Some(listener) => {
                    serve_hyper(listener, answer, Limits::new(CONNECTIONS, IDLE), stop).await;
                }
                None => stop.cancelled().await,
            }
        };
        tokio::select! {
            () = serving => {}
            () = tidying => {}
        }
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        let (host, port) = (address.ip(), address.port());
        format!(
            "telemetry.metrics_port: cannot listen on {host} port {port}: choose another, or 0 for no metrics"
        )
    })
}

fn answer(request: &Request<Incoming>, scrape: &Scrape) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    } else {
        *response.body_mut() = scrape.render().into();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(scrape::MEDIA_TYPE));
    }
    response
}
