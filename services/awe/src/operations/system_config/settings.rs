//! Every setting with its label, in groups. A setting that `GET /config` leaves out (`skip_serializing`) is listed
//! here by hand, with how much of it may be shown.

use crate::config::{Config, Gate, NamedCredential, RegistrationWebhook};
use outbound::shown_url;
use schemas::api::{SystemConfigField, SystemConfigGroup};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const NOT_SET: &str = "(not set)";
/// Stands for every secret alike, so that it reveals neither length nor beginning.
pub(super) const MASK: &str = "********";
/// A setting whose name holds one of these is masked, in case it was listed as plain by mistake.
const SUSPICIOUS: [&str; 6] = ["_password", "_secret", "_api_key", "_token", "_key", "_credential"];
/// Names that hold one of the above and are no secrets.
const HARMLESS: [&str; 4] = [
    "registration_gate_oauth2_token_url",
    "registration_gate_oauth2_token_cache",
    "master_key_file",
    "previous_master_key_files",
];

/// Settings of one concern.
pub(super) struct Group {
    id: String,
    title: String,
    pub(super) settings: Vec<Setting>,
}

/// One setting.
pub(super) struct Setting {
    /// The name that operators know: `webhook.max_attempts`, `registration_gate_url`.
    pub(super) key: String,
    label: String,
    pub(super) content: Content,
}

/// The value of a setting, by who may see it.
pub(super) enum Content {
    /// Every operator sees it.
    Plain(Value),
    /// Every operator sees it without user, password and query.
    Url(String),
    /// No page shows it; an export holds it when the administrator confirms that.
    Secret(SecretString),
    /// It never leaves the process; this is whether it is set.
    Sealed(bool),
}

impl Content {
    /// Not set at all, or empty.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Plain(value) => value.is_null() || *value == json!(""),
            Self::Url(url) => url.is_empty(),
            Self::Secret(secret) => secret.expose_secret().is_empty(),
            Self::Sealed(is_set) => !is_set,
        }
    }
}

impl Group {
    /// The group as the page shows it, at this position from 1.
    pub(super) fn shown(self, order: usize) -> SystemConfigGroup {
        SystemConfigGroup {
            id: self.id,
            title: self.title,
            order: u32::try_from(order).unwrap_or(u32::MAX),
            fields: self.settings.into_iter().map(Setting::shown).collect(),
        }
    }
}

