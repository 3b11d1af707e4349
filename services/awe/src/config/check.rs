//! Values that have the right type and still make no sense.

mod gate;

use super::Config;
use secrecy::ExposeSecret;
use url::Url;

/// Collects faults, each beginning with its key.
#[derive(Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    pub(super) fn unless(&mut self, good: bool, key: &str, message: &str) {
        if !good {
            self.0.push(format!("{key}: {message}"));
        }
    }

    pub(super) fn between(&mut self, key: &str, value: u64, low: u64, high: u64) {
        self.unless((low..=high).contains(&value), key, &format!("must be {low} to {high}, not {value}"));
    }

    pub(super) fn url(&mut self, key: &str, value: &str, schemes: &[&str]) {
        let good = Url::parse(value).is_ok_and(|url| schemes.contains(&url.scheme()) && url.has_host());
        self.unless(good, key, &format!("must be a URL beginning with {}", schemes.join(":// or ") + "://"));
    }

    fn optional_url(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.url(key, value, &["http", "https"]);
        }
    }
}

const DAY: u64 = 86_400;

impl Config {
    /// Every value that makes no sense.
    pub(super) fn check(&self) -> Result<(), Vec<String>> {
        let mut faults = Faults::default();
        self.check_names(&mut faults);
        self.check_server(&mut faults);
        self.check_stores(&mut faults);
        self.check_auth(&mut faults);
        self.check_work(&mut faults);
        self.check_webhook(&mut faults);
        self.check_gate(&mut faults);
        self.notifier.check(self, &mut faults);
        super::credentials::check(&self.credentials, &mut faults);
        for error in [self.master_key().err(), self.previous_master_keys().err()].into_iter().flatten() {
            faults.0.push(error.to_string());
        }
        if faults.0.is_empty() { Ok(()) } else { Err(faults.0) }
    }

    fn check_names(&self, faults: &mut Faults) {
        for (key, value) in
            [("service_id", &self.service_id), ("api_version", &self.api_version), ("module", &self.module)]
        {
            faults.unless(!value.trim().is_empty(), key, "must not be empty");
        }
    }

    fn check_server(&self, faults: &mut Faults) {
        let server = &self.server;
        faults.between("server.max_body_bytes", server.max_body_bytes as u64, 1024, 1 << 30);
        let in_flight = server.max_in_flight as u64;
        faults.between("server.max_in_flight", in_flight, 1, 1_000_000);
        let per_caller = server.max_in_flight_per_caller as u64;
        faults.between("server.max_in_flight_per_caller", per_caller, 1, 1_000_000);
        faults.between("server.max_lists_per_caller", server.max_lists_per_caller as u64, 1, 1000);
        faults.between("server.max_connections", server.max_connections as u64, 1, 1_000_000);
        faults.between("server.idle_timeout_seconds", server.idle_timeout_seconds, 1, 3600);
        faults.between("server.body_timeout_seconds", server.body_timeout_seconds, 1, 3600);
        faults.between("server.request_timeout_seconds", server.request_timeout_seconds, 1, 3600);
        faults.between("server.shutdown_seconds", server.shutdown_seconds, 0, 3600);
        let exposed = self.is_development() && !server.host.is_loopback();
        faults.unless(
            !exposed || self.auth.allow_unsigned_on_network,
            "server.host",
            "is reachable from the network, while keycloak.issuer is empty (development mode: unsigned tokens are \
             accepted). Set keycloak.issuer, or listen on 127.0.0.1, or set auth.allow_unsigned_on_network",
        );
    }

