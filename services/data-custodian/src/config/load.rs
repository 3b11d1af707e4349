//! Reads the defaults and the environment. A fault names its key, and repeats no value: it may be a secret.

use super::{Config, DEFAULTS};
use figment::providers::{Format, Serialized, Yaml};
use figment::util::nest;
use figment::value::Value;
use figment::{Figment, error::Kind};

const PREFIX: &str = "DATA_CUSTODIAN__";
/// Variables that set one key under another name, since authorization servers share them.
const NAMES: [(&str, &str); 4] = [
    ("BACKCHANNEL_CLIENT_ID", "backchannel.client_id"),
    ("BACKCHANNEL_CLIENT_SECRET", "backchannel.client_secret"),
    ("ESPI_HANDOFF_SIGNING_KEY", "handoff.signing_key"),
    ("DATA_CUSTODIAN_DATABASE_URL", "database.url"),
];

/// Every key that is unknown or has a bad value, one a line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration: {}", .0.join("\n               "))]
pub struct LoadError(pub Vec<String>);

/// Reads the configuration of this process.
///
/// # Errors
/// Every key that is unknown or has a bad value.
pub fn load() -> Result<Config, LoadError> {
    load_from(std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))))
}

/// Reads the configuration with the given environment. The long form of a variable counts more than its short name.
///
/// # Errors
/// Every key that is unknown or has a bad value.
pub fn load_from(environment: impl IntoIterator<Item = (String, String)>) -> Result<Config, LoadError> {
    let defaults = Figment::from(Yaml::string(DEFAULTS));
    let (mut short, mut long) = (Vec::new(), Vec::new());
    for (name, value) in environment {
        if let Some(key) = name.strip_prefix(PREFIX) {
            long.push((key.to_ascii_lowercase().replace("__", "."), value));
        } else if let Some((_, key)) = NAMES.iter().find(|(known, _)| *known == name) {
            short.push(((*key).to_owned(), value));
        }
    }
    let mut figment = defaults.clone();
    for (key, text) in short.into_iter().chain(long) {
        // What is a text by default stays one, even if it looks like a number.
        let value = match defaults.find_value(&key) {
            Ok(Value::String(..)) => Value::from(text),
            _ => text.parse().unwrap_or_else(|_| Value::from(text)),
        };
        if let Some(dict) = nest(&key, value).into_dict() {
            figment = figment.merge(Serialized::defaults(dict));
        }
    }
    let config: Config =
        figment.extract().map_err(|error| LoadError(error.into_iter().map(describe).collect()))?;
    let faults = config.faults();
    if faults.is_empty() { Ok(config) } else { Err(LoadError(faults)) }
}

fn describe(error: figment::Error) -> String {
    let mut path = error.path.clone();
    let what = match &error.kind {
        Kind::UnknownField(field, expected) => {
            if path.last() != Some(field) {
                path.push(field.clone());
            }
            format!("unknown; known here: {}", expected.join(", "))
        }
        Kind::MissingField(field) => {
            path.push(field.to_string());
            "is missing".to_owned()
        }
        _ => "has a bad value".to_owned(),
    };
    format!("{}: {what}", path.join("."))
}
