//! Finding approvers, and watching their deadlines.

use super::faults::{DAY, Faults};
use super::server::Server;
use super::span::seconds;
use actors::{ResolverOptions, SlaOptions};
use serde::{Deserialize, Serialize};

/// The section `resolver`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Resolver {
    pub http_timeout_seconds: u64,
    pub create_wait_seconds: u64,
    pub cache_seconds: u64,
    pub include_service_accounts: bool,
    pub concurrency: usize,
}

impl Resolver {
    pub(super) fn check(&self, server: &Server, faults: &mut Faults) {
        faults.between("resolver.http_timeout_seconds", self.http_timeout_seconds, 1, 300);
        faults.between("resolver.create_wait_seconds", self.create_wait_seconds, 0, 60);
        faults.unless(
            self.create_wait_seconds < server.request_timeout_seconds,
            "resolver.create_wait_seconds",
            "must be less than server.request_timeout_seconds",
        );
        faults.between("resolver.cache_seconds", self.cache_seconds, 0, 3600);
        faults.between("resolver.concurrency", self.concurrency as u64, 1, 1000);
    }

    pub(crate) const fn options(&self) -> ResolverOptions {
        ResolverOptions { concurrency: self.concurrency }
    }
}

/// The section `sla`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    pub check_interval_seconds: u64,
}

impl Sla {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("sla.check_interval_seconds", self.check_interval_seconds, 1, DAY);
    }

    pub(crate) const fn options(&self) -> SlaOptions {
        SlaOptions { check_interval: seconds(self.check_interval_seconds) }
    }
}
