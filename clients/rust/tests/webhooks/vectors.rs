//! Webhooks against `schemas/webhook-vectors.json`, and what no vector can say.

use crate::{SECRET, signed};
use awe_client::AnyEvent;
use awe_client::webhook::{VerificationKind, VerifyOptions, sign_for_test, verify, verify_with};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

fn file() -> Value {
    serde_json::from_str(include_str!("../webhook-vectors.json")).unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn seconds(value: &Value) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(value.as_u64().unwrap())
}

fn outcome(case: &Value) -> Value {
    // Values are given as ISO 8859-1 reads their bytes.
    let latin = |text: &str| text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect::<Vec<u8>>();
    let headers = case["headers"].as_array().unwrap().iter();
    let headers = headers.map(|pair| (pair[0].as_str().unwrap(), latin(pair[1].as_str().unwrap())));
    let options = VerifyOptions {
        tolerance: Duration::from_secs(case["tolerance"].as_u64().unwrap()),
        now: Some(seconds(&case["now"])),
    };
    match verify_with(&bytes(&case["body_base64"]), headers, &texts(&case["secrets"]), options) {
        Ok(event) => json!({
            "event_id": event.event_id(), "event_type": event.event_type(), "known": event.known().is_some(),
        }),
        Err(refused) => {
            json!({"error": refused.kind().as_str(), "hint": refused.hint().map(|hint| hint.as_str())})
        }
    }
}

#[test]
fn every_vector_has_the_outcome_that_it_names() {
    let file = file();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() > 100);
    let wrong: Vec<String> = cases
        .iter()
        .map(|case| (case, outcome(case)))
        .filter(|(case, found)| *found != case["expect"])
        .map(|(case, found)| format!("{}: {found}, not {}", case["name"], case["expect"]))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_kind_of_error_and_hint_has_a_vector() {
    let file = file();
    let words = |name: &str| -> BTreeSet<String> {
        let found = file["cases"].as_array().unwrap().iter().filter_map(|case| case["expect"][name].as_str());
        found.map(str::to_owned).collect()
    };
    assert_eq!(words("error").len(), 7);
    assert_eq!(words("hint").len(), 6);
}

#[test]
fn signatures_are_those_of_the_vectors() {
    for row in file()["signing"].as_array().unwrap() {
        let event_id = row["event_id"].as_str().unwrap();
        let body = bytes(&row["body_base64"]);
        let found =
            sign_for_test(&body, &texts(&row["secrets"]), event_id, seconds(&row["timestamp"])).unwrap();
        let found: BTreeMap<String, Value> =
            found.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let expected = row["headers"].as_object().unwrap().iter();
        for (name, value) in expected {
            assert_eq!(found.get(&name.to_lowercase()), Some(value), "{}: {name}", row["name"]);
        }
    }
}

#[test]
fn what_was_signed_for_a_test_is_accepted_now() {
    let (body, headers) = signed("e-1");
    let event = verify(&body, headers, &[SECRET]).unwrap();
    assert!(matches!(&event, AnyEvent::Unknown(event) if event.event_type == "request_novelty"));
    assert_eq!(event.data()["event_id"], "e-1");
}

#[test]
fn the_clock_is_asked_when_no_time_is_given() {
    let at = SystemTime::now() - Duration::from_secs(302);
    let headers = sign_for_test(b"{}", &[SECRET], "e-1", at).unwrap();
    assert_eq!(verify(b"{}", headers.clone(), &[SECRET]).unwrap_err().kind(), VerificationKind::TooOld);
    let options = VerifyOptions { tolerance: Duration::from_secs(320), now: None };
    let kind = verify_with(b"{}", headers, &[SECRET], options).unwrap_err().kind();
    assert_eq!(kind, VerificationKind::BadPayload);
}

#[test]
fn a_header_map_is_taken_as_it_is() {
    let (body, headers) = signed("e-1");
    let mut map = axum::http::HeaderMap::new();
    for (name, value) in headers {
        map.insert(name, value.parse().unwrap());
    }
    verify(&body, &map, &[SECRET.to_owned()]).unwrap();
    map.append("webhook-id", "another".parse().unwrap());
    assert_eq!(verify(&body, &map, &[SECRET]).unwrap_err().kind(), VerificationKind::BadHeader);
}

#[test]
fn no_secret_at_all_is_a_bad_secret() {
    let (body, headers) = signed("e-1");
    let none: [&str; 0] = [];
    assert_eq!(verify(&body, headers, &none).unwrap_err().kind(), VerificationKind::BadSecret);
    assert_eq!(sign_for_test(&body, &none, "e", UNIX_EPOCH).unwrap_err().kind(), VerificationKind::BadSecret);
}

#[test]
fn a_refusal_repeats_neither_secret_nor_signature_nor_body() {
    let (body, headers) = signed("e-1");
    let other = format!("whsec_{}", STANDARD.encode([b'x'; 32]));
    let mut repeated = vec![other[6..].to_owned(), "request_novelty".to_owned()];
    repeated.extend(
        headers.iter().filter(|(name, _)| name.ends_with("signature")).map(|(_, value)| value.clone()),
    );
    let error = verify(&body, headers, &[&other]).unwrap_err();
    for word in repeated {
        assert!(!format!("{error} {error:?}").contains(&word), "{error:?}");
    }
}
