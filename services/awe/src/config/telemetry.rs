//! What operators are told: metrics and traces.

use super::faults::Faults;
use super::server::Server;
use crate::presence;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};
use telemetry::export;

/// The crates whose spans are recorded.
pub(crate) const CRATES: &[&str] = &["awe", "actors", "store", "bus", "outbound"];

/// The section `telemetry`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    pub metrics_host: IpAddr,
    pub metrics_port: u16,
    #[serde(skip_serializing)]
    pub otlp_endpoint: String,
    pub sample_ratio: f64,
    pub queue_spans: usize,
}

impl Telemetry {
    /// `exposable`: whether the configuration may listen on more than this machine.
    pub(super) fn check(&self, server: &Server, exposable: bool, faults: &mut Faults) {
        faults.unless(
            self.metrics_port == 0 || self.metrics_port != server.port,
            "telemetry.metrics_port",
            "is server.port: metrics have a listener of their own",
        );
        faults.unless(
            exposable || self.metrics_port == 0 || self.metrics_host.is_loopback(),
            "telemetry.metrics_host",
            "is reachable from the network, while keycloak.issuer is empty (development mode): listen on 127.0.0.1, \
             or set auth.allow_unsigned_on_network",
        );
        if !self.otlp_endpoint.is_empty() {
            faults.url("telemetry.otlp_endpoint", &self.otlp_endpoint, &["http", "https"]);
        }
        faults.unless(
            (0.0..=1.0).contains(&self.sample_ratio),
            "telemetry.sample_ratio",
            "must be from 0 to 1",
        );
        faults.between("telemetry.queue_spans", self.queue_spans as u64, 512, 1_000_000);
    }

    /// Where metrics are scraped; `None` = nowhere.
    pub(crate) fn metrics(&self) -> Option<SocketAddr> {
        (self.metrics_port != 0).then_some(SocketAddr::new(self.metrics_host, self.metrics_port))
    }

    /// Where spans go; `None` = nowhere.
    pub(crate) fn export(&self) -> Option<export::Options> {
        let endpoint = Some(self.otlp_endpoint.clone()).filter(|url| !url.is_empty());
        export::is_wanted(endpoint.as_deref()).then(|| export::Options {
            endpoint,
            ratio: self.sample_ratio,
            queue: self.queue_spans,
            version: env!("CARGO_PKG_VERSION"),
            instance: format!("{}/{}", presence::host(), std::process::id()),
            crates: CRATES,
        })
    }
}