    fn check_stores(&self, faults: &mut Faults) {
        let database = &self.database;
        faults.url("database.url", database.url.expose_secret(), &["postgres", "postgresql"]);
        faults.between("database.max_connections", u64::from(database.max_connections), 2, 1000);
        faults.between("database.acquire_timeout_seconds", database.acquire_timeout_seconds, 1, 300);
        faults.between("database.commit_writers", database.commit_writers as u64, 1, 64);
        faults.between("database.commit_batch", database.commit_batch as u64, 1, 1000);
        for url in self.nats.url.expose_secret().split(',') {
            faults.url("nats.url", url.trim(), &["nats", "tls", "ws", "wss"]);
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let prefix = &self.nats.prefix;
        faults.unless(
            !prefix.is_empty() && prefix.chars().all(word),
            "nats.prefix",
            "must be letters, digits, - or _",
        );
        self.check_streams(faults);
    }

    fn check_streams(&self, faults: &mut Faults) {
        let nats = &self.nats;
        faults.unless(matches!(nats.replicas, 1 | 3 | 5), "nats.replicas", "must be 1, 3 or 5");
        faults.between("nats.events_retention_hours", nats.events_retention_hours, 1, 10 * 365 * 24);
        faults.unless(
            nats.events_max_bytes == 0 || nats.events_max_bytes >= 1 << 20,
            "nats.events_max_bytes",
            "must be 0 (no bound) or at least 1048576",
        );
        faults.between("nats.duplicate_window_seconds", nats.duplicate_window_seconds, 1, 3600);
        faults.between("nats.reconcile_interval_seconds", nats.reconcile_interval_seconds, 1, DAY);
    }

    fn check_auth(&self, faults: &mut Faults) {
        faults.between("auth.leeway_seconds", self.auth.leeway_seconds, 0, 300);
        faults.between("auth.jwks_max_age_seconds", self.auth.jwks_max_age_seconds, 10, DAY);
        faults.between("auth.jwks_stale_seconds", self.auth.jwks_stale_seconds, 0, DAY);
        let keycloak = &self.keycloak;
        for (key, url) in [
            ("keycloak.base_url", &keycloak.base_url),
            ("keycloak.issuer", &keycloak.issuer),
            ("keycloak.jwks_url", &keycloak.jwks_url),
        ] {
            faults.optional_url(key, url);
        }
        let orphan = self.is_development()
            && (!keycloak.additional_issuers.is_empty()
                || !keycloak.jwks_url.is_empty()
                || !keycloak.audience.is_empty());
        faults.unless(
            !orphan,
            "keycloak.issuer",
            "is empty while additional_issuers, jwks_url or audience is set: name the issuer",
        );
        faults.unless(
            keycloak.additional_issuers.iter().all(|issuer| !issuer.is_empty()),
            "keycloak.additional_issuers",
            "must not hold an empty issuer",
        );
        faults.unless(
            keycloak.base_url.is_empty() || !keycloak.realm.is_empty(),
            "keycloak.realm",
            "must not be empty when keycloak.base_url is set",
        );
        faults.unless(
            keycloak.directory_file.is_empty() || (self.is_development() && keycloak.base_url.is_empty()),
            "keycloak.directory_file",
            "is for development mode: it must be empty when keycloak.issuer or keycloak.base_url is set",
        );
        let secret = !keycloak.admin_client_secret.expose_secret().is_empty();
        faults.unless(
            keycloak.base_url.is_empty() || (secret && !keycloak.admin_client_id.is_empty()),
            "keycloak.admin_client_secret",
            "and keycloak.admin_client_id are needed when keycloak.base_url is set",
        );
    }

    fn check_work(&self, faults: &mut Faults) {
        let requests = &self.requests;
        faults.between("requests.max_live", requests.max_live as u64, 1, 10_000_000);
        faults.between("requests.idle_seconds", requests.idle_seconds, 1, DAY);
        faults.between("requests.max_in_flight", requests.max_in_flight as u64, 1, 1_000_000);
        faults.between("requests.command_timeout_seconds", requests.command_timeout_seconds, 1, 3600);
        let (bytes, values) = (requests.max_context_bytes as u64, requests.max_context_values as u64);
        faults.between("requests.max_context_bytes", bytes, 2, 16 << 20);
        faults.between("requests.max_context_values", values, 1, 1_000_000);
        faults.between("requests.max_context_depth", requests.max_context_depth as u64, 1, 100);
        let retention = &self.retention;
        faults.between("retention.check_interval_seconds", retention.check_interval_seconds, 1, DAY);
        faults.between("retention.attempts_days", u64::from(retention.attempts_days), 0, 36_500);
        faults.between("retention.requests_days", u64::from(retention.requests_days), 0, 36_500);
        faults.between("idempotency.retention_hours", u64::from(self.idempotency.retention_hours), 1, 8760);
        faults.between("resolver.http_timeout_seconds", self.resolver.http_timeout_seconds, 1, 300);
        faults.between("resolver.create_wait_seconds", self.resolver.create_wait_seconds, 0, 60);
        faults.unless(
            self.resolver.create_wait_seconds < self.server.request_timeout_seconds,
            "resolver.create_wait_seconds",
            "must be less than server.request_timeout_seconds",
        );
        faults.between("resolver.cache_seconds", self.resolver.cache_seconds, 0, 3600);
        faults.between("resolver.concurrency", self.resolver.concurrency as u64, 1, 1000);
        faults.between("sla.check_interval_seconds", self.sla.check_interval_seconds, 1, DAY);
    }

    fn check_webhook(&self, faults: &mut Faults) {
        let webhook = &self.webhook;
        faults.between("webhook.timeout_seconds", webhook.timeout_seconds, 1, 300);
        faults.between("webhook.max_attempts", u64::from(webhook.max_attempts), 1, 1000);
        faults.between("webhook.poll_interval_seconds", webhook.poll_interval_seconds, 1, DAY);
        faults.between("webhook.batch_size", webhook.batch_size as u64, 1, 10_000);
        faults.between("webhook.concurrency", webhook.concurrency as u64, 1, 10_000);
        let concurrency = webhook.endpoint_concurrency as u64;
        faults.between("webhook.endpoint_concurrency", concurrency, 1, webhook.concurrency as u64);
        faults.between(
            "webhook.endpoint_rate_per_second",
            u64::from(webhook.endpoint_rate_per_second),
            0,
            100_000,
        );
        let failures = u64::from(webhook.endpoint_open_after_failures);
        faults.between("webhook.endpoint_open_after_failures", failures, 1, 1_000_000);
        faults.between("webhook.endpoint_open_seconds", webhook.endpoint_open_seconds, 1, 3600);
        faults.unless(
            !webhook.backoff_seconds.is_empty(),
            "webhook.backoff_seconds",
            "must name at least one wait",
        );
        for &wait in &webhook.backoff_seconds {
            faults.between("webhook.backoff_seconds", wait, 1, 30 * DAY);
        }
    }
}
