//! The settings: `config/registry.yaml`, a file, the environment. See that file for what each means.

use anyhow::{Context as _, bail, ensure};
use figment::Figment;
use figment::providers::{Format as _, Serialized, Yaml};
use figment::value::Value;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

const DEFAULTS: &str = include_str!("../../../config/registry.yaml");
const PREFIX: &str = "REGISTRY__";

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub server: Server,
    pub database: Database,
    pub auth: Auth,
    pub awe: Awe,
    pub telemetry: telemetry::Settings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub host: IpAddr,
    pub port: u16,
    pub max_connections: usize,
    pub idle_timeout_seconds: u64,
    pub max_body_bytes: usize,
    pub max_in_flight: usize,
    pub body_timeout_seconds: u64,
    pub request_timeout_seconds: u64,
    pub shutdown_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    pub url: SecretString,
    pub max_connections: u32,
    pub acquire_timeout_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub issuer: String,
    pub allow_unsigned_on_network: bool,
    pub jwks_url: String,
    pub audience: String,
    pub role_client: String,
    pub leeway_seconds: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Awe {
    pub enabled: bool,
    pub base_url: String,
    pub default_callback_url: String,
    pub callback_secret_id: String,
    pub callback_hmac_secret: SecretString,
    pub policy_key_template: String,
    pub timeout_seconds: u64,
    pub service_client_id: String,
    pub service_client_secret: SecretString,
    pub reconcile_minutes: u64,
}

impl Settings {
    /// Reads the settings; an unknown key or a bad value is named.
    ///
    /// # Errors
    /// A file that cannot be read, an unknown key, a bad value, settings that do not go together.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let defaults = Figment::from(Yaml::string(DEFAULTS));
        let mut all = defaults.clone();
        if let Some(file) = file {
            ensure!(file.is_file(), "configuration file {} cannot be read", file.display());
            all = all.merge(Yaml::file_exact(file));
        }
        for (name, text) in environment {
            let Some(key) = name.strip_prefix(PREFIX) else { continue };
            let key = key.to_lowercase().replace("__", ".");
            // A secret of digits only is a text all the same.
            let is_text = matches!(defaults.find_value(&key), Ok(Value::String(..)));
            let value =
                if is_text { Value::from(text) } else { text.parse().unwrap_or_else(|never| match never {}) };
            all = all.merge(Serialized::default(&key, value));
        }
        let settings: Self = all.extract().context("configuration")?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> anyhow::Result<()> {
        let Self { server, database, auth, awe, telemetry } = self;
        ensure!(
            !self.is_development() || auth.allow_unsigned_on_network || server.host.is_loopback(),
            "auth.issuer is empty (development mode), so server.host must be a loopback address \
             (or auth.allow_unsigned_on_network true)"
        );
        let positive = [
            ("server.max_connections", server.max_connections as u64),
            ("server.idle_timeout_seconds", server.idle_timeout_seconds),
            ("server.max_body_bytes", server.max_body_bytes as u64),
            ("server.max_in_flight", server.max_in_flight as u64),
            ("server.body_timeout_seconds", server.body_timeout_seconds),
            ("server.request_timeout_seconds", server.request_timeout_seconds),
            ("database.acquire_timeout_seconds", database.acquire_timeout_seconds),
            ("awe.timeout_seconds", awe.timeout_seconds),
            ("awe.reconcile_minutes", awe.reconcile_minutes),
        ];
        for (key, value) in positive {
            ensure!((1..=1 << 24).contains(&value), "{key} must be between 1 and {}", 1 << 24);
        }
        ensure!((2..=1000).contains(&database.max_connections), "database.max_connections must be 2 to 1000");
        ensure!(auth.leeway_seconds <= 600, "auth.leeway_seconds must be at most 600");
        if let Some((key, why)) =
            telemetry.faults(!self.is_development() || auth.allow_unsigned_on_network).first()
        {
            bail!("{key} {why}");
        }
        if awe.enabled {
            let secret_ok = !self.callback_secrets().is_empty();
            ensure!(secret_ok, "awe.callback_hmac_secret is needed when awe.enabled is true");
            ensure!(
                !awe.callback_secret_id.is_empty(),
                "awe.callback_secret_id is needed when awe.enabled is true"
            );
            let account = self.is_development() || !awe.service_client_id.is_empty();
            ensure!(account, "awe.service_client_id is needed when awe.enabled is true");
        }
        Ok(())
    }

    /// Unsigned tokens are accepted.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.auth.issuer.is_empty()
    }

    #[must_use]
    pub fn callback_secrets(&self) -> Vec<String> {
        let all = self.awe.callback_hmac_secret.expose_secret().split(',').map(str::trim);
        all.filter(|secret| !secret.is_empty()).map(str::to_owned).collect()
    }

    #[must_use]
    pub const fn awe_timeout(&self) -> Duration {
        Duration::from_secs(self.awe.timeout_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(name: &str, value: &str) -> anyhow::Result<Settings> {
        Settings::load(None, [(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn the_environment_overrides_and_unknown_keys_are_named() {
        assert_eq!(load("REGISTRY__SERVER__PORT", "8123").unwrap().server.port, 8123);
        let digits = load("REGISTRY__AWE__CALLBACK_HMAC_SECRET", "123456").unwrap();
        assert_eq!(digits.callback_secrets(), ["123456"]);
        for (name, value, told) in [
            ("REGISTRY__SERVER__PROT", "1", "prot"),
            ("REGISTRY__SERVICE__PORT", "1", "service"),
            ("REGISTRY__SERVER__PORT", "many", "port"),
            ("REGISTRY__SERVER__HOST", "0.0.0.0", "loopback"),
            ("REGISTRY__AWE__ENABLED", "true", "callback_hmac_secret"),
            ("REGISTRY__AWE__TIMEOUT_SECONDS", "0", "awe.timeout_seconds"),
            ("REGISTRY__SERVER__MAX_CONNECTIONS", "0", "server.max_connections"),
            ("REGISTRY__TELEMETRY__SAMPLE_RATIO", "2", "telemetry.sample_ratio"),
            ("REGISTRY__TELEMETRY__METRICS_HOST", "0.0.0.0", "telemetry.metrics_host"),
        ] {
            let refused = format!("{:#}", load(name, value).unwrap_err());
            assert!(refused.contains(told), "{name}: {refused}");
        }
    }

    #[test]
    fn who_asks_for_it_gets_development_mode_on_the_network() {
        let host = ("REGISTRY__SERVER__HOST".to_owned(), "0.0.0.0".to_owned());
        let allowed = ("REGISTRY__AUTH__ALLOW_UNSIGNED_ON_NETWORK".to_owned(), "true".to_owned());
        assert!(Settings::load(None, [host, allowed]).unwrap().is_development());
    }

    #[test]
    fn several_secrets_are_separated_by_commas() {
        let both = load("REGISTRY__AWE__CALLBACK_HMAC_SECRET", "old, new,").unwrap();
        assert_eq!(both.callback_secrets(), ["old", "new"]);
    }
}
