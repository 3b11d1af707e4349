//! From a policy to `approved`, over HTTP.

use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

pub(crate) fn policy(key: &str, users: &[&str], n: usize) -> Value {
    let rules: Vec<Value> =
        users.iter().map(|user| json!({"rule_type": "user", "rule_value": {"user_id": user}})).collect();
    json!({"policy_key": key, "name": "Test", "artifact_type": "thing", "stages": [
        {"name": "First", "stage_order": 1, "mode": "any-n", "mode_value": n, "rules": rules}]})
}

/// A policy in force.
pub(crate) async fn activate(server: &Server, policy: &Value) {
    let key = policy["policy_key"].as_str().unwrap();
    assert_eq!(server.post(Who::Admin, "/policies", policy.clone()).await.0, 201);
    let path = format!("/policies/{key}/versions/1/activate");
    assert_eq!(server.call(Who::Admin, Method::POST, &path, None).await.0, 200);
}

pub(crate) fn request(key: &str) -> Value {
    json!({"policy_key": key, "artifact_type": "thing", "artifact_id": "t-1", "context": {"amount": 7}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_from_policy_to_approved() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina", "badru"], 2)).await;

    let (status, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    assert_eq!((status, &created["status"]), (201, &json!("in_review")), "{created}");
    assert_eq!(created["tasks"].as_array().unwrap().len(), 2);
    let id = created["request_id"].as_str().unwrap();

    let mine = format!("/tasks?request_id={id}");
    for (user, status_after) in [("amina", "in_review"), ("badru", "approved")] {
        let (_, page) = server.get(Who::User(user), &mine).await;
        assert_eq!((&page["total"], &page["pages"]), (&json!(1), &json!(1)), "{page}");
        let task = page["items"][0]["id"].as_str().unwrap().to_owned();
        let (status, claimed) =
            server.call(Who::User(user), Method::POST, &format!("/tasks/{task}/claim"), None).await;
        assert_eq!((status, &claimed["status"]), (200, &json!("claimed")), "{claimed}");
        let decide = format!("/tasks/{task}/decision");
        let (status, refused) = server.post(Who::User("other"), &decide, json!({"action": "approve"})).await;
        assert_eq!((status, &refused["errors"][0]["errorCode"]), (403, &json!("AWE-008")));
        let (status, decision) = server.post(Who::User(user), &decide, json!({"action": "approve"})).await;
        assert_eq!(
            (status, &decision["actor"], &decision["late"]),
            (201, &json!(user), &json!(false)),
            "{decision}"
        );
        let (status, again) = server.post(Who::User(user), &decide, json!({"action": "approve"})).await;
        assert_eq!((status, &again["errors"][0]["errorCode"]), (409, &json!("AWE-007")));
        let (_, request) = server.get(Who::User("caller"), &format!("/requests/{id}")).await;
        assert_eq!(request["status"], status_after);
    }

    let (_, events) = server.get(Who::User("caller"), &format!("/requests/{id}/events")).await;
    let sequence: Vec<i64> =
        events.as_array().unwrap().iter().map(|e| e["sequence"].as_i64().unwrap()).collect();
    assert_eq!(sequence, (1..=i64::try_from(sequence.len()).unwrap()).collect::<Vec<_>>());
    assert_eq!(events.as_array().unwrap().last().unwrap()["event_type"], "request_approved");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_create_is_answered_once() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let create = |key: &'static str, body: Value| {
        let call = server.request(Who::User("caller"), Method::POST, "/requests");
        async move {
            let answer = call.header("Idempotency-Key", key).json(&body).send().await.unwrap();
            let replayed = answer.headers().contains_key("idempotency-replayed");
            let status = answer.status().as_u16();
            (status, replayed, answer.json::<Value>().await.unwrap())
        }
    };
    let (status, replayed, first) = create("k1", request("demo.v1")).await;
    assert_eq!((status, replayed), (201, false));
    let (status, replayed, second) = create("k1", request("demo.v1")).await;
    assert_eq!((status, replayed, &second), (201, true, &first));
    let mut other = request("demo.v1");
    other["artifact_id"] = json!("t-2");
    let (status, _, refused) = create("k1", other).await;
    assert_eq!((status, &refused["errors"][0]["errorCode"]), (409, &json!("AWE-009")));
    let (status, ..) = create("", request("demo.v1")).await;
    assert_eq!(status, 400);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_was_accepted_is_replayed_although_its_deadline_has_passed() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let soon = time::OffsetDateTime::now_utc() + Duration::from_secs(2);
    let mut body = request("demo.v1");
    body["expires_at"] = json!(soon.format(&time::format_description::well_known::Rfc3339).unwrap());
    let create = async |key: &str| {
        let call = server.request(Who::User("caller"), Method::POST, "/requests");
        let answer = call.header("Idempotency-Key", key).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let (status, first) = create("k1").await;
    assert_eq!(status, 201, "{first}");
    // Once a create under another key is refused, `expires_at` has passed.
    let until_refused = async { while create(&Uuid::now_v7().to_string()).await.0 != 400 {} };
    tokio::time::timeout(Duration::from_secs(20), until_refused).await.unwrap();
    assert_eq!(create("k1").await, (201, first));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_cancelled_by_whoever_created_it() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let cancel = format!("/requests/{}/cancel", created["request_id"].as_str().unwrap());
    assert_eq!(server.call(Who::User("other"), Method::POST, &cancel, None).await.0, 403);
    let (status, cancelled) = server.call(Who::User("caller"), Method::POST, &cancel, None).await;
    assert_eq!((status, &cancelled["status"]), (200, &json!("cancelled")), "{cancelled}");
    assert_eq!(server.post(Who::Admin, &cancel, json!({"reason": "again"})).await.0, 409);
    let (_, audit) = server.get(Who::Viewer, "/admin/audit?action=request.cancel").await;
    assert_eq!(audit.as_array().unwrap().len(), 1);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_reassigned_by_an_administrator() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina", "badru"], 1)).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let task = created["tasks"][0]["id"].as_str().unwrap();
    let path = format!("/tasks/{task}/reassign");
    assert_eq!(server.post(Who::User("amina"), &path, json!({"new_assignee": "chidi"})).await.0, 403);
    assert_eq!(server.post(Who::Admin, &path, json!({"new_assignee": "badru"})).await.0, 409);
    let (status, moved) = server.post(Who::Admin, &path, json!({"new_assignee": "chidi"})).await;
    assert_eq!(
        (status, &moved["assignee"], &moved["reassigned_from"]),
        (200, &json!("chidi"), &json!("amina"))
    );
    let (_, stats) = server.get(Who::User("chidi"), "/tasks/stats").await;
    assert_eq!((&stats["total"], &stats["by_artifact_type"]), (&json!(1), &json!({"thing": 1})));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_read_alone_as_its_list_shows_it() {
    let server = Server::start(&[]).await;
    let mut demanding = policy("demo.v1", &["amina", "badru"], 1);
    demanding["stages"][0]["comment_required"] = json!("reject");
    activate(&server, &demanding).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let first = &created["tasks"][0];
    assert_eq!(first["comment_required"], "reject");
    let path = format!("/tasks/{}", first["id"].as_str().unwrap());
    let (status, task) = server.get(Who::User("anybody"), &path).await;
    let (_, listed) = server.get(Who::User("amina"), "/tasks").await;
    assert_eq!((status, &task), (200, &listed["items"][0]));
    assert_eq!((&task["comment_required"], &task["request_status"]), (&json!("reject"), &json!("in_review")));
    assert_eq!(task["context"], request("demo.v1")["context"]);
    let unknown = format!("/tasks/{}", created["request_id"].as_str().unwrap());
    let (status, refused) = server.get(Who::Admin, &unknown).await;
    assert_eq!((status, &refused["errors"][0]["errorCode"]), (404, &json!("AWE-004")));
    assert_eq!(server.get(Who::Admin, "/tasks/nonsense").await.0, 404, "what is no id names no task");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_of_a_policy_live_and_are_replaced() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let (status, refused) = server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1)).await;
    assert_eq!((status, &refused["errors"][0]["errorCode"]), (409, &json!("AWE-002")));
    let second = policy("demo.v1", &["badru"], 1);
    let (status, added) = server.call(Who::Admin, Method::PUT, "/policies/demo.v1", Some(&second)).await;
    assert_eq!((status, &added["version"], &added["status"]), (201, &json!(2), &json!("draft")));
    let one = "/policies/demo.v1/versions/1";
    assert_eq!(server.call(Who::Admin, Method::PATCH, one, Some(&second)).await.0, 409);
    let two = "/policies/demo.v1/versions/2";
    assert_eq!(server.call(Who::Admin, Method::PATCH, two, Some(&second)).await.0, 200);
    let (status, simulated) = server.post(Who::Viewer, &format!("{two}/simulate"), json!({})).await;
    assert_eq!(
        (status, &simulated["stages"][0]["resolved_approvers"]),
        (200, &json!(["badru"])),
        "{simulated}"
    );
    assert_eq!(server.call(Who::Admin, Method::POST, &format!("{two}/deactivate"), None).await.0, 409);
    let (status, active) = server.call(Who::Admin, Method::POST, &format!("{two}/activate"), None).await;
    assert_eq!((status, &active["status"]), (200, &json!("active")));
    let (_, versions) = server.get(Who::Viewer, "/policies/demo.v1/versions").await;
    assert_eq!(versions[0]["version"], 2);
    assert_eq!((&versions[0]["status"], &versions[1]["status"]), (&json!("active"), &json!("archived")));
    let wrong = policy("other.v1", &["badru"], 1);
    assert_eq!(server.call(Who::Admin, Method::PUT, "/policies/demo.v1", Some(&wrong)).await.0, 400);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_secret_is_shown_once() {
    let server = Server::start(&[]).await;
    let path = "/admin/callback-secrets";
    let answer =
        server.send(Who::Admin, Method::POST, path, Some(&json!({"caller_service": "caller"}))).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let created: Value = answer.json().await.unwrap();
    let secret = created["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let (_, listed) = server.get(Who::Admin, path).await;
    assert!(!listed.to_string().contains(secret) && listed[0]["id"] == created["id"]);
    let id = created["id"].as_str().unwrap();
    let (status, rotated) =
        server.post(Who::Admin, &format!("{path}/{id}/rotate"), json!({"grace_hours": 1})).await;
    assert_eq!((status, &rotated["status"]), (201, &json!("active")));
    assert_ne!(rotated["secret"], created["secret"]);
    assert_eq!(server.call(Who::Admin, Method::DELETE, &format!("{path}/{id}"), None).await.0, 204);
    let short = json!({"caller_service": "other", "secret": "whsec_c2hvcnQ="});
    assert_eq!(server.post(Who::Admin, path, short).await.0, 400);

    // A caller may not name somebody else's secret.
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let mut body = request("demo.v1");
    body["callback_secret_id"] = rotated["id"].clone();
    assert_eq!(server.post(Who::User("caller"), "/requests", body.clone()).await.0, 201);
    assert_eq!(server.post(Who::User("mallory"), "/requests", body).await.0, 400);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delegations_belong_to_their_user() {
    let server = Server::start(&[]).await;
    let body = |user: &str, to: &str, from: &str, until: &str| json!({"user_id": user, "delegate_to": to, "starts_at": from, "ends_at": until});
    let (early, late) = ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
    let post = async |who: Who, body: Value| server.post(who, "/delegations", body).await;
    assert_eq!(post(Who::User("other"), body("amina", "badru", early, late)).await.0, 403);
    assert_eq!(post(Who::User("amina"), body("amina", "badru", late, early)).await.0, 400);
    assert_eq!(post(Who::User("amina"), body("amina", "amina", early, late)).await.0, 400);
    let (status, made) = post(Who::User("amina"), body("amina", "badru", early, late)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(post(Who::Admin, body("chidi", "badru", early, late)).await.0, 201);
    let count = async |who: Who| server.get(who, "/delegations").await.1.as_array().unwrap().len();
    assert_eq!(
        (count(Who::Admin).await, count(Who::User("amina")).await, count(Who::User("x")).await),
        (2, 1, 0)
    );
    assert_eq!(server.get(Who::User("amina"), "/delegations?user_id=chidi").await.0, 403);
    let path = format!("/delegations/{}", made["id"].as_str().unwrap());
    assert_eq!(server.call(Who::User("other"), Method::DELETE, &path, None).await.0, 403);
    assert_eq!(server.call(Who::User("amina"), Method::DELETE, &path, None).await.0, 204);
    assert_eq!(server.call(Who::User("amina"), Method::DELETE, &path, None).await.0, 404);
    server.end().await;
}
