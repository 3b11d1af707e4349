//! Which settings operators see, and which nobody sees.

use crate::server::{Server, Who};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Every secret setting, with something to look for. The URLs of Postgres and NATS, which may hold one, are looked for
/// as they are.
const PLANTED: [(&str, &str); 20] = [
    // `planted-old-master-key-32-bytes!`.
    ("AWE__SECRETS__PREVIOUS_MASTER_KEYS", "[cGxhbnRlZC1vbGQtbWFzdGVyLWtleS0zMi1ieXRlcyE=]"),
    ("AWE__CREDENTIALS__ONE__TYPE", "bearer"),
    ("AWE__CREDENTIALS__ONE__TOKEN", "planted-bearer"),
    ("AWE__CREDENTIALS__TWO__TYPE", "api_key"),
    ("AWE__CREDENTIALS__TWO__HEADER", "X-Api-Key"),
    ("AWE__CREDENTIALS__TWO__KEY", "planted-api-key"),
    ("AWE__CREDENTIALS__MY_TOKEN__TYPE", "oauth2_client_credentials"),
    ("AWE__CREDENTIALS__MY_TOKEN__TOKEN_URL", "https://user:planted-user@id.example.org/t?key=planted-query"),
    ("AWE__CREDENTIALS__MY_TOKEN__CLIENT_ID", "awe-client"),
    ("AWE__CREDENTIALS__MY_TOKEN__CLIENT_SECRET", "planted-client-secret"),
    ("AWE__KEYCLOAK__BASE_URL", "https://user:planted-user@id.example.org/"),
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
    let mut everything = vec![bytes.clone(), public];
    for format in ["env", "json", "tfvars", "yaml"] {
        everything.push(export(&server, Who::Admin, &format!("format={format}")).await.1);
    }
    let database = server.database_url();
    let urls = [&*database, server.state.config().nats.url.expose_secret()];
    for shown in &everything {
        assert!(!shown.contains("planted") && !shown.contains("cGxhbnRl"), "{shown}");
        assert!(urls.iter().all(|url| !shown.contains(url)), "{shown}");
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
        "secrets.previous_master_keys",
        "credentials.one.token",
        "credentials.two.key",
        "credentials.my_token.client_secret",
    ] {
        let field = fields[key];
        let expected = (&json!("********"), &Value::Null, &json!(true));
        assert_eq!((&field["value"], &field["raw_value"], &field["is_masked"]), expected, "{field}");
    }
    let value = |key: &str| fields[key]["value"].clone();
    assert_eq!(value("registration_gate_oauth2_token_url"), "https://id.example.org/token");
    assert_eq!(value("registration_gate_oauth2_client_id"), "gate-client-0001");
    assert_eq!(value("registration_gate_oauth2_scope"), "(not set)");
    assert_eq!(value("credentials.my_token.type"), "oauth2_client_credentials");
    assert_eq!(value("credentials.my_token.token_url"), "https://id.example.org/t");
    assert_eq!(value("credentials.two.header"), "X-Api-Key");
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

/// Fails when a secret setting is added without a line in [`PLANTED`].
#[test]
fn every_secret_of_the_configuration_is_looked_for() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/config");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    let sources: Vec<String> = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let is_field = |line: &&str| line.ends_with(": SecretString,") || line.ends_with(": Vec<SecretString>,");
    let fields = sources.iter().flat_map(|source| source.lines()).map(str::trim).filter(is_field);
    let fields = fields.map(|line| line.trim_start_matches("pub ").split(':').next().unwrap().to_uppercase());
    let (urls, secrets): (Vec<String>, Vec<String>) = fields.partition(|field| field == "URL");
    assert_eq!((urls.len(), secrets.len()), (2, 10), "database.url and nats.url; {secrets:?}");
    for secret in secrets {
        let planted = |(name, value): &(&str, &str)| {
            name.ends_with(&format!("_{secret}")) && (value.contains("planted") || value.contains("cGxhbnRl"))
        };
        assert!(PLANTED.iter().any(planted), "{secret} is a secret setting that PLANTED does not hold");
    }
}

