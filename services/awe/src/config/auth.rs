//! How bearer tokens are verified.

use super::faults::{DAY, Faults};
use serde::{Deserialize, Serialize};

/// The section `auth`. Issuer and audience are in the section `keycloak`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    pub role_clients: Vec<String>,
    pub allow_unsigned_on_network: bool,
    pub leeway_seconds: u64,
    pub jwks_max_age_seconds: u64,
    pub jwks_stale_seconds: u64,
}

impl Auth {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("auth.leeway_seconds", self.leeway_seconds, 0, 300);
        faults.between("auth.jwks_max_age_seconds", self.jwks_max_age_seconds, 10, DAY);
        faults.between("auth.jwks_stale_seconds", self.jwks_stale_seconds, 0, DAY);
    }
}
