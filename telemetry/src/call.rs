//! A call that a program answers: its place in a trace, its span, and how long it took.

use crate::trace::{TRACEPARENT, TRACESTATE};
use crate::{Trace, measure};
use http::{HeaderMap, Method, Request, Response};
use std::time::Instant;
use tracing::{Instrument as _, field};

/// The label of calls that no route answers. Anybody can make up paths.
pub const NO_ROUTE: &str = "other";
/// Bytes of a path that are shown.
const LONGEST_PATH: usize = 256;

/// A call that has begun.
#[derive(Debug)]
pub struct Call {
    method: &'static str,
    route: String,
    path: String,
    /// The place that the caller names.
    trace: Option<Trace>,
    began: Instant,
}

impl Call {
    /// `route`: which of the program's routes answers, as it was written; `None`: none does.
    #[must_use]
    pub fn begin<B>(request: &Request<B>, route: Option<&str>) -> Self {
        Self {
            method: word(request.method()),
            route: route.unwrap_or(NO_ROUTE).to_owned(),
            path: shown(request.uri().path()).to_owned(),
            trace: place(request.headers()),
            began: Instant::now(),
        }
    }

    /// Answers it within its span, which is part of the caller's trace, and notes how long that took. The query is left
    /// out: it may hold what only the caller is to know.
    pub async fn answer<B>(self, answering: impl Future<Output = Response<B>>) -> Response<B> {
        let Self { method, route, path, trace, began } = self;
        let named = route.clone();
        let response = Trace::begin(trace, async move {
            let span = tracing::info_span!(
                "http",
                otel.kind = "server",
                otel.name = format_args!("{method} {named}"),
                otel.status_code = field::Empty,
                http.request.method = method,
                http.route = named,
                http.response.status_code = field::Empty,
                url.path = path,
            );
            let response = answering.instrument(span.clone()).await;
            span.record("http.response.status_code", i64::from(response.status().as_u16()));
            if response.status().is_server_error() {
                span.record("otel.status_code", "ERROR");
            }
            response
        });
        let response = response.await;
        measure::answered(method, route, response.status().as_u16(), began.elapsed());
        response
    }
}

/// A path as spans and logs show it: anybody can ask for one of any length, and spans wait in memory.
#[must_use]
pub fn shown(path: &str) -> &str {
    &path[..path.floor_char_boundary(LONGEST_PATH)]
}

/// A method that APIs have; `_OTHER` for those that somebody has made up.
#[must_use]
pub fn word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "_OTHER",
    }
}

/// The place in a trace that a caller names.
#[must_use]
pub fn place(headers: &HeaderMap) -> Option<Trace> {
    // Several of them are none: it is unknown which one is meant.
    let mut parents = headers.get_all(TRACEPARENT).into_iter();
    let parent = parents.next()?.to_str().ok();
    if parents.next().is_some() {
        return None;
    }
    let state = headers.get(TRACESTATE).and_then(|state| state.to_str().ok());
    Trace::from_headers(parent, state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_shown_of_a_call_is_bounded() {
        assert_eq!(shown("/v1/awe/tasks"), "/v1/awe/tasks");
        assert_eq!(shown(&format!("/{}", "ü".repeat(10_000))).len(), 255);
        let made_up = Method::from_bytes("X".repeat(10_000).as_bytes()).unwrap();
        assert_eq!((word(&Method::PATCH), word(&made_up)), ("PATCH", "_OTHER"));
    }

    #[test]
    fn a_caller_names_one_place() {
        let mut headers = HeaderMap::new();
        assert_eq!(place(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(place(&headers).unwrap().to_text(), PARENT);
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(place(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(place(&headers), None);
    }
}
