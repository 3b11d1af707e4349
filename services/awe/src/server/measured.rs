//! How long each kind of call takes, and where it belongs in a trace.

use axum::http::{HeaderMap, Method};
use matchit::Router;
use std::sync::LazyLock;
use telemetry::Trace;
use telemetry::trace::{TRACEPARENT, TRACESTATE};

/// The label of calls that no route answers. Anybody can make up paths.
const NO_ROUTE: &str = "other";
/// Bytes of a path that are shown.
const LONGEST_PATH: usize = 256;

/// The routes of the OpenAPI document by path. Parameters are known by their place: one route may name `key` what another
/// names `id`.
static ROUTES: LazyLock<Router<String>> = LazyLock::new(|| {
    let mut routes = Router::new();
    for path in schemas::openapi::openapi().paths.paths.into_keys() {
        let places = path.split('/').enumerate().map(|(place, part)| match part.starts_with('{') {
            true => format!("{{p{place}}}"),
            false => part.to_owned(),
        });
        let by_place = places.collect::<Vec<_>>().join("/");
        // A path that clashes with another is told as `other`.
        let _ = routes.insert(by_place, path);
    }
    routes
});

/// The route that answers this path, as the OpenAPI document writes it.
pub(super) fn route(path: &str) -> &'static str {
    ROUTES.at(path).map_or(NO_ROUTE, |found| found.value.as_str())
}

/// The path as spans and logs show it: anybody can ask for one of any length, and spans wait in memory.
pub(super) fn shown(path: &str) -> &str {
    &path[..path.floor_char_boundary(LONGEST_PATH)]
}

/// The method as the API has it; `_OTHER` for those that somebody has made up.
pub(super) fn word(method: &Method) -> &'static str {
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
pub(super) fn trace(headers: &HeaderMap) -> Option<Trace> {
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
    use axum::http::HeaderValue;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn every_path_of_the_document_is_known_and_made_up_ones_are_not() {
        for path in schemas::openapi::openapi().paths.paths.keys() {
            let asked = path.replace(['{', '}'], "");
            assert_eq!(route(&asked), path.as_str());
        }
        assert_eq!(route("/v1/awe/tasks/0199/decision"), "/v1/awe/tasks/{task_id}/decision");
        for made_up in ["/", "", "/v1/awe/x", "/v1/awe/tasks/1/2/3/4"] {
            assert_eq!(route(made_up), NO_ROUTE, "{made_up}");
        }
    }

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
        assert_eq!(trace(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(trace(&headers).unwrap().to_text(), PARENT);
        headers.append(TRACEPARENT, HeaderValue::from_static(PARENT));
        assert_eq!(trace(&headers), None);
        headers.insert(TRACEPARENT, HeaderValue::from_bytes(b"\xff").unwrap());
        assert_eq!(trace(&headers), None);
    }
}
