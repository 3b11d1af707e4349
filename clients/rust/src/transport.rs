//! Sends one call through all its attempts.

use crate::call::{Answer, Call};
use crate::error::{ApiError, Error, ErrorKind};
use crate::retry::{RetryPolicy, retry_after};
use crate::token::Token;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Semaphore;
use url::Url;

const PREFIX: &str = "/v1/awe";
const EVENT_STREAM: &str = "text/event-stream";
const TRACED: [&str; 2] = ["traceparent", "tracestate"];
const AGENT: &str = concat!("awe-client-rust/", env!("CARGO_PKG_VERSION"));

/// Writes `traceparent` (and `tracestate`) into a carrier.
pub(crate) type Trace = Arc<dyn Fn(&mut HashMap<String, String>) + Send + Sync>;

/// What all calls of a client have in common.
#[derive(Clone)]
pub(crate) struct Transport {
    pub(crate) base: Url,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) trace: Option<Trace>,
    pub(crate) http: reqwest::Client,
    /// Places for streams that are open at once.
    pub(crate) streams: Arc<Semaphore>,
}

/// A call that is ready to be sent.
struct Prepared {
    call: Call,
    url: Url,
    headers: HeaderMap,
    body: Option<Vec<u8>>,
}

impl Transport {
    pub(crate) async fn send(&self, call: Call, token: &Token) -> Result<Answer, Error> {
        let key = call.key.clone();
        let sent = match self.prepare(call) {
            Ok(prepared) => self.attempts(&prepared, token).await,
            Err(error) => Err(error),
        };
        sent.map_err(|error| error.with_key(key))
    }

