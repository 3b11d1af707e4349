//! Why a request waits, over HTTP.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use serde_json::{Value, json};

async fn progress(server: &Server, id: &str) -> Value {
    let (status, progress) = server.get(Who::User("anybody"), &format!("/requests/{id}/progress")).await;
    assert_eq!(status, 200, "{progress}");
    progress
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_says_why_a_request_waits_and_what_it_offers_is_accepted() {
    let server = Server::start(&[]).await;
    let mut demo = policy("demo.v1", &["amina", "badru", "chanda"], 2);
    demo["stages"][0]["sla_hours"] = json!(24);
    demo["stages"][0]["on_breach"] = json!("auto_reject");
    activate(&server, &demo).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let id = created["request_id"].as_str().unwrap();
    let task = created["tasks"][0]["id"].as_str().unwrap();
    let decide = format!("/tasks/{task}/decision");
    let said = json!({"action": "approve", "comment": "Documents are complete."});
    assert_eq!(server.post(Who::User("amina"), &decide, said).await.0, 201);

    let waits = progress(&server, id).await;
    assert_eq!(
        (&waits["request_id"], &waits["status"], &waits["round"]),
        (&json!(id), &json!("in_review"), &json!(1))
    );
    let summary = waits["summary"].as_str().unwrap();
    let begin = "Waiting for 1 more approval in \"First\" (2 of 3 seats have not decided); at ";
    assert!(summary.starts_with(begin) && summary.ends_with(" the request is rejected."), "{summary}");
    let stage = &waits["stages"][0];
    assert_eq!(
        (&stage["state"], &stage["needed"], &stage["approvals"], &stage["seats"], &stage["outcome"]),
        (&json!("active"), &json!(2), &json!(1), &json!(3), &Value::Null)
    );
    assert_eq!(stage["tasks"][0]["decision"]["comment"], "Documents are complete.");
    assert_eq!(stage["tasks"][0]["rules"].as_array().unwrap().len(), 1);
    assert_eq!((&waits["next"][0]["at"], &waits["next"][0]["what"]), (&stage["due_at"], &json!("breach")));
    assert_eq!(waits["next"][0]["effect"], "auto_reject");
    let waiting = &waits["waiting_for"][0];
    assert_eq!((&waiting["kind"], &waiting["who"]), (&json!("approvers"), &json!(["badru", "chanda"])));
    let offered = &waits["unblock"][0];
    assert_eq!((&offered["action"], &offered["who"]), (&json!("decide"), &json!(["badru", "AWE_ADMIN"])));

    let decide = format!("/tasks/{}/decision", offered["task_id"].as_str().unwrap());
    assert_eq!(server.post(Who::User("badru"), &decide, json!({"action": "approve"})).await.0, 201);
    let ended = progress(&server, id).await;
    assert_eq!((&ended["status"], &ended["stages"][0]["outcome"]), (&json!("approved"), &json!("approved")));
    assert!(ended["summary"].as_str().unwrap().starts_with("Approved at "), "{ended}");
    for part in ["waiting_for", "next", "unblock"] {
        assert_eq!(ended[part], json!([]), "{part}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_tells_why_a_stage_ended() {
    let server = Server::start(&[]).await;
    let mut demo = policy("demo.v1", &["amina"], 1);
    demo["stages"][0]["skip_if"] = json!({"==": [{"var": "amount"}, 7]});
    activate(&server, &demo).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let ended = progress(&server, created["request_id"].as_str().unwrap()).await;
    let stage = &ended["stages"][0];
    assert_eq!((&stage["state"], &stage["reason"]), (&json!("skipped"), &json!("skip_if")), "{ended}");
    assert!(stage["completed_at"].is_string(), "{stage}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_of_a_request_whose_directory_is_missing_says_so() {
    let server = Server::start(&[]).await;
    let mut demo = policy("demo.v1", &["amina"], 1);
    demo["stages"][0]["rules"] = json!([{"rule_type": "role", "rule_value": {"role": "finance"}}]);
    activate(&server, &demo).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    let id = created["request_id"].as_str().unwrap();
    let waits = loop {
        let waits = progress(&server, id).await;
        if waits["waiting_for"][0]["error"].is_string() {
            break waits;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((&waits["status"], &waits["waiting_for"][0]["kind"]), (&json!("pending"), &json!("resolver")));
    assert_eq!(waits["next"][0]["what"], "resolver_retry", "{waits}");
    assert!(waits["summary"].as_str().unwrap().contains("(the last attempt failed: "), "{waits}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_progress_of_a_request_that_does_not_exist() {
    let server = Server::start(&[]).await;
    let unknown = "/requests/0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10/progress";
    let (status, refused) = server.get(Who::User("anybody"), unknown).await;
    assert_eq!((status, &refused["errors"][0]["reason"]), (404, &json!("unknown_request")));
    server.end().await;
}
