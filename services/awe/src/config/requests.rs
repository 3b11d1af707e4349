//! Requests for approval: how many are in memory, how large their contexts may be, how long they are kept.

use super::faults::{DAY, Faults};
use super::span::{days, hours, seconds};
use actors::{RequestOptions, RetentionOptions};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use store::commit::Limits;

/// The section `requests`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    pub max_live: usize,
    pub idle_seconds: u64,
    pub max_in_flight: usize,
    pub command_timeout_seconds: u64,
    pub any_artifact_type: bool,
    pub max_context_bytes: usize,
    pub max_context_values: usize,
    pub max_context_depth: usize,
}

impl Requests {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("requests.max_live", self.max_live as u64, 1, 10_000_000);
        faults.between("requests.idle_seconds", self.idle_seconds, 1, DAY);
        faults.between("requests.max_in_flight", self.max_in_flight as u64, 1, 1_000_000);
        faults.between("requests.command_timeout_seconds", self.command_timeout_seconds, 1, 3600);
        faults.between("requests.max_context_bytes", self.max_context_bytes as u64, 2, 16 << 20);
        faults.between("requests.max_context_values", self.max_context_values as u64, 1, 1_000_000);
        faults.between("requests.max_context_depth", self.max_context_depth as u64, 1, 100);
    }

    /// How large a context may be.
    #[must_use]
    pub const fn context_bounds(&self) -> schemas::json::Bounds {
        schemas::json::Bounds {
            bytes: self.max_context_bytes,
            values: self.max_context_values,
            depth: self.max_context_depth,
        }
    }

    pub(crate) fn options(&self, commit: Limits, create_wait: Duration) -> RequestOptions {
        RequestOptions {
            max_live: self.max_live,
            idle: seconds(self.idle_seconds),
            max_in_flight: self.max_in_flight,
            any_artifact_type: self.any_artifact_type,
            commit,
            command_timeout: seconds(self.command_timeout_seconds),
            create_wait,
        }
    }
}

/// The section `idempotency`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Idempotency {
    pub retention_hours: u32,
}

impl Idempotency {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("idempotency.retention_hours", u64::from(self.retention_hours), 1, 8760);
    }
}

/// The section `retention`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    pub check_interval_seconds: u64,
    pub attempts_days: u32,
    pub requests_days: u32,
}

impl Retention {
    pub(super) fn check(&self, faults: &mut Faults) {
        faults.between("retention.check_interval_seconds", self.check_interval_seconds, 1, DAY);
        faults.between("retention.attempts_days", u64::from(self.attempts_days), 0, 36_500);
        faults.between("retention.requests_days", u64::from(self.requests_days), 0, 36_500);
    }

    pub(crate) fn options(&self, idempotency: &Idempotency) -> RetentionOptions {
        RetentionOptions {
            check_every: seconds(self.check_interval_seconds),
            idempotency_keys: hours(u64::from(idempotency.retention_hours)),
            attempts: days(self.attempts_days),
            requests: days(self.requests_days),
        }
    }
}
