//! The client.

use crate::call::{Answer, Call, Page};
use crate::error::{Error, ErrorKind};
use crate::event::{WebhookEvent, is_final};
use crate::generated::{models, parameters};
use crate::retry::RetryPolicy;
use crate::streaming::Streaming;
use crate::token::Token;
use crate::transport::{Trace, Transport, base_of};
use crate::waiting::{Watch, Watcher};
use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use reqwest::Method;
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Fewer than what a server gives one caller (`server.max_streams_per_caller`, 64), for its other processes.
const MOST_STREAMS: usize = 32;

/// Calls AWE. Cheap to clone; clones share their connections.
///
/// Beside the methods written here there is one for each `operationId` of the contract, such as
/// [`AweClient::list_policies`]. All fail with [`Error`].
#[derive(Clone)]
pub struct AweClient {
    transport: Arc<Transport>,
    token: Token,
}

/// Settings of a client; see [`AweClient::builder`].
pub struct AweClientBuilder {
    base_url: String,
    token: Token,
    timeout: Duration,
    retry: RetryPolicy,
    trace: Option<Trace>,
    http: Option<reqwest::Client>,
}

/// A request that was created; it can be used as what was answered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Created {
    /// What was answered.
    pub request: models::CreateRequestOut,
    /// The key that it was created with: the same key and body give the same request again.
    pub idempotency_key: String,
    /// It existed already: an earlier attempt or call with this key made it.
    pub replayed: bool,
}

impl Deref for Created {
    type Target = models::CreateRequestOut;

    fn deref(&self) -> &Self::Target {
        &self.request
    }
}

impl AweClientBuilder {
    /// Where tokens come from.
    #[must_use]
    pub fn token(self, token: impl Into<Token>) -> Self {
        Self { token: token.into(), ..self }
    }

    /// How long an attempt may take, until its answer was read; 10 s by default.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// When calls are sent again.
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Writes `traceparent` (and `tracestate`) into a carrier, before each attempt. With OpenTelemetry:
    /// `|carrier| global::get_text_map_propagator(|p| p.inject_context(&Context::current(), carrier))`.
    #[must_use]
    pub fn trace(self, trace: impl Fn(&mut HashMap<String, String>) + Send + Sync + 'static) -> Self {
        Self { trace: Some(Arc::new(trace)), ..self }
    }

    /// An HTTP client of your own. It should follow no redirects: a body is not sent again to another place.
    #[must_use]
    pub fn http(self, http: reqwest::Client) -> Self {
        Self { http: Some(http), ..self }
    }

    /// The client.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the URL is none, or this system has no certificates that can be trusted.
    pub fn build(self) -> Result<AweClient, Error> {
        let http = match self.http {
            Some(http) => http,
            None => reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .map_err(|cause| Error::invalid("there can be no HTTP client").because(cause))?,
        };
        let base = base_of(&self.base_url)?;
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        let transport =
            Transport { base, timeout: self.timeout, retry: self.retry, trace: self.trace, http, streams };
        Ok(AweClient { transport: Arc::new(transport), token: self.token })
    }
}

impl fmt::Debug for AweClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AweClientBuilder").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl fmt::Debug for AweClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AweClient").field("base", &self.transport.base.as_str()).finish_non_exhaustive()
    }
}

impl AweClient {
    /// A client with usual settings. `base_url`: as in `https://awe.example.org`; `/v1/awe` at its end is understood.
    /// `token`: a text, [`Token::callback`] or [`crate::ClientCredentials`].
    ///
    /// # Errors
    /// As of [`AweClientBuilder::build`].
    pub fn new(base_url: impl Into<String>, token: impl Into<Token>) -> Result<Self, Error> {
        Self::builder(base_url).token(token).build()
    }

    /// The settings of a client.
    #[must_use]
    pub fn builder(base_url: impl Into<String>) -> AweClientBuilder {
        AweClientBuilder {
            base_url: base_url.into(),
            token: Token::none(),
            timeout: TIMEOUT,
            retry: RetryPolicy::default(),
            trace: None,
            http: None,
        }
    }

    /// A client that shares the connections of this one and calls with another token, for example the user's.
    #[must_use]
    pub fn with_token(&self, token: impl Into<Token>) -> Self {
        Self { transport: self.transport.clone(), token: token.into() }
    }

