//! An HTTP call whose response is read: to a token endpoint, a directory or the admission gate.
//!
//! How the client is made decides who may set the URL: [`Client::trusted`] calls whatever the configuration names,
//! [`Client::guarded`] only what [`Egress`] allows. Both follow no redirect, end at a deadline and read a bounded part of
//! the body.

use crate::egress::{Egress, UrlError, system_lookup};
use crate::error_chain::error_chain;
use crate::failure::Failure;
use crate::http_pool::{self, BodyEnd, SetupError};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use telemetry::Trace;
use tokio::time::{Instant, timeout_at};
use tracing::{Instrument, field};
use url::Url;

/// A client with a pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    egress: Option<Egress>,
}

/// The HTTP methods that are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `GET`.
    Get,
    /// `HEAD`.
    Head,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
}

/// An HTTP request and the bounds of its response.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    timeout: Duration,
    max_answer: usize,
}

/// An HTTP response, read within bounds.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body, or its first `max_answer` bytes.
    pub body: Vec<u8>,
    /// Whether that is the whole body. When the status is not 2xx, the body may also have broken off or stalled.
    pub complete: bool,
}

impl Call {
    /// A call without headers and body. It ends after `timeout`, whatever the receiver does, and reads at most
    /// `max_answer` bytes of the response body.
    #[must_use]
    pub fn new(method: Method, url: impl Into<String>, timeout: Duration, max_answer: usize) -> Self {
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Vec::new(), timeout, max_answer }
    }

    /// Sends exactly these bytes.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.headers.insert("content-type", HeaderValue::from_static(content_type));
        self.body = body;
        self
    }

    /// Adds a header, or replaces the one of this name.
    ///
    /// # Errors
    /// [`Failure::Refused`] when the name or the value cannot be a header; the message does not repeat the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Failure> {
        let refused = || Failure::Refused(format!("{name:?} and its value cannot be an HTTP header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        self.headers.insert(name, HeaderValue::from_str(value).map_err(|_| refused())?);
        Ok(self)
    }

    /// Adds a header whose value no debug output shows.
    ///
    /// # Errors
    /// As [`Call::header`].
    pub fn secret_header(self, name: &str, value: &SecretString) -> Result<Self, Failure> {
        let mut call = self.header(name, value.expose_secret())?;
        if let Some(value) = call.headers.get_mut(name) {
            value.set_sensitive(true);
        }
        Ok(call)
    }

    /// Adds a header, unless the call has one of this name.
    #[must_use]
    pub(crate) fn default_header(mut self, name: &HeaderName, value: &HeaderValue) -> Self {
        self.headers.entry(name).or_insert_with(|| value.clone());
        self
    }

    /// Adds `Authorization: Bearer` with this token.
    ///
    /// # Errors
    /// As [`Call::header`].
    pub fn bearer(self, token: &SecretString) -> Result<Self, Failure> {
        self.secret_header("authorization", &format!("Bearer {}", token.expose_secret()).into())
    }
}

impl Client {
    /// A client for URLs that only the operator sets. It honours the proxy of the environment.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn trusted() -> Result<Self, SetupError> {
        Ok(Self { http: http_pool::builder().build()?, egress: None })
    }

    /// A client for URLs that a user can set: it calls only what `egress` allows.
    ///
    /// # Errors
    /// [`SetupError`].
    pub fn guarded(egress: Egress) -> Result<Self, SetupError> {
        let http = http_pool::guarded_builder(egress.clone(), system_lookup()).build()?;
        Ok(Self { http, egress: Some(egress) })
    }

    /// Sends a call and reads the body of its response.
    ///
    /// # Errors
    /// [`Failure`]. A response of any status is a success here, except a 2xx whose body breaks off or stalls. A retry is
    /// as safe as the call is idempotent.
    pub async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let (timeout, most) = (call.timeout, call.max_answer);
        let deadline = Instant::now() + timeout;
        let response = self.open(call, deadline).await?;
        let success = response.status().is_success();
        let (reply, end) = read(response, most, deadline).await;
        let why = match end {
            // A status that is no success decides by itself; its body only explains.
            _ if !success => return Ok(reply),
            BodyEnd::Complete | BodyEnd::Enough => return Ok(reply),
            BodyEnd::Broken(error) => format!("broke off: {}", error_chain(&error)),
            BodyEnd::Stalled => format!("did not come within {timeout:?}"),
        };
        Err(Failure::Cut { status: reply.status, why })
    }

    /// Sends a call whose response is decided by its status. The body is read only when the status is
    /// `explained_by_body`, and a body that breaks off or stalls is no failure.
    ///
    /// # Errors
    /// [`Failure`] when no response head arrives.
    pub async fn send_for_status(
        &self,
        call: Call,
        explained_by_body: Option<u16>,
    ) -> Result<Reply, Failure> {
        let most = call.max_answer;
        let deadline = Instant::now() + call.timeout;
        let response = self.open(call, deadline).await?;
        let status = response.status().as_u16();
        if Some(status) == explained_by_body {
            return Ok(read(response, most, deadline).await.0);
        }
        Ok(Reply { status, body: Vec::new(), complete: false })
    }

    /// Sends a call and waits for the response head.
    async fn open(&self, call: Call, deadline: Instant) -> Result<reqwest::Response, Failure> {
        let url = self.check(&call.url)?;
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let span = tracing::debug_span!(
            "call",
            otel.kind = "client",
            otel.name = %method,
            http.request.method = %method,
            server.address = url.host_str(),
            server.port = url.port_or_known_default(),
            http.response.status_code = field::Empty,
            error.r#type = field::Empty,
            otel.status_code = field::Empty,
        );
        let opening = async {
            let mut headers = call.headers;
            for (name, value) in Trace::current().iter().flat_map(Trace::headers) {
                // A trace writes its headers in ASCII.
                if let Ok(value) = HeaderValue::try_from(value) {
                    headers.insert(name, value);
                }
            }
            let sent = self.http.request(method, url).headers(headers).body(call.body).send();
            let opened = timeout_at(deadline, sent).await.map_err(|_| Failure::Timeout(call.timeout));
            opened.and_then(|opened| opened.map_err(Failure::of))
        };
        let opened = opening.instrument(span.clone()).await;
        match &opened {
            Ok(response) => {
                span.record("http.response.status_code", i64::from(response.status().as_u16()));
            }
            Err(failure) => {
                span.record("error.type", failure.kind());
                span.record("otel.status_code", "ERROR");
            }
        }
        opened
    }

    fn check(&self, url: &str) -> Result<Url, UrlError> {
        match &self.egress {
            Some(egress) => egress.check_url(url),
            None => Url::parse(url).map_err(UrlError::Malformed),
        }
    }
}

/// Reads at most `most` bytes of the body; one more is asked for, to know whether that is all.
async fn read(mut response: reqwest::Response, most: usize, deadline: Instant) -> (Reply, BodyEnd) {
    let mut body = Vec::new();
    let end = http_pool::read_body(&mut response, most.saturating_add(1), deadline, &mut body).await;
    body.truncate(most);
    let complete = matches!(end, BodyEnd::Complete);
    (Reply { status: response.status().as_u16(), body, complete }, end)
}
