//! A directory from a file: rules, pickers, and people it does not know.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::PathBuf;
use uuid::Uuid;

/// A file that is removed with the test.
pub(crate) struct File(pub(crate) PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn directory(complete: bool) -> File {
    let path = std::env::temp_dir().join(format!("awe-directory-{}.yaml", Uuid::now_v7().simple()));
    let example = include_str!("../../../../examples/directory.yaml");
    let text = example.replace("complete: false\n", &format!("complete: {complete}\n"));
    std::fs::write(&path, text).unwrap();
    File(path)
}

async fn server(file: &File) -> Server {
    Server::start(&[("AWE__KEYCLOAK__DIRECTORY_FILE", file.0.to_str().unwrap())]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_policy_works_with_the_example_directory() {
    let file = directory(false);
    let server = server(&file).await;
    let text = include_str!("../../../../examples/policies/disbursement.yaml");
    let policy: Value =
        figment::Figment::from(<figment::providers::Yaml as figment::providers::Format>::string(text))
            .extract()
            .unwrap();
    activate(&server, &policy).await;
    let simulate = "/policies/disbursement/versions/1/simulate";
    let (status, simulated) = server.post(Who::Viewer, simulate, json!({"context": {"amount": 20000}})).await;
    assert_eq!(status, 200, "{simulated}");
    let approvers = |stage: usize| simulated["stages"][stage]["resolved_approvers"].clone();
    assert_eq!((approvers(1), approvers(2)), (json!(["amina", "badru"]), json!(["chidi", "dalia"])));

    let body = json!({"policy_key": "disbursement", "artifact_type": "disbursement", "artifact_id": "D-1",
        "context": {"amount": 500}});
    let (status, created) = server.post(Who::User("caller"), "/requests", body).await;
    assert_eq!((status, created["tasks"].as_array().unwrap().len()), (201, 2), "{created}");
    let task = created["tasks"][0]["id"].as_str().unwrap();
    let decision = json!({"action": "approve"});
    assert_eq!(server.post(Who::User("amina"), &format!("/tasks/{task}/decision"), decision).await.0, 201);
    let id = created["request_id"].as_str().unwrap();
    assert_eq!(server.get(Who::Viewer, &format!("/requests/{id}")).await.1["status"], "approved");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pickers_look_into_the_file() {
    let file = directory(false);
    let server = server(&file).await;
    for (path, field, expected) in [
        ("users?q=amina", "id", json!("amina")),
        ("users?id=emeka", "enabled", json!(false)),
        ("roles?q=head", "name", json!("head-of-disbursement")),
        ("roles?client=registry", "name", json!("approver")),
        ("groups?q=contr", "path", json!("/finance/controllers")),
        ("clients", "client_id", json!("registry")),
    ] {
        let (status, found) = server.get(Who::Viewer, &format!("/admin/directory/{path}")).await;
        assert_eq!((status, &found[0][field]), (200, &expected), "{path}: {found}");
    }
    assert_eq!(server.get(Who::Viewer, "/admin/directory/users?id=nobody").await.1, json!([]));
    let (status, found) = server.get(Who::Viewer, "/admin/directory/users?ids=emeka,nobody,%20amina").await;
    let ids: Vec<_> = found.as_array().expect("a list").iter().map(|user| &user["id"]).collect();
    assert_eq!((status, ids), (200, vec![&json!("emeka"), &json!("amina")]));
    for wrong in [vec!["a"; 51].join(","), "a".repeat(201)] {
        let (status, said) = server.get(Who::Viewer, &format!("/admin/directory/users?ids={wrong}")).await;
        assert_eq!((status, &said["errors"][0]["reason"]), (422, &json!("faulty_parameter")), "{said}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_or_unknown_is_refused_where_somebody_waits_for_the_answer() {
    let file = directory(true);
    let server = server(&file).await;
    activate(&server, &policy("demo.v1", &["amina", "nobody"], 1)).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", request("demo.v1")).await;
    assert_eq!(created["tasks"].as_array().unwrap().len(), 1, "{created}");
    let task = created["tasks"][0]["id"].as_str().unwrap();
    let reassign = format!("/tasks/{task}/reassign");
    let away = |to: &str, user: &str| {
        json!({"user_id": user, "delegate_to": to, "starts_at": "2190-01-01T00:00:00Z",
            "ends_at": "2191-01-01T00:00:00Z"})
    };
    for who in ["emeka", "nobody"] {
        let (status, refused) = server.post(Who::Admin, &reassign, json!({"new_assignee": who})).await;
        assert_eq!((status, &refused["detail"][0]["loc"][1]), (422, &json!("new_assignee")), "{refused}");
        let (status, refused) = server.post(Who::User("amina"), "/delegations", away(who, "amina")).await;
        assert_eq!((status, &refused["detail"][0]["loc"][1]), (422, &json!("delegate_to")), "{refused}");
        let (status, refused) = server.post(Who::Admin, "/delegations", away("amina", who)).await;
        assert_eq!((status, &refused["detail"][0]["loc"][1]), (422, &json!("user_id")), "{refused}");
    }
    let (status, moved) = server.post(Who::Admin, &reassign, json!({"new_assignee": "badru"})).await;
    assert_eq!(status, 200, "{moved}");
    assert_eq!(server.post(Who::User("amina"), "/delegations", away("badru", "amina")).await.0, 201);
    let (_, simulated) = server.post(Who::Viewer, "/policies/demo.v1/versions/1/simulate", json!({})).await;
    assert_eq!(simulated["stages"][0]["unknown_users"], json!(["nobody"]), "{simulated}");
    let events = format!("/requests/{}/events", created["request_id"].as_str().unwrap());
    let (_, events) = server.get(Who::Viewer, &events).await;
    let started = events.as_array().unwrap().iter().find(|event| event["event_type"] == "stage_started");
    assert_eq!(started.unwrap()["payload"]["unknown_users"], json!(["nobody"]));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_nobody_is_told_to_try_again() {
    let server = Server::start(&[]).await;
    let mut asking = policy("demo.v1", &["amina"], 1);
    asking["stages"][0]["rules"][0] = json!({"rule_type": "role", "rule_value": {"role": "officer"}});
    activate(&server, &asking).await;
    let path = "/policies/demo.v1/versions/1/simulate";
    let answer = server.send(Who::Viewer, Method::POST, path, Some(&json!({}))).await;
    assert_eq!((answer.status().as_u16(), answer.headers().get("retry-after")), (503, None));
    let told = answer.json::<Value>().await.unwrap()["errors"][0]["message"].clone();
    assert!(
        told.as_str().unwrap().contains("directory") && !told.as_str().unwrap().contains("retry"),
        "{told}"
    );
    let (status, told) = server.get(Who::Viewer, "/admin/directory/users").await;
    assert_eq!(status, 503);
    assert!(!told.to_string().contains("retry"), "{told}");
    server.end().await;
}
