//! Every setting of this process, for operators: grouped and labelled, and of secrets only whether they are set.

use crate::auth::Viewer;
use crate::config::{Config, Gate, RegistrationWebhook};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use outbound::gate::shown_url;
use schemas::api::{SystemConfigField, SystemConfigGroup, SystemConfigOut};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const NOT_SET: &str = "(not set)";
/// The same for every secret: neither its length nor its beginning is anybody's business.
const MASK: &str = "********";
/// Parts of names that mask a setting, whoever forgot to say that it is a secret.
const SUSPICIOUS: [&str; 6] = ["_password", "_secret", "_api_key", "_token", "_key", "_credential"];
/// Names that only look like secrets.
const HARMLESS: [&str; 2] = ["registration_gate_oauth2_token_url", "registration_gate_oauth2_token_cache"];

pub(super) async fn read(
    State(state): State<AppState>,
    _: Viewer,
) -> ([(header::HeaderName, HeaderValue); 1], Json<SystemConfigOut>) {
    let config = state.config();
    let mut groups = own(config);
    groups.push(webhook_group(&config.registration_webhook));
    groups.push(gate_group(&config.gate));
    for (order, group) in groups.iter_mut().enumerate() {
        group.order = u32::try_from(order + 1).unwrap_or(u32::MAX);
    }
    let total_groups = u32::try_from(groups.len()).unwrap_or(u32::MAX);
    let answer = SystemConfigOut { groups, total_groups, is_local_dev: config.is_development() };
    ([(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))], Json(answer))
}

fn group(id: &str, title: &str, fields: Vec<SystemConfigField>) -> SystemConfigGroup {
    SystemConfigGroup { id: id.to_owned(), title: title.to_owned(), order: 0, fields }
}

