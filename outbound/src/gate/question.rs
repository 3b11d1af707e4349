//! The question to the gate, and what it may contain.

use crate::sanitize::sanitized;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Headers of the caller that the gate may see; none of them carries a credential.
const FORWARDED: [&str; 6] =
    ["accept", "content-type", "host", "user-agent", "x-forwarded-for", "x-request-id"];

/// The question whether something may be registered or changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// `policy`, `request` or `callback_secret`.
    pub asset_type: String,
    /// `create`, `add_version`, `update` or `activate`.
    pub operation: String,
    /// Path of the route that was called, as the OpenAPI document writes it.
    pub source_api: String,
    /// What is to be written; secrets are removed before it is sent.
    pub registration_payload: Map<String, Value>,
    /// Headers of the caller by lower-case name; those that the gate may not see are removed before it is sent.
    #[serde(default)]
    pub request_headers: BTreeMap<String, String>,
}

impl Question {
    /// The question as it is sent: without secrets and without headers that the gate may not see.
    #[must_use]
    pub fn for_the_wire(&self) -> Self {
        let headers = self.request_headers.iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_str()));
        Self {
            registration_payload: sanitized(&self.registration_payload),
            request_headers: filtered(headers),
            ..self.clone()
        }
    }
}

/// Those headers of a request that the gate may see. Values are read as Latin-1; of several headers with one name the
/// last counts.
pub fn forwarded_headers<'a>(
    headers: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> BTreeMap<String, String> {
    let read =
        headers.into_iter().map(|(name, value)| (name, value.iter().copied().map(char::from).collect()));
    let read: Vec<(&str, String)> = read.collect();
    filtered(read.iter().map(|(name, value)| (*name, value.as_str())))
}

fn filtered<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let lower = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()));
    lower.filter(|(name, _)| FORWARDED.contains(&name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn forwarded(headers: &[(&str, &str)]) -> Value {
        json!(forwarded_headers(headers.iter().map(|(name, value)| (*name, value.as_bytes()))))
    }

    fn question() -> Value {
        json!({"asset_type": "policy", "operation": "create", "source_api": "/v1/awe/policies",
            "registration_payload": {"name": "n"}, "request_headers": {"host": "h"}})
    }

    #[test]
    fn a_question_has_all_fields_and_survives_json() {
        let read: Question = serde_json::from_value(question()).expect("reads");
        assert_eq!((read.asset_type.as_str(), read.operation.as_str()), ("policy", "create"));
        assert_eq!(read.source_api, "/v1/awe/policies");
        assert_eq!(json!(read), question());
    }

    #[test]
    fn headers_are_empty_by_default() {
        let mut without = question();
        without.as_object_mut().expect("an object").remove("request_headers");
        let read: Question = serde_json::from_value(without).expect("reads");
        assert!(read.request_headers.is_empty());
    }

    #[test]
    fn header_values_are_read_as_latin_1() {
        let read = forwarded_headers([("user-agent", &b"caf\xe9"[..])]);
        assert_eq!(read["user-agent"], "café");
    }

    #[test]
    fn authorization_is_not_forwarded() {
        assert_eq!(forwarded(&[("authorization", "Bearer t"), ("host", "h")]), json!({"host": "h"}));
    }

    #[test]
    fn cookies_are_not_forwarded() {
        assert_eq!(forwarded(&[("cookie", "session=1"), ("accept", "a")]), json!({"accept": "a"}));
    }

    #[test]
    fn csrf_tokens_are_not_forwarded() {
        assert_eq!(forwarded(&[("x-csrf-token", "t"), ("content-type", "c")]), json!({"content-type": "c"}));
    }

    #[test]
    fn only_listed_headers_are_forwarded() {
        let all = [
            ("authorization", "a"),
            ("cookie", "b"),
            ("x-csrf-token", "c"),
            ("x-api-key", "d"),
            ("x-user-id", "e"),
            ("idempotency-key", "f"),
            ("proxy-authorization", "g"),
            ("host", "1"),
            ("accept", "2"),
            ("content-type", "3"),
            ("user-agent", "4"),
            ("x-request-id", "5"),
            ("x-forwarded-for", "6"),
        ];
        let left = json!({"host": "1", "accept": "2", "content-type": "3", "user-agent": "4",
            "x-request-id": "5", "x-forwarded-for": "6"});
        assert_eq!(forwarded(&all), left);
    }

    #[test]
    fn no_headers_are_no_headers() {
        assert_eq!(forwarded(&[]), json!({}));
    }

    #[test]
    fn header_names_become_lower_case_and_the_last_of_several_counts() {
        assert_eq!(forwarded(&[("Host", "first"), ("HOST", "last")]), json!({"host": "last"}));
    }

    #[test]
    fn what_is_sent_is_cleaned_again_whoever_filled_it_in() {
        let mut careless: Question = serde_json::from_value(question()).expect("reads");
        careless.registration_payload.insert("password".to_owned(), json!("p"));
        careless.request_headers.insert("Authorization".to_owned(), "Bearer t".to_owned());
        assert_eq!(json!(careless.for_the_wire()), question());
    }
}
