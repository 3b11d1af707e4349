use super::*;
use schemas::api::{DecisionIn, PolicyCreate};
use serde_json::json;

fn faults<T: DeserializeOwned + std::fmt::Debug>(body: &str) -> (Value, String, String) {
    let error = parse::<T>(body.as_bytes(), 1000).unwrap_err();
    let first = error.detail().first().unwrap();
    (serde_json::to_value(&first.loc).unwrap(), first.kind.clone(), first.msg.clone())
}

fn policy(change: impl FnOnce(&mut Value)) -> String {
    let mut policy = json!({"policy_key": "k", "name": "n", "artifact_type": "a", "stages": [
        {"name": "s", "stage_order": 1, "rules": [{"rule_type": "user", "rule_value": {"user_id": "u"}}]}]});
    change(&mut policy);
    policy.to_string()
}

#[test]
fn a_good_body_parses() {
    assert_eq!(parse::<PolicyCreate>(policy(|_| {}).as_bytes(), 1000).unwrap().policy_key, "k");
}

#[test]
fn a_missing_field_is_named_at_the_end_of_the_place() {
    let body = policy(|p| drop(p.as_object_mut().unwrap().remove("name")));
    let (loc, kind, _) = faults::<PolicyCreate>(&body);
    assert_eq!((loc, &*kind), (json!(["body", "name"]), "missing"));
    let body = policy(|p| drop(p["stages"][0].as_object_mut().unwrap().remove("stage_order")));
    let (loc, kind, _) = faults::<PolicyCreate>(&body);
    assert_eq!((loc, &*kind), (json!(["body", "stages", 0, "stage_order"]), "missing"));
}

#[test]
fn an_unknown_field_is_named_at_the_end_of_the_place() {
    let (loc, kind, _) = faults::<PolicyCreate>(&policy(|p| p["stages"][0]["colour"] = json!("red")));
    assert_eq!((loc, &*kind), (json!(["body", "stages", 0, "colour"]), "extra_forbidden"));
}

#[test]
fn a_wrong_type_is_named_with_its_place() {
    let (loc, kind, message) =
        faults::<PolicyCreate>(&policy(|p| p["stages"][0]["mode_value"] = json!("two")));
    assert_eq!((loc, &*kind), (json!(["body", "stages", 0, "mode_value"]), "value_error"));
    assert_eq!(message, "must be a whole number, is the text \"two\"");
    let (loc, ..) = faults::<PolicyCreate>(&policy(|p| p["name"] = json!("x".repeat(201))));
    assert_eq!(loc, json!(["body", "name"]));
    let (loc, ..) = faults::<DecisionIn>(r#"{"action":"maybe"}"#);
    assert_eq!(loc, json!(["body", "action"]));
}

#[test]
fn what_is_no_json_object_is_told_so() {
    for body in ["", "{", "nul", r#"{"action":"approve"} x"#, "{\"action\": \"\\ud800\"}"] {
        let (loc, kind, _) = faults::<DecisionIn>(body);
        assert_eq!((loc, &*kind), (json!(["body"]), "json_invalid"), "{body}");
    }
    for body in ["[]", "[1,]", r#" ["approve", null, null]"#, "3", "null", "\"x\""] {
        assert_eq!(faults::<DecisionIn>(body).0[0], "body", "{body}");
    }
    let deep = "[".repeat(100_000);
    assert_eq!(faults::<DecisionIn>(&deep).0[0], "body");
}

#[test]
fn the_character_nul_is_refused_wherever_it_hides() {
    let (loc, ..) = faults::<DecisionIn>(r#"{"action":"approve","comment":"a\u0000b"}"#);
    assert_eq!(loc, json!(["body", "comment"]));
    let body = policy(|p| p["stages"][0]["rules"][0]["rule_value"] = json!({"user_id": "a\0"}));
    assert_eq!(
        faults::<PolicyCreate>(&body).0,
        json!(["body", "stages", 0, "rules", 0, "rule_value", "user_id"])
    );
    assert!(parse::<DecisionIn>(br#"{"action":"approve","comment":"a\\u0000b"}"#, 1000).is_ok());
}

#[test]
fn a_long_value_is_not_repeated_whole() {
    let (.., message) = faults::<PolicyCreate>(&policy(|p| p["stages"] = json!("x".repeat(100_000))));
    assert!(message.len() < 400);
}

#[test]
fn a_body_of_too_many_values_is_refused_before_it_is_kept() {
    let (loc, _, message) = faults::<PolicyCreate>(&policy(|p| p["stages"] = json!(vec![json!({}); 2000])));
    assert_eq!(loc, json!(["body"]));
    assert!(message.contains("1000 JSON values"), "{message}");
}