    /// A client that shares the connections of this one and waits for so long for an answer, in each attempt.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        let transport = Transport { timeout, ..(*self.transport).clone() };
        Self { transport: Arc::new(transport), token: self.token.clone() }
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Answer, Error> {
        self.transport.send(call, &self.token).await
    }

    /// Asks for approval. Every attempt carries one key, which is minted before the first.
    ///
    /// # Errors
    /// [`Error`]; [`Error::idempotency_key`] is the key.
    pub async fn create(&self, request: &models::CreateRequestIn) -> Result<Created, Error> {
        self.created(request, None).await
    }

    /// Asks for approval with a key of your own. Take the id of your own change: a call that is repeated after a crash
    /// finds the request that was made.
    ///
    /// # Errors
    /// [`Error`]; with reason `idempotency_key_reused` when the key was used with another body.
    pub async fn create_with_key(
        &self,
        request: &models::CreateRequestIn,
        idempotency_key: &str,
    ) -> Result<Created, Error> {
        self.created(request, Some(idempotency_key)).await
    }

    async fn created(&self, request: &models::CreateRequestIn, key: Option<&str>) -> Result<Created, Error> {
        let call = Call::new("create_request", Method::POST, "/v1/awe/requests").body(request).key(key);
        let answer = self.send(call).await?;
        let replayed =
            answer.header("idempotency-replayed").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let request = answer.json()?;
        Ok(Created { request, idempotency_key: answer.key.unwrap_or_default(), replayed })
    }

