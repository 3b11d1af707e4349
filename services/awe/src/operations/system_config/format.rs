//! The settings as a file: for a shell, for Terraform, or as `awe serve --config` reads it.

use super::settings::{Content, Group, MASK, Setting};
use outbound::shown_url;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

/// The formats of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `AWE__SECTION__KEY=value`, as a shell reads it.
    Env,
    /// A configuration file in JSON.
    Json,
    /// Variables of the Terraform module in `deploy/terraform`.
    Tfvars,
    /// A configuration file in YAML.
    Yaml,
}

impl Format {
    pub(super) const ALL: [Self; 4] = [Self::Env, Self::Json, Self::Tfvars, Self::Yaml];

    /// The value of the query parameter `format`.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Env => "env",
            Self::Json => "json",
            Self::Tfvars => "tfvars",
            Self::Yaml => "yaml",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.word() == word)
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Env | Self::Tfvars => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }

    /// `Content-Disposition`, with the name that the file is saved under.
    pub(crate) const fn disposition(self) -> &'static str {
        match self {
            Self::Env => "attachment; filename=\"awe.env\"",
            Self::Json => "attachment; filename=\"awe.json\"",
            Self::Tfvars => "attachment; filename=\"awe.tfvars\"",
            Self::Yaml => "attachment; filename=\"awe.yaml\"",
        }
    }

    /// The text of the file. Without `sensitive`, secrets are masked and URLs come without user, password and query.
    pub(super) fn write(self, groups: &[Group], sensitive: bool) -> String {
        let settings = groups.iter().flat_map(|group| &group.settings);
        let valued = settings.map(|setting| (setting, value(&setting.content, sensitive)));
        match self {
            Self::Env => valued.map(|(setting, value)| env_line(setting, &value)).collect(),
            Self::Tfvars => tfvars(valued),
            Self::Json => format!("{:#}\n", nested(valued)),
            Self::Yaml => yaml(&nested(valued), 0),
        }
    }
}

fn value(content: &Content, sensitive: bool) -> Value {
    match content {
        Content::Plain(value) => value.clone(),
        Content::Url(_) | Content::Secret(_) if content.is_empty() => json!(""),
        // A sealed setting that is not set is left out, because its type (text or list) is not known here.
        Content::Sealed(false) => Value::Null,
        Content::Url(url) if sensitive => json!(url),
        Content::Url(url) => json!(shown_url(url)),
        Content::Secret(secret) if sensitive => json!(secret.expose_secret()),
        Content::Secret(_) | Content::Sealed(true) => json!(MASK),
    }
}

/// The keys that lead to the setting in the configuration.
fn path(key: &str) -> Vec<&str> {
    for (prefix, section) in
        [("registration_gate_", "gate"), ("registration_webhook_", "registration_webhook")]
    {
        if let Some(rest) = key.strip_prefix(prefix) {
            return vec![section, rest];
        }
    }
    key.split('.').collect()
}

/// The environment variable that sets it.
fn variable(setting: &Setting) -> String {
    format!("AWE__{}", path(&setting.key).join("__").to_ascii_uppercase())
}

fn env_line(setting: &Setting, value: &Value) -> String {
    let name = variable(setting);
    match value {
        // A variable cannot hold null. A variable that is absent leaves the default, so this one is commented out.
        Value::Null => format!("# {name}=\n"),
        Value::String(text) => format!("{name}={}\n", shell(text)),
        other => format!("{name}={}\n", shell(&other.to_string())),
    }
}

/// The text as a shell reads it back unchanged: quoted where needed.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The variable `settings` of the module. Secrets are referred to there and not written, so each is named in a comment,
/// with its value where that was asked for.
fn tfvars<'a>(valued: impl Iterator<Item = (&'a Setting, Value)>) -> String {
    let (mut settings, mut secrets) = (String::new(), String::new());
    for (setting, value) in valued.filter(|(_, value)| !value.is_null()) {
        let name = variable(setting);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        // JSON's strings are HCL's but for the two signs that begin a template.
        let text = json!(text).to_string().replace("${", "$${").replace("%{", "%%{");
        match setting.content {
            Content::Secret(_) | Content::Sealed(_) if setting.content.is_empty() => {}
            Content::Secret(_) | Content::Sealed(_) => secrets += &format!("#   {name} = {text}\n"),
            Content::Plain(_) | Content::Url(_) => settings += &format!("  {name} = {text}\n"),
        }
    }
    format!(
        "settings = {{\n{settings}}}\n# By the ARN of what holds them, in `secrets` or in a variable of their own:\n{secrets}"
    )
}

/// The settings nested as in a configuration file. What is null is left out, so that its default holds.
fn nested<'a>(valued: impl Iterator<Item = (&'a Setting, Value)>) -> Value {
    let mut root = Map::new();
    for (setting, value) in valued.filter(|(_, value)| !value.is_null()) {
        let mut place = root.entry("awe").or_insert_with(|| json!({}));
        for step in path(&setting.key) {
            place = &mut place[step];
        }
        *place = value;
    }
    Value::Object(root)
}

/// Writes mappings in block style and everything else as JSON, which is valid YAML 1.2.
fn yaml(value: &Value, depth: usize) -> String {
    let Value::Object(map) = value else { return String::new() };
    let indent = "  ".repeat(depth);
    map.iter()
        .map(|(key, value)| match value {
            Value::Object(_) => format!("{indent}{}:\n{}", yaml_key(key), yaml(value, depth + 1)),
            other => format!("{indent}{}: {other}\n", yaml_key(key)),
        })
        .collect()
}

/// Quotes a key that YAML would read as a number, a truth value or null: operators name credentials as they like.
fn yaml_key(key: &str) -> String {
    const MISREAD: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = key.starts_with(|c: char| c.is_ascii_lowercase()) && !MISREAD.contains(&key);
    if is_word { key.to_owned() } else { json!(key).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_changes_nothing_in_a_value() {
        assert_eq!(shell("https://a.example/x?y=1"), "'https://a.example/x?y=1'");
        assert_eq!(shell("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(shell("[60,300]"), "'[60,300]'");
        assert_eq!(shell("10.0.0.1:80"), "10.0.0.1:80");
    }

    #[test]
    fn settings_lie_where_the_configuration_has_them() {
        assert_eq!(path("registration_gate_oauth2_token_url"), ["gate", "oauth2_token_url"]);
        assert_eq!(path("registration_webhook_url"), ["registration_webhook", "url"]);
        assert_eq!(path("credentials.hr.token"), ["credentials", "hr", "token"]);
        assert_eq!(path("service_id"), ["service_id"]);
    }

    #[test]
    fn a_key_that_yaml_would_misread_is_quoted() {
        for key in ["1", "true", "no", "null", "-"] {
            assert_eq!(yaml_key(key), format!("\"{key}\""));
        }
        let nested = json!({"awe": {"webhook": {"backoff_seconds": [1, 2], "url": "a \"b\""}}});
        let expected = "awe:\n  webhook:\n    backoff_seconds: [1,2]\n    url: \"a \\\"b\\\"\"\n";
        assert_eq!(yaml(&nested, 0), expected);
    }
}
