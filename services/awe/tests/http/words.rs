//! The words that people see of a request: title, summary and link, and the names that stand beside them.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use crate::staff::directory;
use serde_json::{Value, json};

fn described() -> Value {
    let mut body = request("words.v1");
    body["title"] = json!("New bank account");
    body["summary"] = json!("From 0012\nto 0047.");
    body["artifact_url"] = json!("https://registry.example.org/changes/1?tab=facts");
    body
}

fn has_words(what: &Value) -> bool {
    ["title", "summary", "artifact_url"].iter().all(|field| what[field] == described()[field])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_says_of_an_artifact_is_read_wherever_it_is_shown() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("words.v1", &["amina", "badru"], 2)).await;
    let (status, created) = server.post(Who::User("caller"), "/requests", described()).await;
    assert_eq!(status, 201, "{created}");
    assert!(has_words(&created["tasks"][0]), "{created}");
    let id = created["request_id"].as_str().unwrap();
    let (_, read) = server.get(Who::User("caller"), &format!("/requests/{id}")).await;
    assert!(has_words(&read), "{read}");
    let (_, listed) = server.get(Who::User("amina"), "/tasks?search_text=BANK").await;
    let task = &listed["items"][0];
    assert!(has_words(task), "{listed}");
    let facts = ["artifact_id", "requester", "stage_name", "request_status", "assignee_name"];
    let facts = facts.map(|fact| task[fact].clone());
    assert_eq!(facts, [json!("t-1"), json!("caller"), json!("First"), json!("in_review"), Value::Null]);
    assert_eq!(created["tasks"][0], *task, "a task is the same wherever it is shown");
    let path = format!("/tasks/{}/claim", task["id"].as_str().unwrap());
    let (_, claimed) = server.post(Who::User("amina"), &path, json!({})).await;
    assert!(has_words(&claimed) && claimed["stage_name"] == "First", "{claimed}");
    let (_, found) = server.get(Who::Viewer, "/requests?search_text=new+bank").await;
    assert_eq!(found[0]["id"], created["request_id"]);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_name_of_an_assignee_is_shown_when_the_directory_has_told_it() {
    let file = directory(false);
    let server = Server::start(&[("AWE__KEYCLOAK__DIRECTORY_FILE", file.0.to_str().unwrap())]).await;
    activate(&server, &policy("words.v1", &["amina", "stranger"], 2)).await;
    let (_, created) = server.post(Who::User("caller"), "/requests", described()).await;
    let (_, listed) = server.get(Who::Viewer, "/tasks?assignee=*").await;
    for tasks in [&created["tasks"], &listed["items"]] {
        for task in tasks.as_array().unwrap() {
            let known = task["assignee"] == "amina";
            assert_eq!(task["assignee_name"].is_string(), known, "{task}");
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_would_break_a_line_or_carry_a_password_are_refused() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("words.v1", &["amina"], 1)).await;
    for (field, value) in [
        ("title", json!("two\nlines")),
        ("title", json!("t".repeat(201))),
        ("summary", json!("s".repeat(2001))),
        ("artifact_id", json!("CR-1\r")),
        ("artifact_type", json!("thing\u{2028}")),
        ("artifact_url", json!("javascript:alert(1)")),
        ("artifact_url", json!("https://ann:secret@registry.example.org/")),
        ("artifact_url", json!("https://")),
        ("artifact_url", json!(format!("https://h/{}", "p".repeat(2048)))),
    ] {
        let mut body = described();
        body[field] = value.clone();
        let (status, refused) = server.post(Who::User("caller"), "/requests", body).await;
        assert_eq!((status, &refused["detail"][0]["loc"][1]), (422, &json!(field)), "{value}: {refused}");
    }
    server.end().await;
}