    /// A request.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn get(&self, request_id: &str) -> Result<models::RequestOut, Error> {
        self.get_request(request_id).await
    }

    /// One page of requests, newest first.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn list(
        &self,
        filters: &parameters::ListRequests,
    ) -> Result<Page<Vec<models::RequestOut>>, Error> {
        self.list_requests(filters).await
    }

    /// All requests that the filters leave, newest first, page by page. `limit`: of a page.
    pub fn iterate(
        &self,
        filters: parameters::ListRequests,
    ) -> BoxStream<'_, Result<models::RequestOut, Error>> {
        every(filters.cursor.clone(), move |cursor| {
            let filters = parameters::ListRequests { cursor, ..filters.clone() };
            async move { self.list_requests(&filters).await }
        })
    }

    /// All tasks that the filters leave, page by page; the subject's own unless `assignee` says others.
    pub fn tasks(&self, filters: parameters::ListTasks) -> BoxStream<'_, Result<models::TaskOut, Error>> {
        every(filters.cursor.clone(), move |cursor| {
            let filters = parameters::ListTasks { cursor, ..filters.clone() };
            async move {
                let Page { list, next_cursor } = self.list_tasks(&filters).await?;
                Ok(Page { list: list.items, next_cursor })
            }
        })
    }

    /// Says that the token's subject is on it.
    ///
    /// # Errors
    /// [`Error`]; 409 when somebody else is, or the task is decided.
    pub async fn claim(&self, task_id: &str) -> Result<models::TaskOut, Error> {
        self.claim_task(task_id, None).await
    }

    /// Records a decision: [`models::DecisionAction`] alone, or with what else [`models::DecisionIn`] says.
    ///
    /// # Errors
    /// [`Error`]; with reason `task_decided` when the task has its decision already.
    pub async fn decide(
        &self,
        task_id: &str,
        decision: impl Into<models::DecisionIn> + Send,
    ) -> Result<models::DecisionOut, Error> {
        self.decide_task(task_id, &decision.into(), None).await
    }

    /// Records 1 to 100 decisions, each as if it came alone. `results` has one entry for each, in order: a bad one harms no
    /// other.
    ///
    /// # Errors
    /// [`Error`], when all of them are refused together.
    pub async fn decide_many(
        &self,
        items: impl Into<Vec<models::DecisionItemIn>> + Send,
    ) -> Result<models::DecisionsOut, Error> {
        self.decide_tasks(&models::DecisionsIn { items: items.into() }, None).await
    }

    /// Stops a request.
    ///
    /// # Errors
    /// [`Error`]; with reason `request_finished` when it has ended.
    pub async fn cancel(&self, request_id: &str, reason: Option<&str>) -> Result<models::RequestOut, Error> {
        let body = models::CancelRequest { reason: reason.map(str::to_owned), ..Default::default() };
        self.cancel_request(request_id, &body, None).await
    }

    /// The history of a request in order, with a `sequence` beyond `after` (0 = all), page by page.
    pub fn events(&self, request_id: &str, after: i64) -> BoxStream<'_, Result<models::EventOut, Error>> {
        let request_id = request_id.to_owned();
        every(Some(after.to_string()), move |cursor| {
            let request_id = request_id.clone();
            async move {
                let after = cursor
                    .map(|text| text.parse())
                    .transpose()
                    .map_err(|_| Error::unexpected(200, "the cursor of a history is not a number"))?;
                self.list_request_events(&request_id, &parameters::ListRequestEvents { after }).await
            }
        })
    }

    /// Whether AWE has this event: messages on NATS are not signed, so ask before something irreversible.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn confirm(&self, event: &WebhookEvent) -> Result<bool, Error> {
        let found = self.events(&event.request_id, event.sequence.saturating_sub(1)).try_next().await?;
        Ok(found.is_some_and(|one| one.id == event.event_id && one.event_type == event.event_type.as_str()))
    }

    /// Learns by server-sent events that a request has ended; polls where they cannot be had.
    #[must_use]
    pub fn streaming(&self) -> Streaming {
        Streaming::new(self.transport.clone(), self.token.clone())
    }

    /// How many streams of server-sent events this client and its clones hold open, one for each wait that is told.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        MOST_STREAMS - self.transport.streams.available_permits()
    }

    /// The request when it is approved, rejected, cancelled or expired. It is told by server-sent events; where they
    /// cannot be had, AWE is asked again and again.
    ///
    /// # Errors
    /// [`Error`] of the first look; after that what may pass (AWE is away, or overloaded) is waited for.
    /// [`ErrorKind::WaitTimeout`] after `timeout`, with the last failure as its source.
    pub async fn wait_until_terminal(
        &self,
        request_id: &str,
        timeout: Duration,
    ) -> Result<models::RequestOut, Error> {
        self.wait_with(request_id, timeout, &self.streaming()).await
    }

    /// Like [`AweClient::wait_until_terminal`]; `watcher` says how to learn that the request may have changed.
    ///
    /// # Errors
    /// As of [`AweClient::wait_until_terminal`].
    pub async fn wait_with(
        &self,
        request_id: &str,
        timeout: Duration,
        watcher: &impl Watcher,
    ) -> Result<models::RequestOut, Error> {
        let began = Instant::now();
        let mut watch = watcher.watch(request_id);
        let mut seen = self.get(request_id).await?;
        let mut failure = None;
        while !is_final(&seen.status) {
            let left = timeout.saturating_sub(began.elapsed());
            if left.is_zero() {
                let (request_id, status) = (seen.id, seen.status);
                let error = Error::new(ErrorKind::WaitTimeout { request_id, status, waited: timeout });
                return Err(match failure {
                    Some(failure) => error.because(failure),
                    None => error,
                });
            }
            watch.changed(left).await;
            match self.get(request_id).await {
                Ok(found) => (seen, failure) = (found, None),
                Err(error) if error.is_retryable() => failure = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(seen)
    }
}

impl From<models::DecisionAction> for models::DecisionIn {
    fn from(action: models::DecisionAction) -> Self {
        Self { action, artifact_digest: None, attachments_ref: None, comment: None }
    }
}

/// All items of any list, page by page. `ask` is called with the cursor of each page, at first with `cursor`.
pub fn every<'a, T, A, F>(cursor: Option<String>, ask: A) -> BoxStream<'a, Result<T, Error>>
where
    T: Send + 'a,
    A: Fn(Option<String>) -> F + Send + Sync + 'a,
    F: Future<Output = Result<Page<Vec<T>>, Error>> + Send + 'a,
{
    let ask = Arc::new(ask);
    let pages = stream::try_unfold(Some(cursor), move |next| {
        let ask = ask.clone();
        async move {
            let Some(cursor) = next else { return Ok(None) };
            let Page { list, next_cursor } = ask(cursor).await?;
            Ok(Some((stream::iter(list).map(Ok), next_cursor.map(Some))))
        }
    });
    pages.try_flatten().boxed()
}
