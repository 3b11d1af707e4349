//! Evidence, as an auditor is given it.

use crate::flow::{activate, policy, request};
use crate::server::{Server, Who};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_a_request_is_everything_that_is_known_of_it_and_holds_no_secret() {
    let server = Server::start(&[]).await;
    activate(&server, &policy("demo.v1", &["amina"], 1)).await;
    let mut body = request("demo.v1");
    // Nobody listens at this URL, so attempts fail with errors that may repeat it.
    body["callback_url"] = json!("http://127.0.0.1:1/hook?token=s3cret&kind=x");
    let (_, created) = server.post(Who::User("c"), "/requests", body).await;
    let (id, task) = (created["request_id"].as_str().unwrap(), created["tasks"][0]["id"].as_str().unwrap());
    let reassign = json!({"new_assignee": "badru"});
    let (status, moved) = server.post(Who::Admin, &format!("/tasks/{task}/reassign"), reassign).await;
    assert_eq!(status, 200, "{moved}");
    let decide = format!("/tasks/{}/decision", moved["id"].as_str().unwrap());
    let looked_at = json!("sha256:9f86d081");
    let decision = json!({"action": "approve", "artifact_digest": looked_at});
    let (status, decided) = server.post(Who::User("badru"), &decide, decision).await;
    assert_eq!((status, &decided["artifact_digest"]), (201, &looked_at), "{decided}");

    let evidence = loop {
        let (status, evidence) = server.get(Who::Viewer, &format!("/requests/{id}/evidence")).await;
        assert_eq!(status, 200, "{evidence}");
        if evidence["deliveries"].as_array().unwrap().iter().any(|one| one["attempts"] != json!([])) {
            break evidence;
        }
        tokio::task::yield_now().await;
    };
    let count = |part: &str| evidence[part].as_array().unwrap().len();
    assert_eq!(evidence["request"]["status"], "approved");
    assert_eq!((count("tasks"), count("seats"), count("decisions")), (2, 1, 1), "{evidence}");
    assert_eq!(evidence["seats"][0]["assignee"], "badru");
    assert_eq!(evidence["decisions"][0]["artifact_digest"], looked_at);
    let events = evidence["events"].as_array().unwrap();
    let recorded = events.iter().find(|event| event["event_type"] == "decision_recorded").unwrap();
    assert_eq!(recorded["payload"]["artifact_digest"], looked_at);
    let types: Vec<&Value> =
        evidence["events"].as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    assert_eq!(types[0], "request_created");
    assert_eq!(*types.last().unwrap(), "request_approved");
    let hash = &evidence["policy_text_sha256"];
    assert_eq!(hash, &evidence["policy"]["text_sha256"]);
    assert_eq!(hash, &evidence["events"][0]["payload"]["policy_sha256"]);
    let actions: Vec<&str> =
        evidence["audit"].as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["policy.create", "policy.activate", "task.reassign"]);
    let text = evidence.to_string();
    assert!(!text.contains("s3cret"), "{text}");
    assert!(text.contains("http://127.0.0.1:1/hook?token=redacted&kind=redacted"), "{text}");

    let unknown = server.get(Who::Viewer, "/requests/0199c1f2-7c1e-7d3a-9a55-3f6d6c1b2a10/evidence").await;
    assert_eq!((unknown.0, &unknown.1["errors"][0]["reason"]), (404, &json!("unknown_request")));
    server.end().await;
}
