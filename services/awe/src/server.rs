//! The HTTP server: the routes, and what surrounds every call:
//!
//! ```text
//! span and request id ─► unread body ─► envelope ─► panic guard ─► permits of the caller, after authentication
//! ─► body ─► permit of the process ─► time limit ─► route and handler
//! ```

mod body;
mod measured;
mod unread;

use crate::auth;
use crate::config::{Server, seconds};
use crate::error::{ApiError, Reason, enveloped, panicked};
use crate::places::Held;
use crate::routes;
use crate::state::AppState;
use crate::ui::Ui;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use telemetry::{Trace, call, measure};
use tracing::{Instrument, Span, field};
use uuid::Uuid;

const REQUEST_ID: &str = "x-request-id";
const MAX_REQUEST_ID: usize = 128;

/// The configured bounds of connections.
#[must_use]
pub fn limits(server: &Server) -> serving::Limits {
    serving::Limits::new(server.max_connections, seconds(server.idle_timeout_seconds))
}

/// The whole API.
pub fn router(state: AppState) -> Router {
    surrounded(api(), state)
}

/// The whole API, and a landing page at `/`.
pub fn router_with_home(state: AppState) -> Router {
    surrounded(api().merge(routes::home()), state)
}

/// The whole API, and the UI wherever the API has no path.
pub fn router_with_ui(state: AppState) -> Router {
    let ui = Ui::of(state.config());
    let answer = move |method: Method, uri: Uri, headers: HeaderMap| {
        let ui = ui.clone();
        async move { ui.answer(&method, uri.path(), &headers).await }
    };
    let routes = api().fallback(answer).with_state(state.clone());
    layered(routes, state)
}

fn api() -> Router<AppState> {
    routes::open().merge(routes::guarded())
}

/// Only what needs no token: for processes that play other roles than `api`.
pub fn open_router(state: AppState) -> Router {
    surrounded(routes::open(), state)
}

/// One layer around all routes together, because axum clones and boxes the layers of a route for every request, and
/// inner layers once more for each outer one.
fn surrounded(routes: Router<AppState>, state: AppState) -> Router {
    let routes = routes.fallback(async || ApiError::from(Reason::NoSuchRoute)).with_state(state.clone());
    layered(routes, state)
}

fn layered(routes: Router, state: AppState) -> Router {
    Router::new().fallback_service(routes).layer(from_fn_with_state(state, traced))
}

/// Opens the span of a request. Its id is the caller's `X-Request-Id` or a new one; the answer repeats it.
async fn traced(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).filter(|id| is_request_id(id)).cloned();
    let id = given.unwrap_or_else(new_request_id);
    let (method, route) = (call::word(request.method()), measured::route(request.uri().path()));
    let began = Instant::now();
    // The span is made inside the place that the caller names, and so becomes a part of it.
    let answering = Trace::begin(call::place(request.headers()), async {
        let span = span(&request, method, route, &id);
        let response = answered(&state, request, next).instrument(span.clone()).await;
        let (status, ms) = (response.status().as_u16(), began.elapsed().as_secs_f64() * 1000.0);
        span.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            span.record("otel.status_code", "ERROR");
        }
        span.in_scope(|| match status {
            500.. => tracing::warn!(status, ms, "answered"),
            _ => tracing::debug!(status, ms, "answered"),
        });
        response
    });
    let mut response = answering.await;
    measure::answered(method, route, response.status().as_u16(), began.elapsed());
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// The span of a request. Its query is left out: it may hold what only the caller is to know.
fn span(request: &Request, method: &'static str, route: &'static str, id: &HeaderValue) -> Span {
    tracing::info_span!(
        "http",
        otel.kind = "server",
        otel.name = format_args!("{method} {route}"),
        otel.status_code = field::Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = field::Empty,
        url.path = call::shown(request.uri().path()),
        request_id = id.to_str().unwrap_or_default(),
        subject = field::Empty,
    )
}

/// Gives every error its envelope, a panic included, and closes a connection whose body was not read.
async fn answered(state: &AppState, request: Request, next: Next) -> Response {
    let (request, body) = unread::watched(request);
    let answering = AssertUnwindSafe(within_limits(state, request, next)).catch_unwind();
    let answer = answering.await.unwrap_or_else(panicked);
    body.close_unless_read(enveloped(answer, state))
}

/// Bounds how many requests run at once and how long each takes. Health checks pass always, or an overloaded process
/// would look dead.
async fn within_limits(state: &AppState, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/v1/awe/health" || path.starts_with("/v1/awe/health/") {
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

/// The request with its body in memory, once it has its permits. The body of an unknown caller is not read: every route
/// that reads a body needs a token and refuses such a call.
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
