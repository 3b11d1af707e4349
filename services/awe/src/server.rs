//! The HTTP server: routes, and what surrounds every one of them.
//!
//! ```text
//! span and request id ─► unread body ─► envelope ─► panic guard ─► how long ─► who ─► body ─► place ─► route and handler
//! ```

mod body;
mod listen;
mod unread;

pub use listen::{Limits, serve};

use crate::auth;
use crate::error::{ApiError, Reason, enveloped, panicked};
use crate::places::Held;
use crate::routes;
use crate::state::AppState;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use tracing::{Instrument, field};
use uuid::Uuid;

const REQUEST_ID: &str = "x-request-id";
const MAX_REQUEST_ID: usize = 128;

/// The whole API.
pub fn router(state: AppState) -> Router {
    surrounded(api(), state)
}

/// The whole API, and a landing page at `/`.
pub fn router_with_home(state: AppState) -> Router {
    surrounded(api().merge(routes::home()), state)
}

fn api() -> Router<AppState> {
    routes::open().merge(routes::guarded())
}

/// Only what needs no token: for processes that play other roles than `api`.
pub fn open_router(state: AppState) -> Router {
    surrounded(routes::open(), state)
}

/// One layer, and around all routes together: layers of each route are cloned and boxed for every request, the inner
/// ones once for each that is around them.
fn surrounded(routes: Router<AppState>, state: AppState) -> Router {
    let routes = routes.fallback(async || ApiError::from(Reason::NoSuchRoute)).with_state(state.clone());
    Router::new().fallback_service(routes).layer(from_fn_with_state(state, traced))
}

/// One span a request, under the caller's request id or a new one, which the answer repeats.
async fn traced(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| is_request_id(id)).cloned();
    let id = given.unwrap_or_else(new_request_id);
    let span = tracing::info_span!(
        "http",
        method = %request.method(),
        path = request.uri().path(),
        request_id = id.to_str().unwrap_or_default(),
        subject = field::Empty,
    );
    let began = Instant::now();
    let mut response = answered(&state, request, next).instrument(span.clone()).await;
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1000.0);
    span.in_scope(|| match status {
        500.. => tracing::warn!(status, ms, "answered"),
        _ => tracing::debug!(status, ms, "answered"),
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Whatever becomes of it, an error is an envelope, and a connection with an unread body is closed.
async fn answered(state: &AppState, request: Request, next: Next) -> Response {
    let (request, body) = unread::watched(request);
    let answering = AssertUnwindSafe(within_limits(state, request, next)).catch_unwind();
    let answer = answering.await.unwrap_or_else(panicked);
    body.close_unless_read(enveloped(answer, state))
}

/// So many at once, each so long; whether the process lives can be asked even then.
async fn within_limits(state: &AppState, mut request: Request, next: Next) -> Response {
    if request.uri().path() == "/v1/awe/health" {
        return next.run(request).await;
    }
    let held = Held::default();
    request.extensions_mut().insert(held.clone());
    let request = match admitted(state, request, &held).await {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    let limit = Duration::from_secs(state.config().server.request_timeout_seconds);
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::from(Reason::TimedOut).into_response(),
    }
}

/// The request with its body, once it has its places. The body of a caller who is not known is not read: whatever needs
/// to know the caller refuses it, and nothing else reads bodies.
async fn admitted(state: &AppState, request: Request, held: &Held) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let body = match auth::note_caller(&mut parts, state).await {
        Some(caller) => {
            let share = state.places().share(&caller.subject);
            share.take(held)?;
            body::read(&parts.headers, body, &share, &state.config().server).await?
        }
        None => body,
    };
    state.places().take(held)?;
    Ok(Request::from_parts(parts, body))
}

fn is_request_id(id: &HeaderValue) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len()) && id.as_bytes().iter().all(u8::is_ascii_graphic)
}

fn new_request_id() -> HeaderValue {
    HeaderValue::from_str(&Uuid::now_v7().to_string()).unwrap_or_else(|_| HeaderValue::from_static("none"))
}
