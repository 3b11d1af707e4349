//! Settings: the defaults of `config/default.yaml`, over them the environment.

mod load;

pub use load::{LoadError, load, load_from};

use crate::handoff::SHORTEST_KEY;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use std::net::IpAddr;
use url::Url;

/// The defaults, which name and explain every setting.
pub const DEFAULTS: &str = include_str!("../config/default.yaml");
/// Secrets that anybody can read in the defaults.
const PUBLIC_SECRET: &str = "change-me-in-production";
const PUBLIC_KEY: &str = "dev-only-handoff-signing-key-change-me";
/// What is shown in the place of a secret.
pub const MASK: &str = "***";

macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Deserialize, Serialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type),+ }
    };
}

section!(
    /// All settings; `config/default.yaml` explains each.
    Config {
        database: Database,
        public: Listener,
        internal: Listener,
        server: Server,
        resources: Resources,
        backchannel: Backchannel,
        handoff: Handoff,
        auth: Auth,
        awe: Awe,
        nats: Nats,
        telemetry: telemetry::Settings,
    }
);
section!(Database {
    #[serde(serialize_with = "without_password")]
    url: SecretString,
    max_connections: u32,
    acquire_timeout_seconds: u64,
});
section!(Listener { host: IpAddr, port: u16 });
section!(
    #[derive(Copy)]
    Server {
        max_connections: usize,
        idle_timeout_seconds: u64,
        body_timeout_seconds: u64,
        request_timeout_seconds: u64,
        unready_seconds: u64,
    }
);
section!(Resources { base_uri: String });
section!(Backchannel {
    client_id: String,
    #[serde(serialize_with = "masked")]
    client_secret: SecretString,
    rate_per_second: u32,
    burst: u32,
});
section!(Handoff {
    #[serde(serialize_with = "masked")]
    signing_key: SecretString,
    return_lifetime_seconds: u32,
    longest_lifetime_seconds: u32,
    reap_interval_seconds: u64,
});
section!(Auth {
    issuer: String,
    allow_unsigned_on_network: bool,
    audience: String,
    client_id: String,
    #[serde(serialize_with = "masked")]
    client_secret: SecretString,
});
section!(Awe {
    url: String,
    #[serde(serialize_with = "masked")]
    token: SecretString,
    token_url: String,
    client_id: String,
    #[serde(serialize_with = "masked")]
    client_secret: SecretString,
    timeout_seconds: u64,
    approval_expiry_hours: u32,
    reconcile_interval_seconds: u64,
});
section!(Nats {
    #[serde(serialize_with = "without_password")]
    url: SecretString,
    awe_prefix: String,
    durable: String,
    prefix: String,
});

fn masked<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(if secret.expose_secret().is_empty() { "" } else { MASK })
}

/// An address whose password, and whose query, which may hold one, are masked.
fn without_password<S: Serializer>(url: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    let text = url.expose_secret();
    let Ok(mut parsed) = Url::parse(text) else {
        return serializer.serialize_str(if text.is_empty() { "" } else { MASK });
    };
    if parsed.password().is_some() {
        // A URL that has a password can have another one.
        let _ = parsed.set_password(Some(MASK));
    }
    if parsed.query().is_some() {
        parsed.set_query(Some(MASK));
    }
    serializer.serialize_str(parsed.as_str())
}

impl Config {
    /// Development mode: tokens need no signature, and secrets that anybody knows are taken.
    #[must_use]
    pub const fn is_development(&self) -> bool {
        self.auth.issuer.is_empty()
    }

    /// What URIs of resources begin with, without a slash at its end. `port`: of the public listener, as it was bound.
    #[must_use]
    pub fn base_uri(&self, port: u16) -> String {
        match self.resources.base_uri.trim_end_matches('/') {
            "" => format!("http://{}:{port}/espi/1_1/resource", bracketed(self.public.host)),
            configured => configured.to_owned(),
        }
    }

