//! Details of the contract that are settled, one test each.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Two stages, with what is needed to see most kinds of events.
async fn server() -> Server {
    let server = Server::start(&[]).await;
    let mut two = policy("settled.v1", &["amina"], 1);
    let rules = json!([{"rule_type": "user", "rule_value": {"user_id": "badru"}}]);
    let skipped = json!({"name": "Skipped", "stage_order": 2, "skip_if": {"==": [1, 1]}, "rules": rules});
    let last = json!({"name": "Last", "stage_order": 3, "rules": rules});
    two["stages"].as_array_mut().unwrap().extend([skipped, last]);
    activate(&server, &two).await;
    server
}

/// Creates a request; returns its id and the id of its task.
async fn created(server: &Server) -> (String, String) {
    let (status, made) = server.post(Who::User("caller"), "/requests", request("settled.v1")).await;
    assert_eq!(status, 201, "{made}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (text(&made["request_id"]), text(&made["tasks"][0]["id"]))
}

async fn open_task(server: &Server, who: Who) -> String {
    let (_, tasks) = server.get(who, "/tasks?status=actionable").await;
    tasks["items"][0]["id"].as_str().unwrap().to_owned()
}

async fn events(server: &Server, id: &str) -> Vec<Value> {
    server.get(Who::Viewer, &format!("/requests/{id}/events")).await.1.as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_about_a_stage_says_which_and_the_end_says_what_the_deciding_comment_said() {
    let server = server().await;
    let (id, task) = created(&server).await;
    let amina = Who::User("amina");
    assert_eq!(server.post(amina, &format!("/tasks/{task}/claim"), json!({})).await.0, 200);
    let moved = json!({"new_assignee": "chidi"});
    let (_, moved) = server.post(Who::Admin, &format!("/tasks/{task}/reassign"), moved).await;
    let path = format!("/tasks/{}/decision", moved["id"].as_str().unwrap());
    assert_eq!(server.post(Who::User("chidi"), &path, json!({"action": "approve"})).await.0, 201);
    let last = open_task(&server, Who::User("badru")).await;
    let why = json!({"action": "reject", "comment": "The account is not theirs."});
    assert_eq!(server.post(Who::User("badru"), &format!("/tasks/{last}/decision"), why).await.0, 201);

    let events = events(&server, &id).await;
    let stages: BTreeMap<String, Value> = events
        .iter()
        .map(|event| {
            (event["event_type"].as_str().unwrap().to_owned(), event["payload"]["stage_order"].clone())
        })
        .collect();
    for (kind, stage) in [
        ("request_created", json!(null)),
        ("task_claimed", json!(1)),
        ("task_reassigned", json!(1)),
        ("stage_skipped", json!(2)),
        ("stage_started", json!(3)),
        ("decision_recorded", json!(3)),
        ("stage_completed", json!(3)),
        ("request_rejected", json!(3)),
    ] {
        assert_eq!(stages.get(kind), Some(&stage), "{kind}: {events:?}");
    }
    let end = events.last().unwrap();
    assert_eq!(end["payload"]["comment"], "The account is not theirs.", "{end}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_ends_with_the_comment_that_decided_it() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("settled.v1", &["amina", "badru"], 2)).await;
    let (id, _) = created(&server).await;
    for (who, comment) in [("amina", "first"), ("badru", "second")] {
        let task = open_task(&server, Who::User(who)).await;
        let body = json!({"action": "approve", "comment": comment});
        assert_eq!(server.post(Who::User(who), &format!("/tasks/{task}/decision"), body).await.0, 201);
    }
    let end = events(&server, &id).await.pop().unwrap();
    assert_eq!(
        (&end["event_type"], &end["payload"]["comment"]),
        (&json!("request_approved"), &json!("second"))
    );
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_trail_names_resources_by_seven_words() {
    let server = server().await;
    let (id, task) = created(&server).await;
    let (_, other) = created(&server).await;
    let window = json!({"user_id": "amina", "delegate_to": "deputy", "starts_at": "2020-01-01T00:00:00Z",
        "ends_at": "2021-01-01T00:00:00Z"});
    let (_, away) = server.post(Who::Admin, "/delegations", window).await;
    let away = away["id"].as_str().unwrap().to_owned();
    let (_, secret) =
        server.post(Who::Admin, "/admin/callback-secrets", json!({"caller_service": "caller"})).await;
    let secret = secret["id"].as_str().unwrap().to_owned();
    server.call(Who::Admin, Method::DELETE, &format!("/delegations/{away}"), None).await;
    server.post(Who::Admin, &format!("/tasks/{task}/decision"), json!({"action": "abstain"})).await;
    server.post(Who::Admin, &format!("/tasks/{other}/reassign"), json!({"new_assignee": "chidi"})).await;
    server.post(Who::Admin, &format!("/requests/{id}/cancel"), json!({})).await;
    server.post(Who::Admin, "/admin/deliveries/retry", json!({})).await;
    server.get(Who::Admin, "/admin/system-config").await;
    let (_, rows) = server.get(Who::Viewer, "/admin/audit?limit=500").await;
    let named: BTreeMap<&str, (&str, &str)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["action", "resource_type", "resource_id"].map(|field| row[field].as_str().unwrap()))
        .map(|[action, kind, id]| (action, (kind, id)))
        .collect();
    for (action, resource) in [
        ("policy.create", ("policy", "settled.v1:1")),
        ("policy.activate", ("policy", "settled.v1:1")),
        ("task.decide_override", ("task", &*task)),
        ("task.reassign", ("task", &*other)),
        ("delegation.create", ("delegation", &*away)),
        ("delegation.delete", ("delegation", &*away)),
        ("callback_secret.create", ("callback_secret", &*secret)),
        ("system_config.read", ("system_config", "*")),
    ] {
        assert_eq!(named.get(action), Some(&resource), "{action}: {named:?}");
    }
    let known = ["policy", "request", "task", "delegation", "delivery", "callback_secret", "system_config"];
    assert!(named.values().all(|(kind, _)| known.contains(kind)), "{named:?}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claiming_ones_own_task_again_writes_nothing_and_somebody_elses_is_a_conflict() {
    let server = server().await;
    let (id, task) = created(&server).await;
    let claim = format!("/tasks/{task}/claim");
    let (_, first) = server.post(Who::User("amina"), &claim, json!({})).await;
    let before = events(&server, &id).await;
    assert_eq!(server.post(Who::User("amina"), &claim, json!({})).await, (200, first));
    assert_eq!(events(&server, &id).await, before);
    let (status, refused) = server.post(Who::Admin, &claim, json!({})).await;
    assert_eq!((status, &refused["errors"][0]["reason"]), (409, &json!("task_claimed")), "{refused}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_secret_says_which_clients_may_name_it() {
    let server = Server::start(&[]).await;
    let body = json!({"caller_service": "caller", "clients": ["registry-ui", "*"]});
    let (status, made) = server.post(Who::Admin, "/admin/callback-secrets", body).await;
    assert_eq!((status, &made["clients"]), (201, &json!(["registry-ui", "*"])), "{made}");
    let (_, listed) = server.get(Who::Admin, "/admin/callback-secrets").await;
    assert_eq!(listed[0]["clients"], made["clients"]);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_told_who_they_are() {
    let server = Server::start(&[]).await;
    let (status, me) = server.get(Who::Admin, "/me").await;
    let admin = json!({"subject": "admin", "name": null, "email": null, "roles": ["AWE_ADMIN"], "is_viewer": true,
        "is_admin": true});
    assert_eq!((status, me), (200, admin));
    let (_, me) = server.get(Who::WrongRole, "/me").await;
    assert_eq!((&me["roles"], &me["is_viewer"]), (&json!(["AWE_OPERATOR", "admin"]), &json!(false)));
    server.end().await;
}
