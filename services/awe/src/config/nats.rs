//! NATS: how to reach it, and the shape of the streams.

use super::faults::{DAY, Faults};
use super::span::{hours, seconds};
use actors::RelayOptions;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

/// The section `nats`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// A secret, since it may hold a password.
    #[serde(skip_serializing)]
    pub url: SecretString,
    pub prefix: String,
    pub replicas: usize,
    pub events_retention_hours: u64,
    pub events_max_bytes: i64,
    pub duplicate_window_seconds: u64,
    pub reconcile_interval_seconds: u64,
}

impl Nats {
    pub(super) fn check(&self, faults: &mut Faults) {
        for url in self.url.expose_secret().split(',') {
            faults.url("nats.url", url.trim(), &["nats", "tls", "ws", "wss"]);
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        faults.unless(
            !self.prefix.is_empty() && self.prefix.chars().all(word),
            "nats.prefix",
            "must be letters, digits, - or _",
        );
        faults.unless(matches!(self.replicas, 1 | 3 | 5), "nats.replicas", "must be 1, 3 or 5");
        faults.between("nats.events_retention_hours", self.events_retention_hours, 1, 10 * 365 * 24);
        faults.unless(
            self.events_max_bytes == 0 || self.events_max_bytes >= 1 << 20,
            "nats.events_max_bytes",
            "must be 0 (no bound) or at least 1048576",
        );
        faults.between("nats.duplicate_window_seconds", self.duplicate_window_seconds, 1, 3600);
        faults.between("nats.reconcile_interval_seconds", self.reconcile_interval_seconds, 1, DAY);
    }

    pub(crate) fn options(&self) -> bus::Options {
        bus::Options {
            prefix: self.prefix.clone(),
            replicas: self.replicas,
            duplicate_window: seconds(self.duplicate_window_seconds),
            events_kept: hours(self.events_retention_hours),
            events_max_bytes: (self.events_max_bytes > 0).then_some(self.events_max_bytes),
            ..bus::Options::new(self.url.expose_secret())
        }
    }

    pub(crate) fn relay(&self) -> RelayOptions {
        RelayOptions { reconcile_every: seconds(self.reconcile_interval_seconds) }
    }
}
