//! Takes webhooks with axum.

use crate::event::AnyEvent;
use crate::receiver::{MOST_BYTES, Receiver, Reply};
use crate::seen::{BoxError, SeenStore};
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use std::future::Future;
use std::sync::Arc;

/// A route for `POST` that verifies webhooks and hands each event to `handler` once, unless it fails: then AWE sends the
/// event again.
///
/// The handler goes on when AWE does not wait for the answer any more.
pub fn webhook<T, S, H, F, E>(receiver: Receiver<S>, handler: H) -> MethodRouter<T>
where
    T: Clone + Send + Sync + 'static,
    S: SeenStore + 'static,
    H: Fn(AnyEvent) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<BoxError> + Send + 'static,
{
    let receiver = Arc::new(receiver);
    post(move |request: Request| {
        let (receiver, handler) = (receiver.clone(), handler.clone());
        async move {
            let event = match open(request, &receiver).await {
                Ok(event) => event,
                Err(refused) => return refused,
            };
            // A task of its own: a connection that is closed would drop the handler half-way.
            let handling = tokio::spawn(async move {
                let event_id = event.event_id().to_owned();
                receiver.hand_on(event, handler).await.map_err(|error| (event_id, error))
            });
            match handling.await {
                Ok(Ok(reply)) => reply.into_response(),
                Ok(Err((event_id, error))) => {
                    tracing::error!(event_id, error, "the handler of a webhook failed");
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
                Err(panic) => {
                    tracing::error!(%panic, "the handler of a webhook panicked");
                    StatusCode::INTERNAL_SERVER_ERROR.into_response()
                }
            }
        }
    })
}

/// Extracts the event of a webhook that is signed right. The state holds the `Arc<Receiver>`.
///
/// It does not drop what was seen: [`webhook`] does.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed(pub AnyEvent);

impl<T> FromRequest<T> for Signed
where
    T: Send + Sync,
    Arc<Receiver>: FromRef<T>,
{
    type Rejection = Response;

    async fn from_request(request: Request, state: &T) -> Result<Self, Response> {
        open(request, &Arc::<Receiver>::from_ref(state)).await.map(Self)
    }
}

async fn open<S: SeenStore>(request: Request, receiver: &Receiver<S>) -> Result<AnyEvent, Response> {
    let (parts, body) = request.into_parts();
    let raw: Bytes = match to_bytes(body, MOST_BYTES).await {
        Ok(raw) => raw,
        Err(_) => return Err(StatusCode::PAYLOAD_TOO_LARGE.into_response()),
    };
    receiver.open(&raw, &parts.headers).map_err(|refused| {
        tracing::warn!(kind = refused.kind().as_str(), "a webhook was refused: {refused}");
        Reply::refusal(&refused).into_response()
    })
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, after.as_secs().into());
        }
        (status, headers, self.text).into_response()
    }
}
