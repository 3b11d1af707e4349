//! Many decisions in one call.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use serde_json::{Value, json};
use uuid::Uuid;

async fn tasks(server: &Server, n: usize) -> Vec<Value> {
    let mut tasks = Vec::new();
    for _ in 0..n {
        let (status, made) = server.post(Who::User("caller"), "/requests", request("many.v1")).await;
        assert_eq!(status, 201, "{made}");
        tasks.extend(made["tasks"].as_array().unwrap().iter().map(|task| task["id"].clone()));
    }
    tasks
}

async fn decide(server: &Server, who: Who, items: Vec<Value>) -> (u16, Value) {
    server.post(who, "/tasks/decisions", json!({"items": items})).await
}

fn approve(task: &Value) -> Value {
    json!({"task_id": task, "action": "approve", "comment": "fine", "artifact_digest": "sha256:00"})
}

fn statuses(answer: &Value) -> Vec<u64> {
    answer["results"].as_array().unwrap().iter().map(|result| result["status"].as_u64().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_has_its_result_in_its_place_and_a_bad_one_harms_no_other() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("many.v1", &["amina", "badru"], 2)).await;
    let tasks = tasks(&server, 3).await;
    let (mine, hers) = (tasks.iter().step_by(2), tasks[1].clone());
    let mut items: Vec<Value> = mine.map(approve).collect();
    items.insert(1, approve(&hers));
    items.insert(2, approve(&json!(Uuid::now_v7())));
    items.push(approve(&tasks[0]));
    items.extend([json!({"task_id": tasks[3], "action": "maybe"}), json!(7), json!({"action": "approve"})]);
    let (status, answer) = decide(&server, Who::User("amina"), items).await;
    assert_eq!(
        (status, statuses(&answer)),
        (200, vec![201, 403, 404, 201, 201, 409, 422, 422, 422]),
        "{answer}"
    );
    let results = &answer["results"];
    assert_eq!((&results[0]["task_id"], &results[0]["error"]), (&tasks[0], &Value::Null));
    assert_eq!(results[0]["decision"]["task_id"], tasks[0]);
    assert_eq!(results[0]["decision"]["artifact_digest"], "sha256:00");
    assert_eq!(results[5]["error"]["reason"], "task_named_twice");
    assert_eq!((&results[6]["task_id"], &results[6]["decision"]), (&tasks[3], &Value::Null));
    assert!(results[6]["error"]["message"].as_str().unwrap().contains("items[6].action"), "{answer}");
    assert_eq!(results[7]["task_id"], Value::Null);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_of_one_request_follow_each_other_in_their_order() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("many.v1", &["amina", "badru"], 1)).await;
    for turned in [false, true] {
        let mut tasks = tasks(&server, 1).await;
        if turned {
            tasks.reverse();
        }
        let (_, answer) = decide(&server, Who::Admin, tasks.iter().map(approve).collect()).await;
        assert_eq!(statuses(&answer), [201, 409], "the first ends the stage: {answer}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_item_and_a_hundred_and_one_are_refused_and_nothing_is_written() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("many.v1", &["amina"], 1)).await;
    let task = tasks(&server, 1).await.remove(0);
    for items in [vec![], vec![approve(&task); 101]] {
        let (status, refused) = decide(&server, Who::User("amina"), items).await;
        assert_eq!((status, &refused["errors"][0]["errorCode"]), (422, &json!("AWE-010")), "{refused}");
    }
    let (_, open) = server.get(Who::User("amina"), "/tasks?status=open").await;
    assert_eq!(open["total"], 1);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_are_decided_by_two_calls_at_once_each_once() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("many.v1", &["amina"], 1)).await;
    let tasks = tasks(&server, 100).await;
    let items: Vec<Value> = tasks.iter().map(approve).collect();
    let who = Who::User("amina");
    let (one, two) = tokio::join!(decide(&server, who, items.clone()), decide(&server, who, items));
    let pairs = statuses(&one.1).into_iter().zip(statuses(&two.1));
    for pair in pairs {
        assert!(matches!(pair, (201, 409) | (409, 201)), "{pair:?}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_how_many_deliveries_a_retry_would_take_and_takes_none() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("many.v1", &["amina"], 1)).await;
    let mut body = request("many.v1");
    body["callback_url"] = json!("http://127.0.0.1:9/hook");
    assert_eq!(server.post(Who::User("caller"), "/requests", body).await.0, 201);
    server.sql("update webhook_delivery set status = 'exhausted', attempt = 6").await;
    let retry = async |body: Value| server.post(Who::Admin, "/admin/deliveries/retry", body).await.1;
    let (_, exhausted) = server.get(Who::Viewer, "/admin/deliveries?status=exhausted").await;
    let n = exhausted.as_array().unwrap().len();
    assert!(n > 0);
    let would = |n: usize| json!({"requeued": 0, "would_requeue": n, "would_requeue_is_lower_bound": false});
    assert_eq!(retry(json!({"dry_run": true})).await, would(n));
    let elsewhere = json!({"dry_run": true, "url": "http://127.0.0.1:9/other"});
    assert_eq!(retry(elsewhere).await, would(0));
    assert_eq!(server.get(Who::Viewer, "/admin/deliveries?status=exhausted").await.1, exhausted);
    assert_eq!(retry(json!({})).await, json!({"requeued": n}));
    server.end().await;
}