    /// Every value that makes no sense, one line each.
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut unless = |good: bool, line: &str| {
            if !good {
                faults.push(line.to_owned());
            }
        };
        let url = |text: &str, schemes: &[&str]| {
            Url::parse(text).is_ok_and(|url| schemes.contains(&url.scheme()) && url.has_host())
        };
        let web = |text: &str| text.is_empty() || url(text, &["http", "https"]);
        let key = self.handoff.signing_key.expose_secret();
        let secret = self.backchannel.client_secret.expose_secret();
        unless(
            url(self.database.url.expose_secret(), &["postgres", "postgresql"]),
            "database.url: must be a URL beginning with postgres://",
        );
        unless(
            (2..=500).contains(&self.database.max_connections),
            "database.max_connections: must be 2 to 500",
        );
        unless(
            (1..=60).contains(&self.database.acquire_timeout_seconds),
            "database.acquire_timeout_seconds: must be 1 to 60",
        );
        unless(
            (1..=100_000).contains(&self.server.max_connections),
            "server.max_connections: must be 1 to 100000",
        );
        for (name, value) in [
            ("server.idle_timeout_seconds", self.server.idle_timeout_seconds),
            ("server.body_timeout_seconds", self.server.body_timeout_seconds),
            ("server.request_timeout_seconds", self.server.request_timeout_seconds),
            ("handoff.reap_interval_seconds", self.handoff.reap_interval_seconds),
            ("handoff.return_lifetime_seconds", self.handoff.return_lifetime_seconds.into()),
            ("handoff.longest_lifetime_seconds", self.handoff.longest_lifetime_seconds.into()),
            ("awe.timeout_seconds", self.awe.timeout_seconds),
            ("awe.reconcile_interval_seconds", self.awe.reconcile_interval_seconds),
        ] {
            unless((1..=3600).contains(&value), &format!("{name}: must be 1 to 3600, not {value}"));
        }
        unless(
            (1..=8760).contains(&self.awe.approval_expiry_hours),
            "awe.approval_expiry_hours: must be 1 to 8760",
        );
        unless(self.server.unready_seconds <= 120, "server.unready_seconds: must be 0 to 120");
        unless(self.backchannel.rate_per_second > 0, "backchannel.rate_per_second: must be at least 1");
        unless(self.backchannel.burst > 0, "backchannel.burst: must be at least 1");
        unless(!self.backchannel.client_id.trim().is_empty(), "backchannel.client_id: must not be empty");
        unless(!self.backchannel.client_id.contains(':'), "backchannel.client_id: cannot have a colon");
        unless(!secret.is_empty(), "backchannel.client_secret: must not be empty");
        unless(
            key.chars().count() >= SHORTEST_KEY,
            &format!("handoff.signing_key: must have at least {SHORTEST_KEY} characters"),
        );
        for (name, value) in [
            ("resources.base_uri", &self.resources.base_uri),
            ("auth.issuer", &self.auth.issuer),
            ("awe.url", &self.awe.url),
            ("awe.token_url", &self.awe.token_url),
        ] {
            unless(web(value), &format!("{name}: must be a URL beginning with http:// or https://"));
        }
        let word = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        };
        for (name, value) in [("nats.durable", &self.nats.durable), ("nats.prefix", &self.nats.prefix)] {
            unless(word(value), &format!("{name}: must be letters, digits, - and _"));
        }
        for (key, why) in self.telemetry.faults(!self.is_development() || self.auth.allow_unsigned_on_network)
        {
            unless(false, &format!("{key}: {why}"));
        }
        if self.is_development() {
            for (name, listener) in [("public.host", &self.public), ("internal.host", &self.internal)] {
                let line = "must be a loopback address in development mode (set auth.issuer to leave it, or \
                            auth.allow_unsigned_on_network)";
                let is_allowed = self.auth.allow_unsigned_on_network || listener.host.is_loopback();
                unless(is_allowed, &format!("{name}: {line}"));
            }
        } else {
            let known =
                "anybody knows the default: set another one, or leave auth.issuer empty for development";
            unless(secret != PUBLIC_SECRET, &format!("backchannel.client_secret: {known}"));
            unless(key != PUBLIC_KEY, &format!("handoff.signing_key: {known}"));
        }
        faults
    }
}

/// The address as it stands in a URL.
fn bracketed(host: IpAddr) -> String {
    match host {
        IpAddr::V4(host) => host.to_string(),
        IpAddr::V6(host) => format!("[{host}]"),
    }
}

#[cfg(test)]
mod tests;
