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

/// The metrics of this process, and the listener on which they are found.
#[derive(Debug)]
pub struct Metrics {
    listener: TcpListener,
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
        let Some(address) = address else { return Ok(None) };
        let listener = TcpListener::bind(address).await.with_context(|| {
            let (host, port) = (address.ip(), address.port());
            format!(
                "telemetry.metrics_port: cannot listen on {host} port {port}: choose another, or 0 for no metrics"
            )
        })?;
        let scrape = scrape::install(program, metrics).context("metrics cannot be kept")?;
        Ok(Some(Self { listener, scrape }))
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
        tokio::select! {
            () = serve_hyper(listener, answer, Limits::new(CONNECTIONS, IDLE), stop) => {}
            () = tidying => {}
        }
    }
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
