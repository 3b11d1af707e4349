//! What operators see of the settings, and what nobody sees.

use crate::server::{Server, Who};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every secret setting, with something to look for.
const PLANTED: [(&str, &str); 9] = [
    ("AWE__NOTIFIER__PASSWORD", "planted-password"),
    ("AWE__KEYCLOAK__ADMIN_CLIENT_SECRET", "planted-keycloak"),
    // The same 32 bytes as everywhere: `planted-master-key-of-32-bytes!!`.
    ("AWE__SECRETS__MASTER_KEY", "cGxhbnRlZC1tYXN0ZXIta2V5LW9mLTMyLWJ5dGVzISE="),
    ("REGISTRATION_GATE_AUTH_CREDENTIAL", "planted-credential"),
    ("REGISTRATION_GATE_OAUTH2_CLIENT_SECRET", "planted-client"),
    ("REGISTRATION_WEBHOOK_AUTH_TOKEN", "planted-token"),
    ("REGISTRATION_GATE_OAUTH2_CLIENT_ID", "gate-client-0001"),
    (
        "REGISTRATION_GATE_OAUTH2_TOKEN_URL",
        "https://user:planted-user@id.example.org/token?key=planted-query",
    ),
    ("REGISTRATION_GATE_URL", "https://gate.example.org/decide"),
];

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_shown_and_no_byte_of_a_secret() {
    let server = Server::start(&PLANTED).await;
    let answer = server.send(Who::Viewer, reqwest::Method::GET, "/admin/system-config", None).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["cache-control"]),
        (200, &"no-store".parse().unwrap())
    );
    let bytes = answer.text().await.unwrap();
    let public = server.get(Who::Nobody, "/config").await.1.to_string();
    let database = server.database_url();
    for shown in [&bytes, &public] {
        assert!(!shown.contains("planted") && !shown.contains("cGxhbnRl"), "{shown}");
        assert!(!shown.contains(&database), "{shown}");
    }
    let answer: Value = serde_json::from_str(&bytes).unwrap();
    let groups = answer["groups"].as_array().unwrap();
    assert_eq!((&answer["total_groups"], &answer["is_local_dev"]), (&json!(groups.len()), &json!(true)));
    let fields: BTreeMap<&str, &Value> = groups
        .iter()
        .flat_map(|group| group["fields"].as_array().unwrap())
        .map(|field| (field["key"].as_str().unwrap(), field))
        .collect();
    for key in [
        "registration_webhook_auth_token",
        "registration_gate_auth_credential",
        "registration_gate_oauth2_client_secret",
        "keycloak.admin_client_secret",
        "notifier.password",
        "secrets.master_key",
        "database.url",
        "nats.url",
    ] {
        let field = fields[key];
        let expected = (&json!("********"), &Value::Null, &json!(true));
        assert_eq!((&field["value"], &field["raw_value"], &field["is_masked"]), expected, "{field}");
    }
    let value = |key: &str| fields[key]["value"].clone();
    assert_eq!(value("registration_gate_oauth2_token_url"), "https://id.example.org/token");
    assert_eq!(value("registration_gate_oauth2_client_id"), "gate-client-0001");
    assert_eq!(value("registration_gate_oauth2_scope"), "(not set)");
    assert_eq!(fields["registration_gate_timeout_seconds"]["unit"], "seconds");
    assert_eq!(fields["webhook.max_attempts"]["raw_value"], 6);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_groups_of_gate_and_webhook_have_their_labels() {
    let server = Server::start(&[]).await;
    let (_, answer) = server.get(Who::Viewer, "/admin/system-config").await;
    let groups = answer["groups"].as_array().unwrap();
    let labels = |title: &str| {
        let group = groups.iter().find(|group| group["title"] == title).unwrap();
        let fields = group["fields"].as_array().unwrap().iter();
        fields.map(|field| field["label"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        labels("Registration Webhook (Notifications)"),
        "Webhook URL, Auth Header Name, Auth Token, Timeout (s), Tell Of Requests"
    );
    assert_eq!(
        labels("Registration Gate (Admission Control)"),
        "Gate Enabled, Gate URL, Auth Type, Auth Credential, Auth Header Name, Timeout (s), Max Retries, \
         OAuth2 Token URL, OAuth2 Client ID, OAuth2 Client Secret, OAuth2 Scope, OAuth2 Token Cache, \
         Ask About Requests"
    );
    server.end().await;
}