impl Setting {
    fn shown(self) -> SystemConfigField {
        let is_masked = matches!(self.content, Content::Secret(_) | Content::Sealed(_));
        let raw_value = match self.content {
            ref content if content.is_empty() => Value::Null,
            Content::Plain(value) => value,
            Content::Url(url) => json!(shown_url(&url)),
            Content::Secret(_) | Content::Sealed(_) => json!(MASK),
        };
        let value = match &raw_value {
            Value::Null => NOT_SET.to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        SystemConfigField {
            unit: (!is_masked && self.key.ends_with("_seconds")).then(|| "seconds".to_owned()),
            key: self.key,
            label: self.label,
            value,
            raw_value: if is_masked { Value::Null } else { raw_value },
            is_masked,
        }
    }
}

/// All groups, in the order of the page.
pub(super) fn all(config: &Config) -> Vec<Group> {
    let mut groups = own(config);
    groups.push(credentials_group(config));
    groups.push(webhook_group(&config.registration_webhook));
    groups.push(gate_group(&config.gate));
    groups
}

fn group(id: &str, title: &str, settings: Vec<Setting>) -> Group {
    Group { id: id.to_owned(), title: title.to_owned(), settings }
}

fn setting(key: &str, label: &str, content: Content) -> Setting {
    // Only the last part of the key is judged: a part before it may be the name of a credential, which operators choose.
    let name = key.rsplit('.').next().unwrap_or(key);
    let suspicious = SUSPICIOUS.iter().any(|part| name.contains(part)) && !HARMLESS.contains(&name);
    let content = match content {
        Content::Plain(_) | Content::Url(_) if suspicious => Content::Sealed(!content.is_empty()),
        content => content,
    };
    Setting { key: key.to_owned(), label: label.to_owned(), content }
}

fn plain(key: &str, label: &str, value: impl Into<Value>) -> Setting {
    setting(key, label, Content::Plain(value.into()))
}

fn url(key: &str, label: &str, value: &str) -> Setting {
    setting(key, label, Content::Url(value.to_owned()))
}

fn secret(key: &str, label: &str, value: &SecretString) -> Setting {
    setting(key, label, Content::Secret(value.clone()))
}

/// For master keys, which open every stored secret and so are never exported.
fn sealed(key: &str, label: &str, is_set: bool) -> Setting {
    setting(key, label, Content::Sealed(is_set))
}

/// One group a section of the configuration: the public settings, and then those that only operators see.
fn own(config: &Config) -> Vec<Group> {
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

/// The settings of a section that `GET /config` leaves out.
fn guarded(section: &str, config: &Config) -> Vec<Setting> {
    let (keycloak, notifier, secrets) = (&config.keycloak, &config.notifier, &config.secrets);
    let otlp_endpoint = &config.telemetry.otlp_endpoint;
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
        "telemetry" => vec![url("telemetry.otlp_endpoint", "Otlp endpoint", otlp_endpoint)],
        "ui" => vec![plain("ui.dir", "Dir", config.ui.dir.display().to_string())],
        "secrets" => vec![
            sealed("secrets.master_key", "Master key", !secrets.master_key.expose_secret().is_empty()),
            plain("secrets.master_key_file", "Master key file", secrets.master_key_file.clone()),
            sealed(
                "secrets.previous_master_keys",
                "Previous master keys",
                !secrets.previous_master_keys.is_empty(),
            ),
            plain(
                "secrets.previous_master_key_files",
                "Previous master key files",
                secrets.previous_master_key_files.clone(),
            ),
        ],
        _ => Vec::new(),
    }
}

/// `max_attempts` is shown as `Max attempts`.
fn label(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn credentials_group(config: &Config) -> Group {
    let settings =
        config.credentials.iter().flat_map(|(name, credential)| credential_settings(name, credential));
    group("credentials", "Credentials", settings.collect())
}

fn credential_settings(name: &str, credential: &NamedCredential) -> Vec<Setting> {
    let of = |word: &str, content: Content| {
        setting(&format!("credentials.{name}.{word}"), &format!("{name}: {}", label(word)), content)
    };
    let plain = |word: &str, value: &str| of(word, Content::Plain(json!(value)));
    let secret = |word: &str, value: &SecretString| of(word, Content::Secret(value.clone()));
    let mut settings = vec![plain("type", credential.kind())];
    match credential {
        NamedCredential::None {} => {}
        NamedCredential::ApiKey { header, key } => {
            settings.extend([plain("header", header), secret("key", key)]);
        }
        NamedCredential::Bearer { token } => settings.push(secret("token", token)),
        NamedCredential::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
            settings.extend([
                of("token_url", Content::Url(token_url.clone())),
                plain("client_id", client_id),
                secret("client_secret", client_secret),
                plain("scope", scope),
            ]);
        }
    }
    settings
}

fn webhook_group(webhook: &RegistrationWebhook) -> Group {
    let fields = vec![
        url("registration_webhook_url", "Webhook URL", &webhook.url),
        plain("registration_webhook_auth_header", "Auth Header Name", webhook.auth_header.clone()),
        secret("registration_webhook_auth_token", "Auth Token", &webhook.auth_token),
        plain("registration_webhook_timeout_seconds", "Timeout (s)", webhook.timeout_seconds),
        plain("registration_webhook_requests", "Tell Of Requests", webhook.requests),
    ];
    group("registration-webhook", "Registration Webhook (Notifications)", fields)
}

fn gate_group(gate: &Gate) -> Group {
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
