//! Reads the three layers and merges them. A fault names its key and the file or variable that it came from.

use super::{Config, DEFAULTS};
use figment::providers::{Format, Yaml};
use figment::util::nest;
use figment::value::{Dict, Map, Value};
use figment::{Error, Figment, Metadata, Profile, Provider};
use std::path::Path;

const PREFIX: &str = "AWE__";
/// Prefixes of variables that set a whole section under another name: deployments that share a policy gate with a
/// registry set the registry's variables.
const ALIASES: [(&str, &str); 2] =
    [("REGISTRATION_GATE_", "gate"), ("REGISTRATION_WEBHOOK_", "registration_webhook")];
/// The top-level key of configuration files.
const ROOT: &str = "awe";
const CREDENTIALS: &str = "awe.credentials.";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file does not exist or cannot be read.
    #[error("configuration file {0} cannot be read")]
    File(String),
    /// Every key that is unknown or has a bad value, one a line.
    #[error("configuration: {}", .0.join("\n               "))]
    Refused(Vec<String>),
}

/// Reads the configuration of this process.
///
/// # Errors
/// The file, or every key that is unknown or has a bad value.
pub fn load(file: Option<&Path>) -> Result<Config, LoadError> {
    load_from(
        file,
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
    )
}

/// Reads the configuration with the given environment.
///
/// # Errors
/// The file, or every key that is unknown or has a bad value.
pub fn load_from(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, LoadError> {
    let defaults = Figment::from(Yaml::string(DEFAULTS));
    let mut figment = defaults.clone();
    if let Some(file) = file {
        if !file.is_file() {
            return Err(LoadError::File(file.display().to_string()));
        }
        figment = figment.merge(Yaml::file_exact(file));
    }
    let mut variables: Vec<_> =
        environment.into_iter().filter_map(|(name, value)| Some((key_of(&name)?, name, value))).collect();
    // The last one counts, so a variable with our own prefix overrides its alias.
    variables.sort_by_key(|(_, name, _)| name.starts_with(PREFIX));
    for (key, name, value) in variables {
        // Values of credentials have no default that would say that they are text.
        let text = key.starts_with(CREDENTIALS) || matches!(defaults.find_value(&key), Ok(Value::String(..)));
        figment = figment.merge(Variable { name, key, value, text });
    }
    only_root(&figment)?;
    let config: Config = figment.focus(ROOT).extract().map_err(|errors| {
        let mut told: Vec<String> = errors.into_iter().map(|error| describe(&error)).collect();
        told.dedup();
        LoadError::Refused(told)
    })?;
    config.check().map_err(LoadError::Refused)?;
    Ok(config)
}

/// The setting that an environment variable of this name sets.
fn key_of(name: &str) -> Option<String> {
    let lower = |key: &str| format!("{ROOT}.{}", key.to_lowercase().replace("__", "."));
    let aliased = |(prefix, section): &(&str, &str)| {
        name.strip_prefix(prefix).map(|key| format!("{ROOT}.{section}.{}", key.to_lowercase()))
    };
    name.strip_prefix(PREFIX).map(lower).or_else(|| ALIASES.iter().find_map(aliased))
}

/// Refuses a top-level key other than `awe:`, which would silently do nothing.
fn only_root(figment: &Figment) -> Result<(), LoadError> {
    let all: Dict = figment.extract().map_err(|e| LoadError::Refused(vec![e.to_string()]))?;
    match all.keys().find(|key| *key != ROOT) {
        Some(key) => {
            Err(LoadError::Refused(vec![format!("unknown key `{key}`: every key lies under `{ROOT}:`")]))
        }
        None => Ok(()),
    }
}

/// One environment variable. `text`: the value is kept as text even when it looks like a number.
struct Variable {
    name: String,
    key: String,
    value: String,
    text: bool,
}

impl Provider for Variable {
    fn metadata(&self) -> Metadata {
        Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<Map<Profile, Dict>, Error> {
        let value = if self.text {
            Value::from(self.value.clone())
        } else {
            // Parsing never fails: what is nothing else becomes a string.
            self.value.parse().unwrap_or_else(|_| Value::from(self.value.clone()))
        };
        let nested = nest(&self.key, value).into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(nested))
    }
}

/// One line: the key, where it was set, and what is wrong. The value of a secret is not repeated.
fn describe(error: &Error) -> String {
    use figment::error::Kind;
    let mut path = error.path.clone();
    if path.first().is_some_and(|first| first == ROOT) {
        path.remove(0);
    }
    let what = match &error.kind {
        Kind::UnknownField(field, expected) => {
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            format!("unknown key; known here: {}", expected.join(", "))
        }
        Kind::MissingField(field) => {
            path.push(field.to_string());
            "is missing".to_owned()
        }
        _ if is_secret(&path) => "bad value".to_owned(),
        kind => kind.to_string(),
    };
    let key = path.join(".");
    match error.metadata.as_ref() {
        Some(metadata) if metadata.name.starts_with("environment") => {
            format!("{key} ({}): {what}", metadata.name)
        }
        Some(metadata) => match &metadata.source {
            Some(source) => format!("{key} ({source}): {what}"),
            None => format!("{key}: {what}"),
        },
        None => format!("{key}: {what}"),
    }
}

/// Whether a message about this key must not repeat its value.
fn is_secret(path: &[String]) -> bool {
    path.iter().any(|part| {
        ["secret", "key", "url", "password", "credential", "token"].iter().any(|word| part.contains(word))
    })
}
