//! The query parameters of each route, as the document describes them.

use serde_json::Value;
use std::collections::HashMap;

/// Query parameters by path and by method in capitals. A route that the document lacks has no entry.
#[derive(Debug, Default)]
pub struct QueryParameters(HashMap<String, HashMap<String, Vec<String>>>);

impl QueryParameters {
    /// Collects the parameters of every route in the document.
    #[must_use]
    pub fn described() -> Self {
        let document = serde_json::to_value(super::openapi()).unwrap_or_default();
        let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let operation = |(method, operation): (String, Value)| (method.to_uppercase(), names(&operation));
        let path = |(path, item): (String, Value)| (path, object(&item).into_iter().map(operation).collect());
        Self(object(&document["paths"]).into_iter().map(path).collect())
    }

    /// Returns the parameters of one route; `None` when the document lacks it. HEAD counts as GET.
    #[must_use]
    pub fn of(&self, path: &str, method: &str) -> Option<&[String]> {
        let method = if method == "HEAD" { "GET" } else { method };
        self.0.get(path)?.get(method).map(Vec::as_slice)
    }
}

fn names(operation: &Value) -> Vec<String> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let query = parameters.filter(|parameter| parameter["in"] == "query");
    query.filter_map(|parameter| parameter["name"].as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_knows_what_its_description_names() {
        let all = QueryParameters::described();
        let stats = all.of("/v1/awe/tasks/stats", "GET").expect("it is described");
        assert_eq!(stats, ["status"]);
        assert_eq!(all.of("/v1/awe/tasks/stats", "HEAD"), Some(stats));
        assert_eq!(all.of("/v1/awe/requests", "POST"), Some(&[][..]), "a header is no query parameter");
        assert_eq!(all.of("/v1/awe/docs", "GET"), None);
    }
}
