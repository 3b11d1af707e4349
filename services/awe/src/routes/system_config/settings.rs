//! Every setting with its label, in groups: what is public anyway, and then what only operators may see.

use crate::config::{Config, Gate, NamedCredential, RegistrationWebhook};
use outbound::shown_url;
use schemas::api::{SystemConfigField, SystemConfigGroup};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

const NOT_SET: &str = "(not set)";
/// The same for every secret: neither its length nor its beginning is anybody's business.
pub(super) const MASK: &str = "********";
/// Parts of names that mask a setting, whoever forgot to say that it is a secret.
const SUSPICIOUS: [&str; 6] = ["_password", "_secret", "_api_key", "_token", "_key", "_credential"];
/// Names that only look like secrets.
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
    /// As operators know it: `webhook.max_attempts`, `registration_gate_url`.
    pub(super) key: String,
    label: String,
    pub(super) held: Held,
}

/// What a setting is set to.
pub(super) enum Held {
    /// For every operator to see.
    Plain(Value),
    /// The same, without user, password and query.
    Url(String),
    /// Shown to nobody, and exported only to whom confirms it.
    Secret(SecretString),
    /// Leaves the process in no way; whether it is set.
    Sealed(bool),
}

impl Held {
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
    /// As the page shows it, at this position.
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
        let is_masked = matches!(self.held, Held::Secret(_) | Held::Sealed(_));
        let raw_value = match self.held {
            ref held if held.is_empty() => Value::Null,
            Held::Plain(value) => value,
            Held::Url(url) => json!(shown_url(&url)),
            Held::Secret(_) | Held::Sealed(_) => json!(MASK),
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

/// All of them, in order.
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

fn setting(key: &str, label: &str, held: Held) -> Setting {
    // Only the last word is ours: the name of a credential is the operator's.
    let name = key.rsplit('.').next().unwrap_or(key);
    let suspicious = SUSPICIOUS.iter().any(|part| name.contains(part)) && !HARMLESS.contains(&name);
    let held = match held {
        Held::Plain(_) | Held::Url(_) if suspicious => Held::Sealed(!held.is_empty()),
        held => held,
    };
    Setting { key: key.to_owned(), label: label.to_owned(), held }
}

fn plain(key: &str, label: &str, value: impl Into<Value>) -> Setting {
    setting(key, label, Held::Plain(value.into()))
}

fn url(key: &str, label: &str, value: &str) -> Setting {
    setting(key, label, Held::Url(value.to_owned()))
}

fn secret(key: &str, label: &str, value: &SecretString) -> Setting {
    setting(key, label, Held::Secret(value.clone()))
}

/// What opens everything at rest is exported to nobody.
fn sealed(key: &str, label: &str, is_set: bool) -> Setting {
    setting(key, label, Held::Sealed(is_set))
}

/// One group a section of the configuration: what is public anyway, and then what only operators may see.
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

/// What `GET /config` leaves out of a section.
fn guarded(section: &str, config: &Config) -> Vec<Setting> {
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
    let of = |word: &str, held: Held| {
        setting(&format!("credentials.{name}.{word}"), &format!("{name}: {}", label(word)), held)
    };
    let plain = |word: &str, value: &str| of(word, Held::Plain(json!(value)));
    let secret = |word: &str, value: &SecretString| of(word, Held::Secret(value.clone()));
    let mut settings = vec![plain("type", credential.kind())];
    match credential {
        NamedCredential::None {} => {}
        NamedCredential::ApiKey { header, key } => {
            settings.extend([plain("header", header), secret("key", key)]);
        }
        NamedCredential::Bearer { token } => settings.push(secret("token", token)),
        NamedCredential::Oauth2ClientCredentials { token_url, client_id, client_secret, scope } => {
            settings.extend([
                of("token_url", Held::Url(token_url.clone())),
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
