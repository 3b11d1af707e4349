//! Which route answers a call, for metrics and traces.

use matchit::Router;
use std::sync::LazyLock;
use telemetry::call::NO_ROUTE;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
