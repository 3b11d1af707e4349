//! Webhooks: how often each is tried, how much one endpoint is sent, and which addresses may be called.

use super::faults::{DAY, Faults};
use super::span::seconds;
use actors::{EndpointOptions, WebhookOptions};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The section `webhook`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    pub timeout_seconds: u64,
    pub max_attempts: u32,
    pub backoff_seconds: Vec<u64>,
    pub poll_interval_seconds: u64,
    pub batch_size: usize,
    pub concurrency: usize,
    pub endpoint_concurrency: usize,
    pub endpoint_rate_per_second: u32,
    pub endpoint_open_after_failures: u32,
    pub endpoint_open_seconds: u64,
    /// Absent: allowed in development mode only ([`super::Config::allows_unsigned_webhooks`]).
    pub allow_unsigned: Option<bool>,
}

impl Webhook {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("webhook.timeout_seconds", self.timeout_seconds, 1, 300);
        faults.between("webhook.max_attempts", u64::from(self.max_attempts), 1, 1000);
        faults.between("webhook.poll_interval_seconds", self.poll_interval_seconds, 1, DAY);
        faults.between("webhook.batch_size", self.batch_size as u64, 1, 10_000);
        faults.between("webhook.concurrency", self.concurrency as u64, 1, 10_000);
        let concurrency = self.endpoint_concurrency as u64;
        faults.between("webhook.endpoint_concurrency", concurrency, 1, self.concurrency as u64);
        let rate = u64::from(self.endpoint_rate_per_second);
        faults.between("webhook.endpoint_rate_per_second", rate, 0, 100_000);
        let failures = u64::from(self.endpoint_open_after_failures);
        faults.between("webhook.endpoint_open_after_failures", failures, 1, 1_000_000);
        faults.between("webhook.endpoint_open_seconds", self.endpoint_open_seconds, 1, 3600);
        let waits = &self.backoff_seconds;
        faults.unless(!waits.is_empty(), "webhook.backoff_seconds", "must name at least one wait");
        for &wait in waits {
            faults.between("webhook.backoff_seconds", wait, 1, 30 * DAY);
        }
    }

    pub(crate) fn options(&self, allow_unsigned: bool) -> WebhookOptions {
        WebhookOptions {
            timeout: seconds(self.timeout_seconds),
            max_attempts: self.max_attempts,
            backoff: self.backoff_seconds.iter().copied().map(seconds).collect(),
            poll_interval: seconds(self.poll_interval_seconds),
            batch_size: self.batch_size,
            concurrency: self.concurrency,
            endpoint: EndpointOptions {
                concurrency: self.endpoint_concurrency,
                rate_per_second: self.endpoint_rate_per_second,
                open_after_failures: self.endpoint_open_after_failures,
                open: seconds(self.endpoint_open_seconds),
            },
            allow_unsigned,
        }
    }
}

/// The section `egress`: calls to URLs that users set.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    pub allow_cidrs: Vec<IpNet>,
}

impl Egress {
    pub(crate) fn options(&self, allow_loopback: bool) -> outbound::Egress {
        outbound::Egress { allow_loopback, allow_cidrs: self.allow_cidrs.clone() }
    }
}
