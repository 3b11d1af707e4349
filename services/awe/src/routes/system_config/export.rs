//! The settings as a file: for a shell, for Terraform, or as `awe serve --config` reads it.

use super::settings::{Group, Held, MASK, Setting};
use outbound::shown_url;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// `AWE__SECTION__KEY=value`, as a shell reads it.
    Env,
    /// A configuration file in JSON.
    Json,
    /// Terraform variables.
    Tfvars,
    /// A configuration file in YAML.
    Yaml,
}

impl Format {
    /// Words for them.
    pub(super) const WORDS: [&str; 4] = ["env", "json", "tfvars", "yaml"];

    pub(super) fn parse(word: &str) -> Option<Self> {
        match word {
            "env" => Some(Self::Env),
            "json" => Some(Self::Json),
            "tfvars" => Some(Self::Tfvars),
            "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }

    pub(super) const fn content_type(self) -> &'static str {
        match self {
            Self::Env | Self::Tfvars => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }

    /// Name of the file for whoever saves it.
    pub(super) const fn disposition(self) -> &'static str {
        match self {
            Self::Env => "attachment; filename=\"awe.env\"",
            Self::Json => "attachment; filename=\"awe.json\"",
            Self::Tfvars => "attachment; filename=\"awe.tfvars\"",
            Self::Yaml => "attachment; filename=\"awe.yaml\"",
        }
    }

    /// The file. Without `sensitive`, secrets are masked and URLs come without user, password and query.
    pub(super) fn write(self, groups: &[Group], sensitive: bool) -> String {
        let settings = groups.iter().flat_map(|group| &group.settings);
        let valued = settings.map(|setting| (setting, value(&setting.held, sensitive)));
        match self {
            Self::Env => valued.map(|(setting, value)| env_line(setting, &value)).collect(),
            Self::Tfvars => valued.map(|(setting, value)| tfvars_line(setting, &value)).collect(),
            Self::Json => format!("{:#}\n", nested(valued)),
            Self::Yaml => yaml(&nested(valued), 0),
        }
    }
}

fn value(held: &Held, sensitive: bool) -> Value {
    match held {
        Held::Plain(value) => value.clone(),
        Held::Url(_) | Held::Secret(_) if held.is_empty() => json!(""),
        // What is not set is left out: the two that are sealed have different types.
        Held::Sealed(false) => Value::Null,
        Held::Url(url) if sensitive => json!(url),
        Held::Url(url) => json!(shown_url(url)),
        Held::Secret(secret) if sensitive => json!(secret.expose_secret()),
        Held::Secret(_) | Held::Sealed(true) => json!(MASK),
    }
}

/// Where the setting is in the configuration, from the top.
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

fn env_line(setting: &Setting, value: &Value) -> String {
    let name = format!("AWE__{}", path(&setting.key).join("__").to_ascii_uppercase());
    match value {
        // There is no way to say null in a variable: the default is said by saying nothing.
        Value::Null => format!("# {name}=\n"),
        Value::String(text) => format!("{name}={}\n", shell(text)),
        other => format!("{name}={}\n", shell(&other.to_string())),
    }
}

/// As it is, or between quotes in which a shell changes nothing.
fn shell(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%+=:,./_-".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn tfvars_line(setting: &Setting, value: &Value) -> String {
    let name = path(&setting.key).join("_");
    // JSON's strings are HCL's but for the two signs that begin a template.
    let text = value.to_string().replace("${", "$${").replace("%{", "%%{");
    format!("{name} = {text}\n")
}

/// As a configuration file is laid out; what is null is left to its default.
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

/// Mappings in block style, all else as JSON, which YAML 1.2 is a superset of.
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

/// The name of a credential may look like a number, a truth value or nothing.
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
