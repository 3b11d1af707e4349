//! Policies as code: `awe policy export`, `plan`, `apply` and `diff` against a server.

use crate::server::{Server, Who};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const POLICY: &str = "policy_key: payments.large
name: Large payments
artifact_type: disbursement
stages:
  - name: Finance
    stage_order: 1
    mode: any-n
    mode_value: 1
    rules:
      - {rule_type: user, rule_value: {user_id: amina}}
      - {rule_type: user, rule_value: {user_id: chidi}}
";

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("awe-as-code-{}", uuid::Uuid::now_v7().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.join(name), text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs `awe policy` in the folder, away from the threads that serve the server: exit code, standard output and error.
async fn policy(folder: &Path, url: &str, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_awe"));
    command.current_dir(folder).arg("policy").args(words).args(["--url", url]);
    let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planned_is_applied_once_and_exported_as_it_was() {
    let server = Server::start(&[]).await;
    let (url, folder) = (server.url.clone(), Folder::new());
    folder.write("payments.yaml", POLICY);
    folder.write("payments.cases.yaml", "not: a policy");
    let here = folder.0.as_path();
    assert_eq!(
        policy(here, &url, &["plan", "."]).await,
        (2, "+ payments.large: new\n".into(), String::new())
    );
    let (code, out, err) = policy(here, &url, &["apply", ".", "--activate"]).await;
    assert_eq!((code, out.as_str(), err.as_str()), (0, "payments.large version 1: created, active\n", ""));
    let same = "= payments.large: version 1 says the same\n";
    assert_eq!(policy(here, &url, &["plan", "."]).await, (0, same.into(), String::new()));
    let again = policy(here, &url, &["apply", ".", "--activate", "--yes"]).await;
    assert_eq!(again.1, "payments.large version 1: unchanged, active\n");

    folder.write("payments.yaml", &POLICY.replace("mode_value: 1", "mode_value: 2"));
    let (code, out, _) = policy(here, &url, &["plan", "payments.yaml"]).await;
    assert_eq!(code, 2);
    let planned = "~ payments.large: version 1 becomes 2\n    ";
    assert!(out.starts_with(planned) && out.contains("Finance") && out.contains("2 approvals"), "{out}");
    let (code, out, _) = policy(here, &url, &["plan", "payments.yaml", "--json"]).await;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told[0]["action"], &told[0]["version"]), (2, &json!("add"), &json!(1)));
    assert_eq!(policy(here, &url, &["apply", "."]).await.1, "payments.large version 2: added\n");
    let (code, words, _) = policy(here, &url, &["diff", "payments.large", "1", "2"]).await;
    assert!(code == 0 && words.contains("2 approvals"), "{words}");

    let (code, out, err) = policy(here, &url, &["export", "--dir", "out"]).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.contains("payments.large.yaml version 1 (active)"), "{out}");
    let text = std::fs::read_to_string(here.join("out/payments.large.yaml")).unwrap();
    assert!(text.contains("mode_value: 1") && text.contains("policy.schema.json"), "{text}");
    assert_eq!(policy(here, &url, &["plan", "out"]).await.0, 2, "the newest version says something else");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_told_apart_from_a_change() {
    let server = Server::start(&[]).await;
    let (url, folder) = (server.url.clone(), Folder::new());
    let here = folder.0.as_path();
    let (code, _, err) = policy(here, &url, &["plan", "."]).await;
    assert!(code == 1 && err.contains("no policy file"), "{err}");
    folder.write("a.yaml", POLICY);
    folder.write("b.yaml", POLICY);
    let (code, _, err) = policy(here, &url, &["plan", "."]).await;
    assert!(code == 1 && err.contains("both hold payments.large"), "{err}");
    let (code, _, err) = policy(here, "http://127.0.0.1:9", &["plan", "a.yaml"]).await;
    assert!(code == 1 && err.contains("does not answer"), "{err}");
    let (code, _, err) = policy(here, &url, &["export", "no.such", "--dir", "out"]).await;
    assert!(code == 1 && err.contains("there is no policy no.such"), "{err}");
    let (code, _, err) = policy(here, &url, &["diff", "no.such", "1", "2"]).await;
    assert!(code == 1 && err.contains("AWE-001"), "{err}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_overview_and_the_endpoints_are_told() {
    let server = Server::start(&[]).await;
    let (status, overview) = server.get(Who::Admin, "/stats/overview").await;
    assert_eq!(status, 200, "{overview}");
    assert_eq!(overview["days"].as_array().map(Vec::len), Some(30));
    let today = time::OffsetDateTime::now_utc().date();
    let last = overview["days"][29]["day"].as_str().unwrap();
    assert!(last.len() == 10 && last.starts_with(&today.year().to_string()), "{last}");
    assert_eq!(overview["requests"]["in_review"], json!(0));
    assert_eq!(server.get(Who::Admin, "/admin/endpoints").await, (200, json!([])));
    let (status, health) = server.get(Who::Viewer, "/admin/health").await;
    // Whether NATS is connected already is a matter of time.
    let parts = health["parts"].as_array().expect("a list").iter().filter(|part| part["part"] != "nats");
    let parts: Vec<_> = parts.map(|part| (&part["part"], &part["status"])).collect();
    let expected =
        json!([["postgres", "up"], ["outbox", "up"], ["issuer_keys", "off"], ["directory", "off"]]);
    assert_eq!((status, json!(parts)), (200, expected), "{health}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_have_ended_are_replayed_under_another_version() {
    let server = Server::start(&[]).await;
    let (url, folder) = (server.url.clone(), Folder::new());
    let here = folder.0.as_path();
    folder.write("payments.yaml", POLICY);
    policy(here, &url, &["apply", ".", "--activate"]).await;
    for n in 0..3 {
        let body = json!({"policy_key": "payments.large", "artifact_type": "disbursement", "artifact_id": format!("P-{n}")});
        let (status, created) = server.post(Who::User("caller"), "/requests", body).await;
        assert_eq!(status, 201, "{created}");
        let task =
            created["tasks"].as_array().unwrap().iter().find(|task| task["assignee"] == "amina").unwrap();
        let path = format!("/tasks/{}/decision", task["id"].as_str().unwrap());
        assert_eq!(server.post(Who::User("amina"), &path, json!({"action": "approve"})).await.0, 201);
    }
    folder.write("payments.yaml", &POLICY.replace("mode_value: 1", "mode_value: 2"));
    policy(here, &url, &["apply", "."]).await;
    let replay = |body: Value| {
        let server = &server;
        async move { server.post(Who::Viewer, "/policies/payments.large/versions/2/replay", body).await }
    };
    let (status, told) = replay(json!({})).await;
    assert_eq!(
        (status, &told["looked_at"], &told["undecided"], &told["same"]),
        (200, &json!(3), &json!(3), &json!(0))
    );
    assert_eq!(told["requests"][0]["artifact_id"], json!("P-2"), "newest first");
    assert_eq!(
        told["requests"][0]["words"][0],
        json!("It would still wait for \"Finance\": 1 of 2 approvals.")
    );
    let (_, told) = replay(json!({"last": 1})).await;
    assert_eq!(told["looked_at"], json!(1));
    for wrong in [json!({"last": 0}), json!({"last": 1001}), json!({"since": "never"}), json!({"first": 1})] {
        assert_eq!(replay(wrong).await.0, 422);
    }
    let own = server.post(Who::Viewer, "/policies/payments.large/versions/1/replay", json!({})).await.1;
    assert_eq!((&own["same"], &own["requests"]), (&json!(3), &json!([])));
    let (code, words, err) = policy(here, &url, &["replay", "payments.large", "2"]).await;
    assert!(code == 0 && words.contains("0 the same, 0 different, 3 undecided"), "{words}{err}");
    server.end().await;
}
