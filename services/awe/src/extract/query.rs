//! Query parameters.

use super::detail;
use crate::error::{ApiError, Reason};
use crate::state::AppState;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

/// Typed query parameters. Parameters that the route does not know were refused before ([`super::refuse_unknown`]).
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        parse(parts.uri.query().unwrap_or_default()).map(Self)
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if value.contains('\0') {
            return Err(ApiError::query(&name, "must not contain the character U+0000"));
        }
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let detail = detail("query", error.path(), &error.inner().to_string());
        ApiError::faulty(Reason::FaultyParameter, vec![detail])
    })
}

/// Refuses a parameter whose value is none of the words that its route knows.
pub(crate) fn check_word(name: &str, value: Option<&str>, known: &[&str]) -> Result<(), ApiError> {
    let fault = value.and_then(|value| unknown_word(value, known));
    fault.map_or(Ok(()), |message| Err(ApiError::query(name, message)))
}

/// What is wrong with a word that is not known; `None` when it is known.
pub(crate) fn unknown_word(word: &str, known: &[&str]) -> Option<String> {
    (!known.contains(&word)).then(|| format!("must be one of {}", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::api::{ListAuditQuery, ListTasksQuery};
    use serde_json::json;

    fn place<T: DeserializeOwned + std::fmt::Debug>(query: &str) -> serde_json::Value {
        let error = parse::<T>(query).unwrap_err();
        serde_json::to_value(&error.detail().first().unwrap().loc).unwrap()
    }

    #[test]
    fn absent_parameters_have_their_defaults() {
        let query: ListTasksQuery = parse("").unwrap();
        assert_eq!((query.page, query.page_size, query.assignee), (1, 20, None));
    }

    #[test]
    fn good_parameters_are_read() {
        let id = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";
        let query: ListTasksQuery = parse(&format!("assignee=*&request_id={id}&page_size=200&x=1")).unwrap();
        assert_eq!((query.assignee.as_deref(), query.page_size), (Some("*"), 200));
        assert_eq!(query.request_id.unwrap().to_string(), id);
        let query: ListAuditQuery = parse("since=2026-01-31T08:15:00Z").unwrap();
        assert_eq!(query.since.unwrap().year(), 2026);
    }

    #[test]
    fn a_bad_parameter_is_named() {
        for (query, name) in [
            ("page_size=0", "page_size"),
            ("page_size=201", "page_size"),
            ("page=0", "page"),
            ("page=x", "page"),
            ("page=1&page=2", "page"),
            ("request_id=7", "request_id"),
            ("status=a%00b", "status"),
        ] {
            assert_eq!(place::<ListTasksQuery>(query), json!(["query", name]), "{query}");
        }
        assert_eq!(place::<ListAuditQuery>("since=yesterday"), json!(["query", "since"]));
    }
}
