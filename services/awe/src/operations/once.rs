//! What is done under an `Idempotency-Key` is done once, and answered as the first time.
//!
//! Authority: the key's row, which is written in the transaction of what is done ([`store::once`]). So a first look at it
//! is only a shortcut: of two calls that come at once one is refused by the row, and then finds the other's answer.

use crate::error::{ApiError, Reason};
use crate::state::AppState;
use axum::http::HeaderValue;
use axum::response::{IntoResponse, Response};
use schemas::api::{
    CallbackPingOut, CallbackSecretCreatedOut, DecisionOut, DecisionsOut, DelegationOut, DeliveryOut,
    PolicyOut, RequestOut, RequeuedOut, TaskOut,
};
use schemas::json::RawJson;
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::once::Once;

/// An answer, and whether it is the stored one of an earlier call.
#[derive(Debug)]
pub(crate) struct Answered<T> {
    pub(crate) answer: T,
    pub(crate) replayed: bool,
}

impl<T> Answered<T> {
    pub(crate) fn map<U>(self, to: impl FnOnce(T) -> U) -> Answered<U> {
        Answered { answer: to(self.answer), replayed: self.replayed }
    }
}

impl<T: IntoResponse> IntoResponse for Answered<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        if self.replayed {
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
        }
        response
    }
}

/// An answer that can be stored and replayed.
pub(crate) trait Replay: DeserializeOwned {
    /// The answer as it was given; answers about a request are stored without its context.
    fn restored(self, _context: Option<RawJson>) -> Self {
        self
    }
}

impl Replay for CallbackPingOut {}
impl Replay for CallbackSecretCreatedOut {}
impl Replay for DecisionOut {}
impl Replay for DecisionsOut {}
impl Replay for DelegationOut {}
impl Replay for DeliveryOut {}
impl Replay for PolicyOut {}
impl Replay for RequeuedOut {}

impl Replay for TaskOut {
    fn restored(self, context: Option<RawJson>) -> Self {
        Self { context, ..self }
    }
}

impl Replay for RequestOut {
    fn restored(self, context: Option<RawJson>) -> Self {
        Self { context: context.unwrap_or(self.context), ..self }
    }
}

/// Does something, or replays what the first call under the key was answered. `acting` must note the key together with
/// what it does. Refusals are not stored; whatever the reason, a stored first answer takes precedence over one.
pub(crate) async fn answer<T: Replay>(
    state: &AppState,
    once: Option<&Once>,
    acting: impl Future<Output = Result<T, ApiError>>,
) -> Result<Answered<T>, ApiError> {
    let first = |answer| Answered { answer, replayed: false };
    let Some(once) = once else { return acting.await.map(first) };
    if let Some(replayed) = replay(state, once).await? {
        return Ok(replayed);
    }
    match acting.await {
        Err(refused) if refused.status().is_client_error() => match replay(state, once).await? {
            Some(replayed) => Ok(replayed),
            // What held the key is gone, or has not been answered yet.
            None if refused.reason() == Reason::IdempotencyKeyReused => Err(Reason::Overloaded.into()),
            None => Err(refused),
        },
        acted => acted.map(first),
    }
}

/// Notes the answer under a key that was reserved.
pub(crate) async fn settle(
    state: &AppState,
    once: Option<&Once>,
    answer: &impl Serialize,
) -> Result<(), ApiError> {
    let Some(Once { subject, key, .. }) = once else { return Ok(()) };
    let answer = RawJson::of(answer).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(state.store().settle_first_answer(subject, key, &answer).await?)
}

async fn replay<T: Replay>(state: &AppState, once: &Once) -> Result<Option<Answered<T>>, ApiError> {
    let Some(stored) = state.store().first_answer::<T>(&once.subject, &once.key, &once.asked).await? else {
        return Ok(None);
    };
    if !stored.same_body {
        return Err(Reason::IdempotencyKeyReused.into());
    }
    let answer = stored.response.map(|answer| answer.restored(stored.context));
    Ok(answer.map(|answer| Answered { answer, replayed: true }))
}