/// Status, body, and the headers that say what it is.
async fn export(server: &Server, who: Who, query: &str) -> (u16, String, String) {
    let path = format!("/admin/system-config/export?{query}");
    let answer = server.send(who, Method::GET, &path, None).await;
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let head = [header("content-type"), header("content-disposition"), header("cache-control")];
    let head = head.into_iter().flatten().collect::<Vec<_>>().join(" | ");
    (answer.status().as_u16(), answer.text().await.unwrap(), head)
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_exported_in_four_formats() {
    let settings = [
        ("AWE__CREDENTIALS__HR__TYPE", "bearer"),
        ("AWE__CREDENTIALS__HR__TOKEN", "planted"),
        ("REGISTRATION_GATE_OAUTH2_SCOPE", "it's ${x} \"quoted\""),
    ];
    let server = Server::start(&settings).await;
    let (status, env, head) = export(&server, Who::Admin, "").await;
    assert_eq!(status, 200, "{env}");
    assert_eq!(head, r#"text/plain; charset=utf-8 | attachment; filename="awe.env" | no-store"#);
    for line in [
        "AWE__SERVICE_ID=openg2p.awe",
        "AWE__WEBHOOK__MAX_ATTEMPTS=6",
        "AWE__WEBHOOK__BACKOFF_SECONDS='[60,300,900,3600,21600]'",
        "# AWE__WEBHOOK__ALLOW_UNSIGNED=",
        "# AWE__SECRETS__MASTER_KEY=",
        "AWE__CREDENTIALS__HR__TYPE=bearer",
        "AWE__CREDENTIALS__HR__TOKEN='********'",
        "AWE__GATE__URL=",
        r#"AWE__GATE__OAUTH2_SCOPE='it'\''s ${x} "quoted"'"#,
    ] {
        assert!(env.lines().any(|found| found == line), "{line} is not in\n{env}");
    }
    let (_, tfvars, _) = export(&server, Who::Admin, "format=tfvars").await;
    for line in [
        "settings = {",
        r#"  AWE__WEBHOOK__MAX_ATTEMPTS = "6""#,
        r#"  AWE__WEBHOOK__BACKOFF_SECONDS = "[60,300,900,3600,21600]""#,
        r#"#   AWE__CREDENTIALS__HR__TOKEN = "********""#,
        r#"  AWE__GATE__OAUTH2_SCOPE = "it's $${x} \"quoted\"""#,
    ] {
        assert!(tfvars.lines().any(|found| found == line), "{line} is not in\n{tfvars}");
    }
    let (_, text, head) = export(&server, Who::Admin, "format=json").await;
    assert_eq!(head, r#"application/json | attachment; filename="awe.json" | no-store"#);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["awe"]["credentials"]["hr"], json!({"type": "bearer", "token": "********"}));
    assert_eq!(json["awe"]["gate"]["oauth2_scope"], settings[2].1);
    let (_, yaml, head) = export(&server, Who::Admin, "format=yaml").await;
    assert_eq!(head, r#"application/yaml | attachment; filename="awe.yaml" | no-store"#);
    assert!(yaml.starts_with("awe:\n") && yaml.contains("\n    max_attempts: 6\n"), "{yaml}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_not_exported_by_mistake_and_never_where_anybody_can_be_an_admin() {
    let server = Server::start(&PLANTED).await;
    for (query, status, code) in [
        ("include_sensitive=true", 400, "AWE-010"),
        ("include_sensitive=true&confirm_sensitive_export=false", 400, "AWE-010"),
        ("include_sensitive=true&confirm_sensitive_export=true", 403, "AWE-008"),
        ("format=xml", 422, "AWE-010"),
        ("include_sensitive=perhaps", 422, "AWE-010"),
    ] {
        let (answered, body, _) = export(&server, Who::Admin, query).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((answered, &body["errors"][0]["errorCode"]), (status, &json!(code)), "{query}: {body}");
    }
    let (status, text, _) = export(&server, Who::Admin, "confirm_sensitive_export=true").await;
    assert!(status == 200 && !text.contains("planted"), "alone it changes nothing: {text}");
    assert_eq!(export(&server, Who::Viewer, "").await.0, 403);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_is_audited_and_bounded_per_user() {
    let server = Server::start(&[]).await;
    let path = "/admin/system-config";
    let (mut read, mut exported) = (0, 0);
    // One call is admitted again every six seconds, so a slow machine gets a few more in.
    let refused = loop {
        assert!(read < 30, "nobody is ever refused");
        if export(&server, Who::Admin, "").await.0 == 200 {
            exported += 1;
        }
        let answer = server.send(Who::Admin, Method::GET, path, None).await;
        match answer.status().as_u16() {
            200 => read += 1,
            _ => break answer,
        }
    };
    assert!(read + exported >= 10, "{read} and {exported}");
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"6".parse().unwrap()));
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["errors"][0]["errorCode"], "AWE-007");
    assert_eq!(server.get(Who::Viewer, path).await.0, 200, "another user has their own");
    let audited = async |action: &str| {
        server.get(Who::Admin, &format!("/admin/audit?limit=100&action={action}")).await.1
    };
    let (reads, exports) = (audited("system_config.read").await, audited("system_config.export").await);
    let count = |rows: &Value| rows.as_array().unwrap().len();
    assert_eq!((count(&reads), count(&exports)), (read + 1, exported), "what is refused is not audited");
    assert_eq!((&reads[0]["actor"], &exports[0]["actor"]), (&json!("viewer"), &json!("admin")));
    assert_eq!(exports[0]["summary"], "exported the configuration as env, without secrets");
    server.end().await;
}