fn plain(key: &str, label: &str, value: impl Into<Value>) -> SystemConfigField {
    let suspicious = SUSPICIOUS.iter().any(|part| key.contains(part)) && !HARMLESS.contains(&key);
    let raw = value.into();
    let is_empty = raw.is_null() || raw == json!("");
    if suspicious {
        return masked(key, label, is_empty);
    }
    let value = match &raw {
        _ if is_empty => NOT_SET.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let raw_value = if is_empty { Value::Null } else { raw };
    let unit = key.ends_with("_seconds").then(|| "seconds".to_owned());
    SystemConfigField {
        key: key.to_owned(),
        label: label.to_owned(),
        value,
        raw_value,
        is_masked: false,
        unit,
    }
}

fn url(key: &str, label: &str, value: &str) -> SystemConfigField {
    plain(key, label, if value.is_empty() { String::new() } else { shown_url(value) })
}

fn secret(key: &str, label: &str, value: &SecretString) -> SystemConfigField {
    masked(key, label, value.expose_secret().is_empty())
}

fn masked(key: &str, label: &str, is_empty: bool) -> SystemConfigField {
    let value = if is_empty { NOT_SET } else { MASK }.to_owned();
    SystemConfigField {
        key: key.to_owned(),
        label: label.to_owned(),
        value,
        raw_value: Value::Null,
        is_masked: true,
        unit: None,
    }
}

/// One group a section of the configuration: what is public anyway, and then what only operators may see.
fn own(config: &Config) -> Vec<SystemConfigGroup> {
    let sections = match serde_json::to_value(config) {
        Ok(Value::Object(sections)) => sections,
        Ok(_) | Err(_) => serde_json::Map::new(),
    };
    let (mut general, mut groups) = (Vec::new(), Vec::new());
    for (name, section) in sections {
        match section {
            Value::Object(settings) if name != "gate" => {
                let fields = settings.into_iter();
                let mut fields: Vec<_> =
                    fields.map(|(key, value)| plain(&format!("{name}.{key}"), &label(&key), value)).collect();
                fields.extend(guarded(&name, config));
                groups.push(group(&name, &label(&name), fields));
            }
            Value::Object(_) => {}
            value => general.push(plain(&name, &label(&name), value)),
        }
    }
    let cidrs: Vec<String> = config.egress.allow_cidrs.iter().map(ToString::to_string).collect();
    groups.push(group("egress", "Egress", vec![plain("egress.allow_cidrs", "Allow cidrs", cidrs)]));
    groups.push(group("secrets", "Secrets", guarded("secrets", config)));
    groups.insert(0, group("general", "General", general));
    groups
}

/// What `GET /config` leaves out of a section.
fn guarded(section: &str, config: &Config) -> Vec<SystemConfigField> {
    let (keycloak, notifier, secrets) = (&config.keycloak, &config.notifier, &config.secrets);
    match section {
        "database" => vec![secret("database.url", "Url", &config.database.url)],
        "nats" => vec![secret("nats.url", "Url", &config.nats.url)],
        "keycloak" => vec![
            url("keycloak.base_url", "Base url", &keycloak.base_url),
            url("keycloak.jwks_url", "Jwks url", &keycloak.jwks_url),
            plain("keycloak.admin_client_id", "Admin client id", keycloak.admin_client_id.clone()),
            secret("keycloak.admin_client_secret", "Admin client secret", &keycloak.admin_client_secret),
        ],
        "notifier" => vec![
            plain("notifier.smtp_host", "Smtp host", notifier.smtp_host.clone()),
            plain("notifier.smtp_port", "Smtp port", notifier.smtp_port),
            plain("notifier.ca_file", "Ca file", notifier.ca_file.clone()),
            plain("notifier.username", "Username", notifier.username.clone()),
            secret("notifier.password", "Password", &notifier.password),
            plain("notifier.from_address", "From address", notifier.from_address.clone()),
            plain(
                "notifier.templates_directory",
                "Templates directory",
                notifier.templates_directory.clone(),
            ),
            plain("notifier.link_template", "Link template", notifier.link_template.clone()),
        ],
        "secrets" => vec![secret("secrets.master_key", "Master key", &secrets.master_key)],
        _ => Vec::new(),
    }
}

/// `max_attempts` is shown as `Max attempts`.
fn label(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn webhook_group(webhook: &RegistrationWebhook) -> SystemConfigGroup {
    let fields = vec![
        url("registration_webhook_url", "Webhook URL", &webhook.url),
        plain("registration_webhook_auth_header", "Auth Header Name", webhook.auth_header.clone()),
        secret("registration_webhook_auth_token", "Auth Token", &webhook.auth_token),
        plain("registration_webhook_timeout_seconds", "Timeout (s)", webhook.timeout_seconds),
        plain("registration_webhook_requests", "Tell Of Requests", webhook.requests),
    ];
    group("registration-webhook", "Registration Webhook (Notifications)", fields)
}

fn gate_group(gate: &Gate) -> SystemConfigGroup {
    let fields = vec![
        plain("registration_gate_enabled", "Gate Enabled", gate.enabled),
        url("registration_gate_url", "Gate URL", &gate.url),
        plain("registration_gate_auth_type", "Auth Type", gate.auth_type.clone()),
        secret("registration_gate_auth_credential", "Auth Credential", &gate.auth_credential),
        plain("registration_gate_auth_header_name", "Auth Header Name", gate.auth_header_name.clone()),
        plain("registration_gate_timeout_seconds", "Timeout (s)", gate.timeout_seconds),
        plain("registration_gate_max_retries", "Max Retries", gate.max_retries),
        url("registration_gate_oauth2_token_url", "OAuth2 Token URL", &gate.oauth2_token_url),
        plain("registration_gate_oauth2_client_id", "OAuth2 Client ID", gate.oauth2_client_id.clone()),
        secret("registration_gate_oauth2_client_secret", "OAuth2 Client Secret", &gate.oauth2_client_secret),
        plain("registration_gate_oauth2_scope", "OAuth2 Scope", gate.oauth2_scope.clone()),
        plain("registration_gate_oauth2_token_cache", "OAuth2 Token Cache", gate.oauth2_token_cache),
        plain("registration_gate_requests", "Ask About Requests", gate.requests),
    ];
    group("registration-gate", "Registration Gate (Admission Control)", fields)
}
