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

async fn problems(server: &Server, policy: &Value) -> Value {
    let (status, checked) = server.post(Who::Viewer, "/policies/validate", policy.clone()).await;
    assert_eq!(status, 200, "{checked}");
    checked
}

fn pointers(checked: &Value) -> Vec<&str> {
    checked["problems"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_lists_every_error_with_its_place_and_writes_nothing() {
    let server = Server::start(&[]).await;
    let mut faulty = policy("demo.v1", &["amina"], 1);
    let rules = faulty["stages"][0]["rules"].clone();
    faulty["stages"] = json!([
        {"name": "A", "stage_order": 1, "mode": "quorm", "rules": rules},
        {"name": "B", "stage_order": 1, "mode": "any-n", "rules": [
            {"rule_type": "usr", "rule_value": {"user_id": "amina"}},
            {"rule_type": "http", "rule_value": {"url": "http://10.0.0.1/who"}}]},
    ]);
    let checked = problems(&server, &faulty).await;
    assert_eq!((&checked["valid"], &checked["complete"]), (&json!(false), &json!(true)));
    let mut found = pointers(&checked);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "/stages/0/mode",
            "/stages/1/mode_value",
            "/stages/1/rules/0/rule_type",
            "/stages/1/rules/1/rule_value/url",
            "/stages/1/stage_order",
        ],
        "{checked}"
    );
    let mode = &checked["problems"][0];
    assert_eq!(
        (&mode["severity"], &mode["stage"], &mode["field"], &mode["hint"]),
        (&json!("error"), &json!(1), &json!("mode"), &json!("did you mean `quorum`?"))
    );
    assert_eq!(mode["message"], "unknown mode `quorm`: all, any-n, quorum or percentage");
    let (status, refused) = server.post(Who::Admin, "/policies", faulty.clone()).await;
    assert_eq!((status, refused["errors"].as_array().unwrap().len()), (400, found.len()), "{refused}");
    assert_eq!(server.get(Who::Viewer, "/policies").await.1, json!([]));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_reads_on_where_a_write_stops() {
    let server = Server::start(&[]).await;
    let mut faulty = policy("demo.v1", &["amina"], 1);
    let rules = faulty["stages"][0]["rules"].clone();
    faulty["stages"] = json!([
        {"name": "A", "stage_order": "first", "a/b~c": 1, "mode": "al", "rules": rules},
        {"name": "B", "stage_order": 2, "mode": "al", "rules": rules},
    ]);
    faulty["artifact_typ"] = json!("thing");
    faulty.as_object_mut().unwrap().remove("name");
    let checked = problems(&server, &faulty).await;
    let mut found = pointers(&checked);
    found.sort_unstable();
    // What else is wrong with the first stage is told once its order can be read.
    let expected = ["/artifact_typ", "/name", "/stages/0/a~1b~0c", "/stages/0/stage_order", "/stages/1/mode"];
    assert_eq!((&found[..], &checked["valid"]), (&expected[..], &json!(false)), "{checked}");
    assert_eq!(server.post(Who::Admin, "/policies", faulty.clone()).await.0, 422);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_without_errors_gives_advice() {
    let server = Server::start(&[]).await;
    let mut doubtful = policy("demo.v1", &["amina"], 1);
    assert_eq!(problems(&server, &doubtful).await, json!({"valid": true, "complete": true, "problems": []}));
    doubtful["stages"][0]["mode"] = json!("all");
    doubtful["stages"][0]["reject_mode"] = json!("unreachable");
    let checked = problems(&server, &doubtful).await;
    let advice = &checked["problems"][0];
    assert_eq!((&checked["valid"], &advice["severity"]), (&json!(true), &json!("advice")), "{checked}");
    assert_eq!((&advice["pointer"], &advice["hint"]), (&json!("/stages/0/reject_mode"), &Value::Null));
    let reserved = problems(&server, &policy("validate", &["amina"], 1)).await;
    assert_eq!(pointers(&reserved), ["/policy_key"], "{reserved}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_finds_a_name_that_is_written_twice_and_refuses_what_is_no_policy() {
    let server = Server::start(&[]).await;
    let check = async |body: &'static str| {
        let call = server.request(Who::Viewer, Method::POST, "/policies/validate");
        let answer = call.header("content-type", "application/json").body(body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let twice = r#"{"policy_key": "k", "name": "n", "name": "m", "artifact_type": "t", "stages": []}"#;
    let (status, checked) = check(twice).await;
    assert_eq!((status, pointers(&checked)), (200, vec!["/name"]), "{checked}");
    assert_eq!(check("\"x\"").await.1["valid"], json!(false));
    assert_eq!(check("[]").await.0, 422);
    assert_eq!(check("{").await.0, 422);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_faulty_policy_is_checked_in_bounded_time() {
    let server = Server::start(&[]).await;
    let stage =
        json!({"name": 1, "stage_order": "x", "rules": [{"rule_type": 1}], "skip_if": {"==": vec![1; 400]}});
    let faulty = json!({"policy_key": "k", "name": "n", "artifact_type": "t", "stages": vec![stage; 100]});
    let checked = problems(&server, &faulty).await;
    assert_eq!((&checked["valid"], &checked["complete"]), (&json!(false), &json!(false)));
    let listed = checked["problems"].as_array().unwrap().len();
    assert!((16..=101).contains(&listed), "{listed}");
    server.end().await;
}

/// Calls as an administrator with this `If-Match`; returns status, `ETag` and body.
async fn matching(
    server: &Server,
    method: Method,
    path: &str,
    if_match: &str,
    body: &Value,
) -> (u16, Option<String>, Value) {
    let call = server.request(Who::Admin, method, path).header("if-match", if_match).json(body);
    let answer = call.send().await.unwrap();
    let tag = answer.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
    (answer.status().as_u16(), tag, answer.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_changes_a_version_that_somebody_else_has_changed_is_told_so() {
    let server = Server::start(&[]).await;
    let demo = policy("demo.v1", &["amina"], 1);
    let (version, activate) = ("/policies/demo.v1/versions/1", "/policies/demo.v1/versions/1/activate");
    let made = server.request(Who::Admin, Method::POST, "/policies").json(&demo).send().await.unwrap();
    let first = made.headers()["etag"].to_str().unwrap().to_owned();
    let read = server.send(Who::Viewer, Method::GET, version, None).await;
    assert_eq!(read.headers()["etag"], first, "reading changes nothing");

    let (status, second, _) = matching(&server, Method::PATCH, version, &first, &demo).await;
    assert_eq!(status, 200);
    let second = second.unwrap();
    assert_ne!(second, first);
    for (method, path) in [(Method::PATCH, version), (Method::POST, activate)] {
        let (status, _, refused) = matching(&server, method, path, &first, &demo).await;
        let error = &refused["errors"][0];
        assert_eq!(
            (status, &error["errorCode"], &error["reason"]),
            (412, &json!("AWE-013"), &json!("precondition_failed")),
            "{refused}"
        );
        assert!(error["message"].as_str().unwrap().contains("nothing was done"), "{refused}");
    }
    assert_eq!(server.get(Who::Viewer, version).await.1["status"], "draft");

    let (status, active, _) =
        matching(&server, Method::POST, activate, &format!("\"x\", {second}"), &json!({})).await;
    assert_eq!(status, 200);
    assert_ne!(active.unwrap(), second);
    // Somebody else was there first, which says more than that the version is no draft any more.
    assert_eq!(matching(&server, Method::PATCH, version, &second, &demo).await.0, 412);
    assert_eq!(matching(&server, Method::PATCH, version, "*", &demo).await.0, 409);
    assert_eq!(matching(&server, Method::PATCH, "/policies/demo.v1/versions/9", &second, &demo).await.0, 404);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_if_match_that_is_no_tag_is_refused() {
    let server = Server::start(&[]).await;
    let demo = policy("demo.v1", &["amina"], 1);
    assert_eq!(server.post(Who::Admin, "/policies", demo.clone()).await.0, 201);
    for (method, path) in [
        (Method::PATCH, "/policies/demo.v1/versions/1"),
        (Method::POST, "/policies/demo.v1/versions/1/activate"),
    ] {
        for value in ["1", "\"open", "", "é"] {
            let (status, _, refused) = matching(&server, method.clone(), path, value, &demo).await;
            let error = &refused["errors"][0];
            assert_eq!((status, &error["reason"]), (400, &json!("faulty_value")), "{value}: {refused}");
            assert!(error["message"].as_str().unwrap().starts_with("header If-Match: must be"), "{refused}");
        }
        let (status, _, weak) = matching(&server, method, path, "W/\"x\"", &demo).await;
        assert_eq!(status, 412, "a weak tag matches nothing: {weak}");
    }
    server.end().await;
}
