//! Values that have the right type and still make no sense. Each section checks itself; this file calls them in the
//! order of `config/default.yaml`, and hands a section what it needs to know of another.

use super::Config;
use super::credentials;
use super::faults::Faults;

impl Config {
    /// # Errors
    /// Every value that makes no sense, one line each.
    pub(super) fn check(&self) -> Result<(), Vec<String>> {
        let mut faults = Faults::default();
        for (key, value) in
            [("service_id", &self.service_id), ("api_version", &self.api_version), ("module", &self.module)]
        {
            faults.unless(!value.trim().is_empty(), key, "must not be empty");
        }
        let is_development = self.is_development();
        self.server.check(!is_development || self.auth.allow_unsigned_on_network, &mut faults);
        self.ui.check(&mut faults);
        self.database.check(&mut faults);
        self.nats.check(&mut faults);
        self.auth.check(&mut faults);
        self.keycloak.check(&mut faults);
        self.requests.check(&mut faults);
        self.retention.check(&mut faults);
        self.idempotency.check(&mut faults);
        self.resolver.check(&self.server, &mut faults);
        self.sla.check(&mut faults);
        self.webhook.check(&mut faults);
        self.gate.check(&mut faults);
        self.registration_webhook.check(&mut faults);
        let exposable = !is_development || self.auth.allow_unsigned_on_network;
        super::telemetry::check(&self.telemetry, &self.server, exposable, &mut faults);
        self.notifier.check(&self.keycloak, &mut faults);
        credentials::check(&self.credentials, &mut faults);
        self.secrets.check(is_development, &mut faults);
        faults.into_result()
    }
}
