//! Comparing and checking policies, over HTTP.

use crate::flow::policy;
use crate::server::{Server, Who};
use reqwest::Method;
use serde_json::{Value, json};

async fn two_versions(server: &Server, before: &Value, after: &Value) {
    assert_eq!(server.post(Who::Admin, "/policies", before.clone()).await.0, 201);
    let path = format!("/policies/{}", before["policy_key"].as_str().unwrap());
    let (status, added) = server.call(Who::Admin, Method::PUT, &path, Some(after)).await;
    assert_eq!(status, 201, "{added}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_are_compared_in_words() {
    let server = Server::start(&[]).await;
    let (before, mut after) =
        (policy("demo.v1", &["amina", "badru"], 1), policy("demo.v1", &["amina", "badru"], 2));
    after["forbid_self_approval"] = json!(true);
    two_versions(&server, &before, &after).await;

    let (status, diff) = server.get(Who::Viewer, "/policies/demo.v1/versions/1/diff?with=2").await;
    assert_eq!((status, &diff["version"], &diff["with"]), (200, &json!(1), &json!(2)), "{diff}");
    let words: Vec<&str> =
        diff["changes"].as_array().unwrap().iter().map(|change| change["words"].as_str().unwrap()).collect();
    assert_eq!(
        words,
        ["Whoever asks for approval may no longer approve it", "First now needs 2 approvals instead of 1"]
    );
    let mode = &diff["changes"][1];
    assert_eq!(
        (&mode["kind"], &mode["stage"], &mode["field"]),
        (&json!("changed"), &json!(1), &json!("mode"))
    );
    assert_eq!(mode["after"], json!({"mode": "any-n", "mode_value": 2}));
    let (_, back) = server.get(Who::Viewer, "/policies/demo.v1/versions/2/diff?with=1").await;
    assert_eq!(back["changes"][1]["words"], "First now needs 1 approval instead of 2");
    let (_, same) = server.get(Who::Viewer, "/policies/demo.v1/versions/2/diff?with=2").await;
    assert_eq!(same["changes"], json!([]));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_that_is_spelled_out_is_no_change() {
    let server = Server::start(&[]).await;
    let (before, mut after) =
        (policy("demo.v1", &["amina", "badru"], 1), policy("demo.v1", &["badru", "amina"], 1));
    let stage = &mut after["stages"][0];
    for (field, value) in
        [("mode", "quorum"), ("reject_mode", "veto"), ("on_empty", "block"), ("comment_required", "never")]
    {
        stage[field] = json!(value);
    }
    stage["stage_order"] = json!(7);
    stage["escalation_rules"] = json!([]);
    two_versions(&server, &before, &after).await;
    let (_, same) = server.get(Who::Viewer, "/policies/demo.v1/versions/1/diff?with=2").await;
    assert_eq!(same["changes"], json!([]));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comparison_needs_two_versions_that_exist() {
    let server = Server::start(&[]).await;
    assert_eq!(server.post(Who::Admin, "/policies", policy("demo.v1", &["amina"], 1)).await.0, 201);
    for (path, status, reason) in [
        ("/policies/demo.v1/versions/1/diff?with=2", 404, "unknown_policy"),
        ("/policies/demo.v1/versions/2/diff?with=1", 404, "unknown_policy"),
        ("/policies/nosuch/versions/1/diff?with=1", 404, "unknown_policy"),
        ("/policies/demo.v1/versions/1/diff", 422, "faulty_parameter"),
        ("/policies/demo.v1/versions/1/diff?with=0", 422, "faulty_parameter"),
        ("/policies/demo.v1/versions/1/diff?with=99999999999", 422, "faulty_parameter"),
    ] {
        let (answered, refused) = server.get(Who::Viewer, path).await;
        assert_eq!(
            (answered, &refused["errors"][0]["reason"]),
            (status, &json!(reason)),
            "{path}: {refused}"
        );
    }
    server.end().await;
}
