//! The rules of a policy, as callers meet them over HTTP.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A body as it is written, with the idempotency key `k`.
async fn create_raw(server: &Server, body: String) -> (u16, bool, Value) {
    let call = server.request(Who::User("caller"), Method::POST, "/requests").header("Idempotency-Key", "k");
    let answer = call.header("content-type", "application/json").body(body).send().await.unwrap();
    let replayed = answer.headers().contains_key("idempotency-replayed");
    (answer.status().as_u16(), replayed, answer.json().await.unwrap())
}

fn with_number(number: &str) -> String {
    let body =
        json!({"policy_key": "demo.v1", "artifact_type": "thing", "artifact_id": "t", "context": {"n": "N"}});
    body.to_string().replace("\"N\"", number)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_cannot_be_kept_is_refused_wherever_a_value_is_kept() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let rule = r#"{"rule_type": "expression", "rule_value": {"logic": {"==": [{"var": "n"}, NUMBER]}}}"#;
    let stage =
        format!(r#"{{"name": "s", "stage_order": 1, "skip_if": {{"==": [1, NUMBER]}}, "rules": [{rule}]}}"#);
    let written = format!(
        r#"{{"policy_key": "x", "name": "n", "artifact_type": "a", "context_schema": {{"maximum": NUMBER}}, "stages": [{stage}]}}"#
    );
    for number in ["12345678901234567890123", "1e-400", "1e400", "0.1234567890123456789012345"] {
        for (path, body) in [
            ("/requests", with_number("NUMBER")),
            ("/policies/demo.v1/versions/1/simulate", r#"{"context": {"n": [NUMBER]}}"#.to_owned()),
            ("/policies", written.clone()),
        ] {
            let call =
                server.request(Who::Admin, Method::POST, path).header("content-type", "application/json");
            let answer = call.body(body.replace("NUMBER", number)).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 422, "{path} {number}");
            let refused: Value = answer.json().await.unwrap();
            let told = refused["detail"][0]["msg"].as_str().unwrap();
            assert!(told.contains(number) && told.contains("as a string"), "{told}");
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_honest_retry_replays_however_the_database_writes_its_numbers() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let (status, replayed, first) = create_raw(&server, with_number("1e16")).await;
    assert_eq!((status, replayed), (201, false), "{first}");
    for same in ["1e16", "10000000000000000", "1.0E+16"] {
        let (status, replayed, again) = create_raw(&server, with_number(same)).await;
        assert_eq!((status, replayed, &again["request_id"]), (201, true, &first["request_id"]), "{same}");
    }
    for other in ["10000000000000001", "1.0000000000000002e16", "\"1e16\""] {
        assert_eq!(create_raw(&server, with_number(other)).await.0, 409, "{other}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_schema_or_expression_stops_nobody() {
    let server = Server::start(&[]).await;
    let deeper = json!({"properties": {"a": {"$ref": "#/$defs/node"}}});
    let mut branching = policy("branching", &["amina"], 1);
    branching["context_schema"] =
        json!({"$ref": "#/$defs/node", "$defs": {"node": {"anyOf": [deeper, deeper]}}});
    activate(&server, &branching).await;
    let mut deep = policy("deep", &["amina"], 1);
    let list = vec![0; 4_000];
    let logic = json!({"cat": [{"reduce": [list, [{"var": "accumulator"}], []]}]});
    deep["stages"][0]["rules"]
        .as_array_mut()
        .unwrap()
        .push(json!({"rule_type": "expression", "rule_value": {"logic": logic}}));
    activate(&server, &deep).await;

    let mut nested = request("branching");
    nested["context"] = (0..30).fold(json!({}), |inner, _| json!({"a": inner}));
    let begun = Instant::now();
    for _ in 0..4 {
        let (status, refused) = server.post(Who::User("caller"), "/requests", nested.clone()).await;
        assert_eq!(status, 422, "{refused}");
        assert!(refused["detail"][0]["msg"].as_str().unwrap().contains("too many steps"), "{refused}");
    }
    let (status, simulated) =
        server.post(Who::Viewer, "/policies/deep/versions/1/simulate", json!({"context": {}})).await;
    assert_eq!(
        (status, &simulated["stages"][0]["resolved_approvers"]),
        (200, &json!(["amina"])),
        "{simulated}"
    );
    let told = simulated["stages"][0]["resolution_errors"].to_string();
    assert!(told.contains("expression: puts more than 32 lists"), "{told}");
    let (status, created) = server.post(Who::User("caller"), "/requests", request("deep")).await;
    assert_eq!((status, &created["status"]), (201, &json!("in_review")), "{created}");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let events = format!("/requests/{}/events", created["request_id"].as_str().unwrap());
    let (_, events) = server.get(Who::Viewer, &events).await;
    assert!(events.to_string().contains("expression: puts more than 32 lists"), "{events}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_can_be_nobodys_is_refused_wherever_it_is_named() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let reassign = format!("/tasks/{}/reassign", created["tasks"][0]["id"].as_str().unwrap());
    for id in ["", " ", " amina", "amina\t", "system:sla", "SYSTEM:x", &"x".repeat(201)] {
        let mut asked = request("demo.v1");
        asked["requester"] = json!(id);
        let away = |user: &str, to: &str| json!({"user_id": user, "delegate_to": to, "starts_at": "2030-01-01T00:00:00Z", "ends_at": "2030-02-01T00:00:00Z"});
        for (path, body, field) in [
            ("/requests", asked, "requester"),
            ("/policies/demo.v1/versions/1/simulate", json!({"requester": id}), "requester"),
            (&*reassign, json!({"new_assignee": id}), "new_assignee"),
            ("/delegations", away(id, "badru"), "user_id"),
            ("/delegations", away("badru", id), "delegate_to"),
        ] {
            let (status, refused) = server.post(Who::Admin, path, body).await;
            assert_eq!(
                (status, &refused["detail"][0]["loc"][1]),
                (422, &json!(field)),
                "{path} {id:?}: {refused}"
            );
        }
        let (status, refused) = server.post(Who::Admin, "/policies", policy("other", &[id], 1)).await;
        assert_eq!(status, 400, "{id:?}: {refused}");
        let message = refused["errors"][0]["message"].as_str().unwrap();
        assert!(message.contains("stage 1, field rules[0].rule_value"), "{message}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_may_demand_a_comment_and_events_tell_it_with_the_stage() {
    let server = Server::start(&[]).await;
    let mut demanding = policy("demo.v1", &["amina"], 1);
    demanding["stages"][0]["comment_required"] = json!("reject");
    activate(&server, &demanding).await;
    let (_, stored) = server.get(Who::Viewer, "/policies/demo.v1/versions/1").await;
    assert_eq!(stored["stages"][0]["comment_required"], json!("reject"));
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let task = created["tasks"][0]["id"].as_str().unwrap();
    let claim = format!("/tasks/{task}/claim");
    for (who, expected) in [(Who::User("amina"), 200), (Who::User("amina"), 200), (Who::Admin, 409)] {
        assert_eq!(server.call(who, Method::POST, &claim, None).await.0, expected);
    }
    let decide = format!("/tasks/{task}/decision");
    for comment in [json!(null), json!(""), json!(" \n"), json!("\u{200b}")] {
        let body = json!({"action": "reject", "comment": comment});
        let (status, refused) = server.post(Who::User("amina"), &decide, body).await;
        assert_eq!((status, &refused["detail"][0]["loc"]), (422, &json!(["body", "comment"])), "{refused}");
        assert_eq!(refused["errors"][0]["errorCode"], json!("AWE-010"));
    }
    let body = json!({"action": "reject", "comment": "no budget"});
    let (status, decided) = server.post(Who::User("amina"), &decide, body).await;
    assert_eq!((status, &decided["delegated_from"]), (201, &json!(null)), "{decided}");
    let events = format!("/requests/{}/events", created["request_id"].as_str().unwrap());
    let (_, events) = server.get(Who::Viewer, &events).await;
    let told = |kind: &str| {
        let of_kind = events.as_array().unwrap().iter().find(|event| event["event_type"] == kind);
        of_kind.unwrap()["payload"].clone()
    };
    assert_eq!(told("request_rejected")["comment"], json!("no budget"));
    for kind in ["stage_started", "task_claimed", "decision_recorded", "stage_completed", "request_rejected"]
    {
        assert_eq!(told(kind)["stage_order"], json!(1), "{kind}");
    }
    let first = told("request_created");
    assert_eq!(
        (&first["context"], first["context_sha256"].as_str().unwrap().len()),
        (&json!({"amount": 7}), 64)
    );
    assert!(first.get("stage_order").is_none());
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_context_is_told_by_its_hash_alone() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let mut large = request("demo.v1");
    large["context"] = json!({"text": "x".repeat(64 * 1024)});
    let (status, created) = server.post(Who::User("caller"), "/requests", large).await;
    assert_eq!(status, 201, "{created}");
    let events = format!("/requests/{}/events", created["request_id"].as_str().unwrap());
    let (_, events) = server.get(Who::Viewer, &events).await;
    assert_eq!(events[0]["payload"].get("context"), None);
    assert_eq!(events[0]["payload"]["context_sha256"].as_str().unwrap().len(), 64);
    server.end().await;
}
