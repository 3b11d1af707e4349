//! One HTTP call to a service that answers with something to read: a token endpoint, a directory, the admission gate.
//!
//! Who may set the URL is decided when the client is made: [`Client::trusted`] goes wherever the configuration says,
//! [`Client::guarded`] only where [`Egress`] lets it. Both follow no redirect, end at a deadline and read a bounded
//! part of the answer.

use crate::credential::Authorization;
use crate::egress::{Egress, GuardedResolver};
use crate::transport::{Failure, chain, failure};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// A pool of connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    egress: Option<Egress>,
}

/// Methods that are called.
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

/// What to send, and within which bounds.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    timeout: Duration,
    max_answer: usize,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body, or its first `max_answer` bytes.
    pub body: Vec<u8>,
    /// Whether that is all of the body. Of an answer that is no success the body may have broken off or stalled too.
    pub complete: bool,
}

impl Call {
    /// A call without headers and body that ends after `timeout`, whatever the receiver does, and reads at most
    /// `max_answer` bytes of the answer's body.
    #[must_use]
    pub fn new(method: Method, url: impl Into<String>, timeout: Duration, max_answer: usize) -> Self {
        Self { method, url: url.into(), headers: HeaderMap::new(), body: Vec::new(), timeout, max_answer }
    }

    /// Sends these exact bytes.
    #[must_use]
    pub fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.headers.insert("content-type", HeaderValue::from_static(content_type));
        self.body = body;
        self
    }

    /// Sends one header more.
    ///
    /// # Errors
    /// [`Failure::Refused`] when name or value cannot be a header; the text does not repeat the value.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, Failure> {
        let refused = || Failure::Refused(format!("{name:?} and its value cannot be an HTTP header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        self.headers.insert(name, HeaderValue::from_str(value).map_err(|_| refused())?);
        Ok(self)
    }

    /// Sends one header more, whose value no debug output shows.
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

    /// Sends the header of a credential, unless the call has one of this name.
    #[must_use]
    pub(crate) fn authorized(mut self, authorization: Option<&Authorization>) -> Self {
        if let Some(Authorization { name, value, .. }) = authorization {
            self.headers.entry(name).or_insert_with(|| value.clone());
        }
        self
    }

    /// Sends `Authorization: Bearer ...`.
    ///
    /// # Errors
    /// As [`Call::header`].
    pub fn bearer(self, token: &SecretString) -> Result<Self, Failure> {
        self.secret_header("authorization", &format!("Bearer {}", token.expose_secret()).into())
    }
}

impl Client {
    /// For URLs that only the operator sets. Honours the proxy of the environment.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn trusted() -> Result<Self, String> {
        let http = builder().build().map_err(|error| chain(&error))?;
        Ok(Self { http, egress: None })
    }

    /// For URLs that a user can set. Connects directly: behind a proxy the guard would see the proxy's address.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn guarded(egress: Egress) -> Result<Self, String> {
        let resolver = Arc::new(GuardedResolver::new(egress.clone()));
        let http = builder().no_proxy().dns_resolver(resolver).build().map_err(|error| chain(&error))?;
        Ok(Self { http, egress: Some(egress) })
    }

    /// Sends and reads.
    ///
    /// # Errors
    /// [`Failure`]; an answer of any status is not a failure here, but a 2xx whose body breaks off or stalls is. A retry
    /// is as safe as the call is idempotent.
    pub async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let (timeout, most) = (call.timeout, call.max_answer);
        let deadline = tokio::time::Instant::now() + timeout;
        let opened = tokio::time::timeout_at(deadline, self.open(call)).await;
        let response = opened.unwrap_or(Err(Failure::Timeout(timeout)))?;
        let success = response.status().is_success();
        let mut reply = Reply { status: response.status().as_u16(), body: Vec::new(), complete: false };
        let read = tokio::time::timeout_at(deadline, read(response, most, &mut reply.body)).await;
        let broken = match read {
            Ok(Ok(all)) => {
                reply.complete = all;
                return Ok(reply);
            }
            Ok(Err(error)) => format!("broke off: {}", chain(&error)),
            Err(_) => format!("did not come within {timeout:?}"),
        };
        // A status that refuses says enough.
        if success { Err(Failure::Cut { status: reply.status, why: broken }) } else { Ok(reply) }
    }

    /// Sends, for an answer whose status decides: the body is read only where it explains, that is for the status
    /// `explained` if any, and what keeps it from being read changes nothing.
    ///
    /// # Errors
    /// [`Failure`] when there is no status.
    pub async fn judge(&self, call: Call, explained: Option<u16>) -> Result<Reply, Failure> {
        let (timeout, most) = (call.timeout, call.max_answer);
        let deadline = tokio::time::Instant::now() + timeout;
        let opened = tokio::time::timeout_at(deadline, self.open(call)).await;
        let response = opened.unwrap_or(Err(Failure::Timeout(timeout)))?;
        let mut reply = Reply { status: response.status().as_u16(), body: Vec::new(), complete: false };
        if Some(reply.status) == explained {
            let read = tokio::time::timeout_at(deadline, read(response, most, &mut reply.body)).await;
            reply.complete = matches!(read, Ok(Ok(true)));
        }
        Ok(reply)
    }

    async fn open(&self, call: Call) -> Result<reqwest::Response, Failure> {
        let url = self.check(&call.url)?;
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
        };
        let sent = self.http.request(method, url).headers(call.headers).body(call.body).send();
        sent.await.map_err(|error| failure(&error.without_url()))
    }

    fn check(&self, url: &str) -> Result<Url, Failure> {
        match &self.egress {
            Some(egress) => egress.check_url(url).map_err(Failure::Refused),
            None => Url::parse(url).map_err(|error| Failure::Refused(format!("not a URL: {error}"))),
        }
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(16)
        .user_agent(concat!("awe/", env!("CARGO_PKG_VERSION")))
}

/// Reads at most `most` bytes; gives whether that was all.
async fn read(
    mut response: reqwest::Response,
    most: usize,
    body: &mut Vec<u8>,
) -> Result<bool, reqwest::Error> {
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            body.truncate(most);
            return Ok(false);
        }
    }
    Ok(true)
}
