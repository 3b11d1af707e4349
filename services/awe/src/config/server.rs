//! Where the server listens, and how much it takes on at once.

use super::faults::Faults;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The section `server`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub host: IpAddr,
    pub port: u16,
    pub ui_port: u16,
    pub max_body_bytes: usize,
    pub max_in_flight: usize,
    pub max_in_flight_per_caller: usize,
    pub max_lists_per_caller: usize,
    pub max_streams: usize,
    pub max_streams_per_caller: usize,
    pub max_connections: usize,
    pub idle_timeout_seconds: u64,
    pub body_timeout_seconds: u64,
    pub request_timeout_seconds: u64,
    pub shutdown_seconds: u64,
    pub unready_seconds: u64,
}

impl Server {
    /// `exposable`: whether the configuration may listen on more than this machine.
    pub(super) fn check(&self, exposable: bool, faults: &mut Faults) {
        faults.between("server.max_body_bytes", self.max_body_bytes as u64, 1024, 1 << 30);
        faults.between("server.max_in_flight", self.max_in_flight as u64, 1, 1_000_000);
        let per_caller = self.max_in_flight_per_caller as u64;
        faults.between("server.max_in_flight_per_caller", per_caller, 1, 1_000_000);
        faults.between("server.max_lists_per_caller", self.max_lists_per_caller as u64, 1, 1000);
        faults.between("server.max_streams", self.max_streams as u64, 1, 100_000);
        let per_caller = self.max_streams_per_caller as u64;
        faults.between("server.max_streams_per_caller", per_caller, 1, 100_000);
        faults.between("server.max_connections", self.max_connections as u64, 1, 1_000_000);
        faults.between("server.idle_timeout_seconds", self.idle_timeout_seconds, 1, 3600);
        faults.between("server.body_timeout_seconds", self.body_timeout_seconds, 1, 3600);
        faults.between("server.request_timeout_seconds", self.request_timeout_seconds, 1, 3600);
        faults.between("server.shutdown_seconds", self.shutdown_seconds, 0, 3600);
        faults.between("server.unready_seconds", self.unready_seconds, 0, 300);
        faults.unless(
            exposable || self.host.is_loopback(),
            "server.host",
            "is reachable from the network, while keycloak.issuer is empty (development mode: unsigned tokens are \
             accepted). Set keycloak.issuer, or listen on 127.0.0.1, or set auth.allow_unsigned_on_network",
        );
    }
}