    async fn attempts(&self, prepared: &Prepared, token: &Token) -> Result<Answer, Error> {
        let began = Instant::now();
        let mut waits = self.retry.waits();
        let mut renewed = false;
        loop {
            let bearer = token.get(&self.http, self.timeout).await?;
            let error = match self.attempt(prepared, bearer.as_ref()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.status() == Some(401) && !renewed && token.renew(bearer.as_ref()) {
                renewed = true;
                continue;
            }
            match self.retry.wait(&error, prepared.call.can_repeat(), &mut waits) {
                Some(wait) if began.elapsed() + wait <= self.retry.total => tokio::time::sleep(wait).await,
                _ => return Err(error),
            }
        }
    }

    fn prepare(&self, mut call: Call) -> Result<Prepared, Error> {
        let url = call.url(&self.base)?;
        let body = call.take_body()?;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, */*;q=0.5"));
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        if body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        let key = call.key.iter().map(|key| ("idempotency-key", key));
        for (name, value) in call.headers.0.iter().map(|(name, value)| (*name, value)).chain(key) {
            headers.insert(HeaderName::from_static(name), header(name, value)?);
        }
        Ok(Prepared { call, url, headers, body })
    }

    /// Opens a stream of server-sent events: one attempt, bounded in time until the head of the answer is there.
    pub(crate) async fn follow(&self, call: Call, token: &Token) -> Result<Response, Error> {
        let mut prepared = self.prepare(call)?;
        prepared.headers.insert(ACCEPT, HeaderValue::from_static(EVENT_STREAM));
        let bearer = token.get(&self.http, self.timeout).await?;
        let sending = self.request(&prepared, bearer.as_ref())?.send();
        let response = tokio::time::timeout(self.timeout, sending)
            .await
            .map_err(|_| Error::new(ErrorKind::Timeout { sent: true }))?
            .map_err(no_answer)?;
        let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let status = response.status();
        if status.is_success() && kind.starts_with(EVENT_STREAM.as_bytes()) {
            return Ok(response);
        }
        if status.is_client_error() || status.is_server_error() {
            if status == StatusCode::UNAUTHORIZED {
                token.renew(bearer.as_ref());
            }
            return Err(refusal(status.as_u16(), response.headers(), &[]));
        }
        Err(Error::unexpected(status.as_u16(), "the answer is no stream of events"))
    }

    async fn attempt(&self, prepared: &Prepared, token: Option<&SecretString>) -> Result<Answer, Error> {
        let request = self.request(prepared, token)?;
        let response = request.timeout(self.timeout).send().await.map_err(no_answer)?;
        let status = response.status();
        let headers = response.headers().clone();
        let body = response.bytes().await.map_err(no_answer)?.to_vec();
        if status.is_redirection() || status.is_informational() {
            let message = "the answer is a redirect: name the final URL";
            return Err(Error::unexpected(status.as_u16(), message));
        }
        if !status.is_success() {
            return Err(refusal(status.as_u16(), &headers, &body));
        }
        let Call { id, key, .. } = &prepared.call;
        Ok(Answer { id, status: status.as_u16(), headers, body, key: key.clone() })
    }

    /// One attempt, before it is sent.
    fn request(&self, prepared: &Prepared, token: Option<&SecretString>) -> Result<RequestBuilder, Error> {
        let mut headers = prepared.headers.clone();
        if let Some(trace) = &self.trace {
            let mut carrier = HashMap::new();
            trace(&mut carrier);
            for name in TRACED {
                if let Some(value) = carrier.get(name) {
                    headers.insert(HeaderName::from_static(name), header(name, value)?);
                }
            }
        }
        if let Some(token) = token {
            let value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()));
            let mut value = value
                .map_err(|_| Error::new(ErrorKind::Token("it cannot be the value of a header".to_owned())))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let mut request =
            self.http.request(prepared.call.method.clone(), prepared.url.clone()).headers(headers);
        if let Some(body) = &prepared.body {
            request = request.body(body.clone());
        }
        Ok(request)
    }
}

fn refusal(status: u16, headers: &HeaderMap, body: &[u8]) -> Error {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let after = text(RETRY_AFTER.as_str()).and_then(|text| retry_after(text, SystemTime::now()));
    let request_id = text("x-request-id").map(str::to_owned);
    Error::new(ErrorKind::Api(ApiError::read(status, body, request_id, after)))
}

/// What a failure of the connection means for the caller.
fn no_answer(cause: reqwest::Error) -> Error {
    let sent = !cause.is_connect();
    let kind = if cause.is_builder() {
        ErrorKind::InvalidArgument("the call cannot be sent".to_owned())
    } else if cause.is_timeout() {
        ErrorKind::Timeout { sent }
    } else {
        ErrorKind::Transport { sent }
    };
    Error::new(kind).because(cause.without_url())
}

fn header(name: &str, value: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(value)
        .map_err(|_| Error::invalid(format!("{name} has characters that a header cannot hold")))
}

/// The URL that paths are appended to; `/v1/awe` at its end is understood.
pub(crate) fn base_of(url: &str) -> Result<Url, Error> {
    let wrong = || Error::invalid("the base URL must be an http or https URL, as in https://awe.example.org");
    let mut base = Url::parse(url).map_err(|_| wrong())?;
    let is_http = matches!(base.scheme(), "http" | "https") && base.has_host();
    if !is_http || base.query().is_some() || base.fragment().is_some() {
        return Err(wrong());
    }
    let path = base.path().trim_end_matches('/');
    let path = path.strip_suffix(PREFIX).unwrap_or(path).to_owned();
    base.set_path(&path);
    Ok(base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_understood_or_refused() {
        for (given, base) in [
            ("https://awe.example.org", "https://awe.example.org/"),
            ("https://awe.example.org/v1/awe/", "https://awe.example.org/"),
            ("http://example.org:8000/under/v1/awe", "http://example.org:8000/under"),
        ] {
            assert_eq!(base_of(given).unwrap().as_str(), base);
        }
        for wrong in ["awe.example.org", "ftp://awe.example.org", "https://awe.example.org?x=1", "", "data:x"]
        {
            assert!(base_of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_segment_cannot_lead_elsewhere() {
        let base = base_of("http://example.org/under").unwrap();
        let call = |value: &str| {
            Call::new("get_request", reqwest::Method::GET, "/v1/awe/requests/{}").segment("request_id", value)
        };
        let url = call("../policies?x=1#y %2e").url(&base).unwrap();
        assert_eq!(url.as_str(), "http://example.org/under/v1/awe/requests/..%2Fpolicies%3Fx=1%23y%20%252e");
        for wrong in ["", ".", ".."] {
            assert!(matches!(call(wrong).url(&base).unwrap_err().kind(), ErrorKind::InvalidArgument(_)));
        }
    }
}
