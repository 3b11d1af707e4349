//! `awe policy validate --against URL`: the users that a policy names, looked up where it is to be applied.

use crate::server::Server;
use crate::staff::directory;
use std::process::{Command, Output};

const POLICY: &str = "policy_key: k
name: K
artifact_type: t
stages:
  - name: One
    stage_order: 1
    sla_hours: 1
    on_breach: escalate
    rules:
      - {rule_type: user, rule_value: {user_id: amina}}
      - {rule_type: user, rule_value: {user_id: emeka}}
      - {rule_type: role, rule_value: {role: unheard-of}}
    escalation_rules: [{rule_type: user, rule_value: {user_id: 'no & body'}}]
";

/// Validates a policy in a file of its own, away from the threads that serve the server.
async fn validate(policy: &str, arguments: &[&str]) -> (i32, String, String) {
    let folder = std::env::temp_dir().join(format!("awe-against-{}", uuid::Uuid::now_v7().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("p.yaml"), policy).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_awe"));
    command.current_dir(&folder).args(["policy", "validate", "p.yaml"]).args(arguments);
    let output: Output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn users_whom_the_directory_does_not_know_or_knows_as_disabled_are_warned_of() {
    let file = directory(true);
    let server = Server::start(&[("AWE__KEYCLOAK__DIRECTORY_FILE", file.0.to_str().unwrap())]).await;
    let url = server.url.clone();
    let (code, told, err) = validate(POLICY, &["--against", &url]).await;
    assert_eq!((code, &*err), (0, ""), "{told}");
    let expected = "p.yaml: sound, 2 warnings
  p.yaml:11:40: warning: stage 1, field rules[1].rule_value.user_id: user \"emeka\" is disabled in the directory
  p.yaml:13:55: warning: stage 1, field escalation_rules[0].rule_value.user_id: user \"no & body\" is unknown to the directory
";
    assert_eq!(told, expected);
    assert_eq!(validate(POLICY, &["--strict", "--against", &format!("{url}/")]).await.0, 3);
    // A fault does not keep the users of the readable part from being looked up.
    let (code, told, _) = validate(&POLICY.replace("on_breach", "on_breech"), &["--against", &url]).await;
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("unknown field `on_breech`; did you mean `on_breach`?"), "{told}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_say_is_told_and_is_no_fault_of_the_policy() {
    let server = Server::start(&[]).await;
    let url = server.url.clone();
    let (code, out, err) = validate(POLICY, &["--against", &url]).await;
    assert_eq!((code, &*out), (2, ""), "{err}");
    assert!(err.contains("has no directory at hand: users were not checked"), "{err}");
    let (code, _, err) = validate(POLICY, &["--against", &url, "--token", "none"]).await;
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("answered 401"), "{err}");
    server.end().await;
    for (url, message) in [("http://127.0.0.1:1", "does not answer"), ("no url", "is no URL")] {
        let (code, _, err) = validate(POLICY, &["--against", url]).await;
        assert_eq!(code, 2, "{err}");
        assert!(err.contains(message), "{err}");
    }
}
