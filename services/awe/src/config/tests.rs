mod notifier;
mod telemetry;

use super::*;
use std::path::Path;

fn with(environment: &[(&str, &str)]) -> Result<Config, LoadError> {
    load_from(None, environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
}

fn refusal(environment: &[(&str, &str)]) -> String {
    with(environment).unwrap_err().to_string()
}

fn file(name: &str, text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("awe-config-{}-{name}.yaml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn the_defaults_load_and_are_those_of_the_contract() {
    let config = with(&[]).unwrap();
    assert_eq!(
        (&*config.service_id, &*config.api_version, &*config.module),
        ("openg2p.awe", "1.0", "default")
    );
    assert_eq!(config.webhook.backoff_seconds, [60, 300, 900, 3600, 21600]);
    assert_eq!((config.webhook.timeout_seconds, config.webhook.max_attempts), (10, 6));
    assert_eq!((config.webhook.poll_interval_seconds, config.webhook.batch_size), (2, 20));
    assert_eq!((config.resolver.http_timeout_seconds, config.sla.check_interval_seconds), (5, 300));
    assert_eq!((&*config.keycloak.realm, &*config.keycloak.admin_client_id), ("staff", "awe-admin-resolver"));
    assert!(config.is_development() && !config.notifier.enabled && config.notifier.use_tls);
    assert_eq!((config.notifier.smtp_port, config.notifier.reminder_hours), (587, 0));
}

#[test]
fn a_browser_is_told_where_to_sign_in() {
    let mut config = with(&[("AWE__KEYCLOAK__BROWSER_CLIENT_ID", "awe-admin-portal")]).unwrap();
    assert_eq!(config.public()["sign_in"]["client_id"], "awe-admin-portal");
    config.keycloak.issuer = "https://id.example.org/realms/staff".to_owned();
    let sign_in =
        json!({"issuer": config.keycloak.issuer, "client_id": "awe-admin-portal", "development": false});
    assert_eq!(config.public()["sign_in"], sign_in);
}

#[test]
fn every_default_is_explained() {
    let mut explained = false;
    for line in DEFAULTS.lines().skip(4).map(str::trim).filter(|line| !line.is_empty()) {
        let is_section = line.ends_with(':');
        assert!(line.starts_with('#') || is_section || explained, "no comment above: {line}");
        explained = line.starts_with('#');
    }
}

#[test]
fn the_environment_overrides_a_file_and_a_file_the_defaults() {
    let path = file("layers", "awe:\n  module: file\n  webhook:\n    max_attempts: 3\n    batch_size: 7\n");
    let config =
        load_from(Some(&path), [("AWE__WEBHOOK__MAX_ATTEMPTS".to_owned(), "10".to_owned())]).unwrap();
    assert_eq!((config.webhook.max_attempts, config.webhook.batch_size, &*config.module), (10, 7, "file"));
}

#[test]
fn text_stays_text_and_lists_are_read() {
    let config = with(&[
        ("AWE__API_VERSION", "1.0"),
        ("AWE__MODULE", "42"),
        ("AWE__WEBHOOK__BACKOFF_SECONDS", "[1, 2]"),
        ("AWE__EGRESS__ALLOW_CIDRS", "[10.0.0.0/8]"),
        ("AWE__WEBHOOK__ALLOW_UNSIGNED", "false"),
        ("AWE_LOG", "debug"),
    ])
    .unwrap();
    assert_eq!((&*config.api_version, &*config.module), ("1.0", "42"));
    assert_eq!(config.webhook.backoff_seconds, [1, 2]);
    assert_eq!(config.egress.allow_cidrs.len(), 1);
    assert!(!config.allows_unsigned_webhooks());
}

#[test]
fn unknown_keys_are_refused_by_name() {
    assert!(refusal(&[("AWE__WEBHOOK__MAX_ATEMPTS", "1")]).contains("webhook.max_atempts"));
    assert!(refusal(&[("AWE__WEBHOOK__MAX_ATEMPTS", "1")]).contains("AWE__WEBHOOK__MAX_ATEMPTS"));
    assert!(refusal(&[("AWE__NOSUCH__KEY", "1")]).contains("nosuch"));
    let refused = |path: &Path| load_from(Some(path), []).unwrap_err().to_string();
    let path = file("unknown", "awe:\n  sla:\n    interval: 3\n");
    assert!(refused(&path).contains("sla.interval"), "{}", refused(&path));
    let path = file("outside", "sla:\n  check_interval_seconds: 3\n");
    assert!(refused(&path).contains("`sla`"), "{}", refused(&path));
}

#[test]
fn bad_values_are_refused_by_key() {
    for (name, value, key) in [
        ("AWE__SERVER__PORT", "eighty", "server.port"),
        ("AWE__SERVER__PORT", "70000", "server.port"),
        ("AWE__SERVER__PORT", "", "server.port"),
        ("AWE__SERVER__HOST", "localhost", "server.host"),
        ("AWE__SERVER__MAX_IN_FLIGHT", "0", "server.max_in_flight"),
        ("AWE__SERVER__MAX_STREAMS", "0", "server.max_streams"),
        ("AWE__SERVER__MAX_STREAMS_PER_CALLER", "100001", "server.max_streams_per_caller"),
        ("AWE__DATABASE__URL", "mysql://x/y", "database.url"),
        ("AWE__DATABASE__MAX_CONNECTIONS", "-1", "database.max_connections"),
        ("AWE__NATS__URL", "http://x", "nats.url"),
        ("AWE__NATS__PREFIX", "a.b", "nats.prefix"),
        ("AWE__WEBHOOK__BACKOFF_SECONDS", "[]", "webhook.backoff_seconds"),
        ("AWE__WEBHOOK__BACKOFF_SECONDS", "[0]", "webhook.backoff_seconds"),
        ("AWE__WEBHOOK__MAX_ATTEMPTS", "0", "webhook.max_attempts"),
        ("AWE__WEBHOOK__ALLOW_UNSIGNED", "perhaps", "webhook.allow_unsigned"),
        ("AWE__EGRESS__ALLOW_CIDRS", "[10.0.0.0/99]", "egress.allow_cidrs"),
        ("AWE__KEYCLOAK__ISSUER", "not a url", "keycloak.issuer"),
        ("AWE__KEYCLOAK__AUDIENCE", "awe", "keycloak.issuer"),
        ("AWE__SECRETS__MASTER_KEY", "short", "secrets.master_key"),
        ("AWE__SECRETS__MASTER_KEY_FILE", "/nonexistent", "secrets.master_key_file"),
        ("AWE__GATE__ENABLED", "true", "gate.url"),
        ("AWE__GATE__URL", "gate.example.org", "gate.url"),
        ("AWE__GATE__AUTH_TYPE", "basic", "gate.auth_type"),
        ("AWE__GATE__AUTH_TYPE", "", "gate.auth_type"),
        ("AWE__GATE__MAX_RETRIES", "-1", "gate.max_retries"),
        ("AWE__GATE__TIMEOUT_SECONDS", "-1", "gate.timeout_seconds"),
        ("AWE__GATE__TIMEOUT_SECONDS", "0", "gate.timeout_seconds"),
        ("REGISTRATION_GATE_MAX_RETRIES", "-1", "gate.max_retries (environment variable REGISTRATION_GATE_"),
        ("REGISTRATION_GATE_TIMEOUT_SECONDS", "-5", "gate.timeout_seconds"),
        ("REGISTRATION_GATE_AUTH_TYP", "none", "gate.auth_typ"),
        ("REGISTRATION_WEBHOOK_TIMEOUT_SECONDS", "-5", "registration_webhook.timeout_seconds"),
        ("REGISTRATION_WEBHOOK_URL", "ftp://x/", "registration_webhook.url"),
        ("REGISTRATION_WEBHOOK_AUTH_HEADER", "not a name", "registration_webhook.auth_header"),
        ("REGISTRATION_WEBHOOK_AUTH_TOKEN", "a\nb", "registration_webhook.auth_token"),
        ("AWE__NOTIFIER__ENABLED", "true", "notifier.smtp_host"),
        ("AWE__NOTIFIER__SMTP_PORT", "0", "notifier.smtp_port"),
        ("AWE__NOTIFIER__REMINDER_HOURS", "-1", "notifier.reminder_hours"),
        ("AWE__NOTIFIER__TIMEOUT_SECONDS", "0", "notifier.timeout_seconds"),
    ] {
        assert!(refusal(&[(name, value)]).contains(key), "{name}={value}: {}", refusal(&[(name, value)]));
    }
}

const GATE: [(&str, &str); 2] =
    [("REGISTRATION_GATE_ENABLED", "true"), ("REGISTRATION_GATE_URL", "https://gate.example.org/decide")];

fn gate_with(more: &[(&str, &str)]) -> Result<Config, LoadError> {
    let all: Vec<_> = GATE.iter().chain(more).copied().collect();
    with(&all)
}

#[test]
fn the_gate_is_configured_under_both_names_and_ours_counts() {
    let config = gate_with(&[]).unwrap();
    assert!(config.gate.enabled && config.gate.auth() == Some(GateAuthType::None));
    assert_eq!((config.gate.timeout_seconds, config.gate.max_retries), (5, 2));
    assert_eq!(config.gate.auth_header_name, "X-Api-Key");
    assert!(!config.gate.oauth2_token_cache && !config.gate.requests);
    let both = [("AWE__GATE__MAX_RETRIES", "7"), ("REGISTRATION_GATE_MAX_RETRIES", "3")];
    assert_eq!(with(&both).unwrap().gate.max_retries, 7);
    assert_eq!(with(&both[1..]).unwrap().gate.max_retries, 3);
    let webhook =
        with(&[("REGISTRATION_WEBHOOK_URL", "https://x.example.org/")]).unwrap().registration_webhook;
    assert_eq!((&*webhook.auth_header, webhook.timeout_seconds), ("Authorization", 10));
}

#[test]
fn each_way_of_authentication_is_known_in_any_case() {
    for (text, known) in [
        ("none", GateAuthType::None),
        ("API_KEY", GateAuthType::ApiKey),
        ("Bearer", GateAuthType::Bearer),
        ("oauth2_Client_Credentials", GateAuthType::OAuth2ClientCredentials),
    ] {
        assert_eq!(
            with(&[("REGISTRATION_GATE_AUTH_TYPE", text)]).unwrap().gate.auth(),
            Some(known),
            "{text}"
        );
    }
}

#[test]
fn an_enabled_gate_without_the_credential_it_needs_stops_the_start() {
    let refusal = |more: &[(&str, &str)]| gate_with(more).unwrap_err().to_string();
    for auth_type in ["api_key", "bearer"] {
        let told = refusal(&[("REGISTRATION_GATE_AUTH_TYPE", auth_type)]);
        assert!(told.contains("gate.auth_credential"), "{told}");
        let newline =
            [("REGISTRATION_GATE_AUTH_TYPE", auth_type), ("REGISTRATION_GATE_AUTH_CREDENTIAL", "s\n3t")];
        let told = refusal(&newline);
        assert!(told.contains("gate.auth_credential") && !told.contains("3t"), "{told}");
    }
    let oauth2 = ("REGISTRATION_GATE_AUTH_TYPE", "oauth2_client_credentials");
    let told = refusal(&[oauth2]);
    for key in ["gate.oauth2_token_url", "gate.oauth2_client_id", "gate.oauth2_client_secret"] {
        assert!(told.contains(key), "{told}");
    }
    let header = [
        ("REGISTRATION_GATE_AUTH_TYPE", "api_key"),
        ("REGISTRATION_GATE_AUTH_CREDENTIAL", "k"),
        ("REGISTRATION_GATE_AUTH_HEADER_NAME", "no header"),
    ];
    assert!(refusal(&header).contains("gate.auth_header_name"));
    assert!(with(&[oauth2]).is_ok(), "a gate that is not enabled needs nothing");
}

#[test]
fn a_credential_that_would_replace_a_header_of_ours_stops_the_start() {
    let with_header = |header: &str| {
        with(&[
            ("AWE__CREDENTIALS__HOOKS__TYPE", "api_key"),
            ("AWE__CREDENTIALS__HOOKS__HEADER", header),
            ("AWE__CREDENTIALS__HOOKS__KEY", "k"),
        ])
    };
    for header in ["webhook-signature", "Webhook-Id", "X-Approval-Signature", "Content-Type", "host"] {
        let told = with_header(header).unwrap_err().to_string();
        assert!(told.contains("credentials.hooks.header"), "{header}: {told}");
    }
    for header in ["X-API-Key", "Authorization"] {
        assert!(with_header(header).is_ok(), "{header}");
    }
}

#[test]
fn development_mode_stays_on_loopback_unless_told_otherwise() {
    assert!(refusal(&[("AWE__SERVER__HOST", "0.0.0.0")]).contains("server.host"));
    let told = [("AWE__SERVER__HOST", "0.0.0.0"), ("AWE__AUTH__ALLOW_UNSIGNED_ON_NETWORK", "true")];
    assert!(with(&told).is_ok());
}

#[test]
fn outside_development_a_master_key_is_needed() {
    let issuer = ("AWE__KEYCLOAK__ISSUER", "https://id.example.org/realms/staff");
    assert!(refusal(&[issuer]).contains("secrets.master_key"));
    let key = ("AWE__SECRETS__MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    let config = with(&[issuer, key]).unwrap();
    assert_eq!(config.master_key().unwrap().unwrap()[31], 31);
    assert_eq!(
        config.keycloak.signing_keys_url(),
        "https://id.example.org/realms/staff/protocol/openid-connect/certs"
    );
    assert!(!config.allows_unsigned_webhooks());
}

#[test]
fn what_is_public_holds_no_secret() {
    let environment = [
        ("AWE__DATABASE__URL", "postgres://awe:s3cret@db.internal/awe"),
        ("AWE__NATS__URL", "nats://awe:s3cret@nats.internal:4222"),
        ("AWE__KEYCLOAK__ADMIN_CLIENT_SECRET", "s3cret"),
        ("AWE__SECRETS__MASTER_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
        ("AWE__NOTIFIER__SMTP_HOST", "smtp.internal"),
        ("AWE__NOTIFIER__USERNAME", "mailer@internal"),
        ("AWE__NOTIFIER__PASSWORD", "s3cret"),
    ];
    let config = with(&environment).unwrap();
    let public = config.public().to_string();
    for hidden in ["s3cret", "internal", "AAECAw"] {
        assert!(!public.contains(hidden), "{public}");
        assert!(!format!("{config:?}").contains("s3cret"));
    }
    assert_eq!(config.public()["auth_mode"], "development");
    assert_eq!(config.public()["webhook"]["max_attempts"], 6);
}

#[test]
fn previous_master_keys_come_inline_and_from_files_and_a_bad_one_is_named_by_its_key() {
    let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let path = file("old-key", key);
    let files = format!("[{:?}]", path.display());
    let config = with(&[
        ("AWE__SECRETS__PREVIOUS_MASTER_KEYS", &format!("[{key:?}, {key:?}]")),
        ("AWE__SECRETS__PREVIOUS_MASTER_KEY_FILES", &files),
    ]);
    std::fs::remove_file(path).unwrap();
    // The check has read the file before it was removed.
    assert!(config.is_ok(), "{config:?}");
    let told = refusal(&[("AWE__SECRETS__PREVIOUS_MASTER_KEYS", r#"["secret-but-short"]"#)]);
    assert!(told.contains("secrets.previous_master_keys") && !told.contains("secret-but-short"), "{told}");
    let told = refusal(&[("AWE__SECRETS__PREVIOUS_MASTER_KEY_FILES", r#"["/nowhere/key"]"#)]);
    assert!(told.contains("secrets.previous_master_key_files") && told.contains("/nowhere/key"), "{told}");
}
