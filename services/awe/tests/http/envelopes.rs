//! Everything that can be wrong with a call, and the answer to it.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use reqwest::{Method, StatusCode};
use schemas::api::Reason;
use serde_json::{Value, json};

const UNKNOWN: &str = "0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10";

/// Who calls what with which body; status, code and place of the fault.
type Case = (Who, &'static str, String, Option<Value>, u16, &'static str, Value);

fn assert_envelope(status: u16, code: &str, answer: &Value, at: &str) {
    assert_eq!(answer["id"], "openg2p.awe", "{at}: {status} {answer}");
    assert_eq!(answer["version"], "1.0", "{at}");
    assert!(answer["response"].is_null() && answer["responsetime"].is_string(), "{at}");
    let errors = answer["errors"].as_array().unwrap();
    assert!(!errors.is_empty(), "{at}");
    for error in errors {
        assert_eq!(error["errorCode"], code, "{at}: {answer}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{at}");
        let reason: Reason = serde_json::from_value(error["reason"].clone()).unwrap();
        assert_eq!((reason.status(), reason.code()), (status, code), "{at}: {answer}");
    }
    assert_eq!(status == 422, answer["detail"].is_array(), "{at}: {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_its_status_code_and_place() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let mut faulty = policy("faulty.v1", &["amina"], 1);
    faulty["stages"][0]["mode"] = json!("most");
    faulty["stages"][0]["on_empty"] = json!("shrug");
    let with = |field: &str, value: Value| {
        let mut body = request("demo.v1");
        body[field] = value;
        Some(body)
    };
    let cases: Vec<Case> = vec![
        (Who::Admin, "GET", "/nosuch".into(), None, 404, "AWE-004", json!(null)),
        (Who::Nobody, "GET", "/nosuch".into(), None, 404, "AWE-004", json!(null)),
        (Who::Admin, "DELETE", "/requests".into(), None, 405, "AWE-010", json!(null)),
        (Who::Admin, "POST", "/policies".into(), Some(faulty), 400, "AWE-010", json!(null)),
        (Who::Admin, "POST", "/policies".into(), Some(json!([])), 422, "AWE-010", json!(["body"])),
        (
            Who::Admin,
            "POST",
            "/policies".into(),
            Some(json!({})),
            422,
            "AWE-010",
            json!(["body", "policy_key"]),
        ),
        (Who::Admin, "GET", "/policies/nosuch/versions/1".into(), None, 404, "AWE-001", json!(null)),
        (Who::Admin, "GET", "/policies/demo.v1/versions/9".into(), None, 404, "AWE-001", json!(null)),
        (Who::Admin, "GET", "/policies/demo.v1/versions/one".into(), None, 404, "AWE-001", json!(null)),
        (Who::Admin, "GET", "/policies/a%00b/versions/1".into(), None, 404, "AWE-001", json!(null)),
        (Who::Admin, "GET", "/policies/%FF/versions/1".into(), None, 404, "AWE-001", json!(null)),
        (Who::Admin, "GET", format!("/requests/{UNKNOWN}"), None, 404, "AWE-003", json!(null)),
        (Who::Admin, "GET", "/requests/7".into(), None, 404, "AWE-003", json!(null)),
        (Who::Admin, "GET", format!("/requests/{UNKNOWN}/events"), None, 404, "AWE-003", json!(null)),
        (Who::Admin, "POST", format!("/requests/{UNKNOWN}/cancel"), None, 404, "AWE-003", json!(null)),
        (Who::Admin, "POST", format!("/tasks/{UNKNOWN}/claim"), None, 404, "AWE-004", json!(null)),
        (Who::Admin, "POST", "/tasks/x/claim".into(), None, 404, "AWE-004", json!(null)),
        (
            Who::Admin,
            "POST",
            format!("/tasks/{UNKNOWN}/decision"),
            Some(json!({"action": "maybe"})),
            422,
            "AWE-010",
            json!(["body", "action"]),
        ),
        (Who::Admin, "DELETE", format!("/delegations/{UNKNOWN}"), None, 404, "AWE-004", json!(null)),
        (Who::Admin, "POST", format!("/admin/deliveries/{UNKNOWN}/retry"), None, 404, "AWE-004", json!(null)),
        (
            Who::Admin,
            "GET",
            format!("/admin/deliveries/{UNKNOWN}/attempts"),
            None,
            404,
            "AWE-004",
            json!(null),
        ),
        (
            Who::Admin,
            "POST",
            format!("/admin/callback-secrets/{UNKNOWN}/rotate"),
            None,
            404,
            "AWE-004",
            json!(null),
        ),
        (Who::Admin, "GET", "/tasks?page_size=0".into(), None, 422, "AWE-010", json!(["query", "page_size"])),
        (Who::Admin, "GET", "/tasks?status=done".into(), None, 422, "AWE-010", json!(["query", "status"])),
        (
            Who::Admin,
            "GET",
            "/tasks?request_id=7".into(),
            None,
            422,
            "AWE-010",
            json!(["query", "request_id"]),
        ),
        (
            Who::Admin,
            "GET",
            "/tasks?search_text=a%00b".into(),
            None,
            422,
            "AWE-010",
            json!(["query", "search_text"]),
        ),
        (Who::Admin, "GET", "/requests?limit=501".into(), None, 422, "AWE-010", json!(["query", "limit"])),
        (Who::Admin, "GET", "/requests?cursor=x".into(), None, 422, "AWE-010", json!(["query", "cursor"])),
        (
            Who::Admin,
            "GET",
            "/admin/audit?since=monday".into(),
            None,
            422,
            "AWE-010",
            json!(["query", "since"]),
        ),
        (
            Who::Admin,
            "GET",
            "/admin/deliveries?status=lost".into(),
            None,
            422,
            "AWE-010",
            json!(["query", "status"]),
        ),
        (
            Who::Admin,
            "POST",
            "/admin/deliveries/retry".into(),
            Some(json!({"status": "lost"})),
            422,
            "AWE-010",
            json!(["body", "status"]),
        ),
        (Who::User("c"), "POST", "/requests".into(), Some(request("nosuch")), 404, "AWE-001", json!(null)),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("artifact_id", json!("")),
            422,
            "AWE-010",
            json!(["body", "artifact_id"]),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("artifact_id", json!("a\0")),
            422,
            "AWE-010",
            json!(["body", "artifact_id"]),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("context", json!({"a": ["b", "\0"]})),
            422,
            "AWE-010",
            json!(["body", "context", "a", 1]),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("context", json!([])),
            422,
            "AWE-010",
            json!(["body", "context"]),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("colour", json!("red")),
            422,
            "AWE-010",
            json!(["body", "colour"]),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("callback_url", json!("http://10.0.0.1/x")),
            400,
            "AWE-010",
            json!(null),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("callback_url", json!("http://169.254.169.254/x")),
            400,
            "AWE-010",
            json!(null),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("callback_events", json!(["lunch"])),
            422,
            "AWE-010",
            json!(["body", "callback_events"]),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("expires_at", json!("2020-01-01T00:00:00Z")),
            400,
            "AWE-010",
            json!(null),
        ),
        (
            Who::User("c"),
            "POST",
            "/requests".into(),
            with("callback_secret_id", json!(UNKNOWN)),
            400,
            "AWE-010",
            json!(null),
        ),
    ];
    for (who, method, path, body, status, code, loc) in cases {
        let answer = server.call(who, method.parse().unwrap(), &path, body.as_ref()).await;
        let at = format!("{method} {path} {body:?}");
        assert_eq!(answer.0, status, "{at}: {}", answer.1);
        assert_envelope(status, code, &answer.1, &at);
        if !loc.is_null() {
            assert_eq!(answer.1["detail"][0]["loc"], loc, "{at}: {}", answer.1);
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_of_a_policy_is_told_at_once() {
    let server = Server::start(&[]).await;
    let mut faulty = policy("faulty.v1", &["amina"], 0);
    faulty["stages"][0]["on_empty"] = json!("shrug");
    faulty["stages"][0]["rules"][0] = json!({"rule_type": "http", "rule_value": {"url": "http://10.1.2.3/"}});
    let (status, answer) = server.post(Who::Admin, "/policies", faulty).await;
    assert_eq!(status, 400);
    let told = answer["errors"].to_string();
    for part in ["stage 1", "mode_value", "on_empty", "rule_value.url"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_http_bodies_are_told_apart() {
    let server = Server::start(&[("AWE__SERVER__MAX_BODY_BYTES", "2000")]).await;
    let post = |kind: &str, body: String| {
        let call =
            server.request(Who::Admin, Method::POST, "/policies").header("content-type", kind).body(body);
        async { call.send().await.unwrap() }
    };
    for (kind, body, status) in [
        ("application/json", "{".to_owned(), 422),
        ("application/json", String::new(), 422),
        ("application/json; charset=utf-8", "{}".to_owned(), 422),
        ("application/x-www-form-urlencoded", "{}".to_owned(), 415),
        ("text/plain", "{}".to_owned(), 415),
        ("application/json", "x".repeat(2001), 413),
        ("application/json", "[".repeat(1999), 422),
    ] {
        let answer = post(kind, body.clone()).await;
        assert_eq!(answer.status(), status, "{kind} {body}");
        assert_envelope(status, "AWE-010", &answer.json().await.unwrap(), kind);
    }
    let chunks = futures::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 100])));
    let call =
        server.request(Who::Admin, Method::POST, "/policies").header("content-type", "application/json");
    let answer = call.body(reqwest::Body::wrap_stream(chunks)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_method_is_told_the_right_ones() {
    let server = Server::start(&[]).await;
    let answer = server.send(Who::Nobody, Method::DELETE, "/policies", None).await;
    assert_eq!(answer.status(), 405);
    let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_tokens_are_refused_and_challenged() {
    let server = Server::start(&[]).await;
    let huge = format!("Bearer {}", "x".repeat(20_000));
    for value in ["Basic YTpi", "Bearer", "Bearer ", "Bearer x", "Bearer a.b.c", "bearer ..", &huge] {
        let call = server.request(Who::Nobody, Method::GET, "/tasks").header("authorization", value);
        let answer = call.send().await.unwrap();
        assert_eq!(answer.status(), 401, "{value}");
        assert_eq!(answer.headers()["www-authenticate"], "Bearer");
        assert_envelope(401, "AWE-008", &answer.json().await.unwrap(), value);
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_code_covers_is_told_apart_by_its_reason() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina", "badru"], 1)).await;
    server.post(Who::Admin, "/policies", policy("draft.v1", &["amina"], 1)).await;
    let (_, created) = server.post(Who::User("c"), "/requests", request("demo.v1")).await;
    let task = created["tasks"][0]["id"].as_str().unwrap().to_owned();
    let decide = format!("/tasks/{task}/decision");
    let of = |assignee: &'static str| Who::User(assignee);
    let approve = json!({"action": "approve"});
    let decided = server.post(of("amina"), &decide, approve.clone()).await;
    assert_eq!(decided.0, 201, "{}", decided.1);
    let cases: Vec<(Who, &str, String, Option<Value>, &str)> = vec![
        (Who::Admin, "GET", "/nosuch".into(), None, "no_such_route"),
        (Who::Admin, "POST", format!("/tasks/{UNKNOWN}/claim"), None, "unknown_task"),
        (Who::Admin, "DELETE", format!("/delegations/{UNKNOWN}"), None, "unknown_delegation"),
        (Who::Admin, "POST", format!("/admin/deliveries/{UNKNOWN}/retry"), None, "unknown_delivery"),
        (Who::Admin, "DELETE", format!("/admin/callback-secrets/{UNKNOWN}"), None, "unknown_callback_secret"),
        (Who::User("c"), "POST", "/requests".into(), Some(request("nosuch")), "no_active_policy"),
        (Who::Admin, "GET", "/policies/nosuch/versions/1".into(), None, "unknown_policy"),
        (
            Who::Admin,
            "PATCH",
            "/policies/demo.v1/versions/1".into(),
            Some(policy("demo.v1", &["x"], 1)),
            "policy_not_draft",
        ),
        (Who::Admin, "POST", "/policies/draft.v1/versions/1/deactivate".into(), None, "policy_not_active"),
        (
            Who::Admin,
            "PUT",
            "/policies/other.v1".into(),
            Some(policy("demo.v1", &["x"], 1)),
            "policy_key_differs",
        ),
        (of("badru"), "POST", decide.clone(), Some(approve.clone()), "not_yours"),
        (of("amina"), "POST", decide.clone(), Some(approve.clone()), "request_finished"),
        (Who::Admin, "GET", "/admin/directory/users".into(), None, "no_directory"),
        (Who::Nobody, "GET", "/tasks".into(), None, "token_missing"),
        (Who::WrongRole, "GET", "/policies".into(), None, "role_missing"),
        (Who::Admin, "GET", "/tasks?page=x".into(), None, "faulty_parameter"),
        (Who::Admin, "POST", "/policies".into(), Some(json!({})), "faulty_body"),
    ];
    for (who, method, path, body, reason) in cases {
        let (_, answer) = server.call(who, method.parse().unwrap(), &path, body.as_ref()).await;
        assert_eq!(answer["errors"][0]["reason"], reason, "{method} {path}: {answer}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parameter_that_a_route_does_not_know_is_refused_on_every_route() {
    let server = Server::start(&[]).await;
    let (_, document) = server.get(Who::Nobody, "/openapi.json").await;
    let mut tried = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace(['{', '}'], "").replace("/v1/awe", "");
        for method in operations.as_object().unwrap().keys() {
            let at = format!("{method} {path}");
            let method: Method = method.to_uppercase().parse().unwrap();
            let (status, answer) =
                server.call(Who::Admin, method, &format!("{path}?zzz=1&%00=2"), None).await;
            assert_envelope(status, "AWE-010", &answer, &at);
            assert_eq!((status, &answer["errors"][0]["reason"]), (422, &json!("unknown_parameter")), "{at}");
            let told: Vec<&Value> =
                answer["detail"].as_array().unwrap().iter().map(|detail| &detail["loc"]).collect();
            assert_eq!(told, [&json!(["query", "\u{0}"]), &json!(["query", "zzz"])], "{at}: {answer}");
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
    assert_eq!(server.get(Who::Nobody, "/openapi.json?zzz=1").await.0, 422);
    assert_eq!(server.get(Who::Nobody, "/tasks?zzz=1").await.0, 401, "who calls comes first");
    let (_, answer) = server.get(Who::Admin, "/tasks?stauts=open").await;
    let told = answer["errors"][0]["message"].as_str().unwrap();
    assert!(told.contains("query.stauts") && told.contains("did you mean `status`?"), "{told}");
    let (_, answer) = server.get(Who::Admin, "/policies?status=active").await;
    assert!(answer["errors"][0]["message"].as_str().unwrap().contains("takes none"), "{answer}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_about_another_kind_of_thing_than_its_policy_is_refused_unless_any_may_pass() {
    let mut other = request("demo.v1");
    other["artifact_type"] = json!("something_else");
    for (any, expected) in [("false", 400), ("true", 201)] {
        let server = Server::start(&[("AWE__REQUESTS__ANY_ARTIFACT_TYPE", any)]).await;
        activate(&server, &policy("demo.v1", &["amina"], 1)).await;
        let (status, answer) = server.post(Who::User("c"), "/requests", other.clone()).await;
        assert_eq!(status, expected, "{answer}");
        if status == 400 {
            assert_eq!(answer["errors"][0]["reason"], "artifact_type_differs");
            let told = answer["errors"][0]["message"].as_str().unwrap();
            assert!(told.contains("something_else") && told.contains("thing"), "{told}");
        }
        // The version that is active now counts, not one that was cached before.
        let mut moved = policy("demo.v1", &["amina"], 1);
        moved["artifact_type"] = json!("something_else");
        server.call(Who::Admin, Method::PUT, "/policies/demo.v1", Some(&moved)).await;
        server.post(Who::Admin, "/policies/demo.v1/versions/2/activate", json!({})).await;
        assert_eq!(server.post(Who::User("c"), "/requests", other.clone()).await.0, 201);
        server.end().await;
    }
}
