//! Checks 1 and 2 to 5 of the back-channel: what the body is, and which members it must have.

use super::Failure;
use crate::config::Server;
use crate::grant::{Grant, Refusal};
use crate::json::{self, Malformed};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::Duration;
use uuid::Uuid;

/// Bytes of a body at most.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// The members of the body.
pub(super) async fn read(request: Request, server: &Server) -> Result<Map<String, Value>, Failure> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(Failure::media_type());
    }
    let bytes = bytes(body, Duration::from_secs(server.body_timeout_seconds)).await?;
    json::object(&bytes).map_err(|malformed| Failure::invalid(&malformed.to_string()))
}

async fn bytes(body: Body, within: Duration) -> Result<axum::body::Bytes, Failure> {
    let reading = tokio::time::timeout(within, Limited::new(body, MOST_BYTES).collect()).await;
    match reading.map_err(|_| Failure::too_slow())? {
        Ok(read) => Ok(read.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::too_large(MOST_BYTES)),
        Err(_) => Err(Failure::invalid("the request body is malformed: it is incomplete")),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let essence = text(header::CONTENT_TYPE).unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let is_plain =
        text(header::CONTENT_ENCODING).is_none_or(|coding| coding.eq_ignore_ascii_case("identity"));
    essence.eq_ignore_ascii_case("application/json") && is_plain
}

/// The grant that the members describe.
pub(super) fn grant(mut members: Map<String, Value>) -> Result<Grant, Refusal> {
    let malformed = |fault: Malformed| Refusal::new(1, fault.to_string());
    let correlation_id = text(&members, "correlation_id").map_err(malformed)?;
    let client_id = text(&members, "client_id").map_err(malformed)?;
    let granted_scope = text(&members, "granted_scope").map_err(malformed)?;
    let retail_customer_id = integer(&members, "retail_customer_id").map_err(malformed)?;
    let selected_usage_point_ids = ids(&members, "selected_usage_point_ids").map_err(malformed)?;
    let customer_resource_uri = text(&members, "customer_resource_uri").map_err(malformed)?;
    let required =
        |row: u8, field: &str, value: Option<String>| value.ok_or_else(|| Refusal::required(row, field));
    let correlation_id = required(2, "correlation_id", correlation_id)?;
    let client_id = required(3, "client_id", client_id)?;
    let granted_scope = required(4, "granted_scope", granted_scope)?;
    if retail_customer_id.is_none() {
        return Err(Refusal::required(5, "retail_customer_id"));
    }
    members.remove("correlation_id");
    Ok(Grant {
        correlation_id,
        client_id,
        granted_scope,
        retail_customer_id,
        selected_usage_point_ids,
        customer_resource_uri,
        digest: digest(&members)?,
    })
}

/// SHA-256 over the canonical form (RFC 8785) of what was asked, without the correlation id.
fn digest(members: &Map<String, Value>) -> Result<String, Refusal> {
    let canonical = serde_json_canonicalizer::to_vec(members)
        .map_err(|_| Refusal::new(1, "the request body is malformed: it has no canonical form"))?;
    Ok(hex::encode(Sha256::digest(canonical)))
}

fn present<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// A text; a blank one counts as absent.
fn text(members: &Map<String, Value>, name: &str) -> Result<Option<String>, Malformed> {
    match present(members, name) {
        None => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(Malformed::member(name, "is no text")),
    }
}

fn integer(members: &Map<String, Value>, name: &str) -> Result<Option<i64>, Malformed> {
    let wrong = || Malformed::member(name, "is no integer of 64 bits");
    present(members, name).map(|value| value.as_i64().ok_or_else(wrong)).transpose()
}

/// Ids in the order of the request, each once.
fn ids(members: &Map<String, Value>, name: &str) -> Result<Vec<Uuid>, Malformed> {
    let all = match present(members, name) {
        None => return Ok(Vec::new()),
        Some(Value::Array(all)) => all,
        Some(_) => return Err(Malformed::member(name, "is no list")),
    };
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for item in all {
        let text = item.as_str().filter(|text| text.len() == 36);
        let id = text.and_then(|text| Uuid::try_parse(text).ok());
        let id = id.ok_or_else(|| Malformed::member(name, "holds what is no UUID of 36 characters"))?;
        if seen.insert(id) {
            found.push(id);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn members(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    fn full() -> Map<String, Value> {
        members(json!({
            "correlation_id": "c1", "client_id": "third_party", "granted_scope": "FB=4_5_15;IntervalDuration=3600",
            "retail_customer_id": 42, "selected_usage_point_ids": ["11111111-2222-4333-8444-555555555555"],
        }))
    }

    fn with(name: &str, value: Value) -> Map<String, Value> {
        let mut all = full();
        all.insert(name.to_owned(), value);
        all
    }

    fn refusal(members: Map<String, Value>) -> (u8, String) {
        let Refusal { row, description } = grant(members).expect_err("it must be refused");
        (row, description)
    }

    #[test]
    fn members_are_bound_by_their_names_in_snake_case() {
        let found = grant(full()).unwrap();
        assert_eq!((found.correlation_id.as_str(), found.client_id.as_str()), ("c1", "third_party"));
        assert_eq!((found.retail_customer_id, found.selected_usage_point_ids.len()), (Some(42), 1));
        assert_eq!(found.customer_resource_uri, None);
    }

    #[test]
    fn of_duplicate_usage_points_the_first_is_kept() {
        let ids = ["11111111-2222-4333-8444-666666666666", "11111111-2222-4333-8444-555555555555"];
        let list = json!([ids[0], ids[1].to_uppercase(), ids[0], ids[1]]);
        let found = grant(with("selected_usage_point_ids", list)).unwrap().selected_usage_point_ids;
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), ids);
    }

    #[test]
    fn absent_null_and_empty_lists_and_uris_are_the_same() {
        for value in [Value::Null, json!([])] {
            assert!(
                grant(with("selected_usage_point_ids", value)).unwrap().selected_usage_point_ids.is_empty()
            );
        }
        for value in [Value::Null, json!(""), json!(" \t")] {
            assert_eq!(grant(with("customer_resource_uri", value)).unwrap().customer_resource_uri, None);
        }
    }

    #[test]
    fn row_1_names_the_member_of_another_type() {
        for (name, value) in [
            ("correlation_id", json!(1)),
            ("client_id", json!(["third_party"])),
            ("granted_scope", json!(true)),
            ("retail_customer_id", json!("42")),
            ("retail_customer_id", json!(42.0)),
            ("retail_customer_id", json!(9_223_372_036_854_775_808_u64)),
            ("selected_usage_point_ids", json!("x")),
            ("selected_usage_point_ids", json!([null])),
            ("selected_usage_point_ids", json!(["11111111222243338444555555555555"])),
            ("selected_usage_point_ids", json!(["ERERESIiQzOERFVVVVVVVQ=="])),
            ("customer_resource_uri", json!({})),
        ] {
            let (row, description) = refusal(with(name, value.clone()));
            assert!(row == 1 && description.contains(name), "{value}: {description}");
        }
    }

    #[test]
    fn rows_2_to_5_are_told_in_their_order() {
        let rows = [(2, "correlation_id"), (3, "client_id"), (4, "granted_scope"), (5, "retail_customer_id")];
        let mut all = Map::new();
        for (row, name) in rows {
            assert_eq!(refusal(all.clone()), (row, format!("{name} is required")));
            all.insert(name.to_owned(), if row == 5 { json!(42) } else { json!("x") });
        }
        for name in ["correlation_id", "client_id", "granted_scope"] {
            assert_eq!(refusal(with(name, json!(" \n"))).1, format!("{name} is required"));
        }
    }

    #[test]
    fn the_digest_is_of_the_canonical_body_without_the_correlation_id() {
        let canonical = r#"{"client_id":"third_party","granted_scope":"FB=4_5_15;IntervalDuration=3600","retail_customer_id":42,"selected_usage_point_ids":["11111111-2222-4333-8444-555555555555"]}"#;
        let wanted = hex::encode(Sha256::digest(canonical));
        assert_eq!(grant(full()).unwrap().digest, wanted);
        assert_eq!(grant(with("correlation_id", json!("c2"))).unwrap().digest, wanted);
        assert_ne!(grant(with("retail_customer_id", json!(43))).unwrap().digest, wanted);
    }
}
